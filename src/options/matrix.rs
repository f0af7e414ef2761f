//! Which options go with which command, and with which type of tunnel: what the rows of the table
//! say of each option, turned round. The check itself is in [`crate::cli`].

use super::table::COMMAND_COUNT;
use super::{Command, Helper, OPTIONS, Section};

/// The types of tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelType {
    /// IP in IP.
    Ipip,
    /// Generic UDP encapsulation.
    Gue,
    /// Generic routing encapsulation.
    Gre,
}

impl TunnelType {
    const ALL: [TunnelType; 3] = [TunnelType::Ipip, TunnelType::Gue, TunnelType::Gre];

    /// The word for each, in the order of [`TunnelType::ALL`], with what it means.
    pub(super) const WORDS: [(&'static str, &'static str); 3] = [
        ("ipip", "IP in IP"),
        ("gue", "generic UDP encapsulation"),
        ("gre", "generic routing encapsulation"),
    ];

    pub(crate) fn from_word(word: &[u8]) -> Option<TunnelType> {
        TunnelType::ALL
            .into_iter()
            .find(|kind| kind.word().as_bytes() == word)
    }

    fn word(self) -> &'static str {
        TunnelType::WORDS[self as usize].0
    }
}

/// What options go with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A command.
    Command(Command),
    /// A type of tunnel.
    Tunnel(TunnelType),
    /// A program beside `ipvsadm`.
    Helper(Helper),
    /// `-L -c`, a list that can be narrowed: what goes with `-L` goes with it, and more.
    Connections,
}

impl Owner {
    /// What messages call it.
    pub(crate) fn text(self) -> String {
        match self {
            Owner::Command(command) => format!("'{}' command", command.row().name),
            Owner::Tunnel(kind) => format!("'{}' tunnel type", kind.word()),
            Owner::Helper(helper) => helper.name().to_owned(),
            Owner::Connections => Owner::Command(Command::List).text(),
        }
    }
}

/// The options that share a name and count as one, known by their place in the order of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(pub(super) u8);

impl Group {
    /// What messages call them.
    pub(crate) fn name(self) -> &'static str {
        let row = OPTIONS.iter().find(|row| row.place == Some(self.0));
        row.map_or("", |row| row.name)
    }
}

/// Some groups, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Groups(u64);

impl Groups {
    const fn insert_place(&mut self, place: u8) {
        self.0 |= 1 << place;
    }

    /// Adds a group; `false` where it was there.
    pub(crate) fn insert(&mut self, group: Group) -> bool {
        let is_new = !self.has(group);
        self.insert_place(group.0);
        is_new
    }

    pub(crate) fn has(self, group: Group) -> bool {
        self.0 & 1 << group.0 != 0
    }

    /// Those that are in both.
    pub(crate) fn only(self, other: Groups) -> Groups {
        Groups(self.0 & other.0)
    }

    /// Those that are in either.
    pub(crate) fn and(self, other: Groups) -> Groups {
        Groups(self.0 | other.0)
    }

    /// Those that are not in `other`.
    pub(crate) fn without(self, other: Groups) -> Groups {
        Groups(self.0 & !other.0)
    }

    pub(crate) fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Each of them, in the order in which they are checked.
    pub(crate) fn iter(self) -> impl Iterator<Item = Group> {
        (0..u64::BITS as u8)
            .map(Group)
            .filter(move |group| self.has(*group))
    }
}

/// Which options go with an owner.
#[derive(Clone, Copy)]
pub(crate) struct OwnerRule {
    /// Those it cannot do without.
    pub needs: Groups,
    /// Those it may have.
    pub may: Groups,
    /// Those of which it may have one.
    pub one_of: Groups,
}

/// The rules of all owners, gathered from the rows when the program is compiled, so that checking
/// a line of rules takes a few instructions.
static RULES: [OwnerRule; OWNER_COUNT] = {
    const NONE: Groups = Groups(0);
    let mut rules = [OwnerRule {
        needs: NONE,
        may: NONE,
        one_of: NONE,
    }; OWNER_COUNT];
    let mut row = 0;
    while row < OPTIONS.len() {
        let spec = &OPTIONS[row];
        if let Some(place) = spec.place {
            let mut owner = 0;
            while owner < OWNER_COUNT {
                let rule = &mut rules[owner];
                if has(spec.needed_by, owner) {
                    rule.needs.insert_place(place);
                } else if has(spec.alternative_in, owner) {
                    rule.one_of.insert_place(place);
                } else if has(spec.goes_with, owner) || has(spec.ignored_by, owner) {
                    rule.may.insert_place(place);
                }
                owner += 1;
            }
        }
        row += 1;
    }
    let list = rules[Owner::Command(Command::List).index()];
    let connections = &mut rules[Owner::Connections.index()];
    connections.one_of = Groups(list.one_of.0 & !connections.may.0);
    connections.may.0 |= list.may.0;
    rules
};

const OWNER_COUNT: usize = COMMAND_COUNT + TunnelType::ALL.len() + Helper::ALL.len() + 1;

impl Owner {
    pub(crate) fn rule(self) -> &'static OwnerRule {
        &RULES[self.index()]
    }

    /// Its place among all owners.
    const fn index(self) -> usize {
        match self {
            Owner::Command(command) => command as usize,
            Owner::Tunnel(kind) => COMMAND_COUNT + kind as usize,
            Owner::Helper(helper) => COMMAND_COUNT + TunnelType::ALL.len() + helper as usize,
            Owner::Connections => OWNER_COUNT - 1,
        }
    }
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

/// The options that only a real server behind a tunnel has.
pub(crate) static TUNNEL_GROUPS: Groups = {
    let mut groups = Groups(0);
    let mut row = 0;
    while row < OPTIONS.len() {
        if let (Section::Tunnel, Some(place)) = (OPTIONS[row].section, OPTIONS[row].place) {
            groups.insert_place(place);
        }
        row += 1;
    }
    groups
};
