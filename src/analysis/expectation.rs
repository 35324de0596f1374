//! What a scenario comes to before it runs: load, sizes, units, the hottest key and the bill.
//!
//! Sizes and units are means over the first items and arrivals; the rest follows from the
//! scenario. Must not know how it is shown.

mod hottest;
mod partitions;
mod table;

use std::sync::Arc;

use serde::Serialize;

use crate::{
    capacity::Arm,
    price::{PriceTable, UnknownPrice},
    record::Declared,
    scenario::{ArrivalSpec, Phase, PhaseKind, Scenario},
    simulation::{SimulationError, demand::Demand},
    units::{ByDirection, CapacityUnits, Direction, Rate, Share, Timestamp, float},
    workload::Workload,
};
use hottest::{hottest_share, most_of};
pub use table::{ExpectedIndex, ExpectedTable, Flow};

/// Items and arrivals that are looked at, at most.
pub const SAMPLES_MAX: u64 = 10_000;
/// Where prices are from.
pub const REGION: &str = "us-east-1";

/// Why nothing can be said of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpectationError {
    /// A table is too large for what has to be known of its keys.
    #[error(transparent)]
    Items(#[from] SimulationError),
    /// A price is missing.
    #[error(transparent)]
    Price(#[from] UnknownPrice),
}

/// What a scenario comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Expectation {
    /// Name of the scenario.
    pub scenario: String,
    /// Length of all timed phases, seconds.
    pub seconds: f64,
    /// Timed phases in order.
    pub phases: Vec<ExpectedPhase>,
    /// In the order of the scenario.
    pub operations: Vec<ExpectedOperation>,
    /// Arrivals that units per operation are the mean of.
    pub arrivals_sampled: u64,
    /// In the order of the scenario.
    pub tables: Vec<ExpectedTable>,
    /// Model parameters with their values, as `name = value`.
    pub model: Vec<String>,
    /// Those of `model` that differ from the default.
    pub model_overrides: Vec<String>,
    /// Region that the prices hold for.
    pub region: &'static str,
    /// When the prices held.
    pub price_date: String,
}

/// A timed phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpectedPhase {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: PhaseKind,
    /// Its length.
    pub seconds: f64,
    /// Mean arrivals per second; absent in the closed model, where it depends on the answers.
    pub rate_mean: Option<f64>,
    /// Most arrivals per second; absent in the closed model.
    pub rate_max: Option<f64>,
    /// Expected number of arrivals, of Poisson arrivals the mean; absent in the closed model.
    pub arrivals: Option<f64>,
    /// The closed model's clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<ExpectedClients>,
    /// What was assumed to read rates in capacity units as requests: an estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assumed: Option<ExpectedDemand>,
    /// Share of each operation, in the order of the scenario, where the phase has a mix of its
    /// own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix: Option<Vec<f64>>,
}

/// The clients of a closed phase.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ExpectedClients {
    /// How many.
    pub clients: u32,
    /// Mean of the time from an answer to the next request, seconds.
    pub think_seconds: f64,
}

/// How rates in capacity units were read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ExpectedDemand {
    /// `RCU` or `WCU`.
    pub unit: &'static str,
    /// Units of one request of the phase's mix on average, estimated from mean sizes.
    pub per_request: f64,
}

/// An operation of the mix.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpectedOperation {
    /// Its name.
    pub name: String,
    /// DynamoDB's name for what it does.
    pub request: &'static str,
    /// Share of all arrivals, those of the closed model left out where there are others.
    pub weight: f64,
    /// Mean units; absent when no sampled arrival was one.
    pub units: Option<f64>,
    /// `RCU` or `WCU`.
    pub unit: &'static str,
    /// Share of its requests that go to the busiest item; absent for new items.
    pub hottest_item: Option<f64>,
}

/// Works out what `workload` comes to.
///
/// # Errors
/// When a table's keys cannot be known, or a price is missing.
pub fn expect(workload: &Workload) -> Result<Expectation, ExpectationError> {
    let scenario = workload.scenario();
    let phases = phases(scenario);
    let seconds: f64 = phases.iter().map(|phase| phase.seconds).sum();
    let closed = phases.iter().any(|phase| phase.arrivals.is_none());
    let arrivals: f64 = phases.iter().filter_map(|phase| phase.arrivals).sum();
    let arrivals_sampled = match whole(arrivals.ceil()) {
        // How many the closed model has is not known, so as many as are looked at.
        _ if closed => SAMPLES_MAX,
        few => few.min(SAMPLES_MAX),
    };
    let Sampled { units, arms } = sample(workload, arrivals_sampled)?;
    let weights = weights(scenario, arrivals);
    let operations: Vec<_> = scenario
        .operations
        .iter()
        .zip(&units)
        .zip(weights)
        .map(|((spec, units), weight)| ExpectedOperation {
            name: spec.name.clone(),
            request: spec.kind.api_name(),
            weight,
            units: units.total(spec.kind.direction()),
            unit: spec.kind.direction().unit(),
            hottest_item: hottest_share(
                scenario.keys[spec.keys].spec,
                &scenario.weights,
                scenario.tables[spec.table].items,
                1,
            )
            .map(|share| share * most_of(spec.missing)),
        })
        .collect();
    let tables = (0..scenario.tables.len())
        .map(|index| table::expect(workload, index, &phases, &units, &arms[index]))
        .collect::<Result<_, _>>()?;
    let price = PriceTable::embedded().find(REGION, "prov_rcu_hour")?;
    Ok(Expectation {
        scenario: scenario.name.clone(),
        seconds,
        phases,
        operations,
        arrivals_sampled,
        tables,
        model: scenario.model.values(),
        model_overrides: scenario.model.overrides(),
        region: REGION,
        price_date: price.date.clone(),
    })
}

fn phases(scenario: &Scenario) -> Vec<ExpectedPhase> {
    timed(scenario)
        .map(|(_, phase)| {
            let seconds = phase.duration.as_secs_f64();
            let rate = |rate: Option<Rate>| rate.map(Rate::as_per_second);
            let rate_mean = rate(phase.arrivals.rate_mean(phase.duration));
            ExpectedPhase {
                name: phase.name.clone(),
                kind: phase.kind,
                seconds,
                rate_mean,
                rate_max: rate(phase.arrivals.rate_max(phase.duration)),
                arrivals: rate_mean.map(|mean| mean * seconds),
                clients: match phase.arrivals {
                    ArrivalSpec::Closed {
                        clients,
                        think_time,
                    } => Some(ExpectedClients {
                        clients,
                        think_seconds: think_time.mean().as_secs_f64(),
                    }),
                    _ => None,
                },
                assumed: phase.assumed.map(|assumed| ExpectedDemand {
                    unit: assumed.direction.unit(),
                    per_request: assumed.per_request,
                }),
                mix: phase.mix.as_ref().map(|mix| fractions(mix.iter().copied())),
            }
        })
        .collect()
}

fn fractions(shares: impl Iterator<Item = Share>) -> Vec<f64> {
    shares.map(Share::as_fraction).collect()
}

fn timed(scenario: &Scenario) -> impl Iterator<Item = (usize, &Phase)> {
    let phases = scenario.phases.iter().enumerate();
    phases.filter(|(_, phase)| phase.kind != PhaseKind::Load)
}

/// The share that each operation has of all `arrivals` whose number is known.
fn weights(scenario: &Scenario, arrivals: f64) -> Vec<f64> {
    let mut sums = vec![0.0; scenario.operations.len()];
    let alike = timed(scenario).all(|(_, phase)| phase.mix.is_none());
    if alike || arrivals <= 0.0 {
        return fractions(scenario.operations.iter().map(|spec| spec.weight));
    }
    for (_, phase) in timed(scenario) {
        let mean = phase.arrivals.rate_mean(phase.duration).unwrap_or_default();
        let part = mean.as_per_second() * phase.duration.as_secs_f64() / arrivals;
        for (sum, share) in sums.iter_mut().zip(phase.shares(&scenario.operations)) {
            *sum += part * share.as_fraction();
        }
    }
    sums
}

/// What one request of an operation takes on average.
#[derive(Clone, Debug, Default)]
struct MeanUnits {
    requests: u64,
    table: ByDirection<f64>,
    /// By number among the table's global indexes; shorter when the last ones take nothing.
    indexes: Vec<ByDirection<f64>>,
}

impl MeanUnits {
    /// Of the table and its indexes together; absent when no request was looked at.
    fn total(&self, direction: Direction) -> Option<f64> {
        let of_indexes: f64 = self.indexes.iter().map(|units| units[direction]).sum();
        (self.requests > 0).then_some(self.table[direction] + of_indexes)
    }

    fn add(&mut self, declared: &Declared) {
        let float = |units: ByDirection<CapacityUnits>| {
            ByDirection::from_fn(|direction| units[direction].as_f64())
        };
        self.requests += 1;
        self.table += float(declared.consumed);
        let known = self.indexes.len().max(declared.indexes.len());
        self.indexes.resize(known, ByDirection::default());
        for (sum, units) in self.indexes.iter_mut().zip(&declared.indexes) {
            *sum += float(*units);
        }
    }

    fn divide(&mut self) {
        let requests = float(self.requests.max(1));
        for sum in std::iter::once(&mut self.table).chain(&mut self.indexes) {
            *sum = ByDirection::from_fn(|direction| sum[direction] / requests);
        }
    }
}

/// What sampled arrivals take.
struct Sampled {
    /// By operation.
    units: Vec<MeanUnits>,
    /// By table.
    arms: Vec<Vec<Arm>>,
}

/// Looks at the first `sampled` arrivals, or where phases have mixes of their own, at as many
/// arrivals, an equal part from each phase.
fn sample(workload: &Workload, sampled: u64) -> Result<Sampled, SimulationError> {
    let mut workload = workload.clone();
    let scenario = Arc::clone(workload.scenario());
    let phases = u64::try_from(timed(&scenario).count().max(1)).unwrap_or(u64::MAX);
    for (number, (phase, _)) in (0_u64..).zip(timed(&scenario)) {
        workload.begin(phase, sampled * number / phases, Timestamp::ZERO);
    }
    let mut demand = Demand::new(&workload)?;
    let mut units = vec![MeanUnits::default(); scenario.operations.len()];
    let mut arms = vec![Vec::new(); scenario.tables.len()];
    for sequence in 0..sampled {
        let pick = workload.pick(sequence);
        let (declared, taken) = demand.taken(&workload, sequence, pick);
        units[pick.spec].add(&declared);
        arms[pick.table].extend(taken);
    }
    units.iter_mut().for_each(MeanUnits::divide);
    Ok(Sampled { units, arms })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; saturates"
)]
const fn whole(value: f64) -> u64 {
    value as u64
}
