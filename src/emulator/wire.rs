//! What goes over the wire besides items: operations, answers and error bodies.
//!
//! Owns DynamoDB's JSON 1.0 envelope. Must not know how a request is executed.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

/// Prefix of `X-Amz-Target` for tables and items.
const TARGET_PREFIX: &str = "DynamoDB_20120810.";
/// Prefix of `X-Amz-Target` for streams.
const STREAMS_TARGET_PREFIX: &str = "DynamoDBStreams_20120810.";

/// Every operation served.
const OPERATIONS: [&str; 27] = [
    "BatchExecuteStatement",
    "BatchGetItem",
    "BatchWriteItem",
    "CreateTable",
    "DeleteItem",
    "DeleteTable",
    "DescribeStream",
    "DescribeTable",
    "DescribeTimeToLive",
    "ExecuteStatement",
    "ExecuteTransaction",
    "GetItem",
    "GetRecords",
    "GetShardIterator",
    "ListStreams",
    "ListTables",
    "ListTagsOfResource",
    "PutItem",
    "Query",
    "Scan",
    "TagResource",
    "TransactGetItems",
    "TransactWriteItems",
    "UntagResource",
    "UpdateItem",
    "UpdateTable",
    "UpdateTimeToLive",
];

/// The operation that an `X-Amz-Target` header names, if it is served.
pub(super) fn operation(target: &str) -> Option<&'static str> {
    let name = target
        .strip_prefix(TARGET_PREFIX)
        .or_else(|| target.strip_prefix(STREAMS_TARGET_PREFIX))?;
    OPERATIONS.into_iter().find(|known| *known == name)
}

/// A complete answer: HTTP status and JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    /// HTTP 200.
    pub(super) const fn ok(body: String) -> Self {
        Self { status: 200, body }
    }

    /// HTTP 400 with a JSON body.
    pub(super) fn refused(body: &Value) -> Self {
        Self {
            status: 400,
            body: body.to_string(),
        }
    }

    /// `ValidationException`.
    pub(super) fn validation(message: &str) -> Self {
        Self::refused(
            &json!({"__type": "com.amazon.coral.validate#ValidationException", "message": message}),
        )
    }

    /// An exception of DynamoDB's own.
    pub(super) fn exception(name: &str, message: &str) -> Self {
        let kind = format!("com.amazonaws.dynamodb.v20120810#{name}");
        Self::refused(&json!({"__type": kind, "message": message}))
    }

    /// `SerializationException`, as for a body that is not JSON.
    pub(super) fn serialization() -> Self {
        Self::refused(&json!({"__type": "com.amazon.coral.service#SerializationException"}))
    }

    /// `UnknownOperationException`.
    pub(super) fn unknown_operation() -> Self {
        Self::refused(&json!({"__type": "com.amazon.coral.service#UnknownOperationException"}))
    }

    /// `InternalServerError`, HTTP 500.
    pub(super) fn internal(message: &str) -> Self {
        Self {
            status: 500,
            body: json!({"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError",
                "message": message})
            .to_string(),
        }
    }
}

/// A request identifier in DynamoDB's format: 52 characters of `0-9A-F`, distinct within the
/// process.
pub(super) fn request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // Spread by an odd constant, so that neighbours differ at the front too.
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!("{spread:016X}{:020}{number:016X}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_name_operations_of_both_services_only() {
        assert_eq!(operation("DynamoDB_20120810.PutItem"), Some("PutItem"));
        assert_eq!(
            operation("DynamoDBStreams_20120810.GetRecords"),
            Some("GetRecords")
        );
        assert_eq!(operation("DynamoDB_20111205.PutItem"), None);
        assert_eq!(operation("DynamoDB_20120810.DropEverything"), None);
    }

    #[test]
    fn request_identifiers_are_distinct_and_52_characters_long() {
        let (first, second) = (request_id(), request_id());
        assert_ne!(first, second);
        for id in [first, second] {
            assert_eq!(id.len(), 52);
            assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
    }
}
