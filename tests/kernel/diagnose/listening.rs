//! `--listen`: real clients' packets, which end where one thing is really broken.

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::examination::{Examination, masqueraded, routed};
use crate::support::cluster::{Cluster, Host, eventually};

/// For how long the tests listen.
const SECONDS: u32 = 8;
/// Clients repeat a SYN after a second, and once more two seconds later.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Begins four connections at once, and gives up those that are not opened.
fn connect(client: &Host, address: &str) {
    let address: SocketAddr = address.parse().unwrap();
    client.enter(move || {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| TcpStream::connect_timeout(&address, PATIENCE).is_ok());
            }
        });
    });
}

/// Sends a datagram each from four ports, and waits a moment for the answers.
fn ask(client: &Host, address: &str) {
    let address: SocketAddr = address.parse().unwrap();
    client.enter(move || {
        let own: SocketAddr = match address {
            SocketAddr::V4(_) => "0.0.0.0:0".parse().unwrap(),
            SocketAddr::V6(_) => "[::]:0".parse().unwrap(),
        };
        let sockets = [(); 4].map(|()| UdpSocket::bind(own).unwrap());
        for socket in &sockets {
            let _ = socket.send_to(b"?", address);
        }
        thread::sleep(Duration::from_millis(1200));
    });
}

/// Listens while clients try, as long as it goes on.
fn listen_while(cluster: &Cluster, options: &str, tries: impl Fn()) -> Examination {
    let has_ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let listening = scope.spawn(|| {
            let options = format!("--listen {SECONDS} {options}");
            let examination = Examination::new(&cluster.director, &options);
            has_ended.store(true, Ordering::Relaxed);
            examination
        });
        while !has_ended.load(Ordering::Relaxed) && !listening.is_finished() {
            tries();
        }
        listening.join().unwrap()
    })
}

/// The counts of a service that was listened to, and those of its servers.
fn counts(examination: &Examination, service: usize) -> (Value, Vec<Value>) {
    let service = &examination.listened["services"][service];
    let servers = service["real_servers"].as_array().unwrap();
    (
        service["attempts"].clone(),
        servers
            .iter()
            .map(|server| server["attempts"].clone())
            .collect(),
    )
}

fn number(counts: &Value, name: &str) -> u64 {
    counts[name].as_u64().unwrap()
}

#[test]
fn attempts_that_are_served_are_followed_over_all_ways_of_forwarding() {
    let both = |address: &str, servers: [&str; 2], method: &str| {
        [
            format!("-A -t {address} -s rr"),
            format!("-a -t {address} -r {} {method}", servers[0]),
            format!("-a -t {address} -r {} {method}", servers[1]),
        ]
    };
    let ipv4 = ["1.1.1.10:22", "1.1.1.20:22"];
    let ipv6 = ["[2001:db8:1::10]:22", "[2001:db8:1::20]:22"];
    for (topology, addresses, methods) in [
        ("nat", ["2.2.2.25:22", "[2001:db8:2::25]:22"], &["-m"][..]),
        ("dr", ["1.1.1.254:22", "[2001:db8:1::254]:22"], &["-g"]),
        (
            "tun",
            ["1.1.1.254:22", "[2001:db8:1::254]:22"],
            &[
                "-i",
                "-i --tun-type gre",
                "-i --tun-type gue --tun-port 6080",
            ],
        ),
    ] {
        let cluster = Cluster::new(&format!("cluster {topology}"));
        for method in methods {
            cluster.director.ipvsadm("-C");
            cluster
                .director
                .ipvsadm_each(&both(addresses[0], ipv4, method));
            cluster
                .director
                .ipvsadm_each(&both(addresses[1], ipv6, method));
            let examination = listen_while(&cluster, "", || {
                for address in addresses {
                    connect(&cluster.client, address);
                }
            });
            examination.assert_ids(&[]);
            for service in 0..2 {
                let (of_service, servers) = counts(&examination, service);
                let count = number(&of_service, "count");
                let words = format!("{topology} {method}: {of_service}");
                assert!(count >= 4, "{words}");
                for step in ["scheduled", "left", "served"] {
                    // The last ones may be under way still.
                    let undecided = number(&of_service, "undecided");
                    assert!(number(&of_service, step) + undecided >= count, "{words}");
                }
                for server in servers {
                    assert!(number(&server, "served") > 0, "{words}: {server}");
                }
                let answers = number(&of_service, "answers_left");
                assert_eq!(answers > 0, *method == "-m", "{words}");
            }
        }
    }
}

#[test]
fn a_server_without_the_address_is_unheard_and_the_other_is_heard() {
    let cluster = routed();
    cluster
        .host("rs2")
        .shell("ip address del 1.1.1.254/32 dev lo");
    let examination = listen_while(&cluster, "", || connect(&cluster.client, "1.1.1.254:22"));
    examination.assert_ids(&["client-unheard"]);
    let finding = examination.finding("client-unheard");
    assert_eq!(finding["level"], "fault");
    assert_eq!(finding["basis"], "traffic");
    assert_eq!(finding["real_server"]["address"], "1.1.1.20");
    let (_, servers) = counts(&examination, 0);
    assert!(number(&servers[0], "served") > 0);
    assert_eq!(number(&servers[1], "served"), 0);
    assert!(number(&servers[1], "in_vain") > 1);
}

#[test]
fn a_tunnel_that_is_not_unpacked_is_told_by_icmp_or_leaves_clients_unheard() {
    let cluster = Cluster::new("cluster tun");
    cluster.director.ipvsadm_each(&[
        "-A -t [2001:db8:1::254]:22 -s rr",
        "-a -t [2001:db8:1::254]:22 -r [2001:db8:1::10]:22 -i",
    ]);
    cluster.host("rs1").shell("ip link set ip6tnl1 down");
    let examination = listen_while(&cluster, "", || {
        connect(&cluster.client, "[2001:db8:1::254]:22");
    });
    examination.assert_ids(&["icmp-error"]);
    let text = examination.finding("icmp-error")["text"].as_str().unwrap();
    assert!(text.contains("port unreachable of the tunnel"), "{text}");
    // It drops what it does not expect there.
    let cluster = Cluster::new("cluster tun");
    cluster.director.ipvsadm_each(&[
        "-A -t 1.1.1.254:22 -s rr",
        "-a -t 1.1.1.254:22 -r 1.1.1.10 -i",
    ]);
    cluster
        .host("rs1")
        .shell("sysctl -w net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.tunl0.rp_filter=1");
    let examination = listen_while(&cluster, "", || connect(&cluster.client, "1.1.1.254:22"));
    examination.assert_ids(&["client-unheard"]);
}

/// Makes a host's interface drop what goes in or out, and matches.
fn drop_at(host: &Host, interface: &str, direction: &str, matches: &str) {
    host.shell(&format!(
        "tc qdisc add dev {interface} clsact; tc filter add dev {interface} {direction} \
         protocol ip flower {matches} action drop"
    ));
}

#[test]
fn each_step_of_a_masqueraded_attempt_may_be_the_last() {
    // Each in a cluster of its own, so that all are listened to at once.
    thread::scope(|scope| {
        for (host, interface, direction, id) in [
            ("director", "public", "ingress", "dropped-before-ipvs"),
            ("director", "inner", "egress", "not-forwarded"),
            ("rs1", "inner", "ingress", "server-silent"),
            ("director", "public", "egress", "answer-held"),
            ("client", "public", "ingress", "client-unheard"),
        ] {
            scope.spawn(move || a_masqueraded_attempt_ends_at(host, interface, direction, id));
        }
    });
}

/// Drops the packets of a connection at an interface, which this finding names; once they pass
/// again, there is none.
fn a_masqueraded_attempt_ends_at(host: &str, interface: &str, direction: &str, id: &str) {
    let port = match id {
        "answer-held" | "client-unheard" => "src_port",
        _ => "dst_port",
    };
    let cluster = masqueraded();
    cluster.director.ipvsadm("-d -t 2.2.2.25:22 -r 1.1.1.20");
    let host = cluster.host(host);
    drop_at(
        &host,
        interface,
        direction,
        &format!("ip_proto tcp {port} 22"),
    );
    let examination = listen_while(&cluster, "", || connect(&cluster.client, "2.2.2.25:22"));
    examination.assert_ids(&[id]);
    assert_eq!(examination.finding(id)["level"], "fault", "{id}");
    assert_eq!(examination.finding(id)["basis"], "traffic", "{id}");
    host.shell(&format!("tc qdisc del dev {interface} clsact"));
    listen_while(&cluster, "", || connect(&cluster.client, "2.2.2.25:22")).assert_ids(&[]);
}

#[test]
fn a_firewall_that_lets_in_the_first_packet_alone() {
    let cluster = routed();
    drop_at(
        &cluster.director,
        "net",
        "ingress",
        "ip_proto tcp dst_port 22 tcp_flags 0x10/0x12",
    );
    let tries = || connect(&cluster.client, "1.1.1.254:22");
    let examination = listen_while(&cluster, "", tries);
    examination.assert_ids(&["dropped-before-ipvs"]);
    let finding = examination.finding("dropped-before-ipvs");
    assert_eq!(finding["level"], "fault");
    assert_eq!(finding["real_server"], Value::Null);
    cluster.director.shell("tc qdisc del dev net clsact");
    listen_while(&cluster, "", tries).assert_ids(&[]);
}

#[test]
fn where_packets_were_lost_nobody_is_called_silent() {
    let cluster = masqueraded();
    let director = &cluster.director;
    director.ipvsadm("-d -t 2.2.2.25:22 -r 1.1.1.20");
    drop_at(
        &cluster.host("rs1"),
        "inner",
        "ingress",
        "ip_proto tcp dst_port 22",
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsadm"));
    // For longer than all that follows takes, however slow it is.
    command.args(["--diagnose", "--json", "--listen", "300"]);
    command.stdout(Stdio::piped());
    let listening = director.enter(move || command.spawn().unwrap());
    eventually("it listens", || {
        let sockets = director.shell("cat /proc/thread-self/net/packet");
        match sockets.lines().count() {
            1 => Err(sockets),
            _ => Ok(()),
        }
    });
    connect(&cluster.client, "2.2.2.25:22");
    // It does not read while more comes than there is room for.
    let process = Pid::from_raw(listening.id().cast_signed());
    kill(process, Signal::SIGSTOP).unwrap();
    director.enter(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        for _ in 0..40_000 {
            let _ = socket.send_to(b"?", "1.1.1.10:9");
        }
    });
    kill(process, Signal::SIGCONT).unwrap();
    // It reads what there was room for.
    thread::sleep(PATIENCE);
    kill(process, Signal::SIGINT).unwrap();
    let told = listening.wait_with_output().unwrap().stdout;
    let examination = Examination::of(&String::from_utf8(told).unwrap());
    let lost = number(&examination.listened, "packets_lost");
    let finding = examination.finding("server-silent");
    assert!(lost > 0, "{finding:#}");
    assert_eq!(finding["level"], "note");
}

#[test]
fn what_datagrams_show_is_said_and_no_more() {
    let cluster = masqueraded();
    let director = &cluster.director;
    director.ipvsadm_each(&[
        "-C",
        "-A -u 2.2.2.25:53 -s rr",
        "-a -u 2.2.2.25:53 -r 1.1.1.10 -m",
    ]);
    let tries = || ask(&cluster.client, "2.2.2.25:53");
    // Nobody listens there.
    let examination = listen_while(&cluster, "", tries);
    examination.assert_ids(&["port-refused"]);
    assert_eq!(examination.finding("port-refused")["level"], "fault");
    // Nothing answers, as with some protocols it does not.
    let silent = cluster
        .host("rs1")
        .enter(|| UdpSocket::bind("0.0.0.0:53").unwrap());
    let examination = listen_while(&cluster, "", tries);
    examination.assert_ids(&[]);
    assert!(examination.notes().contains(&"server-silent"));
    // It answers.
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        silent
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        scope.spawn(|| {
            let mut buffer = [0; 16];
            while !end.load(Ordering::Relaxed) {
                if let Ok((length, client)) = silent.recv_from(&mut buffer) {
                    let _ = silent.send_to(&buffer[..length], client);
                }
            }
        });
        let examination = listen_while(&cluster, "", tries);
        examination.assert_ids(&[]);
        let (of_service, _) = counts(&examination, 0);
        assert!(number(&of_service, "served") > 0, "{of_service}");
        drop_at(director, "public", "egress", "ip_proto udp src_port 53");
        let examination = listen_while(&cluster, "", tries);
        end.store(true, Ordering::Relaxed);
        examination.assert_ids(&["answer-held"]);
    });
}

#[test]
fn datagrams_that_are_routed_directly_are_out_of_sight() {
    let cluster = routed();
    cluster.director.ipvsadm_each(&[
        "-C",
        "-A -u [2001:db8:1::254]:53 -s rr",
        "-a -u [2001:db8:1::254]:53 -r [2001:db8:1::10]:53 -g",
    ]);
    let examination = listen_while(&cluster, "", || {
        ask(&cluster.client, "[2001:db8:1::254]:53");
    });
    examination.assert_ids(&[]);
    assert!(examination.notes().contains(&"answers-unseen"));
    let (of_service, servers) = counts(&examination, 0);
    assert!(number(&of_service, "out_of_sight") > 0, "{of_service}");
    assert_eq!(number(&servers[0], "left"), number(&of_service, "left"));
}

#[test]
fn an_icmp_error_is_told_as_it_is() {
    let cluster = masqueraded();
    cluster.director.ipvsadm("-d -t 2.2.2.25:22 -r 1.1.1.20");
    // No limit: each client is to be told.
    cluster.host("rs1").shell(
        "iptables-legacy -A INPUT -p tcp --dport 22 -j REJECT --reject-with icmp-admin-prohibited; \
         sysctl -w net.ipv4.icmp_ratelimit=0",
    );
    let examination = listen_while(&cluster, "", || connect(&cluster.client, "2.2.2.25:22"));
    examination.assert_ids(&["icmp-error"]);
    let text = examination.finding("icmp-error")["text"].as_str().unwrap();
    assert!(text.contains("administratively prohibited"), "{text}");
}

#[test]
fn an_address_for_which_nobody_answers_arp_is_found() {
    let cluster = routed();
    let director = &cluster.director;
    director.shell(
        "ip address del 1.1.1.254/32 dev net; ip address add 1.1.1.254/32 dev lo; \
         sysctl -w net.ipv4.conf.all.arp_ignore=1",
    );
    cluster.client.shell("ip neighbour flush all");
    let examination = listen_while(&cluster, "", || connect(&cluster.client, "1.1.1.254:22"));
    examination.assert_ids(&["address-unanswered"]);
    let finding = examination.finding("address-unanswered");
    assert_eq!(finding["basis"], "traffic");
    assert_eq!(finding["evidence"]["asked_by"][0], "1.1.1.100");
    examination.repair(&cluster);
    cluster.client.shell("ip neighbour flush all");
    listen_while(&cluster, "", || connect(&cluster.client, "1.1.1.254:22")).assert_ids(&[]);
}

#[test]
fn a_server_that_speaks_as_the_address_is_found() {
    let cluster = routed();
    let rs1 = cluster.host("rs1");
    rs1.shell("sysctl -w net.ipv4.conf.all.arp_announce=0 net.ipv4.conf.lo.arp_announce=0");
    let examination = listen_while(&cluster, "", || {
        rs1.enter(|| {
            // It asks for a neighbour that is not there, as the address.
            let socket = UdpSocket::bind("1.1.1.254:0").unwrap();
            let _ = socket.send_to(b"?", "1.1.1.77:9");
            thread::sleep(Duration::from_millis(500));
        });
    });
    examination.assert_ids(&["duplicate-address"]);
    let finding = examination.finding("duplicate-address");
    assert_eq!(finding["basis"], "traffic");
}

#[test]
fn the_attempts_of_a_mark_are_those_that_go_to_its_servers() {
    let cluster = Cluster::new("cluster dr");
    let director = &cluster.director;
    let set_up = ". tests/labkit/cluster.sh; cluster_mark 1.1.1.254 7 22";
    let root = env!("CARGO_MANIFEST_DIR");
    let mark = director.shell(&format!("cd {root}; {set_up}"));
    director.shell(&mark);
    director.ipvsadm_each(&[
        "-A -f 7 -s rr",
        "-a -f 7 -r 1.1.1.10 -g",
        "-a -f 7 -r 1.1.1.20 -g",
        "-A -f 8 -s rr",
        "-a -f 8 -r 1.1.1.10 -g",
    ]);
    let tries = || connect(&cluster.client, "1.1.1.254:22");
    listen_while(&cluster, "", tries).assert_ids(&[]);
    cluster
        .host("rs2")
        .shell("ip address del 1.1.1.254/32 dev lo");
    let examination = listen_while(&cluster, "-f 7", tries);
    examination.assert_ids(&["client-unheard"]);
    let finding = examination.finding("client-unheard");
    assert_eq!(finding["service"]["firewall_mark"], 7);
    assert_eq!(finding["real_server"]["address"], "1.1.1.20");
}

#[test]
fn where_nobody_tries_that_is_said_with_how_to_try() {
    let cluster = masqueraded();
    let told = cluster.director.ipvsadm("--diagnose --listen 1");
    assert!(told.contains(" nobody tried in 1"), "{told}");
    assert!(told.contains("nc -z -w 3 2.2.2.25 22"), "{told}");
    assert!(told.contains("[nothing-arrives]"), "{told}");
    let examination = Examination::new(&cluster.director, "--listen 1");
    examination.assert_ids(&[]);
    assert_eq!(examination.finding("nothing-arrives")["basis"], "traffic");
}

#[test]
fn fifty_attempts_that_came_to_their_end_are_enough_and_are_told_as_a_funnel() {
    let cluster = masqueraded();
    let told = thread::scope(|scope| {
        let listening = scope.spawn(|| cluster.director.ipvsadm("--diagnose --listen 300"));
        while !listening.is_finished() {
            connect(&cluster.client, "2.2.2.25:22");
        }
        listening.join().unwrap()
    });
    let title = told.lines().next().unwrap();
    assert!(title.starts_with("TCP 2.2.2.25:22 rr "), "{told}");
    assert!(title.contains(" attempts of 1 client in "), "{told}");
    assert!(told.contains("  arrived "), "{told}");
    assert!(told.contains(" on public, scheduled "), "{told}");
    assert!(told.contains("\n    1.1.1.20:22   "), "{told}");
}

#[test]
fn an_interrupt_ends_it_with_what_was_seen() {
    let cluster = masqueraded();
    // Not in the foreground, timeout sends the signal twice, and the second ends it at once.
    let command = format!(
        "timeout --foreground --preserve-status --signal INT 8 {} --diagnose --listen 300 --json",
        env!("CARGO_BIN_EXE_ipvsadm")
    );
    let told = thread::scope(|scope| {
        // It ends with 0, and the document is whole.
        let listening = scope.spawn(|| cluster.director.shell(&command));
        connect(&cluster.client, "2.2.2.25:22");
        connect(&cluster.client, "2.2.2.25:22");
        listening.join().unwrap()
    });
    let document: Value = serde_json::from_str(&told).unwrap();
    let seconds = document["listened"]["seconds"].as_f64().unwrap();
    assert!(seconds > 0.0 && seconds < 300.0, "{told}");
    // Nothing of it is left.
    let sockets = cluster.director.shell("cat /proc/thread-self/net/packet");
    assert_eq!(sockets.lines().count(), 1, "{sockets}");
}

#[test]
fn what_cannot_be_listened_to_is_refused() {
    let cluster = masqueraded();
    for word in ["0", "301", "1.5", "x"] {
        cluster.director.ipvsadm_refuses(
            &format!("--diagnose --listen {word}"),
            2,
            &format!("illegal time `{word}' to listen specified: 1 to 300 seconds"),
        );
    }
}
