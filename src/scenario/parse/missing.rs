//! `missing` of an `[[operation]]`: whether what it asks for is sure to be missing, and stays so.

use super::{
    super::{
        KeySpec, OperationKind, OperationSpec, Presence, ValueSpec,
        diagnostic::{Diagnostic, quoted},
        file::{Problems, fields::Fields},
    },
    share, tables,
};
use crate::units::Share;

/// Reads the share; `spec` is complete but for it.
pub(super) fn read(
    fields: &Fields<'_>,
    table: &tables::Draft,
    keys: KeySpec,
    spec: &OperationSpec,
    problems: &mut Problems,
) -> Share {
    let missing = share(fields, "missing", problems).unwrap_or(Share::NONE);
    if missing.is_none() {
        return missing;
    }
    let refused = |message: String| Diagnostic::error("S022", fields.span_of("missing"), message);
    if keys == KeySpec::New {
        problems.push(
            refused("nobody has written new items: all of them are missing".to_owned())
                .label("leave `missing` out"),
        );
    } else if writes_what_is_missing(spec) {
        let kind = fields.kind.unwrap_or_default();
        problems.push(
            refused(format!("`{kind}` would write what is meant to be missing"))
                .label("it would be there the next time")
                .help(
                    "write only what is there: `condition = \"exists\"`, without `condition_fails`",
                ),
        );
    } else if let Some(key) = not_numbered(table, spec) {
        problems.push(
            refused(format!("no value of {} is sure to be missing", quoted(key)))
                .label("only those of keys that are unique, group or sequence are"),
        );
    }
    missing
}

fn writes_what_is_missing(spec: &OperationSpec) -> bool {
    match spec.kind {
        OperationKind::Put | OperationKind::Update => !spec.condition.is_some_and(|condition| {
            condition.expects == Presence::Exists && condition.fails.is_none()
        }),
        OperationKind::StatementInsert => true,
        _ => false,
    }
}

/// The partition key, where items with it may be there whatever the number: of all keys where
/// one item is meant, of what is read where it is a query.
fn not_numbered<'t>(table: &'t tables::Draft, spec: &OperationSpec) -> Option<&'t str> {
    let table = &table.table;
    let index = spec.read.index.map(|index| &table.indexes[index]);
    let partition_key = index.map_or(table.partition_key, |index| index.partition_key);
    let sort_key = table.sort_key.filter(|_| spec.kind != OperationKind::Query);
    let attribute = |key: usize| table.attributes.get(key);
    let mut keys = std::iter::once(partition_key).chain(sort_key);
    let numbered = keys.any(|key| {
        attribute(key).is_none_or(|attribute| match attribute.value {
            ValueSpec::Unique { .. } | ValueSpec::Group { .. } => true,
            ValueSpec::Sequence { step, .. } => step != 0,
            _ => false,
        })
    });
    let name = attribute(partition_key).map(|attribute| attribute.name.as_str());
    name.filter(|_| !numbered)
}
