//! Requests: how they pick items, what they do, in which phases, and what is asked of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{arrivals::ArrivalSpec, operation::OperationSpec};
use crate::units::{Direction, Quantile, Rate, Share};

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
    /// the rest to the others; uniform within each. With `moves_every`, counted from the run's
    /// start, the next as many items are hot each time, after the last the first again.
    HotSet {
        keys: Share,
        traffic: Share,
        #[serde(skip_serializing_if = "Option::is_none")]
        moves_every: Option<Duration>,
    },
    /// The newest items most: rank *k* back from the newest, weighted k^-`exponent`. Items
    /// inserted by earlier arrivals of the run count.
    Latest { exponent: f64 },
    /// Item number = arrival number modulo items.
    Sequential,
    /// A new item for every request (put only): number = items + arrival number.
    New,
    /// Exponentially rarer with the item's number: density e^(−number ÷ `mean`), `mean` a share
    /// of the items above 0, cut off at the last item.
    Exponential { mean: Share },
    /// Most around one item: normal around `mean`, both shares of the items, `std_dev` above 0;
    /// cut off at the first and the last item.
    Normal { mean: Share, std_dev: Share },
    /// The first items by weights of their own, all others together, alike, by `rest`;
    /// `weights` is an index into `Scenario::weights`.
    Categorical { weights: usize, rest: f64 },
    /// Each item as often as its weight says; `weights` is an index into `Scenario::weights`.
    /// Items beyond the last weight are never picked.
    Weights { weights: usize },
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
    /// Shares of its own for `Scenario::operations`, in their order, adding up to 1; their
    /// weights when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mix: Option<Vec<Share>>,
    /// What was assumed to read rates in capacity units as requests: part of those rates, so
    /// the fingerprint leaves it out.
    #[serde(skip)]
    pub assumed: Option<AssumedDemand>,
}

impl Phase {
    /// The share of the phase's requests that each of `operations`, those of its scenario, has.
    pub fn shares<'a>(
        &'a self,
        operations: &'a [OperationSpec],
    ) -> impl Iterator<Item = Share> + 'a {
        let own = self.mix.as_ref();
        let share = move |(index, spec): (usize, &OperationSpec)| {
            own.map_or(spec.weight, |mix| {
                mix.get(index).copied().unwrap_or_default()
            })
        };
        operations.iter().enumerate().map(share)
    }
}

/// How rates in capacity units became requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AssumedDemand {
    /// Which units.
    pub direction: Direction,
    /// Units that one request of the phase's mix takes on average: an estimate from mean sizes,
    /// above 0.
    pub per_request: f64,
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
