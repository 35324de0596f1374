//! The response times as an `HdrHistogram` interval log: one line per second and operation.
//!
//! Owns what goes into it; must not know the format.

use std::time::Duration;

use crate::{
    record::{
        RunRecord,
        histogram::interval_log::{self, Line},
    },
    scenario::diagnostic::printable,
};

/// The log. Seconds in which nothing of an operation completed have no line.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    let from = &record.provenance;
    let scale = from.time_scale;
    let comments = [
        format!(
            "dynamometer {}: response time of completed requests, due to answer",
            printable(&from.tool_version)
        ),
        "values: nanoseconds; times: seconds since the start of the run; tags: operations, \
         percent-encoded"
            .to_owned(),
        format!(
            "scenario: {}; started at {}",
            printable(&from.scenario),
            printable(&from.started_at)
        ),
        format!("time scale: {scale} (seconds of the run in each second of the machine)"),
    ];
    let lines = record.intervals.iter().flat_map(|interval| {
        interval
            .operations
            .iter()
            .zip(&record.operations)
            .filter_map(|(part, operation)| {
                Some(Line {
                    name: operation.name.clone(),
                    starts: Duration::from_secs(interval.second),
                    lasts: Duration::from_secs(1),
                    values: part.response_time.as_ref()?.decode().ok()?,
                })
            })
    });
    interval_log::write(&comments, lines)
}
