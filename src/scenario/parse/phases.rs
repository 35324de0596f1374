//! `[[phase]]`: the stretches of a run, each with its mix.

use std::time::Duration;

use super::{
    super::{
        ArrivalSpec, Phase, PhaseKind,
        diagnostic::Diagnostic,
        file::{Problems, Span, fields::Fields, value::bounded},
        files::Inputs,
        language::Bounds,
        quantity::Quantity,
    },
    arrivals::{self, Context},
    check_distinct, demand, requests, tables,
};
use crate::units::{Rate, Share};

/// A phase with where its name stands.
#[derive(Debug)]
pub(super) struct Draft {
    pub phase: Phase,
    /// Whether it names shares of its own, readable or not.
    pub has_mix: bool,
    name_span: Span,
    pub kind_span: Span,
    /// Whether the kind could be read.
    pub known: bool,
}

pub(super) fn read(
    top: &Fields<'_>,
    operations: &[requests::Draft],
    tables: &[tables::Draft],
    inputs: &mut Inputs<'_>,
    problems: &mut Problems,
) -> Vec<Draft> {
    let sections = top.many(problems, "phase");
    let drafts: Vec<_> = sections
        .iter()
        .map(|fields| phase(fields, operations, tables, inputs, problems))
        .collect();
    let read = drafts.iter().filter(|draft| draft.known);
    let names = read.map(|draft| (draft.phase.name.as_str(), draft.name_span.clone()));
    check_distinct(
        "phases",
        names,
        Some("give each a `name` of its own"),
        problems,
    );
    for late in drafts
        .iter()
        .skip(1)
        .filter(|draft| draft.known && draft.phase.kind == PhaseKind::Load)
    {
        problems.push(
            Diagnostic::error(
                "S020",
                late.kind_span.clone(),
                "a load phase must come first",
            )
            .label("move it before every other phase, and have only one"),
        );
    }
    let all_known = drafts.iter().all(|draft| draft.known);
    if let (Some(last), true) = (drafts.last(), all_known)
        && drafts
            .iter()
            .all(|draft| draft.phase.kind != PhaseKind::Measured)
    {
        problems.push(
            Diagnostic::error("S020", last.kind_span.clone(), "no phase is measured")
                .label("the report would be empty")
                .help("add a `[[phase]]` with `kind = \"measured\"`"),
        );
    }
    drafts
}

fn phase(
    fields: &Fields<'_>,
    operations: &[requests::Draft],
    tables: &[tables::Draft],
    inputs: &mut Inputs<'_>,
    problems: &mut Problems,
) -> Draft {
    let kind = match fields.kind {
        Some("load") => PhaseKind::Load,
        Some("warm-up") => PhaseKind::WarmUp,
        _ => PhaseKind::Measured,
    };
    let name = fields
        .text(problems, "name")
        .or(fields.kind)
        .unwrap_or_default();
    let name_key = if fields.get("name").is_some() {
        "name"
    } else {
        "kind"
    };
    let nothing = ArrivalSpec::Constant {
        rate: Rate::default(),
    };
    let length = fields.duration(problems, "duration");
    let mix = mix(fields, operations, problems);
    let per_request = mix.as_ref().ok().map(|mix| {
        let shares = operations.iter().enumerate().map(|(index, draft)| {
            let share = mix.as_ref().map_or(draft.spec.weight, |mix| mix[index]);
            (&draft.spec, share)
        });
        demand::per_request(shares, tables)
    });
    let context = Context {
        length,
        per_request,
    };
    let read = fields
        .one(problems, "arrivals")
        .and_then(|fields| arrivals::read(&fields, &context, inputs, problems));
    let (arrivals, assumed) = read.map_or((nothing, None), |read| (read.spec, read.assumed));
    Draft {
        phase: Phase {
            name: name.to_owned(),
            kind,
            duration: length.unwrap_or(Duration::ZERO),
            arrivals,
            mix: mix.unwrap_or_default(),
            assumed,
        },
        has_mix: fields.get("mix").is_some(),
        name_span: fields.span_of(name_key),
        kind_span: fields.span_of("kind"),
        known: fields.kind.is_some(),
    }
}

/// What could not be read, and was reported.
#[derive(Debug)]
struct Unreadable;

/// The phase's own mix, in the order of the operations.
fn mix(
    fields: &Fields<'_>,
    operations: &[requests::Draft],
    problems: &mut Problems,
) -> Result<Option<Vec<Share>>, Unreadable> {
    if fields.get("mix").is_none() {
        return Ok(None);
    }
    let errors = problems.errors();
    let mut shares = vec![Share::NONE; operations.len()];
    let mut total = 0.0;
    for entry in fields.entries(problems, "mix") {
        let found = requests::find(operations, entry.name, entry.span.clone(), problems);
        let bounds = Bounds {
            min: 0.0,
            max: 1.0,
            above_min: false,
        };
        let share = bounded(entry.value, entry.name, Quantity::Share, bounds, problems);
        total += share.unwrap_or(0.0);
        if let (Some(index), Some(share)) = (found, share.and_then(Share::new)) {
            shares[index] = share;
        }
    }
    let sound =
        problems.errors() == errors && arrivals::adds_up(total, &fields.span_of("mix"), problems);
    if sound {
        Ok(Some(shares))
    } else {
        Err(Unreadable)
    }
}
