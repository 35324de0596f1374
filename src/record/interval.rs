//! One second of a run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    OutcomeCounts, add_all, add_counts, generator::GeneratorSecond, histogram::EncodedHistogram,
};
use crate::{
    capacity::{CapacityStatus, partition::HeatEvent},
    units::{ByDirection, CapacityUnits, Direction},
};

/// One second of the run. Arrivals count in the second in which they were due, everything
/// else in the second in which the request ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Second since the run's start.
    pub second: u64,
    /// Arrivals that were due in it.
    pub arrivals: u64,
    /// First sends in it.
    pub sent: u64,
    /// Due → first send, of requests that ended in it: the 99th percentile, nanoseconds.
    pub dispatch_delay_p99_nanos: u64,
    /// Due → first send, as above, whole: only in the record of a shard, so that shards can be
    /// merged without loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatch_delay: Option<EncodedHistogram>,
    /// What the generator itself took; absent of a simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<GeneratorSecond>,
    /// In the order of `RunRecord::operations`.
    pub operations: Vec<IntervalOperation>,
    /// In the order of `RunRecord::tables`.
    pub tables: Vec<IntervalTable>,
}

impl Interval {
    /// Its histograms.
    pub fn histograms_mut(&mut self) -> impl Iterator<Item = &mut EncodedHistogram> {
        let operations = self.operations.iter_mut();
        let times = operations.filter_map(|operation| operation.response_time.as_mut());
        self.dispatch_delay.iter_mut().chain(times)
    }
}

/// One operation in one second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntervalOperation {
    /// Requests that ended in it.
    pub outcomes: OutcomeCounts,
    /// Units of the table and its local indexes, declared by their answers.
    pub consumed: ByDirection<CapacityUnits>,
    /// Units of global indexes, as in [`OperationTotals::index_consumed`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub index_consumed: Vec<ByDirection<CapacityUnits>>,
    /// Throttle reasons of their attempts.
    pub throttle_reasons: BTreeMap<String, u64>,
    /// Response time of those that completed; absent when there were none.
    pub response_time: Option<EncodedHistogram>,
}

/// Adds counts, and no times: histograms are merged before they are encoded.
impl std::ops::AddAssign<&Self> for IntervalOperation {
    fn add_assign(&mut self, other: &Self) {
        self.outcomes += other.outcomes;
        self.consumed += other.consumed;
        add_all(&mut self.index_consumed, &other.index_consumed);
        add_counts(&mut self.throttle_reasons, &other.throttle_reasons);
    }
}

/// One table, or one of its global indexes, at the end of one second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntervalTable {
    /// RCU and WCU in force; zero on demand.
    pub provisioned: ByDirection<CapacityUnits>,
    /// Burst credit left, in units; absent on demand, and when the target does not show it.
    pub burst_left: Option<ByDirection<f64>>,
    /// Number of partitions; absent when the target does not show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<usize>,
    /// What became of a hot partition, the last time that one was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_heat: Option<HeatEvent>,
    /// The partition of it or its indexes that came closest to its ceiling in this second. Only
    /// for who watches: a record tells it by [`super::heat`].
    #[serde(skip)]
    pub hottest: Option<HottestNow>,
    /// The table's global indexes, in the order of `TableRecord::indexes`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IntervalTable>,
}

/// A partition in one second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HottestNow {
    /// Number among the table's global indexes; absent of the table itself.
    pub index: Option<usize>,
    /// Its number, in the order of the hash space, from 0.
    pub partition: usize,
    /// Reads or writes.
    pub direction: Direction,
    /// Units per second ÷ its ceiling.
    pub of_ceiling: f64,
}

impl From<CapacityStatus> for IntervalTable {
    fn from(status: CapacityStatus) -> Self {
        let (provisioned, burst_left) = if status.on_demand {
            (ByDirection::default(), None)
        } else {
            (status.rates, Some(status.burst_left))
        };
        Self {
            provisioned,
            burst_left,
            partitions: Some(status.partitions),
            last_heat: status.last_heat,
            hottest: None,
            indexes: Vec::new(),
        }
    }
}
