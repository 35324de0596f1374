//! A history, replayed night by night: what is said of each metric, and of the latest night.

use std::collections::BTreeMap;

use super::{
    history::{Acceptance, History, Metric, MetricUnit, NightRecord},
    outcome::{
        Cell, ChangeKind, Filter, Group, GroupTrend, LoggedChange, MetricTrend, Trend, Word,
    },
    rule::{Change, Effects, Finding, Series, median},
};

/// Numbers that differ by less than this are the same: they come from the same sums.
const SAME: f64 = 1e-9;
/// How much of a number that is exact elsewhere a night may take or add in which requests were
/// not completed: those that were are no longer the same.
const NEARLY: f64 = 0.03;
/// Stands for a duration or rate of nothing, which has no logarithm.
const NOTHING: f64 = 1e-9;

impl Trend {
    /// Replays the nights that `filter` admits.
    #[must_use]
    pub fn of(history: &History, filter: &Filter) -> Self {
        let mut nights: BTreeMap<Group, Vec<NightRecord>> = BTreeMap::new();
        for night in history.nights.iter().filter(|night| filter.admits(night)) {
            nights
                .entry(Group::of(night))
                .or_default()
                .push(night.clone());
        }
        let groups = nights
            .into_iter()
            .map(|(group, nights)| replay(group, nights, &history.accepted))
            .collect();
        Self { groups }
    }
}

/// Metrics that would be measured again if tonight were `candidate`, which belongs to no
/// history yet.
#[must_use]
pub fn suspects(history: &History, candidate: &NightRecord) -> Vec<String> {
    let group = Group::of(candidate);
    let mut nights: Vec<NightRecord> = history
        .nights
        .iter()
        .filter(|night| Group::of(night) == group)
        .cloned()
        .collect();
    nights.push(candidate.clone());
    let trend = replay(group, nights, &history.accepted);
    let latest = trend.nights.len() - 1;
    let fresh = |metric: &&MetricTrend| {
        let seen_now = trend
            .changes
            .iter()
            .any(|change| change.metric == metric.name && change.seen == latest);
        let tonight = candidate.metrics.get(&metric.name);
        let is_exact = tonight.is_some_and(|tonight| tonight.exact);
        let word = metric.cells[latest].word;
        word == Word::Suspect || (word == Word::Worse && seen_now && !is_exact)
    };
    trend
        .metrics
        .iter()
        .filter(fresh)
        .map(|metric| metric.name.clone())
        .collect()
}

/// One metric on its way through the nights.
struct Track {
    trend: MetricTrend,
    noisy: Series,
    /// The night of each value in `noisy`.
    noisy_nights: Vec<usize>,
    exact: Option<f64>,
    /// An exact change that is open, as index into the log.
    exact_open: Option<usize>,
    noisy_open: Option<usize>,
}

impl Track {
    fn new(name: &str, unit: MetricUnit, nights: usize) -> Self {
        let blank = Cell {
            value: None,
            range: (0.0, 0.0),
            word: Word::Absent,
            level: None,
            limit: None,
        };
        Self {
            trend: MetricTrend {
                name: name.to_owned(),
                unit,
                exact: false,
                cells: vec![blank; nights],
                visible: None,
                missing: 0,
            },
            noisy: Series::new(effects(unit)),
            noisy_nights: Vec::new(),
            exact: None,
            exact_open: None,
            noisy_open: None,
        }
    }

    /// Forgets all levels: the scenario is another one.
    fn restart(&mut self) {
        self.noisy = Series::new(effects(self.trend.unit));
        self.noisy_nights.clear();
        self.exact = None;
        self.exact_open = None;
        self.noisy_open = None;
    }
}

const fn effects(unit: MetricUnit) -> Effects {
    match unit {
        MetricUnit::Share => Effects::SHARE,
        _ => Effects::RELATIVE,
    }
}

fn replay(group: Group, nights: Vec<NightRecord>, accepted: &[Acceptance]) -> GroupTrend {
    let mut tracks: BTreeMap<String, Track> = BTreeMap::new();
    for night in &nights {
        for (name, metric) in &night.metrics {
            tracks
                .entry(name.clone())
                .or_insert_with(|| Track::new(name, metric.unit, nights.len()));
        }
    }
    let mut replay = Replay {
        nights: &nights,
        changes: Vec::new(),
    };
    let mut baselines = Vec::new();
    let mut fingerprint: Option<&str> = None;
    let mut accepted = accepted.iter().filter(|a| concerns(a, &group)).peekable();
    for (index, night) in nights.iter().enumerate() {
        while let Some(acceptance) = accepted.next_if(|a| a.at < night.at) {
            replay.accept(&mut tracks, acceptance, index);
        }
        if fingerprint.is_some_and(|before| before != night.fingerprint) {
            baselines.push(index);
            tracks.values_mut().for_each(Track::restart);
            replay.close_all(index);
        }
        fingerprint = Some(&night.fingerprint);
        for (name, track) in &mut tracks {
            replay.night(track, index, night, night.metrics.get(name));
        }
    }
    for acceptance in accepted {
        replay.accept(&mut tracks, acceptance, nights.len());
    }
    let changes = replay.changes;
    let finish = |mut track: Track| {
        track.trend.visible = if track.trend.exact {
            Some(0.0)
        } else {
            track
                .noisy
                .level()
                .map(|level| level.visible(&effects(track.trend.unit)))
        };
        track.trend
    };
    let metrics = tracks.into_values().map(finish).collect();
    GroupTrend {
        group,
        nights,
        metrics,
        changes,
        baselines,
    }
}

fn concerns(acceptance: &Acceptance, group: &Group) -> bool {
    acceptance
        .scenario
        .as_ref()
        .is_none_or(|scenario| *scenario == group.scenario)
}

/// The changes seen so far.
struct Replay<'n> {
    nights: &'n [NightRecord],
    changes: Vec<LoggedChange>,
}

impl Replay<'_> {
    fn night(
        &mut self,
        track: &mut Track,
        index: usize,
        night: &NightRecord,
        metric: Option<&Metric>,
    ) {
        if !night.invalid.is_empty() {
            track.trend.cells[index].word = Word::Invalid;
            return;
        }
        let none = absent(&track.trend);
        let Some(metric) = metric.or(none.as_ref()) else {
            return;
        };
        let value = metric.value();
        let cell = &mut track.trend.cells[index];
        cell.value = Some(value);
        cell.range = metric.range();
        let was_known = track.exact.is_some();
        track.trend.exact = metric.exact || was_known;
        if metric.exact && (was_known || track.noisy.is_empty()) {
            self.exact(track, index, value, night.exact_tolerance, true);
        } else if was_known {
            // Worse is what every repeat says.
            let (low, high) = metric.range();
            let best = if metric.unit.less_is_worse() {
                high
            } else {
                low
            };
            self.exact(track, index, best, night.exact_tolerance.max(NEARLY), false);
        } else {
            self.noisy(track, index, value);
        }
    }

    /// `same`: every repeat said so, and it may become the number to compare with.
    fn exact(&mut self, track: &mut Track, index: usize, value: f64, tolerance: f64, same: bool) {
        let unit = track.trend.unit;
        let Some(accepted) = track.exact else {
            track.exact = Some(value);
            track.trend.cells[index].word = Word::Steady;
            return;
        };
        let allowed = accepted.abs() * tolerance + SAME * accepted.abs().max(value.abs());
        track.trend.cells[index].level = Some(accepted);
        track.trend.cells[index].limit = Some(accepted + allowed);
        let difference = if unit.less_is_worse() {
            accepted - value
        } else {
            value - accepted
        };
        let word = if difference > allowed {
            if track.exact_open.is_none() {
                track.exact_open = Some(self.changes.len());
                self.log(
                    &track.trend.name,
                    index,
                    index,
                    (accepted, value),
                    unit,
                    ChangeKind::Open,
                );
            }
            Word::Worse
        } else if let Some(open) = track.exact_open.take() {
            self.changes[open].kind = ChangeKind::Recovered(index);
            Word::Recovered
        } else if same && -difference > allowed {
            track.exact = Some(value);
            self.log(
                &track.trend.name,
                index,
                index,
                (accepted, value),
                unit,
                ChangeKind::Better,
            );
            Word::Better
        } else {
            Word::Steady
        };
        track.trend.cells[index].word = word;
    }

    fn noisy(&mut self, track: &mut Track, index: usize, value: f64) {
        let unit = track.trend.unit;
        if let Some(level) = track.noisy.level() {
            let limit = level.limit(1, &effects(unit));
            track.trend.cells[index].level = Some(from_scale(level.centre, unit));
            track.trend.cells[index].limit = Some(from_scale(limit, unit));
        }
        track.noisy_nights.push(index);
        let finding = track.noisy.push(to_scale(value, unit));
        let name = track.trend.name.as_str();
        let levels = |change: Change| {
            (
                from_scale(change.before, unit),
                from_scale(change.before + change.effect, unit),
            )
        };
        track.trend.missing = 0;
        track.trend.cells[index].word = match finding {
            Finding::Learning { missing } => {
                track.trend.missing = missing - 1;
                Word::Learning
            }
            Finding::TooNoisy => Word::TooNoisy,
            Finding::Steady => Word::Steady,
            Finding::Suspect => Word::Suspect,
            Finding::StillWorse(_) => {
                self.now_worse(track, index);
                Word::Worse
            }
            Finding::Worse(change) => {
                track.noisy_open = Some(self.changes.len());
                let since = track.noisy_nights[change.since];
                self.log(name, since, index, levels(change), unit, ChangeKind::Open);
                Word::Worse
            }
            Finding::Recovered(_) => {
                if let Some(open) = track.noisy_open.take() {
                    self.changes[open].kind = ChangeKind::Recovered(index);
                }
                Word::Recovered
            }
            Finding::Better(change) => {
                let since = track.noisy_nights[change.since];
                self.log(name, since, index, levels(change), unit, ChangeKind::Better);
                Word::Better
            }
        };
    }

    /// The more nights, the better is known how much worse it is.
    fn now_worse(&mut self, track: &Track, index: usize) {
        let Some(open) = track.noisy_open else { return };
        let change = &mut self.changes[open];
        let cells = &track.trend.cells[change.since..=index];
        let values: Vec<f64> = cells.iter().filter_map(|cell| cell.value).collect();
        change.set_after(median(&values));
    }

    fn log(
        &mut self,
        metric: &str,
        since: usize,
        seen: usize,
        (before, after): (f64, f64),
        unit: MetricUnit,
        kind: ChangeKind,
    ) {
        let relative = unit != MetricUnit::Share && before > NOTHING;
        let mut change = LoggedChange {
            metric: metric.to_owned(),
            since,
            seen,
            effect: 0.0,
            relative,
            before,
            after,
            kind,
        };
        change.set_after(after);
        self.changes.push(change);
    }

    /// From the first night of the accepted commit on, the metric's level is accepted.
    fn accept(
        &mut self,
        tracks: &mut BTreeMap<String, Track>,
        acceptance: &Acceptance,
        now: usize,
    ) {
        let Some(track) = tracks.get_mut(&acceptance.metric) else {
            return;
        };
        let of_commit = |night: &NightRecord| {
            night
                .commit
                .as_ref()
                .is_some_and(|commit| commit.starts_with(&acceptance.commit))
        };
        let Some(night) = self.nights[..now].iter().position(of_commit) else {
            return;
        };
        let is_later = |open: usize| self.changes[open].since > night;
        if track.exact_open.is_some_and(is_later) {
            // What is open came with another commit.
            return;
        }
        for open in [track.exact_open.take(), track.noisy_open.take()]
            .into_iter()
            .flatten()
        {
            self.changes[open].kind = ChangeKind::Accepted(acceptance.clone());
        }
        if track.exact.is_some() {
            self.accept_exact(track, night, now);
        }
        track
            .noisy
            .accept(track.noisy_nights.partition_point(|index| *index < night));
        let cell = track.trend.cells[..now].last_mut();
        if let Some(cell) = cell.filter(|_| track.exact_open.is_none()) {
            cell.word = Word::Accepted;
        }
    }

    /// What the commit measured is accepted, and not what others have added to it since.
    fn accept_exact(&mut self, track: &mut Track, night: usize, now: usize) {
        let nights = self.nights;
        let known = |index: &usize| track.trend.cells[*index].value.is_some();
        let mut known = (night..now).filter(known).collect::<Vec<_>>().into_iter();
        let Some(first) = known.next() else { return };
        track.exact = track.trend.cells[first].value;
        for index in known {
            let metric = nights[index].metrics.get(&track.trend.name);
            self.night(track, index, &nights[index], metric);
        }
    }

    /// What was measured with another scenario is over.
    fn close_all(&mut self, index: usize) {
        for change in self
            .changes
            .iter_mut()
            .filter(|change| change.kind == ChangeKind::Open)
        {
            change.kind = ChangeKind::Recovered(index);
        }
    }
}

/// What a night without this metric says of it: a throttle that nobody saw did not happen.
fn absent(trend: &MetricTrend) -> Option<Metric> {
    let throttles = trend.name.starts_with("throttles.");
    let exact = trend.name.starts_with("simulated.throttles.");
    (throttles || exact).then(|| Metric {
        unit: trend.unit,
        exact,
        values: vec![0.0],
        rerun: Vec::new(),
        merged: None,
    })
}

/// Larger is worse, and a difference is a relative change, except of shares.
fn to_scale(value: f64, unit: MetricUnit) -> f64 {
    match unit {
        MetricUnit::Share => value,
        _ if unit.less_is_worse() => -value.max(NOTHING).ln(),
        _ => value.max(NOTHING).ln(),
    }
}

fn from_scale(value: f64, unit: MetricUnit) -> f64 {
    match unit {
        MetricUnit::Share => value,
        _ if unit.less_is_worse() => (-value).exp(),
        _ => value.exp(),
    }
}
