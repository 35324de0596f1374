//! Requests: how they pick items, what they do, when they arrive, and what is asked of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{Quantile, Rate, Share};

/// A way of picking items, under the name that operations use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedKeys {
    /// The name in `[keys.NAME]`.
    pub name: String,
    /// The distribution.
    pub spec: KeySpec,
}

/// How requests pick an item number of `0..items`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySpec {
    /// Every item alike.
    Uniform,
    /// Rank *k* (from 1) with probability proportional to k^-`exponent`, `exponent` ≥ 0.
    /// Rank 1 is item 0; with `scrambled`, ranks are spread over the items by a permutation,
    /// which keeps the skew exactly.
    Zipfian { exponent: f64, scrambled: bool },
    /// `traffic` of the requests go to the first `keys` of the items (at least one item),
    /// the rest to the others; uniform within each.
    HotSet { keys: Share, traffic: Share },
    /// The newest items most: rank *k* back from the newest, weighted k^-`exponent`. Items
    /// inserted by earlier arrivals of the run count.
    Latest { exponent: f64 },
    /// Item number = arrival number modulo items.
    Sequential,
    /// A new item for every request (put only): number = items + arrival number.
    New,
    /// Each item as often as its weight says; `weights` is an index into `Scenario::weights`.
    /// Items beyond the last weight are never picked.
    Weights { weights: usize },
}

/// One kind of request of the mix.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OperationSpec {
    /// Name in reports; distinct.
    pub name: String,
    /// What it does.
    pub kind: OperationKind,
    /// Index into `Scenario::tables`.
    pub table: usize,
    /// Index into `Scenario::keys`.
    pub keys: usize,
    /// Share of all requests; all weights add up to 1.
    pub weight: Share,
    /// Reads only.
    pub consistency: Consistency,
    /// Queries: at most this many items in the one page that is read; DynamoDB's 1 MB page
    /// otherwise.
    pub limit: Option<u32>,
    /// Updates: indices into the table's attributes that are set to newly drawn values.
    pub set: Vec<usize>,
}

/// DynamoDB data operations.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// GetItem.
    Get,
    /// PutItem of the whole item.
    Put,
    /// UpdateItem, `SET` on some attributes.
    Update,
    /// DeleteItem.
    Delete,
    /// Query of one partition key, one page, ascending.
    Query,
}

impl OperationKind {
    /// DynamoDB's name: `GetItem`.
    #[must_use]
    pub const fn api_name(self) -> &'static str {
        match self {
            Self::Get => "GetItem",
            Self::Put => "PutItem",
            Self::Update => "UpdateItem",
            Self::Delete => "DeleteItem",
            Self::Query => "Query",
        }
    }

    /// The units it consumes.
    #[must_use]
    pub const fn direction(self) -> crate::units::Direction {
        match self {
            Self::Get | Self::Query => crate::units::Direction::Read,
            Self::Put | Self::Update | Self::Delete => crate::units::Direction::Write,
        }
    }
}

/// Read consistency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    /// Half the units.
    #[default]
    Eventual,
    /// One unit for 4 KiB.
    Strong,
}

/// A stretch of the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Phase {
    /// Name in reports; distinct.
    pub name: String,
    /// What it is for.
    pub kind: PhaseKind,
    /// Length; zero for a load phase, which ends when every item is there.
    pub duration: Duration,
    /// Arrivals, from the phase's start. A load phase sends as fast as is accepted.
    pub arrivals: ArrivalSpec,
}

/// What a phase is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseKind {
    /// Writes every item of every table once. Outside the run's clock and not measured.
    Load,
    /// Like `Measured`, but kept out of totals and thresholds.
    WarmUp,
    /// What the report is about.
    Measured,
}

/// An open model of arrivals: requests are due at times that answers do not move.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalSpec {
    /// Evenly spaced.
    Constant { rate: Rate },
    /// Independent, exponential gaps.
    Poisson { rate: Rate },
    /// The rate moves linearly from `from` to `to` over the phase; evenly spaced by area.
    Ramp { from: Rate, to: Rate },
}

impl ArrivalSpec {
    /// The highest rate of the phase.
    #[must_use]
    pub fn rate_max(&self) -> Rate {
        match *self {
            Self::Constant { rate } | Self::Poisson { rate } => rate,
            Self::Ramp { from, to } => {
                if from > to {
                    from
                } else {
                    to
                }
            }
        }
    }
}

/// The load generator's own bounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClientSettings {
    /// Requests under way at once, at most; ≥ 1.
    pub max_in_flight: u32,
    /// Due requests that wait beyond that; what does not fit is dropped, and counted.
    pub max_queued: u32,
    /// Deadline of one attempt, from the send to the last byte of the answer.
    pub attempt_timeout: Duration,
    /// Retries of the harness; the SDK's are always off.
    pub retry: RetrySettings,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            max_in_flight: 256,
            max_queued: 4096,
            attempt_timeout: Duration::from_secs(5),
            retry: RetrySettings::default(),
        }
    }
}

/// Retries with full-jitter exponential back-off: before retry *n* (from 1) wait
/// rand\[0,1) × min(`base` × 2^(n−1), `cap`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RetrySettings {
    /// Attempts in all; 1 means that nothing is retried.
    pub max_attempts: u32,
    /// First back-off before jitter.
    pub base: Duration,
    /// Longest back-off before jitter.
    pub cap: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            base: Duration::from_millis(50),
            cap: Duration::from_secs(20),
        }
    }
}

/// A limit on one metric of the measured phases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// What is limited.
    pub metric: Metric,
    /// Index into `Scenario::operations`; all operations together when absent.
    pub operation: Option<usize>,
}

/// A metric with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Requests whose final answer was a throttle ÷ arrivals, at most.
    Throttled { max: Share },
    /// Requests that failed or timed out ÷ arrivals, at most.
    Errors { max: Share },
    /// Response time (from the due time) of completed requests at a quantile, at most.
    ResponseTime { quantile: Quantile, max: Duration },
    /// Service time (from the send of the last attempt) of completed requests, at most.
    ServiceTime { quantile: Quantile, max: Duration },
    /// Completed requests per second over the measured phases, at least.
    CompletedRate { min: Rate },
}

/// When the generator declares its own run invalid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Validity {
    /// Allowance for the 99th percentile of dispatch delay (due → first send).
    pub dispatch_delay_p99: Duration,
    /// Allowance for the share of arrivals that were dropped.
    pub dropped: Share,
}

impl Default for Validity {
    fn default() -> Self {
        Self {
            dispatch_delay_p99: Duration::from_millis(10),
            dropped: Share::NONE,
        }
    }
}
