//! What operations take when none is throttled: the items of the simulation without its
//! buckets and its time.

use crate::{
    units::CapacityUnits,
    workload::{Pick, Workload},
};

use super::{SimulationError, loaded_items, table::SimulatedTable};

/// The tables of a scenario, loaded if it loads them, answering every operation.
pub struct Demand {
    workload: Workload,
    tables: Vec<SimulatedTable>,
}

impl Demand {
    /// The tables as they are when the timed phases begin.
    ///
    /// # Errors
    /// When a table is too large for what has to be known of its keys.
    pub fn new(workload: &Workload) -> Result<Self, SimulationError> {
        let scenario = workload.scenario();
        let table = |index| SimulatedTable::new(workload, index, loaded_items(scenario, index));
        Ok(Self {
            workload: workload.clone(),
            tables: (0..scenario.tables.len())
                .map(table)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Units that arrival `sequence`, which is about `pick`, takes after those that were asked
    /// for before; a write changes the items.
    pub fn units(&mut self, sequence: u64, pick: Pick) -> CapacityUnits {
        let spec = &self.workload.scenario().operations[pick.spec];
        self.tables[pick.table].execute(spec, pick.item, sequence)
    }
}
