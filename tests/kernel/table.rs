//! `--table` on a real kernel and on a real terminal: how wide it is, what is coloured, what stands
//! out. How it looks in detail is held to `tests/table/*.txt` by the unit tests.

use std::process::{Command, Stdio};

use crate::support::busy::Busy;
use crate::support::{Ending, Invocation, Namespace, Program};

/// Returns what our program prints with these words and variables, its output being no terminal.
fn piped(namespace: &Namespace, words: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Program::ours().command("ipvsadm".as_ref());
    command.args(words.split(' ')).stdin(Stdio::null());
    command.envs(variables.iter().copied());
    let outcome = namespace.output(command);
    assert_eq!(outcome.ending, Ending::Status(0), "{outcome}");
    String::from_utf8(outcome.stdout).unwrap()
}

/// Returns what our program prints with these words and variables on a terminal of this width.
fn on_terminal(
    namespace: &Namespace,
    width: usize,
    words: &str,
    variables: &[(&str, &str)],
) -> String {
    let program = env!("CARGO_BIN_EXE_ipvsadm");
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--command"])
        .arg(format!("stty cols {width}; exec {program} {words}"))
        .arg("/dev/null")
        .stdin(Stdio::null())
        .env_clear()
        .envs([
            ("PATH", "/usr/bin:/bin"),
            ("LC_ALL", "C.UTF-8"),
            ("TERM", "xterm"),
        ])
        .envs(variables.iter().copied());
    let outcome = namespace.output(command);
    assert_eq!(
        outcome.ending,
        Ending::Status(0),
        "script (package bsdutils):\n{outcome}"
    );
    // A terminal ends its lines with a return.
    outcome.stdout_text().replace('\r', "")
}

/// Returns a text without its colours.
fn without_colours(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |before, part| {
        before + part.split_once('m').map_or("", |(_, after)| after)
    })
}

fn frame_width(text: &str) -> usize {
    let top = text.lines().find(|line| line.starts_with(['╭', '+']));
    top.unwrap_or_else(|| panic!("no frame:\n{text}"))
        .chars()
        .count()
}

/// Returns the line with a text in it.
fn line<'a>(text: &'a str, part: &str) -> &'a str {
    text.lines()
        .find(|line| line.contains(part))
        .unwrap_or_else(|| panic!("no {part} in\n{text}"))
}

const EVERY_LISTING: [&str; 13] = [
    "-L",
    "-Ln",
    "-Ln --stats",
    "-Ln --rate",
    "-Ln --stats --exact",
    "-Ln --thresholds",
    "-Ln --persistent-conn",
    "-Ln --tun-info --nosort",
    "-Ln -t 192.0.2.10:80",
    "-Lc",
    "-Lnc --persistent-conn",
    "-L --timeout",
    "-L --daemon",
];

#[test]
fn every_listing_fits_80_and_160_columns_and_breaks_no_address() {
    let busy = Busy::new();
    for words in EVERY_LISTING {
        for width in ["80", "160"] {
            let variables = [("COLUMNS", width), ("LC_ALL", "C.UTF-8")];
            let drawn = piped(&busy.namespace, &format!("{words} --table"), &variables);
            let widest = drawn.lines().map(|line| line.chars().count()).max();
            assert!(
                widest <= width.parse().ok(),
                "{words} at {width} columns:\n{drawn}"
            );
        }
        // What is too narrow for it makes nothing of it break.
        for width in ["1", "2", "20", "40"] {
            let variables = [("COLUMNS", width), ("LC_ALL", "C.UTF-8")];
            let drawn = piped(&busy.namespace, &format!("{words} --table"), &variables);
            if words == "-Ln" {
                let address = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1]:443";
                assert!(drawn.contains(address), "{drawn}");
            }
        }
    }
}

#[test]
fn what_needs_a_look_stands_out() {
    let busy = Busy::new();
    let drawn = piped(&busy.namespace, "-Ln --table", &[("LC_ALL", "C.UTF-8")]);
    assert!(
        line(&drawn, "10.0.0.12:8080").starts_with("│ ■ "),
        "{drawn}"
    );
    assert!(
        line(&drawn, "10.0.0.13:8080").starts_with("│ ◐ "),
        "{drawn}"
    );
    assert!(
        line(&drawn, "10.0.0.11:8080").starts_with("│   "),
        "{drawn}"
    );
    assert!(drawn.contains("│   no real servers"), "{drawn}");
    assert!(drawn.contains("◐ draining"), "{drawn}");
    assert!(drawn.contains("■ full"), "{drawn}");
    // 12 connections of 10 000 bytes: the full server had two of them.
    assert!(
        line(&drawn, "10.0.0.12:8080").contains(" 17%  █"),
        "{drawn}"
    );
    assert!(
        line(&drawn, "TCP 192.0.2.10:80 ").contains(" 12"),
        "{drawn}"
    );

    // A server with a weight of 0 is drained once nobody is on it.
    busy.run("-a -t 192.0.2.10:80 -r 10.0.0.14:8080 -m -w 0");
    let drawn = piped(&busy.namespace, "-Ln --table", &[("LC_ALL", "C.UTF-8")]);
    assert!(
        line(&drawn, "10.0.0.14:8080").starts_with("│ ○ "),
        "{drawn}"
    );
    assert!(drawn.contains("○ drained"), "{drawn}");

    let drawn = piped(&busy.namespace, "-Ln --thresholds --table", &[]);
    assert!(
        line(&drawn, "10.0.0.12:8080").contains(" 100%  ###"),
        "{drawn}"
    );
    assert!(drawn.is_ascii(), "{drawn}");
}

#[test]
fn a_terminal_gets_its_width_and_colours() {
    let busy = Busy::new();
    let words = "-Ln --table --thresholds";
    let coloured = on_terminal(&busy.namespace, 100, words, &[("COLUMNS", "50")]);
    assert!(coloured.contains("\u{1b}[33m"), "{coloured:?}");
    let plain = on_terminal(&busy.namespace, 100, words, &[("NO_COLOR", "1")]);
    assert_eq!(without_colours(&coloured), plain);
    assert!((81..=100).contains(&frame_width(&plain)), "{plain}");
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let dumb = on_terminal(&busy.namespace, 100, words, &[("TERM", "dumb")]);
    assert_eq!(dumb, plain);

    let narrow = on_terminal(&busy.namespace, 80, words, &[("NO_COLOR", "1")]);
    assert!(frame_width(&narrow) <= 80, "{narrow}");
    let piped = piped(
        &busy.namespace,
        words,
        &[("LC_ALL", "C.UTF-8"), ("TERM", "xterm")],
    );
    assert_eq!(piped, narrow);
}

#[test]
fn names_are_shown_whole() {
    let busy = Busy::new();
    let rules = "-A -t vip.example.com:81 -s rr\n-a -t vip.example.com:81 -r 10.0.0.11:8080 -m\n";
    let filled = busy
        .namespace
        .run(&Program::ours(), &Invocation::restore(rules));
    assert!(filled.stderr.is_empty(), "{filled}");
    let drawn = piped(&busy.namespace, "-L --table", &[]);
    assert!(drawn.contains("TCP vip.example.com:81"), "{drawn}");
}

#[test]
fn a_listing_that_fails_draws_nothing() {
    let namespace = Namespace::new();
    for words in ["-L -t 192.0.2.1:80", "-L -c --rate"] {
        let run = |words: &str| namespace.run(&Program::ours(), &Invocation::line(words));
        let (plain, told) = (run(words), run(&format!("{words} --table")));
        assert_eq!(told, plain, "{words}");
        assert!(told.stdout.is_empty() && told.ending != Ending::Status(0));
    }
    let empty = namespace.run(&Program::ours(), &Invocation::line("-L --table"));
    let empty = empty.stdout_text();
    assert!(empty.ends_with(": 0 services, 0 real servers\n"), "{empty}");
}
