//! Which operation an arrival performs.
//!
//! Owns the draw by weight, phase by phase; must not know what the operations are.

use super::history::History;
use crate::{seed::Stream, units::Share};

/// 2^64 as a float: the number of values that a draw of 64 bits can take.
const DRAWS: f64 = 18_446_744_073_709_551_616.0;

/// Chooses an index by weight, the same for the same number on every machine and thread.
#[derive(Clone, Debug)]
pub struct Mix {
    stream: Stream,
    /// Index *i* is chosen below the *i*-th bound and not below the one before. A scan is
    /// faster than an alias table for the handful of operations that a mix has.
    bounds: Vec<u64>,
    /// The last index that can be chosen at all: what rounding leaves over goes there.
    last: usize,
}

impl Mix {
    /// `weights` are ≥ 0 and need not add up to 1; at least one is positive.
    #[must_use]
    pub fn new(weights: impl IntoIterator<Item = f64>, stream: Stream) -> Self {
        let mut sums: Vec<f64> = weights
            .into_iter()
            .scan(0.0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        let total = sums.last().copied().unwrap_or(0.0);
        let last = sums.partition_point(|&sum| sum < total);
        sums.truncate(last);
        Self {
            stream,
            bounds: sums.into_iter().map(|sum| threshold(sum / total)).collect(),
            last,
        }
    }

    /// The index for arrival `sequence`.
    #[must_use]
    #[inline]
    pub fn choose(&self, sequence: u64) -> usize {
        let drawn = self.stream.bits(sequence);
        self.bounds
            .iter()
            .position(|&bound| drawn < bound)
            .unwrap_or(self.last)
    }
}

/// The mix of each phase, or one for all of them.
#[derive(Clone, Debug)]
pub struct PhaseMix(Vec<Mix>);

impl PhaseMix {
    /// The weights of each phase; of all phases alike when there is only one entry.
    #[must_use]
    pub fn new<W: IntoIterator<Item = f64>>(
        phases: impl IntoIterator<Item = W>,
        stream: Stream,
    ) -> Self {
        let mixes = phases.into_iter().map(|weights| Mix::new(weights, stream));
        Self(mixes.collect())
    }

    /// The index for arrival `sequence`, given which phases began when.
    #[must_use]
    pub fn choose(&self, sequence: u64, history: &History) -> usize {
        let mix = match self.0.as_slice() {
            [only] => only,
            mixes => &mixes[history.phase_of(sequence).min(mixes.len() - 1)],
        };
        mix.choose(sequence)
    }
}

/// A draw that comes out true for a share of all numbers, the same for the same number.
#[derive(Clone, Copy, Debug)]
pub struct Chance {
    stream: Stream,
    /// Draws below it come out true.
    bound: u64,
}

impl Chance {
    /// For `share` of the numbers.
    #[must_use]
    pub fn new(share: Share, stream: Stream) -> Self {
        Self {
            stream,
            bound: threshold(share.as_fraction()),
        }
    }

    /// Whether it comes out true for `number`.
    #[must_use]
    pub const fn happens(self, number: u64) -> bool {
        // A share of all of 2^64 saturates one below.
        self.bound == u64::MAX || self.bound > 0 && self.stream.bits(number) < self.bound
    }
}

/// The bound below which a share `fraction` (0..=1) of all 64-bit numbers lies.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a product in 0..=2^64; the cast saturates at the upper end"
)]
pub fn threshold(fraction: f64) -> u64 {
    (fraction * DRAWS) as u64
}
