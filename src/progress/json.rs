//! Progress as lines of JSON, for programs. Pure: numbers in, lines out.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    driver::{HottestProgress, Progress},
    units::ByDirection,
};

/// A table is about to be loaded.
pub(super) fn loading(table: &str, items: u64) -> String {
    json!({"kind": "loading", "table": table, "items": items}).to_string()
}

/// What happened once.
pub(super) fn event(scenario: &str, at: Duration, event: &str) -> String {
    json!({
        "kind": "event",
        "scenario": scenario,
        "elapsed_seconds": at.as_secs_f64(),
        "event": event,
    })
    .to_string()
}

/// The last second, and the counts since the start.
pub(super) fn line(scenario: &str, progress: &Progress) -> String {
    let operations: Vec<_> = (progress.operations.iter())
        .map(|operation| {
            json!({
                "name": operation.name,
                "completed_per_second": operation.completed,
                "response_time_p99_seconds": operation.response_time_p99.map(seconds),
            })
        })
        .collect();
    let units = |of: ByDirection<f64>| json!({"read": of.read, "write": of.write});
    let [consumed, provisioned] = [progress.consumed, progress.provisioned]
        .map(|of| units(ByDirection::from_fn(|direction| of[direction].as_f64())));
    json!({
        "kind": "progress",
        "scenario": scenario,
        "phase": progress.phase,
        "elapsed_seconds": progress.elapsed.as_secs_f64(),
        "total_seconds": progress.total.as_secs_f64(),
        "operations": operations,
        "outcomes": progress.outcomes,
        "throttled_share": progress.throttled_share.as_fraction(),
        "dispatch_delay_p99_seconds": progress.dispatch_delay_p99.map(seconds),
        "consumed_per_second": consumed,
        "provisioned_per_second": provisioned,
        "burst_left": progress.burst_left.map(units),
        "burst_share": progress.burst_share.map(units),
        "hottest_partition": progress.hottest.as_ref().map(hottest),
        "in_flight": progress.in_flight,
        "queued": progress.queued,
    })
    .to_string()
}

fn hottest(hottest: &HottestProgress) -> Value {
    json!({
        "of": hottest.of,
        "partition": hottest.partition,
        "direction": hottest.direction,
        "of_ceiling": hottest.of_ceiling,
    })
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
