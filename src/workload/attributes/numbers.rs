//! Draws of numbers and lengths.
//!
//! Owns the laws of [`NumberSpec`]; must not know what is counted or measured.

use rand::RngExt;
use rand_distr::{Distribution, Exp1, Pareto, StandardNormal};

use crate::{
    scenario::{Bucket, NumberSpec},
    seed::Rng,
    workload::keys::zipf::Zipf,
};

/// A compiled [`NumberSpec`].
#[derive(Clone, Debug)]
pub(super) enum Numbers {
    Drawn(NumberSpec),
    Zipfian {
        min: f64,
        ranks: Zipf,
    },
    Histogram {
        buckets: Vec<Bucket>,
        sums: Vec<f64>,
    },
}

impl Numbers {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounds of a scenario are whole and ordered"
    )]
    pub(super) fn new(spec: &NumberSpec) -> Self {
        match spec {
            NumberSpec::Zipfian { min, max, exponent } => Self::Zipfian {
                min: *min,
                ranks: Zipf::new((max - min) as u64 + 1, *exponent),
            },
            NumberSpec::Histogram(buckets) => Self::Histogram {
                buckets: buckets.clone(),
                sums: running_sums(buckets.iter().map(|bucket| bucket.weight)),
            },
            other => Self::Drawn(other.clone()),
        }
    }

    /// The length in bytes where it is always the same.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "as for any other length"
    )]
    pub(super) fn constant(&self) -> Option<u64> {
        match self {
            Self::Drawn(NumberSpec::Constant(value)) => Some(value.round() as u64),
            _ => None,
        }
    }

    /// A length in bytes or a count, whole and not negative.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded; saturates, and a valid scenario bounds it by 400 KB"
    )]
    pub(super) fn length(&self, rng: &mut Rng) -> usize {
        self.draw(0, rng).round() as usize
    }

    /// A draw, rounded to `decimals` by whoever writes it. Uniform draws fall on the multiples
    /// of 10^-`decimals` themselves: rounding would give the ends of the range half their
    /// share.
    #[expect(clippy::cast_precision_loss, reason = "ranks, exact below 2^53")]
    pub(super) fn draw(&self, decimals: u8, rng: &mut Rng) -> f64 {
        match self {
            Self::Drawn(spec) => drawn(spec, decimals, rng),
            Self::Zipfian { min, ranks } => min + (ranks.sample(rng) - 1) as f64,
            Self::Histogram { buckets, sums } => {
                let Bucket { from, to, .. } = buckets[pick(sums, rng)];
                uniform(from, to, decimals, rng)
            }
        }
    }
}

fn drawn(spec: &NumberSpec, decimals: u8, rng: &mut Rng) -> f64 {
    match *spec {
        NumberSpec::Constant(value) => value,
        NumberSpec::Uniform { min, max } => uniform(min, max, decimals, rng),
        NumberSpec::Normal {
            mean,
            std_dev,
            min,
            max,
        } => {
            let z: f64 = StandardNormal.sample(rng);
            z.mul_add(std_dev, mean).max(min).min(max)
        }
        NumberSpec::LogNormal {
            median,
            sigma,
            min,
            max,
        } => {
            let z: f64 = StandardNormal.sample(rng);
            (median * (sigma * z).exp()).max(min).min(max)
        }
        NumberSpec::Exponential { mean, min, max } => {
            let unit: f64 = Exp1.sample(rng);
            (mean * unit).max(min).min(max)
        }
        NumberSpec::Pareto { min, shape, max } => {
            let law = Pareto::new(min, shape);
            // A scenario has no other bounds than positive ones.
            law.map_or(min, |law| law.sample(rng)).min(max)
        }
        NumberSpec::Zipfian { .. } | NumberSpec::Histogram(_) => {
            Numbers::new(spec).draw(decimals, rng)
        }
    }
}

/// Σ of the weights up to and including each.
pub(super) fn running_sums(weights: impl Iterator<Item = f64>) -> Vec<f64> {
    let sums = weights.scan(0.0, |sum, weight| {
        *sum += weight;
        Some(*sum)
    });
    sums.collect()
}

/// An index by weight.
pub(super) fn pick(sums: &[f64], rng: &mut Rng) -> usize {
    let total = sums.last().copied().unwrap_or(0.0);
    let drawn = rng.random::<f64>() * total;
    let index = sums.partition_point(|&sum| sum <= drawn);
    index.min(sums.len() - 1)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "steps are checked to be below 2^53"
)]
fn uniform(min: f64, max: f64, decimals: u8, rng: &mut Rng) -> f64 {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let scale = 10_f64.powi(i32::from(decimals));
    // 0.1 × 10 must count as 1 in spite of binary fractions.
    let slack = 1e-9;
    let (first, last) = ((min * scale - slack).ceil(), (max * scale + slack).floor());
    if first.abs() < EXACT && last.abs() < EXACT && first <= last {
        rng.random_range(first as i64..=last as i64) as f64 / scale
    } else {
        (max - min).mul_add(rng.random::<f64>(), min).min(max)
    }
}

/// `value` with `decimals` digits after the point, and no minus before a zero.
pub(super) fn decimal(value: f64, decimals: u8) -> String {
    let text = format!("{value:.*}", usize::from(decimals));
    match text.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|b| matches!(b, b'0' | b'.')) => zero.to_owned(),
        _ => text,
    }
}
