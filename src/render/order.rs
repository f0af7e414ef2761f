//! The order of a listing: the reference's, oddities and all (contract, section 4).
//!
//! The reference compares by subtracting 32-bit numbers and reading the difference as signed, which is no order at all
//! where numbers lie more than 2^31 apart: 192.168.0.1 comes before 10.0.0.1. What comes out then depends on the sort,
//! a merge sort whose halves are split at n/2 and whose left half wins ties; so it is that sort which is made here. The
//! sorts of the standard library may refuse such a comparison.

use std::net::IpAddr;

use crate::model::{
    DestinationIdentity, DestinationState, ServiceIdentity, SyncDaemon, SyncDaemonRole,
};

/// Sorts virtual services, by what each of them is: by mark, family, protocol, address, port.
pub fn sort_services<T: Copy>(services: &mut [T], identity: impl Fn(&T) -> &ServiceIdentity) {
    sort_by_place(services, |service| Place::of_service(identity(service)));
}

/// Sorts destinations: by address, port.
pub fn sort_destinations(destinations: &mut [DestinationState]) {
    sort_by_place(destinations, |state| {
        Place::of_destination(&state.destination.identity)
    });
}

/// Sorts sync daemons: masters first.
pub fn sort_sync_daemons(daemons: &mut [SyncDaemon]) {
    daemons.sort_by_key(|daemon| daemon.role != SyncDaemonRole::Master);
}

/// What decides where something stands in a listing.
#[derive(Clone, Copy)]
struct Place {
    /// Mark, family and protocol, which are 0 for a destination, and the kernel's 16 bytes of the address.
    words: [u32; 7],
    /// How many of the words are looked at: the reference does not look behind an IPv4 address.
    count: usize,
    port: u16,
}

impl Place {
    fn of_service(identity: &ServiceIdentity) -> Place {
        let family = u32::from(identity.family().number());
        match *identity {
            ServiceIdentity::FirewallMark { mark, .. } => {
                Place::new([mark, family, 0], IpAddr::from([0; 4]), 0)
            }
            ServiceIdentity::Endpoint {
                protocol,
                address,
                port,
            } => Place::new([0, family, u32::from(protocol.number())], address, port),
        }
    }

    fn of_destination(identity: &DestinationIdentity) -> Place {
        Place::new([0; 3], identity.address, identity.port)
    }

    fn new([mark, family, protocol]: [u32; 3], address: IpAddr, port: u16) -> Place {
        let ([a, b, c, d], count) = match address {
            IpAddr::V4(address) => ([u32::from(address), 0, 0, 0], 4),
            IpAddr::V6(address) => {
                let bits = u128::from(address);
                ([96, 64, 32, 0].map(|shift| (bits >> shift) as u32), 7)
            }
        };
        Place {
            words: [mark, family, protocol, a, b, c, d],
            count,
            port,
        }
    }

    /// More than 0 where `other` comes first.
    fn compare(&self, other: &Place) -> i32 {
        for (a, b) in self.words.iter().zip(&other.words).take(self.count) {
            if a != b {
                return difference(*a, *b);
            }
        }
        i32::from(self.port) - i32::from(other.port)
    }

    /// Whether this one comes before `other`, and in an order that holds for all places between the two as well. In one
    /// half of the range of numbers, the reference's comparison is an order.
    fn is_orderly_before(&self, other: &Place) -> bool {
        let are_in_one_half = |(a, b): (&u32, &u32)| (a ^ b) >> 31 == 0;
        self.count == other.count
            && (self.words, self.port) < (other.words, other.port)
            && self.words.iter().zip(&other.words).all(are_in_one_half)
    }
}

fn difference(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

/// Sorts by places. What stands there is large, so it is numbers that are sorted; it is moved once.
fn sort_by_place<T: Copy>(items: &mut [T], place_of: impl Fn(&T) -> Place) {
    if is_reversed(items.iter().map(&place_of)) {
        items.reverse();
        return;
    }
    let mut order: Vec<usize> = (0..items.len()).collect();
    merge_sort(&mut order, |&a, &b| {
        place_of(&items[a]).compare(&place_of(&items[b]))
    });
    for to in 0..items.len() {
        // What belongs here has moved if it stood in a place that was filled before.
        let mut from = order[to];
        while from < to {
            from = order[from];
        }
        items.swap(to, from);
    }
}

/// Whether each comes before all that stand in front of it. So it mostly is: what was added last is what the kernel
/// gives first.
fn is_reversed(places: impl Iterator<Item = Place>) -> bool {
    let mut before: Option<Place> = None;
    for place in places {
        if before.is_some_and(|before| !place.is_orderly_before(&before)) {
            return false;
        }
        before = Some(place);
    }
    true
}

/// A stable merge sort; `compare` gives more than 0 where its second argument comes first.
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
    // What is left of the right half stands where it belongs.
    spare.extend_from_slice(&items[left..middle]);
    items[..spare.len()].copy_from_slice(spare);
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_comes_in_reverse_is_ordered_as_the_merge_sort_orders_it() {
        let mut seed = 7u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 8
        };
        let mut reversed = 0;
        for round in 0..2000 {
            let mut places: Vec<(Place, usize)> = (0..3 + random() as usize % 3)
                .map(|index| {
                    let first = [10, 127, 128, 192, 255][random() as usize % 5];
                    let address = [first, 0, 0, (random() % 200) as u8];
                    (Place::new([0; 3], address.into(), 80), index)
                })
                .collect();
            if round % 2 == 0 {
                places.sort_by_key(|(place, _)| std::cmp::Reverse(place.words));
            }
            if is_reversed(places.iter().map(|(place, _)| *place)) {
                reversed += 1;
                let backwards: Vec<usize> = places.iter().rev().map(|place| place.1).collect();
                merge_sort(&mut places, |(a, _), (b, _)| a.compare(b));
                let merged: Vec<usize> = places.iter().map(|place| place.1).collect();
                assert_eq!(merged, backwards);
            }
        }
        assert!(reversed > 100, "only {reversed} came in reverse");
    }

    #[test]
    fn equals_keep_their_order() {
        let mut pairs = vec![(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd'), (2, 'e')];
        merge_sort(&mut pairs, |a, b| a.0 - b.0);
        assert_eq!(pairs, [(1, 'b'), (1, 'd'), (2, 'a'), (2, 'c'), (2, 'e')]);
    }
}
