//! The charts of the report: a question, a drawing that answers it, and the same as a table.

mod capacity;
mod heat;
mod latency;
mod percentile;
mod schedule;
mod skew;
mod throttles;

pub use capacity::{capacity, columns as capacity_columns};
pub use heat::{column_name as heat_column, heat, hottest_series};
pub use latency::latency_over_time;
pub use percentile::latency_by_percentile;
pub use schedule::schedule;
pub use skew::key_skew;
pub use throttles::{column_name as throttle_column, throttles};

use super::timeline::{Timeline, middle, thinned};
use crate::report::{
    chart::{Axis, Chart, Ink, Mark, Panel, Texture, axis},
    format,
};

/// Points of a series of the whole run that are drawn, at most.
pub const MAX_POINTS: usize = 600;
/// Rows of a table below a chart of the whole run, at most.
pub const MAX_ROWS: usize = 120;

/// A chart with what belongs to it.
#[derive(Debug)]
pub struct Figure {
    /// What to look for.
    pub reading: String,
    /// What the lines and surfaces are.
    pub legend: Vec<Key>,
    /// The drawing.
    pub chart: Chart,
    /// The same as numbers.
    pub table: DataTable,
}

/// The page's columns of the chart of the schedule.
pub fn schedule_columns() -> Vec<String> {
    schedule::COLUMNS.map(str::to_owned).to_vec()
}

/// The page's columns of latency over time.
pub fn latency_columns() -> Vec<String> {
    latency::LATENCY_COLUMNS.map(str::to_owned).to_vec()
}

/// A line of a legend.
#[derive(Debug)]
pub struct Key {
    /// Colour.
    pub ink: Ink,
    /// How it is drawn.
    pub sample: Sample,
    /// What it is.
    pub text: String,
}

/// How something is drawn.
#[derive(Clone, Copy, Debug)]
pub enum Sample {
    /// A line.
    Line(Texture),
    /// A surface.
    Surface(Texture),
    /// A sign on a line.
    Sign(char),
    /// A frame around a surface.
    Frame,
    /// A surface in the colour of a share from 0 to 1.
    Shade(f64),
}

/// Numbers below a chart.
#[derive(Debug, Default)]
pub struct DataTable {
    /// What a row stands for.
    pub caption: String,
    /// Names of the columns with their units.
    pub columns: Vec<String>,
    /// Cells, formatted.
    pub rows: Vec<Vec<String>>,
}

pub(in crate::report) fn key(ink: Ink, sample: Sample, text: impl Into<String>) -> Key {
    let text = text.into();
    Key { ink, sample, text }
}

/// A line through a series of seconds, thinned to `points`.
fn line(series: &[f64], points: usize, ink: Ink, texture: Texture, width: u32) -> Mark {
    Mark::Line {
        segments: thinned(series, points),
        ink,
        texture,
        width,
    }
}

/// The x axis of every chart over time.
fn time_axis(timeline: &Timeline) -> (Axis, String) {
    let end = middle(timeline.seconds) - 0.5;
    let unit = if end <= 180.0 {
        "s"
    } else if end < 3600.0 {
        "min:s"
    } else {
        "h:min:s"
    };
    (Axis::time(end), format!("time since the start, {unit}"))
}

/// Attributes by which the page's script finds the columns of a chart over time.
fn time_attributes(timeline: &Timeline, columns: &[String]) -> Vec<(String, String)> {
    vec![
        ("data-seconds".to_owned(), timeline.seconds.to_string()),
        (
            "data-columns".to_owned(),
            serde_json::json!(columns).to_string(),
        ),
    ]
}

/// A plain panel.
pub(in crate::report) fn panel(
    heading: impl Into<String>,
    height: u32,
    y: Axis,
    marks: Vec<Mark>,
) -> Panel {
    Panel {
        heading: heading.into(),
        height,
        y,
        marks,
        note: None,
    }
}

/// The largest finite number, or 0.
fn largest<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values
        .into_iter()
        .copied()
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max)
}

/// Which number of a stretch of seconds stands for it.
#[derive(Clone, Copy, Debug)]
pub enum Keep {
    /// Its highest second.
    Highest,
    /// Its lowest second.
    Lowest,
    /// All together.
    Sum,
}

impl Keep {
    /// That number; `None` when no second has one.
    pub fn of(self, seconds: &[f64]) -> Option<f64> {
        let known = seconds.iter().copied().filter(|value| value.is_finite());
        match self {
            Self::Highest => known.reduce(f64::max),
            Self::Lowest => known.reduce(f64::min),
            Self::Sum => known.reduce(|sum, value| sum + value),
        }
    }
}

/// A table over time of at most so many rows: the columns, each with what is kept of a row's
/// seconds.
fn time_table(timeline: &Timeline, rows: usize, columns: &[(String, &[f64], Keep)]) -> DataTable {
    let width = timeline.seconds.div_ceil(rows).max(1);
    let caption = if width == 1 {
        "One row for each second.".to_owned()
    } else {
        format!(
            "One row for each {width} seconds: the highest second of rates, the lowest of burst \
             credit, the sum of events."
        )
    };
    let run = middle(timeline.seconds);
    let rows = (0..timeline.seconds)
        .step_by(width)
        .map(|from| {
            let to = (from + width).min(timeline.seconds);
            let cell = |series: &[f64], keep: Keep| {
                let value = keep.of(&series[from..to]);
                value.map_or_else(|| format::NO_DATA.to_owned(), plain)
            };
            let mut row = vec![axis::clock(middle(from), run)];
            row.extend(columns.iter().map(|(_, series, keep)| cell(series, *keep)));
            row
        })
        .collect();
    let names = columns.iter().map(|(name, ..)| name.clone());
    DataTable {
        caption,
        columns: std::iter::once("from".to_owned()).chain(names).collect(),
        rows,
    }
}

/// A number without unit: whole ones in full, others to three significant digits.
fn plain(value: f64) -> String {
    format::units(value)
}

/// A duration given in ms, in the unit that suits it.
fn duration(ms: f64) -> String {
    if ms.is_finite() {
        format::duration_difference(ms * 1e6)
    } else {
        format::NO_DATA.to_owned()
    }
}
