//! The kernel's schedulers: their names, which of them turn clients away, and what weights and
//! addresses mean to them. Facts of the kernel, without a kernel.

#![forbid(unsafe_code)]

use crate::model::{SchedulerFlags, VirtualService};

/// The scheduler of a service for which none is named.
pub const DEFAULT_SCHEDULER: &str = "wlc";

/// The schedulers that kernels come with, each a module `ip_vs_NAME`, with a few words on how it
/// chooses. Kernels before 4.18 lack `mh`, those before 5.12 `twos`, which newer ones may be built
/// without: Debian's have it from 6.12 on.
pub const SCHEDULERS: [(&str, &str); 14] = [
    ("rr", "round robin"),
    ("wrr", "weighted round robin"),
    ("lc", "least connections"),
    ("wlc", "weighted least connections"),
    ("lblc", "least connections, by locality"),
    ("lblcr", "the same with replication"),
    ("dh", "destination hashing"),
    ("sh", "source hashing"),
    ("sed", "shortest expected delay"),
    ("nq", "never queue"),
    ("fo", "weighted failover"),
    ("ovf", "weighted overflow"),
    ("mh", "Maglev hashing"),
    ("twos", "the better of two at random (not in every kernel)"),
];

/// The clients that a hashing scheduler turns away, though other servers would take them: those of
/// a server that takes no new connections, for its weight is 0 or it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurningAway {
    /// The flag that would have it look for another server, and its word; `dh` has none.
    pub fallback: Option<(SchedulerFlags, &'static str)>,
}

impl TurningAway {
    /// Returns `None` for a service whose clients go to other servers. `sh` and `mh` do that with
    /// their fallback only, `dh` never; all others look for a server that takes connections
    /// (clients try it in `tests/kernel/clusters/scheduling.rs`).
    pub fn by(service: &VirtualService) -> Option<TurningAway> {
        let word = match service.scheduler.as_bytes() {
            b"sh" => "sh-fallback",
            b"mh" => "mh-fallback",
            b"dh" => return Some(TurningAway { fallback: None }),
            _ => return None,
        };
        let (flag, _) = SchedulerFlags::from_word(word.as_bytes())?;
        let has_fallback = service.scheduler_flags.union(flag) == service.scheduler_flags;
        (!has_fallback).then_some(TurningAway {
            fallback: Some((flag, word)),
        })
    }
}

/// The effect of a server's weight on a scheduler's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightChange {
    /// The server's share of the new clients follows, or nothing is known of the scheduler.
    Share,
    /// Nothing: a weight is 0 or it is not.
    Nothing,
    /// Nothing for the clients of an address that has its server already, until that is overloaded.
    Late,
    /// Clients that have their server are sent to another one.
    Moves,
    /// The server of the greatest weight gets all.
    AllOrNone,
}

impl WeightChange {
    /// Returns what the scheduler of this name makes of it (`tests/kernel/clusters/scheduling.rs`
    /// has clients try it).
    pub fn with(scheduler: &[u8]) -> WeightChange {
        match scheduler {
            b"rr" | b"lc" | b"dh" => WeightChange::Nothing,
            b"lblc" | b"lblcr" => WeightChange::Late,
            b"sh" | b"mh" => WeightChange::Moves,
            b"fo" => WeightChange::AllOrNone,
            _ => WeightChange::Share,
        }
    }
}

/// The shares of new clients that a scheduler gives to servers, once there are enough of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// They are to each other as the weights.
    ByWeight,
    /// They are equal, whatever the weights are, if not 0.
    Equal,
}

impl Promise {
    /// Returns the promise of the scheduler of this name; `None` for one that looks at something
    /// else, or of which nothing is known.
    pub fn by(scheduler: &[u8]) -> Option<Promise> {
        match scheduler {
            b"wrr" | b"wlc" | b"sed" | b"nq" | b"sh" | b"mh" | b"twos" => Some(Promise::ByWeight),
            b"rr" | b"lc" => Some(Promise::Equal),
            _ => None,
        }
    }
}

/// Returns true if a service sends all connections of a client to the same server because of how it
/// hashes.
pub fn hashes_clients(service: &VirtualService) -> bool {
    let with_ports = match service.scheduler.as_bytes() {
        b"sh" => "sh-port",
        b"mh" => "mh-port",
        _ => return false,
    };
    let flags = service.scheduler_flags;
    SchedulerFlags::from_word(with_ports.as_bytes())
        .is_some_and(|(flag, _)| flags.union(flag) != flags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Change;
    use crate::request::Request;

    #[test]
    fn hashing_turns_away_unless_it_may_fall_back() {
        let by = |words: &str| {
            let line = format!("-A -f 7 -s {words}");
            match crate::cli::parse_words(line.split(' ').map(str::as_bytes)) {
                Ok(Request::Change(Change::AddService(service))) => TurningAway::by(&service),
                other => panic!("{line}: {other:?}"),
            }
        };
        let word = |words| by(words).map(|turning| turning.fallback.map(|(_, word)| word));
        assert_eq!(word("sh"), Some(Some("sh-fallback")));
        assert_eq!(word("sh -b sh-port"), Some(Some("sh-fallback")));
        assert_eq!(word("mh -b mh-port"), Some(Some("mh-fallback")));
        assert_eq!(word("dh"), Some(None));
        assert_eq!(word("dh -b flag-1"), Some(None));
        assert_eq!(word("sh -b sh-fallback"), None);
        assert_eq!(word("mh -b mh-port,mh-fallback"), None);
        for (name, _) in SCHEDULERS {
            let hashes = ["sh", "mh", "dh"].contains(&name);
            assert_eq!(by(name).is_some(), hashes, "{name}");
        }
        let flag = by("mh").and_then(|turning| turning.fallback);
        assert_eq!(flag.map(|(flag, _)| flag.bits()), Some(1));
    }
}
