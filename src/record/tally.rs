//! What was counted lately: by phase and by second, with live histograms, not yet added to a
//! record.
//!
//! Whoever finishes requests has one of its own, so that nothing is shared while they are counted;
//! a [`Recorder`](super::recorder::Recorder) adds them up.

use super::{
    IntervalOperation, OperationTotals, Outcome, Sample, add_all, add_count,
    histogram::LatencyHistogram, journal::PhaseGrowth,
};
use crate::{
    scenario::{PhaseKind, Scenario},
    schedule::Arrival,
    units::Timestamp,
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
    /// In their order, with their numbers: one or two.
    pub(super) seconds: Vec<(u64, LiveSecond)>,
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

    fn emptied(self) -> Self {
        let times = self.response_time.into_iter();
        Self {
            dispatch_delay: self.dispatch_delay.emptied(),
            response_time: times.map(LatencyHistogram::emptied).collect(),
            ..Self::new(self.operations.len())
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let ended = |operation: &IntervalOperation| operation.outcomes.total() > 0;
        self.arrivals == 0 && self.sent == 0 && !self.operations.iter().any(ended)
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
            seconds: Vec::new(),
            newest_end: None,
        }
    }

    /// Takes what was counted, and begins anew, with the memory that it has.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let counted = self.clone();
        for growth in &mut self.phases {
            let old = std::mem::take(growth);
            *growth = PhaseGrowth {
                phase: old.phase,
                arrivals: 0,
                dispatch_delay: old.dispatch_delay.emptied(),
                operations: old.operations.into_iter().map(emptied).collect(),
            };
        }
        for arrivals in &mut self.arrivals {
            arrivals.fill(0);
        }
        let last = self.seconds.pop();
        self.seconds.clear();
        // It probably goes on.
        self.seconds
            .extend(last.map(|(second, last)| (second, last.emptied())));
        self.newest_end = None;
        counted
    }

    /// Counts an arrival of `operation` (index into `Scenario::operations`). Every arrival must
    /// be followed by exactly one [`finish`](Self::finish), in this tally or in another one.
    ///
    /// # Panics
    /// When the phase is not a timed one of the scenario.
    #[inline]
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
    #[inline]
    pub fn finish(&mut self, sample: &Sample) {
        let phase = self.timed_phase(sample.phase);
        let phase = &mut self.phases[phase];
        let delay = (sample.first_sent).map(|sent| sent.nanos_since(sample.due));
        if let Some(delay) = delay {
            phase.dispatch_delay.record_nanos(delay);
        }
        phase.operations[sample.operation].add(sample);

        let finished = sample.finished.second();
        let sent = sample.first_sent.map(Timestamp::second);
        if let Some(sent) = sent.filter(|sent| *sent != finished) {
            self.second(sent).sent += 1;
        }
        self.newest_end = self.newest_end.max(Some(finished));
        let second = self.second(finished);
        second.sent += u64::from(sent == Some(finished));
        let operation = &mut second.operations[sample.operation];
        operation.outcomes.add(sample.outcome);
        operation.consumed += sample.declared.consumed;
        add_all(&mut operation.index_consumed, &sample.declared.indexes);
        for reason in &sample.throttle_reasons {
            add_count(&mut operation.throttle_reasons, reason, 1);
        }
        if let Some(delay) = delay {
            second.dispatch_delay.record_nanos(delay);
        }
        if sample.outcome == Outcome::Completed {
            let response = sample.finished.nanos_since(sample.due);
            second.response_time[sample.operation].record_nanos(response);
        }
    }

    /// The latest second in which a request ended; `None` when none did.
    pub(super) const fn newest_end(&self) -> Option<u64> {
        self.newest_end
    }

    fn operations(&self) -> usize {
        self.arrivals.first().map_or(0, Vec::len)
    }

    pub(super) fn timed_phase(&self, phase: usize) -> usize {
        self.timed[phase].expect("arrivals belong to timed phases")
    }

    #[inline]
    fn second(&mut self, second: u64) -> &mut LiveSecond {
        let after = self.seconds.iter().rposition(|(known, _)| *known <= second);
        let after = match after {
            Some(at) if self.seconds[at].0 == second => return &mut self.seconds[at].1,
            before => before.map_or(0, |at| at + 1),
        };
        let new = (second, LiveSecond::new(self.operations()));
        self.seconds.insert(after, new);
        &mut self.seconds[after].1
    }
}

fn emptied(totals: OperationTotals) -> OperationTotals {
    OperationTotals {
        response_time: totals.response_time.emptied(),
        service_time: totals.service_time.emptied(),
        throttled_response_time: totals.throttled_response_time.emptied(),
        failed_response_time: totals.failed_response_time.emptied(),
        ..OperationTotals::default()
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
        let response = sample.finished.nanos_since(sample.due);
        match sample.outcome {
            Outcome::Completed => {
                self.response_time.record_nanos(response);
                if let Some(sent) = sample.last_sent {
                    let service = sample.finished.nanos_since(sent);
                    self.service_time.record_nanos(service);
                }
            }
            Outcome::Throttled => self.throttled_response_time.record_nanos(response),
            Outcome::Failed | Outcome::TimedOut => {
                self.failed_response_time.record_nanos(response);
            }
            Outcome::Dropped => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::{record::Declared, scenario::parse::parse};

    const SOURCE: &str = r#"
name = "two"
[[table]]
name = "Things"
partition_key = "id"
billing = { mode = "on-demand" }
items = 10
[table.attributes]
id = { type = "S", value = "unique" }
[keys.all]
kind = "uniform"
[[operation]]
kind = "get"
keys = "all"
weight = "100 %"
[[phase]]
name = "p"
kind = "measured"
duration = "10s"
arrivals = { kind = "constant", rate = "1/s" }
"#;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_start(Duration::from_millis(millis))
    }

    fn count(tally: &mut Tally, sequence: u64, due: u64) {
        let arrival = Arrival {
            sequence,
            phase: 0,
            intended_start: at(due),
        };
        tally.due(&arrival, 0);
        tally.finish(&Sample {
            sequence,
            phase: 0,
            operation: 0,
            outcome: Outcome::Completed,
            due: at(due),
            first_sent: Some(at(due + 1)),
            last_sent: Some(at(due + 1)),
            finished: at(due + 7),
            attempts: 1,
            declared: Declared::default(),
            throttle_reasons: Vec::new(),
            error: None,
        });
    }

    #[test]
    fn what_was_taken_is_not_counted_again_and_nothing_is_lost() {
        let scenario = parse(SOURCE, "two").unwrap().scenario;
        let (mut taken, mut at_once) = (Tally::new(&scenario), Tally::new(&scenario));
        let mut parts = Vec::new();
        for number in 0..60 {
            count(&mut taken, number, number * 90);
            count(&mut at_once, number, number * 90);
            if number % 7 == 0 {
                parts.push(taken.take());
            }
        }
        parts.push(taken.take());
        let left = taken.take();
        assert!(left.phases[0].is_none() && left.seconds.iter().all(|(_, it)| it.is_empty()));
        let mut sum = PhaseGrowth::none(0, 1);
        let mut seconds: BTreeMap<u64, u64> = BTreeMap::new();
        for part in &parts {
            sum += &part.phases[0];
            for (second, counts) in part.seconds.iter().filter(|(_, it)| !it.is_empty()) {
                *seconds.entry(*second).or_default() += counts.dispatch_delay.count();
                assert_eq!(
                    counts.dispatch_delay.count(),
                    counts.operations[0].outcomes.total()
                );
            }
        }
        assert_eq!(sum, at_once.phases[0]);
        let expected = at_once.seconds.iter();
        let expected = expected.map(|(second, it)| (*second, it.dispatch_delay.count()));
        assert_eq!(seconds, expected.collect());
    }
}
