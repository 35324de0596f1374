//! Axes: from values to places, and where the ticks go.

/// Values along one side of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
    /// Where there is a tick, and what it says.
    pub ticks: Vec<(f64, String)>,
    /// The same values in another unit, on the opposite side; of horizontal axes only.
    pub opposite: Option<Opposite>,
}

/// An axis' values in another unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Opposite {
    /// Where on the axis itself there is a tick, and what it says in the other unit.
    pub ticks: Vec<(f64, String)>,
    /// What it is, and its unit.
    pub heading: String,
}

/// Part of a [`Axis::logarithmic_from_zero`] axis between 0 and the smallest number above it.
const ZERO_ROW: f64 = 0.1;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    Linear,
    Logarithmic,
    /// Logarithmic above [`ZERO_ROW`], with a row for 0 at its lower end.
    LogarithmicFromZero,
    /// Quantiles, each further nine as wide as the last: 1/(1−q), logarithmic.
    Tail,
}

const TIME_STEPS: [f64; 20] = [
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    900.0,
    1800.0,
    3600.0,
    7200.0,
    14_400.0,
    28_800.0,
    86_400.0,
    172_800.0,
    604_800.0,
    2_419_200.0,
];

impl Axis {
    /// Seconds since the run's start, from 0 to `end`.
    #[must_use]
    pub fn time(end: f64) -> Self {
        let end = sane(end, 1.0);
        let step = TIME_STEPS
            .into_iter()
            .find(|step| end / step <= 11.0)
            .unwrap_or((end / 10.0).ceil());
        let ticks = multiples(step, end)
            .map(|at| (at, clock(at, end)))
            .collect();
        Self {
            scale: Scale::Linear,
            from: 0.0,
            to: end,
            ticks,
            opposite: None,
        }
    }

    /// From 0 to a round number that holds `largest`, with about `count` ticks, each said by
    /// `say`.
    #[must_use]
    pub fn from_zero(largest: f64, count: f64, say: impl Fn(f64) -> String) -> Self {
        let largest = sane(largest, 1.0);
        let step = round_step(largest / count);
        let to = (largest / step * 0.999).ceil() * step;
        Self {
            scale: Scale::Linear,
            from: 0.0,
            to,
            ticks: multiples(step, to).map(|at| (at, say(at))).collect(),
            opposite: None,
        }
    }

    /// Linear, from `low` to `high` and a little beyond on both sides, with about `count` ticks,
    /// each said by `say`. For what is looked at for small changes, where 0 is far away.
    #[must_use]
    pub fn around(low: f64, high: f64, count: f64, say: impl Fn(f64) -> String) -> Self {
        let high = sane(high, 1.0);
        let low = if low.is_finite() {
            low.clamp(0.0, high)
        } else {
            0.0
        };
        let reach = (high - low).max(high * 0.02);
        let step = round_step(reach * 1.1 / count);
        let from = ((low - reach * 0.05) / step).floor().max(0.0) * step;
        let to = ((high + reach * 0.05) / step).ceil() * step;
        let ticks = multiples(step, to - from)
            .map(|at| (from + at, say(from + at)))
            .collect();
        Self {
            scale: Scale::Linear,
            from,
            to,
            ticks,
            opposite: None,
        }
    }

    /// Places in a row, from 0 to `count` − 1, some of them with a name.
    #[must_use]
    pub fn places(count: usize, ticks: Vec<(f64, String)>) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a few places")]
        let last = count.saturating_sub(1) as f64;
        Self {
            scale: Scale::Linear,
            from: -0.5,
            to: last + 0.5,
            ticks,
            opposite: None,
        }
    }

    /// Logarithmic, over whole 1–2–5 steps around `smallest..=largest`, each said by `say`.
    #[must_use]
    pub fn logarithmic(smallest: f64, largest: f64, say: impl Fn(f64) -> String) -> Self {
        let smallest = sane(smallest, 1.0);
        let largest = sane(largest, smallest).max(smallest);
        let steps: Vec<f64> = (-12_i32..=12)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)))
            .collect();
        let below = |value: f64| steps.iter().rposition(|step| *step <= value * 1.0001);
        let first = below(smallest).unwrap_or(0);
        let mut last = steps
            .iter()
            .position(|step| *step >= largest * 0.9999)
            .unwrap_or(steps.len() - 1);
        let mut first = first;
        if last < first + 3 {
            first = first.saturating_sub(1);
            last = (first + 3).min(steps.len() - 1);
        }
        let shown = steps[first..=last].iter().enumerate();
        // Decades alone once there are many, so that the words do not touch.
        let decades_only = last - first > 9;
        let ticks = shown
            .filter(|(index, _)| !decades_only || (first + index).is_multiple_of(3))
            .map(|(_, step)| (*step, say(*step)))
            .collect();
        Self {
            scale: Scale::Logarithmic,
            from: steps[first],
            to: steps[last],
            ticks,
            opposite: None,
        }
    }

    /// The same with a row for 0 below its lower end, since no logarithm shows nothing. What lies
    /// between 0 and `smallest` is drawn at `smallest`.
    #[must_use]
    pub fn logarithmic_from_zero(smallest: f64, largest: f64, say: impl Fn(f64) -> String) -> Self {
        let zero = (0.0, say(0.0));
        let mut axis = Self::logarithmic(smallest, largest, say);
        axis.scale = Scale::LogarithmicFromZero;
        axis.ticks.insert(0, zero);
        axis
    }

    /// The same values times `factor` on the opposite side.
    #[must_use]
    pub fn with_opposite(
        mut self,
        factor: f64,
        heading: &str,
        say: impl Fn(f64) -> String,
    ) -> Self {
        let other = match self.scale {
            Scale::Linear => Self::from_zero(self.to * factor, 6.0, say),
            _ => Self::logarithmic(self.from * factor, self.to * factor, say),
        };
        let ticks = other.ticks.into_iter();
        let mut ticks: Vec<_> = ticks.map(|(at, words)| (at / factor, words)).collect();
        ticks.retain(|(at, _)| (self.from..=self.to).contains(at));
        self.opposite = Some(Opposite {
            ticks,
            heading: heading.to_owned(),
        });
        self
    }

    /// Quantiles from 0 to 0.99…, `nines` of them.
    #[must_use]
    pub fn tail(nines: u32) -> Self {
        let nines = nines.clamp(1, 9);
        let names = [
            "0",
            "90",
            "99",
            "99.9",
            "99.99",
            "99.999",
            "99.9999",
            "99.99999",
            "99.999999",
            "99.9999999",
        ];
        let mut ticks: Vec<(f64, String)> = (0_i32..)
            .zip(names)
            .take(nines as usize + 1)
            .map(|(power, name)| (1.0 - 10_f64.powi(-power), name.to_owned()))
            .collect();
        ticks.insert(1, (0.5, "50".to_owned()));
        Self {
            scale: Scale::Tail,
            from: 0.0,
            to: 1.0 - 10_f64.powi(-nines.cast_signed()),
            ticks,
            opposite: None,
        }
    }

    /// Lower end; of an axis with a row for 0 the smallest number above it.
    #[must_use]
    pub const fn start(&self) -> f64 {
        self.from
    }

    /// Upper end.
    #[must_use]
    pub const fn end(&self) -> f64 {
        self.to
    }

    /// Where `value` lies, from 0 at the lower end to 1 at the upper; the ends for what is
    /// outside.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let on = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic | Scale::LogarithmicFromZero => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Tail => -(1.0 - value).max(f64::MIN_POSITIVE).log10(),
        };
        let (from, to) = (on(self.from), on(self.to));
        let place = (on(value) - from) / (to - from);
        let place = if place.is_finite() {
            place.clamp(0.0, 1.0)
        } else {
            0.0
        };
        match self.scale {
            Scale::LogarithmicFromZero if value > 0.0 => ZERO_ROW + (1.0 - ZERO_ROW) * place,
            _ => place,
        }
    }
}

/// The next number of 1, 2 and 5 times a power of ten.
fn round_step(rough: f64) -> f64 {
    let magnitude = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|digit| digit * magnitude)
        .into_iter()
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(10.0 * magnitude)
}

/// A positive, finite number, or else `fallback`.
fn sane(value: f64, fallback: f64) -> f64 {
    if value.is_finite() && value > 0.0 {
        value
    } else {
        fallback
    }
}

fn multiples(step: f64, end: f64) -> impl Iterator<Item = f64> {
    (0_u32..1000)
        .map(move |index| f64::from(index) * step)
        .take_while(move |at| *at <= end * 1.0001)
}

/// `25 s` in a run of up to three minutes, else `12:30` or `1:12:30`.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds of a run, not negative"
)]
pub fn clock(seconds: f64, run: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if run <= 180.0 {
        format!("{whole} s")
    } else if run < 3600.0 {
        format!("{minutes}:{rest:02}")
    } else {
        format!("{hours}:{minutes:02}:{rest:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_a_row_of_its_own_below_the_smallest_number() {
        let axis = Axis::logarithmic_from_zero(1e-5, 1.0, |value| value.to_string());
        let place = |value| axis.place(value);
        assert_eq!(axis.ticks.first().map(|tick| tick.0), Some(0.0));
        assert!(place(0.0) < 1e-12);
        assert!((place(1e-5) - ZERO_ROW).abs() < 1e-12);
        assert!((place(1e-7) - ZERO_ROW).abs() < 1e-12);
        assert!(place(1e-3) > place(1e-4));
        assert!((place(1.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_opposite_side_says_the_same_places_in_another_unit() {
        let axis = Axis::logarithmic(100.0, 1000.0, |value| value.to_string());
        let axis = axis.with_opposite(0.5, "$", |value| format!("${value}"));
        let opposite = axis.opposite.as_ref().unwrap();
        assert_eq!(opposite.ticks.first(), Some(&(100.0, "$50".to_owned())));
        assert_eq!(opposite.ticks.last(), Some(&(1000.0, "$500".to_owned())));
    }
}
