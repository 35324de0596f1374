//! Changes of what a table or index is provisioned for: how many are allowed, which one is under
//! way, and when there were some.

use std::time::Duration;

use super::limits::{ON_DEMAND_SWITCHES_MAX, ON_DEMAND_SWITCHES_WITHIN};
use crate::{
    scenario::{Billing, ModelParameters},
    units::{ByDirection, CapacityUnits, Direction, Timestamp},
};

/// Decreases of one table's or index's capacity, by hand and by auto scaling together: some at
/// 00:00 UTC, more by the hour, never more than so many at once. [QUOTA] The UTC day begins at
/// the timeline's zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecreaseBudget {
    start: u32,
    per_hour: u32,
    max: u32,
    left: u32,
    hour: u64,
    today: u32,
}

impl Default for DecreaseBudget {
    fn default() -> Self {
        Self::new(&ModelParameters::default())
    }
}

impl DecreaseBudget {
    /// At 00:00 UTC.
    #[must_use]
    pub fn new(parameters: &ModelParameters) -> Self {
        Self {
            start: parameters.decrease_tokens_start,
            per_hour: parameters.decrease_tokens_per_hour,
            max: parameters.decrease_tokens_max,
            left: parameters
                .decrease_tokens_start
                .min(parameters.decrease_tokens_max),
            hour: 0,
            today: 0,
        }
    }

    /// Takes one if there is one. `now` does not go back, here and below.
    pub fn take(&mut self, now: Timestamp) -> bool {
        let is_there = self.left(now) > 0;
        self.left -= u32::from(is_there);
        self.today += u32::from(is_there);
        is_there
    }

    /// How many there are.
    pub fn left(&mut self, now: Timestamp) -> u32 {
        let hour = now.second() / 3600;
        let hours = |count| u32::try_from(count).unwrap_or(u32::MAX);
        let gained = |count| self.per_hour.saturating_mul(hours(count));
        if hour / 24 > self.hour / 24 {
            self.left = self.start.saturating_add(gained(hour % 24));
            self.today = 0;
        } else {
            let more = gained(hour.saturating_sub(self.hour));
            self.left = self.left.saturating_add(more);
        }
        self.left = self.left.min(self.max);
        self.hour = self.hour.max(hour);
        self.left
    }

    /// How many were taken since 00:00 UTC.
    pub fn taken_today(&mut self, now: Timestamp) -> u32 {
        self.left(now);
        self.today
    }
}

/// What `DescribeTable` tells of the capacity of a table or index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provisioning {
    /// RCU and WCU in force; `None` on demand.
    pub rates: Option<ByDirection<CapacityUnits>>,
    /// Whether `UpdateTable` was called, by hand or by auto scaling, and has no effect yet.
    pub updating: bool,
    /// When more was asked for the last time, of either.
    pub last_increase: Option<Timestamp>,
    /// When less was.
    pub last_decrease: Option<Timestamp>,
    /// How often less was asked for since 00:00 UTC.
    pub decreases_today: u32,
}

/// Why `UpdateTable` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeRefusal {
    /// An earlier change of the table or of one of its indexes has no effect yet.
    UnderWay,
    /// No decrease is left.
    NoDecrease {
        /// How many there were today.
        today: u32,
    },
    /// It was switched to on-demand as often as allowed.
    NoSwitch,
}

/// The changes of one table or index.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    pub(super) decreases: DecreaseBudget,
    /// What takes effect, and when.
    pending: Option<(Timestamp, Billing)>,
    last_increase: Option<Timestamp>,
    last_decrease: Option<Timestamp>,
    /// Switches to on-demand that still count.
    switches: Vec<Timestamp>,
}

impl Changes {
    pub(super) fn new(parameters: &ModelParameters) -> Self {
        Self {
            decreases: DecreaseBudget::new(parameters),
            pending: None,
            last_increase: None,
            last_decrease: None,
            switches: Vec::new(),
        }
    }

    /// When what was asked for takes effect.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.pending.as_ref().map(|(due, _)| *due)
    }

    pub(super) const fn begin(&mut self, billing: Billing, due: Timestamp) {
        self.pending = Some((due, billing));
    }

    /// What takes effect by `now`, once.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Billing> {
        let (_, billing) = self.pending.take_if(|(due, _)| *due <= now)?;
        Some(billing)
    }

    pub(super) const fn drop_pending(&mut self) {
        self.pending = None;
    }

    /// Other rates were asked for.
    pub(super) fn note(
        &mut self,
        before: ByDirection<CapacityUnits>,
        after: ByDirection<CapacityUnits>,
        now: Timestamp,
    ) {
        for direction in Direction::ALL {
            if after[direction] > before[direction] {
                self.last_increase = Some(now);
            }
            if after[direction] < before[direction] {
                self.last_decrease = Some(now);
            }
        }
    }

    pub(super) fn note_switch(&mut self, now: Timestamp) {
        self.switches.push(now);
    }

    pub(super) fn may_switch(&mut self, now: Timestamp) -> bool {
        let counts = |at: &Timestamp| now.since(*at) < ON_DEMAND_SWITCHES_WITHIN;
        self.switches.retain(counts);
        self.switches.len() < ON_DEMAND_SWITCHES_MAX
    }

    pub(super) fn describe(
        &mut self,
        rates: Option<ByDirection<CapacityUnits>>,
        now: Timestamp,
    ) -> Provisioning {
        Provisioning {
            rates,
            updating: self.pending.is_some(),
            last_increase: self.last_increase,
            last_decrease: self.last_decrease,
            decreases_today: self.decreases.taken_today(now),
        }
    }
}

/// From a call of `UpdateTable` to its effect.
pub(super) fn lag(parameters: &ModelParameters) -> Duration {
    Duration::from_secs(parameters.as_update_lag_seconds.into())
}
