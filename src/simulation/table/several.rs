//! Requests about several items: batches, of which a part may be served, and transactions, which
//! are all or nothing.

use super::{
    Attempt, Ended, Member,
    rules::{carried, failed},
};
use crate::{
    capacity::{
        Arm,
        cost::{self, ReadMode, WriteMode},
        throttle::Resource,
    },
    scenario::Action,
    units::Direction,
};

impl Attempt<'_> {
    /// Members are admitted one by one; the request is throttled only when all are refused.
    pub(super) fn batch(
        &mut self,
        mode: ReadMode,
        again: Option<Vec<Member>>,
    ) -> Result<(), Ended> {
        let members = again.unwrap_or_else(|| self.members());
        let mut refusal = None;
        let mut served = 0;
        let mut left = Vec::new();
        for (number, action) in members {
            let answer = match action {
                None => self.read(number, mode),
                Some(action) => {
                    let effect = self.plan(action, number);
                    self.apply(effect, action, number)
                }
            };
            match answer {
                Ok(()) => served += 1,
                Err(answer) => {
                    refusal.get_or_insert(answer);
                    left.push((number, action));
                }
            }
        }
        match refusal {
            Some(answer) if served == 0 => Err(answer),
            _ if self.spec.members.retry_unprocessed => {
                self.left = left;
                Ok(())
            }
            _ => {
                self.declared.unprocessed += left.len() as u64;
                Ok(())
            }
        }
    }

    pub(super) fn transact_get(&mut self) -> Result<(), Ended> {
        let read = |(number, _): Member| {
            let items = &mut self.table.items;
            let stored = items.stored(number).unwrap_or_default();
            Arm {
                resource: Resource::Table,
                direction: Direction::Read,
                key: items.place(number),
                eventual: false,
                units: cost::read_as(stored, ReadMode::Transactional),
            }
        };
        let members = self.workload.members(self.sequence, self.pick);
        let arms: Vec<_> = members.into_iter().map(read).collect();
        self.take(&arms)
    }

    pub(super) fn transact_write(&mut self) -> Result<(), Ended> {
        let mut effects = Vec::new();
        let mut arms = Vec::new();
        let mut refused = Vec::new();
        let mut is_met = true;
        for (number, action) in self.members() {
            let action = action.unwrap_or(Action::Check);
            let effect = self.plan(action, number);
            let units = |images| cost::write_as(images, WriteMode::Transactional);
            let images = carried(effect.sizes, action);
            let if_refused = self.refused_units(images, WriteMode::Transactional);
            refused.push(self.table_arm(number, if_refused));
            arms.extend(self.write_arms(&effect, number, units(effect.sizes)));
            is_met &= action != Action::Check || effect.sizes.old.is_some();
            if action != Action::Check {
                effects.push(effect);
            }
        }
        if !is_met {
            self.admit(&refused)?;
            self.spend(&refused);
            return Err(failed(
                "TransactionCanceledException: ConditionalCheckFailed",
            ));
        }
        self.take(&arms)?;
        for effect in effects {
            self.commit(effect);
        }
        Ok(())
    }
}
