//! Keeps the schedule: releases every arrival when it is due, on a thread that does nothing
//! else.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle, Thread},
    time::Instant,
};

use tokio::sync::mpsc;

use super::clock::RunClock;
use crate::{
    scenario::Scenario,
    schedule::{Arrival, Schedule},
    units::Timestamp,
    workload::Workload,
};

/// Released arrivals that the engine has not seen yet. When it is full the dispatcher waits,
/// and what it releases next is late, which is recorded.
const RELEASED: usize = 4096;

/// An arrival whose time has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    pub(super) arrival: Arrival,
    /// Index into `Scenario::operations`.
    pub(super) operation: usize,
}

/// The thread that keeps the schedule. Stops when this is dropped.
#[derive(Debug)]
pub(super) struct Dispatcher {
    handle: Option<JoinHandle<()>>,
    thread: Thread,
    stop: Arc<AtomicU64>,
}

impl Dispatcher {
    /// Starts to release arrivals. The channel closes at the end of the last phase.
    pub(super) fn start(
        workload: Workload,
        clock: RunClock,
    ) -> io::Result<(Self, mpsc::Receiver<Due>)> {
        let (released, arrivals) = mpsc::channel(RELEASED);
        let stop = Arc::new(AtomicU64::new(u64::MAX));
        let pace = Pace {
            clock,
            stop: Arc::clone(&stop),
        };
        let handle = thread::Builder::new()
            .name("schedule".to_owned())
            .spawn(move || release(workload, &pace, &released))?;
        let thread = handle.thread().clone();
        let dispatcher = Self {
            handle: Some(handle),
            thread,
            stop,
        };
        Ok((dispatcher, arrivals))
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

fn release(mut workload: Workload, pace: &Pace, released: &mpsc::Sender<Due>) {
    let schedule = Schedule::new(workload.scenario());
    for arrival in schedule.arrivals() {
        workload.begin(arrival.phase, arrival.sequence);
        let operation = workload.spec(arrival.sequence);
        let due = Due { arrival, operation };
        if !pace.wait_until(arrival.intended_start) || released.blocking_send(due).is_err() {
            return;
        }
    }
    pace.wait_until(end(workload.scenario()));
}

struct Pace {
    clock: RunClock,
    stop: Arc<AtomicU64>,
}

impl Pace {
    /// Waits until `due`, or not at all when that is past; `false` when the run stops before.
    fn wait_until(&self, due: Timestamp) -> bool {
        let deadline = self.clock.instant(due);
        loop {
            if due.as_nanos() >= self.stop.load(Ordering::Relaxed) {
                return false;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            // Wakes about 60 µs late on Linux. Spinning would be earlier, and would take a core
            // from the target that often runs on the same machine.
            thread::park_timeout(left);
        }
    }
}
