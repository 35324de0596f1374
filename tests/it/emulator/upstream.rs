//! The governor in front of another server: what reaches that, what it is charged, and what
//! becomes of its failures.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use dynamometer::{
    clock::VirtualClock,
    emulator::{Emulator, EmulatorConfig, EmulatorError, ServiceTime, UpstreamConfig},
};
use serde_json::{Value, json};

use super::{
    raw::{self, Answer},
    world::{World, put_item, short_burst, units},
};
use crate::server::{Reply, Server};

/// A governor in virtual time in front of an ungoverned store.
struct Front {
    world: World,
    store: Emulator,
}

impl Front {
    async fn new(service_time: Option<ServiceTime>) -> Self {
        let store = EmulatorConfig {
            governed: false,
            service_time,
            ..EmulatorConfig::default()
        };
        let store = Emulator::start(store).await.expect("it starts");
        let world = in_front_of(&store.endpoint()).await;
        Self { world, store }
    }

    /// How many of an operation reached the store, and were executed by it.
    async fn executed(&self, operation: &str) -> u64 {
        let ledger = self.store.handle().ledger().await;
        ledger.requests.get(operation).map_or(0, |counts| counts.ok)
    }
}

fn config(endpoint: &str, timeout: Duration) -> EmulatorConfig {
    EmulatorConfig {
        parameters: short_burst(),
        upstream: Some(UpstreamConfig {
            url: endpoint.parse().expect("a URL"),
            timeout,
        }),
        ..EmulatorConfig::default()
    }
}

async fn in_front_of(endpoint: &str) -> World {
    let clock = VirtualClock::new();
    let config = EmulatorConfig {
        clock: Arc::new(clock.clone()),
        ..config(endpoint, Duration::from_mins(1))
    };
    let emulator = Emulator::start(config).await.expect("it starts");
    World { emulator, clock }
}

fn table(read: u32, write: u32) -> Value {
    json!({"TableName": "Users",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "by", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": read, "WriteCapacityUnits": write},
        "GlobalSecondaryIndexes": [{"IndexName": "by_b",
            "KeySchema": [{"AttributeName": "by", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
            "ProvisionedThroughput": {"ReadCapacityUnits": 4, "WriteCapacityUnits": 2}}]})
}

/// Requests of every kind, more than the table has capacity for.
fn script() -> Vec<(&'static str, Value)> {
    let key = json!({"id": {"S": "a"}});
    let put = |id: &str, by: Value| {
        let item = json!({"id": {"S": id}, "by": by, "x": {"S": "x".repeat(1500)}});
        ("PutItem", json!({"TableName": "Users", "Item": item}))
    };
    let get = json!({"TableName": "Users", "Key": key, "ConsistentRead": true});
    let query = json!({"TableName": "Users", "IndexName": "by_b",
        "KeyConditionExpression": "#b = :b", "ExpressionAttributeNames": {"#b": "by"},
        "ExpressionAttributeValues": {":b": {"S": "b"}}, "ReturnConsumedCapacity": "INDEXES"});
    let puts = ["p", "q", "r", "s"].map(|id| json!({"PutRequest": {"Item": {"id": {"S": id}}}}));
    let batch = json!({"RequestItems": {"Users": puts}, "ReturnConsumedCapacity": "TOTAL"});
    let puts =
        ["e", "f"].map(|id| json!({"Put": {"TableName": "Users", "Item": {"id": {"S": id}}}}));
    let transaction = json!({"TransactItems": puts});
    let unmet = json!({"TableName": "Users", "Item": key,
        "ConditionExpression": "attribute_not_exists(id)"});
    let statement = json!({"Statement": "SELECT * FROM Users WHERE id = 'a'"});
    let update = json!({"TableName": "Users", "Key": key, "UpdateExpression": "SET y = :y",
        "ExpressionAttributeValues": {":y": {"N": "1"}}, "ReturnConsumedCapacity": "TOTAL"});
    vec![
        put("a", json!({"S": "b"})),
        put("b", json!({"S": "b"})),
        put("c", json!({"S": "b"})),
        ("GetItem", get.clone()),
        ("PutItem", unmet.clone()),
        ("Query", query.clone()),
        ("Query", query),
        ("BatchWriteItem", batch.clone()),
        ("BatchWriteItem", batch),
        ("TransactWriteItems", transaction.clone()),
        ("TransactWriteItems", transaction),
        ("UpdateItem", update.clone()),
        ("UpdateItem", update),
        ("ExecuteStatement", statement.clone()),
        ("PutItem", unmet),
        ("GetItem", get.clone()),
        ("GetItem", get),
        ("ExecuteStatement", statement),
        (
            "PutItem",
            json!({"TableName": "Users", "Item": {"other": {"S": "no key"}}}),
        ),
        (
            "GetItem",
            json!({"TableName": "None", "Key": {"id": {"S": "a"}}}),
        ),
        ("DescribeTable", json!({"TableName": "Users"})),
    ]
}

/// What differs from one server to another, and from one moment to the next.
fn timeless(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    if let Some(table) = body.get_mut("Table").and_then(Value::as_object_mut) {
        table.remove("CreationDateTime");
        table.remove("TableId");
    }
    (answer.status, body)
}

#[tokio::test]
async fn an_upstream_is_governed_as_the_embedded_store_is() {
    let front = Front::new(None).await;
    let embedded = World::empty(short_burst()).await;
    for world in [&front.world, &embedded] {
        assert_eq!(world.call("CreateTable", table(2, 6)).await.status, 200);
    }
    let mut throttled = 0;
    for round in 0..4 {
        for (number, (operation, request)) in script().into_iter().enumerate() {
            let there = front.world.call(operation, request.clone()).await;
            let here = embedded.call(operation, request).await;
            throttled += u32::from(here.status == 400 && here.error().contains("Throughput"));
            let what = format!("round {round}, {operation}, number {number}");
            assert_eq!(timeless(&there), timeless(&here), "{what}");
        }
        for world in [&front.world, &embedded] {
            world.clock.advance(Duration::from_secs(3));
        }
        let (there, here) = (front.world.ledger().await, embedded.ledger().await);
        assert_eq!(there, here, "round {round}");
    }
    assert!(throttled > 10, "{throttled}");
}

#[tokio::test]
async fn what_is_throttled_never_reaches_the_upstream() {
    let front = Front::new(None).await;
    assert_eq!(
        front.world.call("CreateTable", table(1, 3)).await.status,
        200
    );
    let mut admitted = 0;
    for _ in 0..10 {
        admitted += u64::from(front.world.put("a").await);
    }
    assert_eq!(admitted, 3);
    assert_eq!(front.executed("PutItem").await, admitted);
    let refused = front.world.call("PutItem", put_item("a")).await.json();
    assert_eq!(
        refused["ThrottlingReasons"],
        json!([{"reason": "TableWriteProvisionedThroughputExceeded",
            "resource": "arn:aws:dynamodb:dynoxide:000000000000:table/Users"}])
    );
    let seen = front.store.handle().ledger().await.requests["PutItem"];
    assert_eq!(seen.total(), admitted);
    assert_eq!(front.world.consumed().await, units(0.0, 3.0));
}

#[tokio::test]
async fn those_on_their_way_count_before_they_are_charged() {
    // Long enough for all of them to be on their way at once.
    let slow = ServiceTime::Constant(Duration::from_millis(300));
    let front = Front::new(Some(slow)).await;
    assert_eq!(
        front.world.call("CreateTable", table(1, 3)).await.status,
        200
    );
    let endpoint = front.world.emulator.endpoint();
    let puts: Vec<_> = (0..16)
        .map(|number| {
            let endpoint = endpoint.clone();
            let body = put_item(&number.to_string());
            tokio::spawn(async move { raw::call(&endpoint, "PutItem", &body).await.status })
        })
        .collect();
    let mut admitted = 0;
    for put in puts {
        admitted += u64::from(put.await.expect("no panic") == 200);
    }
    assert_eq!(admitted, 3);
    assert_eq!(front.executed("PutItem").await, 3);
    // One that the upstream refuses gives back what was held for it.
    front.world.clock.advance(Duration::from_secs(1));
    let no_key = json!({"TableName": "Users", "Item": {"other": {"S": "a"}}});
    assert_eq!(
        front.world.call("PutItem", no_key).await.error(),
        "ValidationException"
    );
    assert!(front.world.put("a").await);
}

#[tokio::test]
async fn a_table_that_exists_already_is_learnt_on_its_first_use() {
    let front = Front::new(None).await;
    let create = raw::call(&front.store.endpoint(), "CreateTable", &table(1, 2)).await;
    assert_eq!(create.status, 200);
    assert!(front.world.put("a").await);
    assert!(front.world.put("a").await);
    assert!(!front.world.put("a").await);
    let delete = json!({"TableName": "Users"});
    let deleted = raw::call(&front.store.endpoint(), "DeleteTable", &delete).await;
    assert_eq!(deleted.status, 200);
    front.world.clock.advance(Duration::from_secs(1));
    let gone = front.world.call("PutItem", put_item("a")).await;
    assert_eq!(gone.error(), "ResourceNotFoundException");
    // Another of the same name has buckets of its own.
    let create = raw::call(&front.store.endpoint(), "CreateTable", &table(1, 5)).await;
    assert_eq!(create.status, 200);
    for _ in 0..5 {
        assert!(front.world.put("a").await);
    }
    assert!(!front.world.put("a").await);
}

#[tokio::test]
async fn a_change_of_capacity_is_followed_when_the_upstream_makes_it() {
    let front = Front::new(None).await;
    assert_eq!(
        front.world.call("CreateTable", table(1, 1)).await.status,
        200
    );
    let update = json!({"TableName": "Users",
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 4}});
    assert_eq!(front.world.call("UpdateTable", update).await.status, 200);
    // As a client does that waits for it, and as the governor does before the table is used.
    let describe = json!({"TableName": "Users"});
    let described = front.world.call("DescribeTable", describe).await;
    assert_eq!(described.status, 200);
    front.world.clock.advance(Duration::from_secs(1));
    let mut admitted = 0;
    for _ in 0..10 {
        admitted += u32::from(front.world.put("a").await);
    }
    assert_eq!(admitted, 5, "one is there from before, four a second come");
}

#[tokio::test]
async fn what_the_upstream_does_wrong_is_told_and_ends() {
    let ok = || Reply::answer(200, "application/x-amz-json-1.0", "{}");
    for (fault, status, why) in [
        (
            Reply::answer(200, "text/html", "<html>a proxy</html>"),
            502,
            "text/html where a JSON object is due",
        ),
        (Reply::answer(503, "text/plain", "busy"), 502, "HTTP 503"),
        (Reply::raw(""), 502, "broke before its answer"),
        (
            Reply::raw("HTTP/1.1 200 OK\r\nContent-Le").then_reset(),
            502,
            "broke before its answer",
        ),
        (Reply::huge(1 << 40), 502, "more than 64 MiB"),
        (Reply::stalled(), 504, "no answer within 1s"),
    ] {
        let (broken, fault_of) = (Arc::new(AtomicBool::new(false)), fault.clone());
        let is_broken = Arc::clone(&broken);
        let server = Server::start(move |_| {
            if is_broken.load(Ordering::Relaxed) {
                fault_of.clone()
            } else {
                ok()
            }
        });
        let server = server.await;
        let patience = if status == 504 {
            Duration::from_secs(1)
        } else {
            Duration::from_mins(1)
        };
        let emulator = Emulator::start(config(&server.url(), patience)).await;
        let emulator = emulator.expect("it starts");
        broken.store(true, Ordering::Relaxed);
        let answer = raw::call(&emulator.endpoint(), "ListTables", &json!({})).await;
        assert_eq!(answer.status, status, "{fault:?}: {}", answer.message());
        assert_eq!(answer.error(), "InternalServerError");
        assert!(
            answer.message().contains(why),
            "{fault:?}: {}",
            answer.message()
        );
        assert!(
            answer.message().contains(&server.url()),
            "{}",
            answer.message()
        );
    }
    let mut server = Server::start(move |_| ok()).await;
    let emulator = Emulator::start(config(&server.url(), Duration::from_mins(1)));
    let emulator = emulator.await.expect("it starts");
    server.die().await;
    let answer = raw::call(&emulator.endpoint(), "ListTables", &json!({})).await;
    assert_eq!(answer.status, 503, "{}", answer.message());
    assert!(
        answer.message().contains("connection refused"),
        "{}",
        answer.message()
    );
}

#[tokio::test]
async fn nobody_and_no_database_is_no_upstream() {
    let mut server = Server::start(|_| Reply::answer(200, "text/html", "<html>")).await;
    let start = || Emulator::start(config(&server.url(), Duration::from_mins(1)));
    let why = async || match start().await {
        Err(EmulatorError::Upstream(why)) => why,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it started"),
    };
    let told = why().await;
    assert!(told.contains("is it DynamoDB-compatible"), "{told}");
    let url = server.url();
    server.die().await;
    let refused = Emulator::start(config(&url, Duration::from_mins(1))).await;
    let Err(EmulatorError::Upstream(told)) = refused else {
        panic!("it started");
    };
    assert!(told.contains("connection refused"), "{told}");
}

#[tokio::test]
async fn a_client_that_leaves_is_charged_for_what_was_executed() {
    let slow = ServiceTime::Constant(Duration::from_millis(300));
    let front = Front::new(Some(slow)).await;
    assert_eq!(
        front.world.call("CreateTable", table(1, 3)).await.status,
        200
    );
    // Learnt, so that the put is on its way at once.
    assert!(front.world.put("first").await);
    let endpoint = front.world.emulator.endpoint();
    let body = put_item("left").to_string();
    let request = raw::request(raw::address(&endpoint), "PutItem", "", body.as_bytes());
    let mut stream = tokio::net::TcpStream::connect(raw::address(&endpoint))
        .await
        .expect("open");
    tokio::io::AsyncWriteExt::write_all(&mut stream, &request)
        .await
        .expect("sent");
    while front.executed("PutItem").await < 2 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    while front.world.ledger().await.requests["PutItem"].ok < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(front.world.consumed().await, units(0.0, 2.0));
}
