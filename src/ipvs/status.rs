//! Reads how many connections there are in this process' network namespace, and how many there may
//! be: files that only newer kernels have.

#![forbid(unsafe_code)]

use std::fs;

const STATUS: &str = "/proc/net/ip_vs_status";
const MOST: &str = "/proc/sys/net/ipv4/vs/conn_max";

/// Returns the number of connections, if the kernel tells it (from Linux 7.1 on).
pub fn connections() -> Option<u64> {
    connections_of(&fs::read_to_string(STATUS).ok()?)
}

/// Returns the number of connections from which on no more are taken, if there is such a limit
/// (from Linux 7.2 on).
pub fn most_connections() -> Option<u64> {
    fs::read_to_string(MOST).ok()?.trim().parse().ok()
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
