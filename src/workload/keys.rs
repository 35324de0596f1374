//! Which item a request is about.
//!
//! Owns the laws by which items are picked, each exact for up to 10^12 items without a table
//! in memory; must not know what the items hold or what is done with them.

pub mod alias;
pub mod latest;
pub mod permutation;
pub mod zipf;

use rand::RngExt;

use crate::{
    scenario::{KeySpec, data::Weights},
    seed::{Rng, Stream},
    workload::mix::PhaseStarts,
};
use alias::AliasTable;
use latest::{Inserts, Latest};
use permutation::Permutation;
use zipf::Zipf;

/// A compiled [`KeySpec`] over the items of one table.
#[derive(Clone, Debug)]
pub struct Keys {
    draws: Stream,
    law: Law,
}

#[derive(Clone, Debug)]
enum Law {
    Uniform { items: u64 },
    Zipfian { ranks: Zipf },
    Scrambled { ranks: Zipf, spread: Permutation },
    HotSet { hot: u64, items: u64, traffic: f64 },
    Latest(Latest),
    Sequential { items: u64, members: u64 },
    New { items: u64, per_arrival: u64 },
    Weights(AliasTable),
}

/// Members of one request, at most: what tells their draws apart.
pub const MEMBERS_MAX: u64 = 128;

impl Keys {
    /// Picks among `items` ≥ 1 items with randomness from `draws`. `spread` keys the
    /// permutation of scrambled laws: laws that share it share their popular items. `inserts`
    /// are the arrivals that add items to the table, if there are any; each adds at most
    /// `new_per_arrival` ≥ 1. A request has `members` ≥ 1 at most. `weights` are
    /// those of the scenario.
    #[must_use]
    #[expect(
        clippy::too_many_arguments,
        reason = "a law is compiled once, from all that it may depend on"
    )]
    pub fn new(
        spec: KeySpec,
        items: u64,
        members: u64,
        new_per_arrival: u64,
        draws: Stream,
        spread: Stream,
        inserts: Option<Inserts>,
        weights: &[Weights],
    ) -> Self {
        let items = items.max(1);
        let law = match spec {
            KeySpec::Uniform => Law::Uniform { items },
            KeySpec::Zipfian {
                exponent,
                scrambled,
            } => {
                let ranks = Zipf::new(items, exponent);
                if scrambled {
                    let spread = Permutation::new(items, spread);
                    Law::Scrambled { ranks, spread }
                } else {
                    Law::Zipfian { ranks }
                }
            }
            KeySpec::HotSet { keys, traffic } => Law::HotSet {
                hot: hot_items(items, keys.as_fraction()),
                items,
                traffic: traffic.as_fraction(),
            },
            KeySpec::Latest { exponent } => {
                Law::Latest(Latest::new(items, new_per_arrival, exponent, inserts))
            }
            KeySpec::Sequential => Law::Sequential { items, members },
            KeySpec::New => Law::New {
                items,
                per_arrival: new_per_arrival,
            },
            KeySpec::Weights { weights: index } => {
                let values = weights
                    .get(index)
                    .map_or(&[][..], |weights| &weights.values);
                Law::Weights(AliasTable::new(values))
            }
        };
        Self { draws, law }
    }

    /// The number of the item that arrival `sequence` is about, given which phases began when.
    #[must_use]
    pub fn pick(&self, sequence: u64, starts: &PhaseStarts) -> u64 {
        match &self.law {
            Law::Latest(latest) => latest.pick(sequence, starts, &mut self.draws.at(sequence)),
            Law::New { items, per_arrival } => {
                items.saturating_add(sequence.saturating_mul(*per_arrival))
            }
            _ => self.draw(sequence),
        }
    }

    /// The same for try number `member` (from 0, below [`MEMBERS_MAX`]) of finding members of a
    /// batch or transaction. Of `Latest`, all look back from the same arrival.
    #[must_use]
    pub fn pick_member(&self, sequence: u64, member: u64, starts: &PhaseStarts) -> u64 {
        let draw = sequence.wrapping_mul(MEMBERS_MAX).wrapping_add(member);
        match &self.law {
            Law::Latest(latest) => latest.pick(sequence, starts, &mut self.draws.at(draw)),
            Law::New { items, per_arrival } => {
                let first = sequence.saturating_mul(*per_arrival);
                items.saturating_add(first).saturating_add(member)
            }
            Law::Sequential { items, members } => {
                sequence.wrapping_mul(*members).wrapping_add(member) % items
            }
            _ => self.draw(draw),
        }
    }

    fn draw(&self, number: u64) -> u64 {
        match &self.law {
            Law::Uniform { items } => below(*items, &mut self.draws.at(number)),
            Law::Zipfian { ranks } => ranks.sample(&mut self.draws.at(number)) - 1,
            Law::Scrambled { ranks, spread } => {
                spread.apply(ranks.sample(&mut self.draws.at(number)) - 1)
            }
            Law::HotSet {
                hot,
                items,
                traffic,
            } => {
                let mut rng = self.draws.at(number);
                if hot == items || rng.random::<f64>() < *traffic {
                    below(*hot, &mut rng)
                } else {
                    hot + below(items - hot, &mut rng)
                }
            }
            Law::Weights(table) => table.sample(&mut self.draws.at(number)),
            Law::Sequential { items, members } => number.wrapping_mul(*members) % items,
            Law::Latest(_) | Law::New { .. } => unreachable!("these depend on the arrival"),
        }
    }
}

fn below(bound: u64, rng: &mut Rng) -> u64 {
    rng.random_range(0..bound)
}

/// At least one hot item and, below 100 %, at least one cold one where there are two.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count, rounded; clamped to the count"
)]
fn hot_items(items: u64, share: f64) -> u64 {
    if share >= 1.0 {
        return items;
    }
    let rounded = (items as f64 * share).round() as u64;
    rounded.clamp(1, (items - 1).max(1))
}
