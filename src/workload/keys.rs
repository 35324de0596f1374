//! Which item a request is about.
//!
//! Owns the laws by which items are picked, each exact for up to 10^12 items (Zipf's to 10^-13)
//! without a table of them in memory; must not know what the items hold or what is done with them.

pub mod alias;
pub mod categorical;
pub mod exponential;
pub mod hot_set;
pub mod latest;
pub mod normal;
pub mod permutation;
pub mod popular;
pub mod zipf;

use rand::RngExt;

use crate::{
    scenario::{KeySpec, data::Weights},
    seed::{Rng, Stream},
    workload::{history::History, mix::Chance},
};
use alias::AliasTable;
use categorical::Categorical;
use exponential::Exponential;
use hot_set::HotSet;
use latest::{Inserts, Latest};
use normal::Normal;
use permutation::Permutation;
use zipf::{QuickZipf, Zipf};

/// A compiled [`KeySpec`] over the items of one table.
#[derive(Clone, Debug)]
pub struct Keys {
    draws: Stream,
    law: Law,
    missing: Option<Chance>,
}

#[derive(Clone, Debug)]
enum Law {
    Uniform {
        items: u64,
    },
    Zipfian {
        ranks: QuickZipf,
    },
    Scrambled {
        ranks: QuickZipf,
        spread: Permutation,
    },
    HotSet(HotSet),
    Latest(Latest),
    Sequential {
        items: u64,
        members: u64,
    },
    Exponential(Exponential),
    Normal(Normal),
    Categorical(Categorical),
    New {
        items: u64,
        per_arrival: u64,
    },
    Weights(AliasTable),
}

/// Members of one request, at most: what tells their draws apart.
pub const MEMBERS_MAX: u64 = 128;

/// The first of the numbers that no item ever has, however many are loaded or inserted. A
/// request that is meant to find nothing asks for so many more than it would otherwise: keys
/// that are missing are as skewed as those that are there.
pub const MISSING_FIRST: u64 = 1_000_000_000_000_000_000;

/// Whether no item ever has this number.
#[must_use]
pub const fn is_missing(number: u64) -> bool {
    number >= MISSING_FIRST
}

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
        let listed = |index: usize| weights.get(index).map_or(&[][..], |w| &w.values);
        let law = match spec {
            KeySpec::Uniform => Law::Uniform { items },
            KeySpec::Zipfian {
                exponent,
                scrambled,
            } => {
                let ranks = QuickZipf::from(Zipf::new(items, exponent));
                if scrambled {
                    let spread = Permutation::new(items, spread);
                    Law::Scrambled { ranks, spread }
                } else {
                    Law::Zipfian { ranks }
                }
            }
            KeySpec::HotSet {
                keys,
                traffic,
                moves_every,
            } => Law::HotSet(HotSet::new(items, keys, traffic, moves_every)),
            KeySpec::Latest { exponent } => {
                Law::Latest(Latest::new(items, new_per_arrival, exponent, inserts))
            }
            KeySpec::Sequential => Law::Sequential { items, members },
            KeySpec::Exponential { mean } => {
                Law::Exponential(Exponential::new(items, mean.as_fraction()))
            }
            KeySpec::Normal { mean, std_dev } => Law::Normal(Normal::new(
                items,
                mean.as_fraction(),
                std_dev.as_fraction(),
            )),
            KeySpec::Categorical { weights, rest } => {
                Law::Categorical(Categorical::new(items, listed(weights), rest))
            }
            KeySpec::New => Law::New {
                items,
                per_arrival: new_per_arrival,
            },
            KeySpec::Weights { weights } => Law::Weights(AliasTable::new(listed(weights))),
        };
        Self {
            draws,
            law,
            missing: None,
        }
    }

    /// The same, of which `missing` says which picks are to find nothing.
    #[must_use]
    pub fn missing(self, missing: Chance) -> Self {
        Self {
            missing: Some(missing),
            ..self
        }
    }

    /// The number of the item that arrival `sequence` is about, given what began when.
    #[must_use]
    pub fn pick(&self, sequence: u64, history: &History) -> u64 {
        let item = match &self.law {
            Law::New { items, per_arrival } => {
                items.saturating_add(sequence.saturating_mul(*per_arrival))
            }
            Law::Sequential { items, members } => sequence.wrapping_mul(*members) % items,
            _ => self.draw(sequence, sequence, history),
        };
        self.unless_missing(item, sequence)
    }

    /// The same for try number `member` (from 0, below [`MEMBERS_MAX`]) of finding members of a
    /// batch or transaction. Of `Latest`, all look back from the same arrival.
    #[must_use]
    pub fn pick_member(&self, sequence: u64, member: u64, history: &History) -> u64 {
        let draw = sequence.wrapping_mul(MEMBERS_MAX).wrapping_add(member);
        let item = match &self.law {
            Law::New { items, per_arrival } => {
                let first = sequence.saturating_mul(*per_arrival);
                items.saturating_add(first).saturating_add(member)
            }
            Law::Sequential { items, members } => {
                sequence.wrapping_mul(*members).wrapping_add(member) % items
            }
            _ => self.draw(draw, sequence, history),
        };
        self.unless_missing(item, draw)
    }

    fn unless_missing(&self, item: u64, draw: u64) -> u64 {
        match self.missing {
            Some(missing) if missing.happens(draw) => MISSING_FIRST.saturating_add(item),
            _ => item,
        }
    }

    /// Draw number `draw`, for arrival `sequence`.
    fn draw(&self, draw: u64, sequence: u64, history: &History) -> u64 {
        let rng = || self.draws.at(draw);
        match &self.law {
            Law::Uniform { items } => below(*items, &mut rng()),
            Law::Zipfian { ranks } => ranks.draw(self.draws, draw) - 1,
            Law::Scrambled { ranks, spread } => spread.apply(ranks.draw(self.draws, draw) - 1),
            Law::HotSet(hot) => hot.sample(sequence, history, &mut rng()),
            Law::Latest(latest) => latest.pick(sequence, history, &mut rng()),
            Law::Exponential(law) => law.sample(&mut rng()),
            Law::Normal(law) => law.sample(&mut rng()),
            Law::Categorical(law) => law.sample(&mut rng()),
            Law::Weights(table) => table.sample(&mut rng()),
            Law::Sequential { .. } | Law::New { .. } => unreachable!("nothing is drawn of these"),
        }
    }
}

fn below(bound: u64, rng: &mut Rng) -> u64 {
    rng.random_range(0..bound)
}
