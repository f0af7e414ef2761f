//! `--exist --keep`, which adds what is missing and leaves what somebody else has set; and sync
//! daemons with `--exist`. That nothing differs but what is named is tried in `changes`.

use std::process::{Command, Stdio};

use crate::support::cluster::{Cluster, eventually};
use crate::support::traffic::Conversation;
use crate::support::{Ending, Invocation, Namespace, Outcome, Program};

fn ours(namespace: &Namespace, line: &str) -> Outcome {
    namespace.run(&Program::ours(), &Invocation::line(line))
}

/// Runs our program, which must end so, with these words on standard error.
fn ends(namespace: &Namespace, line: &str, status: i32, said: &str) {
    let outcome = ours(namespace, line);
    assert_eq!(
        (outcome.ending, outcome.stderr_text().as_str()),
        (Ending::Status(status), said),
        "ipvsadm {line}"
    );
}

fn done(namespace: &Namespace, line: &str) {
    ends(namespace, line, 0, "");
}

fn saved(namespace: &Namespace) -> String {
    ours(namespace, "-Sn").stdout_text()
}

fn restore(namespace: &Namespace, words: &[&str], rules: &str) -> Outcome {
    let invocation = Invocation {
        argv0: "ipvsadm-restore".into(),
        words: words.iter().map(Into::into).collect(),
        stdin: rules.into(),
    };
    namespace.run(&Program::ours(), &invocation)
}

const TABLE: &str = "-A -t 192.0.2.1:0 -s sh -p 300 -b sh-port\n\
                     -a -t 192.0.2.1:0 -r 2001:db8::7 -i -w 3\n\
                     -A -t 192.0.2.1:80 -s wrr\n\
                     -a -t 192.0.2.1:80 -r 198.51.100.1:8080 -m -w 0 -x 90 -y 40\n\
                     -a -t 192.0.2.1:80 -r 198.51.100.2:80 -i -w 5 --tun-type gue --tun-port 6081 --tun-csum\n\
                     -a -t 192.0.2.1:80 -r 198.51.100.3:80 -g -w 2\n";

/// A table with services and servers that their defaults do not describe.
fn table() -> Namespace {
    let namespace = Namespace::new();
    let outcome = restore(&namespace, &[], TABLE);
    assert!(outcome.stderr.is_empty(), "{outcome}");
    namespace
}

#[test]
fn what_is_missing_is_added_as_without_it() {
    let namespace = Namespace::new();
    let plain = Namespace::new();
    for line in [
        "-A -t 192.0.2.1:80",
        "-A -u 192.0.2.1:53 -s sh -b sh-port -p 60 -M 255.255.0.0 -o",
        "-A -f 7 -6",
        "-a -t 192.0.2.1:80 -r 198.51.100.1:8080 -m -w 3 -x 9",
        "-a -t 192.0.2.1:80 -r 198.51.100.2:8080",
        "-a -t 192.0.2.1:80 -r 2001:db8::7 -i --tun-type gre --tun-csum",
        "-a -f 7 -6 -r 2001:db8::8",
    ] {
        done(&plain, line);
        for _ in 0..2 {
            done(&namespace, &format!("{line} --keep --exist"));
            assert_eq!(saved(&namespace), saved(&plain), "{line}");
        }
    }
    ends(
        &namespace,
        "-a -f 9 -r 198.51.100.1 --exist --keep",
        255,
        "Service not defined\n",
    );
    ends(
        &namespace,
        "-A -f 9 -s none-such --exist --keep",
        255,
        "Scheduler or persistence engine not found\n",
    );
}

#[test]
fn what_an_addition_lacks_counts_only_where_it_adds() {
    let namespace = table();
    let before = saved(&namespace);
    for (line, fault) in [
        (
            "-A -t 192.0.2.1:0",
            "Zero port specified for non-persistent service",
        ),
        (
            "-A -t 192.0.2.1:0 -b sh-port",
            "incompatible scheduler flag `sh-port'",
        ),
        (
            "-a -t 192.0.2.1:0 -r 2001:db8::7",
            "Different address family is allowed only for tunneling servers",
        ),
        (
            "-a -t 192.0.2.1:80 -r 198.51.100.2 --tun-port 6081",
            "Tunnel options conflict with forward method",
        ),
    ] {
        done(&namespace, &format!("{line} --exist --keep"));
        assert_eq!(saved(&namespace), before, "{line}");
        let empty = Namespace::new();
        ends(
            &empty,
            &format!("{line} --exist --keep"),
            2,
            &format!("{fault}\n"),
        );
        let rule = format!("{line} --exist --keep\n");
        let outcome = restore(&empty, &[], &rule);
        assert_eq!(
            (outcome.ending, outcome.stderr_text()),
            (Ending::Status(2), format!("line 1: {fault}: {rule}"))
        );
    }
    // What does not go with what is there is a fault, and nothing is changed.
    ends(
        &namespace,
        "-a -t 192.0.2.1:80 -r 198.51.100.3 --tun-csum --exist --keep",
        2,
        "Tunnel options conflict with forward method\n",
    );
    ends(
        &namespace,
        "-A -t 192.0.2.1:80 -b mh-port --exist --keep",
        2,
        "incompatible scheduler flag `mh-port'\n",
    );
    assert_eq!(saved(&namespace), before);
}

#[test]
fn a_server_is_found_by_the_port_that_is_named_and_by_the_one_that_it_would_get() {
    let namespace = table();
    for (line, from, to) in [
        (
            "-a -t 192.0.2.1:80 -r 198.51.100.1:8080 -x 91",
            "-m -w 0 -x 90 -y 40",
            "-m -w 0 -x 91 -y 40",
        ),
        (
            "-a -t 192.0.2.1:80 -r 198.51.100.3:8080 -w 4",
            "-r 198.51.100.3:80 -g -w 2",
            "-r 198.51.100.3:80 -g -w 4",
        ),
        (
            "-a -t 192.0.2.1:80 -r 198.51.100.2 -i --tun-port 7000",
            "--tun-port 6081",
            "--tun-port 7000",
        ),
    ] {
        let before = saved(&namespace);
        assert!(before.contains(from), "{before}");
        done(&namespace, &format!("{line} --exist --keep"));
        assert_eq!(saved(&namespace), before.replace(from, to), "{line}");
    }
}

#[test]
fn rules_know_it() {
    const RULES: &str = "-A -f 1 -s rr\n\
                         -A -f 1 -p 60 --exist --keep\n\
                         -a -f 1 -r 198.51.100.1 -m -w 3\n\
                         -a -f 1 -r 198.51.100.1 -x 9 --exist --keep\n\
                         -a -f 1 -r 198.51.100.2 -i --exist --keep\n";
    const RESULT: &str = "-A -f 1 -s rr -p 60\n\
                          -a -f 1 -r 198.51.100.1:0 -m -w 3 -x 9\n\
                          -a -f 1 -r 198.51.100.2:0 -i -w 1 --tun-type ipip\n";
    let [one_by_one, whole] = [Namespace::new(), Namespace::new()];
    let outcome = one_by_one.run(&Program::ours(), &Invocation::restore(RULES));
    assert!(outcome.stderr.is_empty(), "{outcome}");
    let outcome = restore(&whole, &[], RULES);
    assert!(outcome.stderr.is_empty(), "{outcome}");
    for namespace in [&one_by_one, &whole] {
        let mut lines: Vec<_> = saved(namespace).lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines.join("\n") + "\n", RESULT);
    }
    // Beside what stays, it keeps what is there.
    done(&whole, "-e -f 1 -r 198.51.100.1 -w 0 --keep");
    let before = saved(&whole);
    let rules = "-a -f 1 -r 198.51.100.1 -m --exist --keep\n-A -f 1 --exist --keep\n";
    let outcome = restore(&whole, &["--noflush"], rules);
    assert!(
        outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
        "{outcome}"
    );
    assert_eq!(saved(&whole), before);
}

/// Types a line at a terminal, and returns what that shows.
fn at_terminal(namespace: &Namespace, line: &str) -> String {
    namespace.at_terminal(999, &format!("'{}' {line}", env!("CARGO_BIN_EXE_ipvsadm")))
}

#[test]
fn a_reset_is_hinted_at_as_that_of_an_edit() {
    for (addition, edit) in [
        (
            "-A -t 192.0.2.1:0 -s sh -p 300",
            "-E -t 192.0.2.1:0 -s sh -p 300",
        ),
        ("-A -t 192.0.2.1:0 -p 300", "-E -t 192.0.2.1:0 -p 300"),
        (
            "-a -t 192.0.2.1:80 -r 198.51.100.1:8080 -m",
            "-e -t 192.0.2.1:80 -r 198.51.100.1:8080 -m",
        ),
        (
            "-a -t 192.0.2.1:80 -r 198.51.100.2",
            "-e -t 192.0.2.1:80 -r 198.51.100.2",
        ),
    ] {
        // Other hints are about what the namespace lacks.
        let hint_about_losses = |namespace: &Namespace, line: &str| {
            let shown = at_terminal(namespace, line);
            let lines = shown.lines().filter(|line| line.contains("--keep"));
            lines.collect::<String>()
        };
        let hint = hint_about_losses(&table(), edit);
        assert!(hint.starts_with("hint: "), "{hint}");
        let namespace = table();
        let addition = format!("{addition} --exist");
        let keeping = format!("{addition} --keep");
        assert_eq!(hint_about_losses(&namespace, &keeping), "");
        assert_eq!(hint_about_losses(&namespace, &addition), hint);
        // What is no longer there to be lost is not named again.
        assert_eq!(hint_about_losses(&namespace, &addition), "");
    }
    let shown = at_terminal(&table(), "-A -t 192.0.2.1:80 --keep");
    assert_eq!(
        shown,
        "Illegal 'keep' option with the 'add-service' command\nhint: that goes with --exist\n"
    );
}

#[test]
fn a_drain_beside_a_health_loop_ends() {
    let cluster = Cluster::new("cluster nat");
    let director = &cluster.director;
    director.ipvsadm_each(&[
        "-A -t 2.2.2.25:22 -s wrr",
        "-a -t 2.2.2.25:22 -r 1.1.1.10 -m -w 3 -x 70",
        "-a -t 2.2.2.25:22 -r 1.1.1.20 -m -w 2",
    ]);
    let mut conversations: Vec<_> = (0..4)
        .map(|_| Conversation::open(&cluster.client, "2.2.2.25:22"))
        .collect();
    let ours = env!("CARGO_BIN_EXE_ipvsadm");
    let mut health = Command::new("sh");
    health.arg("-c").arg(format!(
        "while echo; do '{ours}' -a -t 2.2.2.25:22 -r 1.1.1.10 -m --exist --keep || echo failed; sleep 1; done"
    ));
    health.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut health = director.enter(move || health.spawn().expect("a shell"));
    let mut rounds = std::io::BufReader::new(health.stdout.take().expect("a pipe"));
    let mut wait_for_rounds = |count: usize| {
        let mut line = String::new();
        for _ in 0..count {
            line.clear();
            std::io::BufRead::read_line(&mut rounds, &mut line).expect("a line");
            assert_eq!(line, "\n", "the loop has failed");
        }
    };
    wait_for_rounds(2);
    let mut command = Program::ours().command("ipvsadm".as_ref());
    command.args(["-e", "-t", "2.2.2.25:22", "-r", "1.1.1.10", "--drain"]);
    command.stdout(Stdio::null());
    let mut drain = director.enter(move || command.spawn().expect("our program"));
    eventually("the weight is 0", || {
        let rules = director.ipvsadm("-Sn");
        match rules.contains("-r 1.1.1.10:22 -m -w 0 -x 70\n") {
            true => Ok(()),
            false => Err(rules),
        }
    });
    wait_for_rounds(4);
    conversations.iter_mut().for_each(Conversation::goes_on);
    assert_eq!(drain.try_wait().expect("a child of ours"), None);
    // A connection that is reset is forgotten after ten seconds, one that is closed after two
    // minutes.
    conversations.into_iter().for_each(Conversation::reset);
    assert_eq!(drain.wait().expect("a child of ours").code(), Some(0));
    let left = director.ipvsadm("-Sn");
    assert!(left.contains("-r 1.1.1.10:22 -m -w 0 -x 70\n"), "{left}");
    // Who is gone comes back.
    director.ipvsadm("-d -t 2.2.2.25:22 -r 1.1.1.10");
    eventually("the loop adds it", || {
        let rules = director.ipvsadm("-Sn");
        match rules.contains("-r 1.1.1.10:22 -m -w 1\n") {
            true => Ok(()),
            false => Err(rules),
        }
    });
    health.kill().expect("a child of ours");
    health.wait().expect("a child of ours");
}

/// The settings of a daemon, each as it is by default.
fn defaults(role: &str) -> [&str; 6] {
    [
        "--mcast-interface eth0",
        "--syncid 0",
        "--mcast-group 224.0.0.81",
        "--mcast-port 8848",
        "--mcast-ttl 1",
        match role {
            "master" => "--sync-maxlen 1472",
            _ => "--sync-maxlen 8972",
        },
    ]
}

#[test]
fn a_sync_daemon_with_the_same_settings_will_do_in_every_spelling() {
    let namespace = Namespace::new();
    namespace.add_eth0();
    namespace.ip_batch("link set eth0 mtu 9000");
    let has_run = "Daemon has already run\n";
    for role in ["master", "backup"] {
        let defaults = defaults(role);
        let start = format!("--start-daemon {role}");
        let all = format!("{start} {}", defaults.join(" "));
        let mut spellings = vec![start.clone(), all.clone()];
        spellings.extend(defaults.map(|setting| format!("{start} {setting}")));
        let stop = format!("--stop-daemon {role}");
        done(&namespace, &format!("{stop} --exist"));
        ends(&namespace, &stop, 255, "No daemon is running\n");
        for first in [&start, &all] {
            done(&namespace, &format!("{first} --exist"));
            let running = ours(&namespace, "-L --daemon").stdout_text();
            assert!(
                running.starts_with(&format!("{role} sync daemon")),
                "{running}"
            );
            for spelling in &spellings {
                done(&namespace, &format!("{spelling} --exist"));
                ends(&namespace, spelling, 255, has_run);
            }
            for other in [
                "--mcast-interface lo",
                "--syncid 1",
                "--mcast-group 224.0.0.82",
                "--mcast-group ff02::81",
                "--mcast-port 8849",
                "--mcast-ttl 2",
                "--sync-maxlen 1473",
            ] {
                ends(
                    &namespace,
                    &format!("{start} {other} --exist"),
                    255,
                    has_run,
                );
            }
            assert_eq!(ours(&namespace, "-L --daemon").stdout_text(), running);
            done(&namespace, &format!("{stop} --syncid 77 --exist"));
            done(&namespace, &format!("{stop} --exist"));
            assert_eq!(ours(&namespace, "-L --daemon").stdout_text(), "");
        }
        // What the kernel makes of it counts, not the words.
        for settings in [
            "--mcast-group ff02::81",
            "--mcast-group ff02::81 --sync-maxlen 65507",
            "--sync-maxlen 7",
            "--sync-maxlen 65507 --mcast-port 65535 --mcast-ttl 255 --syncid 255",
            "--mcast-group ff02:0::0085",
        ] {
            for _ in 0..2 {
                done(&namespace, &format!("{start} {settings} --exist"));
            }
            done(&namespace, &stop);
        }
    }
    ends(
        &namespace,
        "--start-daemon master --mcast-interface none --exist",
        255,
        "No such device\n",
    );
}

#[test]
fn rules_start_and_stop_daemons_that_may_run_already() {
    let namespace = Namespace::new();
    namespace.add_eth0();
    let rules = "-A -f 1 -s rr\n--start-daemon master --syncid 7 --exist\n\
                 --stop-daemon backup --exist\n";
    let starts = "--start-daemon master --mcast-interface eth0 --syncid 7\n";
    let outcome = restore(&namespace, &["--dry-run"], rules);
    assert_eq!(outcome.stdout_text(), format!("-A -f 1 -s rr\n{starts}"));
    for _ in 0..2 {
        let outcome = restore(&namespace, &[], rules);
        assert!(
            outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
            "{outcome}"
        );
        let outcome = namespace.run(&Program::ours(), &Invocation::restore(rules));
        // The service is there already.
        assert_eq!(outcome.stderr_text(), "Service already exists\n");
        let outcome = restore(&namespace, &["--dry-run"], rules);
        assert!(
            outcome.stdout.is_empty() && outcome.stderr.is_empty(),
            "{outcome}"
        );
    }
    // It is stopped first, and so it is started again.
    let again = format!("-A -f 1 -s rr\n--stop-daemon master\n{starts}");
    let outcome = restore(
        &namespace,
        &["--dry-run"],
        &again.replace("7\n", "7 --exist\n"),
    );
    assert_eq!(
        outcome.stdout_text(),
        format!("--stop-daemon master --syncid 0\n{starts}")
    );
    let other = rules.replace("--syncid 7", "--syncid 8");
    for words in [&["--dry-run"][..], &[]] {
        let outcome = restore(&namespace, words, &other);
        assert_eq!(
            outcome.stderr_text(),
            "line 2: Daemon has already run: --start-daemon master --syncid 8 --exist\n"
        );
    }
}
