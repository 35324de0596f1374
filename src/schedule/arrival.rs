//! When the arrivals of one phase are due, as offsets from its start.
//!
//! Owns the arrival processes; must not know of other phases.

use std::{sync::Arc, time::Duration};

use rand::RngExt;
use rand_distr::{Distribution, Exp1};

use super::{
    curve::Inverse,
    period::{Area, EvenlySpaced, rounded, whole},
};
use crate::{
    scenario::{ArrivalSpec, Curve, Line, Spacing, ThinkTime},
    seed::{Rng, Stream},
    units::{Rate, nanos_of},
};

const NANOS: f64 = 1e9;

/// The due times of one phase, in order. The closed model has none: they depend on answers.
#[derive(Clone, Debug)]
pub struct Offsets {
    /// Length of the phase in nanoseconds: every offset is below it.
    length: u64,
    next: u64,
    process: Process,
}

#[derive(Clone, Debug)]
enum Process {
    None,
    Constant(EvenlySpaced),
    Poisson {
        rng: Rng,
        mean_gap_nanos: f64,
        /// Whole nanoseconds so far, and what is left of one: a sum of floats alone would
        /// lose nanoseconds over a day.
        nanos: u64,
        rest: f64,
    },
    Curve {
        inverse: Inverse,
        /// Of a Poisson process: its generator, and the area so far.
        drawn: Option<(Rng, Area)>,
        /// Floats may err by one: no arrival is due before another.
        last: u64,
    },
}

impl Offsets {
    /// The arrivals of `spec` over `length`; only Poisson processes draw from `stream`.
    #[must_use]
    pub fn new(spec: &Arc<ArrivalSpec>, length: Duration, stream: Stream) -> Self {
        let process = match &**spec {
            ArrivalSpec::Constant { rate } if *rate > Rate::default() => {
                Process::Constant(EvenlySpaced::new(rate.as_per_second()))
            }
            ArrivalSpec::Poisson { rate } if *rate > Rate::default() => Process::Poisson {
                rng: stream.at(0),
                mean_gap_nanos: NANOS / rate.as_per_second(),
                nanos: 0,
                rest: 0.0,
            },
            ArrivalSpec::Ramp { from, to } => {
                let line = Line {
                    from: *from,
                    to: *to,
                    duration: length,
                };
                let curve = Curve::Lines(vec![line]);
                let spacing = Spacing::Even;
                curved(&Arc::new(ArrivalSpec::Curve { curve, spacing }), None)
            }
            ArrivalSpec::Curve { spacing, .. } => {
                let drawn = (*spacing == Spacing::Poisson).then(|| (stream.at(0), 0));
                curved(spec, drawn)
            }
            ArrivalSpec::Constant { .. }
            | ArrivalSpec::Poisson { .. }
            | ArrivalSpec::Closed { .. } => Process::None,
        };
        Self {
            length: nanos_of(length),
            next: 0,
            process,
        }
    }
}

fn curved(spec: &Arc<ArrivalSpec>, drawn: Option<(Rng, Area)>) -> Process {
    Inverse::new(spec).map_or(Process::None, |inverse| Process::Curve {
        inverse,
        drawn,
        last: 0,
    })
}

impl Iterator for Offsets {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let number = self.next;
        let nanos = match &mut self.process {
            Process::None => None,
            Process::Constant(spaced) => spaced.next(),
            Process::Poisson {
                rng,
                mean_gap_nanos,
                nanos,
                rest,
            } => {
                let gap: f64 = Exp1.sample(rng);
                *rest += gap * *mean_gap_nanos;
                let whole = whole_nanos(*rest);
                *rest = rest.fract();
                *nanos = nanos.saturating_add(whole);
                Some(*nanos)
            }
            Process::Curve {
                inverse,
                drawn,
                last,
            } => {
                // A Poisson process of any rate is one of rate 1 in the time that the area tells.
                let area = drawn.as_mut().map_or(whole(number), |(rng, area)| {
                    let gap: f64 = Exp1.sample(rng);
                    *area = area.saturating_add(rounded(gap));
                    *area
                });
                inverse.due(area).map(|due| {
                    *last = due.max(*last);
                    *last
                })
            }
        };
        let due = nanos.filter(|&nanos| nanos < self.length);
        if due.is_none() {
            self.process = Process::None;
        }
        self.next += 1;
        due.map(Duration::from_nanos)
    }
}

/// One think time.
pub(super) fn think(time: ThinkTime, rng: &mut Rng) -> Duration {
    match time {
        ThinkTime::Constant(always) => always,
        ThinkTime::Uniform { min, max } => {
            Duration::from_nanos(rng.random_range(nanos_of(min)..=nanos_of(max)))
        }
        ThinkTime::Exponential { mean } => {
            let drawn: f64 = Exp1.sample(rng);
            Duration::from_nanos(whole_nanos(drawn * mean.as_secs_f64() * NANOS))
        }
    }
}

/// Rounds down; saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; saturates"
)]
pub(super) fn whole_nanos(nanos: f64) -> u64 {
    nanos as u64
}
