//! What recorded requests ask of each table: means, peaks, quiet minutes.

use serde::{Deserialize, Serialize};

use super::Workers;
use crate::{
    analysis::replay::Slot,
    simulation::trace::Trace,
    units::{ByDirection, Direction},
};

/// Units per second of the measured phases, if nothing is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// Mean over all seeds.
    pub mean: f64,
    /// The busiest second of any seed.
    pub peak_second: f64,
    /// The busiest minute of any seed, as a metric of one-minute points shows it; the mean
    /// where there is no whole minute.
    pub busiest_minute: f64,
    /// Mean over seeds of each one's busiest minute, or of all of it where there is no whole
    /// minute: what capacity must bring for good.
    pub sustained: f64,
    /// The first whole minute, mean over seeds; the mean where there is none.
    pub first_minute: f64,
    /// The quietest whole minute of any seed; the mean where there is none.
    pub quietest_minute: f64,
}

/// Of every slot.
#[must_use]
pub fn of(traces: &[Trace], slots: &[Slot], workers: &impl Workers) -> Vec<ByDirection<Demand>> {
    let series = workers.map(traces.len(), |seed| by_second(&traces[seed], slots));
    (0..slots.len())
        .map(|slot| {
            ByDirection::from_fn(|direction| {
                let each: Vec<Demand> = series
                    .iter()
                    .map(|slots| demand(&slots[slot][direction]))
                    .collect();
                let over = |value: fn(&Demand) -> f64| each.iter().map(value);
                let mean = |value| over(value).sum::<f64>() / float(each.len());
                Demand {
                    mean: mean(|d| d.mean),
                    sustained: mean(|d| d.busiest_minute),
                    first_minute: mean(|d| d.first_minute),
                    peak_second: over(|d| d.peak_second).fold(0.0, f64::max),
                    busiest_minute: over(|d| d.busiest_minute).fold(0.0, f64::max),
                    quietest_minute: over(|d| d.quietest_minute).fold(f64::INFINITY, f64::min),
                }
            })
        })
        .collect()
}

/// Units in each measured second, by slot and direction.
fn by_second(trace: &Trace, slots: &[Slot]) -> Vec<ByDirection<Vec<f64>>> {
    let measured = || trace.requests().iter().filter(|request| request.measured);
    let first = measured().next().map_or(0, |request| request.due.second());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds of a run"
    )]
    let seconds = trace.measured_seconds().ceil().max(1.0) as usize;
    let mut sums: Vec<ByDirection<Vec<f64>>> = slots
        .iter()
        .map(|_| ByDirection::from_fn(|_| vec![0.0; seconds]))
        .collect();
    for request in measured() {
        let second = usize::try_from(request.due.second() - first).unwrap_or(usize::MAX);
        let table = trace.table(request);
        for arm in trace.arms(request) {
            let slot = slots
                .iter()
                .position(|slot| slot.table == table && slot.resource == arm.resource);
            let series = slot.map(|slot| &mut sums[slot][arm.direction]);
            if let Some(units) = series.and_then(|series| {
                // Measured phases with a pause between them, or one that begins within a second.
                let last = series.len() - 1;
                series.get_mut(second.min(last))
            }) {
                *units += arm.units.as_f64();
            }
        }
    }
    sums
}

fn demand(seconds: &[f64]) -> Demand {
    let mean = seconds.iter().sum::<f64>() / float(seconds.len());
    let minutes = || {
        let whole = seconds.chunks_exact(60);
        whole.map(|minute| minute.iter().sum::<f64>() / 60.0)
    };
    Demand {
        mean,
        peak_second: seconds.iter().copied().fold(0.0, f64::max),
        busiest_minute: minutes().reduce(f64::max).unwrap_or(mean),
        sustained: 0.0,
        first_minute: minutes().next().unwrap_or(mean),
        quietest_minute: minutes().reduce(f64::min).unwrap_or(mean),
    }
}

/// The operations that use one direction of a slot, by index.
#[must_use]
pub fn operations(traces: &[Trace], slot: &Slot, direction: Direction) -> Vec<usize> {
    let count = traces[0].workload().scenario().operations.len();
    let mut uses = vec![false; count];
    for trace in traces {
        for request in trace.requests() {
            let number = usize::from(request.spec);
            uses[number] = uses[number]
                || trace.table(request) == slot.table
                    && trace
                        .arms(request)
                        .any(|arm| arm.resource == slot.resource && arm.direction == direction);
        }
    }
    (0..count).filter(|number| uses[*number]).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts, exact below 2^52")]
const fn float(count: usize) -> f64 {
    count as f64
}
