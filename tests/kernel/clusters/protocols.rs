//! Other than TCP over IPv4: UDP, SCTP, and IPv6 by NAT.

use crate::support::cluster::{Cluster, Host};
use crate::support::traffic::{
    Conversation, Transport, assert_all, assert_turns, datagrams, greetings, http,
};

#[test]
fn with_one_packet_scheduling_each_datagram_is_on_its_own() {
    let cluster = Cluster::new("cluster dr; serve rs1 udp:53; serve rs2 udp:53");
    let (client, director) = (&cluster.client, &cluster.director);
    for (service, servers) in [
        ("1.1.1.254:53", ["1.1.1.10", "1.1.1.20"]),
        (
            "[2001:db8:1::254]:53",
            ["[2001:db8:1::10]:53", "[2001:db8:1::20]:53"],
        ),
    ] {
        director.ipvsadm(&format!("-A -u {service} -s rr -o"));
        for server in servers {
            director.ipvsadm(&format!("-a -u {service} -r {server} -g"));
        }
        assert_turns(&datagrams(client, service, 6));
        assert_eq!(remembered(director, service), 0);
        let listing = director.listed_by_both("-ln");
        assert!(
            listing.contains(&format!("UDP  {service} rr ops\n")),
            "{listing}"
        );

        // Without it, those of one client's port belong together.
        director.ipvsadm(&format!("-E -u {service} -s rr"));
        let answers = datagrams(client, service, 6);
        assert_all(&answers, &answers[0]);
        assert_eq!(remembered(director, service), 1);
        director.ipvsadm("-C");
    }
    director.ipvsadm_refuses(
        "-A -t 1.1.1.254:53 -s rr -o",
        2,
        "One-Packet Scheduling is only for UDP virtual services",
    );
}

#[test]
fn sctp_is_balanced_by_nat_and_by_direct_routing() {
    for (topology, service, method) in [
        ("nat", "2.2.2.25:2905", "-m"),
        ("dr", "1.1.1.254:2905", "-g"),
    ] {
        let cluster = Cluster::new(&format!(
            "cluster {topology}; serve rs1 sctp:2905; serve rs2 sctp:2905"
        ));
        let (client, director) = (&cluster.client, &cluster.director);
        director.ipvsadm_each(&[
            &format!("-A --sctp-service {service} -s rr"),
            &format!("-a --sctp-service {service} -r 1.1.1.10 {method}"),
            &format!("-a --sctp-service {service} -r 1.1.1.20 {method}"),
        ]);
        let mut open: Vec<Conversation> = (0..4)
            .map(|_| Conversation::open_over(Transport::Sctp, client, service))
            .collect();
        let servers: Vec<String> = open.iter().map(|open| open.server.clone()).collect();
        assert_turns(&servers);
        for conversation in &mut open {
            conversation.goes_on();
        }
        let connections = director.listed_by_both("-lnc");
        let lines = connections.lines().filter(|line| line.starts_with("SCTP "));
        assert_eq!(lines.count(), 4, "{connections}");
        director.listed_by_both("-ln");
    }
}

#[test]
fn ipv6_is_balanced_by_nat() {
    let cluster = Cluster::new("cluster nat");
    let (client, director) = (&cluster.client, &cluster.director);
    for port in [80, 22] {
        director.ipvsadm_each(&[
            &format!("-A -t [2001:db8:2::25]:{port} -s rr"),
            &format!("-a -t [2001:db8:2::25]:{port} -r [2001:db8:1::10]:{port} -m"),
            &format!("-a -t [2001:db8:2::25]:{port} -r [2001:db8:1::20]:{port} -m"),
        ]);
    }
    assert_turns(&http(client, "[2001:db8:2::25]:80", 6));
    assert_turns(&greetings(client, "[2001:db8:2::25]:22", 4));
    // Persistence by a network of clients.
    director.ipvsadm("-E -t [2001:db8:2::25]:22 -s rr -p 300 -M 64");
    let answers = greetings(client, "[2001:db8:2::25]:22", 4);
    assert_all(&answers, &answers[0]);
    for listing in ["-ln", "-lnc", "-ln --persistent-conn"] {
        director.listed_by_both(listing);
    }
}

/// Returns the number of connections to this virtual address that the director knows.
fn remembered(director: &Host, service: &str) -> usize {
    let connections = director.listed_by_both("-lnc");
    connections
        .lines()
        .filter(|line| line.contains(&format!(" {service} ")))
        .count()
}
