//! Partitions: which one a key lies in, and how much each serves.

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::{bucket::TokenBucket, limits};
use crate::{
    scenario::{AdmissionRule, ModelParameters, PartitionCountRule, PartitionShareMode},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp},
};

/// Where a partition key lies among the partitions: a uniform 128-bit hash. AWS does not
/// publish its own, so which keys share a partition is an assumption; that they share one at
/// random is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(u128);

impl KeyHash {
    /// Of the value's bytes, seeded with a byte for its type, so that S `1` and N `1` differ.
    /// XXH3: every key is hashed, and nobody profits from choosing keys that collide.
    #[must_use]
    pub fn of(kind: u8, value: &[u8]) -> Self {
        Self(xxh3_128_with_seed(value, u64::from(kind)))
    }

    /// The place `fraction` (in 2^-64) of the hash space.
    #[must_use]
    pub const fn at(fraction: u64) -> Self {
        Self((fraction as u128) << 64)
    }

    fn high(self) -> u64 {
        u64::try_from(self.0 >> 64).expect("64 bits are left")
    }
}

/// How many partitions a table of this capacity and size starts with.
#[must_use]
pub fn initial_count(
    rates: ByDirection<CapacityUnits>,
    table_bytes: Bytes,
    parameters: &ModelParameters,
) -> u64 {
    let read_cap = 2 * u64::from(parameters.partition_read_cap);
    let write_cap = 2 * u64::from(parameters.partition_write_cap);
    let read = rates.read.halves().unsigned_abs();
    let write = rates.write.halves().unsigned_abs();
    let throughput = match parameters.partition_count_rule {
        PartitionCountRule::Max => read.div_ceil(read_cap).max(write.div_ceil(write_cap)),
        PartitionCountRule::Sum => {
            (read * write_cap + write * read_cap).div_ceil(read_cap * write_cap)
        }
    };
    throughput
        .max(table_bytes.0.div_ceil(limits::PARTITION_BYTES.0))
        .max(1)
}

/// The partitions of a table or of a GSI: disjoint ranges that cover the hash space.
#[derive(Clone, Debug)]
pub struct Partitions {
    /// The first hash of each partition (its high 64 bits), ascending, from 0.
    starts: Vec<u64>,
    /// As many as `starts`.
    buckets: Vec<ByDirection<TokenBucket>>,
}

impl Partitions {
    /// `count` ≥ 1 partitions of equal width for a resource of these rates.
    #[must_use]
    pub fn new(
        count: u64,
        rates: ByDirection<CapacityUnits>,
        parameters: &ModelParameters,
        now: Timestamp,
    ) -> Self {
        let count = count.max(1);
        let bucket = ByDirection::from_fn(|direction| {
            let rate = partition_rate(rates[direction], count, direction, parameters);
            match parameters.partition_share_mode {
                // The bucket's depth is the current second plus `burst_seconds`.
                PartitionShareMode::Gac => {
                    let burst = parameters.partition_bucket_seconds.saturating_sub(1);
                    TokenBucket::new(rate, burst, 1.0, now)
                }
                PartitionShareMode::LegacyEvenShare => TokenBucket::new(
                    rate,
                    parameters.burst_seconds,
                    parameters.initial_burst_fraction.as_fraction(),
                    now,
                ),
            }
        });
        let start = |number: u64| {
            let start = (u128::from(number) << 64).div_ceil(u128::from(count));
            u64::try_from(start).unwrap_or(u64::MAX)
        };
        Self {
            starts: (0..count).map(start).collect(),
            buckets: (0..count).map(|_| bucket.clone()).collect(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.buckets.len()
    }

    /// The number of the partition that a key lies in, in the order of the hash space.
    #[must_use]
    pub fn index_of(&self, key: KeyHash) -> usize {
        let high = key.high();
        self.starts.partition_point(|start| *start <= high) - 1
    }

    /// Splits the partition that `at` lies in: keys from `at` on move to a new partition, with
    /// a full ceiling and the parent's balance (a debt is not forgiven). `false` when `at` is
    /// already where a partition begins: nothing to split. Partitions never merge.
    pub fn split(&mut self, at: KeyHash) -> bool {
        let parent = self.index_of(at);
        let high = at.high();
        if self.starts[parent] == high {
            return false;
        }
        self.starts.insert(parent + 1, high);
        self.buckets
            .insert(parent + 1, self.buckets[parent].clone());
        true
    }

    /// Other rates from now on: every partition is halved until there are enough of them, as
    /// DynamoDB does for a raise; a cut merges none. [ATC22]
    pub fn set_rates(
        &mut self,
        rates: ByDirection<CapacityUnits>,
        parameters: &ModelParameters,
        now: Timestamp,
    ) {
        let needed = initial_count(rates, Bytes(0), parameters);
        while u64::try_from(self.count()).is_ok_and(|count| count < needed) {
            for middle in self.middles() {
                self.split(middle);
            }
        }
        let count = u64::try_from(self.count()).unwrap_or(u64::MAX);
        for buckets in &mut self.buckets {
            for direction in Direction::ALL {
                let rate = partition_rate(rates[direction], count, direction, parameters);
                buckets[direction].set_rate(rate, now);
            }
        }
    }

    fn middles(&self) -> Vec<KeyHash> {
        let ends = self.starts.iter().skip(1).map(|start| u128::from(*start));
        self.starts
            .iter()
            .zip(ends.chain([1 << 64]))
            .map(|(start, end)| KeyHash(u128::midpoint(u128::from(*start), end) << 64))
            .collect()
    }

    pub(super) fn admits(
        &mut self,
        key: KeyHash,
        direction: Direction,
        units: CapacityUnits,
        rule: AdmissionRule,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        let index = self.index_of(key);
        let bucket = &mut self.buckets[index][direction];
        if bucket.admits(units, rule, now) {
            Ok(())
        } else {
            Err(bucket.admits_at(units, rule, now))
        }
    }

    pub(super) fn spend(
        &mut self,
        key: KeyHash,
        direction: Direction,
        units: CapacityUnits,
        now: Timestamp,
    ) {
        let index = self.index_of(key);
        self.buckets[index][direction].spend(units, now);
    }
}

/// What one partition serves per second.
#[must_use]
pub fn ceiling(direction: Direction, parameters: &ModelParameters) -> CapacityUnits {
    CapacityUnits::whole(i64::from(match direction {
        Direction::Read => parameters.partition_read_cap,
        Direction::Write => parameters.partition_write_cap,
    }))
}

fn partition_rate(
    rate: CapacityUnits,
    count: u64,
    direction: Direction,
    parameters: &ModelParameters,
) -> CapacityUnits {
    let cap = ceiling(direction, parameters);
    match parameters.partition_share_mode {
        PartitionShareMode::Gac => cap,
        PartitionShareMode::LegacyEvenShare => share(rate, count).min(cap),
    }
}

/// An even share in half units, at least one: a share of nothing would never admit.
fn share(rate: CapacityUnits, count: u64) -> CapacityUnits {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    CapacityUnits::from_halves((rate.halves() / count).max(1))
}
