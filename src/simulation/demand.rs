//! What operations take when none is throttled: the items of the simulation without its
//! buckets and its time.

use crate::{
    capacity::Arm,
    record::Declared,
    units::{CapacityUnits, Direction, Timestamp},
    workload::{Pick, Workload},
};

use super::{SimulationError, items_at_start, table::SimulatedTable};

/// The tables of a scenario, loaded if it loads them, answering every operation.
pub struct Demand {
    tables: Vec<SimulatedTable>,
}

impl Demand {
    /// The tables as they are when the timed phases begin.
    ///
    /// # Errors
    /// When a table is too large for what has to be known of its keys.
    pub fn new(workload: &Workload) -> Result<Self, SimulationError> {
        let scenario = workload.scenario();
        let table = |index| {
            let loaded = items_at_start(scenario, index);
            SimulatedTable::unlimited(workload, index, loaded)
        };
        Ok(Self {
            tables: (0..scenario.tables.len())
                .map(table)
                .collect::<Result<_, _>>()?,
        })
    }

    /// What arrival `sequence` of `workload`, which is about `pick`, takes after those that were
    /// asked for before, as its answers declare it and as partitions serve it; a write changes
    /// the items.
    pub fn taken(
        &mut self,
        workload: &Workload,
        sequence: u64,
        pick: Pick,
    ) -> (Declared, Vec<Arm>) {
        let table = &mut self.tables[pick.table];
        let reply = table.answer(workload, sequence, pick, None, Timestamp::ZERO);
        (reply.declared, reply.spent)
    }

    /// The same in the direction that it is mainly about, the table and its indexes together.
    pub fn units(
        &mut self,
        workload: &Workload,
        sequence: u64,
        pick: Pick,
        direction: Direction,
    ) -> CapacityUnits {
        let (declared, _) = self.taken(workload, sequence, pick);
        let of_indexes = declared.indexes.iter().map(|units| units[direction]);
        declared.consumed[direction] + of_indexes.sum()
    }
}
