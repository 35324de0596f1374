//! One simulated table: its buckets, and the items that say what a request costs.

use crate::{
    capacity::{AdmissionDecision, Arm, TableCapacity, cost, throttle::Resource},
    engine::Answer,
    record::IntervalTable,
    scenario::{AdmissionRule, Billing, OperationKind, OperationSpec},
    units::{ByDirection, Bytes, CapacityUnits, Timestamp},
    workload::{Pick, Request, Workload},
};

use super::{SimulationError, items::StoredItems};

/// Items whose sizes are looked at for the size of the table, which decides on the number of
/// partitions only beyond 10 GB each.
const SIZED_ITEMS: u64 = 256;

/// A table in virtual time.
pub(super) struct SimulatedTable {
    capacity: TableCapacity,
    items: StoredItems,
    workload: Workload,
    /// As it is when the run starts.
    bytes: Bytes,
}

impl SimulatedTable {
    /// Table number `index` of the scenario, with `loaded` items in it and its buckets as they
    /// are when a run starts.
    pub(super) fn new(
        workload: &Workload,
        index: usize,
        loaded: u64,
    ) -> Result<Self, SimulationError> {
        let scenario = workload.scenario();
        let Billing::Provisioned(rates) = scenario.tables[index].billing;
        let mut items = StoredItems::new(workload, index, loaded)?;
        let bytes = table_bytes(&mut items, loaded);
        let capacity = TableCapacity::provisioned(rates, bytes, &scenario.model, Timestamp::ZERO);
        Ok(Self {
            capacity,
            items,
            workload: workload.clone(),
            bytes,
        })
    }

    /// The size of the table when the run starts.
    pub(super) const fn bytes(&self) -> Bytes {
        self.bytes
    }

    /// What request number `sequence` asks of the table when nothing is refused; changes the
    /// items if it writes.
    pub(super) fn arms(&mut self, sequence: u64, pick: Pick) -> Vec<Arm> {
        let scenario = std::sync::Arc::clone(self.workload.scenario());
        let spec = &scenario.operations[pick.spec];
        let key = self.items.place(pick.item);
        let units = self.execute(spec, pick.item, sequence);
        vec![Arm {
            resource: Resource::Table,
            direction: spec.kind.direction(),
            key,
            units,
        }]
    }

    /// The answer to request number `sequence`, which arrives at `now`; spends what it takes,
    /// and changes the items if it writes.
    pub(super) fn answer(&mut self, sequence: u64, pick: Pick, now: Timestamp) -> Answer {
        let scenario = std::sync::Arc::clone(self.workload.scenario());
        let spec = &scenario.operations[pick.spec];
        let mut arm = Arm {
            resource: Resource::Table,
            direction: spec.kind.direction(),
            key: self.items.place(pick.item),
            units: CapacityUnits::ZERO,
        };
        if scenario.model.admission_rule == AdmissionRule::Strict {
            arm.units = self.estimate(spec, pick.item);
        }
        match self.capacity.check(&[arm], now) {
            AdmissionDecision::Admitted => {
                arm.units = self.execute(spec, pick.item, sequence);
                self.capacity.spend(&[arm], now);
                let mut consumed = ByDirection::default();
                consumed[arm.direction] = arm.units;
                Answer::Completed { consumed }
            }
            AdmissionDecision::Throttled { reasons, .. } => Answer::Throttled {
                reasons: reasons
                    .iter()
                    .map(|reason| reason.wire_name().to_owned())
                    .collect(),
            },
        }
    }

    /// What a request takes as far as that is known before it is executed: all of it for
    /// reads, puts and deletes of one item, and the least for the rest.
    fn estimate(&mut self, spec: &OperationSpec, number: u64) -> CapacityUnits {
        match spec.kind {
            OperationKind::Get => {
                let stored = self.items.stored(number);
                cost::read(stored.unwrap_or_default(), spec.consistency)
            }
            OperationKind::Query => cost::read(Bytes(0), spec.consistency),
            OperationKind::Put => {
                let new = self.items.whole(number);
                cost::write(self.items.stored(number), Some(new))
            }
            OperationKind::Update | OperationKind::Delete => {
                cost::write(self.items.stored(number), None)
            }
        }
    }

    /// What request number `sequence` takes when it is admitted; changes the items if it
    /// writes.
    pub(super) fn execute(
        &mut self,
        spec: &OperationSpec,
        number: u64,
        sequence: u64,
    ) -> CapacityUnits {
        match spec.kind {
            OperationKind::Get => {
                let stored = self.items.stored(number);
                cost::read(stored.unwrap_or_default(), spec.consistency)
            }
            OperationKind::Query => {
                cost::read(self.items.page(number, spec.limit), spec.consistency)
            }
            OperationKind::Put => {
                let (old, new) = self.items.put(number);
                cost::write(old, Some(new))
            }
            OperationKind::Update => {
                let Request::Update { set, .. } = self.workload.operation(sequence).request else {
                    unreachable!("an update makes update requests");
                };
                let (old, new) = self.items.update(number, &set);
                cost::write(old, Some(new))
            }
            OperationKind::Delete => cost::write(self.items.delete(number), None),
        }
    }

    /// How the table stands at `now`.
    pub(super) fn status(&mut self, now: Timestamp) -> IntervalTable {
        let status = self.capacity.status(Resource::Table, now);
        IntervalTable {
            provisioned: status.provisioned,
            burst_left: Some(status.burst_left),
        }
    }
}

/// The size of the loaded table: exact for small ones, from the mean of the first items
/// beyond.
fn table_bytes(items: &mut StoredItems, loaded: u64) -> Bytes {
    let looked_at = loaded.min(SIZED_ITEMS);
    let sum: Bytes = (0..looked_at).map(|number| items.whole(number)).sum();
    let scaled = u128::from(sum.0) * u128::from(loaded) / u128::from(looked_at.max(1));
    Bytes(u64::try_from(scaled).unwrap_or(u64::MAX))
}
