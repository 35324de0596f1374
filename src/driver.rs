//! Runs a scenario against a target in real time.
//!
//! Connects a thread that keeps the schedule, the client's state machine and the recorder, and
//! the tasks that carry attempts. Must not decide anything about requests: what is sent,
//! queued, dropped or retried is the engine's business.
//!
//! The schedule has a thread of its own, since tokio's timers tick in milliseconds and its
//! workers are busy with answers. Operations are made by the tasks that send them, in parallel
//! and without any lock; one task owns engine and recorder, so neither needs one.

mod attempt;
mod clock;
mod dispatcher;
mod progress;

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::MissedTickBehavior,
};

pub use progress::{OperationProgress, Progress};

use crate::{
    engine::{Action, Engine, Event},
    record::{
        IntervalTable, RunRecord,
        journal::Entry,
        recorder::{Recorder, RunHeader},
    },
    target::Target,
    units::Timestamp,
    workload::Workload,
};
use attempt::Attempts;
use clock::RunClock;
use dispatcher::{Dispatcher, Released};

/// Events taken in one go before the other sources are looked at.
const BATCH: usize = 256;
const PROGRESS_PERIOD: Duration = Duration::from_millis(200);
const JOURNAL_PERIOD: Duration = Duration::from_secs(1);
/// A target that cannot say within this how its tables stand leaves a gap in the record.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// What is to be run.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// Operations, and the scenario with its schedule.
    pub workload: Workload,
    /// What the record says of the run besides what is counted.
    pub header: RunHeader,
    /// When the first phase starts; soon without. What is due by now when that is past is sent
    /// late, and counts as late: a run is never shifted.
    pub start: Option<Instant>,
}

/// A future on the heap, so that hooks need no type parameters.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Says how the tables stand at the end of a second, in the order of the scenario.
pub type CapacityProbe = Arc<dyn Fn(u64) -> BoxFuture<Vec<IntervalTable>> + Send + Sync>;

/// What a run is connected to. The default is nothing.
#[derive(Default)]
pub struct Hooks {
    /// Where progress is published, about five times a second.
    pub progress: Option<watch::Sender<Progress>>,
    /// Asked at the end of each second.
    pub capacity: Option<CapacityProbe>,
    /// Given what was counted, about once a second. When it is full it is left alone: then the
    /// next entry holds more.
    pub journal: Option<mpsc::Sender<Entry>>,
    /// Interrupts the run when it resolves: nothing is due from then on, what is queued but was
    /// never sent is counted as dropped, what waits for a retry ends with its last answer, and
    /// what was sent is waited for, which takes one attempt timeout at most.
    pub stop: Option<BoxFuture<()>>,
}

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The operating system refused a thread.
    #[error("cannot start the thread that keeps the schedule: {0}")]
    Thread(#[from] std::io::Error),
    /// The schedule came to an end before its time.
    #[error("the thread that keeps the schedule panicked")]
    SchedulePanicked,
}

/// Runs every timed phase of the scenario, and returns once each arrival has its outcome, but
/// not before the last phase is over.
///
/// # Errors
/// When the schedule cannot be kept at all. Late arrivals are no error: they are sent, and
/// their delay is recorded.
///
/// # Panics
/// When the accounting does not add up, see [`Recorder::into_record`].
pub async fn run<T: Target>(
    plan: RunPlan,
    target: Arc<T>,
    hooks: Hooks,
) -> Result<RunRecord, DriverError> {
    let RunPlan {
        workload,
        header,
        start,
    } = plan;
    let scenario = Arc::clone(workload.scenario());
    let clock = RunClock::new(start);
    let (answers, answered) = mpsc::unbounded_channel();
    let shard = header.provenance.part.as_ref().map(|part| part.shard);
    let (dispatcher, arrivals) = Dispatcher::start(workload.clone(), shard, clock)?;
    let (statuses, status) = mpsc::channel(1);
    // Dropped, and with it the task aborted, when the run is over or its future is dropped.
    let mut probing = JoinSet::new();
    if let Some(probe) = hooks.capacity.clone() {
        probing.spawn(probe_every_second(probe, clock, statuses));
    }
    let run = Run {
        clock,
        journal: hooks.journal,
        recorder: Recorder::new(&scenario, header),
        engine: Engine::new(&scenario),
        attempts: Attempts::new(workload, target, clock, answers),
        actions: Vec::new(),
        interrupted: None,
        status: Vec::new(),
    };
    let sources = Sources {
        answered,
        arrivals,
        status,
    };
    let mut run = run
        .until_over(sources, &dispatcher, hooks.progress.as_ref(), hooks.stop)
        .await;
    dispatcher
        .join()
        .map_err(|_| DriverError::SchedulePanicked)?;
    let last = run
        .interrupted
        .unwrap_or(clock.now().min(dispatcher::end(&scenario)));
    let last = last_second_before(last);
    if let Some(tables) = probe_now(hooks.capacity, last).await {
        run.recorder.tables(last, &tables);
    }
    if let Some(at) = run.interrupted {
        run.recorder.interrupt(at);
    }
    Ok(run.recorder.into_record())
}

/// Where events come from.
struct Sources {
    answered: mpsc::UnboundedReceiver<Event>,
    arrivals: mpsc::Receiver<Released>,
    status: mpsc::Receiver<(u64, Vec<IntervalTable>)>,
}

/// The task that owns the engine and the recorder.
struct Run<T> {
    clock: RunClock,
    engine: Engine,
    recorder: Recorder,
    attempts: Attempts<T>,
    actions: Vec<Action>,
    interrupted: Option<Timestamp>,
    journal: Option<mpsc::Sender<Entry>>,
    /// The tables as they stood last.
    status: Vec<IntervalTable>,
}

impl<T: Target> Run<T> {
    async fn until_over(
        mut self,
        mut sources: Sources,
        dispatcher: &Dispatcher,
        progress: Option<&watch::Sender<Progress>>,
        stop: Option<BoxFuture<()>>,
    ) -> Self {
        let mut stop = stop.unwrap_or_else(|| Box::pin(std::future::pending()));
        let mut tick = tokio::time::interval(PROGRESS_PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let first = self.clock.instant(Timestamp::from_start(JOURNAL_PERIOD));
        let mut second = tokio::time::interval_at(first.into(), JOURNAL_PERIOD);
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut events = Vec::with_capacity(BATCH);
        let mut due = Vec::with_capacity(BATCH);
        let mut schedule_over = false;
        while !(schedule_over && self.engine.is_idle()) {
            tokio::select! {
                _ = sources.answered.recv_many(&mut events, BATCH) => {
                    events.drain(..).for_each(|event| self.feed(event, dispatcher));
                }
                count = sources.arrivals.recv_many(&mut due, BATCH), if !schedule_over => {
                    schedule_over = count == 0;
                    due.drain(..).for_each(|released| self.release(released, dispatcher));
                }
                () = &mut stop, if self.interrupted.is_none() => {
                    let at = self.clock.now();
                    self.interrupted = Some(at);
                    dispatcher.stop(at);
                    self.feed(Event::DrainRequested, dispatcher);
                }
                Some((second, tables)) = sources.status.recv() => {
                    self.recorder.tables(second, &tables);
                    self.status = tables;
                }
                _ = tick.tick(), if progress.is_some() => self.publish(progress),
                _ = second.tick(), if self.journal.is_some() => self.note(),
            }
        }
        self.publish(progress);
        self.note();
        self
    }

    fn release(&mut self, released: Released, dispatcher: &Dispatcher) {
        match released {
            Released::Began(arrival) => self.attempts.begin(&arrival),
            Released::Due { arrival, operation } => {
                self.recorder.due(&arrival, operation);
                self.feed(Event::ArrivalDue { arrival, operation }, dispatcher);
            }
        }
    }

    fn feed(&mut self, event: Event, dispatcher: &Dispatcher) {
        let now = self.clock.now();
        self.engine.handle(event, now, &mut self.actions);
        for action in self.actions.drain(..) {
            match action {
                Action::Send { request, attempt } => self.attempts.send(request, attempt),
                Action::WaitUntil { request, at } => self.attempts.retry_at(request, at),
                Action::Finished(sample) => {
                    self.recorder.finish(&sample);
                    dispatcher.answered(sample.phase, sample.finished);
                }
            }
        }
    }

    fn note(&mut self) {
        let place = self.journal.as_ref().map(mpsc::Sender::try_reserve);
        if let Some(Ok(place)) = place {
            place.send(self.recorder.entry(self.clock.now()));
        }
    }

    fn publish(&self, progress: Option<&watch::Sender<Progress>>) {
        if let Some(progress) = progress {
            let scenario = self.attempts.scenario();
            let now = self.clock.now();
            // Nobody watching any more is no reason to stop a run.
            let _ = progress.send(Progress {
                in_flight: self.engine.in_flight(),
                queued: self.engine.queued(),
                ..Progress::of(scenario, &self.recorder, &self.status, now)
            });
        }
    }
}

async fn probe_every_second(
    probe: CapacityProbe,
    clock: RunClock,
    statuses: mpsc::Sender<(u64, Vec<IntervalTable>)>,
) {
    for second in clock.now().second().. {
        let end = Timestamp::from_start(Duration::from_secs(second + 1));
        tokio::time::sleep_until(clock.instant(end).into()).await;
        if let Some(tables) = probe_now(Some(Arc::clone(&probe)), second).await
            && statuses.send((second, tables)).await.is_err()
        {
            return;
        }
    }
}

async fn probe_now(probe: Option<CapacityProbe>, second: u64) -> Option<Vec<IntervalTable>> {
    let answer = probe?(second);
    tokio::time::timeout(PROBE_TIMEOUT, answer).await.ok()
}

/// The second that `end` closes: an end on the full second belongs to the one before.
fn last_second_before(end: Timestamp) -> u64 {
    Timestamp::from_nanos(end.as_nanos().saturating_sub(1)).second()
}
