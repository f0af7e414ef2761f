//! The order of a listing: the reference's, oddities and all (contract, section 4).
//!
//! The reference compares by subtracting 32-bit numbers and reading the difference as signed, which is no order at all
//! where numbers lie more than 2^31 apart: 192.168.0.1 comes before 10.0.0.1. What comes out then depends on the sort,
//! a merge sort whose halves are split at n/2 and whose left half wins ties; so it is that sort which is made here. The
//! sorts of the standard library may refuse such a comparison.

use std::net::IpAddr;

use crate::model::{AddressFamily, DestinationState, Protocol, ServiceIdentity, ServiceState};

/// Sorts virtual services: by mark, family, protocol, address, port.
pub fn sort_services(services: &mut [ServiceState]) {
    merge_sort(services, |a, b| {
        let (a, b) = (
            SortedService::of(&a.service.identity),
            SortedService::of(&b.service.identity),
        );
        first_difference([
            difference(a.mark, b.mark),
            a.family - b.family,
            a.protocol - b.protocol,
        ])
        .or_else(|| address_difference(a.address, b.address))
        .unwrap_or(a.port - b.port)
    });
}

/// Sorts destinations: by address, port.
pub fn sort_destinations(destinations: &mut [DestinationState]) {
    merge_sort(destinations, |a, b| {
        let (a, b) = (&a.destination.identity, &b.destination.identity);
        address_difference(a.address, b.address).unwrap_or(i32::from(a.port) - i32::from(b.port))
    });
}

struct SortedService {
    mark: u32,
    family: i32,
    protocol: i32,
    address: IpAddr,
    port: i32,
}

impl SortedService {
    fn of(identity: &ServiceIdentity) -> SortedService {
        let family = match identity.family() {
            AddressFamily::Ipv4 => libc::AF_INET,
            AddressFamily::Ipv6 => libc::AF_INET6,
        };
        match *identity {
            ServiceIdentity::FirewallMark { mark, .. } => SortedService {
                mark,
                family,
                protocol: 0,
                address: IpAddr::from([0; 4]),
                port: 0,
            },
            ServiceIdentity::Endpoint {
                protocol,
                address,
                port,
            } => SortedService {
                mark: 0,
                family,
                protocol: match protocol {
                    Protocol::Tcp => libc::IPPROTO_TCP,
                    Protocol::Udp => libc::IPPROTO_UDP,
                    Protocol::Sctp => libc::IPPROTO_SCTP,
                },
                address,
                port: i32::from(port),
            },
        }
    }
}

fn difference(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

fn first_difference<const N: usize>(differences: [i32; N]) -> Option<i32> {
    differences.into_iter().find(|difference| *difference != 0)
}

/// The first difference of two addresses, 32 bits at a time; as many words are looked at as the first address has.
fn address_difference(a: IpAddr, b: IpAddr) -> Option<i32> {
    let (left, right) = (words(a), words(b));
    let count = if a.is_ipv4() { 1 } else { 4 };
    left.into_iter()
        .zip(right)
        .take(count)
        .map(|(a, b)| difference(a, b))
        .find(|difference| *difference != 0)
}

/// An address in the kernel's 16 bytes, as four numbers.
fn words(address: IpAddr) -> [u32; 4] {
    match address {
        IpAddr::V4(address) => [u32::from(address), 0, 0, 0],
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            [
                (bits >> 96) as u32,
                (bits >> 64) as u32,
                (bits >> 32) as u32,
                bits as u32,
            ]
        }
    }
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
    fn equals_keep_their_order() {
        let mut pairs = vec![(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd'), (2, 'e')];
        merge_sort(&mut pairs, |a, b| a.0 - b.0);
        assert_eq!(pairs, [(1, 'b'), (1, 'd'), (2, 'a'), (2, 'c'), (2, 'e')]);
    }
}
