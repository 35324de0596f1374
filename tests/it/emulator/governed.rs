//! Provisioned capacity, enforced.

use std::time::Duration;

use dynamometer::{
    scenario::{AdmissionRule, ModelParameters},
    units::{ByDirection, CapacityUnits, Share},
};
use serde_json::{Value, json};

use super::world::{World, put_item, short_burst, units};

#[tokio::test]
async fn a_throttle_is_answered_as_dynamodb_answers_it() {
    let world = World::new(1, 1, short_burst()).await;
    assert!(world.put("first").await);
    let refused = world.call("PutItem", put_item("second")).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json(),
        json!({
            "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
            "message": "The level of configured provisioned throughput for the table was \
                exceeded. Consider increasing your provisioning level with the UpdateTable API.",
            "ThrottlingReasons": [{
                "reason": "TableWriteProvisionedThroughputExceeded",
                "resource": "arn:aws:dynamodb:dynoxide:000000000000:table/Users",
            }],
        })
    );
    // Reads have a bucket of their own.
    let get = json!({"TableName": "Users", "Key": {"id": {"S": "first"}}, "ConsistentRead": true});
    assert_eq!(world.call("GetItem", get.clone()).await.status, 200);
    let refused = world.call("GetItem", get).await.json();
    assert_eq!(
        refused["ThrottlingReasons"][0]["reason"],
        "TableReadProvisionedThroughputExceeded"
    );
    world.clock.advance(Duration::from_secs(1));
    assert!(world.put("third").await, "a second refills one unit");
}

#[tokio::test]
async fn the_sdk_understands_the_throttle() {
    let world = World::new(1, 1, short_burst()).await;
    let client = crate::wire::client(&world.emulator.endpoint());
    assert!(world.put("first").await);
    let refused = client
        .put_item()
        .table_name("Users")
        .item("id", crate::wire::s("second"))
        .send()
        .await
        .expect_err("nothing is left")
        .into_service_error();
    let aws_sdk_dynamodb::operation::put_item::PutItemError::ProvisionedThroughputExceededException(
        throttled,
    ) = refused
    else {
        panic!("another error: {refused:?}");
    };
    let reason = &throttled.throttling_reasons()[0];
    assert_eq!(
        reason.reason(),
        Some("TableWriteProvisionedThroughputExceeded")
    );
}

/// The fluid form of the token bucket: what each second serves of `demand`.
fn fluid(rate: i64, burst_seconds: i64, mut burst: i64, demand: &[i64]) -> Vec<i64> {
    let mut second = |demand: &i64| {
        let served = (*demand).min(rate + burst);
        burst = (burst + rate - served).clamp(0, burst_seconds * rate);
        served
    };
    demand.iter().map(&mut second).collect()
}

#[tokio::test]
async fn every_second_serves_exactly_what_the_token_bucket_allows() {
    const RATE: i64 = 2;
    for (initial, burst) in [(0.0, 0), (0.5, 10), (1.0, 20)] {
        let parameters = ModelParameters {
            initial_burst_fraction: Share::new(initial).expect("a share"),
            ..short_burst()
        };
        let world = World::new(1, 2, parameters).await;
        // Twice the rate, a rest that saves up more than can be kept, twice the rate again.
        let demand: Vec<_> = [vec![4; 40], vec![0; 15], vec![1; 5], vec![4; 40]].concat();
        let mut served = Vec::new();
        for wanted in &demand {
            let mut admitted = 0;
            for _ in 0..*wanted {
                admitted += i64::from(world.put("same").await);
            }
            served.push(admitted);
            world.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(
            served,
            fluid(RATE, 10, burst, &demand),
            "initial burst {burst}"
        );
    }
}

#[tokio::test]
async fn a_throttled_request_changes_no_data_and_no_bucket() {
    let world = World::new(1, 1, short_burst()).await;
    assert!(world.put("a").await);
    let before = world.emulator.handle().capacity().await;
    let key = json!({"id": {"S": "a"}});
    for (operation, body) in [
        ("PutItem", put_item("b")),
        ("DeleteItem", json!({"TableName": "Users", "Key": key})),
        (
            "UpdateItem",
            json!({"TableName": "Users", "Key": key, "UpdateExpression": "SET x = :x",
                "ExpressionAttributeValues": {":x": {"S": "x"}}}),
        ),
        (
            "BatchWriteItem",
            json!({"RequestItems": {"Users": [{"PutRequest": {"Item": {"id": {"S": "b"}}}}]}}),
        ),
    ] {
        let refused = world.call(operation, body).await;
        assert_eq!(
            refused.error(),
            "ProvisionedThroughputExceededException",
            "{operation}"
        );
    }
    assert_eq!(world.emulator.handle().capacity().await, before);
    assert_eq!(world.consumed().await, units(0.0, 1.0));
    assert_eq!(world.stored("a").await, key);
    assert_eq!(world.stored("b").await, Value::Null);
}

#[tokio::test]
async fn loading_is_neither_throttled_nor_charged() {
    let world = World::new(1, 1, short_burst()).await;
    let handle = world.emulator.handle();
    handle.suspend_governor().await;
    for number in 0..50 {
        assert!(world.put(&number.to_string()).await);
    }
    handle.enforce().await;
    handle.reset_ledger().await;
    let [table] = handle.capacity().await.try_into().expect("one table");
    assert_eq!(table.name, "Users");
    assert_eq!(table.status.rates, units(1.0, 1.0));
    assert_eq!(
        table.status.burst_left,
        ByDirection {
            read: 0.0,
            write: 0.0
        }
    );
    assert!(world.put("one").await);
    assert!(!world.put("two").await);
    world.clock.advance(Duration::from_secs(100));
    let [table] = handle.capacity().await.try_into().expect("one table");
    assert_eq!(
        table.status.burst_left,
        ByDirection {
            read: 10.0,
            write: 10.0
        }
    );
}

#[tokio::test]
async fn a_table_follows_its_new_rates_and_then_serves_on_demand_what_is_served_at_once() {
    let parameters = ModelParameters {
        as_update_lag_seconds: 0,
        ..short_burst()
    };
    let world = World::new(1, 1, parameters).await;
    assert!(world.put("a").await);
    assert!(!world.put("a").await);
    let update = |change: Value| {
        let mut body = json!({"TableName": "Users"});
        let fields = body.as_object_mut().expect("an object");
        fields.extend(change.as_object().expect("an object").clone());
        body
    };
    let rates = json!({"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 5}});
    assert_eq!(world.call("UpdateTable", update(rates)).await.status, 200);
    let [table] = world
        .emulator
        .handle()
        .capacity()
        .await
        .try_into()
        .expect("one");
    assert_eq!(table.status.rates, units(1.0, 5.0));
    world.clock.advance(Duration::from_secs(1));
    for _ in 0..5 {
        assert!(world.put("a").await);
    }
    assert!(!world.put("a").await);
    let on_demand = json!({"BillingMode": "PAY_PER_REQUEST"});
    assert_eq!(
        world.call("UpdateTable", update(on_demand)).await.status,
        200
    );
    let [table] = world
        .emulator
        .handle()
        .capacity()
        .await
        .try_into()
        .expect("one");
    assert_eq!(table.status.rates, units(12_000.0, 4_000.0));
    assert_eq!(table.status.partitions, 4);
    world.clock.advance(Duration::from_secs(1));
    for _ in 0..100 {
        assert!(world.put("a").await);
    }
    assert_eq!(
        world
            .call("DeleteTable", json!({"TableName": "Users"}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_full_index_stops_the_writes_that_touch_it() {
    let world = World::new(1, 1, short_burst()).await;
    let table = json!({"TableName": "Indexed",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "by", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 9, "WriteCapacityUnits": 9},
        "GlobalSecondaryIndexes": [{"IndexName": "by_b",
            "KeySchema": [{"AttributeName": "by", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
            "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}]});
    assert_eq!(world.call("CreateTable", table).await.status, 200);
    let put = async |item: Value| {
        world
            .call("PutItem", json!({"TableName": "Indexed", "Item": item}))
            .await
    };
    let indexed = |id: &str| json!({"id": {"S": id}, "by": {"S": "b"}});
    assert_eq!(put(indexed("a")).await.status, 200);
    let refused = put(indexed("b")).await.json();
    assert_eq!(
        refused["ThrottlingReasons"],
        json!([{"reason": "IndexWriteProvisionedThroughputExceeded",
            "resource": "arn:aws:dynamodb:dynoxide:000000000000:table/Indexed/index/by_b"}])
    );
    assert!(
        refused["message"]
            .as_str()
            .is_some_and(|text| text.contains("secondary indexes"))
    );
    assert_eq!(
        put(json!({"id": {"S": "c"}})).await.status,
        200,
        "not in the index"
    );
    let ledger = world.ledger().await;
    assert_eq!(ledger.consumed["Indexed"], units(0.0, 2.0));
    assert_eq!(ledger.consumed["Indexed/index/by_b"], units(0.0, 1.0));
    // Reads of the index take nothing from the table.
    let query = json!({"TableName": "Indexed", "IndexName": "by_b",
        "KeyConditionExpression": "#b=:b", "ExpressionAttributeNames": {"#b": "by"},
        "ExpressionAttributeValues": {":b": {"S": "b"}}});
    for status in [200, 200, 400] {
        assert_eq!(world.call("Query", query.clone()).await.status, status);
    }
    let ledger = world.ledger().await;
    assert_eq!(ledger.consumed["Indexed"].read, CapacityUnits::ZERO);
    assert_eq!(ledger.consumed["Indexed/index/by_b"], units(1.0, 1.0));
}

#[tokio::test]
async fn a_hot_key_gets_one_partition_of_a_table_that_has_more() {
    let world = World::new(1, 2500, short_burst()).await;
    let [table] = world
        .emulator
        .handle()
        .capacity()
        .await
        .try_into()
        .expect("one");
    assert_eq!(table.status.partitions, 3);
    // 100 WCU each: ten make the 1,000 of one partition.
    let put = async |id: &str| {
        let item = json!({"id": {"S": id}, "x": {"S": "x".repeat(102_300)}});
        world
            .call("PutItem", json!({"TableName": "Users", "Item": item}))
            .await
    };
    for _ in 0..10 {
        assert_eq!(put("hot").await.status, 200);
    }
    let refused = put("hot").await;
    assert_eq!(refused.error(), "ProvisionedThroughputExceededException");
    assert_eq!(
        refused.json()["ThrottlingReasons"][0]["reason"],
        "TableWriteKeyRangeThroughputExceeded"
    );
    let mut elsewhere = 0;
    for number in 0..10 {
        elsewhere += u32::from(put(&format!("cool {number}")).await.status == 200);
    }
    assert!(elsewhere >= 3, "other partitions still have all of theirs");
    assert_eq!(
        world.consumed().await.write,
        CapacityUnits::whole(1000 + 100 * i64::from(elsewhere))
    );
}

#[tokio::test]
async fn the_strict_rule_waits_until_the_balance_covers_the_cost() {
    let parameters = ModelParameters {
        admission_rule: AdmissionRule::Strict,
        ..short_burst()
    };
    let world = World::new(3, 3, parameters).await;
    let put = async || {
        let item = json!({"id": {"S": "a"}, "x": {"S": "x".repeat(5000)}});
        world
            .call("PutItem", json!({"TableName": "Users", "Item": item}))
            .await
            .status
    };
    assert_eq!(put().await, 400, "5 units of 3");
    world.clock.advance(Duration::from_millis(600));
    assert_eq!(put().await, 400, "5 units of 4.8");
    world.clock.advance(Duration::from_millis(100));
    assert_eq!(put().await, 200, "5 units of 5.1");
    assert!(!world.put("b").await, "0.1 is left");
}
