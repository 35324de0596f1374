//! Several simulations of one scenario, as text of at most 80 columns.

use super::format::{count, duration, joined, number, percent};
use crate::{
    analysis::{
        seeds::{Figure, FigureUnit, SeedStudy},
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
            show(median, figure),
            show(low, figure),
            show(high, figure)
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

fn show(value: f64, figure: &Figure) -> String {
    match figure.unit {
        FigureUnit::Share => percent(value),
        FigureUnit::RequestsPerSecond => format!("{}/s", number(value)),
        FigureUnit::ReadUnitsPerSecond => format!("{} RCU/s", number(value)),
        FigureUnit::WriteUnitsPerSecond => format!("{} WCU/s", number(value)),
        FigureUnit::Nanoseconds => duration(nanos(value)),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "was whole nanoseconds before"
)]
const fn nanos(value: f64) -> u64 {
    value as u64
}

fn cut(name: &str) -> String {
    let name = printable(name);
    if name.chars().count() <= 36 {
        return name;
    }
    name.chars().take(35).chain(['…']).collect()
}
