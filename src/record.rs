//! What a run leaves behind: samples, added up into intervals and totals, mergeable.
//!
//! Owns the stored format; must not know how it is judged or shown.

pub mod generator;
pub mod heat;
pub mod histogram;
mod interval;
pub mod journal;
pub mod merge;
pub mod model;
pub mod recorder;
pub mod shard;
pub mod tally;

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    scenario::{OperationKind, PhaseKind, Scenario, files::FileNote},
    seed::Seed,
    units::{ByDirection, CapacityUnits, TimeScale, Timestamp},
};
use generator::Generator;
use heat::ResourceHeat;
use histogram::LatencyHistogram;
pub use interval::{HottestNow, Interval, IntervalOperation, IntervalTable};
use journal::Incomplete;
use model::TableTotals;
use shard::{MergedShard, Part};

/// Version of the stored format. Raised whenever a reader of the last one would be misled.
pub const SCHEMA_VERSION: u32 = 1;

/// How a request ended. Every arrival has exactly one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered with success.
    Completed,
    /// The final answer was a throttle.
    Throttled,
    /// Any other error: an exception, a broken connection, an unreadable answer.
    Failed,
    /// The final attempt had no answer by its deadline.
    TimedOut,
    /// Due, but the in-flight limit and its queue were full; never sent.
    Dropped,
}

impl Outcome {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 5] = [
        Self::Completed,
        Self::Throttled,
        Self::Failed,
        Self::TimedOut,
        Self::Dropped,
    ];
}

/// What the answers to a request declare. An error declares nothing, so that a request of one
/// part that fails has none of it; of several pages or parts, those before the failure count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Units of the table and its local indexes (`ReturnConsumedCapacity`).
    pub consumed: ByDirection<CapacityUnits>,
    /// Units of global indexes, by their number among the table's global ones; shorter when
    /// the last ones took nothing.
    pub indexes: Vec<ByDirection<CapacityUnits>>,
    /// Writes whose condition was not met: answered, and as it was asked for.
    pub conditions_failed: u64,
    /// Members of batches that the server left unprocessed.
    pub unprocessed: u64,
}

impl Declared {
    /// Units of the table and nothing else.
    #[must_use]
    pub fn units(consumed: ByDirection<CapacityUnits>) -> Self {
        Self {
            consumed,
            ..Self::default()
        }
    }

    /// Adds units of global index number `index`.
    pub fn add_index(&mut self, index: usize, units: ByDirection<CapacityUnits>) {
        add_at(&mut self.indexes, index, units);
    }
}

impl std::ops::AddAssign<&Self> for Declared {
    fn add_assign(&mut self, other: &Self) {
        self.consumed += other.consumed;
        add_all(&mut self.indexes, &other.indexes);
        self.conditions_failed += other.conditions_failed;
        self.unprocessed += other.unprocessed;
    }
}

pub(crate) fn add_at(
    sums: &mut Vec<ByDirection<CapacityUnits>>,
    index: usize,
    units: ByDirection<CapacityUnits>,
) {
    if sums.len() <= index {
        sums.resize_with(index + 1, ByDirection::default);
    }
    sums[index] += units;
}

/// Adds units index by index.
pub(crate) fn add_all(
    sums: &mut Vec<ByDirection<CapacityUnits>>,
    more: &[ByDirection<CapacityUnits>],
) {
    for (index, units) in more.iter().enumerate() {
        add_at(sums, index, *units);
    }
}

/// Distinct throttle reasons or error causes told apart per operation. More than that come
/// only from a server that puts data into its messages; they share [`OTHER`].
const MAX_DISTINCT: usize = 64;

/// What further reasons and causes are counted under.
const OTHER: &str = "other";

fn add_count(sums: &mut BTreeMap<String, u64>, name: &str, count: u64) {
    if let Some(sum) = sums.get_mut(name) {
        *sum += count;
    } else if sums.len() < MAX_DISTINCT {
        sums.insert(name.to_owned(), count);
    } else {
        *sums.entry(OTHER.to_owned()).or_default() += count;
    }
}

fn add_counts(sums: &mut BTreeMap<String, u64>, more: &BTreeMap<String, u64>) {
    for (name, count) in more {
        add_count(sums, name, *count);
    }
}

/// One finished request.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Number of the arrival.
    pub sequence: u64,
    /// Index into `Scenario::phases`.
    pub phase: usize,
    /// Index into `Scenario::operations`.
    pub operation: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// Intended start.
    pub due: Timestamp,
    /// First send; `None` when dropped.
    pub first_sent: Option<Timestamp>,
    /// Send of the last attempt.
    pub last_sent: Option<Timestamp>,
    /// Final answer, deadline or drop.
    pub finished: Timestamp,
    /// Attempts made; 0 when dropped.
    pub attempts: u32,
    /// What the answers declare, over all attempts.
    pub declared: Declared,
    /// Every reason of every throttled attempt: `TableReadProvisionedThroughputExceeded`, …
    pub throttle_reasons: Vec<String>,
    /// For `Failed` and `TimedOut`: the cause, short and without data of the request.
    pub error: Option<String>,
}

/// A number for each outcome. `total` = arrivals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeCounts {
    /// Answered with success.
    pub completed: u64,
    /// Throttled in the end.
    pub throttled: u64,
    /// Failed in the end.
    pub failed: u64,
    /// Without an answer by the deadline.
    pub timed_out: u64,
    /// Never sent.
    pub dropped: u64,
}

impl OutcomeCounts {
    /// The counter of one outcome.
    #[must_use]
    pub const fn of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Completed => self.completed,
            Outcome::Throttled => self.throttled,
            Outcome::Failed => self.failed,
            Outcome::TimedOut => self.timed_out,
            Outcome::Dropped => self.dropped,
        }
    }

    /// Counts one more.
    pub const fn add(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Completed => &mut self.completed,
            Outcome::Throttled => &mut self.throttled,
            Outcome::Failed => &mut self.failed,
            Outcome::TimedOut => &mut self.timed_out,
            Outcome::Dropped => &mut self.dropped,
        } += 1;
    }

    /// All outcomes together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.completed + self.throttled + self.failed + self.timed_out + self.dropped
    }
}

impl std::ops::AddAssign for OutcomeCounts {
    fn add_assign(&mut self, other: Self) {
        self.completed += other.completed;
        self.throttled += other.throttled;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.dropped += other.dropped;
    }
}

/// A whole run, as stored in `results.json` under `record`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// [`SCHEMA_VERSION`] at the time of writing.
    pub schema_version: u32,
    /// Where it comes from.
    pub provenance: Provenance,
    /// The scenario file as it was read.
    pub scenario_source: String,
    /// What the files were that the scenario names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileNote>,
    /// The tables, in the order of the scenario.
    pub tables: Vec<TableRecord>,
    /// The operations, in the order of the scenario.
    pub operations: Vec<OperationRecord>,
    /// The timed phases that were begun, in order of time. Load is in `provenance`.
    pub phases: Vec<PhaseRecord>,
    /// One for each second of the timed phases in which anything happened, in order.
    pub intervals: Vec<Interval>,
    /// The shards of which this was merged, in order; empty when it was not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<MergedShard>,
    /// How it was fired; absent of a simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
    /// Which partitions and keys were hot; empty when the target does not show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heat: Vec<ResourceHeat>,
    /// What a simulation of the same scenario comes to, by table; empty when there was none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model: Vec<TableTotals>,
}

impl RunRecord {
    /// How late its generator may be by this record's time, which the scenario says by the
    /// machine's.
    #[must_use]
    pub fn allowed_delay(&self, scenario: &Scenario) -> Duration {
        let allowed = scenario.validity.dispatch_delay_p99;
        self.provenance.time_scale.of_run(allowed)
    }

    /// The run stopped before its end: nothing was due from `at` on.
    fn end_at(&mut self, at: Timestamp) {
        self.provenance.interrupted = true;
        self.phases
            .retain(|phase| phase.starts < at || phase.arrivals > 0);
        if let Some(last) = self.phases.last_mut() {
            last.ends = last.ends.min(at.max(last.starts));
        }
    }
}

/// Where a record comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// `dynamometer` version.
    pub tool_version: String,
    /// Scenario name.
    pub scenario: String,
    /// SHA-256 of the resolved scenario, hex.
    pub fingerprint: String,
    /// Root seed.
    pub seed: Seed,
    /// `emulator`, or the endpoint's URL without credentials.
    pub target: String,
    /// What sent the requests, `wire` or `sdk`; absent of a simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Commit of what was run, as the pipeline or git says; absent where neither does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Wall-clock start of the timed phases, RFC 3339, UTC.
    pub started_at: String,
    /// Items written by the load phase.
    pub items_loaded: u64,
    /// Seconds that loading took.
    pub load_seconds: f64,
    /// `true` when the run was interrupted before its end.
    pub interrupted: bool,
    /// What is missing when the process ended without writing its record, and this was put
    /// together from its journal. Such a run was interrupted, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<Incomplete>,
    /// The part of a run that this is; absent of a whole one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Model parameters that differ from their defaults, as `name = value`.
    pub model_overrides: Vec<String>,
    /// Seconds of the run that passed in each second of the machine. Every time of this record
    /// is the run's. Absent where it is 1.
    #[serde(default, skip_serializing_if = "TimeScale::is_real")]
    pub time_scale: TimeScale,
}

impl Provenance {
    /// Of a whole run of `scenario` at the clock's speed, before anything is loaded or fired.
    #[must_use]
    pub fn of(
        scenario: &Scenario,
        target: impl Into<String>,
        started_at: impl Into<String>,
    ) -> Self {
        Self {
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: scenario.name.clone(),
            fingerprint: scenario.fingerprint(),
            seed: scenario.seed,
            target: target.into(),
            client: None,
            commit: None,
            started_at: started_at.into(),
            items_loaded: 0,
            load_seconds: 0.0,
            interrupted: false,
            incomplete: None,
            part: None,
            model_overrides: scenario.model.overrides(),
            time_scale: TimeScale::REAL,
        }
    }
}

/// What a report needs to know of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TableRecord {
    /// Table name.
    pub name: String,
    /// RCU and WCU at the start; zero on demand.
    pub provisioned: ByDirection<CapacityUnits>,
    /// Whether it is billed by the request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_demand: bool,
    /// Its global indexes, in the order of the scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<IndexRecord>,
    /// `burst_seconds` of the model that governed (embedded) or is assumed (endpoint).
    pub burst_seconds: u32,
    /// `true` when burst credit and partitions were read from the governor; `false` when the
    /// target does not show them.
    pub governed: bool,
}

/// What a report needs to know of a global index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IndexRecord {
    /// Its name.
    pub name: String,
    /// As [`TableRecord::provisioned`].
    pub provisioned: ByDirection<CapacityUnits>,
}

/// What a report needs to know of an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationRecord {
    /// Name in the scenario.
    pub name: String,
    /// Kind.
    pub kind: OperationKind,
    /// Index into `tables`.
    pub table: usize,
}

/// Totals of one timed phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseRecord {
    /// Name in the scenario.
    pub name: String,
    /// Warm-up or measured.
    pub kind: PhaseKind,
    /// First instant of the phase.
    pub starts: Timestamp,
    /// Planned end; when the run was interrupted, the instant after which nothing was due.
    pub ends: Timestamp,
    /// Arrivals that were due.
    pub arrivals: u64,
    /// Due → first send, of every request that was sent.
    pub dispatch_delay: LatencyHistogram,
    /// In the order of `RunRecord::operations`.
    pub operations: Vec<OperationTotals>,
}

/// Totals of one operation in one phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationTotals {
    /// Requests by outcome; the total equals the arrivals of this operation.
    pub outcomes: OutcomeCounts,
    /// Attempts sent, retries included.
    pub attempts: u64,
    /// Units of the table and its local indexes, declared by the answers.
    pub consumed: ByDirection<CapacityUnits>,
    /// Units of global indexes, in the order of `TableRecord::indexes`; shorter when the last
    /// ones took nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub index_consumed: Vec<ByDirection<CapacityUnits>>,
    /// Writes whose condition was not met. They are completed requests, and declare no units,
    /// though DynamoDB charges them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub conditions_failed: u64,
    /// Members of batches that the server left unprocessed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unprocessed: u64,
    /// Throttle reasons over all attempts.
    pub throttle_reasons: BTreeMap<String, u64>,
    /// Causes of failed and timed-out requests.
    pub errors: BTreeMap<String, u64>,
    /// Due → final answer, completed requests.
    pub response_time: LatencyHistogram,
    /// Last send → answer, completed requests.
    pub service_time: LatencyHistogram,
    /// Due → final answer, throttled requests.
    pub throttled_response_time: LatencyHistogram,
    /// Due → end, failed and timed-out requests.
    pub failed_response_time: LatencyHistogram,
}

impl std::ops::AddAssign<&Self> for OperationTotals {
    fn add_assign(&mut self, other: &Self) {
        self.outcomes += other.outcomes;
        self.attempts += other.attempts;
        self.consumed += other.consumed;
        add_all(&mut self.index_consumed, &other.index_consumed);
        self.conditions_failed += other.conditions_failed;
        self.unprocessed += other.unprocessed;
        add_counts(&mut self.throttle_reasons, &other.throttle_reasons);
        add_counts(&mut self.errors, &other.errors);
        self.response_time.merge(&other.response_time);
        self.service_time.merge(&other.service_time);
        self.throttled_response_time
            .merge(&other.throttled_response_time);
        self.failed_response_time.merge(&other.failed_response_time);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}
