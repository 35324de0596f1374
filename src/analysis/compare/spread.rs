//! How a candidate spreads items and requests: what can be counted of one seed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    analysis::rekey,
    capacity::{
        partition::{self, KeyHash, Partitions},
        steady,
        throttle::Resource,
    },
    scenario::{
        ModelParameters, PartitionShareMode,
        candidate::{Candidate, Suffix},
    },
    simulation::trace::Trace,
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp, float},
    workload::keyed::{bytes_of, own_key},
};

/// Items that are looked at, at most.
pub const ITEMS_MAX: u64 = 50_000;
/// Seconds over which load is taken as even.
pub(super) const WINDOW: f64 = 10.0;
/// Largest multiple of the load that is tried, and the smallest.
const MULTIPLES: (f64, f64) = (1e6, 1e-3);

/// What a candidate makes of the items of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Items {
    /// Items looked at.
    pub items: u64,
    /// Those that another item of the same primary key would overwrite.
    pub overwritten: u64,
    /// Different partition keys.
    pub keys: u64,
    /// Most items of one key.
    pub most_items: u64,
    /// Most bytes of one key.
    pub most_bytes: u64,
}

/// What it makes of the requests of one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// Share of the hottest key.
    pub hottest: f64,
    /// The hottest key, as text.
    pub hottest_key: String,
    /// Share of the hottest 1 % of the keys, at least one.
    pub top_percent: f64,
    /// Gini coefficient over the keys, 0 even to 1.
    pub gini: f64,
    /// Share of units of the hottest key in each direction.
    pub hottest_units: ByDirection<f64>,
    /// Units per second of the hottest partition ÷ what one gives.
    pub utilisation: ByDirection<f64>,
    /// Share of the hottest partition of the units of its direction, the larger of both.
    pub partition_share: f64,
    /// Partitions at the scenario's load.
    pub partitions: u64,
    /// Largest multiple of the load within the target.
    pub headroom: f64,
    /// Read units ÷ those without shards.
    pub read_cost: f64,
}

/// Looks at the items of table `table`.
#[must_use]
pub fn items(trace: &Trace, table: usize, candidate: &Candidate) -> Items {
    let workload = trace.workload();
    let count = workload.scenario().tables[table].items.min(ITEMS_MAX);
    let mut found = Items {
        items: count,
        ..Items::default()
    };
    let mut primary = BTreeSet::new();
    let mut keys: BTreeMap<(Vec<u8>, u32), (u64, u64)> = BTreeMap::new();
    for number in 0..count {
        let item = workload.item(table, number);
        let base = candidate.base(&item);
        let shard = candidate.shard(&own_key(&workload.scenario().tables[table], &item), number);
        let sort = candidate
            .sort_key
            .as_ref()
            .map(|name| bytes_of(&item, name));
        let key = keys.entry((base.clone(), shard)).or_default();
        key.0 += 1;
        key.1 += workload.item_size(table, number).0;
        found.overwritten += u64::from(!primary.insert((base, shard, sort)));
    }
    found.keys = keys.len() as u64;
    found.most_items = keys.values().map(|(items, _)| *items).max().unwrap_or(0);
    found.most_bytes = keys.values().map(|(_, bytes)| *bytes).max().unwrap_or(0);
    found
}

/// Units per second by key, and how they are spread over time.
pub(super) struct Load {
    keys: BTreeMap<KeyHash, (ByDirection<f64>, u64, u64)>,
    /// Busyness of each window relative to the mean.
    windows: ByDirection<Vec<f64>>,
    pub(super) mean: ByDirection<f64>,
}

impl Load {
    /// What `trace` asks of table `table` in its measured phases.
    pub(super) fn of(trace: &Trace, table: usize) -> Self {
        let seconds = trace.measured_seconds();
        let mut keys: BTreeMap<KeyHash, (ByDirection<f64>, u64, u64)> = BTreeMap::new();
        let count = whole((seconds / WINDOW).floor()).max(1);
        let mut windows = ByDirection::from_fn(|_| vec![0.0; usize::try_from(count).unwrap_or(1)]);
        let measured = || trace.requests().iter().filter(|request| request.measured);
        let start = measured().next().map_or(Timestamp::ZERO, |r| r.due);
        for request in measured().filter(|request| trace.table(request) == table) {
            let at = request.due.since(start).as_secs_f64() / seconds * float(count);
            let window = usize::try_from(whole(at).min(count - 1)).unwrap_or(0);
            let arms = trace
                .arms(request)
                .filter(|arm| arm.resource == Resource::Table);
            for (number, arm) in arms.enumerate() {
                let units = arm.units.as_f64() / seconds;
                let key = keys.entry(arm.key.collection()).or_insert((
                    ByDirection::default(),
                    0,
                    request.item,
                ));
                key.0[arm.direction] += units;
                key.1 += u64::from(number == 0);
                windows[arm.direction][window] += units * float(count);
            }
        }
        let mean =
            ByDirection::from_fn(|direction| windows[direction].iter().sum::<f64>() / float(count));
        for direction in Direction::ALL {
            for window in &mut windows[direction] {
                *window /= mean[direction].max(f64::MIN_POSITIVE);
            }
        }
        Self {
            keys,
            windows,
            mean,
        }
    }

    /// Units per second that a table with capacity for the busiest window has.
    fn rates(&self) -> ByDirection<CapacityUnits> {
        ByDirection::from_fn(|direction| {
            let busiest = self.windows[direction].iter().copied().fold(0.0, f64::max);
            CapacityUnits::from((self.mean[direction] * busiest).ceil().max(1.0))
        })
    }

    /// Partitions of such a table that holds `bytes`.
    pub(super) fn partitions(&self, bytes: Bytes, model: &ModelParameters) -> u64 {
        partition::initial_count(self.rates(), bytes, model)
    }

    /// Requests of each key, descending.
    pub(super) fn requests(&self) -> Vec<u64> {
        let mut counts: Vec<u64> = self.keys.values().map(|(_, count, _)| *count).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts
    }
}

/// Looks at the requests of `rekeyed`, whose items have `keys` keys; `original` has no shards.
#[must_use]
pub fn requests(
    rekeyed: &Trace,
    original: &Trace,
    table: usize,
    candidate: &Candidate,
    keys: u64,
    target: f64,
) -> Requests {
    let scenario = rekeyed.workload().scenario();
    let model = &scenario.model;
    let bytes = rekeyed.table_bytes(table);
    let load = Load::of(rekeyed, table);
    let counts = load.requests();
    let all: u64 = counts.iter().sum::<u64>().max(1);
    let total_keys = usize::try_from(keys)
        .unwrap_or(usize::MAX)
        .max(counts.len());
    let top = total_keys.div_ceil(100).min(counts.len());
    let hottest = load.keys.iter().max_by_key(|(_, (_, count, _))| *count);
    let hottest_units = hottest.map_or(ByDirection::default(), |(_, (units, ..))| {
        ByDirection::from_fn(|direction| share(units[direction], load.mean[direction]))
    });
    let hottest_key = hottest.map_or_else(String::new, |(place, (_, _, item))| {
        let base = candidate.base(&rekeyed.workload().item(table, *item));
        let lies_there =
            |shard: &u32| rekey::place(candidate, &base, *shard).collection() == *place;
        let shard = (0..candidate.suffix.shards()).find(lies_there);
        let key = candidate.value(base.clone(), shard.unwrap_or_default());
        String::from_utf8_lossy(&key).into_owned()
    });
    let (partitions, offered) = offered(&load, bytes, model);
    let most =
        ByDirection::from_fn(|direction| offered[direction].iter().copied().fold(0.0, f64::max));
    let reads = |trace: &Trace| Load::of(trace, table).mean.read;
    Requests {
        hottest: share(float(counts.first().copied().unwrap_or(0)), float(all)),
        hottest_key,
        top_percent: share(float(counts.iter().take(top).sum()), float(all)),
        gini: gini(&counts, total_keys),
        hottest_units,
        utilisation: ByDirection::from_fn(|direction| {
            most[direction] / partition::ceiling(direction, model).as_f64()
        }),
        partition_share: share(most.read, offered.read.iter().sum())
            .max(share(most.write, offered.write.iter().sum())),
        partitions,
        headroom: headroom(|multiple| throttled(&load, multiple, model) <= target),
        read_cost: match candidate.suffix {
            Suffix::None => 1.0,
            _ => share(load.mean.read, reads(original)).max(1.0),
        },
    }
}

/// Partitions of a table with capacity for the load, and the mean units per second that each is
/// asked for.
fn offered(load: &Load, bytes: Bytes, model: &ModelParameters) -> (u64, ByDirection<Vec<f64>>) {
    let count = load.partitions(bytes, model);
    let partitions = Partitions::new(count, load.rates(), model, Timestamp::ZERO);
    let mut offered = ByDirection::from_fn(|_| vec![0.0; partitions.count()]);
    for (place, (units, ..)) in &load.keys {
        let partition = partitions.index_of(*place);
        for direction in Direction::ALL {
            offered[direction][partition] += units[direction];
        }
    }
    (count, offered)
}

/// The larger of both directions' throttled shares of the units, in the limit of many small
/// requests, when the table has capacity for all and hot partitions have split as far as they
/// can: until one key is the heat (S-1), so that keys are refused one by one.
pub(super) fn throttled(load: &Load, multiple: f64, model: &ModelParameters) -> f64 {
    let share_of = |direction: Direction| {
        let ceiling = partition::ceiling(direction, model).as_f64();
        let (mut refused, mut all) = (0.0, 0.0);
        for window in &load.windows[direction] {
            let keys = load.keys.values();
            let offered: Vec<f64> = keys
                .map(|(units, ..)| units[direction] * multiple * window)
                .collect();
            let mode = PartitionShareMode::Gac;
            let state = steady::partitions(&offered, f64::INFINITY, ceiling, mode);
            refused += state.key_range;
            all += offered.iter().sum::<f64>();
        }
        share(refused, all)
    };
    share_of(Direction::Read).max(share_of(Direction::Write))
}

/// Where `is_well` ends, upwards from the smallest multiple.
fn headroom(is_well: impl Fn(f64) -> bool) -> f64 {
    let (most, mut well) = MULTIPLES;
    if !is_well(well) {
        return 0.0;
    }
    let mut bad = well;
    loop {
        bad = (bad * 1.5).min(most);
        if !is_well(bad) {
            break;
        }
        well = bad;
        if bad >= most {
            return most;
        }
    }
    for _ in 0..16 {
        let middle = (well * bad).sqrt();
        if is_well(middle) {
            well = middle;
        } else {
            bad = middle;
        }
    }
    well
}

/// Of `counts`, descending, and as many zeros as there are further keys.
fn gini(counts: &[u64], keys: usize) -> f64 {
    let all = float(counts.iter().sum());
    if all == 0.0 || keys == 0 {
        return 0.0;
    }
    let n = float(keys as u64);
    let weighted: f64 = counts
        .iter()
        .zip(0_u64..)
        .map(|(count, rank)| float(*count) * (n - 2.0 * float(rank) - 1.0))
        .sum();
    (weighted / (n * all)).clamp(0.0, 1.0)
}

pub(super) fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; saturates"
)]
const fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gini_is_zero_for_equals_and_almost_one_for_a_single_taker() {
        assert!(gini(&[5, 5, 5, 5], 4).abs() < 1e-12);
        assert!((gini(&[10], 4) - 0.75).abs() < 1e-12);
        assert!((gini(&[3, 1], 2) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn headroom_is_where_it_ends() {
        assert!((headroom(|multiple| multiple <= 7.0) / 7.0 - 1.0).abs() < 1e-4);
        assert!((headroom(|multiple| multiple <= 0.25) / 0.25 - 1.0).abs() < 1e-4);
        assert!((headroom(|_| true) - 1e6).abs() < 1e-6);
    }
}
