//! What a table or one of its global indexes had to give, second by second.

use super::{BurstSummary, cause::Moved, collect::ratio, measured_intervals};
use crate::{
    record::{Interval, IntervalTable, RunRecord, TableRecord},
    units::{Direction, float},
};

/// Burst credit below this part of the full bucket counts as run dry.
const DRY: f64 = 0.01;

/// A table or a global index of a record.
#[derive(Clone, Copy)]
pub(super) struct Supplied<'a> {
    record: &'a RunRecord,
    table: usize,
    /// Number among the table's global indexes; `None` for the table itself.
    index: Option<usize>,
}

impl<'a> Supplied<'a> {
    /// Table number `table`.
    pub(super) const fn table(record: &'a RunRecord, table: usize) -> Self {
        Self {
            record,
            table,
            index: None,
        }
    }

    /// Its global index number `index`.
    pub(super) const fn index(self, index: usize) -> Self {
        Self {
            index: Some(index),
            ..self
        }
    }

    fn about(&self) -> &'a TableRecord {
        &self.record.tables[self.table]
    }

    fn state(self, interval: &'a Interval) -> Option<&'a IntervalTable> {
        let table = interval.tables.get(self.table)?;
        match self.index {
            None => Some(table),
            Some(index) => table.indexes.get(index),
        }
    }

    /// What is provisioned on average, and between which bounds if it moved. Where no server
    /// shows it, it is what there was at the start.
    pub(super) fn provisioned(self, direction: Direction) -> (f64, Option<Moved>) {
        let about = self.about();
        if about.on_demand {
            return (0.0, None);
        }
        let shown = measured_intervals(self.record).filter_map(|second| self.state(second));
        let (mut sum, mut count) = (0.0, 0);
        let (mut lowest, mut highest) = (f64::INFINITY, 0.0_f64);
        for state in shown {
            let units = state.provisioned[direction].as_f64();
            (sum, count) = (sum + units, count + 1);
            (lowest, highest) = (lowest.min(units), highest.max(units));
        }
        let mean = ratio(sum, float(count));
        let moved = (lowest < highest).then_some(Moved { lowest, highest });
        let at_first = match self.index {
            None => about.provisioned,
            Some(index) => about.indexes[index].provisioned,
        };
        (mean.unwrap_or_else(|| at_first[direction].as_f64()), moved)
    }

    /// Burst credit over the run; `None` where the target does not show it.
    pub(super) fn burst(self, direction: Direction, provisioned: f64) -> Option<BurstSummary> {
        let about = self.about();
        if !about.governed || about.on_demand {
            return None;
        }
        let full = provisioned * f64::from(about.burst_seconds);
        let left = |second: &'a Interval| {
            let left = self.state(second)?.burst_left?[direction];
            left.is_finite().then_some(left)
        };
        let measured = || measured_intervals(self.record).filter_map(left);
        let lowest = measured().reduce(f64::min)?;
        let last = measured().last()?;
        let mut ever_available = false;
        let mut ran_dry_at_second = None;
        for interval in &self.record.intervals {
            let Some(left) = left(interval) else { continue };
            if left >= DRY * full {
                ever_available = true;
            } else if ever_available && ran_dry_at_second.is_none() {
                ran_dry_at_second = Some(interval.second);
            }
        }
        Some(BurstSummary {
            full,
            lowest,
            last,
            ran_dry_at_second,
            ever_available,
        })
    }
}
