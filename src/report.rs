//! What every report shows, formatted once.
//!
//! Owns the words and the numbers' looks; must not know where a report goes. [`ReportView`]
//! holds finished strings (see [`format`] for the spaces in them); text from the scenario is
//! as it was written, and each renderer makes it safe for where it goes.

pub mod chart;
pub mod compare;
pub mod cost;
pub mod csv;
pub mod expectation;
pub mod format;
pub mod generator;
pub mod heat;
pub mod hgrm;
pub mod hlog;
pub mod html;
pub mod iam;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod model;
mod partitions;
pub mod plan;
pub mod reproduce;
pub mod runs;
pub mod seeds;
pub mod sentence;
pub mod shards;
pub mod sizing;
pub mod stored;
pub mod text;
pub mod trend;
pub mod usage;
mod view;

use crate::units::Direction;

/// Everything that a report shows.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportView {
    /// Scenario name.
    pub scenario: String,
    /// The question that the scenario answers.
    pub question: Option<String>,
    /// Term and value of what identifies the run: target, seed, fingerprint, start, …
    pub facts: Vec<Fact>,
    /// Target, as in the facts.
    pub target: String,
    /// Seed, as in the facts.
    pub seed: String,
    /// Length of the measured phases: `10m00s`.
    pub duration: String,
    /// The answer.
    pub verdict: VerdictView,
    /// Was it enough, and if not, why?
    pub sentence: String,
    /// The numbers to see first.
    pub tiles: Vec<Tile>,
    /// Failures first, otherwise in the order of the scenario.
    pub assertions: Vec<AssertionRow>,
    /// In the order of the scenario.
    pub operations: Vec<OperationRow>,
    /// Tables in the order of the scenario, reads before writes; without those directions
    /// that no operation uses.
    pub capacity: Vec<CapacityRow>,
    /// Global indexes, table by table, each in both directions.
    pub indexes: Vec<IndexRow>,
    /// Only those that occurred.
    pub throttles: Vec<ThrottleRow>,
    /// Tables and indexes whose partitions changed or were hot, with what became of them.
    pub partitions: Vec<Fact>,
    /// The partition that came closest to its ceiling; absent when the target shows none.
    pub hottest: Option<heat::Hottest>,
    /// The hottest keys of each table and index, in each direction that had traffic.
    pub keys: Vec<heat::KeyTable>,
    /// What the capacity costs.
    pub cost: cost::CostView,
    /// Causes of failed and timed-out requests.
    pub errors: Vec<ErrorRow>,
    /// How well the generator did.
    pub validity: Vec<AssertionRow>,
    /// The shards of a merged run, in order; empty of any other.
    pub shards: Vec<ShardRow>,
    /// What a simulation of the same scenario came to; empty when there was none.
    pub model: Vec<ModelRow>,
    /// What each number means.
    pub definitions: Vec<Fact>,
}

/// A term with its value or meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is called.
    pub term: String,
    /// What it is or means.
    pub value: String,
}

/// Good, bad or neither. Never shown by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `✓`
    Good,
    /// `✗`
    Bad,
    /// `!`
    Caution,
    /// Nothing to judge.
    Neutral,
}

impl Mark {
    /// The sign of it; a space when there is nothing to judge.
    #[must_use]
    pub const fn glyph(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Caution => "!",
            Self::Neutral => " ",
        }
    }

    /// The sign where only ASCII is at hand.
    #[must_use]
    pub const fn ascii(self) -> &'static str {
        match self {
            Self::Good => "+",
            Self::Bad => "x",
            Self::Caution => "!",
            Self::Neutral => " ",
        }
    }
}

/// The answer in a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictView {
    /// `PASS`, `FAIL`, `INVALID` or `INTERRUPTED`.
    pub word: &'static str,
    /// Its sign.
    pub mark: Mark,
    /// `1 of 4 missed`; empty where the word says all.
    pub detail: String,
    /// Exit code of the process.
    pub exit_code: u8,
}

/// One number to see first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// What it is.
    pub label: String,
    /// With its unit; `–` when there is no data.
    pub value: String,
    /// What the scenario demands of it: `limit ≤ 1 %`; empty where it demands nothing.
    pub limit: String,
    /// What it is compared with; may be empty.
    pub note: String,
    /// How it compares.
    pub mark: Mark,
}

/// A limit with what was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionRow {
    /// What is limited.
    pub name: String,
    /// With its unit, or `no data`.
    pub observed: String,
    /// `≤ 20 ms`.
    pub limit: String,
    /// How far from the limit, negative on the wrong side; `–` without data.
    pub margin: String,
    /// Met or missed.
    pub mark: Mark,
}

/// One operation. Every value carries its unit; `–` when there is no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationRow {
    /// Name in the scenario.
    pub name: String,
    /// DynamoDB's name: `GetItem`.
    pub api_name: &'static str,
    /// Name of its table.
    pub table: String,
    /// Arrivals.
    pub arrivals: String,
    /// Completed requests.
    pub completed: String,
    /// Throttled requests.
    pub throttled: String,
    /// Failed requests.
    pub failed: String,
    /// Timed-out requests.
    pub timed_out: String,
    /// Requests that were never sent.
    pub dropped: String,
    /// Attempts, retries included.
    pub attempts: String,
    /// Arrivals per second, without unit.
    pub offered_rate: String,
    /// Completed per second, without unit.
    pub completed_rate: String,
    /// Response time.
    pub response_time: PercentileRow,
    /// Service time.
    pub service_time: PercentileRow,
    /// Units per completed request: `0.5 RCU`.
    pub units_per_request: String,
    /// Throttled share of the arrivals.
    pub throttled_share: String,
    /// Share of failed and timed-out requests.
    pub error_share: String,
    /// Whether any was throttled.
    pub throttled_mark: Mark,
    /// Whether any failed or timed out.
    pub error_mark: Mark,
}

/// Percentiles with their units; `–` when there is no data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PercentileRow {
    /// Median.
    pub p50: String,
    /// 99th percentile.
    pub p99: String,
    /// 99.9th percentile.
    pub p99_9: String,
    /// Longest.
    pub max: String,
}

/// One direction of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct CapacityRow {
    /// Number of the table in the record.
    pub number: usize,
    /// Table name.
    pub table: String,
    /// Reads or writes.
    pub direction: Direction,
    /// `reads` or `writes`.
    pub label: &'static str,
    /// Units consumed in all: `12 300 RCU`.
    pub consumed: String,
    /// Mean consumption, without unit.
    pub mean: String,
    /// Largest consumption of a second, without unit.
    pub peak: String,
    /// `3 000 RCU`.
    pub provisioned: String,
    /// Mean ÷ provisioned as a fraction, for drawing.
    pub utilisation: Option<f64>,
    /// The same in percent.
    pub utilisation_percent: String,
    /// `about 25 RCU/s`, `about 25, at its busiest 40 RCU/s`, or `–`.
    pub demand: String,
    /// Throttled share of its requests.
    pub throttled_share: String,
    /// `45 of 90 s`.
    pub throttled_seconds: String,
    /// `burst credit ran dry after 31 s`; empty when the target does not show it.
    pub burst: String,
    /// Whether any was throttled.
    pub mark: Mark,
}

/// One direction of a global index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexRow {
    /// Number of its table in the record.
    pub table: usize,
    /// Its number among the table's.
    pub index: usize,
    /// `Orders/by-shop`.
    pub name: String,
    /// `reads` or `writes`.
    pub label: &'static str,
    /// Mean consumption, without unit.
    pub mean: String,
    /// Largest consumption of a second, without unit.
    pub peak: String,
    /// `3 000 RCU`.
    pub provisioned: String,
    /// Mean ÷ provisioned in percent.
    pub utilisation_percent: String,
    /// As of a [`CapacityRow`].
    pub burst: String,
}

/// One reason that throttled attempts gave. An attempt may give several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottleRow {
    /// Table name.
    pub table: String,
    /// `reads` or `writes`.
    pub label: &'static str,
    /// `table capacity`, `key range`, …
    pub cause: &'static str,
    /// As DynamoDB calls it.
    pub reason: String,
    /// How often it was given.
    pub times: u64,
    /// The same as text.
    pub count: String,
}

/// One shard of a merged run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardRow {
    /// `3/10`.
    pub shard: String,
    /// Arrivals in all phases.
    pub arrivals: String,
    /// Its part of all arrivals.
    pub share: String,
    /// Server's clock minus its own: `+3 ms ± 8 ms`; `–` when not measured.
    pub offset: String,
    /// How late it was ready, or `in time`.
    pub late: String,
    /// 99th percentile of its dispatch delay.
    pub dispatch_delay: String,
    /// Late or not whole.
    pub mark: Mark,
}

impl ShardRow {
    /// What its columns are called.
    pub const COLUMNS: [&'static str; 6] = [
        "shard",
        "arrivals",
        "share",
        "clock offset",
        "ready",
        "dispatch p99",
    ];

    /// Its columns.
    #[must_use]
    pub fn cells(&self) -> [&str; 6] {
        [
            &self.shard,
            &self.arrivals,
            &self.share,
            &self.offset,
            &self.late,
            &self.dispatch_delay,
        ]
    }
}

/// Something that was measured and simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRow {
    /// `Users reads in RCU`, or the name of a throttle reason.
    pub what: String,
    /// In the run.
    pub measured: String,
    /// In the simulation.
    pub model: String,
    /// Measured ÷ model − 1, in percent with its sign.
    pub difference: String,
}

impl ModelRow {
    /// What its columns are called.
    pub const COLUMNS: [&'static str; 4] = ["model beside run", "measured", "model", "difference"];

    /// Its columns.
    #[must_use]
    pub fn cells(&self) -> [&str; 4] {
        [&self.what, &self.measured, &self.model, &self.difference]
    }
}

/// Failed or timed-out requests of one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorRow {
    /// Name of the operation.
    pub operation: String,
    /// What went wrong.
    pub cause: String,
    /// Requests.
    pub count: String,
}

/// `reads` or `writes`.
#[must_use]
pub const fn direction_label(direction: Direction) -> &'static str {
    match direction {
        Direction::Read => "reads",
        Direction::Write => "writes",
    }
}
