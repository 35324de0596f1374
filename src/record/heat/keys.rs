//! Which keys took how much: exact for a few thousand keys, and for more of them with a bound
//! on what may be missing.
//!
//! The counting is that of Misra and Gries, in batches: when there are too many keys after one,
//! every count is lowered by that of the key in the middle, and who has nothing left goes. What
//! was taken off in all is the bound.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counters::{Counter, Counters};
use crate::{capacity::partition::KeyHash, units::CapacityUnits};

/// Keys that a record names.
pub const TOP_KEYS: usize = 20;
/// Keys that are counted at a time, at least.
const KEYS_KEPT: usize = 4096;
/// Requests after which it is looked whether there are too many keys.
const BATCH: usize = 4096;
/// Requests that are counted in one go: finding a key's counter is mostly waiting for memory, for
/// several at once no longer than for one.
const TOGETHER: usize = 256;

/// What the keys of one direction took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeyHeat {
    /// Units of all keys together.
    pub units: CapacityUnits,
    /// How much each count may be too low, in units. Zero: every count is exact.
    pub missing_at_most: CapacityUnits,
    /// How many keys there were; absent when that was not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
    /// The hottest keys, at most [`TOP_KEYS`].
    pub top: Vec<HotKey>,
    /// Of the hottest n keys: n, and what they took together, at least.
    pub curve: Vec<(u64, CapacityUnits)>,
}

/// One partition key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HotKey {
    /// Its place in the hash space: 32 hexadecimal digits.
    pub place: String,
    /// Its value, where an item of the scenario has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Units that it took, at least.
    pub units: CapacityUnits,
    /// Attempts at it that were throttled, at least.
    pub throttles: u64,
}

/// Counts keys in bounded memory.
#[derive(Clone, Debug, Default)]
pub struct KeySketch {
    counted: Counters,
    /// What is not in `counted` yet, in its order.
    waiting: Vec<Counter>,
    /// Of the current batch.
    requests: usize,
    total: CapacityUnits,
    missing: i64,
}

impl KeySketch {
    /// A key took `units`.
    pub fn serve(&mut self, key: KeyHash, units: CapacityUnits) {
        self.total += units;
        self.push(key, units.halves(), 0);
    }

    /// An attempt at a key was throttled.
    pub fn throttle(&mut self, key: KeyHash) {
        self.push(key, 0, 1);
    }

    /// Counts what another one counted.
    pub fn absorb(&mut self, mut other: Self) {
        other.count();
        self.count();
        self.total += other.total;
        self.missing += other.missing;
        self.requests += other.counted.len();
        for one in other.counted.iter() {
            self.counted.add(*one);
        }
        self.end_batch();
    }

    /// What was counted.
    #[must_use]
    pub fn finish(mut self) -> KeyHeat {
        self.count();
        self.thin_out();
        let is_exact = self.missing == 0;
        let mut counted: Vec<_> = self.counted.iter().copied().collect();
        let distinct = counted.len() as u64;
        // Equal ones in the order of their places, so that a run has one result.
        counted.sort_by_key(|one| (-one.halves, one.place));
        let mut sum = CapacityUnits::ZERO;
        let mut curve = Vec::new();
        for (rank, one) in (1..).zip(&counted) {
            sum += CapacityUnits::from_halves(one.halves);
            if is_told(rank) || rank == distinct {
                curve.push((rank, sum));
            }
        }
        KeyHeat {
            units: self.total,
            missing_at_most: CapacityUnits::from_halves(self.missing),
            distinct: is_exact.then_some(distinct),
            top: (counted.iter().take(TOP_KEYS))
                .map(|one| HotKey {
                    place: one.key().to_hex(),
                    value: None,
                    units: CapacityUnits::from_halves(one.halves),
                    throttles: one.throttles,
                })
                .collect(),
            curve,
        }
    }

    fn push(&mut self, key: KeyHash, halves: i64, throttles: u64) {
        self.waiting.push(Counter {
            place: key.collection().fraction(),
            halves,
            throttles,
        });
        self.requests += 1;
        if self.waiting.len() == TOGETHER {
            self.count();
            self.end_batch();
        }
    }

    fn count(&mut self) {
        for one in self.waiting.drain(..) {
            self.counted.add(one);
        }
    }

    fn end_batch(&mut self) {
        if self.requests >= BATCH {
            self.requests = 0;
            self.thin_out();
        }
    }

    fn thin_out(&mut self) {
        if self.counted.len() > 2 * KEYS_KEPT {
            let mut counts: Vec<i64> = self.counted.iter().map(|one| one.halves).collect();
            let (_, taken, _) = counts.select_nth_unstable_by_key(KEYS_KEPT, |count| -count);
            self.missing += *taken;
            self.counted.lower(*taken);
        }
    }
}

/// Ranks at which the curve is told: the first ten, then some twenty to each power of ten.
fn is_told(rank: u64) -> bool {
    rank < 10 || rank.is_multiple_of(10_u64.pow(rank.ilog10() - 1) * 5)
}
