//! How far a difference between two runs may be chance: their seconds, drawn again.
//!
//! A second resembles the one before it, so stretches of seconds are drawn and not single ones
//! (a moving-block bootstrap, the last second followed by the first). Runs of one length are
//! drawn alike, second *n* of both: what the load does to both then cancels.

use crate::{
    seed::Seed,
    units::{Quantile, float},
};

/// Draws behind an interval.
const DRAWS: usize = 1_000;
/// Fewer seconds than this say nothing of how much seconds differ.
const SECONDS_MIN: usize = 10;
/// Quantiles of the interval, in draws: 95 % lie between.
const INTERVAL: [usize; 2] = [25, 974];

/// What a figure is made of, second by second.
#[derive(Clone, Debug)]
pub(super) enum Series {
    /// The sum of the first ÷ the sum of the second.
    Ratio(Vec<(f64, f64)>),
    /// A quantile of all values together.
    Quantile(Values, Quantile),
}

/// Values of every second, counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    /// Each value once, ascending.
    distinct: Vec<u64>,
    /// Of each second: index into `distinct`, and how many.
    seconds: Vec<Vec<(usize, u64)>>,
}

impl Values {
    /// From values with their counts, of each second.
    pub(super) fn new(seconds: &[Vec<(u64, u64)>]) -> Self {
        let mut distinct: Vec<u64> = seconds.iter().flatten().map(|(value, _)| *value).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let index = |&(value, count): &(u64, u64)| {
            let place = distinct.binary_search(&value);
            (place.unwrap_or_default(), count)
        };
        let seconds = seconds
            .iter()
            .map(|second| second.iter().map(index).collect())
            .collect();
        Self { distinct, seconds }
    }
}

impl Series {
    fn len(&self) -> usize {
        match self {
            Self::Ratio(seconds) => seconds.len(),
            Self::Quantile(values, _) => values.seconds.len(),
        }
    }

    /// Of these seconds; `None` when they have nothing of the kind.
    fn value(&self, seconds: impl Iterator<Item = usize>) -> Option<f64> {
        match self {
            Self::Ratio(parts) => {
                let (part, whole) = seconds.fold((0.0, 0.0), |(part, whole), second| {
                    (part + parts[second].0, whole + parts[second].1)
                });
                (whole > 0.0).then(|| part / whole)
            }
            Self::Quantile(values, quantile) => {
                let mut counts = vec![0_u64; values.distinct.len()];
                let mut all = 0;
                for second in seconds {
                    for (value, count) in &values.seconds[second] {
                        counts[*value] += count;
                        all += count;
                    }
                }
                let wanted = rank(*quantile, all)?;
                let mut sum = 0;
                let found = counts.iter().position(|count| {
                    sum += count;
                    sum >= wanted
                })?;
                Some(float(values.distinct[found]))
            }
        }
    }
}

/// How far the difference of the second series to the first strays from what it is, downwards
/// and upwards in 95 % of the draws. `None` when one of them is too short.
pub(super) fn spread(base: &Series, other: &Series) -> Option<[f64; 2]> {
    if base.len().min(other.len()) < SECONDS_MIN {
        return None;
    }
    let is_paired = base.len() == other.len();
    let stream = Seed(0).stream("runs/bootstrap");
    let whole = other.value(0..other.len())? - base.value(0..base.len())?;
    let mut strayed: Vec<f64> = (0..DRAWS)
        .filter_map(|draw| {
            let drawn = |series: &Series, salt: u64| {
                let length = series.len();
                let block = block(length);
                let start = move |number: usize| {
                    let bits = stream.bits(salt + (draw * length + number / block) as u64);
                    let bits = u128::from(bits) * length as u128;
                    usize::try_from(bits >> 64).unwrap_or_default()
                };
                series.value((0..length).map(|n| (start(n) + n % block) % length))
            };
            let salt = if is_paired { 0 } else { 1 << 40 };
            Some(drawn(other, salt)? - drawn(base, 0)? - whole)
        })
        .collect();
    if strayed.len() < DRAWS {
        // Seconds without any request of the kind: too few to say.
        return None;
    }
    strayed.sort_by(f64::total_cmp);
    Some(INTERVAL.map(|place| strayed[place]))
}

/// Seconds of a stretch: the cube root of all, which balances few stretches against broken ones.
fn block(seconds: usize) -> usize {
    (1..=seconds).find(|n| n * n * n >= seconds).unwrap_or(1)
}

/// The smallest number of values that is at least this share of `all`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not above `all`"
)]
fn rank(quantile: Quantile, all: u64) -> Option<u64> {
    let wanted = (quantile.as_fraction() * float(all)).ceil() as u64;
    (all > 0).then(|| wanted.clamp(1, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(values: &[f64]) -> Series {
        Series::Ratio(values.iter().map(|value| (*value, 1.0)).collect())
    }

    #[test]
    fn what_both_share_second_by_second_cancels() {
        let wild: Vec<f64> = (0..60).map(|n| f64::from((n * 37) % 91)).collect();
        let above: Vec<f64> = wild.iter().map(|value| value + 2.0).collect();
        let [low, high] = spread(&ratio(&wild), &ratio(&above)).unwrap();
        assert!(low.abs() < 1e-9 && high.abs() < 1e-9, "{low} {high}");
        // One second less, and it does not.
        let [low, high] = spread(&ratio(&wild), &ratio(&above[1..])).unwrap();
        assert!(low < -2.0 && high > 2.0, "{low} {high}");
    }

    #[test]
    fn intervals_of_equal_noise_hold_nothing_in_most_cases() {
        let noise = |salt: u64| {
            let stream = Seed(salt).stream("noise");
            let value = |n| f64::from(u32::try_from(stream.bits(n) >> 44).unwrap());
            ratio(&(0..100).map(value).collect::<Vec<_>>())
        };
        let holds = |case: u64| {
            let (one, other) = (noise(2 * case), noise(2 * case + 1));
            let by = other.value(0..100).unwrap() - one.value(0..100).unwrap();
            let [low, high] = spread(&one, &other).unwrap();
            by + low <= 0.0 && by + high >= 0.0
        };
        let held = (0..100).filter(|case| holds(*case)).count();
        // 95 % in the long run, a little less with so few stretches.
        assert!((86..=100).contains(&held), "{held}");
    }

    #[test]
    fn a_quantile_is_that_of_all_seconds_together() {
        let seconds: Vec<Vec<(u64, u64)>> = (0..20).map(|n| vec![(10 + n, 5), (1000, 1)]).collect();
        let series = |quantile| Series::Quantile(Values::new(&seconds), quantile);
        assert_eq!(series(Quantile::P99).value(0..20), Some(1000.0));
        assert_eq!(series(Quantile::P50).value(0..20), Some(21.0));
        assert_eq!(series(Quantile::P50).value(std::iter::empty()), None);
    }

    #[test]
    fn a_few_seconds_have_no_interval() {
        assert_eq!(spread(&ratio(&[1.0; 9]), &ratio(&[2.0; 9])), None);
    }
}
