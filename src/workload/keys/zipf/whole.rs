//! Whole numbers as floats hold them: to round to one, and to have it as an integer, takes one
//! addition.

/// 2^52: floats from there on, up to twice as much, are whole, and their last 52 bits count from
/// it.
const FIRST: f64 = 4_503_599_627_370_496.0;

/// A whole number below 2^52, added to that.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Whole(f64);

impl Whole {
    /// The one nearest to `x`, below 2^52. Of others [`count`](Self::count) is beyond that.
    #[inline]
    pub(super) const fn nearest(x: f64) -> Self {
        Self(x + FIRST)
    }

    #[inline]
    pub(super) const fn float(self) -> f64 {
        self.0 - FIRST
    }

    #[inline]
    pub(super) const fn count(self) -> u64 {
        self.0.to_bits().wrapping_sub(FIRST.to_bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_whole_number_is_a_float_and_a_count() {
        for (x, float, count) in [
            (0.0, 0.0, 0),
            (0.49, 0.0, 0),
            (0.51, 1.0, 1),
            (1e12 - 0.3, 1e12, 1_000_000_000_000),
            (FIRST - 1.0, FIRST - 1.0, (1 << 52) - 1),
        ] {
            let whole = Whole::nearest(x);
            assert!((whole.float() - float).abs() < f64::EPSILON, "{x}");
            assert_eq!(whole.count(), count, "{x}");
        }
        assert!(Whole::nearest(-0.75).count() > 1 << 52);
    }
}
