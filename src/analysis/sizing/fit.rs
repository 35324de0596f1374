//! The search for capacity: slot by slot, direction by direction, then all together.

use serde::{Deserialize, Serialize};

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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The smallest capacity for each slot of `table` and direction that meets the target.
    pub fn fit(&self, table: usize, burst: Burst, workers: &impl Workers) -> Fits {
        let of_table = |slot: &usize| self.slots[*slot].table == table;
        let own: Vec<usize> = (0..self.slots.len()).filter(of_table).collect();
        let mut found: Vec<ByDirection<Option<u64>>> = (0..self.slots.len())
            .map(|slot| ByDirection::from_fn(|direction| Some(self.start(slot, direction))))
            .collect();
        for _ in 0..ROUNDS {
            let before = found.clone();
            for slot in own.iter().copied() {
                for direction in Direction::ALL {
                    self.say(slot, direction, burst, workers);
                    found[slot][direction] = self.smallest(slot, direction, &found, burst, workers);
                }
            }
            if found == before {
                break;
            }
        }
        self.settle(&own, &mut found, burst, workers);
        own.into_iter()
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

    /// Raises the capacity of a table whose indexes share its requests until all of them
    /// together meet the target: each was sized with the others ample.
    fn settle(
        &self,
        sharing: &[usize],
        found: &mut [ByDirection<Option<u64>>],
        burst: Burst,
        workers: &impl Workers,
    ) {
        if sharing.len() < 2 {
            return;
        }
        for slot in sharing.iter().copied() {
            for direction in Direction::ALL {
                if sharing.iter().any(|n| found[*n][direction].is_none()) {
                    continue;
                }
                for _ in 0..100 {
                    let rates = self.rates(found);
                    if self.is_met(slot, direction, &rates, burst, workers) {
                        break;
                    }
                    for number in sharing {
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

    /// Throttled share with so many units, where the others have what is recommended.
    pub fn point(
        &self,
        slot: usize,
        direction: Direction,
        units: u64,
        fits: &Fits,
        workers: &impl Workers,
    ) -> CurvePoint {
        let found: Vec<_> = fits
            .iter()
            .map(|fit| ByDirection::from_fn(|direction| fit[direction].map(|fit| fit.units)))
            .collect();
        let mut rates = self.rates(&found);
        rates[slot][direction] = units;
        let shares = |burst| {
            let seeds = self.seeds(slot, direction, &rates, burst, workers);
            spread(&seeds, &self.operations[slot][direction])
        };
        CurvePoint {
            units,
            without_burst: shares(Burst::Spent),
            with_burst: shares(Burst::Modelled),
        }
    }
}

/// Points of a curve, where each seed has so many requests.
#[must_use]
pub fn points(requests: f64, seeds: usize) -> u64 {
    let replayed = whole(requests).saturating_mul(2 * seeds as u64);
    (CURVE_REQUESTS / replayed.max(1)).clamp(POINTS.0, POINTS.1)
}

/// The units that are looked at around what is recommended, ascending.
pub fn curve(fit: Option<Fit>, demand: Demand, points: u64) -> impl Iterator<Item = u64> {
    let knee = fit.map_or_else(|| whole(demand.peak_second).max(1), |fit| fit.units);
    let mut units: Vec<u64> = (0..points)
        .map(|point| (knee * (points - 1 + 3 * point)).div_ceil(3 * (points - 1)))
        .chain([knee])
        .map(|units| units.max(1))
        .collect();
    units.sort_unstable();
    units.dedup();
    units.into_iter()
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

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; saturates"
)]
fn whole(units: f64) -> u64 {
    units.ceil() as u64
}
