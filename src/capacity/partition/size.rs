//! What partitions hold, and splits of those that hold too much (S-1).

use super::{KeyHash, Partitions};
use crate::units::{Bytes, Timestamp};

/// What one partition holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    bytes: Bytes,
    /// Whether a split for its size has begun.
    is_splitting: bool,
}

impl Stored {
    pub(super) const fn of(bytes: Bytes) -> Self {
        let is_splitting = false;
        Self {
            bytes,
            is_splitting,
        }
    }

    /// Gives `part` (0 to 1) of it away to a new partition.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an estimate of far less than 2^53 bytes"
    )]
    pub(super) fn split(&mut self, part: f64) -> Self {
        let taken = Bytes((self.bytes.0 as f64 * part) as u64);
        *self = Self::of(Bytes(self.bytes.0.saturating_sub(taken.0)));
        Self::of(taken)
    }
}

impl Partitions {
    /// The same partitions with `bytes` in them, spread evenly.
    pub(in crate::capacity) fn holding(mut self, bytes: Bytes) -> Self {
        let count = self.all.len() as u64;
        for partition in &mut self.all {
            partition.stored = Stored::of(Bytes(bytes.0 / count.max(1)));
        }
        self
    }

    /// What lies at `key` is larger by `bytes` than it was, or smaller: a partition that holds
    /// more than one may begins to split in the middle of its range. What was there before is
    /// taken as spread evenly.
    pub(in crate::capacity) fn grow(&mut self, key: KeyHash, bytes: i64, now: Timestamp) {
        let number = self.index_of(key);
        let stored = &mut self.all[number].stored;
        stored.bytes = Bytes(stored.bytes.0.saturating_add_signed(bytes));
        self.split_if_full(number, now);
    }

    /// All of them hold `bytes` together, which are taken as spread evenly; more than one may
    /// have begins to split, as above.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "an estimate of far less than 2^53 bytes"
    )]
    pub(in crate::capacity) fn hold(&mut self, bytes: Bytes, now: Timestamp) {
        for number in 0..self.all.len() {
            let (start, end) = self.range(number);
            self.all[number].stored.bytes = Bytes((bytes.0 as f64 * (end - start)) as u64);
            self.split_if_full(number, now);
        }
    }

    fn split_if_full(&mut self, number: usize, now: Timestamp) {
        let stored = &mut self.all[number].stored;
        if stored.bytes <= self.size_max || stored.is_splitting {
            return;
        }
        stored.is_splitting = true;
        let middle = self.middle(number);
        let at = if self.rule.whole_collections {
            middle.collection()
        } else {
            middle
        };
        self.begin_split(at, false, now);
    }

    /// The part of the range of a partition from `at` on.
    pub(super) fn part_from(&self, partition: usize, at: KeyHash) -> f64 {
        let (start, end) = self.range(partition);
        (end - at.as_fraction()) / (end - start).max(f64::MIN_POSITIVE)
    }

    /// The range of a partition, as fractions of the hash space.
    fn range(&self, partition: usize) -> (f64, f64) {
        let end = self.starts.get(partition + 1);
        (
            KeyHash(self.starts[partition]).as_fraction(),
            end.map_or(1.0, |end| KeyHash(*end).as_fraction()),
        )
    }
}
