//! What a run on AWS can cost at most, and what its answers have cost so far.
//!
//! Every bound errs on the dear side: each request is the dearest of its operation, each attempt
//! is charged, and started hours count whole. Must not know how anybody is asked about it.

use std::sync::Arc;

use super::expectation::ExpectationError;
use crate::{
    capacity::{cost, limits::STORAGE_OVERHEAD},
    price::{self, PriceTable, Unit, UnknownPrice},
    record::Declared,
    scenario::{Billing, OperationKind, PhaseKind, Scenario, Table, TableClass},
    schedule::Schedule,
    simulation::{SimulationError, demand::Demand},
    units::{ByDirection, CapacityUnits, Direction, Timestamp, float},
    workload::Workload,
};

/// Arrivals and items whose units are looked at, at most. What comes after them counts as the
/// dearest among them.
pub const SAMPLES_MAX: u64 = 10_000;
/// Arrivals that are told apart by operation; beyond that each counts as the dearest.
const COUNTED_MAX: f64 = 5_000_000.0;
/// Standard deviations by which Poisson arrivals may exceed their mean: once in a billion runs.
const SIGMAS: f64 = 6.0;
/// Hours beyond the run's own that tables exist: made, loaded and deleted.
const SPARE_HOURS: f64 = 1.0;
const GB: f64 = 1_073_741_824.0;

/// Dollars that a unit costs, by table and global index: nothing where capacity is provisioned,
/// since that is paid by the hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Tariff {
    tables: Vec<TableTariff>,
}

#[derive(Clone, Debug, PartialEq)]
struct TableTariff {
    own: ByDirection<f64>,
    indexes: Vec<ByDirection<f64>>,
}

impl Tariff {
    /// The prices of a Region for the tables of a scenario.
    ///
    /// # Errors
    /// When a price is missing.
    pub fn new(
        scenario: &Scenario,
        prices: &PriceTable,
        region: &str,
    ) -> Result<Self, UnknownPrice> {
        let of_billing = |table: &Table, billing: &Billing| {
            let mut usd = ByDirection::default();
            if matches!(billing, Billing::OnDemand { .. }) {
                for direction in Direction::ALL {
                    let unit = prices.on_demand(region, Unit::of(direction), 1.0)?;
                    usd[direction] = in_class(table, unit);
                }
            }
            Ok(usd)
        };
        let of_table = |table: &Table| {
            let indexes = table.global_indexes();
            Ok(TableTariff {
                own: of_billing(table, &table.billing)?,
                indexes: indexes
                    .map(|(_, _, billing)| of_billing(table, billing))
                    .collect::<Result<_, _>>()?,
            })
        };
        let tables = scenario.tables.iter().map(of_table);
        Ok(Self {
            tables: tables.collect::<Result<_, _>>()?,
        })
    }

    /// Dollars of what answers of a table (index into `Scenario::tables`) declare.
    #[must_use]
    pub fn cost(&self, table: usize, declared: &Declared) -> f64 {
        let tariff = &self.tables[table];
        let of_indexes = tariff.indexes.iter().zip(&declared.indexes);
        let of_indexes: f64 = of_indexes.map(|(usd, units)| usd_of(*usd, *units)).sum();
        usd_of(tariff.own, declared.consumed) + of_indexes
    }
}

/// The bound, in US dollars.
#[derive(Clone, Debug, PartialEq)]
pub struct WorstCase {
    /// What each attempt of an operation costs at most, in the order of the scenario.
    pub attempt_usd: Vec<f64>,
    /// Requests of the timed phases; `None` in the closed model, where it depends on answers.
    pub requests: Option<f64>,
    /// All attempts of them.
    pub requests_usd: Option<f64>,
    /// Writing the items of tables that are made.
    pub load_usd: f64,
    /// Capacity of tables that are made, by the hour.
    pub provisioned_usd: f64,
    /// Hours that these count.
    pub hours: f64,
    /// What tables that are made store meanwhile.
    pub storage_usd: f64,
}

impl WorstCase {
    /// Of `workload` in a Region.
    ///
    /// # Errors
    /// When a table's keys cannot be known, or a price is missing.
    pub fn of(
        workload: &Workload,
        prices: &PriceTable,
        region: &str,
    ) -> Result<Self, ExpectationError> {
        let scenario = Arc::clone(workload.scenario());
        let tariff = Tariff::new(&scenario, prices, region)?;
        let attempt_usd = attempts(workload, &tariff)?;
        let requests = requests(workload);
        let attempts_max = f64::from(scenario.client.retry.max_attempts.max(1));
        let requests_usd = requests.as_ref().map(|by_operation| {
            let each = by_operation.iter().zip(&attempt_usd);
            each.map(|(count, usd)| count * usd * attempts_max).sum()
        });
        let requests = requests.map(|by_operation| by_operation.iter().sum());
        let seconds = Schedule::new(&scenario).duration().as_secs_f64();
        let hours = (seconds / 3600.0).ceil() + SPARE_HOURS;
        let mut worst = Self {
            attempt_usd,
            requests,
            requests_usd,
            load_usd: 0.0,
            provisioned_usd: 0.0,
            hours,
            storage_usd: 0.0,
        };
        let loads = scenario.phases.iter().any(|it| it.kind == PhaseKind::Load);
        for (index, table) in scenario.tables.iter().enumerate() {
            if table.existing {
                continue;
            }
            let largest = (0..table.items.clamp(1, SAMPLES_MAX))
                .map(|number| workload.item_size(index, number))
                .max()
                .unwrap_or_default();
            if loads {
                let units = cost::write(None, Some(largest));
                let of_one = Declared {
                    consumed: writes(units),
                    indexes: table.global_indexes().map(|_| writes(units)).collect(),
                    ..Declared::default()
                };
                worst.load_usd += float(table.items) * tariff.cost(index, &of_one);
            }
            worst.provisioned_usd += provisioned(table, prices, region, hours)?;
            let items = float(table.items) + worst.requests.unwrap_or_default();
            let copies = float(table.indexes.len() as u64) + 1.0;
            let gigabytes = items * float(largest.0 + STORAGE_OVERHEAD.0) * copies / GB;
            let months = hours / scenario.model.month();
            worst.storage_usd += prices.cost(region, [("storage_gb_month", gigabytes * months)])?;
        }
        Ok(worst)
    }

    /// What is paid whatever the answers: capacity by the hour, storage and loading.
    #[must_use]
    pub fn fixed_usd(&self) -> f64 {
        self.load_usd + self.provisioned_usd + self.storage_usd
    }

    /// Everything; `None` in the closed model, which nothing but a limit bounds.
    #[must_use]
    pub fn total_usd(&self) -> Option<f64> {
        Some(self.fixed_usd() + self.requests_usd?)
    }
}

/// By operation, the dearest attempt among the first arrivals.
fn attempts(workload: &Workload, tariff: &Tariff) -> Result<Vec<f64>, SimulationError> {
    let mut workload = workload.clone();
    let scenario = Arc::clone(workload.scenario());
    for phase in 0..scenario.phases.len() {
        workload.begin(phase, 0, Timestamp::ZERO);
    }
    let mut demand = Demand::new(&workload)?;
    let mut dearest: Vec<f64> = scenario
        .operations
        .iter()
        .map(|spec| tariff.cost(spec.table, &least(spec.kind)))
        .collect();
    for sequence in 0..SAMPLES_MAX {
        let pick = workload.pick(sequence);
        let (declared, _) = demand.taken(&workload, sequence, pick);
        let usd = tariff.cost(pick.table, &declared);
        dearest[pick.spec] = dearest[pick.spec].max(usd);
    }
    Ok(dearest)
}

/// What any attempt is charged at least: one that fails its condition declares nothing.
fn least(kind: OperationKind) -> Declared {
    let mut units = ByDirection::default();
    units[kind.direction()] = CapacityUnits::whole(1);
    Declared::units(units)
}

/// Arrivals by operation, or as many as can be of the dearest; `None` in the closed model.
fn requests(workload: &Workload) -> Option<Vec<f64>> {
    let scenario = Arc::clone(workload.scenario());
    let timed = scenario
        .phases
        .iter()
        .filter(|it| it.kind != PhaseKind::Load);
    let mut mean = 0.0;
    for phase in timed {
        let rate = phase.arrivals.rate_mean(phase.duration)?;
        mean += rate.as_per_second() * phase.duration.as_secs_f64();
    }
    let operations = scenario.operations.len();
    if mean > COUNTED_MAX {
        return Some(vec![mean + SIGMAS * mean.sqrt(); operations]);
    }
    let mut workload = workload.clone();
    let mut counts = vec![0.0; operations];
    for arrival in Schedule::new(&scenario).arrivals() {
        workload.begin(arrival.phase, arrival.sequence, arrival.intended_start);
        counts[workload.spec(arrival.sequence)] += 1.0;
    }
    Some(counts)
}

fn provisioned(
    table: &Table,
    prices: &PriceTable,
    region: &str,
    hours: f64,
) -> Result<f64, UnknownPrice> {
    let of_indexes = table.global_indexes().map(|(_, _, billing)| billing);
    let mut usd = 0.0;
    for billing in std::iter::once(&table.billing).chain(of_indexes) {
        let capacity = billing.capacity().unwrap_or_default();
        for direction in Direction::ALL {
            let units = capacity[direction].as_f64();
            usd += prices.provisioned(region, Unit::of(direction), units, hours)?;
        }
    }
    Ok(in_class(table, usd))
}

fn in_class(table: &Table, throughput_usd: f64) -> f64 {
    match table.class {
        TableClass::Standard => throughput_usd,
        TableClass::StandardInfrequentAccess => price::infrequent_access(0.0, throughput_usd),
    }
}

fn writes(write: CapacityUnits) -> ByDirection<CapacityUnits> {
    ByDirection {
        read: CapacityUnits::ZERO,
        write,
    }
}

fn usd_of(usd: ByDirection<f64>, units: ByDirection<CapacityUnits>) -> f64 {
    let each = Direction::ALL.into_iter();
    each.map(|direction| usd[direction] * units[direction].as_f64())
        .sum()
}
