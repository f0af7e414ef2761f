//! A table that somebody else changes all the time: what is saved is whole, what is restored is not
//! less at any moment, and restores take turns.
//!
//! By itself, because kernels count the services of all namespaces when they resume a dump: the
//! reference, with which other tests compare, would lose and repeat some.

use std::io::{BufRead, BufReader, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::reload::{ours, reload, saved};
use crate::support::pty::Pty;
use crate::support::{Ending, Invocation, Namespace, Program};

/// The toggler's rest between two changes: 1 600 of them a second, as far as the machine
/// keeps up.
const REST: Duration = Duration::from_micros(625);

/// Somebody who adds and deletes entries, one after another, all the time.
struct Toggler {
    feeder: JoinHandle<usize>,
    program: Child,
    is_to_end: Arc<AtomicBool>,
}

impl Toggler {
    /// Feeds these rules to an `ipvsadm -R`, line by line, again and again.
    fn start(namespace: &Namespace, rules: Vec<String>) -> Toggler {
        let mut command = Program::ours().command("ipvsadm".as_ref());
        command
            .arg("-R")
            .stdin(Stdio::piped())
            // A restore removes what is not wanted: then there is nothing to delete.
            .stderr(Stdio::null());
        let mut program = namespace.enter(move || command.spawn()).unwrap();
        let mut input = program.stdin.take().unwrap();
        let is_to_end = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&is_to_end);
        let feeder = std::thread::spawn(move || {
            let mut changes = 0;
            while !end.load(Ordering::Relaxed) {
                input
                    .write_all(rules[changes % rules.len()].as_bytes())
                    .unwrap();
                changes += 1;
                std::thread::sleep(REST);
            }
            changes
        });
        Toggler {
            feeder,
            program,
            is_to_end,
        }
    }

    /// Ends it, and returns how many changes it asked for.
    fn end(mut self) -> usize {
        self.is_to_end.store(true, Ordering::Relaxed);
        let changes = self.feeder.join().unwrap();
        self.program.wait().unwrap();
        changes
    }
}

/// Whatever the toggler toggles has this in its address.
const TOGGLED: &str = "10.99.0.";

fn services() -> (String, Vec<String>) {
    let wanted = (1..=150).map(|number| {
        format!(
            "-A -t 10.0.0.{number}:80 -s rr\n\
             -a -t 10.0.0.{number}:80 -r 10.1.0.1:80 -m -w {number}\n"
        )
    });
    // Each falls in another place of the kernel's order.
    let toggled = (1..=5).flat_map(|number| {
        [
            format!("-A -t {TOGGLED}{number}:80 -s rr\n"),
            format!("-D -t {TOGGLED}{number}:80\n"),
        ]
    });
    (wanted.collect(), toggled.collect())
}

fn servers() -> (String, Vec<String>) {
    let wanted =
        (1..=150).map(|number| format!("-a -t 10.0.0.1:80 -r 10.1.0.{number}:80 -m -w {number}\n"));
    let toggled = (1..=5).flat_map(|number| {
        [
            format!("-a -t 10.0.0.1:80 -r {TOGGLED}{number}:80 -m -w 1\n"),
            format!("-d -t 10.0.0.1:80 -r {TOGGLED}{number}:80\n"),
        ]
    });
    let service = "-A -t 10.0.0.1:80 -s rr\n".to_owned();
    (service + &wanted.collect::<String>(), toggled.collect())
}

/// Returns the lines about what nobody toggles, in order.
fn untouched(rules: &str) -> Vec<&str> {
    let mut lines: Vec<_> = rules
        .lines()
        .filter(|line| !line.contains(TOGGLED))
        .collect();
    lines.sort_unstable();
    lines
}

#[test]
fn what_nobody_touches_is_saved_once_and_never_lost() {
    for (wanted, toggled) in [services(), servers()] {
        let namespace = Namespace::new();
        ours(&namespace, &reload(&[], &wanted));
        // The newest comes first, so what was deleted and added again would have moved.
        let listing = Invocation::line("-ln --nosort");
        let before = ours(&namespace, &listing);
        let toggler = Toggler::start(&namespace, toggled);
        for round in 0..10 {
            let rules = saved(&namespace);
            assert_eq!(untouched(&rules), untouched(&wanted), "round {round}");
            ours(&namespace, &reload(&[], &wanted));
        }
        let changes = toggler.end();
        assert!(changes > 150, "only {changes} changes");
        ours(&namespace, &reload(&[], &wanted));
        assert_eq!(ours(&namespace, &listing), before);
    }
}

#[test]
fn a_table_of_any_size_is_read() {
    let namespace = Namespace::new();
    let mut rules = "-A -t 10.0.0.1:80 -s rr\n".to_owned();
    for number in 1..=200 {
        rules += &format!("-a -t 10.0.0.1:80 -r 10.1.0.{number}:80 -m\n-S -n\n");
    }
    let expected: usize = (1..=200).map(|servers| servers + 1).sum();
    let listings = ours(&namespace, &Invocation::restore(rules));
    assert_eq!(listings.lines().count(), expected);
    let mut rules = "-C\n".to_owned();
    for number in 1..=200 {
        rules += &format!("-A -t 10.0.0.{number}:80 -s rr\n-S -n\n");
    }
    let expected: usize = (1..=200).sum();
    let listings = ours(&namespace, &Invocation::restore(rules));
    assert_eq!(listings.lines().count(), expected);
}

#[test]
fn restores_of_different_files_at_once_leave_one_of_them() {
    let namespace = Namespace::new();
    let (one, _) = services();
    let (other, _) = servers();
    for round in 0..8 {
        let start = |rules: &str| {
            let mut command = Program::ours().command("ipvsadm-restore".as_ref());
            command
                .stdin(crate::support::file_with(rules.as_bytes()))
                .stderr(Stdio::piped());
            namespace.enter(move || command.spawn()).unwrap()
        };
        for child in [start(&one), start(&other), start(&one)] {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() && said.is_empty(),
                "{round}: {said}"
            );
        }
        let left = saved(&namespace);
        let is = |rules| untouched(&left) == untouched(rules);
        assert!(is(&one) || is(&other), "round {round} left\n{left}");
    }
}

/// Takes the turn of a namespace, until the returned listener is dropped.
fn hold_the_turn(namespace: &Namespace) -> UnixListener {
    namespace.enter(|| {
        let name = SocketAddr::from_abstract_name("ipvsadm-restore").unwrap();
        UnixListener::bind_addr(&name).unwrap()
    })
}

#[test]
fn a_restore_waits_for_its_turn_and_says_so_at_a_terminal() {
    const RULES: &str = "-A -f 1 -s rr\n";
    let namespace = Namespace::new();
    let turn = hold_the_turn(&namespace);
    let file = std::path::Path::new(crate::support::SCRATCH).join("rules");
    let place = file.clone();
    namespace.enter(move || std::fs::write(place, RULES).unwrap());
    let mut command = Program::ours().command("ipvsadm-restore".as_ref());
    command.arg(&file);
    let mut pty = Pty::start(&namespace, command, 24, 80);
    let mut said = Vec::new();
    while !said.ends_with(b"\n") {
        said.extend(pty.read().unwrap());
    }
    assert_eq!(
        String::from_utf8_lossy(&said).trim_end(),
        format!(
            "waiting for another ipvsadm-restore, process {}, to end",
            std::process::id()
        )
    );
    // A dry run changes nothing, so it has no turn to wait for.
    assert_eq!(ours(&namespace, &reload(&["--dry-run"], RULES)), RULES);
    assert_eq!(saved(&namespace), "");
    drop(turn);
    assert!(pty.process.wait().unwrap().success());
    assert_eq!(saved(&namespace), RULES);
}

#[test]
fn one_that_never_ends_is_not_waited_for_for_ever() {
    const RULES: &str = "-A -f 1 -s rr\n";
    let namespace = Namespace::new();
    let _turn = hold_the_turn(&namespace);
    let outcome = namespace.run(&Program::ours(), &reload(&[], RULES));
    assert_eq!(outcome.ending, Ending::Status(0), "{outcome}");
    assert_eq!(outcome.stderr_text(), "");
    assert_eq!(saved(&namespace), RULES);
}

#[test]
fn nobody_but_root_is_waited_for() {
    const RULES: &str = "-A -f 1 -s rr\n";
    const HOLDER: &str = "use Socket; $| = 1;
        my $name = pack_sockaddr_un(qq(\\0ipvsadm-restore));
        sub stream { socket my $socket, PF_UNIX, SOCK_STREAM, 0 or die $!; $socket }
        my $holder = stream();
        bind $holder, $name or die $!;
        my ($queue, @others) = @ARGV;
        !defined $queue or listen $holder, $queue or die $!;
        $_ = stream() and connect $_, $name or die $! for @others;
        print qq(held\\n);
        <STDIN>;";
    // Who listens; who does not; who has as many in a queue as it holds.
    for words in [&["9"][..], &[], &["0", "another"]] {
        let namespace = Namespace::new();
        let mut command = Command::new("perl");
        command
            .args(["-e", HOLDER])
            .args(words)
            .uid(65534)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut holder = namespace.enter(move || command.spawn()).unwrap();
        let mut line = String::new();
        let output = BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line);
        assert_eq!((output.unwrap(), line.as_str()), (5, "held\n"));
        let outcome = namespace.run(&Program::ours(), &reload(&[], RULES));
        assert_eq!(outcome.ending, Ending::Status(0), "{words:?} {outcome}");
        assert_eq!(saved(&namespace), RULES);
        drop(holder.stdin.take());
        holder.wait().unwrap();
    }
}
