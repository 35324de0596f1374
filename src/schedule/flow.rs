//! How many arrivals are due in each second, without looking at any of them.

use std::{f64::consts::TAU, time::Duration};

use super::period::{Area, ExactPeriod, rounded, whole};
use crate::{
    scenario::{ArrivalSpec, Curve, Line},
    units::nanos_of,
};

/// The arrivals of a phase of `length`, second by second: of Poisson arrivals as many as are
/// expected. `None` for the closed model.
#[must_use]
pub fn per_second(spec: &ArrivalSpec, length: Duration) -> Option<Vec<u64>> {
    let line = |from, to| Line {
        from,
        to,
        duration: length,
    };
    let area: Box<dyn Fn(Duration) -> Area> = match spec {
        ArrivalSpec::Constant { rate } | ArrivalSpec::Poisson { rate } => {
            under_lines(vec![line(*rate, *rate)])
        }
        ArrivalSpec::Ramp { from, to } => under_lines(vec![line(*from, *to)]),
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
                let at = at.as_secs_f64();
                let half = TAU * (at / period) / 2.0;
                let wave = 2.0 * (start + half).sin() * half.sin();
                rounded(mean.mul_add(at, amplitude * period / TAU * wave).max(0.0))
            })
        }
        ArrivalSpec::Closed { .. } => return None,
    };
    // Arrival n is due when the area reaches n, the first one at once.
    let mut due_before = 0;
    let counts = (1..=length.as_secs()).map(|second| {
        let due = area(Duration::from_secs(second)).div_ceil(whole(1));
        let due = u64::try_from(due).unwrap_or(u64::MAX);
        let count = due.saturating_sub(due_before);
        due_before = due.max(due_before);
        count
    });
    Some(counts.collect())
}

fn under_lines(lines: Vec<Line>) -> Box<dyn Fn(Duration) -> Area> {
    let mut before = (Duration::ZERO, Area::MIN);
    let pieces: Vec<(Duration, Area, Line)> = lines
        .into_iter()
        .map(|line| {
            let (start, area) = before;
            let whole = area_of(&line, line.duration);
            before = (start + line.duration, area.saturating_add(whole));
            (start, area, line)
        })
        .collect();
    Box::new(move |at| {
        let after = pieces.partition_point(|(start, ..)| *start <= at);
        let Some((start, before, line)) = after.checked_sub(1).and_then(|last| pieces.get(last))
        else {
            return 0;
        };
        before.saturating_add(area_of(line, at.saturating_sub(*start).min(line.duration)))
    })
}

/// Under a line until `at`: without an error as far as its mean rate until then is what somebody
/// wrote.
fn area_of(line: &Line, at: Duration) -> Area {
    let (from, to) = (line.from.as_per_second(), line.to.as_per_second());
    let part = at.as_secs_f64() / line.duration.as_secs_f64().max(f64::MIN_POSITIVE);
    let mean = f64::midpoint(from, (to - from).mul_add(part, from));
    if mean > 0.0 {
        ExactPeriod::new(mean).area(nanos_of(at))
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{schedule::Offsets, seed::Seed, units::Rate};

    fn rate(per_second: f64) -> Rate {
        Rate::per_second(per_second).unwrap()
    }

    #[test]
    fn as_many_are_due_in_each_second_as_arrive_in_it() {
        let lines = |ends: &[f64]| {
            let lines = ends.windows(2).map(|two| Line {
                from: rate(two[0]),
                to: rate(two[1]),
                duration: Duration::from_secs(10),
            });
            ArrivalSpec::Curve {
                curve: Curve::Lines(lines.collect()),
                spacing: crate::scenario::Spacing::Even,
            }
        };
        let specs = [
            ArrivalSpec::Constant { rate: rate(1.1) },
            ArrivalSpec::Constant { rate: rate(0.1) },
            ArrivalSpec::Constant { rate: rate(0.0) },
            ArrivalSpec::Constant { rate: rate(333.3) },
            ArrivalSpec::Ramp {
                from: rate(0.0),
                to: rate(60.0),
            },
            lines(&[5.5, 5.5, 40.0, 0.0, 0.0, 1.1, 1.1]),
        ];
        for spec in specs {
            let length = Duration::from_mins(1);
            let mut arrived = vec![0; 60];
            for offset in Offsets::new(&Arc::new(spec.clone()), length, Seed(1).stream("none")) {
                let second = usize::try_from(offset.as_secs()).unwrap();
                if second < arrived.len() {
                    arrived[second] += 1;
                }
            }
            assert_eq!(per_second(&spec, length).unwrap(), arrived, "{spec:?}");
        }
    }
}
