//! A cluster for one test: built by `labkit/cluster.sh`, gone when the test is over.

use std::ops::Deref;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::support::pair;
use crate::support::{Ending, Invocation, Namespace, Outcome, Program};

/// The folder in which `ip netns` keeps namespaces by name.
const NAMES: &str = "/run/netns";

/// The time that the kernel, or a program, may take to do what it will surely do. Little waits
/// so long unless the test is about to fail: but a client whose time is up while a connection of it
/// is known stays with its server for another minute.
const PATIENCE: Duration = Duration::from_secs(150);

/// Hosts, their networks, and the servers on them.
pub struct Cluster {
    pub client: Host,
    pub director: Host,
    processes: Pid,
    /// The folder with the names of this cluster's hosts: every test has a `director`.
    names: Namespace,
}

impl Cluster {
    /// Builds a cluster with direct routing and two directors. Returns the second one, too; the
    /// first has a virtual service with both real servers.
    pub fn of_two_directors() -> (Self, Host) {
        let cluster = Cluster::new("cluster dr 2");
        cluster.director.ipvsadm_each(&[
            "-A -t 1.1.1.254:22 -s rr",
            "-a -t 1.1.1.254:22 -r 1.1.1.10 -g",
            "-a -t 1.1.1.254:22 -r 1.1.1.20 -g",
        ]);
        let other = cluster.host("director2");
        (cluster, other)
    }

    /// Builds a cluster with words of `cluster.sh`.
    pub fn new(script: &str) -> Self {
        let names = Namespace::new();
        let mut command = shell(&format!(
            "set -e; mkdir -p {NAMES}; mount -t tmpfs names {NAMES}; \
             . {}/tests/labkit/cluster.sh; {script}; echo $$",
            env!("CARGO_MANIFEST_DIR")
        ));
        // All that it starts, servers above all, can be ended by the group's number: its own.
        command.process_group(0);
        let outcome = names.output(command);
        assert!(outcome.ending == Ending::Status(0), "{script}:\n{outcome}");
        let printed = outcome.stdout_text();
        let process = printed.lines().last().and_then(|line| line.parse().ok());
        Self {
            client: Host::of(&names, "client"),
            director: Host::of(&names, "director"),
            processes: Pid::from_raw(process.expect("the number of the process")),
            names,
        }
    }

    /// Returns a host by its name.
    pub fn host(&self, name: &str) -> Host {
        Host::of(&self.names, name)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Without a server there is nobody to end.
        let _ = killpg(self.processes, Signal::SIGKILL);
    }
}

/// One machine of a cluster.
pub struct Host(Namespace);

impl Deref for Host {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.0
    }
}

impl Host {
    fn of(names: &Namespace, name: &str) -> Self {
        Self(names.join(Path::new(NAMES).join(name)))
    }

    /// Runs our ipvsadm with the words of `line`. It must succeed without a word on stderr.
    pub fn ipvsadm(&self, line: &str) -> String {
        let outcome = self.try_ipvsadm(line);
        assert!(
            outcome.ending == Ending::Status(0) && outcome.stderr.is_empty(),
            "ipvsadm {line}:\n{outcome}"
        );
        outcome.stdout_text()
    }

    /// Carries out these lines with our ipvsadm; they must succeed in silence. One process does, by
    /// `-R`: starting one is what takes time in the lab.
    pub fn ipvsadm_each(&self, lines: &[impl AsRef<str>]) {
        let rules: String = lines
            .iter()
            .flat_map(|line| [line.as_ref(), "\n"])
            .collect();
        let outcome = self.run(&Program::ours(), &Invocation::restore(rules.as_str()));
        assert!(
            outcome.ending == Ending::Status(0)
                && outcome.stdout.is_empty()
                && outcome.stderr.is_empty(),
            "{rules}{outcome}"
        );
    }

    /// Runs our ipvsadm with the words of `line`, however it ends.
    pub fn try_ipvsadm(&self, line: &str) -> Outcome {
        self.run(&Program::ours(), &Invocation::line(line))
    }

    /// Runs our ipvsadm, which must refuse with this exit status and this one line.
    pub fn ipvsadm_refuses(&self, line: &str, status: i32, message: &str) {
        let outcome = self.try_ipvsadm(line);
        assert_eq!(
            (outcome.ending, outcome.stderr_text().as_str()),
            (Ending::Status(status), format!("{message}\n").as_str()),
            "ipvsadm {line}"
        );
        assert!(outcome.stdout.is_empty(), "ipvsadm {line}:\n{outcome}");
    }

    /// Returns a listing, which must be the same by both programs.
    pub fn listed_by_both(&self, line: &str) -> String {
        pair::listed_by_both(self, &Invocation::line(line)).stdout_text()
    }

    /// Runs a command of the shell, which must succeed.
    pub fn shell(&self, line: &str) -> String {
        let outcome = self.output(shell(line));
        assert!(outcome.ending == Ending::Status(0), "{line}:\n{outcome}");
        outcome.stdout_text()
    }
}

/// Waits until `condition` holds, and fails with what it said last if that takes too long.
pub fn eventually(what: &str, mut condition: impl FnMut() -> Result<(), String>) {
    let end = Instant::now() + PATIENCE;
    while let Err(reason) = condition() {
        assert!(Instant::now() < end, "{what}: still not so.\n{reason}");
        thread::sleep(Duration::from_millis(100));
    }
}

fn shell(line: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", line]).stdin(Stdio::null());
    command
}
