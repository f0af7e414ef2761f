//! `ipvsadm-restore` and `-R`, held to what they promise: the table that is left is the one that
//! the reference would leave, what stays keeps its connections, and no fault leaves half a table
//! or an untold refusal.

mod adversity;
mod exit_code;
mod keeping_weights;
mod nothing_lost;
mod random_tables;

use std::ffi::OsString;
use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use crate::support::pair::{Pair, compare};
use crate::support::{Ending, Invocation, Namespace, Outcome, Program, Random, SCRATCH, file_with};
use random_tables::Table;

/// Returns `ipvsadm-restore` with these words and rules.
pub fn reload(words: &[&str], rules: &str) -> Invocation {
    Invocation {
        argv0: OsString::from("ipvsadm-restore"),
        words: words.iter().map(OsString::from).collect(),
        stdin: rules.as_bytes().to_vec(),
    }
}

/// Runs our program, which must end well and without a word on stderr.
pub fn ours(namespace: &Namespace, invocation: &Invocation) -> String {
    succeeds(&namespace.run(&Program::ours(), invocation), invocation)
}

fn succeeds(outcome: &Outcome, invocation: &Invocation) -> String {
    assert!(
        outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
        "{:?} {:?} with\n{}\n{outcome}",
        invocation.argv0,
        invocation.words,
        String::from_utf8_lossy(&invocation.stdin)
    );
    outcome.stdout_text()
}

/// Returns the table as our `-Sn` writes it.
pub fn saved(namespace: &Namespace) -> String {
    ours(namespace, &Invocation::line("-Sn"))
}

#[test]
fn from_any_table_to_any_other_the_difference_leaves_what_clearing_and_restoring_leaves() {
    let pair = Pair::new(false);
    let mut random = Random::of_this_run();
    let mut table = Table::default();
    for round in 0..30 {
        let before = saved(&pair.our_namespace);
        table.change(&mut random);
        let rules = table.rules(&mut random);
        // The reference's own way.
        let expected = pair.run_reference(&reload(&[], &rules));
        assert!(
            expected.ending == Ending::Status(0) && expected.stderr.is_empty(),
            "the reference refuses a table of ours:\n{rules}{expected}"
        );
        if round % 3 == 2 {
            let changes = ours(&pair.our_namespace, &reload(&["--dry-run"], &rules));
            assert_eq!(
                saved(&pair.our_namespace),
                before,
                "--dry-run changed the table"
            );
            ours(&pair.our_namespace, &Invocation::restore(changes));
        } else {
            ours(&pair.our_namespace, &reload(&[], &rules));
        }
        let listings = "-Sn\n-ln\n-ln --thresholds\n-ln --tun-info\n";
        let listings = Invocation::restore(listings);
        for lister in [Program::reference(), Program::ours()] {
            let expected = pair.reference_namespace.run(&lister, &listings);
            let got = pair.our_namespace.run(&lister, &listings);
            if let Err(difference) = compare(&expected, &got) {
                panic!(
                    "round {round}, listed by {}: {difference}\nfrom\n{before}\nto\n{rules}",
                    lister.name
                );
            }
        }
        let again = ours(&pair.our_namespace, &reload(&["--dry-run"], &rules));
        assert_eq!(
            again, "",
            "a second reload would change what is equal:\n{rules}"
        );
    }
}

#[test]
fn what_stays_keeps_its_connections_and_counters() {
    let namespace = Namespace::new();
    namespace.ip_batch("address add 10.9.0.1/32 dev lo\naddress add 10.9.0.2/32 dev lo");
    let stays = "-A -u 10.9.0.1:53 -s rr\n-a -u 10.9.0.1:53 -r 10.9.0.2:5353 -m -w 1\n";
    ours(
        &namespace,
        &reload(&[], &format!("{stays}-A -t 10.9.0.1:80 -s rr\n")),
    );
    namespace.enter(|| {
        let server = UdpSocket::bind("10.9.0.2:5353").unwrap();
        let client = UdpSocket::bind("10.9.0.1:0").unwrap();
        client.send_to(b"?", "10.9.0.1:53").unwrap();
        server.recv(&mut [0; 8]).unwrap();
    });
    let listings = Invocation::restore("-lnc\n-ln --stats -u 10.9.0.1:53\n");
    let without_clock = |text: String| -> Vec<String> {
        let without = |line: &str| {
            // The seconds that a connection has left.
            let words = line
                .split_whitespace()
                .filter(|word| !(word.len() == 5 && word.as_bytes()[2] == b':'));
            words.collect::<Vec<_>>().join(" ")
        };
        text.lines().map(without).collect()
    };
    let has = |lines: &[String], start: &str| lines.iter().any(|line| line.starts_with(start));
    namespace.wait_until_counted();
    let before = without_clock(ours(&namespace, &listings));
    assert!(has(&before, "UDP 10.9.0.1:53 1 1 "), "{before:#?}");
    assert!(has(&before, "UDP UDP 10.9.0.1:"), "{before:#?}");
    // A server and a service more, a scheduler, a weight and another service less.
    let changed = "-A -u 10.9.0.1:53 -s wrr\n\
                   -a -u 10.9.0.1:53 -r 10.9.0.2:5353 -m -w 7\n\
                   -a -u 10.9.0.1:53 -r 10.9.0.3:5353 -m -w 1\n\
                   -A -f 7 -s rr\n";
    ours(&namespace, &reload(&[], changed));
    ours(&namespace, &reload(&[], stays));
    assert_eq!(without_clock(ours(&namespace, &listings)), before);
}

#[test]
fn noflush_leaves_other_services_alone() {
    let namespace = Namespace::new();
    let of_another = "-A -t 10.0.0.9:80 -s rr\n-a -t 10.0.0.9:80 -r 10.1.0.9:80 -m -w 9\n";
    let mine = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n";
    ours(
        &namespace,
        &Invocation::restore(format!("{of_another}{mine}")),
    );
    let changed = "-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1\n";
    ours(&namespace, &reload(&["--noflush"], changed));
    assert_eq!(saved(&namespace), format!("{changed}{of_another}"));
    // A file without rules names nothing.
    ours(&namespace, &reload(&["--noflush"], "# nothing\n"));
    assert_eq!(saved(&namespace), format!("{changed}{of_another}"));
}

#[test]
fn one_bad_line_and_the_kernel_is_untouched() {
    let namespace = Namespace::new();
    let table = "-A -t 10.0.0.1:80 -s rr\n";
    ours(&namespace, &Invocation::restore(table));
    for (rules, status, message) in [
        (
            "# a comment\n-A -t 10.0.0.2:80\n\n  -a -t 10.0.0.2:80 -r nowhere.invalid -m\n-A -f 3\n",
            2,
            "line 4: illegal real server address[:port] specified: -a -t 10.0.0.2:80 -r nowhere.invalid -m\n",
        ),
        (
            "-A -t 10.0.0.2:80\n-A -t 10.0.0.3:80 --bogus\n",
            255,
            "line 2: --bogus: unknown option: -A -t 10.0.0.3:80 --bogus\n",
        ),
        (
            "-C\n-A -t 10.0.0.2:80 -w 1",
            2,
            "line 2: Illegal 'weight' option with the 'add-service' command: -A -t 10.0.0.2:80 -w 1\n",
        ),
    ] {
        for words in [&[][..], &["--dry-run"], &["--noflush"], &["--test"]] {
            let outcome = namespace.run(&Program::ours(), &reload(words, rules));
            assert_eq!(
                (
                    outcome.ending,
                    outcome.stdout_text().as_str(),
                    outcome.stderr_text().as_str()
                ),
                (Ending::Status(status), "", message),
                "{words:?} with\n{rules}"
            );
            assert_eq!(saved(&namespace), table, "{words:?} with\n{rules}");
        }
    }
}

#[test]
fn a_test_of_rules_needs_neither_kernel_nor_privilege() {
    let namespace = Namespace::new();
    let program = Path::new(SCRATCH).join("ipvsadm-restore");
    let outcome = |words: &'static [&'static str], rules: &'static str| {
        let program = program.clone();
        namespace.enter(move || {
            // Where everybody may read it.
            fs::copy(env!("CARGO_BIN_EXE_ipvsadm"), &program).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            let output = std::process::Command::new(&program)
                .args(words)
                .uid(65534)
                .gid(65534)
                .stdin(file_with(rules.as_bytes()))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .output()
                .unwrap();
            (
                output.status.code(),
                String::from_utf8(output.stderr).unwrap(),
            )
        })
    };
    assert_eq!(
        outcome(&["--test"], "-A -t 10.0.0.1:80\n"),
        (Some(0), String::new())
    );
    assert_eq!(
        outcome(&["--test"], "-A -t 10.0.0.1:80\n-A -t 10.0.0.1\n"),
        (
            Some(2),
            "line 2: Zero port specified for non-persistent service: -A -t 10.0.0.1\n".to_owned()
        )
    );
    // The same without --test is refused: it was the privilege that was missing.
    let (status, message) = outcome(&[], "-A -t 10.0.0.1:80\n");
    assert_eq!(status, Some(2));
    assert!(message.contains("Permission denied"), "{message}");
}

#[test]
fn a_refusal_by_the_kernel_is_told_with_its_line_and_the_others_are_applied() {
    let namespace = Namespace::new();
    let rules = "-A -t 10.0.0.1:80 -s rr\n\
                 -A -t 10.0.0.2:80 -s nosuch\n\
                 -a -t 10.0.0.2:80 -r 10.1.0.1:80 -m -w 1\n\
                 -a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n\
                 -a -t 10.0.0.1:80 -r 224.0.0.1:80 -m -w 1\n\
                 -A -f 7 -s rr\n\
                 -a -f 8 -r 10.1.0.1:0 -g -w 1\n\
                 -A -t 10.0.0.1:80 -s wlc\n\
                 -A -f 9 -s rr\n";
    let outcome = namespace.run(&Program::ours(), &reload(&[], rules));
    let mut told: Vec<String> = outcome.stderr_text().lines().map(str::to_owned).collect();
    // What the kernel refuses comes before what it need not be asked.
    assert_eq!(
        told.pop().as_deref(),
        Some("nothing was removed"),
        "{outcome}"
    );
    told.sort();
    let text = |number: usize| rules.lines().nth(number - 1).unwrap();
    let expected = [
        (2, "Scheduler or persistence engine not found"),
        (3, "Service not defined"),
        (
            5,
            "Invalid operation.  Possibly wrong module version, address not unicast, ...",
        ),
        (7, "Service not defined"),
        (8, "Service already exists"),
    ];
    let expected = expected.map(|(line, fault)| format!("line {line}: {fault}: {}", text(line)));
    assert_eq!(told, expected, "{outcome}");
    assert_eq!(outcome.ending, Ending::Status(255));
    let left = [1, 4, 6, 9].map(text);
    let mut held: Vec<String> = saved(&namespace).lines().map(str::to_owned).collect();
    held.sort();
    let mut left: Vec<String> = left.map(str::to_owned).to_vec();
    left.sort();
    assert_eq!(held, left);
}
