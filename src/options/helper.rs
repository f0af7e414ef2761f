//! The programs beside `ipvsadm`: the rows that go with each, and the usage text made of them.
//! Their words are read in [`crate::cli`].

#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::table::ROWS;
use super::{Argument, Command, Meaning, OptionSpec, Owner};

/// A program beside `ipvsadm`, in the reference a shell script around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Helper {
    /// `ipvsadm-save`.
    Save,
    /// `ipvsadm-restore`.
    Restore,
}

impl Helper {
    /// Every helper.
    pub const ALL: [Helper; 2] = [Helper::Save, Helper::Restore];

    /// Returns the helper of this name; `program` may be a path.
    pub(crate) fn of_program(program: &OsStr) -> Option<Helper> {
        let name = program.as_bytes().rsplit(|&byte| byte == b'/').next();
        Helper::ALL
            .into_iter()
            .find(|helper| name == Some(helper.name().as_bytes()))
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Helper::Save => "ipvsadm-save",
            Helper::Restore => "ipvsadm-restore",
        }
    }

    /// Returns the rows that go with it.
    pub fn options(self) -> impl Iterator<Item = &'static OptionSpec> {
        ROWS.iter()
            .filter(move |row| row.is_of_use_to(Owner::Helper(self)))
    }

    /// Returns the row of a long word, without its dashes. An option that has a letter is known to
    /// the helpers by that alone; the words that ask about the helper itself have both spellings.
    pub(crate) fn by_long(self, name: &[u8]) -> Option<&'static OptionSpec> {
        let is_long = |row: &&OptionSpec| {
            row.letter().is_none() || matches!(row.meaning, Meaning::Command(_))
        };
        let mut rows = self.words().filter(is_long);
        rows.find(|row| !name.is_empty() && row.long.as_bytes() == name)
    }

    /// Returns the row of a letter.
    pub(crate) fn by_letter(self, letter: u8) -> Option<&'static OptionSpec> {
        self.words()
            .find(|row| row.short.as_bytes().contains(&letter))
    }

    /// Returns the rows that go with it, and those that ask about it.
    fn words(self) -> impl Iterator<Item = &'static OptionSpec> {
        self.options().chain(ABOUT.map(Command::row))
    }

    /// Returns the usage text, two lines without a line end: so many the reference prints after a
    /// word that it does not know.
    pub fn usage(self) -> String {
        let (options, purpose) = match self {
            Helper::Save => (
                "[-n] [--netns NAME|PATH|PID] [FILE]",
                "Writes the table as rules for ipvsadm-restore to FILE, or to standard output.",
            ),
            Helper::Restore => (
                "[OPTION]... [FILE]",
                "Makes the table what the rules in FILE, or on standard input, say; see -h.",
            ),
        };
        format!("usage: {} {options}\n{purpose}", self.name())
    }
}

/// The questions about a helper itself.
const ABOUT: [Command; 2] = [Command::Help, Command::Version];

impl OptionSpec {
    /// Returns how helpers spell it, with the value behind it.
    pub(crate) fn helper_word(&self) -> String {
        let spelling = self.shortest_spelling();
        match self.argument {
            Argument::None | Argument::Operands(_) => spelling,
            Argument::Required(value) => format!("{spelling} {value}"),
            Argument::Optional(value) => format!("{spelling} [{value}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Modifier;

    #[test]
    fn a_helper_is_called_by_its_name_wherever_it_lies() {
        for (program, helper) in [
            ("ipvsadm-save", Some(Helper::Save)),
            ("/usr/sbin/ipvsadm-restore", Some(Helper::Restore)),
            ("./ipvsadm-save", Some(Helper::Save)),
            ("ipvsadm", None),
            ("/usr/sbin/ipvsadm-save/ipvsadm", None),
            ("my-ipvsadm-save", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(Helper::of_program(program.as_ref()), helper, "{program}");
        }
    }

    #[test]
    fn the_usage_text_is_two_lines_that_fit_a_terminal() {
        for helper in Helper::ALL {
            let usage = helper.usage();
            assert_eq!(usage.lines().count(), 2);
            assert!(usage.lines().all(|line| line.len() <= 80), "{usage}");
            assert!(usage.starts_with(&format!("usage: {} [", helper.name())));
        }
    }

    #[test]
    fn words_that_only_ipvsadm_knows_are_none_of_a_helpers() {
        let meaning = |row: Option<&'static OptionSpec>| row.map(|row| row.meaning);
        let save = |name: &str| meaning(Helper::Save.by_long(name.as_bytes()));
        assert_eq!(save("netns"), Some(Meaning::Modifier(Modifier::Netns)));
        assert_eq!(save("help"), Some(Meaning::Command(Command::Help)));
        // The operand has no name, and -n no long one.
        for name in ["", "numeric", "list", "noflush"] {
            assert_eq!(save(name), None, "{name}");
        }
        for (helper, letter, expected) in [
            (
                Helper::Save,
                b'n',
                Some(Meaning::Modifier(Modifier::Numeric)),
            ),
            (Helper::Save, b'v', Some(Meaning::Command(Command::Version))),
            (Helper::Restore, b'h', Some(Meaning::Command(Command::Help))),
            (Helper::Restore, b'n', None),
            (Helper::Save, b'L', None),
        ] {
            assert_eq!(meaning(helper.by_letter(letter)), expected);
        }
    }
}
