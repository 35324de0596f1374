//! Whether the load generator itself was the limit: its CPU time, its queue, and its share of
//! what it can do on the machine.

use crate::{
    record::{Interval, RunRecord},
    scenario::{PhaseKind, Scenario},
    units::float,
};

/// A thread that takes more of a core than this has no pause worth the name.
const BUSY: f64 = 0.9;
/// The timer that takes a core whatever there is to do.
const SPIN: &str = "spin";
const SECOND_NANOS: f64 = 1e9;

/// What the generator took in the measured phases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneratorUse {
    /// The busiest thread in its busiest second, as a share of a core.
    pub busiest_share: f64,
    /// The highest rate of a second as a share of the ceiling of all threads; `None` when that
    /// is not known.
    pub ceiling_share: Option<f64>,
}

/// Why requests were sent late, or not at all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// A thread that fires had no pause.
    Generator {
        /// What it took of a core, on average over the seconds that were late.
        share: f64,
    },
    /// Requests waited for a place among those in flight: the answers took too long.
    Places {
        /// The most that waited at a look.
        queued: u64,
    },
    /// Neither: something else kept the machine, or this process, from running.
    Machine {
        /// As above.
        share: f64,
    },
}

impl GeneratorUse {
    /// Of a run whose record tells; nothing of simulations.
    #[must_use]
    pub fn of(record: &RunRecord) -> Option<Self> {
        let shares = measured(record).filter_map(|second| busiest(record, second));
        let busiest_share = shares.reduce(f64::max)?;
        let ceiling = record.generator.as_ref().and_then(|generator| {
            let ceiling = generator.ceiling.as_ref()?.requests_per_second;
            Some(ceiling * f64::from(generator.threads)).filter(|ceiling| *ceiling > 0.0)
        });
        let most = measured(record).map(|second| float(second.sent));
        let most = most.fold(0.0, f64::max) * record.provenance.time_scale.factor();
        Some(Self {
            busiest_share,
            ceiling_share: ceiling.map(|ceiling| most / ceiling),
        })
    }
}

impl Limit {
    /// What made the seconds late in which more than was allowed was late, or anything was
    /// dropped; `None` when there are none, or the record does not tell.
    #[must_use]
    pub fn of(record: &RunRecord, scenario: &Scenario) -> Option<Self> {
        let allowed = record.allowed_delay(scenario).as_nanos();
        let late: Vec<_> = measured(record)
            .filter(|second| {
                let mut dropped = second.operations.iter();
                u128::from(second.dispatch_delay_p99_nanos) > allowed
                    || dropped.any(|operation| operation.outcomes.dropped > 0)
            })
            .collect();
        let shares = late.iter().filter_map(|second| busiest(record, second));
        let shares: Vec<_> = shares.collect();
        if shares.is_empty() {
            return None;
        }
        let share = shares.iter().sum::<f64>() / float(shares.len() as u64);
        let spins = record
            .generator
            .as_ref()
            .is_some_and(|it| it.timer.contains(SPIN));
        let queued = late.iter().filter_map(|second| second.generator);
        let queued = queued.map(|generator| generator.queued).max();
        Some(match queued {
            _ if share > BUSY && !spins => Self::Generator { share },
            Some(queued) if queued > 0 => Self::Places { queued },
            _ => Self::Machine { share },
        })
    }
}

/// Of a core of the machine, which has less time for a second of a run that passes faster.
fn busiest(record: &RunRecord, second: &Interval) -> Option<f64> {
    let factor = record.provenance.time_scale.factor();
    Some(float(second.generator?.busiest_cpu_nanos) / SECOND_NANOS * factor)
}

/// The whole seconds of measured phases.
fn measured(record: &RunRecord) -> impl Iterator<Item = &Interval> {
    record.intervals.iter().filter(|interval| {
        let mut phases = record.phases.iter();
        phases.any(|phase| {
            phase.kind == PhaseKind::Measured
                && phase.starts.second() <= interval.second
                && interval.second < phase.ends.second()
        })
    })
}
