//! The token bucket: refill, spend, burst.
//!
//! Continuous in time and exact: a balance is kept in half units × nanoseconds, so no refill
//! is rounded away however often one looks.

use std::{collections::VecDeque, time::Duration};

use crate::{
    scenario::{AdmissionRule, BurstModel, ModelParameters, PartitionShareMode},
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
    /// The most that it holds, in the same: it is asked for with every request.
    full: i128,
    updated: Timestamp,
    /// How far into debt it still admits, in the same.
    credit: i128,
    /// What flows in comes for so many seconds at a time; 0: all the time.
    step: u32,
    /// What is there by the second in which it came, where it expires.
    ages: Option<Box<Ages>>,
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
        let mut bucket = Self::empty(rate, burst_seconds, now);
        let burst = nano_halves(units(bucket.burst()) * initial_burst.clamp(0.0, 1.0));
        bucket.balance = bucket.second() + burst;
        bucket
    }

    fn empty(rate: CapacityUnits, burst_seconds: u32, now: Timestamp) -> Self {
        let mut bucket = Self {
            rate,
            burst_seconds,
            balance: 0,
            full: 0,
            updated: now,
            credit: 0,
            step: 0,
            ages: None,
        };
        bucket.full = bucket.held() + bucket.burst();
        bucket
    }

    /// The same bucket, full as it is, under the rules of how long what is not used is kept, and
    /// for how many seconds at a time global admission control hands capacity out.
    #[must_use]
    pub fn under(mut self, parameters: &ModelParameters) -> Self {
        let before = self.held();
        if parameters.partition_share_mode == PartitionShareMode::Gac {
            self.step = parameters.gac_replenish_seconds;
        }
        let more = self.held() - before;
        self.balance += more;
        self.full += more;
        self.ages = (parameters.burst_model == BurstModel::SlidingWindow)
            .then(|| Box::new(Ages::of(self.balance, self.held(), self.updated)));
        self
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
        let mut bucket = Self::empty(rate, burst_seconds, now);
        bucket.balance = nano_halves(balance).min(bucket.full);
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

    /// What it holds beside its burst: as much as comes at a time, at least one second's.
    fn held(&self) -> i128 {
        self.second() * i128::from(self.step.max(1))
    }

    #[inline]
    fn refill(&mut self, now: Timestamp) {
        // Most are asked more than once at an instant.
        if now > self.updated {
            self.refill_until(self.last_inflow(now));
        }
    }

    #[inline]
    fn refill_until(&mut self, now: Timestamp) {
        if now <= self.updated {
            return;
        }
        let elapsed = now.as_nanos() - self.updated.as_nanos();
        let gained = i128::from(self.rate.halves()) * i128::from(elapsed);
        if self.ages.is_some() {
            self.age(gained, now);
        } else {
            self.balance = (self.balance + gained).min(self.full);
        }
        self.updated = now;
    }

    /// Lets `gained` come in, and what is too old go.
    fn age(&mut self, gained: i128, now: Timestamp) {
        let Some(ages) = &mut self.ages else {
            return;
        };
        let owed = (-self.balance).max(0);
        let kept = self.burst_seconds + self.step;
        ages.gain(gained, owed, self.updated, now);
        ages.expire(now, kept);
        self.balance = (self.balance + gained).min(0) + ages.sum();
        self.cap();
    }

    /// Lets nothing be there beyond its size.
    fn cap(&mut self) {
        let beyond = self.balance - self.full;
        if beyond > 0 {
            self.balance -= beyond;
            if let Some(ages) = &mut self.ages {
                ages.drop_oldest(beyond);
            }
        }
    }

    /// The instant up to which capacity has come by `now`.
    fn last_inflow(&self, now: Timestamp) -> Timestamp {
        match self.step {
            0 => now,
            step => {
                let step = u64::from(step) * 1_000_000_000;
                Timestamp::from_nanos(now.as_nanos() / step * step)
            }
        }
    }

    #[inline]
    fn take(&mut self, amount: i128) {
        if let Some(ages) = &mut self.ages {
            ages.take(amount.min(self.balance.max(0)));
        }
        self.balance -= amount;
    }

    /// Whether a request of `cost` is let in now; nothing is spent.
    #[inline]
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
        let wait = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let at = self.updated + wait;
        match self.step {
            0 => at,
            step if self.last_inflow(at) < at => {
                self.last_inflow(at) + Duration::from_secs(step.into())
            }
            _ => at,
        }
    }

    #[inline]
    fn needed(&self, cost: CapacityUnits, rule: AdmissionRule) -> i128 {
        let needed = match rule {
            AdmissionRule::DebitAfter => 1,
            AdmissionRule::Strict => (i128::from(cost.halves()) * NANOS_PER_SECOND).min(self.full),
        };
        needed - self.credit
    }

    /// Takes `units` out; the balance may become a debt.
    #[inline]
    pub fn spend(&mut self, units: CapacityUnits, now: Timestamp) {
        self.refill(now);
        self.take(i128::from(units.halves()) * NANOS_PER_SECOND);
    }

    /// What a steady flow can have of it within the second from `now`, in units: what is there,
    /// what comes in, and what may be owed.
    pub fn within_second(&mut self, now: Timestamp) -> f64 {
        self.refill(now);
        units(self.balance + self.credit + self.second()).max(0.0)
    }

    /// Takes out what a steady flow had of it within the second from `now`, and says whether it
    /// will be full again by then.
    pub fn spend_within_second(&mut self, amount: f64, now: Timestamp) -> bool {
        self.refill(now);
        self.take(nano_halves(amount));
        self.balance + self.second() >= self.full
    }

    /// [`spend`](Self::spend) of what weighs only one `multiple`-th here.
    pub fn spend_one_of(&mut self, multiple: f64, units: CapacityUnits, now: Timestamp) {
        self.refill(now);
        self.take(nano_halves(units.as_f64() / multiple));
    }

    /// The fluid form: takes as much of `demand` units as is there, and says how much.
    pub fn serve(&mut self, demand: f64, now: Timestamp) -> f64 {
        self.refill(now);
        let served = nano_halves(demand).min(self.balance).max(0);
        self.take(served);
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
        self.take((self.balance - 2 * NANOS_PER_SECOND).max(0));
    }

    /// Another rate and depth from now on; what is there is kept, up to the new size.
    pub fn set_rate(&mut self, rate: CapacityUnits, burst_seconds: u32, now: Timestamp) {
        self.refill(now);
        self.rate = rate;
        self.burst_seconds = burst_seconds;
        self.full = self.held() + self.burst();
        self.cap();
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
        units((self.balance - self.held()).max(0))
    }
}

/// The longest `burst_seconds`, and what comes at a time.
const KEPT_MAX_NANOS: u64 = (3600 + 10) * 1_000_000_000;

/// What is in a bucket by the second in which it came, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ages(VecDeque<(u64, i128)>);

impl Ages {
    /// `balance`, of which `held` is the current second's and the rest as old as can be kept.
    fn of(balance: i128, held: i128, now: Timestamp) -> Self {
        let second = now.as_nanos() / 1_000_000_000;
        let saved = (balance - held).max(0);
        Self(VecDeque::from([(second, saved), (second, balance - saved)]))
    }

    /// `gained` in even parts from `from` to `to`, the first `owed` of which are gone at once.
    fn gain(&mut self, gained: i128, mut owed: i128, from: Timestamp, to: Timestamp) {
        let (from, to) = (from.as_nanos(), to.as_nanos());
        let whole = i128::from((to - from).max(1));
        // What is older than an hour and more is kept by no rule.
        let mut at = from.max(to.saturating_sub(KEPT_MAX_NANOS));
        let mut given = gained * i128::from(at - from) / whole;
        owed -= owed.min(given);
        while at < to {
            let second = at / 1_000_000_000;
            let end = ((second + 1) * 1_000_000_000).min(to);
            let until = gained * i128::from(end - from) / whole;
            let paid = owed.min(until - given);
            owed -= paid;
            let rest = until - given - paid;
            match self.0.back_mut() {
                Some((last, sum)) if *last == second => *sum += rest,
                _ => self.0.push_back((second, rest)),
            }
            given = until;
            at = end;
        }
    }

    /// Drops what came `seconds` before `now` or earlier.
    fn expire(&mut self, now: Timestamp, seconds: u32) {
        let second = now.as_nanos() / 1_000_000_000;
        let is_old = |came: u64| came + u64::from(seconds) < second;
        while self.0.front().is_some_and(|(came, _)| is_old(*came)) {
            self.0.pop_front();
        }
    }

    /// Takes what came last, then what is oldest: what is used was not saved.
    fn take(&mut self, mut amount: i128) {
        if let Some((_, newest)) = self.0.back_mut() {
            let taken = amount.min(*newest);
            *newest -= taken;
            amount -= taken;
        }
        self.drop_oldest(amount);
    }

    fn drop_oldest(&mut self, mut amount: i128) {
        while amount > 0 {
            let Some((_, oldest)) = self.0.front_mut() else {
                return;
            };
            let taken = amount.min(*oldest);
            *oldest -= taken;
            amount -= taken;
            if *oldest == 0 {
                self.0.pop_front();
            }
        }
    }

    fn sum(&self) -> i128 {
        self.0.iter().map(|(_, sum)| sum).sum()
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
