//! What a replayed history comes to: groups of comparable nights, and what is said of each metric.

use super::history::{Acceptance, MetricUnit, NightRecord};

/// Which nights are looked at; empty means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this branch.
    pub branch: Option<String>,
    /// Only of host classes that contain this, in upper or lower case.
    pub host_class: Option<String>,
    /// Only of this scenario.
    pub scenario: Option<String>,
}

impl Filter {
    /// Whether a night is looked at.
    #[must_use]
    pub fn admits(&self, night: &NightRecord) -> bool {
        let host = |wanted: &String| {
            night
                .host
                .class()
                .to_lowercase()
                .contains(&wanted.to_lowercase())
        };
        self.branch
            .as_ref()
            .is_none_or(|branch| night.branch.as_ref() == Some(branch))
            && self
                .scenario
                .as_ref()
                .is_none_or(|scenario| night.scenario == *scenario)
            && self.host_class.as_ref().is_none_or(host)
    }
}

/// What belongs together: only such nights are held against each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Scenario name.
    pub scenario: String,
    /// Branch, where it is known.
    pub branch: Option<String>,
    /// See [`super::Host::class`].
    pub host_class: String,
    /// `emulator` or a URL.
    pub target: String,
}

impl Group {
    /// The group of a night.
    #[must_use]
    pub fn of(night: &NightRecord) -> Self {
        Self {
            scenario: night.scenario.clone(),
            branch: night.branch.clone(),
            host_class: night.host.class(),
            target: night.target.clone(),
        }
    }
}

/// What a metric's night is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// The metric was not measured.
    Absent,
    /// Not enough nights yet.
    Learning,
    /// Nothing to say.
    Steady,
    /// A regression would have to be large to be seen.
    TooNoisy,
    /// Far off; more nights will tell.
    Suspect,
    /// Worse, or still worse.
    Worse,
    /// Better than before, from this night on.
    Better,
    /// Worse no longer.
    Recovered,
    /// From here on, a change is accepted.
    Accepted,
    /// The night is invalid.
    Invalid,
}

/// One metric in one night.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The night's number; absent when it has none.
    pub value: Option<f64>,
    /// Smallest and largest repeat.
    pub range: (f64, f64),
    /// What is said of it.
    pub word: Word,
    /// The level that the night was held against; absent while learning.
    pub level: Option<f64>,
    /// Beyond this, the night alone would have failed; absent while learning.
    pub limit: Option<f64>,
}

/// A change of level, as the change log has it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedChange {
    /// Metric.
    pub metric: String,
    /// First night of the new level: index into [`GroupTrend::nights`].
    pub since: usize,
    /// The night in which it was seen.
    pub seen: usize,
    /// New ÷ old − 1, or the difference where the old one is a share or nothing.
    pub effect: f64,
    /// Whether `effect` is relative.
    pub relative: bool,
    /// The level before.
    pub before: f64,
    /// The level after: of something worse the median of its nights, as long as it is open;
    /// else as it was when it was seen.
    pub after: f64,
    /// What became of it.
    pub kind: ChangeKind,
}

impl LoggedChange {
    /// Corrects the level after it, and so its effect.
    pub(super) fn set_after(&mut self, after: f64) {
        self.after = after;
        self.effect = if self.relative {
            after / self.before - 1.0
        } else {
            after - self.before
        };
    }
}

/// What a change is.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeKind {
    /// Worse, and neither accepted nor over.
    Open,
    /// It was worse until the night with this index.
    Recovered(usize),
    /// Worse, and accepted.
    Accepted(Acceptance),
    /// Better.
    Better,
}

/// One metric over all nights of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricTrend {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: MetricUnit,
    /// Whether it is compared exactly.
    pub exact: bool,
    /// One for each night of the group.
    pub cells: Vec<Cell>,
    /// Smallest lasting change that three nights show: relative, or of a share; 0 when it is
    /// exact, absent while learning.
    pub visible: Option<f64>,
    /// Nights that have to be added before a night is judged; 0 when the next one will be.
    pub missing: usize,
}

/// All nights that are comparable, with what is said of them.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupTrend {
    /// What they have in common.
    pub group: Group,
    /// In order of time.
    pub nights: Vec<NightRecord>,
    /// By name.
    pub metrics: Vec<MetricTrend>,
    /// In order of `seen`.
    pub changes: Vec<LoggedChange>,
    /// Nights with which a changed scenario began a new baseline.
    pub baselines: Vec<usize>,
}

/// The answer for a group, by its latest night.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing has become worse.
    Pass,
    /// Nothing has become worse as far as is known: some metric has too few nights.
    Learning,
    /// The night says nothing.
    Invalid,
    /// Something is worse and neither accepted nor over, or a threshold was missed.
    Fail,
}

impl GroupTrend {
    /// Changes for the worse that are neither accepted nor over.
    pub fn open(&self) -> impl Iterator<Item = &LoggedChange> {
        self.changes
            .iter()
            .filter(|change| change.kind == ChangeKind::Open)
    }

    /// What is to be done about the latest night.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let latest = self.nights.last();
        let missed = latest.is_some_and(|night| !night.missed.is_empty());
        let invalid = latest.is_none_or(|night| !night.invalid.is_empty());
        if missed || self.open().next().is_some() {
            Standing::Fail
        } else if invalid {
            Standing::Invalid
        } else if self.latest_has(Word::Learning) {
            Standing::Learning
        } else {
            Standing::Pass
        }
    }

    /// Whether any metric has the word in the latest night.
    #[must_use]
    pub fn latest_has(&self, word: Word) -> bool {
        let latest = |metric: &MetricTrend| metric.cells.last().map(|cell| cell.word);
        self.metrics
            .iter()
            .any(|metric| latest(metric) == Some(word))
    }
}

/// A whole history with what is said of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trend {
    /// In order of their names.
    pub groups: Vec<GroupTrend>,
}
