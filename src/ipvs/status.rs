//! Reads how full the connection table of this process' network namespace is, and may become: files
//! of which some are in newer kernels only.

#![forbid(unsafe_code)]

use std::fs;

const STATUS: &str = "/proc/net/ip_vs_status";
const MOST: &str = "/proc/sys/net/ipv4/vs/conn_max";
const BITS: &str = "/sys/module/ip_vs/parameters/conn_tab_bits";

/// Returns the number of connections, if the kernel tells it (from Linux 7.1 on).
pub fn connections() -> Option<u64> {
    connections_of(&fs::read_to_string(STATUS).ok()?)
}

/// Returns the number of connections from which on no more are taken, if there is such a limit
/// (from Linux 7.2 on).
pub fn most_connections() -> Option<u64> {
    fs::read_to_string(MOST).ok()?.trim().parse().ok()
}

/// Returns true if a table of so many buckets stays as small: before Linux 7.1 any does, later one
/// that has as many as the module's parameter allows. Without knowledge of that, none is said to.
pub fn is_of_fixed_size(buckets: u32) -> bool {
    if fs::exists(STATUS).is_ok_and(|is_there| !is_there) {
        return true;
    }
    let bits = fs::read_to_string(BITS).ok();
    let bits = bits.and_then(|bits| bits.trim().parse::<u32>().ok());
    bits.and_then(|bits| 1_u64.checked_shl(bits))
        .is_some_and(|most| u64::from(buckets) >= most)
}

fn connections_of(status: &str) -> Option<u64> {
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("Conns:"))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_stand_behind_their_name() {
        let status = "Conn buckets:\t256 (8 bits, lfactor -4)\nConns:\t21\nServices:\t3\n";
        assert_eq!(connections_of(status), Some(21));
        assert_eq!(connections_of("Conns:\tmany\n"), None);
        assert_eq!(connections_of(""), None);
    }
}
