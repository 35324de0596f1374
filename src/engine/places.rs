//! The requests under way, by number.
//!
//! What is known of one is large and stays where it is; only numbers are kept in order.

use std::collections::BTreeMap;

/// Values by number, in memory that is used again.
#[derive(Debug)]
pub(super) struct Places<T> {
    /// By number, the slot.
    taken: BTreeMap<u64, usize>,
    slots: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Places<T> {
    pub(super) const fn new() -> Self {
        Self {
            taken: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.taken.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// Under a number that is not there.
    pub(super) fn insert(&mut self, number: u64, value: T) {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        match self.slots.get_mut(slot) {
            Some(place) => *place = Some(value),
            None => self.slots.push(Some(value)),
        }
        self.taken.insert(number, slot);
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        self.slots[*self.taken.get(&number)?].as_mut()
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<T> {
        let slot = self.taken.remove(&number)?;
        self.free.push(slot);
        self.slots[slot].take()
    }

    /// Removes those that `wanted` takes, in the order of their numbers.
    pub(super) fn remove_if(&mut self, wanted: impl Fn(&T) -> bool) -> Vec<T> {
        let is_wanted = |slot: &usize| self.slots[*slot].as_ref().is_some_and(&wanted);
        let slots: Vec<usize> = (self.taken)
            .extract_if(.., |_, slot| is_wanted(slot))
            .map(|(_, slot)| slot)
            .collect();
        self.free.extend(&slots);
        let slots = slots.into_iter();
        slots.filter_map(|slot| self.slots[slot].take()).collect()
    }
}
