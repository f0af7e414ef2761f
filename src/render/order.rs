//! The order of a listing: the reference's, oddities and all (`tests/parity/ipvsadm-1.31.md`,
//! section 4).
//!
//! The reference subtracts 32-bit numbers and takes the difference as signed, which is no order at
//! all where numbers are more than 2^31 apart: 192.168.0.1 comes before 10.0.0.1. The result then
//! depends on the sorting algorithm, a merge sort that splits at n/2 and prefers the left half in a
//! tie, so that one is written out here. The standard library's sorts may panic on such a
//! comparison.

use std::net::IpAddr;

use crate::model::{
    DestinationIdentity, DestinationState, ServiceIdentity, SyncDaemon, SyncDaemonRole,
};

/// Sorts virtual services by mark, family, protocol, address and port.
pub fn sort_services<T: Copy>(services: &mut [T], identity: impl Fn(&T) -> &ServiceIdentity) {
    sort_by_key(services, |service| SortKey::of_service(identity(service)));
}

/// Sorts destinations by address and port.
pub fn sort_destinations(destinations: &mut [DestinationState]) {
    sort_by_key(destinations, |state| {
        SortKey::of_destination(&state.destination.identity)
    });
}

/// Masters first.
pub fn sort_sync_daemons(daemons: &mut [SyncDaemon]) {
    daemons.sort_by_key(|daemon| daemon.role != SyncDaemonRole::Master);
}

/// What decides where something stands in a listing.
#[derive(Clone, Copy)]
struct SortKey {
    /// Mark, family and protocol, all 0 for a destination, then the kernel's 16 bytes of the
    /// address.
    words: [u32; 7],
    /// How many of the words count: the reference compares no more than the first 4 bytes of what
    /// it knows to be an IPv4 address.
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

    /// Greater than 0 if `other` comes first.
    fn compare(&self, other: &SortKey) -> i32 {
        for (a, b) in self.words.iter().zip(&other.words).take(self.count) {
            if a != b {
                return difference(*a, *b);
            }
        }
        i32::from(self.port) - i32::from(other.port)
    }

    /// Whether `self` comes strictly before `other`, every word in the same half of the u32 range,
    /// where the reference's comparison is transitive.
    fn is_orderly_before(&self, other: &SortKey) -> bool {
        let are_in_one_half = |(a, b): (&u32, &u32)| (a ^ b) >> 31 == 0;
        self.count == other.count
            && (self.words, self.port) < (other.words, other.port)
            && self.words.iter().zip(&other.words).all(are_in_one_half)
    }
}

/// As the reference compares two numbers, its overflow included.
fn difference(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

fn sort_by_key<T: Copy>(items: &mut [T], key_of: impl Fn(&T) -> SortKey) {
    // The kernel lists what was added last first, so this is often all there is to do: without it a
    // listing costs four per cent more.
    if is_reversed(items.iter().map(&key_of)) {
        items.reverse();
        return;
    }
    // Keys are a third of what they stand for, and a sort needs room for as many again. The items
    // are then moved in place: a second copy of 10 000 services would be 1.7 MiB.
    let mut keys: Vec<_> = items.iter().map(&key_of).zip(0..).collect();
    merge_sort(&mut keys, |(a, _), (b, _)| a.compare(b));
    let mut order: Vec<usize> = keys.into_iter().map(|(_, place)| place).collect();
    bring_into_order(items, &mut order);
}

/// Puts at each place the item that `order` names for it, following one cycle after the other.
/// What `order` holds is used up.
fn bring_into_order<T>(items: &mut [T], order: &mut [usize]) {
    for start in 0..order.len() {
        let mut place = start;
        while order[place] != start {
            let from = std::mem::replace(&mut order[place], place);
            items.swap(place, from);
            place = from;
        }
        order[place] = place;
    }
}

/// Whether each key comes before all those in front of it.
fn is_reversed(keys: impl Iterator<Item = SortKey>) -> bool {
    let mut last: Option<SortKey> = None;
    for key in keys {
        if last.is_some_and(|last| !key.is_orderly_before(&last)) {
            return false;
        }
        last = Some(key);
    }
    true
}

/// A stable merge sort. `compare` is greater than 0 if its second argument comes first.
fn merge_sort<T: Copy>(items: &mut [T], compare: impl Fn(&T, &T) -> i32) {
    let mut spare = Vec::with_capacity(items.len());
    sort_slice(items, &mut spare, &compare);
}

fn sort_slice<T: Copy>(items: &mut [T], spare: &mut Vec<T>, compare: &impl Fn(&T, &T) -> i32) {
    if items.len() < 2 {
        return;
    }
    let middle = items.len() / 2;
    sort_slice(&mut items[..middle], spare, compare);
    sort_slice(&mut items[middle..], spare, compare);
    spare.clear();
    let (mut left, mut right) = (0, middle);
    while left < middle && right < items.len() {
        let from = if compare(&items[left], &items[right]) > 0 {
            &mut right
        } else {
            &mut left
        };
        spare.push(items[*from]);
        *from += 1;
    }
    // The rest of the right half is in place already.
    spare.extend_from_slice(&items[left..middle]);
    items[..spare.len()].copy_from_slice(spare);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Protocol;
    use crate::numbers::Numbers;

    fn sorted(numbers: &[u32]) -> Vec<u32> {
        let mut numbers = numbers.to_vec();
        merge_sort(&mut numbers, |a, b| difference(*a, *b));
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

    #[test]
    fn where_the_comparison_is_an_order_it_is_the_standard_librarys() {
        let mut numbers = Numbers::new();
        for length in 0..200 {
            let mut services: Vec<(ServiceIdentity, usize)> = (0..length)
                .map(|index| {
                    let address = [10, 0, numbers.below(3) as u8, numbers.below(3) as u8];
                    let identity = ServiceIdentity::Endpoint {
                        protocol: *numbers.pick(&[Protocol::Tcp, Protocol::Udp, Protocol::Sctp]),
                        address: address.into(),
                        port: *numbers.pick(&[80, 443]),
                    };
                    (identity, index)
                })
                .collect();
            let mut expected = services.clone();
            expected.sort_by_key(|(identity, _)| *identity);
            sort_services(&mut services, |(identity, _)| identity);
            assert_eq!(services, expected);
        }
    }

    #[test]
    fn reversing_is_what_the_merge_sort_would_do() {
        let mut numbers = Numbers::new();
        let mut reversed = 0;
        for round in 0..2000 {
            let mut keys: Vec<(SortKey, usize)> = (0..3 + numbers.below(3))
                .map(|index| {
                    let first = *numbers.pick(&[10, 127, 128, 192, 255]);
                    let address = [first, 0, 0, numbers.below(200) as u8];
                    (SortKey::new([0; 3], address.into(), 80), index)
                })
                .collect();
            if round % 2 == 0 {
                keys.sort_by_key(|(key, _)| std::cmp::Reverse(key.words));
            }
            if is_reversed(keys.iter().map(|(key, _)| *key)) {
                reversed += 1;
                let backwards: Vec<usize> = keys.iter().rev().map(|key| key.1).collect();
                merge_sort(&mut keys, |(a, _), (b, _)| a.compare(b));
                let merged: Vec<usize> = keys.iter().map(|key| key.1).collect();
                assert_eq!(merged, backwards);
            }
        }
        assert!(reversed > 100, "only {reversed} came in reverse");
    }

    #[test]
    fn items_are_brought_into_any_order() {
        let mut numbers = Numbers::new();
        for length in 0..60 {
            let mut order: Vec<usize> = (0..length).collect();
            for place in 0..length {
                order.swap(place, numbers.below(length));
            }
            let mut items: Vec<usize> = (100..100 + length).collect();
            let wanted: Vec<usize> = order.iter().map(|place| items[*place]).collect();
            bring_into_order(&mut items, &mut order);
            assert_eq!(items, wanted);
        }
    }

    #[test]
    fn equals_keep_their_order() {
        let mut pairs = vec![(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd'), (2, 'e')];
        merge_sort(&mut pairs, |a, b| a.0 - b.0);
        assert_eq!(pairs, [(1, 'b'), (1, 'd'), (2, 'a'), (2, 'c'), (2, 'e')]);
    }
}
