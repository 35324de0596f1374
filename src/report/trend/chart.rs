//! One metric over its nights, drawn.

use super::view::{date, effect, short, value};
use crate::{
    analysis::trend::outcome::{Cell, ChangeKind, GroupTrend, LoggedChange, MetricTrend, Word},
    report::chart::{Axis, Chart, Ink, Mark, Panel, Shape, Texture, escaped},
};

/// Nights that are drawn.
const NIGHTS: usize = 90;

/// Whether there is more to see than one number.
#[must_use]
pub fn worth_drawing(metric: &MetricTrend) -> bool {
    let mut values = latest(metric).iter().filter_map(|cell| cell.value);
    let first = values.next();
    values.any(|value| Some(value.to_bits()) != first.map(f64::to_bits))
}

fn latest(metric: &MetricTrend) -> &[Cell] {
    &metric.cells[metric.cells.len().saturating_sub(NIGHTS)..]
}

/// The drawing with what it shows in words. `id` is unique in the page.
#[must_use]
pub fn figure(group: &GroupTrend, metric: &MetricTrend, id: &str) -> String {
    let first = metric.cells.len().saturating_sub(NIGHTS);
    let changes: Vec<&LoggedChange> = group
        .changes
        .iter()
        .filter(|change| change.metric == metric.name && change.since >= first)
        .collect();
    let told: Vec<String> = changes
        .iter()
        .map(|change| {
            let night = &group.nights[change.since];
            let commit = night.commit.as_deref().map_or("unknown commit", short);
            format!("{} {} ({commit})", date(&night.at), effect(change))
        })
        .collect();
    let told = if told.is_empty() {
        "no change".to_owned()
    } else {
        told.join("; ")
    };
    let chart = Chart {
        id: id.to_owned(),
        title: metric.name.clone(),
        description: format!("{}, night by night: {told}", metric.name),
        x: nights_axis(group, first),
        x_heading: "night".to_owned(),
        panels: vec![panel(metric, first, &changes)],
        right_margin: 40,
        attributes: Vec::new(),
    };
    format!(
        "<figure>\n<figcaption>{}: {}. Signs are medians, bars reach over the repeats, the dashed \
         line is what one night alone would fail at.</figcaption>\n\
         <div class=\"scroll\" tabindex=\"0\">{}</div>\n</figure>\n",
        escaped(&metric.name),
        escaped(&told),
        chart.to_svg()
    )
}

#[expect(clippy::cast_precision_loss, reason = "at most 90 nights")]
fn nights_axis(group: &GroupTrend, first: usize) -> Axis {
    let nights = &group.nights[first..];
    let step = nights.len().div_ceil(9).max(1);
    let ticks = nights
        .iter()
        .enumerate()
        .step_by(step)
        .map(|(place, night)| {
            (
                place as f64,
                date(&night.at).get(..10).unwrap_or("").to_owned(),
            )
        })
        .collect();
    Axis::places(nights.len(), ticks)
}

#[expect(clippy::cast_precision_loss, reason = "at most 90 nights")]
fn panel(metric: &MetricTrend, first: usize, changes: &[&LoggedChange]) -> Panel {
    let cells = latest(metric);
    let known = || {
        cells
            .iter()
            .enumerate()
            .filter_map(|(place, cell)| cell.value.map(|value| (place as f64, value, cell)))
    };
    let spread = || known().flat_map(|(_, value, cell)| [value, cell.range.0, cell.range.1]);
    let (low, high) = (
        spread().fold(f64::INFINITY, f64::min),
        spread().fold(0.0, f64::max),
    );
    let mut marks = vec![Mark::Spans {
        spans: changes
            .iter()
            .map(|change| (change.since - first) as f64 - 0.5)
            .map(|at| (at, at + 0.15))
            .collect(),
        ink: Ink::Throttle,
    }];
    marks.push(Mark::Line {
        segments: known()
            .map(|(place, _, cell)| vec![(place, cell.range.0), (place, cell.range.1)])
            .collect(),
        ink: Ink::Muted,
        texture: Texture::Solid,
        width: 4,
    });
    if !metric.exact {
        marks.push(Mark::Line {
            segments: limits(cells),
            ink: Ink::Muted,
            texture: Texture::Dashed,
            width: 4,
        });
    }
    for (words, ink, shape) in [
        (
            &[Word::Learning, Word::Steady, Word::TooNoisy][..],
            Ink::Text,
            Shape::Circle,
        ),
        (&[Word::Suspect], Ink::Text, Shape::Diamond),
        (&[Word::Worse], Ink::Throttle, Shape::Wedge),
        (&[Word::Better, Word::Recovered], Ink::Good, Shape::Square),
        (&[Word::Accepted], Ink::Text, Shape::Triangle),
    ] {
        let points = known()
            .filter(|(_, _, cell)| words.contains(&cell.word))
            .map(|(place, value, _)| (place, value))
            .collect();
        marks.push(Mark::Signs { points, ink, shape });
    }
    let open = changes.iter().any(|change| change.kind == ChangeKind::Open);
    let state = if open { ", worse" } else { "" };
    Panel {
        heading: format!("{}, {}{state}", metric.name, metric.unit.symbol()),
        height: 120,
        y: Axis::around(low, high, 3.0, |at| value(at, metric.unit)),
        marks,
        note: None,
    }
}

/// The limit as a line, broken where there was none.
#[expect(clippy::cast_precision_loss, reason = "at most 90 nights")]
fn limits(cells: &[Cell]) -> Vec<Vec<(f64, f64)>> {
    let mut segments = vec![Vec::new()];
    for (place, cell) in cells.iter().enumerate() {
        match (cell.limit, segments.last_mut()) {
            (Some(limit), Some(open)) => open.push((place as f64, limit)),
            _ => segments.push(Vec::new()),
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}
