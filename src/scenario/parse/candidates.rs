//! `[[candidate]]`: keys that `dyno compare` tries.

use toml::de::DeValue;

use super::{
    super::{
        candidate::{Candidate, NamedCandidate, Suffix, unsuitable},
        diagnostic::{Diagnostic, quoted},
        file::{Problems, fields::Fields, value::text},
        language::ENTRIES_MAX,
    },
    check_distinct, requests, small, tables,
};

pub(super) fn read(
    top: &Fields<'_>,
    tables: &[tables::Draft],
    problems: &mut Problems,
) -> Vec<NamedCandidate> {
    let sections = top.many(problems, "candidate");
    let candidates: Vec<_> = sections
        .iter()
        .filter_map(|fields| {
            let candidate = candidate(fields, tables, problems)?;
            let key = if fields.get("name").is_some() {
                "name"
            } else {
                "partition_key"
            };
            Some((candidate, fields.span_of(key)))
        })
        .collect();
    let names = candidates.iter();
    let names = names.map(|(named, span)| (named.candidate.name.as_str(), span.clone()));
    check_distinct("candidates", names, Some("give one a `name`"), problems);
    candidates.into_iter().map(|(named, _)| named).collect()
}

fn candidate(
    fields: &Fields<'_>,
    tables: &[tables::Draft],
    problems: &mut Problems,
) -> Option<NamedCandidate> {
    let name = fields.text(problems, "name").map(ToOwned::to_owned);
    let suffix = suffix(fields, problems);
    let table = requests::table_of(fields, tables, problems)?;
    let partition_key = partition_key(fields, &tables[table], problems)?;
    let sort_key = match fields.text(problems, "sort_key") {
        Some(name) => Some(attribute(
            name,
            "sort_key",
            fields.span_of("sort_key"),
            &tables[table],
            problems,
        )?),
        None => None,
    };
    let notation = || Candidate::notation(&partition_key, suffix, sort_key.as_deref());
    Some(NamedCandidate {
        table,
        candidate: Candidate {
            name: name.unwrap_or_else(notation),
            partition_key,
            suffix,
            sort_key,
        },
    })
}

fn suffix(fields: &Fields<'_>, problems: &mut Problems) -> Suffix {
    let Some(fields) = fields.one(problems, "suffix") else {
        return Suffix::None;
    };
    let shards = small(&fields, "shards", problems).unwrap_or(2);
    match fields.kind {
        Some("random") => Suffix::Random(shards),
        _ => Suffix::Calculated(shards),
    }
}

/// One attribute, or several whose values are joined.
fn partition_key(
    fields: &Fields<'_>,
    table: &tables::Draft,
    problems: &mut Problems,
) -> Option<Vec<String>> {
    const KEY: &str = "partition_key";
    let value = fields.get(KEY)?;
    let values = match value.get_ref() {
        DeValue::String(_) => std::slice::from_ref(value),
        DeValue::Array(values) if !values.is_empty() => &values[..],
        _ => {
            problems.push(
                Diagnostic::error(
                    "S004",
                    value.span(),
                    format!("`{KEY}` must be the name of an attribute, or a list of names"),
                )
                .label("write \"…\" or [\"…\", \"…\"]"),
            );
            return None;
        }
    };
    let mut names = Vec::new();
    for value in values.iter().take(ENTRIES_MAX) {
        let name = text(value, KEY, problems)?;
        names.push(attribute(name, KEY, value.span(), table, problems)?);
    }
    Some(names)
}

fn attribute(
    name: &str,
    role: &str,
    span: super::Span,
    table: &tables::Draft,
    problems: &mut Problems,
) -> Option<String> {
    let position = table.attribute(name, span.clone(), problems)?;
    let attribute = &table.table.attributes[position];
    if let Some(reason) = unsuitable(attribute) {
        let message = format!("{} cannot be in the `{role}` of a candidate", quoted(name));
        problems.push(Diagnostic::error("S017", span, message).label(reason));
        return None;
    }
    Some(attribute.name.clone())
}
