//! Where seconds go that are over, so that a recorder's memory does not grow with the run.

use std::{collections::BTreeSet, fmt::Debug};

use super::Interval;

/// Keeps seconds for a recorder, which does not know where.
pub trait Shelf: Debug + Send {
    /// Takes a second, and says whether it could. What it had of that second before is void.
    fn lay(&mut self, interval: &Interval) -> bool;

    /// The second as it was laid there last.
    ///
    /// # Errors
    /// When it cannot be had any more.
    fn take(&mut self, second: u64) -> Result<Interval, LostSecond>;

    /// The same; of its histograms the texts may stay where they are, for
    /// [`lay_elsewhere`](crate::record::histogram::EncodedHistogram::lay_elsewhere).
    ///
    /// # Errors
    /// As above.
    fn take_counts(&mut self, second: u64) -> Result<Interval, LostSecond> {
        self.take(second)
    }
}

/// A second that was laid on a shelf and cannot be had any more. A record without it would be
/// wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("second {second} of the run, which was laid aside, cannot be read again: {cause}")]
pub struct LostSecond {
    /// Which.
    pub second: u64,
    /// Why.
    pub cause: String,
}

/// A shelf, if there is one, and what is on it.
#[derive(Debug, Default)]
pub(super) struct Shelved {
    place: Option<Box<dyn Shelf>>,
    seconds: BTreeSet<u64>,
}

impl Shelved {
    pub(super) fn on(place: Box<dyn Shelf>) -> Self {
        Self {
            place: Some(place),
            seconds: BTreeSet::new(),
        }
    }

    /// Whether `interval` is there now, and need not be kept elsewhere.
    pub(super) fn lay(&mut self, interval: &Interval) -> bool {
        let is_there = self.place.as_mut().is_some_and(|it| it.lay(interval));
        is_there && self.seconds.insert(interval.second)
    }

    /// Takes a second off, if it is there.
    pub(super) fn take(&mut self, second: u64) -> Option<Result<Interval, LostSecond>> {
        let place = self.place.as_mut()?;
        self.seconds.remove(&second).then(|| place.take(second))
    }

    /// Takes all of them off, to be read and not changed any more.
    pub(super) fn take_all(self) -> impl Iterator<Item = Result<Interval, LostSecond>> {
        let mut place = self.place;
        let seconds = self.seconds.into_iter();
        seconds.filter_map(move |second| Some(place.as_mut()?.take_counts(second)))
    }
}
