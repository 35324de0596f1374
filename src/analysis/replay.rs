//! Recorded requests against capacity that one may vary: who would have been throttled.
//!
//! Admission alone: a request that is refused is not sent again, and nobody waits. Knows
//! nothing of targets and prices.

pub mod throttled;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    capacity::{
        AdmissionDecision, Arm, TableCapacity,
        throttle::{Resource, ThrottleCause},
    },
    scenario::{AutoScaling, Billing, Index, ModelParameters, Scenario, Table},
    simulation::trace::Trace,
    units::{ByDirection, Bytes, CapacityUnits, Direction, Share, Timestamp, float},
};

const MINUTE: Duration = Duration::from_mins(1);

/// Measured requests of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many were due.
    pub arrivals: u64,
    /// How many were throttled.
    pub throttled: u64,
    /// How many of these a partition refused that the table would have let in.
    pub by_partition: u64,
}

/// Whether capacity that was not used earlier helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Burst {
    /// No: each second has its own capacity only, and none is left from before the run.
    Spent,
    /// As the scenario's model says.
    Modelled,
}

/// A table or an index of it: what capacity is bought for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Index into `Scenario::tables`.
    pub table: usize,
    /// The table itself or one of its indexes.
    pub resource: Resource,
    /// What it holds when the run starts.
    pub bytes: Bytes,
}

/// Everything that capacity is bought for: each table, followed by its indexes.
#[must_use]
pub fn slots(trace: &Trace) -> Vec<Slot> {
    let tables = trace.workload().scenario().tables.iter().enumerate();
    let of_table = |(table, spec): (usize, &Table)| {
        let own = Slot {
            table,
            resource: Resource::Table,
            bytes: trace.table_bytes(table),
        };
        // As the simulation has them: indexes are taken as small.
        let indexes = (0..spec.global_indexes().count()).map(move |index| Slot {
            table,
            resource: Resource::Index(index),
            bytes: Bytes(0),
        });
        std::iter::once(own).chain(indexes).collect::<Vec<_>>()
    };
    tables.flat_map(of_table).collect()
}

impl Slot {
    /// Its global secondary index, if it is one.
    #[must_use]
    pub fn index<'s>(&self, scenario: &'s Scenario) -> Option<(&'s Index, &'s Billing)> {
        let Resource::Index(number) = self.resource else {
            return None;
        };
        let mut globals = scenario.tables[self.table].global_indexes();
        globals
            .nth(number)
            .map(|(_, index, billing)| (index, billing))
    }

    /// `Orders`, or `Orders/by-date` for an index.
    #[must_use]
    pub fn name(&self, scenario: &Scenario) -> String {
        let table = &scenario.tables[self.table].name;
        match self.index(scenario) {
            None => table.clone(),
            Some((index, _)) => format!("{table}/{}", index.name),
        }
    }

    /// How its capacity is bought in the scenario.
    #[must_use]
    pub fn billing<'s>(&self, scenario: &'s Scenario) -> &'s Billing {
        let own = &scenario.tables[self.table].billing;
        self.index(scenario).map_or(own, |(_, billing)| billing)
    }

    /// Name of its partition key's attribute.
    #[must_use]
    pub fn partition_key<'s>(&self, scenario: &'s Scenario) -> &'s str {
        let table = &scenario.tables[self.table];
        let own = table.partition_key;
        let attribute = self
            .index(scenario)
            .map_or(own, |(index, _)| index.partition_key);
        &table.attributes[attribute].name
    }
}

/// Requests due per second, mean over the measured phases of all seeds.
#[must_use]
pub fn requests_per_second(traces: &[Trace]) -> f64 {
    let measured = |trace: &Trace| trace.requests().iter().filter(|r| r.measured).count();
    let seconds: f64 = traces.iter().map(Trace::measured_seconds).sum();
    float(traces.iter().map(measured).sum::<usize>() as u64) / seconds
}

/// Whole units per second for each slot.
pub type Rates = Vec<ByDirection<u64>>;

/// Bounds of auto scaling, and what it aims at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Fewest units per second.
    pub min: u64,
    /// Most.
    pub max: u64,
    /// Utilisation aimed at, 0.2–0.9.
    pub target: f64,
}

impl Policy {
    /// As a scenario has it.
    #[must_use]
    pub fn auto_scaling(self) -> AutoScaling {
        AutoScaling {
            min: whole(self.min),
            max: whole(self.max),
            target_utilization: Share::new(self.target).unwrap_or(Share::ALL),
        }
    }
}

/// What requests are replayed: those of a table, or only those that use one direction of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Index into `Scenario::tables`.
    pub table: usize,
    /// Both directions if absent.
    pub direction: Option<Direction>,
}

/// Replays a part of `trace` against fixed capacity: measured requests by operation.
#[must_use]
pub fn fixed(
    trace: &Trace,
    slots: &[Slot],
    rates: &[ByDirection<u64>],
    burst: Burst,
    part: Part,
) -> Vec<Tally> {
    let mut capacity = provisioned(trace, slots, rates, burst, part.table);
    replay(trace, part, &mut capacity, |_, _| {})
}

/// A table with auto scaling that had settled at `starts`: measured requests by operation, and
/// what was provisioned in each minute, for the table and for its indexes.
#[must_use]
pub fn scaled(
    trace: &Trace,
    slots: &[Slot],
    policies: &[ByDirection<Policy>],
    starts: &[ByDirection<u64>],
    part: Part,
) -> (Vec<Tally>, Vec<Rates>) {
    let billing = |slot: usize| {
        let of_slot = &policies[slot];
        let start = |direction| {
            let Policy { min, max, .. } = of_slot[direction];
            whole(starts[slot][direction].clamp(min, max))
        };
        Billing::Provisioned {
            capacity: ByDirection::from_fn(start),
            auto_scaling: ByDirection::from_fn(|direction| Some(of_slot[direction].auto_scaling())),
        }
    };
    let parameters = &trace.workload().scenario().model;
    let mut capacity = table_of(slots, part.table, parameters, billing);
    let of_table = slots.iter().filter(|slot| slot.table == part.table);
    let resources: Vec<Resource> = of_table.map(|slot| slot.resource).collect();
    let in_force = |now: Timestamp, capacity: &mut TableCapacity| -> Rates {
        let rates = |resource: &Resource| {
            let status = capacity.status(*resource, now);
            ByDirection::from_fn(|direction| status.rates[direction].whole_units())
        };
        resources.iter().map(rates).collect()
    };
    let mut minutes = vec![in_force(Timestamp::ZERO, &mut capacity)];
    let tallies = replay(trace, part, &mut capacity, |now, capacity| {
        minutes.push(in_force(now, capacity));
    });
    (tallies, minutes)
}

/// A new on-demand table, with the user's maximum if there is one.
#[must_use]
pub fn on_demand(
    trace: &Trace,
    slots: &[Slot],
    maximum: ByDirection<Option<u64>>,
    part: Part,
) -> Vec<Tally> {
    let billing = Billing::OnDemand {
        maximum: ByDirection::from_fn(|direction| maximum[direction].map(whole)),
        warm: ByDirection::default(),
    };
    let parameters = &trace.workload().scenario().model;
    let mut capacity = table_of(slots, part.table, parameters, |_| billing);
    replay(trace, part, &mut capacity, |_, _| {})
}

fn provisioned(
    trace: &Trace,
    slots: &[Slot],
    rates: &[ByDirection<u64>],
    burst: Burst,
    table: usize,
) -> TableCapacity {
    let mut parameters = trace.workload().scenario().model.clone();
    if burst == Burst::Spent {
        parameters.burst_seconds = 0;
    }
    let billing = |slot: usize| Billing::fixed(units(rates[slot]));
    let mut capacity = table_of(slots, table, &parameters, billing);
    if burst == Burst::Spent {
        capacity.drain(Timestamp::ZERO);
    }
    capacity
}

/// A table and its indexes; `billing` by number of the slot.
fn table_of(
    slots: &[Slot],
    table: usize,
    parameters: &ModelParameters,
    billing: impl Fn(usize) -> Billing,
) -> TableCapacity {
    let mut of_table = (slots.iter().enumerate()).filter(|(_, slot)| slot.table == table);
    let (number, own) = of_table.next().expect("every table has a slot of its own");
    let start = Timestamp::ZERO;
    let mut capacity = TableCapacity::new(&billing(number), own.bytes, parameters, start);
    for (number, index) in of_table {
        capacity.add_index(&billing(number), index.bytes, start);
    }
    capacity
}

/// `minute` is called at the end of each whole minute.
fn replay(
    trace: &Trace,
    part: Part,
    capacity: &mut TableCapacity,
    mut minute: impl FnMut(Timestamp, &mut TableCapacity),
) -> Vec<Tally> {
    let operations = &trace.workload().scenario().operations;
    let mut tallies = vec![Tally::default(); operations.len()];
    let mut ends = Timestamp::ZERO + MINUTE;
    let mut arms: Vec<Arm> = Vec::with_capacity(8);
    for request in trace.requests() {
        let spec = &operations[usize::from(request.spec)];
        if spec.table != part.table {
            continue;
        }
        while request.due >= ends {
            minute(ends, capacity);
            ends = ends + MINUTE;
        }
        let only = trace.only_arm(request);
        if let Some(arm) = &only
            && part.direction.is_none_or(|only| arm.direction == only)
            && capacity.take(arm.units, arm, request.due)
        {
            tallies[usize::from(request.spec)].arrivals += u64::from(request.measured);
            continue;
        }
        arms.clear();
        match only {
            Some(arm) => arms.push(arm),
            None => arms.extend(trace.arms(request)),
        }
        if part
            .direction
            .is_some_and(|only| arms.iter().all(|arm| arm.direction != only))
        {
            continue;
        }
        let decision = capacity.check(&arms, request.due);
        let tally = &mut tallies[usize::from(request.spec)];
        tally.arrivals += u64::from(request.measured);
        match decision {
            AdmissionDecision::Admitted => capacity.spend(&arms, request.due),
            AdmissionDecision::Throttled { reasons, .. } if request.measured => {
                tally.throttled += 1;
                let by_partition = reasons
                    .iter()
                    .all(|reason| reason.cause == ThrottleCause::KeyRange);
                tally.by_partition += u64::from(by_partition);
            }
            AdmissionDecision::Throttled { .. } => {}
        }
    }
    tallies
}

fn units(rates: ByDirection<u64>) -> ByDirection<CapacityUnits> {
    ByDirection::from_fn(|direction| whole(rates[direction]))
}

fn whole(units: u64) -> CapacityUnits {
    CapacityUnits::whole(i64::try_from(units).unwrap_or(i64::MAX / 4))
}
