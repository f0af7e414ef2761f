//! What a command takes of the machine's memory, beside what the reference takes for the same table.
//!
//! Measured is the optimized program, the one that is installed. Most of what a single command takes is its own code, so
//! this is also what holds `src/link/often.ld` to its purpose.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::ffi::OsStr;
use std::fmt::Write;
use std::process::{Command, Stdio};

use support::{Ending, Invocation, Namespace, Program, file_with};

/// Its `%M` is the largest amount of memory, in KiB, that a program had at any time of its run.
const TIME: &str = "/usr/bin/time";

/// The most memory that the command takes of two runs, in KiB: the first may find its own code not yet in the kernel's
/// cache, where it counts for less.
fn peak(namespace: &Namespace, program: &Program, invocation: &Invocation) -> u64 {
    (0..2)
        .map(|_| peak_of_run(namespace, program, invocation))
        .max()
        .unwrap()
}

fn peak_of_run(namespace: &Namespace, program: &Program, invocation: &Invocation) -> u64 {
    let run = program.command(OsStr::new("ipvsadm"));
    let mut command = Command::new(TIME);
    command
        .args(["--quiet", "--format=%M"])
        .arg(run.get_program())
        .args(&invocation.words)
        .env_clear()
        .envs(
            run.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(file_with(&invocation.stdin))
        .stdout(Stdio::null());
    let outcome = namespace.output(command);
    let said = outcome.stderr_text();
    assert!(
        matches!(outcome.ending, Ending::Status(0)),
        "{TIME} (package time) of {} {:?}: {outcome}",
        program.name,
        invocation.words
    );
    said.trim()
        .parse()
        .unwrap_or_else(|_| panic!("{TIME} says {said:?}"))
}

/// Holds ours to the reference, command by command, each program in a namespace with the table that `rules` set up.
fn compare(commands: &[Invocation], rules: &str) {
    let programs = [Program::reference(), Program::optimized()];
    let [reference, ours] = programs.map(|program| {
        let namespace = Namespace::new();
        let outcome = namespace.run(&program, &Invocation::restore(rules));
        assert_eq!(outcome.ending, Ending::Status(0), "{outcome}");
        let peak_of = |invocation| peak(&namespace, &program, invocation);
        commands.iter().map(peak_of).collect::<Vec<_>>()
    });
    let mut table = String::new();
    for ((invocation, reference), ours) in commands.iter().zip(&reference).zip(&ours) {
        let words = invocation.words.join(OsStr::new(" "));
        writeln!(table, "{reference:8} {ours:8} {}", words.display()).unwrap();
    }
    let is_more = |(ours, reference): (&u64, &u64)| ours > reference;
    assert!(
        !ours.iter().zip(&reference).any(is_more),
        "KiB of the reference, of ours:\n{table}"
    );
}

#[test]
fn a_single_command_takes_no_more_than_with_the_reference() {
    compare(
        &[
            "-ln",
            "-ln --stats",
            "-Sn",
            "-lnc",
            "-l --timeout",
            "-l --daemon",
            "-Z",
            "-E -t 192.0.2.1:80 -s rr",
            "-e -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 3",
        ]
        .map(Invocation::line),
        "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1:80\n",
    );
}

#[test]
fn a_table_takes_no_more_than_with_the_reference() {
    let mut rules = String::new();
    for service in 0..500 {
        let (high, low) = (service / 250, service % 250 + 1);
        writeln!(rules, "-A -t 10.0.{high}.{low}:80 -s wlc").unwrap();
        for server in 1..=10 {
            writeln!(
                rules,
                "-a -t 10.0.{high}.{low}:80 -r 10.9.{server}.{low}:80 -m"
            )
            .unwrap();
        }
    }
    let listings = ["-ln", "-Sn", "-L", "-S", "-ln --stats", "-ln --rate"].map(Invocation::line);
    compare(&listings, &rules);
    compare(&[Invocation::restore(format!("-C\n{rules}"))], "");
}
