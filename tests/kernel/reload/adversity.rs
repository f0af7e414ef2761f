//! Reloads that go wrong: refusals by the hundred, slow writers, other programs at the same
//! table, and being killed.

use std::fs;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{ours, reload, saved};
use crate::support::pair::{Pair, compare};
use crate::support::{Ending, Invocation, Namespace, Program, Random, file_with};

/// The time that anything may take that will surely happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the rules of so many services of three servers, with a weight.
fn table(services: usize, weight: usize) -> String {
    let service = |number: usize| {
        let name = format!("-t 10.0.{}.{}:80", number / 250, number % 250 + 1);
        let server = |server: usize| {
            format!(
                "-a {name} -r 10.1.{}.{}:80 -m -w {weight}\n",
                number / 250,
                server + 1
            )
        };
        format!("-A {name} -s wlc\n{}{}{}", server(0), server(1), server(2))
    };
    (0..services).map(service).collect()
}

/// Returns the number of services in this thread's namespace.
fn services_there() -> usize {
    let shown = fs::read_to_string("/proc/thread-self/net/ip_vs").unwrap();
    shown.lines().filter(|line| line.starts_with("TCP")).count()
}

/// Waits until `condition` holds.
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "{what}: still not so");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Starts our program from this thread, in its namespace.
fn start(argv0: &str, words: &[&str], stdin: Stdio) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ipvsadm"))
        .arg0(argv0)
        .args(words)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The setting for the size of a new socket's receive buffer.
const RECEIVE_BUFFER: &str = "/proc/sys/net/core/rmem_default";

/// A receive buffer as small as the kernel allows, until this value is dropped.
struct SmallReceiveBuffer(String);

impl SmallReceiveBuffer {
    fn new() -> SmallReceiveBuffer {
        let before = fs::read_to_string(RECEIVE_BUFFER).unwrap();
        fs::write(RECEIVE_BUFFER, "2304").unwrap();
        SmallReceiveBuffer(before)
    }
}

impl Drop for SmallReceiveBuffer {
    fn drop(&mut self) {
        fs::write(RECEIVE_BUFFER, &self.0).unwrap();
    }
}

#[test]
fn hundreds_of_refusals_are_told_once_each_in_the_order_of_the_lines() {
    let mut random = Random::of_this_run();
    let refused = [
        "-A -t 10.0.0.1:80\n",
        "-D -t 10.0.0.2:80\n",
        "-d -t 10.0.0.1:80 -r 10.1.0.1\n",
        "-a -t 10.0.0.2:80 -r 10.1.0.1\n",
        "-A -f 1 -s nosuch\n",
        "-a -t 10.0.0.1:80 -r 224.0.0.1\n",
    ];
    let lines: Vec<String> = (0..600)
        .map(|number| match random.chance(60) {
            true => random.pick(&refused).to_owned(),
            false => format!("-A -f {}\n", number + 2),
        })
        .collect();
    let rules = Invocation::restore(format!("-A -t 10.0.0.1:80\n{}", lines.concat()));
    let pair = Pair::new(false);
    let expected = pair.run_reference(&rules);
    assert!(expected.stderr_text().lines().count() > 300, "{expected}");
    let in_a_large_buffer = pair.run_ours(&rules);
    compare(&expected, &in_a_large_buffer).unwrap_or_else(|difference| panic!("{difference}"));

    let namespace = Namespace::new();
    let in_a_small_buffer = {
        let _small = SmallReceiveBuffer::new();
        namespace.run(&Program::ours(), &rules)
    };
    compare(&expected, &in_a_small_buffer).unwrap_or_else(|difference| panic!("{difference}"));
    assert_eq!(saved(&namespace), saved(&pair.our_namespace));
}

#[test]
fn each_line_of_a_slow_writer_is_done_before_the_next_is_sent() {
    Namespace::new().enter(|| {
        let mut child = start("ipvsadm", &["-R"], Stdio::piped());
        let mut input = child.stdin.take().unwrap();
        for number in 1..=5 {
            write!(input, "-A -t 10.0.0.{number}:80\n-A -t 10.0.1.").unwrap();
            wait_until("the service is there", || {
                services_there() == 2 * number - 1
            });
            writeln!(input, "{number}:80").unwrap();
            wait_until("the other half has come", || services_there() == 2 * number);
        }
        writeln!(input, "-C").unwrap();
        wait_until("the table is empty", || services_there() == 0);
        drop(input);
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    });
}

/// Kills `ipvsadm-restore` as it is about to send that message to the kernel, by its number, and
/// returns true if it sent as many. No clock is asked: strace counts.
fn is_killed_at_send(send: usize, namespace: &Namespace, rules: &str) -> bool {
    let rules = rules.to_owned();
    namespace.enter(move || {
        let status = Command::new("strace")
            .args(["-qq", "-o", "/dev/null", "-e", "trace=sendto", "-e"])
            .arg(format!("inject=sendto:signal=SIGKILL:when={send}"))
            .args(["bash", "-c", r#"exec -a ipvsadm-restore "$0""#])
            .arg(env!("CARGO_BIN_EXE_ipvsadm"))
            .stdin(file_with(rules.as_bytes()))
            .status()
            .unwrap_or_else(|fault| panic!("strace: {fault}; apt-get install strace"));
        // strace ends as its program does.
        match (status.signal(), status.code()) {
            (Some(9), _) => true,
            (_, Some(0)) => false,
            _ => panic!("send {send}: {status}"),
        }
    })
}

#[test]
fn killed_at_any_message_a_reload_leaves_every_service_that_stays_and_is_completed_by_the_next() {
    const STAY: usize = 12;
    let name = |number: usize| format!("-t 10.0.0.{}:80", number + 1);
    let server = |name: &str, server: usize, weight: usize| {
        format!("-a {name} -r 10.1.0.{server}:80 -m -w {weight}\n")
    };
    // What stays is edited, and has servers that stay, change, come and go; besides, services come
    // and go.
    let (mut before, mut after) = (String::new(), String::new());
    for number in 0..STAY {
        let name = name(number);
        before += &format!("-A {name} -s rr\n");
        after += &format!("-A {name} -s wrr\n");
        for place in 1..=20 {
            before += &server(&name, place, 1);
            after += &server(&name, place + 7, 1 + place % 2);
        }
    }
    for number in STAY..2 * STAY {
        before += &format!("-A {}\n{}", name(number), server(&name(number), 1, 1));
        after += &format!(
            "-A {}\n{}",
            name(100 + number),
            server(&name(100 + number), 1, 1)
        );
    }
    let namespace = Namespace::new();
    let wanted = sorted_as_listed(&after);
    let mut kills = 0;
    for send in 1.. {
        ours(&namespace, &reload(&[], &before));
        if !is_killed_at_send(send, &namespace, &after) {
            break;
        }
        kills += 1;
        let left = saved(&namespace);
        for number in 0..STAY {
            let name = name(number);
            assert!(
                left.contains(&format!("-A {name} ")),
                "send {send}: no {name} in\n{left}"
            );
            // Servers that both tables have are never missing either.
            for place in 8..=20 {
                let server = format!("-a {name} -r 10.1.0.{place}:80 ");
                assert!(
                    left.contains(&server),
                    "send {send}: no {server} in\n{left}"
                );
            }
        }
        ours(&namespace, &reload(&[], &after));
        assert_eq!(saved(&namespace), wanted, "send {send}");
    }
    // To find IPVS and its services, the servers of what stays, and several batches.
    assert!(kills > 3 + STAY + 2, "only {kills} messages");
}

/// Rules in the order in which `-Sn` writes them, by way of the reference in a namespace of its
/// own.
fn sorted_as_listed(rules: &str) -> String {
    let namespace = Namespace::new();
    namespace.run(&Program::reference(), &Invocation::restore(rules));
    namespace
        .run(&Program::reference(), &Invocation::line("-Sn"))
        .stdout_text()
}

#[test]
fn others_may_change_the_table_during_listings_and_reloads() {
    const SERVICES: usize = 200;
    let namespace = Namespace::new();
    let stays = table(SERVICES, 3);
    ours(&namespace, &Invocation::restore(stays.clone()));
    let expected = saved(&namespace);

    let is_over = Arc::new(AtomicBool::new(false));
    let other = namespace.enter({
        let is_over = Arc::clone(&is_over);
        move || {
            let mut child = start("ipvsadm", &["-R"], Stdio::piped());
            let mut input = child.stdin.take().unwrap();
            // Started from this thread, the other is in this thread's namespace.
            thread::spawn(move || {
                let mut random = Random::of_this_run();
                let mut rounds = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let number = random.below(200) + 1;
                    let name = format!("-t 172.16.0.{number}:80");
                    write!(
                        input,
                        "-A {name}\n-a {name} -r 172.17.0.1:80 -m\n-D {name}\n"
                    )
                    .unwrap();
                    rounds += 1;
                    thread::sleep(Duration::from_millis(1));
                }
                drop(input);
                let status = child.wait_with_output().unwrap().status;
                assert!(status.code().is_some(), "{status}");
                rounds
            })
        }
    });

    let of_this_table = |text: &str| -> String {
        let lines = text.lines().filter(|line| !line.contains(" 172.1"));
        lines.flat_map(|line| [line, "\n"]).collect()
    };
    for _ in 0..10 {
        let outcome = namespace.run(&Program::ours(), &Invocation::line("-Sn"));
        assert_eq!(outcome.ending, Ending::Status(0), "{outcome}");
        assert_eq!(of_this_table(&outcome.stdout_text()), expected);
    }
    for round in 0..6 {
        let rules = table(SERVICES, 4 + round % 2);
        let outcome = namespace.run(&Program::ours(), &reload(&[], &rules));
        // What was to be removed may be gone already, which is reported.
        let is_sane = matches!(outcome.ending, Ending::Status(0 | 255))
            && outcome
                .stderr_text()
                .lines()
                .all(|line| line == "No such service");
        assert!(is_sane, "{outcome}");
        let held = of_this_table(&saved(&namespace));
        assert_eq!(
            held,
            expected.replace("-w 3", &format!("-w {}", 4 + round % 2))
        );
    }
    is_over.store(true, Ordering::Relaxed);
    let rounds = other.join().unwrap();
    assert!(
        rounds > 20,
        "the other program came to change the table {rounds} times"
    );
}
