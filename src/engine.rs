//! The load generator's client as a state machine: event in, actions out.
//!
//! Owns what a client decides: how many requests are under way, which wait, which are dropped,
//! which are tried again and when. Must not know how requests travel or what time really is;
//! the driver and the simulator feed it alike.

mod places;
pub mod retry;

use std::collections::VecDeque;

use crate::{
    record::{Declared, Outcome, Sample},
    scenario::{ClientSettings, Scenario},
    schedule::{Arrival, shard::Shard},
    units::Timestamp,
};
use places::Places;
use retry::RetryPolicy;

/// What is said of a request whose answer an interrupted run did not wait for.
const GIVEN_UP: &str = "interrupted before the answer, outcome unknown";

/// How one attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Success; also that of a write whose condition was not met.
    Completed,
    /// Refused for want of capacity.
    Throttled {
        /// The reasons given, or the exception's name where there are none; never empty.
        reasons: Vec<String>,
    },
    /// Any other error.
    Failed {
        /// Short, and without data of the request.
        cause: String,
        /// Whether a retry may help: server errors and broken connections.
        retryable: bool,
    },
    /// No whole answer by the deadline.
    TimedOut,
}

/// What happens to the client.
#[derive(Clone, Debug)]
pub enum Event {
    /// An arrival is due, or overdue.
    ArrivalDue {
        /// Which; sequence numbers are distinct.
        arrival: Arrival,
        /// Index into `Scenario::operations`.
        operation: usize,
    },
    /// An attempt ended. Every [`Action::Send`] has to be followed by one of these, by its
    /// deadline at the latest.
    Answered {
        /// Sequence number of the request.
        request: u64,
        /// Number of the attempt, from 1.
        attempt: u32,
        /// When it really was sent: whoever sends may be late as well.
        sent_at: Timestamp,
        /// When the answer was there.
        answered_at: Timestamp,
        /// How it ended.
        answer: Answer,
        /// What it took.
        declared: Declared,
    },
    /// The instant named by an [`Action::WaitUntil`] has come.
    RetryDue {
        /// Sequence number of the request.
        request: u64,
    },
    /// The run is interrupted: what waits in the queue is dropped, what waits for a retry ends
    /// with its last answer, and nothing is retried. What was sent is still waited for.
    DrainRequested,
    /// It was waited for long enough: whatever is under way fails, its outcome unknown.
    GivenUp,
}

/// What the client wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Send an attempt now.
    Send {
        /// Sequence number of the request.
        request: u64,
        /// Number of the attempt, from 1.
        attempt: u32,
    },
    /// Come back with [`Event::RetryDue`] at this instant.
    WaitUntil {
        /// Sequence number of the request.
        request: u64,
        /// When.
        at: Timestamp,
    },
    /// The request is over. Every arrival has exactly one of these.
    Finished(Sample),
}

/// How an attempt will end that is sent when it is due.
#[derive(Debug)]
pub struct Foreseen<'a> {
    /// When the answer will be there.
    pub answered_at: Timestamp,
    /// How it ends; taken if that is final.
    pub answer: &'a mut Answer,
    /// What it takes; taken as well.
    pub declared: &'a mut Declared,
}

/// The client.
///
/// At most `max_in_flight` requests are under way, from their first send to their final answer:
/// a request that waits for a retry keeps its place, as it keeps its connection or thread in a
/// real client. At most `max_queued` wait for a place, first come first served; what is due
/// beyond that is dropped. In closed phases the clients are the bound, each of them a place of
/// its own, so that nothing is queued or dropped.
#[derive(Debug)]
pub struct Engine {
    settings: ClientSettings,
    retry: RetryPolicy,
    under_way: Places<UnderWay>,
    /// Places of requests whose end was known when they were sent.
    occupied: usize,
    queue: VecDeque<(Arrival, usize)>,
    /// Whether each phase of the scenario is closed.
    closed: Vec<bool>,
    draining: bool,
}

#[derive(Debug)]
struct UnderWay {
    sample: Sample,
    /// When its last attempt was to be sent.
    started: Timestamp,
    backing_off: bool,
}

impl Engine {
    /// A client with nothing to do.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        Self::of_share(scenario, Shard::WHOLE)
    }

    /// One of several clients that share the places of one, and those of its queue.
    #[must_use]
    pub fn of_share(scenario: &Scenario, shard: Shard) -> Self {
        Self {
            settings: share(scenario.client, shard),
            retry: RetryPolicy::new(scenario.client.retry, scenario.seed),
            under_way: Places::new(),
            occupied: 0,
            queue: VecDeque::new(),
            closed: scenario
                .phases
                .iter()
                .map(|phase| phase.arrivals.is_closed())
                .collect(),
            draining: false,
        }
    }

    /// Requests under way.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.under_way.len() + self.occupied
    }

    /// Requests that are due and wait for a place.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether every arrival so far has its outcome.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_flight() == 0 && self.queue.is_empty()
    }

    /// Whether an arrival of `phase` would be sent at once.
    #[must_use]
    #[inline]
    pub fn sends(&self, phase: usize) -> bool {
        // The places are taken by those who came before, so whoever comes while the queue is
        // not empty goes behind it.
        !self.draining && (self.closed[phase] || self.has_place() && self.queue.is_empty())
    }

    /// An arrival that [would be sent](Self::sends) now, and of which whoever asks knows already how
    /// it will be answered. If that is final, `tell` is told what becomes of it, it takes a place
    /// until [`vacate`](Self::vacate), and nothing more is said of it; returns whether that is so.
    #[inline]
    pub fn foresee(
        &mut self,
        arrival: &Arrival,
        operation: usize,
        ends: Foreseen<'_>,
        tell: impl FnOnce(&Sample),
    ) -> bool {
        let Foreseen {
            answered_at,
            answer,
            declared,
        } = ends;
        if self.retry.pause(arrival.sequence, 1, answer).is_some() {
            return false;
        }
        self.occupied += 1;
        let now = arrival.intended_start;
        let answer = std::mem::replace(answer, Answer::Completed);
        let (outcome, throttle_reasons, error) = concluded(answer, &self.settings);
        // Made where it stays: it is large, and most requests of a simulation end so.
        tell(&Sample {
            sequence: arrival.sequence,
            phase: arrival.phase,
            operation,
            outcome,
            due: now,
            first_sent: Some(now),
            last_sent: Some(now),
            finished: answered_at,
            attempts: 1,
            declared: std::mem::take(declared),
            throttle_reasons,
            error,
        });
        true
    }

    /// Such a request is over: its place is free for whoever waits for one.
    #[inline]
    pub fn vacate(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.occupied = self.occupied.saturating_sub(1);
        self.fill(now, actions);
    }

    /// Takes an event in, and appends what is to be done to `actions`, in order.
    ///
    /// An answer to an attempt that is not under way, or a retry that is not waited for, is
    /// ignored.
    pub fn handle(&mut self, event: Event, now: Timestamp, actions: &mut Vec<Action>) {
        match event {
            Event::ArrivalDue { arrival, operation } => {
                self.arrive(arrival, operation, now, actions);
            }
            Event::Answered {
                request,
                attempt,
                sent_at,
                answered_at,
                answer,
                declared,
            } => {
                if let Some(under_way) = self.under_way.get_mut(request)
                    && under_way.sample.attempts == attempt
                    && !under_way.backing_off
                {
                    let sample = &mut under_way.sample;
                    sample.first_sent.get_or_insert(sent_at);
                    sample.last_sent = Some(sent_at);
                    sample.finished = answered_at;
                    sample.declared += &declared;
                    let pause = self.retry.pause(request, attempt, &answer);
                    conclude(sample, answer, &self.settings);
                    match pause.filter(|_| !self.draining) {
                        Some(pause) => {
                            under_way.backing_off = true;
                            let at = sample.finished + pause;
                            actions.push(Action::WaitUntil { request, at });
                        }
                        None => self.finish(request, now, actions),
                    }
                }
            }
            Event::RetryDue { request } => {
                if let Some(under_way) = self.under_way.get_mut(request)
                    && under_way.backing_off
                {
                    under_way.backing_off = false;
                    under_way.started = now;
                    send(&mut under_way.sample, request, actions);
                }
            }
            Event::DrainRequested => self.drain(now, actions),
            Event::GivenUp => self.give_up(now, actions),
        }
    }

    fn arrive(
        &mut self,
        arrival: Arrival,
        operation: usize,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        if self.sends(arrival.phase) {
            self.start(&arrival, operation, now, actions);
        } else if !self.draining && self.queue.len() < self.settings.max_queued as usize {
            self.queue.push_back((arrival, operation));
        } else {
            actions.push(Action::Finished(unsent(&arrival, operation, now)));
        }
    }

    const fn has_place(&self) -> bool {
        self.in_flight() < self.settings.max_in_flight as usize
    }

    fn start(
        &mut self,
        arrival: &Arrival,
        operation: usize,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let under_way = UnderWay {
            sample: unsent(arrival, operation, now),
            started: now,
            backing_off: false,
        };
        let started = self.under_way.insert(arrival.sequence, under_way);
        send(&mut started.sample, arrival.sequence, actions);
    }

    /// Its place is free for whoever waits for one.
    fn finish(&mut self, request: u64, now: Timestamp, actions: &mut Vec<Action>) {
        if let Some(done) = self.under_way.remove(request) {
            actions.push(Action::Finished(done.sample));
        }
        self.fill(now, actions);
    }

    /// Sends what waits for a place, as far as there are any.
    fn fill(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        while self.has_place()
            && let Some((arrival, operation)) = self.queue.pop_front()
        {
            self.start(&arrival, operation, now, actions);
        }
    }

    fn drain(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.draining = true;
        for (arrival, operation) in self.queue.drain(..) {
            actions.push(Action::Finished(unsent(&arrival, operation, now)));
        }
        let waiting = self.under_way.remove_if(|request| request.backing_off);
        let waiting = waiting.into_iter();
        actions.extend(waiting.map(|request| Action::Finished(request.sample)));
    }

    fn give_up(&mut self, now: Timestamp, actions: &mut Vec<Action>) {
        self.drain(now, actions);
        for mut given_up in self.under_way.remove_if(|_| true) {
            let started = given_up.started;
            given_up.sample.first_sent.get_or_insert(started);
            given_up.sample.last_sent = Some(started);
            given_up.sample.finished = now;
            let answer = Answer::Failed {
                cause: GIVEN_UP.to_owned(),
                retryable: false,
            };
            conclude(&mut given_up.sample, answer, &self.settings);
            actions.push(Action::Finished(given_up.sample));
        }
    }
}

fn share(client: ClientSettings, shard: Shard) -> ClientSettings {
    let part = |all: u32| u32::try_from(shard.share_of(all.into())).unwrap_or(all);
    ClientSettings {
        max_in_flight: part(client.max_in_flight),
        max_queued: part(client.max_queued),
        ..client
    }
}

/// A request that was not sent, which counts as dropped unless it is.
fn unsent(arrival: &Arrival, operation: usize, now: Timestamp) -> Sample {
    Sample {
        sequence: arrival.sequence,
        phase: arrival.phase,
        operation,
        outcome: Outcome::Dropped,
        due: arrival.intended_start,
        first_sent: None,
        last_sent: None,
        finished: now,
        attempts: 0,
        declared: Declared::default(),
        throttle_reasons: Vec::new(),
        error: None,
    }
}

fn send(sample: &mut Sample, request: u64, actions: &mut Vec<Action>) {
    sample.attempts += 1;
    let attempt = sample.attempts;
    actions.push(Action::Send { request, attempt });
}

/// Notes how an attempt ended, as if it were the last.
fn conclude(sample: &mut Sample, answer: Answer, settings: &ClientSettings) {
    let (outcome, reasons, error) = concluded(answer, settings);
    sample.throttle_reasons.extend(reasons);
    (sample.outcome, sample.error) = (outcome, error);
}

/// What an answer comes to: with the reasons of a throttle, or the cause of a failure.
#[inline]
fn concluded(answer: Answer, settings: &ClientSettings) -> (Outcome, Vec<String>, Option<String>) {
    match answer {
        Answer::Completed => (Outcome::Completed, Vec::new(), None),
        Answer::Throttled { reasons } => (Outcome::Throttled, reasons, None),
        Answer::Failed { cause, .. } => (Outcome::Failed, Vec::new(), Some(cause)),
        Answer::TimedOut => {
            let cause = format!("no answer within {:?}", settings.attempt_timeout);
            (Outcome::TimedOut, Vec::new(), Some(cause))
        }
    }
}

#[cfg(test)]
mod tests;
