//! The requests under way, by number.
//!
//! What is known of one is large and stays where it is; only where that is is looked up. Numbers
//! come in order and most requests are over soon, so those under way are mostly neighbours.

use std::collections::BTreeMap;

/// Places of neighbours at first; a power of two.
const NEAR_MIN: usize = 64;

/// Values by number, in memory that is used again.
#[derive(Debug)]
pub(super) struct Places<T> {
    /// By the last bits of a number, that number and its slot; a power of two of them.
    near: Vec<Option<(u64, usize)>>,
    /// The slots of numbers whose place another one has.
    far: BTreeMap<u64, usize>,
    slots: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Places<T> {
    pub(super) fn new() -> Self {
        Self {
            near: vec![None; NEAR_MIN],
            far: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Under a number that is not there.
    pub(super) fn insert(&mut self, number: u64, value: T) -> &mut T {
        let slot = self.free.pop().unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            self.slots.push(None);
        }
        if self.near[self.place(number)].is_some() && self.len() > self.near.len() / 2 {
            self.widen();
        }
        self.locate(number, slot);
        self.slots[slot].insert(value)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let slot = match self.near[self.place(number)] {
            Some((known, slot)) if known == number => slot,
            _ => *self.far.get(&number)?,
        };
        self.slots[slot].as_mut()
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<T> {
        let place = self.place(number);
        let slot = match self.near[place] {
            Some((known, slot)) if known == number => {
                self.near[place] = None;
                slot
            }
            _ => self.far.remove(&number)?,
        };
        self.free.push(slot);
        self.slots[slot].take()
    }

    /// Removes those that `wanted` takes, in the order of their numbers.
    pub(super) fn remove_if(&mut self, wanted: impl Fn(&T) -> bool) -> Vec<T> {
        let is_wanted = |slot: usize| self.slots[slot].as_ref().is_some_and(&wanted);
        let mut numbers: Vec<u64> = (self.located())
            .filter(|(_, slot)| is_wanted(*slot))
            .map(|(number, _)| number)
            .collect();
        numbers.sort_unstable();
        let numbers = numbers.into_iter();
        numbers.filter_map(|number| self.remove(number)).collect()
    }

    fn located(&self) -> impl Iterator<Item = (u64, usize)> + '_ {
        let far = self.far.iter().map(|(number, slot)| (*number, *slot));
        self.near.iter().flatten().copied().chain(far)
    }

    fn locate(&mut self, number: u64, slot: usize) {
        let place = self.place(number);
        match &mut self.near[place] {
            free @ None => *free = Some((number, slot)),
            Some(_) => {
                self.far.insert(number, slot);
            }
        }
    }

    fn widen(&mut self) {
        let located: Vec<_> = self.located().collect();
        self.near = vec![None; 2 * self.near.len()];
        self.far.clear();
        for (number, slot) in located {
            self.locate(number, slot);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the last bits are what is asked for"
    )]
    const fn place(&self, number: u64) -> usize {
        number as usize & (self.near.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::btree_map::Entry;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_are_a_map_in_the_order_of_numbers(
            steps in proptest::collection::vec((0_u64..400, any::<bool>()), 0..600),
        ) {
            let (mut places, mut map) = (Places::new(), BTreeMap::new());
            for (number, goes) in steps {
                if goes {
                    prop_assert_eq!(places.remove(number), map.remove(&number));
                } else if let Entry::Vacant(free) = map.entry(number) {
                    places.insert(number, number);
                    free.insert(number);
                }
                prop_assert_eq!(places.get_mut(number).copied(), map.get(&number).copied());
                prop_assert_eq!(places.len(), map.len());
            }
            let odd = |number: &u64| number % 2 == 1;
            let expected: Vec<u64> = map.keys().copied().filter(odd).collect();
            prop_assert_eq!(places.remove_if(odd), expected);
            prop_assert!(map.keys().all(|number| places.get_mut(*number).is_some() != odd(number)));
        }
    }
}
