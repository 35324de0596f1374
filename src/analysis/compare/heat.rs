//! Which partitions a candidate makes hot, on a table large enough to have several.

use serde::{Deserialize, Serialize};

use super::spread::{Load, WINDOW};
use crate::{
    capacity::{
        partition::{self, Partitions},
        throttle::Resource,
    },
    simulation::trace::Trace,
    units::{ByDirection, CapacityUnits, Direction, Timestamp, float},
};

/// Partitions that are looked at, at least and at most.
const PARTITIONS: (u64, u64) = (16, 64);
/// Stretches of time that are looked at, at most.
const COLUMNS: u64 = 60;
/// Part of what the partitions give that the load would use if it were even.
const USED: f64 = 0.5;

/// The table that all candidates are looked at on: so many partitions, and so many times the
/// scenario's load, that half of what they give would be used if it were spread evenly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Partitions of equal parts of the hash space.
    pub partitions: u64,
    /// Multiple of the scenario's load, at its mean over the measured phases.
    pub multiple: f64,
    /// Length of a stretch of time, seconds.
    pub seconds: f64,
    /// How many of them the measured phases have.
    pub columns: u64,
}

impl Stage {
    /// For the requests of `trace` to table `table`.
    #[must_use]
    pub fn of(trace: &Trace, table: usize) -> Self {
        let model = &trace.workload().scenario().model;
        let load = Load::of(trace, table);
        let partitions = load.partitions(trace.table_bytes(table), model);
        let partitions = partitions.clamp(PARTITIONS.0, PARTITIONS.1);
        let multiple = |direction| {
            let gives = float(partitions) * partition::ceiling(direction, model).as_f64();
            USED * gives / load.mean[direction]
        };
        let multiples = Direction::ALL.map(multiple).into_iter();
        let least = multiples.fold(f64::INFINITY, f64::min);
        let seconds = trace.measured_seconds();
        let columns = whole(seconds / WINDOW).clamp(1, COLUMNS);
        Self {
            partitions,
            multiple: if least.is_finite() { least } else { 1.0 },
            seconds: seconds / float(columns),
            columns,
        }
    }

    /// What a candidate makes of it, under which requests are `keyed`: by partition, in the order of the hash space, and stretch of
    /// time, the units that are asked of it ÷ what it gives, in the direction in which that is
    /// larger.
    #[must_use]
    pub fn heat(&self, keyed: &Trace, table: usize) -> Vec<Vec<f64>> {
        let model = &keyed.workload().scenario().model;
        let rates = ByDirection::from_fn(|_| CapacityUnits::whole(1));
        let partitions = Partitions::new(self.partitions, rates, model, Timestamp::ZERO);
        let columns = usize::try_from(self.columns).unwrap_or(1);
        let mut asked = vec![vec![ByDirection::<f64>::default(); columns]; partitions.count()];
        arms(keyed, table, |place, at, direction, units| {
            let column = usize::try_from(whole(at / self.seconds)).unwrap_or(0);
            let row = &mut asked[partitions.index_of(place)];
            row[column.min(columns - 1)][direction] += units;
        });
        let of_ceiling = |asked: &ByDirection<f64>| {
            let share = |direction| {
                let ceiling = partition::ceiling(direction, model).as_f64();
                asked[direction] / self.seconds * self.multiple / ceiling
            };
            let most = Direction::ALL.map(share).into_iter().fold(0.0, f64::max);
            // Four digits are more than a colour shows.
            (most * 1e4).round() / 1e4
        };
        let rows = asked.iter();
        rows.map(|row| row.iter().map(of_ceiling).collect())
            .collect()
    }
}

/// Each use of the table itself in the measured phases: where, seconds since their start, which
/// direction and how many units.
fn arms(
    trace: &Trace,
    table: usize,
    mut each: impl FnMut(partition::KeyHash, f64, Direction, f64),
) {
    let measured = || trace.requests().iter().filter(|request| request.measured);
    let start = measured().next().map_or(Timestamp::ZERO, |first| first.due);
    for request in measured().filter(|request| trace.table(request) == table) {
        let at = request.due.since(start).as_secs_f64();
        let arms = trace.arms(request);
        for arm in arms.filter(|arm| arm.resource == Resource::Table) {
            each(arm.key.collection(), at, arm.direction, arm.units.as_f64());
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; saturates"
)]
const fn whole(value: f64) -> u64 {
    value as u64
}
