//! `--probe`: what servers say, and that nothing else changes by asking them.

use std::fmt::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::examination::{Examination, found_and_repaired, masqueraded, routed};
use crate::support::cluster::Cluster;
use crate::support::traffic::Conversation;

#[test]
fn servers_that_are_well_answer() {
    let cluster = masqueraded();
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
    let told = cluster
        .director
        .ipvsadm("--diagnose --probe -t 2.2.2.25:22");
    let title = told.lines().next().unwrap_or_default();
    assert!(title.starts_with("TCP 2.2.2.25:22 rr "), "{told}");
    assert!(title.ends_with(" 2 servers, 2 answer"), "{told}");
    let cluster = routed();
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn a_port_at_which_nobody_listens_is_refused() {
    for (cluster, service, method) in [
        (masqueraded(), "2.2.2.25:22", "-m"),
        (routed(), "1.1.1.254:22", "-g"),
    ] {
        let director = &cluster.director;
        director.shell("kill $(ip netns pids rs1)");
        let examination = Examination::new(director, "--probe");
        examination.assert_ids(&["port-refused"]);
        let finding = examination.finding("port-refused");
        assert_eq!(finding["real_server"]["address"], "1.1.1.10", "{service}");
        // Till somebody listens there, the service does without it.
        examination.repair(&cluster);
        Examination::new(director, "--probe").assert_ids(&[]);
        for _ in 0..2 {
            Conversation::open(&cluster.client, service).goes_on();
        }
        director.ipvsadm(&format!("-e -t {service} -r 1.1.1.10 {method} -w 1"));
        Examination::new(director, "--probe").assert_ids(&["port-refused"]);
        let listening = cluster
            .host("rs1")
            .enter(|| TcpListener::bind("0.0.0.0:22").unwrap());
        Examination::new(director, "--probe").assert_ids(&[]);
        drop(listening);

        // Without the last one, the service would be none.
        director.shell("kill $(ip netns pids rs2)");
        let examination = Examination::new(director, "--probe");
        examination.assert_ids(&["port-refused"; 2]);
        assert_eq!(
            examination.finding("port-refused")["remedy"],
            serde_json::json!([])
        );
    }
}

#[test]
fn a_server_that_lets_clients_in_and_not_the_director() {
    let cluster = masqueraded();
    let rs1 = cluster.host("rs1");
    rs1.shell(
        "tc qdisc add dev inner ingress; tc filter add dev inner ingress protocol ip flower \
         ip_proto tcp src_ip 1.1.1.25 dst_port 22 action drop",
    );
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["port-silent"]);
    let finding = examination.finding("port-silent");
    assert_eq!(
        (&finding["level"], &finding["real_server"]["address"]),
        (&"risk".into(), &"1.1.1.10".into())
    );
    let _open = [(); 2].map(|()| Conversation::open(&cluster.client, "2.2.2.25:22"));
    rs1.shell("tc qdisc del dev inner ingress");
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn a_server_that_answers_through_another_gateway() {
    let cluster = masqueraded();
    // A server without any gateway is silent: that is only a risk.
    cluster.host("rs1").shell("ip route del default");
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["wrong-gateway"]);
    assert_eq!(examination.finding("wrong-gateway")["level"], "risk");
    // To a client that it has a way to, it is well.
    cluster
        .host("rs1")
        .shell("ip route add 2.2.2.0/24 via 1.1.1.25");
    Examination::new(&cluster.director, "--probe --probe-from 2.2.2.10").assert_ids(&[]);
    cluster.host("rs1").shell("ip route del 2.2.2.0/24");
    found_and_repaired(&cluster, "--probe", &["wrong-gateway"]);
    // Last, since the kernel goes on asking for who is not there.
    cluster
        .host("rs1")
        .shell("ip route replace default via 1.1.1.77");
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["wrong-gateway"]);
    let finding = examination.finding("wrong-gateway");
    assert_eq!(
        (&finding["level"], &finding["evidence"]["gateway"]),
        (&"fault".into(), &"1.1.1.77".into())
    );
    examination.repair(&cluster);
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn a_server_that_does_not_hide_the_service_s_address() {
    let cluster = routed();
    let rs1 = cluster.host("rs1");
    rs1.shell("sysctl -w net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.lo.arp_ignore=0");
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["duplicate-address"]);
    let finding = examination.finding("duplicate-address");
    assert_eq!(finding["real_server"]["address"], "1.1.1.10");
    let hardware = rs1.shell("cat /sys/class/net/net/address 2>/dev/null || ip -o link show net");
    let named = finding["evidence"]["hardware_address"].as_str().unwrap();
    assert!(hardware.contains(named), "{named} {hardware}");
    examination.repair(&cluster);
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn a_server_that_lacks_the_service_s_address() {
    let cluster = routed();
    cluster
        .host("rs2")
        .shell("ip address del 1.1.1.254/32 dev lo");
    found_and_repaired(&cluster, "--probe", &["address-missing"]);
    Conversation::open(&cluster.client, "1.1.1.254:22").goes_on();
}

#[test]
fn what_cannot_be_probed_is_said() {
    let cluster = Cluster::new("cluster tun");
    cluster.director.ipvsadm_each(&[
        "-A -t 1.1.1.254:22 -s rr",
        "-a -t 1.1.1.254:22 -r 1.1.1.10 -i",
        "-A -u 1.1.1.254:53 -s rr",
        "-a -u 1.1.1.254:53 -r 1.1.1.10 -g",
        "-A -t [2001:db8:1::254]:22 -s rr",
        "-a -t [2001:db8:1::254]:22 -r [2001:db8:1::10]:22 -g",
        "-A -f 7 -s rr",
        "-a -f 7 -r 1.1.1.10 -g",
    ]);
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&[]);
    let notes = examination.notes();
    assert_eq!(
        notes.iter().filter(|id| **id == "not-probed").count(),
        4,
        "{notes:?}"
    );
}

/// All that a probe must leave as it is.
fn state(cluster: &Cluster, hosts: &[&str]) -> String {
    let director = &cluster.director;
    let mut state = director.ipvsadm("-Ln --stats --exact");
    for connection in director.ipvsadm("-Lnc").lines().skip(2) {
        // All but the second word, the time until it expires.
        let words: Vec<&str> = connection.split_whitespace().collect();
        let _ = writeln!(state, "{} {}", words[0], words[2..].join(" "));
    }
    for host in hosts {
        // Who has which hardware address; how fresh that is changes by itself.
        let known = cluster.host(host).shell("ip -4 neighbour show");
        let mut known: Vec<String> = known
            .lines()
            .filter(|line| line.contains("lladdr"))
            .map(|line| {
                line.split(" lladdr ")
                    .map(|part| part.split(' ').next().unwrap_or_default())
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        known.sort();
        let _ = writeln!(state, "{host}: {known:?}");
    }
    state
}

#[test]
fn a_probe_changes_nothing() {
    for (cluster, service) in [(masqueraded(), "2.2.2.25:22"), (routed(), "1.1.1.254:22")] {
        let _open = [(); 2].map(|()| Conversation::open(&cluster.client, service));
        cluster.director.wait_until_counted();
        let hosts = ["client", "director", "rs1", "rs2"];
        let before = state(&cluster, &hosts);
        Examination::new(&cluster.director, "--probe").assert_ids(&[]);
        // Nothing would be counted before this.
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(state(&cluster, &hosts), before);
        // No server is left with half a connection.
        for server in ["rs1", "rs2"] {
            let half_open = cluster.host(server).shell("cat /proc/thread-self/net/tcp");
            let half_open = half_open
                .lines()
                .filter(|line| line.split_whitespace().nth(3) == Some("03"));
            assert_eq!(half_open.count(), 0, "{server}");
        }
    }
}

#[test]
fn a_hundred_servers_are_asked_at_once_the_silent_ones_too() {
    let cluster = Cluster::new("cluster nat");
    let mut rules = vec!["-A -t 2.2.2.25:22 -s rr".to_owned()];
    let mut addresses = String::new();
    for number in 100..200 {
        rules.push(format!("-a -t 2.2.2.25:22 -r 1.1.1.{number} -m"));
        // Every tenth is not there.
        if number % 10 != 0 {
            let _ = writeln!(addresses, "address add 1.1.1.{number}/32 dev inner");
        }
    }
    cluster.host("rs1").ip_batch(&addresses);
    cluster.director.ipvsadm_each(&rules);
    let begin = Instant::now();
    let examination = Examination::new(&cluster.director, "--probe");
    let time = begin.elapsed();
    examination.assert_ids(&["neighbour-failed"; 10]);
    // Two seconds on a machine; here, starting a program takes long.
    assert!(time < Duration::from_secs(20), "{time:?}");
}
