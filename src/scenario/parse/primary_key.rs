//! Whether the keys of a table can be keys, and tell its items apart.

use super::{
    super::{
        AttributeType, ValueSpec,
        diagnostic::{Diagnostic, quoted},
        file::{Problems, Span, value::grouped_whole},
        sizes::value_bytes_max,
        value::TimeSpec,
    },
    tables::Draft,
};
use crate::units::Share;

/// Keys must be there in every item, and follow from the item's number alone, so that a request
/// for item *n* finds what the load wrote as item *n*.
pub(super) fn check_keys(draft: &Draft, partition_key: Option<usize>, problems: &mut Problems) {
    let keys = [
        ("partition key", partition_key, 2048),
        ("sort key", draft.table.sort_key, 1024),
    ];
    for (role, index, limit) in keys {
        let Some((attribute, span)) = index.and_then(|index| {
            draft
                .table
                .attributes
                .get(index)
                .zip(draft.attribute_spans.get(index))
        }) else {
            continue;
        };
        let name = quoted(&attribute.name);
        let reason = match &attribute.value {
            ValueSpec::Boolean { .. }
            | ValueSpec::Null
            | ValueSpec::List { .. }
            | ValueSpec::Map { .. }
            | ValueSpec::Set { .. } => Some("a key is of type S, N or B"),
            _ if !matches!(
                attribute.kind,
                AttributeType::S | AttributeType::N | AttributeType::B
            ) =>
            {
                Some("a key is of type S, N or B")
            }
            ValueSpec::Text { .. } | ValueSpec::Bytes { .. } | ValueSpec::Number { .. } => Some(
                "write a value that follows from the item's number: unique, group, cycle, zipfian, categorical, sequence, timestamp or column",
            ),
            _ if attribute.present < Share::ALL => Some("a key is present in every item"),
            ValueSpec::Categorical { choices }
                if choices.iter().any(|(name, _)| name.is_empty()) =>
            {
                Some("a key is not empty")
            }
            _ => None,
        };
        if let Some(reason) = reason {
            let message = format!("{name} cannot be the {role}");
            problems.push(Diagnostic::error("S017", span.clone(), message).label(reason));
        }
        if attribute.name.len() > 255 {
            let message = format!("the name of the {role} is longer than 255 bytes");
            problems.push(Diagnostic::error("S019", span.clone(), message));
        }
        let size = value_bytes_max(attribute);
        if size > limit {
            let message = format!(
                "{name} can be {} B long, too much for a {role}",
                grouped_whole(&size.to_string())
            );
            let label = format!("DynamoDB allows {} B", grouped_whole(&limit.to_string()));
            problems.push(Diagnostic::error("S019", span.clone(), message).label(label));
        }
    }
}

/// Warns when fewer primary keys than items exist, as later items replace earlier ones.
pub(super) fn warn_of_overwrites(draft: &Draft, span: &Span, problems: &mut Problems) {
    let table = &draft.table;
    let values: Vec<_> = std::iter::once(table.partition_key)
        .chain(table.sort_key)
        .filter_map(|index| table.attributes.get(index))
        .map(|attribute| &attribute.value)
        .collect();
    let rows = rows_with_other_keys(&values, table.items).map(|distinct| (distinct, false));
    let Some((distinct, drawn)) = rows.or_else(|| distinct_keys(&values, table.items)) else {
        return;
    };
    let message = "items overwrite each other: their primary keys are not unique";
    let label = if drawn {
        "drawn at random, so several items share a key".to_owned()
    } else {
        let [items, distinct] = [table.items, distinct].map(|n| grouped_whole(&n.to_string()));
        format!("{items} items have only {distinct} different keys")
    };
    let help = if rows.is_some() {
        "name a sort key that tells the rows apart, or a column without repetition"
    } else {
        "make a key `unique`, or pair `group` with a `cycle` of at least the group's size"
    };
    problems.push(
        Diagnostic::warning("S030", span.clone(), message)
            .label(label)
            .help(help),
    );
}

/// Where keys are columns and nothing else: how many different keys there are, unless every item
/// has its own.
fn rows_with_other_keys(values: &[&ValueSpec], items: u64) -> Option<u64> {
    let columns: Vec<_> = values
        .iter()
        .filter_map(|value| match value {
            ValueSpec::Column(column) => Some(column),
            _ => None,
        })
        .collect();
    if columns.len() < values.len() || columns.iter().any(|column| column.rows() == 0) {
        return None;
    }
    let key = |number: u64| columns.iter().map(move |column| column.cell(number));
    let rows = columns.iter().map(|column| column.rows()).min();
    let items = items.min(rows.unwrap_or(0));
    let mut numbers: Vec<u64> = (0..items).collect();
    numbers.sort_unstable_by(|a, b| key(*a).cmp(key(*b)));
    let distinct = numbers
        .chunk_by(|a, b| key(*a).eq(key(*b)))
        .count()
        .try_into()
        .unwrap_or(u64::MAX);
    (distinct < items).then_some(distinct)
}

/// `None` when every item has a primary key of its own; else at most how many keys there are,
/// and whether chance decides.
fn distinct_keys(values: &[&ValueSpec], items: u64) -> Option<(u64, bool)> {
    let mut distinct: u128 = 1;
    let (mut drawn, mut period) = (false, 1_u128);
    let mut group = u64::MAX;
    for value in values {
        match value {
            ValueSpec::Group { size, .. } => {
                group = group.min(*size);
                distinct = distinct.saturating_mul(u128::from(items.div_ceil(*size)));
            }
            ValueSpec::Cycle { size, .. } => {
                period = lcm(period, u128::from(*size));
                distinct = distinct.saturating_mul(u128::from((*size).min(items)));
            }
            ValueSpec::Zipfian { count, .. } => {
                drawn = true;
                distinct = distinct.saturating_mul(u128::from(*count));
            }
            ValueSpec::Categorical { choices } => {
                drawn = true;
                distinct = distinct.saturating_mul(choices.len() as u128);
            }
            ValueSpec::Timestamp {
                times: TimeSpec::Window(window),
                precision,
                ..
            } => {
                drawn = true;
                let unit = precision.millis().unsigned_abs();
                distinct = distinct.saturating_mul(u128::from(window.div_ceil(unit)));
            }
            ValueSpec::Timestamp {
                times: TimeSpec::Spacing(spacing),
                precision,
                ..
            } => {
                let unit = precision.millis().unsigned_abs() * 1_000_000;
                if *spacing >= unit {
                    return None;
                }
                // As far apart as the clock tells them.
                let size = unit.div_ceil((*spacing).max(1));
                group = group.min(size);
                distinct = distinct.saturating_mul(u128::from(items.div_ceil(size)));
            }
            ValueSpec::Sequence { step: 0, .. } => {}
            // `Unique` and `Sequence` tell every item apart; columns are looked at by row; the
            // others were refused as keys.
            _ => return None,
        }
    }
    // Two items are apart when they differ in their group or in their place of the period.
    if period >= u128::from(items.min(group)) {
        return None;
    }
    if group == u64::MAX && !drawn {
        distinct = period;
    }
    let distinct = u64::try_from(distinct).unwrap_or(u64::MAX).min(items);
    Some((distinct, drawn))
}

fn lcm(a: u128, b: u128) -> u128 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b)
}
