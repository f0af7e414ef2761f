//! The order of a listing: the reference's, oddities and all (`tests/parity/ipvsadm-1.31.md`,
//! section 4).
//!
//! The reference subtracts 32-bit numbers and reads the difference as signed. Numbers more than
//! 2^31 apart are in no order then: 10.0.0.1 comes before 100.0.0.1, that before 192.168.0.1, and
//! that before 10.0.0.1. What comes out depends on how it is sorted. So the reference's merge sort
//! is written out here, for such numbers alone: the standard library's may panic on them.
#![forbid(unsafe_code)]

use std::net::IpAddr;

use crate::model::{
    DestinationIdentity, DestinationState, ServiceIdentity, SyncDaemon, SyncDaemonRole,
};

/// Sorts virtual services by mark, family, protocol, address and port.
pub fn sort_services<T: Copy>(services: &mut [T], identity: impl Fn(&T) -> &ServiceIdentity) {
    sort(services, |service| SortKey::of_service(identity(service)));
}

/// Sorts the destinations of a virtual service by address and port.
pub fn sort_destinations(destinations: &mut [DestinationState]) {
    sort(destinations, |state| {
        SortKey::of_destination(&state.destination.identity)
    });
}

/// Sorts sync daemons: masters first.
pub fn sort_sync_daemons(daemons: &mut [SyncDaemon]) {
    daemons.sort_by_key(|daemon| daemon.role != SyncDaemonRole::Master);
}

/// Sorts items, no two of which have the same key.
fn sort<T: Copy>(items: &mut [T], key_of: impl Fn(&T) -> SortKey) {
    if items.len() < 2 {
        return;
    }
    let mut halves = items.iter().map(|item| key_of(item).halves());
    let first = halves.next();
    if halves.all(|others| Some(others) == first) {
        // The kernel lists what was added last first, and what is in order already is sorted fast.
        items.reverse();
        items.sort_by_cached_key(key_of);
    } else {
        merge_sort(items, &|a, b| key_of(a).compare(&key_of(b)));
    }
}

/// Sorts as the reference does. `compare` is greater than 0 if its second argument comes first.
fn merge_sort<T: Copy>(items: &mut [T], compare: &impl Fn(&T, &T) -> i32) {
    if items.len() < 2 {
        return;
    }
    let middle = items.len() / 2;
    merge_sort(&mut items[..middle], compare);
    merge_sort(&mut items[middle..], compare);
    let copy = items.to_vec();
    let (mut left, mut right) = copy.split_at(middle);
    for item in items {
        let half = match (left, right) {
            ([a, ..], [b, ..]) if compare(a, b) > 0 => &mut right,
            ([], _) => &mut right,
            _ => &mut left,
        };
        if let Some(first) = half.split_off_first() {
            *item = *first;
        }
    }
}

/// The key by which a listing is sorted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SortKey {
    /// Mark, family and protocol, all 0 for a destination, then the kernel's 16 bytes of the
    /// address.
    words: [u32; 7],
    /// The number of words that count: the reference compares no more than the first 4 bytes of
    /// what it knows to be an IPv4 address.
    count: usize,
    port: u16,
}

impl SortKey {
    fn of_service(identity: &ServiceIdentity) -> SortKey {
        let family = u32::from(identity.family().number());
        match *identity {
            ServiceIdentity::FirewallMark { mark, .. } => {
                SortKey::new([mark, family, 0], IpAddr::from([0; 4]), 0)
            }
            ServiceIdentity::Endpoint {
                protocol,
                address,
                port,
            } => SortKey::new([0, family, u32::from(protocol.number())], address, port),
        }
    }

    fn of_destination(identity: &DestinationIdentity) -> SortKey {
        SortKey::new([0; 3], identity.address, identity.port)
    }

    fn new([mark, family, protocol]: [u32; 3], address: IpAddr, port: u16) -> SortKey {
        let ([a, b, c, d], count) = match address {
            IpAddr::V4(address) => ([u32::from(address), 0, 0, 0], 4),
            IpAddr::V6(address) => {
                let bits = u128::from(address);
                ([96, 64, 32, 0].map(|shift| (bits >> shift) as u32), 7)
            }
        };
        SortKey {
            words: [mark, family, protocol, a, b, c, d],
            count,
            port,
        }
    }

    /// Compares as the reference does: greater than 0 if `other` comes first.
    fn compare(&self, other: &SortKey) -> i32 {
        for (a, b) in self.words.iter().zip(&other.words).take(self.count) {
            if a != b {
                return difference(*a, *b);
            }
        }
        i32::from(self.port) - i32::from(other.port)
    }

    /// Returns the half of the u32 range that each word is in. Keys that agree in this are in the
    /// order of their numbers, for the reference as for everybody.
    fn halves(&self) -> ([u32; 7], usize) {
        (self.words.map(|word| word >> 31), self.count)
    }
}

/// Compares two numbers as the reference does, its overflow included.
fn difference(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AddressFamily, Protocol};
    use crate::numbers::Numbers;

    fn sorted(numbers: &[u32]) -> Vec<u32> {
        let mut numbers = numbers.to_vec();
        merge_sort(&mut numbers, &|a, b| difference(*a, *b));
        numbers
    }

    #[test]
    fn numbers_less_than_half_the_range_apart_are_in_order() {
        assert_eq!(sorted(&[5, 3, 9, 1, 1, 0, 7]), [0, 1, 1, 3, 5, 7, 9]);
        assert_eq!(sorted(&[]), [0u32; 0]);
        let backwards: Vec<u32> = (0..1000).rev().collect();
        assert_eq!(sorted(&backwards), (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn an_address_in_the_upper_half_comes_before_one_in_the_lower() {
        let (ten, private) = (0x0a00_0001, 0xc0a8_0001);
        assert_eq!(sorted(&[ten, private]), [private, ten]);
        assert_eq!(sorted(&[1, u32::MAX]), [u32::MAX, 1]);
    }

    fn endpoint(protocol: Protocol, address: &str, port: u16) -> ServiceIdentity {
        ServiceIdentity::Endpoint {
            protocol,
            address: address.parse().unwrap(),
            port,
        }
    }

    #[test]
    fn services_are_sorted_by_mark_family_protocol_address_and_port() {
        let mark = |mark, family| ServiceIdentity::FirewallMark { mark, family };
        let expected = [
            endpoint(Protocol::Tcp, "10.0.0.2", 8443),
            endpoint(Protocol::Tcp, "10.0.0.3", 80),
            endpoint(Protocol::Tcp, "10.0.0.3", 443),
            endpoint(Protocol::Udp, "10.0.0.1", 53),
            endpoint(Protocol::Sctp, "10.0.0.0", 38),
            endpoint(Protocol::Tcp, "2001:db8::2:0:0:1", 9),
            endpoint(Protocol::Tcp, "2001:db8::2:0:0:2", 8),
            endpoint(Protocol::Tcp, "2001:db8::3:0:0:0", 7),
            mark(5, AddressFamily::Ipv4),
            mark(5, AddressFamily::Ipv6),
            mark(6, AddressFamily::Ipv4),
        ];
        let mut numbers = Numbers::new();
        for only_ipv4 in [false, true] {
            let is_listed = |it: &ServiceIdentity| {
                !only_ipv4 || it.family() == AddressFamily::Ipv4 || it.port() == 0
            };
            let expected: Vec<_> = expected.into_iter().filter(is_listed).collect();
            for _ in 0..50 {
                let mut services = expected.clone();
                for place in 0..services.len() {
                    services.swap(place, numbers.below(expected.len()));
                }
                sort_services(&mut services, |identity| identity);
                assert_eq!(services, expected);
            }
        }
    }

    #[test]
    fn it_makes_no_difference_who_sorts_numbers_that_are_in_one_half() {
        let mut numbers = Numbers::new();
        let mut orders = [0, 0];
        for length in 0..300 {
            let firsts: &[u8] = match length % 3 {
                0 => &[10, 100],
                1 => &[172, 192],
                _ => &[10, 100, 192],
            };
            let mut keys: Vec<SortKey> = (0..length % 40)
                .map(|port| {
                    let address = [*numbers.pick(firsts), 0, 0, numbers.below(9) as u8];
                    SortKey::new([0; 3], address.into(), port)
                })
                .collect();
            let mut merged = keys.clone();
            merge_sort(&mut merged, &|a, b| a.compare(b));
            let mut in_order = keys.clone();
            in_order.sort();
            sort(&mut keys, |key| *key);
            assert!(keys == merged);
            orders[usize::from(merged == in_order)] += 1;
        }
        assert!(orders.iter().all(|count| *count > 50), "{orders:?}");
    }

    #[test]
    fn destinations_of_both_halves_come_out_as_the_reference_has_them() {
        let destination = |first| {
            let address = IpAddr::from([first, 0, 0, 1]);
            SortKey::of_destination(&DestinationIdentity { address, port: 80 })
        };
        let sorted = |firsts: &[u8]| {
            let mut keys: Vec<SortKey> = firsts.iter().map(|first| destination(*first)).collect();
            sort(&mut keys, |key| *key);
            let firsts = keys.iter().map(|key| (key.words[3] >> 24) as u8);
            firsts.collect::<Vec<u8>>()
        };
        // Split into one and two: what is left of the right half is appended.
        assert_eq!(sorted(&[10, 100, 192]), [10, 100, 192]);
        assert_eq!(sorted(&[100, 192, 10]), [100, 192, 10]);
        assert_eq!(sorted(&[192, 10, 100]), [192, 10, 100]);
        assert_eq!(sorted(&[192, 100, 10]), [192, 10, 100]);
        let of_port = |first, port| SortKey::new([0; 3], IpAddr::from([first, 0, 0, 1]), port);
        let mut keys = [of_port(192, 443), of_port(10, 8080), of_port(10, 80)];
        sort(&mut keys, |key| *key);
        assert_eq!(keys.map(|key| key.port), [443, 80, 8080]);
    }

    #[test]
    fn equals_keep_their_order() {
        let mut pairs = vec![(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd'), (2, 'e')];
        merge_sort(&mut pairs, &|a, b| a.0 - b.0);
        assert_eq!(pairs, [(1, 'b'), (1, 'd'), (2, 'a'), (2, 'c'), (2, 'e')]);
    }
}
