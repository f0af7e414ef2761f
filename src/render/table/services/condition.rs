//! Who takes new connections, and who does not.

use crate::model::DestinationState;
use crate::render::table::sheet::Tint;

/// Whether a real server takes new connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It does.
    Open,
    /// It does not, for its weight is 0.
    Drained,
    /// It does not until it has fewer.
    Full,
}

impl Condition {
    /// What a server is in.
    pub fn of(state: &DestinationState) -> Condition {
        let upper = u64::from(state.destination.upper_threshold);
        if state.destination.weight == 0 {
            Condition::Drained
        } else if upper > 0 && connections(state) >= upper {
            Condition::Full
        } else {
            Condition::Open
        }
    }

    /// How its row is to be looked at.
    pub fn tint(self) -> Tint {
        match self {
            Condition::Open => Tint::Plain,
            Condition::Drained => Tint::Warning,
            Condition::Full => Tint::Alarm,
        }
    }

    /// What stands before its name.
    pub fn mark(self, has_unicode: bool) -> &'static str {
        match (self, has_unicode) {
            (Condition::Open, _) => " ",
            (Condition::Drained, true) => "○",
            (Condition::Drained, false) => "o",
            (Condition::Full, true) => "■",
            (Condition::Full, false) => "!",
        }
    }

    /// What the mark means.
    pub fn meaning(self) -> &'static str {
        match self {
            Condition::Open => "",
            Condition::Drained => "drained: its weight is 0",
            Condition::Full => "full: at its upper threshold",
        }
    }
}

/// The connections that the kernel holds against the thresholds.
pub fn connections(state: &DestinationState) -> u64 {
    u64::from(state.active_connections) + u64::from(state.inactive_connections)
}
