//! A few neighbours get most of the traffic, perhaps not always the same.

use std::time::Duration;

use rand::RngExt;

use super::below;
use crate::{seed::Rng, units::Share, workload::history::History};

/// A share of the items that gets a share of the traffic; uniform within, and among the others.
///
/// One that moves goes on by its own size each time, so that the next neighbours are hot, and
/// from the last item to the first. Which arrivals find it where follows from the history: when
/// an arrival is due, not when it is sent.
#[derive(Clone, Copy, Debug)]
pub struct HotSet {
    hot: u64,
    items: u64,
    traffic: f64,
    moves_every: Option<Duration>,
}

impl HotSet {
    /// Among `items` ≥ 1 items.
    #[must_use]
    pub fn new(items: u64, keys: Share, traffic: Share, moves_every: Option<Duration>) -> Self {
        Self {
            hot: hot_items(items, keys.as_fraction()),
            items,
            traffic: traffic.as_fraction(),
            moves_every,
        }
    }

    /// Hot items, all items, and the share of the traffic that the hot ones get, all of it where
    /// there are no others; `None` where what is hot moves.
    pub(super) fn resting(&self) -> Option<(u64, u64, f64)> {
        let traffic = if self.hot == self.items {
            1.0
        } else {
            self.traffic
        };
        self.moves_every
            .is_none()
            .then_some((self.hot, self.items, traffic))
    }

    /// An item for arrival `sequence`.
    ///
    /// # Panics
    /// Never: what is left of a division by a number of items is below it.
    #[must_use]
    pub fn sample(&self, sequence: u64, history: &History, rng: &mut Rng) -> u64 {
        let Self { hot, items, .. } = *self;
        let resting = if hot == items || rng.random::<f64>() < self.traffic {
            below(hot, rng)
        } else {
            hot + below(items - hot, rng)
        };
        let Some(period) = self.moves_every else {
            return resting;
        };
        let moves = history.moves(period, sequence);
        let gone = u128::from(moves) * u128::from(hot);
        let item = (u128::from(resting) + gone) % u128::from(items);
        u64::try_from(item).expect("below the number of items")
    }
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
