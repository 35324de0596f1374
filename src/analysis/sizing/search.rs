//! The smallest capacity that meets a target, over several seeds.

use std::collections::BTreeMap;

use crate::{analysis::sizing::replay::Tally, seed::Seed};

/// Resamples of the seeds behind an upper bound.
const RESAMPLES: u64 = 1_000;
/// Of them, the one that the bound is: the 95th percentile.
const UPPER: usize = 950;

/// How much may be throttled, as parts of the requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Of the requests of one direction of one table or index.
    pub overall: f64,
    /// Of single operations, by index into `Scenario::operations`.
    pub operations: BTreeMap<usize, f64>,
}

/// A throttled share over seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Throttled {
    /// Throttled ÷ due requests of all seeds.
    pub share: f64,
    /// Upper 95 % bound of it, the seeds resampled.
    pub upper: f64,
    /// Of the throttled, the part that a partition refused and the table did not.
    pub by_partition: f64,
}

/// The throttled share of `operations` together; one list of tallies for each seed.
#[must_use]
pub fn throttled(seeds: &[Vec<Tally>], operations: &[usize]) -> Throttled {
    let sums: Vec<Tally> = seeds.iter().map(|seed| sum(seed, operations)).collect();
    let all = sums.iter().fold(Tally::default(), add);
    if all.throttled == 0 {
        return Throttled::default();
    }
    let draws = Seed(0).stream("sizing/bootstrap");
    let count = sums.len() as u64;
    let mut shares: Vec<f64> = (0..RESAMPLES)
        .map(|resample| {
            let resampled = (0..count).fold(Tally::default(), |all, draw| {
                let bits = u128::from(draws.bits(resample * count + draw));
                let chosen = usize::try_from((bits * u128::from(count)) >> 64);
                add(all, &sums[chosen.unwrap_or(0)])
            });
            ratio(resampled.throttled, resampled.arrivals)
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    Throttled {
        share: ratio(all.throttled, all.arrivals),
        upper: shares[UPPER],
        by_partition: ratio(all.by_partition, all.throttled),
    }
}

impl Target {
    /// Whether `operations` meet it with their upper bounds, together and each one that has a
    /// target of its own.
    #[must_use]
    pub fn is_met(&self, seeds: &[Vec<Tally>], operations: &[usize]) -> bool {
        let single = operations
            .iter()
            .filter_map(|operation| Some((*operation, *self.operations.get(operation)?)));
        throttled(seeds, operations).upper <= self.overall
            && single
                .into_iter()
                .all(|(operation, limit)| throttled(seeds, &[operation]).upper <= limit)
    }
}

/// The smallest value from 1 that `is_enough`, looked for upwards from `start`; `None` when not
/// even `most` is. Where enough does not stay enough, one of the places where it begins to be.
pub fn smallest(start: u64, most: u64, mut is_enough: impl FnMut(u64) -> bool) -> Option<u64> {
    let (mut short, mut enough) = (0, start.clamp(1, most));
    while !is_enough(enough) {
        if enough >= most {
            return None;
        }
        short = enough;
        enough = enough.saturating_mul(2).min(most);
    }
    while enough - short > 1 {
        let middle = u64::midpoint(short, enough);
        if is_enough(middle) {
            enough = middle;
        } else {
            short = middle;
        }
    }
    Some(enough)
}

fn sum(tallies: &[Tally], operations: &[usize]) -> Tally {
    operations
        .iter()
        .map(|operation| tallies[*operation])
        .fold(Tally::default(), |all, tally| add(all, &tally))
}

fn add(all: Tally, more: &Tally) -> Tally {
    Tally {
        arrivals: all.arrivals + more.arrivals,
        throttled: all.throttled + more.throttled,
        by_partition: all.by_partition + more.by_partition,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_that_is_enough_is_found_from_any_start() {
        for wanted in [1, 2, 7, 100, 4096, 5000] {
            for start in [1, 3, 50, 5000] {
                assert_eq!(smallest(start, 5000, |value| value >= wanted), Some(wanted));
            }
        }
        assert_eq!(smallest(1, 5000, |_| false), None);
    }

    #[test]
    fn the_upper_bound_lies_between_the_mean_and_the_worst_seed() {
        let seed = |throttled| {
            vec![Tally {
                arrivals: 1000,
                throttled,
                by_partition: 0,
            }]
        };
        let seeds: Vec<_> = (0..10).map(seed).collect();
        let bound = throttled(&seeds, &[0]);
        assert!((bound.share - 0.0045).abs() < 1e-12);
        assert!(bound.upper > bound.share && bound.upper < 0.009);
        let same: Vec<_> = (0..10).map(|_| seed(3)).collect();
        assert!((throttled(&same, &[0]).upper - 0.003).abs() < 1e-12);
    }
}
