//! The lines of a history: one for each scenario of a night, one for each accepted change.
//!
//! A night is written at once, and counts only when all its lines are there.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::rule::median;
use crate::{
    analysis::threshold::{Assertion, InvalidReason},
    scenario::diagnostic::printable,
};

/// Version of the format. Raised whenever a reader of the last one would be misled.
pub const HISTORY_VERSION: u64 = 1;

/// One line of `history.jsonl`: exactly one of `night` and `accepted`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dynamometer history line")]
pub struct Line {
    /// [`HISTORY_VERSION`].
    pub version: u64,
    /// One scenario in one night.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub night: Option<NightRecord>,
    /// A change that somebody accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Acceptance>,
}

/// One scenario in one night.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NightRecord {
    /// Which night: the same for all scenarios that were measured together.
    pub night: String,
    /// Which line of the night, from 1.
    pub part: u32,
    /// Lines that the night has.
    pub of: u32,
    /// When the night began, RFC 3339, UTC.
    pub at: String,
    /// Scenario name.
    pub scenario: String,
    /// SHA-256 of the resolved scenario, hex. A new one starts a new baseline.
    pub fingerprint: String,
    /// `dynamometer` version.
    pub tool_version: String,
    /// What was measured; absent when nobody said.
    #[serde(default)]
    pub commit: Option<String>,
    /// Its branch.
    #[serde(default)]
    pub branch: Option<String>,
    /// `emulator`, or the endpoint's URL.
    pub target: String,
    /// Where it was measured.
    pub host: Host,
    /// Repeats that were run, reruns of a suspect included.
    pub runs: u32,
    /// Why the night says nothing; empty when it is valid.
    pub invalid: Vec<InvalidReason>,
    /// Thresholds of the scenario that most repeats missed, with what was observed.
    pub missed: Vec<Assertion>,
    /// Relative difference that is allowed to exact metrics.
    pub exact_tolerance: f64,
    /// By name, such as `read-user.response_time_p99`.
    pub metrics: BTreeMap<String, Metric>,
}

/// What a machine is, as far as it moves latency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Logical cores.
    pub cores: u32,
    /// Model name of the processor.
    pub cpu: String,
    /// Name and release of the operating system's kernel.
    pub kernel: String,
}

impl Host {
    /// What is comparable: `2 × Some CPU, Linux 6.8`. Of the kernel, the first two numbers.
    #[must_use]
    pub fn class(&self) -> String {
        let release: Vec<&str> = self.kernel.splitn(3, '.').take(2).collect();
        format!("{} × {}, {}", self.cores, self.cpu, release.join("."))
    }
}

/// A number of one night.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// What it counts.
    pub unit: MetricUnit,
    /// Whether every repeat must give the same, so that any difference is a change.
    pub exact: bool,
    /// One for each valid repeat, in order.
    pub values: Vec<f64>,
    /// One for each valid repeat of a suspect's rerun; empty when there was none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rerun: Vec<f64>,
    /// Of a percentile: over the merged histograms of all repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<f64>,
}

/// What a metric counts, and so which direction is worse.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MetricUnit {
    /// A duration; more is worse.
    Nanoseconds,
    /// Completed requests per second; less is worse.
    PerSecond,
    /// A part of all requests, from 0; more is worse.
    Share,
    /// Read units for each completed request; more is worse.
    ReadUnits,
    /// Write units for each completed request; more is worse.
    WriteUnits,
    /// Dollars for a million requests; more is worse.
    Dollars,
    /// How often; more is worse.
    Count,
}

impl MetricUnit {
    /// Whether less of it is worse.
    #[must_use]
    pub const fn less_is_worse(self) -> bool {
        matches!(self, Self::PerSecond)
    }

    /// The unit in a header.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::PerSecond => "1/s",
            Self::Share => "share",
            Self::ReadUnits => "RCU",
            Self::WriteUnits => "WCU",
            Self::Dollars => "USD per million",
            Self::Count => "times",
        }
    }
}

impl Metric {
    /// The night's number: the median of the repeats. When they were suspect and measured
    /// again, the better of both medians: a disturbance that has passed is no regression.
    #[must_use]
    pub fn value(&self) -> f64 {
        let first = median(&self.values);
        if self.rerun.is_empty() {
            return first;
        }
        let again = median(&self.rerun);
        if self.unit.less_is_worse() {
            first.max(again)
        } else {
            first.min(again)
        }
    }

    /// Smallest and largest repeat of those that the value is taken from.
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        let (first, again) = (median(&self.values), median(&self.rerun));
        let again_is_better = if self.unit.less_is_worse() {
            again > first
        } else {
            again < first
        };
        let repeats = if !self.rerun.is_empty() && again_is_better {
            &self.rerun
        } else {
            &self.values
        };
        let low = repeats.iter().copied().fold(f64::INFINITY, f64::min);
        let high = repeats.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if low <= high { (low, high) } else { (0.0, 0.0) }
    }
}

/// A change that somebody accepted: `dyno nightly ack`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// When, RFC 3339, UTC.
    pub at: String,
    /// Name of the metric.
    pub metric: String,
    /// Only of this scenario.
    #[serde(default)]
    pub scenario: Option<String>,
    /// The commit, or the beginning of it, from whose first night on the new level counts.
    pub commit: String,
    /// Why it is accepted.
    pub reason: String,
}

/// All that is known of the past, in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Nights of all scenarios, branches and machines.
    pub nights: Vec<NightRecord>,
    /// Accepted changes.
    pub accepted: Vec<Acceptance>,
    /// What was left out or put right, for the user to know.
    pub remarks: Vec<String>,
}

/// Why a history cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct HistoryError {
    /// Name of the file.
    pub file: String,
    /// One for each line that is wrong, up to [`PROBLEMS_MAX`]: its number from 1, and what is
    /// wrong with it.
    pub problems: Vec<(usize, String)>,
}

/// Lines that a message lists.
const LISTED: usize = 10;
/// After so many wrong lines the rest is not looked at: it is something else than a history.
pub const PROBLEMS_MAX: usize = 1_000;

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the history cannot be read")?;
        for (line, problem) in self.problems.iter().take(LISTED) {
            write!(f, "\n  {}:{line}: {problem}", self.file)?;
        }
        let more = self.problems.len().saturating_sub(LISTED);
        if self.problems.len() >= PROBLEMS_MAX {
            write!(f, "\n  and {more} more lines or more: is this a history?")?;
        } else if more > 0 {
            write!(f, "\n  and {more} more lines")?;
        }
        write!(
            f,
            "\n  help: put those lines right or take them out; every other line stays valid"
        )
    }
}

/// Reads a history; `file` appears in messages only.
///
/// Nights are put in order of time. A night that is there twice counts once; one of which a
/// line is missing does not count; both are remarked.
///
/// # Errors
/// Every line that is no line of a history, or of a newer one.
pub fn parse(text: &str, file: &str) -> Result<History, HistoryError> {
    let mut history = History::default();
    let mut problems = Vec::new();
    let mut seen: BTreeMap<(String, u32), (usize, NightRecord)> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if problems.len() >= PROBLEMS_MAX {
            break;
        }
        if line.trim().is_empty() {
            continue;
        }
        match read_line(line) {
            Ok(Line {
                night: Some(night), ..
            }) => {
                let place = (night.night.clone(), night.part);
                match seen.get(&place) {
                    Some((first, same)) if *same == night => history.remarks.push(format!(
                        "{file}:{number}: the same as line {first}; counted once"
                    )),
                    Some((first, _)) => problems.push((
                        number,
                        format!(
                            "night {} has another part {} in line {first}; keep one of them",
                            printable(&night.night),
                            night.part
                        ),
                    )),
                    None => {
                        seen.insert(place, (number, night));
                    }
                }
            }
            Ok(Line { accepted, .. }) => history.accepted.extend(accepted),
            Err(problem) => problems.push((number, problem)),
        }
    }
    if !problems.is_empty() {
        let file = file.to_owned();
        return Err(HistoryError { file, problems });
    }
    let mut parts: BTreeMap<String, u32> = BTreeMap::new();
    for (night, _) in seen.keys() {
        *parts.entry(night.clone()).or_default() += 1;
    }
    let mut nights: Vec<(usize, NightRecord)> = seen.into_values().collect();
    nights.retain(|(line, night)| {
        let whole = parts.get(&night.night) == Some(&night.of);
        if !whole {
            let name = printable(&night.night);
            let remark = format!("{file}:{line}: night {name} is not complete; it does not count");
            history.remarks.push(remark);
        }
        whole
    });
    nights.sort_by_key(|(line, _)| *line);
    if !nights.iter().map(|(_, night)| &night.at).is_sorted() {
        history.remarks.push(format!(
            "{file}: nights are out of order; taken in order of time"
        ));
        nights.sort_by(|(_, a), (_, b)| a.at.cmp(&b.at));
    }
    history.nights = nights.into_iter().map(|(_, night)| night).collect();
    history.accepted.sort_by(|a, b| a.at.cmp(&b.at));
    Ok(history)
}

fn read_line(line: &str) -> Result<Line, String> {
    /// All that is asked of a line of another version.
    #[derive(Deserialize)]
    struct Versioned {
        version: u64,
    }
    let version = if line.starts_with("{\"version\":1,") {
        1
    } else {
        let found: Versioned = serde_json::from_str(line).map_err(|error| message(&error))?;
        found.version
    };
    if version != HISTORY_VERSION {
        let newer = if version > HISTORY_VERSION {
            ", written by a newer dyno"
        } else {
            ""
        };
        return Err(format!(
            "it has version {version}{newer}; this dyno reads version {HISTORY_VERSION}"
        ));
    }
    let line: Line = serde_json::from_str(line).map_err(|error| message(&error))?;
    if line.night.is_some() == line.accepted.is_some() {
        return Err("it must have either `night` or `accepted`".to_owned());
    }
    line.night.as_ref().map_or(Ok(()), check)?;
    let at = line.night.as_ref().map(|night| &night.at);
    let at = at.or(line.accepted.as_ref().map(|accepted| &accepted.at));
    at.map_or(Ok(()), |at| check_time(at))?;
    Ok(line)
}

/// `expected …, column 7` instead of `… at line 1 column 7`.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    format!("{} (column {})", printable(text), error.column())
}

fn check(night: &NightRecord) -> Result<(), String> {
    if night.part == 0 || night.part > night.of {
        return Err(format!("part {} of {} is none", night.part, night.of));
    }
    for (name, metric) in &night.metrics {
        let name = printable(name);
        if metric.values.is_empty() {
            return Err(format!("metric {name} has no values"));
        }
        let mut all = metric
            .values
            .iter()
            .chain(&metric.rerun)
            .chain(&metric.merged);
        // So large that squares of it still are numbers.
        if let Some(value) = all.find(|value| !(0.0..=1e100).contains(*value)) {
            return Err(format!(
                "metric {name} has the value {value}; from 0 to 1e100 is allowed"
            ));
        }
    }
    if !(0.0..=1.0).contains(&night.exact_tolerance) {
        return Err(format!(
            "exact_tolerance is {}; from 0 to 1",
            night.exact_tolerance
        ));
    }
    Ok(())
}

/// RFC 3339 in UTC as this tool writes it: such texts sort by time.
fn check_time(at: &str) -> Result<(), String> {
    let digits = |from: usize, to: usize| {
        at.get(from..to)
            .is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let marked = marks
        .iter()
        .all(|(place, mark)| at.as_bytes().get(*place) == Some(mark));
    let parts = [(0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19)];
    if at.is_ascii() && marked && at.ends_with('Z') && parts.iter().all(|(a, b)| digits(*a, *b)) {
        return Ok(());
    }
    Err(format!(
        "`at` is {}; write a time such as 2026-11-23T05:15:00Z",
        printable(at)
    ))
}

/// A line as it is appended, ended by a newline.
///
/// # Panics
/// Never: a line has no maps whose keys are not strings.
#[must_use]
pub fn line(night: Option<NightRecord>, accepted: Option<Acceptance>) -> String {
    let version = HISTORY_VERSION;
    let line = Line {
        version,
        night,
        accepted,
    };
    let mut text = serde_json::to_string(&line).expect("every map of it has string keys");
    text.push('\n');
    text
}
