//! What an on-demand table serves at once (OD-1), per direction and per table or index.

use std::{collections::VecDeque, time::Duration};

use super::throttle::ThrottleCause;
use crate::{
    scenario::ModelParameters,
    units::{ByDirection, CapacityUnits, Direction, Timestamp},
};

/// Units per second that a new table serves at once. [OD, WARM]
#[must_use]
pub fn initial(direction: Direction, parameters: &ModelParameters) -> CapacityUnits {
    CapacityUnits::whole(i64::from(match direction {
        Direction::Read => parameters.od_initial_read,
        Direction::Write => parameters.od_initial_write,
    }))
}

/// What bounds one direction of an on-demand table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnDemandBounds {
    /// What it serves instantly, whatever it served before. Never falls.
    pub warm: CapacityUnits,
    /// The highest rate before.
    pub previous_peak: CapacityUnits,
    /// The account's quota for a table.
    pub quota: CapacityUnits,
    /// The user's maximum, if set.
    pub maximum: Option<CapacityUnits>,
}

impl OnDemandBounds {
    /// Units per second served at once: warm throughput or twice the previous peak, within
    /// quota and maximum. [OD, ODMAX, WARM]
    #[must_use]
    pub fn instant(&self) -> CapacityUnits {
        let bound = self
            .maximum
            .map_or(self.quota, |maximum| maximum.min(self.quota));
        self.grown().min(bound)
    }

    /// Why demand above [`instant`](Self::instant) is rejected: the lowest bound. Growth has
    /// no reason string of its own and shows as `KeyRange` (inferred).
    #[must_use]
    pub fn cause(&self) -> ThrottleCause {
        let instant = self.instant();
        if self.maximum == Some(instant) {
            ThrottleCause::MaxOnDemand
        } else if self.grown() == instant {
            ThrottleCause::KeyRange
        } else {
            ThrottleCause::AccountLimit
        }
    }

    fn grown(&self) -> CapacityUnits {
        self.warm.max(self.previous_peak * 2)
    }
}

/// Units per second that a new table can serve: what it was warmed to, or DynamoDB's own where
/// nothing is said. [OD, WARM]
#[must_use]
pub fn warm(
    warm: ByDirection<Option<CapacityUnits>>,
    direction: Direction,
    parameters: &ModelParameters,
) -> CapacityUnits {
    let initial = initial(direction, parameters);
    warm[direction].map_or(initial, |warm| warm.max(initial))
}

/// Units per second that a new table serves: what is warm, within the maximum. [ODMAX]
#[must_use]
pub fn at_once(
    warmed: ByDirection<Option<CapacityUnits>>,
    maximum: ByDirection<Option<CapacityUnits>>,
    parameters: &ModelParameters,
) -> ByDirection<CapacityUnits> {
    ByDirection::from_fn(|direction: Direction| {
        let warm = warm(warmed, direction, parameters);
        maximum[direction].map_or(warm, |maximum| warm.min(maximum))
    })
}

/// What a table serves at once after a switch to on-demand, from the highest rates that it was
/// ever provisioned for. [SW, OD]
#[must_use]
pub fn after_switch(
    highest: ByDirection<CapacityUnits>,
    parameters: &ModelParameters,
) -> ByDirection<CapacityUnits> {
    ByDirection::from_fn(|direction: Direction| {
        initial(direction, parameters).max(highest[direction])
    })
}

/// The peaks of one direction: how an on-demand table grows. Window and interval are not
/// published; 60 s and 30 min are the defaults.
#[derive(Clone, Debug)]
pub struct Growth {
    interval: Duration,
    warm: CapacityUnits,
    previous_peak: CapacityUnits,
    /// Ends and means of windows that ended less than `interval` ago.
    recent: VecDeque<(Timestamp, CapacityUnits)>,
}

impl Growth {
    /// `interval` must pass until a peak counts as previous.
    #[must_use]
    pub const fn new(warm: CapacityUnits, interval: Duration) -> Self {
        Self {
            interval,
            warm,
            previous_peak: CapacityUnits::ZERO,
            recent: VecDeque::new(),
        }
    }

    /// A window ended at `end` in which `mean` units per second were served.
    pub fn window(&mut self, end: Timestamp, mean: CapacityUnits) {
        self.warm = self.warm.max(mean);
        self.recent.push_back((end, mean));
    }

    /// Bounds at `now`, which does not go back.
    pub fn bounds(
        &mut self,
        now: Timestamp,
        quota: CapacityUnits,
        maximum: Option<CapacityUnits>,
    ) -> OnDemandBounds {
        while let Some((end, mean)) = self.recent.front().copied()
            && now.since(end) >= self.interval
            && end <= now
        {
            self.previous_peak = self.previous_peak.max(mean);
            self.recent.pop_front();
        }
        let Self {
            warm,
            previous_peak,
            ..
        } = *self;
        OnDemandBounds {
            warm,
            previous_peak,
            quota,
            maximum,
        }
    }
}
