//! How large anything in a stored record may be, so that no sum overflows and nothing is drawn
//! for ever.

use crate::{
    record::{
        Interval, OperationTotals, OutcomeCounts, PhaseRecord, RunRecord,
        heat::{COLUMNS_MAX, PARTITIONS_MAX, ResourceHeat},
        histogram::LatencyHistogram,
    },
    scenario::Scenario,
    schedule::shard::SHARDS_MAX,
    units::{ByDirection, CapacityUnits, Direction},
};

/// More of anything than a run can count, in half units for capacity: beyond, doubles and so JSON
/// do not tell it exactly. A day at 10^6 requests/s, each a batch of 16 MB, is a third.
const COUNT_MAX: u64 = 1 << 53;
/// More of everything together; so no sum of parts overflows, and neither does twice that.
const SUM_MAX: u64 = 1 << 61;
/// Seconds that nanoseconds in 64 bits can tell.
const SECONDS_MAX: u64 = u64::MAX / 1_000_000_000;

/// All that was counted, whatever it is: what a record counts in several places, several times.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted(u64);

/// What `record` counts, if it fits `scenario`.
pub(super) fn check(record: &RunRecord, scenario: &Scenario) -> Result<Counted, String> {
    let mut counted = Counted::default();
    let (operations, tables) = (record.operations.len(), record.tables.len());
    same(
        "operations",
        operations,
        "the scenario",
        scenario.operations.len(),
    )?;
    same("tables", tables, "the scenario", scenario.tables.len())?;
    for (index, operation) in record.operations.iter().enumerate() {
        ensure(operation.table < tables, || {
            let table = operation.table;
            format!("operation {index} is on table {table}, but there are {tables}")
        })?;
    }
    for (index, phase) in record.phases.iter().enumerate() {
        let place = format!("phase {index}");
        same("operations", phase.operations.len(), &place, operations)
            .and_then(|()| counted.phase(phase, &place))?;
    }
    let mut last = None;
    for interval in &record.intervals {
        let place = format!("second {}", interval.second);
        ensure(interval.second < SECONDS_MAX, || {
            format!("{place} is too late")
        })?;
        ensure(last < Some(interval.second), || {
            format!("{place} is out of order")
        })?;
        last = Some(interval.second);
        same("operations", interval.operations.len(), &place, operations)?;
        same("tables", interval.tables.len(), &place, tables)?;
        counted.interval(interval, &place)?;
    }
    counted.counts("loading", [record.provenance.items_loaded])?;
    ensure(record.shards.len() <= SHARDS_MAX as usize, || {
        format!("it has more than {SHARDS_MAX} shards")
    })?;
    counted.counts("a shard", record.shards.iter().map(|one| one.arrivals))?;
    for totals in &record.model {
        counted.units("the model", &totals.consumed)?;
        counted.all_units("the model", &totals.indexes)?;
        counted.counts("the model", totals.throttles_by_reason.values().copied())?;
    }
    let mut heat = record.heat.iter();
    heat.try_for_each(|heat| counted.heat(heat))?;
    Ok(counted)
}

impl Counted {
    fn heat(&mut self, heat: &ResourceHeat) -> Result<(), String> {
        let place = "its heat";
        let (columns, partitions) = (heat.columns, heat.partitions.len());
        ensure(
            columns <= COLUMNS_MAX && partitions <= PARTITIONS_MAX,
            || {
                format!(
                    "{place} has {columns} columns and {partitions} partitions, more than {COLUMNS_MAX} \
             and {PARTITIONS_MAX}"
                )
            },
        )?;
        ensure((1..SECONDS_MAX).contains(&heat.column_seconds), || {
            format!("{place} has columns of {} seconds", heat.column_seconds)
        })?;
        self.units(place, &heat.ceilings)?;
        for one in heat.partitions.iter().chain(&heat.others) {
            for direction in Direction::ALL {
                let took = &one.directions[direction];
                self.halves(place, [took.served, took.refused])?;
            }
        }
        for direction in Direction::ALL {
            let keys = &heat.keys[direction];
            self.halves(place, [keys.units, keys.missing_at_most])?;
            self.halves(place, keys.top.iter().map(|key| key.units))?;
            self.halves(place, keys.curve.iter().map(|(_, took)| *took))?;
            self.counts(place, keys.top.iter().map(|key| key.throttles))?;
        }
        Ok(())
    }

    /// Adds phases.
    pub(super) fn phases(&mut self, phases: &[PhaseRecord]) -> Result<(), String> {
        let mut phases = phases.iter().enumerate();
        phases.try_for_each(|(index, phase)| self.phase(phase, &format!("phase {index}")))
    }

    fn phase(&mut self, phase: &PhaseRecord, place: &str) -> Result<(), String> {
        ensure(phase.starts <= phase.ends, || {
            format!("{place} ends before it starts")
        })?;
        self.totals(place, phase.arrivals, &phase.operations)
    }

    /// Adds totals of a phase or of a part of it.
    pub(super) fn totals(
        &mut self,
        place: &str,
        arrivals: u64,
        operations: &[OperationTotals],
    ) -> Result<(), String> {
        self.counts(place, [arrivals])?;
        for totals in operations {
            self.outcomes(place, &totals.outcomes)?;
            self.counts(place, [totals.attempts])?;
            let times = [
                &totals.response_time,
                &totals.service_time,
                &totals.throttled_response_time,
                &totals.failed_response_time,
            ];
            self.counts(place, times.map(LatencyHistogram::count))?;
            self.counts(place, totals.throttle_reasons.values().copied())?;
            self.counts(place, totals.errors.values().copied())?;
            self.counts(place, [totals.conditions_failed, totals.unprocessed])?;
            self.units(place, &totals.consumed)?;
            self.all_units(place, &totals.index_consumed)?;
        }
        Ok(())
    }

    fn interval(&mut self, interval: &Interval, place: &str) -> Result<(), String> {
        self.counts(place, [interval.arrivals, interval.sent])?;
        if let Some(took) = &interval.generator {
            let times = [took.cpu_nanos, took.busiest_cpu_nanos];
            self.counts(
                place,
                times.into_iter().chain([took.in_flight, took.queued]),
            )?;
        }
        for part in &interval.operations {
            self.outcomes(place, &part.outcomes)?;
            self.counts(place, part.throttle_reasons.values().copied())?;
            self.units(place, &part.consumed)?;
            self.all_units(place, &part.index_consumed)?;
        }
        interval.tables.iter().try_for_each(|table| {
            self.units(place, &table.provisioned)?;
            let mut indexes = table.indexes.iter();
            indexes.try_for_each(|index| self.units(place, &index.provisioned))
        })
    }

    fn outcomes(&mut self, place: &str, of: &OutcomeCounts) -> Result<(), String> {
        let all = [
            of.completed,
            of.throttled,
            of.failed,
            of.timed_out,
            of.dropped,
        ];
        self.counts(place, all)
    }

    /// Adds counts of `place`.
    pub(super) fn counts(
        &mut self,
        place: &str,
        counts: impl IntoIterator<Item = u64>,
    ) -> Result<(), String> {
        counts.into_iter().try_for_each(|count| {
            ensure(count <= COUNT_MAX, || {
                format!("{place} counts {count}, more than any run can")
            })?;
            self.add(Self(count))
        })
    }

    /// Adds what another record counts.
    pub(super) fn add(&mut self, other: Self) -> Result<(), String> {
        self.0 += other.0;
        ensure(self.0 <= SUM_MAX, || {
            "all that is counted is more than any run can".to_owned()
        })
    }

    fn units(&mut self, place: &str, units: &ByDirection<CapacityUnits>) -> Result<(), String> {
        self.halves(place, Direction::ALL.map(|direction| units[direction]))
    }

    fn all_units(&mut self, place: &str, all: &[ByDirection<CapacityUnits>]) -> Result<(), String> {
        all.iter().try_for_each(|one| self.units(place, one))
    }

    fn halves(
        &mut self,
        place: &str,
        units: impl IntoIterator<Item = CapacityUnits>,
    ) -> Result<(), String> {
        units.into_iter().try_for_each(|units| {
            let halves = units.halves().unsigned_abs();
            ensure(halves <= COUNT_MAX, || {
                format!("{place} has more capacity units than any table")
            })?;
            self.add(Self(halves))
        })
    }
}

fn same(what: &str, found: usize, place: &str, expected: usize) -> Result<(), String> {
    ensure(found == expected, || {
        format!("{what} of the record and of {place} differ in number ({found} and {expected})")
    })
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
