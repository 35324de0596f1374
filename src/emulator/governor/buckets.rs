//! The buckets of one governed table, and how its requests are put to them.

use std::collections::BTreeMap;

use crate::{
    capacity::{
        AdmissionDecision, Arm, TableCapacity,
        partition::KeyHash,
        throttle::{Resource, ThrottleReason},
    },
    emulator::{catalog::TableInfo, members::Member, throttle::Throttle},
    record::heat::watch::HeatWatch,
    scenario::ModelParameters,
    units::{Bytes, CapacityUnits, Direction, Timestamp},
};

/// The buckets of one table and of its global indexes.
pub(super) struct Buckets {
    pub(super) capacity: TableCapacity,
    pub(super) watch: HeatWatch,
    /// By name. An index that is deleted keeps its place, unused.
    pub(super) indexes: BTreeMap<String, Resource>,
    /// What is held for requests that are not charged yet, by their numbers.
    pub(super) held: BTreeMap<u64, Vec<Arm>>,
    /// What was written since the table's size was looked at.
    pub(super) written: CapacityUnits,
}

impl Buckets {
    pub(super) fn new(info: &TableInfo, parameters: &ModelParameters, now: Timestamp) -> Self {
        let mut capacity = TableCapacity::new(&info.billing, info.size, parameters, now);
        if info.has_local_index {
            capacity.bind_collections();
        }
        Self {
            capacity,
            watch: HeatWatch::new(now),
            indexes: BTreeMap::new(),
            held: BTreeMap::new(),
            written: CapacityUnits::ZERO,
        }
    }

    /// A copy to try something out on, such as the members of a batch one after the other. What is
    /// held is spent in it.
    pub(super) fn trial(&self, now: Timestamp) -> Self {
        let mut capacity = self.capacity.clone();
        for arms in self.held.values() {
            capacity.spend(arms, now);
        }
        Self {
            capacity,
            watch: HeatWatch::default(),
            indexes: self.indexes.clone(),
            held: BTreeMap::new(),
            written: CapacityUnits::ZERO,
        }
    }

    /// Counts what the trial refused.
    pub(super) fn adopt_refusals(&mut self, trial: Self) {
        self.capacity.adopt_refusals(&trial.capacity);
        self.watch.absorb(trial.watch);
    }

    pub(super) fn follow(&mut self, info: &TableInfo, now: Timestamp) {
        let capacity = &mut self.capacity;
        capacity.update_billing(Resource::Table, &info.billing, now);
        self.indexes
            .retain(|name, _| info.indexes.contains_key(name));
        for (name, index) in &info.indexes {
            if let Some(resource) = self.indexes.get(name) {
                capacity.update_billing(*resource, &index.billing, now);
            } else {
                let resource = capacity.add_index(&index.billing, Bytes(0), now);
                self.indexes.insert(name.clone(), resource);
            }
        }
    }

    pub(super) fn resource(&self, index: Option<&str>) -> Option<Resource> {
        match index {
            None => Some(Resource::Table),
            Some(name) => self.indexes.get(name).copied(),
        }
    }

    /// What a member certainly touches: the table, unless it reads an index, and the indexes
    /// that it reads or puts into. What an update or a delete does to an index shows only
    /// afterwards; it is debited then.
    pub(super) fn arms(&self, member: &Member, info: &TableInfo, units: CapacityUnits) -> Vec<Arm> {
        let direction = member.direction();
        let arm = |resource, key: Option<KeyHash>| Arm {
            resource,
            direction,
            key: key.unwrap_or_else(nowhere),
            eventual: direction == Direction::Read && !member.consistent,
            units,
        };
        if let Some(index) = member.index {
            let resource = self.resource(Some(index));
            return resource
                .map(|resource| arm(resource, member.partition_key))
                .into_iter()
                .collect();
        }
        let table = arm(Resource::Table, member.partition_key);
        let indexes = info.indexes.iter().filter_map(|(name, index)| {
            let key = member.index_key(index)?;
            Some(arm(self.resource(Some(name))?, Some(key)))
        });
        std::iter::once(table).chain(indexes).collect()
    }

    pub(super) fn check(
        &mut self,
        member: &Member,
        info: &TableInfo,
        units: CapacityUnits,
        now: Timestamp,
    ) -> Option<Throttle> {
        let arms = self.arms(member, info, units);
        let decision = self.capacity.check(&arms, now);
        self.refusal(&decision, &arms, info, now)
    }

    /// As [`check`](Self::check), and spends what it is thought to cost when it is admitted.
    pub(super) fn admit(
        &mut self,
        member: &Member,
        info: &TableInfo,
        units: CapacityUnits,
        now: Timestamp,
    ) -> Option<Throttle> {
        let arms = self.arms(member, info, units);
        let decision = self.capacity.admit(&arms, now);
        self.refusal(&decision, &arms, info, now)
    }

    fn refusal(
        &mut self,
        decision: &AdmissionDecision,
        arms: &[Arm],
        info: &TableInfo,
        now: Timestamp,
    ) -> Option<Throttle> {
        match decision {
            AdmissionDecision::Admitted => None,
            AdmissionDecision::Throttled { reasons, .. } => {
                self.watch.throttled(arms, reasons);
                Some(self.throttle(reasons, info, now))
            }
        }
    }

    fn throttle(
        &mut self,
        reasons: &[ThrottleReason],
        info: &TableInfo,
        now: Timestamp,
    ) -> Throttle {
        let mode = self.capacity.mode(now);
        let arn = |resource: Resource| match resource {
            Resource::Table => info.arn.clone(),
            Resource::Index(_) => self
                .indexes
                .iter()
                .find(|(_, known)| **known == resource)
                .map(|(name, _)| format!("{}/index/{name}", info.arn))
                .unwrap_or_default(),
        };
        let first = reasons.first().expect("a refusal has a reason");
        Throttle {
            exception: first.exception(mode, self.capacity.parameters().throttle_exception_map),
            message: first.message_in(mode),
            reasons: reasons
                .iter()
                .map(|reason| (reason.wire_name().to_owned(), arn(reason.resource)))
                .collect(),
        }
    }
}

/// The place of what has no key of its own, as a scan's first page: one partition, always the
/// same.
pub(super) fn nowhere() -> KeyHash {
    KeyHash::of(0, &[])
}
