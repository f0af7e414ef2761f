//! Clients that stay with their server: by port, by firewall mark, by client; and firewall marks
//! without that.

use crate::support::cluster::{Cluster, Host, eventually};
use crate::support::traffic::{
    Conversation, assert_all, assert_turns, greeting_from, greetings, http, refused,
};

const HTTP: &str = "1.1.1.254:80";
const HTTPS: &str = "1.1.1.254:443";
const SSH: &str = "1.1.1.254:22";

/// The document's rule, where the kernel has iptables (7.2 has not); it is the mark that counts.
const MARK_HTTP_AND_HTTPS: &str = "on director bash -c \"$(cluster_mark 1.1.1.254 1 80 443)\"";

/// Returns a cluster of direct routing whose servers answer at port 443 as well.
fn with_https(more: &str) -> Cluster {
    Cluster::new(&format!(
        "cluster dr; serve rs1 http:443; serve rs2 http:443; {more}"
    ))
}

/// Adds both servers to a service, by direct routing.
fn add_servers(director: &Host, service: &str) {
    for server in ["1.1.1.10", "1.1.1.20"] {
        director.ipvsadm(&format!("-a {service} -r {server} -g"));
    }
}

/// Returns the servers that answer at the one port, the other, the one again.
fn at_both_ports_in_turn(client: &Host) -> Vec<String> {
    [HTTP, HTTPS]
        .iter()
        .cycle()
        .take(6)
        .flat_map(|address| http(client, address, 1))
        .collect()
}

#[test]
fn a_firewall_mark_makes_one_service_of_two_ports() {
    let cluster = with_https(MARK_HTTP_AND_HTTPS);
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm("-A -f 1 -s rr");
    add_servers(director, "-f 1");
    // One round for both ports: whoever asks at them in turn finds the same server at each.
    let answers = at_both_ports_in_turn(client);
    assert_turns(&answers);
    // A port without the mark is not balanced.
    refused(client, SSH);

    // As the document goes on: what begins at one port goes on at the other.
    director.ipvsadm("-E -f 1 -s rr -p");
    let answers = at_both_ports_in_turn(client);
    assert_all(&answers, &answers[0]);
    director.listed_by_both("-ln");
    director.listed_by_both("-ln --persistent-conn");
    assert!(
        director
            .listed_by_both("-lnc --persistent-conn")
            .contains("1.1.1.100:0"),
        "the client's entry has no port"
    );
}

#[test]
fn a_firewall_mark_of_ipv6_is_another_service() {
    let cluster = with_https("on director bash -c \"$(cluster_mark 2001:db8:1::254 1 80 443)\"");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&["-A -f 1 -s rr", "-A -f 1 -6 -s rr -p 300"]);
    for server in ["2001:db8:1::10", "2001:db8:1::20"] {
        director.ipvsadm(&format!("-a -f 1 -6 -r {server} -g"));
    }
    let answers = http(client, "[2001:db8:1::254]:80", 3);
    assert_all(&answers, &answers[0]);
    assert_all(&http(client, "[2001:db8:1::254]:443", 3), &answers[0]);
    let listing = director.listed_by_both("-ln");
    assert!(listing.contains("FWM  1 rr\n"), "{listing}");
    assert!(
        listing.contains("FWM  1 IPv6 rr persistent 300\n"),
        "{listing}"
    );
}

/// Returns the server that takes so many connections to each of the addresses, which must be one.
/// All stay open until the last one is: a client that has connections is not forgotten, however
/// slow it is.
fn one_server_for(client: &Host, addresses: &[&str], count: usize) -> String {
    let open: Vec<Conversation> = addresses
        .iter()
        .cycle()
        .take(count * addresses.len())
        .map(|address| Conversation::open(client, address))
        .collect();
    let servers: Vec<String> = open.iter().map(|open| open.server.clone()).collect();
    assert_all(&servers, &servers[0]);
    servers[0].clone()
}

/// Waits until the director knows nothing of connections to an address, and so no client of it.
fn clients_are_forgotten(director: &Host, address: &str) {
    eventually("the clients are forgotten", || {
        let connections = director.ipvsadm("-lnc");
        if connections
            .lines()
            .skip(2)
            .any(|line| line.contains(address))
        {
            Err(connections)
        } else {
            Ok(())
        }
    });
}

#[test]
fn persistence_by_port_ends_when_its_time_is_up() {
    let cluster = Cluster::new("cluster dr");
    let (client, director) = (&cluster.client, &cluster.director);
    // While a client has connections, its time does not run out; so they are forgotten soon here.
    director.ipvsadm_each(&[
        "--set 0 1 0",
        "-A -t 1.1.1.254:80 -s rr -p 300",
        "-A -t 1.1.1.254:22 -s rr -p 2",
    ]);
    for service in [HTTP, SSH] {
        add_servers(director, &format!("-t {service}"));
    }
    let requests = http(client, HTTP, 3);
    assert_all(&requests, &requests[0]);
    let first = one_server_for(client, &[SSH], 3);
    clients_are_forgotten(director, SSH);
    let second = one_server_for(client, &[SSH], 3);
    assert_ne!(first, second, "the round goes on where it was");
    // Each port has clients of its own: at this one their time is not up.
    assert_all(&http(client, HTTP, 3), &requests[0]);
}

#[test]
fn persistence_by_mark_and_by_client_ends_when_its_time_is_up() {
    let cluster = Cluster::new(
        "cluster dr; serve rs1 line:2222; serve rs2 line:2222; \
         for address in 1.1.1.254 2001:db8:1::254; do \
             on director bash -c \"$(cluster_mark $address 1 22 2222)\"; \
         done",
    );
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm("--set 0 1 0");
    let families = [
        (
            [SSH, "1.1.1.254:2222"],
            ["-f 1", "-t 1.1.1.254:0"],
            ["1.1.1.10", "1.1.1.20"],
        ),
        (
            ["[2001:db8:1::254]:22", "[2001:db8:1::254]:2222"],
            ["-f 1 -6", "-t [2001:db8:1::254]:0"],
            ["2001:db8:1::10", "2001:db8:1::20"],
        ),
    ];
    for (addresses, services, servers) in families {
        for service in services {
            director.ipvsadm(&format!("-A {service} -s rr -p 2"));
            for server in servers {
                director.ipvsadm(&format!("-a {service} -r {server} -g"));
            }
            // Both ports go to one server, and when the time is up both go to the other.
            let first = one_server_for(client, &addresses, 2);
            clients_are_forgotten(director, ":");
            let second = one_server_for(client, &addresses, 2);
            assert_ne!(first, second, "{service}");
            clients_are_forgotten(director, ":");
            director.ipvsadm("-C");
        }
    }
}

#[test]
fn persistence_by_client_is_for_all_ports() {
    let cluster = with_https(":");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_refuses(
        "-A -t 1.1.1.254:0 -s rr",
        2,
        "Zero port specified for non-persistent service",
    );
    director.ipvsadm("-A -t 1.1.1.254:0 -s rr -p");
    add_servers(director, "-t 1.1.1.254:0");
    let answers = [
        http(client, HTTP, 2),
        http(client, HTTPS, 2),
        greetings(client, SSH, 2),
    ]
    .concat();
    assert_all(&answers, &answers[0]);
    let listing = director.listed_by_both("-ln");
    assert!(
        listing.contains("TCP  1.1.1.254:0 rr persistent 360\n"),
        "{listing}"
    );
}

#[test]
fn a_persistence_mask_is_for_all_clients_of_a_network() {
    // With .100, the client's own, .101 is in one network of 31 bits, .102 in the next.
    let cluster = Cluster::new(
        "cluster dr; cluster_address client net 1.1.1.101/24 1.1.1.102/24; cluster_settle",
    );
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm("-A -t 1.1.1.254:22 -s rr -p 300 -M 255.255.255.254");
    add_servers(director, "-t 1.1.1.254:22");
    let [own, beside, next] = ["1.1.1.100", "1.1.1.101", "1.1.1.102"]
        .map(|source| greeting_from(client, source, SSH).expect("a greeting"));
    assert_eq!(own, beside);
    assert_ne!(own, next);
    let connections = director.listed_by_both("-lnc");
    assert!(
        connections.contains("1.1.1.102:0        1.1.1.254:22 "),
        "{connections}"
    );
}
