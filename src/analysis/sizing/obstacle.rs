//! Why no amount of capacity is enough: a key, or a partition, that is asked for more than one
//! partition gives.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use super::{Workers, fit::Fits, replay::Slot};
use crate::{
    capacity::{
        partition::{self, KeyHash},
        sizing::shards,
    },
    simulation::trace::Trace,
    units::{Bytes, Direction},
    workload::item::AttributeValue,
};

/// What stands in the way in one direction of one table or index.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Obstacle {
    /// Name of the table.
    pub table: String,
    /// Reads or writes.
    pub direction: Direction,
    /// Name of the partition key's attribute.
    pub key: String,
    /// The hottest value, as text.
    pub value: String,
    /// Its share of the units.
    pub share: f64,
    /// Units per second that it is asked for, mean over the measured phases.
    pub units_per_second: f64,
    /// What one partition gives.
    pub ceiling: f64,
    /// `units_per_second` ÷ `ceiling`. Not above 1 where several keys of one partition, or a
    /// short peak, are too much together.
    pub multiple: f64,
    /// Shards that the key has to be written as, at least.
    pub shards: u64,
}

/// Units of one key in one seed.
struct HotKey {
    share: f64,
    per_second: f64,
    value: String,
}

/// For every slot and direction that could not be sized.
#[must_use]
pub fn find(
    traces: &[Trace],
    slots: &[Slot],
    fits: &Fits,
    workers: &impl Workers,
) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    for (slot, fit) in slots.iter().zip(fits) {
        for direction in Direction::ALL {
            if fit[direction].is_none() {
                obstacles.extend(obstacle(traces, slot, direction, workers));
            }
        }
    }
    obstacles
}

fn obstacle(
    traces: &[Trace],
    slot: &Slot,
    direction: Direction,
    workers: &impl Workers,
) -> Option<Obstacle> {
    let scenario = traces.first()?.workload().scenario();
    let seeds = workers.map(traces.len(), |seed| hottest(&traces[seed], slot, direction));
    let seeds: Vec<HotKey> = seeds.into_iter().flatten().collect();
    let mean = |value: fn(&HotKey) -> f64| {
        seeds.iter().map(value).sum::<f64>() / f64::from(u32::try_from(seeds.len()).unwrap_or(1))
    };
    let value = seeds.first()?.value.clone();
    let units_per_second = mean(|key| key.per_second);
    let ceiling = partition::ceiling(direction, &scenario.model).as_f64();
    let block = Bytes(1);
    Some(Obstacle {
        table: slot.name(scenario),
        direction,
        key: slot.partition_key(scenario).to_owned(),
        value,
        share: mean(|key| key.share),
        units_per_second,
        ceiling,
        multiple: units_per_second / ceiling,
        shards: shards(units_per_second, block, block, ceiling, false).max(2),
    })
}

fn hottest(trace: &Trace, slot: &Slot, direction: Direction) -> Option<HotKey> {
    let mut units: BTreeMap<KeyHash, (f64, u64)> = BTreeMap::new();
    let mut all = 0.0;
    for request in trace.requests().iter().filter(|request| request.measured) {
        if trace.table(request) != slot.table {
            continue;
        }
        for arm in trace.arms(request) {
            if arm.resource == slot.resource && arm.direction == direction {
                let key = units.entry(arm.key.collection());
                key.or_insert((0.0, request.item)).0 += arm.units.as_f64();
                all += arm.units.as_f64();
            }
        }
    }
    let (sum, item) = units.into_values().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let attribute = slot.partition_key(trace.workload().scenario());
    let item = trace.workload().item(slot.table, item);
    let value = item.iter().find(|(name, _)| name == attribute);
    let value = value.map(|(_, value)| key_text(value));
    Some(HotKey {
        share: sum / all,
        per_second: sum / trace.measured_seconds(),
        value: value.unwrap_or_default(),
    })
}

/// A key's value as reports write it.
#[must_use]
pub fn key_text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        AttributeValue::B(bytes) => bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }),
        // No other type can be a key.
        _ => String::new(),
    }
}
