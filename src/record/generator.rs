//! What the load generator itself took and held, to tell whether it was the limit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a run was fired.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// Threads that fired, in all shards together.
    pub threads: u32,
    /// What kept the schedule: `kernel`, `thread`, `tokio` or `spin`; of shards that differ, all
    /// of theirs.
    pub timer: String,
    /// What `dyno bench` found on a machine of this class; absent when it was not run. Of a merged
    /// run, the mean of its threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Ceiling>,
}

/// The most that the client does against a server that answers at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ceiling {
    /// Of one thread.
    pub requests_per_second: f64,
    /// When that was measured, RFC 3339, UTC.
    pub measured_at: String,
}

impl Generator {
    /// Together with that of another process of the run: what all threads can do is the sum, so
    /// that of one is the mean; unknown as soon as one of them does not know.
    pub(super) fn beside(&self, other: &Self) -> Self {
        let threads = self.threads.saturating_add(other.threads);
        let of_all = |one: &Ceiling, threads: u32| one.requests_per_second * f64::from(threads);
        let ceilings = self.ceiling.as_ref().zip(other.ceiling.as_ref());
        let ceiling = ceilings.map(|(one, another)| Ceiling {
            requests_per_second: (of_all(one, self.threads) + of_all(another, other.threads))
                / f64::from(threads.max(1)),
            measured_at: one.measured_at.clone().min(another.measured_at.clone()),
        });
        let mut timers: Vec<_> = self
            .timer
            .split(", ")
            .chain(other.timer.split(", "))
            .collect();
        timers.sort_unstable();
        timers.dedup();
        Self {
            threads,
            timer: timers.join(", "),
            ceiling,
        }
    }
}

/// One second of the threads that fire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorSecond {
    /// CPU time of all of them, nanoseconds.
    pub cpu_nanos: u64,
    /// CPU time of the busiest; about 10⁹ when it had no pause.
    pub busiest_cpu_nanos: u64,
    /// Requests under way: the most of five looks.
    pub in_flight: u64,
    /// Requests that were due and waited for a place: the most of five looks.
    pub queued: u64,
}

impl GeneratorSecond {
    /// The same second of another process of the run.
    pub(super) fn beside(self, other: Self) -> Self {
        Self {
            cpu_nanos: self.cpu_nanos + other.cpu_nanos,
            busiest_cpu_nanos: self.busiest_cpu_nanos.max(other.busiest_cpu_nanos),
            in_flight: self.in_flight + other.in_flight,
            queued: self.queued + other.queued,
        }
    }
}
