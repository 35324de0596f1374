//! What became of many requests at once, of which nothing is known one by one: they have no
//! times.

use std::collections::BTreeMap;

use super::Recorder;
use crate::{
    record::{OutcomeCounts, add_all, add_counts},
    units::{ByDirection, CapacityUnits},
};

/// The requests of one operation in one second, all of which end in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// Their number is that of the arrivals.
    pub outcomes: OutcomeCounts,
    /// Attempts, retries included.
    pub attempts: u64,
    /// As in `OperationTotals::consumed`.
    pub consumed: ByDirection<CapacityUnits>,
    /// As in `OperationTotals::index_consumed`.
    pub index_consumed: Vec<ByDirection<CapacityUnits>>,
    /// How many attempts gave each reason.
    pub throttle_reasons: BTreeMap<String, u64>,
}

impl Recorder {
    /// Counts arrivals of `operation` that are due in `second`, and what became of them.
    ///
    /// # Panics
    /// When the phase is not a timed one of the scenario.
    pub fn flow(&mut self, (phase, operation): (usize, usize), second: u64, flow: &Flow) {
        let phase = self.recent.timed_phase(phase);
        let arrivals = flow.outcomes.total();
        self.recent.arrivals[phase][operation] += arrivals;
        let growth = &mut self.recent.phases[phase];
        growth.arrivals += arrivals;
        let totals = &mut growth.operations[operation];
        totals.outcomes += flow.outcomes;
        totals.attempts += flow.attempts;
        totals.consumed += flow.consumed;
        add_all(&mut totals.index_consumed, &flow.index_consumed);
        add_counts(&mut totals.throttle_reasons, &flow.throttle_reasons);

        let interval = self.interval(second);
        interval.arrivals += arrivals;
        interval.sent += arrivals;
        let stored = &mut interval.operations[operation];
        stored.outcomes += flow.outcomes;
        stored.consumed += flow.consumed;
        add_all(&mut stored.index_consumed, &flow.index_consumed);
        add_counts(&mut stored.throttle_reasons, &flow.throttle_reasons);
    }
}
