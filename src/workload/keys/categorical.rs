//! The first items by weights of their own, all others alike.

use super::{alias::AliasTable, below};
use crate::seed::Rng;

/// Item *k* as often as weight *k* says; the items behind the last weight share one weight.
#[derive(Clone, Debug)]
pub struct Categorical {
    /// The weights, and behind them that of the rest.
    table: AliasTable,
    listed: u64,
    items: u64,
}

impl Categorical {
    /// Among `items`, at least as many as there are `weights`, of which one is above 0; `rest`
    /// is that of all others together, and means nothing where there are none.
    #[must_use]
    pub fn new(items: u64, weights: &[f64], rest: f64) -> Self {
        let listed = weights.len() as u64;
        let rest = Some(rest).filter(|_| items > listed);
        let all: Vec<f64> = weights.iter().copied().chain(rest).collect();
        Self {
            table: AliasTable::new(&all),
            listed,
            items,
        }
    }

    /// An item.
    #[must_use]
    pub fn sample(&self, rng: &mut Rng) -> u64 {
        let drawn = self.table.sample(rng);
        if drawn < self.listed {
            drawn
        } else {
            self.listed + below(self.items - self.listed, rng)
        }
    }
}
