//! Direct routing and tunnels, where the real servers answer the client themselves.

use crate::support::cluster::{Cluster, Host};
use crate::support::traffic::{assert_turns, http, refused};

/// The virtual address on the network of `dr` and `tun`, and the real servers', of both families.
const ADDRESSES: [[&str; 3]; 2] = [
    ["1.1.1.254:80", "1.1.1.10:80", "1.1.1.20:80"],
    [
        "[2001:db8:1::254]:80",
        "[2001:db8:1::10]:80",
        "[2001:db8:1::20]:80",
    ],
];

#[test]
fn dr_hands_requests_on_and_sees_no_answers() {
    let cluster = Cluster::new("cluster dr");
    let director = &cluster.director;
    for [service, rs1, rs2] in ADDRESSES {
        director.ipvsadm_each(&[
            &format!("-A -t {service} -s rr"),
            &format!("-a -t {service} -r {rs1} -g"),
            &format!("-a -t {service} -r {rs2} -g"),
        ]);
        assert_turns(&http(&cluster.client, service, 6));
        let [in_packets, out_packets] = packets_of(director, service);
        assert!(in_packets > 6, "{in_packets}");
        assert_eq!(out_packets, 0, "the answers do not come by the director");
    }
    director.listed_by_both("-ln");

    // The servers have the virtual address too, and keep it to themselves.
    let hardware = director.shell("ip -o link show net");
    let neighbour = neighbour(&cluster.client, "1.1.1.254");
    assert!(
        hardware.contains(&format!(" link/ether {neighbour} ")),
        "{neighbour}: {hardware}"
    );
}

#[test]
fn dr_cannot_map_ports_and_says_nothing() {
    let cluster = Cluster::new("cluster dr");
    cluster.director.ipvsadm_each(&[
        "-A -t 1.1.1.254:80 -s rr",
        "-a -t 1.1.1.254:80 -r 1.1.1.10:8080 -g",
        "-a -t 1.1.1.254:80 -r 1.1.1.20 -g",
    ]);
    let listing = cluster.director.listed_by_both("-ln");
    assert!(listing.contains("  -> 1.1.1.10:80 "), "{listing}");
    assert_turns(&http(&cluster.client, "1.1.1.254:80", 4));
}

#[test]
fn each_kind_of_tunnel_carries_each_family() {
    let cluster = Cluster::new("cluster tun");
    let director = &cluster.director;
    for tunnel in [
        "ipip",
        "gre",
        "gue --tun-port 6080",
        "gue --tun-port 6080 --tun-csum",
        "gue --tun-port 6080 --tun-remcsum",
    ] {
        for [service, rs1, rs2] in ADDRESSES {
            director.ipvsadm_each(&[
                &format!("-A -t {service} -s rr"),
                &format!("-a -t {service} -r {rs1} -i --tun-type {tunnel}"),
                &format!("-a -t {service} -r {rs2} -i --tun-type {tunnel}"),
            ]);
            assert_turns(&http(&cluster.client, service, 4));
        }
        director.listed_by_both("-ln --tun-info");
        director.ipvsadm("-C");
    }
}

#[test]
fn a_tunnel_of_ipv6_carries_a_service_of_ipv4() {
    let cluster = Cluster::new("cluster tun");
    let director = &cluster.director;
    let [service, ..] = ADDRESSES[0];
    let [_, rs1, rs2] = ADDRESSES[1];
    director.ipvsadm(&format!("-A -t {service} -s rr"));
    // Only a tunnel can.
    for method in ["-g", "-m"] {
        director.ipvsadm_refuses(
            &format!("-a -t {service} -r {rs1} {method}"),
            2,
            "Different address family is allowed only for tunneling servers",
        );
    }
    refused(&cluster.client, service);
    director.ipvsadm_each(&[
        &format!("-a -t {service} -r {rs1} -i"),
        &format!("-a -t {service} -r {rs2} -i"),
    ]);
    assert_turns(&http(&cluster.client, service, 4));
    director.listed_by_both("-ln");
}

/// Returns the counters InPkts and OutPkts of a service.
fn packets_of(director: &Host, service: &str) -> [u64; 2] {
    director.wait_until_counted();
    let listing = director.listed_by_both(&format!("-ln --stats -t {service}"));
    let line = listing.lines().find(|line| line.starts_with("TCP"));
    let columns: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
    [columns[3].parse().unwrap(), columns[4].parse().unwrap()]
}

/// Returns the hardware address that a host has found for an address of its network.
fn neighbour(host: &Host, address: &str) -> String {
    let entry = host.shell(&format!("ip neighbour show {address}"));
    let mut words = entry
        .split_whitespace()
        .skip_while(|word| *word != "lladdr");
    words
        .nth(1)
        .unwrap_or_else(|| panic!("no neighbour {address}: {entry}"))
        .to_owned()
}
