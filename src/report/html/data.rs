//! The series as data in the page, for the crosshair and the download.

use serde_json::{Number, Value, json};

use super::{
    figure::{
        Keep, capacity_columns, heat_column, hottest_series, latency_columns, schedule_columns,
        throttle_column,
    },
    timeline::{Timeline, latencies},
};
use crate::{record::RunRecord, units::Direction};

/// Rows, at most.
const MAX_ROWS: usize = 3600;

/// A `<script>` that holds JSON and does nothing.
#[must_use]
pub fn script(record: &RunRecord, timeline: &Timeline) -> String {
    let data = json(record, timeline).to_string();
    // No sequence in it may end the element, open a comment, or end a line of a script.
    let data = data
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029");
    format!("<script type=\"application/json\" id=\"series\">{data}</script>")
}

fn json(record: &RunRecord, timeline: &Timeline) -> Value {
    let hottest = hottest(record, timeline);
    let mut columns = columns(timeline);
    for (name, series) in &hottest {
        columns.push((name.clone(), series, Keep::Highest));
    }
    let latency_names = latency_columns();
    let count = columns.len() + latency_names.len();
    let name_bytes = columns.iter().map(|(name, ..)| name.len()).sum();
    let most = (timeline.room.cells(name_bytes) / count).clamp(1, MAX_ROWS);
    let step = timeline.seconds.div_ceil(most);
    let latency = latencies(record, timeline.seconds, step);
    let rows: Vec<Value> = latency
        .iter()
        .enumerate()
        .map(|(index, latency)| {
            let from = index * step;
            let to = (from + step).min(timeline.seconds);
            let kept = columns
                .iter()
                .map(|(_, series, keep)| keep.of(&series[from..to]));
            let times = [latency.p50, latency.p99, latency.p99_9, latency.max].map(finite);
            kept.chain(times).map(short).collect()
        })
        .collect();
    let names: Vec<&str> = columns
        .iter()
        .map(|(name, ..)| name.as_str())
        .chain(latency_names.iter().map(String::as_str))
        .collect();
    json!({"columns": names, "step": step, "rows": rows})
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Four significant digits.
#[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53")]
fn short(value: Option<f64>) -> Value {
    let rounded = value.and_then(|value| format!("{value:.3e}").parse::<f64>().ok());
    match rounded {
        None => Value::Null,
        Some(whole) if whole.fract() == 0.0 && whole.abs() < 9e15 => Value::from(whole as i64),
        Some(value) => Number::from_f64(value).map_or(Value::Null, Value::Number),
    }
}

/// The hottest partition of each table and index.
fn hottest(record: &RunRecord, timeline: &Timeline) -> Vec<(String, Vec<f64>)> {
    let known = record.heat.iter().filter_map(|heat| {
        let series = timeline.resource(heat.table, heat.index)?;
        Some((heat, &series.name))
    });
    let heat = known.flat_map(|(heat, name)| {
        Direction::ALL.map(|direction| {
            let series = hottest_series(heat, direction, timeline.seconds);
            (heat_column(name, direction), series)
        })
    });
    heat.filter(|(_, series)| series.iter().any(|share| *share > 0.0))
        .collect()
}

fn columns(timeline: &Timeline) -> Vec<(String, &[f64], Keep)> {
    let schedule: [&[f64]; 6] = [
        &timeline.offered,
        &timeline.sent,
        &timeline.completed,
        &timeline.throttled,
        &timeline.lost,
        &timeline.dispatch_delay_p99,
    ];
    let mut columns: Vec<(String, &[f64], Keep)> = schedule_columns()
        .into_iter()
        .zip(schedule)
        .map(|(name, series)| (name, series, Keep::Highest))
        .collect();
    for table in &timeline.tables {
        for series in std::iter::once(table).chain(&table.indexes) {
            for direction in Direction::ALL {
                columns.extend(capacity_columns(series, direction));
            }
        }
    }
    for (cause, both) in &timeline.causes {
        for direction in Direction::ALL {
            let name = throttle_column(*cause, direction);
            columns.push((name, &both[direction], Keep::Sum));
        }
    }
    columns
}
