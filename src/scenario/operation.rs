//! What requests do: the operations of DynamoDB's data plane, and how a scenario shapes them.

use serde::{Deserialize, Serialize};

use super::Consistency;
use crate::units::{Direction, Share};

/// One kind of request of the mix.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OperationSpec {
    /// Name in reports; distinct.
    pub name: String,
    /// What it does.
    pub kind: OperationKind,
    /// Index into `Scenario::tables`.
    pub table: usize,
    /// Index into `Scenario::keys`.
    pub keys: usize,
    /// Share of all requests; all weights add up to 1, or are 0 where each phase has shares of its
    /// own.
    pub weight: Share,
    /// Share of the items asked for that nobody has written: other keys, as skewed as those of
    /// `keys`. Of operations that create no items.
    #[serde(skip_serializing_if = "Share::is_none")]
    pub missing: Share,
    /// Reads only.
    pub consistency: Consistency,
    /// What a query or scan reads.
    pub read: ReadShape,
    /// Updates: indices into the table's attributes that are set to newly drawn values.
    pub set: Vec<usize>,
    /// Writes of one item: what has to be so for the write to happen.
    pub condition: Option<Condition>,
    /// Writes of one item: whether the answer brings the whole item as it was (`ALL_OLD`).
    pub return_values: bool,
    /// Batches and transactions: their members.
    pub members: Members,
}

impl OperationSpec {
    /// An operation on one item with nothing special about it.
    #[must_use]
    pub fn plain(name: &str, kind: OperationKind, weight: Share) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            table: 0,
            keys: 0,
            weight,
            missing: Share::NONE,
            consistency: Consistency::default(),
            read: ReadShape::default(),
            set: Vec::new(),
            condition: None,
            return_values: false,
            members: Members::default(),
        }
    }
}

/// Which items a query or scan reads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReadShape {
    /// Index into the table's indexes; the table itself when absent.
    pub index: Option<usize>,
    /// Queries: which part of the partition's sort keys.
    pub range: SortRange,
    /// An attribute that items must have to be returned. They are charged either way.
    pub filter: Option<usize>,
    /// Queries: from the largest sort key to the smallest.
    pub descending: bool,
    /// Items evaluated per page, at most; DynamoDB's 1 MB page otherwise.
    pub limit: Option<u32>,
    /// With it, each number from `limit` to this one alike, drawn for every request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_max: Option<u32>,
    /// Whether the request reads on until there are no more pages.
    pub all_pages: bool,
    /// Scans: segments that the table is divided into; a request reads one of them, in turn.
    pub segments: u32,
}

impl Default for ReadShape {
    fn default() -> Self {
        Self {
            index: None,
            range: SortRange::All,
            filter: None,
            descending: false,
            limit: None,
            limit_max: None,
            all_pages: false,
            segments: 1,
        }
    }
}

/// The sort keys that a query asks for, beside the partition key of the item that was picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SortRange {
    /// All of them.
    All,
    /// That of the picked item.
    Equal,
    /// That of the picked item and larger ones.
    From,
    /// That of the picked item and smaller ones.
    To,
    /// From that of the picked item *n* to that of item *n* + `span` − 1.
    Between { span: u64 },
    /// Those that begin like that of the picked item: so many characters of S, bytes of B.
    BeginsWith { length: u32 },
}

/// What has to be so for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Condition {
    /// Whether the item has to be there, or must not be.
    pub expects: Presence,
    /// Share of the requests that are written with the opposite condition, so that they fail
    /// where the others succeed.
    pub fails: Share,
}

/// Whether an item is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// `attribute_exists` of the partition key.
    Exists,
    /// `attribute_not_exists` of the partition key.
    Absent,
}

impl Presence {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Exists => Self::Absent,
            Self::Absent => Self::Exists,
        }
    }
}

/// Members of a batch or transaction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Members {
    /// Fewest and most members; each number alike. A batch asks for an item once: where the
    /// keys draw an item again, another is drawn, and a batch over fewer items is smaller.
    pub count: (u32, u32),
    /// What write members do, with weights that add up to 1.
    pub actions: Vec<(Action, Share)>,
    /// Batches: whether what the server leaves unprocessed is asked for again, as part of the
    /// same request.
    pub retry_unprocessed: bool,
}

impl Default for Members {
    fn default() -> Self {
        Self {
            count: (1, 1),
            actions: Vec::new(),
            retry_unprocessed: false,
        }
    }
}

/// What a member of a writing batch or transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Puts the whole item.
    Put,
    /// Sets the operation's attributes. Transactions only.
    Update,
    /// Deletes the item.
    Delete,
    /// Checks that the item is there. Transactions only.
    Check,
}

/// DynamoDB data operations.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// GetItem.
    Get,
    /// PutItem of the whole item.
    Put,
    /// UpdateItem, `SET` on some attributes.
    Update,
    /// DeleteItem.
    Delete,
    /// Query of one partition key of a table or index.
    Query,
    /// Scan of a table, an index, or one segment of either.
    Scan,
    /// BatchGetItem.
    BatchGet,
    /// BatchWriteItem.
    BatchWrite,
    /// TransactGetItems.
    TransactGet,
    /// TransactWriteItems.
    TransactWrite,
    /// GetItem, then UpdateItem of the same item: one request of the mix, two of DynamoDB.
    ReadModifyWrite,
    /// `ExecuteStatement`: `SELECT` of one item.
    StatementSelect,
    /// `ExecuteStatement`: `INSERT` of one item.
    StatementInsert,
    /// `ExecuteStatement`: `UPDATE` of one item.
    StatementUpdate,
    /// `ExecuteStatement`: `DELETE` of one item.
    StatementDelete,
}

impl OperationKind {
    /// DynamoDB's name: `GetItem`.
    #[must_use]
    pub const fn api_name(self) -> &'static str {
        match self {
            Self::Get => "GetItem",
            Self::Put => "PutItem",
            Self::Update => "UpdateItem",
            Self::Delete => "DeleteItem",
            Self::Query => "Query",
            Self::Scan => "Scan",
            Self::BatchGet => "BatchGetItem",
            Self::BatchWrite => "BatchWriteItem",
            Self::TransactGet => "TransactGetItems",
            Self::TransactWrite => "TransactWriteItems",
            Self::ReadModifyWrite => "GetItem+UpdateItem",
            Self::StatementSelect
            | Self::StatementInsert
            | Self::StatementUpdate
            | Self::StatementDelete => "ExecuteStatement",
        }
    }

    /// The units it consumes; of a read-modify-write those that it is mainly about.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::Get
            | Self::Query
            | Self::Scan
            | Self::BatchGet
            | Self::TransactGet
            | Self::StatementSelect => Direction::Read,
            Self::Put
            | Self::Update
            | Self::Delete
            | Self::BatchWrite
            | Self::TransactWrite
            | Self::ReadModifyWrite
            | Self::StatementInsert
            | Self::StatementUpdate
            | Self::StatementDelete => Direction::Write,
        }
    }

    /// Whether it is about several items that it picks one by one.
    #[must_use]
    pub const fn has_members(self) -> bool {
        matches!(
            self,
            Self::BatchGet | Self::BatchWrite | Self::TransactGet | Self::TransactWrite
        )
    }
}
