//! The rule for noisy metrics: have the last nights become worse than those before?
//!
//! Owns the statistics of one series; must not know what the numbers measure. Values are
//! oriented: larger is worse. A difference of 0.05 is a change of about 5 %.
//!
//! Every night the mean of the last *k* nights, for *k* from 1 to 14, is held against the nights
//! before them. Single nights far off are cut to [`CLIP`] standard deviations first, so no one
//! night speaks for several. Few nights need a large effect, many a small one.

mod level;

use level::{CLIP, WORSE, centre_of, mean};
pub use level::{Level, median};

/// Nights that a series needs before anything is said of it.
pub const LEARNING_NIGHTS: usize = 10;
/// Nights that a new level needs, after an accepted or found change, before it is judged.
const LEVEL_NIGHTS: usize = 3;
/// Nights before the window that it is held against, at most.
pub const BASELINE_NIGHTS: usize = 45;
/// A change that is older than this many nights is no longer news.
pub const WINDOW_NIGHTS: usize = 14;
/// The same when it is for the better: a wrong one would move the baseline.
const BETTER: f64 = 4.2;

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
        visible_max: 0.1823,
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
    /// The level before it, which nights are held against as long as it is open.
    level: Level,
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
        let open = self.open.map(|open| open.level);
        open.or_else(|| self.known_level(self.values.len()))
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
                level: self.known_level(change.since).unwrap_or(level),
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
        let free = BASELINE_NIGHTS.saturating_sub(nights.len());
        let older = self.residuals.len().saturating_sub(free);
        Some(Level::of(&nights, &self.residuals[older..]))
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
            let farthest = recent.iter().map(|value| sign * (value - level.centre));
            if farthest.fold(f64::NEG_INFINITY, f64::max) < self.effects.of(window) {
                continue;
            }
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
