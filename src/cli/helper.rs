//! The reader of the words of `ipvsadm-save` and `ipvsadm-restore`.
//!
//! The reference's helpers are scripts, and look at whole words: letters do not group, two dashes
//! end nothing, and `ipvsadm-restore` heeds no word at all (`tests/parity/ipvsadm-1.31.md`,
//! sections 8 and 10). Long words and their values are read by [`super::popt`].

#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::cli::popt::{self, Event};
use crate::error::Error;
use crate::options::matrix::Modifiers;
use crate::options::{Command, Helper, Meaning, Modifier};

/// The request that a helper's words make.
#[derive(Debug)]
pub enum HelperRequest {
    /// The usage text.
    Help,
    /// The version.
    Version,
    /// The helper's work.
    Run(HelperOptions),
}

/// The options and operands of a helper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelperOptions {
    flags: Modifiers,
    /// The network namespace to do it in, as `--netns` names it.
    pub namespace: Option<OsString>,
    /// The file to read or write; a standard stream where none is named.
    pub file: Option<OsString>,
}

impl HelperOptions {
    /// Returns true if this flag was given.
    pub fn has(&self, flag: Modifier) -> bool {
        self.flags.has(flag)
    }
}

/// Reads a helper's words. Those that ask for help or the version are answered whatever else is
/// wrong; of faults the first counts.
pub fn read(helper: Helper, arguments: &[OsString]) -> Result<HelperRequest, Error> {
    let (events, fault) = events(helper, arguments.iter().map(|word| word.as_bytes()));
    match events.iter().find_map(Event::command) {
        Some(Command::Version) => return Ok(HelperRequest::Version),
        Some(_) => return Ok(HelperRequest::Help),
        None => {}
    }
    if let Some(fault) = fault {
        return Err(fault);
    }
    let mut options = HelperOptions::default();
    for event in events {
        match event {
            Event::Option {
                meaning: Meaning::Modifier(Modifier::Netns),
                value,
                ..
            } => options.namespace = value.map(os_string),
            Event::Option {
                meaning: Meaning::Modifier(flag),
                value,
                ..
            } => {
                debug_assert_eq!(value, None, "{flag:?} has a value");
                options.flags.insert(flag);
            }
            Event::Plain(_) if options.file.is_some() => return Err(Error::HelperUsage(helper)),
            Event::Plain(word) => options.file = Some(os_string(word)),
            Event::Option { .. } => {}
        }
    }
    match options.flags.rivals().next() {
        None => Ok(HelperRequest::Run(options)),
        Some((Modifier::ExitCode, _)) => Err(Error::ExitCodeWithoutDryRun),
        Some(_) => Err(Error::HelperUsage(helper)),
    }
}

fn os_string(word: &[u8]) -> OsString {
    OsStr::from_bytes(word).to_owned()
}

/// Reads all words, past what is at fault, and returns what they are with the first fault.
pub fn events<'a>(
    helper: Helper,
    mut words: impl Iterator<Item = &'a [u8]> + Clone,
) -> (Vec<Event<'a>>, Option<Error>) {
    let mut events = Vec::new();
    let mut fault = None;
    while let Some(word) = words.next() {
        let found = match (helper, word) {
            (_, [b'-', b'-', long @ ..]) => {
                let by_long = |name: &[u8]| helper.by_long(name);
                popt::read_long(by_long, word, long, &mut words, &mut events)
                    .map_err(|_| Error::HelperUsage(helper))
            }
            (_, [b'-', letter]) if let Some(row) = helper.by_letter(*letter) => {
                popt::read_value(row, word, None, &mut words, &mut events)
                    .map_err(|_| Error::HelperUsage(helper))
            }
            (Helper::Save, [b'-', ..]) => Err(Error::HelperUsage(helper)),
            // Scripts give it `-n`, by analogy with saving. But who misspells `--dry-run` must not
            // get a real run.
            (Helper::Restore, [b'-', ..]) => Ok(()),
            (Helper::Restore, [sign @ b'<', ..]) | (Helper::Save, [sign @ b'>', ..]) => {
                Err(Error::UnreadRedirection(char::from(*sign)))
            }
            _ => {
                events.push(Event::Plain(word));
                Ok(())
            }
        };
        if let Err(found) = found {
            fault.get_or_insert(found);
        }
    }
    (events, fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ')
            .filter(|word| !word.is_empty())
            .map(OsString::from)
            .collect()
    }

    /// Returns the options that a line gives, as words in the order of the fields; `None` for one
    /// that is no run.
    fn run(helper: Helper, line: &str) -> Option<String> {
        let Ok(HelperRequest::Run(options)) = read(helper, &words(line)) else {
            return None;
        };
        let text =
            |word: Option<OsString>| word.map_or("-".into(), |word| word.into_string().unwrap());
        Some(format!(
            "{:?} {} {}",
            options.flags.iter().collect::<Vec<_>>(),
            text(options.namespace),
            text(options.file)
        ))
    }

    #[test]
    fn saving_knows_one_letter_and_one_file() {
        for (line, expected) in [
            ("", "[] - -"),
            ("-n", "[Numeric] - -"),
            ("x -n", "[Numeric] - x"),
            ("-n ./-x", "[Numeric] - ./-x"),
            ("-n -n", "[Numeric] - -"),
            ("--netns blue", "[] blue -"),
            ("--netns=blue -n --netns 7", "[Numeric] 7 -"),
            ("--netns -n", "[] -n -"),
            ("<x", "[] - <x"),
        ] {
            assert_eq!(run(Helper::Save, line).as_deref(), Some(expected), "{line}");
        }
        for line in [
            "-x",
            "-nn",
            "-n=",
            "--numeric",
            "--",
            "-",
            "--netns",
            "--test",
            "x --file",
            "x y",
        ] {
            let fault = read(Helper::Save, &words(line));
            assert!(
                matches!(fault, Err(Error::HelperUsage(Helper::Save))),
                "{line}: {fault:?}"
            );
        }
    }

    #[test]
    fn restoring_knows_long_words_and_passes_over_letters() {
        for (line, expected) in [
            ("", "[] - -"),
            ("-", "[] - -"),
            ("-n -x -nn", "[] - -"),
            ("--dry-run", "[DryRun] - -"),
            ("--noflush rules --test", "[NoFlush, Test] - rules"),
            ("--netns=blue rules", "[] blue rules"),
        ] {
            assert_eq!(
                run(Helper::Restore, line).as_deref(),
                Some(expected),
                "{line}"
            );
        }
        for line in [
            "--dryrun",
            "--dry-run=1",
            "--",
            "--numeric",
            "--netns",
            "a b",
            "a --x",
            "--=",
        ] {
            let fault = read(Helper::Restore, &words(line));
            assert!(
                matches!(fault, Err(Error::HelperUsage(Helper::Restore))),
                "{line}: {fault:?}"
            );
        }
    }

    #[test]
    fn a_flag_that_was_given_is_there_and_no_other() {
        let read = read(Helper::Restore, &words("--test --netns x"));
        let Ok(HelperRequest::Run(options)) = read else {
            panic!("{read:?}");
        };
        assert!(options.has(Modifier::Test));
        assert!(!options.has(Modifier::DryRun) && !options.has(Modifier::NoFlush));
    }

    #[test]
    fn every_value_is_read() {
        for helper in Helper::ALL {
            for row in helper.options().filter(|row| row.takes_value()) {
                let line = format!("{} x", row.shortest_spelling());
                assert_ne!(run(helper, &line).as_deref(), Some("[] - -"), "{line}");
            }
        }
    }

    #[test]
    fn rivals_are_refused() {
        let read = |line| read(Helper::Restore, &words(line));
        for line in ["--exit-code --test", "--test --dry-run --exit-code rules"] {
            let fault = read(line);
            assert!(matches!(fault, Err(Error::ExitCodeWithoutDryRun)), "{line}");
        }
        assert!(read("--exit-code --dry-run").is_ok());
    }

    #[test]
    fn the_first_fault_counts() {
        let fault = |line| read(Helper::Restore, &words(line)).unwrap_err();
        assert!(matches!(
            fault("< rules --x"),
            Error::UnreadRedirection('<')
        ));
        assert!(matches!(fault("--x <rules"), Error::HelperUsage(_)));
        for line in ["-n >rules", "-n > rules", ">>rules"] {
            let fault = read(Helper::Save, &words(line));
            assert!(
                matches!(fault, Err(Error::UnreadRedirection('>'))),
                "{line}"
            );
        }
    }

    #[test]
    fn a_question_about_the_helper_is_answered_before_any_fault() {
        for helper in Helper::ALL {
            for line in ["-h", "--help", "x --x -h", "-n -- --help -v"] {
                let read = read(helper, &words(line));
                assert!(matches!(read, Ok(HelperRequest::Help)), "{line}");
            }
            for line in ["-v", "--version", "--x -v -h"] {
                let read = read(helper, &words(line));
                assert!(matches!(read, Ok(HelperRequest::Version)), "{line}");
            }
            for line in ["-hv", "--help=1", "--netns -h"] {
                let read = read(helper, &words(line));
                assert!(!matches!(read, Ok(HelperRequest::Help)), "{line}");
            }
        }
    }
}
