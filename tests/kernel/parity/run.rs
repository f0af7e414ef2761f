//! Running hand-written scripts with both programs, step by step.

use std::fmt::Write;

use super::script::{Reason, Script, Step, Wanted};
use crate::support::pair::{Pair, compare};
use crate::support::{Ending, Outcome};

/// Runs a whole script and returns every difference as text, an empty one if there is none.
pub fn run_script(name: &str, script: &Script) -> String {
    let pair = Pair::new(script.eth0);
    let mut report = String::new();
    for step in &script.steps {
        if let Err(difference) = run_step(&pair, step) {
            let _ = write!(
                report,
                "{name}:{}: {}\n{difference}\n",
                step.line, step.source
            );
        }
    }
    if let Err(difference) = pair.compare_tables() {
        let _ = write!(report, "{name}: the tables afterwards\n{difference}\n");
    }
    report
}

/// Runs one step.
fn run_step(pair: &Pair, step: &Step) -> Result<(), String> {
    // The tests are built for what ours is built for.
    let is_there = |reason| reason != Reason::Musl || cfg!(target_env = "musl");
    let difference = step.difference.as_ref();
    let Some(difference) = difference.filter(|difference| is_there(difference.reason)) else {
        if step.same_table {
            return pair.compare_on_one_table(&step.invocation);
        }
        let (expected, got) = pair.run(&step.invocation);
        return compare(&expected, &got);
    };
    if difference.reason == Reason::Crash {
        let reference = pair.run_reference(&step.invocation);
        if !matches!(reference.ending, Ending::Signal(_)) {
            return Err(format!("the reference does not die of this:\n{reference}"));
        }
    }
    // Held against itself, the reference has no differences to show.
    let ours_is_reference = pair.ours.is_reference();
    match &difference.wanted {
        Wanted::SameAs(other) => {
            let expected = pair.run_reference(other);
            let invocation = if ours_is_reference {
                other
            } else {
                &step.invocation
            };
            compare(&expected, &pair.run_ours(invocation))
        }
        Wanted::Output {
            stdout,
            stderr,
            status,
        } => {
            let (reference, got) = pair.run(&step.invocation);
            if ours_is_reference {
                return Ok(());
            }
            let as_wanted = matches_lines(&got.stdout, stdout)
                && matches_lines(&got.stderr, stderr)
                && got.ending == Ending::Status(*status);
            if !as_wanted {
                let mut text = String::from("wanted:\n");
                for line in stdout {
                    let _ = writeln!(text, "  > {line}");
                }
                for line in stderr {
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

/// Returns true if `output` is these lines, where `...` stands for anything.
fn matches_lines(output: &[u8], wanted: &[String]) -> bool {
    let text = String::from_utf8_lossy(output);
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

/// Returns an outcome's text, moved to the right.
fn indent(outcome: &Outcome) -> String {
    outcome
        .to_string()
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect()
}
