//! The reader of words: popt's rules over our table, in one pass from left to right.
//!
//! It reads the lines of rules, where clap would cost more than the kernel does, and it names a
//! fault in argv as popt would (`tests/parity/ipvsadm-1.31.md`, section 2). It knows spellings and
//! whether a value follows, not what the value means.

#![forbid(unsafe_code)]

use memchr::memchr;

use crate::error::UsageError;
use crate::options::{self, Argument, Command, Meaning, OptionSpec};

/// A find of a reader of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A command or option.
    Option {
        /// The meaning of its row.
        meaning: Meaning,
        /// The value; `None` only where it takes none, or may go without.
        value: Option<&'a [u8]>,
        /// The last word consumed, option or value: messages quote it.
        word: &'a [u8],
    },
    /// A word that is no option.
    Plain(&'a [u8]),
}

impl Event<'_> {
    /// Returns the command, if it is one.
    pub fn command(&self) -> Option<Command> {
        match self {
            Event::Option {
                meaning: Meaning::Command(command),
                ..
            } => Some(*command),
            _ => None,
        }
    }
}

/// Reads words up to their end or the first that is at fault; returns what it found before that,
/// and the fault.
pub fn read<'a>(
    words: impl Iterator<Item = &'a [u8]> + Clone,
) -> (Vec<Event<'a>>, Option<UsageError>) {
    let mut events = Vec::new();
    let fault = read_into(&mut events, words).err();
    (events, fault)
}

/// Returns the last word that the second command consumed, itself or its value.
pub fn second_command<'a>(words: impl Iterator<Item = &'a [u8]> + Clone) -> Vec<u8> {
    let (events, _) = read(words);
    let mut commands = events.iter().filter(|event| event.command().is_some());
    match commands.nth(1) {
        Some(Event::Option { word, .. }) => word.to_vec(),
        _ => Vec::new(),
    }
}

/// Reads words as [`read`] does, and adds what it finds to `events`.
pub fn read_into<'a>(
    events: &mut Vec<Event<'a>>,
    mut words: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result<(), UsageError> {
    while let Some(word) = words.next() {
        match word {
            b"--" => events.extend(words.by_ref().map(Event::Plain)),
            [b'-', b'-', long @ ..] => read_long(options::by_long, word, long, &mut words, events)?,
            [b'-', letters @ ..] if !letters.is_empty() => {
                read_short(word, letters, &mut words, events)?;
            }
            _ => events.push(Event::Plain(word)),
        }
    }
    Ok(())
}

/// Reads a long word, whose row `by_long` knows, and its value.
pub fn read_long<'a>(
    by_long: impl Fn(&[u8]) -> Option<&'static OptionSpec>,
    word: &'a [u8],
    long: &'a [u8],
    words: &mut (impl Iterator<Item = &'a [u8]> + Clone),
    events: &mut Vec<Event<'a>>,
) -> Result<(), UsageError> {
    let (name, glued) = match long.iter().position(|&byte| byte == b'=') {
        Some(at) => (&long[..at], Some(&long[at + 1..])),
        None => (long, None),
    };
    let spec = by_long(name).ok_or_else(|| UsageError::UnknownOption(word.to_vec()))?;
    read_value(spec, word, glued, words, events)
}

fn read_short<'a>(
    word: &'a [u8],
    letters: &'a [u8],
    words: &mut (impl Iterator<Item = &'a [u8]> + Clone),
    events: &mut Vec<Event<'a>>,
) -> Result<(), UsageError> {
    let mut rest = letters;
    while let [letter, after @ ..] = rest {
        let spec =
            options::by_short(*letter).ok_or_else(|| UsageError::UnknownOption(word.to_vec()))?;
        let glued = match (spec.argument, after) {
            (_, [b'=', value @ ..]) => Some(value),
            (Argument::None | Argument::Operands(_), _) | (_, []) => None,
            (_, value) => Some(value),
        };
        let takes_value = spec.takes_value();
        read_value(spec, word, glued, words, events)?;
        rest = if takes_value { &[] } else { after };
    }
    Ok(())
}

/// Adds the event of one option, its value glued to it or the next word.
#[inline]
pub fn read_value<'a>(
    spec: &OptionSpec,
    word: &'a [u8],
    glued: Option<&'a [u8]>,
    words: &mut (impl Iterator<Item = &'a [u8]> + Clone),
    events: &mut Vec<Event<'a>>,
) -> Result<(), UsageError> {
    let (value, word) = match (spec.argument, glued) {
        (Argument::None | Argument::Operands(_), Some(_)) => {
            return Err(UsageError::UnwantedArgument(word.to_vec()));
        }
        (Argument::None | Argument::Operands(_), None) => (None, word),
        (_, Some(value)) => (Some(value), word),
        (Argument::Required(_), None) => match words.next() {
            Some(value) => (Some(value), value),
            None => return Err(UsageError::MissingArgument(word.to_vec())),
        },
        (Argument::Optional(_), None) => {
            let mut ahead = words.clone();
            match ahead.next().filter(|next| !next.starts_with(b"-")) {
                Some(value) => {
                    *words = ahead;
                    (Some(value), value)
                }
                None => (None, word),
            }
        }
    };
    events.push(Event::Option {
        meaning: spec.meaning,
        value,
        word,
    });
    Ok(())
}

/// Returns the place of the newline that ends the line at `from`; `None` if the input holds no
/// newline from there on.
pub fn end_of_line(input: &[u8], from: usize) -> Option<usize> {
    let length = memchr(b'\n', input.get(from..)?)?;
    Some(from + length)
}

/// The words of a line of rules: separated by blanks, TABs and carriage returns, without the word
/// `ipvsadm` wherever it stands, each ending at its first NUL as a C string does
/// (`tests/parity/ipvsadm-1.31.md`, section 6).
#[derive(Clone)]
pub struct LineWords<'a> {
    rest: &'a [u8],
}

impl<'a> LineWords<'a> {
    /// Begins at the first word of `line`.
    pub fn of(line: &'a [u8]) -> LineWords<'a> {
        LineWords { rest: line }
    }
}

impl<'a> Iterator for LineWords<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            while let [b' ' | b'\t' | b'\r' | b'\n', after @ ..] = self.rest {
                self.rest = after;
            }
            if self.rest.is_empty() {
                return None;
            }
            let end = self.rest.iter().position(ends_word);
            let (word, after) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            self.rest = after;
            // What follows a NUL, up to the next blank, is out of a C program's sight.
            while let [0, hidden @ ..] = self.rest {
                let end = hidden.iter().position(ends_word);
                self.rest = &hidden[end.unwrap_or(hidden.len())..];
            }
            if word != b"ipvsadm" {
                return Some(word);
            }
        }
    }
}

/// Returns true for a byte that ends a word of a line: a blank, or the NUL that ends a C string.
fn ends_word(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Modifier;

    fn words(line: &str) -> Vec<&[u8]> {
        line.split(' ').map(str::as_bytes).collect()
    }

    /// Reads the words of a line.
    fn read_line(line: &str) -> (Vec<Event<'_>>, Option<UsageError>) {
        read(words(line).into_iter())
    }

    fn option<'a>(meaning: Meaning, value: Option<&'a str>, word: &'a str) -> Event<'a> {
        Event::Option {
            meaning,
            value: value.map(str::as_bytes),
            word: word.as_bytes(),
        }
    }

    const LIST: Meaning = Meaning::Command(Command::List);
    const NUMERIC: Meaning = Meaning::Modifier(Modifier::Numeric);
    const WEIGHT: Meaning = Meaning::Modifier(Modifier::Weight);
    const PERSISTENT: Meaning = Meaning::Modifier(Modifier::Persistent);

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
        assert_eq!(read_line("-w -1").0, [option(WEIGHT, Some("-1"), "-1")]);
        assert_eq!(
            read_line("-p -n").0,
            [option(PERSISTENT, None, "-p"), option(NUMERIC, None, "-n")]
        );
        assert_eq!(read_line("-p 7").0, [option(PERSISTENT, Some("7"), "7")]);
        assert_eq!(
            read_line("-p -").0,
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
        assert_eq!(read_line("-lnw4").0, expected);
    }

    #[test]
    fn everything_after_two_dashes_is_plain() {
        assert_eq!(
            read_line("-L -- -n --").0,
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
            let (read, found) = read_line(line);
            assert_eq!((read.len(), found), (events, Some(fault)), "{line}");
        }
    }

    #[test]
    fn a_line_ends_at_its_newline() {
        let input = b"ab\n\nc";
        assert_eq!(end_of_line(input, 0), Some(2));
        assert_eq!(end_of_line(input, 2), Some(2));
        assert_eq!(end_of_line(input, 3), Some(3));
        assert_eq!(end_of_line(input, 4), None);
        assert_eq!(end_of_line(input, 5), None);
        assert_eq!(end_of_line(b"", 0), None);
    }

    #[test]
    fn a_line_is_parted_by_blanks_without_the_programs_name() {
        let line = b"\t ipvsadm -A  -t\tipvsadm 1.2.3.4:80\0x\0 -s\rrr\0";
        let parts: Vec<&[u8]> = LineWords::of(line).collect();
        assert_eq!(
            parts,
            [b"-A".as_slice(), b"-t", b"1.2.3.4:80", b"-s", b"rr"]
        );
        // A word of which nothing is left is one all the same.
        let parts: Vec<&[u8]> = LineWords::of(b"-A \0x").collect();
        assert_eq!(parts, [b"-A".as_slice(), b""]);
    }
}
