//! Carries attempts: each is reported back, whatever becomes of it.
//!
//! Tasks take one attempt after the other: making a task, and a timer, for each costs more than
//! deciding what to send.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, mpsc::UnboundedSender},
    task::JoinSet,
    time::Sleep,
};

use super::clock::RunClock;
use crate::{
    engine::{Answer, Event},
    record::Declared,
    schedule::Arrival,
    target::{Attempted, Target},
    units::Timestamp,
    workload::Workload,
};

/// So many tasks without an attempt are kept for those to come.
const IDLE_MAX: usize = 64;
/// What is longer is no deadline.
const FAR: Duration = Duration::from_hours(24 * 365);

/// Sends attempts to a target, and reports their answers as events.
#[derive(Debug)]
pub(super) struct Attempts<T> {
    /// As it stands.
    workload: Workload,
    /// The same, for attempts, which outlive the moment.
    shared: Arc<Workload>,
    desk: Arc<Desk<T>>,
}

/// What the tasks that carry have in common.
#[derive(Debug)]
struct Desk<T> {
    target: Arc<T>,
    clock: RunClock,
    answers: UnboundedSender<Event>,
    open: Mutex<Open>,
    /// Wakes a task that is idle.
    added: Notify,
}

#[derive(Debug, Default)]
struct Open {
    attempts: VecDeque<Due>,
    /// Tasks that wait for an attempt and were not woken for one.
    idle: usize,
}

/// An attempt that nobody carries yet.
#[derive(Debug)]
struct Due {
    request: u64,
    attempt: u32,
    workload: Arc<Workload>,
}

impl<T: Target> Attempts<T> {
    /// Events go to `answers`, which holds at most one for each request in flight.
    pub(super) fn new(
        workload: Workload,
        target: Arc<T>,
        clock: RunClock,
        answers: UnboundedSender<Event>,
    ) -> Self {
        let desk = Desk {
            target,
            clock,
            answers,
            open: Mutex::default(),
            added: Notify::new(),
        };
        Self {
            shared: Arc::new(workload.clone()),
            workload,
            desk: Arc::new(desk),
        }
    }

    /// Opens so many connections, as far as that takes no longer than `longest`.
    pub(super) async fn connect(target: &Arc<T>, connections: u64, longest: Duration) {
        let mut opening = JoinSet::new();
        for _ in 0..connections {
            let target = Arc::clone(target);
            opening.spawn(async move { target.connect().await });
        }
        // Whoever is not ready by then is stopped.
        let _ = tokio::time::timeout(longest, opening.join_all()).await;
    }

    /// Notes an arrival of the run before it is due, whosever it is.
    pub(super) fn begin(&mut self, arrival: &Arrival) {
        let Arrival {
            phase,
            sequence,
            intended_start,
        } = *arrival;
        if self.workload.begin(phase, sequence, intended_start) {
            self.shared = Arc::new(self.workload.clone());
        }
    }

    /// What `arrival` does: an index into `Scenario::operations`.
    pub(super) fn operation(&self, arrival: &Arrival) -> usize {
        self.workload.spec(arrival.sequence)
    }

    /// Sends attempt number `attempt` of `request`.
    pub(super) fn send(&self, request: u64, attempt: u32) {
        let mut open = self.desk.open();
        open.attempts.push_back(Due {
            request,
            attempt,
            workload: Arc::clone(&self.shared),
        });
        if open.idle > 0 {
            open.idle -= 1;
            // Whose memory was used last.
            self.desk.added.notify_last();
        } else {
            tokio::spawn(carry_all(Arc::clone(&self.desk)));
        }
    }

    /// Reports at `at` that the retry of `request` is due.
    pub(super) fn retry_at(&self, request: u64, at: Timestamp) {
        let (at, answers) = (self.desk.clock.instant(at), self.desk.answers.clone());
        tokio::spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            let _ = answers.send(Event::RetryDue { request });
        });
    }
}

impl<T> Desk<T> {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next attempt; `None` when enough others wait for one.
    async fn next(&self) -> Option<Due> {
        loop {
            let mut added = pin!(self.added.notified());
            {
                let mut open = self.open();
                if let Some(due) = open.attempts.pop_front() {
                    return Some(due);
                }
                if open.idle == IDLE_MAX {
                    return None;
                }
                open.idle += 1;
                // From here on it is woken, before it waits already.
                added.as_mut().enable();
            }
            added.await;
        }
    }
}

async fn carry_all<T: Target>(desk: Arc<Desk<T>>) {
    let mut deadline = pin!(tokio::time::sleep(FAR));
    while let Some(due) = desk.next().await {
        carry(&desk, due, deadline.as_mut()).await;
    }
}

async fn carry<T: Target>(desk: &Desk<T>, due: Due, deadline: Pin<&mut Sleep>) {
    let mut report = Report {
        request: due.request,
        attempt: due.attempt,
        sent_at: None,
        attempted: None,
        clock: desk.clock,
        answers: &desk.answers,
    };
    let scenario = due.workload.scenario();
    let operation = due.workload.operation(due.request);
    let table = &scenario.tables[operation.table];
    let now = Instant::now();
    report.sent_at = Some(desk.clock.at(now));
    let longest = scenario.client.attempt_timeout.min(FAR);
    let answer = pin!(desk.target.execute(table, &operation.request));
    let in_time = until(now + longest, deadline, answer).await;
    report.attempted = Some(in_time.unwrap_or_else(|| Attempted {
        answer: Answer::TimedOut,
        declared: Declared::default(),
    }));
}

/// What `future` comes to, if that is before `end`. `timer` is set again only when it has gone
/// off: most attempts end long before.
fn until<'a, F: Future>(
    end: Instant,
    mut timer: Pin<&'a mut Sleep>,
    mut future: Pin<&'a mut F>,
) -> impl Future<Output = Option<F::Output>> + 'a {
    if timer.deadline() > end.into() {
        timer.as_mut().reset(end.into());
    }
    poll_fn(move |context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        while timer.as_mut().poll(context).is_ready() {
            if end <= Instant::now() {
                return Poll::Ready(None);
            }
            timer.as_mut().reset(end.into());
        }
        Poll::Pending
    })
}

/// The answer to an attempt, sent when this is dropped: an attempt that panics is a failed one,
/// not one that the run waits for without end.
struct Report<'a> {
    request: u64,
    attempt: u32,
    sent_at: Option<Timestamp>,
    attempted: Option<Attempted>,
    clock: RunClock,
    answers: &'a UnboundedSender<Event>,
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        let panicked = || Attempted {
            answer: Answer::Failed {
                cause: "the load generator panicked".to_owned(),
                retryable: false,
            },
            declared: Declared::default(),
        };
        let Attempted { answer, declared } = self.attempted.take().unwrap_or_else(panicked);
        let now = self.clock.now();
        // Nobody listens when the run was abandoned.
        let _ = self.answers.send(Event::Answered {
            request: self.request,
            attempt: self.attempt,
            sent_at: self.sent_at.unwrap_or(now),
            answered_at: now,
            answer,
            declared,
        });
    }
}
