//! Adds up what happens in a run, as it happens, into the record that is kept.
//!
//! Must not know where samples come from: real requests and simulated ones are recorded alike.
//! Memory depends on the scenario, never on the number of requests: a second holds live histograms
//! until the one after the next begins. What is kept of each second adds up, unless there is a
//! [`Shelf`] to lay it on.

mod flow;
mod shelf;

use std::collections::{BTreeMap, btree_map::Entry as Place};

pub use flow::Flow;
pub use shelf::{LostSecond, Shelf};

use shelf::Shelved;

use super::{
    IndexRecord, Interval, IntervalOperation, IntervalTable, OperationRecord, OperationTotals,
    OutcomeCounts, PhaseRecord, Provenance, RunRecord, SCHEMA_VERSION, Sample, TableRecord,
    generator::GeneratorSecond,
    histogram::LatencyHistogram,
    journal::{Entry, PhaseGrowth},
    tally::{LiveSecond, Tally},
};
use crate::{
    scenario::{PhaseKind, Scenario},
    schedule::Arrival,
    units::{Quantile, Timestamp, nanos_of},
};

/// Seconds of which the histograms are kept live, the latest ones: answers of one are told of
/// while the next has begun.
const LIVE_SECONDS: u64 = 2;

/// So long after its second has passed an interval is laid on the shelf: by then it rarely changes.
const AT_HAND_SECONDS: u64 = 10;

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
    /// What was counted since the last entry of the journal, and is not in `record`; its seconds
    /// are not in `intervals` yet.
    recent: Tally,
    /// Of each second the counts; of live ones without histograms.
    intervals: BTreeMap<u64, Interval>,
    /// Those that are not in `intervals` any more.
    shelved: Shelved,
    /// Those of them that could not be taken off again.
    lost: BTreeMap<u64, LostSecond>,
    /// The latest second in which a request ended.
    newest: u64,
    live: BTreeMap<u64, LiveSecond>,
    /// The earliest second that changed since the last entry; the last there is when none did.
    changed_from: u64,
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
        Self {
            recent: Tally::new(scenario),
            newest: 0,
            live: BTreeMap::new(),
            changed_from: u64::MAX,
            record: RunRecord {
                schema_version: SCHEMA_VERSION,
                provenance: header.provenance,
                scenario_source: header.scenario_source,
                files: scenario.files.clone(),
                tables,
                operations,
                phases: phase_records(scenario),
                intervals: Vec::new(),
                shards: Vec::new(),
                generator: None,
                heat: Vec::new(),
                model: Vec::new(),
            },
            intervals: BTreeMap::new(),
            shelved: Shelved::default(),
            lost: BTreeMap::new(),
        }
    }

    /// Lays seconds that are over on a shelf, once an [entry](Self::entry) has told of them.
    pub fn use_shelf(&mut self, place: Box<dyn Shelf>) {
        self.shelved = Shelved::on(place);
    }

    /// Counts an arrival, as [`Tally::due`] does.
    ///
    /// # Panics
    /// When the phase is not a timed one of the scenario.
    #[inline]
    pub fn due(&mut self, arrival: &Arrival, operation: usize) {
        if self.takes(arrival.sequence) {
            self.recent.due(arrival, operation);
        }
    }

    /// Counts the end of a request.
    ///
    /// # Panics
    /// When the phase is not a timed one of the scenario.
    #[inline]
    pub fn finish(&mut self, sample: &Sample) {
        if !self.takes(sample.sequence) {
            return;
        }
        let second = sample.finished.second();
        if second > self.newest {
            self.fold();
            self.reach(second);
        }
        self.recent.finish(sample);
    }

    /// Adds what somebody else counted, of the same scenario and only of this record's arrivals.
    pub fn absorb(&mut self, tally: Tally) {
        self.fold();
        if let Some(second) = tally.newest_end() {
            self.reach(second);
        }
        for (sum, growth) in self.recent.phases.iter_mut().zip(&tally.phases) {
            *sum += growth;
        }
        for (sum, arrivals) in self.recent.arrivals.iter_mut().zip(&tally.arrivals) {
            for (sum, count) in sum.iter_mut().zip(arrivals) {
                *sum += count;
            }
        }
        self.add_seconds(tally.seconds);
    }

    /// Notes how the tables stood at the end of `second`: one each, in the order of the
    /// scenario.
    pub fn tables(&mut self, second: u64, tables: &[IntervalTable]) {
        for (stored, table) in self.interval(second).tables.iter_mut().zip(tables) {
            stored.clone_from(table);
            stored.hottest = None;
        }
    }

    /// Notes what the generator took in `second`.
    pub fn generator(&mut self, second: u64, took: GeneratorSecond) {
        self.interval(second).generator = Some(took);
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
        self.outcomes_where(|_, _| true)
    }

    /// The same in the measured phases, of one operation or of all.
    #[must_use]
    pub fn measured_outcomes(&self, operation: Option<usize>) -> OutcomeCounts {
        self.outcomes_where(|phase, number| {
            phase.kind == PhaseKind::Measured && operation.is_none_or(|one| one == number)
        })
    }

    fn outcomes_where(&self, counts: impl Fn(&PhaseRecord, usize) -> bool) -> OutcomeCounts {
        let phases = &self.record.phases;
        let settled = phases.iter().map(|phase| (phase, &phase.operations));
        // An interrupted record has lost the phases that nothing was due in.
        let since = self.recent.phases.iter().filter(|it| !it.is_none());
        let since = since.map(|growth| (&phases[growth.phase], &growth.operations));
        let mut sum = OutcomeCounts::default();
        for (phase, operations) in settled.chain(since) {
            for (_, totals) in (0..)
                .zip(operations)
                .filter(|(number, _)| counts(phase, *number))
            {
                sum += totals.outcomes;
            }
        }
        sum
    }

    /// What was counted since the last call, for a journal: all entries together make the
    /// record as it stands.
    #[must_use]
    pub fn entry(&mut self, now: Timestamp) -> Entry {
        self.fold();
        let phases = self.settle();
        // What the journal has of a lost second is as much as there is.
        let changed = self.intervals.range(self.changed_from..);
        let changed = changed.filter(|(second, _)| !self.lost.contains_key(second));
        let mut intervals: Vec<_> = changed.map(|(_, interval)| interval.clone()).collect();
        self.changed_from = u64::MAX;
        for interval in &mut intervals {
            if let Some(live) = self.live.get(&interval.second) {
                seal(live, interval, self.is_part());
            }
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
        let grown = self.recent.phases.iter_mut();
        for growth in grown.filter(|growth| !growth.is_none()) {
            growth.add_to(&mut self.record.phases[growth.phase]);
            let none = PhaseGrowth::none(growth.phase, operations);
            settled.push(std::mem::replace(growth, none));
        }
        settled
    }

    /// The counts of one of the latest seconds, as far as they were absorbed.
    #[must_use]
    pub fn second(&self, second: u64) -> Option<&Interval> {
        self.intervals.get(&second)
    }

    /// The live histograms of one of the latest seconds, as far as they were absorbed.
    #[must_use]
    pub fn live(&self, second: u64) -> Option<&LiveSecond> {
        self.live.get(&second)
    }

    /// The finished record.
    ///
    /// # Panics
    /// As [`Self::try_into_record`], and when that has an error: not without a [`Shelf`].
    #[must_use]
    pub fn into_record(self) -> RunRecord {
        (self.try_into_record()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The finished record.
    ///
    /// # Errors
    /// When a second that was laid on a shelf cannot be had any more.
    ///
    /// # Panics
    /// When an arrival has no outcome or more than one: arrivals = completed + throttled +
    /// failed + timed out + dropped holds for every operation in every phase, or the record
    /// would lie.
    pub fn try_into_record(mut self) -> Result<RunRecord, LostSecond> {
        self.settle();
        self.fold();
        let all_arrivals = &self.recent.arrivals;
        for (phase, arrivals) in self.record.phases.iter().zip(all_arrivals) {
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
        if let Some((_, lost)) = self.lost.pop_first() {
            return Err(lost);
        }
        let shelved = std::mem::take(&mut self.shelved);
        self.reach(u64::MAX);
        for interval in shelved.take_all() {
            let interval = interval?;
            self.intervals.insert(interval.second, interval);
        }
        self.record.intervals = self.intervals.into_values().collect();
        Ok(self.record)
    }

    /// The record of a shard holds that shard's arrivals and no others, whoever made them.
    fn takes(&self, sequence: u64) -> bool {
        let part = &self.record.provenance.part;
        part.as_ref().is_none_or(|part| part.shard.takes(sequence))
    }

    fn is_part(&self) -> bool {
        self.record.provenance.part.is_some()
    }

    /// Puts a second that lies on the shelf where it can be changed.
    fn fetch(&mut self, second: u64) {
        match self.shelved.take(second) {
            Some(Ok(interval)) => {
                self.intervals.insert(second, interval);
            }
            Some(Err(lost)) => {
                self.lost.insert(second, lost);
            }
            None => {}
        }
    }

    fn interval(&mut self, second: u64) -> &mut Interval {
        self.fetch(second);
        self.changed_from = self.changed_from.min(second);
        let record = &self.record;
        self.intervals.entry(second).or_insert_with(|| Interval {
            second,
            arrivals: 0,
            sent: 0,
            dispatch_delay_p99_nanos: 0,
            dispatch_delay: None,
            generator: None,
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

    /// Adds the seconds of what was counted here.
    fn fold(&mut self) {
        let seconds = std::mem::take(&mut self.recent.seconds);
        self.add_seconds(seconds);
    }

    fn add_seconds(&mut self, seconds: Vec<(u64, LiveSecond)>) {
        let live_from = self.live_from();
        for (second, more) in seconds {
            if more.is_empty() {
                continue;
            }
            let interval = self.interval(second);
            interval.arrivals += more.arrivals;
            interval.sent += more.sent;
            for (sum, operation) in interval.operations.iter_mut().zip(&more.operations) {
                *sum += operation;
            }
            if second < live_from {
                straggle(&more, interval);
                continue;
            }
            match self.live.entry(second) {
                Place::Vacant(place) => {
                    place.insert(more);
                }
                Place::Occupied(mut live) => live.get_mut().merge_times(&more),
            }
        }
    }

    const fn live_from(&self) -> u64 {
        (self.newest.saturating_add(1)).saturating_sub(LIVE_SECONDS)
    }

    /// A request ended in `second`: the histograms of seconds long before are encoded.
    fn reach(&mut self, second: u64) {
        self.newest = self.newest.max(second);
        let live = self.live.split_off(&self.live_from());
        let old = std::mem::replace(&mut self.live, live);
        let is_part = self.is_part();
        for (second, old) in old {
            if let Some(interval) = self.intervals.get_mut(&second) {
                seal(&old, interval, is_part);
            }
        }
        self.lay_down();
    }

    /// Lays seconds that are over, and that an entry has told of, on the shelf.
    fn lay_down(&mut self) {
        let at_hand_from = self.newest.saturating_sub(AT_HAND_SECONDS);
        let before = at_hand_from.min(self.changed_from);
        while let Some(first) = self.intervals.first_entry() {
            if *first.key() >= before || !self.shelved.lay(first.get()) {
                return;
            }
            first.remove();
        }
    }
}

/// Stores the live histograms of a second in its interval.
fn seal(live: &LiveSecond, interval: &mut Interval, is_part: bool) {
    if is_part && !live.dispatch_delay.is_empty() {
        interval.dispatch_delay = Some(live.dispatch_delay.encode());
    }
    if let Some(p99) = live.dispatch_delay.quantile(Quantile::P99) {
        interval.dispatch_delay_p99_nanos = nanos_of(p99);
    }
    for (operation, live) in interval.operations.iter_mut().zip(&live.response_time) {
        if !live.is_empty() {
            operation.response_time = Some(live.encode());
        }
    }
}

/// Adds answers that are told of when their second is stored already: rare, and worth the
/// detour, since no answer may be missing. Their delay shows in the phase's histogram, not in
/// this second's percentile.
fn straggle(more: &LiveSecond, interval: &mut Interval) {
    for (operation, more) in interval.operations.iter_mut().zip(&more.response_time) {
        if more.is_empty() {
            continue;
        }
        let stored = operation.response_time.take();
        let mut sum = stored
            .map(|encoded| encoded.decode().expect("we encoded it"))
            .unwrap_or_default();
        sum.merge(more);
        operation.response_time = Some(sum.encode());
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
