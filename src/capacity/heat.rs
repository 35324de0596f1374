//! How hot a partition is in one direction, for how long, and where its traffic lies (S-1).
//!
//! Decides where a split would go; what a split does is `partition`'s.

use std::time::Duration;

use super::{
    partition::KeyHash,
    split::{self, Heat, SplitBlock, SplitRule},
};
use crate::{
    scenario::SplitPolicy,
    units::{CapacityUnits, Share},
};

/// Keys that a sample holds before it is thinned out.
const SAMPLE_MAX: usize = 1024;

/// What decides about a split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct HeatRule {
    pub split: SplitRule,
    pub policy: SplitPolicy,
    /// The table has an LSI: what has one partition key stays together.
    pub whole_collections: bool,
}

/// One partition's load in one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct HeatTracker {
    second: u64,
    /// In this second.
    units: CapacityUnits,
    hot_seconds: u64,
    sample: Sample,
}

impl HeatTracker {
    /// Notes what was served for `key` in second number `second` of the table's life. When the partition has been hot for long enough:
    /// whether it should split, and where (`None`: in the middle of its range).
    #[inline]
    pub(super) fn serve(
        &mut self,
        key: KeyHash,
        units: CapacityUnits,
        ceiling: CapacityUnits,
        rule: &HeatRule,
        second: u64,
    ) -> Option<Result<Option<KeyHash>, SplitBlock>> {
        let verdict = (second > self.second)
            .then(|| self.close_second(ceiling, rule, second))
            .flatten();
        self.units += units;
        if self.hot_seconds > 0 {
            self.sample.add(key, units);
        }
        verdict
    }

    fn close_second(
        &mut self,
        ceiling: CapacityUnits,
        rule: &HeatRule,
        second: u64,
    ) -> Option<Result<Option<KeyHash>, SplitBlock>> {
        let consumed = self.units.as_f64();
        let is_hot = consumed >= rule.split.trigger_fraction * ceiling.as_f64();
        // A second in which nothing was served interrupts.
        let is_next = second == self.second + 1;
        self.second = second;
        self.units = CapacityUnits::ZERO;
        if !(is_hot && is_next) {
            self.cool();
            return None;
        }
        self.hot_seconds += 1;
        let sustained = Duration::from_secs(self.hot_seconds);
        if sustained < rule.split.trigger {
            return None;
        }
        let heat = Heat {
            consumed,
            ceiling,
            sustained,
            top_key: self.sample.top_share(|key| key),
            monotonic_sort_key: self.sample.rising_share() >= rule.split.single_key_share,
            whole_collection: rule.whole_collections
                && self.sample.top_share(KeyHash::collection).as_fraction()
                    >= rule.split.single_key_share,
        };
        let verdict = split::for_heat(&heat, &rule.split).map(|()| match rule.policy {
            SplitPolicy::WeightedMedian => self.sample.median(),
            SplitPolicy::Midpoint => None,
        });
        self.cool();
        Some(verdict)
    }

    fn cool(&mut self) {
        self.hot_seconds = 0;
        self.sample = Sample::default();
    }
}

/// Keys as often as they were asked for, by units: every so-many-th unit's key.
#[derive(Clone, Debug, Default)]
struct Sample {
    /// In the order of time.
    keys: Vec<KeyHash>,
    /// Half units between two keys; 0 before the first.
    stride: i64,
    /// Half units until the next.
    until_next: i64,
}

impl Sample {
    fn add(&mut self, key: KeyHash, units: CapacityUnits) {
        if self.stride == 0 {
            self.stride = 1;
            self.until_next = 1;
        }
        self.until_next -= units.halves();
        while self.until_next <= 0 {
            self.keys.push(key);
            self.until_next += self.stride;
            if self.keys.len() >= SAMPLE_MAX {
                let mut number = 0;
                self.keys.retain(|_| {
                    number += 1;
                    number % 2 == 0
                });
                self.until_next += self.stride;
                self.stride *= 2;
            }
        }
    }

    /// The part of the traffic that has the most frequent value of `part`.
    fn top_share(&self, part: impl Fn(KeyHash) -> KeyHash) -> Share {
        let mut parts: Vec<_> = self.keys.iter().map(|key| part(*key)).collect();
        parts.sort_unstable();
        let runs = parts.chunk_by(PartialEq::eq).map(<[KeyHash]>::len);
        share(runs.max().unwrap_or(0), self.keys.len())
    }

    /// The part of the traffic that goes on to a higher sort key within one collection.
    fn rising_share(&self) -> f64 {
        let rises =
            |pair: &&[KeyHash]| pair[0].collection() == pair[1].collection() && pair[0] < pair[1];
        let rising = self.keys.windows(2).filter(rises).count();
        share(rising, self.keys.len().saturating_sub(1)).as_fraction()
    }

    /// The key in the middle of the traffic.
    fn median(&self) -> Option<KeyHash> {
        let mut sorted = self.keys.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most a thousand keys")]
fn share(part: usize, whole: usize) -> Share {
    Share::new(part as f64 / whole.max(1) as f64).unwrap_or(Share::NONE)
}
