//! Input that nobody would type: bytes that are no text, words without end, streams that are closed
//! or full, a kernel out of reach.
//!
//! Whatever it is, there is one clear line on stderr and the exit status that the reference has for
//! it; never a panic, and never a table that is emptier than before. Where the reference does
//! something sane the two are compared; where it does not, what ours must do stands in the test.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::pair::{Pair, compare};
use crate::support::pty::Pty;
use crate::support::{
    Ending, Invocation, Namespace, Outcome, Program, Random, SCRATCH, file_with, mount_memory,
};

/// A table for the tests that must not lose it.
const TABLE: &str = "-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 192.0.2.10:80 -m -w 1
-A -f 1 -s wlc
";

/// Holds both programs to the same outcome, here and in the tables at the end.
#[track_caller]
fn assert_alike(pair: &Pair, invocation: &Invocation) {
    let (expected, got) = pair.run(invocation);
    if let Err(difference) = compare(&expected, &got) {
        let mut words = format!("{:?}", invocation.words);
        if let Some((end, _)) = words.char_indices().nth(400) {
            words.replace_range(end.., "…");
        }
        panic!("{words} differs in\n{difference}");
    }
}

/// Holds an outcome to one line on stderr and this status.
#[track_caller]
fn assert_one_line(outcome: &Outcome, status: i32) {
    let lines = outcome.stderr.iter().filter(|byte| **byte == b'\n').count();
    assert!(
        outcome.ending == Ending::Status(status)
            && lines == 1
            && outcome.stderr.ends_with(b"\n")
            && outcome.stderr.len() > 5,
        "one line on stderr and status {status} are wanted:\n{}",
        outcome.to_string().chars().take(2000).collect::<String>()
    );
}

/// Returns a namespace with [`TABLE`] in it.
fn with_table() -> Namespace {
    let namespace = Namespace::new();
    let filled = namespace.run(&Program::reference(), &Invocation::restore(TABLE));
    assert_eq!(filled.ending, Ending::Status(0), "{filled}");
    namespace
}

/// Holds the table in `namespace` to [`TABLE`].
#[track_caller]
fn assert_table_is_whole(namespace: &Namespace) {
    let saved = namespace.run(&Program::reference(), &Invocation::line("-Sn"));
    assert_eq!(saved.stdout_text(), TABLE);
}

/// Runs ours through a shell, for what only a shell's redirections can say. In `script`, `"$@"` is
/// the program.
fn run_in_shell(namespace: &Namespace, script: &str, argv0: &str) -> Outcome {
    let ours = Program::ours().command(OsStr::new(argv0));
    // The shell cannot set argv[0] but by a link of that name.
    let folder = format!("{SCRATCH}/{argv0}.bin");
    let (link, program) = (format!("{folder}/{argv0}"), ours.get_program().to_owned());
    namespace.enter({
        let link = link.clone();
        move || {
            fs::create_dir_all(&folder).unwrap();
            if !Path::new(&link).exists() {
                std::os::unix::fs::symlink(program, link).unwrap();
            }
        }
    });
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", script, "sh", &link]).stdin(Stdio::null());
    namespace.output(shell)
}

#[test]
fn words_that_are_not_utf_8() {
    let pair = Pair::new(false);
    let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let word = |text: &str| OsString::from(text);
    let odd = bytes(b"\xff\xfe\x80");
    for words in [
        vec![odd.clone()],
        vec![bytes(b"-\xff")],
        vec![bytes(b"--\xff\xe4")],
        vec![word("-L"), odd.clone()],
        vec![word("-L"), bytes(b"-\xff")],
        vec![word("-L"), bytes(b"-n\xff")],
        vec![word("-L"), bytes(b"--\xff=\xff")],
        vec![word("-L"), bytes(b"--numeric=\xff")],
        vec![word("-A"), word("-t"), odd.clone()],
        vec![word("-A"), bytes(b"-t\xff:80")],
        vec![word("-A"), bytes(b"--tcp-service=192.0.2.1:\xff")],
        vec![word("-A"), word("-t"), bytes(b"[\xff]:80")],
        vec![word("-A"), word("-f"), odd.clone()],
        vec![word("-A"), word("-f"), word("1"), word("-p"), odd.clone()],
        vec![word("-A"), word("-f"), word("1"), word("-s"), odd.clone()],
        vec![word("-A"), word("-f"), word("1"), word("-b"), odd.clone()],
        vec![
            word("-A"),
            word("-f"),
            word("1"),
            word("-p"),
            word("-M"),
            odd.clone(),
        ],
        vec![
            word("-A"),
            word("-f"),
            word("1"),
            word("-p"),
            word("--pe"),
            odd.clone(),
        ],
        vec![word("-a"), word("-f"), word("1"), word("-r"), odd.clone()],
        vec![word("-a"), word("-f"), word("1"), word("-w"), odd.clone()],
        vec![word("--set"), word("1"), odd.clone(), word("3")],
        vec![word("--start-daemon"), odd.clone()],
        vec![
            word("--start-daemon"),
            word("master"),
            word("--mcast-interface"),
            odd.clone(),
        ],
        vec![
            word("--start-daemon"),
            word("master"),
            word("--mcast-group"),
            odd.clone(),
        ],
        vec![
            word("--start-daemon"),
            word("master"),
            word("--syncid"),
            odd,
        ],
    ] {
        assert_alike(&pair, &Invocation::new(words));
    }
    let mut oddly_named = Invocation::new(["-q"]);
    oddly_named.argv0 = bytes(b"/\xff/ipvsadm\xfe");
    assert_alike(&pair, &oddly_named);
    assert_eq!(pair.compare_tables(), Ok(()));
}

#[test]
fn a_hundred_thousand_words() {
    let pair = Pair::new(false);
    let many = |first: &[&str], word: &str| {
        let first = first.iter().copied();
        Invocation::new(first.chain(std::iter::repeat_n(word, 100_000)))
    };
    assert_alike(&pair, &many(&["-L"], "x"));
    assert_alike(&pair, &many(&["-L"], "-n"));
    assert_alike(&pair, &many(&["-L"], "--sort"));
    assert_alike(&pair, &many(&["-L"], ""));
    assert_alike(&pair, &many(&["-L", "--"], "-n"));
    assert_alike(&pair, &many(&["--set"], "1"));
    assert_alike(&pair, &many(&[], "x"));
    assert_alike(&pair, &many(&["-A", "-f", "1", "-p"], "-s"));
    for rules in [
        format!("-L {}\n-A -f 2\n", "x ".repeat(100_000)),
        format!("-L {}\n-A -f 3\n", "--sort ".repeat(100_000)),
        format!("{}-A -f 4\n", "ipvsadm ".repeat(100_000)),
        format!("{}\n-A -f 5\n", "x ".repeat(100_000)),
    ] {
        assert_alike(&pair, &Invocation::restore(rules));
    }
    assert_eq!(pair.compare_tables(), Ok(()));
}

#[test]
fn words_and_lines_without_end() {
    let pair = Pair::new(false);
    // Longer than this the kernel takes no word of argv.
    let long = "a".repeat(120_000);
    let digits = "1".repeat(120_000);
    for words in [
        vec!["-A", "-t", &long],
        vec!["-A", "-t", &format!("192.0.2.1:{digits}")],
        vec!["-A", "-t", &format!("{long}:80")],
        vec!["-A", "-t", &format!("[{long}]:80")],
        vec!["-A", "-f", &digits],
        vec!["-A", "-f", "1", "-s", &long],
        vec!["-A", "-f", "1", "-p", &digits],
        vec!["-A", "-f", "1", "--pe", &long, "-p"],
        vec!["-A", "-f", "1", "-M", &long, "-p"],
        vec!["-A", &format!("--{long}")],
        vec!["-L", &format!("-{}", "n".repeat(120_000))],
        vec!["-L", &long],
        vec![&long],
        vec!["--start-daemon", "master", "--mcast-interface", &long],
        vec!["--start-daemon", &long],
    ] {
        assert_alike(&pair, &Invocation::new(words));
    }
    let long = "a".repeat(1_000_000);
    for rules in [
        format!("-A -t {long}\n-A -f 1\n"),
        format!("{}-A -f 2", " ".repeat(1_000_000)),
        format!("-A -f 3{}\n", "\t".repeat(1_000_000)),
        "\n".repeat(1_000_000) + "-A -f 4\n",
    ] {
        assert_alike(&pair, &Invocation::restore(rules));
    }
    // The reference cuts a rule's word in pieces after 4096 bytes; ours says the same of all of it.
    let endless = pair.run_ours(&Invocation::restore(format!("-A --{long}\n")));
    assert_one_line(&endless, 255);
    assert!(endless.stderr.ends_with(b"a: unknown option\n"));
    assert_eq!(pair.compare_tables(), Ok(()));
}

/// The number of inputs that each of the random tests draws.
const DRAWS: usize = 60;

#[test]
fn rules_of_random_bytes() {
    let pair = Pair::new(false);
    let mut random = Random::of_this_run();
    let pieces: [&[u8]; 16] = [
        b"-A",
        b"-a",
        b"-t",
        b"192.0.2.1:80",
        b"-f",
        b"1",
        b"-s",
        b"rr",
        b"ipvsadm",
        b"-L",
        b"\0",
        b"\xff",
        b"\x0b",
        b"-",
        b"=",
        b"--",
    ];
    let mut compared = 0;
    for _ in 0..DRAWS {
        let mut rules = Vec::new();
        for _ in 0..=random.below(4) {
            // The command stands first or there is none: elsewhere it is a difference wanted.
            let has_command = random.chance(85);
            if has_command {
                rules.extend_from_slice(random.pick(&[
                    &b"-A "[..],
                    b"-a ",
                    b"-L ",
                    b"-D ",
                    b"-C ",
                ]));
            }
            for _ in 0..random.below(10) {
                let piece = random.pick(&pieces);
                if random.chance(80) {
                    rules.extend_from_slice(piece);
                } else {
                    rules.push(u8::try_from(random.below(256)).unwrap());
                }
                if random.chance(70) {
                    rules.push(random.pick(b"  \t\r"));
                }
            }
            if !has_command {
                rules.retain(|byte| *byte != b'-');
            }
            rules.push(b'\n');
        }
        // Comments are ours alone.
        rules.retain(|byte| *byte != b'#');
        let invocation = Invocation::restore(rules.clone());
        let (expected, got) = pair.run(&invocation);
        if expected.ending == Ending::Signal(11) || asks_for_help(&expected) {
            continue;
        }
        if let Err(difference) = compare(&expected, &got) {
            panic!("{} differs in\n{difference}", rules.escape_ascii());
        }
        compared += 1;
    }
    assert!(
        compared > DRAWS / 2,
        "only {compared} of {DRAWS} can be compared"
    );
    assert_eq!(pair.compare_tables(), Ok(()));
}

/// The command lines of administrators, each with a character or two gone wrong.
#[test]
fn mistyped_command_lines() {
    const LINES: [&str; 13] = [
        "-A -t 192.0.2.1:80 -s rr -p 30 -M 255.255.255.0",
        "-A -u 192.0.2.1:53 -s sh -b sh-port,sh-fallback -o",
        "-A -f 3 -6 -p 10 -M 64 --pe sip",
        "-E -t 192.0.2.1:80 --scheduler=wrr --persistent=20",
        "-a -t 192.0.2.1:80 -r 192.0.2.10:8080 -m -w 3 -x 10 -y 5",
        "-a -t 192.0.2.1:80 -r 192.0.2.11 -i --tun-type gue --tun-port 6080 --tun-csum",
        "-a -f 3 -6 -r [2001:db8::10]:80 -m",
        "-e -t 192.0.2.1:80 -r 192.0.2.10:8080 -m -w=4",
        "-d -t 192.0.2.1:80 -r 192.0.2.10:8080",
        "-ln --stats --exact",
        "-lnc --persistent-conn",
        "--set 10 20 30",
        "--start-daemon=master --mcast-interface=lo --syncid 3",
    ];
    let pair = Pair::new(false);
    let mut random = Random::of_this_run();
    let mut compared = 0;
    for round in 0..DRAWS {
        let mut words: Vec<Vec<u8>> = LINES[round % LINES.len()]
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect();
        for _ in 0..=random.below(2) {
            // The first word stays: a command further on is a difference that is wanted.
            let number = 1 + random.below(words.len() - 1);
            let word = &mut words[number];
            let at = random.below(word.len() + 1);
            let character = random.pick(b"-=:,.[]0159aAcdnrRsStuwx/ \xff");
            match random.below(3) {
                0 if at < word.len() => _ = word.remove(at),
                1 if at < word.len() => word[at] = character,
                _ => word.insert(at, character),
            }
        }
        let invocation = Invocation::new(words.into_iter().map(OsString::from_vec));
        let (expected, got) = pair.run(&invocation);
        // What ours knows more of: names in brackets, and the thresholds of -S.
        let words = invocation.words.iter().map(|word| word.to_string_lossy());
        let line = words.collect::<Vec<_>>().join(" ");
        if line.contains(" -S") || line.contains('[') && !line.contains("::") {
            continue;
        }
        if let Err(difference) = compare(&expected, &got) {
            panic!("{line} differs in\n{difference}");
        }
        compared += 1;
    }
    assert!(
        compared > DRAWS / 2,
        "only {compared} of {DRAWS} can be compared"
    );
}

/// Returns true if the output is the reference's help or version, which ours words differently.
fn asks_for_help(outcome: &Outcome) -> bool {
    outcome.stdout_text().contains("ipvsadm v1.31 ")
}

/// Outputs that take nothing: the disk is full, nothing is open, the file is open for reading.
const DEAF: [&str; 4] = [">/dev/full", ">&-", "1</dev/null", ">&- <&-"];

#[test]
fn output_that_goes_nowhere_is_told() {
    let namespace = with_table();
    for (argv0, words) in [
        ("ipvsadm", "-ln"),
        ("ipvsadm", ""),
        ("ipvsadm", "-Sn"),
        ("ipvsadm", "-ln --stats -t 192.0.2.1:80"),
        ("ipvsadm", "-lnc"),
        ("ipvsadm", "-L --timeout"),
        ("ipvsadm", "-h"),
        ("ipvsadm", "-v"),
        ("ipvsadm-save", "-n"),
    ] {
        for output in DEAF {
            let script = format!("exec \"$@\" {words} {output}");
            let outcome = run_in_shell(&namespace, &script, argv0);
            assert_one_line(&outcome, 1);
            let told = outcome.stderr_text();
            assert!(
                told.starts_with("cannot write to standard output: "),
                "{told}"
            );
        }
    }
    for output in [">/dev/full", ">&-", "1</dev/null"] {
        let script = format!("echo -ln | \"$@\" -R {output}");
        assert_one_line(&run_in_shell(&namespace, &script, "ipvsadm"), 1);
        let script = format!("echo -A -f 7 | \"$@\" --dry-run {output}");
        assert_one_line(&run_in_shell(&namespace, &script, "ipvsadm-restore"), 1);
    }
    assert_table_is_whole(&namespace);
}

/// A server's way back is written before anything is begun; where nobody can have read it, nothing
/// is.
#[test]
fn what_cannot_be_taken_back_is_not_begun() {
    let namespace = with_table();
    // The reader of these has left, and SIGPIPE ends the program or is ignored.
    let pipe = |trap: &str| format!("{trap} (sleep 0.2; exec \"$@\" WORDS; ) | true");
    let scripts = DEAF.map(|output| format!("exec \"$@\" WORDS {output}"));
    let scripts = scripts.into_iter().chain([
        pipe(""),
        pipe("trap '' PIPE;"),
        "(trap '' PIPE; sleep 0.2; \"$@\" WORDS; echo $? >&2) | true".to_owned(),
    ]);
    for script in scripts {
        for words in [
            "-d -t 192.0.2.1:80 -r 192.0.2.10 --drain 0 --force",
            "-d -r 192.0.2.10 --drain --force",
            "-e -t 192.0.2.1:80 -r 192.0.2.10 --drain 0 --force",
        ] {
            let outcome = run_in_shell(&namespace, &script.replace("WORDS", words), "ipvsadm");
            assert_table_is_whole(&namespace);
            if script.ends_with("| true") {
                let told = outcome.stderr_text();
                let broken = "cannot write to standard output: Broken pipe\n";
                let expected = match (script.contains("trap"), script.contains("echo")) {
                    (_, true) => format!("{broken}1\n"),
                    (true, false) => broken.to_owned(),
                    (false, false) => String::new(),
                };
                assert_eq!(told, expected, "{script}");
            } else {
                assert_one_line(&outcome, 1);
            }
        }
    }
    // That is not for want of a server that can be drained.
    let words = "-d -r 192.0.2.10 --drain 0 --force";
    let outcome = run_in_shell(&namespace, &format!("exec \"$@\" {words}"), "ipvsadm");
    assert_eq!(outcome.ending, Ending::Status(0), "{outcome}");
    assert_eq!(outcome.stdout_text().lines().count(), 1, "{outcome}");
}

/// A table of which the reader has not seen the end is not saved; that of a listing is no matter.
#[test]
fn a_save_whose_reader_has_left_is_a_fault() {
    let namespace = with_table();
    let script = "(trap '' PIPE; sleep 0.2; \"$@\" -n; echo $? >&2) | true";
    let outcome = run_in_shell(&namespace, script, "ipvsadm-save");
    let told = "cannot write to standard output: Broken pipe\n1\n";
    assert_eq!(outcome.stderr_text(), told);
    for words in ["-Sn", "-ln"] {
        let script = script.replace("-n;", &format!("{words};"));
        let outcome = run_in_shell(&namespace, &script, "ipvsadm");
        assert_eq!(outcome.stderr_text(), "0\n", "{words}");
    }
}

#[test]
fn changes_need_no_streams() {
    let namespace = with_table();
    for streams in [
        ">&-",
        "2>&-",
        "<&-",
        ">&- 2>&-",
        ">&- 2>&- <&-",
        ">/dev/full 2>/dev/full",
    ] {
        for (words, status) in [
            ("-A -f 7", 0),
            ("-D -f 7", 0),
            ("-D -f 7", 255),
            ("-A -f 0", 2),
        ] {
            let script = format!("exec \"$@\" {words} {streams}");
            let outcome = run_in_shell(&namespace, &script, "ipvsadm");
            assert_eq!(
                outcome.ending,
                Ending::Status(status),
                "{words} {streams}\n{outcome}"
            );
        }
        // A listing that nobody can read says nothing elsewhere and ends.
        let script = format!("\"$@\" -ln {streams}; echo ended with $?");
        let outcome = run_in_shell(&namespace, &script, "ipvsadm");
        let text = outcome.stdout_text();
        let text = text.lines().last().unwrap_or_default();
        assert!(
            text == "ended with 0" || text == "ended with 1",
            "-ln {streams}\n{outcome}"
        );
    }
    assert_table_is_whole(&namespace);
}

#[test]
fn a_reader_that_leaves_ends_a_listing_quietly() {
    let namespace = with_table();
    let mut outcomes = Vec::new();
    for program in [Program::reference(), Program::ours()] {
        let mut command = program.command(OsStr::new("ipvsadm"));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        command
            .arg("-ln")
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped());
        outcomes.push(namespace.enter(move || {
            let output = command.spawn().unwrap().wait_with_output().unwrap();
            (Ending::from(output.status), output.stderr)
        }));
    }
    assert_eq!(outcomes[0], outcomes[1], "the reference, and ours");
    assert_eq!(outcomes[1], (Ending::Signal(13), Vec::new()));
}

#[test]
fn rules_are_applied_as_they_arrive() {
    let namespace = Namespace::new();
    let ours = Program::ours();
    let listing = namespace.enter({
        let ours = ours.clone();
        move || {
            let mut command = ours.command(OsStr::new("ipvsadm"));
            let mut restoring = command.arg("-R").stdin(Stdio::piped()).spawn().unwrap();
            let mut input = restoring.stdin.take().unwrap();
            input.write_all(b"-A -f 1\n-A -f 2\n").unwrap();
            // The writer neither goes on nor closes: what is there by now must be applied.
            let mut listing = String::new();
            for _ in 0..50 {
                let mut list = Program::reference().command(OsStr::new("ipvsadm"));
                let output = list.arg("-Sn").output().unwrap();
                listing = String::from_utf8(output.stdout).unwrap();
                if listing.lines().count() == 2 {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            drop(input);
            assert!(restoring.wait().unwrap().success());
            listing
        }
    });
    assert_eq!(listing, "-A -f 1 -s wlc\n-A -f 2 -s wlc\n");
}

#[test]
fn a_last_line_without_a_newline_is_a_rule_whatever_its_end() {
    // The reference passes over it where it ends in two blanks.
    for end in ["", " ", "  ", " \t", "\t \r"] {
        let namespace = Namespace::new();
        let rules = Invocation::restore(format!("-A -f 1\n-A -f 2{end}"));
        let outcome = namespace.run(&Program::ours(), &rules);
        assert_eq!(outcome.ending, Ending::Status(0), "{end:?}\n{outcome}");
        let listing = namespace.run(&Program::reference(), &Invocation::line("-Sn"));
        assert_eq!(
            listing.stdout_text(),
            "-A -f 1 -s wlc\n-A -f 2 -s wlc\n",
            "{end:?}"
        );
    }
}

#[test]
fn input_that_cannot_be_read_empties_no_table() {
    let namespace = with_table();
    // A folder opens and cannot be read; a file may be open for writing only, or closed.
    for input in ["</", "<&-", "0>/dev/null", "0>>/proc/self/comm", "<&- >&-"] {
        for words in [
            "ipvsadm -R",
            "ipvsadm-restore",
            "ipvsadm-restore --noflush",
            "ipvsadm-restore --dry-run",
            "ipvsadm-restore --test",
        ] {
            let (name, words) = words.split_once(' ').unwrap_or((words, ""));
            let script = format!("exec \"$@\" {words} {input}");
            let outcome = run_in_shell(&namespace, &script, name);
            assert_one_line(&outcome, 1);
            let told = outcome.stderr_text();
            let begins = "cannot read standard input: ";
            assert!(told.starts_with(begins), "{name} {words} {input}: {told}");
            assert_table_is_whole(&namespace);
        }
    }
}

#[test]
fn a_daemon_that_never_ran_is_stopped() {
    // The kernel does not answer the stop, and the reference waits for that for ever.
    let namespace = Namespace::new();
    let ours = Program::ours();
    for (rules, status) in [
        ("--stop-daemon master\n", 0),
        ("--stop-daemon master\n-A -f 1\n", 0),
        ("--stop-daemon master\n-L --daemon\n", 0),
        ("--stop-daemon master\n--stop-daemon master\n", 255),
    ] {
        let start = "--start-daemon master --mcast-interface lo\n";
        let outcome = namespace.run(&ours, &Invocation::restore(format!("{start}{rules}")));
        let refusal = if status == 0 {
            ""
        } else {
            "No daemon is running\n"
        };
        assert!(
            outcome.ending == Ending::Status(status)
                && outcome.stdout_text() == ""
                && outcome.stderr_text() == refusal,
            "{rules}\n{outcome}"
        );
    }
}

#[test]
fn a_faulty_file_empties_no_table() {
    let reference = Program::reference();
    let ours = Program::ours();
    for fault in [
        "-A -t x\n",
        "-A -f 9\n-A\n",
        "-A -f 9\nfoo\n",
        "-A -f 9\n-A -f 10 --bogus\n",
        "-A -f 9\n-a -f 9 -r\n",
        "-A -f 9\n-A -f 10 -b bogus\n-A -f 11\n",
        "\x01\x02\x03\n",
        "-A -f 9\n-R\n",
    ] {
        let mut invocation = Invocation::restore(fault);
        invocation.argv0 = "ipvsadm-restore".into();
        invocation.words.clear();
        let namespace = with_table();
        let got = namespace.run(&ours, &invocation);
        assert_table_is_whole(&namespace);
        let expected = namespace.run(&reference, &invocation);
        let said = expected.stderr_text();
        let said = match said.lines().next().unwrap_or_default() {
            // Ours says which line it is, and what is missing there.
            said if said.starts_with("Try `") && !fault.contains("-R") => ": no command: ",
            said => said,
        };
        assert!(
            got.ending != Ending::Status(0) && got.stderr_text().contains(said),
            "{fault:?}: the reference says\n{expected}\nours\n{got}"
        );
    }
}

#[test]
fn without_privilege_both_say_the_same() {
    let namespace = with_table();
    let run_as_nobody = |program: &Program, words: &[&str], input: &'static [u8]| {
        // Where the programs lie nobody may not be let in.
        let copy = format!("{SCRATCH}/{}/ipvsadm", program.name);
        let original = program
            .command(OsStr::new("ipvsadm"))
            .get_program()
            .to_owned();
        let words: Vec<OsString> = words.iter().map(Into::into).collect();
        let stdin = file_with(input);
        namespace.enter(move || {
            if !Path::new(&copy).exists() {
                fs::create_dir_all(Path::new(&copy).parent().unwrap()).unwrap();
                fs::copy(original, &copy).unwrap();
            }
            let output = Command::new(copy)
                .arg0("ipvsadm")
                .args(words)
                .stdin(stdin)
                .env_clear()
                .uid(65_534)
                .gid(65_534)
                .output()
                .unwrap();
            Outcome {
                ending: output.status.into(),
                stdout: output.stdout,
                stderr: output.stderr,
            }
        })
    };
    let (reference, ours) = (Program::reference(), Program::ours());
    for line in [
        "",
        "-L",
        "-ln",
        "-lnc",
        "-Sn",
        "-C",
        "-Z",
        "-A -f 7",
        "-D -f 1",
        "-d -t 192.0.2.1:80 -r 192.0.2.10",
        "--set 1 2 3",
        "-L --timeout",
        "--start-daemon master",
        "--stop-daemon master",
        "-R",
        "-q",
        "x",
        "-A -t x",
        "-L -q",
        "-A -A",
    ] {
        let words: Vec<&str> = line.split_whitespace().collect();
        let expected = run_as_nobody(&reference, &words, b"-C\n");
        let got = run_as_nobody(&ours, &words, b"-C\n");
        if let Err(difference) = compare(&expected, &got) {
            panic!("{line} differs in\n{difference}");
        }
    }
    for line in ["-h", "-v", "--help", "--version"] {
        let got = run_as_nobody(&ours, &[line], b"");
        if !ours.is_reference() {
            assert!(
                got.ending == Ending::Status(0) && got.stderr.is_empty() && !got.stdout.is_empty(),
                "{line} needs no privilege:\n{got}"
            );
        }
    }
    assert_table_is_whole(&namespace);
}

#[test]
fn connections_that_cannot_be_read() {
    let pair = Pair::new(false);
    for namespace in [&pair.reference_namespace, &pair.our_namespace] {
        namespace.enter(|| mount_memory("/proc"));
    }
    for line in [
        "-lnc",
        "-lc",
        "-lnc --persistent-conn",
        "-ln",
        "-Sn",
        "-A -f 1",
        "-ln --stats",
    ] {
        assert_alike(&pair, &Invocation::line(line));
    }
    let both = pair.run_ours(&Invocation::restore("-A -f 2\n-lnc\n-A -f 3\n"));
    assert_one_line(&both, 1);
    assert_eq!(both.stdout_text(), "");
}

/// A file of connections that is none: bytes, half lines, words too many and too few.
#[test]
fn connections_that_make_no_sense() {
    let pair = Pair::new(false);
    let title = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n";
    let good = "TCP C0000201 9C40 C0000202 0050 C000020A 0050 ESTABLISHED     899\n";
    for text in [
        String::new(),
        title.to_owned(),
        format!("{title}{good}"),
        format!("{title}{good}").trim_end().to_owned(),
        format!("{title}{good}{}", good.to_lowercase()),
        format!(
            "{title}UDP C0000201 9C40 C0000202 0035 C000020A 0035 UDP             299 sip 1234@example.com\n"
        ),
    ] {
        for namespace in [&pair.reference_namespace, &pair.our_namespace] {
            let text = text.clone();
            namespace.enter(move || lay_over_connections(text.as_bytes()));
        }
        for line in ["-lnc", "-lnc --persistent-conn"] {
            let invocation = Invocation::line(line);
            let (expected, got) = pair.run(&invocation);
            if let Err(difference) = compare(&expected, &got) {
                panic!("{line} of\n{text}\ndiffers in\n{difference}");
            }
        }
    }
    // What the reference makes of these is not to be copied; ours says what is wrong or leaves the
    // line out, and goes on living.
    for text in [
        &b"\xff\xfe\n\xff\xfe\n"[..],
        b"x\nTCP\nTCP C0\n",
        b"x\nTCP ZZZZZZZZ 9C40 C0000202 0050 C000020A 0050 NONE 1\n",
        b"x\nTCP C0000201 99999 C0000202 0050 C000020A 0050 NONE 99999999999999999999\n",
        b"x\nTCP [2001:db8::1] 1 [x] 2 [y] 3 NONE 1\n",
        b"x\n\0\0\0\0",
        b"x\n\n\nTCP C0000201 9C40 C0000202 0050 C000020A 0050 NONE 1\n",
    ] {
        pair.our_namespace.enter(move || lay_over_connections(text));
        let got = pair.run_ours(&Invocation::line("-lnc --persistent-conn"));
        let quiet = got.ending == Ending::Status(0) && got.stderr.is_empty();
        if !quiet {
            assert_one_line(&got, 1);
        }
    }
    let text = "x".repeat(1_000_000);
    pair.our_namespace
        .enter(move || lay_over_connections(text.as_bytes()));
    let got = pair.run_ours(&Invocation::line("-lnc"));
    assert!(matches!(got.ending, Ending::Status(0 | 1)), "{got}");
}

#[test]
fn a_row_that_is_not_understood_does_not_end_the_listing() {
    let namespace = Namespace::new();
    let row = |client: u32| {
        format!("TCP C00002{client:02X} 9C40 C0000201 0050 C000020A 0050 ESTABLISHED 7\n")
    };
    let text = format!(
        "titles\n{}TCP of another shape\n{}\n{}",
        row(21),
        row(22),
        row(23)
    );
    namespace.enter(move || {
        lay_over_connections(text.as_bytes());
        // A row without an origin is of another shape there.
        let text = text.replace("ESTABLISHED 7", "ESTABLISHED SYNC 7") + &row(24);
        fs::write("/proc/net/ip_vs_conn_sync", text).unwrap();
    });
    for words in [
        "-lnc",
        "-lnc --table",
        "-lnc --json",
        "-lnc --count client",
        "-lnc --count client --json",
        "-lnc --count client --table",
        "-lnc --origin sync",
    ] {
        let outcome = namespace.run(&Program::ours(), &Invocation::line(words));
        let listing = outcome.stdout_text();
        for client in ["192.0.2.21", "192.0.2.22", "192.0.2.23"] {
            assert!(listing.contains(client), "{words}: {client}\n{outcome}");
        }
        assert!(!listing.contains("192.0.2.24"), "{words}: {outcome}");
        if words.ends_with("--json") {
            let end = listing.trim_end();
            assert!(
                end.starts_with('{') && end.ends_with('}'),
                "{words}: {outcome}"
            );
        }
        let file = match words {
            "-lnc --json" | "-lnc --origin sync" => "/proc/net/ip_vs_conn_sync",
            _ => "/proc/net/ip_vs_conn",
        };
        assert_eq!(
            (outcome.ending, outcome.stderr_text()),
            (Ending::Status(1), format!("unexpected input from {file}\n")),
            "{words}"
        );
    }

    let diagnosis = namespace.run(&Program::ours(), &Invocation::line("--diagnose"));
    assert_eq!(diagnosis.stderr_text(), "", "{diagnosis}");
    let note = diagnosis.stdout_text().replace("\n         ", " ");
    assert!(note.contains("or not understood: "), "{diagnosis}");
    assert!(note.contains("connections"), "{diagnosis}");
}

#[test]
fn a_terminal_is_shown_no_control_characters_of_persistence_data() {
    let namespace = Namespace::new();
    let text =
        "titles\nUDP C0000215 0000 C0000201 13C4 C000020A 13C4 UDP 290 sip \x1b[2J\x07call\n";
    namespace.enter(move || lay_over_connections(text.as_bytes()));
    let invocation = Invocation::line("-lnc --persistent-conn");
    let piped = namespace.run(&Program::ours(), &invocation);
    assert!(
        piped.stdout_text().contains(" \x1b[2J\x07call\n"),
        "{piped}"
    );
    let mut command = Program::ours().command(&invocation.argv0);
    command.args(&invocation.words);
    let mut pty = Pty::start(&namespace, command, 24, 200);
    let mut shown = Vec::new();
    while !shown.ends_with(b"call\r\n") {
        shown.extend(pty.read().unwrap());
    }
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains(" \\x1b[2J\\x07call"), "{shown}");
    assert!(!shown.contains(['\x1b', '\x07']), "{shown}");
    assert!(pty.process.wait().unwrap().success());
}

/// Puts a text in the place of the kernel's list of connections.
pub fn lay_over_connections(text: &[u8]) {
    // `/proc/net` is the reader's own; a folder of files in its place is anybody's.
    let _ = nix::mount::umount2("/proc", nix::mount::MntFlags::MNT_DETACH);
    mount_memory("/proc");
    fs::create_dir_all("/proc/net").unwrap();
    let mut file = File::create("/proc/net/ip_vs_conn").unwrap();
    file.write_all(text).unwrap();
}

#[test]
fn words_of_the_command_line_alone_have_no_place_among_rules() {
    let namespace = Namespace::new();
    namespace.run(&Program::reference(), &Invocation::restore(TABLE));
    let before = namespace.run(&Program::ours(), &Invocation::new(["-Sn"]));
    for (rule, word) in [
        ("-d -r 192.0.2.10 --drain", "'drain' option"),
        ("-A -f 9 --netns blue", "'netns' option"),
        ("-L --watch 1", "'watch' option"),
        ("-L --prometheus", "'prometheus' option"),
        ("-L -c --stale", "'stale' option"),
        ("-L -c --client 192.0.2.0/24", "'client' option"),
        ("-L -c --state UDP", "'state' option"),
        ("-L -c --origin sync", "'origin' option"),
        ("-L -c --count client", "'count' option"),
        ("--diagnose", "'diagnose' command"),
        ("--diagnose --probe", "'diagnose' command"),
    ] {
        let outcome = namespace.run(&Program::ours(), &Invocation::restore(rule));
        assert_eq!(
            (outcome.ending, outcome.stderr_text()),
            (
                Ending::Status(2),
                format!("line 1: Illegal {word} in a line of rules: {rule}\n")
            )
        );
        assert!(outcome.stdout.is_empty(), "{rule}");
    }
    let after = namespace.run(&Program::ours(), &Invocation::new(["-Sn"]));
    assert_eq!(after.stdout_text(), before.stdout_text());
}
