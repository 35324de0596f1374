//! Auto scaling over the scenario's own traffic, with its delays.

use serde::{Deserialize, Serialize};

use super::{
    Workers,
    fit::{self, Bench, Fits},
    search, sweep,
};
use crate::{
    analysis::replay::{self, Part, Policy, Rates, Tally},
    capacity::sizing::to_provision,
    simulation::trace::Trace,
    units::{ByDirection, Direction, float},
};

/// Runs below this do not show what auto scaling does: 15 minutes until it cuts.
pub const SHORT_SECONDS: f64 = 900.0;
const MINUTES_PER_HOUR: usize = 60;

/// What auto scaling makes of the load of a table and its indexes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// By slot: the smallest minimum that meets the target, or the maximum where none does.
    pub policies: Vec<ByDirection<Policy>>,
    /// Units per second billed, mean over hours and seeds: of each hour the most in force.
    pub billed: Vec<ByDirection<f64>>,
}

/// Finds policies for `table` that aim at `utilisation`, and what becomes of its requests with
/// them, by seed.
pub fn scaling(
    bench: &Bench<'_>,
    fits: &Fits,
    table: usize,
    utilisation: f64,
    workers: &impl Workers,
) -> (Scaling, Vec<Vec<Tally>>) {
    let mut policies: Vec<ByDirection<Policy>> = (0..bench.slots.len())
        .map(|slot| {
            ByDirection::from_fn(|direction| {
                let busiest =
                    to_provision(bench.demands[slot][direction].busiest_minute, utilisation);
                let fixed = fits[slot][direction].map_or(1, |fit| fit.units);
                let max = busiest.max(fixed).max(1);
                Policy {
                    min: max,
                    max,
                    target: utilisation,
                }
            })
        })
        .collect();
    // It had settled at the load that the run starts with.
    let starts: Rates = (0..bench.slots.len())
        .map(|slot| ByDirection::from_fn(|direction| settled(bench, slot, direction, utilisation)))
        .collect();
    let is_short = bench.traces[0].measured_seconds() < SHORT_SECONDS;
    let of_table = |slot: &usize| bench.slots[*slot].table == table;
    let own: Vec<usize> = (0..bench.slots.len()).filter(of_table).collect();
    for slot in own.iter().copied() {
        for direction in Direction::ALL {
            if is_short {
                policies[slot][direction].min = settled(bench, slot, direction, utilisation);
                continue;
            }
            let operations = &bench.operations[slot][direction];
            let max = policies[slot][direction].max;
            let quiet = to_provision(bench.demands[slot][direction].quietest_minute, utilisation);
            let part = Part {
                table,
                direction: Some(direction),
            };
            let mut tried = policies.clone();
            let found = search::smallest(quiet.clamp(1, max), max, |min| {
                tried[slot][direction].min = min;
                let run =
                    |trace: &Trace| replay::scaled(trace, bench.slots, &tried, &starts, part).0;
                operations.is_empty() || fit::met(bench, operations, workers, run).is_some()
            });
            policies[slot][direction].min = found.unwrap_or(max);
        }
    }
    let runs = sweep::whole(bench, table, workers, |trace, part| {
        let (tallies, minutes) = replay::scaled(trace, bench.slots, &policies, &starts, part);
        (tallies, hourly(&minutes))
    });
    let (tallies, billed): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
    let scaling = Scaling {
        billed: mean(&billed),
        policies: own.into_iter().map(|slot| policies[slot]).collect(),
    };
    (scaling, tallies)
}

fn settled(bench: &Bench<'_>, slot: usize, direction: Direction, utilisation: f64) -> u64 {
    to_provision(bench.demands[slot][direction].first_minute, utilisation).max(1)
}

/// By slot of one table.
fn mean(seeds: &[Vec<ByDirection<f64>>]) -> Vec<ByDirection<f64>> {
    let count = float(seeds.len() as u64);
    let slots = seeds.first().map_or(0, Vec::len);
    let of_slot = |slot: usize| {
        ByDirection::from_fn(|direction| {
            let sum: f64 = seeds.iter().map(|seed| seed[slot][direction]).sum();
            sum / count
        })
    };
    (0..slots).map(of_slot).collect()
}

/// The mean over hours of the most that was in force in each.
fn hourly(minutes: &[Rates]) -> Vec<ByDirection<f64>> {
    let hours = minutes.chunks(MINUTES_PER_HOUR);
    let count = float(hours.len() as u64);
    let slots = minutes.first().map_or(0, Vec::len);
    (0..slots)
        .map(|slot| {
            ByDirection::from_fn(|direction| {
                let most = |hour: &[Rates]| hour.iter().map(|m| m[slot][direction]).max();
                hours
                    .clone()
                    .map(|hour| float(most(hour).unwrap_or(0)))
                    .sum::<f64>()
                    / count
            })
        })
        .collect()
}
