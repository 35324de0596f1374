//! A bounded memory of what was computed of items.
//!
//! Items are pure functions of their number, so forgetting costs time and nothing else.

use std::num::NonZeroU64;

/// Slots at most, so that they stay near the processor; a table with fewer items needs fewer.
const SLOTS_MAX: u64 = 1 << 13;
const SLOTS_MIN: u64 = 1 << 8;

/// A direct-mapped cache by item number.
#[derive(Debug)]
pub(super) struct Memo<T> {
    /// By the last bits of a number: that number and one, and what belongs to it.
    slots: Vec<Option<(NonZeroU64, T)>>,
}

impl<T: Copy> Memo<T> {
    /// For a table of about `items` items.
    pub(super) fn new(items: u64) -> Self {
        let slots = items.clamp(SLOTS_MIN, SLOTS_MAX).next_power_of_two();
        Self {
            slots: vec![None; usize::try_from(slots).expect("at most 2^13")],
        }
    }

    /// What belongs to `number`, from memory or from `compute`.
    pub(super) fn get(&mut self, number: u64, compute: impl FnOnce() -> T) -> T {
        let mask = self.slots.len() as u64 - 1;
        let slot = usize::try_from(number & mask).expect("below 2^13");
        let Some(key) = number.checked_add(1).and_then(NonZeroU64::new) else {
            return compute();
        };
        match self.slots[slot] {
            Some((known, value)) if known == key => value,
            _ => {
                let value = compute();
                self.slots[slot] = Some((key, value));
                value
            }
        }
    }
}
