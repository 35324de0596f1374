//! Target tracking of provisioned capacity (AS-1): when it acts, on what, and how late.
//!
//! Knows one resource and direction; its caller says what was consumed in each minute.

use std::time::Duration;

use super::change::DecreaseBudget;
use crate::{
    scenario::{AutoScaling, ModelParameters},
    units::Timestamp,
};

/// A policy: documented where AWS says so `[AS]`, else a default that one may change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetTracking {
    /// Utilisation aimed at, 0.2–0.9. Documented, default 0.7.
    pub target: f64,
    /// Lowest capacity, units per second.
    pub min: u64,
    /// Highest.
    pub max: u64,
    /// Minutes above target before a raise. Documented: 2.
    pub high_points: u32,
    /// Minutes below the lower alarm before a cut. Documented: 15.
    pub low_points: u32,
    /// How far below target the lower alarm lies. Documented `[BLOG-AS]`: 0.20.
    pub scale_in_margin: f64,
    /// From the alarm to the call of UpdateTable, and from there to its effect. Not published;
    /// 60 s each.
    pub lag: Duration,
}

impl TargetTracking {
    /// The defaults of the model.
    #[must_use]
    pub fn new(target: f64, min: u64, max: u64) -> Self {
        Self::with(&ModelParameters::default(), target, min, max)
    }

    /// A table's or an index's policy under the model's parameters.
    #[must_use]
    pub fn of(policy: &AutoScaling, parameters: &ModelParameters) -> Self {
        let target = policy.target_utilization.as_fraction();
        let (min, max) = (policy.min.whole_units(), policy.max.whole_units());
        Self::with(parameters, target, min, max)
    }

    fn with(parameters: &ModelParameters, target: f64, min: u64, max: u64) -> Self {
        let lag = parameters.as_alarm_delay_seconds + parameters.as_update_lag_seconds;
        Self {
            target,
            min,
            max,
            high_points: parameters.as_high_points,
            low_points: parameters.as_low_points,
            scale_in_margin: parameters.as_scale_in_margin.as_fraction(),
            lag: Duration::from_secs(lag.into()),
        }
    }

    /// Sums of consumed units over `period` above which, and below which, the alarms of
    /// `provisioned` units per second fire. [ALARM]
    #[must_use]
    pub fn alarm_thresholds(&self, provisioned: f64, period: Duration) -> (f64, f64) {
        let whole = provisioned * period.as_secs_f64();
        (
            whole * self.target,
            whole * (self.target - self.scale_in_margin),
        )
    }
}

/// The state of one policy.
#[derive(Clone, Debug)]
pub struct AutoScaler {
    policy: TargetTracking,
    provisioned: u64,
    pending: Option<(Timestamp, u64)>,
    above: Vec<f64>,
    below: Vec<f64>,
}

impl AutoScaler {
    /// `provisioned` is in force.
    #[must_use]
    pub fn new(policy: TargetTracking, provisioned: u64) -> Self {
        Self {
            policy,
            provisioned,
            pending: None,
            above: Vec::new(),
            below: Vec::new(),
        }
    }

    /// When a change that was decided takes effect.
    #[must_use]
    pub fn changes_at(&self) -> Option<Timestamp> {
        self.pending.map(|(effective, _)| effective)
    }

    /// The capacity in force at `now`.
    pub fn provisioned(&mut self, now: Timestamp) -> u64 {
        if let Some((effective, value)) = self.pending
            && effective <= now
        {
            self.provisioned = value;
            self.pending = None;
        }
        self.provisioned
    }

    /// A minute ended at `now` in which `consumed` units per second were consumed on average;
    /// returns the capacity in force after it. Nothing new starts while a change is pending; a
    /// cut waits while none of `decreases` is left.
    pub fn minute(&mut self, consumed: f64, now: Timestamp, decreases: &mut DecreaseBudget) -> u64 {
        let provisioned = self.provisioned(now);
        if self.pending.is_some() {
            return provisioned;
        }
        let TargetTracking {
            target,
            scale_in_margin,
            high_points,
            low_points,
            ..
        } = self.policy;
        let utilization = consumed / approximate(provisioned);
        extend_or_reset(&mut self.above, utilization > target, consumed, high_points);
        extend_or_reset(
            &mut self.below,
            utilization < target - scale_in_margin,
            consumed,
            low_points,
        );
        if self.above.len() >= high_points as usize {
            let wanted = self
                .wanted(&self.above)
                .max(provisioned)
                .min(self.policy.max);
            self.change(wanted, now);
        } else if self.below.len() >= low_points as usize {
            let wanted = self
                .wanted(&self.below)
                .min(provisioned)
                .max(self.policy.min);
            if wanted >= provisioned || decreases.take(now) {
                self.change(wanted, now);
            }
        }
        self.provisioned(now)
    }

    fn wanted(&self, points: &[f64]) -> u64 {
        super::sizing::to_provision(
            points.iter().copied().fold(0.0, f64::max),
            self.policy.target,
        )
    }

    fn change(&mut self, wanted: u64, now: Timestamp) {
        self.above.clear();
        self.below.clear();
        self.pending = Some((now + self.policy.lag, wanted));
    }
}

fn extend_or_reset(points: &mut Vec<f64>, breaching: bool, consumed: f64, keep: u32) {
    if !breaching {
        points.clear();
        return;
    }
    if points.len() >= keep as usize {
        points.remove(0);
    }
    points.push(consumed);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact below 2^53 units per second"
)]
const fn approximate(units: u64) -> f64 {
    units as f64
}
