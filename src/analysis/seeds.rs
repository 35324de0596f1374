//! What differs between runs of one scenario that differ in their seed alone.
//!
//! Each figure is taken from each run as that run's own summary has it; percentiles of runs are
//! never averaged, and never merged.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Analysis, Summary, threshold::Verdict};
use crate::{
    schedule::shard::Shard,
    seed::Seed,
    units::{ByDirection, Direction, float},
};

/// Several runs of one scenario, each with a seed of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeedStudy {
    /// In the order in which they were asked for.
    pub runs: Vec<SeedRun>,
    /// The figures over all runs, in the order of reports.
    pub figures: Vec<Figure>,
    /// The part of a study that this is; absent of a whole one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<StudyPart>,
}

/// The part of a study that one of several processes simulated: the seeds whose number among
/// all, from 0, is its shard's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StudyPart {
    /// Whose part.
    pub shard: Shard,
    /// What has to be the same in all parts.
    pub study: StudyId,
}

/// What tells one study from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StudyId {
    /// Scenario name.
    pub scenario: String,
    /// SHA-256 of the resolved scenario with its first seed, hex.
    pub fingerprint: String,
    /// `dynamometer` version.
    pub tool_version: String,
    /// Seeds in all.
    pub seeds: u64,
}

/// Why studies are no study together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StudyError {
    /// Nothing to merge, or a study that is whole already.
    #[error("it is no part of a study of seeds")]
    Whole,
    /// Parts of different studies.
    #[error("shard {0} is of another study than the first: scenario, seeds or version differ")]
    Differs(Shard),
    /// Not each part once.
    #[error(
        "shard {0} of the study is there {1} times, not once: name the folder of each shard once"
    )]
    Times(Shard, usize),
    /// A part without all of its seeds.
    #[error("shard {0} has not simulated as many seeds as it should")]
    Incomplete(Shard),
}

/// One of the runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeedRun {
    /// Its seed.
    pub seed: Seed,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its numbers.
    pub summary: Summary,
}

/// One figure over all runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// What it says.
    pub name: String,
    /// How it is written.
    pub unit: FigureUnit,
    /// Runs that have it; a ratio without a denominator is missing.
    pub runs: usize,
    /// The smallest value that at least a tenth of the runs do not exceed.
    pub p10: f64,
    /// The same for half of them.
    pub median: f64,
    /// The same for nine tenths.
    pub p90: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FigureUnit {
    /// Part of a whole, 0 to 1.
    Share,
    /// Requests per second.
    RequestsPerSecond,
    /// RCU per second.
    ReadUnitsPerSecond,
    /// WCU per second.
    WriteUnitsPerSecond,
    /// Nanoseconds.
    Nanoseconds,
    /// Dollars a month.
    UsdPerMonth,
}

impl SeedStudy {
    /// Of runs of one scenario, with the analysis of each.
    #[must_use]
    pub fn of(runs: impl IntoIterator<Item = (Seed, Analysis)>) -> Self {
        let runs: Vec<_> = runs
            .into_iter()
            .map(|(seed, analysis)| SeedRun {
                seed,
                verdict: analysis.judgement.verdict,
                summary: analysis.summary,
            })
            .collect();
        let figures = figures(&runs);
        Self {
            runs,
            figures,
            part: None,
        }
    }

    /// The study that `parts` make together: the same as one process would make.
    ///
    /// # Errors
    /// When they are not all the parts of one study, each once.
    pub fn merged(parts: &[Self]) -> Result<Self, StudyError> {
        let of = |one: &Self| one.part.clone().ok_or(StudyError::Whole);
        let whose: Vec<StudyPart> = parts.iter().map(of).collect::<Result<_, _>>()?;
        let lengths = whose.iter().zip(parts);
        let lengths = lengths.map(|(part, one)| (part, one.runs.len() as u64));
        once_each(&lengths.collect::<Vec<_>>())?;
        let mut runs = BTreeMap::new();
        for (part, one) in whose.iter().zip(parts) {
            let numbered = one.runs.iter().zip(0..);
            runs.extend(numbered.map(|(run, before)| (part.shard.nth(before), run)));
        }
        let runs: Vec<_> = runs.into_values().cloned().collect();
        let figures = figures(&runs);
        Ok(Self {
            runs,
            figures,
            part: None,
        })
    }

    /// The verdict that stands for all: an invalid run spoils the study, a missed threshold of
    /// any run is missed.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let codes = || self.runs.iter().map(|run| run.verdict.exit_code());
        codes()
            .find(|code| *code > 1)
            .or_else(|| codes().max())
            .unwrap_or(0)
    }
}

/// Whether `parts`, each with as many seeds as it has, are all the parts of one study.
///
/// # Errors
/// When one is missing, there twice, of another study or incomplete.
pub fn once_each(parts: &[(&StudyPart, u64)]) -> Result<(), StudyError> {
    let (StudyPart { shard, study }, _) = parts.first().ok_or(StudyError::Whole)?;
    for (part, seeds) in parts {
        if part.study != *study || part.shard.count() != shard.count() {
            return Err(StudyError::Differs(part.shard));
        }
        if *seeds != part.shard.share_of(study.seeds) {
            return Err(StudyError::Incomplete(part.shard));
        }
    }
    for shard in shard.all() {
        let times = parts.iter().filter(|(part, _)| part.shard == shard).count();
        if times != 1 {
            return Err(StudyError::Times(shard, times));
        }
    }
    Ok(())
}

fn figures(runs: &[SeedRun]) -> Vec<Figure> {
    let Some(first) = runs.first() else {
        return Vec::new();
    };
    let mut figures = Vec::new();
    let mut add = |name: String, unit, value: &dyn Fn(&Summary) -> Option<f64>| {
        let values = runs.iter().filter_map(|run| value(&run.summary)).collect();
        figures.extend(figure(name, unit, values));
    };
    add("throttled".into(), FigureUnit::Share, &|summary| {
        summary.throttled_share
    });
    for (index, operation) in first.summary.operations.iter().enumerate() {
        let name = format!("throttled, {}", operation.name);
        add(name, FigureUnit::Share, &|summary| {
            summary.operations.get(index)?.throttled_share
        });
    }
    add(
        "completed".into(),
        FigureUnit::RequestsPerSecond,
        &|summary| Some(summary.completed_per_second),
    );
    for (index, table) in first.summary.tables.iter().enumerate() {
        for direction in Direction::ALL {
            let unit = ByDirection {
                read: FigureUnit::ReadUnitsPerSecond,
                write: FigureUnit::WriteUnitsPerSecond,
            }[direction];
            let flow =
                |summary: &Summary| Some(summary.tables.get(index)?.directions[direction].clone());
            add(format!("mean, {}", table.name), unit, &|summary| {
                flow(summary).map(|flow| flow.mean_per_second)
            });
            add(
                format!("peak of a second, {}", table.name),
                unit,
                &|summary| flow(summary).map(|flow| flow.peak_per_second),
            );
        }
    }
    add(
        "response time p99".into(),
        FigureUnit::Nanoseconds,
        &|summary| summary.response_time.map(|times| float(times.p99_nanos)),
    );
    figures
}

fn figure(name: String, unit: FigureUnit, mut values: Vec<f64>) -> Option<Figure> {
    values.sort_by(f64::total_cmp);
    let (min, max) = (*values.first()?, *values.last()?);
    let at = |tenths: usize| values[(values.len() * tenths).div_ceil(10).max(1) - 1];
    Some(Figure {
        name,
        unit,
        runs: values.len(),
        p10: at(1),
        median: at(5),
        p90: at(9),
        min,
        max,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_over_runs_are_values_of_runs() {
        let check = |values: &[f64], expected: [f64; 3]| {
            let figure = figure(String::new(), FigureUnit::Share, values.to_vec()).unwrap();
            let found = [figure.p10, figure.median, figure.p90].map(f64::to_bits);
            assert_eq!(found, expected.map(f64::to_bits), "{values:?}");
        };
        check(&[3.0], [3.0, 3.0, 3.0]);
        check(&[2.0, 1.0], [1.0, 1.0, 2.0]);
        check(
            &[10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0],
            [1.0, 5.0, 9.0],
        );
        assert_eq!(figure(String::new(), FigureUnit::Share, vec![]), None);
    }
}
