//! The steady state: what constant demand on the partitions of a table is served, burst aside.

use crate::scenario::PartitionShareMode;

/// Units per second, served and throttled by cause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SteadyState {
    /// Served.
    pub accepted: f64,
    /// Refused by a partition: by its ceiling, or with even shares by its share.
    pub key_range: f64,
    /// Let through by the partitions, refused by the table.
    pub provisioned: f64,
}

/// Constant `offered` units per second to each partition of a table of `table_rate`.
#[must_use]
pub fn partitions(
    offered: &[f64],
    table_rate: f64,
    ceiling: f64,
    mode: PartitionShareMode,
) -> SteadyState {
    #[expect(clippy::cast_precision_loss, reason = "a number of partitions")]
    let share = match mode {
        PartitionShareMode::Gac => f64::INFINITY,
        PartitionShareMode::LegacyEvenShare => table_rate / offered.len().max(1) as f64,
    };
    let total: f64 = offered.iter().sum();
    let through: f64 = offered
        .iter()
        .map(|rate| rate.min(ceiling).min(share))
        .sum();
    let accepted = through.min(table_rate);
    SteadyState {
        accepted,
        key_range: total - through,
        provisioned: through - accepted,
    }
}
