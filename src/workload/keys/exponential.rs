//! Exponentially rarer with the item's number.

use rand::RngExt;

use crate::seed::Rng;

/// Item *k* of `0..items` with the probability that an exponential variate, given that it is
/// below `items`, lies in *k*..*k* + 1. By inversion: one draw, no table.
#[derive(Clone, Copy, Debug)]
pub struct Exponential {
    items: u64,
    /// Of the variate, in items.
    mean: f64,
    /// The probability that the variate is below `items`.
    below_all: f64,
}

impl Exponential {
    /// Over `items` ≥ 1; the variate's mean is this share of them, above 0. Cut off at the last
    /// item, the mean of what is picked is smaller.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 items")]
    pub fn new(items: u64, mean: f64) -> Self {
        let mean = mean * items as f64;
        Self {
            items,
            mean,
            below_all: below(items as f64, mean),
        }
    }

    /// An item.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and cut off at the last item"
    )]
    pub fn sample(&self, rng: &mut Rng) -> u64 {
        let drawn = rng.random::<f64>() * self.below_all;
        let x = -self.mean * (-drawn).ln_1p();
        (x as u64).min(self.items - 1)
    }

    /// The probability of the first `count` items, at most all, together.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 items")]
    pub fn of_first(&self, count: u64) -> f64 {
        below(count.min(self.items) as f64, self.mean) / self.below_all
    }
}

/// 1 − e^(−x ÷ mean).
fn below(x: f64, mean: f64) -> f64 {
    -(-x / mean).exp_m1()
}
