//! What real requests found of a candidate.

use serde::Serialize;

use super::Ranked;
use crate::{
    analysis::{
        Percentiles, Summary,
        threshold::{InvalidReason, Verdict, judge},
    },
    record::RunRecord,
    scenario::Scenario,
    simulation::trace::Trace,
    units::float,
    workload::keyed::{SortKey, Unfired, keyed},
};

/// A candidate at an emulator, or why not.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "word")]
pub enum Fired {
    /// It was.
    Measured(Measured),
    /// It cannot be, or was not.
    Not {
        /// Why.
        reason: String,
    },
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The attribute that told items apart which the partition key does not.
    pub sort_key: Option<String>,
    /// Length of the measured phases as they were fired, seconds.
    pub seconds: f64,
    /// Requests that were due in them.
    pub requests: u64,
    /// Part of these whose final answer was a throttle.
    pub throttled: f64,
    /// How many failed, timed out or were never sent.
    pub lost: u64,
    /// Of completed requests; absent when there were none.
    pub service_time: Option<Percentiles>,
    /// Why the run says nothing of the table, where it does not.
    pub invalid: Vec<InvalidReason>,
}

impl Ranked {
    /// The scenario of `trace` with the items of table `table` keyed so. Where the candidate
    /// alone would let items overwrite each other, they get the sort key that was proposed, or
    /// one that holds their own key.
    ///
    /// # Errors
    /// When it cannot be fired.
    pub fn to_fire(&self, trace: &Trace, table: usize) -> Result<Scenario, Unfired> {
        let workload = trace.workload();
        let spec = &workload.scenario().tables[table];
        let sort_key = match (&self.candidate.sort_key, &self.proposed_sort_key) {
            (Some(sort), _) | (None, Some(sort)) => SortKey::Attribute(sort.clone()),
            (None, None) if self.overwritten > 0 || spec.has_local_index() => SortKey::OwnKey,
            (None, None) => SortKey::None,
        };
        // What the requests add has keys as well.
        let operations = &workload.scenario().operations;
        let asked = trace.requests().iter().filter_map(|request| {
            let operation = &operations[usize::from(request.spec)];
            let members = u64::from(operation.members.count.1);
            // An item that nobody wrote may have any number.
            let counts = operation.table == table && operation.missing.is_none();
            counts.then_some(request.item.saturating_add(members))
        });
        let items = asked.max().unwrap_or(0).max(spec.items);
        keyed(workload, table, &self.candidate, &sort_key, items)
    }
}

impl Fired {
    /// Of a run of `scenario`, whose table `table` is keyed as the candidate says.
    #[must_use]
    pub fn of(record: &RunRecord, scenario: &Scenario, table: usize) -> Self {
        let summary = Summary::of(record);
        let invalid = match judge(record, scenario, &summary).verdict {
            Verdict::Invalid { reasons } => reasons,
            Verdict::Interrupted | Verdict::Incomplete(_) => return Self::interrupted(),
            Verdict::Pass | Verdict::Fail | Verdict::Part => Vec::new(),
        };
        let outcomes = summary.outcomes;
        let spec = &scenario.tables[table];
        Self::Measured(Measured {
            sort_key: spec.sort_key.map(|sort| spec.attributes[sort].name.clone()),
            seconds: summary.seconds,
            requests: summary.arrivals,
            throttled: float(outcomes.throttled) / float(summary.arrivals.max(1)),
            lost: outcomes.failed + outcomes.timed_out + outcomes.dropped,
            service_time: summary.service_time,
            invalid,
        })
    }

    /// Of a run that was ended before its time.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::Not {
            reason: "interrupted".to_owned(),
        }
    }
}
