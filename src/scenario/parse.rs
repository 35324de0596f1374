//! File → [`Scenario`], or every [`Diagnostic`] at once.
//!
//! Pure: text in, values out. What the keys are is declared in [`super::language`]; this module
//! owns what they mean together.

mod arrivals;
mod attributes;
mod billing;
mod candidates;
mod demand;
mod indexes;
mod missing;
mod model;
mod operations;
mod phases;
mod primary_key;
mod requests;
mod rows;
mod sizes;
mod spread;
mod tables;
mod trace;
mod verdicts;
mod weights;

use std::collections::BTreeSet;

use super::{
    ClientSettings, Nightly, RetrySettings, Scenario,
    diagnostic::{Diagnostic, Diagnostics, quoted},
    file::{self, Problems, Span, fields::Fields, value::nearest},
    files::{Files, Inputs, NoFiles},
    language,
};
use crate::{seed::Seed, units::Share};

/// A valid scenario, and what is suspicious about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// What is to be run.
    pub scenario: Scenario,
    /// Warnings, in the order of the file; [`Diagnostics::new`] renders them.
    pub warnings: Vec<Diagnostic>,
}

/// The seed of a scenario that names none.
pub const SEED_DEFAULT: Seed = Seed(1);

/// Reads a scenario that names no files; `file_name` appears in messages only.
///
/// # Errors
/// Every problem of the file at once, when at least one of them is an error; to name a file is
/// one.
pub fn parse(source: &str, file_name: &str) -> Result<Parsed, Diagnostics> {
    parse_with(source, file_name, &NoFiles)
}

/// Reads a scenario and the `files` that it names.
///
/// # Errors
/// Every problem of the file at once, when at least one of them is an error.
pub fn parse_with(source: &str, file_name: &str, files: &dyn Files) -> Result<Parsed, Diagnostics> {
    let mut problems = Problems::new(source);
    let scenario = scenario(source, files, &mut problems);
    let Some(scenario) = scenario.filter(|_| problems.errors() == 0) else {
        return Err(Diagnostics::new(source, file_name, problems.into_list()));
    };
    let mut warnings = problems.into_list();
    warnings.sort_by_key(|warning| (warning.span.start, warning.code));
    Ok(Parsed { scenario, warnings })
}

/// `None` only with an error among the problems.
fn scenario(source: &str, files: &dyn Files, problems: &mut Problems) -> Option<Scenario> {
    let table = file::read(source, problems)?;
    let mut inputs = Inputs::new(files);
    let top = Fields::new(&language::SCENARIO, table.get_ref(), 0..0, problems);
    let name = top.text(problems, "name").unwrap_or_default().to_owned();
    let question = top.text(problems, "question").map(ToOwned::to_owned);
    let seed = top.count(problems, "seed").map_or(SEED_DEFAULT, Seed);
    let expect_throttling = top.flag(problems, "expect_throttling").unwrap_or(false);
    let mut tables = tables::read(&top, problems);
    let mut keys = requests::keys(&top, problems);
    let weights = rows::load(&mut tables, &mut keys, &mut inputs, problems);
    tables::check(&tables, problems);
    let operations = requests::operations(&top, &tables, &mut keys, problems);
    let phases = phases::read(&top, &operations, &tables, &mut inputs, problems);
    requests::check_weights(&operations, &phases, problems);
    requests::check_loaded(&operations, &tables, &phases, problems);
    if problems.errors() == 0 {
        weights::check(&operations, &tables, &keys, &weights, problems);
    }
    let thresholds = verdicts::thresholds(&top, &operations, problems);
    let scenario = Scenario {
        name,
        question,
        seed,
        tables: tables.iter().map(|draft| draft.table.clone()).collect(),
        keys: keys.into_iter().map(|draft| draft.keys).collect(),
        operations: operations.into_iter().map(|draft| draft.spec).collect(),
        phases: phases.into_iter().map(|draft| draft.phase).collect(),
        client: client(&top, problems),
        thresholds,
        validity: verdicts::validity(&top, problems),
        model: model::read(&top, problems),
        weights,
        files: inputs.into_notes(),
        nightly: nightly(&top, problems),
        candidates: candidates::read(&top, &tables, problems),
    };
    if problems.errors() == 0 && !expect_throttling {
        demand::check(&scenario, &tables, problems);
    }
    Some(scenario)
}

fn client(top: &Fields<'_>, problems: &mut Problems) -> ClientSettings {
    let default = ClientSettings::default();
    let Some(fields) = top.one(problems, "client") else {
        return default;
    };
    ClientSettings {
        max_in_flight: small(&fields, "max_in_flight", problems).unwrap_or(default.max_in_flight),
        max_queued: small(&fields, "max_queued", problems).unwrap_or(default.max_queued),
        attempt_timeout: fields
            .duration(problems, "attempt_timeout")
            .unwrap_or(default.attempt_timeout),
        retry: retry(&fields, problems),
    }
}

fn retry(client: &Fields<'_>, problems: &mut Problems) -> RetrySettings {
    let default = RetrySettings::default();
    let Some(fields) = client.one(problems, "retry") else {
        return default;
    };
    let settings = RetrySettings {
        max_attempts: small(&fields, "max_attempts", problems).unwrap_or(default.max_attempts),
        base: fields.duration(problems, "base").unwrap_or(default.base),
        cap: fields.duration(problems, "cap").unwrap_or(default.cap),
    };
    if settings.base > settings.cap {
        let message = "the first back-off is longer than the longest";
        problems.push(
            Diagnostic::error("S024", fields.span_of("base"), message)
                .label("`base` must not exceed `cap`"),
        );
    }
    settings
}

fn nightly(top: &Fields<'_>, problems: &mut Problems) -> Option<Nightly> {
    let fields = top.one(problems, "nightly")?;
    let default = Nightly::default();
    Some(Nightly {
        repeats: small(&fields, "repeats", problems).unwrap_or(default.repeats),
        exact_tolerance: share(&fields, "exact_tolerance", problems)
            .unwrap_or(default.exact_tolerance),
    })
}

/// A share; its form bounds it to 0..=1.
fn share(fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<Share> {
    fields.quantity(problems, name).and_then(Share::new)
}

/// A count whose form bounds it far below 2^32.
fn small(fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<u32> {
    fields
        .count(problems, name)
        .and_then(|count| u32::try_from(count).ok())
}

/// Whole capacity units; their form bounds them far below 2^32.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the form bounds it to whole numbers up to 10^7"
)]
fn units(fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<u32> {
    fields.quantity(problems, name).map(|units| units as u32)
}

/// Reports every name that was used before.
fn check_distinct<'n>(
    what: &str,
    names: impl Iterator<Item = (&'n str, Span)>,
    help: Option<&str>,
    problems: &mut Problems,
) {
    let mut seen = BTreeSet::new();
    for (name, span) in names.filter(|(name, _)| !name.is_empty()) {
        if !seen.insert(name) {
            let mut problem = Diagnostic::error(
                "S010",
                span,
                format!("two {what} are named {}", quoted(name)),
            )
            .label("the name is taken");
            problem.help.extend(help.map(ToOwned::to_owned));
            problems.push(problem);
        }
    }
}

/// A reference to a name that is not defined, with those that are and their lines (0: built in).
fn undefined(
    code: &'static str,
    what: &str,
    name: &str,
    span: Span,
    defined: &[(&str, usize)],
) -> Diagnostic {
    const LISTED: usize = 12;
    let near = nearest(name, defined.iter().map(|(name, _)| *name));
    let listed: Vec<_> = defined
        .iter()
        .take(LISTED)
        .map(|(name, line)| match line {
            0 => format!("{} (built in)", quoted(name)),
            _ => format!("{} (line {line})", quoted(name)),
        })
        .collect();
    let more = defined.len().saturating_sub(LISTED);
    let note = match (listed.is_empty(), more) {
        (true, _) => "none is defined".to_owned(),
        (_, 0) => format!("defined: {}", listed.join(", ")),
        _ => format!("defined: {} and {more} more", listed.join(", ")),
    };
    Diagnostic::error(code, span, format!("no {what} named {}", quoted(name)))
        .label(near.map_or_else(String::new, |near| format!("did you mean `{near}`?")))
        .note(note)
}
