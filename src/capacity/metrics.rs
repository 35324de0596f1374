//! What CloudWatch and Contributor Insights would count. [MET, CI]

use crate::units::CapacityUnits;

/// `ThrottledRequests` of one request of whose `events` (items and indexes) `throttled` were
/// rejected: 1 if any was, for a batch only if all were.
#[must_use]
pub const fn throttled_requests(batch: bool, events: u64, throttled: u64) -> u64 {
    let counted = if batch {
        throttled == events
    } else {
        throttled > 0
    };
    counted as u64
}

/// Units per second of a `Sum` over `period_seconds`, and in percent of what is provisioned.
#[must_use]
pub fn utilization(sum: f64, period_seconds: f64, provisioned: f64) -> (f64, f64) {
    let per_second = sum / period_seconds;
    (per_second, 100.0 * per_second / provisioned)
}

/// `ConsumedThroughputUnits` of one key: a partition's ceiling is 180,000 a minute either way.
#[must_use]
pub fn contributor_units(read: CapacityUnits, write: CapacityUnits) -> CapacityUnits {
    read + write * 3
}

/// Billed Contributor Insights events: one per item read or written, two on a table with a
/// sort key; a Query is one.
#[must_use]
pub const fn contributor_events(items: u64, queries: u64, has_sort_key: bool) -> u64 {
    items * if has_sort_key { 2 } else { 1 } + queries
}
