//! `[[phase]]`: the stretches of a run and their arrivals.

use std::time::Duration;

use super::{
    super::{
        ArrivalSpec, Phase, PhaseKind,
        diagnostic::Diagnostic,
        file::{Problems, Span, fields::Fields},
    },
    check_distinct,
};
use crate::units::Rate;

/// A phase with where its name stands.
#[derive(Debug)]
pub(super) struct Draft {
    pub phase: Phase,
    name_span: Span,
    pub kind_span: Span,
    /// Whether the kind could be read.
    pub known: bool,
}

pub(super) fn read(top: &Fields<'_>, problems: &mut Problems) -> Vec<Draft> {
    let sections = top.many(problems, "phase");
    let drafts: Vec<_> = sections
        .iter()
        .map(|fields| phase(fields, problems))
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

fn phase(fields: &Fields<'_>, problems: &mut Problems) -> Draft {
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
    let arrivals = fields
        .one(problems, "arrivals")
        .and_then(|arrivals| arrival(&arrivals, problems));
    Draft {
        phase: Phase {
            name: name.to_owned(),
            kind,
            duration: fields
                .duration(problems, "duration")
                .unwrap_or(Duration::ZERO),
            arrivals: arrivals.unwrap_or(nothing),
        },
        name_span: fields.span_of(name_key),
        kind_span: fields.span_of("kind"),
        known: fields.kind.is_some(),
    }
}

fn arrival(fields: &Fields<'_>, problems: &mut Problems) -> Option<ArrivalSpec> {
    let [rate, from, to] = ["rate", "from", "to"]
        .map(|name| fields.quantity(problems, name).and_then(Rate::per_second));
    Some(match fields.kind? {
        "constant" => ArrivalSpec::Constant { rate: rate? },
        "poisson" => ArrivalSpec::Poisson { rate: rate? },
        _ => {
            let (from, to) = (from?, to?);
            if from == Rate::default() && to == Rate::default() {
                problems.push(
                    Diagnostic::error(
                        "S006",
                        fields.span.clone(),
                        "a ramp from 0/s to 0/s sends nothing",
                    )
                    .label("raise `from` or `to`"),
                );
            }
            ArrivalSpec::Ramp { from, to }
        }
    })
}
