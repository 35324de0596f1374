//! How far another clock is ahead of this one, found out from a clock that shows whole seconds.

use crate::record::shard::ClockOffset;

const SECOND: i128 = 1_000_000_000;

/// What the offset can be, after each reading of the other clock; nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OffsetBounds(Option<(i128, i128)>);

impl OffsetBounds {
    /// Narrows the bounds: the other clock showed `shown` whole seconds at an instant that was
    /// not before `sent` and not after `answered` by this clock, in nanoseconds. All count from
    /// the same origin.
    pub fn read(&mut self, sent: i128, answered: i128, shown: i64) {
        let shown = i128::from(shown) * SECOND;
        let (low, high) = (shown - answered, shown + SECOND - sent);
        self.0 = Some(match self.0 {
            None => (low, high),
            Some(before) => (before.0.max(low), before.1.min(high)),
        });
    }

    /// The offset, as far as it is known. Readings that contradict each other, as those of two
    /// servers do, leave the whole range between them.
    #[must_use]
    pub fn offset(self) -> Option<ClockOffset> {
        let (low, high) = self.0?;
        Some(ClockOffset {
            offset_nanos: i64::try_from(i128::midpoint(low, high)).ok()?,
            uncertainty_nanos: u64::try_from((high - low).unsigned_abs().div_ceil(2)).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_true_offset_is_within_the_bounds_and_a_turn_of_the_second_narrows_them(
            offset in -5_000_000_000_i128..5_000_000_000,
            begin in 0_i128..2_000_000_000,
            pause in 1_000_000_i128..50_000_000,
            trips in proptest::collection::vec((0_i128..10_000_000, 0_i128..10_000_000), 1..60),
        ) {
            let mut bounds = OffsetBounds::default();
            let mut now = 1_000 * SECOND + begin;
            let mut turned = false;
            let mut first = None;
            for (there, back) in trips {
                let shown = i64::try_from((now + there + offset).div_euclid(SECOND)).unwrap();
                bounds.read(now, now + there + back, shown);
                turned |= *first.get_or_insert(shown) != shown;
                now += there + back + pause;
            }
            let found = bounds.offset().unwrap();
            let error = (i128::from(found.offset_nanos) - offset).unsigned_abs();
            prop_assert!(error <= u128::from(found.uncertainty_nanos) + 1);
            if turned {
                // A pause and two trips of at most 20 ms.
                prop_assert!(found.uncertainty_nanos <= 50_000_000);
            }
        }
    }

    #[test]
    fn nothing_read_is_nothing_known() {
        assert_eq!(OffsetBounds::default().offset(), None);
    }
}
