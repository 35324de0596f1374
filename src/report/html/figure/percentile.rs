//! "How slow, and for how many?": latency by percentile.

use std::time::Duration;

use super::{
    Axis, Chart, DataTable, Figure, Ink, Mark, Panel, Sample, Texture, duration, key, panel,
};
use crate::{
    analysis::measured_phases,
    record::{RunRecord, histogram::LatencyHistogram},
    report::chart::Shape,
    scenario::{Metric, Scenario},
    units::{Direction, Quantile},
};

/// Samples that must remain above a point for it to be shown.
const MIN_ABOVE: u64 = 10;
/// Points of one line by percentile.
const CURVE_POINTS: u32 = 120;

/// Both times of one operation over the measured phases.
struct Curve<'a> {
    name: &'a str,
    direction: Direction,
    shape: Shape,
    response: LatencyHistogram,
    service: LatencyHistogram,
}

fn curves(record: &RunRecord) -> Vec<Curve<'_>> {
    record
        .operations
        .iter()
        .enumerate()
        .map(|(index, operation)| {
            let mut curve = Curve {
                name: &operation.name,
                direction: operation.kind.direction(),
                shape: Shape::nth(index),
                response: LatencyHistogram::default(),
                service: LatencyHistogram::default(),
            };
            for totals in measured_phases(record).filter_map(|phase| phase.operations.get(index)) {
                curve.response.merge(&totals.response_time);
                curve.service.merge(&totals.service_time);
            }
            curve
        })
        .collect()
}

const fn ink(direction: Direction) -> Ink {
    match direction {
        Direction::Read => Ink::Read,
        Direction::Write => Ink::Write,
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The share of the samples up to which a line may be drawn; `None` when there are too few.
#[expect(clippy::cast_precision_loss, reason = "a count of requests")]
fn reach(histogram: &LatencyHistogram) -> Option<f64> {
    let count = histogram.count();
    (count > MIN_ABOVE).then(|| 1.0 - MIN_ABOVE as f64 / count as f64)
}

/// Points evenly spaced on the axis, from the shortest to where fewer than [`MIN_ABOVE`]
/// samples remain.
fn points(histogram: &LatencyHistogram) -> Vec<(f64, f64)> {
    let Some(reach) = reach(histogram) else {
        return Vec::new();
    };
    let nines = -(1.0 - reach).log10();
    (0..=CURVE_POINTS)
        .filter_map(|step| {
            let q = 1.0 - 10_f64.powf(-nines * f64::from(step) / f64::from(CURVE_POINTS));
            let time = match Quantile::new(q) {
                Some(quantile) => histogram.quantile(quantile),
                None => histogram.min(),
            };
            time.map(|time| (q, ms(time)))
        })
        .collect()
}

/// Latency by percentile, one line per operation and time.
#[must_use]
pub fn latency_by_percentile(record: &RunRecord, scenario: &Scenario) -> Figure {
    let curves = curves(record);
    let (x, only) = axis_and_panel(&curves, scenario);
    Figure {
        reading: "Completed requests of the measured phases. Solid: from the moment a request was \
                  due; dotted: from its last send. Where they part, requests waited before they \
                  were sent. Lines stop where fewer than 10 samples remain above."
            .to_owned(),
        legend: curves
            .iter()
            .map(|curve| {
                key(
                    ink(curve.direction),
                    Sample::Sign(curve.shape.glyph()),
                    curve.name,
                )
            })
            .chain([
                key(
                    Ink::Text,
                    Sample::Line(Texture::Solid),
                    "response time, from due",
                ),
                key(
                    Ink::Text,
                    Sample::Line(Texture::Dotted),
                    "service time, from last send",
                ),
            ])
            .collect(),
        chart: Chart {
            id: "percentiles".to_owned(),
            title: "Latency by percentile".to_owned(),
            description: description(&curves),
            x,
            x_heading: "share of the completed requests that were as fast or faster, %".to_owned(),
            panels: vec![only],
            right_margin: 140,
            attributes: Vec::new(),
        },
        table: percentile_table(&curves),
    }
}

/// What is drawn: solid and dotted lines with their signs, and the limits.
fn axis_and_panel(curves: &[Curve], scenario: &Scenario) -> (Axis, Panel) {
    let most = curves
        .iter()
        .filter_map(|curve| reach(&curve.response))
        .fold(0.0, f64::max);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 20"
    )]
    let nines = (-(1.0 - most).log10()).ceil().clamp(2.0, 9.0) as u32;
    let x = Axis::tail(nines);
    let mut marks = Vec::new();
    let mut seen: Vec<f64> = Vec::new();
    for curve in curves {
        let ink = ink(curve.direction);
        let (response, service) = (points(&curve.response), points(&curve.service));
        seen.extend(response.iter().chain(&service).map(|(_, time)| *time));
        if let Some((_, end)) = response.last() {
            let text = format!("{} {}", curve.shape.glyph(), shortened(curve.name));
            marks.push(Mark::Label { y: *end, text, ink });
        }
        let at = |q: f64| {
            response
                .iter()
                .min_by(|a, b| (a.0 - q).abs().total_cmp(&(b.0 - q).abs()))
        };
        let reached = response.last().map_or(0.0, |last| last.0);
        let signs = x
            .ticks
            .iter()
            .filter(|(q, _)| *q > 0.0 && *q <= reached)
            .filter_map(|(q, _)| at(*q));
        let signs = signs.chain(response.last()).copied().collect();
        marks.push(Mark::Line {
            segments: vec![service],
            ink,
            texture: Texture::Dotted,
            width: 7,
        });
        marks.push(Mark::Line {
            segments: vec![response],
            ink,
            texture: Texture::Solid,
            width: 8,
        });
        marks.push(Mark::Signs {
            points: signs,
            ink,
            shape: curve.shape,
        });
    }
    for (limit, label) in limits(scenario) {
        seen.push(limit);
        marks.push(Mark::Limit {
            y: limit,
            label,
            ink: Ink::Text,
        });
    }
    let smallest = seen.iter().copied().fold(f64::INFINITY, f64::min);
    // Some room on both sides, so that no line lies on the axis.
    let y = Axis::logarithmic(smallest * 0.8, super::largest(&seen) * 1.1, duration);
    let mut only = panel(
        "response time (solid) and service time (dotted), logarithmic",
        260,
        y,
        marks,
    );
    if curves.iter().all(|curve| reach(&curve.response).is_none()) {
        only.note = Some(format!(
            "no operation completed more than {MIN_ABOVE} requests"
        ));
    }
    (x, only)
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= 14 {
        return name.to_owned();
    }
    name.chars().take(13).chain(['…']).collect()
}

/// The thresholds on response time, ms, with their words.
fn limits(scenario: &Scenario) -> Vec<(f64, String)> {
    let limits = scenario.thresholds.iter().filter_map(|threshold| {
        let Metric::ResponseTime { quantile, max } = threshold.metric else {
            return None;
        };
        let operation = threshold
            .operation
            .and_then(|index| scenario.operations.get(index))
            .map_or_else(String::new, |operation| {
                format!(" {}", shortened(&operation.name))
            });
        let words = format!(
            "limit: p{}{operation} ≤ {}",
            percent(quantile),
            duration(ms(max))
        );
        Some((ms(max), words))
    });
    limits.collect()
}

/// `99.9` for the quantile 0.999, without noise of binary fractions.
fn percent(quantile: Quantile) -> String {
    let text = format!("{:.6}", quantile.as_fraction() * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn description(curves: &[Curve]) -> String {
    let parts: Vec<String> = curves
        .iter()
        .map(|curve| {
            let at = |quantile| {
                let time = curve.response.quantile(quantile);
                time.map_or_else(|| "–".to_owned(), |time| duration(ms(time)))
            };
            format!(
                "{}: p50 {}, p99 {}",
                curve.name,
                at(Quantile::P50),
                at(Quantile::P99)
            )
        })
        .collect();
    format!("Response time. {}.", parts.join("; "))
}

fn percentile_table(curves: &[Curve]) -> DataTable {
    let quantiles = [0.5, 0.9, 0.99, 0.999, 0.9999].map(Quantile::new);
    let mut columns = vec!["percentile".to_owned()];
    for curve in curves {
        columns.push(format!("{} response", curve.name));
        columns.push(format!("{} service", curve.name));
    }
    let rows = quantiles
        .into_iter()
        .flatten()
        .map(|quantile| {
            let cell = |histogram: &LatencyHistogram| {
                reach(histogram)
                    .filter(|reach| quantile.as_fraction() <= *reach)
                    .and_then(|_| histogram.quantile(quantile))
                    .map_or_else(|| "–".to_owned(), |time| duration(ms(time)))
            };
            let mut row = vec![format!("p{}", percent(quantile))];
            for curve in curves {
                row.extend([cell(&curve.response), cell(&curve.service)]);
            }
            row
        })
        .collect();
    DataTable {
        caption: "– where fewer than 10 samples remain above.".to_owned(),
        columns,
        rows,
    }
}
