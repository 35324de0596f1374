//! The rule for noisy metrics: have the last nights become worse than those before?
//!
//! Owns the statistics of one series; must not know what the numbers measure. Values are
//! oriented: larger is worse. A difference of 0.05 is a change of about 5 %.
//!
//! Every night the mean of the last *k* nights, for *k* from 1 to 14, is held against the nights
//! before them. Single nights far off are cut to [`CLIP`] standard deviations first, so no one
//! night speaks for several. Few nights need a large effect, many a small one.

/// Nights that a series needs before anything is said of it.
pub const LEARNING_NIGHTS: usize = 10;
/// Nights that a new level needs, after an accepted or found change, before it is judged.
const LEVEL_NIGHTS: usize = 3;
/// Nights before the window that it is held against, at most.
pub const BASELINE_NIGHTS: usize = 45;
/// A change that is older than this many nights is no longer news.
pub const WINDOW_NIGHTS: usize = 14;
/// The noise is never taken for smaller than this.
const SCALE_MIN: f64 = 0.005;
/// Standard deviations beyond which a night counts no further.
const CLIP: f64 = 4.0;
/// Standard deviations of the difference that make a change, when it is for the worse.
const WORSE: f64 = 3.3;
/// The same when it is for the better: a wrong one would move the baseline.
const BETTER: f64 = 4.2;
/// A single night needs more, since nothing but its rerun stands beside it.
const SINGLE: f64 = 4.5;
/// … and this many times the farthest night of the baseline: noise with heavy tails announces
/// itself there.
const SINGLE_BEYOND_FARTHEST: f64 = 1.6;
/// Nights that the baseline's noise counts for beside that of a new stretch.
const NOISE_NIGHTS: f64 = 2.0;
/// Standard deviations from which on a night is measured again.
const SUSPECT: f64 = 2.5;

/// The smallest effects that count, by the length of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effects {
    /// Of one night that fails alone.
    pub single: f64,
    /// Of one night that is measured again.
    pub suspect: f64,
    /// Of two nights.
    pub pair: f64,
    /// Of three and more.
    pub several: f64,
    /// From this smallest visible change on, the series is too noisy to fail.
    pub visible_max: f64,
}

impl Effects {
    /// For logarithms of positive values.
    pub const RELATIVE: Self = Self {
        single: 0.08,
        suspect: 0.05,
        pair: 0.04,
        several: 0.03,
        visible_max: 0.20,
    };

    /// For shares of all requests: one percentage point is a hundredth.
    pub const SHARE: Self = Self {
        single: 0.02,
        suspect: 0.01,
        pair: 0.01,
        several: 0.005,
        visible_max: 0.20,
    };

    const fn of(&self, nights: usize) -> f64 {
        match nights {
            1 => self.single,
            2 => self.pair,
            _ => self.several,
        }
    }
}

/// What the rule says of the latest night.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Finding {
    /// Not enough nights yet.
    Learning {
        /// Nights that are still missing.
        missing: usize,
    },
    /// A change would have to be larger than anybody would overlook.
    TooNoisy,
    /// Nothing to say.
    Steady,
    /// Tonight is far off; more nights will tell.
    Suspect,
    /// It has become worse.
    Worse(Change),
    /// It has been worse since then and still is.
    StillWorse(Change),
    /// It was worse and no longer is.
    Recovered(Change),
    /// It has become better; from then on that is the level.
    Better(Change),
}

/// A change of level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The first night of the new level, counted from 0 among all nights given.
    pub since: usize,
    /// New level − old level.
    pub effect: f64,
    /// The level before.
    pub before: f64,
}

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

    fn bound(&self, window: usize, deviations: f64, effects: &Effects) -> f64 {
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
    fn at_least_as_noisy_as(self, recent: &[f64]) -> Self {
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
    fn spread(&self, window: usize) -> f64 {
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

/// One series, night by night.
#[derive(Clone, Debug)]
pub struct Series {
    effects: Effects,
    /// Every night given.
    values: Vec<f64>,
    /// Nights that may be a baseline: neither of a failure nor of a superseded level.
    level_from: usize,
    /// Nights that are left out of every baseline: from and until.
    excluded: Vec<(usize, usize)>,
    /// No window begins before this night: what was before is told already.
    news_from: usize,
    /// Differences from the level, of levels that are over: noise outlives a level.
    residuals: Vec<f64>,
    /// The level before each of the nights that a window may begin with, and before the next
    /// one; `None` for older ones, which nobody asks for.
    levels: Vec<Option<Level>>,
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    change: Change,
    /// What the values have to be below to be as before.
    recovered_below: f64,
}

impl Series {
    /// A series without nights.
    #[must_use]
    pub const fn new(effects: Effects) -> Self {
        Self {
            effects,
            values: Vec::new(),
            level_from: 0,
            excluded: Vec::new(),
            news_from: 0,
            residuals: Vec::new(),
            levels: Vec::new(),
            open: None,
        }
    }

    /// Nights given so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether no night was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// What the next night will be held against, once there are enough nights.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.known_level(self.values.len())
    }

    fn known_level(&self, end: usize) -> Option<Level> {
        self.levels.get(end).copied().flatten()
    }

    /// Works out again what is asked for, after the baseline has moved.
    fn renew_levels(&mut self) {
        let nights = self.values.len();
        self.levels = vec![None; nights + 1];
        for end in nights.saturating_sub(WINDOW_NIGHTS)..=nights {
            self.levels[end] = self.level_before(end);
        }
    }

    /// Accepts whatever has been since `night`: the baseline starts there.
    pub fn accept(&mut self, night: usize) {
        self.start_level(night.min(self.values.len()));
        self.open = None;
        self.renew_levels();
    }

    /// Adds a night and says what it means.
    pub fn push(&mut self, value: f64) -> Finding {
        self.values.push(value);
        let (level_from, excluded) = (self.level_from, self.excluded.len());
        let finding = self.judge(value);
        if (level_from, excluded) == (self.level_from, self.excluded.len()) {
            let next = self.level_before(self.values.len());
            self.levels.resize(self.values.len(), None);
            self.levels.push(next);
        } else {
            self.renew_levels();
        }
        finding
    }

    fn judge(&mut self, value: f64) -> Finding {
        let tonight = self.values.len();
        if let Some(open) = self.open {
            return self.while_open(open);
        }
        let Some(level) = self.known_level(tonight - 1) else {
            let missing = self.missing(tonight - 1);
            return Finding::Learning { missing };
        };
        if level.visible(&self.effects) > self.effects.visible_max {
            return Finding::TooNoisy;
        }
        if let Some((change, level)) = self.find(1.0, WORSE) {
            let recovered_below = level.centre
                + (change.effect / 2.0)
                    .max(WORSE / 2.0 * level.spread(2))
                    .min(change.effect * 0.75);
            self.open = Some(Open {
                change,
                recovered_below,
            });
            return Finding::Worse(change);
        }
        if let Some((change, _)) = self.find(-1.0, BETTER) {
            self.start_level(change.since);
            return Finding::Better(change);
        }
        if value > level.suspect_limit(&self.effects) {
            return Finding::Suspect;
        }
        Finding::Steady
    }

    /// Two nights in a row below the half of it end a failure.
    fn while_open(&mut self, open: Open) -> Finding {
        let nights = self.values.len();
        let recent = &self.values[open.change.since.max(nights.saturating_sub(2))..];
        if recent.len() == 2 && recent.iter().all(|value| *value < open.recovered_below) {
            self.excluded.push((open.change.since, nights - 2));
            self.news_from = nights - 2;
            self.open = None;
            return Finding::Recovered(open.change);
        }
        Finding::StillWorse(open.change)
    }

    fn start_level(&mut self, night: usize) {
        let old = self.baseline(night);
        if let Some(centre) = centre_of(&old) {
            self.residuals
                .extend(old.iter().map(|value| value - centre));
            let surplus = self.residuals.len().saturating_sub(BASELINE_NIGHTS);
            self.residuals.drain(..surplus);
        }
        self.level_from = night;
        self.excluded.clear();
    }

    /// The latest nights before `end` that count for the present level.
    fn baseline(&self, end: usize) -> Vec<f64> {
        let counts = |night: &usize| {
            !self
                .excluded
                .iter()
                .any(|(from, until)| (*from..*until).contains(night))
        };
        let mut nights: Vec<f64> = (self.level_from..end)
            .rev()
            .filter(counts)
            .take(BASELINE_NIGHTS)
            .map(|night| self.values[night])
            .collect();
        nights.reverse();
        nights
    }

    fn missing(&self, end: usize) -> usize {
        let have = end.saturating_sub(self.level_from);
        let all = LEARNING_NIGHTS.saturating_sub(have + self.residuals.len());
        all.max(LEVEL_NIGHTS.saturating_sub(have)).max(1)
    }

    fn level_before(&self, end: usize) -> Option<Level> {
        let nights = self.baseline(end);
        if nights.len() < LEVEL_NIGHTS || nights.len() + self.residuals.len() < LEARNING_NIGHTS {
            return None;
        }
        let rough = median(&nights);
        let mut residuals: Vec<f64> = nights.iter().map(|value| value - rough).collect();
        let free = BASELINE_NIGHTS.saturating_sub(nights.len());
        let older = self.residuals.len().saturating_sub(free);
        residuals.extend(&self.residuals[older..]);
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
        Some(Level {
            centre,
            scale: scale.max(SCALE_MIN),
            nights: nights.len(),
            farthest: deviations.iter().copied().fold(0.0, f64::max),
            correlation: correlation(&cut[..nights.len()]),
        })
    }

    /// The window whose change stands out most, `sign` 1 for worse and −1 for better.
    fn find(&self, sign: f64, deviations: f64) -> Option<(Change, Level)> {
        let nights = self.values.len();
        let mut best: Option<(f64, Change, Level)> = None;
        for window in 1..=WINDOW_NIGHTS.min(nights) {
            let since = nights - window;
            if since < self.news_from.max(self.level_from + LEVEL_NIGHTS) {
                break;
            }
            let Some(level) = self.known_level(since) else {
                break;
            };
            let recent = &self.values[since..];
            let level = level.at_least_as_noisy_as(recent);
            let reach = CLIP * level.scale;
            let effect = mean(recent.iter().map(|value| {
                let difference = sign * (value - level.centre);
                if window == 1 {
                    difference
                } else {
                    difference.clamp(-reach, reach)
                }
            }));
            let bound = level.bound(window, deviations, &self.effects);
            if effect >= bound {
                let strength = effect / level.spread(window);
                if best.as_ref().is_none_or(|(most, ..)| strength > *most) {
                    let plain = mean(self.values[since..].iter().copied()) - level.centre;
                    let change = Change {
                        since,
                        effect: plain,
                        before: level.centre,
                    };
                    best = Some((strength, change, level));
                }
            }
        }
        best.map(|(_, change, level)| (change, level))
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

fn centre_of(values: &[f64]) -> Option<f64> {
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

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0_usize, 0.0), |(count, sum), value| {
        (count + 1, sum + value)
    });
    if count == 0 { 0.0 } else { sum / float(count) }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of nights")]
const fn float(count: usize) -> f64 {
    count as f64
}
