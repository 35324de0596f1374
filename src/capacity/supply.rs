//! Where the capacity of a table or index comes from in one direction, and how it moves: fixed,
//! by auto scaling, or on demand.
//!
//! Knows rates and what was served, not who was refused.

use std::time::Duration;

use super::{
    autoscaling::{AutoScaler, TargetTracking},
    change::DecreaseBudget,
    on_demand::{self, Growth, OnDemandBounds},
    throttle::ThrottleCause,
};
use crate::{
    scenario::{Billing, ModelParameters, QuotaScope, TreatMissing},
    units::{CapacityUnits, Direction, Timestamp},
};

/// Auto scaling looks at whole minutes. [AS]
const MINUTE: Duration = Duration::from_mins(1);

/// One direction's capacity over time.
#[derive(Clone, Debug)]
pub(super) struct Supply {
    source: Source,
    /// Over how long what is served is averaged.
    window: Duration,
    window_ends: Timestamp,
    served: CapacityUnits,
}

#[derive(Clone, Debug)]
enum Source {
    Fixed(CapacityUnits),
    Scaled {
        scaler: AutoScaler,
        idle: TreatMissing,
        rate: CapacityUnits,
    },
    OnDemand {
        growth: Growth,
        quota: CapacityUnits,
        maximum: Option<CapacityUnits>,
        bounds: OnDemandBounds,
    },
}

impl Supply {
    /// From `now` on. An on-demand table serves at once what it was ever provisioned for:
    /// `highest`. [SW]
    pub(super) fn new(
        billing: &Billing,
        direction: Direction,
        highest: CapacityUnits,
        parameters: &ModelParameters,
        now: Timestamp,
    ) -> Self {
        let (source, window) = match *billing {
            Billing::Provisioned {
                capacity,
                auto_scaling,
            } => {
                let rate = capacity[direction];
                let source = auto_scaling[direction].map_or(Source::Fixed(rate), |policy| {
                    let policy = TargetTracking::of(&policy, parameters);
                    Source::Scaled {
                        scaler: AutoScaler::new(policy, rate.whole_units()),
                        idle: parameters.as_treat_missing,
                        rate,
                    }
                });
                (source, MINUTE)
            }
            Billing::OnDemand { maximum, warm } => {
                let interval = Duration::from_secs(parameters.od_growth_interval.into());
                let warm = on_demand::warm(warm, direction, parameters).max(highest);
                let mut growth = Growth::new(warm, interval);
                let quota = quota(direction, parameters);
                let maximum = maximum[direction];
                let bounds = growth.bounds(now, quota, maximum);
                let source = Source::OnDemand {
                    growth,
                    quota,
                    maximum,
                    bounds,
                };
                (
                    source,
                    Duration::from_secs(parameters.od_peak_window.into()),
                )
            }
        };
        Self {
            source,
            window,
            window_ends: now + window,
            served: CapacityUnits::ZERO,
        }
    }

    /// Units per second that are served.
    pub(super) fn rate(&self) -> CapacityUnits {
        match &self.source {
            Source::Fixed(rate) | Source::Scaled { rate, .. } => *rate,
            Source::OnDemand { bounds, .. } => bounds.instant(),
        }
    }

    /// Units per second that partitions are made for: a maximum that the user sets on demand
    /// takes none away.
    pub(super) fn partitioned_rate(&self) -> CapacityUnits {
        match &self.source {
            Source::Fixed(_) | Source::Scaled { .. } => self.rate(),
            Source::OnDemand { bounds, .. } => OnDemandBounds {
                maximum: None,
                ..*bounds
            }
            .instant(),
        }
    }

    /// Seconds of unused capacity that are kept.
    pub(super) fn burst_seconds(&self, parameters: &ModelParameters) -> u32 {
        match &self.source {
            Source::Fixed(_) | Source::Scaled { .. } => parameters.burst_seconds,
            Source::OnDemand { maximum, .. } => {
                maximum.map_or(0, |_| parameters.od_max_burst_seconds)
            }
        }
    }

    /// Why more than that is refused.
    pub(super) fn cause(&self) -> ThrottleCause {
        match &self.source {
            Source::Fixed(_) | Source::Scaled { .. } => ThrottleCause::Provisioned,
            Source::OnDemand { bounds, .. } => bounds.cause(),
        }
    }

    /// Notes what was served.
    pub(super) fn serve(&mut self, units: CapacityUnits) {
        self.served += units;
    }

    /// The next instant at which the rate may change; `None` when it never does by itself.
    pub(super) fn changes_at(&self) -> Option<Timestamp> {
        match &self.source {
            Source::Fixed(_) => None,
            Source::Scaled { scaler, .. } => {
                let pending = scaler.changes_at().unwrap_or(self.window_ends);
                Some(self.window_ends.min(pending))
            }
            Source::OnDemand { .. } => Some(self.window_ends),
        }
    }

    /// Whether auto scaling has called `UpdateTable`, `lag` before its effect.
    pub(super) fn is_updating(&self, lag: Duration, now: Timestamp) -> bool {
        match &self.source {
            Source::Fixed(_) | Source::OnDemand { .. } => false,
            Source::Scaled { scaler, .. } => scaler.changes_at().is_some_and(|at| now + lag >= at),
        }
    }

    /// Brings it to `now`, which is not after [`changes_at`](Self::changes_at).
    pub(super) fn advance(&mut self, now: Timestamp, decreases: &mut DecreaseBudget) {
        let ended = now >= self.window_ends;
        let mean = self.served.as_f64() / self.window.as_secs_f64();
        match &mut self.source {
            Source::Fixed(_) => {}
            Source::Scaled { scaler, idle, rate } => {
                let counts = mean > 0.0 || *idle == TreatMissing::Zero;
                let provisioned = if ended && counts {
                    scaler.minute(mean, now, decreases)
                } else {
                    scaler.provisioned(now)
                };
                *rate = CapacityUnits::whole(i64::try_from(provisioned).unwrap_or(i64::MAX / 2));
            }
            Source::OnDemand {
                growth,
                quota,
                maximum,
                bounds,
            } => {
                if ended {
                    growth.window(now, CapacityUnits::from(mean));
                }
                *bounds = growth.bounds(now, *quota, *maximum);
            }
        }
        if ended {
            self.window_ends = now + self.window;
            self.served = CapacityUnits::ZERO;
        }
    }
}

/// What the account allows one table, or one index, on demand. Where the quota is the table's
/// and its indexes' together, it is theirs to share and bounds none alone.
fn quota(direction: Direction, parameters: &ModelParameters) -> CapacityUnits {
    match parameters.quota_scope {
        QuotaScope::PerResource => shared_quota(direction, parameters),
        QuotaScope::TablePlusGsis => CapacityUnits::whole(i64::MAX / 4),
    }
}

/// What the account allows a table on demand.
pub(super) fn shared_quota(direction: Direction, parameters: &ModelParameters) -> CapacityUnits {
    CapacityUnits::whole(i64::from(match direction {
        Direction::Read => parameters.table_read_quota,
        Direction::Write => parameters.table_write_quota,
    }))
}
