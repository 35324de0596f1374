//! The token bucket: refill, spend, burst.
//!
//! Continuous in time and exact: a balance is kept in half units × nanoseconds, so no refill
//! is rounded away however often one looks.

use std::time::Duration;

use crate::{
    scenario::AdmissionRule,
    units::{CapacityUnits, Timestamp},
};

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// A bucket that refills at a rate and holds the current second plus a burst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    /// Per second.
    rate: CapacityUnits,
    burst_seconds: u32,
    /// Half units × nanoseconds; negative while in debt.
    balance: i128,
    updated: Timestamp,
    /// How far into debt it still admits, in the same.
    credit: i128,
}

impl TokenBucket {
    /// A bucket that holds one second's rate and `initial_burst` (0..=1) of its burst.
    #[must_use]
    pub fn new(
        rate: CapacityUnits,
        burst_seconds: u32,
        initial_burst: f64,
        now: Timestamp,
    ) -> Self {
        let mut bucket = Self {
            rate,
            burst_seconds,
            balance: 0,
            updated: now,
            credit: 0,
        };
        let burst = nano_halves(units(bucket.burst()) * initial_burst.clamp(0.0, 1.0));
        bucket.balance = bucket.second() + burst;
        bucket
    }

    /// A bucket with `balance` units in it, the current second's included; below zero it is in
    /// debt, above its size it is full.
    #[must_use]
    pub fn with_balance(
        rate: CapacityUnits,
        burst_seconds: u32,
        balance: f64,
        now: Timestamp,
    ) -> Self {
        let mut bucket = Self {
            rate,
            burst_seconds,
            balance: 0,
            updated: now,
            credit: 0,
        };
        bucket.balance = nano_halves(balance).min(bucket.full());
        bucket
    }

    /// The same bucket, which admits until `credit` is owed: what is bought from it may wait
    /// that long.
    #[must_use]
    pub fn with_credit(mut self, credit: CapacityUnits) -> Self {
        self.credit = i128::from(credit.halves()) * NANOS_PER_SECOND;
        self
    }

    fn second(&self) -> i128 {
        i128::from(self.rate.halves()) * NANOS_PER_SECOND
    }

    fn burst(&self) -> i128 {
        self.second() * i128::from(self.burst_seconds)
    }

    fn full(&self) -> i128 {
        self.second() + self.burst()
    }

    fn refill(&mut self, now: Timestamp) {
        let elapsed = now.since(self.updated);
        self.updated = self.updated.max(now);
        let gained = i128::from(self.rate.halves())
            * i128::try_from(elapsed.as_nanos()).unwrap_or(i128::from(u64::MAX));
        self.balance = self.full().min(self.balance + gained);
    }

    /// Whether a request of `cost` is let in now; nothing is spent.
    pub fn admits(&mut self, cost: CapacityUnits, rule: AdmissionRule, now: Timestamp) -> bool {
        self.refill(now);
        self.balance >= self.needed(cost, rule)
    }

    /// When a request of `cost` would be let in if nothing else came.
    pub fn admits_at(
        &mut self,
        cost: CapacityUnits,
        rule: AdmissionRule,
        now: Timestamp,
    ) -> Timestamp {
        self.refill(now);
        let missing = self.needed(cost, rule) - self.balance;
        let rate = i128::from(self.rate.halves());
        if missing <= 0 || rate <= 0 {
            return now;
        }
        let nanos = (missing + rate - 1) / rate;
        now + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn needed(&self, cost: CapacityUnits, rule: AdmissionRule) -> i128 {
        let needed = match rule {
            AdmissionRule::DebitAfter => 1,
            AdmissionRule::Strict => {
                (i128::from(cost.halves()) * NANOS_PER_SECOND).min(self.full())
            }
        };
        needed - self.credit
    }

    /// Takes `units` out; the balance may become a debt.
    pub fn spend(&mut self, units: CapacityUnits, now: Timestamp) {
        self.refill(now);
        self.balance -= i128::from(units.halves()) * NANOS_PER_SECOND;
    }

    /// The fluid form: takes as much of `demand` units as is there, and says how much.
    pub fn serve(&mut self, demand: f64, now: Timestamp) -> f64 {
        self.refill(now);
        let served = nano_halves(demand).min(self.balance).max(0);
        self.balance -= served;
        units(served)
    }

    /// What is there, in units, the current second's included; negative in debt.
    pub fn balance(&mut self, now: Timestamp) -> f64 {
        self.refill(now);
        units(self.balance)
    }

    /// Leaves one unit at most.
    pub fn drain(&mut self, now: Timestamp) {
        self.refill(now);
        self.balance = self.balance.min(2 * NANOS_PER_SECOND);
    }

    /// Another rate and depth from now on; what is there is kept, up to the new size.
    pub fn set_rate(&mut self, rate: CapacityUnits, burst_seconds: u32, now: Timestamp) {
        self.refill(now);
        self.rate = rate;
        self.burst_seconds = burst_seconds;
        self.balance = self.balance.min(self.full());
    }

    /// Units per second.
    #[must_use]
    pub const fn rate(&self) -> CapacityUnits {
        self.rate
    }

    /// Burst credit left, in units, from 0 to `burst_seconds` × rate: the balance beyond the
    /// current second.
    pub fn burst_left(&mut self, now: Timestamp) -> f64 {
        self.refill(now);
        units((self.balance - self.second()).max(0))
    }
}

#[expect(clippy::cast_precision_loss, reason = "53 bits are enough")]
fn units(nano_halves: i128) -> f64 {
    nano_halves as f64 / 2e9
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "saturates beyond 10^28 units"
)]
fn nano_halves(units: f64) -> i128 {
    (units * 2e9).round() as i128
}
