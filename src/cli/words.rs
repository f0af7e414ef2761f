//! The reader of words: popt's rules over our table, in one pass from left to right.
//!
//! Reads the lines of rules, where speed counts, and is what argv's reader falls back on to name a fault as popt would
//! (contract, section 2). It knows spellings and arities, not what a value means.

use crate::error::UsageError;
use crate::options::{self, Argument, Meaning, OptionSpec};

/// What a reader of words found, in the order of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A command or option.
    Option {
        /// What it asks for.
        meaning: Meaning,
        /// Its value; `None` only where it takes none, or may go without.
        value: Option<&'a [u8]>,
        /// The word that the reader stood on after it: its value's, where that is a word of its own.
        word: &'a [u8],
    },
    /// A word that is no option.
    Plain(&'a [u8]),
}

/// Reads words up to their end or the first that is at fault.
pub fn read<'a>(words: impl Iterator<Item = &'a [u8]>) -> (Vec<Event<'a>>, Option<UsageError>) {
    let mut events = Vec::with_capacity(8);
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let fault = match word {
            b"--" => {
                events.extend(words.by_ref().map(Event::Plain));
                None
            }
            [b'-', b'-', long @ ..] => read_long(word, long, &mut words, &mut events).err(),
            [b'-', letters @ ..] if !letters.is_empty() => {
                read_short(word, letters, &mut words, &mut events).err()
            }
            _ => {
                events.push(Event::Plain(word));
                None
            }
        };
        if fault.is_some() {
            return (events, fault);
        }
    }
    (events, None)
}

type Words<'a, I> = std::iter::Peekable<I>;

fn read_long<'a, I: Iterator<Item = &'a [u8]>>(
    word: &'a [u8],
    long: &'a [u8],
    words: &mut Words<'a, I>,
    events: &mut Vec<Event<'a>>,
) -> Result<(), UsageError> {
    let (name, glued) = match long.iter().position(|&byte| byte == b'=') {
        Some(at) => (&long[..at], Some(&long[at + 1..])),
        None => (long, None),
    };
    let spec = options::by_long(name).ok_or_else(|| UsageError::UnknownOption(word.to_vec()))?;
    events.push(read_value(spec, word, glued, words)?);
    Ok(())
}

fn read_short<'a, I: Iterator<Item = &'a [u8]>>(
    word: &'a [u8],
    letters: &'a [u8],
    words: &mut Words<'a, I>,
    events: &mut Vec<Event<'a>>,
) -> Result<(), UsageError> {
    let mut rest = letters;
    while let [letter, after @ ..] = rest {
        let spec =
            options::by_short(*letter).ok_or_else(|| UsageError::UnknownOption(word.to_vec()))?;
        let glued = match (spec.argument, after) {
            (_, [b'=', value @ ..]) => Some(value),
            (Argument::None | Argument::Words(_), _) | (_, []) => None,
            (_, value) => Some(value),
        };
        let takes_value = !matches!(spec.argument, Argument::None | Argument::Words(_));
        events.push(read_value(spec, word, glued, words)?);
        rest = if takes_value { &[] } else { after };
    }
    Ok(())
}

/// The event of one option, its value glued to it or the next word.
fn read_value<'a, I: Iterator<Item = &'a [u8]>>(
    spec: &OptionSpec,
    word: &'a [u8],
    glued: Option<&'a [u8]>,
    words: &mut Words<'a, I>,
) -> Result<Event<'a>, UsageError> {
    let meaning = spec.meaning;
    let event = |value, word| {
        Ok(Event::Option {
            meaning,
            value,
            word,
        })
    };
    match (spec.argument, glued) {
        (Argument::None | Argument::Words(_), Some(_)) => {
            Err(UsageError::UnwantedArgument(word.to_vec()))
        }
        (Argument::None | Argument::Words(_), None) => event(None, word),
        (_, Some(value)) => event(Some(value), word),
        (Argument::Required(_), None) => match words.next() {
            Some(value) => event(Some(value), value),
            None => Err(UsageError::MissingArgument(word.to_vec())),
        },
        (Argument::Optional(_), None) => match words.next_if(|next| !next.starts_with(b"-")) {
            Some(value) => event(Some(value), value),
            None => event(None, word),
        },
    }
}

/// The words of a line of rules: parted by blanks, TABs and returns, the word `ipvsadm` left out wherever it stands,
/// each ending at its first NUL as a C string does (contract, section 6).
pub fn split_line<'a>(line: &'a [u8], words: &mut Vec<&'a [u8]>) {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let mut rest = line;
    words.clear();
    while let Some(start) = rest.iter().position(|byte| !is_blank(byte)) {
        rest = &rest[start..];
        let (word, after) = rest.split_at(rest.iter().position(is_blank).unwrap_or(rest.len()));
        let word = up_to_nul(word);
        if word != b"ipvsadm" {
            words.push(word);
        }
        rest = after;
    }
}

fn up_to_nul(word: &[u8]) -> &[u8] {
    let end = word.iter().position(|&byte| byte == 0);
    &word[..end.unwrap_or(word.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Choice, Command};

    fn words(line: &str) -> Vec<&[u8]> {
        line.split(' ').map(str::as_bytes).collect()
    }

    fn option<'a>(meaning: Meaning, value: Option<&'a str>, word: &'a str) -> Event<'a> {
        Event::Option {
            meaning,
            value: value.map(str::as_bytes),
            word: word.as_bytes(),
        }
    }

    const LIST: Meaning = Meaning::Command(Command::List);
    const NUMERIC: Meaning = Meaning::Choice(Choice::Numeric);
    const WEIGHT: Meaning = Meaning::Choice(Choice::Weight);
    const PERSISTENT: Meaning = Meaning::Choice(Choice::Persistent);

    #[test]
    fn a_value_is_glued_joined_or_the_next_word() {
        for (line, word) in [
            ("-w3", "-w3"),
            ("-w=3", "-w=3"),
            ("-w 3", "3"),
            ("--weight 3", "3"),
            ("--weight=3", "--weight=3"),
        ] {
            assert_eq!(
                read(words(line).into_iter()),
                (vec![option(WEIGHT, Some("3"), word)], None),
                "{line}"
            );
        }
    }

    #[test]
    fn the_next_word_is_a_value_though_it_begins_with_a_dash_but_for_persistence() {
        assert_eq!(
            read(words("-w -1").into_iter()).0,
            [option(WEIGHT, Some("-1"), "-1")]
        );
        assert_eq!(
            read(words("-p -n").into_iter()).0,
            [option(PERSISTENT, None, "-p"), option(NUMERIC, None, "-n")]
        );
        assert_eq!(
            read(words("-p 7").into_iter()).0,
            [option(PERSISTENT, Some("7"), "7")]
        );
        assert_eq!(
            read(words("-p -").into_iter()).0,
            [option(PERSISTENT, None, "-p"), Event::Plain(b"-")]
        );
    }

    #[test]
    fn flags_group_and_the_last_of_a_group_may_take_a_value() {
        let expected = [
            option(LIST, None, "-lnw4"),
            option(NUMERIC, None, "-lnw4"),
            option(WEIGHT, Some("4"), "-lnw4"),
        ];
        assert_eq!(read(words("-lnw4").into_iter()).0, expected);
    }

    #[test]
    fn everything_after_two_dashes_is_plain() {
        assert_eq!(
            read(words("-L -- -n --").into_iter()).0,
            [
                option(LIST, None, "-L"),
                Event::Plain(b"-n"),
                Event::Plain(b"--")
            ]
        );
    }

    #[test]
    fn a_fault_names_the_whole_word_and_keeps_what_came_before_it() {
        for (line, events, fault) in [
            ("-L -nq", 2, UsageError::UnknownOption(b"-nq".to_vec())),
            ("-L --num", 1, UsageError::UnknownOption(b"--num".to_vec())),
            (
                "-L --numeric=3",
                1,
                UsageError::UnwantedArgument(b"--numeric=3".to_vec()),
            ),
            ("-L -n=", 1, UsageError::UnwantedArgument(b"-n=".to_vec())),
            ("-At", 1, UsageError::MissingArgument(b"-At".to_vec())),
        ] {
            let (read, found) = read(words(line).into_iter());
            assert_eq!((read.len(), found), (events, Some(fault)), "{line}");
        }
    }

    #[test]
    fn a_line_is_parted_by_blanks_without_the_programs_name() {
        let mut parts = Vec::new();
        split_line(
            b"\t ipvsadm -A  -t\tipvsadm 1.2.3.4:80\0x -s\rrr\n",
            &mut parts,
        );
        assert_eq!(
            parts,
            [b"-A".as_slice(), b"-t", b"1.2.3.4:80", b"-s", b"rr"]
        );
    }
}
