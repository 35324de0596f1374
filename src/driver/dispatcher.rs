//! Keeps the schedule: releases every arrival when it is due, on a thread that does nothing
//! else.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc as std_mpsc,
    },
    thread::{self, JoinHandle, Thread},
    time::Instant,
};

use tokio::sync::mpsc;

use super::clock::RunClock;
use crate::{
    scenario::Scenario,
    schedule::{Arrival, Schedule, shard::Shard},
    units::Timestamp,
    workload::Workload,
};

/// Released arrivals that the engine has not seen yet. When it is full the dispatcher waits,
/// and what it releases next is late, which is recorded.
const RELEASED: usize = 4096;

/// What the time has come for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Released {
    /// Something of the run's history begins with this arrival, whichever shard takes that.
    Began(Arrival),
    /// An arrival is due that this process takes.
    Due {
        arrival: Arrival,
        /// Index into `Scenario::operations`.
        operation: usize,
    },
}

/// The thread that keeps the schedule. Stops when this is dropped.
#[derive(Debug)]
pub(super) struct Dispatcher {
    handle: Option<JoinHandle<()>>,
    thread: Thread,
    stop: Arc<AtomicU64>,
    /// Whether each phase is closed.
    closed: Vec<bool>,
    answers: std_mpsc::Sender<(usize, Timestamp)>,
}

impl Dispatcher {
    /// Starts to release arrivals, those of `shard` or all. The channel closes at the end of the
    /// last phase.
    pub(super) fn start(
        workload: Workload,
        shard: Option<Shard>,
        clock: RunClock,
    ) -> io::Result<(Self, mpsc::Receiver<Released>)> {
        let (released, arrivals) = mpsc::channel(RELEASED);
        let (answers, answered) = std_mpsc::channel();
        let closed = workload.scenario().phases.iter();
        let closed = closed.map(|phase| phase.arrivals.is_closed()).collect();
        let stop = Arc::new(AtomicU64::new(u64::MAX));
        let pace = Pace {
            clock,
            stop: Arc::clone(&stop),
        };
        let handle = thread::Builder::new()
            .name("schedule".to_owned())
            .spawn(move || release(workload, shard, &pace, &answered, &released))?;
        let thread = handle.thread().clone();
        let dispatcher = Self {
            handle: Some(handle),
            thread,
            stop,
            closed,
            answers,
        };
        Ok((dispatcher, arrivals))
    }

    /// A request of `phase` is over at `at`: in a closed phase its client goes on.
    pub(super) fn answered(&self, phase: usize, at: Timestamp) {
        if self.closed[phase] && self.answers.send((phase, at)).is_ok() {
            self.thread.unpark();
        }
    }

    /// Releases what is due before `at`, and nothing more.
    pub(super) fn stop(&self, at: Timestamp) {
        self.stop.fetch_min(at.as_nanos(), Ordering::Relaxed);
        self.thread.unpark();
    }

    /// Waits for the thread, which ends when the channel closes. An error means that it
    /// panicked.
    pub(super) fn join(mut self) -> thread::Result<()> {
        self.handle.take().map_or(Ok(()), JoinHandle::join)
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.stop(Timestamp::ZERO);
    }
}

/// When the last phase of `scenario` ends.
pub(super) fn end(scenario: &Scenario) -> Timestamp {
    Timestamp::from_start(Schedule::new(scenario).duration())
}

fn release(
    mut workload: Workload,
    shard: Option<Shard>,
    pace: &Pace,
    answered: &std_mpsc::Receiver<(usize, Timestamp)>,
    released: &mpsc::Sender<Released>,
) {
    let schedule = Schedule::new(workload.scenario());
    let end = end(workload.scenario());
    let mut arrivals = schedule.arrivals();
    let ours = |arrival: &Arrival| shard.is_none_or(|shard| shard.takes(arrival.sequence));
    loop {
        while let Ok((phase, at)) = answered.try_recv() {
            arrivals.answered(phase, at);
        }
        let next = arrivals.next_at();
        match pace.wait(next.unwrap_or(end)) {
            Waited::Stopped => return,
            // Perhaps by an answer, after which another client may be the next.
            Waited::Woken => continue,
            Waited::Due => {}
        }
        let Some(arrival) = arrivals.next() else {
            return;
        };
        let Arrival {
            sequence,
            phase,
            intended_start,
        } = arrival;
        let is_news = workload.begin(phase, sequence, intended_start);
        let news = is_news.then_some(Released::Began(arrival));
        let due = ours(&arrival).then(|| Released::Due {
            arrival,
            operation: workload.spec(sequence),
        });
        for release in news.into_iter().chain(due) {
            if released.blocking_send(release).is_err() {
                return;
            }
        }
    }
}

struct Pace {
    clock: RunClock,
    stop: Arc<AtomicU64>,
}

/// How a wait ended.
enum Waited {
    Due,
    Woken,
    Stopped,
}

impl Pace {
    /// Waits until `due`, or not at all when that is past, until the run stops before, or until
    /// the thread is woken, which it may be for no reason.
    fn wait(&self, due: Timestamp) -> Waited {
        if due.as_nanos() >= self.stop.load(Ordering::Relaxed) {
            return Waited::Stopped;
        }
        let left = self
            .clock
            .instant(due)
            .saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Waited::Due;
        }
        // Wakes about 60 µs late on Linux. Spinning would be earlier, and would take a core
        // from the target that often runs on the same machine.
        thread::park_timeout(left);
        Waited::Woken
    }
}
