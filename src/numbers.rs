//! Numbers for unit tests that try many cases: they look random and are the same in every run.

#![forbid(unsafe_code)]

/// A xorshift generator.
pub struct Numbers(u64);

impl Numbers {
    pub fn new() -> Numbers {
        Numbers(0x9e37_79b9_7f4a_7c15)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Returns a number from 0 to `limit - 1`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// Returns one of `modifiers`.
    pub fn pick<'a, T>(&mut self, modifiers: &'a [T]) -> &'a T {
        &modifiers[self.below(modifiers.len())]
    }
}
