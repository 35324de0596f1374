//! Recorded requests against capacity that one may vary: who would have been throttled.
//!
//! Admission alone: a request that is refused is not sent again, and nobody waits. Knows
//! nothing of targets and prices.

use std::time::Duration;

use crate::{
    capacity::{
        AdmissionDecision, Arm, TableCapacity,
        autoscaling::{AutoScaler, TargetTracking},
        limits::{ON_DEMAND_INITIAL, TABLE_QUOTA},
        on_demand::{Growth, OnDemandBounds},
        throttle::{Resource, ThrottleCause},
    },
    scenario::{Billing, Index, ModelParameters, Scenario, Table},
    simulation::trace::Trace,
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp},
};

const MINUTE: Duration = Duration::from_mins(1);
/// How long a peak must be past until twice as much is served at once. [OD]
const GROWTH_INTERVAL: Duration = Duration::from_mins(30);

/// Measured requests of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many were due.
    pub arrivals: u64,
    /// How many were throttled.
    pub throttled: u64,
    /// How many of these a partition refused that the table would have let in.
    pub by_partition: u64,
}

/// Whether capacity that was not used earlier helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Whole units per second for each slot.
pub type Rates = Vec<ByDirection<u64>>;

/// What requests are replayed: those of a table, or only those that use one direction of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    replay(trace, part, &mut capacity, |_, _, _| {})
}

/// A table with auto scaling that had settled at `starts`: measured requests by operation, and what was provisioned in each
/// minute, for the table and for its indexes.
#[must_use]
pub fn scaled(
    trace: &Trace,
    slots: &[Slot],
    policies: &[ByDirection<TargetTracking>],
    starts: &[ByDirection<u64>],
    part: Part,
) -> (Vec<Tally>, Vec<Rates>) {
    let start: Rates = policies
        .iter()
        .zip(starts)
        .map(|(policy, start)| {
            ByDirection::from_fn(|direction| {
                let policy = policy[direction];
                start[direction].clamp(policy.min, policy.max)
            })
        })
        .collect();
    let of_table = || (0..slots.len()).filter(|slot| slots[*slot].table == part.table);
    let mut capacity = provisioned(trace, slots, &start, Burst::Modelled, part.table);
    let mut scalers: Vec<ByDirection<AutoScaler>> = of_table()
        .map(|slot| {
            ByDirection::from_fn(|direction| {
                AutoScaler::new(policies[slot][direction], start[slot][direction])
            })
        })
        .collect();
    let resources: Vec<Resource> = of_table().map(|slot| slots[slot].resource).collect();
    let mut minutes = vec![of_table().map(|slot| start[slot]).collect()];
    let tallies = replay(trace, part, &mut capacity, |now, consumed, capacity| {
        let mut in_force = Rates::new();
        for ((scaler, resource), consumed) in scalers.iter_mut().zip(&resources).zip(consumed) {
            let rates = ByDirection::from_fn(|direction| {
                scaler[direction].minute(consumed[direction] / MINUTE.as_secs_f64(), now)
            });
            capacity.set_rates(*resource, units(rates), now);
            in_force.push(rates);
        }
        minutes.push(in_force);
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
    let maximum = ByDirection::from_fn(|direction| maximum[direction].map(whole));
    let new = ByDirection::from_fn(|direction| {
        OnDemandBounds {
            warm: ON_DEMAND_INITIAL[direction],
            previous_peak: CapacityUnits::ZERO,
            quota: TABLE_QUOTA,
            maximum: None,
        }
        .instant()
    });
    let mut parameters = trace.workload().scenario().model.clone();
    parameters.burst_seconds = 0;
    // Partitions are those of the warm throughput, whatever maximum is set.
    let mut capacity = table_of(slots, part.table, &parameters, |_| new);
    let of_table = || slots.iter().filter(|slot| slot.table == part.table);
    let mut growth: Vec<(Resource, ByDirection<Growth>)> = of_table()
        .map(|slot| {
            let growth = |direction| Growth::new(ON_DEMAND_INITIAL[direction], GROWTH_INTERVAL);
            (slot.resource, ByDirection::from_fn(growth))
        })
        .collect();
    let mut bound =
        |now: Timestamp, consumed: &[ByDirection<f64>], capacity: &mut TableCapacity| {
            for ((resource, growth), consumed) in growth.iter_mut().zip(consumed) {
                let rates = ByDirection::from_fn(|direction| {
                    let mean = consumed[direction] / MINUTE.as_secs_f64();
                    growth[direction].window(now, CapacityUnits::from(mean));
                    let bounds = growth[direction].bounds(now, TABLE_QUOTA, maximum[direction]);
                    bounds.instant()
                });
                capacity.set_rates(*resource, rates, now);
            }
        };
    let nothing = vec![ByDirection::default(); of_table().count()];
    bound(Timestamp::ZERO, &nothing, &mut capacity);
    replay(trace, part, &mut capacity, bound)
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
    let mut capacity = table_of(slots, table, &parameters, |slot| units(rates[slot]));
    if burst == Burst::Spent {
        capacity.drain(Timestamp::ZERO);
    }
    capacity
}

/// The buckets of a table and its indexes; `rates` by number of the slot.
fn table_of(
    slots: &[Slot],
    table: usize,
    parameters: &ModelParameters,
    rates: impl Fn(usize) -> ByDirection<CapacityUnits>,
) -> TableCapacity {
    let mut of_table = (slots.iter().enumerate()).filter(|(_, slot)| slot.table == table);
    let (number, own) = of_table.next().expect("every table has a slot of its own");
    let start = Timestamp::ZERO;
    let mut capacity = TableCapacity::provisioned(rates(number), own.bytes, parameters, start);
    for (number, index) in of_table {
        capacity.add_index(rates(number), index.bytes, start);
    }
    capacity
}

/// `minute` is told at the end of each whole minute what each resource consumed in it.
fn replay(
    trace: &Trace,
    part: Part,
    capacity: &mut TableCapacity,
    mut minute: impl FnMut(Timestamp, &[ByDirection<f64>], &mut TableCapacity),
) -> Vec<Tally> {
    let operations = &trace.workload().scenario().operations;
    let mut tallies = vec![Tally::default(); operations.len()];
    let mut consumed: Vec<ByDirection<f64>> = vec![ByDirection::default(); 1];
    let mut ends = Timestamp::ZERO + MINUTE;
    let mut arms: Vec<Arm> = Vec::with_capacity(8);
    for request in trace.requests() {
        let spec = &operations[usize::from(request.spec)];
        if spec.table != part.table {
            continue;
        }
        while request.due >= ends {
            minute(ends, &consumed, capacity);
            consumed.fill(ByDirection::default());
            ends = ends + MINUTE;
        }
        arms.clear();
        arms.extend(trace.arms(request));
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
            AdmissionDecision::Admitted => {
                capacity.spend(&arms, request.due);
                for arm in &arms {
                    let number = match arm.resource {
                        Resource::Table => 0,
                        Resource::Index(index) => index + 1,
                    };
                    if consumed.len() <= number {
                        consumed.resize(number + 1, ByDirection::default());
                    }
                    consumed[number][arm.direction] += arm.units.as_f64();
                }
            }
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
