//! Zipfian ranks.
//!
//! Rejection-inversion after W. Hörmann and G. Derflinger, "Rejection-inversion to generate
//! variates from monotone discrete distributions" (1996). `rand_distr`'s Zipf was measured
//! first: its hat cancels to nothing as the exponent nears 1, and three powers per try make it
//! several times slower.

mod curve;
mod whole;

use rand::RngExt;

use crate::seed::{Rng, Stream};
use curve::Curve;
use whole::Whole;

/// As many ranks as there can be: far more than items.
const RANKS_MAX: u64 = (1 << 52) - 1;

/// Ranks 1..=n, rank *k* with probability proportional to k^-s: exact, in constant time and
/// memory, for any s ≥ 0.
#[derive(Clone, Copy, Debug)]
pub struct Zipf {
    exponent: f64,
    /// Below 2^52, so that each is a float.
    ranks: f64,
    /// The area under the hat at its two ends.
    area_first: f64,
    area_last: f64,
    /// A rank this near to the point that it was rounded from is accepted without a look.
    squeeze: f64,
}

impl Zipf {
    /// `ranks` ≥ 1; `exponent` finite and ≥ 0.
    #[must_use]
    pub fn new(ranks: u64, exponent: f64) -> Self {
        Self {
            exponent,
            ranks: 0.0,
            area_first: area(1.5, exponent) - 1.0,
            area_last: 0.0,
            squeeze: 2.0 - point(area(2.5, exponent) - density(2.0, exponent), exponent),
        }
        .over(ranks)
    }

    /// The same law over another number of ranks, for a fraction of the work.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^52 ranks")]
    pub fn over(self, ranks: u64) -> Self {
        let ranks = ranks.clamp(1, RANKS_MAX) as f64;
        Self {
            ranks,
            area_last: area(ranks + 0.5, self.exponent),
            ..self
        }
    }

    /// The share of each of the first `count` ranks, in their order.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "exact below 2^52 ranks"
    )]
    pub fn shares(&self, count: u64) -> impl Iterator<Item = f64> + use<> {
        let (s, all) = (self.exponent, harmonic(self.ranks, self.exponent));
        (1..=count.min(self.ranks as u64)).map(move |rank| (rank as f64).powf(-s) / all)
    }

    /// A rank, from 1.
    #[must_use]
    pub fn sample(&self, rng: &mut Rng) -> u64 {
        loop {
            if let Some(rank) = self.accepted(rng.random()) {
                return rank;
            }
        }
    }

    /// One try with a uniform `share`.
    fn accepted(&self, share: f64) -> Option<u64> {
        self.judged(share, self.point_at(share))
    }

    /// The area up to the point behind which `share` of all of it lies.
    #[inline]
    fn area_at(&self, share: f64) -> f64 {
        share * (self.area_first - self.area_last) + self.area_last
    }

    fn point_at(&self, share: f64) -> f64 {
        point(self.area_at(share), self.exponent)
    }

    /// The rank nearest to the point `x`, which belongs to `share`, unless the hat is too large
    /// there.
    #[inline]
    fn judged(&self, share: f64, x: f64) -> Option<u64> {
        let rank = Whole::nearest(x.clamp(1.0, self.ranks));
        let k = rank.float();
        let accepted = k - x <= self.squeeze || {
            let least = area(k + 0.5, self.exponent) - density(k, self.exponent);
            self.area_at(share) >= least
        };
        accepted.then(|| rank.count())
    }
}

/// The same law, drawn sooner after some preparation: for laws that are asked again and again.
///
/// A rank may be off by 10⁻¹³ of itself, so that about one draw in 10,000 of the rarest of 10⁹ ranks
/// is another one, which is as rare.
#[derive(Clone, Debug)]
pub struct QuickZipf {
    law: Zipf,
    /// The point that belongs to each share.
    points: Curve,
}

impl From<Zipf> for QuickZipf {
    fn from(law: Zipf) -> Self {
        Self {
            points: Curve::new(|share| law.point_at(share)),
            law,
        }
    }
}

impl QuickZipf {
    /// The law.
    #[must_use]
    pub const fn law(&self) -> &Zipf {
        &self.law
    }

    /// Rank number `number` of `stream`: most take one try, which needs no generator.
    #[must_use]
    #[inline]
    pub fn draw(&self, stream: Stream, number: u64) -> u64 {
        let first = self.accepted(unit(stream.first(number)));
        first.unwrap_or_else(|| self.draw_again(stream, number))
    }

    #[cold]
    fn draw_again(&self, stream: Stream, number: u64) -> u64 {
        let mut rng = stream.at(number);
        loop {
            if let Some(rank) = self.accepted(rng.random()) {
                return rank;
            }
        }
    }

    #[inline]
    fn accepted(&self, share: f64) -> Option<u64> {
        let x = self.points.at(share);
        if x.is_nan() {
            return self.law.accepted(share);
        }
        self.law.judged(share, x)
    }
}

/// Uniform in [0, 1), as the generator makes one of its bits.
#[expect(clippy::cast_precision_loss, reason = "53 bits are left")]
#[inline]
fn unit(bits: u64) -> f64 {
    const STEPS: f64 = 9_007_199_254_740_992.0;
    // Signed ones are sooner floats.
    (bits >> 11).cast_signed() as f64 * (1.0 / STEPS)
}

/// x^-s.
fn density(x: f64, s: f64) -> f64 {
    (-s * x.ln()).exp()
}

/// ∫₁ˣ t^-s dt, in a form that does not cancel as s nears 1.
fn area(x: f64, s: f64) -> f64 {
    let log = x.ln();
    let t = (1.0 - s) * log;
    if t == 0.0 {
        log
    } else {
        log * (t.exp_m1() / t)
    }
}

/// The inverse of [`area`].
#[inline]
fn point(area: f64, s: f64) -> f64 {
    // Rounding may leave the domain at its edge.
    let t = ((1.0 - s) * area).max(-1.0);
    let log = if t == 0.0 {
        area
    } else {
        area * (t.ln_1p() / t)
    };
    log.exp()
}

/// Σ k^-s for k of 1..=n: the first terms one by one, the rest by Euler and Maclaurin.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the first thousand"
)]
pub fn harmonic(n: f64, s: f64) -> f64 {
    const EXACT: f64 = 1000.0;
    let head = n.min(EXACT);
    let sum: f64 = (1..=head as u64).map(|k| (k as f64).powf(-s)).sum();
    if n <= EXACT {
        return sum;
    }
    let log = (n / head).ln();
    let t = (1.0 - s) * log;
    let area = head.powf(1.0 - s) * log * if t == 0.0 { 1.0 } else { t.exp_m1() / t };
    sum + area + f64::midpoint(n.powf(-s), -head.powf(-s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn a_quick_draw_is_the_sample_of_its_generator_but_for_a_few_far_out() {
        let stream = Seed(7).stream("zipf");
        for ranks in [1, 2, 10, 1000, 1_000_000_000, 1_000_000_000_000] {
            for exponent in [0.0, 0.3, 0.5, 0.99, 1.0, 1.0 + 1e-9, 1.2, 2.0, 3.0] {
                let law = Zipf::new(ranks, exponent);
                let quick = QuickZipf::from(law);
                let pairs = (0..2000).map(|number| {
                    let exact = law.sample(&mut stream.at(number));
                    (exact, quick.draw(stream, number))
                });
                let others: Vec<_> = pairs.filter(|(exact, quick)| exact != quick).collect();
                let is_far_out = others.iter().all(|(exact, _)| *exact > 1_000_000);
                // Of 10^12 ranks, one that is off by 10^-13 of itself is often its neighbour.
                let is_near = |(exact, quick): &&(u64, u64)| exact.abs_diff(*quick) == 1;
                let strangers = others.len() - others.iter().filter(is_near).count();
                assert!(
                    is_far_out && strangers <= 2,
                    "{ranks} {exponent}: {others:?}"
                );
            }
        }
    }

    #[test]
    fn few_draws_need_the_function_itself() {
        for (exponent, most) in [(0.5, 20), (0.99, 5), (1.0, 5), (1.2, 200)] {
            let law = Zipf::new(1_000_000_000, exponent);
            let quick = QuickZipf::from(law);
            let shares = (0..1000).map(|share| f64::from(share) / 1000.0);
            let left_out = shares
                .filter(|share| quick.points.at(*share).is_nan())
                .count();
            assert!(left_out <= most, "{exponent}: {left_out} ‰");
        }
    }

    #[test]
    fn harmonic_numbers_are_those_of_the_plain_sum() {
        for s in [0.0, 0.5, 0.99, 1.0, 1.5] {
            let plain: f64 = (1..=50_000_u32).map(|k| f64::from(k).powf(-s)).sum();
            let error = (harmonic(50_000.0, s) / plain - 1.0).abs();
            assert!(error < 1e-6, "{s}: {error}");
        }
    }
}
