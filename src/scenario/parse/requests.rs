//! `[keys.…]` and `[[operation]]`: what is requested, of which items, how often.

use super::{
    super::{
        Consistency, KeySpec, NamedKeys, OperationSpec, PhaseKind,
        diagnostic::{Diagnostic, quoted},
        file::{
            Problems, Span,
            fields::Fields,
            value::{check_name, out_of_range, ticked},
        },
        language,
        quantity::grouped,
    },
    check_distinct, missing, operations, phases, share, tables, undefined,
    weights::{self, Listed, WeightsDraft},
};
use crate::units::{Direction, Share};

/// Kinds that may ask for items which nothing has written yet.
const NEW_ITEMS: &[&str] = &["put", "batch-write", "transact-write", "partiql"];

/// A key distribution; line 0 means that it is built in.
#[derive(Debug)]
pub(super) struct KeysDraft {
    pub keys: NamedKeys,
    pub span: Option<Span>,
    pub used: bool,
    /// Of kind `weights`.
    pub weights: Option<WeightsDraft>,
    /// Of kind `categorical`.
    pub listed: Option<Listed>,
}

/// The distributions of the file, and the built-in ones that operations use.
pub(super) fn keys(top: &Fields<'_>, problems: &mut Problems) -> Vec<KeysDraft> {
    let mut drafts = Vec::new();
    for entry in top.entries(problems, "keys") {
        check_name(entry.name, "key distribution", entry.span.clone(), problems);
        let fields = Fields::open(&language::KEYS, entry.value, problems);
        let spec = fields
            .as_ref()
            .and_then(|fields| key_spec(fields, problems));
        let fields = fields.as_ref();
        drafts.push(KeysDraft {
            weights: fields.and_then(|fields| WeightsDraft::read(fields, problems)),
            listed: fields.and_then(|fields| Listed::read(entry.name, fields, problems)),
            keys: NamedKeys {
                name: entry.name.to_owned(),
                spec: spec.unwrap_or(KeySpec::Uniform),
            },
            span: Some(entry.span),
            used: false,
        });
    }
    drafts
}

fn key_spec(fields: &Fields<'_>, problems: &mut Problems) -> Option<KeySpec> {
    let exponent = fields.number(problems, "exponent");
    let scrambled = fields.flag(problems, "scrambled").unwrap_or(false);
    let hot_keys = share(fields, "hot_keys", problems);
    let hot_traffic = share(fields, "hot_traffic", problems);
    let moves_every = fields.duration(problems, "moves_every");
    let [mean, std_dev] = ["mean", "std_dev"].map(|name| share(fields, name, problems));
    let rest = fields.number(problems, "rest");
    Some(match fields.kind? {
        "zipfian" => KeySpec::Zipfian {
            exponent: exponent?,
            scrambled,
        },
        "hot-set" => KeySpec::HotSet {
            keys: hot_keys?,
            traffic: hot_traffic?,
            moves_every,
        },
        "exponential" => KeySpec::Exponential {
            mean: above_none(fields, mean?, problems)?,
        },
        "normal" => KeySpec::Normal {
            mean: mean?,
            std_dev: std_dev?,
        },
        // Which weights, is known once all are read.
        "categorical" => KeySpec::Categorical {
            weights: 0,
            rest: rest.unwrap_or(0.0),
        },
        "latest" => KeySpec::Latest {
            exponent: exponent?,
        },
        // Which weights, only the data tell.
        "weights" => KeySpec::Weights { weights: 0 },
        built_in => built_in_spec(built_in)?,
    })
}

/// The mean of a law that has none of 0.
fn above_none(fields: &Fields<'_>, mean: Share, problems: &mut Problems) -> Option<Share> {
    if mean.is_none() {
        problems.push(out_of_range(
            "mean",
            fields.span_of("mean"),
            "more than 0 %",
        ));
        return None;
    }
    Some(mean)
}

fn built_in_spec(name: &str) -> Option<KeySpec> {
    match name {
        "uniform" => Some(KeySpec::Uniform),
        "sequential" => Some(KeySpec::Sequential),
        "new" => Some(KeySpec::New),
        _ => None,
    }
}

/// An operation with where its parts stand.
#[derive(Debug)]
pub(super) struct Draft {
    pub spec: OperationSpec,
    pub span: Span,
    pub name_span: Span,
    /// Where the section begins.
    section: Span,
    /// Where its weight stands, if it has one; whether that could be read.
    weight: Option<(Span, bool)>,
    /// Whether the kind could be read.
    known: bool,
}

pub(super) fn operations(
    top: &Fields<'_>,
    tables: &[tables::Draft],
    keys: &mut Vec<KeysDraft>,
    problems: &mut Problems,
) -> Vec<Draft> {
    let errors = problems.errors();
    let sections = top.many(problems, "operation");
    let mut drafts = Vec::new();
    for fields in &sections {
        let weight = share(fields, "weight", problems);
        drafts.push(operation(fields, weight, tables, keys, problems));
    }
    let names = drafts.iter().filter(|draft| draft.known);
    let names = names.map(|draft| (draft.spec.name.as_str(), draft.name_span.clone()));
    check_distinct(
        "operations",
        names,
        Some("give each a `name` of its own"),
        problems,
    );
    if problems.errors() == errors {
        for unused in keys.iter().filter(|draft| !draft.used) {
            let span = unused.span.clone().unwrap_or(0..0);
            let message = format!("no operation uses the keys {}", quoted(&unused.keys.name));
            problems.push(Diagnostic::warning("S032", span, message));
        }
    }
    drafts
}

fn operation(
    fields: &Fields<'_>,
    weight: Option<Share>,
    tables: &[tables::Draft],
    keys: &mut Vec<KeysDraft>,
    problems: &mut Problems,
) -> Draft {
    let name = fields
        .text(problems, "name")
        .or(fields.kind)
        .unwrap_or_default();
    let table = table_of(fields, tables, problems);
    let mut spec = OperationSpec {
        table: table.unwrap_or(0),
        keys: keys_of(fields, keys, problems)
            .and_then(|index| {
                let Some(table) = table else {
                    return Some(index);
                };
                weights::of_table(index, keys, (table, &tables[table]), fields, problems)
            })
            .unwrap_or(0),
        consistency: match fields.one_of(problems, "consistency") {
            Some("strong") => Consistency::Strong,
            _ => Consistency::Eventual,
        },
        ..OperationSpec::plain(
            name,
            operations::kind(fields, problems),
            weight.unwrap_or(Share::NONE),
        )
    };
    operations::shape(
        fields,
        table.map(|index| &tables[index]),
        &mut spec,
        problems,
    );
    if let Some(table) = table {
        let law = keys.get(spec.keys).map(|draft| draft.keys.spec);
        let law = law.unwrap_or(KeySpec::Uniform);
        spec.missing = missing::read(fields, &tables[table], law, &spec, problems);
    }
    let name_span = if fields.get("name").is_some() {
        "name"
    } else {
        "kind"
    };
    Draft {
        spec,
        span: fields.span_of("kind"),
        name_span: fields.span_of(name_span),
        section: fields.span.clone(),
        weight: fields
            .get("weight")
            .map(|value| (value.span(), weight.is_some())),
        known: fields.kind.is_some(),
    }
}

pub(super) fn table_of(
    fields: &Fields<'_>,
    tables: &[tables::Draft],
    problems: &mut Problems,
) -> Option<usize> {
    if fields.get("table").is_none() {
        if tables.len() > 1 {
            let names: Vec<_> = tables
                .iter()
                .map(|draft| draft.name.as_str())
                .take(12)
                .collect();
            problems.push(
                Diagnostic::error(
                    "S005",
                    fields.span.clone(),
                    format!("`table` is missing from {}", fields.section.title),
                )
                .label(format!("name one of {}", ticked(&names))),
            );
        }
        return (tables.len() == 1).then_some(0);
    }
    let name = fields.text(problems, "table")?;
    let found = tables.iter().position(|draft| draft.name == name);
    if found.is_none() && !tables.is_empty() {
        let lines = tables
            .iter()
            .map(|draft| (draft.name.as_str(), problems.line(&draft.name_span)));
        let lines: Vec<_> = lines.collect();
        problems.push(undefined(
            "S014",
            "table",
            name,
            fields.span_of("table"),
            &lines,
        ));
    }
    found
}

fn keys_of(
    fields: &Fields<'_>,
    keys: &mut Vec<KeysDraft>,
    problems: &mut Problems,
) -> Option<usize> {
    // A scan picks no item: any law will do.
    let (name, span) = match fields.kind {
        Some("scan") => ("uniform", fields.span_of("kind")),
        _ => (fields.text(problems, "keys")?, fields.span_of("keys")),
    };
    let mut found = keys.iter().position(|draft| draft.keys.name == name);
    if let (None, Some(spec)) = (found, built_in_spec(name)) {
        found = Some(keys.len());
        keys.push(KeysDraft {
            keys: NamedKeys {
                name: name.to_owned(),
                spec,
            },
            span: None,
            used: true,
            weights: None,
            listed: None,
        });
    }
    let Some(index) = found else {
        let of_file = keys
            .iter()
            .filter_map(|draft| Some((draft, draft.span.as_ref()?)));
        let defined = of_file.map(|(draft, span)| (draft.keys.name.as_str(), problems.line(span)));
        let built_in = language::BUILT_IN_KEYS.iter().map(|name| (*name, 0));
        let defined: Vec<_> = defined.chain(built_in).collect();
        problems.push(undefined("S015", "key distribution", name, span, &defined));
        return None;
    };
    keys[index].used = true;
    let statement = fields
        .get("statement")
        .and_then(|value| value.get_ref().as_str());
    let statement = statement.filter(|statement| *statement != "insert");
    let without = fields.kind.filter(|kind| !NEW_ITEMS.contains(kind));
    if let (KeySpec::New, Some(kind)) = (keys[index].keys.spec, without.or(statement)) {
        problems.push(
            Diagnostic::error("S022", span, format!("`{kind}` cannot ask for new items"))
                .label(format!(
                    "keys of kind `new` are only for {} inserts",
                    NEW_ITEMS.join(", ")
                ))
                .help(format!(
                    "{} is a new item for every request, which nothing has written yet",
                    quoted(name)
                )),
        );
    }
    Some(index)
}

/// Weights add up, and none is missing unless every phase has a mix of its own.
pub(super) fn check_weights(
    operations: &[Draft],
    phases: &[phases::Draft],
    problems: &mut Problems,
) {
    let mut timed = phases
        .iter()
        .filter(|draft| draft.known && draft.phase.kind != PhaseKind::Load);
    let unmixed = timed.find(|draft| !draft.has_mix);
    let given = operations.iter().any(|draft| draft.weight.is_some());
    if unmixed.is_none() && !given {
        return;
    }
    for draft in operations.iter().filter(|draft| draft.weight.is_none()) {
        if let Some(phase) = unmixed {
            problems.push(
                Diagnostic::error(
                    "S005",
                    draft.section.clone(),
                    "`weight` is missing from [[operation]]",
                )
                .label("add `weight = \"1 %\"`")
                .help(format!(
                    "or give {} a `mix` of its own",
                    quoted(&phase.phase.name)
                )),
            );
        }
    }
    let read = |draft: &Draft| match draft.weight {
        Some((_, read)) => read,
        None => unmixed.is_none(),
    };
    if operations.iter().all(read) {
        check_mix(operations, problems);
    }
}

fn check_mix(drafts: &[Draft], problems: &mut Problems) {
    let percent = |share: f64| grouped((share * 1e8).round() / 1e6);
    let total: f64 = drafts
        .iter()
        .map(|draft| draft.spec.weight.as_fraction())
        .sum();
    if (total - 1.0).abs() <= 1e-6 {
        return;
    }
    let mut spans = drafts.iter().filter_map(|draft| draft.weight.as_ref());
    let Some((span, _)) = spans.next_back() else {
        return;
    };
    let listed = drafts
        .iter()
        .take(12)
        .map(|draft| percent(draft.spec.weight.as_fraction()));
    let mut listed: Vec<_> = listed.collect();
    if drafts.len() > listed.len() {
        listed.push("…".to_owned());
    }
    let off = percent((total - 1.0).abs());
    let help = if total > 1.0 { "lower" } else { "raise" };
    problems.push(
        Diagnostic::error(
            "S011",
            span.clone(),
            format!("mix adds up to {} %, not 100 %", percent(total)),
        )
        .label(listed.join(" + "))
        .help(format!("{help} one by {off} %")),
    );
}

/// Without a load phase, requests for the items of a new table find none; tables that are there
/// already are never loaded.
pub(super) fn check_loaded(
    operations: &[Draft],
    tables: &[tables::Draft],
    phases: &[phases::Draft],
    problems: &mut Problems,
) {
    let mut phases_known = phases.iter().filter(|draft| draft.known);
    let load = phases_known.find(|draft| draft.phase.kind == PhaseKind::Load);
    let existing = |draft: &tables::Draft| draft.table.existing;
    if let Some(load) = load.filter(|_| !tables.is_empty() && tables.iter().all(existing)) {
        let message = "nothing to load: every table is there already";
        problems.push(
            Diagnostic::error("S022", load.kind_span.clone(), message)
                .label("a run never loads a table that it has not made")
                .help("leave this phase out, or `existing`"),
        );
    }
    let loaded = load.is_some();
    let readable = !phases.is_empty() && phases.iter().all(|draft| draft.known);
    let reader = operations
        .iter()
        .filter(|draft| !tables.get(draft.spec.table).is_some_and(existing))
        .find(|draft| draft.spec.kind.direction() == Direction::Read && draft.known);
    if let (false, true, Some(reader)) = (loaded, readable, reader) {
        let kind = reader.spec.kind.api_name();
        problems.push(
            Diagnostic::warning("S033", reader.span.clone(), "no load phase: reads may find no items")
                .label(format!("{kind} of a missing item costs the minimum"))
                .help("put a `[[phase]]` with `kind = \"load\"` first, unless the table is already filled"),
        );
    }
}

/// Position of the operation called `name`.
pub(super) fn find(
    operations: &[Draft],
    name: &str,
    span: Span,
    problems: &mut Problems,
) -> Option<usize> {
    let found = operations.iter().position(|draft| draft.spec.name == name);
    if found.is_none() && !operations.is_empty() {
        let lines = operations
            .iter()
            .map(|draft| (draft.spec.name.as_str(), problems.line(&draft.name_span)));
        let lines: Vec<_> = lines.collect();
        problems.push(undefined("S021", "operation", name, span, &lines));
    }
    found
}
