//! The words of a command line: [`table`] has a row for each command and option, and this module
//! says what a row holds.
//!
//! Everything that knows an option by its spelling reads its row: the readers of argv and of rules,
//! the check of options against commands ([`matrix`]), `-h`, the helpers ([`helper`]), the
//! completions, and the tests that hold the manual to it. Values are read in [`crate::cli`].
//!
//! To add an option:
//!
//! 1. Give it a row in [`table`]; a helper's goes at the table's end. Parser, checks, `-h` and
//!    completions follow.
//! 2. Give it its meaning where it is used. The fold (`src/cli/fold`) asks for it with `given.has`,
//!    or reads its value, and sets a field of the request, the model or the selection. Helpers ask
//!    with `options.has`. A value that may be wrong needs its fault in `src/error.rs`, and that an
//!    entry under MESSAGES of the manual.
//! 3. Give it its place in the synopsis of `man/ipvsadm.8`, and a paragraph there. `cargo test
//!    --test documentation` names what the manual lacks.
//! 4. Test what it does in a script in `tests/parity` (see `differences.script`) or a module of
//!    `tests/kernel`.

#![forbid(unsafe_code)]

mod helper;
pub(crate) mod matrix;
mod table;

pub use helper::Helper;
pub use table::{Command, Modifier, OPTIONS};

use crate::model::Protocol;
pub use crate::schedulers::SCHEDULERS;
pub use matrix::Owner;

/// The meaning of a word of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It says what to do.
    Command(Command),
    /// It says how to do it.
    Modifier(Modifier),
}

impl Meaning {
    /// Returns its row.
    pub const fn row(self) -> &'static OptionSpec {
        match self {
            Meaning::Command(command) => command.row(),
            Meaning::Modifier(modifier) => modifier.row(),
        }
    }
}

/// The value that a word takes, by the name that help and manual give it.
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

/// The words that a shell may offer for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// None: only the person knows.
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
    /// An order of what is listed: of services, or of connections.
    Order,
}

/// A heading of `-h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The commands themselves.
    Commands,
    /// Options that name a virtual service.
    Service,
    /// Options that describe a virtual service, for `-A` and `-E`.
    Scheduling,
    /// Options that describe a real server, for `-a` and `-e`.
    Server,
    /// Options that describe a tunnel, for `-a` and `-e`.
    Tunnel,
    /// Options that make a change safe or gradual.
    Change,
    /// Options that choose what `-L` shows, and how.
    Listing,
    /// Options that narrow `-L -c` to some connections, or count them.
    Connections,
    /// Options with which `--diagnose` does more than read.
    Diagnosis,
    /// Options of sync daemons.
    SyncDaemon,
    /// Options that go with every command.
    Anywhere,
}

impl Section {
    /// Every section, in the order in which `-h` has them.
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
            Section::Change => "Safe and gradual changes (-A, -E, -D, -a, -e, -d)",
            Section::Listing => "Listing (-L; -S has -n)",
            Section::Connections => "Choosing connections (-L -c, which also takes SERVICE and -r)",
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
    /// The meaning of the word.
    pub meaning: Meaning,
    /// The spellings after `-`; `-h` shows the first.
    pub short: &'static str,
    /// The spelling after `--`.
    pub long: &'static str,
    /// The value that it takes.
    pub argument: Argument,
    /// The words that a shell may offer for that.
    pub completion: Completion,
    /// A few words on its effect, for `-h` and for shells.
    pub help: &'static str,
    /// The heading under which `-h` shows it; helpers, which have few options, have none.
    pub section: Option<Section>,
    /// Whole commands that show how it is used; `-h` of the command has them all.
    pub examples: &'static [&'static str],
    /// The name in messages. Options that stand for each other, like `-t` and `-u`, share one; of
    /// those that share one, a line may have one.
    pub name: &'static str,
    /// The owners that cannot do without it.
    pub needed_by: &'static [Owner],
    /// The owners that it goes with.
    pub goes_with: &'static [Owner],
    /// The owners that take one of all the options that say so.
    pub alternative_in: &'static [Owner],
    /// The owners that take it and give it no meaning.
    pub ignored_by: &'static [Owner],
    /// Options that it cannot stand beside, though each of the two goes with the command.
    pub rivals: &'static [Modifier],
    /// True if the reference has never heard of it.
    pub is_new: bool,
    /// True if it may stand in a line of rules, too, not only on a command line.
    pub may_be_in_rules: bool,
}

impl OptionSpec {
    /// Returns the letter that `-h` shows.
    pub fn letter(&self) -> Option<char> {
        self.short.chars().next()
    }

    /// Returns its letter, or else its long name, with the dashes; an operand has neither.
    pub fn shortest_spelling(&self) -> String {
        match (self.letter(), self.long, self.argument) {
            (Some(letter), ..) => format!("-{letter}"),
            (None, "", Argument::Operands(name)) => name.to_owned(),
            (None, long, _) => format!("--{long}"),
        }
    }

    /// Returns true if a value may follow.
    pub(crate) fn takes_value(&self) -> bool {
        matches!(self.argument, Argument::Required(_) | Argument::Optional(_))
    }

    /// Returns true if an owner takes it and makes something of it.
    pub fn is_of_use_to(&self, owner: Owner) -> bool {
        [self.needed_by, self.goes_with, self.alternative_in]
            .iter()
            .any(|owners| owners.contains(&owner))
    }

    /// Returns true if it goes with some listing.
    pub(crate) fn is_of_a_listing(&self) -> bool {
        self.is_of_use_to(Owner::Command(Command::List)) || self.is_of_use_to(Owner::CONNECTIONS)
    }

    /// Returns true if it needs no `-L`: the reference has never heard of it, and it says how
    /// anything is listed, or where.
    pub(crate) fn lists_by_itself(&self) -> bool {
        self.is_new && self.is_of_use_to(Owner::Command(Command::List))
    }
}

impl Modifier {
    /// Returns its row.
    pub const fn row(self) -> &'static OptionSpec {
        &table::ROWS[table::COMMAND_COUNT + self as usize]
    }

    /// Returns the protocol of the virtual service that it names; `None` for a firewall mark, and
    /// for what names no service.
    pub(crate) fn protocol(self) -> Option<Protocol> {
        match self {
            Modifier::TcpService => Some(Protocol::Tcp),
            Modifier::UdpService => Some(Protocol::Udp),
            Modifier::SctpService => Some(Protocol::Sctp),
            _ => None,
        }
    }

    /// Returns true if it names a virtual service.
    pub(crate) fn names_service(self) -> bool {
        Modifier::TcpService.namesakes().has(self)
    }
}

impl Command {
    /// Returns its row.
    pub const fn row(self) -> &'static OptionSpec {
        &OPTIONS[self as usize]
    }
}

/// Returns the row of a short spelling.
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

/// Returns the row of a long spelling; abbreviations are none.
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
    fn every_row_of_ipvsadm_has_a_heading_that_tells_commands_from_options() {
        for spec in OPTIONS {
            let is_command = matches!(spec.meaning, Meaning::Command(_));
            let section = spec.section;
            assert!(section.is_some(), "{}", spec.long);
            assert_eq!(
                section == Some(Section::Commands),
                is_command,
                "{}",
                spec.long
            );
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
    fn options_that_share_a_name_go_with_the_same() {
        let alike = |spec: &OptionSpec| {
            let owners = [spec.needed_by, spec.goes_with, spec.alternative_in];
            (owners, spec.ignored_by, spec.is_new)
        };
        for spec in OPTIONS {
            for other in OPTIONS.iter().filter(|other| other.name == spec.name) {
                assert_eq!(alike(spec), alike(other), "{} {}", spec.long, other.long);
            }
        }
    }

    /// The reference's order of checks, as the contract has it.
    #[test]
    fn the_order_of_checks_is_the_references() {
        let contract = include_str!("../../tests/parity/ipvsadm-1.31.md");
        let (_, names) = contract.split_once("NAMEs in matrix order: ").unwrap();
        let (names, _) = names.split_once('.').unwrap();
        let order = matrix::REFERENCE_ORDER.map(|modifier| modifier.row().name);
        assert_eq!(names.split_whitespace().collect::<Vec<_>>(), order);
    }

    #[test]
    fn every_option_is_checked_but_for_two_that_the_reference_never_refuses() {
        let unchecked: Vec<&str> = OPTIONS
            .iter()
            .filter(|spec| match spec.meaning {
                Meaning::Modifier(modifier) => modifier.namesakes().is_empty(),
                Meaning::Command(_) => false,
            })
            .map(|spec| spec.long)
            .collect();
        assert_eq!(unchecked, ["ipv6", "sort"]);
    }

    #[test]
    fn each_name_that_is_checked_is_checked_once() {
        let order: Vec<&str> = Modifier::in_order_of_checks()
            .map(|modifier| modifier.row().name)
            .collect();
        for spec in OPTIONS {
            let times = order.iter().filter(|name| **name == spec.name).count();
            let is_checked = match spec.meaning {
                Meaning::Modifier(modifier) => !modifier.namesakes().is_empty(),
                Meaning::Command(_) => false,
            };
            assert_eq!(times, usize::from(is_checked), "{}", spec.long);
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
