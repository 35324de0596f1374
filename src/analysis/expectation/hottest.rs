//! What share of the requests the busiest item, or the busiest partition key, gets.
//!
//! Follows from the laws alone, so that nothing has to be drawn.

use std::collections::BTreeMap;

use super::float;
use crate::{
    scenario::{
        KeySpec, Table, ValueSpec,
        data::{Column, Weights},
    },
    units::Share,
    workload::keys::{exponential::Exponential, normal::Normal, zipf::harmonic},
};

/// The share of the requests that go to the busiest partition key, where the key's values
/// follow from the item's number.
pub(super) fn partition_key_share(
    keys: KeySpec,
    weights: &[Weights],
    table: &Table,
) -> Option<f64> {
    match &table.attributes[table.partition_key].value {
        ValueSpec::Unique { .. } if keys == KeySpec::New => Some(0.0),
        ValueSpec::Unique { .. } => hottest_share(keys, weights, table.items, 1),
        ValueSpec::Column(column) => column_share(keys, weights, column, table.items),
        // Neighbours are asked for one after the other: one key at a time gets them all.
        ValueSpec::Group { .. } if matches!(keys, KeySpec::Sequential | KeySpec::New) => None,
        ValueSpec::Group { size, .. } => hottest_share(keys, weights, table.items, *size),
        _ => None,
    }
}

/// The share of the requests that go to the busiest value of a column.
fn column_share(keys: KeySpec, weights: &[Weights], column: &Column, items: u64) -> Option<f64> {
    let of_item: Box<dyn Fn(u64) -> f64> = match keys {
        KeySpec::Uniform | KeySpec::Sequential => Box::new(|_| 1.0),
        KeySpec::Weights { weights: index } => {
            let values = &weights.get(index)?.values;
            let at = |number: u64| values.get(usize::try_from(number).ok()?).copied();
            Box::new(move |number| at(number).unwrap_or(0.0))
        }
        _ => return None,
    };
    let mut sums: BTreeMap<&[u8], f64> = BTreeMap::new();
    for number in 0..items.min(column.rows()) {
        *sums.entry(column.cell(number)).or_default() += of_item(number);
    }
    let total: f64 = sums.values().sum();
    Some(sums.values().copied().fold(0.0, f64::max) / total)
}

/// Whether missing keys are the others or the most, they are as skewed as those that are there.
pub(super) fn most_of(missing: Share) -> f64 {
    let missing = missing.as_fraction();
    missing.max(1.0 - missing)
}

/// The share of the busiest `group` neighbours among `items`. `None` for new items.
pub(super) fn hottest_share(
    keys: KeySpec,
    weights: &[Weights],
    items: u64,
    group: u64,
) -> Option<f64> {
    let (n, size) = (float(items.max(1)), float(group.min(items).max(1)));
    Some(match keys {
        KeySpec::Uniform | KeySpec::Sequential => size / n,
        KeySpec::Zipfian {
            exponent,
            scrambled: true,
        } => {
            // The others of the group are some of the rest.
            let first = 1.0 / harmonic(n, exponent);
            first + (1.0 - first) * (size - 1.0) / (n - 1.0).max(1.0)
        }
        KeySpec::Zipfian { exponent, .. } | KeySpec::Latest { exponent } => {
            harmonic(size, exponent) / harmonic(n, exponent)
        }
        KeySpec::HotSet { keys, traffic, .. } => {
            let (keys, traffic) = (keys.as_fraction(), traffic.as_fraction());
            let hot = (n * keys).round().clamp(1.0, n);
            if hot >= n {
                size / n
            } else {
                let cold = (1.0 - traffic) / (n - hot);
                let in_hot = size.min(hot);
                (traffic / hot * in_hot + cold * (size - in_hot)).max(cold * size.min(n - hot))
            }
        }
        KeySpec::Weights { weights: index } => {
            let values = &weights.get(index)?.values;
            let group = usize::try_from(group).unwrap_or(usize::MAX).max(1);
            let sums = values.chunks(group).map(|chunk| chunk.iter().sum::<f64>());
            sums.fold(0.0, f64::max) / values.iter().sum::<f64>()
        }
        KeySpec::Exponential { mean } => {
            Exponential::new(items.max(1), mean.as_fraction()).of_first(group)
        }
        KeySpec::Normal { mean, std_dev } => {
            let (mean, std_dev) = (mean.as_fraction(), std_dev.as_fraction());
            Normal::new(items.max(1), mean, std_dev).of_busiest(size)
        }
        KeySpec::Categorical {
            weights: index,
            rest,
        } => {
            let values = &weights.get(index)?.values;
            categorical_share(values, rest, items, group)
        }
        KeySpec::New => return None,
    })
}

/// The same where the first items have these weights, and all others `rest` together.
fn categorical_share(weights: &[f64], rest: f64, items: u64, group: u64) -> f64 {
    let others = items.saturating_sub(weights.len() as u64);
    let rest = if others > 0 { rest } else { 0.0 };
    let each = rest / float(others.max(1));
    let size = usize::try_from(group).unwrap_or(usize::MAX).max(1);
    let of_group = |listed: &[f64]| {
        let further = group.saturating_sub(listed.len() as u64).min(others);
        listed.iter().sum::<f64>() + each * float(further)
    };
    let groups = weights.chunks(size).map(of_group);
    let busiest = groups.fold(each * float(group.min(others)), f64::max);
    busiest / (weights.iter().sum::<f64>() + rest)
}
