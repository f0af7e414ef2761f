//! The options that were given, and the check of them against what goes with a command or a type of
//! tunnel.

use crate::error::UsageError;
use crate::options::matrix::{Groups, Owner, OwnerRule, TUNNEL_GROUPS, TunnelType};
use crate::options::{Command, Meaning, Modifier, OPTIONS};

/// The options that were given so far.
#[derive(Clone, Copy, Default)]
pub struct Given {
    /// A bit for each option.
    modifiers: u128,
    groups: Groups,
}

impl Given {
    /// Takes note of an option. A second one of the same name is a fault.
    pub fn insert(&mut self, modifier: Modifier) -> Result<(), UsageError> {
        self.modifiers |= 1 << modifier as u32;
        match modifier.group() {
            Some(group) if !self.groups.insert(group) => Err(UsageError::Repeated(group)),
            _ => Ok(()),
        }
    }

    /// Whether this very option is there.
    pub fn has(self, modifier: Modifier) -> bool {
        self.modifiers & (1 << modifier as u32) != 0
    }

    /// Whether any option is there that only a tunnel has.
    pub fn has_tunnel_options(self) -> bool {
        self.groups.only(TUNNEL_GROUPS).count() > 0
    }

    /// The first fault of these options against what goes with a command.
    pub fn check(self, command: Command) -> Result<(), UsageError> {
        let outcome = check(self.groups, Owner::Command(command));
        if outcome.is_ok() || command != Command::List || !self.has(Modifier::Connection) {
            return outcome;
        }
        let narrowed = check(self.groups, Owner::Connections);
        // What the reference knows, and we refuse as well, is refused in its words.
        let is_refused = narrowed.is_err() || self.rivals().is_some();
        if is_refused && !self.has_new() {
            outcome
        } else {
            narrowed
        }
    }

    /// Whether any option is there that the reference has never heard of.
    fn has_new(self) -> bool {
        OPTIONS.iter().any(|row| match row.meaning {
            Meaning::Modifier(modifier) => row.is_new && self.has(modifier),
            Meaning::Command(_) => false,
        })
    }

    /// The same for a server that is to be drained. It needs no service, because without one it is
    /// drained in all of them; and options that describe a server are refused.
    pub fn check_drain(mut self, command: Command) -> Result<(), UsageError> {
        let owner = Owner::Command(command);
        if let Some(service) = Modifier::TcpService.group() {
            self.groups.insert(service);
        }
        self.check(command)?;
        let mut rivals = Modifier::Drain.row().rivals.iter();
        let rival = rivals.find(|rival| self.has(**rival));
        match (
            rival.and_then(|rival| rival.group()),
            Modifier::Drain.group(),
        ) {
            (Some(rival), Some(drain)) => Err(UsageError::Conflict(rival, drain, owner)),
            _ => Ok(()),
        }
    }

    /// The first fault of these options against what goes with a type of tunnel.
    pub fn check_tunnel(self, kind: TunnelType) -> Result<(), UsageError> {
        check(self.groups.only(TUNNEL_GROUPS), Owner::Tunnel(kind))
    }

    /// Two options that cannot stand beside each other, though both go with the command.
    pub fn rivals(self) -> Option<(Modifier, Modifier)> {
        OPTIONS.iter().find_map(|row| match row.meaning {
            Meaning::Modifier(modifier) if self.has(modifier) => {
                let rival = row.rivals.iter().find(|rival| self.has(**rival))?;
                Some((modifier, *rival))
            }
            _ => None,
        })
    }
}

fn check(given: Groups, owner: Owner) -> Result<(), UsageError> {
    let OwnerRule { needs, may, one_of } = *owner.rule();
    let beyond = given.without(needs.and(may).and(one_of));
    if beyond.count() == 0 && given.only(needs) == needs && given.only(one_of).count() <= 1 {
        return Ok(());
    }
    let mut chosen = None;
    for group in given.and(needs).iter() {
        if !given.has(group) {
            return Err(UsageError::Needed(group, owner));
        }
        if one_of.has(group) {
            if let Some(other) = chosen.replace(group) {
                return Err(UsageError::Conflict(group, other, owner));
            }
        } else if beyond.has(group) {
            return Err(UsageError::Illegal(group, owner));
        }
    }
    Ok(())
}
