//! The counts of a histogram in the making.

use std::borrow::Cow;

use hdrhistogram::Histogram;

use super::{BELOW, SIGNIFICANT_DIGITS};

/// Counts by value. What is simulated mostly takes as long as what was before it, so that values
/// are counted in runs of equal ones.
#[derive(Clone)]
pub(super) struct Counts {
    all: Histogram<u64>,
    /// The last value, and how often in a row it came since `all` was told.
    last: u64,
    times: u64,
}

impl Counts {
    pub(super) fn empty() -> Self {
        Self::from(
            Histogram::new(SIGNIFICANT_DIGITS).expect("the number of digits is in its range"),
        )
    }

    /// Of a value up to what durations are clamped to.
    #[inline]
    pub(super) fn record(&mut self, nanos: u64) {
        if nanos != self.last {
            self.settle();
            self.last = nanos;
        }
        self.times += 1;
    }

    pub(super) fn record_n(&mut self, nanos: u64, count: u64) {
        (self.all)
            .record_n(nanos, count)
            .expect("it resizes itself up to the bound that we clamp to");
    }

    pub(super) fn add(&mut self, other: &Self) {
        if !other.all.is_empty() {
            (self.all)
                .add(&other.all)
                .expect("both resize themselves within the same bounds");
        }
        if other.times > 0 {
            self.record_n(other.last, other.times);
        }
    }

    /// Forgets all, and keeps the memory.
    pub(super) fn reset(&mut self) {
        self.all.reset();
        self.times = 0;
    }

    pub(super) fn len(&self) -> u64 {
        self.all.len() + self.times
    }

    /// All of them.
    pub(super) fn settled(&self) -> Cow<'_, Histogram<u64>> {
        if self.times == 0 {
            return Cow::Borrowed(&self.all);
        }
        let mut whole = self.clone();
        whole.settle();
        Cow::Owned(whole.all)
    }

    fn settle(&mut self) {
        if self.times > 0 {
            self.record_n(self.last, self.times);
            self.times = 0;
        }
    }
}

impl From<Histogram<u64>> for Counts {
    fn from(all: Histogram<u64>) -> Self {
        Self {
            all,
            last: BELOW,
            times: 0,
        }
    }
}
