//! How many arrivals are due in each second, without looking at any of them.

use std::{f64::consts::TAU, time::Duration};

use crate::scenario::{ArrivalSpec, Curve, Line};

/// The arrivals of a phase of `length`, second by second: of Poisson arrivals as many as are
/// expected. `None` for the closed model.
#[must_use]
pub fn per_second(spec: &ArrivalSpec, length: Duration) -> Option<Vec<u64>> {
    let area: Box<dyn Fn(f64) -> f64> = match spec {
        ArrivalSpec::Constant { rate } | ArrivalSpec::Poisson { rate } => {
            let rate = rate.as_per_second();
            Box::new(move |at| rate * at)
        }
        ArrivalSpec::Ramp { from, to } => {
            let line = Line {
                from: *from,
                to: *to,
                duration: length,
            };
            Box::new(move |at| area_of(&line, at))
        }
        ArrivalSpec::Curve {
            curve: Curve::Lines(lines),
            ..
        } => under_lines(lines.clone()),
        ArrivalSpec::Curve {
            curve:
                Curve::Sine {
                    mean,
                    amplitude,
                    period,
                    offset,
                },
            ..
        } => {
            let (mean, amplitude) = (mean.as_per_second(), amplitude.as_per_second());
            let period = period.as_secs_f64();
            let start = TAU * (offset.as_secs_f64() / period);
            Box::new(move |at| {
                let half = TAU * (at / period) / 2.0;
                let wave = 2.0 * (start + half).sin() * half.sin();
                mean.mul_add(at, amplitude * period / TAU * wave)
            })
        }
        ArrivalSpec::Closed { .. } => return None,
    };
    let seconds = length.as_secs();
    // Arrival n is due when the area reaches n, the first one at once.
    let mut due_before = 0;
    let counts = (1..=seconds).map(|second| {
        let due = whole(area(float(second)).ceil());
        let count = due.saturating_sub(due_before);
        due_before = due.max(due_before);
        count
    });
    Some(counts.collect())
}

fn under_lines(lines: Vec<Line>) -> Box<dyn Fn(f64) -> f64> {
    let mut before = (0.0, 0.0);
    let pieces: Vec<(f64, f64, Line)> = lines
        .into_iter()
        .map(|line| {
            let piece = (before.0, before.1, line);
            let seconds = line.duration.as_secs_f64();
            before = (before.0 + seconds, before.1 + area_of(&line, seconds));
            piece
        })
        .collect();
    Box::new(move |at| {
        let after = pieces.partition_point(|(start, ..)| *start <= at);
        let Some((start, before, line)) = after.checked_sub(1).and_then(|last| pieces.get(last))
        else {
            return 0.0;
        };
        before + area_of(line, (at - start).min(line.duration.as_secs_f64()))
    })
}

/// Under the first `at` seconds of a line.
fn area_of(line: &Line, at: f64) -> f64 {
    let (from, to) = (line.from.as_per_second(), line.to.as_per_second());
    let slope = (to - from) / line.duration.as_secs_f64().max(f64::MIN_POSITIVE);
    from.mul_add(at, slope * at * at / 2.0)
}

#[expect(clippy::cast_precision_loss, reason = "30 days of seconds are exact")]
const fn float(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates; a whole number"
)]
const fn whole(area: f64) -> u64 {
    area as u64
}
