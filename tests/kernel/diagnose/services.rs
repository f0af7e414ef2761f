//! Services and servers as they are set up.

use std::process::Command;

use super::examination::{Examination, found_and_repaired, masqueraded, routed};
use crate::support::Ending;
use crate::support::cluster::{Cluster, eventually};
use crate::support::traffic::{Conversation, datagrams, refused};

#[test]
fn a_service_whose_servers_all_have_weight_0() {
    let cluster = masqueraded();
    cluster.director.ipvsadm_each(&[
        "-e -t 2.2.2.25:22 -r 1.1.1.10 -m -w 0",
        "-e -t 2.2.2.25:22 -r 1.1.1.20 -m -w 0",
    ]);
    found_and_repaired(&cluster, "", &["no-server"]);
}

#[test]
fn a_service_whose_servers_are_all_full() {
    let cluster = masqueraded();
    cluster.director.ipvsadm_each(&[
        "-e -t 2.2.2.25:22 -r 1.1.1.10 -m -x 1",
        "-d -t 2.2.2.25:22 -r 1.1.1.20",
    ]);
    Examination::new(&cluster.director, "").assert_ids(&[]);
    let _open = Conversation::open(&cluster.client, "2.2.2.25:22");
    found_and_repaired(&cluster, "", &["no-server"]);
    let _second = Conversation::open(&cluster.client, "2.2.2.25:22");
}

#[test]
fn a_server_that_was_full_stays_so_until_it_is_well_below() {
    let cluster = routed();
    let (director, client) = (&cluster.director, &cluster.client);
    director.ipvsadm_each(&[
        "-e -t 1.1.1.254:22 -r 1.1.1.10 -g -x 4 -y 2",
        "-d -t 1.1.1.254:22 -r 1.1.1.20",
        "--set 0 1 0",
    ]);
    let mut open: Vec<Conversation> = (0..4)
        .map(|_| Conversation::open(client, "1.1.1.254:22"))
        .collect();
    Examination::new(director, "").assert_ids(&["no-server"]);
    // One is over, and forgotten a second later. Three are fewer than four, and not fewer than two.
    open.pop();
    eventually("one is forgotten", || {
        match Examination::new(director, "").ids().as_slice() {
            ["maybe-full"] => Ok(()),
            ids => Err(format!("{ids:?}")),
        }
    });
    refused(client, "1.1.1.254:22");
    found_and_repaired(&cluster, "", &["maybe-full"]);
    open.push(Conversation::open(client, "1.1.1.254:22"));
}

#[test]
fn a_service_without_servers() {
    let cluster = masqueraded();
    cluster.director.ipvsadm("-A -u 2.2.2.25:53");
    Examination::new(&cluster.director, "").assert_ids(&["no-server"]);
    // Another service is asked for.
    Examination::new(&cluster.director, "-t 2.2.2.25:22").assert_ids(&[]);
    Examination::new(&cluster.director, "-u 2.2.2.25:53").assert_ids(&["no-server"]);
}

#[test]
fn open_connections_of_a_removed_server() {
    let cluster = routed();
    let open = [(); 2].map(|()| Conversation::open(&cluster.client, "1.1.1.254:22"));
    cluster.director.ipvsadm("-d -t 1.1.1.254:22 -r 1.1.1.10");
    let examination = Examination::new(&cluster.director, "");
    examination.assert_ids(&["stale-connections"]);
    let finding = examination.finding("stale-connections");
    assert_eq!(finding["evidence"]["connections"], 1);
    assert_eq!(finding["real_server"]["address"], "1.1.1.10");
    examination.repair(&cluster);
    Examination::new(&cluster.director, "").assert_ids(&[]);
    drop(open);
}

#[test]
fn clients_that_persistence_holds_at_a_draining_server() {
    let cluster = routed();
    cluster.director.ipvsadm("-E -t 1.1.1.254:22 -s rr -p 60");
    let held = Conversation::open(&cluster.client, "1.1.1.254:22");
    let server = if held.server == "rs1" {
        "1.1.1.10"
    } else {
        "1.1.1.20"
    };
    cluster
        .director
        .ipvsadm(&format!("-e -t 1.1.1.254:22 -r {server} -g -w 0"));
    assert_eq!(
        Conversation::open(&cluster.client, "1.1.1.254:22").server,
        held.server
    );
    let examination = Examination::new(&cluster.director, "");
    // They are served there.
    examination.assert_ids(&[]);
    examination.repair_of("held-at-draining", &cluster);
    let notes = Examination::new(&cluster.director, "");
    assert!(!notes.notes().contains(&"held-at-draining"));
    assert_ne!(
        Conversation::open(&cluster.client, "1.1.1.254:22").server,
        held.server
    );
}

#[test]
fn one_packet_scheduling_with_masquerading() {
    let cluster = Cluster::new("cluster nat; serve rs1 udp:53; serve rs2 udp:53");
    cluster.director.ipvsadm_each(&[
        "-A -u 2.2.2.25:53 -s rr -o",
        "-a -u 2.2.2.25:53 -r 1.1.1.10 -m",
        "-a -u 2.2.2.25:53 -r 1.1.1.20 -m",
    ]);
    found_and_repaired(&cluster, "", &["ops-masquerading"]);
    datagrams(&cluster.client, "2.2.2.25:53", 2);
    cluster.director.wait_until_counted();
    Examination::new(&cluster.director, "").assert_ids(&[]);
}

#[test]
fn hashing_with_a_server_that_takes_nobody() {
    let cluster = routed();
    // Both have had clients: a server that was added to `mh` with weight 0 turns nobody away.
    for _ in 0..2 {
        Conversation::open(&cluster.client, "1.1.1.254:22").goes_on();
    }
    cluster.director.wait_until_counted();
    for scheduler in ["sh", "mh"] {
        cluster.director.ipvsadm_each(&[
            &format!("-E -t 1.1.1.254:22 -s {scheduler}"),
            "-e -t 1.1.1.254:22 -r 1.1.1.10 -g -w 0",
        ]);
        found_and_repaired(&cluster, "", &["hash-turns-away"]);
        Conversation::open(&cluster.client, "1.1.1.254:22").goes_on();
    }
}

#[test]
fn a_local_server_at_which_nobody_listens() {
    let cluster = Cluster::new("cluster nat");
    let director = &cluster.director;
    director.ipvsadm_each(&[
        "-A -t 2.2.2.25:80 -s rr",
        "-a -t 2.2.2.25:80 -r 127.0.0.1 -g",
    ]);
    Examination::new(director, "").assert_ids(&["nobody-listens"]);
    // A socket for another address takes nothing that comes for the service's.
    let listen = |address: &'static str| {
        director.enter(move || std::net::TcpListener::bind(address).unwrap())
    };
    let elsewhere = listen("127.0.0.1:80");
    Examination::new(director, "").assert_ids(&["nobody-listens"]);
    drop(elsewhere);
    for address in ["2.2.2.25:80", "0.0.0.0:80", "[::]:80"] {
        let _there = listen(address);
        Examination::new(director, "").assert_ids(&[]);
    }
    // Beside another server, the service does without it.
    director.ipvsadm("-a -t 2.2.2.25:80 -r 1.1.1.10 -m");
    found_and_repaired(&cluster, "", &["nobody-listens"]);
    director.ipvsadm_each(&[
        "-A -u 2.2.2.25:53 -s rr",
        "-a -u 2.2.2.25:53 -r 2.2.2.25 -m",
    ]);
    let examination = Examination::new(director, "-u 2.2.2.25:53");
    examination.assert_ids(&["nobody-listens"]);
    let _there = director.enter(|| std::net::UdpSocket::bind("2.2.2.25:53").unwrap());
    Examination::new(director, "-u 2.2.2.25:53").assert_ids(&[]);
}

#[test]
fn a_director_in_a_network_namespace_is_diagnosed_and_repaired_from_outside() {
    let cluster = masqueraded();
    cluster.director.ipvsadm_each(&[
        "-e -t 2.2.2.25:22 -r 1.1.1.10 -m -w 0",
        "-e -t 2.2.2.25:22 -r 1.1.1.20 -m -w 0",
    ]);
    cluster.director.shell("sysctl -w net.ipv4.ip_forward=0");
    let outside = &cluster.client;
    Examination::new(outside, "").assert_ids(&[]);
    for id in ["no-server", "forwarding-off"] {
        let examination = Examination::new(outside, "--netns director");
        examination.assert_ids(&[id]);
        for step in examination.finding(id)["remedy"].as_array().unwrap() {
            outside.shell(step["command"].as_str().unwrap());
        }
    }
    Examination::new(outside, "--probe --netns director").assert_ids(&[]);
    Examination::new(&cluster.director, "--probe").assert_ids(&[]);
}

#[test]
fn words_that_make_no_diagnosis_are_refused() {
    let cluster = masqueraded();
    let director = &cluster.director;
    director.ipvsadm_refuses("--diagnose -t 2.2.2.25:23", 2, "No such service");
    director.ipvsadm_refuses(
        "--diagnose --probe-from 2.2.2.9",
        2,
        "You need to supply the 'probe' option for the 'diagnose' command",
    );
    for word in ["x", "2001:db8::1", "0.0.0.0", "224.0.0.1", "127.0.0.1"] {
        director.ipvsadm_refuses(
            &format!("--diagnose --probe --probe-from {word}"),
            2,
            &format!("illegal IPv4 address `{word}' to probe from specified"),
        );
    }
    director.ipvsadm_refuses(
        "--diagnose --stats",
        2,
        "Illegal 'stats' option with the 'diagnose' command",
    );
    // Numbers are all there is.
    director.ipvsadm("--diagnose -n -t 2.2.2.25:22");
}

#[test]
fn without_privilege_it_says_what_it_needs() {
    let cluster = masqueraded();
    let program = env!("CARGO_BIN_EXE_ipvsadm");
    let run = |capabilities: &str, words: &str| {
        let mut command = Command::new("setpriv");
        command
            .args([
                "--bounding-set",
                capabilities,
                "--inh-caps",
                capabilities,
                program,
                "--diagnose",
            ])
            .args(words.split_whitespace());
        let outcome = cluster.director.output(command);
        (outcome.ending, outcome.stderr_text())
    };
    let (ending, said) = run("-all", "");
    assert_eq!(ending, Ending::Status(2), "{said}");
    assert!(
        said.contains("Permission denied (you must be root)"),
        "{said}"
    );
    let (ending, said) = run("-all,+net_admin", "");
    assert_eq!((ending, said.as_str()), (Ending::Status(0), ""));
    let (ending, said) = run("-all,+net_admin", "--probe");
    assert_eq!(
        (ending, said.as_str()),
        (
            Ending::Status(2),
            "--probe sends packets of its own, which takes root or the capability CAP_NET_RAW\n"
        )
    );
    let (ending, said) = run("-all,+net_admin,+net_raw", "--probe");
    assert_eq!((ending, said.as_str()), (Ending::Status(0), ""));
}
