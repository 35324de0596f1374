//! When the arrivals of one phase are due, as offsets from its start.
//!
//! Owns the arrival processes; must not know of other phases.

use std::time::Duration;

use rand_distr::{Distribution, Exp1};

use crate::{
    scenario::ArrivalSpec,
    seed::{Rng, Stream},
    units::Rate,
};

const NANOS: f64 = 1e9;

/// The due times of one phase, in order.
#[derive(Clone, Debug)]
pub struct Offsets {
    /// Length of the phase in nanoseconds: every offset is below it.
    length: u64,
    next: u64,
    process: Process,
}

#[derive(Clone, Debug)]
enum Process {
    None,
    Constant(ExactPeriod),
    Poisson {
        rng: Rng,
        mean_gap_nanos: f64,
        /// Whole nanoseconds so far, and what is left of one: a sum of floats alone would
        /// lose nanoseconds over a day.
        nanos: u64,
        rest: f64,
    },
    Ramp {
        from: f64,
        to: f64,
        seconds: f64,
    },
}

impl Offsets {
    /// The arrivals of `spec` over `length`; only Poisson draws from `stream`.
    #[must_use]
    pub fn new(spec: ArrivalSpec, length: Duration, stream: Stream) -> Self {
        let process = match spec {
            _ if spec.rate_max() <= Rate::default() => Process::None,
            ArrivalSpec::Constant { rate } => {
                Process::Constant(ExactPeriod::new(rate.as_per_second()))
            }
            ArrivalSpec::Poisson { rate } => Process::Poisson {
                rng: stream.at(0),
                mean_gap_nanos: NANOS / rate.as_per_second(),
                nanos: 0,
                rest: 0.0,
            },
            ArrivalSpec::Ramp { from, to } => Process::Ramp {
                from: from.as_per_second(),
                to: to.as_per_second(),
                seconds: length.as_secs_f64(),
            },
        };
        Self {
            length: u64::try_from(length.as_nanos()).unwrap_or(u64::MAX),
            next: 0,
            process,
        }
    }
}

impl Iterator for Offsets {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let number = self.next;
        let nanos = match &mut self.process {
            Process::None => None,
            Process::Constant(period) => period.times(number),
            Process::Poisson {
                rng,
                mean_gap_nanos,
                nanos,
                rest,
            } => {
                let gap: f64 = Exp1.sample(rng);
                *rest += gap * *mean_gap_nanos;
                let whole = whole_nanos(*rest);
                *rest = rest.fract();
                *nanos = nanos.saturating_add(whole);
                Some(*nanos)
            }
            Process::Ramp { from, to, seconds } => ramp_nanos(number, *from, *to, *seconds),
        };
        let due = nanos.filter(|&nanos| nanos < self.length);
        if due.is_none() {
            self.process = Process::None;
        }
        self.next += 1;
        due.map(Duration::from_nanos)
    }
}

/// The gap between evenly spaced arrivals as a fraction, so that no error adds up.
///
/// It is the simplest fraction that the rate stands for as a float: 0.1/s is one arrival in
/// exactly 10 s, though the float is slightly more than a tenth.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ExactPeriod {
    /// So many arrivals, at least 1, …
    arrivals: u128,
    /// … in so many seconds.
    seconds: u128,
}

impl ExactPeriod {
    /// `rate` > 0 and finite; beyond 2^-60..2^64 per second it is taken to the nearest end.
    #[expect(clippy::cast_precision_loss, reason = "compared with a float")]
    fn new(rate: f64) -> Self {
        let rate = rate.clamp(2_f64.powi(-60), 2_f64.powi(64));
        let (mut numerator, mut denominator) = dyadic(rate);
        // Convergents of the continued fraction, by Euclid's algorithm. The last one is the
        // float itself, so one of them is found equal to it.
        let (mut previous, mut current) = ((0, 1), (1, 0));
        while denominator != 0 {
            let whole = numerator / denominator;
            (numerator, denominator) = (denominator, numerator % denominator);
            let next = (
                whole * current.0 + previous.0,
                whole * current.1 + previous.1,
            );
            (previous, current) = (current, next);
            #[expect(clippy::float_cmp, reason = "equality is the question")]
            if current.0 as f64 / current.1 as f64 == rate {
                break;
            }
        }
        Self {
            arrivals: current.0,
            seconds: current.1,
        }
    }

    /// When arrival `number` is due, in nanoseconds, rounded down; `None` beyond 584 years.
    fn times(self, number: u64) -> Option<u64> {
        let nanos = u128::from(number) * 1_000_000_000;
        let quotient = nanos.checked_mul(self.seconds)? / self.arrivals;
        u64::try_from(quotient).ok()
    }
}

/// `value`, between 2^-60 and 2^64, as numerator and denominator without rounding.
fn dyadic(value: f64) -> (u128, u128) {
    const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
    let bits = value.to_bits();
    let mantissa = u128::from(bits & ((1 << FRACTION_BITS) - 1) | 1 << FRACTION_BITS);
    let exponent = (bits >> FRACTION_BITS).cast_signed() - 1023 - i64::from(FRACTION_BITS);
    if exponent >= 0 {
        (mantissa << exponent, 1)
    } else {
        (mantissa, 1 << -exponent)
    }
}

/// When the area under the line from `from` to `to` (arrivals per second) over `seconds`
/// reaches `number`: from·t + (to − from)·t² ÷ 2·seconds = number, solved in the form that
/// does not cancel. `None` when the whole area is not above `number`.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 arrivals")]
fn ramp_nanos(number: u64, from: f64, to: f64, seconds: f64) -> Option<u64> {
    let area = number as f64;
    if area >= f64::midpoint(from, to) * seconds {
        return None;
    }
    if number == 0 {
        return Some(0);
    }
    let discriminant = from.mul_add(from, 2.0 * area * (to - from) / seconds);
    let time = 2.0 * area / (from + discriminant.max(0.0).sqrt());
    Some(whole_nanos(time * NANOS))
}

/// Rounds down; saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; saturates"
)]
fn whole_nanos(nanos: f64) -> u64 {
    nanos as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rate: f64, arrivals: u128, seconds: u128) {
        assert_eq!(ExactPeriod::new(rate), ExactPeriod { arrivals, seconds });
    }

    #[test]
    fn a_rate_is_the_simplest_fraction_that_it_stands_for() {
        check(1_000_000.0, 1_000_000, 1);
        check(0.1, 1, 10);
        check(2.5, 5, 2);
        check(100.0 / 60.0, 5, 3);
        check(1.0 / 3600.0, 1, 3600);
        check(f64::MAX, 1 << 64, 1);
        check(f64::MIN_POSITIVE, 1, 1 << 60);
    }

    #[test]
    fn the_last_arrival_of_a_day_at_a_million_per_second_is_due_on_the_nanosecond() {
        let period = ExactPeriod::new(1e6);
        assert_eq!(period.times(86_399_999_999), Some(86_399_999_999_000));
        assert_eq!(ExactPeriod::new(3.0).times(2), Some(666_666_666));
        assert_eq!(ExactPeriod::new(1e-18).times(u64::MAX), None);
    }
}
