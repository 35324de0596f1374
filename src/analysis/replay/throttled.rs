//! How much was throttled, over seeds.

use super::Tally;
use crate::seed::Seed;

/// Resamples of the seeds behind an upper bound.
const RESAMPLES: u64 = 1_000;
/// Of them, the one that the bound is: the 95th percentile.
const UPPER: usize = 950;

/// A throttled share over seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
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

/// What `operations` had together.
#[must_use]
pub fn sum(tallies: &[Tally], operations: &[usize]) -> Tally {
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
