//! The newest items most, those included that the run itself has inserted.
//!
//! Keeps no state: which of the earlier arrivals were inserts is worked out again from the
//! mix, so that a pick stays a pure function of its number.

use std::sync::Arc;

use super::zipf::Zipf;
use crate::{seed::Rng, workload::mix::Mix};

/// Arrivals that are looked at one by one, at least, when counting inserts back from a pick.
const WALK_MIN: u64 = 1 << 10;
/// And at most, however rare inserts are.
const WALK_MAX: u64 = 1 << 16;
/// Inserts that a walk should reach.
const WALK_INSERTS: f64 = 16.0;

/// The arrivals that add an item to a table.
#[derive(Clone, Debug)]
pub struct Inserts {
    mix: Arc<Mix>,
    /// Whether each operation of the mix inserts into this table.
    inserting: Arc<[bool]>,
    /// Their share of all arrivals, above 0.
    share: f64,
    /// How many arrivals a search may look at.
    walk: u64,
}

impl Inserts {
    /// `inserting` says for each operation of `mix` whether it inserts; `share` is their
    /// weight together. `None` when there are no inserts.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped; the cast saturates"
    )]
    pub fn new(mix: Arc<Mix>, inserting: Arc<[bool]>, share: f64) -> Option<Self> {
        let walk = ((WALK_INSERTS / share).ceil() as u64).clamp(WALK_MIN, WALK_MAX);
        (share > 0.0).then_some(Self {
            mix,
            inserting,
            share,
            walk,
        })
    }

    fn is_insert(&self, sequence: u64) -> bool {
        self.inserting[self.mix.choose(sequence)]
    }

    /// Inserts among the arrivals before `sequence`: counted near the start, expected later.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an expected count, rounded"
    )]
    fn before(&self, sequence: u64) -> u64 {
        if sequence <= self.walk {
            (0..sequence).map(|s| u64::from(self.is_insert(s))).sum()
        } else {
            (sequence as f64 * self.share).round() as u64
        }
    }

    /// The arrival that inserted the `rank`-th newest item (from 1) as of `sequence`; `None`
    /// when no insert is found there.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "expected distances, rounded"
    )]
    fn back(&self, rank: u64, sequence: u64) -> Option<u64> {
        let mut left = rank;
        let mut end = sequence;
        // Not worth a walk when it would end far short of the rank.
        if sequence <= self.walk || (rank as f64) < 2.0 * self.walk as f64 * self.share {
            let start = sequence.saturating_sub(self.walk);
            for arrival in (start..sequence).rev() {
                if self.is_insert(arrival) {
                    left -= 1;
                    if left == 0 {
                        return Some(arrival);
                    }
                }
            }
            end = start;
        }
        let distance = ((left - 1) as f64 / self.share).round() as u64;
        let end = end.checked_sub(distance)?;
        (end.saturating_sub(self.walk)..end)
            .rev()
            .find(|&arrival| self.is_insert(arrival))
    }
}

/// Rank *k* back from the newest item with probability proportional to k^-s.
///
/// An insert counts from the arrival after it, whether or not it has been answered by then.
/// The rank law is exact over the newest inserts, as far as they lie within the last 1,024
/// arrivals (more where inserts are rare, up to 65,536 arrivals). Farther back, the item is
/// the first insert found at the expected distance, so its rank is off by about the square
/// root of itself, and inserts rarer than about one in 65,536 arrivals may be passed over.
#[derive(Clone, Debug)]
pub struct Latest {
    items: u64,
    new_per_arrival: u64,
    /// Ranks over the loaded items alone.
    loaded: Zipf,
    inserts: Option<Inserts>,
}

impl Latest {
    /// Over `items` ≥ 1 loaded items and the `inserts`, if there are any. Arrival *n* inserts
    /// item `items` + *n* × `new_per_arrival`; of a batch, its first member counts.
    #[must_use]
    pub fn new(items: u64, new_per_arrival: u64, exponent: f64, inserts: Option<Inserts>) -> Self {
        Self {
            items,
            new_per_arrival,
            loaded: Zipf::new(items, exponent),
            inserts,
        }
    }

    /// The item for arrival `sequence`.
    #[must_use]
    pub fn pick(&self, sequence: u64, rng: &mut Rng) -> u64 {
        let Some(inserts) = &self.inserts else {
            return self.items - self.loaded.sample(rng);
        };
        let inserted = inserts.before(sequence);
        let ranks = self.items.saturating_add(inserted);
        let rank = self.loaded.over(ranks).sample(rng);
        if let Some(older) = rank.checked_sub(inserted).filter(|&older| older > 0) {
            return self.items - older;
        }
        match inserts.back(rank, sequence) {
            Some(arrival) => {
                let first = arrival.saturating_mul(self.new_per_arrival);
                self.items.saturating_add(first)
            }
            None => self.items - 1,
        }
    }
}
