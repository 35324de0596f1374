//! A table or a global secondary index: its own bucket, its partitions, and what they refuse.

use super::{
    Arm, CapacityStatus,
    bucket::TokenBucket,
    change::{self, ChangeRefusal, Changes, Provisioning},
    partition::{self, Partitions},
    supply::Supply,
    throttle::ThrottleCause,
};
use crate::{
    scenario::{AdmissionRule, Billing, ModelParameters},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp},
};

#[derive(Clone, Debug)]
pub(super) struct ResourceCapacity {
    /// In force.
    billing: Billing,
    /// The last one that it was told, which auto scaling does not change.
    asked: Billing,
    pub(super) supplies: ByDirection<Supply>,
    pub(super) buckets: ByDirection<TokenBucket>,
    pub(super) partitions: Partitions,
    /// The highest rates that it was ever provisioned for.
    highest: ByDirection<CapacityUnits>,
    changes: Changes,
}

impl ResourceCapacity {
    /// Holds `bytes`. Writes of up to `credit` may be owed before any is refused.
    pub(super) fn new(
        billing: &Billing,
        bytes: Bytes,
        credit: CapacityUnits,
        parameters: &ModelParameters,
        now: Timestamp,
    ) -> Self {
        let highest = billing.capacity().unwrap_or_default();
        let supplies = supplies(billing, highest, parameters, now);
        let partitioned = ByDirection::from_fn(|direction| supplies[direction].partitioned_rate());
        let count = partition::initial_count(partitioned, bytes, parameters);
        let bucket = |direction: Direction| {
            let supply: &Supply = &supplies[direction];
            TokenBucket::new(
                supply.rate(),
                supply.burst_seconds(parameters),
                parameters.initial_burst_fraction.as_fraction(),
                now,
            )
            .under(parameters)
        };
        Self {
            billing: *billing,
            asked: *billing,
            buckets: ByDirection {
                read: bucket(Direction::Read),
                write: bucket(Direction::Write).with_credit(credit),
            },
            partitions: Partitions::new(count, partitioned, parameters, now)
                .holding(bytes)
                .with_write_credit(credit),
            supplies,
            highest,
            changes: Changes::new(parameters),
        }
    }

    pub(super) const fn bind_collections(&mut self) {
        self.partitions.bind_collections();
    }

    pub(super) fn adopt_refusals(&mut self, copy: &Self) {
        self.partitions.adopt_refusals(&copy.partitions);
    }

    pub(super) const fn partitions(&mut self) -> &mut Partitions {
        &mut self.partitions
    }

    /// Leaves one unit at most in every bucket.
    pub(super) fn drain(&mut self, now: Timestamp) {
        for direction in Direction::ALL {
            self.buckets[direction].drain(now);
        }
        self.partitions.drain(now);
    }

    /// Why its own bucket refuses `units`, with the instant from which it would not.
    pub(super) fn own_refusal(
        &mut self,
        direction: Direction,
        units: CapacityUnits,
        parameters: &ModelParameters,
        now: Timestamp,
    ) -> Option<(ThrottleCause, Timestamp)> {
        let rule = parameters.admission_rule;
        let bucket = &mut self.buckets[direction];
        (!bucket.admits(units, rule, now)).then(|| {
            let cause = self.supplies[direction].cause();
            (cause, bucket.admits_at(units, rule, now))
        })
    }

    /// The same of the partition that the arm's key lies in.
    pub(super) fn partition_refusal(
        &mut self,
        arm: &Arm,
        units: CapacityUnits,
        parameters: &ModelParameters,
        now: Timestamp,
    ) -> Option<(ThrottleCause, Timestamp)> {
        let rule = parameters.admission_rule;
        let until = self.partitions.refusal(arm, units, rule, now)?;
        self.partitions.refuse(arm.key, arm.direction, arm.units);
        Some((ThrottleCause::KeyRange, until))
    }

    /// Asks for `asked` and debits what the arm takes, if it is let in: whether a split began by
    /// that.
    #[inline]
    pub(super) fn take(
        &mut self,
        asked: CapacityUnits,
        arm: &Arm,
        rule: AdmissionRule,
        now: Timestamp,
    ) -> Option<bool> {
        if !self.buckets[arm.direction].admits(asked, rule, now) {
            return None;
        }
        let began = self.partitions.take(asked, arm, rule, now)?;
        self.supplies[arm.direction].serve(arm.units);
        self.buckets[arm.direction].spend(arm.units, now);
        Some(began)
    }

    /// Debits what was consumed, and says whether a split began by that.
    pub(super) fn spend(&mut self, arm: &Arm, now: Timestamp) -> bool {
        self.supplies[arm.direction].serve(arm.units);
        self.buckets[arm.direction].spend(arm.units, now);
        self.partitions.spend(arm, now)
    }

    /// Whether two keys share a partition.
    pub(super) fn is_same_partition(&self, one: &Arm, other: &Arm) -> bool {
        self.partitions.index_of(one.key) == self.partitions.index_of(other.key)
    }

    /// Another way of billing, or other rates, from now on. Burst credit is kept, up to the new
    /// size; a raise above what the partitions serve splits them, a cut merges none.
    pub(super) fn set_billing(
        &mut self,
        billing: &Billing,
        parameters: &ModelParameters,
        now: Timestamp,
    ) {
        self.asked = *billing;
        self.changes.drop_pending();
        self.apply_billing(billing, parameters, now);
    }

    fn apply_billing(&mut self, billing: &Billing, parameters: &ModelParameters, now: Timestamp) {
        if self.billing == *billing {
            return;
        }
        self.billing = *billing;
        if let Some(rates) = billing.capacity() {
            self.highest = ByDirection::from_fn(|d: Direction| self.highest[d].max(rates[d]));
        }
        self.supplies = supplies(billing, self.highest, parameters, now);
        self.apply_rates(parameters, now);
    }

    /// The same as `UpdateTable` does it: it takes a while, and takes a decrease if it is one.
    /// Rates that are in force already, and policies of auto scaling, which is a service of its
    /// own, are noted at once.
    pub(super) fn update_billing(
        &mut self,
        billing: &Billing,
        parameters: &ModelParameters,
        now: Timestamp,
    ) {
        let asked = std::mem::replace(&mut self.asked, *billing);
        if asked == *billing {
            return;
        }
        if let (None, Some(in_force)) = (self.changes.due(), self.provisioned())
            && [asked.capacity(), Some(in_force)].contains(&billing.capacity())
        {
            return self.apply_billing(&billing.with_capacity(in_force), parameters, now);
        }
        match (self.provisioned(), billing.capacity()) {
            (Some(before), Some(after)) => {
                if is_decrease(before, after) {
                    self.changes.decreases.take(now);
                }
                self.changes.note(before, after, now);
            }
            (Some(_), None) => self.changes.note_switch(now),
            (None, _) => {}
        }
        let due = now + change::lag(parameters);
        if due > now {
            self.changes.begin(*billing, due);
        } else {
            self.apply_billing(billing, parameters, now);
        }
    }

    /// Why a call of `UpdateTable` for these rates, or for none to be billed by the request, is
    /// refused.
    pub(super) fn change_refusal(
        &mut self,
        wanted: Option<ByDirection<CapacityUnits>>,
        now: Timestamp,
    ) -> Option<ChangeRefusal> {
        match (self.provisioned()?, wanted) {
            (before, Some(after)) if is_decrease(before, after) => {
                let decreases = &mut self.changes.decreases;
                (decreases.left(now) == 0).then(|| ChangeRefusal::NoDecrease {
                    today: decreases.taken_today(now),
                })
            }
            (_, None) if !self.changes.may_switch(now) => Some(ChangeRefusal::NoSwitch),
            _ => None,
        }
    }

    /// What is told of its capacity at `now`.
    pub(super) fn provisioning(
        &mut self,
        parameters: &ModelParameters,
        now: Timestamp,
    ) -> Provisioning {
        let lag = change::lag(parameters);
        let scales = |direction| self.supplies[direction].is_updating(lag, now);
        let is_scaled = Direction::ALL.into_iter().any(scales);
        let told = self.changes.describe(self.provisioned(), now);
        Provisioning {
            updating: told.updating || is_scaled,
            ..told
        }
    }

    /// RCU and WCU in force; `None` on demand.
    fn provisioned(&self) -> Option<ByDirection<CapacityUnits>> {
        let rates = || ByDirection::from_fn(|direction| self.supplies[direction].rate());
        matches!(self.billing, Billing::Provisioned { .. }).then(rates)
    }

    /// The next instant at which something changes without a request.
    pub(super) fn changes_at(&self) -> Option<Timestamp> {
        let supplies = Direction::ALL.map(|direction| self.supplies[direction].changes_at());
        let others = [self.partitions.changes_at(), self.changes.due()];
        let changes = supplies.into_iter().chain(others);
        changes.flatten().min()
    }

    /// Applies what changes at `now`.
    pub(super) fn advance(&mut self, parameters: &ModelParameters, now: Timestamp) {
        self.partitions.advance(now);
        if let Some(billing) = self.changes.take_due(now) {
            self.apply_billing(&billing, parameters, now);
        }
        let (before, provisioned) = (self.rates(), self.provisioned());
        for direction in Direction::ALL {
            let supply = &mut self.supplies[direction];
            if supply.changes_at().is_some_and(|at| at <= now) {
                supply.advance(now, &mut self.changes.decreases);
            }
        }
        if self.rates() != before {
            self.apply_rates(parameters, now);
            if let (Some(before), Some(after)) = (provisioned, self.provisioned()) {
                self.changes.note(before, after, now);
            }
        }
    }

    /// What it shows at `now`.
    pub(super) fn status(&mut self, now: Timestamp) -> CapacityStatus {
        CapacityStatus {
            rates: ByDirection::from_fn(|direction| self.supplies[direction].rate()),
            on_demand: matches!(self.billing, Billing::OnDemand { .. }),
            burst_left: ByDirection::from_fn(|direction| self.buckets[direction].burst_left(now)),
            partitions: self.partitions.count(),
            last_heat: self.partitions.last_heat(),
        }
    }

    fn rates(&self) -> ByDirection<(CapacityUnits, CapacityUnits)> {
        ByDirection::from_fn(|direction| {
            let supply = &self.supplies[direction];
            (supply.rate(), supply.partitioned_rate())
        })
    }

    fn apply_rates(&mut self, parameters: &ModelParameters, now: Timestamp) {
        for direction in Direction::ALL {
            let supply = &self.supplies[direction];
            let bucket = &mut self.buckets[direction];
            bucket.set_rate(supply.rate(), supply.burst_seconds(parameters), now);
        }
        let partitioned =
            ByDirection::from_fn(|direction| self.supplies[direction].partitioned_rate());
        self.partitions.set_rates(partitioned, parameters, now);
    }
}

fn is_decrease(before: ByDirection<CapacityUnits>, after: ByDirection<CapacityUnits>) -> bool {
    Direction::ALL
        .into_iter()
        .any(|direction| after[direction] < before[direction])
}

fn supplies(
    billing: &Billing,
    highest: ByDirection<CapacityUnits>,
    parameters: &ModelParameters,
    now: Timestamp,
) -> ByDirection<Supply> {
    ByDirection::from_fn(|direction| {
        Supply::new(billing, direction, highest[direction], parameters, now)
    })
}
