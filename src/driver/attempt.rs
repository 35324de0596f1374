//! Carries attempts: one task each, which always reports back.

use std::{sync::Arc, time::Duration};

use tokio::{sync::mpsc::UnboundedSender, task::JoinSet};

use super::clock::RunClock;
use crate::{
    engine::{Answer, Event},
    record::Declared,
    schedule::Arrival,
    target::{Attempted, Target},
    units::Timestamp,
    workload::Workload,
};

/// Sends attempts to a target, and reports their answers as events.
#[derive(Debug)]
pub(super) struct Attempts<T> {
    /// As it stands.
    workload: Workload,
    /// The same, for attempts, which outlive the moment.
    shared: Arc<Workload>,
    target: Arc<T>,
    clock: RunClock,
    answers: UnboundedSender<Event>,
}

impl<T: Target> Attempts<T> {
    /// Events go to `answers`, which holds at most one for each request in flight.
    pub(super) fn new(
        workload: Workload,
        target: Arc<T>,
        clock: RunClock,
        answers: UnboundedSender<Event>,
    ) -> Self {
        Self {
            shared: Arc::new(workload.clone()),
            workload,
            target,
            clock,
            answers,
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
        let report = Report {
            request,
            attempt,
            sent_at: self.clock.now(),
            attempted: None,
            clock: self.clock,
            answers: self.answers.clone(),
        };
        let (workload, target) = (Arc::clone(&self.shared), Arc::clone(&self.target));
        tokio::spawn(carry(report, workload, target));
    }

    /// Reports at `at` that the retry of `request` is due.
    pub(super) fn retry_at(&self, request: u64, at: Timestamp) {
        let (at, answers) = (self.clock.instant(at), self.answers.clone());
        tokio::spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            let _ = answers.send(Event::RetryDue { request });
        });
    }
}

async fn carry<T: Target>(mut report: Report, workload: Arc<Workload>, target: Arc<T>) {
    let scenario = workload.scenario();
    let operation = workload.operation(report.request);
    let table = &scenario.tables[operation.table];
    report.sent_at = report.clock.now();
    // On the heap: a task is moved some times, and this is most of it.
    let answer = Box::pin(target.execute(table, &operation.request));
    let in_time = tokio::time::timeout(scenario.client.attempt_timeout, answer).await;
    report.attempted = Some(in_time.unwrap_or_else(|_| Attempted {
        answer: Answer::TimedOut,
        declared: Declared::default(),
    }));
}

/// The answer to an attempt, sent when this is dropped: an attempt that panics is a failed one,
/// not one that the run waits for without end.
struct Report {
    request: u64,
    attempt: u32,
    sent_at: Timestamp,
    attempted: Option<Attempted>,
    clock: RunClock,
    answers: UnboundedSender<Event>,
}

impl Drop for Report {
    fn drop(&mut self) {
        let panicked = || Attempted {
            answer: Answer::Failed {
                cause: "the load generator panicked".to_owned(),
                retryable: false,
            },
            declared: Declared::default(),
        };
        let Attempted { answer, declared } = self.attempted.take().unwrap_or_else(panicked);
        // Nobody listens when the run was abandoned.
        let _ = self.answers.send(Event::Answered {
            request: self.request,
            attempt: self.attempt,
            sent_at: self.sent_at,
            answered_at: self.clock.now(),
            answer,
            declared,
        });
    }
}
