//! The options that go with each command, type of tunnel and helper: the order in which they are
//! checked, and what the rows of the table say of each, turned round. The check itself is in
//! [`crate::cli`].

#![forbid(unsafe_code)]

use super::table::{COMMAND_COUNT, MODIFIERS};
use super::{Command, Helper, Meaning, Modifier, OptionSpec, Section};
use crate::model::TunnelKind;

/// The order in which the reference checks options against commands, and names the first fault
/// (`tests/parity/ipvsadm-1.31.md`, section 2). Options that share a name stand here once. Ours
/// come after these, as their rows do; the reference's that are not here, `-6` and `--sort`, are
/// never checked and may be given twice.
pub(super) const REFERENCE_ORDER: [Modifier; 34] = [
    Modifier::Numeric,
    Modifier::Connection,
    Modifier::TcpService,
    Modifier::Scheduler,
    Modifier::Persistent,
    Modifier::Netmask,
    Modifier::RealServer,
    Modifier::Gatewaying,
    Modifier::Weight,
    Modifier::UpperThreshold,
    Modifier::LowerThreshold,
    Modifier::McastInterface,
    Modifier::Timeout,
    Modifier::Daemon,
    Modifier::Statistics,
    Modifier::Rate,
    Modifier::Thresholds,
    Modifier::PersistentConnections,
    Modifier::NoSort,
    Modifier::SyncId,
    Modifier::Exact,
    Modifier::OnePacket,
    Modifier::PersistenceEngine,
    Modifier::SchedulerFlags,
    Modifier::McastGroup,
    Modifier::McastPort,
    Modifier::McastTtl,
    Modifier::SyncMaxLength,
    Modifier::TunnelInfo,
    Modifier::TunnelType,
    Modifier::TunnelPort,
    Modifier::TunnelNoChecksum,
    Modifier::TunnelChecksum,
    Modifier::TunnelRemoteChecksum,
];

/// A thing that options go with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A command.
    Command(Command),
    /// A command that works otherwise with this option, one of [`VARIANTS`]. What goes with the
    /// command goes with it in the same way, unless a row says something else of the variant.
    Variant(Command, Modifier),
    /// A type of tunnel.
    Tunnel(TunnelKind),
    /// A program beside `ipvsadm`.
    Helper(Helper),
}

/// The commands that an option makes work otherwise.
const VARIANTS: [(Command, Modifier); 6] = [
    // Lists connections, and can be narrowed.
    (Command::List, Modifier::Connection),
    // Need no service: without one a server is drained in all of them.
    (Command::EditServer, Modifier::Drain),
    (Command::DeleteServer, Modifier::Drain),
    // May find there what they add, and leave of it what is not named.
    (Command::AddService, Modifier::Exist),
    (Command::AddServer, Modifier::Exist),
    // The same of a ramp.
    (Command::EditServer, Modifier::Ramp),
];

impl Owner {
    /// `-L -c`.
    pub(crate) const CONNECTIONS: Owner = Owner::Variant(Command::List, Modifier::Connection);

    /// Returns what messages call it.
    pub(crate) fn text(self) -> String {
        match self {
            Owner::Command(command) | Owner::Variant(command, _) => {
                format!("'{}' command", command.row().name)
            }
            Owner::Tunnel(kind) => format!("'{}' tunnel type", kind.word()),
            Owner::Helper(helper) => helper.name().to_owned(),
        }
    }

    /// Returns the command as these options make it work.
    pub(crate) fn of_command(command: Command, given: Modifiers) -> Owner {
        let makes_otherwise =
            |variant: &&(Command, Modifier)| variant.0 == command && given.has(variant.1);
        match VARIANTS.iter().find(makes_otherwise) {
            Some((_, modifier)) => Owner::Variant(command, *modifier),
            None => Owner::Command(command),
        }
    }

    /// Returns the options that go with it.
    pub(crate) fn options(self) -> &'static OwnerOptions {
        &OF_OWNERS[self.index()]
    }

    /// Returns its index in [`OF_OWNERS`].
    const fn index(self) -> usize {
        match self {
            Owner::Command(command) => command as usize,
            Owner::Tunnel(kind) => COMMAND_COUNT + kind as usize,
            Owner::Helper(helper) => COMMAND_COUNT + TunnelKind::ALL.len() + helper as usize,
            Owner::Variant(command, modifier) => {
                let mut variant = 0;
                while VARIANTS[variant].0 as usize != command as usize
                    || VARIANTS[variant].1 as usize != modifier as usize
                {
                    variant += 1;
                }
                FIRST_VARIANT + variant
            }
        }
    }
}

const FIRST_VARIANT: usize = COMMAND_COUNT + TunnelKind::ALL.len() + Helper::ALL.len();
const OWNER_COUNT: usize = FIRST_VARIANT + VARIANTS.len();

/// A set of options, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Modifiers(u128);

const _: () = assert!(MODIFIERS.len() <= u128::BITS as usize);

impl Modifiers {
    const NONE: Modifiers = Modifiers(0);

    /// Adds an option.
    pub(crate) const fn insert(&mut self, modifier: Modifier) {
        self.0 |= 1 << modifier as u32;
    }

    /// Returns true if this very option is among them.
    pub(crate) const fn has(self, modifier: Modifier) -> bool {
        self.0 & 1 << modifier as u32 != 0
    }

    /// Returns those that are in both.
    pub(crate) const fn only(self, other: Modifiers) -> Modifiers {
        Modifiers(self.0 & other.0)
    }

    /// Returns those that are in either.
    pub(crate) const fn and(self, other: Modifiers) -> Modifiers {
        Modifiers(self.0 | other.0)
    }

    /// Returns those that are not in `other`.
    pub(crate) const fn without(self, other: Modifiers) -> Modifiers {
        Modifiers(self.0 & !other.0)
    }

    /// Returns true if none is among them.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns their number.
    pub(crate) const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Returns each of them, in the order of their rows.
    pub(crate) fn iter(self) -> impl Iterator<Item = Modifier> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let modifier = MODIFIERS.get(rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(*modifier)
        })
    }

    /// Returns each two of them that cannot stand beside each other, though both go with the
    /// command.
    pub(crate) fn rivals(self) -> impl Iterator<Item = (Modifier, Modifier)> {
        self.iter().flat_map(move |one| {
            let rivals = self.only(one.rivals());
            rivals.iter().map(move |other| (one, other))
        })
    }
}

impl FromIterator<Modifier> for Modifiers {
    fn from_iter<T: IntoIterator<Item = Modifier>>(all: T) -> Modifiers {
        let mut modifiers = Modifiers::NONE;
        for modifier in all {
            modifiers.insert(modifier);
        }
        modifiers
    }
}

impl Modifier {
    /// Returns the options that share its name, itself among them; none if it is never checked.
    pub(crate) fn namesakes(self) -> Modifiers {
        NAMESAKES[self as usize]
    }

    /// Returns the options that its row says it cannot stand beside, though each goes with the
    /// command. Of two rivals, one row says it.
    pub(crate) fn rivals(self) -> Modifiers {
        RIVALS[self as usize]
    }

    /// Returns each name once that is checked, in the order of checks.
    pub(crate) fn in_order_of_checks() -> impl Iterator<Item = Modifier> {
        let is_first = |modifier: &Modifier| modifier.namesakes().iter().next() == Some(*modifier);
        let ours = NEW.iter().filter(is_first);
        REFERENCE_ORDER.into_iter().chain(ours)
    }
}

/// The options that go with an owner. Those that share a name are in the same sets.
#[derive(Clone, Copy)]
pub(crate) struct OwnerOptions {
    /// The options that it cannot do without.
    pub needs: Modifiers,
    /// The number of names that those have.
    pub needed_names: u32,
    /// The options that it may have.
    pub may: Modifiers,
    /// The options of which it may have one.
    pub one_of: Modifiers,
}

// What follows is gathered from the rows when the program is compiled, so that checking a line of
// rules takes a few instructions.

/// The options of each owner.
static OF_OWNERS: [OwnerOptions; OWNER_COUNT] = {
    let mut all = [OwnerOptions {
        needs: Modifiers::NONE,
        needed_names: 0,
        may: Modifiers::NONE,
        one_of: Modifiers::NONE,
    }; OWNER_COUNT];
    let mut owner = 0;
    while owner < OWNER_COUNT {
        all[owner].read_rows(owner);
        if owner >= FIRST_VARIANT {
            let of_command = all[VARIANTS[owner - FIRST_VARIANT].0 as usize];
            all[owner].add_what_is_not_named(of_command);
        }
        all[owner].count_needed_names();
        owner += 1;
    }
    all
};

impl OwnerOptions {
    /// Sorts in what the rows say of an owner. What is never checked may always come.
    const fn read_rows(&mut self, owner: usize) {
        let mut index = 0;
        while index < MODIFIERS.len() {
            let modifier = MODIFIERS[index];
            let row = row(modifier);
            if has(row.needed_by, owner) {
                self.needs.insert(modifier);
            } else if has(row.alternative_in, owner) {
                self.one_of.insert(modifier);
            } else if has(row.goes_with, owner)
                || has(row.ignored_by, owner)
                || NAMESAKES[index].is_empty()
            {
                self.may.insert(modifier);
            }
            index += 1;
        }
    }

    const fn add_what_is_not_named(&mut self, other: OwnerOptions) {
        let named = self.needs.and(self.may).and(self.one_of);
        self.needs = self.needs.and(other.needs.without(named));
        self.may = self.may.and(other.may.without(named));
        self.one_of = self.one_of.and(other.one_of.without(named));
    }

    const fn count_needed_names(&mut self) {
        let mut rest = self.needs;
        while !rest.is_empty() {
            let first = rest.0.trailing_zeros() as usize;
            rest = rest.without(NAMESAKES[first]);
            self.needed_names += 1;
        }
    }
}

/// See [`Modifier::namesakes`].
static NAMESAKES: [Modifiers; MODIFIERS.len()] = {
    let mut namesakes = [Modifiers::NONE; MODIFIERS.len()];
    let mut index = 0;
    while index < MODIFIERS.len() {
        let name = row(MODIFIERS[index]).name;
        let mut other = 0;
        while other < MODIFIERS.len() {
            if is_checked(name) && is_same(row(MODIFIERS[other]).name, name) {
                namesakes[index].insert(MODIFIERS[other]);
            }
            other += 1;
        }
        index += 1;
    }
    namesakes
};

/// See [`Modifier::rivals`].
static RIVALS: [Modifiers; MODIFIERS.len()] = {
    let mut rivals = [Modifiers::NONE; MODIFIERS.len()];
    let mut index = 0;
    while index < MODIFIERS.len() {
        let mut rest = row(MODIFIERS[index]).rivals;
        while let [rival, others @ ..] = rest {
            rivals[index].insert(*rival);
            rest = others;
        }
        index += 1;
    }
    rivals
};

/// The options that the reference has never heard of.
pub(crate) static NEW: Modifiers = {
    let mut new = Modifiers::NONE;
    let mut index = 0;
    while index < MODIFIERS.len() {
        if row(MODIFIERS[index]).is_new {
            new.insert(MODIFIERS[index]);
        }
        index += 1;
    }
    new
};

/// The options that only a real server behind a tunnel has.
pub(crate) static OF_TUNNELS: Modifiers = {
    let mut of_tunnels = Modifiers::NONE;
    let mut index = 0;
    while index < MODIFIERS.len() {
        if matches!(row(MODIFIERS[index]).section, Some(Section::Tunnel)) {
            of_tunnels.insert(MODIFIERS[index]);
        }
        index += 1;
    }
    of_tunnels
};

/// Returns true if options of this name are checked: the reference's order has it, or it is ours.
const fn is_checked(name: &str) -> bool {
    let mut index = 0;
    while index < REFERENCE_ORDER.len() {
        if is_same(row(REFERENCE_ORDER[index]).name, name) {
            return true;
        }
        index += 1;
    }
    let mut index = 0;
    while index < MODIFIERS.len() {
        let row = row(MODIFIERS[index]);
        if row.is_new && is_same(row.name, name) {
            return true;
        }
        index += 1;
    }
    false
}

const fn row(modifier: Modifier) -> &'static OptionSpec {
    Meaning::Modifier(modifier).row()
}

const fn has(owners: &[Owner], index: usize) -> bool {
    let mut rest = owners;
    while let [owner, others @ ..] = rest {
        if owner.index() == index {
            return true;
        }
        rest = others;
    }
    false
}

const fn is_same(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    while let ([first, rest @ ..], [other_first, other_rest @ ..]) = (one, other) {
        if *first != *other_first {
            return false;
        }
        (one, other) = (rest, other_rest);
    }
    one.is_empty() && other.is_empty()
}
