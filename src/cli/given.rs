//! The options that were given, and the check of them against what a command or a type of tunnel takes.

use crate::error::{Owner, UsageError};
use crate::options::matrix::{Group, Rule};

/// The options that were given, one bit a group.
#[derive(Clone, Copy, Default)]
pub struct Given(u64);

impl Given {
    /// Adds a group; `false` where it was there.
    pub fn insert(&mut self, group: Group) -> bool {
        let bit = 1 << group as u64;
        let is_new = self.0 & bit == 0;
        self.0 |= bit;
        is_new
    }

    /// Whether an option of the group was given.
    pub fn has(self, group: Group) -> bool {
        self.0 & (1 << group as u64) != 0
    }

    /// Whether an option of any of the groups was given.
    pub fn has_any(self, groups: &[Group]) -> bool {
        self.0 & Given::of(groups).0 != 0
    }

    fn of(groups: &[Group]) -> Given {
        Given(
            groups
                .iter()
                .fold(0, |bits, group| bits | 1 << *group as u64),
        )
    }

    /// Those of these groups.
    pub fn only(self, groups: &[Group]) -> Given {
        Given(self.0 & Given::of(groups).0)
    }

    /// Whether these options are what a rule asks for.
    fn fit(self, rule: &Rule) -> bool {
        let of = |groups| Given::of(groups).0;
        let (needs, one_of) = (of(rule.needs), of(rule.one_of));
        let beyond = self.0 & !(needs | one_of | of(rule.may));
        beyond == 0 && self.0 & needs == needs && (self.0 & one_of).count_ones() <= 1
    }

    /// The first fault of these options against a rule.
    pub fn check(self, rule: &Rule, owner: Owner) -> Result<(), UsageError> {
        if self.fit(rule) {
            return Ok(());
        }
        let mut chosen = None;
        for (group, _) in Group::ALL {
            if !self.has(group) {
                if rule.needs.contains(&group) {
                    return Err(UsageError::Needed(group, owner));
                }
            } else if rule.one_of.contains(&group) {
                if let Some(other) = chosen.replace(group) {
                    return Err(UsageError::Conflict(group, other, owner));
                }
            } else if !rule.needs.contains(&group) && !rule.may.contains(&group) {
                return Err(UsageError::Illegal(group, owner));
            }
        }
        Ok(())
    }
}
