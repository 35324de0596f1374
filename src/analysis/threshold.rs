//! What a scenario asks of a run, and whether the run gave it.
//!
//! Owns the verdict and its exit code; must not know how either is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Summary, collect, nanos};
use crate::{
    record::{
        OperationTotals, PhaseRecord, RunRecord, histogram::LatencyHistogram, journal::Incomplete,
        shard,
    },
    scenario::{Metric, Scenario, Threshold},
    schedule::shard::Shard,
    units::{Quantile, float},
};

/// The answer of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "word")]
pub enum Verdict {
    /// Every threshold was met.
    Pass,
    /// A threshold was missed.
    Fail,
    /// The generator did not do what was asked of it, or the record contradicts itself: the
    /// run says nothing of the table.
    Invalid {
        /// All of them; at least one.
        reasons: Vec<InvalidReason>,
    },
    /// The run was ended before its time: it can neither pass nor fail.
    Interrupted,
    /// Its process was ended without writing the record, which was put together from what the
    /// run had noted until then.
    Incomplete(Incomplete),
    /// One shard did its part; whether the run passes shows when all are merged.
    Part,
}

impl Verdict {
    /// Exit code of the process: 0 pass, or a part that was done, 1 fail, 3 invalid,
    /// 130 interrupted.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Pass | Self::Part => 0,
            Self::Fail => 1,
            Self::Invalid { .. } => 3,
            Self::Interrupted | Self::Incomplete(_) => 130,
        }
    }

    /// `true` for a pass and nothing else.
    #[must_use]
    pub const fn passed(&self) -> bool {
        matches!(self, Self::Pass)
    }
}

/// Why a run says nothing of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum InvalidReason {
    /// Arrivals are not completed + throttled + failed + timed out + dropped in a phase,
    /// warm-up included.
    Unbalanced {
        /// Name of the first such phase.
        phase: String,
        /// Requests that were due in it.
        arrivals: u64,
        /// Requests of it that have an outcome.
        outcomes: u64,
    },
    /// The measured phases had no arrivals.
    NothingDue,
    /// There were arrivals, and none was sent.
    NothingSent,
    /// Requests were sent late.
    DispatchDelay {
        /// 99th percentile, in nanoseconds.
        p99_nanos: u64,
        /// What the scenario allows, in nanoseconds.
        allowed_nanos: u64,
    },
    /// Requests were never sent.
    Dropped {
        /// Dropped requests ÷ arrivals.
        share: f64,
        /// What the scenario allows.
        allowed: f64,
    },
    /// A shard was not ready at the run's start.
    StartedLate {
        /// Which.
        shard: Shard,
        /// By how much, in nanoseconds.
        late_nanos: u64,
        /// What the scenario allows of dispatch delay, in nanoseconds.
        allowed_nanos: u64,
    },
    /// The run was merged without all of its shards, so that less was offered than it says.
    ShardsMissing {
        /// Their numbers, from 1.
        missing: Vec<u32>,
        /// How many there should be.
        count: u32,
        /// What the others offered in the measured phases, per second.
        offered_per_second: f64,
    },
}

/// The verdict with what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// The answer.
    pub verdict: Verdict,
    /// Why the run says nothing of the table, whatever the verdict: an interrupted run may be
    /// invalid as well. Empty when it is valid.
    pub invalid_because: Vec<InvalidReason>,
    /// One for each threshold of the scenario, in its order.
    pub assertions: Vec<Assertion>,
}

/// A threshold with what was observed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Assertion {
    /// The metric and the operation it is about: `response time p99 of get`.
    pub name: String,
    /// What is limited.
    pub metric: MetricKind,
    /// What `limit`, `observed` and `margin` count.
    pub quantity: Quantity,
    /// Which side of `limit` is good.
    pub bound: Bound,
    /// The limit itself is still good.
    pub limit: f64,
    /// Absent when there was no data to observe; then the threshold is missed.
    pub observed: Option<f64>,
    /// How far `observed` is on the good side of `limit`; negative when it was missed.
    pub margin: Option<f64>,
    /// Whether the threshold was met.
    pub met: bool,
}

/// What a threshold limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// Throttled requests ÷ arrivals.
    Throttled,
    /// Failed and timed-out requests ÷ arrivals.
    Errors,
    /// A quantile of the response time.
    ResponseTime,
    /// A quantile of the service time.
    ServiceTime,
    /// Completed requests per second.
    CompletedRate,
}

impl MetricKind {
    const fn of(metric: &Metric) -> Self {
        match metric {
            Metric::Throttled { .. } => Self::Throttled,
            Metric::Errors { .. } => Self::Errors,
            Metric::ResponseTime { .. } => Self::ResponseTime,
            Metric::ServiceTime { .. } => Self::ServiceTime,
            Metric::CompletedRate { .. } => Self::CompletedRate,
        }
    }
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// A part of a whole, from 0 to 1.
    Share,
    /// A duration in nanoseconds.
    Nanoseconds,
    /// Requests per second.
    PerSecond,
}

/// Which side of a limit is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// `observed` ≤ `limit`.
    AtMost,
    /// `observed` ≥ `limit`.
    AtLeast,
}

/// Judges a run. A shard is not held against thresholds, which are the whole run's. An
/// interrupted or incomplete run neither passes nor fails, and is not called invalid, but keeps
/// the reasons; an invalid one neither passes nor fails; a threshold without data is missed.
#[must_use]
pub fn judge(record: &RunRecord, scenario: &Scenario, summary: &Summary) -> Judgement {
    let is_part = record.provenance.part.is_some();
    let thresholds = scenario.thresholds.iter().filter(|_| !is_part);
    let assertions: Vec<Assertion> = thresholds
        .map(|threshold| assertion(record, threshold, summary))
        .collect();
    let invalid_because = invalid_because(record, scenario, summary);
    let verdict = if let Some(incomplete) = record.provenance.incomplete {
        Verdict::Incomplete(incomplete)
    } else if record.provenance.interrupted {
        Verdict::Interrupted
    } else if !invalid_because.is_empty() {
        Verdict::Invalid {
            reasons: invalid_because.clone(),
        }
    } else if is_part {
        Verdict::Part
    } else if assertions.iter().all(|assertion| assertion.met) {
        Verdict::Pass
    } else {
        Verdict::Fail
    };
    Judgement {
        verdict,
        invalid_because,
        assertions,
    }
}

fn invalid_because(
    record: &RunRecord,
    scenario: &Scenario,
    summary: &Summary,
) -> Vec<InvalidReason> {
    let mut reasons: Vec<InvalidReason> = unbalanced(record).into_iter().collect();
    let allowed_nanos = nanos(record.allowed_delay(scenario));
    reasons.extend(of_shards(record, summary, allowed_nanos));
    if summary.arrivals == 0 {
        // There may be more shards than requests.
        if record.provenance.part.is_none() {
            reasons.push(InvalidReason::NothingDue);
        }
        return reasons;
    }
    match summary.dispatch_delay.map(|delay| delay.p99_nanos) {
        // A simulation by partition and second knows what was sent, and not when.
        None if record.intervals.iter().all(|second| second.sent == 0) => {
            reasons.push(InvalidReason::NothingSent);
        }
        Some(p99_nanos) if p99_nanos > allowed_nanos => {
            reasons.push(InvalidReason::DispatchDelay {
                p99_nanos,
                allowed_nanos,
            });
        }
        None | Some(_) => {}
    }
    let share = summary.dropped_share.unwrap_or(0.0);
    let allowed = scenario.validity.dropped.as_fraction();
    if share > allowed {
        reasons.push(InvalidReason::Dropped { share, allowed });
    }
    reasons
}

/// What is wrong with the shards of a merged run, or with the one that this is a record of.
fn of_shards(record: &RunRecord, summary: &Summary, allowed_nanos: u64) -> Vec<InvalidReason> {
    let merged = record.shards.iter().map(|one| &one.part);
    let parts = merged.chain(&record.provenance.part);
    let late = parts.filter(|part| part.late_nanos > allowed_nanos);
    let late = late.map(|part| InvalidReason::StartedLate {
        shard: part.shard,
        late_nanos: part.late_nanos,
        allowed_nanos,
    });
    let missing = shard::missing(&record.shards);
    let missing = record
        .shards
        .first()
        .filter(|_| !missing.is_empty())
        .map(|one| InvalidReason::ShardsMissing {
            missing: missing.clone(),
            count: one.part.shard.count(),
            offered_per_second: summary.offered_per_second,
        });
    missing.into_iter().chain(late).collect()
}

fn unbalanced(record: &RunRecord) -> Option<InvalidReason> {
    let outcomes = |phase: &PhaseRecord| -> u64 {
        let operations = phase.operations.iter();
        operations.map(|operation| operation.outcomes.total()).sum()
    };
    if let Some(incomplete) = record.provenance.incomplete {
        // What was under way has no outcome in a record that broke off.
        let ended: u64 = record.phases.iter().map(outcomes).sum();
        let due: u64 = record.phases.iter().map(|phase| phase.arrivals).sum();
        if due == ended + incomplete.under_way {
            return None;
        }
    }
    let phase = record
        .phases
        .iter()
        .find(|phase| phase.arrivals != outcomes(phase))?;
    Some(InvalidReason::Unbalanced {
        phase: phase.name.clone(),
        arrivals: phase.arrivals,
        outcomes: outcomes(phase),
    })
}

fn assertion(record: &RunRecord, threshold: &Threshold, summary: &Summary) -> Assertion {
    let of_operation = threshold
        .operation
        .and_then(|operation| summary.operations.get(operation));
    let scope = match threshold.operation {
        None => String::new(),
        Some(index) => of_operation.map_or_else(
            || format!(" of operation {index}"),
            |operation| format!(" of {}", operation.name),
        ),
    };
    // A named operation that the record lacks has no data; it must not fall back to the whole.
    let observe = |all: Option<f64>, one: fn(&super::OperationSummary) -> Option<f64>| {
        if threshold.operation.is_some() {
            of_operation.and_then(one)
        } else {
            all
        }
    };
    let (name, quantity, bound, limit, observed) = match threshold.metric {
        Metric::Throttled { max } => (
            "throttled".into(),
            Quantity::Share,
            Bound::AtMost,
            max.as_fraction(),
            observe(summary.throttled_share, |operation| {
                operation.throttled_share
            }),
        ),
        Metric::Errors { max } => (
            "errors".into(),
            Quantity::Share,
            Bound::AtMost,
            max.as_fraction(),
            observe(summary.error_share, |operation| operation.error_share),
        ),
        Metric::ResponseTime { quantile, max } => (
            format!("response time {quantile}"),
            Quantity::Nanoseconds,
            Bound::AtMost,
            float(nanos(max)),
            quantile_of(record, threshold.operation, quantile, |totals| {
                &totals.response_time
            }),
        ),
        Metric::ServiceTime { quantile, max } => (
            format!("service time {quantile}"),
            Quantity::Nanoseconds,
            Bound::AtMost,
            float(nanos(max)),
            quantile_of(record, threshold.operation, quantile, |totals| {
                &totals.service_time
            }),
        ),
        Metric::CompletedRate { min } => (
            "completed rate".into(),
            Quantity::PerSecond,
            Bound::AtLeast,
            min.as_per_second(),
            observe(Some(summary.completed_per_second), |operation| {
                Some(operation.completed_per_second)
            })
            .filter(|_| summary.seconds > 0.0),
        ),
    };
    let margin = observed.map(|observed| match bound {
        Bound::AtMost => limit - observed,
        Bound::AtLeast => observed - limit,
    });
    Assertion {
        name: name + &scope,
        metric: MetricKind::of(&threshold.metric),
        quantity,
        bound,
        limit,
        observed,
        margin,
        met: margin.is_some_and(|margin| margin >= 0.0),
    }
}

/// A quantile in nanoseconds over one operation or, without one, over all.
fn quantile_of(
    record: &RunRecord,
    operation: Option<usize>,
    quantile: Quantile,
    which: fn(&OperationTotals) -> &LatencyHistogram,
) -> Option<f64> {
    let mut merged = LatencyHistogram::default();
    for index in 0..record.operations.len() {
        if operation.is_none_or(|wanted| wanted == index) {
            merged.merge(which(&collect::operation_totals(record, index)));
        }
    }
    merged.quantile(quantile).map(|value| float(nanos(value)))
}
