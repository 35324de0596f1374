//! The level of a series before a change, and its noise.
//!
//! Owns what a change has to be larger than; must not know when it is looked for.

use super::{Effects, LEARNING_NIGHTS};

/// The noise is never taken for smaller than this.
const SCALE_MIN: f64 = 0.005;
/// Standard deviations beyond which a night counts no further.
pub(super) const CLIP: f64 = 4.0;
/// Standard deviations of the difference that make a change, when it is for the worse.
pub(super) const WORSE: f64 = 3.2;
/// Two nights need more: neighbours that resemble each other are two of a kind.
const PAIR_MORE: f64 = 0.2;
/// From so many nights on, chance rarely lasts, …
const MANY: usize = 5;
/// … and fewer standard deviations will do.
const MANY_LESS: f64 = 0.3;
/// A single night needs more, since nothing but its rerun stands beside it.
const SINGLE: f64 = 4.0;
/// … and this many times the farthest night of the baseline: noise with heavy tails announces
/// itself there.
const SINGLE_BEYOND_FARTHEST: f64 = 1.6;
/// The last nights of a level, whose noise counts alone where it is larger: noise that has grown
/// is no change of level either.
const RECENT_NIGHTS: usize = 10;
/// Nights that the baseline's noise counts for beside that of a new stretch.
const NOISE_NIGHTS: f64 = 2.0;
/// Standard deviations from which on a night is measured again.
const SUSPECT: f64 = 2.5;

/// A level with its noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Winsorised mean.
    pub centre: f64,
    /// Winsorised standard deviation of one night, at least 0.5 %.
    pub scale: f64,
    /// Nights that make up the centre.
    pub nights: usize,
    /// Distance of the farthest night from the centre.
    farthest: f64,
    /// Correlation of neighbouring nights, from 0 to 0.6.
    correlation: f64,
}

impl Level {
    /// Of the nights that make it up, and of differences from the levels before it: noise outlives
    /// a level.
    pub(super) fn of(nights: &[f64], older: &[f64]) -> Self {
        let rough = median(nights);
        let mut residuals: Vec<f64> = nights.iter().map(|value| value - rough).collect();
        residuals.extend(older);
        let mut deviations: Vec<f64> = residuals.iter().map(|value| value.abs()).collect();
        deviations.sort_by(f64::total_cmp);
        let at = |quantile: f64| quantile_of(&deviations, quantile);
        // Half of the nights may agree to the digit and the others not at all.
        let rough_scale = (1.4826 * at(0.5)).max(at(0.8) / 1.2816).max(SCALE_MIN);
        let reach = 2.5 * rough_scale;
        let own = &residuals[..nights.len()];
        let centre = rough + mean(own.iter().map(|value| value.clamp(-reach, reach)));
        let cut: Vec<f64> = residuals
            .iter()
            .map(|value| (value - (centre - rough)).clamp(-reach, reach))
            .collect();
        let degrees = float(cut.len().saturating_sub(1).max(1));
        let scale = (cut.iter().map(|value| value * value).sum::<f64>() / degrees).sqrt();
        // Cutting takes a little of a Gaussian, and few nights know their noise badly.
        let scale = scale * 1.03 * (1.0 + 1.5 / float(cut.len()));
        let recent = own.len().checked_sub(RECENT_NIGHTS).map_or(0.0, |from| {
            let reach = CLIP * rough_scale;
            let cut = own[from..]
                .iter()
                .map(|value| (value - (centre - rough)).clamp(-reach, reach));
            mean(cut.map(|value| value * value)).sqrt()
        });
        let scale = scale.max(recent);
        Self {
            centre,
            scale: scale.max(SCALE_MIN),
            nights: nights.len(),
            farthest: deviations.iter().copied().fold(0.0, f64::max),
            correlation: correlation(&cut[..nights.len()]),
        }
    }

    /// The largest value that a mean of `window` nights may have without being a change.
    #[must_use]
    pub fn limit(&self, window: usize, effects: &Effects) -> f64 {
        self.centre + self.bound(window, WORSE, effects)
    }

    /// From here on a night is measured again.
    #[must_use]
    pub fn suspect_limit(&self, effects: &Effects) -> f64 {
        self.centre + effects.suspect.max(SUSPECT * self.spread(1))
    }

    /// The smallest lasting change that three nights show.
    #[must_use]
    pub fn visible(&self, effects: &Effects) -> f64 {
        self.bound(3, WORSE, effects)
    }

    pub(super) fn bound(&self, window: usize, deviations: f64, effects: &Effects) -> f64 {
        let deviations = match window {
            2 => deviations + PAIR_MORE,
            MANY.. => deviations - MANY_LESS,
            _ => deviations,
        };
        let noise = if window == 1 {
            let alone = (SINGLE * self.spread(1)).max(SINGLE_BEYOND_FARTHEST * self.farthest);
            alone.max(deviations * self.spread(1))
        } else {
            deviations * self.spread(window)
        };
        noise.max(effects.of(window))
    }

    /// With the noise within a new stretch of nights, where that is larger: noise that grows is
    /// no change of level.
    pub(super) fn at_least_as_noisy_as(self, recent: &[f64]) -> Self {
        if recent.len() < 2 {
            return self;
        }
        let centre = mean(recent.iter().copied());
        let squares: f64 = recent.iter().map(|value| (value - centre).powi(2)).sum();
        let own = NOISE_NIGHTS * self.scale * self.scale;
        let mixed = ((squares + own) / (float(recent.len() - 1) + NOISE_NIGHTS)).sqrt();
        Self {
            scale: self.scale.max(mixed),
            ..self
        }
    }

    /// Standard deviation of the mean of `window` nights less the centre.
    pub(super) fn spread(&self, window: usize) -> f64 {
        let (window, nights) = (float(window), float(self.nights.max(1)));
        let mean_of = |n: f64| {
            // Of neighbours that resemble each other, each says less.
            let kept = (1.0 - self.correlation.powf(n)) / (1.0 - self.correlation);
            let inflation = (1.0 + self.correlation) / (1.0 - self.correlation)
                - 2.0 * self.correlation * kept / (n * (1.0 - self.correlation));
            inflation.max(1.0) / n
        };
        self.scale * (mean_of(window) + mean_of(nights)).sqrt()
    }
}

/// Of neighbours, from 0 to 0.6; 0 where too few nights could tell.
fn correlation(residuals: &[f64]) -> f64 {
    let nights = residuals.len();
    let all: f64 = residuals.iter().map(|value| value * value).sum();
    if nights < LEARNING_NIGHTS || all <= 0.0 {
        return 0.0;
    }
    let neighbours: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    // What is below the noise of the estimate itself is no correlation.
    let estimate = neighbours / all + 1.0 / float(nights);
    (estimate - 0.5 / float(nights).sqrt()).clamp(0.0, 0.6)
}

pub(super) fn centre_of(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| median(values))
}

/// The middle value; the lower of the two in the middle. 0 of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_of(&sorted, 0.5)
}

/// The smallest value that at least this part of the values does not exceed; 0 of nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and a number of nights"
)]
fn quantile_of(sorted: &[f64], quantile: f64) -> f64 {
    let rank = (float(sorted.len()) * quantile).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0_usize, 0.0), |(count, sum), value| {
        (count + 1, sum + value)
    });
    if count == 0 { 0.0 } else { sum / float(count) }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of nights")]
pub(super) const fn float(count: usize) -> f64 {
    count as f64
}
