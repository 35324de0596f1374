//! Values of hot keys: a record counts keys by their hash, and the scenario knows what lies there.

use std::collections::BTreeMap;

use super::place::place;
use crate::{
    record::heat::ResourceHeat,
    units::Direction,
    workload::{Workload, item::AttributeValue},
};

/// Items of a table that are looked at.
const ITEMS_MAX: u64 = 100_000;
/// Characters of a value that are kept.
const VALUE_CHARS: usize = 60;

/// Gives the hot keys the values that the scenario's items have, as they are loaded. Keys of
/// none of the first items keep their place alone.
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
        for number in 0..table.items.min(ITEMS_MAX) {
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

fn shown(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => {
            Some(text.chars().take(VALUE_CHARS).collect())
        }
        _ => None,
    }
}
