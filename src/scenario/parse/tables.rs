//! `[[table]]`: tables, their attributes, and what DynamoDB would refuse of them.

use std::collections::BTreeMap;

use super::{
    super::{
        AttributeType, Table, TableClass, ValueSpec,
        diagnostic::{Diagnostic, quoted},
        file::{
            Problems, Span,
            fields::{Entry, Fields},
            value::{nearest, ticked},
        },
    },
    attributes, billing, check_distinct, indexes,
    primary_key::{check_keys, warn_of_overwrites},
    rows::Wanted,
    sizes::check_item_size,
    undefined,
};
use crate::units::ByDirection;

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
    /// Path of the data file, and where it stands.
    pub data: Option<(String, Span)>,
    /// Columns that attributes need.
    pub wanted: Vec<Wanted>,
    /// `items`, where it is given.
    pub items: Option<u64>,
    pub items_span: Span,
    /// By column of the data: index into `Scenario::weights`.
    pub weights: BTreeMap<String, usize>,
    partition_key: Option<usize>,
    key_span: Span,
    sort_key_span: Span,
    /// Whether every attribute could be read.
    sound: bool,
}

impl Draft {
    /// Whether nothing but rows tells items apart.
    pub(super) fn keys_are_columns(&self) -> bool {
        let keys = self.partition_key.iter().chain(&self.table.sort_key);
        let mut values = keys.map(|key| &self.table.attributes[*key].value);
        self.partition_key.is_some() && values.all(|value| matches!(value, ValueSpec::Column(_)))
    }
}

impl Draft {
    /// The attribute called `name`, which stands at `span`.
    pub(super) fn attribute(
        &self,
        name: &str,
        span: Span,
        problems: &mut Problems,
    ) -> Option<usize> {
        let attributes = &self.table.attributes;
        let found = attributes.iter().position(|known| known.name == name);
        // Without any, that there are none has been said.
        if found.is_none() && !attributes.is_empty() {
            let lines: Vec<_> = attributes
                .iter()
                .zip(&self.attribute_spans)
                .map(|(known, span)| (known.name.as_str(), problems.line(span)))
                .collect();
            problems.push(undefined("S016", "attribute", name, span, &lines));
        }
        found
    }
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
    let data = data(fields, problems);
    if fields.get("items").is_none() && fields.get("data").is_none() {
        problems.push(
            Diagnostic::error(
                "S005",
                fields.span.clone(),
                "`items` is missing from [[table]]",
            )
            .label("add `items = …`"),
        );
    }
    let entries = fields.entries(problems, "attributes");
    let errors = problems.errors();
    let mut wanted = Vec::new();
    let attributes = attributes::read(&entries, &mut wanted, problems);
    let sound = problems.errors() == errors;
    let find = |key, problems: &mut Problems| find_key(fields, key, &entries, problems);
    let partition_key = find("partition_key", problems);
    let sort_key = find("sort_key", problems);
    for key in partition_key.iter().chain(&sort_key) {
        let kind = attributes[*key].kind;
        if let ValueSpec::Column(column) = &attributes[*key].value
            && matches!(kind, AttributeType::S | AttributeType::N | AttributeType::B)
        {
            let same = |w: &&mut Wanted| w.column == column.name() && w.kind == Some(column.kind());
            wanted
                .iter_mut()
                .filter(same)
                .for_each(|w| w.required = true);
        }
    }
    let mut draft = Draft {
        name: name.to_owned(),
        name_span: fields.span_of("name"),
        capacity_spans,
        attribute_spans: entries.iter().map(|entry| entry.span.clone()).collect(),
        index_spans: Vec::new(),
        data,
        wanted,
        items,
        items_span: fields.span_of("items"),
        weights: BTreeMap::new(),
        partition_key,
        key_span: fields.span_of("partition_key"),
        sort_key_span: fields.span_of("sort_key"),
        sound,
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
    (draft.table.indexes, draft.index_spans) = indexes::read(fields, &draft, problems);
    draft
}

fn data(fields: &Fields<'_>, problems: &mut Problems) -> Option<(String, Span)> {
    let data = fields.one(problems, "data")?;
    let file = data.text(problems, "file")?;
    Some((file.to_owned(), data.span_of("file")))
}

/// What DynamoDB would refuse of the tables, once their data are there.
pub(super) fn check(tables: &[Draft], problems: &mut Problems) {
    for draft in tables {
        check_one(draft, problems);
    }
}

fn check_one(draft: &Draft, problems: &mut Problems) {
    if draft.partition_key.is_some() && draft.partition_key == draft.table.sort_key {
        problems.push(
            Diagnostic::error(
                "S017",
                draft.sort_key_span.clone(),
                "partition key and sort key are the same attribute",
            )
            .label("leave `sort_key` out, or name another attribute"),
        );
    } else if draft.sound {
        check_keys(draft, draft.partition_key, problems);
        check_item_size(draft, problems);
        let counted = draft.items.is_some() || draft.data.is_some();
        if counted && draft.partition_key.is_some() {
            warn_of_overwrites(draft, &draft.key_span, problems);
        }
    }
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
