//! The intended start of every arrival, computed from the run's start, never from the last
//! request.
//!
//! Owns phases in time and the numbering of arrivals; must not know what an arrival does.

pub mod arrival;
mod curve;
pub mod flow;
mod period;
pub mod shard;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    scenario::{ArrivalSpec, PhaseKind, Scenario},
    seed::Stream,
    units::Timestamp,
};
use arrival::Offsets;
use shard::Shard;

/// One request that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Number over all timed phases, from 0.
    pub sequence: u64,
    /// Index into `Scenario::phases`.
    pub phase: usize,
    /// When it is due.
    pub intended_start: Timestamp,
}

/// When the phases of a run start and end, and when each arrival is due.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// One for each phase of the scenario.
    phases: Vec<PlannedPhase>,
}

#[derive(Clone, Debug)]
struct PlannedPhase {
    start: Timestamp,
    end: Timestamp,
    /// `None` for load phases, which have no arrivals and take no time.
    arrivals: Option<(Arc<ArrivalSpec>, Stream)>,
}

impl Schedule {
    /// Lays the phases of `scenario` end to end.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let mut end = Timestamp::ZERO;
        let plan = |phase: &crate::scenario::Phase| {
            let start = end;
            let timed = phase.kind != PhaseKind::Load;
            if timed {
                end = end + phase.duration;
            }
            let stream = scenario.seed.stream(&format!("arrivals/{}", phase.name));
            PlannedPhase {
                start,
                end,
                arrivals: timed.then(|| (Arc::new(phase.arrivals.clone()), stream)),
            }
        };
        Self {
            phases: scenario.phases.iter().map(plan).collect(),
        }
    }

    /// All arrivals, in order of time and number, computed one by one; of closed phases those
    /// that do not depend on answers: each client's first.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals<'_> {
        Arrivals {
            phases: &self.phases,
            phase: 0,
            offsets: None,
            next: None,
            ready: BTreeMap::new(),
            answers: 0,
            sequence: 0,
        }
    }

    /// When phase `phase` (an index into `Scenario::phases`) starts.
    ///
    /// # Panics
    /// If there is no such phase.
    #[must_use]
    pub fn phase_start(&self, phase: usize) -> Timestamp {
        self.phases[phase].start
    }

    /// When phase `phase` ends; its arrivals are due before that.
    ///
    /// # Panics
    /// If there is no such phase.
    #[must_use]
    pub fn phase_end(&self, phase: usize) -> Timestamp {
        self.phases[phase].end
    }

    /// Length of all timed phases together.
    #[must_use]
    pub fn duration(&self) -> Duration {
        let end = self.phases.last().map(|phase| phase.end);
        end.unwrap_or_default().since_start()
    }
}

/// Iterator over [`Schedule::arrivals`]. In closed phases an arrival comes up only when a client
/// is ready, of which [`answered`](Self::answered) has to be told; what comes next may change
/// by that.
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    phases: &'a [PlannedPhase],
    /// The phase to look at next.
    phase: usize,
    offsets: Option<Offsets>,
    /// The next arrival that no answer moves, with its phase.
    next: Option<(Timestamp, usize)>,
    /// How many clients of a closed phase are ready at an instant.
    ready: BTreeMap<(Timestamp, usize), u32>,
    /// Answers in closed phases so far.
    answers: u64,
    sequence: u64,
}

impl Arrivals<'_> {
    /// When the next arrival is due, as far as that is known.
    pub fn next_at(&mut self) -> Option<Timestamp> {
        self.next_known().map(|(at, _)| at)
    }

    /// Passes over arrivals up to the next one that `ours` takes by its number, and tells
    /// `passed` of each. For runs without closed phases, in which answers move nothing.
    pub fn skip_to(&mut self, ours: Shard, mut passed: impl FnMut(&Arrival)) {
        while !ours.takes(self.sequence) {
            match self.next() {
                Some(arrival) => passed(&arrival),
                None => return,
            }
        }
    }

    /// A request of `phase` is over at `at`; in a closed phase, its client thinks and is ready
    /// again, unless the phase is over by then.
    pub fn answered(&mut self, phase: usize, at: Timestamp) {
        let planned = &self.phases[phase];
        let Some((spec, stream)) = &planned.arrivals else {
            return;
        };
        if let ArrivalSpec::Closed { think_time, .. } = **spec {
            let mut rng = stream.at(self.answers);
            self.answers += 1;
            let ready = at + arrival::think(think_time, &mut rng);
            if ready < planned.end {
                *self.ready.entry((ready, phase)).or_default() += 1;
            }
        }
    }

    fn next_known(&mut self) -> Option<(Timestamp, usize)> {
        if self.next.is_none() && self.ready.is_empty() {
            self.look_ahead();
        }
        match (self.next, self.ready.first_key_value()) {
            (Some(next), Some((ready, _))) => Some(next.min(*ready)),
            (next, ready) => next.or_else(|| ready.map(|(ready, _)| *ready)),
        }
    }

    /// Finds the next phase with arrivals, and the first of them, if there are any left.
    fn look_ahead(&mut self) {
        while self.next.is_none() && self.ready.is_empty() {
            let Some(phase) = self.phases.get(self.phase) else {
                return;
            };
            match &phase.arrivals {
                None => {}
                Some((spec, stream)) => {
                    let length = phase.end.since(phase.start);
                    if let ArrivalSpec::Closed { clients, .. } = **spec {
                        if !length.is_zero() {
                            self.ready.insert((phase.start, self.phase), clients);
                        }
                    } else {
                        let offsets = self
                            .offsets
                            .get_or_insert_with(|| Offsets::new(spec, length, *stream));
                        if let Some(offset) = offsets.next() {
                            self.next = Some((phase.start + offset, self.phase));
                            return;
                        }
                    }
                }
            }
            self.offsets = None;
            self.phase += 1;
        }
    }
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let first = self.next_known()?;
        if self.next == Some(first) {
            self.next = None;
        } else if let Some(clients) = self.ready.get_mut(&first) {
            *clients -= 1;
            if *clients == 0 {
                self.ready.remove(&first);
            }
        }
        let sequence = self.sequence;
        self.sequence += 1;
        Some(Arrival {
            sequence,
            phase: first.1,
            intended_start: first.0,
        })
    }
}
