//! What the next arrivals are about, found out many at a time.
//!
//! A draw waits mostly for its own arithmetic, so that those of several arrivals one after the
//! other take little more than one.

use crate::workload::{Pick, Workload};

/// Arrivals that are looked at in one go.
const AHEAD: u64 = 64;

/// The picks of arrivals in their order.
pub(super) struct PicksAhead {
    /// Number of the first one.
    first: u64,
    picks: Vec<Pick>,
}

impl PicksAhead {
    pub(super) const fn new() -> Self {
        Self {
            first: 0,
            picks: Vec::new(),
        }
    }

    /// What arrival `sequence` of `workload` is about; `is_news`: something began with it, so that
    /// what was found out before may be otherwise.
    pub(super) fn of(&mut self, workload: &Workload, sequence: u64, is_news: bool) -> Pick {
        let known = self.known(sequence).filter(|_| !is_news);
        known.unwrap_or_else(|| {
            self.first = sequence;
            self.picks.clear();
            let ahead = sequence..sequence.saturating_add(AHEAD);
            self.picks.extend(ahead.map(|number| workload.pick(number)));
            self.picks[0]
        })
    }

    fn known(&self, sequence: u64) -> Option<Pick> {
        let ahead = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        self.picks.get(ahead).copied()
    }
}
