//! What a table and its indexes store, as it is billed.

use crate::{
    analysis::replay::Slot,
    capacity::{limits, throttle::Resource},
    scenario::{Index, IndexScope},
    simulation::trace::Trace,
    units::{Bytes, float},
    workload::Workload,
};

const GB: f64 = 1_073_741_824.0;
/// Items whose sizes are looked at for the size of a table or an index.
const SAMPLED_ITEMS: u64 = 1_000;

/// What `slot` stores, GB, overhead included: items with the entries of their local secondary
/// indexes, or the entries of a global one. More than a thousand items are estimated from as many.
pub(super) fn gigabytes(trace: &Trace, slot: &Slot) -> f64 {
    let workload = trace.workload();
    let table = &workload.scenario().tables[slot.table];
    let bytes = match slot.resource {
        Resource::Table => {
            let items = billed(table.items, |item| {
                Some(workload.item_size(slot.table, item))
            });
            let locals = table.indexes.iter();
            let locals = locals.filter(|index| index.scope == IndexScope::Local);
            items
                + locals
                    .map(|index| entries(workload, slot.table, index))
                    .sum()
        }
        Resource::Index(_) => match slot.index(workload.scenario()) {
            Some((index, _)) => entries(workload, slot.table, index),
            None => Bytes(0),
        },
    };
    float(bytes.0) / GB
}

fn entries(workload: &Workload, table: usize, index: &Index) -> Bytes {
    let spec = &workload.scenario().tables[table];
    billed(spec.items, |item| {
        let mut keys = std::iter::once(index.partition_key).chain(index.sort_key);
        let has_entry = keys.all(|key| workload.is_present(table, key, item));
        let held = (0..spec.attributes.len()).filter(|attribute| index.holds(spec, *attribute));
        let size = held.filter_map(|attribute| workload.attribute_size(table, attribute, item));
        has_entry.then(|| size.sum())
    })
}

/// Of those of `items` that have a size.
fn billed(items: u64, size: impl Fn(u64) -> Option<Bytes>) -> Bytes {
    let sampled = items.clamp(1, SAMPLED_ITEMS);
    let sizes: Vec<Bytes> = (0..sampled.min(items)).filter_map(size).collect();
    let found = sizes.len() as u64;
    let mean = Bytes(sizes.into_iter().sum::<Bytes>().0 / found.max(1));
    let share = u128::from(items) * u128::from(found) / u128::from(sampled);
    let entries = u64::try_from(share).unwrap_or(u64::MAX);
    limits::billed_storage(entries, mean, limits::STORAGE_OVERHEAD)
}
