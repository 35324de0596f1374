//! From a load to capacity, and back: the arithmetic of the developer guide.

use super::limits::SCAN_SEGMENT_BYTES;
use crate::units::{Bytes, CapacityUnits, Direction};

/// Units per second to provision so that `needed` is `target` of it, rounded up. Nine decimals
/// of the quotient count, so that 70 ÷ 0.7 is 100 and not 101.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates: no such capacity exists"
)]
pub fn to_provision(needed: f64, target: f64) -> u64 {
    ((needed / target * 1e9).round() / 1e9).ceil() as u64
}

/// Operations of `cost` each that fit in `limit`, per second.
#[must_use]
pub fn operations_within(limit: CapacityUnits, cost: CapacityUnits) -> i64 {
    limit.halves() / cost.halves().max(1)
}

/// KiB per second that a provisioned rate moves at best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestThroughput {
    /// Strongly consistent reads.
    pub strong: f64,
    /// Eventually consistent reads.
    pub eventual: f64,
    /// Transactional reads.
    pub transactional_read: f64,
    /// Writes.
    pub write: f64,
    /// Transactional writes.
    pub transactional_write: f64,
}

/// See [`BestThroughput`]. [RWM]
#[must_use]
pub fn best_throughput(read: CapacityUnits, write: CapacityUnits) -> BestThroughput {
    let (read, write) = (read.as_f64(), write.as_f64());
    BestThroughput {
        strong: read * 4.0,
        eventual: read * 8.0,
        transactional_read: read * 2.0,
        write,
        transactional_write: write / 2.0,
    }
}

/// Seconds to read `bytes` sequentially with all of `rate`, rounded up.
#[must_use]
pub fn scan_seconds(bytes: Bytes, rate: CapacityUnits, strong: bool) -> u64 {
    let per_second = rate.halves().unsigned_abs() * if strong { 2048 } else { 4096 };
    bytes.0.div_ceil(per_second.max(1))
}

/// Segments of a parallel Scan: one for 2 GB, at least one. [SCAN]
#[must_use]
pub fn scan_segments(table: Bytes) -> u64 {
    table.0.div_ceil(SCAN_SEGMENT_BYTES.0).max(1)
}

/// Partition-key shards that `items_per_second` of `item` bytes need, read in blocks of
/// `block` bytes from partitions of `ceiling`. `whole` counts whole items in a block. [MODEL-B]
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a quotient of two rates, rounded up"
)]
pub fn shards(items_per_second: f64, item: Bytes, block: Bytes, ceiling: f64, whole: bool) -> u64 {
    let per_block = block.0 as f64 / item.0 as f64;
    let per_block = if whole { per_block.floor() } else { per_block };
    (items_per_second / (ceiling * per_block)).ceil() as u64
}

/// The guide's calculated suffix: product of the code points modulo `shards`, plus one. A bad
/// hash when `shards` has small factors (200 = 2³·5²); for comparison only. [SHARD]
#[must_use]
pub fn calculated_suffix(text: &str, shards: u64) -> u64 {
    let shards = u128::from(shards.max(1));
    let product = text.chars().fold(1 % shards, |product, character| {
        product * u128::from(u32::from(character)) % shards
    });
    u64::try_from(product).unwrap_or(u64::MAX - 1) + 1
}

/// Seconds to load `units` at full speed, retrying what is throttled, from `burst` units saved.
#[must_use]
pub fn load_seconds(units: f64, rate: CapacityUnits, burst: f64) -> f64 {
    ((units - burst) / rate.as_f64()).max(0.0)
}

/// `GetRecords` calls, at least, for a stream of `records` and `bytes`. [STREAMS]
#[must_use]
pub fn stream_calls(records: u64, bytes: Bytes) -> u64 {
    let by_records = records.div_ceil(super::limits::STREAM_RECORDS_MAX);
    by_records.max(bytes.0.div_ceil(super::limits::PAGE_BYTES.0))
}

/// Partitions and each one's share of the table as capacity was raised step by step, before
/// adaptive capacity: all split in two whenever a share would exceed the ceiling. [ATC22]
#[must_use]
pub fn even_shares(
    create: CapacityUnits,
    raises: &[CapacityUnits],
    ceiling: CapacityUnits,
) -> Vec<(i64, f64)> {
    let mut count = (create.halves() + ceiling.halves() - 1) / ceiling.halves();
    let mut steps = Vec::with_capacity(raises.len() + 1);
    for rate in [create].iter().chain(raises) {
        count = count.max(1);
        while rate.halves() > ceiling.halves() * count {
            count *= 2;
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of partitions")]
        steps.push((count, rate.as_f64() / count as f64));
    }
    steps
}

/// One access pattern of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccessPattern {
    /// What it consumes.
    pub direction: Direction,
    /// Units of one operation.
    pub cost: CapacityUnits,
    /// Operations.
    pub per_second: f64,
}

/// Units per second to provision in `direction` for all patterns together, at least one.
#[must_use]
pub fn provision_for(patterns: &[AccessPattern], direction: Direction, target: f64) -> u64 {
    let needed = patterns
        .iter()
        .filter(|pattern| pattern.direction == direction)
        .map(|pattern| pattern.cost.as_f64() * pattern.per_second)
        .sum();
    to_provision(needed, target).max(1)
}
