//! Finished runs side by side: what differs between them, and how sure that is.
//!
//! The first run is the base that each other one is laid beside. Points come from whole runs
//! and merged histograms; intervals from the runs' seconds. Must not know how it is shown.

pub mod aspect;
mod figures;
mod resample;

use serde::Serialize;

use super::{
    Analysis,
    seeds::FigureUnit,
    threshold::{InvalidReason, Verdict},
};
use crate::{price::UnknownPrice, record::RunRecord, scenario::Scenario};
use aspect::Aspect;
use figures::Observed;

/// Version of the JSON document.
pub const SCHEMA_VERSION: u32 = 1;

/// A stored run with the scenario that it ran.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// What reports call it.
    pub label: &'a str,
    /// What it left behind.
    pub record: &'a RunRecord,
    /// What it ran.
    pub scenario: &'a Scenario,
}

/// Runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The base first.
    pub runs: Vec<Side>,
    /// In what the other runs differ from the base: at most one aspect unless `what_if`.
    pub differs: Vec<Aspect>,
    /// Whether differences are shown without a verdict on them.
    pub what_if: bool,
    /// In the order of reports.
    pub figures: Vec<Figure>,
}

/// One of the runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// What reports call it.
    pub label: String,
    /// Name of its scenario.
    pub scenario: String,
    /// SHA-256 of the resolved scenario, hex.
    pub fingerprint: String,
    /// Root seed.
    pub seed: u64,
    /// What it was fired at.
    pub target: String,
    /// Start of the timed phases, RFC 3339, UTC.
    pub started_at: String,
    /// Length of the measured phases, seconds.
    pub seconds: f64,
    /// Its own verdict.
    pub verdict: Verdict,
}

/// One number of every run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What it says.
    pub name: String,
    /// How it is written.
    pub unit: FigureUnit,
    /// What is better.
    pub better: Better,
    /// By run; absent where a run has nothing of the kind.
    pub values: Vec<Option<f64>>,
    /// By run after the base.
    pub differences: Vec<Option<Difference>>,
}

/// Which way a figure should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Down.
    Less,
    /// Up.
    More,
    /// Neither is better by itself.
    Neither,
}

/// A run minus the base.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The run's value − the base's, in the figure's unit.
    pub by: f64,
    /// 95 % interval of it; absent when the runs are too short for one.
    pub interval: Option<[f64; 2]>,
    /// What may be said; absent in a comparison without verdict.
    pub finding: Option<Finding>,
}

/// What may be said of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The run is better than the base.
    Better,
    /// The run is worse.
    Worse,
    /// It differs, which is neither.
    Changed,
    /// The interval holds 0, or there is none.
    Unclear,
    /// Exactly the same.
    Same,
}

/// Why runs cannot be compared with a verdict.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ContrastError {
    /// Nothing to compare with.
    #[error("one run is nothing to compare: name two or more")]
    Alone,
    /// Several causes for one difference.
    #[error("the runs differ in {}, so that no difference has one cause:\n{}",
        joined(.0.iter().map(|aspect| aspect.name.to_owned())), listed(.0))]
    Aspects(Vec<Aspect>),
    /// A run that says nothing of the table.
    #[error("{label} is {word}: it says nothing of the table")]
    Unusable {
        /// The run.
        label: String,
        /// Why.
        word: &'static str,
    },
    /// A price is missing.
    #[error(transparent)]
    Price(#[from] UnknownPrice),
}

/// Lays `runs` side by side, the first as the base. With `what_if` whatever they are, and
/// without a verdict.
///
/// # Errors
/// With fewer than two runs. Without `what_if`, also when they differ in more than one aspect, or
/// one of them says nothing of its table.
pub fn contrast(runs: &[Run<'_>], what_if: bool) -> Result<Contrast, ContrastError> {
    let Some((base, others)) = runs.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return Err(ContrastError::Alone);
    };
    let differs = aspect::union(others.iter().map(|other| aspect::between(base, other)));
    let analyses: Vec<Analysis> = runs
        .iter()
        .map(|run| Analysis::of(run.record, run.scenario))
        .collect();
    if !what_if {
        if differs.len() > 1 {
            return Err(ContrastError::Aspects(differs));
        }
        for (run, analysis) in runs.iter().zip(&analyses) {
            if let Some(word) = unusable(&analysis.judgement.verdict) {
                let label = run.label.to_owned();
                return Err(ContrastError::Unusable { label, word });
            }
        }
    }
    let reasons = figures::reasons(runs);
    let observed: Vec<Vec<Observed>> = runs
        .iter()
        .zip(&analyses)
        .map(|(run, analysis)| figures::observe(run, &analysis.summary, &reasons))
        .collect::<Result<_, _>>()?;
    Ok(Contrast {
        schema_version: SCHEMA_VERSION,
        runs: runs.iter().zip(analyses).map(side).collect(),
        differs,
        what_if,
        figures: side_by_side(&observed, what_if),
    })
}

fn unusable(verdict: &Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Pass | Verdict::Fail => None,
        Verdict::Invalid { reasons }
            if matches!(reasons[..], [InvalidReason::ShardsMissing { .. }]) =>
        {
            Some("INVALID, merged without all of its shards")
        }
        Verdict::Invalid { .. } => Some("INVALID"),
        Verdict::Interrupted | Verdict::Incomplete(_) => Some("interrupted"),
        Verdict::Part => Some("one shard of a run"),
    }
}

fn side((run, analysis): (&Run<'_>, Analysis)) -> Side {
    let from = &run.record.provenance;
    Side {
        label: run.label.to_owned(),
        scenario: from.scenario.clone(),
        fingerprint: from.fingerprint.clone(),
        seed: from.seed.0,
        target: from.target.clone(),
        started_at: from.started_at.clone(),
        seconds: analysis.summary.seconds,
        verdict: analysis.judgement.verdict,
    }
}

/// By name: what the base has, then what only others have.
fn side_by_side(observed: &[Vec<Observed>], what_if: bool) -> Vec<Figure> {
    let mut names: Vec<&str> = Vec::new();
    for one in observed.iter().flatten() {
        if !names.contains(&one.name.as_str()) {
            names.push(&one.name);
        }
    }
    let figure = |name: &str| {
        let of_run = |run: &Vec<Observed>| run.iter().position(|one| one.name == name);
        let found: Vec<Option<&Observed>> = observed
            .iter()
            .map(|run| of_run(run).map(|number| &run[number]))
            .collect();
        let any = found.iter().flatten().next()?;
        let differences = found[1..].iter().map(|other| {
            let (base, other) = (found[0]?, (*other)?);
            difference(base, other, what_if)
        });
        Some(Figure {
            name: name.to_owned(),
            unit: any.unit,
            better: any.better,
            values: found.iter().map(|one| (*one)?.value).collect(),
            differences: differences.collect(),
        })
    };
    names.into_iter().filter_map(figure).collect()
}

fn difference(base: &Observed, other: &Observed, what_if: bool) -> Option<Difference> {
    let by = other.value? - base.value?;
    let spread = resample::spread(&base.series, &other.series);
    let interval = spread.map(|[low, high]| [by + low, by + high]);
    Some(Difference {
        by,
        interval,
        finding: (!what_if).then(|| finding(by, interval, base.better)),
    })
}

fn finding(by: f64, interval: Option<[f64; 2]>, better: Better) -> Finding {
    let Some([low, high]) = interval else {
        return Finding::Unclear;
    };
    if low == 0.0 && high == 0.0 && by == 0.0 {
        return Finding::Same;
    }
    if low <= 0.0 && high >= 0.0 {
        return Finding::Unclear;
    }
    match (better, by < 0.0) {
        (Better::Neither, _) => Finding::Changed,
        (Better::Less, true) | (Better::More, false) => Finding::Better,
        (Better::Less, false) | (Better::More, true) => Finding::Worse,
    }
}

fn joined(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(" and ")
}

fn listed(aspects: &[Aspect]) -> String {
    let each = aspects.iter().flat_map(|aspect| {
        let changes = aspect.changes.iter();
        changes.map(move |change| format!("  {}: {change}", aspect.name))
    });
    each.collect::<Vec<_>>().join("\n")
}
