//! The capacity model: whether a table admits a request now, and if not, why.
//!
//! One model for whoever asks: the emulator's governor and the simulator. Pure: time is
//! an argument, and a refusal changes nothing. Facts and their grades are in [`limits`], what
//! AWS does not publish in `scenario::parameters`.

pub mod autoscaling;
pub mod backpressure;
pub mod bucket;
pub mod cost;
pub mod limits;
pub mod metrics;
pub mod on_demand;
pub mod partition;
pub mod retries;
pub mod sizing;
pub mod split;
pub mod steady;
pub mod throttle;

use bucket::TokenBucket;
use partition::{KeyHash, Partitions};
use throttle::{Resource, ThrottleCause, ThrottleReason};

use crate::{
    scenario::{AdmissionRule, ModelParameters},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp},
};

/// What a request asks of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arm {
    /// The table or one of its indexes.
    pub resource: Resource,
    /// Reads or writes.
    pub direction: Direction,
    /// The partition key's place.
    pub key: KeyHash,
    /// Units: an estimate when asking under `debit_after`, what it really was when spending.
    pub units: CapacityUnits,
}

/// Whether a request is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdmissionDecision {
    /// Yes; nothing is spent yet.
    Admitted,
    /// No: every bucket that was exhausted, the one that decides first, and when all of them
    /// would admit it if nothing else came.
    Throttled {
        /// At least one.
        reasons: Vec<ThrottleReason>,
        /// The earliest instant worth a retry.
        retry_at: Timestamp,
    },
}

/// The buckets of one provisioned table and its global secondary indexes.
#[derive(Clone, Debug)]
pub struct TableCapacity {
    parameters: ModelParameters,
    table: ResourceBuckets,
    indexes: Vec<ResourceBuckets>,
}

#[derive(Clone, Debug)]
struct ResourceBuckets {
    buckets: ByDirection<TokenBucket>,
    partitions: Partitions,
}

/// What a resource shows at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct CapacityStatus {
    /// RCU and WCU in force.
    pub provisioned: ByDirection<CapacityUnits>,
    /// Burst credit left, in units, ≥ 0.
    pub burst_left: ByDirection<f64>,
    /// Number of partitions.
    pub partitions: usize,
}

impl TableCapacity {
    /// A table of these rates (per second) that holds `table_bytes`; its buckets start with
    /// the parameters' `initial_burst_fraction`.
    #[must_use]
    pub fn provisioned(
        rates: ByDirection<CapacityUnits>,
        table_bytes: Bytes,
        parameters: &ModelParameters,
        now: Timestamp,
    ) -> Self {
        Self {
            parameters: parameters.clone(),
            table: ResourceBuckets::new(rates, table_bytes, parameters, now),
            indexes: Vec::new(),
        }
    }

    /// Adds a global secondary index with capacity of its own.
    pub fn add_index(
        &mut self,
        rates: ByDirection<CapacityUnits>,
        index_bytes: Bytes,
        now: Timestamp,
    ) -> Resource {
        self.indexes.push(ResourceBuckets::new(
            rates,
            index_bytes,
            &self.parameters,
            now,
        ));
        Resource::Index(self.indexes.len() - 1)
    }

    /// Empties every bucket but for one unit, as after a long time at full use: nothing is left
    /// of capacity that was not used before `now`.
    pub fn drain(&mut self, now: Timestamp) {
        for resource in std::iter::once(&mut self.table).chain(&mut self.indexes) {
            for direction in Direction::ALL {
                resource.buckets[direction].drain(now);
            }
            resource.partitions.drain(now);
        }
    }

    /// Asks every bucket that the arms touch, in DynamoDB's order — a resource's own bucket,
    /// then its partition; the table, then its indexes — and spends nothing.
    pub fn check(&mut self, arms: &[Arm], now: Timestamp) -> AdmissionDecision {
        let rule = self.parameters.admission_rule;
        let mut reasons = Vec::new();
        let mut retry_at = now;
        for arm in arms {
            for (cause, refused_until) in self.resource(arm.resource).refusals(arm, rule, now) {
                let Arm {
                    resource,
                    direction,
                    ..
                } = *arm;
                let reason = ThrottleReason {
                    resource,
                    direction,
                    cause,
                };
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
                retry_at = retry_at.max(refused_until);
            }
        }
        if reasons.is_empty() {
            AdmissionDecision::Admitted
        } else {
            AdmissionDecision::Throttled { reasons, retry_at }
        }
    }

    /// Debits what an admitted request consumed.
    pub fn spend(&mut self, arms: &[Arm], now: Timestamp) {
        for arm in arms {
            let resource = self.resource(arm.resource);
            resource.buckets[arm.direction].spend(arm.units, now);
            resource
                .partitions
                .spend(arm.key, arm.direction, arm.units, now);
        }
    }

    /// [`check`](Self::check), then [`spend`](Self::spend) if admitted: for callers that know
    /// the units beforehand.
    pub fn admit(&mut self, arms: &[Arm], now: Timestamp) -> AdmissionDecision {
        let decision = self.check(arms, now);
        if decision == AdmissionDecision::Admitted {
            self.spend(arms, now);
        }
        decision
    }

    /// Other rates from now on. Burst credit is kept, up to the new size; a raise above what
    /// the partitions serve splits them, a cut merges none.
    pub fn set_rates(
        &mut self,
        resource: Resource,
        rates: ByDirection<CapacityUnits>,
        now: Timestamp,
    ) {
        let parameters = self.parameters.clone();
        self.resource(resource).set_rates(rates, &parameters, now);
    }

    /// What a resource shows now.
    pub fn status(&mut self, resource: Resource, now: Timestamp) -> CapacityStatus {
        let buckets = self.resource(resource);
        CapacityStatus {
            provisioned: ByDirection::from_fn(|direction| buckets.buckets[direction].rate()),
            burst_left: ByDirection::from_fn(|direction| {
                buckets.buckets[direction].burst_left(now)
            }),
            partitions: buckets.partitions.count(),
        }
    }

    fn resource(&mut self, resource: Resource) -> &mut ResourceBuckets {
        match resource {
            Resource::Table => &mut self.table,
            Resource::Index(index) => &mut self.indexes[index],
        }
    }
}

impl ResourceBuckets {
    fn new(
        rates: ByDirection<CapacityUnits>,
        bytes: Bytes,
        parameters: &ModelParameters,
        now: Timestamp,
    ) -> Self {
        let count = partition::initial_count(rates, bytes, parameters);
        Self {
            buckets: ByDirection::from_fn(|direction| {
                TokenBucket::new(
                    rates[direction],
                    parameters.burst_seconds,
                    parameters.initial_burst_fraction.as_fraction(),
                    now,
                )
            }),
            partitions: Partitions::new(count, rates, parameters, now),
        }
    }

    /// Every bucket that refuses, with the instant from which it would not.
    fn refusals(
        &mut self,
        arm: &Arm,
        rule: AdmissionRule,
        now: Timestamp,
    ) -> impl Iterator<Item = (ThrottleCause, Timestamp)> + use<> {
        let bucket = &mut self.buckets[arm.direction];
        let own = (!bucket.admits(arm.units, rule, now)).then(|| {
            (
                ThrottleCause::Provisioned,
                bucket.admits_at(arm.units, rule, now),
            )
        });
        let partition = self
            .partitions
            .admits(arm.key, arm.direction, arm.units, rule, now)
            .err()
            .map(|until| (ThrottleCause::KeyRange, until));
        own.into_iter().chain(partition)
    }

    fn set_rates(
        &mut self,
        rates: ByDirection<CapacityUnits>,
        parameters: &ModelParameters,
        now: Timestamp,
    ) {
        for direction in Direction::ALL {
            self.buckets[direction].set_rate(rates[direction], now);
        }
        self.partitions.set_rates(rates, parameters, now);
    }
}
