//! A run in virtual time: the client's state machine against the capacity model.
//!
//! Owns the queue of events and when they happen; what the client decides is the engine's
//! business, what is admitted the capacity model's, and what items weigh the workload's. There
//! is no I/O and no clock, so the same scenario gives the same record, bit for bit.
//!
//! Simulated answers take a fixed, assumed time. Response times of a simulation say how long
//! requests wait and back off, not how fast a server is.

pub mod aggregate;
mod content;
pub mod demand;
mod items;
mod memo;
pub mod naming;
mod partition;
mod picks;
mod place;
mod queue;
mod range;
mod table;
pub mod trace;
mod view;

use std::{sync::Arc, time::Duration};

use crate::{
    engine::{Action, Answer, Engine, Event, Foreseen, retry::batch_pause},
    record::{
        Declared, IntervalTable, Provenance, RunRecord,
        recorder::{Recorder, RunHeader},
        shard::Part,
    },
    scenario::{PhaseKind, Scenario},
    schedule::{Arrival, Arrivals, Schedule, shard::Shard},
    units::Timestamp,
    workload::Workload,
};
use picks::PicksAhead;
use queue::EventQueue;
use table::{Member, Reply, SimulatedTable};

/// The recorder has a second's histograms at hand until the one after the next begins, so that no
/// request is to be recorded by more than a second before it is over.
const PASS_WITHIN: Duration = Duration::from_secs(1);

/// What a simulation assumes beyond the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulationOptions {
    /// Send → answer of a request that is admitted.
    pub service_time: Duration,
    /// Send → answer of a request that is throttled.
    pub throttle_time: Duration,
    /// The whole run is simulated, and of this shard's arrivals alone it is told what became of
    /// them; of all without one. A shard by itself would find a table that serves nobody else.
    pub shard: Option<Shard>,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        Self {
            service_time: Duration::from_millis(1),
            throttle_time: Duration::from_micros(500),
            shard: None,
        }
    }
}

/// Why a scenario cannot be simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulationError {
    /// Which items share a primary key, or a partition that is queried, follows from no rule
    /// here, so each has to be looked at.
    #[error(
        "table {table}: its keys are drawn or repeat, so that all {items} items have to be kept \
         in memory to know which share a key, and {max} are the most; \
         write the keys as unique, group or cycle, or use fewer items"
    )]
    TooManyItems {
        /// Name of the table.
        table: String,
        /// Its items.
        items: u64,
        /// The most that are indexed.
        max: u64,
    },
    /// Something that a flow of requests has not.
    #[error(
        "{what} have to be simulated request by request, not by partition and second; leave out \
         --aggregate, and make the phases shorter if that takes too long"
    )]
    NotInAggregate {
        /// Where, and what.
        what: String,
    },
}

/// What the record of a simulation says of itself: nothing that differs between two
/// simulations of the same scenario.
#[must_use]
pub fn header(
    scenario: &Scenario,
    scenario_source: String,
    tool_version: &str,
    options: &SimulationOptions,
) -> RunHeader {
    let mut model_overrides = scenario.model.overrides();
    model_overrides.push(format!(
        "simulated service time = {:?} ({:?} when throttled)",
        options.service_time, options.throttle_time
    ));
    RunHeader {
        scenario_source,
        provenance: Provenance {
            tool_version: tool_version.to_owned(),
            items_loaded: (0..scenario.tables.len())
                .filter(|table| !scenario.tables[*table].existing)
                .map(|table| items_at_start(scenario, table))
                .map(|items| options.shard.map_or(items, |shard| shard.share_of(items)))
                .sum(),
            part: options.shard.map(Part::of),
            model_overrides,
            ..Provenance::of(scenario, "simulation", "virtual time")
        },
        governed: true,
    }
}

/// Items of a table that are there when the timed phases begin: all of one that existed before,
/// and of one that the scenario loads.
fn items_at_start(scenario: &Scenario, table: usize) -> u64 {
    let mut phases = scenario.phases.iter();
    let is_loaded = phases.any(|phase| phase.kind == PhaseKind::Load);
    let table = &scenario.tables[table];
    if is_loaded || table.existing {
        table.items
    } else {
        0
    }
}

/// Simulates every timed phase of `scenario`, until each arrival has its outcome.
///
/// Loading is taken as done: the items are there, and the buckets are as the scenario says.
/// Memory grows with the items that were written to, not with the number of requests.
///
/// # Errors
/// When a table is too large for what has to be known of its keys.
///
/// # Panics
/// When the accounting does not add up, see [`Recorder::into_record`].
pub fn simulate(
    scenario: &Arc<Scenario>,
    header: RunHeader,
    options: &SimulationOptions,
) -> Result<RunRecord, SimulationError> {
    let workload = Workload::new(Arc::clone(scenario));
    let schedule = Schedule::new(scenario);
    let tables = (0..scenario.tables.len())
        .map(|table| SimulatedTable::new(&workload, table, items_at_start(scenario, table)))
        .collect::<Result<_, _>>()?;
    let mut simulator = Simulator {
        options: *options,
        engine: Engine::new(scenario),
        recorder: Recorder::new(scenario, header),
        workload,
        tables,
        queue: EventQueue::new(),
        actions: Vec::new(),
        closed: scenario
            .phases
            .iter()
            .map(|phase| phase.arrivals.is_closed())
            .collect(),
        answered: Vec::new(),
        pass_within: scenario.client.attempt_timeout.min(PASS_WITHIN),
        observed: 0,
        observe_at: end_of_second_before(1),
        picks: PicksAhead::new(),
        end: Timestamp::ZERO + schedule.duration(),
    };
    simulator.run(schedule.arrivals());
    let mut record = simulator.recorder.into_record();
    for (number, table) in simulator.tables.iter().enumerate() {
        record.heat.extend(table.heat(number, &scenario.model));
    }
    naming::name_keys(&simulator.workload, &mut record.heat);
    Ok(record)
}

/// What is yet to come. Small, since every request is queued.
enum Pending {
    /// A request of this phase is over that was recorded when it was sent.
    Passed { phase: usize },
    /// The client has an answer.
    Answered(Box<Event>),
    /// The client tries a request again.
    Retry { request: u64 },
    /// The rest of a batch is sent again.
    Batch(Box<UnderWay>),
}

/// An attempt at a request.
struct UnderWay {
    request: u64,
    attempt: u32,
    sent_at: Timestamp,
    /// Members that were left the last time.
    again: Option<Vec<Member>>,
    /// How often it was sent again for what was left.
    times: u32,
    declared: Declared,
}

impl UnderWay {
    fn new(request: u64, attempt: u32, sent_at: Timestamp) -> Self {
        Self {
            request,
            attempt,
            sent_at,
            again: None,
            times: 0,
            declared: Declared::default(),
        }
    }
}

struct Simulator {
    options: SimulationOptions,
    engine: Engine,
    recorder: Recorder,
    workload: Workload,
    tables: Vec<SimulatedTable>,
    queue: EventQueue<Pending>,
    actions: Vec<Action>,
    /// Whether each phase is closed.
    closed: Vec<bool>,
    /// What the clients of closed phases are still to be told: phase and end of a request.
    answered: Vec<(usize, Timestamp)>,
    /// Answers that take no longer are recorded when they are sent.
    pass_within: Duration,
    /// Seconds whose end was noted.
    observed: u64,
    /// When the next one ends.
    observe_at: Timestamp,
    /// What the next arrivals are about.
    picks: PicksAhead,
    /// End of the last phase.
    end: Timestamp,
}

impl Simulator {
    fn run(&mut self, mut arrivals: Arrivals<'_>) {
        let mut next = arrivals.next_at();
        loop {
            let pending = self.queue.next_at();
            // At one instant answers come before arrivals: whoever comes finds the place free.
            let is_next = |due: &Timestamp| pending.is_none_or(|at| *due < at);
            if let Some(arrival) = next.filter(is_next).and_then(|_| arrivals.next()) {
                next = arrivals.next_at();
                self.observe_until(arrival.intended_start);
                self.arrive(arrival);
            } else if let Some((at, event)) = self.queue.pop() {
                self.observe_until(at);
                match event {
                    Pending::Passed { phase } => self.passed(phase, at),
                    Pending::Answered(event) => self.feed(*event, at),
                    Pending::Retry { request } => self.feed(Event::RetryDue { request }, at),
                    Pending::Batch(batch) => self.serve(*batch, at),
                }
            } else {
                break;
            }
            if !self.answered.is_empty() {
                for (phase, at) in self.answered.drain(..) {
                    arrivals.answered(phase, at);
                }
                next = arrivals.next_at();
            }
        }
        self.observe_until(self.end);
        if self.end > end_of_second_before(self.observed) {
            self.observe(self.end);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        let Arrival {
            sequence,
            phase,
            intended_start: now,
        } = arrival;
        let is_news = self.workload.begin(phase, sequence, now);
        let pick = self.picks.of(&self.workload, sequence, is_news);
        let operation = pick.spec;
        self.recorder.due(&arrival, operation);
        if !self.engine.sends(phase) {
            return self.feed(Event::ArrivalDue { arrival, operation }, now);
        }
        let reply = self.tables[pick.table].answer(&self.workload, sequence, pick, None, now);
        let Some(reply) = self.pass(&arrival, operation, reply) else {
            return;
        };
        let mut actions = std::mem::take(&mut self.actions);
        let event = Event::ArrivalDue { arrival, operation };
        self.engine.handle(event, now, &mut actions);
        // It was sent, and is answered here.
        actions.clear();
        self.actions = actions;
        self.reply(UnderWay::new(sequence, 1, now), reply, now);
    }

    /// Records an arrival at once that is as good as over with this reply; gives the reply back if
    /// it is not.
    fn pass(&mut self, arrival: &Arrival, operation: usize, mut reply: Reply) -> Option<Reply> {
        let takes = self.takes(&reply);
        let is_cut = !reply.left.is_empty() || reply.answer == Answer::TimedOut;
        if is_cut || takes > self.pass_within {
            return Some(reply);
        }
        let answered_at = arrival.intended_start + takes;
        let ends = Foreseen {
            answered_at,
            answer: &mut reply.answer,
            declared: &mut reply.declared,
        };
        let recorder = &mut self.recorder;
        let tell = |sample: &_| recorder.finish(sample);
        if !self.engine.foresee(arrival, operation, ends, tell) {
            return Some(reply);
        }
        let phase = arrival.phase;
        self.queue.push(answered_at, Pending::Passed { phase });
        None
    }

    fn passed(&mut self, phase: usize, now: Timestamp) {
        self.engine.vacate(now, &mut self.actions);
        if !self.actions.is_empty() {
            let actions = std::mem::take(&mut self.actions);
            self.act(actions, now);
        }
        if self.closed[phase] {
            self.answered.push((phase, now));
        }
    }

    fn feed(&mut self, event: Event, now: Timestamp) {
        let mut actions = std::mem::take(&mut self.actions);
        self.engine.handle(event, now, &mut actions);
        self.act(actions, now);
    }

    fn act(&mut self, mut actions: Vec<Action>, now: Timestamp) {
        for action in &actions {
            match *action {
                Action::Send { request, attempt } => {
                    self.serve(UnderWay::new(request, attempt, now), now);
                }
                Action::WaitUntil { request, at } => {
                    self.queue.push(at.max(now), Pending::Retry { request });
                }
                Action::Finished(ref sample) => {
                    self.recorder.finish(sample);
                    if self.closed[sample.phase] {
                        self.answered.push((sample.phase, sample.finished));
                    }
                }
            }
        }
        actions.clear();
        self.actions = actions;
    }

    fn serve(&mut self, mut under_way: UnderWay, now: Timestamp) {
        let request = under_way.request;
        let pick = self.workload.pick(request);
        let again = under_way.again.take();
        let is_again = again.is_some();
        let mut reply = self.tables[pick.table].answer(&self.workload, request, pick, again, now);
        if is_again {
            under_way.declared += &reply.declared;
            reply.declared = std::mem::take(&mut under_way.declared);
        }
        self.reply(under_way, reply, now);
    }

    /// The table decides at the instant of the send; only the answer takes its time. What a
    /// batch leaves is asked for again after a pause.
    fn reply(&mut self, mut under_way: UnderWay, mut reply: Reply, now: Timestamp) {
        let UnderWay {
            request,
            attempt,
            sent_at,
            ..
        } = under_way;
        let takes = self.takes(&reply);
        let deadline = sent_at + self.workload.scenario().client.attempt_timeout;
        // A batch that is throttled as a whole on a later try ends the request, as it does in
        // the driver.
        if !reply.left.is_empty() {
            let at = now + takes + batch_pause(under_way.times);
            if at < deadline {
                under_way.times += 1;
                under_way.again = Some(reply.left);
                under_way.declared = reply.declared;
                self.queue.push(at, Pending::Batch(Box::new(under_way)));
                return;
            }
            (reply.answer, reply.declared) = (Answer::TimedOut, Declared::default());
        }
        let mut answered_at = now + takes;
        if answered_at > deadline || reply.answer == Answer::TimedOut {
            answered_at = deadline;
            (reply.answer, reply.declared) = (Answer::TimedOut, Declared::default());
        }
        let event = Event::Answered {
            request,
            attempt,
            sent_at,
            answered_at,
            answer: reply.answer,
            declared: reply.declared,
        };
        let answered = Pending::Answered(Box::new(event));
        self.queue.push(answered_at, answered);
    }

    /// From send to answer.
    fn takes(&self, reply: &Reply) -> Duration {
        match reply.answer {
            Answer::Throttled { .. } => {
                self.options.throttle_time + self.options.service_time * (reply.steps - 1)
            }
            _ => self.options.service_time * reply.steps,
        }
    }

    /// Notes how the tables stand at the end of each second that is over by `now`, before
    /// anything that happens at `now`.
    fn observe_until(&mut self, now: Timestamp) {
        while self.observe_at <= now.min(self.end) {
            self.observe(self.observe_at);
        }
    }

    fn observe(&mut self, at: Timestamp) {
        let tables: Vec<IntervalTable> = self
            .tables
            .iter_mut()
            .map(|table| table.close_second(self.observed, at, true))
            .collect();
        self.recorder.tables(self.observed, &tables);
        self.observed += 1;
        self.observe_at = end_of_second_before(self.observed + 1);
    }
}

/// The instant at which second number `second` begins.
fn end_of_second_before(second: u64) -> Timestamp {
    Timestamp::from_start(Duration::from_secs(second))
}
