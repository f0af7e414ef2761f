//! The reader of argv: clap over our table.
//!
//! clap reads every option that may repeat, in the order in which they stand, and leaves all
//! judging to [`super::fold`], whose verdict stands. The words are read once more, by
//! [`super::popt`], only where clap refuses them: which word is at fault, and what is wrong before
//! it, is popt's to say.

#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgAction, Command};

use crate::cli::address::Hosts;
use crate::cli::named_service::LastService;
use crate::cli::popt::{self, Event};
use crate::cli::{self, fold};
use crate::error::UsageError;
use crate::options::{Argument, OPTIONS, OptionSpec};
use crate::request::Request;

/// Stands for a value left out. No word of argv can hold a NUL.
const NO_VALUE: &str = "\0";
const PLAIN_WORDS: &str = "WORD";

/// Reads the words behind the program's name. No word at all asks for a listing.
pub fn parse_arguments(arguments: &[OsString]) -> Result<Request, UsageError> {
    if arguments.is_empty() {
        return Ok(Request::List(Box::default()));
    }
    let words = || arguments.iter().map(|argument| argument.as_bytes());
    let rows = spelled_among(arguments);
    let Some(matches) = read(&rows, arguments) else {
        return cli::parse_words(words());
    };
    fold::fold(
        &events(&rows, &matches),
        None,
        &mut LastService::default(),
        &mut Hosts::default(),
    )
    .map_err(|fault| {
        match fault {
            // clap does not keep the word that a command stands in.
            UsageError::SecondCommand(_) => {
                UsageError::SecondCommand(popt::second_command(words()))
            }
            fault => fault,
        }
    })
}

/// Returns the rows of the table that one of the words may spell. The others are kept from clap:
/// setting all of them up takes it longer than the kernel takes to add a service.
pub fn spelled_among(arguments: &[OsString]) -> Vec<&'static OptionSpec> {
    let words = || {
        arguments
            .iter()
            .filter_map(|word| word.as_bytes().strip_prefix(b"-"))
    };
    let is_spelled = |row: &&OptionSpec| {
        words().any(|word| match word.strip_prefix(b"-") {
            Some(long) => long.starts_with(row.long.as_bytes()),
            None => row.short.bytes().any(|letter| word.contains(&letter)),
        })
    };
    OPTIONS.iter().filter(is_spelled).collect()
}

/// Reads the words with clap, which is given these rows; returns `None` where it finds a fault.
pub fn read(rows: &[&'static OptionSpec], arguments: &[OsString]) -> Option<clap::ArgMatches> {
    // A lone dash behind -p is a word of its own to popt, and a value to clap.
    if arguments.iter().any(|word| word == "-") {
        return None;
    }
    command(rows).try_get_matches_from_mut(arguments).ok()
}

/// Describes these rows to clap.
fn command(rows: &[&'static OptionSpec]) -> Command {
    let options = rows.iter().map(|spec| {
        let mut shorts = spec.short.chars();
        let option = Arg::new(spec.long)
            .long(spec.long)
            .action(ArgAction::Append);
        let option = match shorts.next() {
            Some(letter) => option.short(letter).short_aliases(shorts),
            None => option,
        };
        match spec.argument {
            Argument::None | Argument::Operands(_) => {
                option.num_args(0).default_missing_value(NO_VALUE)
            }
            Argument::Required(_) => option.num_args(1).allow_hyphen_values(true),
            Argument::Optional(_) => option.num_args(0..=1).default_missing_value(NO_VALUE),
        }
        .value_parser(clap::value_parser!(OsString))
    });
    let plain = Arg::new(PLAIN_WORDS)
        .num_args(0..)
        .action(ArgAction::Append)
        .value_parser(clap::value_parser!(OsString));
    Command::new("ipvsadm")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(options)
        .arg(plain)
}

/// Returns the options and values in the order of the words.
pub fn events<'a>(rows: &[&OptionSpec], matches: &'a clap::ArgMatches) -> Vec<Event<'a>> {
    let mut events: Vec<(usize, Event<'_>)> = Vec::new();
    for spec in rows {
        events.extend(found(matches, spec.long).map(|(place, value)| {
            let value = Some(value.as_bytes()).filter(|value| *value != NO_VALUE.as_bytes());
            // The word matters only to faults, which are worded elsewhere.
            (
                place,
                Event::Option {
                    meaning: spec.meaning,
                    value,
                    word: b"",
                },
            )
        }));
    }
    events.extend(
        found(matches, PLAIN_WORDS).map(|(place, word)| (place, Event::Plain(word.as_bytes()))),
    );
    events.sort_by_key(|(place, _)| *place);
    events.into_iter().map(|(_, event)| event).collect()
}

fn found<'a>(matches: &'a clap::ArgMatches, id: &str) -> impl Iterator<Item = (usize, &'a OsStr)> {
    let places = matches.indices_of(id).into_iter().flatten();
    places.zip(matches.get_raw(id).into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::Numbers;

    /// Returns the events that each reader finds, without the words that clap does not keep.
    fn both(line: &[&str]) -> (Option<Vec<String>>, Option<Vec<String>>) {
        let without_words = |events: Vec<Event<'_>>| -> Vec<String> {
            let strip = |event: &Event<'_>| match event {
                Event::Option { meaning, value, .. } => format!("{meaning:?} {value:?}"),
                Event::Plain(word) => format!("{word:?}"),
            };
            events.iter().map(strip).collect()
        };
        let arguments: Vec<OsString> = line.iter().map(OsString::from).collect();
        let rows = spelled_among(&arguments);
        let by_clap = read(&rows, &arguments).map(|matches| without_words(events(&rows, &matches)));
        let by_words = match popt::read(line.iter().map(|word| word.as_bytes())) {
            (events, None) => Some(without_words(events)),
            (_, Some(_)) => None,
        };
        (by_clap, by_words)
    }

    #[test]
    fn clap_accepts_nothing_that_popts_rules_refuse_and_reads_it_alike() {
        let mut words: Vec<String> = [
            "",
            "-",
            "--",
            "x",
            "1.2.3.4:80",
            "-1",
            "=",
            "-=",
            "--=",
            "-p=7",
            "-p7",
            "-p",
            "-p=",
        ]
        .map(str::to_owned)
        .to_vec();
        for spec in OPTIONS {
            let long = spec.long;
            words.extend([
                format!("--{long}"),
                format!("--{long}="),
                format!("--{long}=x"),
                format!("--{}", &long[..2]),
            ]);
            for letter in spec.short.chars() {
                words.extend([
                    format!("-{letter}"),
                    format!("-{letter}x"),
                    format!("-{letter}=x"),
                    format!("-n{letter}"),
                ]);
            }
        }
        let mut numbers = Numbers::new();
        let mut accepted = 0;
        for _ in 0..6_000 {
            let line: Vec<&str> = (0..=numbers.below(6))
                .map(|_| words[numbers.below(words.len())].as_str())
                .collect();
            let (by_clap, by_words) = both(&line);
            if by_clap.is_some() {
                accepted += 1;
                assert_eq!(by_clap, by_words, "{line:?}");
            }
        }
        assert!(accepted > 600, "only {accepted} lines were accepted");
    }

    #[test]
    fn words_are_a_request_or_the_fault_that_popts_rules_find() {
        let parse = |line: &str| {
            let words = line.split(' ').filter(|word| !word.is_empty());
            let arguments: Vec<OsString> = words.map(OsString::from).collect();
            parse_arguments(&arguments)
        };
        assert_eq!(parse(""), Ok(Request::List(Box::default())));
        assert_eq!(parse("-Sn"), Ok(Request::Save { numeric: true }));
        for (line, fault) in [
            ("-A -x", UsageError::MissingArgument(b"-x".into())),
            ("-A -w x", UsageError::Weight),
            // The word is the last that the second command took.
            ("-L -n -C", UsageError::SecondCommand(b"-C".into())),
            ("-L -nC -A", UsageError::SecondCommand(b"-nC".into())),
            (
                "-C --start-daemon master",
                UsageError::SecondCommand(b"master".into()),
            ),
        ] {
            assert_eq!(parse(line), Err(fault), "{line}");
        }
    }

    #[test]
    fn a_lone_dash_is_left_to_popts_rules() {
        for line in [&["-A", "-p", "-"][..], &["-L", "-"], &["-A", "-w", "-"]] {
            assert_eq!(both(line).0, None, "{line:?}");
        }
        let (by_clap, by_words) = both(&["-A", "-p-"]);
        assert_eq!(by_clap, by_words);
    }

    #[test]
    fn the_order_of_words_is_kept() {
        let line = [
            "-a",
            "-w",
            "2",
            "-t",
            "1.2.3.4:80",
            "-m",
            "-r",
            "5.6.7.8",
            "-w3",
            "y",
        ];
        let (by_clap, by_words) = both(&line);
        assert_eq!(by_clap, by_words);
        assert_eq!(by_clap.map(|events| events.len()), Some(7));
    }
}
