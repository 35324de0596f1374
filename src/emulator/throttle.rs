//! How DynamoDB says that capacity is exhausted: exceptions, cancelled transactions.
//!
//! Owns the shape of these answers. Must not know when they are due.

use serde_json::{Value, json};

use super::wire::Answer;
use crate::capacity::throttle::ThrottleException;

/// Why one member is not admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Throttle {
    pub(super) exception: ThrottleException,
    pub(super) message: &'static str,
    /// Every exhausted resource: reason and ARN.
    pub(super) reasons: Vec<(String, String)>,
}

impl Throttle {
    /// The answer to a request that was refused for it.
    pub(super) fn answer(&self) -> Answer {
        let reasons: Vec<_> = self
            .reasons
            .iter()
            .map(|(reason, resource)| json!({"reason": reason, "resource": resource}))
            .collect();
        Answer::refused(&json!({
            "__type": format!("{}#{}", self.exception.namespace(), self.exception.name()),
            "message": self.message,
            // Its first letter differs between exceptions.
            self.exception.reasons_field(): reasons,
        }))
    }

    /// The code that cancels a transaction [API].
    const fn cancellation_code(&self) -> &'static str {
        match self.exception {
            ThrottleException::ProvisionedThroughputExceeded => "ProvisionedThroughputExceeded",
            ThrottleException::Throttling | ThrottleException::RequestLimitExceeded => {
                "ThrottlingError"
            }
        }
    }
}

/// The answer to a transaction with a throttled member; `members` are in its order.
pub(super) fn cancelled(members: &[Option<Throttle>]) -> Answer {
    let codes: Vec<_> = members
        .iter()
        .map(|throttle| {
            throttle
                .as_ref()
                .map_or("None", Throttle::cancellation_code)
        })
        .collect();
    let reasons: Vec<Value> = members
        .iter()
        .map(|throttle| match throttle {
            Some(throttle) => {
                json!({"Code": throttle.cancellation_code(), "Message": throttle.message})
            }
            None => json!({"Code": "None"}),
        })
        .collect();
    Answer::refused(&json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        ),
        "CancellationReasons": reasons,
    }))
}
