//! How much to provision, in which mode, for how much.
//!
//! The same recorded requests of several seeds are replayed against many capacities; the
//! smallest whose upper 95 % bound over seeds meets the target is what is recommended. Must not
//! know how it is shown.

pub mod bill;
pub mod demand;
pub mod fit;
pub mod obstacle;
pub mod scaling;
pub mod search;
mod storage;
pub mod sweep;
mod swept;
pub mod tried;
pub mod verify;

use serde::{Deserialize, Serialize};

use super::{replay, workers::Workers};
use crate::{
    capacity::limits,
    price::{PriceTable, UnknownPrice},
    scenario::Scenario,
    schedule::shard::Shard,
    simulation::trace::Trace,
    units::{ByDirection, CapacityUnits, Direction},
};
use bill::{Bill, Offer};
use demand::Demand;
use fit::{Fit, Fits};
use obstacle::Obstacle;
use search::Target;
use sweep::Search;
use swept::Swept;
use tried::Tried;
use verify::Verification;

/// Fewest seeds that a recommendation stands on.
pub const SEEDS_MIN: usize = 10;
/// Version of the JSON document.
pub const SCHEMA_VERSION: u32 = 1;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizingOptions {
    /// How much may be throttled.
    pub target: Target,
    /// Utilisation that auto scaling aims at, 0.2–0.9.
    pub utilisation: f64,
    /// The owner's maximum of on-demand throughput, units per second.
    pub on_demand_maximum: ByDirection<Option<u64>>,
    /// Where prices are from.
    pub region: String,
    /// Whether the free tier is the payer's to use up.
    pub free_tier: bool,
    /// What things cost.
    pub prices: PriceTable,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sizing {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Its fingerprint with the first seed.
    pub fingerprint: String,
    /// The first seed; the others follow it one by one.
    pub seed: u64,
    /// How many seeds.
    pub seeds: usize,
    /// Length of the measured phases, seconds.
    pub seconds: f64,
    /// Requests due per second, mean over the measured phases.
    pub requests_per_second: f64,
    /// Largest throttled share of the requests of one direction of one table.
    pub target: f64,
    /// Targets of single operations by name.
    pub operation_targets: Vec<(String, f64)>,
    /// Tables, each followed by its indexes.
    pub slots: Vec<SizedSlot>,
    /// Whether every direction of every slot can be sized.
    pub possible: bool,
    /// Why not, where not.
    pub obstacles: Vec<Obstacle>,
    /// What can be bought, the cheapest that meets the target and binds to nothing first.
    pub offers: Vec<Offer>,
    /// Share of provisioned capacity that must be used for it to cost less than on-demand.
    pub break_even: ByDirection<f64>,
    /// Region, date and confidence of the prices.
    pub prices: bill::PriceNote,
    /// What else has to be known.
    pub notes: Vec<String>,
    /// The recommendation fired with real requests, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

impl Sizing {
    /// What is recommended: the cheapest offer that meets the target and binds to nothing.
    #[must_use]
    pub fn recommended(&self) -> Option<&Offer> {
        let mut offers = self.offers.iter().filter(|_| self.possible);
        offers.find(|offer| offer.meets_target)
    }
}

/// A table or an index.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SizedSlot {
    /// `Orders` or `Orders/by-date`.
    pub name: String,
    /// Items or entries with their overhead as billed, GB; a table's with those of its local
    /// secondary indexes.
    pub storage_gb: f64,
    /// Units per second in force in the scenario; absent for a table that has none.
    pub scenario: Option<ByDirection<f64>>,
    /// What is asked of it.
    pub demand: ByDirection<Demand>,
    /// The smallest that meets the target without burst credit; absent when none does.
    pub provision: ByDirection<Option<Fit>>,
    /// The same with the burst credit that the scenario's model gives.
    pub with_burst: ByDirection<Option<Fit>>,
    /// Throttled share against units.
    pub curves: ByDirection<Vec<CurvePoint>>,
}

/// One capacity that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Units per second.
    pub units: u64,
    /// Throttled shares without burst credit: 10th percentile, median, 90th over seeds.
    pub without_burst: [f64; 3],
    /// And with it.
    pub with_burst: [f64; 3],
}

/// Sizes the load of `traces`: the same scenario with different seeds, at least one.
///
/// # Errors
/// When a price is missing.
///
/// # Panics
/// Without any trace.
pub fn size(
    traces: &[Trace],
    options: &SizingOptions,
    workers: &impl Workers,
) -> Result<Sizing, UnknownPrice> {
    concluded(&search(traces, options, Shard::WHOLE, workers))
}

/// What has to be known for a sizing, and those pieces of the search that are the shard's.
///
/// # Panics
/// Without any trace.
pub fn search(
    traces: &[Trace],
    options: &SizingOptions,
    shard: Shard,
    workers: &impl Workers,
) -> Search {
    let slots = replay::slots(traces.first().expect("at least one seed"));
    workers.at("what is asked for");
    let demands = demand::of(traces, &slots, workers);
    let operations: Vec<_> = slots
        .iter()
        .map(|slot| ByDirection::from_fn(|way| demand::operations(traces, slot, way)))
        .collect();
    let bench = fit::Bench {
        traces,
        slots: &slots,
        demands: &demands,
        operations: &operations,
        tried: &Tried::default(),
        target: &options.target,
    };
    let basis = sweep::basis(&bench, options, workers);
    let ours = (0..).zip(sweep::pieces(&basis));
    let ours = ours.filter(|(number, _)| shard.takes(*number));
    let found = ours
        .map(|(_, piece)| (piece, sweep::make(piece, &bench, options, &basis, workers)))
        .collect();
    Search {
        options: options.clone(),
        basis,
        found,
    }
}

/// The answer, once every piece of the search is there.
///
/// # Errors
/// When a price is missing.
pub fn concluded(search: &Search) -> Result<Sizing, UnknownPrice> {
    let Search {
        options,
        basis,
        found,
    } = search;
    let swept = Swept::of(found);
    let slots: Vec<SizedSlot> = basis
        .slots
        .iter()
        .zip(swept.on_burst())
        .enumerate()
        .map(|(number, (slot, with_burst))| SizedSlot {
            name: slot.name.clone(),
            storage_gb: slot.storage_gb,
            scenario: slot.in_force,
            demand: slot.demand,
            provision: slot.provision,
            with_burst,
            curves: ByDirection::from_fn(|direction| swept.curve(number, direction)),
        })
        .collect();
    let bill = Bill {
        options,
        slots: &slots,
        requests_per_second: basis.requests_per_second,
        month: basis.month,
    };
    let offers = bill.offers(basis, &swept)?;
    Ok(Sizing {
        schema_version: SCHEMA_VERSION,
        scenario: basis.scenario.clone(),
        fingerprint: basis.fingerprint.clone(),
        seed: basis.seed,
        seeds: basis.seeds,
        seconds: basis.seconds,
        requests_per_second: basis.requests_per_second,
        target: options.target.overall,
        operation_targets: basis.operation_targets.clone(),
        possible: basis.obstacles.is_empty(),
        obstacles: basis.obstacles.clone(),
        offers,
        break_even: bill.break_even()?,
        prices: bill.note(),
        notes: basis.notes.clone(),
        slots,
        verification: None,
    })
}

fn notes(scenario: &Scenario, fits: &Fits) -> Vec<String> {
    let mut notes = Vec::new();
    if scenario.client.retry.max_attempts > 1 {
        notes.push(
            "The client retries; a request counts as throttled at its first refusal here, so \
             fewer end throttled."
                .to_owned(),
        );
    }
    if scenario
        .operations
        .iter()
        .any(|operation| operation.kind.has_members())
    {
        notes.push(
            "A batch counts as throttled when any of its members is; DynamoDB returns such \
             members as unprocessed."
                .to_owned(),
        );
    }
    for direction in Direction::ALL {
        let rates: Vec<CapacityUnits> = fits
            .iter()
            .filter_map(|fit| fit[direction])
            .map(|fit| CapacityUnits::whole(i64::try_from(fit.units).unwrap_or(i64::MAX / 4)))
            .collect();
        if !limits::within_quotas(&rates, limits::TABLE_QUOTA, limits::ACCOUNT_QUOTA) {
            let unit = direction.unit();
            notes.push(format!(
                "The {unit} exceed the default quotas (40,000 for a table, 80,000 for an \
                 account and Region): ask for higher ones."
            ));
        }
    }
    notes
}
