//! Several simulations of one scenario, as text of at most 80 columns.

use super::{
    format::{count, duration_difference, joined, number, percent},
    sizing::dollars,
};
use crate::{
    analysis::{
        seeds::{FigureUnit, SeedStudy},
        threshold::Verdict,
    },
    scenario::diagnostic::printable,
};

/// The text, each line ended by a newline.
#[must_use]
pub fn render(scenario: &str, study: &SeedStudy) -> String {
    let mut lines = vec![
        format!("{}   {}", printable(scenario), verdicts(study)),
        String::new(),
        format!(
            "{:<38}{:>14}{:>14}{:>14}",
            "over seeds", "median", "10 %", "90 %"
        ),
    ];
    for figure in &study.figures {
        let [median, low, high] = [figure.median, figure.p10, figure.p90];
        lines.push(format!(
            "{:<38}{:>14}{:>14}{:>14}",
            cut(&figure.name),
            show(median, figure.unit),
            show(low, figure.unit),
            show(high, figure.unit)
        ));
    }
    joined(lines)
}

fn verdicts(study: &SeedStudy) -> String {
    let runs = study.runs.len();
    let passed = study.runs.iter().filter(|run| run.verdict.passed()).count();
    let failed = study
        .runs
        .iter()
        .filter(|run| run.verdict == Verdict::Fail)
        .count();
    let mut text = format!(
        "{} seeds: {} passed",
        count(runs as u64),
        count(passed as u64)
    );
    if failed > 0 {
        text = format!("{text}, {} failed", count(failed as u64));
    }
    if passed + failed < runs {
        text = format!("{text}, {} invalid", count((runs - passed - failed) as u64));
    }
    text
}

pub(super) fn show(value: f64, unit: FigureUnit) -> String {
    match unit {
        FigureUnit::Share => percent(value),
        FigureUnit::RequestsPerSecond => format!("{}/s", number(value)),
        FigureUnit::ReadUnitsPerSecond => format!("{} RCU/s", number(value)),
        FigureUnit::WriteUnitsPerSecond => format!("{} WCU/s", number(value)),
        FigureUnit::Nanoseconds => duration_difference(value),
        FigureUnit::UsdPerMonth => format!("${}", dollars(value)),
    }
}

fn cut(name: &str) -> String {
    let name = printable(name);
    if name.chars().count() <= 36 {
        return name;
    }
    name.chars().take(35).chain(['…']).collect()
}
