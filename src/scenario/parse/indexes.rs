//! `[[table.index]]`: secondary indexes, and what DynamoDB would refuse of them.

use super::{
    super::{
        AttributeType, Billing, Index, IndexScope, Projection,
        diagnostic::{Diagnostic, quoted},
        file::{
            Problems, Span,
            fields::Fields,
            value::{text, ticked},
        },
        language,
    },
    billing, check_distinct, tables,
};
use toml::de::DeValue;

/// Most of each kind in a table. [CONS]
const GLOBAL_MAX: usize = 20;
const LOCAL_MAX: usize = 5;
/// Most attributes that all `INCLUDE` projections of a table name together. [CONS]
const INCLUDED_MAX: usize = 100;

/// The indexes of a table whose keys and attributes have been read, and where their names
/// stand.
pub(super) fn read(
    fields: &Fields<'_>,
    table: &tables::Draft,
    problems: &mut Problems,
) -> (Vec<Index>, Vec<Span>) {
    let sections = fields.many(problems, "index");
    let indexes: Vec<_> = sections
        .iter()
        .map(|section| index(section, table, problems))
        .collect();
    let spans: Vec<_> = sections.iter().map(|s| s.span_of("name")).collect();
    let names = indexes.iter().map(|index| index.name.as_str());
    check_distinct("indexes", names.zip(spans.iter().cloned()), None, problems);
    check_limits(&indexes, &sections, problems);
    (indexes, spans)
}

fn index(fields: &Fields<'_>, table: &tables::Draft, problems: &mut Problems) -> Index {
    let name = fields.text(problems, "name").unwrap_or_default();
    tables::check_name("index", name, fields.span_of("name"), problems);
    // Nothing is said against a scope that cannot be read but that.
    let local = fields.kind != Some("global");
    let sort_key = key_of(fields, "sort_key", table, problems);
    let partition_key = if local {
        Some(table.table.partition_key)
    } else {
        key_of(fields, "partition_key", table, problems)
    };
    if fields.kind == Some("local") {
        check_local(fields, sort_key, table, problems);
    }
    if !local && partition_key.is_some() && partition_key == sort_key {
        problems.push(
            Diagnostic::error(
                "S017",
                fields.span_of("sort_key"),
                "partition key and sort key are the same attribute",
            )
            .label("leave `sort_key` out, or name another attribute"),
        );
    }
    let scope = if local {
        IndexScope::Local
    } else {
        IndexScope::Global(global_billing(fields, table, problems))
    };
    Index {
        name: name.to_owned(),
        scope,
        partition_key: partition_key.unwrap_or(table.table.partition_key),
        sort_key,
        projection: projection(fields, table, problems),
    }
}

fn check_local(
    fields: &Fields<'_>,
    sort_key: Option<usize>,
    table: &tables::Draft,
    problems: &mut Problems,
) {
    if fields.get("sort_key").is_none() {
        problems.push(
            Diagnostic::error(
                "S005",
                fields.span.clone(),
                "`sort_key` is missing from the local index",
            )
            .label("a local index differs from its table in the sort key"),
        );
    } else if sort_key.is_some() && sort_key == table.table.sort_key {
        problems.push(
            Diagnostic::error(
                "S017",
                fields.span_of("sort_key"),
                "the local index has the sort key of its table",
            )
            .label("name another attribute"),
        );
    }
    if table.table.sort_key.is_none() {
        problems.push(
            Diagnostic::error(
                "S017",
                fields.span_of("scope"),
                "a local index needs a table with a sort key",
            )
            .label(format!("{} has none", quoted(&table.name))),
        );
    }
}

/// The index of the attribute that `key` names, which must be able to be a key. Unlike a
/// table's, it may be missing from items, drawn at random and changed by updates.
fn key_of(
    fields: &Fields<'_>,
    key: &str,
    table: &tables::Draft,
    problems: &mut Problems,
) -> Option<usize> {
    let name = fields.text(problems, key)?;
    let position = table.attribute(name, fields.span_of(key), problems)?;
    let kind = table.table.attributes[position].kind;
    if !matches!(kind, AttributeType::S | AttributeType::N | AttributeType::B) {
        problems.push(
            Diagnostic::error(
                "S017",
                fields.span_of(key),
                format!("{} cannot be a key of an index", quoted(name)),
            )
            .label("a key is of type S, N or B"),
        );
        return None;
    }
    Some(position)
}

fn global_billing(fields: &Fields<'_>, table: &tables::Draft, problems: &mut Problems) -> Billing {
    let on_demand = matches!(table.table.billing, Billing::OnDemand { .. });
    if fields.get("billing").is_none() {
        if !on_demand {
            problems.push(
                Diagnostic::error(
                    "S005",
                    fields.span.clone(),
                    "`billing` is missing from the global index",
                )
                .label("its capacity is apart from the table's")
                .help("add `billing = { mode = \"provisioned\", read = \"… RCU\", write = \"… WCU\" }`"),
            );
        }
        return Billing::OnDemand {
            maximum: crate::units::ByDirection::default(),
            warm: crate::units::ByDirection::default(),
        };
    }
    let billing = billing::read(fields, problems).billing;
    if matches!(billing, Billing::OnDemand { .. }) != on_demand {
        problems.push(
            Diagnostic::error(
                "S024",
                fields.span_of("billing"),
                "the index is billed in another mode than its table",
            )
            .label("DynamoDB has one mode for a table and its indexes"),
        );
    }
    billing
}

fn projection(fields: &Fields<'_>, table: &tables::Draft, problems: &mut Problems) -> Projection {
    let kind = fields.one_of(problems, "projection").unwrap_or("all");
    let included = fields.get("include");
    if kind != "include" {
        if let Some(value) = included {
            problems.push(
                Diagnostic::error(
                    "S013",
                    value.span(),
                    format!("`include` does not apply to a projection of `{kind}`"),
                )
                .label("write `projection = \"include\"`, or leave it out"),
            );
        }
        return if kind == "keys-only" {
            Projection::KeysOnly
        } else {
            Projection::All
        };
    }
    let Some(value) = included else {
        problems.push(
            Diagnostic::error(
                "S005",
                fields.span_of("projection"),
                "`include` is missing from [[table.index]]",
            )
            .label("name the attributes, or write `keys-only`"),
        );
        return Projection::KeysOnly;
    };
    let DeValue::Array(names) = value.get_ref() else {
        problems.push(
            Diagnostic::error(
                "S004",
                value.span(),
                "`include` must be a list of attribute names",
            )
            .label("write [\"…\"]"),
        );
        return Projection::KeysOnly;
    };
    let mut positions = Vec::new();
    for name in names.iter().take(language::ENTRIES_MAX) {
        let found = text(name, "include", problems)
            .and_then(|text| table.attribute(text, name.span(), problems));
        if let Some(found) = found {
            if positions.contains(&found) {
                problems.push(Diagnostic::error(
                    "S010",
                    name.span(),
                    format!(
                        "{} is included twice",
                        quoted(&table.table.attributes[found].name)
                    ),
                ));
            } else {
                positions.push(found);
            }
        }
    }
    Projection::Include(positions)
}

fn check_limits(indexes: &[Index], sections: &[Fields<'_>], problems: &mut Problems) {
    let mut included = 0;
    let mut counts = [0_usize; 2];
    for (index, section) in indexes.iter().zip(sections) {
        let local = usize::from(index.scope == IndexScope::Local);
        counts[local] += 1;
        let (max, what) = [(GLOBAL_MAX, "global"), (LOCAL_MAX, "local")][local];
        if counts[local] == max + 1 {
            problems.push(
                Diagnostic::error(
                    "S025",
                    section.span_of("name"),
                    format!("more than {max} {what} indexes"),
                )
                .label("DynamoDB allows no more"),
            );
        }
        if let Projection::Include(attributes) = &index.projection {
            let before = included;
            included += attributes.len();
            if before <= INCLUDED_MAX && included > INCLUDED_MAX {
                problems.push(
                    Diagnostic::error(
                        "S025",
                        section.span_of("include"),
                        format!(
                            "the indexes of this table include {included} attributes; DynamoDB \
                             allows {INCLUDED_MAX} for all together"
                        ),
                    )
                    .help(format!("use {} where most are wanted", ticked(&["all"]))),
                );
            }
        }
    }
}
