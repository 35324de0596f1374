//! A seeded permutation of 0..n, without a table.

use crate::seed::{Stream, mix};

/// Four rounds of a strong round function make a Feistel network indistinguishable from a
/// random permutation (Luby and Rackoff, 1988).
const ROUNDS: usize = 4;

/// Maps 0..n one to one onto itself: a Feistel network over the least power of two that holds
/// n, walked along its cycle until it is back below n (fewer than two steps on average).
#[derive(Clone, Copy, Debug)]
pub struct Permutation {
    size: u64,
    left_bits: u32,
    right_bits: u32,
    keys: [u64; ROUNDS],
}

impl Permutation {
    /// The permutation of `0..size` that `stream` stands for; `size` ≥ 1.
    #[must_use]
    pub fn new(size: u64, stream: Stream) -> Self {
        let bits = u64::BITS - size.saturating_sub(1).leading_zeros();
        let mut number = 0..;
        Self {
            size,
            left_bits: bits / 2,
            right_bits: bits - bits / 2,
            keys: [(); ROUNDS].map(|()| stream.bits(number.next().unwrap_or(0))),
        }
    }

    /// Where `index` < size goes.
    #[must_use]
    pub fn apply(&self, index: u64) -> u64 {
        debug_assert!(index < self.size, "{index} is not below {}", self.size);
        let mut image = self.network(index);
        while image >= self.size {
            image = self.network(image);
        }
        image
    }

    /// One to one on the power of two, since each round changes one half by the other.
    fn network(&self, value: u64) -> u64 {
        let (left_mask, right_mask) = (mask(self.left_bits), mask(self.right_bits));
        let mut left = value >> self.right_bits;
        let mut right = value & right_mask;
        for pair in self.keys.chunks_exact(2) {
            left ^= mix(right ^ pair[0]) & left_mask;
            right ^= mix(left ^ pair[1]) & right_mask;
        }
        left << self.right_bits | right
    }
}

/// `bits` ≤ 32 ones.
const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}
