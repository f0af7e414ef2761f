//! Reads whether the kernel adds up the counters of services and destinations: settings of this
//! process' network namespace, which not every kernel has.

#![forbid(unsafe_code)]

use std::fs;

use crate::model::Standstill;

const SETTINGS: &str = "/proc/sys/net/ipv4/vs";

/// Returns why the counters stand still; `None` if they move, or if the settings cannot be read.
pub fn standstill() -> Option<Standstill> {
    [Standstill::NotEstimated, Standstill::NoProcessor]
        .into_iter()
        .find(|standstill| {
            let path = format!("{SETTINGS}/{}", standstill.setting());
            fs::read_to_string(path).is_ok_and(|value| is_set_by(*standstill, value.trim()))
        })
}

fn is_set_by(standstill: Standstill, value: &str) -> bool {
    match standstill {
        Standstill::NotEstimated => value == "0",
        Standstill::NoProcessor => value.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_0_and_an_empty_list_stop_the_counters() {
        for (standstill, value, expected) in [
            (Standstill::NotEstimated, "0", true),
            (Standstill::NotEstimated, "1", false),
            (Standstill::NotEstimated, "", false),
            (Standstill::NoProcessor, "", true),
            (Standstill::NoProcessor, "0", false),
            (Standstill::NoProcessor, "2-3", false),
        ] {
            let is_set = is_set_by(standstill, value);
            assert_eq!(is_set, expected, "{standstill:?} {value:?}");
        }
    }
}
