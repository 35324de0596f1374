//! What a table and its global indexes are expected to take, and what that costs.

use serde::Serialize;

use super::{
    ExpectedPhase, MeanUnits, REGION, SAMPLES_MAX, float,
    hottest::{most_of, partition_key_share},
    partitions::hottest_share,
    timed, whole,
};
use crate::{
    capacity::{
        Arm,
        limits::STORAGE_OVERHEAD,
        on_demand,
        partition::{Partitions, ceiling, initial_count},
        throttle::Resource,
    },
    price::{PriceTable, Unit, UnknownPrice},
    scenario::{Billing, ModelParameters, OperationSpec, PhaseKind},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp},
    workload::Workload,
};

const GB: f64 = 1_073_741_824.0;

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpectedTable {
    /// Its name.
    pub name: String,
    /// Whether it is billed by the request.
    pub on_demand: bool,
    /// Items once it is loaded.
    pub items: u64,
    /// The first items, which sizes are taken from.
    pub items_sampled: u64,
    /// Mean size of an item.
    pub item_bytes_mean: f64,
    /// 99th percentile of the size of an item.
    pub item_bytes_p99: u64,
    /// Partitions at the start.
    pub partitions: u64,
    /// Dollars a month for capacity, that of its global indexes included: what is provisioned,
    /// or on demand the units at the mean rate of the measured phases all month. Absent on
    /// demand where no rate is known.
    pub capacity_usd: Option<f64>,
    /// Dollars a month for storage, 100 bytes for each item included, indexes not.
    pub storage_usd: f64,
    /// Reads and writes of the table and its local indexes.
    pub flow: ByDirection<Flow>,
    /// Its global indexes.
    pub indexes: Vec<ExpectedIndex>,
}

/// A global secondary index.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpectedIndex {
    /// Its name.
    pub name: String,
    /// Partitions at the start, for its capacity alone.
    pub partitions: u64,
    /// Reads and writes.
    pub flow: ByDirection<Flow>,
}

/// Units per second in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Flow {
    /// Provisioned; on demand what a new table serves at once.
    pub capacity: f64,
    /// Expected at the mean rate of the measured phases that are not closed.
    pub mean: f64,
    /// Expected at the highest rate of any phase that is not closed.
    pub max: f64,
    /// Of `max`, what goes to the busiest partition key of the table, if it is one for all
    /// operations. Absent for an index, and when an operation does not say: partition keys
    /// that are drawn, or neighbours asked for one after the other.
    pub hottest_key: Option<f64>,
    /// Of `max`, what goes to the busiest of the partitions that it starts with: an estimate
    /// from sampled arrivals, never below `hottest_key`. Absent when they are too few to tell.
    pub hottest_partition: Option<f64>,
    /// What one partition serves.
    pub partition_limit: f64,
}

/// Table number `index`, from what operations take on average.
pub(super) fn expect(
    workload: &Workload,
    index: usize,
    phases: &[ExpectedPhase],
    units: &[MeanUnits],
    arms: &[Arm],
) -> Result<ExpectedTable, UnknownPrice> {
    let scenario = workload.scenario();
    let table = &scenario.tables[index];
    let sampled = table.items.clamp(1, SAMPLES_MAX);
    let mut sizes: Vec<u64> = (0..sampled)
        .map(|number| workload.item_size(index, number).0)
        .collect();
    sizes.sort_unstable();
    let mean = float(sizes.iter().sum()) / float(sampled);
    let p99 = sizes[usize::try_from((sampled * 99).div_ceil(100) - 1).unwrap_or(0)];
    let flows = Flows {
        workload,
        table: index,
        phases,
        units,
        arms,
    };
    let bytes = Bytes(whole(mean * float(table.items)));
    let partitions_of = |billing, bytes| {
        initial_count(
            partitioned(billing, &scenario.model),
            bytes,
            &scenario.model,
        )
    };
    let partitions = partitions_of(&table.billing, bytes);
    let flow = flows.of(&table.billing, None, partitions);
    let globals = table.global_indexes().enumerate();
    let indexes: Vec<_> = globals
        .map(|(number, (_, index, billing))| {
            let partitions = partitions_of(billing, Bytes(0));
            ExpectedIndex {
                name: index.name.clone(),
                partitions,
                flow: flows.of(billing, Some(number), partitions),
            }
        })
        .collect();
    let billings = table.global_indexes().map(|(_, _, billing)| billing);
    let all = std::iter::once((&table.billing, flow))
        .chain(billings.zip(indexes.iter().map(|index| index.flow)));
    let mut capacity_usd = flows.has_rate().then_some(0.0);
    for (billing, flow) in all {
        for direction in Direction::ALL {
            let usd = monthly(billing, direction, flow[direction], scenario.model.month())?;
            capacity_usd = match billing {
                Billing::Provisioned { .. } => Some(capacity_usd.unwrap_or(0.0) + usd),
                Billing::OnDemand { .. } => capacity_usd.map(|sum| sum + usd),
            };
        }
    }
    let stored = float(table.items) * (mean + float(STORAGE_OVERHEAD.0)) / GB;
    Ok(ExpectedTable {
        name: table.name.clone(),
        on_demand: matches!(table.billing, Billing::OnDemand { .. }),
        items: table.items,
        items_sampled: sampled,
        item_bytes_mean: mean,
        item_bytes_p99: p99,
        partitions,
        capacity_usd,
        storage_usd: PriceTable::embedded().cost(REGION, [("storage_gb_month", stored)])?,
        flow,
        indexes,
    })
}

/// Dollars a month of so many hours, for one direction of a table or index.
fn monthly(
    billing: &Billing,
    direction: Direction,
    flow: Flow,
    month: f64,
) -> Result<f64, UnknownPrice> {
    let (prices, unit) = (PriceTable::embedded(), Unit::of(direction));
    match billing {
        Billing::Provisioned { .. } => prices.provisioned(REGION, unit, flow.capacity, month),
        Billing::OnDemand { .. } => prices.on_demand(REGION, unit, flow.mean * 3600.0 * month),
    }
}

/// Units per second that partitions are made for.
fn partitioned(billing: &Billing, parameters: &ModelParameters) -> ByDirection<CapacityUnits> {
    match billing {
        Billing::Provisioned { capacity, .. } => *capacity,
        Billing::OnDemand { warm, .. } => {
            ByDirection::from_fn(|direction| on_demand::warm(*warm, direction, parameters))
        }
    }
}

/// What flows through one table.
struct Flows<'a> {
    workload: &'a Workload,
    /// Index into the scenario's tables.
    table: usize,
    /// The timed phases.
    phases: &'a [ExpectedPhase],
    /// By operation.
    units: &'a [MeanUnits],
    /// What sampled arrivals ask of the table and its indexes.
    arms: &'a [Arm],
}

impl Flows<'_> {
    /// Whether the rate of any measured phase is known.
    fn has_rate(&self) -> bool {
        let mut phases = self.phases.iter();
        phases.any(|phase| phase.kind == PhaseKind::Measured && phase.arrivals.is_some())
    }

    /// Of the table itself, or of its global index of this number, which starts with so many
    /// partitions.
    fn of(&self, billing: &Billing, index: Option<usize>, partitions: u64) -> ByDirection<Flow> {
        let scenario = self.workload.scenario();
        let capacity = match *billing {
            Billing::Provisioned { capacity, .. } => capacity,
            Billing::OnDemand { warm, maximum } => {
                on_demand::at_once(warm, maximum, &scenario.model)
            }
        };
        let is_open = |(phase, _): &(&ExpectedPhase, _)| phase.arrivals.is_some();
        let open = || self.phases.iter().zip(timed(scenario)).filter(is_open);
        let measured = open().filter(|(phase, _)| phase.kind == PhaseKind::Measured);
        let measured_seconds: f64 = measured.map(|(phase, _)| phase.seconds).sum();
        let resource = index.map_or(Resource::Table, Resource::Index);
        let partitions = Partitions::new(
            partitions,
            partitioned(billing, &scenario.model),
            &scenario.model,
            Timestamp::ZERO,
        );
        ByDirection::from_fn(|direction| {
            let mut flow = Flow {
                capacity: capacity[direction].as_f64(),
                partition_limit: ceiling(direction, &scenario.model).as_f64(),
                hottest_key: index.is_none().then_some(0.0),
                ..Flow::default()
            };
            for (expected, (_, phase)) in open() {
                let (mut per_arrival, mut hottest) = (0.0, Some(0.0));
                let shares = phase.shares(&scenario.operations);
                for ((spec, units), share) in scenario.operations.iter().zip(self.units).zip(shares)
                {
                    if spec.table != self.table {
                        continue;
                    }
                    let units = match index {
                        None => units.table[direction],
                        Some(index) => units.indexes.get(index).map_or(0.0, |it| it[direction]),
                    };
                    let units = share.as_fraction() * units;
                    per_arrival += units;
                    if units > 0.0 {
                        let share = self.hottest(spec);
                        hottest = hottest.zip(share).map(|(sum, share)| sum + units * share);
                    }
                }
                let (rate_max, arrivals) = (expected.rate_max, expected.arrivals);
                let (rate_max, arrivals) = (rate_max.unwrap_or(0.0), arrivals.unwrap_or(0.0));
                if expected.kind == PhaseKind::Measured {
                    flow.mean += arrivals * per_arrival / measured_seconds;
                }
                flow.max = flow.max.max(rate_max * per_arrival);
                let hottest = hottest.map(|hottest| hottest * rate_max);
                let known = flow.hottest_key.zip(hottest);
                flow.hottest_key = known.map(|(one, other)| one.max(other));
            }
            let share = hottest_share(self.arms, resource, direction, &partitions);
            flow.hottest_partition =
                share.map(|share| (share * flow.max).max(flow.hottest_key.unwrap_or(0.0)));
            flow
        })
    }

    /// The share of an operation's requests that go to the busiest partition key.
    fn hottest(&self, spec: &OperationSpec) -> Option<f64> {
        let scenario = self.workload.scenario();
        let keys = scenario.keys[spec.keys].spec;
        let table = &scenario.tables[self.table];
        let share = partition_key_share(keys, &scenario.weights, table);
        share.map(|share| share * most_of(spec.missing))
    }
}
