//! The rules of DynamoDB that AWS does not publish, as named parameters with their defaults.
//!
//! Set under `[model]` in a scenario; `dyno run` prints those that differ from the default.

use serde::{Deserialize, Serialize};

use crate::units::Share;

/// Parameters of the capacity model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelParameters {
    /// Seconds of unused capacity that are kept for bursts (documented: up to 300; measured
    /// 266–325). 1–3,600.
    pub burst_seconds: u32,
    /// Share of the burst that a table has when the run starts. AWS says only "unused
    /// capacity": a new table has no unused past.
    pub initial_burst_fraction: Share,
    /// When a bucket admits.
    pub admission_rule: AdmissionRule,
    /// How many partitions a new table gets.
    pub partition_count_rule: PartitionCountRule,
    /// Depth of a partition's bucket in seconds of its ceiling. 1–300.
    pub partition_bucket_seconds: u32,
    /// Whether a partition may use the whole table's capacity.
    pub partition_share_mode: PartitionShareMode,
    /// RCU that one partition serves per second (documented: 3,000).
    pub partition_read_cap: u32,
    /// WCU that one partition serves per second (documented: 1,000).
    pub partition_write_cap: u32,
}

impl Default for ModelParameters {
    fn default() -> Self {
        Self {
            burst_seconds: 300,
            initial_burst_fraction: Share::NONE,
            admission_rule: AdmissionRule::DebitAfter,
            partition_count_rule: PartitionCountRule::Max,
            partition_bucket_seconds: 1,
            partition_share_mode: PartitionShareMode::Gac,
            partition_read_cap: 3000,
            partition_write_cap: 1000,
        }
    }
}

impl ModelParameters {
    /// All of them, as `name = value`.
    ///
    /// # Panics
    /// Never: every parameter is a number or a word.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(fields)) => fields
                .into_iter()
                .map(|(name, value)| format!("{name} = {value}"))
                .collect(),
            _ => unreachable!("a struct of numbers and words is a JSON object"),
        }
    }

    /// Those that differ from their defaults, as `name = value`: what a reader of a result has
    /// to know before comparing it with another.
    ///
    /// # Panics
    /// Never: every parameter is a number or a word.
    #[must_use]
    pub fn overrides(&self) -> Vec<String> {
        let fields = |parameters: &Self| match serde_json::to_value(parameters) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => unreachable!("a struct of numbers and words is a JSON object"),
        };
        let defaults = fields(&Self::default());
        fields(self)
            .into_iter()
            .filter(|(name, value)| defaults.get(name) != Some(value))
            .map(|(name, value)| format!("{name} = {value}"))
            .collect()
    }
}

/// When a bucket admits a request. Not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdmissionRule {
    /// While the balance is positive; the cost is debited afterwards and may leave a debt.
    DebitAfter,
    /// Only when the balance covers the cost (or the bucket is full).
    Strict,
}

/// How many partitions a provisioned table starts with. Not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionCountRule {
    /// The largest of the needs by RCU, WCU and size.
    Max,
    /// RCU and WCU needs added before rounding, as old documentation had it.
    Sum,
}

/// Whether partitions share the table's capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionShareMode {
    /// Global admission control: the table's bucket is shared, a partition is bounded only by
    /// its ceiling.
    Gac,
    /// Before adaptive capacity: a partition gets an even share of the table, with a burst of
    /// its own.
    LegacyEvenShare,
}
