//! How large anything in a stored record may be, so that no sum overflows and nothing is drawn
//! for ever.

use crate::{
    record::{
        Interval, OperationTotals, OutcomeCounts, PhaseRecord, RunRecord,
        heat::{COLUMNS_MAX, PARTITIONS_MAX, ResourceHeat},
    },
    scenario::Scenario,
    schedule::shard::SHARDS_MAX,
    units::{ByDirection, CapacityUnits, Direction},
};

/// More of anything than a run can count; sums of it stay far from overflow.
const COUNT_MAX: u64 = 10_000_000_000_000;
/// Seconds that nanoseconds in 64 bits can tell.
const SECONDS_MAX: u64 = u64::MAX / 1_000_000_000;

pub(super) fn check(record: &RunRecord, scenario: &Scenario) -> Result<(), String> {
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
            .and_then(|()| check_phase(phase, &place))?;
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
        check_interval(interval, &place)?;
    }
    counts("loading", [record.provenance.items_loaded])?;
    ensure(record.shards.len() <= SHARDS_MAX as usize, || {
        format!("it has more than {SHARDS_MAX} shards")
    })?;
    counts("a shard", record.shards.iter().map(|one| one.arrivals))?;
    for totals in &record.model {
        units("the model", &totals.consumed)?;
        all_units("the model", &totals.indexes)?;
        counts("the model", totals.throttles_by_reason.values().copied())?;
    }
    record.heat.iter().try_for_each(check_heat)
}

fn check_heat(heat: &ResourceHeat) -> Result<(), String> {
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
    units(place, &heat.ceilings)?;
    for one in heat.partitions.iter().chain(&heat.others) {
        for direction in Direction::ALL {
            let took = &one.directions[direction];
            halves(place, [took.served, took.refused])?;
        }
    }
    for direction in Direction::ALL {
        let keys = &heat.keys[direction];
        halves(place, [keys.units, keys.missing_at_most])?;
        halves(place, keys.top.iter().map(|key| key.units))?;
        halves(place, keys.curve.iter().map(|(_, took)| *took))?;
        counts(place, keys.top.iter().map(|key| key.throttles))?;
    }
    Ok(())
}

pub(super) fn check_phases(phases: &[PhaseRecord]) -> Result<(), String> {
    let mut phases = phases.iter().enumerate();
    phases.try_for_each(|(index, phase)| check_phase(phase, &format!("phase {index}")))
}

fn check_phase(phase: &PhaseRecord, place: &str) -> Result<(), String> {
    ensure(phase.starts <= phase.ends, || {
        format!("{place} ends before it starts")
    })?;
    check_totals(place, phase.arrivals, &phase.operations)
}

pub(super) fn check_totals(
    place: &str,
    arrivals: u64,
    operations: &[OperationTotals],
) -> Result<(), String> {
    counts(place, [arrivals])?;
    for totals in operations {
        outcomes(place, &totals.outcomes)?;
        counts(place, [totals.attempts])?;
        counts(place, totals.throttle_reasons.values().copied())?;
        counts(place, totals.errors.values().copied())?;
        counts(place, [totals.conditions_failed, totals.unprocessed])?;
        units(place, &totals.consumed)?;
        all_units(place, &totals.index_consumed)?;
    }
    Ok(())
}

fn check_interval(interval: &Interval, place: &str) -> Result<(), String> {
    counts(place, [interval.arrivals, interval.sent])?;
    if let Some(took) = &interval.generator {
        let times = [took.cpu_nanos, took.busiest_cpu_nanos];
        counts(
            place,
            times.into_iter().chain([took.in_flight, took.queued]),
        )?;
    }
    for part in &interval.operations {
        outcomes(place, &part.outcomes)?;
        counts(place, part.throttle_reasons.values().copied())?;
        units(place, &part.consumed)?;
        all_units(place, &part.index_consumed)?;
    }
    interval.tables.iter().try_for_each(|table| {
        units(place, &table.provisioned)?;
        let mut indexes = table.indexes.iter();
        indexes.try_for_each(|index| units(place, &index.provisioned))
    })
}

fn same(what: &str, found: usize, place: &str, expected: usize) -> Result<(), String> {
    ensure(found == expected, || {
        format!("{what} of the record and of {place} differ in number ({found} and {expected})")
    })
}

fn outcomes(place: &str, of: &OutcomeCounts) -> Result<(), String> {
    let all = [
        of.completed,
        of.throttled,
        of.failed,
        of.timed_out,
        of.dropped,
    ];
    counts(place, all)
}

fn counts(place: &str, counts: impl IntoIterator<Item = u64>) -> Result<(), String> {
    counts.into_iter().try_for_each(|count| {
        ensure(count <= COUNT_MAX, || {
            format!("{place} counts {count}, more than any run can")
        })
    })
}

fn units(place: &str, units: &ByDirection<CapacityUnits>) -> Result<(), String> {
    halves(place, Direction::ALL.map(|direction| units[direction]))
}

fn all_units(place: &str, all: &[ByDirection<CapacityUnits>]) -> Result<(), String> {
    all.iter().try_for_each(|one| units(place, one))
}

fn halves(place: &str, units: impl IntoIterator<Item = CapacityUnits>) -> Result<(), String> {
    units.into_iter().try_for_each(|units| {
        ensure(units.halves().unsigned_abs() <= COUNT_MAX, || {
            format!("{place} has more capacity units than any table")
        })
    })
}

pub(super) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
