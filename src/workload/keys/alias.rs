//! Picks by weight in constant time.
//!
//! M. D. Vose, "A linear algorithm for generating random numbers with a given distribution"
//! (1991), in whole numbers, so that no rounding is left over at the end: `rand_distr`'s table
//! keeps odds as floats, and may give an item of weight 0 what rounding leaves.

use std::sync::Arc;

use rand::RngExt;

use crate::seed::Rng;

/// What the weights add up to when they are whole: about this.
const TOTAL: f64 = 4_611_686_018_427_387_904.0;

/// An alias table: index *i* with probability proportional to its weight, which is exact to
/// 2^-62 of the total. Positive weights stay positive.
#[derive(Clone, Debug)]
pub struct AliasTable {
    slots: Arc<[Slot]>,
    total: u64,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Of `total` draws, those below it stay here.
    stay: u64,
    /// Where the others go.
    alias: u32,
}

impl AliasTable {
    /// `weights` are finite, not negative, fewer than 2^32, and at least one is positive: else
    /// only index 0 is picked.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of 2^62, not negative"
    )]
    pub fn new(weights: &[f64]) -> Self {
        let largest = weights.iter().copied().fold(0.0, f64::max);
        // By the largest first: the sum of very large weights need not be finite.
        let sum: f64 = weights.iter().map(|weight| weight / largest).sum();
        let whole = |weight: &f64| {
            let share = (weight / largest / sum * TOTAL).round() as u64;
            share.max(u64::from(*weight > 0.0))
        };
        if largest <= 0.0 {
            let slots = Arc::new([Slot { stay: 1, alias: 0 }]);
            return Self { slots, total: 1 };
        }
        Self::of_whole(&weights.iter().map(whole).collect::<Vec<_>>())
    }

    fn of_whole(weights: &[u64]) -> Self {
        let total: u64 = weights.iter().sum();
        let count = weights.len() as u128;
        // Scaled so that the mean is `total`.
        let mut left: Vec<u128> = weights.iter().map(|w| u128::from(*w) * count).collect();
        let mut slots: Vec<Slot> = (0_u32..)
            .zip(weights)
            .map(|(alias, _)| Slot { stay: total, alias })
            .collect();
        let is_small = |left: u128| left < u128::from(total);
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..weights.len()).partition(|&index| is_small(left[index]));
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            slots[poor] = Slot {
                stay: u64::try_from(left[poor]).expect("less than the total"),
                alias: u32::try_from(rich).expect("fewer than 2^32 weights"),
            };
            left[rich] -= u128::from(total) - left[poor];
            if is_small(left[rich]) {
                small.push(rich);
                large.pop();
            }
        }
        Self {
            slots: slots.into(),
            total,
        }
    }

    /// An index.
    #[must_use]
    pub fn sample(&self, rng: &mut Rng) -> u64 {
        let index = rng.random_range(0..self.slots.len());
        let slot = self.slots[index];
        if rng.random_range(0..self.total) < slot.stay {
            index as u64
        } else {
            u64::from(slot.alias)
        }
    }
}
