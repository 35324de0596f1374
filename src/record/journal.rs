//! The record of a run that is still going on: what was counted in each second, written down as
//! it happens, so that a killed process loses no more than its last second.
//!
//! A journal is an empty record followed by entries. Owns how they add up to a record again; must
//! not know where they are kept.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Interval, OperationTotals, PhaseRecord, RunRecord, histogram::LatencyHistogram};
use crate::units::Timestamp;

/// What happened since the entry before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Everything that was counted before this instant is in this entry or in one before.
    pub until: Timestamp,
    /// What the totals of phases grew by; those that did not are left out.
    pub phases: Vec<PhaseGrowth>,
    /// Seconds that changed, as they stand now: a later entry may have the same one again.
    pub intervals: Vec<Interval>,
}

/// What the totals of a phase grew by. Members as in [`PhaseRecord`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseGrowth {
    /// Index into `RunRecord::phases`.
    pub phase: usize,
    /// Arrivals that became due.
    pub arrivals: u64,
    /// Due → first send.
    pub dispatch_delay: LatencyHistogram,
    /// In the order of `RunRecord::operations`.
    pub operations: Vec<OperationTotals>,
}

impl PhaseGrowth {
    /// None, of a phase with so many operations.
    pub(super) fn none(phase: usize, operations: usize) -> Self {
        Self {
            phase,
            operations: vec![OperationTotals::default(); operations],
            ..Self::default()
        }
    }

    pub(super) fn is_none(&self) -> bool {
        let ended = |totals: &OperationTotals| totals.outcomes.total() > 0;
        self.arrivals == 0 && !self.operations.iter().any(ended)
    }

    /// Adds it to the totals of its phase.
    pub(super) fn add_to(&self, phase: &mut PhaseRecord) {
        phase.arrivals += self.arrivals;
        phase.dispatch_delay.merge(&self.dispatch_delay);
        for (totals, more) in phase.operations.iter_mut().zip(&self.operations) {
            *totals += more;
        }
    }
}

impl std::ops::AddAssign<&Self> for PhaseGrowth {
    fn add_assign(&mut self, other: &Self) {
        self.arrivals += other.arrivals;
        self.dispatch_delay.merge(&other.dispatch_delay);
        for (totals, more) in self.operations.iter_mut().zip(&other.operations) {
            *totals += more;
        }
    }
}

/// What is missing of a run whose process ended without writing its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incomplete {
    /// Nothing is known of what happened from this instant on.
    pub until: Timestamp,
    /// Requests that were due before it and had not ended: they count as arrivals, and have no
    /// outcome.
    pub under_way: u64,
}

impl Incomplete {
    /// What is missing of a record whose counts stay far from overflow.
    #[must_use]
    pub fn of(record: &RunRecord, until: Timestamp) -> Self {
        let due: u64 = record.phases.iter().map(|phase| phase.arrivals).sum();
        let ended = record.phases.iter().flat_map(|phase| &phase.operations);
        let ended: u64 = ended.map(|totals| totals.outcomes.total()).sum();
        Self {
            until,
            under_way: due.saturating_sub(ended),
        }
    }
}

/// A record that is put together, entry by entry: a live histogram takes so much more memory
/// than its line that no more than one entry is ever held.
#[derive(Debug)]
pub struct Assembly {
    record: RunRecord,
    intervals: BTreeMap<u64, Interval>,
    until: Timestamp,
}

impl Assembly {
    /// Begins with the empty record.
    #[must_use]
    pub const fn new(head: RunRecord) -> Self {
        Self {
            record: head,
            intervals: BTreeMap::new(),
            until: Timestamp::ZERO,
        }
    }

    /// Adds an entry. Sums of what entries count must stay far from overflow.
    ///
    /// # Errors
    /// When it is about phases or operations that the run does not have.
    pub fn add(&mut self, entry: Entry) -> Result<(), String> {
        let operations = self.record.operations.len();
        self.until = self.until.max(entry.until);
        for growth in &entry.phases {
            let phase = self.record.phases.get_mut(growth.phase);
            let phase = phase.ok_or_else(|| format!("there is no phase {}", growth.phase))?;
            if growth.operations.len() != operations {
                let found = growth.operations.len();
                return Err(format!("{found} operations instead of {operations}"));
            }
            growth.add_to(phase);
        }
        let seconds = entry.intervals.into_iter();
        self.intervals
            .extend(seconds.map(|interval| (interval.second, interval)));
        Ok(())
    }

    /// The record that the entries stand for, and until when.
    #[must_use]
    pub fn finish(mut self) -> (RunRecord, Timestamp) {
        self.record.intervals = self.intervals.into_values().collect();
        self.record.end_at(self.until);
        (self.record, self.until)
    }
}
