//! Decides which requests a table's capacity admits.
//!
//! Owns the buckets of every table and when they are asked; the rules are the capacity
//! model's. Must not know how requests are executed.

mod heat;

use std::{collections::BTreeMap, sync::Arc};

use super::{
    batch,
    catalog::{Catalog, TableInfo, Tables},
    members::Member,
    metering::{self, Charge},
    throttle::Throttle,
};
use crate::{
    capacity::{
        AdmissionDecision, Arm, CapacityStatus, TableCapacity,
        partition::KeyHash,
        throttle::{Resource, ThrottleReason},
    },
    clock::Clock,
    record::{IntervalTable, heat::watch::HeatWatch},
    scenario::{AdmissionRule, Billing, Index, ModelParameters, Table},
    units::{Bytes, CapacityUnits, Direction, Timestamp},
};

/// The capacity of one table at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct TableCapacityStatus {
    /// Table name.
    pub name: String,
    /// The table's own.
    pub status: CapacityStatus,
    /// Its global indexes', by name.
    pub indexes: BTreeMap<String, CapacityStatus>,
}

impl TableCapacityStatus {
    /// The same for a record, with the indexes in the order of the scenario's `table`.
    pub(super) fn interval(&self, table: &Table) -> IntervalTable {
        let index = |(_, index, _): (usize, &Index, &Billing)| {
            let status = self.indexes.get(&index.name).copied();
            status.map(IntervalTable::from).unwrap_or_default()
        };
        IntervalTable {
            indexes: table.global_indexes().map(index).collect(),
            ..self.status.into()
        }
    }
}

/// Whether requests are held to the capacity of their tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Never: the emulator was started so.
    Off,
    /// Not while a table is loaded.
    Suspended,
    /// Yes.
    Enforced,
}

/// The buckets of every table.
pub(super) struct Governor {
    mode: Mode,
    parameters: ModelParameters,
    clock: Arc<dyn Clock>,
    /// The date when the clock showed zero.
    zero: jiff::Timestamp,
    tables: BTreeMap<String, Buckets>,
    pub(super) catalog: Catalog,
}

/// A governed table, as it is looked at from the control plane.
pub(super) struct Governed<'governor> {
    pub(super) capacity: &'governor mut TableCapacity,
    /// By name.
    pub(super) indexes: &'governor BTreeMap<String, Resource>,
    pub(super) now: Timestamp,
    /// The date when the governor's time was zero.
    pub(super) zero: jiff::Timestamp,
}

/// The buckets of one table and of its global indexes.
struct Buckets {
    capacity: TableCapacity,
    watch: HeatWatch,
    /// By name. An index that is deleted keeps its place, unused.
    indexes: BTreeMap<String, Resource>,
    /// What is held for requests that are not charged yet, by their numbers.
    held: BTreeMap<u64, Vec<Arm>>,
}

impl Governor {
    pub(super) fn new(governed: bool, parameters: ModelParameters, clock: Arc<dyn Clock>) -> Self {
        Self {
            mode: if governed { Mode::Enforced } else { Mode::Off },
            parameters,
            zero: jiff::Timestamp::now(),
            clock,
            tables: BTreeMap::new(),
            catalog: Catalog::default(),
        }
    }

    /// Lets everything through until [`enforce`](Self::enforce).
    pub(super) fn suspend(&mut self) {
        if self.mode == Mode::Enforced {
            self.mode = Mode::Suspended;
        }
    }

    /// Begins anew with the initial burst.
    pub(super) fn enforce(&mut self, tables: &dyn Tables) {
        if self.mode == Mode::Off {
            return;
        }
        self.mode = Mode::Enforced;
        let names: Vec<_> = std::mem::take(&mut self.tables).into_keys().collect();
        for name in names {
            self.follow_table(&name, tables);
        }
    }

    /// Reads a table again after it was created, changed or deleted. What is
    /// saved in buckets that stay is kept, and a change of capacity takes its time.
    pub(super) fn follow_table(&mut self, table: &str, tables: &dyn Tables) {
        let name = self.catalog.refresh(table, tables);
        let old = self.tables.remove(name);
        if self.mode == Mode::Off {
            return;
        }
        let now = self.clock.now();
        if let Some(info) = self.catalog.table(name) {
            let mut buckets = old.unwrap_or_else(|| Buckets::new(info, &self.parameters, now));
            buckets.follow(info, now);
            self.tables.insert(name.to_owned(), buckets);
        }
    }

    /// Whether [`admit`](Self::admit) must know what members will cost: the members of a batch
    /// are admitted one after the other, the units of a transaction are spread over its
    /// members, and the strict rule compares cost and balance.
    pub(super) fn needs_estimates(&self, operation: &str) -> bool {
        self.mode == Mode::Enforced
            && (metering::is_transaction(operation)
                || batch::is_batch(operation)
                || self.parameters.admission_rule == AdmissionRule::Strict)
    }

    /// Looks whether every member's buckets admit it, and spends nothing. The members of a
    /// batch are judged as if each was executed before the next is.
    pub(super) fn admit(
        &mut self,
        operation: &str,
        members: &[Member],
        estimates: &[CapacityUnits],
    ) -> Vec<Option<Throttle>> {
        if self.mode != Mode::Enforced {
            return vec![None; members.len()];
        }
        let now = self.clock.now();
        let one_by_one = batch::is_batch(operation);
        let mut trials: BTreeMap<&str, Buckets> = BTreeMap::new();
        let mut throttles = Vec::with_capacity(members.len());
        for (member, units) in members.iter().zip(estimates) {
            let info = self.catalog.table(member.table);
            let buckets = self.tables.get_mut(member.table);
            let Some((info, buckets)) = info.zip(buckets) else {
                throttles.push(None);
                continue;
            };
            if !one_by_one && buckets.held.is_empty() {
                throttles.push(buckets.check(member, info, *units, now));
                continue;
            }
            let trial = trials
                .entry(member.table)
                .or_insert_with(|| buckets.trial(now));
            throttles.push(if one_by_one {
                trial.admit(member, info, *units, now)
            } else {
                trial.check(member, info, *units, now)
            });
        }
        for (table, trial) in trials {
            if let Some(buckets) = self.tables.get_mut(table) {
                buckets.adopt_refusals(trial);
            }
        }
        throttles
    }

    /// Lets nobody else have what an admitted request is thought to cost, until
    /// [`release`](Self::release): others are judged before it is charged.
    pub(super) fn hold(&mut self, number: u64, members: &[Member], estimates: &[CapacityUnits]) {
        if self.mode != Mode::Enforced {
            return;
        }
        for (member, units) in members.iter().zip(estimates) {
            let info = self.catalog.table(member.table);
            let buckets = self.tables.get_mut(member.table);
            if let Some((info, buckets)) = info.zip(buckets) {
                let arms = buckets.arms(member, info, *units);
                buckets.held.entry(number).or_default().extend(arms);
            }
        }
    }

    /// Ends what [`hold`](Self::hold) began: the request is charged now, or took nothing.
    pub(super) fn release(&mut self, number: u64, members: &[Member]) {
        for member in members {
            if let Some(buckets) = self.tables.get_mut(member.table) {
                buckets.held.remove(&number);
            }
        }
    }

    /// Debits what a request took.
    pub(super) fn spend(&mut self, charge: &Charge) {
        if self.mode != Mode::Enforced {
            return;
        }
        let now = self.clock.now();
        if let Some(buckets) = self.tables.get_mut(&charge.table)
            && let Some(resource) = buckets.resource(charge.index.as_deref())
        {
            let arm = Arm {
                resource,
                direction: charge.direction,
                key: charge.partition_key.unwrap_or_else(nowhere),
                eventual: charge.eventual,
                units: charge.units,
            };
            buckets.capacity.spend(&[arm], now);
            buckets.watch.served(&arm);
        }
    }

    /// Second number `second` of a run is over: how `tables` stand, in their order; nothing of
    /// those that are not governed.
    pub(super) fn close_second(&mut self, second: u64, tables: &[Table]) -> Vec<IntervalTable> {
        let now = self.clock.now();
        let shown = self.status();
        let state = |table: &Table| {
            let shown = shown.iter().find(|shown| shown.name == table.name);
            shown.map(|shown| shown.interval(table)).unwrap_or_default()
        };
        for table in tables {
            if let Some(buckets) = self.tables.get_mut(&table.name) {
                let Buckets {
                    capacity,
                    watch,
                    indexes,
                    ..
                } = buckets;
                let indexes = indexes.values().copied();
                let resources = std::iter::once(Resource::Table).chain(indexes);
                watch.close_second(second, capacity, resources, now);
            }
        }
        let with_hottest = |table: &Table| IntervalTable {
            hottest: self.hottest(table),
            ..state(table)
        };
        tables.iter().map(with_hottest).collect()
    }

    /// The capacity of a governed table with the places of its indexes, and the time.
    pub(super) fn capacity(&mut self, table: &str) -> Option<Governed<'_>> {
        let now = self.clock.now();
        let Buckets {
            capacity, indexes, ..
        } = self.tables.get_mut(table)?;
        Some(Governed {
            capacity,
            indexes,
            now,
            zero: self.zero,
        })
    }

    /// Every governed table, by name.
    pub(super) fn status(&mut self) -> Vec<TableCapacityStatus> {
        let now = self.clock.now();
        self.tables
            .iter_mut()
            .map(|(name, buckets)| {
                let mut status = |resource| buckets.capacity.status(resource, now);
                TableCapacityStatus {
                    name: name.clone(),
                    status: status(Resource::Table),
                    indexes: (buckets.indexes.iter())
                        .map(|(name, resource)| (name.clone(), status(*resource)))
                        .collect(),
                }
            })
            .collect()
    }
}

impl Buckets {
    fn new(info: &TableInfo, parameters: &ModelParameters, now: Timestamp) -> Self {
        let mut capacity = TableCapacity::new(&info.billing, info.size, parameters, now);
        if info.has_local_index {
            capacity.bind_collections();
        }
        Self {
            capacity,
            watch: HeatWatch::new(now),
            indexes: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }

    /// A copy to try something out on, such as the members of a batch one after the other. What is
    /// held is spent in it.
    fn trial(&self, now: Timestamp) -> Self {
        let mut capacity = self.capacity.clone();
        for arms in self.held.values() {
            capacity.spend(arms, now);
        }
        Self {
            capacity,
            watch: HeatWatch::default(),
            indexes: self.indexes.clone(),
            held: BTreeMap::new(),
        }
    }

    /// Counts what the trial refused.
    fn adopt_refusals(&mut self, trial: Self) {
        self.capacity.adopt_refusals(&trial.capacity);
        self.watch.absorb(trial.watch);
    }

    fn follow(&mut self, info: &TableInfo, now: Timestamp) {
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

    fn resource(&self, index: Option<&str>) -> Option<Resource> {
        match index {
            None => Some(Resource::Table),
            Some(name) => self.indexes.get(name).copied(),
        }
    }

    /// What a member certainly touches: the table, unless it reads an index, and the indexes
    /// that it reads or puts into. What an update or a delete does to an index shows only
    /// afterwards; it is debited then.
    fn arms(&self, member: &Member, info: &TableInfo, units: CapacityUnits) -> Vec<Arm> {
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

    fn check(
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
    fn admit(
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
fn nowhere() -> KeyHash {
    KeyHash::of(0, &[])
}
