//! `--drain`: servers are taken out while clients are on them, and nobody is cut off.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::lasting::{Lasting, ended, go_back, shown_at_terminal};
use crate::support::cluster::{Cluster, Host, eventually};
use crate::support::traffic::{Conversation, assert_all, datagrams, greetings, http, refused};
use crate::support::{Ending, Invocation, Program};

const WAY_BACK: &str = "the way back is on standard output, for ipvsadm -R\n";

/// Returns the sentence that follows where a drain is given up, for the command that it is of.
fn left_quiet(cause: &str, command: &str) -> String {
    let not_deleted = if command == "-e" {
        ""
    } else {
        "not deleted, and "
    };
    format!("{cause}: {not_deleted}left at weight 0; {WAY_BACK}")
}

/// Returns the sentence that follows where others have changed what is drained.
fn others_have_plans(command: &str) -> String {
    let not_deleted = if command == "-e" {
        ""
    } else {
        "not deleted, and "
    };
    format!("somebody has other plans: {not_deleted}weights are left as they are; {WAY_BACK}")
}

/// Begins to drain, and waits until the weights are 0: each of so many entries.
fn begin(director: &Host, line: &str, entries: usize) -> Lasting {
    let lasting = Lasting::begin(director, line, entries);
    until_quiet(director, entries);
    lasting
}

/// Begins to end a service, whose way back has a line more.
fn begin_to_end(director: &Host, service: &str, entries: usize) -> Lasting {
    let line = format!("-D {service} --drain");
    let lasting = Lasting::begin(director, &line, 1 + entries);
    until_quiet(director, entries);
    lasting
}

fn until_quiet(director: &Host, entries: usize) {
    eventually("the weights are 0", || {
        let rules = director.ipvsadm("-Sn");
        let quiet = rules.lines().filter(|line| line.contains(" -w 0")).count();
        match quiet == entries {
            true => Ok(()),
            false => Err(rules),
        }
    });
}

/// Drains rs1 at each of these addresses at once, under the eyes of clients.
fn drains_without_a_loss(topology: &str, method: &str, services: [(&str, [&str; 2]); 2]) {
    let cluster = Cluster::new(&format!("cluster {topology}"));
    let (client, director) = (&cluster.client, &cluster.director);
    // Where the director sees both directions, connections that are reset are forgotten after ten
    // seconds; where it sees the client's only, those that are closed after one.
    director.ipvsadm("--set 0 1 0");
    for (address, servers) in services {
        director.ipvsadm(&format!("-A -t {address} -s wrr"));
        for server in servers {
            director.ipvsadm(&format!("-a -t {address} -r {server} {method} -w 3 -x 90"));
        }
    }
    let before = director.ipvsadm("-Sn");
    for (address, [rs1, _]) in services {
        let mut open: Vec<_> = (0..4)
            .map(|_| Conversation::open(client, address))
            .collect();
        let on_rs1 = |open: &[Conversation]| -> usize {
            open.iter().filter(|open| open.server == "rs1").count()
        };
        assert_eq!(on_rs1(&open), 2);

        let drain = &format!("-d -t {address} -r {rs1} --drain");
        let mut draining = begin(director, drain, 1);
        assert_all(&greetings(client, address, 4), "rs2");
        open.iter_mut().for_each(Conversation::goes_on);
        draining.assert_goes_on();
        // One of two is not enough.
        let first = open.iter().position(|open| open.server == "rs1");
        open.remove(first.expect("one on rs1")).reset();
        open.iter_mut().for_each(Conversation::goes_on);
        draining.assert_goes_on();
        let (last, mut others): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|open| open.server == "rs1");
        last.into_iter().for_each(Conversation::reset);
        let outcome = draining.end();
        ended(&outcome, 0, "");
        let rules = director.ipvsadm("-Sn");
        assert_eq!(rules.lines().count(), before.lines().count() - 1, "{rules}");
        others.iter_mut().for_each(Conversation::goes_on);
        go_back(director, &outcome);
        assert_eq!(director.ipvsadm("-Sn"), before);
    }
}

#[test]
fn behind_nat_nobody_is_cut_off() {
    drains_without_a_loss(
        "nat",
        "-m",
        [
            ("2.2.2.25:22", ["1.1.1.10:22", "1.1.1.20:22"]),
            (
                "[2001:db8:2::25]:22",
                ["[2001:db8:1::10]:22", "[2001:db8:1::20]:22"],
            ),
        ],
    );
}

#[test]
fn with_direct_routing_nobody_is_cut_off() {
    drains_without_a_loss(
        "dr",
        "-g",
        [
            ("1.1.1.254:22", ["1.1.1.10", "1.1.1.20"]),
            ("[2001:db8:1::254]:22", ["2001:db8:1::10", "2001:db8:1::20"]),
        ],
    );
}

#[test]
fn through_tunnels_nobody_is_cut_off() {
    drains_without_a_loss(
        "tun",
        "-i --tun-type gue --tun-port 6080",
        [
            ("1.1.1.254:22", ["1.1.1.10", "1.1.1.20"]),
            ("[2001:db8:1::254]:22", ["2001:db8:1::10", "2001:db8:1::20"]),
        ],
    );
}

#[test]
fn a_server_leaves_all_its_services_by_its_address() {
    let cluster = Cluster::new("cluster nat");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        "-A -t 2.2.2.25:22 -s rr",
        "-a -t 2.2.2.25:22 -r 1.1.1.10 -m -w 3",
        "-a -t 2.2.2.25:22 -r 1.1.1.20 -m",
        "-A -t 2.2.2.25:80 -s wlc",
        "-a -t 2.2.2.25:80 -r 1.1.1.10 -m -w 5 -x 9 -y 7",
        "-a -t 2.2.2.25:80 -r 1.1.1.100 -m -w 5",
        "-A -u 2.2.2.25:53 -s rr",
        "-a -u 2.2.2.25:53 -r 1.1.1.10:5353 -m",
        "-a -u 2.2.2.25:53 -r 1.1.1.20 -m",
        "-A -f 1 -s rr",
        "-a -f 1 -r 1.1.1.20 -g",
    ]);
    let before = director.ipvsadm("-Sn");
    let open: Vec<_> = (0..2)
        .map(|_| Conversation::open(client, "2.2.2.25:22"))
        .collect();
    let mut draining = begin(director, "-e -r 1.1.1.10 --drain", 3);
    draining.assert_goes_on();
    assert_eq!(
        draining.written,
        "-e -t 2.2.2.25:22 -r 1.1.1.10:22 -m -w 3\n\
         -e -t 2.2.2.25:80 -r 1.1.1.10:80 -m -w 5 -x 9 -y 7\n\
         -e -u 2.2.2.25:53 -r 1.1.1.10:5353 -m -w 1\n"
    );
    // The one with a connection is draining, the others are drained.
    let states = |word: &str| {
        let listing = director.ipvsadm("-L --json");
        listing.matches(&format!("\"drain_state\":{word}")).count()
    };
    assert_eq!(
        ["\"draining\"", "\"drained\"", "null"].map(states),
        [1, 2, 4]
    );
    open.into_iter().for_each(Conversation::reset);
    let outcome = draining.end();
    ended(&outcome, 0, "");
    assert_eq!(
        ["\"draining\"", "\"drained\"", "null"].map(states),
        [0, 3, 4]
    );
    // Nothing but the weights has changed, and they stay.
    assert_eq!(
        director.ipvsadm("-Sn"),
        before
            .lines()
            .map(|line| match line.split_once("-r 1.1.1.10:") {
                Some(_) => {
                    let (front, weight) = line.split_once(" -w ").expect("a weight");
                    format!("{front} -w 0{}\n", &weight[1..])
                }
                None => format!("{line}\n"),
            })
            .collect::<String>()
    );
    go_back(director, &outcome);
    assert_eq!(director.ipvsadm("-Sn"), before);

    // With its port, only there.
    let outcome = begin(director, "-d -r 1.1.1.10:5353 --drain", 0).end();
    ended(&outcome, 0, "");
    assert_eq!(
        outcome.stdout_text(),
        "-a -u 2.2.2.25:53 -r 1.1.1.10:5353 -m -w 1 --exist\n"
    );
    assert!(!director.ipvsadm("-Sn").contains(":5353"));
    go_back(director, &outcome);
    assert_eq!(director.ipvsadm("-Sn"), before);
}

#[test]
fn who_persistence_holds_is_waited_for_unless_it_lets_go() {
    let cluster = Cluster::new("cluster dr");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        "--set 0 1 0",
        "-A -t 1.1.1.254:22 -s rr -p 300",
        "-a -t 1.1.1.254:22 -r 1.1.1.10 -g",
        "-a -t 1.1.1.254:22 -r 1.1.1.20 -g",
    ]);
    let held_by = |client: &Host| -> String {
        let server = greetings(client, "1.1.1.254:22", 1).remove(0);
        format!("1.1.1.{}0", &server[2..])
    };
    let server = held_by(client);
    let entry = format!("-t 1.1.1.254:22 -r {server}:22");
    let outcome = director.try_ipvsadm(&format!("-d {entry} --drain 4"));
    ended(
        &outcome,
        3,
        &format!(
            "{entry}: 0 active and 0 inactive connections left, \
             and 1 client held by persistence\n{}",
            left_quiet("time is up", "-d")
        ),
    );
    // The client comes back to it.
    assert_eq!(held_by(client), server);
    // A person reads what to do about that.
    let shown = shown_at_terminal(director, &format!("-e {entry} --drain 2"));
    assert!(
        shown.contains(
            "hint: persistence brings its clients back (held: 1); \
             sysctl -w net.ipv4.vs.expire_quiescent_template=1 lets them go elsewhere\r\n"
        ),
        "{shown:?}"
    );
    director.shell("echo 1 >/proc/sys/net/ipv4/vs/expire_quiescent_template");
    let outcome = begin(director, &format!("-e {entry} --drain"), 1).end();
    ended(&outcome, 0, "");
    assert_ne!(held_by(client), server);

    // Held for a short time, they are waited for.
    director.shell("echo 0 >/proc/sys/net/ipv4/vs/expire_quiescent_template");
    director.ipvsadm_each(&[
        "-A -t 1.1.1.254:80 -s rr -p 1",
        "-a -t 1.1.1.254:80 -r 1.1.1.10 -g",
        "-a -t 1.1.1.254:80 -r 1.1.1.20 -g",
    ]);
    let server = http(client, "1.1.1.254:80", 1).remove(0);
    let server = format!("1.1.1.{}0:80", &server[2..]);
    let drain = format!("-d -t 1.1.1.254:80 -r {server} --drain");
    ended(&director.try_ipvsadm(&drain), 0, "");
    assert!(!director.ipvsadm("-Sn").contains(&server));
}

/// A client that sends a datagram from one port ten times a second, until it is dropped.
struct Chatter(Child);

impl Chatter {
    fn begin(client: &Host, address: &str) -> Self {
        let (host, port) = address.split_once(':').expect("a port");
        let mut command = Command::new("bash");
        let script = format!("while echo who?; do sleep 0.1; done >/dev/udp/{host}/{port}");
        command.args(["-c", &script]).process_group(0);
        Self(client.enter(move || command.spawn().expect("a shell")))
    }
}

impl Drop for Chatter {
    fn drop(&mut self) {
        let group = i32::try_from(self.0.id()).expect("a process");
        let _ = nix::sys::signal::killpg(Pid::from_raw(group), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

#[test]
fn udp_that_never_stops_is_not_drained_and_else_its_time_runs_out() {
    let cluster = Cluster::new("cluster nat; serve rs1 udp:53; serve rs2 udp:53");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        "--set 0 0 2",
        "-A -u 2.2.2.25:53 -s rr",
        "-a -u 2.2.2.25:53 -r 1.1.1.10 -m",
    ]);
    let chatter = Chatter::begin(client, "2.2.2.25:53");
    eventually("it is heard", || {
        let listing = director.ipvsadm("-Ln");
        match listing.split_whitespace().next_back() {
            Some("1") => Ok(()),
            _ => Err(listing),
        }
    });
    director.ipvsadm("-a -u 2.2.2.25:53 -r 1.1.1.20 -m");
    const ENTRY: &str = "-u 2.2.2.25:53 -r 1.1.1.10:53";
    let outcome = director.try_ipvsadm(&format!("-d {ENTRY} --drain 4"));
    ended(
        &outcome,
        3,
        &format!(
            "{ENTRY}: 0 active and 1 inactive connections left\n{}",
            left_quiet("time is up", "-d")
        ),
    );
    // Others go elsewhere; the one is still heard.
    assert_all(&datagrams(client, "2.2.2.25:53", 2), "rs2");
    let rules = director.ipvsadm("-Sn");
    assert!(rules.contains("-r 1.1.1.10:53 -m -w 0\n"), "{rules}");
    let mut draining = begin(director, "-d -r 1.1.1.10 --drain", 1);
    draining.assert_goes_on();
    drop(chatter);
    ended(&draining.end(), 0, "");
    assert!(!director.ipvsadm("-Sn").contains("1.1.1.10"));
}

#[test]
fn what_new_clients_would_miss_is_not_begun() {
    let cluster = Cluster::new("cluster nat");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        "-A -t 2.2.2.25:22 -s rr",
        "-a -t 2.2.2.25:22 -r 1.1.1.10 -m",
        "-a -t 2.2.2.25:22 -r 1.1.1.20 -m -w 0",
        "-A -t 2.2.2.25:80 -s sh",
        "-a -t 2.2.2.25:80 -r 1.1.1.10 -m",
        "-a -t 2.2.2.25:80 -r 1.1.1.20 -m",
        "-A -f 1 -s sh -b sh-fallback",
        "-a -f 1 -r 1.1.1.10 -m",
        "-a -f 1 -r 1.1.1.20 -m",
        "-A -t 2.2.2.25:81 -s dh",
        "-a -t 2.2.2.25:81 -r 1.1.1.30:80 -m",
        "-a -t 2.2.2.25:81 -r 1.1.1.20:80 -m",
    ]);
    let before = director.ipvsadm("-Sn");
    const LAST: &str = "-t 2.2.2.25:22: no real server would be left for new connections; \
                        --force drains it all the same\n";
    const SH: &str = "-t 2.2.2.25:80: sh turns away clients whose server has weight 0, \
                      without -b sh-fallback; --force drains it all the same\n";
    const DH: &str = "-t 2.2.2.25:81: dh turns away clients whose server has weight 0; \
                      --force drains it all the same\n";
    for (line, told) in [
        ("-d -t 2.2.2.25:22 -r 1.1.1.10 --drain", LAST.to_owned()),
        ("-e -t 2.2.2.25:81 -r 1.1.1.30:80 --drain", DH.to_owned()),
        ("-e -t 2.2.2.25:22 -r 1.1.1.10 --drain 0", LAST.to_owned()),
        ("-e -t 2.2.2.25:80 -r 1.1.1.20 --drain", SH.to_owned()),
        ("-d -r 1.1.1.10 --drain", LAST.to_owned() + SH),
    ] {
        let outcome = director.try_ipvsadm(line);
        ended(&outcome, 255, &told);
        assert!(outcome.stdout.is_empty(), "{line}\n{outcome}");
        assert_eq!(director.ipvsadm("-Sn"), before, "{line}");
    }
    // One that takes nothing new already is not missed.
    ended(
        &director.try_ipvsadm("-d -t 2.2.2.25:22 -r 1.1.1.20 --drain"),
        0,
        "",
    );
    ended(&director.try_ipvsadm("-e -f 1 -r 1.1.1.10 --drain"), 0, "");
    let open = Conversation::open(client, "2.2.2.25:22");
    let mut draining = begin(director, "-e -r 1.1.1.10 --drain --force", 3);
    draining.assert_goes_on();
    refused(client, "2.2.2.25:22");
    open.reset();
    ended(&draining.end(), 0, "");
}

#[test]
fn others_may_have_other_plans() {
    let cluster = Cluster::new("cluster nat");
    let (client, director) = (&cluster.client, &cluster.director);
    const ENTRY: &str = "-t 2.2.2.25:22 -r 1.1.1.10:22";
    let table = || {
        director.ipvsadm_each(&[
            "-C",
            "-A -t 2.2.2.25:22 -s rr",
            "-a -t 2.2.2.25:22 -r 1.1.1.10 -m",
        ]);
        let open = Conversation::open(client, "2.2.2.25:22");
        director.ipvsadm("-a -t 2.2.2.25:22 -r 1.1.1.20 -m");
        open
    };
    // A server that is to leave all its services gets another one.
    let open = table();
    let draining = begin(director, "-d -r 1.1.1.10 --drain", 1);
    director.ipvsadm_each(&[
        "-A -u 2.2.2.25:53 -s rr",
        "-a -u 2.2.2.25:53 -r 1.1.1.10 -m -w 9",
        "-a -u 2.2.2.25:53 -r 1.1.1.20 -m",
    ]);
    open.reset();
    ended(
        &draining.end(),
        3,
        &format!(
            "-u 2.2.2.25:53 -r 1.1.1.10:53: somebody has added it\n{}",
            others_have_plans("-d")
        ),
    );
    for command in ["-d", "-e"] {
        let mut open = table();
        let draining = begin(director, &format!("{command} {ENTRY} --drain"), 1);
        director.ipvsadm(&format!("-e {ENTRY} -m -w 7"));
        ended(
            &draining.end(),
            3,
            &format!(
                "{ENTRY}: somebody has given it weight 7 again\n{}",
                others_have_plans(command)
            ),
        );
        let rules = director.ipvsadm("-Sn");
        assert!(rules.contains("-r 1.1.1.10:22 -m -w 7\n"), "{rules}");
        open.goes_on();
    }
    for meddle in [format!("-d {ENTRY}"), "-D -t 2.2.2.25:22".to_owned()] {
        let _open = table();
        let draining = begin(director, "-d -r 1.1.1.10 --drain", 1);
        director.ipvsadm(&meddle);
        ended(&draining.end(), 0, "");

        let _open = table();
        let draining = begin(director, "-e -r 1.1.1.10 --drain", 1);
        director.ipvsadm(&meddle);
        ended(
            &draining.end(),
            3,
            &format!(
                "{ENTRY}: somebody has deleted it\n\
                 somebody has other plans: weights are left as they are\n"
            ),
        );
    }
}

#[test]
fn a_signal_or_the_time_ends_the_waiting_and_nothing_is_deleted() {
    let cluster = Cluster::new("cluster nat");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        "-A -t 2.2.2.25:22 -s rr",
        "-a -t 2.2.2.25:22 -r 1.1.1.10 -m -w 3",
    ]);
    let mut open = Conversation::open(client, "2.2.2.25:22");
    director.ipvsadm("-a -t 2.2.2.25:22 -r 1.1.1.20 -m");
    let before = director.ipvsadm("-Sn");
    let after = before.replace("-m -w 3", "-m -w 0");
    const ENTRY: &str = "-t 2.2.2.25:22 -r 1.1.1.10:22";
    const LEFT: &str = "-t 2.2.2.25:22 -r 1.1.1.10:22: 1 active and 0 inactive connections left\n";
    for (command, signal, status) in [
        ("-d", Signal::SIGINT, 130),
        ("-e", Signal::SIGTERM, 143),
        ("-d", Signal::SIGHUP, 129),
    ] {
        let draining = begin(director, &format!("{command} {ENTRY} --drain"), 1);
        draining.send(signal);
        let outcome = draining.end();
        let sentence = left_quiet("interrupted", command);
        ended(&outcome, status, &format!("{LEFT}{sentence}"));
        assert_eq!(director.ipvsadm("-Sn"), after, "{signal}");
        go_back(director, &outcome);
        assert_eq!(director.ipvsadm("-Sn"), before, "{signal}");
    }
    // A signal that is ignored stays so.
    let mut command = Command::new("nohup");
    let drain = format!("{ENTRY} --drain");
    command
        .args([env!("CARGO_BIN_EXE_ipvsadm"), "-e"])
        .args(drain.split(' '));
    let mut draining = Lasting::begin_with(director, command, 1);
    draining.send(Signal::SIGHUP);
    std::thread::sleep(std::time::Duration::from_secs(3));
    draining.assert_goes_on();
    draining.send(Signal::SIGTERM);
    let outcome = draining.end();
    assert_eq!(outcome.ending, Ending::Status(143), "{outcome}");
    go_back(director, &outcome);

    for line in [
        format!("-d {ENTRY} --drain 2"),
        format!("-e {ENTRY} --drain 1"),
        format!("-d {ENTRY} --drain 0"),
        format!("-e {ENTRY} --drain 0"),
    ] {
        let outcome = director.try_ipvsadm(&line);
        let sentence = left_quiet("time is up", &line[..2]);
        ended(&outcome, 3, &format!("{LEFT}{sentence}"));
        assert_eq!(director.ipvsadm("-Sn"), after, "{line}");
        go_back(director, &outcome);
        assert_eq!(director.ipvsadm("-Sn"), before, "{line}");
    }
    open.goes_on();

    // The same, for a person.
    let told = shown_at_terminal(director, "-e -r 1.1.1.10 --drain 3");
    let mut lines = told.split('\r').map(|line| line.trim_matches(['\n', ' ']));
    assert_eq!(
        lines.next(),
        Some("-e -t 2.2.2.25:22 -r 1.1.1.10:22 -m -w 3")
    );
    assert_eq!(
        lines.next(),
        Some("1.1.1.10: 1 active, 0 closing in 1 service, 0:00 gone by, 0:03 left"),
        "{told:?}"
    );
    assert!(told.contains("\r1.1.1.10: 1 active"), "{told:?}");
    let left = format!("{LEFT}{}", left_quiet("time is up", "-e"));
    let go_on =
        "hint: the same command again goes on; the way back is the one that was written first\n";
    let end = format!("{left}{go_on}").replace('\n', "\r\n");
    assert!(told.contains(&end), "{told:?}");
    assert!(told.ends_with("3\n"), "{told:?}");

    open.reset();
    director.ipvsadm(&format!("-a {ENTRY} -m --exist"));
    let told = shown_at_terminal(director, &format!("-d {ENTRY} --drain"));
    let end = told.rsplit('\r').find(|part| part.contains("drained"));
    let end = end.unwrap_or_default().trim();
    assert!(
        end.starts_with("drained and deleted after 0:") && end.ends_with(WAY_BACK.trim()),
        "{told:?}"
    );
    director.ipvsadm(&format!("-a {ENTRY} -m"));
    let outcome = director.try_ipvsadm(&format!("-d {ENTRY} --drain 60"));
    ended(&outcome, 0, "");
    director.ipvsadm(&format!("-a {ENTRY} -m"));
    let outcome = director.try_ipvsadm(&format!("-d {ENTRY} --drain 0"));
    ended(&outcome, 0, "");
    assert!(!director.ipvsadm("-Sn").contains("1.1.1.10"));
}

/// Ends a service under the eyes of its clients: nobody new is served, and nobody is cut off.
fn service_ends_without_a_loss(topology: &str, service: &str, servers: [&str; 2]) {
    let cluster = Cluster::new(&format!("cluster {topology}"));
    let (client, director) = (&cluster.client, &cluster.director);
    let address = service.rsplit(' ').next().expect("an address");
    let [first, second] = servers;
    director.ipvsadm_each(&[
        "--set 0 1 0",
        &format!("-A {service} -s wrr -b flag-2"),
        &format!("-a {service} -r {first} -w 3 -x 90"),
        &format!("-a {service} -r {second} -w 5 -x 70 -y 60"),
        &format!("-a {service} -r 1.1.1.77:22 -m -w 0"),
        "-A -t 9.9.9.9:80 -s rr",
        "-a -t 9.9.9.9:80 -r 1.1.1.10:80 -m",
    ]);
    let before = director.ipvsadm("-Sn");
    let mut open: Vec<_> = (0..8)
        .map(|_| Conversation::open(client, address))
        .collect();
    let mut draining = begin_to_end(director, service, 3);
    refused(client, address);
    open.iter_mut().for_each(Conversation::goes_on);
    let last = open.pop().expect("eight of them");
    open.into_iter().for_each(Conversation::reset);
    draining.assert_goes_on();
    last.reset();
    let outcome = draining.end();
    ended(&outcome, 0, "");
    let rules = director.ipvsadm("-Sn");
    assert!(!rules.contains(address), "{rules}");
    assert!(
        rules.contains("-t 9.9.9.9:80 -r 1.1.1.10:80 -m -w 1\n"),
        "{rules}"
    );
    go_back(director, &outcome);
    assert_eq!(director.ipvsadm("-Sn"), before);
    assert_eq!(greetings(client, address, 8).len(), 8);
}

#[test]
fn a_service_ends_behind_nat() {
    service_ends_without_a_loss("nat", "-t 2.2.2.25:22", ["1.1.1.10 -m", "1.1.1.20 -m"]);
}

#[test]
fn a_service_ends_with_direct_routing() {
    service_ends_without_a_loss("dr", "-t 1.1.1.254:22", ["1.1.1.10 -g", "1.1.1.20 -g"]);
}

#[test]
fn a_service_ends_whatever_its_scheduler_and_its_persistence() {
    let cluster = Cluster::new("cluster nat; serve rs1 udp:53; serve rs2 udp:53");
    let (client, director) = (&cluster.client, &cluster.director);
    director.ipvsadm_each(&[
        // A client whose time is up while a flow of it is known is held for another minute, so the
        // flow is forgotten first.
        "--set 0 1 2",
        "-A -u 2.2.2.25:53 -s sh -p 5 -M 255.255.255.0",
        "-a -u 2.2.2.25:53 -r 1.1.1.10 -m",
        "-a -u 2.2.2.25:53 -r 1.1.1.20 -m",
    ]);
    let before = director.ipvsadm("-Sn");
    assert_eq!(datagrams(client, "2.2.2.25:53", 1).len(), 1);
    // The flow, then the client that is held.
    let outcome = director.try_ipvsadm("-D -u 2.2.2.25:53 --drain 0");
    assert_eq!(outcome.ending, Ending::Status(3), "{outcome}");
    let told = outcome.stderr_text();
    assert!(
        told.contains("0 active and 1 inactive connections left"),
        "{told}"
    );
    assert!(told.ends_with(&left_quiet("time is up", "-D")), "{told}");
    go_back(director, &outcome);
    assert_eq!(director.ipvsadm("-Sn"), before);
    let outcome = director.try_ipvsadm("-D -u 2.2.2.25:53 --drain");
    ended(&outcome, 0, "");
    assert_eq!(director.ipvsadm("-Sn"), "");
    go_back(director, &outcome);
    assert_eq!(director.ipvsadm("-Sn"), before);

    // One without servers, one that is not there.
    director.ipvsadm("-A -f 7 -6 -s wlc");
    let outcome = director.try_ipvsadm("-D -f 7 -6 --drain");
    ended(&outcome, 0, "");
    assert_eq!(outcome.stdout_text(), "-A -f 7 -6 -s wlc --exist\n");
    assert_eq!(director.ipvsadm("-Sn"), before);
    director.ipvsadm_refuses("-D -f 7 -6 --drain", 255, "No such service");
    assert_eq!(director.ipvsadm("-D -f 7 -6 --drain 3 --exist"), "");
}

#[test]
fn others_may_have_other_plans_with_a_service() {
    let cluster = Cluster::new("cluster nat");
    let (client, director) = (&cluster.client, &cluster.director);
    const SERVICE: &str = "-t 2.2.2.25:22";
    for (meddle, told) in [
        (
            "-e -t 2.2.2.25:22 -r 1.1.1.10 -m -w 7",
            "-t 2.2.2.25:22 -r 1.1.1.10:22: somebody has given it weight 7 again\n",
        ),
        (
            "-a -t 2.2.2.25:22 -r 1.1.1.20 -m",
            "-t 2.2.2.25:22 -r 1.1.1.20:22: somebody has added it\n",
        ),
        ("-d -t 2.2.2.25:22 -r 1.1.1.10", ""),
        ("-D -t 2.2.2.25:22", ""),
    ] {
        director.ipvsadm_each(&[
            "-C",
            "-A -t 2.2.2.25:22 -s wlc",
            "-a -t 2.2.2.25:22 -r 1.1.1.10 -m",
        ]);
        let _open = Conversation::open(client, "2.2.2.25:22");
        let draining = begin_to_end(director, SERVICE, 1);
        director.ipvsadm(meddle);
        let outcome = draining.end();
        match told {
            "" => {
                ended(&outcome, 0, "");
                assert_eq!(director.ipvsadm("-Sn"), "", "{meddle}");
            }
            _ => {
                ended(&outcome, 3, &format!("{told}{}", others_have_plans("-D")));
                let rules = director.ipvsadm("-Sn");
                assert!(rules.contains("-A -t 2.2.2.25:22"), "{rules}");
            }
        }
    }
    // The other server, for the kernel remembers the connections of one that comes back.
    director.ipvsadm_each(&[
        "-C",
        "-A -t 2.2.2.25:22 -s wlc",
        "-a -t 2.2.2.25:22 -r 1.1.1.20 -m -w 3",
    ]);
    let before = director.ipvsadm("-Sn");
    let mut open = Conversation::open(client, "2.2.2.25:22");
    for (signal, status) in [
        (Signal::SIGINT, 130),
        (Signal::SIGTERM, 143),
        (Signal::SIGHUP, 129),
    ] {
        let draining = begin_to_end(director, SERVICE, 1);
        draining.send(signal);
        let outcome = draining.end();
        let sentence = left_quiet("interrupted", "-D");
        ended(
            &outcome,
            status,
            &format!(
                "{SERVICE} -r 1.1.1.20:22: 1 active and 0 inactive connections left\n{sentence}"
            ),
        );
        assert_eq!(director.ipvsadm("-Sn"), before.replace("-w 3", "-w 0"));
        go_back(director, &outcome);
        assert_eq!(director.ipvsadm("-Sn"), before, "{signal}");
    }
    open.goes_on();
}

#[test]
fn words_that_make_no_sense_are_refused() {
    let cluster = Cluster::new("cluster_hosts client director; cluster_settle");
    let director = &cluster.director;
    director.ipvsadm_each(&[
        "-A -t 192.0.2.1:80 -s rr",
        "-a -t 192.0.2.1:80 -r 198.51.100.1 -m",
        "-a -t 192.0.2.1:80 -r 198.51.100.2 -m",
    ]);
    let before = director.ipvsadm("-Sn");
    const SERVER: &str = "-t 192.0.2.1:80 -r 198.51.100.1";
    for (line, status, message) in [
        (
            format!("-e {SERVER} -w 3 --drain"),
            2,
            "The option 'drain' conflicts with the 'weight' option in the 'edit-server' command",
        ),
        (
            format!("-e {SERVER} -m --drain"),
            2,
            "The option 'drain' conflicts with the 'forwarding-method' option \
             in the 'edit-server' command",
        ),
        (
            format!("-a {SERVER} --drain"),
            2,
            "Illegal 'drain' option with the 'add-server' command",
        ),
        (
            "-D -t 192.0.2.1:80 --drain --force".to_owned(),
            2,
            "Illegal 'force' option with the 'delete-service' command",
        ),
        (
            "-D -r 198.51.100.1 --drain".to_owned(),
            2,
            "You need to supply the 'service-address' option for the 'delete-service' command",
        ),
        (
            format!("-d {SERVER} --force"),
            2,
            "You need to supply the 'drain' option for the 'force' option",
        ),
        (
            "-d --drain".to_owned(),
            2,
            "You need to supply the 'real-server' option for the 'delete-server' command",
        ),
        (
            "-d -r 198.51.100.1".to_owned(),
            2,
            "You need to supply the 'service-address' option for the 'delete-server' command",
        ),
        (
            format!("-d {SERVER} --drain soon"),
            2,
            "invalid timeout value `soon' specified",
        ),
        (
            "-d -r 198.51.100.3 --drain".to_owned(),
            255,
            "No such destination",
        ),
        (
            "-e -r 198.51.100.1:81 --drain".to_owned(),
            255,
            "No such destination",
        ),
        (
            "-d -t 192.0.2.1:80 -r 198.51.100.3 --drain".to_owned(),
            255,
            "No such destination",
        ),
        (
            "-d -t 192.0.2.1:81 -r 198.51.100.1 --drain".to_owned(),
            255,
            "Service not defined",
        ),
    ] {
        director.ipvsadm_refuses(&line, status, message);
    }
    for line in [
        "-d -r 198.51.100.3 --drain --exist",
        "-d -t 192.0.2.1:80 -r 198.51.100.3 --drain --exist",
        "-d -t 192.0.2.1:81 -r 198.51.100.1 --exist --drain 3",
    ] {
        assert_eq!(director.ipvsadm(line), "", "{line}");
    }
    for rule in [
        format!("-d {SERVER} --drain"),
        format!("-e {SERVER} --force"),
    ] {
        let outcome = director.run(&Program::ours(), &Invocation::restore(rule.as_str()));
        let option = rule.rsplit("--").next().expect("an option");
        ended(
            &outcome,
            2,
            &format!("line 1: Illegal '{option}' option in a line of rules: {rule}\n"),
        );
    }
    assert_eq!(director.ipvsadm("-Sn"), before);
    // --keep says what draining does anyway.
    assert_eq!(
        director.ipvsadm(&format!("-e {SERVER} --keep --drain 3")),
        "-e -t 192.0.2.1:80 -r 198.51.100.1:80 -m -w 1\n"
    );
}
