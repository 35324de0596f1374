//! When the area under a rate that moves reaches a number.
//!
//! Owns the integrals of the curves and their inverses, which are asked for in rising order;
//! must not know which numbers are asked for, nor why.

use std::{f64::consts::TAU, sync::Arc};

use super::{
    arrival::whole_nanos,
    period::{Area, ExactPeriod, float},
};
use crate::{
    scenario::{ArrivalSpec, Curve, Line},
    units::nanos_of,
};

const NANOS: f64 = 1e9;
/// Sines are solved until they move less than this, in seconds: a quarter of a nanosecond.
const CLOSE: f64 = 0.25e-9;

/// The inverse of an area, as far as it was asked for.
#[derive(Clone, Debug)]
pub(super) enum Inverse {
    Lines(Lines),
    Sine(Sine),
}

impl Inverse {
    /// Of the curve in `spec`; `None` when there is none, or nothing under it.
    pub(super) fn new(spec: &Arc<ArrivalSpec>) -> Option<Self> {
        match &**spec {
            ArrivalSpec::Curve {
                curve: Curve::Lines(_),
                ..
            } => Some(Self::Lines(Lines::new(Arc::clone(spec)))),
            ArrivalSpec::Curve {
                curve: curve @ Curve::Sine { .. },
                ..
            } => Sine::new(curve).map(Self::Sine),
            _ => None,
        }
    }

    /// When the area reaches `area`, which never falls from one call to the next; `None` when it
    /// never does.
    pub(super) fn due(&mut self, area: Area) -> Option<u64> {
        match self {
            Self::Lines(lines) => lines.due(area),
            Self::Sine(sine) => sine.due(area),
        }
    }
}

/// One line at a time: a trace may have a million.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    spec: Arc<ArrivalSpec>,
    next: usize,
    piece: Option<Piece>,
    /// Where the next line starts.
    start: u64,
    /// The area before it.
    before: Area,
}

impl Lines {
    const fn new(spec: Arc<ArrivalSpec>) -> Self {
        Self {
            spec,
            next: 0,
            piece: None,
            start: 0,
            before: 0,
        }
    }

    fn due(&mut self, area: Area) -> Option<u64> {
        loop {
            if let Some(piece) = self.piece.as_ref().filter(|piece| area < piece.after) {
                return Some(piece.start + piece.solve(area.saturating_sub(piece.before)));
            }
            let ArrivalSpec::Curve {
                curve: Curve::Lines(lines),
                ..
            } = &*self.spec
            else {
                return None;
            };
            let piece = Piece::new(lines.get(self.next)?, self.start, self.before);
            self.next += 1;
            self.start = self.start.saturating_add(piece.nanos);
            self.before = piece.after;
            self.piece = Some(piece);
        }
    }
}

/// A line, placed.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    start: u64,
    nanos: u64,
    from: f64,
    to: f64,
    /// Of the mean rate; `None` when that is zero.
    period: Option<ExactPeriod>,
    before: Area,
    after: Area,
}

impl Piece {
    pub(super) fn new(line: &Line, start: u64, before: Area) -> Self {
        let (from, to) = (line.from.as_per_second(), line.to.as_per_second());
        let nanos = nanos_of(line.duration);
        let mean = f64::midpoint(from, to);
        let period = (mean > 0.0).then(|| ExactPeriod::new(mean));
        let area = period.map_or(0, |period| period.area(nanos));
        Self {
            start,
            nanos,
            from,
            to,
            period,
            before,
            after: before.saturating_add(area),
        }
    }

    /// When `area`, below that of the whole piece, is reached after its start:
    /// from·t + (to − from)·t² ÷ 2·seconds = area, in the form that does not cancel.
    #[expect(clippy::float_cmp, reason = "a flat line is written as such")]
    fn solve(&self, area: Area) -> u64 {
        let nanos = if self.from == self.to {
            self.period.map_or(0, |period| period.until(area))
        } else if area == 0 {
            0
        } else {
            let (area, seconds) = (float(area), seconds(self.nanos));
            let slope = (self.to - self.from) / seconds;
            let discriminant = self.from.mul_add(self.from, 2.0 * area * slope);
            whole_nanos(2.0 * area / (self.from + discriminant.max(0.0).sqrt()) * NANOS)
        };
        nanos.min(self.nanos.saturating_sub(1))
    }
}

/// One wave at a time: whole waves have an exact area.
#[derive(Clone, Debug)]
pub(super) struct Sine {
    mean: f64,
    amplitude: f64,
    period: f64,
    /// Where in the wave it starts, as an angle.
    angle: f64,
    wave_nanos: u64,
    wave_area: Area,
    /// The last solution, where the next is looked for: wave, area in it, and seconds in it.
    last: (Area, f64, f64),
}

impl Sine {
    fn new(curve: &Curve) -> Option<Self> {
        let Curve::Sine {
            mean,
            amplitude,
            period,
            offset,
        } = curve
        else {
            return None;
        };
        let rate = mean.as_per_second();
        let wave_nanos = nanos_of(*period);
        let wave_area = (rate > 0.0).then(|| ExactPeriod::new(rate).area(wave_nanos))?;
        (wave_area > 0).then_some(Self {
            mean: rate,
            amplitude: amplitude.as_per_second().min(rate),
            period: period.as_secs_f64(),
            angle: TAU * (offset.as_secs_f64() / period.as_secs_f64()),
            wave_nanos,
            wave_area,
            last: (0, 0.0, 0.0),
        })
    }

    fn due(&mut self, area: Area) -> Option<u64> {
        let (wave, rest) = (area / self.wave_area, float(area % self.wave_area));
        let guess = if wave == self.last.0 {
            let (_, last, at) = self.last;
            at + (rest - last) / self.rate(at)
        } else {
            rest / self.mean
        };
        let seconds = self.solve(rest, guess);
        self.last = (wave, rest, seconds);
        let start = u64::try_from(wave).ok()?.checked_mul(self.wave_nanos)?;
        let within = whole_nanos(seconds * NANOS).min(self.wave_nanos.saturating_sub(1));
        start.checked_add(within)
    }

    fn rate(&self, at: f64) -> f64 {
        let angle = self.angle + TAU * (at / self.period);
        self.amplitude.mul_add(angle.sin(), self.mean)
    }

    /// The area from the start of a wave until `at`.
    fn area(&self, at: f64) -> f64 {
        let half = TAU * (at / self.period) / 2.0;
        // cos a − cos b as a product: the difference itself would cancel.
        let wave = 2.0 * (self.angle + half).sin() * half.sin();
        self.mean
            .mul_add(at, self.amplitude * self.period / TAU * wave)
    }

    /// Newton's method, kept within bounds by bisection where the rate is about zero.
    fn solve(&self, area: f64, guess: f64) -> f64 {
        // Both sides of the mean line, a wave swings by no more than this.
        let swing = self.amplitude * self.period / std::f64::consts::PI;
        let mut low = ((area - swing) / self.mean).max(0.0);
        let mut high = ((area + swing) / self.mean).min(self.period);
        let mut at = if guess.is_finite() {
            guess.clamp(low, high)
        } else {
            low
        };
        for _ in 0..200 {
            let off = self.area(at) - area;
            if off > 0.0 {
                high = at;
            } else {
                low = at;
            }
            let step = off / self.rate(at);
            let mut next = at - step;
            if !(low..=high).contains(&next) {
                next = f64::midpoint(low, high);
            }
            let moved = (next - at).abs();
            at = next;
            if moved < CLOSE {
                break;
            }
        }
        at
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "30 days in nanoseconds are exact"
)]
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / NANOS
}
