//! What the words of a command line are: [`table`] has a row for each command and option, and this
//! module says what a row holds.
//!
//! Everything that knows an option by its spelling reads its row: the readers of argv and of rules,
//! the check of options against commands ([`matrix`]), `-h`, the completions, and the tests that
//! hold the manual to it. What a value means is read in [`crate::cli`].

mod helper;
pub(crate) mod matrix;
mod table;

pub use helper::Helper;
pub use table::{Command, Modifier, OPTIONS, SCHEDULERS};

use crate::model::Protocol;
use matrix::Group;
pub use matrix::Owner;

/// What a word of the command line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// To do something.
    Command(Command),
    /// How to do it.
    Modifier(Modifier),
}

impl Meaning {
    /// Its row.
    pub fn row(self) -> &'static OptionSpec {
        match self {
            Meaning::Command(command) => command.row(),
            Meaning::Modifier(modifier) => modifier.row(),
        }
    }
}

/// Whether a word takes a value, and what help and manual call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// It takes none.
    None,
    /// It takes one, the next word whatever that looks like.
    Required(&'static str),
    /// It takes the next word unless that begins with `-`.
    Optional(&'static str),
    /// It takes none itself: the line's operands, the words that are neither options nor values,
    /// are what it works with, wherever they stand.
    Operands(&'static str),
}

/// What a shell may offer for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Nothing: only the person knows.
    Nothing,
    /// One of these words, each with what it means.
    OneOf(&'static [(&'static str, &'static str)]),
    /// Flags of the scheduler that is named, comma separated.
    SchedulerFlags,
    /// A virtual service: one of the table's, or the address of a new one.
    Service,
    /// A real server: one of the named service's, or the address of a new one.
    RealServer,
    /// A network interface.
    Interface,
    /// A network namespace that has a name.
    Namespace,
    /// States of connections, comma separated.
    States,
}

/// A heading of `-h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The commands themselves.
    Commands,
    /// How a virtual service is named.
    Service,
    /// What `-A` and `-E` say of a virtual service.
    Scheduling,
    /// What `-a` and `-e` say of a real server.
    Server,
    /// What `-a` and `-e` say of a tunnel.
    Tunnel,
    /// How a change is meant.
    Change,
    /// What `-L` shows, and how.
    Listing,
    /// Which connections `-L -c` shows, or counts.
    Connections,
    /// What `--diagnose` does beyond reading.
    Diagnosis,
    /// What sync daemons are started with.
    SyncDaemon,
    /// What goes with every command.
    Anywhere,
}

impl Section {
    /// All of them, in the order in which `-h` has them.
    pub(crate) const ALL: [Section; 11] = [
        Section::Commands,
        Section::Service,
        Section::Scheduling,
        Section::Server,
        Section::Tunnel,
        Section::Change,
        Section::Listing,
        Section::Connections,
        Section::Diagnosis,
        Section::SyncDaemon,
        Section::Anywhere,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Section::Commands => "Commands",
            Section::Service => "Which virtual service",
            Section::Scheduling => "How a virtual service works (-A, -E)",
            Section::Server => "Which real server, and how it is reached (-a, -e)",
            Section::Tunnel => "How a tunnel is made (-a, -e with -i)",
            Section::Change => "How a change is meant (-A, -E, -D, -a, -e, -d)",
            Section::Listing => "What is listed, and how (-L; -S has -n)",
            Section::Connections => "Which connections (-L -c, which also takes SERVICE and -r)",
            Section::Diagnosis => "What else is tried (--diagnose)",
            Section::SyncDaemon => {
                "Sync daemons (--start-daemon, --stop-daemon); ROLE is master or backup"
            }
            Section::Anywhere => "With every command",
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// What the word asks for.
    pub meaning: Meaning,
    /// The spellings after `-`; `-h` shows the first.
    pub short: &'static str,
    /// The spelling after `--`.
    pub long: &'static str,
    /// Whether it takes a value.
    pub argument: Argument,
    /// What a shell may offer for that.
    pub completion: Completion,
    /// A few words on what it does, for `-h` and for shells.
    pub help: &'static str,
    /// Where `-h` shows it.
    pub section: Section,
    /// Whole commands that show how it is used; `-h` of the command has them all.
    pub examples: &'static [&'static str],
    /// What messages call it. Options that stand for each other, like `-t` and `-u`, share a name.
    pub name: &'static str,
    /// Where it stands in the order in which options are checked against commands. The first fault
    /// in that order is told, so it is the reference's (`tests/parity/ipvsadm-1.31.md`, section 2);
    /// options with one name share a place. Those without a place are never checked and may be
    /// given twice.
    pub place: Option<u8>,
    /// What cannot do without it.
    pub needed_by: &'static [Owner],
    /// What it goes with.
    pub goes_with: &'static [Owner],
    /// What takes it, but only one of all the options that say so.
    pub alternative_in: &'static [Owner],
    /// What takes it and gives it no meaning.
    pub ignored_by: &'static [Owner],
    /// Options that it cannot stand beside, though each of the two goes with the command.
    pub rivals: &'static [Modifier],
    /// Whether the reference has never heard of it.
    pub is_new: bool,
    /// Whether it may stand in a line of rules, too, not only on a command line.
    pub may_be_in_rules: bool,
}

impl OptionSpec {
    /// The letter that `-h` shows.
    pub fn letter(&self) -> Option<char> {
        self.short.chars().next()
    }

    /// Whether a value may follow.
    pub(crate) fn takes_value(&self) -> bool {
        matches!(self.argument, Argument::Required(_) | Argument::Optional(_))
    }

    /// Whether a command or a type of tunnel takes it and makes something of it.
    pub fn is_of_use_to(&self, owner: Owner) -> bool {
        [self.needed_by, self.goes_with, self.alternative_in]
            .iter()
            .any(|owners| owners.contains(&owner))
    }
}

impl Modifier {
    /// Its row.
    pub fn row(self) -> &'static OptionSpec {
        &table::ROWS[table::COMMAND_COUNT + self as usize]
    }

    /// The protocol of the virtual service that it names; `None` for a firewall mark, and for what
    /// names no service.
    pub(crate) fn protocol(self) -> Option<Protocol> {
        match self {
            Modifier::TcpService => Some(Protocol::Tcp),
            Modifier::UdpService => Some(Protocol::Udp),
            Modifier::SctpService => Some(Protocol::Sctp),
            _ => None,
        }
    }

    /// Whether it names a virtual service.
    pub(crate) fn names_service(self) -> bool {
        self.group() == Modifier::TcpService.group()
    }

    /// The options that share its name; `None` for one that is never checked.
    pub(crate) fn group(self) -> Option<Group> {
        self.row().place.map(Group)
    }
}

impl Command {
    /// Its row.
    pub fn row(self) -> &'static OptionSpec {
        &OPTIONS[self as usize]
    }
}

/// The row of a short spelling.
pub(crate) fn by_short(letter: u8) -> Option<&'static OptionSpec> {
    OPTIONS.get(usize::from(ROWS_OF_LETTERS[usize::from(letter)]))
}

/// The row that each byte spells; for one that spells none, a number that no row has. Searching the
/// rows for the five letters in a line of rules would cost as much as reading the rest of it.
static ROWS_OF_LETTERS: [u8; 256] = {
    assert!(OPTIONS.len() < u8::MAX as usize);
    let mut rows = [u8::MAX; 256];
    let mut row = 0;
    while row < OPTIONS.len() {
        let mut letters = OPTIONS[row].short.as_bytes();
        while let [letter, rest @ ..] = letters {
            rows[*letter as usize] = row as u8;
            letters = rest;
        }
        row += 1;
    }
    rows
};

/// The row of a long spelling; abbreviations are none.
pub(crate) fn by_long(name: &[u8]) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|spec| spec.long.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_is_used_twice() {
        for (index, spec) in OPTIONS.iter().enumerate() {
            for other in &OPTIONS[index + 1..] {
                assert_ne!(spec.long, other.long);
                assert!(
                    !spec
                        .short
                        .chars()
                        .any(|letter| other.short.contains(letter)),
                    "{}",
                    spec.long
                );
            }
        }
    }

    #[test]
    fn rows_are_found_by_what_they_mean() {
        for spec in OPTIONS {
            assert_eq!(spec.meaning.row().long, spec.long);
        }
    }

    #[test]
    fn help_is_short_and_begins_in_lower_case() {
        for spec in OPTIONS {
            assert!(spec.help.len() <= 45, "{}", spec.long);
            assert!(!spec.help.ends_with('.'), "{}", spec.long);
        }
    }

    #[test]
    fn options_with_one_place_have_one_name_and_others_have_other_ones() {
        for spec in OPTIONS {
            for other in OPTIONS.iter().filter(|_| spec.place.is_some()) {
                assert_eq!(
                    spec.place == other.place,
                    spec.name == other.name,
                    "{} {}",
                    spec.long,
                    other.long
                );
            }
        }
    }

    #[test]
    fn every_option_is_of_use_to_something() {
        for spec in OPTIONS {
            let is_option = matches!(spec.meaning, Meaning::Modifier(_));
            let owners = [spec.needed_by, spec.goes_with, spec.alternative_in].concat();
            assert_eq!(is_option, !owners.is_empty(), "{}", spec.long);
        }
    }
}
