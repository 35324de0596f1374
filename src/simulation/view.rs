//! Items in the order of a key: what a query of an index, or a scan, goes through.

use std::collections::{BTreeMap, BTreeSet};

use crate::{capacity::partition::KeyHash, scenario::Index};

use super::{
    content::{Image, Values},
    place::{self, Rank},
    range::RankRange,
};

/// Keys of the items that are in an index, or in the table.
#[derive(Debug)]
pub(super) struct View {
    /// Index into the table's indexes; `None` for the table itself.
    pub(super) index: Option<usize>,
    partition_key: usize,
    sort_key: Option<usize>,
    entries: BTreeMap<KeyHash, BTreeSet<(Rank, u64)>>,
}

impl View {
    pub(super) fn of_index(position: usize, index: &Index) -> Self {
        Self {
            index: Some(position),
            partition_key: index.partition_key,
            sort_key: index.sort_key,
            entries: BTreeMap::new(),
        }
    }

    pub(super) fn of_table(partition_key: usize, sort_key: Option<usize>) -> Self {
        Self {
            index: None,
            partition_key,
            sort_key,
            entries: BTreeMap::new(),
        }
    }

    fn key(&self, values: &Values, image: &Image) -> Option<(KeyHash, Rank)> {
        let partition_key = values.value(image, self.partition_key)?;
        let sort_key = match self.sort_key {
            Some(key) => Some(values.value(image, key)?),
            None => None,
        };
        Some((place::place(&partition_key), Rank::of(sort_key.as_ref())))
    }

    /// Item `id` is now `new`, and was `old`.
    pub(super) fn change(
        &mut self,
        values: &Values,
        id: u64,
        old: Option<&Image>,
        new: Option<&Image>,
    ) {
        let [old, new] = [old, new].map(|image| image.and_then(|image| self.key(values, image)));
        if old == new {
            return;
        }
        if let Some((place, rank)) = old
            && let Some(partition) = self.entries.get_mut(&place)
        {
            partition.remove(&(rank, id));
            if partition.is_empty() {
                self.entries.remove(&place);
            }
        }
        if let Some((place, rank)) = new {
            self.entries.entry(place).or_default().insert((rank, id));
        }
    }

    /// The items of one partition key within `range`, in order.
    pub(super) fn within(&self, place: KeyHash, range: &RankRange) -> Vec<u64> {
        let entries = self.entries.get(&place).into_iter().flatten();
        let from_start = entries.skip_while(|(rank, _)| range.is_after(rank));
        from_start
            .take_while(|(rank, _)| range.reaches(rank))
            .map(|(_, id)| *id)
            .collect()
    }

    /// All items from one place of the hash space to another (which is not included), in the
    /// order of a scan.
    pub(super) fn between(
        &self,
        from: KeyHash,
        to: Option<KeyHash>,
    ) -> impl Iterator<Item = (KeyHash, u64)> + '_ {
        let partitions = self
            .entries
            .range(from..)
            .take_while(move |(place, _)| to.is_none_or(|to| **place < to));
        partitions.flat_map(|(place, entries)| entries.iter().map(|(_, id)| (*place, *id)))
    }
}
