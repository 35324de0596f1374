//! One of the threads that fire: it has a schedule, a client, connections and counts of its own,
//! so that nothing is shared between an arrival and its answer being recorded.
//!
//! A lane goes through all arrivals of the run and takes every so manyth, as a shard does, so
//! that the requests of a run do not depend on how many lanes there are.

use std::{
    io, panic,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    runtime::Builder,
    sync::{
        mpsc::{self, UnboundedReceiver, UnboundedSender},
        watch,
    },
};

use super::{
    attempt::Attempts,
    clock::RunClock,
    timer::{Timer, TimerKind},
};
use crate::{
    clock::cpu,
    engine::{Action, Engine, Event},
    record::tally::Tally,
    schedule::{Arrivals, Schedule, shard::Shard},
    target::Target,
    units::Timestamp,
    workload::Workload,
};

/// Events taken, and arrivals released, in one go before anything else is looked at.
const BATCH: usize = 256;
/// Connections that a lane opens before the run. Otherwise what is due while the first one is
/// opened would open as many more, at the expense of what is due by then.
const CONNECTIONS: u64 = 16;
/// A server that takes longer shows it in the first requests.
const CONNECTED_WITHIN: Duration = Duration::from_secs(1);
/// For so long, on the machine, an interrupted run waits for what is under way: a second is left
/// to write it down.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two reports of a lane, on the machine.
const REPORT_PERIOD: Duration = Duration::from_millis(200);

/// What a lane is to do.
pub(super) struct LanePlan<T> {
    /// Which of the lanes it is.
    pub(super) lane: Shard,
    /// The arrivals of this process.
    pub(super) part: Shard,
    pub(super) workload: Workload,
    pub(super) target: T,
    pub(super) timer: TimerKind,
}

/// What connects a lane with the rest of the run.
pub(super) struct Wires {
    /// Dropped when the lane can begin.
    pub(super) ready: mpsc::Sender<Never>,
    /// The clock, once all lanes can.
    pub(super) begin: watch::Receiver<Option<RunClock>>,
    pub(super) reports: UnboundedSender<Report>,
    /// From when on nothing is due. Without a sender nobody waits for the outcome.
    pub(super) stop: watch::Receiver<Timestamp>,
}

/// What is never sent.
#[derive(Debug)]
pub(super) enum Never {}

/// What a lane says now and then.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) lane: Shard,
    /// Whatever was due before this is in this report or in one before.
    pub(super) until: Timestamp,
    /// What was counted since the report before.
    pub(super) tally: Tally,
    /// Requests under way.
    pub(super) in_flight: usize,
    /// Requests that are due and wait.
    pub(super) queued: usize,
    /// CPU time of the lane's thread so far.
    pub(super) cpu: Duration,
}

/// Starts a lane. It ends when all of its arrivals have their outcome, but not before the last
/// phase is over.
pub(super) fn start<T: Target>(
    plan: LanePlan<T>,
    wires: Wires,
) -> io::Result<JoinHandle<io::Result<()>>> {
    let name = format!("driver-{}", plan.lane.number());
    thread::Builder::new().name(name).spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let outcome = runtime.block_on(async {
            let timer = Timer::new(plan.timer)?;
            // As a task: waking what the runtime itself waits for takes a system call.
            match tokio::spawn(fire(plan, timer, wires)).await {
                Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
                _ => Ok(()),
            }
        });
        // A name server that hangs must not keep the thread.
        runtime.shutdown_background();
        outcome
    })
}

async fn fire<T: Target>(plan: LanePlan<T>, timer: Timer, wires: Wires) {
    let scenario = Arc::clone(plan.workload.scenario());
    let target = Arc::new(plan.target);
    let places = plan.lane.share_of(scenario.client.max_in_flight.into());
    Attempts::connect(&target, CONNECTIONS.min(places), CONNECTED_WITHIN).await;
    let Wires {
        ready,
        mut begin,
        reports,
        stop,
    } = wires;
    drop(ready);
    let Ok(clock) = begin.wait_for(Option::is_some).await.map(|clock| *clock) else {
        return;
    };
    let Some(clock) = clock else { return };
    let schedule = Schedule::new(&scenario);
    let (answers, answered) = mpsc::unbounded_channel();
    let lane = Lane {
        number: plan.lane,
        clock,
        end: Timestamp::from_start(schedule.duration()),
        stopped_at: Timestamp::from_nanos(u64::MAX),
        stop,
        next_report: Timestamp::from_start(clock.of_run(REPORT_PERIOD)),
        reports,
        takes: plan.lane.within(plan.part),
        arrivals: schedule.arrivals(),
        engine: Engine::of_share(&scenario, plan.lane),
        tally: Tally::new(&scenario),
        attempts: Attempts::new(plan.workload, target, clock, answers),
        actions: Vec::new(),
    };
    lane.until_over(timer, answered).await;
}

struct Lane<'a, T> {
    number: Shard,
    clock: RunClock,
    /// Of the last phase.
    end: Timestamp,
    /// From then on nothing is due.
    stopped_at: Timestamp,
    stop: watch::Receiver<Timestamp>,
    next_report: Timestamp,
    reports: UnboundedSender<Report>,
    /// Of all arrivals of the run, those of this lane.
    takes: Shard,
    arrivals: Arrivals<'a>,
    engine: Engine,
    tally: Tally,
    attempts: Attempts<T>,
    actions: Vec<Action>,
}

impl<T: Target> Lane<'_, T> {
    async fn until_over(mut self, mut timer: Timer, mut answered: UnboundedReceiver<Event>) {
        // The clock shows zero until the run begins: what is due then would leave too soon.
        timer.until(self.clock.instant(Timestamp::ZERO)).await;
        let mut events = Vec::with_capacity(BATCH);
        loop {
            if self.stop.has_changed().is_err() {
                // Nobody waits for the outcome.
                return;
            }
            self.note_stop();
            let next = self.release();
            let now = self.clock.now();
            if now >= self.next_report {
                while self.next_report <= now {
                    self.next_report = self.next_report + self.clock.of_run(REPORT_PERIOD);
                }
                self.report(next.map_or(now, |next| next.min(now)));
            }
            if now >= self.stopped_at + self.clock.of_run(PATIENCE) {
                self.feed(Event::GivenUp, now);
            }
            if next.is_none() && self.engine.is_idle() {
                break;
            }
            let wake = next.map_or(self.next_report, |next| next.min(self.next_report));
            tokio::select! {
                biased;
                _ = answered.recv_many(&mut events, BATCH) => {
                    // None of them is later.
                    let now = self.clock.now();
                    events.drain(..).for_each(|event| self.feed(event, now));
                }
                _ = self.stop.changed() => self.stop.mark_changed(),
                () = timer.until(self.clock.instant(wake)) => {}
            }
        }
        self.report(self.clock.now());
    }

    fn note_stop(&mut self) {
        if self.stop.has_changed().unwrap_or(false) {
            self.stopped_at = *self.stop.borrow_and_update();
            self.feed(Event::DrainRequested, self.clock.now());
        }
    }

    /// Releases what is due, up to a batch, and says when the next thing is: an arrival or the
    /// end of the last phase; `None` when both are past.
    fn release(&mut self) -> Option<Timestamp> {
        for _ in 0..BATCH {
            let attempts = &mut self.attempts;
            self.arrivals
                .skip_to(self.takes, |arrival| attempts.begin(arrival));
            let due = self.arrivals.next_at().unwrap_or(self.end);
            if due >= self.stopped_at {
                return None;
            }
            let now = self.clock.now();
            if due > now {
                return Some(due);
            }
            // What the run was told of meanwhile comes first.
            self.note_stop();
            if due >= self.stopped_at {
                return None;
            }
            let arrival = self.arrivals.next()?;
            self.attempts.begin(&arrival);
            let operation = self.attempts.operation(&arrival);
            self.tally.due(&arrival, operation);
            self.feed(Event::ArrivalDue { arrival, operation }, now);
        }
        self.arrivals.next_at().or(Some(self.end))
    }

    fn feed(&mut self, event: Event, now: Timestamp) {
        self.engine.handle(event, now, &mut self.actions);
        for action in self.actions.drain(..) {
            match action {
                Action::Send { request, attempt } => self.attempts.send(request, attempt),
                Action::WaitUntil { request, at } => self.attempts.retry_at(request, at),
                Action::Finished(sample) => {
                    self.tally.finish(&sample);
                    self.arrivals.answered(sample.phase, sample.finished);
                }
            }
        }
    }

    fn report(&mut self, until: Timestamp) {
        // Nobody listens when the run was abandoned.
        let _ = self.reports.send(Report {
            lane: self.number,
            until,
            tally: self.tally.take(),
            in_flight: self.engine.in_flight(),
            queued: self.engine.queued(),
            cpu: cpu::of_thread(),
        });
    }
}
