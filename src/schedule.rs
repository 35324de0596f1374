//! The intended start of every arrival, computed from the run's start, never from the last
//! request.
//!
//! Owns phases in time and the numbering of arrivals; must not know what an arrival does.

pub mod arrival;
mod curve;
mod period;

use std::{sync::Arc, time::Duration};

use crate::{
    scenario::{ArrivalSpec, PhaseKind, Scenario},
    seed::Stream,
    units::Timestamp,
};
use arrival::Offsets;

/// One arrival of the open model.
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

    /// All arrivals, in order of time and number, computed one by one.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals<'_> {
        Arrivals {
            phases: &self.phases,
            phase: 0,
            offsets: None,
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

/// Iterator over [`Schedule::arrivals`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    phases: &'a [PlannedPhase],
    phase: usize,
    offsets: Option<Offsets>,
    sequence: u64,
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        loop {
            let phase = self.phases.get(self.phase)?;
            if let Some((spec, stream)) = &phase.arrivals {
                let length = phase.end.since(phase.start);
                let offsets = self
                    .offsets
                    .get_or_insert_with(|| Offsets::new(spec, length, *stream));
                if let Some(offset) = offsets.next() {
                    let sequence = self.sequence;
                    self.sequence += 1;
                    return Some(Arrival {
                        sequence,
                        phase: self.phase,
                        intended_start: phase.start + offset,
                    });
                }
            }
            self.offsets = None;
            self.phase += 1;
        }
    }
}
