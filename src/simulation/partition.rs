//! Which items a query reads, in which order.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    capacity::partition::KeyHash,
    scenario::{Table, ValueSpec},
};

use super::place::Rank;

/// Numbers of items that sorted partitions may hold in memory together.
const REMEMBERED_MAX: usize = 1 << 22;

/// Which loaded items have a partition key in common.
#[derive(Debug)]
pub(super) enum Members {
    /// None: each has its own.
    Single,
    /// So many neighbours.
    Group(u64),
    /// Every so-manieth.
    Cycle(u64),
    /// By no rule: looked up.
    Listed(BTreeMap<KeyHash, Vec<u64>>),
}

impl Members {
    /// The rule of a table's partition key, if there is one.
    pub(super) fn by_rule(table: &Table) -> Option<Self> {
        match table.attributes[table.partition_key].value {
            ValueSpec::Unique { .. } => Some(Self::Single),
            ValueSpec::Sequence { step, .. } if step != 0 => Some(Self::Single),
            ValueSpec::Group { size, .. } => Some(Self::Group(size.max(1))),
            ValueSpec::Cycle { size, .. } => Some(Self::Cycle(size.max(1))),
            _ => None,
        }
    }

    /// The most items that one partition key has when `loaded` are loaded.
    pub(super) fn largest(&self, loaded: u64) -> u64 {
        match self {
            Self::Single => 1,
            Self::Group(size) => loaded.min(*size),
            Self::Cycle(size) => loaded.div_ceil(*size),
            Self::Listed(lists) => lists.values().map(|l| l.len() as u64).max().unwrap_or(0),
        }
    }

    fn of(&self, place: KeyHash, number: u64, loaded: u64) -> Vec<u64> {
        match self {
            Self::Single => vec![number],
            Self::Group(size) => {
                let first = number / size * size;
                (first..first.saturating_add(*size).min(loaded)).collect()
            }
            Self::Cycle(size) => {
                let step = usize::try_from(*size).unwrap_or(usize::MAX);
                (number % size..loaded).step_by(step).collect()
            }
            Self::Listed(lists) => lists.get(&place).cloned().unwrap_or_default(),
        }
    }
}

/// The items of a table by partition key.
#[derive(Debug)]
pub(super) struct PartitionIndex {
    members: Members,
    loaded: u64,
    /// Items that were not loaded, but written since.
    added: BTreeMap<KeyHash, Vec<u64>>,
    /// In the order of the sort key; with the number of added items at that time.
    sorted: BTreeMap<KeyHash, (usize, Arc<[u64]>)>,
    remembered: usize,
}

impl PartitionIndex {
    pub(super) fn new(members: Members, loaded: u64) -> Self {
        Self {
            members,
            loaded,
            added: BTreeMap::new(),
            sorted: BTreeMap::new(),
            remembered: 0,
        }
    }

    /// Takes in an item that was not loaded, once.
    pub(super) fn add(&mut self, place: KeyHash, id: u64) {
        if !matches!(self.members, Members::Single) {
            self.added.entry(place).or_default().push(id);
        }
    }

    /// All items that have or had the partition key of item `number`, by their sort keys.
    pub(super) fn in_order(
        &mut self,
        place: KeyHash,
        number: u64,
        rank: impl Fn(u64) -> Rank,
    ) -> Arc<[u64]> {
        let added = self.added.get(&place).map_or(&[][..], Vec::as_slice);
        if let Some((known, order)) = self.sorted.get(&place)
            && *known == added.len()
        {
            return Arc::clone(order);
        }
        let mut numbers = self.members.of(place, number, self.loaded);
        numbers.extend(added);
        numbers.sort_by_cached_key(|number| rank(*number));
        let order: Arc<[u64]> = numbers.into();
        if self.remembered + weight(&order) > REMEMBERED_MAX {
            self.sorted.clear();
            self.remembered = 0;
        }
        self.remembered += weight(&order);
        let replaced = self.sorted.insert(place, (added.len(), Arc::clone(&order)));
        self.remembered -= replaced.map_or(0, |(_, order)| weight(&order));
        order
    }
}

/// Partitions without items are remembered, too.
fn weight(order: &[u64]) -> usize {
    order.len().max(1)
}
