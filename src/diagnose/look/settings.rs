//! Settings and counters of the kernel, from files below `/proc`. They are those of this process'
//! own network namespace.

use std::fs;
use std::str::FromStr;

use crate::diagnose::facts::{Conntrack, Interface, Settings};

const SETTINGS: &str = "/proc/sys/net";
/// Counters of TCP and IP beyond those that the standards ask for.
const COUNTERS: &str = "/proc/net/netstat";

pub fn settings() -> Settings {
    let of_ipvs = |name: &str| number::<u32>(&format!("ipv4/vs/{name}")).unwrap_or(0);
    Settings {
        backup_only: of_ipvs("backup_only") != 0,
        conntrack: of_ipvs("conntrack") != 0,
        expire_nodest_conn: of_ipvs("expire_nodest_conn") != 0,
        expire_quiescent_template: of_ipvs("expire_quiescent_template") != 0,
        forwards_ipv4: number("ipv4/ip_forward") != Some(0),
        forwards_ipv6: number("ipv6/conf/all/forwarding") != Some(0),
    }
}

/// Adds to an interface what its settings say.
pub fn complete(interface: &mut Interface) {
    let of = |interface: &str, name: &str| number::<u32>(&format!("ipv4/conf/{interface}/{name}"));
    let name = interface.name.as_str();
    interface.forwards_ipv4 = of(name, "forwarding") != Some(0);
    // Of these two the kernel takes the larger of what is set for the interface and for all.
    let larger = |setting| of(name, setting).max(of("all", setting)).unwrap_or(0);
    interface.is_strict = larger("rp_filter") == 1;
    interface.hides_others = larger("arp_ignore") != 0;
}

/// `None` where the firewall keeps no connections.
pub fn conntrack() -> Option<Conntrack> {
    Some(Conntrack {
        count: number("netfilter/nf_conntrack_count")?,
        max: number("netfilter/nf_conntrack_max")?,
    })
}

pub fn reverse_path_drops() -> u64 {
    let counters = fs::read_to_string(COUNTERS).unwrap_or_default();
    counter(&counters, "IPReversePathFilter").unwrap_or(0)
}

fn number<T: FromStr>(setting: &str) -> Option<T> {
    let text = fs::read_to_string(format!("{SETTINGS}/{setting}")).ok()?;
    text.trim().parse().ok()
}

/// A counter by its name: the file has lines in pairs, one of names and one of numbers.
fn counter(text: &str, name: &str) -> Option<u64> {
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks_exact(2).find_map(|pair| {
        let place = pair[0].split(' ').position(|word| word == name)?;
        pair[1].split(' ').nth(place)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_stands_below_its_name() {
        let text = "TcpExt: A IPReversePathFilter B\nTcpExt: 1 2 3\nIpExt: C D\nIpExt: 4 5\n";
        assert_eq!(counter(text, "IPReversePathFilter"), Some(2));
        assert_eq!(counter(text, "D"), Some(5));
        assert_eq!(counter(text, "E"), None);
        assert_eq!(counter("", "A"), None);
    }
}
