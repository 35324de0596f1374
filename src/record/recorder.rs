//! Adds up what happens in a run, as it happens, into the record that is kept.
//!
//! Must not know where samples come from: real requests and simulated ones are recorded alike.
//! Memory depends on the scenario and on the length of the run in seconds, never on the
//! number of requests: a second holds live histograms only until the next one begins.

mod flow;

use std::collections::BTreeMap;

pub use flow::Flow;

use super::{
    IndexRecord, Interval, IntervalOperation, IntervalTable, OperationRecord, OperationTotals,
    Outcome, OutcomeCounts, PhaseRecord, Provenance, RunRecord, SCHEMA_VERSION, Sample,
    TableRecord, add_all,
    histogram::LatencyHistogram,
    journal::{Entry, PhaseGrowth},
};
use crate::{
    scenario::{PhaseKind, Scenario},
    schedule::Arrival,
    units::{Quantile, Timestamp},
};

/// Distinct throttle reasons or error causes told apart per operation. More than that come
/// only from a server that puts data into its messages; they share [`OTHER`].
const MAX_DISTINCT: usize = 64;

/// What further reasons and causes are counted under.
const OTHER: &str = "other";

/// What a record says of its run besides what was counted.
#[derive(Clone, Debug)]
pub struct RunHeader {
    /// The scenario file as it was read.
    pub scenario_source: String,
    /// Where the record comes from.
    pub provenance: Provenance,
    /// Whether the target shows burst credit, see [`TableRecord::governed`].
    pub governed: bool,
}

/// The record in the making.
#[derive(Debug)]
pub struct Recorder {
    record: RunRecord,
    /// Index into `record.phases` by index into `Scenario::phases`; `None` for load.
    phases: Vec<Option<usize>>,
    /// Arrivals by phase and operation, to hold the outcomes against.
    arrivals: Vec<Vec<u64>>,
    intervals: BTreeMap<u64, Interval>,
    /// By phase, what was counted since the last entry of the journal, and is not in `record`.
    growth: Vec<PhaseGrowth>,
    /// The earliest second that changed since then; the last there is when none did.
    changed_from: u64,
    /// The live histograms of the latest second in which a request ended.
    open: Option<OpenSecond>,
    closed: Option<OpenSecond>,
}

/// Histograms of one second, before they are encoded.
#[derive(Clone, Debug)]
pub struct OpenSecond {
    /// Second since the run's start.
    pub second: u64,
    /// Due → first send of the requests that ended in it.
    pub dispatch_delay: LatencyHistogram,
    /// Due → final answer of completed requests, in the order of the operations.
    pub response_time: Vec<LatencyHistogram>,
}

impl OpenSecond {
    fn new(second: u64, operations: usize) -> Self {
        Self {
            second,
            dispatch_delay: LatencyHistogram::default(),
            response_time: vec![LatencyHistogram::default(); operations],
        }
    }
}

impl Recorder {
    /// An empty record of a run of `scenario`.
    #[must_use]
    pub fn new(scenario: &Scenario, header: RunHeader) -> Self {
        let operations: Vec<_> = scenario
            .operations
            .iter()
            .map(OperationRecord::of)
            .collect();
        let tables = scenario
            .tables
            .iter()
            .map(|table| {
                let indexes = table.global_indexes();
                TableRecord {
                    name: table.name.clone(),
                    provisioned: table.billing.capacity().unwrap_or_default(),
                    on_demand: table.billing.capacity().is_none(),
                    indexes: indexes
                        .map(|(_, index, billing)| IndexRecord {
                            name: index.name.clone(),
                            provisioned: billing.capacity().unwrap_or_default(),
                        })
                        .collect(),
                    burst_seconds: scenario.model.burst_seconds,
                    governed: header.governed,
                }
            })
            .collect();
        let phases = phase_records(scenario);
        let mut timed = 0..phases.len();
        Self {
            phases: scenario
                .phases
                .iter()
                .map(|phase| {
                    (phase.kind != PhaseKind::Load)
                        .then(|| timed.next())
                        .flatten()
                })
                .collect(),
            arrivals: vec![vec![0; operations.len()]; phases.len()],
            growth: (0..phases.len())
                .map(|phase| PhaseGrowth::none(phase, operations.len()))
                .collect(),
            changed_from: u64::MAX,
            record: RunRecord {
                schema_version: SCHEMA_VERSION,
                provenance: header.provenance,
                scenario_source: header.scenario_source,
                files: scenario.files.clone(),
                tables,
                operations,
                phases,
                intervals: Vec::new(),
                shards: Vec::new(),
                heat: Vec::new(),
                model: Vec::new(),
            },
            intervals: BTreeMap::new(),
            open: None,
            closed: None,
        }
    }

    /// Counts an arrival of `operation` (index into `Scenario::operations`). Every arrival must
    /// be followed by exactly one [`finish`](Self::finish).
    ///
    /// # Panics
    /// When the phase is not a timed one of the scenario.
    pub fn due(&mut self, arrival: &Arrival, operation: usize) {
        if !self.takes(arrival.sequence) {
            return;
        }
        let phase = self.timed_phase(arrival.phase);
        self.growth[phase].arrivals += 1;
        self.arrivals[phase][operation] += 1;
        self.interval(arrival.intended_start.second()).arrivals += 1;
    }

    /// Counts the end of a request.
    ///
    /// # Panics
    /// When the phase is not a timed one of the scenario.
    pub fn finish(&mut self, sample: &Sample) {
        if !self.takes(sample.sequence) {
            return;
        }
        let phase = self.timed_phase(sample.phase);
        let phase = &mut self.growth[phase];
        if let Some(sent) = sample.first_sent {
            phase.dispatch_delay.record(sent.since(sample.due));
        }
        phase.operations[sample.operation].add(sample);

        if let Some(sent) = sample.first_sent {
            self.interval(sent.second()).sent += 1;
        }
        let second = sample.finished.second();
        let operation = &mut self.interval(second).operations[sample.operation];
        operation.outcomes.add(sample.outcome);
        operation.consumed += sample.declared.consumed;
        add_all(&mut operation.index_consumed, &sample.declared.indexes);
        for reason in &sample.throttle_reasons {
            count(&mut operation.throttle_reasons, reason);
        }
        self.time(second, sample);
    }

    /// Notes how the tables stood at the end of `second`: one each, in the order of the
    /// scenario.
    pub fn tables(&mut self, second: u64, tables: &[IntervalTable]) {
        for (stored, table) in self.interval(second).tables.iter_mut().zip(tables) {
            stored.clone_from(table);
        }
    }

    /// The run stopped before its end: nothing was due from `at` on.
    pub fn interrupt(&mut self, at: Timestamp) {
        self.settle();
        self.record.end_at(at);
    }

    /// The phases with their names and times. Their totals lag behind.
    #[must_use]
    pub fn phases(&self) -> &[PhaseRecord] {
        &self.record.phases
    }

    /// Requests by outcome so far.
    #[must_use]
    pub fn outcomes(&self) -> OutcomeCounts {
        let settled = self
            .record
            .phases
            .iter()
            .flat_map(|phase| &phase.operations);
        let since = self.growth.iter().flat_map(|phase| &phase.operations);
        let mut sum = OutcomeCounts::default();
        for totals in settled.chain(since) {
            sum += totals.outcomes;
        }
        sum
    }

    /// What was counted since the last call, for a journal: all entries together make the
    /// record as it stands.
    #[must_use]
    pub fn entry(&mut self, now: Timestamp) -> Entry {
        let phases = self.settle();
        let changed = self.intervals.range(self.changed_from..);
        let mut intervals: Vec<_> = changed.map(|(_, interval)| interval.clone()).collect();
        self.changed_from = u64::MAX;
        if let Some(open) = &self.open
            && let Some(last) = intervals.iter_mut().find(|it| it.second == open.second)
        {
            self.seal(open, last);
        }
        Entry {
            until: now,
            phases,
            intervals,
        }
    }

    /// Moves what was counted since last time into the record, and gives it.
    fn settle(&mut self) -> Vec<PhaseGrowth> {
        let operations = self.record.operations.len();
        let mut settled = Vec::new();
        for growth in self.growth.iter_mut().filter(|growth| !growth.is_none()) {
            growth.add_to(&mut self.record.phases[growth.phase]);
            let none = PhaseGrowth::none(growth.phase, operations);
            settled.push(std::mem::replace(growth, none));
        }
        settled
    }

    /// The counts of one second so far.
    #[must_use]
    pub fn second(&self, second: u64) -> Option<&Interval> {
        self.intervals.get(&second)
    }

    /// The live histograms of one of the two latest seconds in which a request ended.
    #[must_use]
    pub fn histograms(&self, second: u64) -> Option<&OpenSecond> {
        [&self.open, &self.closed]
            .into_iter()
            .flatten()
            .find(|open| open.second == second)
    }

    /// The finished record.
    ///
    /// # Panics
    /// When an arrival has no outcome or more than one: arrivals = completed + throttled +
    /// failed + timed out + dropped holds for every operation in every phase, or the record
    /// would lie.
    #[must_use]
    pub fn into_record(mut self) -> RunRecord {
        self.settle();
        for (phase, arrivals) in self.record.phases.iter().zip(&self.arrivals) {
            for (index, (totals, arrivals)) in phase.operations.iter().zip(arrivals).enumerate() {
                assert_eq!(
                    totals.outcomes.total(),
                    *arrivals,
                    "phase {}, operation {}: every arrival has exactly one outcome",
                    phase.name,
                    self.record.operations[index].name,
                );
            }
        }
        if let Some(open) = self.open.take() {
            self.close(&open);
        }
        self.record.intervals = self.intervals.into_values().collect();
        self.record
    }

    /// The record of a shard holds that shard's arrivals and no others, whoever made them.
    fn takes(&self, sequence: u64) -> bool {
        let part = &self.record.provenance.part;
        part.as_ref().is_none_or(|part| part.shard.takes(sequence))
    }

    fn timed_phase(&self, phase: usize) -> usize {
        self.phases[phase].expect("arrivals belong to timed phases")
    }

    fn interval(&mut self, second: u64) -> &mut Interval {
        self.changed_from = self.changed_from.min(second);
        let record = &self.record;
        self.intervals.entry(second).or_insert_with(|| Interval {
            second,
            arrivals: 0,
            sent: 0,
            dispatch_delay_p99_nanos: 0,
            dispatch_delay: None,
            operations: vec![IntervalOperation::default(); record.operations.len()],
            tables: record
                .tables
                .iter()
                .map(|table| IntervalTable {
                    provisioned: table.provisioned,
                    ..IntervalTable::default()
                })
                .collect(),
        })
    }

    /// Records the times of a sample in the histograms of its second.
    fn time(&mut self, second: u64, sample: &Sample) {
        let operations = self.record.operations.len();
        match &self.open {
            Some(open) if open.second >= second => {}
            _ => {
                if let Some(open) = self.open.replace(OpenSecond::new(second, operations)) {
                    self.close(&open);
                    self.closed = Some(open);
                }
            }
        }
        let delay = sample.first_sent.map(|sent| sent.since(sample.due));
        let response =
            (sample.outcome == Outcome::Completed).then(|| sample.finished.since(sample.due));
        let open = self.open.as_mut().expect("opened above");
        if open.second == second {
            if let Some(delay) = delay {
                open.dispatch_delay.record(delay);
            }
            if let Some(response) = response {
                open.response_time[sample.operation].record(response);
            }
        } else if let Some(response) = response {
            // Out of order by at most the time that a result waits for its turn: rare, and
            // worth the detour, since no answer may be missing. The delay of such a straggler
            // shows in the phase's histogram, not in this second's percentile.
            let stored = &mut self.interval(second).operations[sample.operation].response_time;
            let mut histogram = stored
                .take()
                .map(|encoded| encoded.decode().expect("we encoded it"))
                .unwrap_or_default();
            histogram.record(response);
            *stored = Some(histogram.encode());
        }
    }

    fn close(&mut self, open: &OpenSecond) {
        let mut interval = self.interval(open.second).clone();
        self.seal(open, &mut interval);
        self.intervals.insert(open.second, interval);
    }

    /// Stores the live histograms of a second in its interval.
    fn seal(&self, open: &OpenSecond, interval: &mut Interval) {
        let is_part = self.record.provenance.part.is_some();
        if is_part && !open.dispatch_delay.is_empty() {
            interval.dispatch_delay = Some(open.dispatch_delay.encode());
        }
        if let Some(p99) = open.dispatch_delay.quantile(Quantile::P99) {
            interval.dispatch_delay_p99_nanos = u64::try_from(p99.as_nanos()).unwrap_or(u64::MAX);
        }
        for (operation, live) in interval.operations.iter_mut().zip(&open.response_time) {
            if !live.is_empty() {
                operation.response_time = Some(live.encode());
            }
        }
    }
}

impl OperationRecord {
    fn of(spec: &crate::scenario::OperationSpec) -> Self {
        Self {
            name: spec.name.clone(),
            kind: spec.kind,
            table: spec.table,
        }
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
            count(&mut self.throttle_reasons, reason);
        }
        if let Some(error) = &sample.error {
            count(&mut self.errors, error);
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

fn phase_records(scenario: &Scenario) -> Vec<PhaseRecord> {
    let timed = scenario
        .phases
        .iter()
        .filter(|phase| phase.kind != PhaseKind::Load);
    timed
        .scan(Timestamp::ZERO, |starts, phase| {
            let record = PhaseRecord {
                name: phase.name.clone(),
                kind: phase.kind,
                starts: *starts,
                ends: *starts + phase.duration,
                arrivals: 0,
                dispatch_delay: LatencyHistogram::default(),
                operations: vec![OperationTotals::default(); scenario.operations.len()],
            };
            *starts = record.ends;
            Some(record)
        })
        .collect()
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    if let Some(count) = counts.get_mut(name) {
        *count += 1;
    } else if counts.len() < MAX_DISTINCT {
        counts.insert(name.to_owned(), 1);
    } else {
        *counts.entry(OTHER.to_owned()).or_default() += 1;
    }
}
