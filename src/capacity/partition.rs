//! Partitions: which one a key lies in, and how much each serves.

mod flow;
mod key;
mod size;

use std::{collections::VecDeque, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Arm,
    bucket::TokenBucket,
    heat::{HeatRule, HeatTracker},
    split::{SplitBlock, SplitRule},
    traffic::{PartitionTraffic, Traffic},
};
use flow::FlowTraffic;
pub use key::{KeyHash, ordered_bytes};
use size::Stored;

use crate::{
    scenario::{AdmissionRule, ModelParameters, PartitionCountRule, PartitionShareMode},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp},
};

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
        .max(table_bytes.0.div_ceil(size_max(parameters).0))
        .max(1)
}

/// The partitions of a table or of a GSI: disjoint ranges that cover the hash space.
#[derive(Clone, Debug)]
pub struct Partitions {
    /// The first place of each partition, ascending, from 0.
    starts: Vec<u128>,
    /// As many as `starts`.
    all: Vec<Partition>,
    /// As many again: small and apart, since flows go through all of them in every second.
    flows: ByDirection<Vec<FlowTraffic>>,
    ceilings: ByDirection<CapacityUnits>,
    /// How much more it serves of eventually consistent reads.
    eventual_multiple: f64,
    rule: HeatRule,
    /// When its first second began.
    since: Timestamp,
    /// Splits that have begun, by their ends; a split takes the same time as every other.
    splitting: VecDeque<Splitting>,
    split_takes: Duration,
    /// What one of them holds before it splits.
    size_max: Bytes,
    last_heat: Option<HeatEvent>,
}

#[derive(Clone, Debug)]
struct Partition {
    buckets: ByDirection<TokenBucket>,
    heat: ByDirection<HeatTracker>,
    traffic: ByDirection<Traffic>,
    stored: Stored,
}

/// A split that has begun.
#[derive(Clone, Copy, Debug)]
struct Splitting {
    live: Timestamp,
    at: KeyHash,
    for_heat: bool,
}

/// A partition was hot for long enough to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeatEvent {
    /// When the split was live, or when it was found useless.
    pub at: Timestamp,
    /// The partition's number at that time, in the order of the hash space, from 0.
    pub partition: usize,
    /// Why it was not split; `None` when it was.
    pub blocked: Option<SplitBlock>,
}

impl Partitions {
    /// `count` ≥ 1 partitions of equal width for a resource of these rates that holds nothing.
    #[must_use]
    pub fn new(
        count: u64,
        rates: ByDirection<CapacityUnits>,
        parameters: &ModelParameters,
        now: Timestamp,
    ) -> Self {
        let count = count.max(1);
        let buckets = ByDirection::from_fn(|direction| {
            let rate = partition_rate(rates[direction], count, direction, parameters);
            match parameters.partition_share_mode {
                PartitionShareMode::Gac => TokenBucket::new(rate, depth(parameters), 1.0, now),
                PartitionShareMode::LegacyEvenShare => TokenBucket::new(
                    rate,
                    depth(parameters),
                    parameters.initial_burst_fraction.as_fraction(),
                    now,
                )
                .under(parameters),
            }
        });
        let partition = Partition {
            buckets,
            heat: ByDirection::default(),
            traffic: ByDirection::default(),
            stored: Stored::of(Bytes(0)),
        };
        let start = |number: u64| (u128::from(number) << 64).div_ceil(u128::from(count)) << 64;
        Self {
            starts: (0..count).map(start).collect(),
            all: (0..count).map(|_| partition.clone()).collect(),
            flows: ByDirection::from_fn(|_| (0..count).map(|_| FlowTraffic::NONE).collect()),
            ceilings: ByDirection::from_fn(|direction| ceiling(direction, parameters)),
            eventual_multiple: parameters.ec_read_partition_multiplier,
            rule: HeatRule {
                split: SplitRule::of(parameters),
                policy: parameters.split_policy,
                whole_collections: false,
            },
            since: now,
            splitting: VecDeque::new(),
            split_takes: Duration::from_secs(parameters.split_duration_seconds.into()),
            size_max: size_max(parameters),
            last_heat: None,
        }
    }

    /// The same partitions, each of which admits writes until `credit` is owed.
    pub(super) fn with_write_credit(mut self, credit: CapacityUnits) -> Self {
        for partition in &mut self.all {
            let bucket = &mut partition.buckets.write;
            *bucket = bucket.clone().with_credit(credit);
        }
        self
    }

    /// Says that the table has a local index: what has one partition key stays together.
    pub(super) const fn bind_collections(&mut self) {
        self.rule.whole_collections = true;
    }

    /// Notes what was asked of a partition beyond its ceiling.
    pub(super) fn refuse(&mut self, key: KeyHash, direction: Direction, units: CapacityUnits) {
        let index = self.index_of(key);
        self.all[index].traffic[direction].refused += units;
    }

    /// What the partitions that had any traffic had since this was asked the last time.
    pub(super) fn take_traffic(&mut self) -> Vec<PartitionTraffic> {
        let parts = self.starts.iter().zip(&mut self.all).enumerate();
        parts
            .map(|(number, (start, partition))| {
                let mut directions = std::mem::take(&mut partition.traffic);
                for direction in Direction::ALL {
                    directions[direction] += self.flows[direction][number].take();
                }
                PartitionTraffic {
                    from: KeyHash(*start),
                    directions,
                }
            })
            .filter(|part| part.directions != ByDirection::default())
            .collect()
    }

    /// Counts the refusals of a copy of these partitions that was made to try something out.
    pub(super) fn adopt_refusals(&mut self, copy: &Self) {
        for (own, tried) in self.all.iter_mut().zip(&copy.all) {
            for direction in Direction::ALL {
                own.traffic[direction].refused = tried.traffic[direction].refused;
            }
        }
    }

    /// Where each partition begins, ascending.
    pub fn starts(&self) -> impl Iterator<Item = KeyHash> + '_ {
        self.starts.iter().copied().map(KeyHash)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// The number of the partition that a key lies in, in the order of the hash space.
    #[must_use]
    #[inline]
    pub fn index_of(&self, key: KeyHash) -> usize {
        let count = self.starts.len();
        // Where all are of equal width this is the one; most tables never split.
        let guess = ((key.0 >> 64) * count as u128) >> 64;
        let guess = usize::try_from(guess).unwrap_or(usize::MAX).min(count - 1);
        let next = self.starts.get(guess + 1);
        if self.starts[guess] <= key.0 && next.is_none_or(|next| key.0 < *next) {
            return guess;
        }
        self.starts.partition_point(|start| *start <= key.0) - 1
    }

    /// Splits the partition that `at` lies in: keys from `at` on move to a new partition, with
    /// a full ceiling and the parent's balance (a debt is not forgiven). `false` when `at` is
    /// already where a partition begins: nothing to split. Partitions never merge.
    pub fn split(&mut self, at: KeyHash) -> bool {
        let parent = self.index_of(at);
        if self.starts[parent] == at.0 {
            return false;
        }
        let taken = self.part_from(parent, at);
        self.starts.insert(parent + 1, at.0);
        self.all[parent].heat = ByDirection::default();
        let stored = self.all[parent].stored.split(taken);
        for direction in Direction::ALL {
            let flows = &mut self.flows[direction];
            flows[parent].strain();
            flows.insert(parent + 1, FlowTraffic::NONE);
        }
        let child = Partition {
            traffic: ByDirection::default(),
            stored,
            ..self.all[parent].clone()
        };
        self.all.insert(parent + 1, child);
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
        let burst = depth(parameters);
        for partition in &mut self.all {
            for direction in Direction::ALL {
                let rate = partition_rate(rates[direction], count, direction, parameters);
                partition.buckets[direction].set_rate(rate, burst, now);
            }
        }
        for direction in Direction::ALL {
            self.flows[direction]
                .iter_mut()
                .for_each(FlowTraffic::strain);
        }
    }

    /// When the next split is live.
    pub(super) fn changes_at(&self) -> Option<Timestamp> {
        self.splitting.front().map(|split| split.live)
    }

    /// Makes the splits live that are complete at `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        while let Some(split) = self.splitting.front().copied()
            && split.live <= now
        {
            self.splitting.pop_front();
            let Splitting { live, at, for_heat } = split;
            let partition = self.index_of(at);
            if self.split(at) && for_heat {
                self.last_heat = Some(HeatEvent {
                    at: live,
                    partition,
                    blocked: None,
                });
            }
        }
    }

    /// What became of a hot partition, the last time that one was looked at.
    #[must_use]
    pub const fn last_heat(&self) -> Option<HeatEvent> {
        self.last_heat
    }

    /// Leaves one unit at most in every bucket.
    pub(super) fn drain(&mut self, now: Timestamp) {
        for partition in &mut self.all {
            for direction in Direction::ALL {
                partition.buckets[direction].drain(now);
            }
        }
    }

    fn begin_split(&mut self, at: KeyHash, for_heat: bool, now: Timestamp) {
        let live = now + self.split_takes;
        self.splitting.push_back(Splitting { live, at, for_heat });
    }

    fn middles(&self) -> Vec<KeyHash> {
        (0..self.count())
            .map(|number| self.middle(number))
            .collect()
    }

    fn middle(&self, partition: usize) -> KeyHash {
        let start = self.starts[partition];
        let end = self.starts.get(partition + 1).map_or(u128::MAX, |end| *end);
        KeyHash(start + (end - start).div_ceil(2))
    }

    /// Until when the partition that the arm's key lies in refuses `units`; `None` when it does
    /// not.
    pub(super) fn refusal(
        &mut self,
        arm: &Arm,
        units: CapacityUnits,
        rule: AdmissionRule,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let index = self.index_of(arm.key);
        let units = self.weight(arm, units);
        let bucket = &mut self.all[index].buckets[arm.direction];
        let admitted = bucket.admits(units, rule, now);
        (!admitted).then(|| bucket.admits_at(units, rule, now))
    }

    /// What `units` weigh in a partition's bucket.
    fn weight(&self, arm: &Arm, units: CapacityUnits) -> CapacityUnits {
        if arm.eventual && self.eventual_multiple > 1.0 {
            CapacityUnits::from(units.as_f64() / self.eventual_multiple)
        } else {
            units
        }
    }

    /// Asks for `asked` and debits what the arm takes, if it is let in: whether a split began by
    /// that.
    #[inline]
    pub(super) fn take(
        &mut self,
        asked: CapacityUnits,
        arm: &Arm,
        rule: AdmissionRule,
        now: Timestamp,
    ) -> Option<bool> {
        let index = self.index_of(arm.key);
        let asked = self.weight(arm, asked);
        let bucket = &mut self.all[index].buckets[arm.direction];
        let admitted = bucket.admits(asked, rule, now);
        admitted.then(|| self.spend_in(index, arm, now))
    }

    /// Debits what was consumed, and says whether a split began by that.
    pub(super) fn spend(&mut self, arm: &Arm, now: Timestamp) -> bool {
        self.spend_in(self.index_of(arm.key), arm, now)
    }

    #[inline]
    fn spend_in(&mut self, index: usize, arm: &Arm, now: Timestamp) -> bool {
        let Arm {
            key,
            direction,
            units,
            ..
        } = *arm;
        let partition = &mut self.all[index];
        let bucket = &mut partition.buckets[direction];
        if arm.eventual && self.eventual_multiple > 1.0 {
            bucket.spend_one_of(self.eventual_multiple, units, now);
        } else {
            bucket.spend(units, now);
        }
        partition.traffic[direction].served += units;
        self.heat(index, key, direction, units, now)
    }

    #[inline]
    fn heat(
        &mut self,
        index: usize,
        key: KeyHash,
        direction: Direction,
        units: CapacityUnits,
        now: Timestamp,
    ) -> bool {
        let heat = &mut self.all[index].heat[direction];
        let ceiling = self.ceilings[direction];
        let second = now.nanos_since(self.since) / 1_000_000_000;
        match heat.serve(key, units, ceiling, &self.rule, second) {
            None => false,
            Some(Ok(at)) => {
                let at = at.unwrap_or_else(|| self.middle(index));
                self.begin_split(at, true, now);
                true
            }
            Some(Err(blocked)) => {
                self.last_heat = Some(HeatEvent {
                    at: now,
                    partition: index,
                    blocked: Some(blocked),
                });
                false
            }
        }
    }
}

/// What one partition holds.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the form bounds it far below 2^53 bytes"
)]
pub fn size_max(parameters: &ModelParameters) -> Bytes {
    const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
    Bytes(((parameters.split_size_gb * GIB) as u64).max(1))
}

/// What one partition serves per second.
#[must_use]
pub fn ceiling(direction: Direction, parameters: &ModelParameters) -> CapacityUnits {
    CapacityUnits::whole(i64::from(match direction {
        Direction::Read => parameters.partition_read_cap,
        Direction::Write => parameters.partition_write_cap,
    }))
}

/// Seconds beyond the current one that a partition's bucket holds.
const fn depth(parameters: &ModelParameters) -> u32 {
    match parameters.partition_share_mode {
        PartitionShareMode::Gac => parameters.partition_bucket_seconds.saturating_sub(1),
        PartitionShareMode::LegacyEvenShare => parameters.burst_seconds,
    }
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
