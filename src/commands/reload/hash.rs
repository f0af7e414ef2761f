//! A quick hash for the identities of services and destinations.
//!
//! A comparison of tables looks every destination up twice; the standard library's hash, made to withstand keys that an
//! enemy chose, would cost more than all else in it. This one multiplies and folds, and starts from the standard
//! library's random number, so that nobody can choose keys that collide.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Makes hashers that start from one random number.
#[derive(Clone)]
pub struct QuickHash(u64);

impl Default for QuickHash {
    fn default() -> QuickHash {
        QuickHash(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for QuickHash {
    type Hasher = QuickHasher;

    fn build_hasher(&self) -> QuickHasher {
        QuickHasher(self.0)
    }
}

/// What has been hashed so far.
pub struct QuickHasher(u64);

impl QuickHasher {
    fn fold(&mut self, number: u64) {
        // An odd number whose bits are well spread: 2^64 divided by the golden ratio.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let product = u128::from(self.0 ^ number) * u128::from(SPREAD);
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }
}

impl Hasher for QuickHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut number = [0; 8];
            number[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_ne_bytes(number));
        }
    }

    fn write_u16(&mut self, number: u16) {
        self.fold(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.fold(u64::from(number));
    }

    fn write_usize(&mut self, number: usize) {
        self.fold(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.fold(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn neighbouring_keys_are_spread_over_the_lowest_and_the_highest_bits() {
        let hash = QuickHash::default();
        let hashes: Vec<u64> = (0..4096u32)
            .map(|number| hash.hash_one((Ipv4Addr::from(0x0a00_0000 + number), 80u16)))
            .collect();
        for shift in [0, 52] {
            let distinct: HashSet<u64> = hashes.iter().map(|hash| hash >> shift & 0xfff).collect();
            // Chance alone gives some 2590 of 4096.
            assert!(distinct.len() > 2300, "{} at {shift}", distinct.len());
        }
    }
}
