//! What records say of the shards that they come from.
//!
//! Owns what is known of a shard beside what it counted; must not know how it was found out.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::shard::Shard;

/// The part of a run that a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Whose part: number, from 1, and count.
    pub shard: Shard,
    /// By how much the process was ready too late for the run's start, in nanoseconds: what was
    /// due by then was sent late.
    #[serde(default)]
    pub late_nanos: u64,
    /// How the process's clock stood; absent when it was not measured, or could not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockOffset>,
}

impl Part {
    /// Of a shard that was in time, and whose clock nobody asked about.
    #[must_use]
    pub const fn of(shard: Shard) -> Self {
        Self {
            shard,
            late_nanos: 0,
            clock: None,
        }
    }
}

/// The server's clock minus that of this process, as the server's `Date` headers tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockOffset {
    /// The middle of what it can be, in nanoseconds.
    pub offset_nanos: i64,
    /// It is at most this much more or less, in nanoseconds.
    pub uncertainty_nanos: u64,
}

impl ClockOffset {
    /// How far the clocks of two processes that asked the same server are apart at least.
    #[must_use]
    pub const fn apart_at_least(self, other: Self) -> Duration {
        let middles = self.offset_nanos.abs_diff(other.offset_nanos);
        let uncertain = self
            .uncertainty_nanos
            .saturating_add(other.uncertainty_nanos);
        Duration::from_nanos(middles.saturating_sub(uncertain))
    }
}

/// A shard of a merged run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergedShard {
    /// Which, and how it started.
    pub part: Part,
    /// Arrivals that were due, in all phases.
    pub arrivals: u64,
    /// Due → first send in all phases: the 99th percentile, in nanoseconds; absent when nothing
    /// was sent.
    pub dispatch_delay_p99_nanos: Option<u64>,
    /// Whether it was interrupted before its end.
    pub interrupted: bool,
}

/// The numbers of the shards that are not among `shards`, of those that there should be.
#[must_use]
pub fn missing(shards: &[MergedShard]) -> Vec<u32> {
    let count = shards.first().map_or(0, |one| one.part.shard.count());
    let there = |number: &u32| shards.iter().any(|one| one.part.shard.number() == *number);
    (1..=count).filter(|number| !there(number)).collect()
}
