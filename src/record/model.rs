//! What a table and its indexes took, summed up: of a run, and beside it of a simulation of the
//! same scenario.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RunRecord;
use crate::{
    scenario::PhaseKind,
    units::{ByDirection, CapacityUnits},
};

/// One table over the measured phases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TableTotals {
    /// Units of the table and its local indexes.
    pub consumed: ByDirection<CapacityUnits>,
    /// Units of global indexes, in the order of `TableRecord::indexes`.
    pub indexes: Vec<ByDirection<CapacityUnits>>,
    /// How often throttled attempts gave each reason.
    pub throttles_by_reason: BTreeMap<String, u64>,
}

impl TableTotals {
    /// Of each table of a record, in its order.
    #[must_use]
    pub fn of(record: &RunRecord) -> Vec<Self> {
        let mut all: Vec<Self> = record
            .tables
            .iter()
            .map(|table| Self {
                indexes: vec![ByDirection::default(); table.indexes.len()],
                ..Self::default()
            })
            .collect();
        let measured = |kind| kind == PhaseKind::Measured;
        for phase in record.phases.iter().filter(|phase| measured(phase.kind)) {
            for (operation, totals) in record.operations.iter().zip(&phase.operations) {
                // A stored record may have been changed by hand.
                let Some(table) = all.get_mut(operation.table) else {
                    continue;
                };
                table.consumed += totals.consumed;
                for (sum, units) in table.indexes.iter_mut().zip(&totals.index_consumed) {
                    *sum += *units;
                }
                for (reason, count) in &totals.throttle_reasons {
                    let sum = table.throttles_by_reason.entry(reason.clone()).or_default();
                    *sum += count;
                }
            }
        }
        all
    }
}
