//! Surroundings that are not as usual: readers that leave while
//! SIGPIPE is ignored, buffers that are small, terminals that would obey what a file holds.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs;
use std::process::{Command, Stdio};

use crate::support::pair::{Pair, compare};
use crate::support::{Ending, Invocation, Namespace, Program, SCRATCH};

/// SIGPIPE is ignored by `trap '' PIPE`, as systemd has it for its services.
#[test]
fn where_sigpipe_is_ignored_a_reader_that_left_is_no_fault() {
    const RULES: &str = "-L\n-A -f 9\n-L -n\n-A -f 10\n";
    let pair = Pair::new(false);
    let run = |namespace: &Namespace, program: &Program, words: &'static str| {
        let mut command = Command::new("/bin/sh");
        let run = program.command(OsStr::new("ipvsadm"));
        command
            .args(["-c", "trap '' PIPE; exec \"$0\" \"$@\""])
            .arg(run.get_program())
            .args(words.split(' '));
        namespace.enter(move || {
            let rules = format!("{SCRATCH}/rules");
            fs::write(&rules, RULES).unwrap();
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            command
                .stdin(fs::File::open(rules).unwrap())
                .stdout(writer)
                .stderr(Stdio::piped());
            let output = command.spawn().unwrap().wait_with_output().unwrap();
            (Ending::from(output.status), output.stderr)
        })
    };
    for words in ["-ln", "-Sn", "-lnc", "-R", "-L --timeout", "-D -f 99"] {
        let expected = run(&pair.reference_namespace, &pair.reference, words);
        let got = run(&pair.our_namespace, &pair.ours, words);
        assert_eq!(got, expected, "ipvsadm {words}");
    }
    assert_eq!(pair.compare_tables(), Ok(()));
    for words in ["-h", "-v"] {
        let got = run(&pair.our_namespace, &pair.ours, words);
        assert_eq!(got, (Ending::Status(0), Vec::new()), "ipvsadm {words}");
    }
}

/// While it lives, new sockets have the smallest send buffer that the kernel allows.
struct SmallSendBuffers(String);

/// It is the machine's, and not to be seen from other network namespaces.
const SEND_BUFFER: &str = "/proc/sys/net/core/wmem_default";

impl SmallSendBuffers {
    fn new() -> Self {
        let before = fs::read_to_string(SEND_BUFFER).unwrap();
        let smallest = (1024..)
            .step_by(64)
            .find(|length: &u32| fs::write(SEND_BUFFER, length.to_string()).is_ok());
        assert!(smallest.unwrap() < 10_000, "{smallest:?}");
        Self(before)
    }
}

impl Drop for SmallSendBuffers {
    fn drop(&mut self) {
        let _ = fs::write(SEND_BUFFER, self.0.trim());
    }
}

#[test]
fn batches_fit_a_small_send_buffer() {
    let pair = Pair::new(false);
    let mut rules = String::new();
    for service in 1..=200 {
        writeln!(rules, "-A -t [2001:db8::{service}]:80 -p 30 --pe sip").unwrap();
        writeln!(rules, "-A -t [2001:db8::{service}]:80 -s rr").unwrap();
        writeln!(
            rules,
            "-a -t [2001:db8::{service}]:80 -r [2001:db8::1:1]:80 -m -w 3"
        )
        .unwrap();
    }
    let small = SmallSendBuffers::new();
    let (expected, got) = pair.run(&Invocation::restore(rules));
    drop(small);
    assert_eq!(compare(&expected, &got), Ok(()));
    assert_eq!(pair.compare_tables(), Ok(()));
    let table = pair.run_ours(&Invocation::line("-Sn")).stdout_text();
    assert_eq!(table.lines().count(), 400, "{table}");
}

/// Rules whose words would rename a window, clear a screen, ring a bell.
#[test]
fn a_terminal_does_not_obey_what_a_file_holds() {
    const RULE: &[u8] = b"-A -f 1 \x1b]0;renamed\x07 \x1b[2J\xc2\x9b\xff\n";
    const SHOWN: &str = "unexpected argument \\x1b]0;renamed\\x07\n";
    let pair = Pair::new(false);
    let (expected, got) = pair.run(&Invocation::restore(RULE));
    assert_eq!(
        compare(&expected, &got),
        Ok(()),
        "bytes where there is no terminal"
    );
    assert!(got.stderr.contains(&b'\x1b'), "{got}");

    let namespace = &pair.our_namespace;
    namespace.enter(|| fs::write(format!("{SCRATCH}/rules"), RULE).unwrap());
    let at_terminal = |words: &str| {
        let program = env!("CARGO_BIN_EXE_ipvsadm");
        let line = format!("exec -a {words} <{SCRATCH}/rules");
        let line = line.replace(" ; ", &format!(" '{program}' "));
        let mut command = Command::new("script");
        command
            .args(["--quiet", "--command", &line, "/dev/null"])
            .env("SHELL", "/bin/bash");
        namespace.output(command).stdout_text().replace('\r', "")
    };
    assert_eq!(at_terminal("ipvsadm ; -R"), SHOWN);
    let restored = at_terminal("ipvsadm-restore ;");
    assert_eq!(
        restored,
        "line 1: unexpected argument \\x1b]0;renamed\\x07: \
         -A -f 1 \\x1b]0;renamed\\x07 \\x1b[2J\\xc2\\x9b\\xff\n"
    );
}
