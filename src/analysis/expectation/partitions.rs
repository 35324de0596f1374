//! What the busiest partition takes, as sampled requests fall on the partitions of a new table.

use std::collections::BTreeMap;

use crate::{
    capacity::{Arm, partition::Partitions, throttle::Resource},
    units::{CapacityUnits, Direction},
};

/// Requests of the busiest partition from which its share is told: a tenth of standard error.
const REQUESTS_MIN: u64 = 100;

/// The busiest partition's share of the units that `arms` ask of a resource; `None` when they
/// are too few to tell.
pub(super) fn hottest_share(
    arms: &[Arm],
    resource: Resource,
    direction: Direction,
    partitions: &Partitions,
) -> Option<f64> {
    let mut total = CapacityUnits::ZERO;
    let mut by_partition = BTreeMap::<usize, (CapacityUnits, u64)>::new();
    for arm in arms {
        if (arm.resource, arm.direction) != (resource, direction) {
            continue;
        }
        total += arm.units;
        let (units, requests) = by_partition
            .entry(partitions.index_of(arm.key))
            .or_default();
        *units += arm.units;
        *requests += 1;
    }
    let (units, requests) = by_partition.into_values().max()?;
    (requests >= REQUESTS_MIN).then(|| units.as_f64() / total.as_f64())
}
