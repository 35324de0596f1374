//! `dyno compare --run`: each candidate fired at an embedded emulator of its own.

use std::{sync::Arc, time::Duration};

use super::super::trial::{self, Trials};
use crate::{
    analysis::compare::{Comparison, Ranked, fired::Fired},
    scenario::Scenario,
    simulation::trace::Trace,
    target::fanned::FannedOut,
};

/// How long each candidate is fired, unless told otherwise.
const EACH: Duration = Duration::from_secs(20);

/// Fires every candidate as key of table `table`, one after the other, the best first; `false`
/// when it was interrupted.
pub(super) fn all(
    comparison: &mut Comparison,
    trace: &Trace,
    table: usize,
    duration: Option<Duration>,
) -> anyhow::Result<bool> {
    let limit = duration.unwrap_or(EACH);
    trial::say_shortened(trace.workload().scenario(), limit);
    let trials = Trials::begin()?;
    let mut goes_on = true;
    for ranked in &mut comparison.candidates {
        let fired = match ranked.to_fire(trace, table) {
            _ if !goes_on => Fired::interrupted(),
            Ok(scenario) => one(&trials, ranked, trial::of(scenario, limit), table)?,
            Err(why) => Fired::Not {
                reason: why.to_string(),
            },
        };
        goes_on &= fired != Fired::interrupted();
        ranked.fired = Some(fired);
    }
    Ok(goes_on)
}

fn one(
    trials: &Trials,
    ranked: &Ranked,
    scenario: Scenario,
    table: usize,
) -> anyhow::Result<Fired> {
    let scenario = Arc::new(scenario);
    let label = format!("{} by {}", scenario.name, ranked.candidate.name);
    let keyed = &scenario.tables[table];
    let record = trials.fire(&label, &scenario, |wire| {
        FannedOut::new(wire, keyed, &ranked.candidate)
    })?;
    Ok(record.map_or_else(Fired::interrupted, |record| {
        Fired::of(&record, &scenario, table)
    }))
}
