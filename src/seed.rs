//! The root seed of a run and the named, independent random streams that derive from it.
//!
//! The generator is pinned (xoshiro256++), so that a seed means the same operations in every
//! version that does not say otherwise in the changelog. A stream is addressed by name and
//! number, never advanced: number *n* of a stream is the same whatever was drawn before it,
//! on whatever thread.

use std::fmt;

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

/// The random generator behind every draw.
pub type Rng = Xoshiro256PlusPlus;

/// The root of all randomness in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream called `name`; adding a stream disturbs no other.
    #[must_use]
    pub fn stream(self, name: &str) -> Stream {
        // FNV-1a: stable across platforms and versions, which std's hasher is not.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)
        });
        Stream(mix(self.0 ^ mix(hash)))
    }
}

impl Seed {
    /// `count` seeds in a row, this one the first.
    pub fn row(self, count: u64) -> impl Iterator<Item = Self> {
        (0..count).map(move |n| Self(self.0.wrapping_add(n)))
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A family of generators, one per number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream(u64);

impl Stream {
    /// 64 random bits for draw `number`: all that a single choice needs, at a fraction of the
    /// price of a generator.
    #[must_use]
    pub const fn bits(self, number: u64) -> u64 {
        mix(self.0 ^ mix(number))
    }

    /// The first 64 bits of the generator [`at`](Self::at) `number`, at half its price: all that
    /// most draws take of it.
    #[must_use]
    pub const fn first(self, number: u64) -> u64 {
        // Its state is what SplitMix64 gives one after the other, of which the first output needs
        // the first and the last.
        let seed = self.bits(number);
        let (first, last) = (mix(seed), mix(seed.wrapping_add(GAMMA.wrapping_mul(3))));
        first.wrapping_add(last).rotate_left(23).wrapping_add(first)
    }

    /// The generator for draw `number`: an arrival's sequence number, an item's number.
    #[must_use]
    pub fn at(self, number: u64) -> Rng {
        Rng::seed_from_u64(self.bits(number))
    }
}

/// What `SplitMix64` adds from one output to the next.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// `SplitMix64`'s finaliser: a bijection in which every input bit moves every output bit.
#[must_use]
pub const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(GAMMA);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;

    #[test]
    fn the_first_bits_are_those_of_the_generator() {
        let stream = Seed(42).stream("first");
        for number in (0..1000).chain([u64::MAX]) {
            assert_eq!(
                stream.first(number),
                stream.at(number).next_u64(),
                "{number}"
            );
        }
    }
}
