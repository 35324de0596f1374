//! Rates as fractions, so that no error adds up over a run.

/// Bits of an area's fraction.
pub(super) const FRACTION_BITS: u32 = 56;
const SECOND: u128 = 1_000_000_000;

/// A number of arrivals as a multiple of 2^-[`FRACTION_BITS`].
pub(super) type Area = u128;

/// `count` arrivals.
pub(super) const fn whole(count: u64) -> Area {
    (count as u128) << FRACTION_BITS
}

/// `arrivals` ≥ 0, rounded down to what an area can hold.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; saturates"
)]
pub(super) fn rounded(arrivals: f64) -> Area {
    (arrivals * 2_f64.powi(FRACTION_BITS.cast_signed())) as u128
}

/// As a float.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what floats have")]
pub(super) fn float(area: Area) -> f64 {
    area as f64 * 2_f64.powi(-FRACTION_BITS.cast_signed())
}

/// The gap between evenly spaced arrivals as a fraction, so that no error adds up.
///
/// It is the simplest fraction that the rate stands for as a float: 0.1/s is one arrival in
/// exactly 10 s, though the float is slightly more than a tenth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ExactPeriod {
    /// So many arrivals, at least 1, …
    arrivals: u128,
    /// … in so many seconds.
    seconds: u128,
}

impl ExactPeriod {
    /// `rate` > 0 and finite; beyond 2^-60..2^64 per second it is taken to the nearest end.
    #[expect(clippy::cast_precision_loss, reason = "compared with a float")]
    pub(super) fn new(rate: f64) -> Self {
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

    /// Arrivals in `nanos`, rounded down to what an area can hold.
    pub(super) fn area(self, nanos: u64) -> Area {
        self.area_exact(nanos).unwrap_or_else(|| {
            // Fractions of so many digits stand for nothing that anybody wrote.
            rounded(self.per_nano() * widened(nanos))
        })
    }

    fn area_exact(self, nanos: u64) -> Option<Area> {
        let numerator = self.arrivals.checked_mul(u128::from(nanos))?;
        let denominator = self.seconds.checked_mul(SECOND)?;
        let (count, rest) = (numerator / denominator, numerator % denominator);
        let rest = shifted(rest)? / denominator;
        shifted(count)?.checked_add(rest)
    }

    /// Nanoseconds until the area is `area`, rounded down; saturates.
    pub(super) fn until(self, area: Area) -> u64 {
        let nanos = self.until_exact(area);
        nanos.map_or_else(
            || super::arrival::whole_nanos(float(area) / self.per_nano()),
            |nanos| u64::try_from(nanos).unwrap_or(u64::MAX),
        )
    }

    fn until_exact(self, area: Area) -> Option<u128> {
        let (count, fraction) = (area >> FRACTION_BITS, area & (whole(1) - 1));
        let each = self.seconds.checked_mul(SECOND)?;
        let numerator = count.checked_mul(each)?;
        let (nanos, rest) = (numerator / self.arrivals, numerator % self.arrivals);
        let rest = shifted(rest)?.checked_add(fraction.checked_mul(each)?)?;
        Some(nanos + rest / shifted(self.arrivals)?)
    }

    #[expect(clippy::cast_precision_loss, reason = "only where fractions overflow")]
    fn per_nano(self) -> f64 {
        self.arrivals as f64 / self.seconds as f64 / 1e9
    }
}

/// When evenly spaced arrivals are due, in nanoseconds from the first, which is due at 0: each is
/// rounded down by itself, and what was rounded off is kept, so that no error adds up.
#[derive(Clone, Debug)]
pub(super) struct EvenlySpaced {
    /// When the next one is due, in nanoseconds; `None` beyond 584 years.
    due: Option<u64>,
    /// What was rounded off, in parts of a nanosecond of which `parts` are a whole.
    rest: u128,
    parts: u128,
    /// From one arrival to the next: nanoseconds, and such parts.
    gap: (Option<u64>, u128),
}

impl EvenlySpaced {
    /// `rate` > 0 and finite; bounded as an [`ExactPeriod`] is.
    pub(super) fn new(rate: f64) -> Self {
        let ExactPeriod { arrivals, seconds } = ExactPeriod::new(rate);
        // At most 2^64 × 10^9.
        let nanos = seconds * SECOND;
        Self {
            due: Some(0),
            rest: 0,
            parts: arrivals,
            gap: (u64::try_from(nanos / arrivals).ok(), nanos % arrivals),
        }
    }
}

impl Iterator for EvenlySpaced {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let due = self.due;
        self.rest += self.gap.1;
        let carried = u64::from(self.rest >= self.parts);
        if carried > 0 {
            self.rest -= self.parts;
        }
        let next = due
            .zip(self.gap.0)
            .and_then(|(due, gap)| due.checked_add(gap));
        self.due = next.and_then(|next| next.checked_add(carried));
        due
    }
}

#[expect(clippy::cast_precision_loss, reason = "only where fractions overflow")]
fn widened(nanos: u64) -> f64 {
    nanos as f64
}

fn shifted(value: u128) -> Option<u128> {
    value.checked_mul(whole(1))
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
    fn the_last_arrival_of_many_is_due_on_the_nanosecond() {
        let mut million = EvenlySpaced::new(1e6);
        assert_eq!(million.nth(9_999_999), Some(9_999_999_000));
        let due: Vec<_> = EvenlySpaced::new(3.0).take(4).collect();
        assert_eq!(due, [0, 333_333_333, 666_666_666, 1_000_000_000]);
        let mut rare = EvenlySpaced::new(1e-18);
        assert_eq!(
            (rare.next(), rare.next(), rare.next()),
            (Some(0), None, None)
        );
    }

    #[test]
    fn each_due_time_is_that_of_its_number_rounded_down() {
        for rate in [0.1, 7.0, 1001.0, 1.0 / 3.0, 33.3, 1e9, std::f64::consts::PI] {
            let ExactPeriod { arrivals, seconds } = ExactPeriod::new(rate);
            let mut spaced = EvenlySpaced::new(rate);
            for number in 0..10_000 {
                let exact = number * SECOND * seconds / arrivals;
                assert_eq!(
                    spaced.next().map(u128::from),
                    Some(exact),
                    "{rate}: {number}"
                );
            }
        }
    }

    #[test]
    fn area_and_time_are_inverse_to_each_other() {
        for rate in [1.0 / 3.0, 0.1, 33.3, 1e6, 1e9, std::f64::consts::PI, 1e-7] {
            let period = ExactPeriod::new(rate);
            for nanos in [1, 999_999_999, 1_000_000_000, 86_400_000_000_000] {
                let back = period.until(period.area(nanos));
                assert!(back.abs_diff(nanos) <= 1, "{rate}: {nanos} became {back}");
            }
        }
        assert_eq!(
            ExactPeriod::new(1e6).area(86_400_000_000_000),
            whole(86_400_000_000)
        );
    }
}
