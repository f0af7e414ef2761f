//! The words of a command line, as far as they can be read: what hints are made of.

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use crate::cli::popt::{self, Event};
use crate::model::Protocol;
use crate::options::matrix::Modifiers;
use crate::options::{Meaning, Modifier, OPTIONS};

/// The options among the words.
pub struct OptionsAsTyped<'a>(Vec<Event<'a>>);

impl<'a> OptionsAsTyped<'a> {
    pub fn read(arguments: &'a [OsString]) -> OptionsAsTyped<'a> {
        let (events, _) = popt::read(arguments.iter().map(|argument| argument.as_bytes()));
        OptionsAsTyped(events)
    }

    /// Returns the options with their values, in order.
    fn options(&self) -> impl Iterator<Item = (Modifier, Option<&'a [u8]>)> {
        self.0.iter().filter_map(|event| match *event {
            Event::Option {
                meaning: Meaning::Modifier(modifier),
                value,
                ..
            } => Some((modifier, value)),
            _ => None,
        })
    }

    pub fn has(&self, wanted: Modifier) -> bool {
        self.options().any(|(modifier, _)| modifier == wanted)
    }

    /// Returns the value of an option, of its first if it stands there twice.
    pub fn value_of(&self, wanted: Modifier) -> Option<String> {
        let (_, value) = self.options().find(|(modifier, _)| *modifier == wanted)?;
        value.map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Returns the word that names the service, and the protocol in which it does; a mark has none.
    pub fn service(&self) -> Option<(Option<Protocol>, String)> {
        let mut options = self.options();
        let (modifier, word) = options.find(|(modifier, _)| modifier.names_service())?;
        let word = String::from_utf8_lossy(word?).into_owned();
        Some((modifier.protocol(), word))
    }

    /// Returns two options that do not go together, as they are spelled.
    pub fn rivals(&self) -> Option<(String, String)> {
        let given: Modifiers = self.options().map(|(modifier, _)| modifier).collect();
        let (option, rival) = given.rivals().next()?;
        let spelling = |modifier: Modifier| modifier.row().shortest_spelling();
        Some((spelling(option), spelling(rival)))
    }
}

/// Returns the commands that have a letter.
pub fn commands() -> String {
    let commands = OPTIONS
        .iter()
        .filter(|row| matches!(row.meaning, Meaning::Command(_)));
    let letters = commands.filter_map(|row| row.letter());
    letters
        .map(|letter| format!("-{letter}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Returns the option that a misspelled one most likely is: one that it begins, or that is a letter
/// or two away. Nothing rather than a guess that makes the reader laugh.
pub fn similar_option(arguments: &[OsString]) -> Option<&'static str> {
    let names = OPTIONS.iter().map(|row| row.long);
    let is_known = |name: &str| names.clone().any(|known| known == name);
    let misspelled = arguments
        .iter()
        .filter_map(|word| word.to_str()?.strip_prefix("--"));
    let mut misspelled = misspelled.map(|word| word.split('=').next().unwrap_or_default());
    let name = misspelled.find(|name| !name.is_empty() && !is_known(name))?;
    let begun = names
        .clone()
        .find(|known| name.len() > 2 && known.starts_with(name));
    let close = names
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min();
    begun.or_else(|| {
        let (distance, known) = close?;
        (distance <= name.chars().count() / 3).then_some(known)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_close_or_is_not_made() {
        for (word, option) in [
            ("--stat", Some("stats")),
            ("--lsit", Some("list")),
            ("--wieght=3", Some("weight")),
            ("--tcp", Some("tcp-service")),
            ("--real_server", Some("real-server")),
            ("--http", None),
            ("--verbose", None),
            ("--output", None),
            ("--xml", None),
            ("--x", None),
            ("--", None),
        ] {
            assert_eq!(similar_option(&[OsString::from(word)]), option, "{word}");
        }
    }
}
