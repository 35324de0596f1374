//! Run record → summary → verdict.
//!
//! Owns what the numbers of a run mean; must not know how they are written or drawn. Only
//! measured phases count, and percentiles come from merged histograms, never from averages.

pub mod cause;
pub mod cloudwatch;
mod collect;
pub mod compare;
pub mod expectation;
pub mod generator;
pub mod index;
pub mod rekey;
pub mod replay;
pub mod runs;
pub mod seeds;
pub mod sizing;
pub mod spend;
mod supplied;
pub mod threshold;
pub mod trend;
pub mod workers;

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    record::{Interval, OutcomeCounts, PhaseRecord, RunRecord, histogram::LatencyHistogram},
    scenario::{OperationKind, PhaseKind, Scenario},
    units::{ByDirection, Direction, Quantile},
};

/// The measured phases of a run in numbers.
///
/// Rates are means over `seconds`; where a ratio has no denominator it is absent, never zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Length of the measured phases together, in seconds.
    pub seconds: f64,
    /// Requests that were due.
    pub arrivals: u64,
    /// How they ended; in a valid record, `arrivals` in total.
    pub outcomes: OutcomeCounts,
    /// Arrivals per second.
    pub offered_per_second: f64,
    /// Completed requests per second.
    pub completed_per_second: f64,
    /// Requests whose final answer was a throttle ÷ arrivals; absent without arrivals.
    pub throttled_share: Option<f64>,
    /// Requests that failed or timed out ÷ arrivals; absent without arrivals.
    pub error_share: Option<f64>,
    /// Dropped requests ÷ arrivals; absent without arrivals.
    pub dropped_share: Option<f64>,
    /// Response time of completed requests of all operations.
    pub response_time: Option<Percentiles>,
    /// Service time of completed requests of all operations.
    pub service_time: Option<Percentiles>,
    /// Due → first send; absent when nothing was sent.
    pub dispatch_delay: Option<Percentiles>,
    /// In the order of the scenario.
    pub operations: Vec<OperationSummary>,
    /// In the order of the scenario.
    pub tables: Vec<TableSummary>,
}

/// One operation over the measured phases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationSummary {
    /// Name in the scenario.
    pub name: String,
    /// What it does.
    pub kind: OperationKind,
    /// Index into `Summary::tables`.
    pub table: usize,
    /// Requests that were due.
    pub arrivals: u64,
    /// How they ended.
    pub outcomes: OutcomeCounts,
    /// Attempts sent, retries included.
    pub attempts: u64,
    /// Arrivals per second.
    pub offered_per_second: f64,
    /// Completed requests per second.
    pub completed_per_second: f64,
    /// Due → final answer, completed requests; absent when there were none.
    pub response_time: Option<Percentiles>,
    /// Last send → answer, completed requests; absent when there were none.
    pub service_time: Option<Percentiles>,
    /// Units, in the direction of `kind`, per completed request, global indexes included;
    /// absent when there were none.
    pub units_per_request: Option<f64>,
    /// Throttled requests ÷ arrivals; absent without arrivals.
    pub throttled_share: Option<f64>,
    /// Failed and timed-out requests ÷ arrivals; absent without arrivals.
    pub error_share: Option<f64>,
    /// Causes of failed and timed-out requests.
    pub errors: BTreeMap<String, u64>,
}

/// Percentiles of one duration, in nanoseconds, with a relative error of at most 0.1 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Percentiles {
    /// How many values there are; at least 1.
    pub count: u64,
    /// Median.
    pub p50_nanos: u64,
    /// 99th percentile.
    pub p99_nanos: u64,
    /// 99.9th percentile.
    pub p99_9_nanos: u64,
    /// Longest.
    pub max_nanos: u64,
}

impl Percentiles {
    /// Of all values in `histogram`; `None` when it is empty.
    #[must_use]
    pub fn of(histogram: &LatencyHistogram) -> Option<Self> {
        let at = |quantile| histogram.quantile(quantile).map(nanos);
        Some(Self {
            count: histogram.count(),
            p50_nanos: at(Quantile::P50)?,
            p99_nanos: at(Quantile::P99)?,
            p99_9_nanos: at(Quantile::P99_9)?,
            max_nanos: nanos(histogram.max()?),
        })
    }
}

/// One table over the measured phases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TableSummary {
    /// Table name.
    pub name: String,
    /// Reads and writes apart, as DynamoDB meters them.
    pub directions: ByDirection<CapacitySummary>,
    /// Its global indexes, in the order of the scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<index::IndexSummary>,
}

/// What one direction of a table was asked for, got and had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CapacitySummary {
    /// Mean RCU or WCU over the measured phases; zero on demand.
    pub provisioned: f64,
    /// Whether the table is billed by the request.
    pub on_demand: bool,
    /// How far what is provisioned moved, if it did.
    pub moved: Option<cause::Moved>,
    /// Units that the answers declare.
    pub consumed: f64,
    /// Consumed units ÷ seconds.
    pub mean_per_second: f64,
    /// The largest consumption of one second of the measured phases.
    pub peak_per_second: f64,
    /// Mean ÷ provisioned; absent when nothing is provisioned.
    pub utilisation: Option<f64>,
    /// Estimate of the units per second that would have served every request: arrivals × mean
    /// units of the completed requests of the same operation, ÷ seconds. Absent when an
    /// operation had arrivals and no completed request to estimate from.
    pub demand_estimate_per_second: Option<f64>,
    /// The same at its busiest: in the ten seconds in a row in which most requests were due.
    /// Shorter peaks are left to burst credit. Never below the mean.
    pub demand_peak_estimate_per_second: Option<f64>,
    /// Requests of this direction that were due.
    pub arrivals: u64,
    /// How they ended.
    pub outcomes: OutcomeCounts,
    /// Throttled requests ÷ arrivals; absent without arrivals.
    pub throttled_share: Option<f64>,
    /// Seconds of the measured phases in which at least one attempt was throttled.
    pub seconds_with_throttles: u64,
    /// How often throttled attempts, retries included, gave each reason, as DynamoDB names
    /// them. One attempt may give several.
    pub throttles_by_reason: BTreeMap<String, u64>,
    /// The same reasons by cause.
    pub throttles_by_cause: BTreeMap<ThrottleCause, u64>,
    /// Burst credit; absent when the target does not show it.
    pub burst: Option<BurstSummary>,
}

/// Burst credit of one direction of a table over the run so far as it was seen, warm-up
/// included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BurstSummary {
    /// Most units that can be saved up.
    pub full: f64,
    /// Fewest units left at the end of a measured second.
    pub lowest: f64,
    /// Units left at the end of the last measured second.
    pub last: f64,
    /// Second since the run's start at whose end less than 1 % of `full` was left for the
    /// first time after there had been more; absent when that never happened.
    pub ran_dry_at_second: Option<u64>,
    /// Whether at some second's end at least 1 % of `full` was left.
    pub ever_available: bool,
}

/// Whose limit a throttle hit.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleCause {
    /// The provisioned throughput of the table.
    TableProvisioned,
    /// The ceiling of one partition.
    KeyRange,
    /// Any limit of a secondary index.
    Index,
    /// The quota of the account.
    AccountLimit,
    /// The maximum that the owner set for on-demand.
    OnDemandMaximum,
    /// A reason that this version does not know, or none was given.
    Other,
}

impl ThrottleCause {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 6] = [
        Self::TableProvisioned,
        Self::KeyRange,
        Self::Index,
        Self::AccountLimit,
        Self::OnDemandMaximum,
        Self::Other,
    ];

    /// The cause that a reason such as `TableWriteKeyRangeThroughputExceeded` names.
    #[must_use]
    pub fn of(reason: &str) -> Self {
        if reason.starts_with("Index") {
            Self::Index
        } else if reason.ends_with("KeyRangeThroughputExceeded") {
            Self::KeyRange
        } else if reason.ends_with("AccountLimitExceeded") {
            Self::AccountLimit
        } else if reason.ends_with("MaxOnDemandThroughputExceeded") {
            Self::OnDemandMaximum
        } else if reason.ends_with("ProvisionedThroughputExceeded") {
            Self::TableProvisioned
        } else {
            Self::Other
        }
    }

    /// As reports call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TableProvisioned => "table capacity",
            Self::KeyRange => "key range",
            Self::Index => "index",
            Self::AccountLimit => "account limit",
            Self::OnDemandMaximum => "on-demand maximum",
            Self::Other => "other",
        }
    }
}

/// Whether a throttle reason speaks of reads or writes; `otherwise` where it names neither.
#[must_use]
pub fn throttle_direction(reason: &str, otherwise: Direction) -> Direction {
    let scoped = reason
        .strip_prefix("Table")
        .or_else(|| reason.strip_prefix("Index"))
        .unwrap_or(reason);
    if scoped.starts_with("Read") {
        Direction::Read
    } else if scoped.starts_with("Write") {
        Direction::Write
    } else {
        otherwise
    }
}

/// A run with all that follows from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// Its numbers.
    pub summary: Summary,
    /// Its verdict.
    pub judgement: threshold::Judgement,
    /// What explains it.
    pub cause: cause::Cause,
    /// What decided when requests were due.
    pub arrival_model: ArrivalModel,
}

/// What decides when requests are due in the measured phases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalModel {
    /// A rate of their own: whatever the server does.
    #[default]
    Open,
    /// At least one phase has clients that wait for their answers, so that response times
    /// under-represent stalls.
    Closed,
}

impl ArrivalModel {
    /// Of the measured phases of `scenario`.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let mut phases = scenario.phases.iter();
        let is_closed = phases.any(|p| p.kind == PhaseKind::Measured && p.arrivals.is_closed());
        if is_closed { Self::Closed } else { Self::Open }
    }
}

impl Analysis {
    /// Of `record`, judged by `scenario`.
    #[must_use]
    pub fn of(record: &RunRecord, scenario: &Scenario) -> Self {
        let summary = Summary::of(record);
        let judgement = threshold::judge(record, scenario, &summary);
        let cause = cause::explain(record, scenario, &summary, &judgement);
        Self {
            arrival_model: ArrivalModel::of(scenario),
            summary,
            judgement,
            cause,
        }
    }
}

impl Summary {
    /// Adds up the measured phases of `record`. Operations and tables are those of the record;
    /// what is missing in it counts as nothing.
    #[must_use]
    pub fn of(record: &RunRecord) -> Self {
        collect::summary(record)
    }
}

/// The measured phases, in order of time.
pub fn measured_phases(record: &RunRecord) -> impl Iterator<Item = &PhaseRecord> {
    record
        .phases
        .iter()
        .filter(|phase| phase.kind == PhaseKind::Measured)
}

/// The seconds that overlap a measured phase, in order of time. At a boundary within a second
/// that whole second counts.
pub fn measured_intervals(record: &RunRecord) -> impl Iterator<Item = &Interval> {
    const SECOND: u64 = 1_000_000_000;
    record.intervals.iter().filter(|interval| {
        let starts = interval.second.saturating_mul(SECOND);
        let ends = starts.saturating_add(SECOND);
        measured_phases(record)
            .any(|phase| starts < phase.ends.as_nanos() && ends > phase.starts.as_nanos())
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
