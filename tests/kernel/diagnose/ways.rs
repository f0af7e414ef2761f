//! Ways: from clients to the director, to the servers, and back.

use super::examination::{
    Examination, found_and_repaired, knock, masqueraded, routed, wait_in_vain,
};
use crate::support::cluster::{Cluster, eventually};
use crate::support::traffic::Conversation;

/// Opens a connection to each of two servers, which must answer.
fn both_answer(cluster: &Cluster, service: &str) -> [Conversation; 2] {
    let both = [(); 2].map(|()| Conversation::open(&cluster.client, service));
    assert_ne!(both[0].server, both[1].server);
    both
}

#[test]
fn a_director_that_does_not_forward_is_found_before_and_after_clients_come() {
    let cluster = masqueraded();
    cluster.director.shell("sysctl -w net.ipv4.ip_forward=0");
    Examination::new(&cluster.director, "").assert_ids(&["forwarding-off"]);
    knock(&cluster.client, "2.2.2.25:22", 24);
    cluster.director.wait_until_counted();
    let examination = Examination::new(&cluster.director, "-t 2.2.2.25:22");
    examination.assert_ids(&["forwarding-off"]);
    examination.repair(&cluster);
    let _open = both_answer(&cluster, "2.2.2.25:22");
    Examination::new(&cluster.director, "").assert_ids(&[]);
}

#[test]
fn one_interface_that_does_not_forward_is_named() {
    let cluster = masqueraded();
    cluster
        .director
        .shell("sysctl -w net.ipv4.conf.inner.forwarding=0");
    found_and_repaired(&cluster, "", &["forwarding-off"]);
    let _open = both_answer(&cluster, "2.2.2.25:22");
}

#[test]
fn forwarding_of_ipv6_is_a_setting_of_its_own() {
    let cluster = Cluster::new("cluster nat");
    cluster.director.ipvsadm_each(&[
        "-A -t [2001:db8:2::25]:22 -s rr",
        "-a -t [2001:db8:2::25]:22 -r [2001:db8:1::10]:22 -m",
        "-a -t [2001:db8:2::25]:22 -r [2001:db8:1::20]:22 -m",
    ]);
    cluster
        .director
        .shell("sysctl -w net.ipv6.conf.all.forwarding=0");
    found_and_repaired(&cluster, "", &["forwarding-off"]);
    let _open = both_answer(&cluster, "[2001:db8:2::25]:22");
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn a_server_without_a_way_back_is_told_from_its_neighbour() {
    let cluster = masqueraded();
    cluster.host("rs1").shell("ip route del default");
    wait_in_vain(&cluster.client, "2.2.2.25:22", 24);
    cluster.director.wait_until_counted();
    // The answers may as well be held here, until it is known that none comes back.
    Examination::new(&cluster.director, "").assert_ids(&["handshake-stuck"]);
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["wrong-gateway"]);
    let finding = examination.finding("wrong-gateway");
    assert_eq!(finding["real_server"]["address"], "1.1.1.10");
    examination.repair(&cluster);
    let _open = both_answer(&cluster, "2.2.2.25:22");
    Examination::new(&cluster.director, "").assert_ids(&[]);
}

#[test]
fn a_client_in_the_servers_network_is_named() {
    let cluster = Cluster::new("cluster nat");
    cluster.director.ipvsadm_each(&[
        "-A -t 2.2.2.25:22 -s rr",
        "-a -t 2.2.2.25:22 -r 1.1.1.10 -m",
    ]);
    let beside = cluster.host("rs2");
    knock(&beside, "2.2.2.25:22", 12);
    cluster.director.wait_until_counted();
    let examination = Examination::new(&cluster.director, "");
    examination.assert_ids(&["client-beside-server"]);
    let finding = examination.finding("client-beside-server");
    assert_eq!(finding["evidence"]["clients"][0], "1.1.1.20");
    examination.repair(&cluster);
    let mut open = Conversation::open(&beside, "2.2.2.25:22");
    open.goes_on();
    Examination::new(&cluster.director, "").assert_ids(&[]);
}

#[test]
fn a_server_whose_link_is_down_is_found_when_it_was_asked_for() {
    let cluster = masqueraded();
    let rs1 = cluster.host("rs1");
    rs1.shell("ip link set inner down");
    knock(&cluster.client, "2.2.2.25:22", 24);
    let examination = Examination::new(&cluster.director, "");
    examination.assert_ids(&["neighbour-failed"]);
    assert_eq!(
        examination.finding("neighbour-failed")["real_server"]["address"],
        "1.1.1.10"
    );
    // The finding of who has never been asked for comes from asking.
    cluster.director.shell("ip neighbour flush dev inner");
    Examination::new(&cluster.director, "--probe").assert_ids(&["neighbour-failed"]);
    // Till it is back, the service does without it.
    examination.repair(&cluster);
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
    cluster
        .director
        .ipvsadm("-e -t 2.2.2.25:22 -r 1.1.1.10 -m -w 1");
    // With the link, the server's routes went.
    rs1.shell("ip link set inner up; ip route add default via 1.1.1.25");
    let _open = both_answer(&cluster, "2.2.2.25:22");
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn an_interface_of_the_director_without_a_link_is_named() {
    let cluster = masqueraded();
    let switch = cluster.host("switch");
    switch.shell("ip link set inner-director down");
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["neighbour-failed"; 2]);
    let finding = examination.finding("neighbour-failed");
    assert_eq!(finding["evidence"]["has_link"], false);
    assert_eq!(finding["remedy"], serde_json::json!([]));
    switch.shell("ip link set inner-director up");
    eventually("the servers are there", || {
        match Examination::new(&cluster.director, "--probe")
            .ids()
            .as_slice()
        {
            [] => Ok(()),
            ids => Err(format!("{ids:?}")),
        }
    });
}

#[test]
fn an_address_at_an_interface_that_is_cut_off_is_named() {
    let cluster = masqueraded();
    let (director, switch) = (&cluster.director, cluster.host("switch"));
    director.shell("ip link set public down");
    found_and_repaired(&cluster, "", &["address-without-link"]);
    switch.shell("ip link set public-director down");
    let examination = Examination::new(director, "");
    examination.assert_ids(&["address-without-link"]);
    assert_eq!(
        examination.finding("address-without-link")["evidence"]["is_up"],
        true
    );
    switch.shell("ip link set public-director up");
    Examination::new(director, "").assert_ids(&[]);
    let _open = both_answer(&cluster, "2.2.2.25:22");
}

#[test]
fn what_was_believed_of_a_neighbour_is_forgotten_when_it_answers() {
    let cluster = masqueraded();
    let (director, rs1) = (&cluster.director, cluster.host("rs1"));
    // Of all ports: it is not asked for one of them.
    director.ipvsadm_each(&[
        "-A -t 2.2.2.25:0 -s rr -p 60",
        "-a -t 2.2.2.25:0 -r 1.1.1.10:0 -m",
    ]);
    rs1.shell("ip link set inner down");
    knock(&cluster.client, "2.2.2.25:22", 4);
    Examination::new(director, "").assert_ids(&["neighbour-failed"; 2]);
    rs1.shell("ip link set inner up; ip route add default via 1.1.1.25");
    Examination::new(director, "--probe").assert_ids(&[]);
}

#[test]
fn an_address_that_the_director_lacks_is_given_to_it() {
    let cluster = masqueraded();
    cluster.director.shell(
        "ip address add 2.2.2.26/24 dev public; ip address del 2.2.2.25/24 dev public; \
         ip address add 2.2.2.26/24 dev public 2>/dev/null || true",
    );
    // A standby lacks it, too.
    let examination = Examination::new(&cluster.director, "");
    examination.assert_ids(&[]);
    assert!(examination.notes().contains(&"address-not-local"));
    found_and_repaired(&cluster, "--probe", &["address-not-local"]);
    let _open = both_answer(&cluster, "2.2.2.25:22");
    // It was there once, and a packet may be marked: only a note.
    cluster.director.wait_until_counted();
    cluster
        .director
        .shell("ip address del 2.2.2.25/32 dev public");
    let examination = Examination::new(&cluster.director, "");
    examination.assert_ids(&[]);
    assert!(examination.notes().contains(&"address-not-local"));
}

#[test]
fn an_address_of_ipv6_is_given_to_the_director_too() {
    let cluster = Cluster::new("cluster dr");
    cluster.director.ipvsadm_each(&[
        "-A -t [2001:db8:1::254]:22 -s rr",
        "-a -t [2001:db8:1::254]:22 -r [2001:db8:1::10]:22 -g",
    ]);
    cluster
        .director
        .shell("ip address del 2001:db8:1::254/128 dev net");
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["address-not-local"]);
    examination.repair(&cluster);
    // The kernel looks first whether the network has it already.
    eventually("the address is there", || {
        let examination = Examination::new(&cluster.director, "");
        match examination.ids().as_slice() {
            [] => Ok(()),
            ids => Err(format!("{ids:?}")),
        }
    });
}

#[test]
fn a_server_without_a_route_and_an_interface_that_is_down() {
    let cluster = masqueraded();
    let director = &cluster.director;
    director.shell("ip link set inner down");
    let examination = Examination::new(director, "");
    examination.assert_ids(&["no-route", "no-route"]);
    examination.repair(&cluster);
    let _open = both_answer(&cluster, "2.2.2.25:22");
    Examination::new(director, "").assert_ids(&[]);
    // One that nobody is sent to hurts nobody.
    director.shell("ip route add unreachable 10.9.0.0/16");
    director.ipvsadm("-a -t 2.2.2.25:22 -r 10.9.0.1 -m");
    found_and_repaired(&cluster, "", &["no-route"]);
    director.ipvsadm("-e -t 2.2.2.25:22 -r 10.9.0.1 -m -w 1");
    for kind in ["blackhole", "prohibit"] {
        director.shell(&format!("ip route replace {kind} 10.9.0.0/16"));
        Examination::new(director, "").assert_ids(&["no-route"]);
    }
    director.shell("ip route replace 10.9.0.0/16 via 1.1.1.20");
    Examination::new(director, "").assert_ids(&[]);
}

#[test]
fn direct_routing_to_a_server_behind_a_router() {
    let cluster = routed();
    let (director, rs1) = (&cluster.director, cluster.host("rs1"));
    rs1.shell("sysctl -w net.ipv4.ip_forward=1; ip address add 10.7.0.5/32 dev lo");
    director.shell("ip route add 10.7.0.0/24 via 1.1.1.10");
    director.ipvsadm("-a -t 1.1.1.254:22 -r 10.7.0.5 -g");
    let examination = Examination::new(director, "");
    examination.assert_ids(&["not-adjacent"]);
    let finding = examination.finding("not-adjacent");
    assert_eq!(finding["evidence"]["gateway"], "1.1.1.10");
    examination.repair(&cluster);
    Examination::new(director, "").assert_ids(&[]);
}

#[test]
fn a_narrow_tunnel_is_noted() {
    let cluster = Cluster::new("cluster tun");
    let director = &cluster.director;
    director.ipvsadm_each(&[
        "-A -t 1.1.1.254:22 -s rr",
        "-a -t 1.1.1.254:22 -r 1.1.1.10 -i",
        "-a -t 1.1.1.254:22 -r [2001:db8:1::20]:22 -i",
    ]);
    let _open = both_answer(&cluster, "1.1.1.254:22");
    let room = |director| {
        let examination = Examination::new(director, "");
        examination.assert_ids(&[]);
        examination.finding("mtu")["evidence"]["room_in_bytes"].clone()
    };
    assert_eq!(room(director), 1460);
    director.shell("ip route add 1.1.1.10/32 dev net mtu 1400");
    assert_eq!(room(director), 1380);

    // Clients come by another interface, and the way to the servers is made wide enough.
    director.shell(
        "ip route del 1.1.1.10/32
         ip link add public type bridge && ip link set public up
         ip address del 1.1.1.254/32 dev net && ip address add 1.1.1.254/32 dev public",
    );
    assert_eq!(room(director), 1460);
    for (host, links) in [
        ("switch", "net-director net-rs1 net-rs2 net"),
        ("director", "net"),
        ("rs1", "net"),
        ("rs2", "net"),
    ] {
        let widen = format!("for link in {links}; do ip link set $link mtu 1540 || exit; done");
        cluster.host(host).shell(&widen);
    }
    let examination = Examination::new(director, "");
    examination.assert_ids(&[]);
    assert!(!examination.notes().contains(&"mtu"));
}

#[test]
fn connections_that_are_never_opened_are_seen_where_the_way_back_is_not() {
    let cluster = routed();
    let rs1 = cluster.host("rs1");
    rs1.shell("ip address del 1.1.1.254/32 dev lo");
    wait_in_vain(&cluster.client, "1.1.1.254:22", 24);
    let examination = Examination::new(&cluster.director, "");
    examination.assert_ids(&["handshake-stuck"]);
    assert_eq!(
        examination.finding("handshake-stuck")["real_server"]["address"],
        "1.1.1.10"
    );
    // Asked, the server shows more, and how to repair it.
    let asked = Examination::new(&cluster.director, "--probe");
    asked.assert_ids(&["address-missing"]);
    asked.repair(&cluster);
    let _open = both_answer(&cluster, "1.1.1.254:22");
    Examination::new(&cluster.director, "").assert_ids(&[]);
}

#[test]
fn packets_that_come_in_where_no_answer_would_go_out() {
    let cluster = masqueraded();
    let director = &cluster.director;
    director.shell("sysctl -w net.ipv4.conf.all.rp_filter=1");
    Examination::new(director, "").assert_ids(&[]);
    // Once they know each other, a packet comes from an address of the inner network.
    let _open = both_answer(&cluster, "2.2.2.25:22");
    cluster.client.shell(
        "ip address add 1.1.1.200/32 dev lo; ip route replace 2.2.2.25 dev public src 1.1.1.200",
    );
    knock(&cluster.client, "2.2.2.25:22", 1);
    // Others are answered, and it may have been long ago.
    let examination = Examination::new(director, "");
    examination.assert_ids(&[]);
    examination.repair_of("rp-filter", &cluster);
    let examination = Examination::new(director, "");
    assert!(!examination.notes().contains(&"rp-filter"));
}
