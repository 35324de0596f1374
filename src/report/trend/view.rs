//! What every form of a trend shows, as finished text.

use crate::{
    analysis::trend::{
        MetricUnit,
        outcome::{ChangeKind, GroupTrend, LoggedChange, MetricTrend, Standing, Trend, Word},
    },
    report::{Mark, format, sentence},
};

/// Everything but the drawings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrendView {
    /// The worst of all groups.
    pub standing: &'static str,
    /// Its sign.
    pub mark: Mark,
    /// Failing groups first.
    pub groups: Vec<GroupView>,
}

/// One scenario on one branch and host class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// Index into `Trend::groups`.
    pub index: usize,
    /// Scenario name.
    pub scenario: String,
    /// Branch, host class, target and number of nights.
    pub facts: Vec<(&'static str, String)>,
    /// `PASS`, `FAIL`, `INVALID` or `LEARNING`.
    pub word: &'static str,
    /// Its sign.
    pub mark: Mark,
    /// One for each thing to know, the worst first.
    pub sentences: Vec<String>,
    /// Changes, the latest first.
    pub changes: Vec<ChangeRow>,
    /// Metrics, by name.
    pub metrics: Vec<MetricRow>,
}

/// A change of level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// Good, bad, or neutral when it is settled.
    pub mark: Mark,
    /// Metric.
    pub metric: String,
    /// `+15 %`.
    pub effect: String,
    /// Level before, with its unit.
    pub before: String,
    /// Level after, with its unit.
    pub after: String,
    /// First night of the new level.
    pub since: String,
    /// Its commit.
    pub commit: String,
    /// `open`, `accepted: …`, `recovered 2026-11-23`, `better`.
    pub state: String,
}

/// A metric in the latest night.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricRow {
    /// Name.
    pub name: String,
    /// The latest night's number.
    pub latest: String,
    /// Smallest and largest repeat.
    pub range: String,
    /// What is said of it.
    pub word: &'static str,
    /// The sign of it.
    pub glyph: char,
    /// How it stands.
    pub mark: Mark,
    /// Smallest change that can be seen.
    pub visible: String,
}

/// Puts the view together.
#[must_use]
pub fn view(trend: &Trend) -> TrendView {
    let worst = trend.groups.iter().map(GroupTrend::standing).max();
    let (standing, mark) = standing(worst.unwrap_or(Standing::Learning));
    let mut groups: Vec<(Standing, GroupView)> = trend
        .groups
        .iter()
        .enumerate()
        .map(|(index, group)| (group.standing(), group_view(index, group)))
        .collect();
    groups.sort_by(|(a, _), (b, _)| b.cmp(a));
    let groups = groups.into_iter().map(|(_, group)| group).collect();
    TrendView {
        standing,
        mark,
        groups,
    }
}

/// The word of a standing, and its sign.
#[must_use]
pub const fn standing(standing: Standing) -> (&'static str, Mark) {
    match standing {
        Standing::Pass => ("PASS", Mark::Good),
        Standing::Learning => ("LEARNING", Mark::Neutral),
        Standing::Invalid => ("INVALID", Mark::Caution),
        Standing::Fail => ("FAIL", Mark::Bad),
    }
}

/// What a metric's night is called, and the sign of it.
#[must_use]
pub const fn word(word: Word) -> (&'static str, char, Mark) {
    match word {
        Word::Absent => ("not measured", ' ', Mark::Neutral),
        Word::Learning => ("learning", '…', Mark::Neutral),
        Word::Steady => ("steady", '·', Mark::Good),
        Word::TooNoisy => ("too noisy", '~', Mark::Caution),
        Word::Suspect => ("suspect", '?', Mark::Caution),
        Word::Worse => ("worse", '✗', Mark::Bad),
        Word::Better => ("better", '✓', Mark::Good),
        Word::Recovered => ("recovered", '✓', Mark::Good),
        Word::Accepted => ("accepted", '▲', Mark::Neutral),
        Word::Invalid => ("invalid", '○', Mark::Caution),
    }
}

fn group_view(index: usize, group: &GroupTrend) -> GroupView {
    let (word, mark) = standing(group.standing());
    let mut changes: Vec<ChangeRow> = group
        .changes
        .iter()
        .map(|change| change_row(group, change))
        .collect();
    changes.reverse();
    GroupView {
        index,
        scenario: group.group.scenario.clone(),
        facts: vec![
            (
                "branch",
                group
                    .group
                    .branch
                    .clone()
                    .unwrap_or_else(|| "unknown".to_owned()),
            ),
            ("host class", group.group.host_class.clone()),
            ("target", group.group.target.clone()),
            ("nights", format::count(group.nights.len() as u64)),
        ]
        .into_iter()
        .chain(latest_facts(group))
        .collect(),
        word,
        mark,
        sentences: sentences(group),
        changes,
        metrics: group.metrics.iter().map(metric_row).collect(),
    }
}

fn sentences(group: &GroupTrend) -> Vec<String> {
    let mut all = Vec::new();
    let latest = group.nights.len().saturating_sub(1);
    for change in group.open() {
        let row = change_row(group, change);
        let before = previous_commit(group, change.since);
        all.push(format!(
            "{} is worse since {} ({}): {} → {}, {}. The night before measured {before}.",
            row.metric, row.since, row.commit, row.before, row.after, row.effect
        ));
    }
    if let Some(night) = group.nights.last() {
        for assertion in &night.missed {
            let value = |value: f64| sentence::quantity(value, assertion.quantity);
            all.push(format!(
                "A limit of the scenario was missed in most runs: {} is {}, limit {}.",
                assertion.name,
                assertion
                    .observed
                    .map_or_else(|| "without data".to_owned(), value),
                value(assertion.limit)
            ));
        }
        for reason in &night.invalid {
            let reason = sentence::invalid_reason(reason);
            all.push(format!(
                "The night is invalid and does not count: {reason}."
            ));
        }
    }
    for change in group.changes.iter().filter(|change| change.seen == latest) {
        if change.kind == ChangeKind::Better {
            let row = change_row(group, change);
            all.push(format!(
                "{} is better since {} ({}): {} → {}, {}.",
                row.metric, row.since, row.commit, row.before, row.after, row.effect
            ));
        }
    }
    if group.baselines.last() == Some(&latest) && latest > 0 {
        all.push("The scenario was changed: a new baseline begins with this night.".to_owned());
    }
    for (word, text) in [
        (Word::Recovered, "is as before again"),
        (Word::Suspect, "is far off; more nights will tell"),
    ] {
        for metric in latest_with(group, word) {
            all.push(format!("{} {text}.", metric.name));
        }
    }
    for metric in latest_with(group, Word::TooNoisy) {
        let visible = visible(metric);
        all.push(format!(
            "{} is too noisy to fail: the smallest change that it could show is {visible}, where \
             20 % is allowed.",
            metric.name
        ));
    }
    all.extend(learning(group));
    if all.is_empty() {
        all.push("Nothing has become worse.".to_owned());
    }
    all
}

/// Metrics that have the word in the latest night.
fn latest_with(group: &GroupTrend, word: Word) -> impl Iterator<Item = &MetricTrend> {
    let has = move |metric: &&MetricTrend| metric.cells.last().map(|cell| cell.word) == Some(word);
    group.metrics.iter().filter(has)
}

/// With what the latest night was measured.
fn latest_facts(group: &GroupTrend) -> impl Iterator<Item = (&'static str, String)> {
    let latest = group.nights.last();
    let facts = latest.map(|night| {
        let fingerprint = night.fingerprint.chars().take(10).collect();
        [
            ("scenario", fingerprint),
            ("dyno", night.tool_version.clone()),
        ]
    });
    facts.into_iter().flatten()
}

/// What has too few nights, and how many it still needs.
fn learning(group: &GroupTrend) -> Option<String> {
    let all: Vec<&MetricTrend> = latest_with(group, Word::Learning).collect();
    let first = all.iter().max_by_key(|metric| metric.missing)?;
    let more = match all.len() - 1 {
        0 => String::new(),
        1 => " and 1 other".to_owned(),
        more => format!(" and {more} others"),
    };
    let missing = match first.missing {
        0 => "the next one is judged".to_owned(),
        1 => "1 more night is needed".to_owned(),
        missing => format!("{missing} more nights are needed"),
    };
    let name = &first.name;
    Some(format!(
        "Too few nights yet to judge {name}{more}: {missing}."
    ))
}

fn previous_commit(group: &GroupTrend, night: usize) -> String {
    let before = group.nights[..night]
        .iter()
        .rev()
        .find(|night| night.invalid.is_empty());
    before
        .and_then(|night| night.commit.as_deref())
        .map_or_else(
            || "an unknown commit".to_owned(),
            |commit| format!("commit {}", short(commit)),
        )
}

fn change_row(group: &GroupTrend, change: &LoggedChange) -> ChangeRow {
    let unit = group
        .metrics
        .iter()
        .find(|metric| metric.name == change.metric)
        .map_or(MetricUnit::Count, |metric| metric.unit);
    let night = &group.nights[change.since];
    let commit = night.commit.as_deref();
    let (mark, state) = match &change.kind {
        ChangeKind::Open => (Mark::Bad, "open".to_owned()),
        ChangeKind::Recovered(until) => (
            Mark::Neutral,
            format!("over since {}", date(&group.nights[*until].at)),
        ),
        ChangeKind::Accepted(by) => (Mark::Neutral, format!("▲ accepted: {}", by.reason)),
        ChangeKind::Better => (Mark::Good, "better".to_owned()),
    };
    ChangeRow {
        mark,
        metric: change.metric.clone(),
        effect: effect(change, unit),
        before: value(change.before, unit),
        after: value(change.after, unit),
        since: date(&night.at),
        commit: commit.map_or_else(
            || "unknown commit".to_owned(),
            |commit| format!("commit {}", short(commit)),
        ),
        state,
    }
}

/// `+15 %`, or the difference where a share, or nothing, was before.
#[must_use]
pub fn effect(change: &LoggedChange, unit: MetricUnit) -> String {
    let sign = if change.effect < 0.0 { "−" } else { "+" };
    let size = change.effect.abs();
    let size = match unit {
        _ if change.relative => format::percent(size),
        MetricUnit::Share => points(size),
        _ => value(size, unit),
    };
    format!("{sign}{size}")
}

fn points(share: f64) -> String {
    let number = format::number(share * 100.0);
    format!("{number}{}percentage points", format::NO_BREAK)
}

fn metric_row(metric: &MetricTrend) -> MetricRow {
    let cell = metric.cells.last();
    let said = cell.map_or(Word::Absent, |cell| cell.word);
    let (word, glyph, mark) = word(said);
    let shown = |found: Option<f64>| {
        found.map_or_else(
            || format::NO_DATA.to_owned(),
            |found| value(found, metric.unit),
        )
    };
    let range = cell.filter(|cell| cell.value.is_some()).map_or_else(
        || format::NO_DATA.to_owned(),
        |cell| {
            let (low, high) = cell.range;
            let (low, high) = (value(low, metric.unit), value(high, metric.unit));
            if low == high {
                low
            } else {
                format!("{low} – {high}")
            }
        },
    );
    MetricRow {
        name: metric.name.clone(),
        latest: shown(cell.and_then(|cell| cell.value)),
        range,
        word,
        glyph,
        mark,
        visible: visible(metric),
    }
}

/// The smallest change that three nights show.
fn visible(metric: &MetricTrend) -> String {
    match metric.visible {
        None => "not known yet".to_owned(),
        Some(_) if metric.exact => "any".to_owned(),
        Some(change) if metric.unit == MetricUnit::Share => points(change),
        Some(change) => format::percent(change.exp_m1()),
    }
}

/// A number with its unit.
#[must_use]
pub fn value(value: f64, unit: MetricUnit) -> String {
    let number = format::number(value);
    let space = format::NO_BREAK;
    match unit {
        MetricUnit::Nanoseconds => format::duration_difference(value),
        MetricUnit::PerSecond => format!("{number}/s"),
        MetricUnit::Share => format::percent(value),
        MetricUnit::ReadUnits => format!("{number}{space}RCU"),
        MetricUnit::WriteUnits => format!("{number}{space}WCU"),
        MetricUnit::Dollars => format!("${number}"),
        MetricUnit::Count => number,
    }
}

/// Day and minute of a night.
#[must_use]
pub fn date(at: &str) -> String {
    at.get(..16).unwrap_or(at).replace('T', " ")
}

/// The first digits of a commit.
#[must_use]
pub fn short(commit: &str) -> &str {
    let is_hash = commit.len() >= 32 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { &commit[..10] } else { commit }
}
