//! The newest items most, those included that the run itself has inserted.
//!
//! Keeps no state: which of the earlier arrivals were inserts is worked out again from the
//! mix, so that a pick stays a pure function of its number.

use std::{ops::Range, sync::Arc};

use super::zipf::Zipf;
use crate::{
    seed::Rng,
    workload::{history::History, mix::PhaseMix},
};

/// Arrivals that are looked at one by one, at least, when counting inserts back from a pick.
const WALK_MIN: u64 = 1 << 10;
/// And at most, however rare inserts are.
const WALK_MAX: u64 = 1 << 16;
/// Inserts that a walk should reach.
const WALK_INSERTS: f64 = 16.0;

/// The arrivals that add an item to a table.
#[derive(Clone, Debug)]
pub struct Inserts {
    mix: Arc<PhaseMix>,
    /// Whether each operation of the mix inserts into this table.
    inserting: Arc<[bool]>,
    /// Their share of the arrivals of each phase, or of all phases; one of them above 0.
    shares: Vec<f64>,
    /// How many arrivals a search may look at.
    walk: u64,
}

impl Inserts {
    /// `inserting` says for each operation of `mix` whether it inserts; `shares` are their
    /// weights together, by phase as `mix` has them. `None` when there are no inserts.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped; the cast saturates"
    )]
    pub fn new(mix: Arc<PhaseMix>, inserting: Arc<[bool]>, shares: Vec<f64>) -> Option<Self> {
        let some = shares.iter().copied().filter(|share| *share > 0.0);
        let rarest = some.reduce(f64::min)?;
        let walk = ((WALK_INSERTS / rarest).ceil() as u64).clamp(WALK_MIN, WALK_MAX);
        Some(Self {
            mix,
            inserting,
            shares,
            walk,
        })
    }

    fn is_insert(&self, sequence: u64, history: &History) -> bool {
        self.inserting[self.mix.choose(sequence, history)]
    }

    /// The stretches before arrival `end`, latest first, each with the share of inserts in it:
    /// one for each phase.
    fn stretches(&self, end: u64, history: &History) -> impl Iterator<Item = (Range<u64>, f64)> {
        let phases = match self.shares.len() {
            0 | 1 => 1,
            _ => history.phase_of(end.saturating_sub(1)) + 1,
        };
        let mut end = end;
        (0..phases).rev().map(move |phase| {
            let first = if phase == 0 { 0 } else { history.first(phase) };
            let stretch = first..end;
            end = first;
            (stretch, self.shares[phase.min(self.shares.len() - 1)])
        })
    }

    /// Inserts that are expected among the arrivals before `end`.
    #[expect(clippy::cast_precision_loss, reason = "an expected count")]
    fn expected(&self, end: u64, history: &History) -> f64 {
        let stretches = self.stretches(end, history);
        stretches
            .map(|(stretch, share)| (stretch.end - stretch.start) as f64 * share)
            .sum()
    }

    /// How far back from `end` so many inserts are expected to reach; `None` beyond the start.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "expected distances, rounded"
    )]
    fn back_by(&self, inserts: u64, end: u64, history: &History) -> Option<u64> {
        let mut left = inserts as f64;
        for (stretch, share) in self.stretches(end, history) {
            let distance = (left / share).round();
            if share > 0.0 && distance <= (stretch.end - stretch.start) as f64 {
                return Some(stretch.end - distance as u64);
            }
            left -= (stretch.end - stretch.start) as f64 * share;
        }
        None
    }

    /// Inserts among the arrivals before `sequence`: counted near the start, expected later.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an expected count, rounded"
    )]
    fn before(&self, sequence: u64, history: &History) -> u64 {
        if sequence <= self.walk {
            let inserts = |s| u64::from(self.is_insert(s, history));
            (0..sequence).map(inserts).sum()
        } else {
            self.expected(sequence, history).round() as u64
        }
    }

    /// The arrival that inserted the `rank`-th newest item (from 1) as of `sequence`; `None`
    /// when no insert is found there.
    #[expect(clippy::cast_precision_loss, reason = "compared with an expectation")]
    fn back(&self, rank: u64, sequence: u64, history: &History) -> Option<u64> {
        let mut left = rank;
        let mut end = sequence;
        // Not worth a walk when it would end far short of the rank.
        let start = sequence.saturating_sub(self.walk);
        let near = self.expected(sequence, history) - self.expected(start, history);
        if sequence <= self.walk || (rank as f64) < 2.0 * near {
            for arrival in (start..sequence).rev() {
                if self.is_insert(arrival, history) {
                    left -= 1;
                    if left == 0 {
                        return Some(arrival);
                    }
                }
            }
            end = start;
        }
        let end = self.back_by(left - 1, end, history)?;
        (end.saturating_sub(self.walk)..end)
            .rev()
            .find(|&arrival| self.is_insert(arrival, history))
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

    /// The item for arrival `sequence`, given which phases began when.
    #[must_use]
    pub fn pick(&self, sequence: u64, history: &History, rng: &mut Rng) -> u64 {
        let Some(inserts) = &self.inserts else {
            return self.items - self.loaded.sample(rng);
        };
        let inserted = inserts.before(sequence, history);
        let ranks = self.items.saturating_add(inserted);
        let rank = self.loaded.over(ranks).sample(rng);
        if let Some(older) = rank.checked_sub(inserted).filter(|&older| older > 0) {
            return self.items - older;
        }
        match inserts.back(rank, sequence, history) {
            Some(arrival) => {
                let first = arrival.saturating_mul(self.new_per_arrival);
                self.items.saturating_add(first)
            }
            None => self.items - 1,
        }
    }
}
