//! What an `[[operation]]` does, beyond which items it is about: its reads, conditions and
//! members.

use super::{
    super::{
        Action, Condition, IndexScope, Members, OperationKind, OperationSpec, Presence, ReadShape,
        SortRange, ValueSpec,
        diagnostic::{Diagnostic, quoted},
        file::{
            Problems,
            fields::Fields,
            value::{out_of_range, plain_number, text, ticked},
        },
        language,
    },
    share, small, tables, undefined,
};
use crate::{
    scenario::{AttributeType, Consistency},
    units::Share,
};
use toml::de::DeValue;

/// Members of a batch or transaction that names no number.
const MEMBERS_DEFAULT: u32 = 10;
/// `BatchWriteItem`'s limit; the others take 100. [BWI]
const BATCH_WRITE_MAX: u32 = 25;

/// The kind that a valid section means.
pub(super) fn kind(fields: &Fields<'_>, problems: &mut Problems) -> OperationKind {
    match fields.kind {
        Some("put") => OperationKind::Put,
        Some("update") => OperationKind::Update,
        Some("delete") => OperationKind::Delete,
        Some("query") => OperationKind::Query,
        Some("scan") => OperationKind::Scan,
        Some("batch-get") => OperationKind::BatchGet,
        Some("batch-write") => OperationKind::BatchWrite,
        Some("transact-get") => OperationKind::TransactGet,
        Some("transact-write") => OperationKind::TransactWrite,
        Some("read-modify-write") => OperationKind::ReadModifyWrite,
        Some("partiql") => match fields.one_of(problems, "statement") {
            Some("insert") => OperationKind::StatementInsert,
            Some("update") => OperationKind::StatementUpdate,
            Some("delete") => OperationKind::StatementDelete,
            _ => OperationKind::StatementSelect,
        },
        _ => OperationKind::Get,
    }
}

/// Fills in what depends on the kind. `table` is `None` when it could not be found.
pub(super) fn shape(
    fields: &Fields<'_>,
    table: Option<&tables::Draft>,
    spec: &mut OperationSpec,
    problems: &mut Problems,
) {
    spec.condition = condition(fields, problems);
    spec.return_values = fields.one_of(problems, "return_values") == Some("all-old");
    if spec.kind.has_members() {
        spec.members = members(fields, spec.kind, problems);
    }
    if let Some(table) = table {
        spec.read = read(fields, table, problems);
        spec.set = set_of(fields, table, problems);
        check_consistency(fields, table, spec, problems);
    }
    check_set(fields, spec, problems);
}

fn check_consistency(
    fields: &Fields<'_>,
    table: &tables::Draft,
    spec: &OperationSpec,
    problems: &mut Problems,
) {
    let index = spec.read.index.map(|index| &table.table.indexes[index]);
    if let (Some(index), Consistency::Strong) = (index, spec.consistency)
        && index.scope != IndexScope::Local
    {
        problems.push(
            Diagnostic::error(
                "S022",
                fields.span_of("consistency"),
                "a global index has no strongly consistent reads",
            )
            .label(format!("{} is global", quoted(&index.name)))
            .help("leave `consistency` out, or read the table"),
        );
    }
}

/// Whether there is something to set exactly where something is set.
fn check_set(fields: &Fields<'_>, spec: &OperationSpec, problems: &mut Problems) {
    let updates = match spec.kind {
        OperationKind::Update | OperationKind::ReadModifyWrite | OperationKind::StatementUpdate => {
            true
        }
        OperationKind::TransactWrite => {
            let mut actions = spec.members.actions.iter();
            actions.any(|(action, _)| *action == Action::Update)
        }
        _ => false,
    };
    match (updates, fields.get("set")) {
        // Where it is needed always, the language says so itself.
        (true, None)
            if fields
                .section
                .key("set")
                .is_some_and(|key| !key.is_required(fields.kind)) =>
        {
            problems.push(
                Diagnostic::error(
                    "S005",
                    fields.span.clone(),
                    "`set` is missing from [[operation]]",
                )
                .label("add `set = [\"…\"]`: the attributes that it changes"),
            );
        }
        (false, Some(set)) if fields.kind.is_some() => problems.push(
            Diagnostic::error(
                "S013",
                set.span(),
                "`set` does not apply: nothing is updated",
            )
            .label("leave it out"),
        ),
        _ => {}
    }
}

fn condition(fields: &Fields<'_>, problems: &mut Problems) -> Option<Condition> {
    let fails = share(fields, "condition_fails", problems);
    let Some(expects) = fields.one_of(problems, "condition") else {
        if let Some(value) = fields.get("condition_fails")
            && fields.get("condition").is_none()
        {
            problems.push(
                Diagnostic::error(
                    "S005",
                    value.span(),
                    "`condition_fails` without a `condition`",
                )
                .label("add `condition = \"exists\"` or `\"absent\"`"),
            );
        }
        return None;
    };
    Some(Condition {
        expects: if expects == "exists" {
            Presence::Exists
        } else {
            Presence::Absent
        },
        fails: fails.unwrap_or(Share::NONE),
    })
}

fn members(fields: &Fields<'_>, kind: OperationKind, problems: &mut Problems) -> Members {
    let fewest = small(fields, "items", problems).unwrap_or(MEMBERS_DEFAULT);
    let most = most(fields, "items", "items_max", fewest, problems).unwrap_or(fewest);
    if kind == OperationKind::BatchWrite && most > BATCH_WRITE_MAX {
        let name = ["items", "items_max"]
            .into_iter()
            .rfind(|name| fields.get(name).is_some())
            .unwrap_or("kind");
        problems.push(out_of_range(
            name,
            fields.span_of(name),
            &format!("1 to {BATCH_WRITE_MAX} in a BatchWriteItem"),
        ));
    }
    let transaction = kind == OperationKind::TransactWrite;
    let mut actions = actions(fields, transaction, problems);
    if actions.is_empty() {
        actions.push((Action::Put, Share::ALL));
    }
    Members {
        count: (fewest, most.max(fewest)),
        actions,
        retry_unprocessed: fields.flag(problems, "retry_unprocessed").unwrap_or(false),
    }
}

/// The upper end of a range of counts that begins at `fewest`.
fn most(
    fields: &Fields<'_>,
    lower: &str,
    upper: &str,
    fewest: u32,
    problems: &mut Problems,
) -> Option<u32> {
    let most = small(fields, upper, problems)?;
    if fewest > most {
        problems.push(
            Diagnostic::error(
                "S024",
                fields.span_of(upper),
                format!("`{lower}` exceeds `{upper}`"),
            )
            .label(format!("`{lower}` is {fewest}")),
        );
    }
    Some(most.max(fewest))
}

fn actions(
    fields: &Fields<'_>,
    transaction: bool,
    problems: &mut Problems,
) -> Vec<(Action, Share)> {
    let known: &[&str] = if transaction {
        &["put", "update", "delete", "check"]
    } else {
        &["put", "delete"]
    };
    let mut weighted = Vec::new();
    for entry in fields.entries(problems, "actions") {
        let action = match entry.name {
            "put" => Action::Put,
            "delete" => Action::Delete,
            "update" if transaction => Action::Update,
            "check" if transaction => Action::Check,
            other => {
                problems.push(
                    Diagnostic::error(
                        "S003",
                        entry.span.clone(),
                        format!("unknown action {}", quoted(other)),
                    )
                    .label(format!("one of {}", ticked(known))),
                );
                continue;
            }
        };
        let Some(weight) = plain_number(entry.value, "weight", problems) else {
            continue;
        };
        if weight <= 0.0 || weight > language::WEIGHT_MAX {
            let range = "more than 0, at most 1,000,000,000,000";
            problems.push(out_of_range("weight", entry.value.span(), range));
            continue;
        }
        weighted.push((action, weight));
    }
    let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
    let share = |(action, weight): (Action, f64)| Some((action, Share::new(weight / total)?));
    weighted.into_iter().filter_map(share).collect()
}

fn read(fields: &Fields<'_>, table: &tables::Draft, problems: &mut Problems) -> ReadShape {
    let index = index_of(fields, table, problems);
    let limit = small(fields, "limit", problems);
    let limit_max = most(fields, "limit", "limit_max", limit.unwrap_or(1), problems);
    if let (None, Some(value)) = (fields.get("limit"), fields.get("limit_max")) {
        problems.push(
            Diagnostic::error("S005", value.span(), "`limit_max` without a `limit`")
                .label("add `limit`: the smallest that is drawn"),
        );
    }
    ReadShape {
        index,
        range: range(fields, index, table, problems),
        filter: filter_of(fields, index, table, problems),
        descending: fields.one_of(problems, "order") == Some("descending"),
        limit,
        limit_max,
        all_pages: fields.one_of(problems, "pages") == Some("all"),
        segments: small(fields, "segments", problems).unwrap_or(1),
    }
}

fn index_of(fields: &Fields<'_>, table: &tables::Draft, problems: &mut Problems) -> Option<usize> {
    let name = fields.text(problems, "index")?;
    let indexes = &table.table.indexes;
    let found = indexes.iter().position(|index| index.name == name);
    if found.is_none() {
        let defined: Vec<_> = indexes
            .iter()
            .zip(&table.index_spans)
            .map(|(index, span)| (index.name.as_str(), problems.line(span)))
            .collect();
        problems.push(undefined(
            "S026",
            "index",
            name,
            fields.span_of("index"),
            &defined,
        ));
    }
    found
}

/// Keys of the table, or of its index.
fn keys_of(index: Option<usize>, table: &tables::Draft) -> (usize, Option<usize>) {
    match index.map(|index| &table.table.indexes[index]) {
        Some(index) => (index.partition_key, index.sort_key),
        None => (table.table.partition_key, table.table.sort_key),
    }
}

fn range(
    fields: &Fields<'_>,
    index: Option<usize>,
    table: &tables::Draft,
    problems: &mut Problems,
) -> SortRange {
    let name = fields.one_of(problems, "range").unwrap_or("all");
    let span = fields.count(problems, "span");
    let length = small(fields, "prefix_length", problems);
    for (key, of) in [("span", "between"), ("prefix_length", "begins-with")] {
        match fields.get(key) {
            None if name == of => problems.push(
                Diagnostic::error(
                    "S005",
                    fields.span_of("range"),
                    format!("`{key}` is missing from [[operation]]"),
                )
                .label(format!("a range of `{of}` needs it")),
            ),
            Some(value) if name != of => problems.push(
                Diagnostic::error(
                    "S013",
                    value.span(),
                    format!("`{key}` does not apply to a range of `{name}`"),
                )
                .label(format!("only for `{of}`")),
            ),
            _ => {}
        }
    }
    if name == "all" {
        return SortRange::All;
    }
    let sort_key = keys_of(index, table).1;
    let Some(sort_key) = sort_key else {
        problems.push(
            Diagnostic::error(
                "S022",
                fields.span_of("range"),
                "a range of sort keys, where there is no sort key",
            )
            .label("leave `range` out, or read an index that has one"),
        );
        return SortRange::All;
    };
    if name == "begins-with" && table.table.attributes[sort_key].kind == AttributeType::N {
        problems.push(
            Diagnostic::error(
                "S022",
                fields.span_of("range"),
                "numbers have no beginning: the sort key is of type N",
            )
            .label("only for S and B"),
        );
    }
    match name {
        "equal" => SortRange::Equal,
        "from" => SortRange::From,
        "to" => SortRange::To,
        "between" => SortRange::Between {
            span: span.unwrap_or(1),
        },
        _ => SortRange::BeginsWith {
            length: length.unwrap_or(1),
        },
    }
}

fn filter_of(
    fields: &Fields<'_>,
    index: Option<usize>,
    table: &tables::Draft,
    problems: &mut Problems,
) -> Option<usize> {
    let name = fields.text(problems, "filter")?;
    let position = table.attribute(name, fields.span_of("filter"), problems)?;
    let keys = keys_of(index, table);
    // A scan may filter by keys; a query says what it wants of them otherwise.
    let is_key = position == keys.0 || Some(position) == keys.1;
    if is_key && fields.kind == Some("query") {
        problems.push(
            Diagnostic::error(
                "S022",
                fields.span_of("filter"),
                format!(
                    "{} is a key: DynamoDB refuses to filter a query by it",
                    quoted(name)
                ),
            )
            .label("name another attribute"),
        );
        return None;
    }
    Some(position)
}

fn set_of(fields: &Fields<'_>, table: &tables::Draft, problems: &mut Problems) -> Vec<usize> {
    let Some(value) = fields.get("set") else {
        return Vec::new();
    };
    let DeValue::Array(array) = value.get_ref() else {
        problems.push(
            Diagnostic::error(
                "S004",
                value.span(),
                "`set` must be a list of attribute names",
            )
            .label("write [\"…\"]"),
        );
        return Vec::new();
    };
    if array.is_empty() {
        problems.push(
            Diagnostic::error("S005", value.span(), "`set` is empty")
                .label("name at least one attribute"),
        );
    }
    let mut set = Vec::new();
    for entry in array.iter().take(language::ENTRIES_MAX) {
        let Some(name) = text(entry, "set", problems) else {
            continue;
        };
        let Some(index) = table.attribute(name, entry.span(), problems) else {
            continue;
        };
        if index == table.table.partition_key || table.table.sort_key == Some(index) {
            problems.push(
                Diagnostic::error(
                    "S017",
                    entry.span(),
                    format!("{} is a key: an update cannot set it", quoted(name)),
                )
                .label("DynamoDB refuses that"),
            );
        } else if matches!(table.table.attributes[index].value, ValueSpec::Column(_)) {
            let message = format!(
                "{} is a column: an update would not change it",
                quoted(name)
            );
            problems.push(
                Diagnostic::error("S017", entry.span(), message)
                    .label("name an attribute that is drawn"),
            );
        } else if set.contains(&index) {
            problems.push(Diagnostic::error(
                "S010",
                entry.span(),
                format!("{} is set twice", quoted(name)),
            ));
        } else {
            set.push(index);
        }
    }
    set
}
