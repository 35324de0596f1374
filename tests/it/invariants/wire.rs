//! Laws 1, 5, 8, 18 and 22 as a client sees them, on the embedded emulator.

use dynamometer::scenario::ModelParameters;
use serde_json::{Value, json};

use crate::emulator::world::World;

async fn indexed() -> World {
    let world = World::new(5_000, 5_000, ModelParameters::default()).await;
    let table = json!({"TableName": "Games",
        "AttributeDefinitions": [{"AttributeName": "user", "AttributeType": "S"},
            {"AttributeName": "game", "AttributeType": "S"},
            {"AttributeName": "team", "AttributeType": "S"},
            {"AttributeName": "score", "AttributeType": "N"}],
        "KeySchema": [{"AttributeName": "user", "KeyType": "HASH"},
            {"AttributeName": "game", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [{"IndexName": "by-team",
            "KeySchema": [{"AttributeName": "team", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
            "ProvisionedThroughput": {"ReadCapacityUnits": 5000, "WriteCapacityUnits": 5000}}],
        "LocalSecondaryIndexes": [{"IndexName": "by-score",
            "KeySchema": [{"AttributeName": "user", "KeyType": "HASH"},
                {"AttributeName": "score", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"}}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5000, "WriteCapacityUnits": 5000}});
    assert_eq!(world.call("CreateTable", table).await.status, 200);
    world
}

fn game(number: usize) -> Value {
    json!({"user": {"S": "one"}, "game": {"S": number.to_string()}, "team": {"S": "red"},
        "score": {"N": number.to_string()}, "note": {"S": "x".repeat(700 * (number % 5))}})
}

async fn consumed(world: &World, operation: &str, mut request: Value) -> Value {
    request["ReturnConsumedCapacity"] = json!("INDEXES");
    let answer = world.call(operation, request).await;
    assert_eq!(answer.status, 200, "{operation}: {}", answer.json());
    match &answer.json()["ConsumedCapacity"] {
        Value::Array(tables) => tables[0].clone(),
        one => one.clone(),
    }
}

fn units(of: &Value) -> f64 {
    of["CapacityUnits"].as_f64().unwrap_or(0.0)
}

/// The table's arm and each index's.
fn arms(consumed: &Value) -> [f64; 3] {
    [
        units(&consumed["Table"]),
        units(&consumed["GlobalSecondaryIndexes"]["by-team"]),
        units(&consumed["LocalSecondaryIndexes"]["by-score"]),
    ]
}

#[tokio::test]
async fn i01_and_i08_arms_add_up_and_those_of_indexes_do_not_depend_on_transactions() {
    let (world, transacted) = (indexed().await, indexed().await);
    let mut alone = [0.0; 3];
    for number in 0..10 {
        let put = json!({"TableName": "Games", "Item": game(number)});
        let plain = consumed(&world, "PutItem", put.clone()).await;
        let [table, global, local] = arms(&plain);
        assert!(
            (units(&plain) - table - global - local).abs() < f64::EPSILON,
            "{plain}"
        );
        assert!(global > 0.0 && local > 0.0, "{plain}");
        for (sum, arm) in alone.iter_mut().zip(arms(&plain)) {
            *sum += arm;
        }
        let twice = json!({"TransactItems": [{"Put": put}]});
        let twice = arms(&consumed(&transacted, "TransactWriteItems", twice).await);
        assert_eq!(
            twice.map(f64::to_bits),
            [2.0 * table, global, local].map(f64::to_bits)
        );
        // The same once more changes no entry: no arm.
        let again = consumed(&world, "PutItem", put).await;
        assert_eq!(
            arms(&again)[1..].iter().sum::<f64>().to_bits(),
            0.0_f64.to_bits()
        );
    }
    let world = indexed().await;
    let puts: Vec<_> = (0..10)
        .map(|n| json!({"PutRequest": {"Item": game(n)}}))
        .collect();
    let batch = json!({"RequestItems": {"Games": puts}});
    let batch = arms(&consumed(&world, "BatchWriteItem", batch).await);
    assert_eq!(
        batch.map(f64::to_bits),
        alone.map(f64::to_bits),
        "a batch is its members"
    );
}

#[tokio::test]
async fn i05_filters_projections_counts_and_return_values_change_no_units() {
    let world = indexed().await;
    for number in 0..20 {
        let put = json!({"TableName": "Games", "Item": game(number)});
        consumed(&world, "PutItem", put).await;
    }
    let query = json!({"TableName": "Games", "KeyConditionExpression": "#u = :u",
        "ExpressionAttributeNames": {"#u": "user"}, "ExpressionAttributeValues": {":u": {"S": "one"}}});
    let plain = units(&consumed(&world, "Query", query.clone()).await);
    assert!(plain > 1.0);
    let with = |field: &str, value: Value| {
        let mut request = query.clone();
        request[field] = value;
        request
    };
    let mut filtered = with("FilterExpression", json!("score > :n"));
    filtered["ExpressionAttributeValues"][":n"] = json!({"N": "15"});
    for request in [
        filtered,
        with("ProjectionExpression", json!("game")),
        with("Select", json!("COUNT")),
    ] {
        let units = units(&consumed(&world, "Query", request).await);
        assert!((units - plain).abs() < f64::EPSILON);
    }
    for returned in ["NONE", "ALL_OLD"] {
        let put = json!({"TableName": "Games", "Item": game(4), "ReturnValues": returned});
        let table = units(&consumed(&world, "PutItem", put).await);
        assert!((table - 3.0).abs() < f64::EPSILON, "{returned}: {table}");
    }
}

#[tokio::test]
async fn i18_and_i22_what_is_throttled_leaves_data_and_counters_alone() {
    let world = World::new(1, 3, ModelParameters::default()).await;
    let item = |id: usize| json!({"id": {"S": id.to_string()}});
    let puts: Vec<_> = (0..10)
        .map(|id| json!({"PutRequest": {"Item": item(id)}}))
        .collect();
    let batch = world
        .call("BatchWriteItem", json!({"RequestItems": {"Users": puts}}))
        .await;
    assert_eq!(batch.status, 200);
    let left = batch.json()["UnprocessedItems"]["Users"]
        .as_array()
        .map_or(0, Vec::len);
    assert_eq!(left, 7, "three of one unit each were there");
    let handle = world.emulator.handle();
    let before = handle.ledger().await;
    // All members of a transaction or none.
    let put = |id: usize| json!({"Put": {"TableName": "Users", "Item": item(id)}});
    let answer = world
        .call(
            "TransactWriteItems",
            json!({"TransactItems": [put(20), put(21)]}),
        )
        .await;
    assert_eq!(answer.error(), "TransactionCanceledException");
    let answer = world
        .call("PutItem", json!({"TableName": "Users", "Item": item(22)}))
        .await;
    assert_eq!(answer.error(), "ProvisionedThroughputExceededException");
    let after = handle.ledger().await;
    assert_eq!(before.consumed, after.consumed);
    assert!(after.throttle_reasons > before.throttle_reasons);
    handle.suspend_governor().await;
    let all = world.call("Scan", json!({"TableName": "Users"})).await;
    assert_eq!(all.json()["Count"], 3);
}
