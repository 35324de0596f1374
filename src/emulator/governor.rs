//! Decides which requests a table's capacity admits.
//!
//! Owns the buckets of every table and when they are asked; the rules are the capacity
//! model's. Must not know how requests are executed.

mod buckets;
mod heat;

use std::{collections::BTreeMap, sync::Arc};

use super::{
    batch,
    catalog::{Catalog, Tables},
    members::Member,
    metering::{self, Charge},
    throttle::Throttle,
};
use crate::{
    capacity::{
        Arm, CapacityStatus, TableCapacity, limits::WRITE_BLOCK, partition, throttle::Resource,
    },
    clock::Clock,
    record::IntervalTable,
    scenario::{AdmissionRule, Billing, Index, ModelParameters, Table},
    units::{CapacityUnits, Direction, Timestamp},
};
use buckets::{Buckets, nowhere};

/// How often a table is weighed while what one partition holds is written to it.
const LOOKS_PER_PARTITION: u64 = 16;

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
            if arm.resource == Resource::Table && arm.direction == Direction::Write {
                buckets.written += arm.units;
            }
        }
    }

    /// Looks how large tables are that so much was written to since the last look that a partition
    /// may hold more than one does: it splits. Until then the store is left alone.
    pub(super) fn weigh(&mut self, members: &[Member], tables: &dyn Tables) {
        let much = partition::size_max(&self.parameters).0 / LOOKS_PER_PARTITION;
        for member in members {
            let Some(buckets) = self.tables.get_mut(member.table) else {
                continue;
            };
            // A unit writes a block at most.
            let blocks = buckets.written.halves().unsigned_abs() / 2;
            if blocks * WRITE_BLOCK.0 < much {
                continue;
            }
            buckets.written = CapacityUnits::ZERO;
            let name = self.catalog.refresh(member.table, tables);
            if let Some(info) = self.catalog.table(name) {
                let now = self.clock.now();
                buckets.capacity.hold(Resource::Table, info.size, now);
            }
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
