//! What was counted lately: by phase and by second, with live histograms, not yet added to a
//! record.
//!
//! Whoever finishes requests has one of its own, so that nothing is shared while they are counted;
//! a [`Recorder`](super::recorder::Recorder) adds them up.

use std::collections::BTreeMap;

use super::{
    IntervalOperation, OperationTotals, Outcome, Sample, add_all, add_count,
    histogram::LatencyHistogram, journal::PhaseGrowth,
};
use crate::{
    scenario::{PhaseKind, Scenario},
    schedule::Arrival,
};

/// Counts in the making.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Index into the timed phases by index into `Scenario::phases`; `None` for load.
    timed: Vec<Option<usize>>,
    /// What each timed phase grew by.
    pub(super) phases: Vec<PhaseGrowth>,
    /// Arrivals by timed phase and operation, to hold the outcomes against.
    pub(super) arrivals: Vec<Vec<u64>>,
    pub(super) seconds: BTreeMap<u64, LiveSecond>,
    newest_end: Option<u64>,
}

/// One second, before its histograms are encoded.
#[derive(Clone, Debug)]
pub struct LiveSecond {
    /// Arrivals that were due in it.
    pub(super) arrivals: u64,
    /// First sends in it.
    pub(super) sent: u64,
    /// Without response times.
    pub(super) operations: Vec<IntervalOperation>,
    /// Due → first send of the requests that ended in it.
    pub dispatch_delay: LatencyHistogram,
    /// Due → final answer of completed requests, in the order of the operations.
    pub response_time: Vec<LatencyHistogram>,
}

impl LiveSecond {
    fn new(operations: usize) -> Self {
        Self {
            arrivals: 0,
            sent: 0,
            operations: vec![IntervalOperation::default(); operations],
            dispatch_delay: LatencyHistogram::default(),
            response_time: vec![LatencyHistogram::default(); operations],
        }
    }

    /// Adds the times of `other`, and not its counts.
    pub(super) fn merge_times(&mut self, other: &Self) {
        self.dispatch_delay.merge(&other.dispatch_delay);
        for (sum, times) in self.response_time.iter_mut().zip(&other.response_time) {
            sum.merge(times);
        }
    }
}

impl Tally {
    /// Nothing counted of a run of `scenario`.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let operations = scenario.operations.len();
        let mut numbers = 0..;
        let number = |phase: &crate::scenario::Phase| match phase.kind {
            PhaseKind::Load => None,
            _ => numbers.next(),
        };
        let timed: Vec<_> = scenario.phases.iter().map(number).collect();
        let count = timed.iter().flatten().count();
        Self {
            timed,
            phases: (0..count)
                .map(|phase| PhaseGrowth::none(phase, operations))
                .collect(),
            arrivals: vec![vec![0; operations]; count],
            seconds: BTreeMap::new(),
            newest_end: None,
        }
    }

    /// Takes what was counted, and begins anew.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let operations = self.operations();
        let none = |phase: &PhaseGrowth| PhaseGrowth::none(phase.phase, operations);
        let empty = Self {
            timed: self.timed.clone(),
            phases: self.phases.iter().map(none).collect(),
            arrivals: vec![vec![0; operations]; self.arrivals.len()],
            seconds: BTreeMap::new(),
            newest_end: None,
        };
        std::mem::replace(self, empty)
    }

    /// Counts an arrival of `operation` (index into `Scenario::operations`). Every arrival must
    /// be followed by exactly one [`finish`](Self::finish), in this tally or in another one.
    ///
    /// # Panics
    /// When the phase is not a timed one of the scenario.
    pub fn due(&mut self, arrival: &Arrival, operation: usize) {
        let phase = self.timed_phase(arrival.phase);
        self.phases[phase].arrivals += 1;
        self.arrivals[phase][operation] += 1;
        self.second(arrival.intended_start.second()).arrivals += 1;
    }

    /// Counts the end of a request.
    ///
    /// # Panics
    /// When the phase is not a timed one of the scenario.
    pub fn finish(&mut self, sample: &Sample) {
        let phase = self.timed_phase(sample.phase);
        let phase = &mut self.phases[phase];
        let delay = sample.first_sent.map(|sent| sent.since(sample.due));
        if let Some(delay) = delay {
            phase.dispatch_delay.record(delay);
        }
        phase.operations[sample.operation].add(sample);

        if let Some(sent) = sample.first_sent {
            self.second(sent.second()).sent += 1;
        }
        let finished = sample.finished.second();
        self.newest_end = self.newest_end.max(Some(finished));
        let second = self.second(finished);
        let operation = &mut second.operations[sample.operation];
        operation.outcomes.add(sample.outcome);
        operation.consumed += sample.declared.consumed;
        add_all(&mut operation.index_consumed, &sample.declared.indexes);
        for reason in &sample.throttle_reasons {
            add_count(&mut operation.throttle_reasons, reason, 1);
        }
        if let Some(delay) = delay {
            second.dispatch_delay.record(delay);
        }
        if sample.outcome == Outcome::Completed {
            let response = sample.finished.since(sample.due);
            second.response_time[sample.operation].record(response);
        }
    }

    /// The latest second in which a request ended; `None` when none did.
    pub(super) const fn newest_end(&self) -> Option<u64> {
        self.newest_end
    }

    fn operations(&self) -> usize {
        self.arrivals.first().map_or(0, Vec::len)
    }

    fn timed_phase(&self, phase: usize) -> usize {
        self.timed[phase].expect("arrivals belong to timed phases")
    }

    fn second(&mut self, second: u64) -> &mut LiveSecond {
        let operations = self.operations();
        self.seconds
            .entry(second)
            .or_insert_with(|| LiveSecond::new(operations))
    }
}

impl OperationTotals {
    fn add(&mut self, sample: &Sample) {
        self.outcomes.add(sample.outcome);
        self.attempts += u64::from(sample.attempts);
        self.consumed += sample.declared.consumed;
        add_all(&mut self.index_consumed, &sample.declared.indexes);
        self.conditions_failed += sample.declared.conditions_failed;
        self.unprocessed += sample.declared.unprocessed;
        for reason in &sample.throttle_reasons {
            add_count(&mut self.throttle_reasons, reason, 1);
        }
        if let Some(error) = &sample.error {
            add_count(&mut self.errors, error, 1);
        }
        let response = sample.finished.since(sample.due);
        match sample.outcome {
            Outcome::Completed => {
                self.response_time.record(response);
                if let Some(sent) = sample.last_sent {
                    self.service_time.record(sample.finished.since(sent));
                }
            }
            Outcome::Throttled => self.throttled_response_time.record(response),
            Outcome::Failed | Outcome::TimedOut => self.failed_response_time.record(response),
            Outcome::Dropped => {}
        }
    }
}
