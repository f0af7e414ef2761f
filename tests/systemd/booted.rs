//! A Debian that has booted with systemd as process 1, by `tests/lab systemd`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The script inside. It runs each line that comes in a shell, and prints a line with [`MARK`] and
/// the exit status after what that prints. The first such line says that all is up, and what
/// systemd thinks of it.
const AGENT: &str = r#"
    state=$(systemctl is-system-running --wait)
    printf '\n\001%s\n' "$state"
    while IFS= read -r line; do
        sh -c "$line" </dev/null 2>&1
        printf '\n\001%s\n' "$?"
    done"#;

const MARK: char = '\u{1}';

/// A running guest. Its disk is Debian as installed, with the reference, whenever one is made; what
/// is changed stays over reboots.
pub struct Booted {
    guest: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Booted {
    /// Boots Debian 12 or 13, and waits until it is up.
    pub fn new(release: &str) -> Self {
        let mut guest = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab"))
            .args(["systemd", release, "sh", "-c", AGENT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tests/lab");
        let mut booted = Self {
            input: guest.stdin.take(),
            output: BufReader::new(guest.stdout.take().unwrap()),
            guest,
        };
        booted.wait_until_up();
        booted
    }

    /// Reboots the guest.
    pub fn reboot(&mut self) {
        self.send("systemctl reboot; sleep infinity");
        self.wait_until_up();
    }

    fn wait_until_up(&mut self) {
        let (_, state) = self.answer();
        if state != "running" {
            let failed = self
                .run("systemctl --failed; journalctl --boot --priority warning")
                .0;
            panic!("systemd finds it {state}:\n{failed}");
        }
    }

    /// Runs a shell's command line; what it has printed on either output, and its exit status.
    pub fn run(&mut self, line: &str) -> (String, String) {
        self.send(line);
        self.answer()
    }

    /// Runs a shell's command line that must succeed; what it has printed.
    pub fn succeed(&mut self, line: &str) -> String {
        let (printed, status) = self.run(line);
        assert_eq!(status, "0", "{line}\n{printed}");
        printed
    }

    /// Writes a file anew. No line of it may have a quote in it.
    pub fn write(&mut self, path: &str, text: &str) {
        assert!(!text.contains('\''), "{text}");
        self.succeed(&format!(": >{path}"));
        for line in text.lines() {
            self.succeed(&format!("printf '%s\\n' '{line}' >>{path}"));
        }
    }

    /// Returns the kernel's table and sync daemons.
    pub fn state(&mut self) -> String {
        self.succeed("ipvsadm -Sn && ipvsadm -L --daemon")
    }

    /// Returns systemd's words for our service: enabled or not, active or not.
    pub fn unit(&mut self) -> String {
        let enabled = self.run("systemctl is-enabled ipvsadm 2>/dev/null").0;
        let active = self.run("systemctl is-active ipvsadm").0;
        format!("{} {}", enabled.trim(), active.trim())
    }

    fn send(&mut self, line: &str) {
        assert!(!line.contains('\n'), "{line}");
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").expect("a guest that listens");
    }

    /// Returns all until the next line that is the agent's own, and what that says.
    fn answer(&mut self) -> (String, String) {
        let mut printed = String::new();
        loop {
            let mut line = Vec::new();
            let count = self.output.read_until(b'\n', &mut line).unwrap();
            assert_ne!(
                count, 0,
                "the guest has ended; the last it said:\n{printed}"
            );
            let line = String::from_utf8_lossy(&line);
            if let Some(word) = line.strip_prefix(MARK) {
                // The agent's newline is not part of what was printed.
                printed.pop();
                return (printed, word.trim_end().to_owned());
            }
            printed.push_str(&line);
        }
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        // At its end the agent ends, and the guest with it.
        self.input = None;
        let _ = self.guest.wait();
    }
}

/// Returns a file in a folder that the lab names in the environment, by its name in a guest.
pub fn file(folder: &str, name: &str) -> String {
    let folder = std::env::var_os(folder).expect("a folder: run tests/lab test");
    let path = PathBuf::from(folder).join(name);
    assert!(path.exists(), "{} is not there", path.display());
    let path = path.strip_prefix("/").unwrap().to_owned();
    Path::new("/run/machine")
        .join(path)
        .to_string_lossy()
        .into_owned()
}
