//! Partitions and keys in words: which was hottest, who took how much.

use super::{direction_label, format};
use crate::{
    record::{
        RunRecord,
        heat::{PartitionHeat, ResourceHeat, keys::KeyHeat},
    },
    units::{CapacityUnits, Direction},
};

/// The partition that came closest to its ceiling.
#[derive(Clone, Debug, PartialEq)]
pub struct Hottest {
    /// `partition 9 of 16` or `the only partition`, with its table or index where there are
    /// several.
    pub partition: String,
    /// Its hottest second ÷ its ceiling.
    pub of_ceiling: f64,
    /// `100 %` of its ceiling.
    pub percent: String,
    /// `reads` or `writes`.
    pub label: &'static str,
    /// `32 % of WCU`.
    pub share: String,
    /// Whether more was asked of it than it serves.
    pub refused: bool,
}

/// `Orders` or `Orders/by-shop`.
#[must_use]
pub fn name(record: &RunRecord, heat: &ResourceHeat) -> String {
    let table = record.tables.get(heat.table);
    let index = heat.index.and_then(|index| table?.indexes.get(index));
    let table = table.map_or("?", |table| table.name.as_str());
    match index {
        Some(index) => format!("{table}/{}", index.name),
        None => table.to_owned(),
    }
}

/// The hottest second of a partition ÷ its ceiling.
#[must_use]
pub fn peak_of_ceiling(heat: &ResourceHeat, one: &PartitionHeat, direction: Direction) -> f64 {
    let cells = &one.directions[direction].served_per_second;
    let peak = cells.values(heat.columns).fold(0.0, f64::max);
    peak / heat.ceilings[direction].as_f64().max(1.0)
}

/// What partitions served of all that their resource served in this direction; `None` of
/// nothing.
#[must_use]
pub fn share_served(heat: &ResourceHeat, one: &PartitionHeat, direction: Direction) -> Option<f64> {
    let all = heat.partitions.iter().chain(&heat.others);
    let total: f64 = all
        .map(|one| one.directions[direction].served.as_f64())
        .sum();
    (total > 0.0).then(|| one.directions[direction].served.as_f64() / total)
}

/// Of all tables and indexes.
#[must_use]
pub fn hottest(record: &RunRecord) -> Option<Hottest> {
    let all = record.heat.iter().flat_map(|heat| {
        let parts = heat.partitions.iter();
        parts.flat_map(move |one| Direction::ALL.map(|direction| (heat, one, direction)))
    });
    let rank = |(heat, one, direction): &(&ResourceHeat, &PartitionHeat, Direction)| {
        let refused = one.directions[*direction].refused.as_f64();
        (peak_of_ceiling(heat, one, *direction), refused)
    };
    let compare = |a: &(f64, f64), b: &(f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
    let (heat, one, direction) = all.max_by(|a, b| compare(&rank(a), &rank(b)))?;
    let of_ceiling = peak_of_ceiling(heat, one, direction);
    let whose = if record.heat.len() > 1 {
        format!(" of {}", name(record, heat))
    } else {
        String::new()
    };
    Some(Hottest {
        partition: match heat.partitions_at_end {
            1 => format!("the only partition{whose}"),
            all => format!(
                "partition {} of {}{whose}",
                format::count(one.number as u64),
                format::count(all as u64)
            ),
        },
        of_ceiling,
        percent: format::percent(of_ceiling),
        label: direction_label(direction),
        share: share_served(heat, one, direction).map_or_else(String::new, |share| {
            format!("{} of {}", format::percent(share), direction.unit())
        }),
        refused: one.directions[direction].refused.as_f64() > 0.0,
    })
}

/// The hottest keys of one direction of a table or index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTable {
    /// `Hottest keys of Orders by WCU`.
    pub heading: String,
    /// Names of the columns.
    pub columns: [String; 4],
    /// Value, units, share, throttled attempts.
    pub rows: Vec<Vec<String>>,
    /// How sure the counts are, and what is not known of the keys.
    pub note: String,
}

/// Of all tables and indexes that had traffic; reads before writes.
#[must_use]
pub fn key_tables(record: &RunRecord) -> Vec<KeyTable> {
    let all = record
        .heat
        .iter()
        .flat_map(|heat| Direction::ALL.map(|direction| (heat, direction, &heat.keys[direction])));
    let told = all.filter(|(.., keys)| !keys.top.is_empty());
    told.map(|(heat, direction, keys)| KeyTable {
        heading: format!(
            "Hottest keys of {} by {}",
            name(record, heat),
            direction.unit()
        ),
        columns: key_columns(direction),
        rows: key_rows(keys),
        note: format!("{}{}", exactness(keys, direction), unnamed(keys)),
    })
    .collect()
}

/// Why keys are told by their hash alone; empty where none are.
#[must_use]
pub fn unnamed(keys: &KeyHeat) -> &'static str {
    if keys.top.iter().any(|key| key.value.is_none()) {
        " A key is told by its hash where the values of the table's first 100 000 items do not \
         have it, or are binary."
    } else {
        ""
    }
}

/// What the columns of [`key_rows`] are called.
#[must_use]
pub fn key_columns(direction: Direction) -> [String; 4] {
    let unit = direction.unit();
    [
        "key".into(),
        unit.into(),
        format!("share of {unit}"),
        "throttles".into(),
    ]
}

/// The hottest keys of one direction: value, units, share, throttled attempts.
#[must_use]
pub fn key_rows(keys: &KeyHeat) -> Vec<Vec<String>> {
    let total = keys.units.as_f64();
    let is_exact = keys.missing_at_most.halves() == 0;
    let least = if is_exact { "" } else { "≥ " };
    (keys.top.iter())
        .map(|key| {
            let units = key.units.as_f64();
            let share = if total > 0.0 { units / total } else { 0.0 };
            let place = || format!("hash {}…", key.place.get(..8).unwrap_or(&key.place));
            vec![
                key.value.clone().unwrap_or_else(place),
                format!("{least}{}", format::units(units)),
                format!("{least}{}", format::percent(share)),
                format!("{least}{}", format::count(key.throttles)),
            ]
        })
        .collect()
}

/// How sure the counts of keys are.
#[must_use]
pub fn exactness(keys: &KeyHeat, direction: Direction) -> String {
    let missing = keys.missing_at_most.as_f64();
    let total = keys.units.as_f64();
    match keys.distinct {
        Some(count) => format!("{} keys, each counted exactly.", format::count(count)),
        None if total > 0.0 => format!(
            "More keys than are counted one by one: each count may be too low by {} {} ({}) at \
             most.",
            format::units(missing),
            direction.unit(),
            format::percent(missing / total)
        ),
        None => "Throttled keys are counted in part.".to_owned(),
    }
}

/// `The 10 hottest of 1 000 keys take 43 % of the units.`; empty when nothing was taken.
#[must_use]
pub fn skew(keys: &KeyHeat, direction: Direction) -> String {
    let total = keys.units.as_f64();
    let Some((rank, units)) = told_rank(keys).filter(|_| total > 0.0) else {
        return String::new();
    };
    let of = keys
        .distinct
        .map_or_else(String::new, |count| format!(" of {}", format::count(count)));
    let who = match rank {
        1 if of.is_empty() => "The hottest key takes".to_owned(),
        1 => format!("The hottest{of} keys takes"),
        _ => format!("The {} hottest{of} keys take", format::count(rank)),
    };
    format!(
        "{who} {} of the {}.",
        format::percent(units.as_f64() / total),
        direction.unit()
    )
}

/// One key in a hundred, or the tenth where that is not known; never more than there are.
#[must_use]
pub fn told_rank(keys: &KeyHeat) -> Option<(u64, CapacityUnits)> {
    let wanted = keys.distinct.map_or(10, |count| (count / 100).max(1));
    let point = keys.curve.iter().rfind(|(rank, _)| *rank <= wanted)?;
    Some(*point)
}
