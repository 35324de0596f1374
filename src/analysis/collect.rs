//! Adding up a record; see [`super::Summary`] for what the numbers mean.

use std::collections::BTreeMap;

use super::{
    CapacitySummary, OperationSummary, Percentiles, Summary, TableSummary, ThrottleCause, index,
    measured_intervals, measured_phases, supplied::Supplied, throttle_direction,
};
use crate::{
    record::{OperationTotals, OutcomeCounts, RunRecord, TableRecord, histogram::LatencyHistogram},
    scenario::OperationKind,
    units::{ByDirection, CapacityUnits, Direction, float},
};

/// Demand peaks are means over this many seconds. Shorter ones are what burst credit is for;
/// longer windows would hide the end of a ramp.
const PEAK_SECONDS: u64 = 10;

pub(super) fn summary(record: &RunRecord) -> Summary {
    let seconds = measured_phases(record)
        .map(|phase| phase.ends.since(phase.starts).as_secs_f64())
        .sum::<f64>();
    let totals: Vec<OperationTotals> = (0..record.operations.len())
        .map(|operation| operation_totals(record, operation))
        .collect();
    let mut outcomes = OutcomeCounts::default();
    let mut response_time = LatencyHistogram::default();
    let mut service_time = LatencyHistogram::default();
    for total in &totals {
        outcomes += total.outcomes;
        response_time.merge(&total.response_time);
        service_time.merge(&total.service_time);
    }
    let mut dispatch_delay = LatencyHistogram::default();
    for phase in measured_phases(record) {
        dispatch_delay.merge(&phase.dispatch_delay);
    }
    let arrivals = measured_phases(record)
        .map(|phase| phase.arrivals)
        .sum::<u64>();
    let load = Load {
        seconds,
        arrivals,
        busiest_per_second: busiest_per_second(record),
    };
    Summary {
        seconds,
        arrivals,
        outcomes,
        offered_per_second: per_second(arrivals, seconds),
        completed_per_second: per_second(outcomes.completed, seconds),
        throttled_share: share(outcomes.throttled, arrivals),
        error_share: share(outcomes.failed + outcomes.timed_out, arrivals),
        dropped_share: share(outcomes.dropped, arrivals),
        response_time: Percentiles::of(&response_time),
        service_time: Percentiles::of(&service_time),
        dispatch_delay: Percentiles::of(&dispatch_delay),
        operations: record
            .operations
            .iter()
            .zip(&totals)
            .map(|(operation, total)| OperationSummary {
                name: operation.name.clone(),
                kind: operation.kind,
                table: operation.table,
                arrivals: total.outcomes.total(),
                outcomes: total.outcomes,
                attempts: total.attempts,
                offered_per_second: per_second(total.outcomes.total(), seconds),
                completed_per_second: per_second(total.outcomes.completed, seconds),
                response_time: Percentiles::of(&total.response_time),
                service_time: Percentiles::of(&total.service_time),
                units_per_request: units_per_request_billed(operation.kind, total),
                throttled_share: share(total.outcomes.throttled, total.outcomes.total()),
                error_share: share(
                    total.outcomes.failed + total.outcomes.timed_out,
                    total.outcomes.total(),
                ),
                errors: total.errors.clone(),
            })
            .collect(),
        tables: record
            .tables
            .iter()
            .enumerate()
            .map(|(index, table)| TableSummary {
                name: table.name.clone(),
                directions: ByDirection::from_fn(|direction| {
                    capacity(record, &totals, (index, table), direction, load)
                }),
                indexes: index::summaries(record, &totals, index, seconds),
            })
            .collect(),
    }
}

/// One operation over all measured phases.
pub(super) fn operation_totals(record: &RunRecord, operation: usize) -> OperationTotals {
    let mut sum = OperationTotals::default();
    for total in measured_phases(record).filter_map(|phase| phase.operations.get(operation)) {
        sum += total;
    }
    sum
}

/// Of the table and of its global indexes together, as DynamoDB bills a request.
fn units_per_request_billed(kind: OperationKind, total: &OperationTotals) -> Option<f64> {
    let direction = kind.direction();
    let of_indexes: CapacityUnits = total.index_consumed.iter().map(|i| i[direction]).sum();
    ratio(
        (total.consumed[direction] + of_indexes).as_f64(),
        float(total.outcomes.completed),
    )
}

/// Of the table alone: what its own capacity has to serve.
fn units_per_request(kind: OperationKind, total: &OperationTotals) -> Option<f64> {
    ratio(
        total.consumed[kind.direction()].as_f64(),
        float(total.outcomes.completed),
    )
}

/// What was asked for in the measured phases.
#[derive(Clone, Copy)]
struct Load {
    seconds: f64,
    arrivals: u64,
    /// Absent when no second lies within a measured phase.
    busiest_per_second: Option<f64>,
}

/// Most arrivals per second over [`PEAK_SECONDS`] in a row, or over the whole phase where that
/// is shorter. Seconds that only overlap a measured phase do not count.
fn busiest_per_second(record: &RunRecord) -> Option<f64> {
    const SECOND: u64 = 1_000_000_000;
    let mut arrivals = BTreeMap::<u64, u64>::new();
    for interval in &record.intervals {
        *arrivals.entry(interval.second).or_default() += interval.arrivals;
    }
    measured_phases(record)
        .filter_map(|phase| {
            let first = phase.starts.as_nanos().div_ceil(SECOND);
            let end = phase.ends.as_nanos() / SECOND;
            let window = PEAK_SECONDS.min(end.checked_sub(first)?);
            (window > 0).then_some((first, end, window))
        })
        .flat_map(|(first, end, window)| {
            arrivals.range(first..end).map({
                let arrivals = &arrivals;
                move |(&second, _)| {
                    let from = second.min(end - window);
                    let due: u64 = arrivals
                        .range(from..from + window)
                        .map(|(_, due)| due)
                        .sum();
                    float(due) / float(window)
                }
            })
        })
        .reduce(f64::max)
}

fn capacity(
    record: &RunRecord,
    totals: &[OperationTotals],
    (index, table): (usize, &TableRecord),
    direction: Direction,
    load: Load,
) -> CapacitySummary {
    let of_table = || {
        record
            .operations
            .iter()
            .zip(totals)
            .filter(|(operation, _)| operation.table == index)
    };
    let mut consumed = CapacityUnits::ZERO;
    let mut outcomes = OutcomeCounts::default();
    let mut demand = Some(0.0);
    let mut by_reason = BTreeMap::<String, u64>::new();
    for (operation, total) in of_table() {
        consumed += total.consumed[direction];
        for (reason, count) in &total.throttle_reasons {
            if throttle_direction(reason, operation.kind.direction()) == direction {
                *by_reason.entry(reason.clone()).or_default() += count;
            }
        }
        if operation.kind.direction() == direction {
            outcomes += total.outcomes;
            if total.outcomes.total() > 0 {
                let units = units_per_request(operation.kind, total);
                demand = demand
                    .zip(units)
                    .map(|(sum, units)| sum + units * float(total.outcomes.total()));
            }
        }
    }
    let mut by_cause = BTreeMap::new();
    for (reason, count) in &by_reason {
        *by_cause.entry(ThrottleCause::of(reason)).or_default() += count;
    }
    let (peak, seconds_with_throttles) = by_the_second(record, index, direction);
    let mean_per_second = ratio(consumed.as_f64(), load.seconds).unwrap_or(0.0);
    let supply = Supplied::table(record, index);
    let (provisioned, moved) = supply.provisioned(direction);
    let mean_demand = demand.and_then(|units| ratio(units, load.seconds));
    // The mix of operations is the same all the time, so each arrival asks for as much.
    let peak_demand = mean_demand.map(|mean| {
        demand
            .and_then(|units| ratio(units, float(load.arrivals)))
            .zip(load.busiest_per_second)
            .map_or(mean, |(units, arrivals)| mean.max(units * arrivals))
    });
    CapacitySummary {
        provisioned,
        on_demand: table.on_demand,
        moved,
        consumed: consumed.as_f64(),
        mean_per_second,
        peak_per_second: peak.as_f64(),
        utilisation: ratio(mean_per_second, provisioned),
        demand_estimate_per_second: mean_demand,
        demand_peak_estimate_per_second: peak_demand,
        arrivals: outcomes.total(),
        outcomes,
        throttled_share: share(outcomes.throttled, outcomes.total()),
        seconds_with_throttles,
        throttles_by_reason: by_reason,
        throttles_by_cause: by_cause,
        burst: supply.burst(direction, provisioned),
    }
}

/// The most units consumed in one second, and the number of seconds with throttles.
fn by_the_second(record: &RunRecord, table: usize, direction: Direction) -> (CapacityUnits, u64) {
    let mut peak = CapacityUnits::ZERO;
    let mut throttled_seconds = 0;
    for interval in measured_intervals(record) {
        let mut units = CapacityUnits::ZERO;
        let mut throttled = false;
        for (operation, totals) in record.operations.iter().zip(&interval.operations) {
            if operation.table != table {
                continue;
            }
            units += totals.consumed[direction];
            let otherwise = operation.kind.direction();
            throttled |= totals
                .throttle_reasons
                .keys()
                .any(|reason| throttle_direction(reason, otherwise) == direction)
                || (otherwise == direction && totals.outcomes.throttled > 0);
        }
        peak = peak.max(units);
        throttled_seconds += u64::from(throttled);
    }
    (peak, throttled_seconds)
}

fn per_second(count: u64, seconds: f64) -> f64 {
    ratio(float(count), seconds).unwrap_or(0.0)
}

fn share(part: u64, whole: u64) -> Option<f64> {
    ratio(float(part), float(whole))
}

pub(super) fn ratio(part: f64, whole: f64) -> Option<f64> {
    let ratio = part / whole;
    (whole > 0.0 && ratio.is_finite()).then_some(ratio)
}
