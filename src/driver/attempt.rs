//! Carries attempts: one task each, which always reports back.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::clock::RunClock;
use crate::{
    engine::{Answer, Event},
    record::Declared,
    scenario::Scenario,
    schedule::Arrival,
    target::{Attempted, Target},
    units::Timestamp,
    workload::Workload,
};

/// Sends attempts to a target, and reports their answers as events.
#[derive(Debug)]
pub(super) struct Attempts<T> {
    workload: Workload,
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
            workload,
            target,
            clock,
            answers,
        }
    }

    pub(super) fn scenario(&self) -> &Scenario {
        self.workload.scenario()
    }

    /// Notes that something begins with an arrival, before that is sent.
    pub(super) fn begin(&mut self, arrival: &Arrival) {
        self.workload
            .begin(arrival.phase, arrival.sequence, arrival.intended_start);
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
        let (workload, target) = (self.workload.clone(), Arc::clone(&self.target));
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

async fn carry<T: Target>(mut report: Report, workload: Workload, target: Arc<T>) {
    let scenario = workload.scenario();
    let operation = workload.operation(report.request);
    let table = &scenario.tables[operation.table];
    report.sent_at = report.clock.now();
    let answer = target.execute(table, &operation.request);
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
