//! Most around one item, fewer the farther from it.

use std::f64::consts::SQRT_2;

use rand_distr::{Distribution, StandardNormal};

use crate::seed::Rng;

/// Item *k* of `0..items` with the probability that a normal variate, given that it lies in
/// 0..`items`, lies in *k*..*k* + 1. Draws again what lies outside: with a mean among the items
/// and a deviation of at most all of them, less than three draws on average.
#[derive(Clone, Copy, Debug)]
pub struct Normal {
    items: f64,
    /// In items.
    mean: f64,
    deviation: f64,
}

impl Normal {
    /// Over `items` ≥ 1; mean (0 to 1) and standard deviation (above 0, up to 1) of the variate
    /// are these shares of them.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 items")]
    pub fn new(items: u64, mean: f64, deviation: f64) -> Self {
        let items = items as f64;
        Self {
            items,
            mean: mean * items,
            deviation: deviation * items,
        }
    }

    /// An item.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie among the items"
    )]
    pub fn sample(&self, rng: &mut Rng) -> u64 {
        loop {
            let z: f64 = StandardNormal.sample(rng);
            let x = z.mul_add(self.deviation, self.mean);
            if x >= 0.0 && x < self.items {
                return x as u64;
            }
        }
    }

    /// The probability of the busiest of all runs of `count` items that begin at a multiple of
    /// `count`.
    #[must_use]
    pub fn of_busiest(&self, count: f64) -> f64 {
        let middle = (self.mean / count).floor();
        let of_run = |number: f64| {
            let first = (number * count).clamp(0.0, self.items);
            self.between(first, (first + count).min(self.items))
        };
        let busiest = [middle - 1.0, middle, middle + 1.0].map(of_run);
        busiest.into_iter().fold(0.0, f64::max) / self.between(0.0, self.items)
    }

    /// The probability that the variate lies between the two.
    fn between(&self, from: f64, to: f64) -> f64 {
        let scaled = |x: f64| (x - self.mean) / (self.deviation * SQRT_2);
        let (from, to) = (scaled(from), scaled(to));
        // In the tail whose probabilities do not cancel.
        let area = if from > 0.0 {
            libm::erfc(from) - libm::erfc(to)
        } else if to < 0.0 {
            libm::erfc(-to) - libm::erfc(-from)
        } else {
            libm::erf(to) - libm::erf(from)
        };
        area / 2.0
    }
}
