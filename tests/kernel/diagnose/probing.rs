//! `--probe`: what servers say, and that nothing else changes by asking them.

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::examination::{Examination, masqueraded, routed, wait_in_vain};
use crate::support::cluster::{Cluster, eventually};
use crate::support::traffic::Conversation;

fn title(cluster: &Cluster, service: &str) -> String {
    let told = cluster
        .director
        .ipvsadm(&format!("--diagnose --probe {service}"));
    told.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn servers_that_are_well_answer() {
    for (cluster, service) in [(masqueraded(), "2.2.2.25:22"), (routed(), "1.1.1.254:22")] {
        Examination::new(&cluster.director, "--probe").assert_ids(&[]);
        let title = title(&cluster, &format!("-t {service}"));
        assert!(title.starts_with(&format!("TCP {service} rr ")), "{title}");
        assert!(title.ends_with(" 2 servers, 2 answer"), "{title}");
    }
}

#[test]
fn servers_with_ipv6_answer() {
    for (topology, service, method) in [
        ("nat", "[2001:db8:2::25]:22", "-m"),
        ("dr", "[2001:db8:1::254]:22", "-g"),
    ] {
        let cluster = Cluster::new(&format!("cluster {topology}"));
        cluster.director.ipvsadm_each(&[
            format!("-A -t {service} -s rr"),
            format!("-a -t {service} -r [2001:db8:1::10]:22 {method}"),
            format!("-a -t {service} -r [2001:db8:1::20]:22 {method}"),
        ]);
        Examination::new(&cluster.director, "--probe").assert_ids(&[]);
        let title = title(&cluster, &format!("-t {service}"));
        assert!(title.ends_with(" 2 servers, 2 answer"), "{title}");
    }
}

#[test]
fn servers_answer_through_every_kind_of_tunnel() {
    let cluster = Cluster::new("cluster tun");
    // One with checksums takes none without, and the other way round.
    cluster.host("rs2").shell(
        "ip tunnel add gre1 mode gre local 1.1.1.20 icsum; ip link set gre1 up; \
         sysctl -w net.ipv4.conf.gre1.rp_filter=0",
    );
    for (tunnel, address, server) in [
        ("-i", "1.1.1.254", "1.1.1.10"),
        ("-i --tun-type gre", "1.1.1.254", "1.1.1.10"),
        ("-i --tun-type gre --tun-csum", "1.1.1.254", "1.1.1.20"),
        ("-i --tun-type gue --tun-port 6080", "1.1.1.254", "1.1.1.10"),
        (
            "-i --tun-type gue --tun-port 6080 --tun-remcsum",
            "1.1.1.254",
            "1.1.1.10",
        ),
        ("-i", "[2001:db8:1::254]", "[2001:db8:1::10]"),
        (
            "-i --tun-type gue --tun-port 6080",
            "[2001:db8:1::254]",
            "[2001:db8:1::10]",
        ),
    ] {
        let director = &cluster.director;
        director.ipvsadm_each(&[
            format!("-A -t {address}:22 -s rr"),
            format!("-a -t {address}:22 -r {server}:22 {tunnel}"),
        ]);
        let title = title(&cluster, &format!("-t {address}:22"));
        assert!(
            title.ends_with(" 1 server, 1 answers"),
            "{tunnel} {server}: {title}"
        );
        director.ipvsadm(&format!("-D -t {address}:22"));
    }
}

#[test]
fn a_tunnel_that_is_not_unpacked() {
    let cluster = Cluster::new("cluster tun");
    let rs1 = cluster.host("rs1");
    cluster.director.ipvsadm_each(&[
        "-A -t 1.1.1.254:22 -s rr",
        "-a -t 1.1.1.254:22 -r 1.1.1.10 -i",
    ]);
    rs1.shell("ip link set tunl0 down");
    wait_in_vain(&cluster.client, "1.1.1.254:22", 8);
    let examination = Examination::new(&cluster.director, "--probe");
    assert!(examination.ids().contains(&"tunnel-refused"));
    let finding = examination.finding("tunnel-refused");
    assert_eq!(
        (&finding["level"], &finding["basis"]),
        (&"fault".into(), &"probe".into())
    );
    rs1.shell("ip link set tunl0 up; sysctl -w net.ipv4.conf.all.rp_filter=1");
    let examination = Examination::new(&cluster.director, "--probe");
    assert!(examination.ids().contains(&"tunnel-silent"));
    rs1.shell("sysctl -w net.ipv4.conf.all.rp_filter=0; ip link set tunl0 down");
    // As it is printed.
    let examination = Examination::new(&cluster.director, "--probe");
    examination.repair_of("tunnel-refused", &cluster);
    Conversation::open(&cluster.client, "1.1.1.254:22").goes_on();
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn a_port_at_which_nobody_listens_is_refused() {
    let cluster = routed();
    let director = &cluster.director;
    director.shell("kill $(ip netns pids rs1)");
    // Nobody has tried: it may be that only the director is refused.
    let examination = Examination::new(director, "--probe");
    examination.assert_ids(&["port-refused"]);
    assert_eq!(examination.finding("port-refused")["level"], "risk");
    wait_in_vain(&cluster.client, "1.1.1.254:22", 8);
    let examination = Examination::new(director, "--probe");
    examination.assert_ids(&["port-refused"]);
    let finding = examination.finding("port-refused");
    assert_eq!(
        (&finding["level"], &finding["real_server"]["address"]),
        (&"fault".into(), &"1.1.1.10".into())
    );
    // Till somebody listens there, the service does without it.
    examination.repair(&cluster);
    Examination::new(director, "--probe").assert_ids(&[]);
    for _ in 0..2 {
        Conversation::open(&cluster.client, "1.1.1.254:22").goes_on();
    }
    director.ipvsadm("-e -t 1.1.1.254:22 -r 1.1.1.10 -g -w 1");
    let listening = cluster
        .host("rs1")
        .enter(|| TcpListener::bind("0.0.0.0:22").unwrap());
    for _ in 0..2 {
        cluster
            .client
            .enter(|| TcpStream::connect("1.1.1.254:22").unwrap());
    }
    Examination::new(director, "--probe").assert_ids(&[]);
    drop(listening);
}

#[test]
fn a_masqueraded_server_s_port_is_refused() {
    let cluster = masqueraded();
    let director = &cluster.director;
    director.shell("kill $(ip netns pids rs1)");
    let examination = Examination::new(director, "--probe");
    examination.assert_ids(&["port-refused"]);
    let finding = examination.finding("port-refused");
    assert_eq!(finding["real_server"]["address"], "1.1.1.10");
    assert_eq!(finding["evidence"]["answer"], "RST");
    let listening = cluster
        .host("rs1")
        .enter(|| TcpListener::bind("0.0.0.0:22").unwrap());
    Examination::new(director, "--probe").assert_ids(&[]);
    drop(listening);
}

#[test]
fn a_port_of_udp_at_which_nobody_listens_is_refused() {
    for (topology, service, server, method) in [
        ("nat", "2.2.2.25:53", "1.1.1.10:53", "-m"),
        ("dr", "1.1.1.254:53", "1.1.1.10:53", "-g"),
        ("nat", "[2001:db8:2::25]:53", "[2001:db8:1::10]:53", "-m"),
        ("dr", "[2001:db8:1::254]:53", "[2001:db8:1::10]:53", "-g"),
        ("tun", "1.1.1.254:53", "1.1.1.10:53", "-i"),
    ] {
        let cluster = Cluster::new(&format!("cluster {topology}"));
        let director = &cluster.director;
        director.ipvsadm_each(&[
            format!("-A -u {service} -s rr"),
            format!("-a -u {service} -r {server} {method}"),
        ]);
        let examination = Examination::new(director, "--probe");
        assert!(
            examination.ids().contains(&"port-refused"),
            "{service} {method}: {:?}",
            examination.ids()
        );
        // Whoever takes a datagram need not answer it.
        let taking = cluster
            .host("rs1")
            .enter(|| UdpSocket::bind("[::]:53").unwrap());
        let examination = Examination::new(director, "--probe");
        examination.assert_ids(&[]);
        assert!(!examination.notes().contains(&"port-refused"));
        drop(taking);
    }
}

#[test]
fn a_server_of_udp_that_lacks_the_address() {
    for (address, server) in [
        ("1.1.1.254", "1.1.1.10:53"),
        ("2001:db8:1::254", "[2001:db8:1::10]:53"),
    ] {
        let cluster = Cluster::new("cluster dr");
        let endpoint = SocketAddr::new(address.parse().unwrap(), 53);
        cluster.director.ipvsadm_each(&[
            format!("-A -u {endpoint} -s rr"),
            format!("-a -u {endpoint} -r {server} -g"),
        ]);
        let rs1 = cluster.host("rs1");
        let taking = rs1.enter(|| UdpSocket::bind("[::]:53").unwrap());
        let length = if endpoint.is_ipv4() { 32 } else { 128 };
        rs1.shell(&format!("ip address del {address}/{length} dev lo"));
        let examination = Examination::new(&cluster.director, "--probe");
        // Its firewall may let in datagrams alone.
        examination.assert_ids(&[]);
        let finding = examination.finding("address-missing");
        for step in finding["remedy"].as_array().unwrap() {
            rs1.shell(step["command"].as_str().unwrap());
        }
        let notes = Examination::new(&cluster.director, "--probe");
        assert!(!notes.notes().contains(&"address-missing"));
        drop(taking);
    }
}

#[test]
fn a_firewall_that_rejects_is_told_as_it_does() {
    let cluster = masqueraded();
    cluster.host("rs1").shell(
        "iptables-legacy -A INPUT -p tcp --dport 22 -j REJECT --reject-with icmp-host-prohibited",
    );
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["port-refused"]);
    let finding = examination.finding("port-refused");
    assert_eq!(
        finding["evidence"]["answer"],
        "ICMP administratively prohibited"
    );
    assert_eq!(finding["real_server"]["address"], "1.1.1.10");
}

#[test]
fn a_server_that_lets_clients_in_and_not_the_director() {
    let cluster = masqueraded();
    let rs1 = cluster.host("rs1");
    rs1.shell(
        "tc qdisc add dev inner ingress; tc filter add dev inner ingress protocol ip flower \
         ip_proto tcp src_ip 1.1.1.25 dst_port 22 action drop",
    );
    // The client's address is let in, and answers come back.
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
    rs1.shell(
        "tc filter add dev inner ingress protocol ip flower ip_proto tcp src_ip 198.51.100.1 \
         dst_port 22 action drop",
    );
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["port-silent"]);
    let finding = examination.finding("port-silent");
    assert_eq!(
        (&finding["level"], &finding["real_server"]["address"]),
        (&"risk".into(), &"1.1.1.10".into())
    );
    // Who answers clients is not accused.
    let _open = [(); 2].map(|()| Conversation::open(&cluster.client, "2.2.2.25:22"));
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn a_server_that_answers_through_another_gateway() {
    let cluster = masqueraded();
    let rs1 = cluster.host("rs1");
    rs1.shell("ip route replace default via 1.1.1.77");
    // Answers may come back nevertheless, as with SNAT in front of the servers.
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&[]);
    assert!(examination.notes().contains(&"wrong-gateway"));
    // To a client that it has a way to, it is well.
    rs1.shell("ip route add 2.2.2.0/24 via 1.1.1.25");
    let examination = Examination::new(&cluster.director, "--probe --probe-from 2.2.2.10");
    assert!(!examination.notes().contains(&"wrong-gateway"));
    rs1.shell("ip route del 2.2.2.0/24");
    wait_in_vain(&cluster.client, "2.2.2.25:22", 8);
    let mut examination = Examination::new(&cluster.director, "--probe");
    // For those who wait it looks for the gateway already, a second from one time to the next: a
    // probe may not hear it.
    eventually("the gateway is named", || {
        examination.assert_ids(&["wrong-gateway"]);
        let finding = examination.finding("wrong-gateway");
        assert_eq!(finding["level"], "fault");
        if finding["evidence"]["gateway"] == "1.1.1.77" {
            return Ok(());
        }
        let missed = finding["evidence"].to_string();
        examination = Examination::new(&cluster.director, "--probe");
        Err(missed)
    });
    examination.repair(&cluster);
    for _ in 0..2 {
        Conversation::open(&cluster.client, "2.2.2.25:22").goes_on();
    }
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn a_directly_routed_server_whose_gateway_is_the_director() {
    let cluster = routed();
    let rs1 = cluster.host("rs1");
    rs1.shell("ip route add default via 1.1.1.25");
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&[]);
    assert!(examination.notes().contains(&"wrong-gateway"));
    // And one that is nobody's.
    rs1.shell("ip route replace default via 1.1.1.77");
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&[]);
    assert_eq!(
        examination.finding("wrong-gateway")["evidence"]["gateway"],
        "1.1.1.77"
    );
    rs1.shell("ip route replace default via 1.1.1.100");
    let examination = Examination::new(&cluster.director, "--probe");
    assert!(!examination.notes().contains(&"wrong-gateway"));
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
fn a_server_that_asks_as_from_the_service_s_address() {
    let cluster = routed();
    // Its gateway is not known yet, so it has to ask.
    cluster.host("rs1").shell(
        "sysctl -w net.ipv4.conf.all.arp_announce=0 net.ipv4.conf.lo.arp_announce=0; \
         ip route add default via 1.1.1.77",
    );
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["duplicate-address"]);
    let finding = examination.finding("duplicate-address");
    assert_eq!(finding["real_server"]["address"], "1.1.1.10");
    assert_eq!(finding["evidence"]["asks_for"], "1.1.1.77");
    examination.repair(&cluster);
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn another_machine_that_misses_the_first_question_is_found_by_the_second() {
    // Answers ARP for an address from the second question of nobody on, as 02:00:00:00:00:63.
    const RIVAL: &str = r#"
        my ($index, $address) = @ARGV;
        socket S, 17, 3, unpack "n", pack "S", 0x0806 or die $!;
        bind S, pack "S n i S C C a8", 17, 0x0806, $index, 0, 0, 0, "" or die $!;
        exit if fork;
        open STDIN, "</dev/null"; open STDOUT, ">/dev/null"; open STDERR, ">/dev/null";
        my ($own, $asked) = ("\2\0\0\0\0\x63", 0);
        while (defined recv S, my $frame, 200, 0) {
            next if substr($frame, 20, 2) ne "\0\1" or substr($frame, 38, 4) ne inet_aton($address);
            next if substr($frame, 28, 4) ne "\0\0\0\0" or ++$asked < 2;
            send S, substr($frame, 6, 6) . $own . "\x08\x06" . substr($frame, 14, 6) . "\0\2" .
                $own . inet_aton($address) . substr($frame, 22, 10), 0;
        }"#;
    let cluster = routed();
    cluster.client.shell(&format!(
        "perl -MSocket -e '{RIVAL}' $(ip -o link show net | cut -d: -f1) 1.1.1.254"
    ));
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["duplicate-address"]);
    let finding = examination.finding("duplicate-address");
    assert_eq!(finding["evidence"]["hardware_address"], "02:00:00:00:00:63");
    assert_eq!(finding["real_server"], Value::Null);
}

#[test]
fn an_address_that_nobody_asks_for_may_be_anybody_s() {
    let cluster = Cluster::new("cluster dr");
    cluster.director.shell("ip address add 3.3.3.3/32 dev lo");
    cluster
        .director
        .ipvsadm_each(&["-A -t 3.3.3.3:22 -s rr", "-a -t 3.3.3.3:22 -r 1.1.1.10 -g"]);
    cluster.host("rs1").shell(
        "ip address add 3.3.3.3/32 dev lo; \
         sysctl -w net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.lo.arp_ignore=0",
    );
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn a_server_that_lacks_the_service_s_address() {
    let cluster = routed();
    cluster
        .host("rs2")
        .shell("ip address del 1.1.1.254/32 dev lo");
    wait_in_vain(&cluster.client, "1.1.1.254:22", 8);
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["address-missing"]);
    assert_eq!(examination.finding("address-missing")["level"], "fault");
    examination.repair(&cluster);
    for _ in 0..2 {
        Conversation::open(&cluster.client, "1.1.1.254:22").goes_on();
    }
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn a_server_that_takes_the_whole_network_for_itself() {
    let cluster = routed();
    let rs1 = cluster.host("rs1");
    // It answers for every address.
    rs1.shell(
        "sysctl -w net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.lo.arp_ignore=0; \
         ip address del 1.1.1.254/32 dev lo; ip address add 1.1.1.254/24 dev lo",
    );
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["duplicate-address", "prefix-on-loopback"]);
    // It hears nobody of that network, where it looks at what comes from where.
    rs1.shell(
        "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.rp_filter=2; \
         ip neighbour flush all",
    );
    cluster.director.shell("ip neighbour flush all");
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&["prefix-on-loopback"]);
    examination.repair(&cluster);
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
    for _ in 0..2 {
        Conversation::open(&cluster.client, "1.1.1.254:22").goes_on();
    }
}

#[test]
fn what_cannot_be_probed_is_said() {
    let cluster = Cluster::new("cluster dr");
    cluster.director.ipvsadm_each(&[
        "-A -t 1.1.1.254:0 -s rr -p 60",
        "-a -t 1.1.1.254:0 -r 1.1.1.10 -g",
        "-A --sctp-service 1.1.1.254:22 -s rr",
        "-a --sctp-service 1.1.1.254:22 -r 1.1.1.10 -g",
        "-A -f 7 -s rr",
        "-a -f 7 -r 1.1.1.10 -g",
    ]);
    let examination = Examination::new(&cluster.director, "--probe");
    examination.assert_ids(&[]);
    let notes = examination.notes();
    let not_probed = notes.iter().filter(|id| **id == "not-probed").count();
    assert_eq!(not_probed, 3, "{notes:?}");
}

/// Returns all that a probe must leave as it is.
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
        thread::sleep(Duration::from_secs(3));
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
