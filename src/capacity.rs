//! The capacity model: whether a table admits a request now, and if not, why.
//!
//! One model for whoever asks: the emulator's governor and the simulator. Pure: time is
//! an argument, and a refusal changes nothing. Facts and their grades are in [`limits`], what
//! AWS does not publish in `scenario::parameters`.

pub mod autoscaling;
pub mod backpressure;
pub mod bucket;
pub mod change;
pub mod cost;
pub mod flow;
mod heat;
pub mod limits;
pub mod metrics;
pub mod on_demand;
pub mod partition;
mod resource;
pub mod retries;
pub mod sizing;
pub mod split;
pub mod steady;
mod supply;
pub mod throttle;
pub mod traffic;

use bucket::TokenBucket;
use change::{ChangeRefusal, Provisioning};
use partition::{HeatEvent, KeyHash};
use resource::ResourceCapacity;
use throttle::{BillingMode, Resource, ThrottleCause, ThrottleReason};
use traffic::PartitionTraffic;

use crate::{
    scenario::{AdmissionRule, BackpressureMode, Billing, ModelParameters, QuotaScope},
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
    /// A read that any replica of the partition may serve.
    pub eventual: bool,
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

/// One table and its global secondary indexes: what they admit, and how that moves with time
/// and use.
#[derive(Clone, Debug)]
pub struct TableCapacity {
    parameters: ModelParameters,
    table: ResourceCapacity,
    indexes: Vec<ResourceCapacity>,
    /// The account's quota where the table and its indexes share it.
    quota: Option<ByDirection<TokenBucket>>,
    /// Before it nothing changes without a request.
    changes_at: Timestamp,
}

/// What a resource shows at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapacityStatus {
    /// RCU and WCU in force; on demand: request units per second that are served at once.
    pub rates: ByDirection<CapacityUnits>,
    /// Whether it is billed by the request: nothing is provisioned then.
    pub on_demand: bool,
    /// Burst credit left, in units, ≥ 0.
    pub burst_left: ByDirection<f64>,
    /// Number of partitions.
    pub partitions: usize,
    /// What became of a hot partition, the last time that one was looked at.
    pub last_heat: Option<HeatEvent>,
}

impl TableCapacity {
    /// A table that holds `table_bytes`; its buckets start with the parameters'
    /// `initial_burst_fraction`.
    #[must_use]
    pub fn new(
        billing: &Billing,
        table_bytes: Bytes,
        parameters: &ModelParameters,
        now: Timestamp,
    ) -> Self {
        let none = CapacityUnits::ZERO;
        let is_shared = parameters.quota_scope == QuotaScope::TablePlusGsis
            && matches!(billing, Billing::OnDemand { .. });
        let quota = |direction| {
            let rate = supply::shared_quota(direction, parameters);
            TokenBucket::new(rate, 0, 0.0, now)
        };
        Self {
            parameters: parameters.clone(),
            table: ResourceCapacity::new(billing, table_bytes, none, parameters, now),
            indexes: Vec::new(),
            quota: is_shared.then(|| ByDirection::from_fn(quota)),
            changes_at: now,
        }
    }

    /// The same of fixed rates, per second.
    #[must_use]
    pub fn provisioned(
        rates: ByDirection<CapacityUnits>,
        table_bytes: Bytes,
        parameters: &ModelParameters,
        now: Timestamp,
    ) -> Self {
        Self::new(&Billing::fixed(rates), table_bytes, parameters, now)
    }

    /// The unpublished rules that it follows.
    #[must_use]
    pub const fn parameters(&self) -> &ModelParameters {
        &self.parameters
    }

    /// Adds a global secondary index with capacity of its own.
    pub fn add_index(&mut self, billing: &Billing, index_bytes: Bytes, now: Timestamp) -> Resource {
        let credit = match self.parameters.gsi_backpressure_mode {
            BackpressureMode::Coupled => CapacityUnits::ZERO,
            BackpressureMode::Buffered => {
                CapacityUnits::whole(self.parameters.gsi_buffer_units.into())
            }
        };
        let parameters = &self.parameters;
        let index = ResourceCapacity::new(billing, index_bytes, credit, parameters, now);
        self.indexes.push(index);
        self.changes_at = now;
        Resource::Index(self.indexes.len() - 1)
    }

    /// Says that the table has a local secondary index: no split can take its collections
    /// apart.
    pub const fn bind_collections(&mut self) {
        self.table.bind_collections();
    }

    /// Empties every bucket but for one unit, as after a long time at full use: nothing is left
    /// of capacity that was not used before `now`.
    pub fn drain(&mut self, now: Timestamp) {
        for resource in std::iter::once(&mut self.table).chain(&mut self.indexes) {
            resource.drain(now);
        }
    }

    /// Asks every bucket that the arms touch, in DynamoDB's order — the account's quota, a
    /// resource's own bucket, then its partition; the table, then its indexes — and spends
    /// nothing.
    pub fn check(&mut self, arms: &[Arm], now: Timestamp) -> AdmissionDecision {
        self.advance(now);
        let mut refusals = Refusals::new(now);
        self.ask_quota(arms, &mut refusals, now);
        for (number, arm) in arms.iter().enumerate() {
            let (resource, parameters) = self.resource(arm.resource);
            let (mut own, mut partition) = (arm.units, arm.units);
            if parameters.admission_rule == AdmissionRule::Strict {
                // Several arms on one bucket must fit together.
                for other in arms[..number].iter().filter(|other| arm.is_beside(other)) {
                    own += other.units;
                    if resource.is_same_partition(arm, other) {
                        partition += other.units;
                    }
                }
            }
            let refused = resource.own_refusal(arm.direction, own, parameters, now);
            refusals.add(arm, refused);
            let refused = resource.partition_refusal(arm, partition, parameters, now);
            refusals.add(arm, refused);
        }
        self.ask_backlogs(arms, &mut refusals, now);
        refusals.into_decision()
    }

    /// Debits what an admitted request consumed.
    pub fn spend(&mut self, arms: &[Arm], now: Timestamp) {
        self.advance(now);
        for arm in arms {
            if let Some(quota) = &mut self.quota {
                quota[arm.direction].spend(arm.units, now);
            }
            if self.resource(arm.resource).0.spend(arm, now) {
                self.note_change(arm.resource);
            }
        }
    }

    /// What a resource holds at `key` is larger by `bytes` than before, or smaller: a partition
    /// that holds more than one may splits in the middle of its range, as after heat.
    pub fn grow(&mut self, resource: Resource, key: KeyHash, bytes: i64, now: Timestamp) {
        self.advance(now);
        self.resource(resource).0.partitions().grow(key, bytes, now);
        self.note_change(resource);
    }

    /// A resource holds `bytes` in all, as far as is known evenly: partitions split as for
    /// [`grow`](Self::grow).
    pub fn hold(&mut self, resource: Resource, bytes: Bytes, now: Timestamp) {
        self.advance(now);
        self.resource(resource).0.partitions().hold(bytes, now);
        self.note_change(resource);
    }

    /// Asks for `asked` and spends what the arm takes, in one go, where it is the whole request.
    /// `false` where it is refused, or more than its own buckets decide: nothing is spent then,
    /// and [`check`](Self::check) says why.
    #[inline]
    pub fn take(&mut self, asked: CapacityUnits, arm: &Arm, now: Timestamp) -> bool {
        if self.quota.is_some() || !self.indexes.is_empty() {
            return false;
        }
        self.advance(now);
        let rule = self.parameters.admission_rule;
        let taken = self.table.take(asked, arm, rule, now);
        if taken == Some(true) {
            self.note_change(arm.resource);
        }
        taken.is_some()
    }

    /// [`check`](Self::check), then [`spend`](Self::spend) if admitted: for callers that know
    /// the units beforehand.
    pub fn admit(&mut self, arms: &[Arm], now: Timestamp) -> AdmissionDecision {
        if let [arm] = arms
            && self.take(arm.units, arm, now)
        {
            return AdmissionDecision::Admitted;
        }
        let decision = self.check(arms, now);
        if decision == AdmissionDecision::Admitted {
            self.spend(arms, now);
        }
        decision
    }

    /// Other rates or another way of billing from now on. Burst credit is kept, up to the new
    /// size; a raise above what the partitions serve splits them, a cut merges none. The same
    /// again changes nothing.
    pub fn set_billing(&mut self, resource: Resource, billing: &Billing, now: Timestamp) {
        self.advance(now);
        let (resource, parameters) = self.resource(resource);
        resource.set_billing(billing, parameters, now);
        self.changes_at = now;
    }

    /// The same as `UpdateTable` does it: in force `as_update_lag_seconds` later, the old until
    /// then. Rates that are in force already, and policies of auto scaling, are noted at once.
    pub fn update_billing(&mut self, resource: Resource, billing: &Billing, now: Timestamp) {
        self.advance(now);
        let (resource, parameters) = self.resource(resource);
        resource.update_billing(billing, parameters, now);
        self.changes_at = now;
    }

    /// Whether a call of `UpdateTable` would be refused that asks for these rates, or for `None`
    /// to be billed by the request: while an earlier one is under way, and where nothing of what
    /// is allowed in a day is left.
    pub fn change_refusal(
        &mut self,
        wanted: &[(Resource, Option<ByDirection<CapacityUnits>>)],
        now: Timestamp,
    ) -> Option<ChangeRefusal> {
        self.advance(now);
        if self.is_updating(now) {
            return Some(ChangeRefusal::UnderWay);
        }
        let refusal = |(resource, rates): &(Resource, Option<_>)| {
            self.resource(*resource).0.change_refusal(*rates, now)
        };
        wanted.iter().find_map(refusal)
    }

    /// Whether `UpdateTable` was called for the table or an index of it, and has no effect yet.
    pub fn is_updating(&mut self, now: Timestamp) -> bool {
        self.advance(now);
        let mut resources = std::iter::once(&mut self.table).chain(&mut self.indexes);
        resources.any(|resource| resource.provisioning(&self.parameters, now).updating)
    }

    /// What `DescribeTable` tells of a resource's capacity now.
    pub fn provisioning(&mut self, resource: Resource, now: Timestamp) -> Provisioning {
        self.advance(now);
        let (resource, parameters) = self.resource(resource);
        resource.provisioning(parameters, now)
    }

    /// How the table is billed now.
    pub fn mode(&mut self, now: Timestamp) -> BillingMode {
        match self.provisioning(Resource::Table, now).rates {
            Some(_) => BillingMode::Provisioned,
            None => BillingMode::PayPerRequest,
        }
    }

    /// What a resource shows now.
    pub fn status(&mut self, resource: Resource, now: Timestamp) -> CapacityStatus {
        self.advance(now);
        self.resource(resource).0.status(now)
    }

    /// What a resource's partitions had since this was asked the last time; those without any
    /// traffic are left out.
    pub fn take_traffic(&mut self, resource: Resource) -> Vec<PartitionTraffic> {
        self.resource(resource).0.partitions().take_traffic()
    }

    /// Counts the partitions' refusals of a copy that was made to try something out.
    pub fn adopt_refusals(&mut self, copy: &Self) {
        let own = std::iter::once(&mut self.table).chain(&mut self.indexes);
        for (own, tried) in own.zip(std::iter::once(&copy.table).chain(&copy.indexes)) {
            own.adopt_refusals(tried);
        }
    }

    /// Where each partition of a resource begins, ascending.
    pub fn partition_starts(&mut self, resource: Resource) -> Vec<KeyHash> {
        self.resource(resource).0.partitions().starts().collect()
    }

    /// Lets happen what happens without a request until `now`, each at its own instant.
    #[inline]
    fn advance(&mut self, now: Timestamp) {
        // With most requests nothing does.
        if self.changes_at <= now {
            self.catch_up(now);
        }
    }

    fn catch_up(&mut self, now: Timestamp) {
        while self.changes_at <= now {
            let at = self.changes_at;
            let mut next = None;
            for resource in std::iter::once(&mut self.table).chain(&mut self.indexes) {
                resource.advance(&self.parameters, at);
                next = [next, resource.changes_at()].into_iter().flatten().min();
            }
            self.changes_at = next.unwrap_or(NEVER);
        }
    }

    /// A request may have begun a split.
    fn note_change(&mut self, resource: Resource) {
        if let Some(at) = self.resource(resource).0.changes_at() {
            self.changes_at = self.changes_at.min(at);
        }
    }

    fn ask_quota(&mut self, arms: &[Arm], refusals: &mut Refusals, now: Timestamp) {
        let Some(quota) = &mut self.quota else {
            return;
        };
        let rule = self.parameters.admission_rule;
        // Every resource's arms draw on the same bucket.
        let mut asked = ByDirection::<CapacityUnits>::default();
        for arm in arms {
            let asked = &mut asked[arm.direction];
            match rule {
                AdmissionRule::Strict => *asked += arm.units,
                AdmissionRule::DebitAfter => *asked = arm.units,
            }
            let bucket = &mut quota[arm.direction];
            let refused = (!bucket.admits(*asked, rule, now)).then(|| {
                let until = bucket.admits_at(*asked, rule, now);
                (ThrottleCause::AccountLimit, until)
            });
            refusals.add(arm, refused);
        }
    }

    /// Once the buffer of an index is full, no write to the table is admitted, whether or not
    /// it belongs in the index. [GSI-T]
    fn ask_backlogs(&mut self, arms: &[Arm], refusals: &mut Refusals, now: Timestamp) {
        let writes =
            |arm: &&Arm| arm.resource == Resource::Table && arm.direction == Direction::Write;
        let is_buffered = self.parameters.gsi_backpressure_mode == BackpressureMode::Buffered;
        let Some(arm) = arms.iter().find(writes).filter(|_| is_buffered) else {
            return;
        };
        for (number, index) in self.indexes.iter_mut().enumerate() {
            let none = CapacityUnits::ZERO;
            let refused = index.own_refusal(Direction::Write, none, &self.parameters, now);
            let arm = Arm {
                resource: Resource::Index(number),
                ..*arm
            };
            refusals.add(&arm, refused);
        }
    }

    fn resource(&mut self, resource: Resource) -> (&mut ResourceCapacity, &ModelParameters) {
        let buckets = match resource {
            Resource::Table => &mut self.table,
            Resource::Index(index) => &mut self.indexes[index],
        };
        (buckets, &self.parameters)
    }
}

/// Later than any run.
const NEVER: Timestamp = Timestamp::from_nanos(u64::MAX);

impl Arm {
    /// Whether both ask the same resource for the same.
    fn is_beside(&self, other: &Self) -> bool {
        self.resource == other.resource && self.direction == other.direction
    }
}

/// What refuses a request.
struct Refusals {
    reasons: Vec<ThrottleReason>,
    retry_at: Timestamp,
}

impl Refusals {
    const fn new(now: Timestamp) -> Self {
        Self {
            reasons: Vec::new(),
            retry_at: now,
        }
    }

    fn add(&mut self, arm: &Arm, refused: Option<(ThrottleCause, Timestamp)>) {
        let Some((cause, until)) = refused else {
            return;
        };
        let reason = ThrottleReason {
            resource: arm.resource,
            direction: arm.direction,
            cause,
        };
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
        self.retry_at = self.retry_at.max(until);
    }

    fn into_decision(self) -> AdmissionDecision {
        if self.reasons.is_empty() {
            AdmissionDecision::Admitted
        } else {
            AdmissionDecision::Throttled {
                reasons: self.reasons,
                retry_at: self.retry_at,
            }
        }
    }
}
