//! A counter for each key, found in constant time.

use crate::capacity::partition::KeyHash;

/// Places at first; a power of two.
const PLACES_MIN: usize = 64;

/// What one key took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counter {
    /// The fraction of the hash space before its collection, see [`KeyHash::fraction`].
    pub(super) place: u64,
    /// Half units.
    pub(super) halves: i64,
    pub(super) throttles: u64,
}

impl Counter {
    /// The key's collection.
    pub(super) const fn key(&self) -> KeyHash {
        KeyHash::at(self.place)
    }
}

/// Counters by key. Keys are hashes, so that the first free place from the one where a key
/// belongs is near.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    /// In the order in which they came.
    all: Vec<Counter>,
    /// Which counter is where, from 1, and 0 where there is none: a power of two of them, half of
    /// which are taken at most.
    places: Vec<u16>,
}

impl Counters {
    pub(super) const fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Counter> + '_ {
        self.all.iter()
    }

    /// Adds to the counter of this place.
    pub(super) fn add(&mut self, one: Counter) {
        if self.all.len() * 2 >= self.places.len() {
            let places = (2 * self.places.len()).max(PLACES_MIN);
            self.arrange(places);
        }
        let last = self.places.len() - 1;
        let mut at = belongs(one.place, self.places.len());
        while let Some(number) = usize::from(self.places[at]).checked_sub(1) {
            let counter = &mut self.all[number];
            if counter.place == one.place {
                counter.halves += one.halves;
                counter.throttles += one.throttles;
                return;
            }
            at = (at + 1) & last;
        }
        self.all.push(one);
        self.places[at] = number_of(self.all.len());
    }

    /// Takes `halves` off each, and forgets those of which nothing is left.
    pub(super) fn lower(&mut self, halves: i64) {
        self.all.retain_mut(|one| {
            one.halves -= halves;
            one.halves > 0
        });
        self.arrange(self.places.len());
    }

    /// Gives each its place among so many.
    fn arrange(&mut self, places: usize) {
        self.places.clear();
        self.places.resize(places, 0);
        for (number, one) in (1..).zip(&self.all) {
            let mut at = belongs(one.place, places);
            while self.places[at] != 0 {
                at = (at + 1) & (places - 1);
            }
            self.places[at] = number_of(number);
        }
    }
}

/// Where a key belongs among so many places.
fn belongs(place: u64, places: usize) -> usize {
    let at = (u128::from(place) * places as u128) >> 64;
    usize::try_from(at).unwrap_or(0)
}

fn number_of(counter: usize) -> u16 {
    u16::try_from(counter).expect("far fewer keys are counted at a time")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counters_are_a_map(steps in proptest::collection::vec((0_u64..300, 0_i64..5), 0..900)) {
            let (mut counters, mut map) = (Counters::default(), BTreeMap::new());
            for (key, halves) in steps {
                // Neighbours, so that places are disputed, up to the last one.
                let place = u64::MAX - key;
                counters.add(Counter { place, halves, throttles: 1 });
                let counter: &mut (i64, u64) = map.entry(place).or_default();
                counter.0 += halves;
                counter.1 += 1;
            }
            let all = |counters: &Counters| -> BTreeMap<u64, (i64, u64)> {
                let counters = counters.iter();
                counters.map(|one| (one.place, (one.halves, one.throttles))).collect()
            };
            prop_assert_eq!(counters.len(), map.len());
            prop_assert_eq!(&all(&counters), &map);
            counters.lower(6);
            map.retain(|_, counter| {
                counter.0 -= 6;
                counter.0 > 0
            });
            prop_assert_eq!(counters.len(), map.len());
            prop_assert_eq!(all(&counters), map);
        }
    }
}
