//! What requests of several members and failed ones take, and the books that tell of it.

use std::time::Duration;

use dynamometer::units::CapacityUnits;
use serde_json::{Value, json};

use super::{
    raw,
    world::{World, short_burst, units},
};

#[tokio::test]
async fn a_batch_hands_back_what_is_throttled_and_fails_only_as_a_whole() {
    let world = World::new(2, 2, short_burst()).await;
    let put = |id: &str| json!({"PutRequest": {"Item": {"id": {"S": id}}}});
    let batch = json!({"RequestItems": {"Users": [put("a"), put("b"), put("c")]},
        "ReturnConsumedCapacity": "TOTAL"});
    let answer = world.call("BatchWriteItem", batch.clone()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"UnprocessedItems": {"Users": [put("c")]},
            "ConsumedCapacity": [{"TableName": "Users", "CapacityUnits": 2.0}]})
    );
    let refused = world.call("BatchWriteItem", batch).await;
    assert_eq!(refused.error(), "ProvisionedThroughputExceededException");

    let keys: Vec<_> = ["a", "b", "c"].map(|id| json!({"id": {"S": id}})).into();
    let batch = json!({"RequestItems": {"Users": {"Keys": keys, "ConsistentRead": true}}});
    let answer = world.call("BatchGetItem", batch).await.json();
    assert_eq!(
        answer["Responses"]["Users"].as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(
        answer["UnprocessedKeys"],
        json!({"Users": {"Keys": [{"id": {"S": "c"}}], "ConsistentRead": true}})
    );
    let ledger = world.ledger().await;
    assert_eq!(ledger.consumed["Users"], units(2.0, 2.0));
    assert_eq!(
        ledger.throttle_reasons["TableWriteProvisionedThroughputExceeded"], 4,
        "one member of the first batch, three of the second"
    );
}

#[tokio::test]
async fn a_throttled_transaction_is_cancelled_as_a_whole() {
    let world = World::new(1, 1, short_burst()).await;
    let put = |id: &str| json!({"Put": {"TableName": "Users", "Item": {"id": {"S": id}}}});
    let both = json!({"TransactItems": [put("a"), put("b")]});
    assert_eq!(
        world.call("TransactWriteItems", both.clone()).await.status,
        200
    );
    assert_eq!(world.consumed().await, units(0.0, 4.0));
    let refused = world.call("TransactWriteItems", both).await;
    assert_eq!(refused.error(), "TransactionCanceledException");
    let body = refused.json();
    assert_eq!(
        body["Message"],
        "Transaction cancelled, please refer cancellation reasons for specific reasons \
         [ProvisionedThroughputExceeded, ProvisionedThroughputExceeded]"
    );
    assert_eq!(
        body["CancellationReasons"][0]["Code"],
        "ProvisionedThroughputExceeded"
    );
    // A debt of 3 units, and then one more.
    world.clock.advance(Duration::from_secs(3));
    assert!(!world.put("c").await);
    world.clock.advance(Duration::from_secs(1));
    assert!(world.put("c").await);
}

#[tokio::test]
async fn failed_conditions_are_charged_for_the_larger_item() {
    let world = World::new(100, 100, short_burst()).await;
    let large = |id: &str, bytes: usize| json!({"id": {"S": id}, "x": {"S": "x".repeat(bytes)}});
    let put = async |item: Value, condition: &str| {
        let body = json!({"TableName": "Users", "Item": item, "ConditionExpression": condition});
        let before = world.consumed().await.write;
        let status = world.call("PutItem", body).await.status;
        (status, world.consumed().await.write - before)
    };
    let absent = "attribute_not_exists(id)";
    let whole = CapacityUnits::whole;
    assert_eq!(put(large("a", 3000), absent).await, (200, whole(3)));
    assert_eq!(
        put(large("a", 10), absent).await,
        (400, whole(3)),
        "the stored one"
    );
    assert_eq!(
        put(large("a", 5000), absent).await,
        (400, whole(5)),
        "the carried one"
    );
    let present = "attribute_exists(id)";
    assert_eq!(
        put(large("b", 1500), present).await,
        (400, whole(2)),
        "none is stored"
    );
    let key = json!({"id": {"S": "a"}});
    let before = world.consumed().await.write;
    for (operation, update) in [("DeleteItem", None), ("UpdateItem", Some("SET y = x"))] {
        let body = json!({"TableName": "Users", "Key": key, "ConditionExpression": absent,
            "UpdateExpression": update});
        let mut body = body;
        if update.is_none() {
            body.as_object_mut()
                .expect("an object")
                .remove("UpdateExpression");
        }
        let failed = world.call(operation, body).await;
        assert_eq!(failed.error(), "ConditionalCheckFailedException");
    }
    assert_eq!(world.consumed().await.write - before, whole(6));
}

#[tokio::test]
async fn a_cancelled_transaction_is_charged_as_if_it_had_succeeded() {
    let world = World::new(100, 100, short_burst()).await;
    let body = json!({"TransactItems": [
        {"Put": {"TableName": "Users", "Item": {"id": {"S": "a"}, "x": {"S": "x".repeat(1500)}}}},
        {"ConditionCheck": {"TableName": "Users", "Key": {"id": {"S": "none"}},
            "ConditionExpression": "attribute_exists(id)"}},
    ]});
    let failed = world.call("TransactWriteItems", body).await;
    assert_eq!(failed.error(), "TransactionCanceledException");
    assert_eq!(world.consumed().await, units(0.0, 6.0));
    assert_eq!(world.stored("a").await, Value::Null);
}

#[tokio::test]
async fn the_ledger_equals_what_was_sent() {
    let world = World::new(3, 3, short_burst()).await;
    let mut admitted = 0;
    for _ in 0..10 {
        admitted += u64::from(world.put("a").await);
    }
    let get = json!({"TableName": "Users", "Key": {"id": {"S": "a"}}});
    for _ in 0..4 {
        assert_eq!(world.call("GetItem", get.clone()).await.status, 200);
    }
    assert_eq!(
        world
            .call("GetItem", json!({"TableName": "None"}))
            .await
            .status,
        400
    );
    let ledger = world.ledger().await;
    let counts = |operation: &str| {
        let counts = ledger.requests[operation];
        (counts.ok, counts.throttled, counts.failed)
    };
    assert_eq!(counts("CreateTable"), (1, 0, 0));
    assert_eq!(counts("PutItem"), (admitted, 10 - admitted, 0));
    assert_eq!(admitted, 3);
    assert_eq!(counts("GetItem"), (4, 0, 1));
    assert_eq!(ledger.consumed["Users"], units(2.0, 3.0));
    assert_eq!(
        ledger.throttle_reasons.into_iter().collect::<Vec<_>>(),
        [("TableWriteProvisionedThroughputExceeded".to_owned(), 7)]
    );
}

#[tokio::test]
async fn requests_are_recorded_while_it_is_asked_for() {
    let world = World::new(10, 10, short_burst()).await;
    let handle = world.emulator.handle();
    assert!(world.put("before").await);
    handle.record_requests(true).await;
    assert!(world.put("a").await);
    let get = json!({"TableName": "Users", "Key": {"id": {"S": "b"}}});
    world.call("GetItem", get).await;
    handle.record_requests(false).await;
    assert!(world.put("after").await);
    let received = handle.received().await;
    assert_eq!(received.not_kept, 0);
    let seen: Vec<_> = received
        .requests
        .iter()
        .map(|request| {
            (
                request.operation,
                request.table.as_str(),
                request.key.as_str(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("PutItem", "Users", r#"{"id":{"S":"a"}}"#),
            ("GetItem", "Users", r#"{"id":{"S":"b"}}"#)
        ]
    );
    assert_ne!(
        received.requests[0].body_hash,
        received.requests[1].body_hash
    );
}

#[tokio::test]
async fn statements_are_governed_too() {
    let world = World::new(1, 1, short_burst()).await;
    let insert =
        |id: &str| json!({"Statement": format!("INSERT INTO Users VALUE {{'id': '{id}'}}")});
    assert_eq!(
        world.call("ExecuteStatement", insert("a")).await.status,
        200
    );
    let refused = world.call("ExecuteStatement", insert("b")).await;
    assert_eq!(refused.error(), "ProvisionedThroughputExceededException");
    let select = json!({"Statement": "SELECT * FROM \"Users\" WHERE id = 'a'"});
    for status in [200, 200, 400] {
        assert_eq!(
            world.call("ExecuteStatement", select.clone()).await.status,
            status
        );
    }
    assert_eq!(world.consumed().await, units(1.0, 1.0));
}

#[tokio::test]
async fn transactions_of_statements_are_cancelled_too() {
    let world = World::new(1, 1, short_burst()).await;
    let insert =
        |id: &str| json!({"Statement": format!("INSERT INTO Users VALUE {{'id': '{id}'}}")});
    let both = json!({"TransactStatements": [insert("a"), insert("b")]});
    assert_eq!(world.call("ExecuteTransaction", both).await.status, 200);
    assert_eq!(world.consumed().await, units(0.0, 4.0));
    let third = json!({"TransactStatements": [insert("c")]});
    let refused = world.call("ExecuteTransaction", third).await;
    assert_eq!(refused.error(), "TransactionCanceledException");
}

#[tokio::test]
async fn the_books_outlive_the_server() {
    let world = World::new(1, 1, short_burst()).await;
    let handle = world.emulator.handle();
    let endpoint = world.emulator.endpoint();
    assert!(world.put("a").await);
    world.emulator.shutdown().await;
    let refused = tokio::net::TcpStream::connect(raw::address(&endpoint)).await;
    assert!(refused.is_err(), "nobody listens any more");
    assert_eq!(handle.ledger().await.requests["PutItem"].ok, 1);
}
