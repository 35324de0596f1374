//! Why no amount of capacity is enough: a key, or a partition, that is asked for more than one
//! partition gives.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};

use super::{Workers, fit::Fits};
use crate::{
    analysis::{rekey::rekeyed, replay::Slot},
    capacity::{
        partition::{self, KeyHash},
        sizing::shards,
        throttle::Resource,
    },
    scenario::candidate::Candidate,
    simulation::trace::Trace,
    units::{Bytes, Direction},
    workload::item::AttributeValue,
};

/// What stands in the way in one direction of one table or index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// An attribute of the table that would do as partition key; none for an index.
    pub alternative: Option<Alternative>,
}

/// Another partition key, no value of which is asked for more than one partition gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// Name of the attribute.
    pub key: String,
    /// Units per second of its hottest value ÷ what one partition gives, in the direction in
    /// which that is larger; mean over the seeds, at most 1.
    pub multiple: f64,
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
        alternative: alternative(traces, slot, workers),
    })
}

/// The single attribute whose hottest value is asked for least, if one partition gives that.
fn alternative(traces: &[Trace], slot: &Slot, workers: &impl Workers) -> Option<Alternative> {
    let scenario = traces.first()?.workload().scenario();
    if slot.resource != Resource::Table {
        return None;
    }
    let mut candidates = Candidate::single(&scenario.tables[slot.table]);
    candidates.retain(|candidate| candidate.name != slot.partition_key(scenario));
    let pairs = candidates.len() * traces.len();
    let multiples = workers.map(pairs, |pair| {
        let (candidate, trace) = (
            &candidates[pair / traces.len()],
            &traces[pair % traces.len()],
        );
        let other = rekeyed(trace, slot.table, candidate);
        let multiple = |direction| {
            let ceiling = partition::ceiling(direction, &scenario.model).as_f64();
            hottest(&other, slot, direction).map_or(0.0, |key| key.per_second / ceiling)
        };
        Direction::ALL.map(multiple).into_iter().fold(0.0, f64::max)
    });
    let means = multiples.chunks(traces.len()).map(|seeds| {
        seeds.iter().sum::<f64>() / f64::from(u32::try_from(seeds.len()).unwrap_or(1))
    });
    let (candidate, multiple) = candidates
        .into_iter()
        .zip(means)
        .min_by(|one, other| one.1.total_cmp(&other.1))?;
    (multiple <= 1.0).then_some(Alternative {
        key: candidate.name,
        multiple,
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
