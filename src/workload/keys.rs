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
    Sequential { items: u64 },
    New { items: u64 },
    Weights(AliasTable),
}

impl Keys {
    /// Picks among `items` ≥ 1 items with randomness from `draws`. `spread` keys the
    /// permutation of scrambled laws: laws that share it share their popular items. `inserts`
    /// are the arrivals that add items to the table, if there are any. `weights` are those of
    /// the scenario.
    #[must_use]
    pub fn new(
        spec: KeySpec,
        items: u64,
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
            KeySpec::Latest { exponent } => Law::Latest(Latest::new(items, exponent, inserts)),
            KeySpec::Sequential => Law::Sequential { items },
            KeySpec::New => Law::New { items },
            KeySpec::Weights { weights: index } => {
                let values = weights
                    .get(index)
                    .map_or(&[][..], |weights| &weights.values);
                Law::Weights(AliasTable::new(values))
            }
        };
        Self { draws, law }
    }

    /// The number of the item that arrival `sequence` is about.
    #[must_use]
    pub fn pick(&self, sequence: u64) -> u64 {
        match &self.law {
            Law::Uniform { items } => below(*items, &mut self.draws.at(sequence)),
            Law::Zipfian { ranks } => ranks.sample(&mut self.draws.at(sequence)) - 1,
            Law::Scrambled { ranks, spread } => {
                spread.apply(ranks.sample(&mut self.draws.at(sequence)) - 1)
            }
            Law::HotSet {
                hot,
                items,
                traffic,
            } => {
                let mut rng = self.draws.at(sequence);
                if hot == items || rng.random::<f64>() < *traffic {
                    below(*hot, &mut rng)
                } else {
                    hot + below(items - hot, &mut rng)
                }
            }
            Law::Latest(latest) => latest.pick(sequence, &mut self.draws.at(sequence)),
            Law::Sequential { items } => sequence % items,
            Law::New { items } => items.saturating_add(sequence),
            Law::Weights(table) => table.sample(&mut self.draws.at(sequence)),
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
