//! Why a request is throttled, in DynamoDB's own words.

use crate::{scenario::ThrottleExceptionMap, units::Direction};

/// Which of a table's resources has a bucket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// The table; its local secondary indexes use its capacity.
    Table,
    /// A global secondary index, by its number in `TableCapacity`.
    Index(usize),
}

/// What was exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThrottleCause {
    /// The provisioned capacity of the table or index: more capacity helps.
    Provisioned,
    /// One partition's ceiling: more capacity does not help, another key does.
    KeyRange,
    /// The account's quota for a table.
    AccountLimit,
    /// The maximum that the user set for an on-demand table or index.
    MaxOnDemand,
}

/// How a table is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BillingMode {
    /// By the hour for what is provisioned.
    Provisioned,
    /// By the request: on-demand.
    PayPerRequest,
}

/// The exception of a throttled request; all are HTTP 400. [BOTO]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThrottleException {
    /// Over the rate of a provisioned table or index.
    ProvisionedThroughputExceeded,
    /// On-demand tables.
    Throttling,
    /// Over a quota.
    RequestLimitExceeded,
}

impl ThrottleException {
    /// Its name, as in `__type` after the `#`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProvisionedThroughputExceeded => "ProvisionedThroughputExceededException",
            Self::Throttling => "ThrottlingException",
            Self::RequestLimitExceeded => "RequestLimitExceeded",
        }
    }

    /// What stands before the `#` in `__type`.
    #[must_use]
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::Throttling => "com.amazon.coral.availability",
            Self::ProvisionedThroughputExceeded | Self::RequestLimitExceeded => {
                "com.amazonaws.dynamodb.v20120810"
            }
        }
    }

    /// The field that lists the reasons; its first letter differs between exceptions.
    #[must_use]
    pub const fn reasons_field(self) -> &'static str {
        match self {
            Self::Throttling => "throttlingReasons",
            Self::ProvisionedThroughputExceeded | Self::RequestLimitExceeded => "ThrottlingReasons",
        }
    }
}

/// One reason of a throttle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ThrottleReason {
    /// Whose bucket.
    pub resource: Resource,
    /// Reads or writes.
    pub direction: Direction,
    /// Which bucket.
    pub cause: ThrottleCause,
}

impl ThrottleReason {
    /// The `reason` of DynamoDB's `ThrottlingReasons`, one of sixteen. [BOTO, GSI-T]
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        use Direction::{Read, Write};
        use Resource::{Index, Table};
        use ThrottleCause::{AccountLimit, KeyRange, MaxOnDemand, Provisioned};
        match (self.resource, self.direction, self.cause) {
            (Table, Read, Provisioned) => "TableReadProvisionedThroughputExceeded",
            (Table, Write, Provisioned) => "TableWriteProvisionedThroughputExceeded",
            (Table, Read, KeyRange) => "TableReadKeyRangeThroughputExceeded",
            (Table, Write, KeyRange) => "TableWriteKeyRangeThroughputExceeded",
            (Table, Read, AccountLimit) => "TableReadAccountLimitExceeded",
            (Table, Write, AccountLimit) => "TableWriteAccountLimitExceeded",
            (Table, Read, MaxOnDemand) => "TableReadMaxOnDemandThroughputExceeded",
            (Table, Write, MaxOnDemand) => "TableWriteMaxOnDemandThroughputExceeded",
            (Index(_), Read, Provisioned) => "IndexReadProvisionedThroughputExceeded",
            (Index(_), Write, Provisioned) => "IndexWriteProvisionedThroughputExceeded",
            (Index(_), Read, KeyRange) => "IndexReadKeyRangeThroughputExceeded",
            (Index(_), Write, KeyRange) => "IndexWriteKeyRangeThroughputExceeded",
            (Index(_), Read, AccountLimit) => "IndexReadAccountLimitExceeded",
            (Index(_), Write, AccountLimit) => "IndexWriteAccountLimitExceeded",
            (Index(_), Read, MaxOnDemand) => "IndexReadMaxOnDemandThroughputExceeded",
            (Index(_), Write, MaxOnDemand) => "IndexWriteMaxOnDemandThroughputExceeded",
        }
    }

    /// The exception that this reason, as the first one, brings. Documents disagree about
    /// `KeyRange` on provisioned tables and about quotas; `map` decides. [BOTO, ERR, GSI-T]
    #[must_use]
    pub const fn exception(
        self,
        mode: BillingMode,
        map: ThrottleExceptionMap,
    ) -> ThrottleException {
        use ThrottleExceptionMap::{ByMode, IndexGuide};
        match (self.cause, mode) {
            (ThrottleCause::AccountLimit, _) if matches!(map, IndexGuide) => {
                ThrottleException::Throttling
            }
            (ThrottleCause::KeyRange, _) if !matches!(map, ByMode) => ThrottleException::Throttling,
            (ThrottleCause::AccountLimit, _) => ThrottleException::RequestLimitExceeded,
            (ThrottleCause::MaxOnDemand, _)
            | (ThrottleCause::KeyRange, BillingMode::PayPerRequest) => {
                ThrottleException::Throttling
            }
            (ThrottleCause::Provisioned, _)
            | (ThrottleCause::KeyRange, BillingMode::Provisioned) => {
                ThrottleException::ProvisionedThroughputExceeded
            }
        }
    }

    /// The message on a provisioned table of the exception that this reason, as the first one,
    /// brings. [BOTO]
    #[must_use]
    pub const fn message(self) -> &'static str {
        self.message_in(BillingMode::Provisioned)
    }

    /// The message of the exception that this reason, as the first one, brings. [BOTO] That of
    /// a quota is what the service model says of its exception.
    #[must_use]
    pub const fn message_in(self, mode: BillingMode) -> &'static str {
        match (self.cause, mode, self.resource) {
            (ThrottleCause::AccountLimit, ..) => {
                "Throughput exceeds the current throughput quota for your account. Please contact \
                 AWS Support to request a quota increase."
            }
            (ThrottleCause::MaxOnDemand, ..) => {
                "Throughput exceeds the maximum OnDemandThroughput configured on table or index"
            }
            (_, BillingMode::Provisioned, Resource::Table) => {
                "The level of configured provisioned throughput for the table was exceeded. \
                 Consider increasing your provisioning level with the UpdateTable API."
            }
            (_, BillingMode::Provisioned, Resource::Index(_)) => {
                "The level of configured provisioned throughput for one or more global secondary \
                 indexes of the table was exceeded. Consider increasing your provisioning level \
                 for the under-provisioned global secondary indexes with the UpdateTable API"
            }
            (_, BillingMode::PayPerRequest, Resource::Table) => {
                "Throughput exceeds the current capacity of your table or index. DynamoDB is \
                 automatically scaling your table or index so please try again shortly. If \
                 exceptions persist, check if you have a hot key: \
                 https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/\
                 bp-partition-key-design.html"
            }
            (_, BillingMode::PayPerRequest, Resource::Index(_)) => {
                "Throughput exceeds the current capacity for one or more global secondary \
                 indexes. DynamoDB is automatically scaling your index so please try again \
                 shortly."
            }
        }
    }
}

/// The ARN of a table, or of one of its indexes.
#[must_use]
pub fn resource_arn(region: &str, account: &str, table: &str, index: Option<&str>) -> String {
    let table = format!("arn:aws:dynamodb:{region}:{account}:table/{table}");
    match index {
        Some(index) => format!("{table}/index/{index}"),
        None => table,
    }
}

/// How a batch is answered of whose members some were throttled. [ERR]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchOutcome {
    /// 200, with so many members in `UnprocessedKeys` or `UnprocessedItems`.
    Answered {
        /// 0 when nothing was throttled.
        unprocessed: u64,
    },
    /// Every member was throttled: the exception.
    Throttled,
}

impl BatchOutcome {
    /// Of `members`, of which `throttled` were.
    #[must_use]
    pub const fn of(members: u64, throttled: u64) -> Self {
        if throttled == members {
            Self::Throttled
        } else {
            Self::Answered {
                unprocessed: throttled,
            }
        }
    }
}
