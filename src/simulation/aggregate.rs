//! Simulation by partition and second instead of request by request: for loads too large for
//! single events.
//!
//! Hot keys are counted one by one, the tail of a law evenly over the hash space. Demand is even
//! within a second, and a request fails where the first attempt and all its retries fail, which
//! are taken as made in the same second. Not modelled: response times, queues and bounds of the
//! client, retries beyond the second, tables that grow, chance.

mod side;
mod spread;

use std::sync::Arc;

use crate::{
    record::{
        IntervalTable, RunRecord,
        recorder::{Recorder, RunHeader},
    },
    scenario::{
        BackpressureMode, Billing, KeySpec, OperationKind, PhaseKind, QuotaScope, Scenario,
    },
    schedule::{Schedule, flow::per_second},
    units::{Share, float},
    workload::Workload,
};
use side::{Rounded, TableFlow};

use super::{SimulationError, end_of_second_before, items_at_start, table::SimulatedTable};

/// Requests from which a simulation is by partition and second unless it is told otherwise: as
/// single events they would take minutes.
const AUTOMATIC_FROM: f64 = 5e8;

/// What a record says of itself when it was made so.
pub const NOTE: &str = "simulated by partition and second: hot keys exactly, the tail by its \
     law; retries within the second; no response times";

/// Looks at the heat of partitions, at most: with a thousand of them each takes milliseconds,
/// more than the seconds between two.
const LOOKS_MAX: u64 = 200;

/// Whether it is large enough to be simulated so without being told.
///
/// # Errors
/// As [`simulate`], when it is large enough but something has to be looked at request by request.
pub fn suits(scenario: &Scenario) -> Result<bool, SimulationError> {
    let is_large = arrivals(scenario).is_some_and(|count| count >= AUTOMATIC_FROM);
    if is_large {
        check(scenario)?;
    }
    Ok(is_large)
}

/// How many arrivals the timed phases of a scenario have, about; `None` where that depends on
/// answers.
fn arrivals(scenario: &Scenario) -> Option<f64> {
    let timed = scenario.phases.iter();
    timed
        .filter(|phase| phase.kind != PhaseKind::Load && !phase.duration.is_zero())
        .map(|phase| {
            let mean = phase.arrivals.rate_mean(phase.duration)?;
            Some(mean.as_per_second() * phase.duration.as_secs_f64())
        })
        .sum()
}

/// Simulates every timed phase of `scenario` by partition and second.
///
/// # Errors
/// When something of it has to be looked at request by request, or a table is too large for what
/// has to be known of its keys.
pub fn simulate(
    scenario: &Arc<Scenario>,
    mut header: RunHeader,
) -> Result<RunRecord, SimulationError> {
    check(scenario)?;
    let overrides = &mut header.provenance.model_overrides;
    overrides.retain(|told| !told.starts_with("simulated service time"));
    overrides.push(NOTE.to_owned());
    let workload = Workload::new(Arc::clone(scenario));
    let mut recorder = Recorder::new(scenario, header);
    let mut tables = (0..scenario.tables.len())
        .map(|table| {
            let loaded = items_at_start(scenario, table);
            let simulated = SimulatedTable::new(&workload, table, loaded)?;
            TableFlow::new(&workload, table, simulated)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let seconds = Schedule::new(scenario).duration().as_secs();
    let look_every = seconds.div_ceil(LOOKS_MAX).max(1);
    let mut rounded = vec![Rounded::default(); scenario.operations.len()];
    let mut second = 0;
    for (number, phase) in scenario.phases.iter().enumerate() {
        if phase.kind == PhaseKind::Load {
            continue;
        }
        let counts = per_second(&phase.arrivals, phase.duration).unwrap_or_default();
        let shares: Vec<f64> = phase
            .shares(&scenario.operations)
            .map(Share::as_fraction)
            .collect();
        for count in counts {
            let now = end_of_second_before(second);
            let asked = divided(count, &shares, &mut rounded);
            for table in &mut tables {
                let passed = table.second(&asked, now);
                for (operation, passed) in passed {
                    let flow = rounded[operation].flow(asked[operation], &passed);
                    recorder.flow((number, operation), second, &flow);
                }
            }
            second += 1;
            let end = end_of_second_before(second);
            let is_look = second % look_every == 0 || second == seconds;
            let stand: Vec<IntervalTable> = tables
                .iter_mut()
                .map(|table| table.close_second(second - 1, end, is_look))
                .collect();
            recorder.tables(second - 1, &stand);
        }
    }
    let mut record = recorder.into_record();
    for (number, table) in tables.iter().enumerate() {
        record.heat.extend(table.heat(number, &scenario.model));
    }
    Ok(record)
}

/// What an event is needed for.
fn check(scenario: &Scenario) -> Result<(), SimulationError> {
    let refuse = |what: String| Err(SimulationError::NotInAggregate { what });
    for operation in &scenario.operations {
        let kind = operation.kind;
        if kind.has_members() || kind == OperationKind::Scan {
            return refuse(format!(
                "operation {}: batches, transactions and scans",
                operation.name
            ));
        }
        if operation.condition.is_some() {
            return refuse(format!("operation {}: conditions", operation.name));
        }
        let keys = &scenario.keys[operation.keys];
        if matches!(
            keys.spec,
            KeySpec::Latest { .. }
                | KeySpec::HotSet {
                    moves_every: Some(_),
                    ..
                }
        ) {
            return refuse(format!("keys {}: what is hot changes with time", keys.name));
        }
    }
    for phase in scenario
        .phases
        .iter()
        .filter(|phase| phase.kind != PhaseKind::Load)
    {
        if phase.arrivals.is_closed() {
            return refuse(format!(
                "phase {}: clients that wait for answers",
                phase.name
            ));
        }
        if phase.duration.subsec_nanos() != 0 {
            return refuse(format!("phase {}: a part of a second", phase.name));
        }
    }
    let has_indexes = scenario
        .tables
        .iter()
        .any(|t| t.global_indexes().next().is_some());
    if has_indexes && scenario.model.gsi_backpressure_mode == BackpressureMode::Buffered {
        return refuse("gsi_backpressure_mode: buffered".to_owned());
    }
    let on_demand = |billing: &Billing| matches!(billing, Billing::OnDemand { .. });
    if scenario
        .tables
        .iter()
        .any(|table| on_demand(&table.billing))
        && scenario.model.quota_scope == QuotaScope::TablePlusGsis
    {
        return refuse("quota_scope: table_plus_gsis".to_owned());
    }
    Ok(())
}

/// `count` arrivals by operation; what is less than one is carried on.
fn divided(count: u64, shares: &[f64], rounded: &mut [Rounded]) -> Vec<u64> {
    let total: f64 = shares.iter().sum();
    let mut left = count;
    let mut asked: Vec<u64> = shares
        .iter()
        .zip(rounded.iter_mut())
        .map(|(share, rounded)| {
            let own = rounded
                .arrivals
                .whole(float(count) * share / total)
                .min(left);
            left -= own;
            own
        })
        .collect();
    // What rounding leaves belongs to the one that is furthest behind.
    let behind = |(number, _): &(usize, &u64)| rounded[*number].arrivals.behind();
    let furthest = asked
        .iter()
        .enumerate()
        .filter(|(number, _)| shares[*number] > 0.0);
    let furthest = furthest.max_by(|one, other| behind(one).total_cmp(&behind(other)));
    if let Some((number, _)) = furthest {
        asked[number] += left;
        rounded[number].arrivals.owe(float(left));
    }
    asked
}
