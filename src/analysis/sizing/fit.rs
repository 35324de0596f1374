//! The search for capacity: slot by slot, direction by direction, then all together.

use serde::Serialize;

use super::{
    CurvePoint, Demand, Workers,
    search::{self, Target},
    tried::Tried,
};
use crate::{
    analysis::replay::{
        self, Burst, Part, Rates, Slot, Tally,
        throttled::{Throttled, throttled},
    },
    simulation::trace::Trace,
    units::{ByDirection, Direction, float},
};

/// Times the busiest second beyond which more capacity is not tried.
const AMPLE: u64 = 64;
/// Points of a curve, at most and at least: each replays every request of all seeds twice.
const POINTS: (u64, u64) = (9, 25);
/// Requests replayed for a curve, about.
const CURVE_REQUESTS: u64 = 60_000_000;
/// Seeds that are looked at before the others.
const FIRST_SEEDS: usize = 2;
/// Rounds until capacities that decide on each other's partitions agree.
const ROUNDS: usize = 4;

/// Capacity that meets the target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// Units per second, at least 1.
    pub units: u64,
    /// What is throttled with it, of the requests that use it.
    pub throttled: Throttled,
    /// Whether it is no more than the sustained demand: less would go well for this run, on
    /// the capacity of its first second, and not for a longer one.
    pub is_demand: bool,
    /// What would be with one unit less; absent for the smallest that can be bought.
    pub one_less: Option<Throttled>,
    /// Mean demand ÷ units.
    pub utilisation: f64,
}

/// By slot.
pub type Fits = Vec<ByDirection<Option<Fit>>>;

/// What capacities are tried on.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// One for each seed.
    pub traces: &'a [Trace],
    /// What capacity is bought for.
    pub slots: &'a [Slot],
    /// What is asked of each slot.
    pub demands: &'a [ByDirection<Demand>],
    /// Numbers of the operations that ask it, into `Scenario::operations`.
    pub operations: &'a [ByDirection<Vec<usize>>],
    /// What was replayed so far.
    pub tried: &'a Tried,
    /// What has to be met.
    pub target: &'a Target,
}

impl Bench<'_> {
    /// The smallest capacity for each slot and direction that meets the target.
    pub fn fit(&self, burst: Burst, workers: &impl Workers) -> Fits {
        let mut found: Vec<ByDirection<Option<u64>>> = (0..self.slots.len())
            .map(|slot| ByDirection::from_fn(|direction| Some(self.start(slot, direction))))
            .collect();
        for _ in 0..ROUNDS {
            let before = found.clone();
            for slot in 0..self.slots.len() {
                for direction in Direction::ALL {
                    self.say(slot, direction, burst, workers);
                    found[slot][direction] = self.smallest(slot, direction, &found, burst, workers);
                }
            }
            if found == before {
                break;
            }
        }
        self.settle(&mut found, burst, workers);
        (0..self.slots.len())
            .map(|slot| {
                ByDirection::from_fn(|direction| {
                    let units = found[slot][direction]?;
                    Some(self.describe(slot, direction, units, &found, burst, workers))
                })
            })
            .collect()
    }

    fn say(&self, slot: usize, direction: Direction, burst: Burst, workers: &impl Workers) {
        let name = self.slots[slot].name(self.traces[0].workload().scenario());
        let on_burst = match burst {
            Burst::Spent => "",
            Burst::Modelled => ", on burst",
        };
        workers.at(&format!(
            "capacity of {name}, {}{on_burst}",
            direction.unit()
        ));
    }

    /// Where the search begins: the mean.
    fn start(&self, slot: usize, direction: Direction) -> u64 {
        whole(self.demands[slot][direction].mean).max(1)
    }

    /// Without burst credit, no less than what is asked for at length.
    fn least(&self, slot: usize, direction: Direction, burst: Burst) -> u64 {
        match burst {
            Burst::Modelled => 1,
            Burst::Spent => {
                let served = 1.0 - self.target.overall;
                let sustained = self.demands[slot][direction].sustained * served;
                // Sums of halves are exact; products of them are not.
                whole(sustained - 1e-9).max(1)
            }
        }
    }

    fn most(&self, slot: usize, direction: Direction) -> u64 {
        whole(self.demands[slot][direction].peak_second).max(1) * AMPLE
    }

    /// What was found so far, where other slots of the table have more than enough.
    fn around(&self, slot: usize, found: &[ByDirection<Option<u64>>]) -> Rates {
        let rates = |number: usize, direction| {
            if number == slot {
                found[number][direction].unwrap_or_else(|| self.start(number, direction))
            } else {
                self.most(number, direction)
            }
        };
        (0..self.slots.len())
            .map(|number| ByDirection::from_fn(|direction| rates(number, direction)))
            .collect()
    }

    fn smallest(
        &self,
        slot: usize,
        direction: Direction,
        found: &[ByDirection<Option<u64>>],
        burst: Burst,
        workers: &impl Workers,
    ) -> Option<u64> {
        if self.operations[slot][direction].is_empty() {
            return Some(1);
        }
        let mut rates = self.around(slot, found);
        let start = found[slot][direction].unwrap_or_else(|| self.start(slot, direction));
        let least = self.least(slot, direction, burst);
        search::smallest(start, self.most(slot, direction), |units| {
            if units < least {
                return false;
            }
            rates[slot][direction] = units;
            self.is_met(slot, direction, &rates, burst, workers)
        })
    }

    fn is_met(
        &self,
        slot: usize,
        direction: Direction,
        rates: &[ByDirection<u64>],
        burst: Burst,
        workers: &impl Workers,
    ) -> bool {
        let part = self.part(slot, direction);
        let operations = &self.operations[slot][direction];
        let key = Tried::key(self.slots, part, burst, rates);
        if let Some(seeds) = self.tried.find(&key) {
            return self.target.is_met(&seeds, operations);
        }
        let run = |trace: &Trace| replay::fixed(trace, self.slots, rates, burst, part);
        let met = met(self, operations, workers, run);
        let is_met = met.is_some();
        if let Some(seeds) = met {
            self.tried.note(key, seeds);
        }
        is_met
    }

    fn part(&self, slot: usize, direction: Direction) -> Part {
        Part {
            table: self.slots[slot].table,
            direction: Some(direction),
        }
    }

    fn seeds(
        &self,
        slot: usize,
        direction: Direction,
        rates: &[ByDirection<u64>],
        burst: Burst,
        workers: &impl Workers,
    ) -> Vec<Vec<Tally>> {
        let part = self.part(slot, direction);
        let key = Tried::key(self.slots, part, burst, rates);
        self.tried.find(&key).unwrap_or_else(|| {
            let seeds = workers.map(self.traces.len(), |seed| {
                replay::fixed(&self.traces[seed], self.slots, rates, burst, part)
            });
            self.tried.note(key, seeds.clone());
            seeds
        })
    }

    /// Raises the capacity of tables whose indexes share their requests until all of them
    /// together meet the target: each was sized with the others ample.
    fn settle(&self, found: &mut [ByDirection<Option<u64>>], burst: Burst, workers: &impl Workers) {
        for slot in 0..self.slots.len() {
            for direction in Direction::ALL {
                let sharing: Vec<usize> = (0..self.slots.len())
                    .filter(|other| self.slots[*other].table == self.slots[slot].table)
                    .collect();
                if sharing.len() < 2 || sharing.iter().any(|n| found[*n][direction].is_none()) {
                    continue;
                }
                for _ in 0..100 {
                    let rates = self.rates(found);
                    if self.is_met(slot, direction, &rates, burst, workers) {
                        break;
                    }
                    for number in &sharing {
                        let units = &mut found[*number][direction];
                        *units = units.map(|units| units + units.div_ceil(100));
                    }
                }
            }
        }
    }

    fn rates(&self, found: &[ByDirection<Option<u64>>]) -> Rates {
        (0..self.slots.len())
            .map(|slot| {
                ByDirection::from_fn(|direction| {
                    found[slot][direction].unwrap_or_else(|| self.most(slot, direction))
                })
            })
            .collect()
    }

    fn describe(
        &self,
        slot: usize,
        direction: Direction,
        units: u64,
        found: &[ByDirection<Option<u64>>],
        burst: Burst,
        workers: &impl Workers,
    ) -> Fit {
        let operations = &self.operations[slot][direction];
        let at = |units: u64| {
            let mut rates = self.rates(found);
            rates[slot][direction] = units;
            let seeds = self.seeds(slot, direction, &rates, burst, workers);
            throttled(&seeds, operations)
        };
        Fit {
            units,
            throttled: at(units),
            is_demand: units == self.least(slot, direction, burst),
            one_less: (units > 1).then(|| at(units - 1)),
            utilisation: self.demands[slot][direction].mean / float(units),
        }
    }

    fn points(&self) -> u64 {
        let requests = self.traces.iter().map(|trace| trace.requests().len());
        let requests = requests.sum::<usize>() as u64;
        (CURVE_REQUESTS / (2 * requests).max(1)).clamp(POINTS.0, POINTS.1)
    }

    /// Throttled share against units, around what is recommended.
    pub fn curve(
        &self,
        slot: usize,
        direction: Direction,
        fits: &Fits,
        workers: &impl Workers,
    ) -> Vec<CurvePoint> {
        let operations = &self.operations[slot][direction];
        if operations.is_empty() {
            return Vec::new();
        }
        let found: Vec<_> = fits
            .iter()
            .map(|fit| ByDirection::from_fn(|direction| fit[direction].map(|fit| fit.units)))
            .collect();
        let demand = self.demands[slot][direction];
        let knee = found[slot][direction].unwrap_or_else(|| whole(demand.peak_second).max(1));
        let points = self.points();
        let mut units: Vec<u64> = (0..points)
            .map(|point| (knee * (points - 1 + 3 * point)).div_ceil(3 * (points - 1)))
            .chain([knee])
            .map(|units| units.max(1))
            .collect();
        units.sort_unstable();
        units.dedup();
        let shares = |units: u64, burst| {
            let mut rates = self.rates(&found);
            rates[slot][direction] = units;
            let seeds = self.seeds(slot, direction, &rates, burst, workers);
            spread(&seeds, operations)
        };
        units
            .into_iter()
            .map(|units| CurvePoint {
                units,
                without_burst: shares(units, Burst::Spent),
                with_burst: shares(units, Burst::Modelled),
            })
            .collect()
    }
}

/// The units of fits, where there are all.
#[must_use]
pub fn units_of(fits: &Fits) -> Option<Rates> {
    fits.iter()
        .map(|fit| {
            Some(ByDirection {
                read: fit.read?.units,
                write: fit.write?.units,
            })
        })
        .collect()
}

/// The throttled share of all requests, from the tallies of each table's seeds.
#[must_use]
pub fn joined(tables: &[Vec<Vec<Tally>>]) -> Throttled {
    let seeds = tables.first().map_or(0, Vec::len);
    let all: Vec<Vec<Tally>> = (0..seeds)
        .map(|seed| {
            tables
                .iter()
                .flat_map(|table| table[seed].clone())
                .collect()
        })
        .collect();
    let operations: Vec<usize> = (0..all.first().map_or(0, Vec::len)).collect();
    throttled(&all, &operations)
}

/// 10th percentile, median and 90th of the seeds' throttled shares.
fn spread(seeds: &[Vec<Tally>], operations: &[usize]) -> [f64; 3] {
    let mut shares: Vec<f64> = seeds
        .iter()
        .map(|seed| throttled(std::slice::from_ref(seed), operations).share)
        .collect();
    shares.sort_by(f64::total_cmp);
    [1, 5, 9].map(|tenths| shares[(shares.len() * tenths).div_ceil(10).max(1) - 1])
}

/// What `run` makes of every seed, where it meets the target. The first seeds are enough where
/// the others could not make up for them.
pub fn met(
    bench: &Bench<'_>,
    operations: &[usize],
    workers: &impl Workers,
    run: impl Fn(&Trace) -> Vec<Tally> + Sync,
) -> Option<Vec<Vec<Tally>>> {
    let of = bench.traces.len();
    let first = of.min(FIRST_SEEDS);
    let mut seeds = workers.map(first, |seed| run(&bench.traces[seed]));
    if bench.target.is_out_of_reach(&seeds, of, operations) {
        return None;
    }
    seeds.extend(workers.map(of - first, |seed| run(&bench.traces[first + seed])));
    bench.target.is_met(&seeds, operations).then_some(seeds)
}

/// Whether what `seeds_of` makes of each part meets the target in every slot.
pub fn meets(
    bench: &Bench<'_>,
    workers: &impl Workers,
    seeds_of: impl Fn(&Trace, Part) -> Vec<Tally> + Sync,
) -> bool {
    (0..bench.slots.len()).all(|slot| {
        Direction::ALL.into_iter().all(|direction| {
            let operations = &bench.operations[slot][direction];
            let part = bench.part(slot, direction);
            operations.is_empty()
                || met(bench, operations, workers, |trace| seeds_of(trace, part)).is_some()
        })
    })
}

/// On-demand: measured requests of every table, by seed.
pub fn on_demand(
    bench: &Bench<'_>,
    maximum: ByDirection<Option<u64>>,
    workers: &impl Workers,
) -> (Throttled, bool) {
    let run = |trace: &Trace, part| replay::on_demand(trace, bench.slots, maximum, part);
    (all_tables(bench, workers, run), meets(bench, workers, run))
}

/// The throttled share of all requests, each table replayed by `run`.
pub fn all_tables(
    bench: &Bench<'_>,
    workers: &impl Workers,
    run: impl Fn(&Trace, Part) -> Vec<Tally> + Sync,
) -> Throttled {
    let tables = bench.slots.iter().map(|slot| slot.table).max().unwrap_or(0) + 1;
    let parts: Vec<_> = (0..tables)
        .map(|table| {
            let part = Part {
                table,
                direction: None,
            };
            workers.map(bench.traces.len(), |seed| run(&bench.traces[seed], part))
        })
        .collect();
    joined(&parts)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; saturates"
)]
fn whole(units: f64) -> u64 {
    units.ceil() as u64
}
