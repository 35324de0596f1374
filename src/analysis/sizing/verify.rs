//! A recommendation fired with real requests, beside what a simulation of it says.

use serde::Serialize;

use super::{
    Sizing, SizingOptions,
    bill::{Mode, Offer},
    demand,
};
use crate::{
    analysis::{
        Percentiles, Summary, measured_phases, replay,
        threshold::{InvalidReason, Verdict, judge},
    },
    capacity::{sizing::to_provision, throttle::Resource},
    record::{RunRecord, model::TableTotals},
    scenario::{Billing, IndexScope, Scenario},
    simulation::trace::Trace,
    units::{ByDirection, CapacityUnits, Direction, float},
};

/// What became of a recommendation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verification {
    /// How capacity was bought.
    pub mode: Mode,
    /// Length of the measured phases as they were fired, seconds.
    pub seconds: f64,
    /// Requests that were due in them.
    pub requests: u64,
    /// Of these, failed, timed out or never sent.
    pub lost: u64,
    /// Whatever has a target, in the order of the tables and operations.
    pub shares: Vec<VerifiedShare>,
    /// What each table and index took.
    pub consumed: Vec<VerifiedUnits>,
    /// Of completed requests; absent when there were none.
    pub service_time: Option<Percentiles>,
    /// What follows.
    pub finding: Finding,
}

/// Whether the target was met.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "word")]
pub enum Finding {
    /// Everywhere.
    Met,
    /// Not everywhere.
    Missed,
    /// The generator did not do what was asked of it: the run says nothing of the table.
    Invalid {
        /// All of them.
        reasons: Vec<InvalidReason>,
    },
    /// The run was ended before its time.
    Interrupted,
}

/// The throttled part of the requests of one direction of a table or index, or of one operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerifiedShare {
    /// `Orders`, `Orders/by-date`, or the operation.
    pub name: String,
    /// Absent for an operation.
    pub direction: Option<Direction>,
    /// At most.
    pub target: f64,
    /// In a simulation of the same requests.
    pub predicted: f64,
    /// Of the real requests.
    pub measured: f64,
}

/// What one direction of a table or index took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerifiedUnits {
    /// `Orders`, or `Orders/by-date`.
    pub name: String,
    /// Reads or writes.
    pub direction: Direction,
    /// Units per second, mean over the measured phases of a simulation of the same requests.
    pub predicted: f64,
    /// The same of the real requests.
    pub measured: f64,
}

/// The scenario with what `offer` of `sizing` buys, as sizing reckons with it: its client does not
/// retry, since a request counts as throttled at its first refusal, and no burst credit helps
/// where none was leant on.
#[must_use]
pub fn as_offered(
    scenario: &Scenario,
    sizing: &Sizing,
    offer: &Offer,
    options: &SizingOptions,
) -> Scenario {
    let mut scenario = scenario.clone();
    scenario.client.retry.max_attempts = 1;
    if offer.mode.is_without_burst() {
        scenario.model.burst_seconds = 0;
    }
    let mut slots = 0..;
    let mut next = || billing(sizing, offer, options, slots.next().unwrap_or_default());
    for table in &mut scenario.tables {
        table.billing = next();
        for index in &mut table.indexes {
            if let IndexScope::Global(billing) = &mut index.scope {
                *billing = next();
            }
        }
    }
    scenario
}

/// What `offer` buys for slot number `slot`.
fn billing(sizing: &Sizing, offer: &Offer, options: &SizingOptions, slot: usize) -> Billing {
    let whole = |units: u64| CapacityUnits::whole(i64::try_from(units).unwrap_or(i64::MAX / 4));
    if let Some(units) = offer.units.as_ref().and_then(|units| units.get(slot)) {
        return Billing::fixed(ByDirection::from_fn(|direction| whole(units[direction])));
    }
    let policies = offer.policies.as_ref();
    if let Some(policy) = policies.and_then(|policies| policies.get(slot)) {
        return Billing::Provisioned {
            // As auto scaling would have left it before the run.
            capacity: ByDirection::from_fn(|direction| {
                let first = sizing.slots[slot].demand[direction].first_minute;
                let policy = policy[direction];
                whole(to_provision(first, policy.target).clamp(policy.min, policy.max))
            }),
            auto_scaling: ByDirection::from_fn(|direction| Some(policy[direction].auto_scaling())),
        };
    }
    Billing::OnDemand {
        maximum: ByDirection::from_fn(|direction| options.on_demand_maximum[direction].map(whole)),
        warm: ByDirection::default(),
    }
}

/// Lays `measured`, a run of `scenario` with what `mode` buys, beside `predicted`, a simulation
/// of it; `trace` tells which operations use what.
#[must_use]
pub fn verification(
    mode: Mode,
    scenario: &Scenario,
    options: &SizingOptions,
    trace: &Trace,
    predicted: &RunRecord,
    measured: &RunRecord,
) -> Verification {
    let summary = Summary::of(measured);
    let shares = shares(scenario, options, trace, predicted, measured);
    let is_met = shares.iter().all(|share| share.measured <= share.target);
    let finding = match judge(measured, scenario, &summary).verdict {
        Verdict::Invalid { reasons } => Finding::Invalid { reasons },
        Verdict::Interrupted | Verdict::Incomplete(_) => Finding::Interrupted,
        Verdict::Pass | Verdict::Fail | Verdict::Part if is_met => Finding::Met,
        Verdict::Pass | Verdict::Fail | Verdict::Part => Finding::Missed,
    };
    let outcomes = summary.outcomes;
    Verification {
        mode,
        seconds: summary.seconds,
        requests: summary.arrivals,
        lost: outcomes.failed + outcomes.timed_out + outcomes.dropped,
        shares,
        consumed: consumed(scenario, trace, predicted, measured),
        service_time: summary.service_time,
        finding,
    }
}

fn shares(
    scenario: &Scenario,
    options: &SizingOptions,
    trace: &Trace,
    predicted: &RunRecord,
    measured: &RunRecord,
) -> Vec<VerifiedShare> {
    let mut shares = Vec::new();
    let share = |name: &str, direction, target, operations: &[usize]| VerifiedShare {
        name: name.to_owned(),
        direction,
        target,
        predicted: throttled(predicted, operations),
        measured: throttled(measured, operations),
    };
    for slot in replay::slots(trace) {
        for direction in Direction::ALL {
            let operations = demand::operations(std::slice::from_ref(trace), &slot, direction);
            if !operations.is_empty() {
                let (name, overall) = (slot.name(scenario), options.target.overall);
                shares.push(share(&name, Some(direction), overall, &operations));
            }
        }
    }
    for (operation, target) in &options.target.operations {
        let name = &scenario.operations[*operation].name;
        shares.push(share(name, None, *target, &[*operation]));
    }
    shares
}

/// Of the measured requests of `operations`; 0 where there were none.
fn throttled(record: &RunRecord, operations: &[usize]) -> f64 {
    let (mut throttled, mut due) = (0, 0);
    for phase in measured_phases(record) {
        for operation in operations {
            let Some(totals) = phase.operations.get(*operation) else {
                continue;
            };
            throttled += totals.outcomes.throttled;
            due += totals.outcomes.total();
        }
    }
    float(throttled) / float(due.max(1))
}

fn consumed(
    scenario: &Scenario,
    trace: &Trace,
    predicted: &RunRecord,
    measured: &RunRecord,
) -> Vec<VerifiedUnits> {
    let of = |record: &RunRecord| {
        let seconds = Summary::of(record).seconds.max(f64::MIN_POSITIVE);
        let totals = TableTotals::of(record);
        move |slot: &replay::Slot, direction: Direction| {
            let table = totals.get(slot.table);
            let units = match slot.resource {
                Resource::Table => table.map(|table| table.consumed),
                Resource::Index(index) => table.and_then(|t| t.indexes.get(index).copied()),
            };
            units.map_or(0.0, |units| units[direction].as_f64()) / seconds
        }
    };
    let (predicted, measured) = (of(predicted), of(measured));
    let slots = replay::slots(trace);
    let both = slots
        .iter()
        .flat_map(|slot| Direction::ALL.map(|direction| (slot, direction)));
    both.map(|(slot, direction)| VerifiedUnits {
        name: slot.name(scenario),
        direction,
        predicted: predicted(slot, direction),
        measured: measured(slot, direction),
    })
    .filter(|units| units.predicted > 0.0 || units.measured > 0.0)
    .collect()
}
