//! Says which real servers take new connections, and marks the others.
#![forbid(unsafe_code)]

use crate::model::{DestinationState, DrainState};
use crate::render::table::sheet::Tint;
use crate::screen::Screen;

/// The condition of a real server: open to new connections, or closed for a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It takes new connections.
    Open,
    /// Its weight is 0, and clients are still on it.
    Draining,
    /// Its weight is 0, and nobody is on it.
    Drained,
    /// It takes no new connections until it has fewer.
    Full,
    /// So it is if it was full before.
    MaybeFull,
}

impl Condition {
    /// The conditions with a mark, in the order in which they are explained.
    pub const EXPLAINED: [Condition; 4] = [
        Condition::Draining,
        Condition::Drained,
        Condition::Full,
        Condition::MaybeFull,
    ];

    /// Returns the condition of a destination.
    pub fn of(state: &DestinationState) -> Condition {
        match state.drain_state() {
            Some(DrainState::Draining) => Condition::Draining,
            Some(DrainState::Drained) => Condition::Drained,
            None if state.is_full() => Condition::Full,
            None if state.may_be_full() => Condition::MaybeFull,
            None => Condition::Open,
        }
    }

    /// Returns the tint of the server's row.
    pub fn tint(self) -> Tint {
        match self {
            Condition::Open | Condition::MaybeFull => Tint::Plain,
            Condition::Draining | Condition::Drained => Tint::Warning,
            Condition::Full => Tint::Alarm,
        }
    }

    /// Returns the mark before the server's name.
    pub fn mark(self, screen: Screen) -> &'static str {
        screen.best_of(match self {
            Condition::Open => [" ", " ", " "],
            Condition::Draining => ["◐", "▼", "~"],
            Condition::Drained => ["○", "×", "o"],
            Condition::Full => ["■", "■", "!"],
            Condition::MaybeFull => ["□", "?", "?"],
        })
    }

    /// Returns what the mark means.
    pub fn meaning(self) -> &'static str {
        match self {
            Condition::Open => "",
            Condition::Draining => "draining: weight 0, still in use",
            Condition::Drained => "drained: weight 0, unused",
            Condition::Full => "full: at its upper threshold",
            Condition::MaybeFull => "maybe full, if it was at its upper threshold",
        }
    }
}
