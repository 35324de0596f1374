//! Values of hot keys: a record counts keys by their hash, and the scenario knows what lies there.

use std::collections::BTreeMap;

use super::place::place;
use crate::{
    record::heat::ResourceHeat,
    units::Direction,
    workload::{Workload, item::AttributeValue},
};

/// First items of a table that are looked at, and first picks of each operation: a key that takes
/// a ten-thousandth of the requests is missed once in 20,000 times.
const LOOKED_AT: u64 = 100_000;
/// Characters of a value that are kept.
const VALUE_CHARS: usize = 60;

/// Gives the hot keys the values that the scenario's items have, as they are loaded. Keys of
/// neither the first items nor the first picks keep their place alone.
pub fn name_keys(workload: &Workload, heat: &mut [ResourceHeat]) {
    for resource in heat {
        let table = &workload.scenario().tables[resource.table];
        let attribute = match resource.index {
            None => table.partition_key,
            Some(index) => match table.global_indexes().nth(index) {
                Some((_, index, _)) => index.partition_key,
                None => continue,
            },
        };
        let mut wanted = BTreeMap::new();
        for direction in Direction::ALL {
            for key in &resource.keys[direction].top {
                wanted.insert(key.place.clone(), None);
            }
        }
        let mut missing = wanted.len();
        for number in candidates(workload, resource.table) {
            if missing == 0 {
                break;
            }
            let Some(value) = workload.value(resource.table, attribute, number) else {
                continue;
            };
            let hash = place(&value).collection().to_hex();
            if let Some(name @ None) = wanted.get_mut(&hash) {
                *name = shown(&value);
                missing -= 1;
            }
        }
        for direction in Direction::ALL {
            for key in &mut resource.keys[direction].top {
                key.value = wanted.get(&key.place).cloned().flatten();
            }
        }
    }
}

/// Numbers of items that may be hot: the first ones, then those that requests pick.
fn candidates(workload: &Workload, table: usize) -> impl Iterator<Item = u64> + '_ {
    let scenario = workload.scenario();
    let picks = (0..scenario.operations.len())
        .filter(move |spec| scenario.operations[*spec].table == table)
        .flat_map(|spec| (0..LOOKED_AT).map(move |sequence| (spec, sequence)))
        .map(|(spec, sequence)| workload.pick_of(spec, sequence).item);
    (0..scenario.tables[table].items.min(LOOKED_AT)).chain(picks)
}

fn shown(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => {
            Some(text.chars().take(VALUE_CHARS).collect())
        }
        _ => None,
    }
}
