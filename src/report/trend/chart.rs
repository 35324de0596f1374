//! One metric over its nights, drawn.

use super::view::{date, effect, short, value};
use crate::{
    analysis::trend::{
        MetricUnit,
        outcome::{Cell, ChangeKind, GroupTrend, LoggedChange, MetricTrend, Word},
    },
    report::chart::{Axis, Chart, Ink, Mark, Panel, Shape, Texture, escaped},
    scenario::diagnostic::printable,
};

/// Nights that are drawn.
const NIGHTS: usize = 90;
/// Pixels across: two beside each other fill the page, and one a telephone.
const WIDTH: u32 = 520;
/// Dates below a drawing.
const DATES: usize = 4;
/// Changes that a drawing names; what is before is a vertical alone, and in the log.
const NAMED: usize = 3;
/// Characters of a commit beside its vertical.
const COMMIT_CHARS: usize = 16;

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
            format!(
                "{} since {} ({commit})",
                effect(change, metric.unit),
                date(&night.at)
            )
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
        x_heading: "night (UTC)".to_owned(),
        panels: vec![panel(group, metric, first, &changes)],
        right_margin: 28,
        attributes: Vec::new(),
    };
    format!(
        "<figure>\n<figcaption><b>{}</b>: {}</figcaption>\n{}\n</figure>\n",
        escaped(&metric.name),
        escaped(&told),
        chart.to_small_svg(WIDTH)
    )
}

#[expect(clippy::cast_precision_loss, reason = "at most 90 nights")]
fn nights_axis(group: &GroupTrend, first: usize) -> Axis {
    let nights = &group.nights[first..];
    let step = nights.len().div_ceil(DATES).max(1);
    let ticks = nights
        .iter()
        .enumerate()
        .step_by(step)
        .map(|(place, night)| {
            let date = date(&night.at);
            (place as f64, date.get(..10).unwrap_or("").to_owned())
        })
        .collect();
    Axis::places(nights.len(), ticks)
}

fn panel(
    group: &GroupTrend,
    metric: &MetricTrend,
    first: usize,
    changes: &[&LoggedChange],
) -> Panel {
    let cells = latest(metric);
    let spread = || {
        let known = cells.iter().filter(|cell| cell.value.is_some());
        known.flat_map(|cell| cell.value.into_iter().chain([cell.range.0, cell.range.1]))
    };
    let (low, high) = (
        spread().fold(f64::INFINITY, f64::min),
        spread().fold(0.0, f64::max),
    );
    let mut marks = Vec::new();
    if !metric.exact {
        marks.push(band(cells));
    }
    marks.push(Mark::Line {
        segments: points(cells, |_| true)
            .map(|(place, _, cell)| vec![(place, cell.range.0), (place, cell.range.1)])
            .collect(),
        ink: Ink::Muted,
        texture: Texture::Solid,
        width: 4,
    });
    marks.extend(flags(group, metric, first, changes));
    marks.extend(nights(cells));
    let open = changes.iter().any(|change| change.kind == ChangeKind::Open);
    let state = if open { ", worse" } else { "" };
    let unit = match metric.unit {
        // Each of its numbers says so.
        MetricUnit::Nanoseconds => "time",
        MetricUnit::Share => "share of requests",
        unit => unit.symbol(),
    };
    Panel {
        heading: format!("{unit}{state}"),
        height: 110,
        y: Axis::around(low, high, 3.0, |at| value(at, metric.unit)),
        marks,
        note: None,
    }
}

/// A night that has a number: its place, the number, and all that is said of it.
#[expect(clippy::cast_precision_loss, reason = "at most 90 nights")]
fn points(
    cells: &[Cell],
    wanted: impl Fn(&Cell) -> bool,
) -> impl Iterator<Item = (f64, f64, &Cell)> {
    let points = cells.iter().enumerate();
    let known = points.filter_map(|(place, cell)| Some((place as f64, cell.value?, cell)));
    known.filter(move |(.., cell)| wanted(cell))
}

/// From the level to what one night alone would fail at.
fn band(cells: &[Cell]) -> Mark {
    let corners = points(cells, |_| true).filter_map(|(place, _, cell)| {
        let (level, limit) = (cell.level?, cell.limit?);
        Some((
            (place - 0.5, level.min(limit)),
            (place + 0.5, level.max(limit)),
        ))
    });
    Mark::Boxes {
        corners: corners.collect(),
        ink: Ink::Muted,
        texture: Texture::Pale,
    }
}

/// Changes with their commits, the latest ones in words, and where the scenario became another.
#[expect(clippy::cast_precision_loss, reason = "at most 90 nights")]
fn flags(
    group: &GroupTrend,
    metric: &MetricTrend,
    first: usize,
    changes: &[&LoggedChange],
) -> Vec<Mark> {
    let unnamed = changes.len().saturating_sub(NAMED);
    let changes = changes.iter().enumerate().map(|(number, change)| {
        let commit = group.nights[change.since].commit.as_deref();
        let commit = commit.map_or("unknown commit", short);
        let commit: String = printable(commit).chars().take(COMMIT_CHARS).collect();
        let label = if number < unnamed {
            String::new()
        } else {
            let effect = effect(change, metric.unit).replace("percentage points", "pp");
            format!("{effect} {commit}")
        };
        let ink = match change.kind {
            ChangeKind::Open => Ink::Throttle,
            ChangeKind::Better => Ink::Good,
            ChangeKind::Recovered(_) | ChangeKind::Accepted(_) => Ink::Muted,
        };
        (change.since, label, ink)
    });
    let seen = |night: &usize| *night >= first && metric.cells[*night].value.is_some();
    let baselines = group.baselines.iter().copied().filter(seen);
    let baselines = baselines.map(|night| (night, "scenario changed".to_owned(), Ink::Muted));
    let mut all: Vec<(usize, String, Ink)> = changes.chain(baselines).collect();
    all.sort_by_key(|(night, ..)| *night);
    all.into_iter()
        .map(|(night, label, ink)| Mark::Flag {
            x: (night - first) as f64 - 0.5,
            label,
            ink,
        })
        .collect()
}

/// A dot for a night of which there is nothing to say, a sign for the others.
fn nights(cells: &[Cell]) -> Vec<Mark> {
    let quiet = |word| matches!(word, Word::Learning | Word::Steady | Word::TooNoisy);
    let dots = points(cells, |cell| quiet(cell.word)).map(|(place, value, _)| vec![(place, value)]);
    let mut marks = vec![Mark::Line {
        segments: dots.collect(),
        ink: Ink::Text,
        texture: Texture::Solid,
        width: 4,
    }];
    for (words, ink, shape) in [
        (&[Word::Suspect][..], Ink::Text, Shape::Diamond),
        (&[Word::Worse], Ink::Throttle, Shape::Wedge),
        (&[Word::Better, Word::Recovered], Ink::Good, Shape::Square),
        (&[Word::Accepted], Ink::Text, Shape::Triangle),
    ] {
        let points = points(cells, |cell| words.contains(&cell.word));
        let points = points.map(|(place, value, _)| (place, value)).collect();
        marks.push(Mark::Signs { points, ink, shape });
    }
    marks
}
