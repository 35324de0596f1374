//! Auto scaling over the scenario's own traffic, with its delays.

use super::{
    Workers,
    fit::{self, Bench, Fits},
    search,
};
use crate::{
    analysis::replay::{self, Part, Policy, Rates, throttled::Throttled},
    capacity::sizing::to_provision,
    simulation::trace::Trace,
    units::{ByDirection, Direction, float},
};

/// Runs below this do not show what auto scaling does: 15 minutes until it cuts.
pub const SHORT_SECONDS: f64 = 900.0;
const MINUTES_PER_HOUR: usize = 60;

/// What auto scaling makes of the load.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// By slot: the smallest minimum that meets the target, or the maximum where none does.
    pub policies: Vec<ByDirection<Policy>>,
    /// Units per second billed, mean over hours and seeds: of each hour the most in force.
    pub billed: Vec<ByDirection<f64>>,
    /// Over all requests.
    pub throttled: Throttled,
    /// Whether every slot meets the target.
    pub meets_target: bool,
}

/// Finds policies that aim at `utilisation`.
pub fn scaling(
    bench: &Bench<'_>,
    fits: &Fits,
    utilisation: f64,
    workers: &impl Workers,
) -> Scaling {
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
    for slot in 0..bench.slots.len() {
        for direction in Direction::ALL {
            if is_short {
                policies[slot][direction].min = settled(bench, slot, direction, utilisation);
                continue;
            }
            let operations = &bench.operations[slot][direction];
            let max = policies[slot][direction].max;
            let quiet = to_provision(bench.demands[slot][direction].quietest_minute, utilisation);
            let part = Part {
                table: bench.slots[slot].table,
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
    let tallies = |trace: &_, part| replay::scaled(trace, bench.slots, &policies, &starts, part).0;
    Scaling {
        throttled: fit::all_tables(bench, workers, tallies),
        meets_target: fit::meets(bench, workers, tallies),
        billed: billed(bench, &policies, &starts, workers),
        policies,
    }
}

fn settled(bench: &Bench<'_>, slot: usize, direction: Direction, utilisation: f64) -> u64 {
    to_provision(bench.demands[slot][direction].first_minute, utilisation).max(1)
}

fn billed(
    bench: &Bench<'_>,
    policies: &[ByDirection<Policy>],
    starts: &Rates,
    workers: &impl Workers,
) -> Vec<ByDirection<f64>> {
    let tables = bench.slots.iter().map(|slot| slot.table).max().unwrap_or(0) + 1;
    (0..tables)
        .flat_map(|table| {
            let part = Part {
                table,
                direction: None,
            };
            let seeds = workers.map(bench.traces.len(), |seed| {
                hourly(&replay::scaled(&bench.traces[seed], bench.slots, policies, starts, part).1)
            });
            let of_table = bench
                .slots
                .iter()
                .filter(|slot| slot.table == table)
                .count();
            (0..of_table).map(move |slot| {
                ByDirection::from_fn(|direction| {
                    seeds.iter().map(|seed| seed[slot][direction]).sum::<f64>()
                        / float(seeds.len() as u64)
                })
            })
        })
        .collect()
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
