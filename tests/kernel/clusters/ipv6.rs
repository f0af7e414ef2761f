//! For IPv6 what the other files show for IPv4: shares by weight, the sorry server, a drained
//! server, hashing, thresholds, a firewall mark, SCTP.

use std::io;

use crate::support::cluster::{Cluster, Host};
use crate::support::traffic::{
    Conversation, Transport, assert_all, assert_turns, greeting_from, greetings, http, refused,
    shares,
};

/// The virtual address of the network of `nat`, and that of `dr`.
const OUTER: &str = "[2001:db8:2::25]";
const INNER: &str = "[2001:db8:1::254]";

const RS1: &str = "[2001:db8:1::10]";
const RS2: &str = "[2001:db8:1::20]";

#[test]
fn by_nat_weights_the_sorry_server_and_sctp() {
    let cluster = Cluster::new(
        "cluster nat; serve director http:80; serve rs1 sctp:2905; serve rs2 sctp:2905",
    );
    let (client, director) = (&cluster.client, &cluster.director);
    let web = format!("{OUTER}:80");
    director.ipvsadm_each(&[
        format!("-A -t {web} -s wrr"),
        format!("-a -t {web} -r {RS1}:80 -m -w 3"),
        format!("-a -t {web} -r {RS2}:80 -m -w 2"),
    ]);
    let answers = http(client, &web, 15);
    for five in answers.windows(5) {
        assert_eq!(shares(five), [("rs1", 3), ("rs2", 2)].into(), "{answers:?}");
    }
    director.ipvsadm(&format!("-d -t {web} -r {RS2}:80"));
    assert_all(&http(client, &web, 4), "rs1");
    director.ipvsadm_each(&[
        format!("-d -t {web} -r {RS1}:80"),
        format!("-a -t {web} -r [::1]:80 -g"),
    ]);
    assert_all(&http(client, &web, 2), "director");
    let listing = director.listed_by_both("-ln");
    assert!(
        listing
            .contains("  -> [::1]:80                     Route   1      0          2         \n"),
        "{listing}"
    );

    let sctp = format!("{OUTER}:2905");
    director.ipvsadm_each(&[
        format!("-A --sctp-service {sctp} -s rr"),
        format!("-a --sctp-service {sctp} -r {RS1}:2905 -m"),
        format!("-a --sctp-service {sctp} -r {RS2}:2905 -m"),
    ]);
    let servers: Vec<String> = (0..4)
        .map(|_| Conversation::open_over(Transport::Sctp, client, &sctp).server)
        .collect();
    assert_turns(&servers);
    for listing in ["-ln", "-lnc"] {
        director.listed_by_both(listing);
    }
}

#[test]
fn a_drained_server_keeps_its_connections_and_a_full_one_gets_no_more() {
    let cluster = Cluster::new("cluster dr");
    let (client, director) = (&cluster.client, &cluster.director);
    let login = format!("{INNER}:22");
    director.ipvsadm_each(&[
        format!("-A -t {login} -s rr"),
        format!("-a -t {login} -r {RS1}:22 -g"),
        format!("-a -t {login} -r {RS2}:22 -g -x 2"),
    ]);
    let mut open: Vec<Conversation> = (0..2).map(|_| Conversation::open(client, &login)).collect();
    assert_ne!(open[0].server, open[1].server);
    director.ipvsadm(&format!("-e -t {login} -r {RS1}:22 -g -w 0"));
    open.push(Conversation::open(client, &login));
    assert_eq!(open[2].server, "rs2");
    // One is drained, the other is full.
    refused(client, &login);
    for conversation in &mut open {
        conversation.goes_on();
    }
    director.listed_by_both("-ln --thresholds");
    let listing = director.listed_by_both("-ln");
    assert!(
        listing
            .contains("  -> [2001:db8:1::10]:22          Route   0      1          0         \n"),
        "{listing}"
    );
}

#[test]
fn hashing_sends_the_same_client_to_the_same_server() {
    let clients: Vec<String> = (1..=16)
        .map(|last| format!("2001:db8:1::1:{last}"))
        .collect();
    let cluster = Cluster::new(&format!(
        "cluster dr; cluster_address client net {}/64; cluster_settle",
        clients.join("/64 ")
    ));
    let director = &cluster.director;
    let login = format!("{INNER}:22");
    for scheduler in ["sh", "mh"] {
        director.ipvsadm_each(&[
            format!("-A -t {login} -s {scheduler}"),
            format!("-a -t {login} -r {RS1}:22 -g"),
            format!("-a -t {login} -r {RS2}:22 -g"),
        ]);
        let first = servers_of(&cluster.client, &clients, &login);
        for server in ["rs1", "rs2"] {
            assert!(first.iter().flatten().any(|s| s == server), "{first:?}");
        }
        assert_eq!(servers_of(&cluster.client, &clients, &login), first);
        // rs1 is drained. Its clients are turned away, or go to the other server with the flag.
        director.ipvsadm(&format!("-e -t {login} -r {RS1}:22 -g -w 0"));
        let without_rs1: Vec<Option<String>> = first
            .iter()
            .map(|server| server.clone().filter(|server| server == "rs2"))
            .collect();
        assert_eq!(servers_of(&cluster.client, &clients, &login), without_rs1);
        let fallback = format!("-E -t {login} -s {scheduler} -b {scheduler}-fallback");
        director.ipvsadm(&fallback);
        let all: Vec<String> = servers_of(&cluster.client, &clients, &login)
            .into_iter()
            .flatten()
            .collect();
        assert_eq!(all.len(), clients.len());
        assert_all(&all, "rs2");
        // With the port hashed, the connections of one client are spread.
        director.ipvsadm_each(&[
            format!("-e -t {login} -r {RS1}:22 -g -w 1"),
            format!("-E -t {login} -s {scheduler} -b {scheduler}-port"),
        ]);
        let answers = greetings(&cluster.client, &login, 24);
        assert_eq!(shares(&answers).len(), 2, "{answers:?}");
        director.listed_by_both("-ln");
        director.ipvsadm("-C");
    }
}

/// Returns the server that greets each address of the client, if the connection is not refused.
fn servers_of(client: &Host, addresses: &[String], service: &str) -> Vec<Option<String>> {
    addresses
        .iter()
        .map(|address| match greeting_from(client, address, service) {
            Ok(server) => Some(server),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => None,
            Err(error) => panic!("{address}: {error}"),
        })
        .collect()
}

#[test]
fn a_firewall_mark_makes_one_service_of_two_ports() {
    let cluster = Cluster::new(
        "cluster dr; serve rs1 http:443; serve rs2 http:443; \
         on director bash -c \"$(cluster_mark 2001:db8:1::254 1 80 443)\"",
    );
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        "-A -f 1 -6 -s rr",
        "-a -f 1 -6 -r 2001:db8:1::10 -g",
        "-a -f 1 -6 -r 2001:db8:1::20 -g",
    ]);
    let answers: Vec<String> = ["80", "443", "80", "443"]
        .iter()
        .flat_map(|port| http(client, &format!("{INNER}:{port}"), 1))
        .collect();
    assert_turns(&answers);
    refused(client, &format!("{INNER}:22"));
}
