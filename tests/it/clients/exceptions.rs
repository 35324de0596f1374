//! Every exception and every reason of a throttle is taken as the SDK takes it.

use dynamometer::engine::Answer;
use serde_json::json;

use super::{alike, success_of_a_get};
use crate::server::{Reply, Server};

/// Every exception of the data plane that a client may meet, with its status.
const EXCEPTIONS: [(u16, &str); 20] = [
    (400, "AccessDeniedException"),
    (400, "ConditionalCheckFailedException"),
    (400, "DuplicateItemException"),
    (400, "ExpiredTokenException"),
    (400, "IdempotentParameterMismatchException"),
    (400, "IncompleteSignatureException"),
    (400, "InvalidSignatureException"),
    (400, "ItemCollectionSizeLimitExceededException"),
    (400, "LimitExceededException"),
    (400, "MissingAuthenticationTokenException"),
    (400, "ProvisionedThroughputExceededException"),
    (400, "RequestLimitExceeded"),
    (400, "ResourceNotFoundException"),
    (400, "ThrottlingException"),
    (400, "TransactionConflictException"),
    (400, "UnrecognizedClientException"),
    (400, "ValidationException"),
    (500, "InternalServerError"),
    (503, "ServiceUnavailable"),
    (418, "NeverHeardOfException"),
];

#[tokio::test]
async fn every_exception_is_taken_as_the_sdk_takes_it() {
    let reason = json!([{
        "reason": "TableReadProvisionedThroughputExceeded",
        "resource": "arn:aws:dynamodb:us-east-1:1:table/Orders",
    }]);
    for (status, name) in EXCEPTIONS {
        for body in [
            json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{name}"), "message": "m"}),
            json!({"__type": format!("com.amazon.coral.availability#{name}"), "Message": "m"}),
            json!({"__type": name, "message": "m", "ThrottlingReasons": reason}),
            json!({"__type": name, "message": "m", "throttlingReasons": reason}),
        ] {
            alike(Reply::json(&body).status(status)).await;
        }
        let by_header = Reply::json(&json!({"message": "m"})).status(status).header(
            "x-amzn-errortype",
            &format!("{name}:http://internal.amazon.com/coral/"),
        );
        alike(by_header).await;
    }
    for codes in [
        vec!["None", "ConditionalCheckFailed"],
        vec!["TransactionConflict", "None"],
        vec!["ThrottlingError", "ConditionalCheckFailed"],
        vec!["ProvisionedThroughputExceeded"],
        vec!["ValidationError", "ItemCollectionSizeLimitExceeded"],
    ] {
        let members: Vec<_> = codes.iter().map(|code| json!({"Code": code})).collect();
        let body = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "message": "cancelled", "CancellationReasons": members,
        });
        alike(Reply::json(&body).status(400)).await;
    }
}

#[tokio::test]
async fn every_reason_of_a_throttle_is_taken_as_the_sdk_takes_it() {
    let mut seen = 0;
    for (scope, resource) in [
        ("Table", "table/Orders"),
        ("Index", "table/Orders/index/shop"),
    ] {
        for direction in ["Read", "Write"] {
            for (cause, name) in [
                (
                    "ProvisionedThroughputExceeded",
                    "ProvisionedThroughputExceededException",
                ),
                ("KeyRangeThroughputExceeded", "ThrottlingException"),
                ("AccountLimitExceeded", "RequestLimitExceeded"),
                ("MaxOnDemandThroughputExceeded", "ThrottlingException"),
            ] {
                let reason = format!("{scope}{direction}{cause}");
                let resource = format!("arn:aws:dynamodb:us-east-1:1:{resource}");
                let body = json!({
                    "__type": format!("com.amazonaws.dynamodb.v20120810#{name}"),
                    "message": "m",
                    "ThrottlingReasons": [{"reason": reason, "resource": resource}],
                });
                for attempted in alike(Reply::json(&body).status(400)).await {
                    let reasons = vec![reason.clone()];
                    assert_eq!(attempted.answer, Answer::Throttled { reasons });
                }
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 16);
}

#[tokio::test]
async fn nobody_follows_a_redirect() {
    let elsewhere = Server::start(|_| success_of_a_get()).await;
    for status in [301, 302, 303, 307, 308] {
        let moved = Reply::text("{}").status(status);
        for attempted in alike(moved.header("location", &elsewhere.url())).await {
            let cause = format!("HTTP {status}");
            let is_failed =
                matches!(&attempted.answer, Answer::Failed { cause: it, .. } if *it == cause);
            assert!(is_failed, "{attempted:?}");
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}
