//! What CloudWatch says of a table, as `aws cloudwatch get-metric-data` and
//! `get-metric-statistics` write it: consumed and provisioned units, per period.
//!
//! Points come in any order and with gaps. A missing point is no consumption, and says nothing
//! of what was provisioned.

pub mod sizing;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::units::{ByDirection, Direction};

/// Seconds of a period where a series has one point only.
const PERIOD_DEFAULT: i64 = 60;

/// One table's metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Seconds of a period.
    pub period: i64,
    /// Consumed units per second, mean of each period from the first to the last, gaps as 0.
    pub consumed: ByDirection<Vec<f64>>,
    /// Provisioned units per second, mean of the points that there are.
    pub provisioned: ByDirection<Option<f64>>,
    /// Periods without a point.
    pub gaps: usize,
    /// What is missing or doubtful.
    pub warnings: Vec<String>,
}

/// Why a file says nothing.
#[derive(Debug, thiserror::Error)]
pub enum CloudWatchError {
    /// Not JSON.
    #[error("it is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON of another kind.
    #[error(
        "it is neither an answer of get-metric-data (`MetricDataResults`) nor of \
         get-metric-statistics (`Datapoints`)"
    )]
    Shape,
    /// CloudWatch did not give the data.
    #[error("the metric {label} was answered with {status}: ask for it again")]
    Refused {
        /// Its label.
        label: String,
        /// `InternalError` or `Forbidden`.
        status: String,
    },
    /// Nothing about capacity.
    #[error(
        "it has no points of ConsumedReadCapacityUnits or ConsumedWriteCapacityUnits\n  \
         help: ask for their Sum over 60 s, and name the metric in the Label or Id"
    )]
    Empty,
    /// A time that is none.
    #[error("`{0}` is no time such as 2026-01-01T00:01:00+00:00")]
    Time(String),
    /// Less than nothing, or more than there can be.
    #[error(
        "{metric} is {value} at {at}: units are a number from 0 to 2^53\n  \
         help: ask for the Sum of the metric again, or take the point out"
    )]
    Value {
        /// Its label.
        metric: String,
        /// The time of the point, as it is written.
        at: String,
        /// What it is.
        value: f64,
    },
    /// Lists of different lengths.
    #[error("the metric {0} has not as many values as timestamps")]
    Lengths(String),
    /// More periods than are kept.
    #[error("the points span more than {0} periods")]
    TooLong(i64),
}

/// Units of a point, at most: what floats count exactly.
const UNITS_MAX: f64 = 9_007_199_254_740_992.0;
/// Periods between the first point and the last, at most.
const PERIODS_MAX: i64 = 2_000_000;

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "MetricDataResults")]
    results: Option<Vec<Series>>,
    #[serde(rename = "Datapoints")]
    datapoints: Option<Vec<Datapoint>>,
    #[serde(rename = "Label", default)]
    label: String,
    #[serde(rename = "NextToken")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Series {
    #[serde(default)]
    id: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    timestamps: Vec<String>,
    #[serde(default)]
    values: Vec<f64>,
    status_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Datapoint {
    timestamp: String,
    sum: Option<f64>,
    average: Option<f64>,
}

/// Points by time, seconds since 1970: consumed sums and provisioned means.
#[derive(Default)]
struct Points {
    consumed: ByDirection<BTreeMap<i64, f64>>,
    provisioned: ByDirection<BTreeMap<i64, f64>>,
    warnings: Vec<String>,
}

/// Reads one answer, several behind each other, or a list of them.
///
/// # Errors
/// When the text is no such answer, or has no consumption in it.
pub fn read(text: &str) -> Result<Metrics, CloudWatchError> {
    let mut points = Points::default();
    let mut more = false;
    for document in serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>() {
        let pages = match document? {
            serde_json::Value::Array(pages) => pages,
            page => vec![page],
        };
        for page in pages {
            let page: Page = serde_json::from_value(page)?;
            more = page.next.as_ref().is_some_and(|token| !token.is_empty());
            points.take(page)?;
        }
    }
    if more {
        points
            .warnings
            .push("The last answer has a NextToken: pages are missing.".to_owned());
    }
    points.into_metrics()
}

impl Points {
    fn take(&mut self, page: Page) -> Result<(), CloudWatchError> {
        if let Some(results) = page.results {
            return results.into_iter().try_for_each(|series| self.add(series));
        }
        let label = page.label;
        for point in page.datapoints.ok_or(CloudWatchError::Shape)? {
            let Some((is_consumed, direction)) = metric(&label) else {
                continue;
            };
            let value = if is_consumed {
                point.sum
            } else {
                point.average
            };
            if let Some(value) = value {
                self.insert(&label, (is_consumed, direction), &point.timestamp, value)?;
            } else if is_consumed {
                self.warn("Consumption without Sum was left out: its Average is per request.");
            }
        }
        Ok(())
    }

    fn add(&mut self, series: Series) -> Result<(), CloudWatchError> {
        let label = if metric(&series.label).is_some() {
            series.label
        } else {
            series.id
        };
        match series.status_code.as_deref() {
            None | Some("Complete") => {}
            Some("PartialData") => {
                self.warn(&format!("{label} is PartialData: points may be missing."));
            }
            Some(status) => {
                let status = status.to_owned();
                return Err(CloudWatchError::Refused { label, status });
            }
        }
        if series.timestamps.len() != series.values.len() {
            return Err(CloudWatchError::Lengths(label));
        }
        let Some(metric) = metric(&label) else {
            return Ok(());
        };
        let points = series.timestamps.iter().zip(series.values);
        points
            .into_iter()
            .try_for_each(|(at, value)| self.insert(&label, metric, at, value))
    }

    fn insert(
        &mut self,
        label: &str,
        (is_consumed, direction): (bool, Direction),
        at: &str,
        value: f64,
    ) -> Result<(), CloudWatchError> {
        let time: Timestamp = at
            .parse()
            .map_err(|_| CloudWatchError::Time(at.to_owned()))?;
        if !(0.0..=UNITS_MAX).contains(&value) {
            return Err(CloudWatchError::Value {
                metric: label.to_owned(),
                at: at.to_owned(),
                value,
            });
        }
        let series = if is_consumed {
            &mut self.consumed[direction]
        } else {
            &mut self.provisioned[direction]
        };
        series.insert(time.as_second(), value);
        Ok(())
    }

    fn warn(&mut self, warning: &str) {
        if !self.warnings.iter().any(|known| known == warning) {
            self.warnings.push(warning.to_owned());
        }
    }

    fn into_metrics(self) -> Result<Metrics, CloudWatchError> {
        let times = || Direction::ALL.map(|direction| self.consumed[direction].keys().copied());
        let first = times().into_iter().flatten().min();
        let last = times().into_iter().flatten().max();
        let (Some(first), Some(last)) = (first, last) else {
            return Err(CloudWatchError::Empty);
        };
        let gaps_between = |direction: Direction| {
            let series = &self.consumed[direction];
            let later = series.keys().skip(1);
            later.zip(series.keys()).map(|(b, a)| b - a).min()
        };
        let period = Direction::ALL.into_iter().filter_map(gaps_between).min();
        let period = period.unwrap_or(PERIOD_DEFAULT).max(1);
        let periods = (last - first) / period + 1;
        if periods > PERIODS_MAX {
            return Err(CloudWatchError::TooLong(PERIODS_MAX));
        }
        let mut gaps = 0;
        let seconds = f64::from(u32::try_from(period).unwrap_or(u32::MAX));
        let consumed = ByDirection::from_fn(|direction| {
            let series = &self.consumed[direction];
            let length = usize::try_from(periods).expect("two million");
            let mut all = vec![0.0; length];
            for (at, sum) in series {
                let number = usize::try_from((at - first) / period).expect("not before the first");
                all[number] += sum / seconds;
            }
            if !series.is_empty() {
                gaps += length.saturating_sub(series.len());
            }
            all
        });
        let provisioned = ByDirection::from_fn(|direction| {
            let series = &self.provisioned[direction];
            let count = u32::try_from(series.len()).unwrap_or(u32::MAX);
            (count > 0).then(|| series.values().sum::<f64>() / f64::from(count))
        });
        Ok(Metrics {
            period,
            consumed,
            provisioned,
            gaps,
            warnings: self.warnings,
        })
    }
}

/// Whether a label names consumed or provisioned units, and which.
fn metric(label: &str) -> Option<(bool, Direction)> {
    let label = label.to_ascii_lowercase();
    let direction = if label.contains("readcapacityunits") {
        Direction::Read
    } else if label.contains("writecapacityunits") {
        Direction::Write
    } else {
        return None;
    };
    match (label.contains("consumed"), label.contains("provisioned")) {
        (true, _) => Some((true, direction)),
        (false, true) => Some((false, direction)),
        _ => None,
    }
}
