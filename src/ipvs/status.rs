//! Reads how full the connection table of this process' network namespace is, and may become: files
//! of which some are in newer kernels only.

#![forbid(unsafe_code)]

use std::fs;

use super::settings;

const STATUS: &str = "/proc/net/ip_vs_status";
const BITS: &str = "/sys/module/ip_vs/parameters/conn_tab_bits";

/// Returns the number of connections, if the kernel tells it (from Linux 7.1 on).
pub fn connections() -> Option<u64> {
    connections_of(&fs::read_to_string(STATUS).ok()?)
}

/// Returns the number of connections from which on no more are taken, if there is such a limit
/// (from Linux 7.2 on).
pub fn most_connections() -> Option<u64> {
    settings::number("conn_max")
}

/// Returns true if a table of so many buckets cannot grow. Before Linux 7.1 none can; later ones
/// stop at the module's parameter. Where that cannot be read, the table counts as one that grows.
pub fn is_of_fixed_size(buckets: u32) -> bool {
    let is_older = fs::exists(STATUS).is_ok_and(|is_there| !is_there);
    is_older || fs::read_to_string(BITS).is_ok_and(|bits| has_all_buckets(buckets, &bits))
}

/// Returns true if a table has the most buckets that the module's parameter, a power of two,
/// allows.
fn has_all_buckets(buckets: u32, bits: &str) -> bool {
    let bits = bits.trim().parse::<u32>().ok();
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

    #[test]
    fn a_table_is_full_grown_at_the_module_s_power_of_two() {
        for (buckets, bits, expected) in [
            (4096, "12\n", true),
            (4095, "12\n", false),
            (8192, "12", true),
            (4096, "13\n", false),
            (u32::MAX, "64\n", false),
            (4096, "many\n", false),
        ] {
            assert_eq!(
                has_all_buckets(buckets, bits),
                expected,
                "{buckets} of {bits}"
            );
        }
    }
}
