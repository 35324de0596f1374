//! What a run has gone through so far, as far as it decides what its arrivals do.
//!
//! Owns which arrival began what; must not know what follows from that.

use std::{sync::Arc, time::Duration};

use crate::units::{Timestamp, nanos_of};

/// Which arrival began each phase, and each stay of what moves every so often.
///
/// What a phase's mix makes of a number depends on this, and which items are hot. It is no
/// function of the scenario, since how many arrivals a Poisson phase or a closed one has is known
/// only when it is over. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The first arrival of each phase, as far as phases have begun.
    phases: Arc<[u64]>,
    periods: Arc<Vec<Period>>,
}

/// Time in stays of equal length, counted from the run's start.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Period {
    length: Duration,
    /// First arrival and number of each stay that had arrivals.
    stays: Vec<(u64, u64)>,
}

impl Default for History {
    /// Only the first phase has begun.
    fn default() -> Self {
        Self::new([])
    }
}

impl History {
    /// Of a run that has not begun, in which things move with these periods, none of them zero.
    #[must_use]
    pub fn new(periods: impl IntoIterator<Item = Duration>) -> Self {
        let mut lengths: Vec<_> = periods.into_iter().collect();
        lengths.sort_unstable();
        lengths.dedup();
        let period = |length| Period {
            length,
            stays: vec![(0, 0)],
        };
        Self {
            phases: Arc::new([0]),
            periods: Arc::new(lengths.into_iter().map(period).collect()),
        }
    }

    /// Notes that arrival `sequence` of `phase` is due at `at`, and returns whether anything
    /// begins with it that was not known. Phases before it that are not known had no arrivals.
    #[inline]
    pub fn begin(&mut self, phase: usize, sequence: u64, at: Timestamp) -> bool {
        let known = self.phases.len();
        let mut is_news = phase >= known;
        if is_news {
            let new = std::iter::repeat_n(sequence, phase + 1 - known);
            self.phases = self.phases.iter().copied().chain(new).collect();
        }
        for index in 0..self.periods.len() {
            let period = &self.periods[index];
            let stay = period.stay_at(at);
            if period.stays.last().is_none_or(|(_, last)| *last < stay) {
                let periods = Arc::make_mut(&mut self.periods);
                periods[index].stays.push((sequence, stay));
                is_news = true;
            }
        }
        is_news
    }

    /// The phase of arrival `sequence`: the last that began with it or before it.
    #[must_use]
    pub fn phase_of(&self, sequence: u64) -> usize {
        self.phases
            .partition_point(|&first| first <= sequence)
            .saturating_sub(1)
    }

    /// The first arrival of `phase`; 0 when it has not begun.
    #[must_use]
    pub fn first(&self, phase: usize) -> u64 {
        self.phases.get(phase).copied().unwrap_or(0)
    }

    /// How often what moves every `period` has moved when arrival `sequence` is due; never where
    /// nothing moves so.
    #[must_use]
    pub fn moves(&self, period: Duration, sequence: u64) -> u64 {
        let same = |known: &&Period| known.length == period;
        let stays = self.periods.iter().find(same).map(|p| p.stays.as_slice());
        let stays = stays.unwrap_or_default();
        let begun = stays.partition_point(|(first, _)| *first <= sequence);
        begun.checked_sub(1).map_or(0, |last| stays[last].1)
    }
}

impl Period {
    fn stay_at(&self, at: Timestamp) -> u64 {
        at.as_nanos() / nanos_of(self.length).max(1)
    }
}
