//! Was it enough, and if not, why? The rules that pick the answer.
//!
//! Owns which fact explains a run best; must not know the words for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CapacitySummary, Summary, ThrottleCause,
    threshold::{Assertion, InvalidReason, Judgement, MetricKind},
};
use crate::{
    record::RunRecord,
    scenario::{PartitionShareMode, Scenario},
    schedule::shard::Shard,
    units::Direction,
};

/// Failed requests explain a run from this share of the arrivals on.
const MANY_ERRORS: f64 = 0.01;

/// From this part of the reasons on, one limit explains the throttles of a direction.
const SOLE: f64 = 0.9;

/// What explains a run. The first rule that holds wins, in the order of [`explain`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "rule")]
pub enum Cause {
    /// The generator did not do what was asked of it, or the record contradicts itself. So it
    /// may be with an interrupted run, too.
    Invalid {
        /// At least one.
        reasons: Vec<InvalidReason>,
    },
    /// One shard of a run did its part; what explains the run is found when all are merged.
    Part {
        /// Which.
        shard: Shard,
    },
    /// There is nothing to explain: an interrupted run without a measured request.
    NothingMeasured,
    /// Requests failed for other reasons than capacity.
    Errors {
        /// Failed and timed-out requests ÷ arrivals.
        share: f64,
        /// The most common cause, if any was named.
        most_common: Option<String>,
        /// The part of failed and timed-out requests that it caused.
        most_common_share: f64,
    },
    /// Requests were throttled.
    Throttled {
        /// The worst first; at least one.
        shortfalls: Vec<Shortfall>,
        /// What was not throttled, but used beyond its provision.
        burst_only: Vec<Used>,
    },
    /// Capacity was enough, yet a threshold was missed.
    Missed {
        /// The first that was missed.
        assertion: Assertion,
        /// What was used of what was there.
        used: Vec<Used>,
    },
    /// Nothing was throttled, but more was consumed than is provisioned.
    BurstOnly {
        /// What was used beyond its provision, the furthest first; at least one.
        used: Vec<Used>,
    },
    /// More was used than was provisioned, on a server that shows no sign of enforcing it.
    NotEnforced {
        /// What was used beyond its provision, the furthest first; at least one.
        used: Vec<Used>,
        /// Seconds of unused capacity that DynamoDB keeps for a burst.
        burst_seconds: u32,
    },
    /// Capacity was enough.
    Enough {
        /// What was used of what was there.
        used: Vec<Used>,
    },
}

/// A direction of a table that had less capacity than it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shortfall {
    /// Table name.
    pub table: String,
    /// Reads or writes.
    pub direction: Direction,
    /// Requests throttled in the end ÷ arrivals; 0 when retries saved them all.
    pub share: f64,
    /// The limit that was hit when it makes up at least 90 % of the reasons given, otherwise
    /// the two that were hit most often, the first first.
    pub limits: Vec<LimitHit>,
    /// Whether each partition had only an even part of the provision, so that more of it
    /// raises the ceiling of a partition.
    pub even_share: bool,
    /// Provisioned units per second, on average.
    pub provisioned: f64,
    /// Whether the table is billed by the request.
    #[serde(default)]
    pub on_demand: bool,
    /// How far what is provisioned moved, if it did.
    #[serde(default)]
    pub moved: Option<Moved>,
    /// See [`CapacitySummary::demand_estimate_per_second`].
    pub demand: Option<f64>,
    /// See [`CapacitySummary::demand_peak_estimate_per_second`].
    pub demand_peak: Option<f64>,
    /// Units per second to provision for the demand at its busiest, a whole number; absent
    /// where table capacity is none of `limits` or where the demand is unknown or at no time
    /// beyond what is provisioned.
    pub provision: Option<f64>,
    /// Burst credit, where the target shows it.
    pub burst: Option<BurstStory>,
}

/// The bounds within which what is provisioned moved while a run was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moved {
    /// Units per second.
    pub lowest: f64,
    /// Units per second.
    pub highest: f64,
}

/// A limit and how often it was hit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitHit {
    /// Whose limit.
    pub cause: ThrottleCause,
    /// Its part of the reasons that throttled attempts gave.
    pub part: f64,
}

/// What became of the burst credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "burst")]
pub enum BurstStory {
    /// It was used up.
    RanDry {
        /// After this many seconds of the run.
        after_seconds: u64,
    },
    /// There was none from the start.
    NeverThere,
    /// Some was left.
    Left,
}

/// How much of a provision was used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Used {
    /// Table name.
    pub table: String,
    /// Reads or writes.
    pub direction: Direction,
    /// Provisioned units per second.
    pub provisioned: f64,
    /// Mean consumption ÷ provisioned.
    pub mean: f64,
    /// Consumption of the busiest second ÷ provisioned.
    pub peak: f64,
    /// Burst credit left at its lowest ÷ the most that can be saved up, where it is shown.
    pub burst_left: Option<f64>,
}

/// Picks what explains the run.
#[must_use]
pub fn explain(
    record: &RunRecord,
    scenario: &Scenario,
    summary: &Summary,
    judgement: &Judgement,
) -> Cause {
    let reasons = &judgement.invalid_because;
    // That an early interruption left nothing to measure is no fault of the generator.
    if record.provenance.interrupted && *reasons == [InvalidReason::NothingDue] {
        return Cause::NothingMeasured;
    }
    if !reasons.is_empty() {
        return Cause::Invalid {
            reasons: reasons.clone(),
        };
    }
    if let Some(part) = &record.provenance.part {
        return Cause::Part { shard: part.shard };
    }
    let missed = judgement.assertions.iter().find(|one| !one.met);
    if let Some(errors) = errors(summary, judgement) {
        return errors;
    }
    let even_share = scenario.model.partition_share_mode == PartitionShareMode::LegacyEvenShare;
    let shortfalls = shortfalls(summary, even_share);
    let used = used(record, summary);
    let mut beyond: Vec<Used> = used.iter().filter(|one| one.mean > 1.0).cloned().collect();
    beyond.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    if !shortfalls.is_empty() {
        beyond.retain(|used| {
            !shortfalls
                .iter()
                .any(|short| short.table == used.table && short.direction == used.direction)
        });
        return Cause::Throttled {
            shortfalls,
            burst_only: beyond,
        };
    }
    // Without buckets to read and without a throttle, nothing says that burst credit paid.
    let enforced = record.tables.iter().all(|table| table.governed);
    if !enforced && !beyond.is_empty() {
        return Cause::NotEnforced {
            used: beyond,
            burst_seconds: scenario.model.burst_seconds,
        };
    }
    if let Some(assertion) = missed {
        return Cause::Missed {
            assertion: assertion.clone(),
            used,
        };
    }
    if beyond.is_empty() {
        return Cause::Enough { used };
    }
    Cause::BurstOnly { used: beyond }
}

fn errors(summary: &Summary, judgement: &Judgement) -> Option<Cause> {
    let failed = summary.outcomes.failed + summary.outcomes.timed_out;
    let share = summary.error_share?;
    let limit_missed = judgement
        .assertions
        .iter()
        .any(|one| !one.met && one.metric == MetricKind::Errors);
    let dominate = failed > 0 && failed >= summary.outcomes.throttled;
    if !dominate || (share < MANY_ERRORS && !limit_missed) {
        return None;
    }
    let mut causes = std::collections::BTreeMap::<&str, u64>::new();
    for operation in &summary.operations {
        for (cause, count) in &operation.errors {
            *causes.entry(cause).or_default() += count;
        }
    }
    // Of equally common ones the first by name, so that the same run reads the same.
    let most_common = causes.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
    Some(Cause::Errors {
        share,
        most_common: most_common.map(|(cause, _)| (*cause).to_owned()),
        most_common_share: most_common.map_or(0.0, |(_, count)| part(*count, failed)),
    })
}

fn shortfalls(summary: &Summary, even_share: bool) -> Vec<Shortfall> {
    let mut shortfalls: Vec<Shortfall> = each_direction(summary)
        .filter(|(_, _, capacity)| {
            capacity.outcomes.throttled > 0 || !capacity.throttles_by_cause.is_empty()
        })
        .map(|(table, direction, capacity)| shortfall(table, direction, capacity, even_share))
        .collect();
    shortfalls.sort_by(|a, b| b.share.total_cmp(&a.share));
    shortfalls
}

/// What [`Shortfall::limits`] tells.
fn limits(capacity: &CapacitySummary) -> Vec<LimitHit> {
    let named = capacity.throttles_by_cause.values().sum();
    let mut limits: Vec<LimitHit> = capacity
        .throttles_by_cause
        .iter()
        .map(|(cause, count)| LimitHit {
            cause: *cause,
            part: part(*count, named),
        })
        .collect();
    // Stable: equally common ones keep the order of reports.
    limits.sort_by(|a, b| b.part.total_cmp(&a.part));
    if limits.is_empty() {
        limits.push(LimitHit {
            cause: ThrottleCause::Other,
            part: 1.0,
        });
    }
    limits.truncate(if limits[0].part >= SOLE { 1 } else { 2 });
    limits
}

fn shortfall(
    table: &str,
    direction: Direction,
    capacity: &CapacitySummary,
    even_share: bool,
) -> Shortfall {
    let limits = limits(capacity);
    let of_table = limits
        .iter()
        .any(|limit| limit.cause == ThrottleCause::TableProvisioned);
    let demand_peak = capacity.demand_peak_estimate_per_second;
    Shortfall {
        table: table.to_owned(),
        direction,
        share: capacity.throttled_share.unwrap_or(0.0),
        limits,
        even_share,
        provisioned: capacity.provisioned,
        on_demand: capacity.on_demand,
        moved: capacity.moved,
        demand: capacity.demand_estimate_per_second,
        demand_peak,
        provision: demand_peak
            .map(whole_units)
            .filter(|units| of_table && *units > capacity.provisioned),
        burst: capacity.burst.map(
            |burst| match (burst.ran_dry_at_second, burst.ever_available) {
                (Some(second), _) => BurstStory::RanDry {
                    after_seconds: second + 1,
                },
                (None, false) => BurstStory::NeverThere,
                (None, true) => BurstStory::Left,
            },
        ),
    }
}

/// Rounded up, but not because of the last bits of an estimate.
fn whole_units(units: f64) -> f64 {
    (units * (1.0 - 1e-9)).ceil()
}

fn used(record: &RunRecord, summary: &Summary) -> Vec<Used> {
    let uses = |table: &str, direction: Direction| {
        record.operations.iter().any(|operation| {
            operation.kind.direction() == direction
                && record
                    .tables
                    .get(operation.table)
                    .is_some_and(|one| one.name == table)
        })
    };
    each_direction(summary)
        .filter(|(table, direction, capacity)| {
            uses(table, *direction) && capacity.provisioned > 0.0
        })
        .map(|(table, direction, capacity)| Used {
            table: table.to_owned(),
            direction,
            provisioned: capacity.provisioned,
            mean: capacity.mean_per_second / capacity.provisioned,
            peak: capacity.peak_per_second / capacity.provisioned,
            burst_left: capacity
                .burst
                .filter(|burst| burst.full > 0.0)
                .map(|burst| (burst.lowest / burst.full).clamp(0.0, 1.0)),
        })
        .collect()
}

fn each_direction(
    summary: &Summary,
) -> impl Iterator<Item = (&str, Direction, &CapacitySummary)> + '_ {
    summary.tables.iter().flat_map(|table| {
        Direction::ALL
            .into_iter()
            .map(|direction| (table.name.as_str(), direction, &table.directions[direction]))
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of requests stay far below 2^53"
)]
fn part(count: u64, whole: u64) -> f64 {
    count as f64 / whole.max(1) as f64
}
