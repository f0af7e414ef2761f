//! Reads IPVS's settings, `net.ipv4.vs`: those of this process' network namespace. Not every kernel
//! has all of them.

#![forbid(unsafe_code)]

use std::fs;
use std::str::FromStr;

use crate::model::Standstill;

const FOLDER: &str = "/proc/sys/net/ipv4/vs";

/// Returns the number that a setting has; `None` if this kernel has no such setting, or if it
/// cannot be read.
pub fn number<T: FromStr>(name: &str) -> Option<T> {
    text(name)?.trim().parse().ok()
}

/// Returns true if a switch is on. One that cannot be read counts as off.
pub fn is_on(name: &str) -> bool {
    number::<u32>(name).is_some_and(|number| number != 0)
}

/// Returns true if there are settings to be read. In the network namespace of a container without
/// root, older kernels, 6.1 among them, have the folder and nothing in it.
pub fn can_be_read() -> bool {
    fs::read_dir(FOLDER).is_ok_and(|mut names| names.next().is_some())
}

/// Returns why the counters of services and destinations stand still; `None` if the kernel adds
/// them up, or if the settings cannot be read.
pub fn standstill() -> Option<Standstill> {
    [Standstill::NotEstimated, Standstill::NoProcessor]
        .into_iter()
        .find(|standstill| {
            text(standstill.setting()).is_some_and(|value| is_set_by(*standstill, value.trim()))
        })
}

fn text(name: &str) -> Option<String> {
    fs::read_to_string(format!("{FOLDER}/{name}")).ok()
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
