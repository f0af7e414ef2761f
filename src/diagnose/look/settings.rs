//! Settings and counters of the kernel, from files below `/proc`. They are those of this process'
//! own network namespace, or the machine's where the kernel has them there alone.

#![forbid(unsafe_code)]

use std::fs;
use std::str::FromStr;

use crate::diagnose::facts::{
    Conntrack, Interface, NeighboursRefused, REVERSE_PATH_DROPS, Settings,
};
use crate::ipvs::settings as ipvs_settings;
use crate::ipvs::status;

const SETTINGS: &str = "/proc/sys/net";
/// Counters of TCP and IP beyond those that the standards ask for.
const COUNTERS: &str = "/proc/net/netstat";
const STANDARD_COUNTERS: &str = "/proc/net/snmp";
/// Counters that each processor has a line for.
const ROUTE_COUNTERS: &str = "/proc/net/stat/rt_cache";
const CONNTRACK_COUNTERS: &str = "/proc/net/stat/nf_conntrack";

pub fn settings() -> Settings {
    Settings {
        am_droprate: ipvs_settings::number("am_droprate").unwrap_or(0),
        backup_only: ipvs_settings::is_on("backup_only"),
        conn_max: status::most_connections(),
        conntrack: ipvs_settings::is_on("conntrack"),
        drop_entry: ipvs_settings::number("drop_entry").unwrap_or(0),
        drop_packet: ipvs_settings::number("drop_packet").unwrap_or(0),
        expire_nodest_conn: ipvs_settings::is_on("expire_nodest_conn"),
        expire_quiescent_template: ipvs_settings::is_on("expire_quiescent_template"),
        standstill: ipvs_settings::standstill(),
        rmem_max: number("core/rmem_max"),
        sync_sock_size: ipvs_settings::number("sync_sock_size").unwrap_or(0),
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
    counter(&counters, REVERSE_PATH_DROPS).unwrap_or(0)
}

/// Returns the first kind of settings of which there are none to be read.
pub fn unread() -> Option<&'static str> {
    let has_any = fs::read_dir(SETTINGS).is_ok_and(|mut names| names.next().is_some());
    match has_any {
        false => Some("settings"),
        true => (!ipvs_settings::can_be_read()).then_some("settings of IPVS"),
    }
}

/// The counters of what the kernel drops on its way to IPVS, by the kernel's names.
pub fn drop_counters() -> Vec<(&'static str, u64)> {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let (beyond, standard) = (read(COUNTERS), read(STANDARD_COUNTERS));
    let of_ip = [
        (REVERSE_PATH_DROPS, &beyond),
        ("InNoRoutes", &beyond),
        ("InAddrErrors", &standard),
    ];
    let mut counters: Vec<(&'static str, u64)> = of_ip
        .into_iter()
        .filter_map(|(name, text)| Some((name, counter(text, name)?)))
        .collect();
    for (file, names) in [
        (ROUTE_COUNTERS, &["in_martian_dst", "in_martian_src"][..]),
        (CONNTRACK_COUNTERS, &["invalid", "drop"]),
    ] {
        let text = read(file);
        counters.extend(names.iter().map(|name| (*name, sum_of_column(&text, name))));
    }
    counters
}

/// The tables of neighbours are the machine's, and so are the files: those of its first process are
/// asked for.
pub fn neighbours_refused() -> NeighboursRefused {
    let refused = |table| {
        let path = format!("/proc/1/net/stat/{table}");
        sum_of_column(&fs::read_to_string(path).unwrap_or_default(), "table_fulls")
    };
    NeighboursRefused {
        ipv4: refused("arp_cache"),
        ipv6: refused("ndisc_cache"),
    }
}

fn text(setting: &str) -> Option<String> {
    fs::read_to_string(format!("{SETTINGS}/{setting}")).ok()
}

fn number<T: FromStr>(setting: &str) -> Option<T> {
    text(setting)?.trim().parse().ok()
}

/// Adds up a column of hexadecimal numbers, below its name: the file has a line for each processor.
fn sum_of_column(text: &str, name: &str) -> u64 {
    let mut lines = text.lines();
    let Some(place) = lines.next().and_then(|titles| {
        titles
            .split_ascii_whitespace()
            .position(|title| title == name)
    }) else {
        return 0;
    };
    lines
        .filter_map(|line| line.split_ascii_whitespace().nth(place))
        .filter_map(|digits| u64::from_str_radix(digits, 16).ok())
        .sum()
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
    fn a_column_of_each_processor_is_added_up() {
        let text = "entries  allocs table_fulls\n00000005  00000011 0000000a\n00000005  00000012 00000003\n";
        assert_eq!(sum_of_column(text, "table_fulls"), 13);
        assert_eq!(sum_of_column(text, "hits"), 0);
        assert_eq!(sum_of_column("", "table_fulls"), 0);
    }

    #[test]
    fn a_counter_stands_below_its_name() {
        let text = "TcpExt: A IPReversePathFilter B\nTcpExt: 1 2 3\nIpExt: C D\nIpExt: 4 5\n";
        assert_eq!(counter(text, "IPReversePathFilter"), Some(2));
        assert_eq!(counter(text, "D"), Some(5));
        assert_eq!(counter(text, "E"), None);
        assert_eq!(counter("", "A"), None);
    }
}
