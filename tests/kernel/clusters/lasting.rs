//! Commands that take their time: `--drain` and `--ramp`, begun, watched and ended.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::cluster::Host;
use crate::support::{Ending, Invocation, Outcome, Program};

/// Our program, draining or ramping on a host. It ends with this value at the latest.
pub struct Lasting {
    child: Child,
    /// All that it has printed up to now.
    pub written: String,
}

impl Lasting {
    /// Begins, and waits for so many lines of rules.
    pub fn begin(director: &Host, line: &str, lines: usize) -> Self {
        let mut command = Program::ours().command("ipvsadm".as_ref());
        command.args(line.split_whitespace());
        Self::begin_with(director, command, lines)
    }

    pub fn begin_with(director: &Host, mut command: Command, count: usize) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = director.enter(move || command.spawn().expect("our program starts"));
        let mut lines = BufReader::new(child.stdout.as_mut().expect("a pipe"));
        let mut written = String::new();
        for _ in 0..count {
            lines.read_line(&mut written).expect("a line of rules");
        }
        Self { child, written }
    }

    pub fn assert_goes_on(&mut self) {
        let status = self.child.try_wait().expect("a child of ours");
        assert_eq!(status, None, "it has ended");
    }

    /// Returns true as long as it has not ended.
    pub fn is_going_on(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    pub fn send(&self, signal: Signal) {
        let process = i32::try_from(self.child.id()).expect("a process");
        kill(Pid::from_raw(process), signal).expect("a running process");
    }

    /// Waits for its end.
    pub fn end(mut self) -> Outcome {
        let status = self.child.wait().expect("a child of ours");
        let mut outcome = Outcome {
            ending: status.into(),
            stdout: self.written.clone().into_bytes(),
            stderr: Vec::new(),
        };
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let (mut stdout, mut stderr) = (stdout.expect("a pipe"), stderr.expect("a pipe"));
        stdout.read_to_end(&mut outcome.stdout).expect("a pipe");
        stderr.read_to_end(&mut outcome.stderr).expect("a pipe");
        outcome
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs our program on a terminal that is wide enough for any sentence, and returns what that
/// shows, with its exit status.
pub fn shown_at_terminal(director: &Host, line: &str) -> String {
    let line = format!("'{}' {line}", env!("CARGO_BIN_EXE_ipvsadm"));
    director.shell(&format!(
        "script --quiet --return --command \"stty columns 999; {line}\" /dev/null || echo $?"
    ))
}

/// Asserts how a command ended, and all that it wrote to standard error.
pub fn ended(outcome: &Outcome, status: i32, stderr: &str) {
    assert_eq!(
        (outcome.ending, outcome.stderr_text().as_str()),
        (Ending::Status(status), stderr),
        "{outcome}"
    );
}

/// Feeds what a command has printed to `-R`.
pub fn go_back(director: &Host, outcome: &Outcome) {
    let outcome = director.run(&Program::ours(), &Invocation::restore(&*outcome.stdout));
    ended(&outcome, 0, "");
}
