//! The comparison itself: both programs in a namespace each, step by step, and what differs as text
//! that a person can act on.

use std::fmt::Write;

use crate::script::{Reason, Script, Step, Wanted};
use crate::support::{Ending, Invocation, Namespace, Outcome, Program};

/// The two programs, each with a namespace of its own.
pub struct Pair {
    reference: Program,
    ours: Program,
    reference_namespace: Namespace,
    our_namespace: Namespace,
}

/// What the reference is asked about both tables when a script is over. One process reads it all.
const FINAL_LISTINGS: &str = "-Sn
-ln
-ln --thresholds
-ln --tun-info
-ln --persistent-conn
-ln --stats
-L --timeout
-L --daemon
";

/// How many lines in a row a report shows before it only counts them.
const LINES_SHOWN: usize = 12;

impl Pair {
    /// Two fresh namespaces, both with an interface `eth0` if that is asked for.
    pub fn new(eth0: bool) -> Self {
        let pair = Self {
            reference: Program::reference(),
            ours: Program::ours(),
            reference_namespace: Namespace::new(),
            our_namespace: Namespace::new(),
        };
        if eth0 {
            pair.reference_namespace.add_eth0();
            pair.our_namespace.add_eth0();
        }
        pair
    }

    /// Runs the same command with both: the reference's outcome first.
    pub fn run(&self, invocation: &Invocation) -> (Outcome, Outcome) {
        (self.run_reference(invocation), self.run_ours(invocation))
    }

    /// Runs a command with the reference, in its namespace.
    pub fn run_reference(&self, invocation: &Invocation) -> Outcome {
        self.reference_namespace.run(&self.reference, invocation)
    }

    /// Runs a command with ours, in its namespace.
    pub fn run_ours(&self, invocation: &Invocation) -> Outcome {
        self.our_namespace.run(&self.ours, invocation)
    }

    /// Runs the same command with both programs in the reference's namespace.
    pub fn compare_on_one_table(&self, invocation: &Invocation) -> Result<(), String> {
        let got = self.reference_namespace.run(&self.ours, invocation);
        compare(&self.run_reference(invocation), &got)
    }

    /// Both tables as the reference lists them, or the difference between them.
    pub fn compare_tables(&self) -> Result<(), String> {
        let listings = Invocation::restore(FINAL_LISTINGS);
        let expected = self.run_reference(&listings);
        let got = self.our_namespace.run(&self.reference, &listings);
        compare(&in_one_order(expected), &in_one_order(got))
    }
}

/// Runs a whole script and returns every difference as text, an empty one if there is none.
pub fn run_script(name: &str, script: &Script) -> String {
    let pair = Pair::new(script.eth0);
    let mut report = String::new();
    for step in &script.steps {
        if let Err(difference) = run_step(&pair, step) {
            let _ = write!(report, "{name}:{}: {}\n{difference}\n", step.line, step.source);
        }
    }
    if let Err(difference) = pair.compare_tables() {
        let _ = write!(report, "{name}: the tables afterwards\n{difference}\n");
    }
    report
}

/// Runs one step.
fn run_step(pair: &Pair, step: &Step) -> Result<(), String> {
    let Some(difference) = &step.difference else {
        if step.same_table {
            return pair.compare_on_one_table(&step.invocation);
        }
        let (expected, got) = pair.run(&step.invocation);
        return compare(&expected, &got);
    };
    // Held against itself, the reference has no differences to show.
    let ours_is_reference = pair.ours.is_reference();
    match &difference.wanted {
        Wanted::SameAs(other) => {
            let expected = pair.run_reference(other);
            let invocation = if ours_is_reference { other } else { &step.invocation };
            compare(&expected, &pair.run_ours(invocation))
        }
        Wanted::Output {
            stdout,
            stderr,
            status,
        } => {
            let (reference, got) = pair.run(&step.invocation);
            if difference.reason == Reason::Crash && !matches!(reference.ending, Ending::Signal(_))
            {
                return Err(format!("the reference does not die of this:\n{reference}"));
            }
            if ours_is_reference {
                return Ok(());
            }
            let as_wanted = matches_lines(&got.stdout, stdout)
                && got.stderr == stderr.as_bytes()
                && got.ending == Ending::Status(*status);
            if !as_wanted {
                let mut text = String::from("wanted:\n");
                for line in stdout {
                    let _ = writeln!(text, "  > {line}");
                }
                for line in stderr.lines() {
                    let _ = writeln!(text, "  ! {line}");
                }
                let _ = write!(text, "  = status {status}\ngot:\n{}", indent(&got));
                return Err(text);
            }
            if reference == got {
                return Err(format!(
                    "marked as difference {:?}, but the reference does the same",
                    difference.reason
                ));
            }
            Ok(())
        }
    }
}

/// A listing with its services, and the real servers of each, in the order of their text. The
/// reference's own order is not the same for the same table in another namespace where addresses
/// are in a ring (192.0.2.1 before 10.0.0.1 before 127.0.0.1 before 192.0.2.1).
fn in_one_order(mut listing: Outcome) -> Outcome {
    let text = listing.stdout_text();
    let mut services: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match services.last_mut() {
            Some((_, servers)) if line.starts_with("  ->") => servers.push(line),
            _ => services.push((line, Vec::new())),
        }
    }
    for (_, servers) in &mut services {
        servers.sort_unstable();
    }
    services.sort_unstable();
    listing.stdout = services
        .into_iter()
        .flat_map(|(service, servers)| std::iter::once(service).chain(servers))
        .collect::<String>()
        .into_bytes();
    listing
}

/// Whether `stdout` is these lines, where `...` stands for anything.
fn matches_lines(stdout: &[u8], wanted: &[String]) -> bool {
    let text = String::from_utf8_lossy(stdout);
    let mut lines = text.split_inclusive('\n');
    for pattern in wanted {
        if pattern == "..." {
            return true;
        }
        let Some(line) = lines.next().and_then(|line| line.strip_suffix('\n')) else {
            return false;
        };
        let matches = match pattern.strip_suffix("...") {
            Some(beginning) => line.starts_with(beginning),
            None => line == pattern,
        };
        if !matches {
            return false;
        }
    }
    lines.next().is_none()
}

/// Whether the two outcomes are the same, or their difference line by line: `-` stands before what
/// only the reference printed, `+` before what only ours did.
pub fn compare(expected: &Outcome, got: &Outcome) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    let (expected, got) = (expected.to_string(), got.to_string());
    let (expected, got): (Vec<_>, Vec<_>) = (expected.lines().collect(), got.lines().collect());
    let before = expected.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let after = expected[before..]
        .iter()
        .rev()
        .zip(got[before..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let mut text = String::new();
    let mut write_lines = |mark: &str, lines: &[&str]| {
        for line in lines.iter().take(LINES_SHOWN) {
            let _ = writeln!(text, "  {mark} {line}");
        }
        if lines.len() > LINES_SHOWN {
            let _ = writeln!(text, "  {mark} … and {} lines more", lines.len() - LINES_SHOWN);
        }
    };
    write_lines(" ", &expected[before.saturating_sub(3)..before]);
    write_lines("-", &expected[before..expected.len() - after]);
    write_lines("+", &got[before..got.len() - after]);
    write_lines(" ", &expected[expected.len() - after..]);
    Err(text)
}

/// An outcome's text, moved to the right.
fn indent(outcome: &Outcome) -> String {
    outcome.to_string().lines().map(|line| format!("  {line}\n")).collect()
}
