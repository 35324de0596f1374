//! When requests arrive: at rates that answers do not move, or from clients that wait.
//!
//! Owns what each kind of arrivals means and its mean and highest rate; the instant of each
//! arrival is the schedule's business.

use std::{f64::consts::TAU, time::Duration};

use serde::Serialize;

use crate::units::Rate;

/// When the requests of a phase are due.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalSpec {
    /// Evenly spaced.
    Constant { rate: Rate },
    /// Independent, exponential gaps.
    Poisson { rate: Rate },
    /// The rate moves linearly from `from` to `to` over the phase; evenly spaced by area.
    Ramp { from: Rate, to: Rate },
    /// The rate follows a curve.
    Curve {
        /// The rate over time.
        curve: Curve,
        /// How arrivals lie under it.
        spacing: Spacing,
    },
    /// A closed model: each client sends its next request a think time after its last answer.
    Closed {
        /// Clients, each with at most one request under way; ≥ 1.
        clients: u32,
        /// From the answer to the next request.
        think_time: ThinkTime,
    },
}

/// A rate over time, from the start of the phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// Straight lines, one after the other, as long as the phase together; where one ends and
    /// the next begins, the rate may jump.
    Lines(Vec<Line>),
    /// At time *t*: `mean` + `amplitude` · sin(2π · (*t* + `offset`) ÷ `period`).
    Sine {
        /// Rate in the middle.
        mean: Rate,
        /// Largest distance from it, at most `mean`.
        amplitude: Rate,
        /// Length of one wave, above zero.
        period: Duration,
        /// Where in the wave the phase starts, below `period`.
        offset: Duration,
    },
}

/// A stretch in which the rate moves linearly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Rate at its start.
    pub from: Rate,
    /// Rate at its end.
    pub to: Rate,
    /// Its length.
    pub duration: Duration,
}

/// How arrivals lie under a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// Arrival *n* is due when the area under the rate reaches *n*.
    #[default]
    Even,
    /// A Poisson process: arrivals are independent of one another.
    Poisson,
}

/// How long a client of the closed model waits after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkTime {
    /// Always the same; may be zero.
    Constant(Duration),
    /// Between the two, all alike.
    Uniform {
        /// Shortest.
        min: Duration,
        /// Longest.
        max: Duration,
    },
    /// Exponentially distributed.
    Exponential {
        /// Its mean.
        mean: Duration,
    },
}

impl ThinkTime {
    /// Its expectation.
    #[must_use]
    pub fn mean(self) -> Duration {
        match self {
            Self::Constant(always) => always,
            Self::Uniform { min, max } => (min + max) / 2,
            Self::Exponential { mean } => mean,
        }
    }
}

impl ArrivalSpec {
    /// Whether requests wait for answers to earlier ones.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// The highest rate within `length` from the start; `None` for the closed model, whose rate
    /// depends on the answers.
    #[must_use]
    pub fn rate_max(&self, length: Duration) -> Option<Rate> {
        let max = |a: Rate, b: Rate| if a > b { a } else { b };
        match self {
            Self::Constant { rate } | Self::Poisson { rate } => Some(*rate),
            Self::Ramp { from, to } => Some(max(*from, *to)),
            Self::Curve { curve, .. } => match curve {
                Curve::Lines(lines) => {
                    let ends = lines.iter().map(|line| max(line.from, line.to));
                    Some(ends.fold(Rate::default(), max))
                }
                Curve::Sine { .. } => Rate::per_second(sine_max(curve, length)),
            },
            Self::Closed { .. } => None,
        }
    }

    /// The mean rate over a phase of `length` > 0; of Poisson arrivals its expectation. `None`
    /// for the closed model.
    #[must_use]
    pub fn rate_mean(&self, length: Duration) -> Option<Rate> {
        let middle = |from: Rate, to: Rate| f64::midpoint(from.as_per_second(), to.as_per_second());
        let seconds = length.as_secs_f64();
        match self {
            Self::Constant { rate } | Self::Poisson { rate } => Some(*rate),
            Self::Ramp { from, to } => Rate::per_second(middle(*from, *to)),
            Self::Curve { curve, .. } => Rate::per_second(match curve {
                Curve::Lines(lines) => {
                    let area =
                        |line: &Line| middle(line.from, line.to) * line.duration.as_secs_f64();
                    lines.iter().map(area).sum::<f64>() / seconds
                }
                Curve::Sine {
                    mean,
                    amplitude,
                    period,
                    offset,
                } => {
                    let period = period.as_secs_f64();
                    let start = TAU * (offset.as_secs_f64() / period);
                    let half = TAU * (seconds / period) / 2.0;
                    let wave = amplitude.as_per_second() * period / TAU;
                    let area = 2.0 * wave * (start + half).sin() * half.sin();
                    (mean.as_per_second() + area / seconds).max(0.0)
                }
            }),
            Self::Closed { .. } => None,
        }
    }
}

/// The crest, if the phase reaches it, or its higher end.
fn sine_max(curve: &Curve, length: Duration) -> f64 {
    let Curve::Sine {
        mean,
        amplitude,
        period,
        offset,
    } = curve
    else {
        return 0.0;
    };
    let turns = |at: Duration| at.as_secs_f64() / period.as_secs_f64();
    let (start, end) = (turns(*offset), turns(*offset + length));
    // Crests lie a quarter past every whole turn.
    let crest = (start - 0.25).ceil() + 0.25;
    let height = if crest <= end {
        1.0
    } else {
        (TAU * start).sin().max((TAU * end).sin())
    };
    mean.as_per_second() + amplitude.as_per_second() * height
}
