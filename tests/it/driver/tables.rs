//! Creating, loading and deleting tables.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use dynamometer::{
    target::sdk::{SdkTarget, admin::AdminError},
    workload::Workload,
};
use serde_json::{Value, json};

use super::{
    fake_server::{FakeServer, Reply},
    quick, scenario,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loading_retries_what_is_left_over_until_every_item_is_there() {
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let stored = Arc::clone(&accepted);
    let server = FakeServer::start(move |request| {
        assert_eq!(request.operation, "BatchWriteItem");
        if request.number % 4 == 3 {
            return Reply::Throttle(vec![]);
        }
        let puts = request.body["RequestItems"]["Users"]
            .as_array()
            .unwrap()
            .clone();
        assert!(puts.len() <= 25);
        let (taken, left) = puts.split_at(puts.len().min(20));
        let id = |put: &Value| {
            put["PutRequest"]["Item"]["user_id"]["S"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        stored.lock().unwrap().extend(taken.iter().map(id));
        let unprocessed = if left.is_empty() {
            json!({})
        } else {
            json!({"Users": left})
        };
        Reply::Json(200, json!({"UnprocessedItems": unprocessed}))
    })
    .await;
    let scenario = scenario(1.0, Duration::from_secs(1), quick());
    let target = SdkTarget::connect(&server.url(), &scenario.client)
        .await
        .unwrap();
    let workload = Workload::new(Arc::new(scenario));
    let mut told = 0;
    let item = move |number| workload.item(0, number);
    let loaded = target
        .load("Users", 110, 3, item, |items| told += items)
        .await
        .unwrap();

    assert_eq!((loaded, told), (110, 110));
    let accepted = accepted.lock().unwrap();
    assert_eq!(accepted.len(), 110);
    assert_eq!(accepted.iter().collect::<BTreeSet<_>>().len(), 110);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_exists_is_left_alone() {
    let server = FakeServer::start(|request| match request.operation.as_str() {
        "CreateTable" => Reply::Json(
            400,
            json!({"__type": "x#ResourceInUseException", "message": "there"}),
        ),
        other => panic!("{other} was sent"),
    })
    .await;
    let scenario = scenario(1.0, Duration::from_secs(1), quick());
    let target = SdkTarget::connect(&server.url(), &scenario.client)
        .await
        .unwrap();
    let error = target.create_table(&scenario.tables[0]).await.unwrap_err();
    assert!(
        matches!(&error, AdminError::TableExists { table } if table == "Users"),
        "{error}"
    );
    assert_eq!(
        server.counts(),
        BTreeMap::from([("CreateTable".to_owned(), 1)])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_created_awaited_and_deleted() {
    let server = FakeServer::start(
        |request| match (request.operation.as_str(), request.number) {
            ("DescribeTable", 1) => {
                Reply::Json(400, json!({"__type": "x#ResourceNotFoundException"}))
            }
            ("DescribeTable", 2) => Reply::Json(200, json!({"Table": {"TableStatus": "CREATING"}})),
            ("DescribeTable", _) => Reply::Json(200, json!({"Table": {"TableStatus": "ACTIVE"}})),
            _ => Reply::Json(200, json!({})),
        },
    )
    .await;
    let scenario = scenario(1.0, Duration::from_secs(1), quick());
    let target = SdkTarget::connect(&server.url(), &scenario.client)
        .await
        .unwrap();
    let table = target.create_table(&scenario.tables[0]).await.unwrap();
    target
        .wait_until_active(table.name(), Duration::from_secs(10))
        .await
        .unwrap();
    target.delete_table(table).await.unwrap();

    let received = server.received();
    let sent: Vec<&str> = received.iter().map(|r| r.operation.as_str()).collect();
    assert_eq!(
        sent,
        [
            "CreateTable",
            "DescribeTable",
            "DescribeTable",
            "DescribeTable",
            "DeleteTable"
        ]
    );
    assert_eq!(
        received[0].body["ProvisionedThroughput"],
        json!({"ReadCapacityUnits": 10, "WriteCapacityUnits": 5})
    );
    assert_eq!(
        received[0].body["KeySchema"],
        json!([{"AttributeName": "user_id", "KeyType": "HASH"}])
    );
}
