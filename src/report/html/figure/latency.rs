//! "When was it slow?": percentiles of response time over time.

use super::{
    Axis, Chart, DataTable, Figure, Ink, MAX_POINTS, MAX_ROWS, Mark, Sample, Texture, Timeline,
    duration, key, panel, time_attributes, time_axis,
};
use crate::{
    record::RunRecord,
    report::{
        chart::axis,
        html::timeline::{Latency, latencies, middle},
    },
};

/// Which of the percentiles, as which line.
type Line = (&'static str, fn(&Latency) -> f64, Ink, Texture, u32);

/// Percentiles of response time over time.
#[must_use]
pub fn latency_over_time(record: &RunRecord, timeline: &Timeline) -> Figure {
    let width = timeline.seconds.div_ceil(MAX_POINTS).max(1);
    let latency = latencies(record, timeline.seconds, width);
    let (x, x_heading) = time_axis(timeline);
    let lines: [Line; 4] = [
        ("max", |part| part.max, Ink::Muted, Texture::Solid, 3),
        ("p99.9", |part| part.p99_9, Ink::Muted, Texture::Dotted, 8),
        ("p99", |part| part.p99, Ink::Text, Texture::Dashed, 7),
        ("p50", |part| part.p50, Ink::Good, Texture::Solid, 8),
    ];
    let mut marks = Vec::new();
    for (name, of, ink, texture, width_of_line) in lines {
        let segments = segments(&latency, width, timeline.seconds, of);
        if let Some((_, last)) = segments.last().and_then(|segment| segment.last()) {
            marks.push(Mark::Label {
                y: *last,
                text: name.to_owned(),
                ink,
            });
        }
        marks.push(Mark::Line {
            segments,
            ink,
            texture,
            width: width_of_line,
        });
    }
    let known = || {
        latency
            .iter()
            .flat_map(|part| [part.p50, part.max])
            .filter(|v| v.is_finite())
    };
    let smallest = known().fold(f64::INFINITY, f64::min);
    // Some room below, so that no line lies on the axis.
    let y = Axis::logarithmic(smallest * 0.8, known().fold(0.0, f64::max), duration);
    let mut only = panel(
        "response time of all operations, logarithmic",
        190,
        y,
        marks,
    );
    if known().next().is_none() {
        only.note = Some("no request completed".to_owned());
    }
    Figure {
        reading: if width == 1 {
            "Percentiles of each second, all operations together.".to_owned()
        } else {
            format!(
                "Percentiles of each {width} seconds (merged histograms), all operations together."
            )
        },
        legend: lines
            .iter()
            .rev()
            .map(|(name, _, ink, texture, _)| key(*ink, Sample::Line(*texture), *name))
            .collect(),
        chart: Chart {
            id: "latency".to_owned(),
            title: "Response time over time".to_owned(),
            description: format!(
                "p50, p99, p99.9 and maximum; the longest is {}.",
                duration(known().fold(f64::NAN, f64::max))
            ),
            x,
            x_heading,
            panels: vec![only],
            right_margin: 110,
            attributes: time_attributes(timeline, &LATENCY_COLUMNS.map(str::to_owned)),
        },
        table: latency_table(record, timeline),
    }
}

/// The columns of the page's data.
pub const LATENCY_COLUMNS: [&str; 4] = ["p50 ms", "p99 ms", "p99.9 ms", "max ms"];

#[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
fn segments(
    latency: &[Latency],
    width: usize,
    seconds: usize,
    of: fn(&Latency) -> f64,
) -> Vec<Vec<(f64, f64)>> {
    let mut segments = vec![Vec::new()];
    for (index, part) in latency.iter().enumerate() {
        let from = index * width;
        let x = (from + (from + width).min(seconds)) as f64 / 2.0;
        let y = of(part);
        if !y.is_finite() {
            segments.push(Vec::new());
        } else if let Some(open) = segments.last_mut() {
            open.push((x, y));
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

fn latency_table(record: &RunRecord, timeline: &Timeline) -> DataTable {
    let width = timeline.seconds.div_ceil(MAX_ROWS).max(1);
    let run = middle(timeline.seconds);
    let rows = latencies(record, timeline.seconds, width)
        .iter()
        .enumerate()
        .map(|(index, part)| {
            let mut row = vec![axis::clock(middle(index * width), run)];
            row.extend([part.p50, part.p99, part.p99_9, part.max].map(duration));
            row
        })
        .collect();
    DataTable {
        caption: format!("One row for each {width} s; percentiles of the merged histograms."),
        columns: ["from", "p50", "p99", "p99.9", "max"]
            .map(str::to_owned)
            .to_vec(),
        rows,
    }
}
