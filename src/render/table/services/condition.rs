//! Who takes new connections, and who does not.

use crate::model::{DestinationState, DrainState};
use crate::render::table::sheet::Tint;

/// Whether a real server takes new connections, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Open,
    /// Its weight is 0, and clients are still on it.
    Draining,
    /// Its weight is 0, and nobody is on it.
    Drained,
    /// It takes none until it has fewer.
    Full,
}

impl Condition {
    pub const ALL: [Condition; 4] = [
        Condition::Open,
        Condition::Draining,
        Condition::Drained,
        Condition::Full,
    ];

    pub fn of(state: &DestinationState) -> Condition {
        match state.drain_state() {
            Some(DrainState::Draining) => Condition::Draining,
            Some(DrainState::Drained) => Condition::Drained,
            None if state.is_full() => Condition::Full,
            None => Condition::Open,
        }
    }

    pub fn tint(self) -> Tint {
        match self {
            Condition::Open => Tint::Plain,
            Condition::Draining | Condition::Drained => Tint::Warning,
            Condition::Full => Tint::Alarm,
        }
    }

    /// What stands before the server's name.
    pub fn mark(self, has_unicode: bool) -> &'static str {
        match (self, has_unicode) {
            (Condition::Open, _) => " ",
            (Condition::Draining, true) => "◐",
            (Condition::Draining, false) => "~",
            (Condition::Drained, true) => "○",
            (Condition::Drained, false) => "o",
            (Condition::Full, true) => "■",
            (Condition::Full, false) => "!",
        }
    }

    pub fn meaning(self) -> &'static str {
        match self {
            Condition::Open => "",
            Condition::Draining => "draining: weight 0, still in use",
            Condition::Drained => "drained: weight 0, unused",
            Condition::Full => "full: at its upper threshold",
        }
    }
}
