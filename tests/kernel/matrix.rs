//! Every option with every command: the words of one option are added to a command that has all it
//! needs, and to the bare command.

use std::fmt::Write;

use ipvsadm::options::{Argument, Meaning};

use crate::support::Invocation;
use crate::support::pair::{Pair, compare};
use crate::support::table::{COMMANDS, OPTIONS, Value, needs};

/// Tries every option with `command` and returns the differences as text.
fn try_all_options_with(command: &str) -> String {
    let pair = Pair::new(false);
    let mut report = String::new();
    let mut differ = |words: &[&str]| {
        let (expected, got) = pair.run(&Invocation::new(words));
        if let Err(difference) = compare(&expected, &got) {
            let _ = write!(report, "ipvsadm {}\n{difference}\n", words.join(" "));
        }
    };
    let command_words: Vec<&str> = command.split(' ').collect();
    let needed = needs(command);
    differ(&command_words);
    for option in &OPTIONS {
        let long = format!("--{}", option.long);
        let mut words = command_words.clone();
        // A second way to name the service says no more than 'multiple'; that is in
        // repeated.script.
        let names_service = option.long.ends_with("-service");
        if names_service {
            words.extend(needed.iter().skip(2));
        } else {
            words.extend(needed);
        }
        if option.long == "ipv6" {
            // A mark before it, or every command ends at `-6` itself.
            words = command_words.clone();
            words.extend(["-f", "1"]);
            words.extend(needed.iter().skip(2));
        }
        words.push(&long);
        words.extend(option.value.sample());
        differ(&words);
    }
    if let Err(difference) = pair.compare_tables() {
        let _ = write!(report, "{command}: the tables afterwards\n{difference}\n");
    }
    report
}

#[test]
fn every_option_with_every_command() {
    let report: String = COMMANDS.iter().copied().map(try_all_options_with).collect();
    assert!(report.is_empty(), "the programs differ\n\n{report}");
}

#[test]
fn the_reference_knows_the_options_that_are_not_new() {
    for spec in ipvsadm::options::OPTIONS {
        if spec.is_new || matches!(spec.meaning, Meaning::Command(_)) {
            continue;
        }
        let row = OPTIONS
            .iter()
            .find(|option| option.long == spec.long)
            .unwrap_or_else(|| panic!("--{} is in no test", spec.long));
        assert_eq!(row.short, spec.letter(), "--{}", spec.long);
        let is_flag = spec.argument == Argument::None;
        assert_eq!(row.value == Value::Flag, is_flag, "--{}", spec.long);
    }
}
