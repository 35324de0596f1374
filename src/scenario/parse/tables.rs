//! `[[table]]`: tables, their attributes, and what DynamoDB would refuse of them.

use super::{
    super::{
        Attribute, AttributeType, Table, TableClass, ValueSpec,
        diagnostic::{Diagnostic, quoted},
        file::{
            Problems, Span,
            fields::{Entry, Fields},
            value::{self, nearest, out_of_range, plain_number, ticked},
        },
        language,
    },
    billing, check_distinct, indexes,
    primary_key::{check_keys, warn_of_overwrites},
    share,
    sizes::check_item_size,
    spread::{self, Meaning},
};
use crate::units::{ByDirection, Share};

/// A table with where its parts stand. Parts that could not be read hold a stand-in, and the
/// problems an error.
#[derive(Debug)]
pub(super) struct Draft {
    pub name: String,
    pub name_span: Span,
    pub table: Table,
    pub capacity_spans: ByDirection<Span>,
    /// Where each attribute's name stands.
    pub attribute_spans: Vec<Span>,
    /// Where each index's name stands.
    pub index_spans: Vec<Span>,
}

pub(super) fn read(top: &Fields<'_>, problems: &mut Problems) -> Vec<Draft> {
    let sections = top.many(problems, "table");
    let tables: Vec<_> = sections
        .iter()
        .map(|fields| table(fields, problems))
        .collect();
    let names = tables
        .iter()
        .map(|draft| (draft.name.as_str(), draft.name_span.clone()));
    check_distinct("tables", names, None, problems);
    tables
}

fn table(fields: &Fields<'_>, problems: &mut Problems) -> Draft {
    let name = fields.text(problems, "name").unwrap_or_default();
    check_name("table", name, fields.span_of("name"), problems);
    let billing::Draft {
        billing,
        capacity_spans,
    } = billing::read(fields, problems);
    let items = fields.count(problems, "items");
    let entries = fields.entries(problems, "attributes");
    let errors = problems.errors();
    let attributes: Vec<_> = entries
        .iter()
        .map(|entry| attribute(entry, problems))
        .collect();
    let sound = problems.errors() == errors;
    let find = |key, problems: &mut Problems| find_key(fields, key, &entries, problems);
    let partition_key = find("partition_key", problems);
    let sort_key = find("sort_key", problems);
    let mut draft = Draft {
        name: name.to_owned(),
        name_span: fields.span_of("name"),
        capacity_spans,
        attribute_spans: entries.iter().map(|entry| entry.span.clone()).collect(),
        index_spans: Vec::new(),
        table: Table {
            name: name.to_owned(),
            partition_key: partition_key.unwrap_or(0),
            sort_key,
            billing,
            class: match fields.one_of(problems, "class") {
                Some("standard-ia") => TableClass::StandardInfrequentAccess,
                _ => TableClass::Standard,
            },
            existing: fields.flag(problems, "existing").unwrap_or(false),
            indexes: Vec::new(),
            items: items.unwrap_or(1),
            attributes,
        },
    };
    if partition_key.is_some() && partition_key == sort_key {
        let span = fields.span_of("sort_key");
        problems.push(
            Diagnostic::error(
                "S017",
                span,
                "partition key and sort key are the same attribute",
            )
            .label("leave `sort_key` out, or name another attribute"),
        );
    } else if sound {
        check_keys(&draft, partition_key, problems);
        check_item_size(&draft, problems);
        if items.is_some() && partition_key.is_some() {
            warn_of_overwrites(&draft, &fields.span_of("partition_key"), problems);
        }
    }
    (draft.table.indexes, draft.index_spans) = indexes::read(fields, &draft, problems);
    draft
}

/// Names of tables and of indexes follow one rule. [CONS]
pub(super) fn check_name(what: &str, name: &str, span: Span, problems: &mut Problems) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let sound = (3..=255).contains(&name.len()) && name.chars().all(allowed);
    if !name.is_empty() && !sound {
        problems.push(
            Diagnostic::error(
                "S012",
                span,
                format!("DynamoDB allows no {what} named {}", quoted(name)),
            )
            .label("3 to 255 of a-z, A-Z, 0-9, `_`, `-`, `.`"),
        );
    }
}

fn find_key(
    fields: &Fields<'_>,
    key: &str,
    entries: &[Entry<'_>],
    problems: &mut Problems,
) -> Option<usize> {
    let name = fields.text(problems, key)?;
    let found = entries.iter().position(|entry| entry.name == name);
    if found.is_none() && !entries.is_empty() {
        let names: Vec<_> = entries.iter().map(|entry| entry.name).take(12).collect();
        let near = nearest(name, names.iter().copied());
        problems.push(
            Diagnostic::error(
                "S016",
                fields.span_of(key),
                format!("no attribute named {}", quoted(name)),
            )
            .label(near.map_or_else(String::new, |near| format!("did you mean `{near}`?")))
            .note(format!("defined: {}", ticked(&names))),
        );
    }
    found
}

fn attribute(entry: &Entry<'_>, problems: &mut Problems) -> Attribute {
    value::check_name(entry.name, "attribute name", entry.span.clone(), problems);
    let mut attribute = Attribute {
        name: entry.name.to_owned(),
        kind: AttributeType::S,
        value: ValueSpec::Unique {
            prefix: String::new(),
        },
        present: Share::ALL,
    };
    let Some(fields) = Fields::open(&language::ATTRIBUTE, entry.value, problems) else {
        return attribute;
    };
    let kind = fields.one_of(problems, "type").map(|name| match name {
        "N" => AttributeType::N,
        "B" => AttributeType::B,
        "BOOL" => AttributeType::Bool,
        _ => AttributeType::S,
    });
    if let Some(present) = share(&fields, "present", problems) {
        attribute.present = present;
    }
    let value = value(&fields, problems);
    if let (Some(kind), Some(name)) = (kind, fields.kind) {
        attribute.kind = kind;
        check_type(kind, name, &fields, problems);
    }
    if let Some(value) = value {
        attribute.value = value;
    }
    attribute
}

fn value(fields: &Fields<'_>, problems: &mut Problems) -> Option<ValueSpec> {
    let prefix = fields
        .text(problems, "prefix")
        .unwrap_or_default()
        .to_owned();
    Some(match fields.kind? {
        "unique" => ValueSpec::Unique { prefix },
        "group" => ValueSpec::Group {
            prefix,
            size: fields.count(problems, "size")?,
        },
        "cycle" => ValueSpec::Cycle {
            prefix,
            size: fields.count(problems, "size")?,
        },
        "zipfian" => {
            let count = fields.count(problems, "count");
            let exponent = fields.number(problems, "exponent");
            ValueSpec::Zipfian {
                prefix,
                count: count?,
                exponent: exponent?,
            }
        }
        "categorical" => ValueSpec::Categorical {
            choices: choices(fields, problems)?,
        },
        "text" => ValueSpec::Text {
            length: spread::read(fields, "length", Meaning::Length, problems)?,
        },
        "bytes" => ValueSpec::Bytes {
            length: spread::read(fields, "length", Meaning::Length, problems)?,
        },
        "number" => {
            let value = spread::read(fields, "range", Meaning::Number, problems);
            let decimals = fields.count(problems, "decimals").unwrap_or(0);
            ValueSpec::Number {
                value: value?,
                decimals: u8::try_from(decimals).ok()?,
            }
        }
        _ => ValueSpec::Boolean {
            true_share: share(fields, "true_share", problems)?,
        },
    })
}

fn choices(fields: &Fields<'_>, problems: &mut Problems) -> Option<Vec<(String, f64)>> {
    let entries = fields.entries(problems, "choices");
    let errors = problems.errors();
    let choices: Vec<_> = entries
        .iter()
        .filter_map(|entry| {
            if !entry.name.is_empty() {
                value::check_name(entry.name, "choice", entry.span.clone(), problems);
            }
            let weight = plain_number(entry.value, "weight", problems)?;
            if weight <= 0.0 || weight > 1e12 {
                let range = "more than 0, at most 1,000,000,000,000";
                problems.push(out_of_range("weight", entry.value.span(), range));
            }
            Some((entry.name.to_owned(), weight))
        })
        .collect();
    (problems.errors() == errors && !choices.is_empty()).then_some(choices)
}

fn check_type(kind: AttributeType, value: &str, fields: &Fields<'_>, problems: &mut Problems) {
    let fitting: &[&str] = match value {
        "unique" | "group" | "cycle" | "zipfian" => &["S", "N", "B"],
        "categorical" | "text" => &["S"],
        "bytes" => &["B"],
        "number" => &["N"],
        _ => &["BOOL"],
    };
    let name = match kind {
        AttributeType::S => "S",
        AttributeType::N => "N",
        AttributeType::B => "B",
        AttributeType::Bool => "BOOL",
    };
    if !fitting.contains(&name) {
        let message = format!("`{value}` cannot make values of type {name}");
        problems.push(
            Diagnostic::error("S018", fields.span_of("type"), message)
                .label(format!("`{value}` makes {}", fitting.join(", "))),
        );
    } else if name != "S" && fields.get("prefix").is_some() {
        let message = format!("`prefix` does not apply to type {name}");
        problems.push(
            Diagnostic::error("S013", fields.span_of("prefix"), message).label("only for type S"),
        );
    }
}
