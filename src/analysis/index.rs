//! What the global indexes of a table took, and what they had.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BurstSummary, collect::ratio, measured_intervals, supplied::Supplied};
use crate::{
    record::{OperationTotals, RunRecord},
    units::{ByDirection, CapacityUnits, Direction},
};

/// One global secondary index over the measured phases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IndexSummary {
    /// Its name.
    pub name: String,
    /// Reads and writes apart.
    pub directions: ByDirection<IndexCapacity>,
}

/// What one direction of an index took, and what it had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IndexCapacity {
    /// Mean RCU or WCU over the measured phases; zero on demand.
    pub provisioned: f64,
    /// Units that the answers declare.
    pub consumed: f64,
    /// Consumed units ÷ seconds.
    pub mean_per_second: f64,
    /// The largest consumption of one second of the measured phases.
    pub peak_per_second: f64,
    /// Mean ÷ provisioned; absent when nothing is provisioned.
    pub utilisation: Option<f64>,
    /// Burst credit; absent when the target does not show it.
    pub burst: Option<BurstSummary>,
}

/// Of the indexes of table number `table`, in their order.
pub(super) fn summaries(
    record: &RunRecord,
    totals: &[OperationTotals],
    table: usize,
    seconds: f64,
) -> Vec<IndexSummary> {
    let indexes = record.tables[table].indexes.iter().enumerate();
    indexes
        .map(|(number, index)| IndexSummary {
            name: index.name.clone(),
            directions: ByDirection::from_fn(|direction| {
                capacity(record, totals, (table, number), direction, seconds)
            }),
        })
        .collect()
}

fn capacity(
    record: &RunRecord,
    totals: &[OperationTotals],
    (table, index): (usize, usize),
    direction: Direction,
    seconds: f64,
) -> IndexCapacity {
    let is_own = |operation: usize| record.operations[operation].table == table;
    let units = |all: &[ByDirection<CapacityUnits>]| {
        let own = all.get(index);
        own.map_or(CapacityUnits::ZERO, |units| units[direction])
    };
    let consumed: CapacityUnits = (totals.iter().enumerate())
        .filter(|(operation, _)| is_own(*operation))
        .map(|(_, total)| units(&total.index_consumed))
        .sum();
    let peak = measured_intervals(record)
        .map(|interval| {
            let parts = interval.operations.iter().enumerate();
            let own = parts.filter(|(operation, _)| is_own(*operation));
            own.map(|(_, part)| units(&part.index_consumed)).sum()
        })
        .max()
        .unwrap_or(CapacityUnits::ZERO);
    let supply = Supplied::table(record, table).index(index);
    let (provisioned, _) = supply.provisioned(direction);
    let mean_per_second = ratio(consumed.as_f64(), seconds).unwrap_or(0.0);
    IndexCapacity {
        provisioned,
        consumed: consumed.as_f64(),
        mean_per_second,
        peak_per_second: peak.as_f64(),
        utilisation: ratio(mean_per_second, provisioned),
        burst: supply.burst(direction, provisioned),
    }
}
