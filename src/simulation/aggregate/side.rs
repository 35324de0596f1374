//! One table of an aggregate simulation, second by second.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{SimulationError, table::SimulatedTable},
    spread::{self, Part, Side, Spread},
};
use crate::{
    capacity::{
        flow::Passing,
        partition::KeyHash,
        throttle::{Resource, ThrottleCause, ThrottleReason},
    },
    record::{IntervalTable, OutcomeCounts, heat::ResourceHeat, recorder::Flow},
    scenario::ModelParameters,
    units::{ByDirection, CapacityUnits, Direction, Timestamp, float},
    workload::Workload,
};

/// The golden ratio's part: multiples of it fall evenly on 0..1, however many there are.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// A table, and the operations on it.
pub(super) struct TableFlow {
    table: SimulatedTable,
    /// By index into `Scenario::operations`.
    operations: BTreeMap<usize, BTreeMap<Side, Spread>>,
    /// All that the operations touch: the table before its indexes.
    sides: BTreeSet<Side>,
    /// By side, the number of partitions that the spreads fall on.
    partitions: BTreeMap<Resource, usize>,
    attempts_max: f64,
}

/// What became of one request of an operation, in the mean.
#[derive(Clone, Debug, Default)]
pub(super) struct Passed {
    /// The part that is served in the end.
    served: f64,
    attempts: f64,
    /// Units of the table.
    consumed: ByDirection<f64>,
    indexes: Vec<ByDirection<f64>>,
    /// Attempts by reason.
    reasons: BTreeMap<&'static str, f64>,
}

impl TableFlow {
    pub(super) fn new(
        workload: &Workload,
        number: usize,
        table: SimulatedTable,
    ) -> Result<Self, SimulationError> {
        let scenario = workload.scenario();
        let mut operations: BTreeMap<usize, BTreeMap<Side, Spread>> = BTreeMap::new();
        for (spec, operation) in scenario.operations.iter().enumerate() {
            if operation.table == number {
                operations.insert(spec, spread::of_operation(workload, spec)?);
            }
        }
        let spreads = operations.values();
        let sides = spreads.flat_map(|spreads| spreads.keys().copied());
        Ok(Self {
            table,
            sides: sides.collect(),
            operations,
            partitions: BTreeMap::new(),
            attempts_max: f64::from(scenario.client.retry.max_attempts),
        })
    }

    /// Serves `asked` requests of each operation in the second from `now`.
    pub(super) fn second(&mut self, asked: &[u64], now: Timestamp) -> Vec<(usize, Passed)> {
        let Some(capacity) = self.table.capacity_mut() else {
            return Vec::new();
        };
        for (side, spread) in self.operations.values_mut().flatten() {
            let count = capacity.status(side.0, now).partitions;
            if spread.partitions.len() != count {
                spread.fall_on(capacity, side.0);
                self.partitions.insert(side.0, count);
            }
        }
        // The table first, then its indexes, with what the table lets through.
        let mut passing: BTreeMap<Side, Passing> = BTreeMap::new();
        let mut rates: BTreeMap<usize, f64> = self
            .operations
            .keys()
            .map(|operation| (*operation, 1.0))
            .collect();
        for side in &self.sides {
            let mut demand = vec![0.0; self.partitions[&side.0]];
            for (operation, spreads) in &self.operations {
                let Some(spread) = spreads.get(side) else {
                    continue;
                };
                let rate = match side.0 {
                    Resource::Table => 1.0,
                    Resource::Index(_) => rates[operation],
                };
                let requests = float(asked[*operation]) * rate;
                for (sum, part) in demand.iter_mut().zip(&spread.partitions) {
                    *sum += requests * part.units;
                }
            }
            let passed = capacity.flow(side.0, side.1, &demand, now);
            for (operation, rate) in &mut rates {
                if let Some(spread) = self.operations[operation].get(side) {
                    *rate *= spread.passing(&passed);
                }
            }
            passing.insert(*side, passed);
        }
        self.spend(&passing, &rates, asked, now);
        let attempts_max = self.attempts_max;
        let told = |(operation, spreads): (&usize, &BTreeMap<Side, Spread>)| {
            let served = rates[operation];
            (*operation, told(spreads, &passing, served, attempts_max))
        };
        self.operations.iter().map(told).collect()
    }

    /// Debits what is served.
    fn spend(
        &mut self,
        passing: &BTreeMap<Side, Passing>,
        rates: &BTreeMap<usize, f64>,
        asked: &[u64],
        now: Timestamp,
    ) {
        let Some(capacity) = self.table.capacity_mut() else {
            return;
        };
        for side in &self.sides {
            let passed = &passing[side];
            let mut flows = vec![(0.0, 0.0); passed.partitions.len()];
            let mut busiest: Option<(&Spread, f64)> = None;
            for (operation, spreads) in &self.operations {
                let Some(spread) = spreads.get(side) else {
                    continue;
                };
                // What another side of it refuses does not come here.
                let here = spread.passing(passed);
                let elsewhere = if here > 0.0 {
                    rates[operation] / here
                } else {
                    0.0
                };
                let requests = float(asked[*operation]);
                for ((flow, part), pass) in flows
                    .iter_mut()
                    .zip(&spread.partitions)
                    .zip(&passed.partitions)
                {
                    let units = requests * part.units;
                    flow.0 += units * pass * elsewhere;
                    flow.1 += units * (1.0 - pass);
                }
                let units = requests * spread.all.units;
                if busiest.is_none_or(|(_, most)| units > most) {
                    busiest = Some((spread, units));
                }
            }
            let start = golden(now.second() * 16);
            let keys = |partition: usize, number: u32| {
                let quantile = (start + f64::from(number) * GOLDEN).fract();
                busiest.map_or_else(
                    || KeyHash::at(0),
                    |(spread, _)| spread.key_at(partition, quantile),
                )
            };
            capacity.serve_flow(side.0, side.1, flows.iter().copied(), keys, now);
        }
    }

    pub(super) fn close_second(
        &mut self,
        second: u64,
        now: Timestamp,
        look: bool,
    ) -> IntervalTable {
        self.table.close_second(second, now, look)
    }

    pub(super) fn heat(&self, number: usize, parameters: &ModelParameters) -> Vec<ResourceHeat> {
        self.table.heat(number, parameters)
    }
}

impl Spread {
    /// The requests that come here by what passes of them: first all that nothing but the
    /// resource bounds, then those on each partition that bounds them more.
    fn by_passing<'a>(&'a self, passed: &'a Passing) -> impl Iterator<Item = (Part, f64)> + 'a {
        let bounded = passed.bounding.iter();
        let bounded = bounded.map(|number| (self.partitions[*number], passed.partitions[*number]));
        let rest = bounded
            .clone()
            .fold(self.all, |rest, (part, _)| rest.without(part));
        std::iter::once((rest, passed.own)).chain(bounded)
    }

    /// The part of an operation's requests that passes here; those that do not come here do.
    fn passing(&self, passed: &Passing) -> f64 {
        let refused = |(part, pass): (Part, f64)| part.requests * (1.0 - pass);
        let refused: f64 = self.by_passing(passed).map(refused).sum();
        (1.0 - refused).clamp(0.0, 1.0)
    }

    /// Units per request of the operation that pass here.
    fn units_passing(&self, passed: &Passing) -> f64 {
        let groups = self.by_passing(passed);
        groups.map(|(part, pass)| part.units * pass).sum()
    }
}

/// What is told of the requests of one operation, `served` of which were.
fn told(
    spreads: &BTreeMap<Side, Spread>,
    passing: &BTreeMap<Side, Passing>,
    served: f64,
    attempts_max: f64,
) -> Passed {
    let mut told = Passed {
        served,
        attempts: 1.0,
        ..Passed::default()
    };
    for (side, spread) in spreads {
        let passed = &passing[side];
        let here = spread.passing(passed);
        let elsewhere = if here > 0.0 { served / here } else { 0.0 };
        let units = spread.units_passing(passed) * elsewhere;
        match side.0 {
            Resource::Table => told.consumed[side.1] += units,
            Resource::Index(index) => {
                if told.indexes.len() <= index {
                    told.indexes.resize_with(index + 1, ByDirection::default);
                }
                told.indexes[index][side.1] += units;
            }
        }
        if !passed.is_whole() {
            told.refusals(*side, spread, passed, attempts_max);
        }
    }
    told
}

impl Passed {
    /// Adds the attempts that one side refuses, by their reasons.
    fn refusals(&mut self, side: Side, spread: &Spread, passed: &Passing, attempts_max: f64) {
        let each = |passes: f64| 1.0 - (1.0 - passes).max(0.0).powf(1.0 / attempts_max);
        let own = each(passed.own);
        let (mut by_own, mut by_partition, mut attempts) = (0.0, 0.0, 0.0);
        for (part, pass) in spread.by_passing(passed) {
            let of_one = if pass < passed.own { each(pass) } else { own };
            let tries = if of_one > 0.0 {
                pass / of_one
            } else {
                attempts_max
            };
            attempts += part.requests * tries;
            by_own += part.requests * tries * (1.0 - own);
            if pass < passed.own {
                by_partition += part.requests * tries * (1.0 - of_one / own);
            }
        }
        let elsewhere = 1.0 - spread.all.requests.min(1.0);
        self.attempts = self.attempts.max(attempts + elsewhere);
        for (cause, count) in [
            (passed.cause, by_own),
            (ThrottleCause::KeyRange, by_partition),
        ] {
            let reason = ThrottleReason {
                resource: side.0,
                direction: side.1,
                cause,
            };
            *self.reasons.entry(reason.wire_name()).or_default() += count;
        }
    }
}

/// A sum of parts, of which the whole is told as it grows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carry(f64);

impl Carry {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, not below zero"
    )]
    pub(super) fn whole(&mut self, more: f64) -> u64 {
        self.0 += more;
        let whole = (self.0 + 1e-9).floor().max(0.0);
        self.0 -= whole;
        whole as u64
    }

    /// How much was not told yet.
    pub(super) const fn behind(self) -> f64 {
        self.0
    }

    /// So much was told beyond.
    pub(super) fn owe(&mut self, told: f64) {
        self.0 -= told;
    }
}

/// What was not yet a whole of an operation's counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Rounded {
    pub(super) arrivals: Carry,
    completed: Carry,
    attempts: Carry,
    consumed: ByDirection<Carry>,
    indexes: Vec<ByDirection<Carry>>,
    reasons: BTreeMap<&'static str, Carry>,
}

impl Rounded {
    /// The record's counts of `asked` requests.
    pub(super) fn flow(&mut self, asked: u64, passed: &Passed) -> Flow {
        let requests = float(asked);
        let completed = self.completed.whole(requests * passed.served);
        let beyond = completed.saturating_sub(asked);
        self.completed.owe(-float(beyond));
        let completed = completed - beyond;
        let units = |carry: &mut Carry, units: f64| {
            let halves = carry.whole(requests * units * 2.0);
            CapacityUnits::from_halves(i64::try_from(halves).unwrap_or(i64::MAX))
        };
        let both = |carries: &mut ByDirection<Carry>, of: &ByDirection<f64>| {
            ByDirection::from_fn(|direction: Direction| {
                units(&mut carries[direction], of[direction])
            })
        };
        if self.indexes.len() < passed.indexes.len() {
            self.indexes
                .resize_with(passed.indexes.len(), ByDirection::default);
        }
        let indexes = self.indexes.iter_mut().zip(&passed.indexes);
        let index_consumed = indexes.map(|(carries, of)| both(carries, of)).collect();
        let mut throttle_reasons = BTreeMap::new();
        for (reason, share) in &passed.reasons {
            let count = self
                .reasons
                .entry(reason)
                .or_default()
                .whole(requests * share);
            if count > 0 {
                throttle_reasons.insert((*reason).to_owned(), count);
            }
        }
        Flow {
            outcomes: OutcomeCounts {
                completed,
                throttled: asked - completed,
                ..OutcomeCounts::default()
            },
            attempts: asked + self.attempts.whole(requests * (passed.attempts - 1.0)),
            consumed: both(&mut self.consumed, &passed.consumed),
            index_consumed,
            throttle_reasons,
        }
    }
}

fn golden(number: u64) -> f64 {
    (float(number) * GOLDEN).fract()
}
