//! `--table` on a real kernel and on a real terminal: how wide it is, what is coloured, what stands
//! out. How it looks in detail is held to `tests/table/*.txt` by the unit tests.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use crate::support::busy::Busy;
use crate::support::pty::Pty;
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
    // Its weight, 2 beside a 3, promised it more.
    let words: Vec<&str> = line(&drawn, "10.0.0.12:8080").split_whitespace().collect();
    assert_eq!(words[7..9], ["17%", "(40%)"], "{drawn}");
    assert!(words[9].starts_with('█'), "{drawn}");
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
    assert!(coloured.contains("\u{1b}[35m"), "{coloured:?}");
    let plain = on_terminal(&busy.namespace, 100, words, &[("NO_COLOR", "1")]);
    assert_eq!(without_colours(&coloured), plain);
    assert!((81..=100).contains(&frame_width(&plain)), "{plain}");
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let dumb = on_terminal(&busy.namespace, 100, words, &[("TERM", "dumb")]);
    assert!(dumb.is_ascii() && !dumb.contains('\u{1b}'), "{dumb:?}");
    let ascii = on_terminal(
        &busy.namespace,
        100,
        words,
        &[("NO_COLOR", "1"), ("LC_ALL", "C")],
    );
    assert_eq!(dumb, ascii);

    let narrow = on_terminal(&busy.namespace, 80, words, &[("NO_COLOR", "1")]);
    assert!(frame_width(&narrow) <= 80, "{narrow}");
    let piped = piped(
        &busy.namespace,
        words,
        &[("LC_ALL", "C.UTF-8"), ("TERM", "xterm")],
    );
    assert_eq!(piped, narrow);
}

/// As with ls and grep: the word comes first, then `NO_COLOR`, then what standard output is.
#[test]
fn colours_are_as_they_are_chosen() {
    let busy = Busy::new();
    let table = "-Ln --table --thresholds";
    let is_coloured = |words: &str, is_terminal, variables: &[(&str, &str)]| {
        let drawn = match is_terminal {
            true => on_terminal(&busy.namespace, 80, words, variables),
            false => piped(&busy.namespace, words, variables),
        };
        drawn.contains('\u{1b}')
    };
    let no_colour = &[("NO_COLOR", "1")][..];
    for (choice, is_terminal, variables, expected) in [
        ("", true, &[][..], true),
        ("", false, &[], false),
        ("", true, no_colour, false),
        (" --color auto", true, &[], true),
        (" --color auto", false, &[], false),
        (" --color=auto", true, no_colour, false),
        (" --color", false, &[], true),
        (" --color=always", false, &[], true),
        (" --color always", false, no_colour, true),
        (" --color always", true, no_colour, true),
        (" --color never", true, &[], false),
        (" --color=never", false, &[], false),
    ] {
        let words = format!("{table}{choice}");
        let seen = is_coloured(&words, is_terminal, variables);
        assert_eq!(seen, expected, "{words}, {is_terminal}, {variables:?}");
    }
    for words in [
        "-Lnc --table",
        "-Lnc --table --count state",
        "-L --timeout --table",
        "--table",
        "--diagnose",
    ] {
        let mut command = Program::ours().command("ipvsadm".as_ref());
        command.args(words.split(' ')).arg("--color");
        let drawn = busy.namespace.output(command).stdout_text();
        assert!(drawn.contains('\u{1b}'), "{words}: {drawn}");
        // less -R keeps colours only within a line.
        for line in drawn.lines() {
            let last = line.rsplit_once('\u{1b}').map_or("", |(_, last)| last);
            let ends = last.is_empty()
                || ["[0m", "[39m", "[22m", "[m"]
                    .iter()
                    .any(|end| last.starts_with(end));
            assert!(ends, "{words}: {line:?}");
        }
    }
    // What programs read has none.
    for words in ["-Ln --color", "-L --json --color=always"] {
        assert!(!is_coloured(words, false, &[]), "{words}");
    }
    let outcome = busy
        .namespace
        .run(&Program::ours(), &Invocation::line("-L --color=yes"));
    assert_eq!(
        outcome.stderr_text(),
        "invalid choice of colours `yes': always, never or auto\n"
    );
    assert_eq!(outcome.ending, Ending::Status(2));
}

/// Linux's own console draws what its font holds. These two are Debian's.
#[test]
fn a_console_is_shown_nothing_that_its_fonts_lack() {
    let busy = Busy::new();
    busy.run("-a -t 192.0.2.10:80 -r 10.0.0.14:8080 -m -w 0");
    busy.run("-e -t 192.0.2.10:80 -r 10.0.0.11:8080 -m -w 0");
    let console = [("TERM", "linux"), ("LC_ALL", "C.UTF-8")];
    let mut drawn = String::new();
    for words in [
        "-Ln --table",
        "-Ln --table --stats",
        "-Ln --table --rate",
        "-Ln --table --thresholds",
        "-Ln --table --persistent-conn",
        "-Lnc --table --persistent-conn",
        "-Lnc --table --count client",
        "-L --timeout --table",
        "-L --daemon --table",
    ] {
        for width in ["40", "80", "160"] {
            let variables = [console[0], console[1], ("COLUMNS", width)];
            drawn += &piped(&busy.namespace, words, &variables);
        }
        drawn += &on_terminal(&busy.namespace, 80, words, &[("TERM", "linux")]);
    }
    assert!(
        drawn.contains('▼') && drawn.contains('×') && drawn.contains('█'),
        "{drawn}"
    );
    // A few looks, so that there are bars of the last ones.
    let ours = env!("CARGO_BIN_EXE_ipvsadm");
    let mut command = Command::new("timeout");
    command
        .args(["3", ours, "-Ln", "--table", "--watch", "0.5"])
        .envs(console);
    drawn += &busy.namespace.output(command).stdout_text();
    drawn += &watched(&busy.namespace, &console);
    let mut command = Program::ours().command("ipvsadm".as_ref());
    command.args(["--diagnose", "--listen", "1"]).envs(console);
    drawn += &busy.namespace.output(command).stdout_text();
    for font in ["Lat15-Fixed16", "Lat15-Terminus16"] {
        let held = held_by_font(&format!("/usr/share/consolefonts/{font}.psf.gz"));
        assert!(held.contains(&'A') && !held.contains(&'◐'), "{font}");
        let lacking: BTreeSet<char> = drawn
            .chars()
            .filter(|drawn| !drawn.is_control() && !held.contains(drawn))
            .collect();
        assert!(lacking.is_empty(), "{font} lacks {lacking:?}");
    }
}

/// Returns what `--watch` draws at a terminal when its keys are pressed.
fn watched(namespace: &Namespace, variables: &[(&str, &str)]) -> String {
    let mut command = Program::ours().command("ipvsadm".as_ref());
    command.args(["-Ln", "--table", "--watch", "1"]);
    command.envs(variables.iter().copied());
    let mut pty = Pty::start(namespace, command, 24, 80);
    let mut drawn = Vec::new();
    for (keys, shown) in [
        ("", " of 8 services"),
        ("?", "end, as Ctrl-C does"),
        ("x ", "held still"),
        ("/1", "Enter keeps these rows"),
        ("\r", " with \"1\""),
        ("\x1boo", "the most connections first"),
    ] {
        pty.press(keys);
        let before = drawn.len();
        while !String::from_utf8_lossy(&drawn[before..]).contains(shown) {
            drawn.extend(pty.read().unwrap());
        }
    }
    pty.press("q");
    assert!(pty.process.wait().unwrap().success());
    String::from_utf8(drawn).unwrap()
}

/// Returns the characters that a font of the console holds, by its own table (psf(5), both kinds).
#[allow(
    clippy::little_endian_bytes,
    reason = "the fonts' files have this order everywhere"
)]
fn held_by_font(path: &str) -> BTreeSet<char> {
    let mut command = Command::new("gzip");
    command.args(["--decompress", "--stdout", path]);
    let font = command.output().expect("gzip").stdout;
    let word = |at: usize| {
        let bytes = font[at..at + 4].try_into().unwrap();
        usize::try_from(u32::from_le_bytes(bytes)).unwrap()
    };
    if font.starts_with(b"\x72\xb5\x4a\x86") {
        // Behind the glyphs, for each what it stands for, in UTF-8; 0xfe begins sequences.
        let table = &font[word(8) + word(16) * word(20)..];
        let glyphs = table.split(|byte| *byte == 0xff);
        let single = glyphs.map(|glyph| glyph.split(|byte| *byte == 0xfe).next().unwrap());
        return single
            .flat_map(|text| str::from_utf8(text).unwrap().chars())
            .collect();
    }
    assert!(
        font.starts_with(b"\x36\x04"),
        "{path} (package console-setup-linux)"
    );
    let glyphs = if font[2] & 1 == 1 { 512 } else { 256 };
    let table = &font[4 + glyphs * usize::from(font[3])..];
    let words: Vec<u16> = table
        .chunks_exact(2)
        .map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
        .collect();
    let glyphs = words.split(|word| *word == 0xffff);
    let single = glyphs.map(|glyph| glyph.split(|word| *word == 0xfffe).next().unwrap());
    single
        .flatten()
        .filter_map(|word| char::from_u32(u32::from(*word)))
        .collect()
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
