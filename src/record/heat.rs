//! Which partitions and keys of a run were hot, and when: bounded, however long the run and
//! however large the table.
//!
//! Only of targets that show their partitions: the emulator and the simulation.

mod counters;
pub mod keys;
pub mod watch;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{ByDirection, CapacityUnits};
use keys::KeyHeat;

/// Partitions told one by one.
pub const PARTITIONS_MAX: usize = 64;
/// Columns of time.
pub const COLUMNS_MAX: usize = 300;

/// A table, or one of its global indexes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceHeat {
    /// Number of the table in `RunRecord::tables`.
    pub table: usize,
    /// Number among `TableRecord::indexes`; absent of the table itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// What one partition serves per second, whatever is provisioned.
    pub ceilings: ByDirection<CapacityUnits>,
    /// Seconds of a column, at least 1. Each column holds its hottest second.
    pub column_seconds: u64,
    /// Columns, at most [`COLUMNS_MAX`].
    pub columns: usize,
    /// Partitions at the end of the run.
    pub partitions_at_end: usize,
    /// Partitions that had traffic.
    pub partitions_used: usize,
    /// The hottest of them, at most [`PARTITIONS_MAX`], in the order of the hash space.
    pub partitions: Vec<PartitionHeat>,
    /// Of all others together the hottest one in each column; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<PartitionHeat>,
    /// Partitions that came into being, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<Split>,
    /// Its keys.
    pub keys: ByDirection<KeyHeat>,
}

/// A partition, over the whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PartitionHeat {
    /// Its number at the end of the run, in the order of the hash space, from 0.
    pub number: usize,
    /// Where its range of the hash space begins: 32 hexadecimal digits.
    pub from: String,
    /// Reads and writes.
    pub directions: ByDirection<DirectionHeat>,
}

/// One direction of a partition, over the whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DirectionHeat {
    /// Units served.
    pub served: CapacityUnits,
    /// Units asked for beyond its ceiling, retries included.
    pub refused: CapacityUnits,
    /// Units per second served, by column.
    pub served_per_second: Cells,
    /// Units per second refused, by column.
    pub refused_per_second: Cells,
}

/// A partition came into being.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Split {
    /// Second since the run's start.
    pub second: u64,
    /// Where it begins.
    pub from: String,
}

/// Numbers in a row, to a tenth, as text between spaces: a hundred of them take less than a
/// line each would. Zeros at the end are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Cells(String);

impl Cells {
    /// Of these numbers.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        let mut all: Vec<String> = (values.into_iter())
            .map(|value| tenth(value).to_string())
            .collect();
        let last = all.iter().rposition(|value| value != "0");
        all.truncate(last.map_or(0, |last| last + 1));
        Self(all.join(" "))
    }

    /// The numbers, `count` of them; what is no number is 0.
    pub fn values(&self, count: usize) -> impl Iterator<Item = f64> + '_ {
        let known = self.0.split_ascii_whitespace();
        let known = known.map(|value| value.parse().ok().filter(|v: &f64| v.is_finite()));
        let known = known.map(|value| value.unwrap_or(0.0).max(0.0));
        known.chain(std::iter::repeat(0.0)).take(count)
    }
}
