//! Capacities that were tried: a search comes back to them, and so do those who describe it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    analysis::replay::{Burst, Part, Slot, Tally},
    units::{ByDirection, Direction},
};

/// What was replayed, and against which capacity of the table and its indexes.
pub type Key = (Part, Burst, Vec<[u64; 2]>);

/// What became of the requests of each seed, by what they were replayed against.
#[derive(Debug, Default)]
pub struct Tried(Mutex<BTreeMap<Key, Vec<Vec<Tally>>>>);

impl Tried {
    /// Capacity of other tables makes no difference, and is no part of it.
    #[must_use]
    pub fn key(slots: &[Slot], part: Part, burst: Burst, rates: &[ByDirection<u64>]) -> Key {
        let of_table = slots
            .iter()
            .zip(rates)
            .filter(|(slot, _)| slot.table == part.table);
        let rates = of_table.map(|(_, rates)| Direction::ALL.map(|direction| rates[direction]));
        (part, burst, rates.collect())
    }

    /// By seed, if it was tried.
    #[must_use]
    pub fn find(&self, key: &Key) -> Option<Vec<Vec<Tally>>> {
        let tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.get(key).cloned()
    }

    /// Notes what became of all seeds.
    pub fn note(&self, key: Key, seeds: Vec<Vec<Tally>>) {
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.insert(key, seeds);
    }
}
