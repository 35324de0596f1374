//! What an operation costs, from the sizes of the items that it touches.
//!
//! Sizes in, exact half units out. Knows nothing of buckets or of who asks. [RWO] unless a
//! function says otherwise.

use super::limits::{PAGE_BYTES, READ_BLOCK, WRITE_BLOCK};
use crate::{
    scenario::{CondFailMissingRule, Consistency, PageLimitRule},
    units::{Bytes, CapacityUnits},
};

/// How an item is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReadMode {
    /// Half a unit per block.
    Eventual,
    /// One unit per block.
    Strong,
    /// Two units per block: `TransactGetItems`, and the replay of a `TransactWriteItems`.
    Transactional,
}

impl From<Consistency> for ReadMode {
    fn from(consistency: Consistency) -> Self {
        match consistency {
            Consistency::Eventual => Self::Eventual,
            Consistency::Strong => Self::Strong,
        }
    }
}

impl ReadMode {
    const fn halves_per_block(self) -> i64 {
        match self {
            Self::Eventual => 1,
            Self::Strong => 2,
            Self::Transactional => 4,
        }
    }
}

/// Whether a write is part of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WriteMode {
    /// One unit per block.
    Plain,
    /// Two units per block of the base table. Index arms are not doubled. [DYNOX-T]
    Transactional,
}

/// The sizes of an item before and after a write; `None` where it does not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Images {
    /// Stored before.
    pub old: Option<Bytes>,
    /// Stored after. For a failed condition: what the request carried.
    pub new: Option<Bytes>,
}

impl Images {
    /// By how many bytes the second is larger than the first.
    #[must_use]
    pub fn growth(self) -> i64 {
        let bytes = |image: Option<Bytes>| image.map_or(0, |bytes| bytes.0.cast_signed());
        bytes(self.new) - bytes(self.old)
    }
}

/// What a write does to an index entry that exists before and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryChange {
    /// Not one byte (the order within sets aside): the index is not touched.
    Identical,
    /// Same key, another projected attribute.
    InPlace,
    /// Another index key: one entry goes, one comes.
    KeyMoved,
}

/// Blocks of 4,096 B, rounded up, at least one even for an item that does not exist.
#[must_use]
pub fn read_blocks(bytes: Bytes) -> i64 {
    blocks(bytes, READ_BLOCK)
}

/// Blocks of 1,024 B, rounded up, at least one.
#[must_use]
pub fn write_blocks(bytes: Bytes) -> i64 {
    blocks(bytes, WRITE_BLOCK)
}

/// Units of one read of `bytes`, plain. See [`read_as`].
#[must_use]
pub fn read(bytes: Bytes, consistency: Consistency) -> CapacityUnits {
    read_as(bytes, consistency.into())
}

/// Units of one read of `bytes`: an item, or the sum of all items that a Query or one page of
/// a Scan evaluates. A filter, a projection or `Select = COUNT` does not lower it.
#[must_use]
pub fn read_as(bytes: Bytes, mode: ReadMode) -> CapacityUnits {
    CapacityUnits::from_halves(read_blocks(bytes) * mode.halves_per_block())
}

/// Units of reading several items that round one by one: `BatchGetItem`, `TransactGetItems`,
/// and a Scan page by partitions (every partition touched costs the minimum).
pub fn read_each(sizes: impl IntoIterator<Item = Bytes>, mode: ReadMode) -> CapacityUnits {
    sizes.into_iter().map(|bytes| read_as(bytes, mode)).sum()
}

/// Units of one plain write, from the stored item and the resulting one. See [`write_as`].
#[must_use]
pub fn write(old: Option<Bytes>, new: Option<Bytes>) -> CapacityUnits {
    write_as(Images { old, new }, WriteMode::Plain)
}

/// Units of one write on its base table: blocks of the larger image, at least one; doubled in
/// a transaction. A `ConditionCheck` costs the same with `old` alone.
#[must_use]
pub fn write_as(images: Images, mode: WriteMode) -> CapacityUnits {
    let blocks = write_blocks(images.old.max(images.new).unwrap_or_default());
    CapacityUnits::whole(match mode {
        WriteMode::Plain => blocks,
        WriteMode::Transactional => 2 * blocks,
    })
}

/// Units of one write whose condition was not met: as if it had been, with `new` as what the
/// request carried; documents disagree about one that finds no item.
#[must_use]
pub fn refused_write(
    images: Images,
    mode: WriteMode,
    missing: CondFailMissingRule,
) -> CapacityUnits {
    match (missing, images.old) {
        (CondFailMissingRule::OneWcu, None) => write_as(Images::default(), mode),
        _ => write_as(images, mode),
    }
}

/// Read units of repeating one action of a `TransactWriteItems` with the same token within ten
/// minutes. [TXN, CONF]
#[must_use]
pub fn replay(images: Images) -> CapacityUnits {
    read_as(
        images.old.max(images.new).unwrap_or_default(),
        ReadMode::Transactional,
    )
}

/// Units of one write on one index, from the sizes of the item's entry in it; `None` when the
/// index is not touched (the arm is then missing from `ConsumedCapacity`, not zero). Not
/// doubled in transactions. `change` matters only when both images exist. [GSI, LSI, DYNOX]
#[must_use]
pub fn index_write(entry: Images, change: EntryChange) -> Option<CapacityUnits> {
    let blocks = match (entry.old, entry.new) {
        (None, None) => return None,
        (None, Some(only)) | (Some(only), None) => write_blocks(only),
        (Some(old), Some(new)) => match change {
            EntryChange::Identical => return None,
            EntryChange::InPlace => write_blocks(old.max(new)),
            EntryChange::KeyMoved => write_blocks(old) + write_blocks(new),
        },
    };
    Some(CapacityUnits::whole(blocks))
}

/// The two parts of a Query on a local secondary index that fetches attributes which are not
/// projected; both are charged to the table. [LSI]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchCost {
    /// For the index entries, summed and rounded once.
    pub index: CapacityUnits,
    /// For the full items, each rounded alone.
    pub table: CapacityUnits,
}

/// See [`FetchCost`].
pub fn lsi_fetch(
    entries: Bytes,
    items: impl IntoIterator<Item = Bytes>,
    mode: ReadMode,
) -> FetchCost {
    FetchCost {
        index: read_as(entries, mode),
        table: read_each(items, mode),
    }
}

/// How many of `available` items of `item` bytes one page of a Query or Scan evaluates: up to
/// 1 MiB, or the `Limit`. [PACHOT]
#[must_use]
pub fn page_items(item: Bytes, available: u64, limit: Option<u64>, rule: PageLimitRule) -> u64 {
    let item = item.0.max(1);
    let fitting = match rule {
        PageLimitRule::IncludeCrossingItem => PAGE_BYTES.0.div_ceil(item),
        PageLimitRule::Exclude => (PAGE_BYTES.0 / item).max(1),
    };
    fitting.min(available).min(limit.unwrap_or(u64::MAX))
}

/// Pages that hold items, and units, of scanning `items` items of `item` bytes to the end.
#[must_use]
pub fn full_scan(item: Bytes, items: u64, mode: ReadMode) -> (u64, CapacityUnits) {
    let per_page = page_items(item, u64::MAX, None, PageLimitRule::IncludeCrossingItem);
    let (full, rest) = (items / per_page, items % per_page);
    let page = |count: u64| read_as(Bytes(count * item.0), mode);
    let units = page(per_page) * i64::try_from(full).unwrap_or(i64::MAX);
    match rest {
        0 => (full, units),
        rest => (full + 1, units + page(rest)),
    }
}

/// Replicated units of a write of `plain` units to a global table (2019.11.21) of `regions`
/// replicas: the same in every Region, the writing one too. [GT]
#[must_use]
pub fn replicated(plain: CapacityUnits, regions: u32) -> CapacityUnits {
    plain * i64::from(regions)
}

fn blocks(bytes: Bytes, block: Bytes) -> i64 {
    i64::try_from(bytes.0.div_ceil(block.0))
        .unwrap_or(i64::MAX / 8)
        .max(1)
}
