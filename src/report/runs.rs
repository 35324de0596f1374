//! Runs side by side as text of at most 80 columns.

use super::{
    format::{count, joined, length, number},
    seeds::show,
    sizing::{cut, wrapped},
};
use crate::{
    analysis::{
        runs::{Contrast, Difference, Figure, Finding, Side},
        seeds::FigureUnit,
        threshold::Verdict,
    },
    scenario::diagnostic::printable,
};

/// What the headline speaks of, where there is such a figure.
const MAIN: [&str; 3] = ["throttled", "response time p99", "capacity a month"];

/// The text, each line ended by a newline.
#[must_use]
pub fn render(contrast: &Contrast) -> String {
    let mut lines = Vec::new();
    let Some((base, others)) = contrast.runs.split_first() else {
        return String::new();
    };
    for (number, other) in others.iter().enumerate() {
        if number > 0 {
            lines.push(String::new());
        }
        lines.extend(wrapped(&headline(contrast, number), ""));
        lines.push(String::new());
        lines.push(run_line("A", base));
        lines.push(run_line("B", other));
        lines.push(String::new());
        lines.push(row(&["", "A", "B", "B − A", "95 % of it"], ""));
        for figure in &contrast.figures {
            lines.extend(figure_lines(figure, number));
        }
    }
    lines.push(String::new());
    for note in notes(contrast) {
        lines.extend(wrapped(&note, "  "));
    }
    joined(lines)
}

/// What is to be said of run `number` after the base, in one sentence.
#[must_use]
pub fn headline(contrast: &Contrast, number: usize) -> String {
    let main = contrast
        .figures
        .iter()
        .filter(|figure| MAIN.contains(&figure.name.as_str()))
        .filter_map(|figure| {
            let (base, other) = (figure.values[0]?, figure.values[number + 1]?);
            let change = format!(
                "{} {} → {}",
                figure.name,
                show(base, figure.unit),
                show(other, figure.unit)
            );
            let finding = figure.differences[number]?.finding;
            Some(match finding.map(word) {
                Some(word) => format!("{change} ({word})"),
                None => change,
            })
        });
    let main: Vec<String> = main.collect();
    let what: Vec<&str> = contrast.differs.iter().map(|aspect| aspect.name).collect();
    let what = if what.is_empty() {
        "nothing but the seed".to_owned()
    } else {
        what.join(", ")
    };
    format!(
        "{} against {}, which differ in {what}: {}.",
        cut(&contrast.runs[number + 1].label, 40),
        cut(&contrast.runs[0].label, 40),
        main.join(", ")
    )
}

const fn word(finding: Finding) -> &'static str {
    match finding {
        Finding::Better => "better",
        Finding::Worse => "worse",
        Finding::Changed => "changed",
        Finding::Unclear => "not told apart",
        Finding::Same => "same",
    }
}

fn run_line(letter: &str, run: &Side) -> String {
    let verdict = match run.verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Invalid { .. } => "INVALID",
        Verdict::Interrupted | Verdict::Incomplete(_) => "INTERRUPTED",
        Verdict::Part => "PART",
    };
    format!(
        "  {letter}  {:<36}  {}  seed {}  {}  {verdict}",
        cut(&run.label, 36),
        cut(&run.target, 12),
        run.seed,
        length(run.seconds)
    )
}

/// One line, or two where the name is too long.
fn figure_lines(figure: &Figure, number: usize) -> Vec<String> {
    let value = |run: usize| {
        let value = figure.values.get(run).copied().flatten();
        value.map_or_else(String::new, |value| show(value, figure.unit))
    };
    let (mark, by, interval) = match figure.differences.get(number).copied().flatten() {
        None => ("", String::new(), String::new()),
        Some(Difference {
            by,
            interval,
            finding,
        }) => {
            let mark = match finding {
                Some(Finding::Better) => "✓",
                Some(Finding::Worse) => "✗",
                Some(Finding::Changed) => "≠",
                Some(Finding::Unclear) => "?",
                Some(Finding::Same) => "=",
                None => "",
            };
            let interval = interval.map_or_else(String::new, |[low, high]| {
                format!(
                    "{} … {}",
                    signed(low, figure.unit, false),
                    signed(high, figure.unit, false)
                )
            });
            (mark, signed(by, figure.unit, true), interval)
        }
    };
    let name = printable(&figure.name);
    let cells = |name: &str| row(&[name, &value(0), &value(number + 1), &by, &interval], mark);
    if name.chars().count() <= NAME {
        return vec![cells(&name)];
    }
    vec![cut(&name, 76), cells("")]
}

/// A difference with its sign; of shares in percentage points.
fn signed(value: f64, unit: FigureUnit, with_unit: bool) -> String {
    let sign = if value > 0.0 { "+" } else { "" };
    let text = match unit {
        FigureUnit::Share if with_unit => format!("{} pp", number(value * 100.0)),
        FigureUnit::Share => number(value * 100.0),
        FigureUnit::Nanoseconds => show(value, unit),
        _ => number(value),
    };
    format!("{sign}{text}")
}

fn notes(contrast: &Contrast) -> Vec<String> {
    let mut notes = Vec::new();
    for aspect in &contrast.differs {
        notes.push(format!(
            "{}: {}.",
            aspect.name,
            printable(&aspect.changes.join("; "))
        ));
    }
    if contrast.what_if {
        notes.push(
            "What if: the differences as they are, whatever caused them, without a verdict."
                .to_owned(),
        );
    } else {
        let marked = contrast.figures.len();
        notes.push(format!(
            "✓ better, ✗ worse, ≠ differs, = the same, ? not told apart from no difference. Each \
             of the {} figures by itself at 95 %: of equal ones about 1 in 20 looks different.",
            count(marked as u64)
        ));
    }
    notes.push(
        "Intervals: the runs' seconds, resampled in stretches; they hold what varies within a \
         run, and not what varies from run to run or machine to machine. Points are of whole \
         runs, percentiles of merged histograms. pp: percentage points. Capacity a month: what \
         is provisioned, or on demand what was consumed, all month long; storage not included."
            .to_owned(),
    );
    if contrast.runs.iter().any(|run| run.target == "simulation") {
        notes.push("Response times of a simulation are an assumption of the model.".to_owned());
    }
    notes
}

/// Columns of a figure's name.
const NAME: usize = 26;

fn row(cells: &[&str; 5], mark: &str) -> String {
    let [name, base, other, by, interval] = cells;
    format!("{name:<NAME$}{base:>11}{other:>11}{by:>11}{interval:>19} {mark}")
}
