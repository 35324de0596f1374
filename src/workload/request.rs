//! Requests of the data plane, ready to be written out by any target.
//!
//! Attribute names are those of the table's scenario entry. Some requests of the mix are more
//! than one of DynamoDB's: all pages of a read, a read-modify-write, a batch with its
//! unprocessed members. They have one outcome, and take what their parts take.

use std::sync::Arc;

use super::item::{AttributeValue, Item};
use crate::scenario::{Consistency, OperationKind, Presence};

/// A request of the mix.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// `GetItem`.
    Get {
        /// Primary key.
        key: Item,
        /// Of the read.
        consistency: Consistency,
    },
    /// `PutItem`, `UpdateItem` or `DeleteItem`.
    Write {
        /// What is written.
        write: Write,
        /// What has to be so.
        condition: Option<Presence>,
        /// Whether the answer brings the item as it was (`ALL_OLD`).
        return_values: bool,
    },
    /// `Query`.
    Query(QueryRequest),
    /// `Scan`.
    Scan {
        /// Which of the segments is read, and how many there are.
        segment: (u32, u32),
        /// What is read of it.
        page: Page,
    },
    /// `BatchGetItem`.
    BatchGet {
        /// Primary keys, distinct.
        keys: Vec<Item>,
        /// Of the reads.
        consistency: Consistency,
        /// Whether unprocessed keys are asked for again.
        retry_unprocessed: bool,
    },
    /// `BatchWriteItem`: puts and deletes.
    BatchWrite {
        /// On distinct items.
        writes: Vec<Write>,
        /// Whether unprocessed members are sent again.
        retry_unprocessed: bool,
    },
    /// `TransactGetItems`.
    TransactGet {
        /// Primary keys, distinct.
        keys: Vec<Item>,
    },
    /// `TransactWriteItems`.
    TransactWrite {
        /// On distinct items.
        writes: Vec<Write>,
    },
    /// `GetItem`, then `UpdateItem` of the same item.
    ReadModifyWrite {
        /// Primary key.
        key: Item,
        /// What is set.
        set: Item,
        /// Of the read.
        consistency: Consistency,
    },
    /// `ExecuteStatement`.
    Statement {
        /// PartiQL.
        text: String,
        /// For its question marks.
        parameters: Vec<AttributeValue>,
        /// What it does.
        kind: OperationKind,
        /// Of a `SELECT`.
        consistency: Consistency,
    },
}

/// A write of one item, alone or as a member.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// The whole item.
    Put {
        /// As it will be.
        item: Item,
    },
    /// `SET a = :a, …`.
    Update {
        /// Primary key.
        key: Item,
        /// What is set.
        set: Item,
    },
    /// The item goes.
    Delete {
        /// Primary key.
        key: Item,
    },
    /// The item has to be there. In transactions only.
    Check {
        /// Primary key.
        key: Item,
    },
}

/// `Query`, of one partition key.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryRequest {
    /// Its attribute and value.
    pub partition_key: (String, AttributeValue),
    /// Which sort keys.
    pub range: Option<(String, SortCondition)>,
    /// From the largest sort key to the smallest.
    pub descending: bool,
    /// What is read of them.
    pub page: Page,
}

/// A condition on a sort key.
#[derive(Clone, Debug, PartialEq)]
pub enum SortCondition {
    /// `=`.
    Equal(AttributeValue),
    /// `>=`.
    From(AttributeValue),
    /// `<=`.
    To(AttributeValue),
    /// `BETWEEN`, the smaller value first.
    Between(AttributeValue, AttributeValue),
    /// `begins_with`.
    BeginsWith(AttributeValue),
}

/// What a query or scan reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The index that is read; the table itself when absent.
    pub index: Option<Arc<str>>,
    /// Of the read.
    pub consistency: Consistency,
    /// Items evaluated per page, at most.
    pub limit: Option<u32>,
    /// An attribute that items must have to be returned.
    pub filter: Option<Arc<str>>,
    /// Whether it reads on to the last page.
    pub all_pages: bool,
}

impl Request {
    /// The kind of operation.
    #[must_use]
    pub const fn kind(&self) -> OperationKind {
        match self {
            Self::Get { .. } => OperationKind::Get,
            Self::Write { write, .. } => match write {
                Write::Put { .. } => OperationKind::Put,
                Write::Update { .. } | Write::Check { .. } => OperationKind::Update,
                Write::Delete { .. } => OperationKind::Delete,
            },
            Self::Query(_) => OperationKind::Query,
            Self::Scan { .. } => OperationKind::Scan,
            Self::BatchGet { .. } => OperationKind::BatchGet,
            Self::BatchWrite { .. } => OperationKind::BatchWrite,
            Self::TransactGet { .. } => OperationKind::TransactGet,
            Self::TransactWrite { .. } => OperationKind::TransactWrite,
            Self::ReadModifyWrite { .. } => OperationKind::ReadModifyWrite,
            Self::Statement { kind, .. } => *kind,
        }
    }
}

impl Write {
    /// A whole request of its own, without a condition.
    #[must_use]
    pub const fn alone(self) -> Request {
        Request::Write {
            write: self,
            condition: None,
            return_values: false,
        }
    }
}
