//! Every constant of the service that the model uses, with its grade and source.
//!
//! *documented*: AWS says so; *measured*: a public, reproducible capture of the real service
//! says so. What is merely assumed is a parameter, in `scenario::parameters`.

use std::time::Duration;

use crate::units::{Bytes, CapacityUnits};

/// One read unit carries this many bytes of an item. Documented: read/write capacity modes.
pub const READ_BLOCK: Bytes = Bytes(4096);
/// One write unit carries this many bytes of an item. Documented: read/write capacity modes.
pub const WRITE_BLOCK: Bytes = Bytes(1024);
/// The account of ARNs where there is no account: DynamoDB Local's convention.
pub const LOCAL_ACCOUNT: &str = "000000000000";
/// A page of a Query or Scan ends with the item that reaches this, or before the one that would
/// exceed it (`page_limit_rule`). Documented `[API]`, measured `[PACHOT]`.
pub const PAGE_BYTES: Bytes = Bytes(1024 * 1024);
/// Names and values of one item. Documented `[CONS]`.
pub const ITEM_BYTES_MAX: Bytes = Bytes(400 * 1024);
/// Length of a partition key's value, at least 1. Documented `[CONS]`.
pub const PARTITION_KEY_BYTES_MAX: Bytes = Bytes(2048);
/// Length of a sort key's value, at least 1. Documented `[CONS]`.
pub const SORT_KEY_BYTES_MAX: Bytes = Bytes(1024);
/// Keys of one `BatchGetItem`. Documented `[API]`.
pub const BATCH_GET_KEYS_MAX: u64 = 100;
/// Requests of one `BatchWriteItem`. Documented `[API]`.
pub const BATCH_WRITE_REQUESTS_MAX: u64 = 25;
/// Actions of one transaction. Documented `[TXN]`.
pub const TRANSACTION_ACTIONS_MAX: u64 = 100;
/// All items of one transaction together. Documented `[TXN]`.
pub const TRANSACTION_BYTES_MAX: Bytes = Bytes(4 * 1024 * 1024);
/// Storage that is billed on top of every item and index entry. Documented `[SIZE]`.
pub const STORAGE_OVERHEAD: Bytes = Bytes(100);
/// RCU, and WCU, of one table or GSI by default; adjustable. Documented `[QUOTA]`.
pub const TABLE_QUOTA: CapacityUnits = CapacityUnits::whole(40_000);
/// RCU, and WCU, of all provisioned tables and GSIs of an account and Region by default.
/// Documented `[QUOTA]`.
pub const ACCOUNT_QUOTA: CapacityUnits = CapacityUnits::whole(80_000);
/// Switches of a table to on-demand within [`ON_DEMAND_SWITCHES_WITHIN`]. Documented `[SW]`.
pub const ON_DEMAND_SWITCHES_MAX: usize = 4;
/// See [`ON_DEMAND_SWITCHES_MAX`]. Documented `[SW]`.
pub const ON_DEMAND_SWITCHES_WITHIN: Duration = Duration::from_hours(24);
/// Parallel-Scan guidance: one segment for this much. Documented `[SCAN]`.
pub const SCAN_SEGMENT_BYTES: Bytes = Bytes(2 * 1024 * 1024 * 1024);
/// Records, and bytes, of one Streams `GetRecords`. Documented `[STREAMS]`.
pub const STREAM_RECORDS_MAX: u64 = 1000;

/// A request, as far as hard limits bound it. Zero keys or bytes where a kind has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestSize {
    /// `PutItem`.
    Put {
        /// Size of the item.
        item: Bytes,
        /// Length of the partition key's value.
        partition_key: Bytes,
        /// Length of the sort key's value; `None` without a sort key.
        sort_key: Option<Bytes>,
    },
    /// `BatchGetItem` of so many keys.
    BatchGet(u64),
    /// `BatchWriteItem` of so many requests.
    BatchWrite(u64),
    /// `TransactWriteItems` or `TransactGetItems`.
    Transaction {
        /// How many.
        actions: u64,
        /// All items together.
        total: Bytes,
    },
}

/// A hard limit of the service: no amount of capacity lets such a request in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HardLimit {
    /// [`ITEM_BYTES_MAX`].
    #[error("item<=409600")]
    ItemBytes,
    /// [`PARTITION_KEY_BYTES_MAX`].
    #[error("pk 1..2048")]
    PartitionKeyBytes,
    /// [`SORT_KEY_BYTES_MAX`].
    #[error("sk 1..1024")]
    SortKeyBytes,
    /// [`BATCH_GET_KEYS_MAX`].
    #[error("BatchGetItem.keys<=100")]
    BatchGetKeys,
    /// [`BATCH_WRITE_REQUESTS_MAX`].
    #[error("BatchWriteItem.requests<=25")]
    BatchWriteRequests,
    /// [`TRANSACTION_ACTIONS_MAX`].
    #[error("Transact.actions<=100")]
    TransactionActions,
    /// [`TRANSACTION_BYTES_MAX`].
    #[error("Transact.bytes<=4MB")]
    TransactionBytes,
}

impl RequestSize {
    /// Whether the service accepts a request of this size.
    ///
    /// # Errors
    /// The first limit that it exceeds; DynamoDB answers `ValidationException`.
    pub fn check(self) -> Result<(), HardLimit> {
        let limits = match self {
            Self::Put {
                item,
                partition_key,
                sort_key,
            } => [
                (item > ITEM_BYTES_MAX, HardLimit::ItemBytes),
                (
                    partition_key.0 == 0 || partition_key > PARTITION_KEY_BYTES_MAX,
                    HardLimit::PartitionKeyBytes,
                ),
                (
                    sort_key.is_some_and(|key| key.0 == 0 || key > SORT_KEY_BYTES_MAX),
                    HardLimit::SortKeyBytes,
                ),
            ],
            Self::BatchGet(keys) => [(keys > BATCH_GET_KEYS_MAX, HardLimit::BatchGetKeys); 3],
            Self::BatchWrite(requests) => {
                [(
                    requests > BATCH_WRITE_REQUESTS_MAX,
                    HardLimit::BatchWriteRequests,
                ); 3]
            }
            Self::Transaction { actions, total } => {
                let bytes = (total > TRANSACTION_BYTES_MAX, HardLimit::TransactionBytes);
                [
                    (
                        actions > TRANSACTION_ACTIONS_MAX,
                        HardLimit::TransactionActions,
                    ),
                    bytes,
                    bytes,
                ]
            }
        };
        match limits.into_iter().find(|(exceeded, _)| *exceeded) {
            Some((_, limit)) => Err(limit),
            None => Ok(()),
        }
    }
}

/// Bytes billed as storage for `items` items (or index entries) of `item` bytes. [SIZE]
#[must_use]
pub const fn billed_storage(items: u64, item: Bytes, overhead: Bytes) -> Bytes {
    Bytes(items * (item.0 + overhead.0))
}

/// Whether provisioned tables and GSIs fit the quotas, in one direction: each on its own, and
/// all together. [QUOTA]
#[must_use]
pub fn within_quotas(
    provisioned: &[CapacityUnits],
    table_quota: CapacityUnits,
    account_quota: CapacityUnits,
) -> bool {
    provisioned.iter().all(|rate| *rate <= table_quota)
        && provisioned.iter().copied().sum::<CapacityUnits>() <= account_quota
}
