//! How long a table lasts whose index is too small (G-1).

use crate::units::CapacityUnits;

/// Seconds of `excess` = steady index units per second beyond the index's WCU until the first
/// base write is rejected: its burst, then the buffer of `buffer_units` (0 when coupled), are
/// used up. `None` when the index keeps up. [GSI-T, LABS]
#[must_use]
pub fn seconds_until_rejection(
    index_units_per_second: f64,
    index_wcu: CapacityUnits,
    burst_units: f64,
    buffer_units: f64,
) -> Option<f64> {
    let excess = index_units_per_second - index_wcu.as_f64();
    (excess > 0.0).then(|| (burst_units + buffer_units) / excess)
}
