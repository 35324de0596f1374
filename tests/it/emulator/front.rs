//! What the front refuses, and that nothing of it harms anyone else.

use std::time::{Duration, Instant};

use dynamometer::emulator::{Emulator, EmulatorConfig, ServiceTime};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{raw, start};

const MIB: usize = 1024 * 1024;

async fn with_table() -> Emulator {
    let emulator = start(false).await;
    let answer = raw::call(
        &emulator.endpoint(),
        "CreateTable",
        &json!({"TableName": "Items", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}),
    )
    .await;
    assert_eq!(answer.status, 200);
    emulator
}

async fn lives(emulator: &Emulator) {
    let answer = raw::call(&emulator.endpoint(), "ListTables", &json!({})).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"TableNames": ["Items"]}))
    );
}

#[tokio::test]
async fn every_answer_carries_its_checksum_an_identifier_and_its_type() {
    let emulator = with_table().await;
    let endpoint = emulator.endpoint();
    let good = raw::call(&endpoint, "ListTables", &json!({})).await;
    let bad = raw::call(&endpoint, "DescribeTable", &json!({"TableName": "None"})).await;
    let unknown = raw::call(&endpoint, "NoSuchOperation", &json!({})).await;
    assert_eq!([good.status, bad.status, unknown.status], [200, 400, 400]);
    assert_eq!(bad.error(), "ResourceNotFoundException");
    assert_eq!(unknown.error(), "UnknownOperationException");
    for answer in [good, bad, unknown] {
        let checksum = crc32fast::hash(&answer.body).to_string();
        assert_eq!(answer.headers["x-amz-crc32"], checksum);
        assert_eq!(answer.headers["x-amzn-requestid"].len(), 52);
        assert_eq!(answer.headers["content-type"], "application/x-amz-json-1.0");
    }
}

#[tokio::test]
async fn foreign_hosts_and_web_pages_are_refused() {
    let emulator = with_table().await;
    let endpoint = emulator.endpoint();
    let ask = async |host: &str, headers: &str| {
        let request = raw::request(host, "ListTables", headers, b"{}");
        raw::exchange(&endpoint, &request).await
    };
    for host in [
        "localhost",
        "127.0.0.1:1",
        "[::1]:80",
        raw::address(&endpoint),
    ] {
        assert_eq!(ask(host, "").await.status, 200, "{host}");
    }
    for host in ["example.com", "127.0.0.1.example.com:80", "10.1.2.3"] {
        assert_eq!(ask(host, "").await.status, 403, "{host}");
    }
    for origin in ["http://example.com", "http://localhost", "null"] {
        let refused = ask("localhost", &format!("Origin: {origin}\r\n")).await;
        assert_eq!(refused.status, 403, "{origin}");
        let cors = |name: &&String| name.starts_with("access-control");
        assert_eq!(refused.headers.keys().find(cors), None);
    }
    let two_hosts = ask("localhost", "Host: example.com\r\n").await;
    assert_ne!(two_hosts.status, 200);
    let absolute = b"POST http://example.com/ HTTP/1.1\r\nHost: localhost\r\n\
        X-Amz-Target: DynamoDB_20120810.ListTables\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(raw::exchange(&endpoint, absolute).await.status, 403);
    lives(&emulator).await;
}

#[tokio::test]
async fn a_body_beyond_sixteen_megabytes_is_refused_and_one_within_is_read() {
    let emulator = with_table().await;
    let endpoint = emulator.endpoint();
    let put = |bytes: usize| json!({"TableName": "Items", "Item": {"id": {"S": "a"}, "x": {"S": "x".repeat(bytes)}}});
    let within = raw::call(&endpoint, "PutItem", &put(16 * MIB)).await;
    assert_eq!(
        (within.status, within.error().as_str()),
        (400, "ValidationException")
    );
    let beyond = raw::call(&endpoint, "PutItem", &put(18 * MIB)).await;
    assert_eq!(beyond.status, 413);
    // Without a declared length, too.
    let mut chunked = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
        X-Amz-Target: DynamoDB_20120810.PutItem\r\n\r\n"
        .to_vec();
    for _ in 0..18 {
        chunked.extend_from_slice(format!("{MIB:x}\r\n{}\r\n", "x".repeat(MIB)).as_bytes());
    }
    assert_eq!(raw::exchange(&endpoint, &chunked).await.status, 413);
    lives(&emulator).await;
}

#[tokio::test]
async fn expressions_beyond_the_limits_are_invalid_and_the_server_lives_on() {
    let emulator = with_table().await;
    let endpoint = emulator.endpoint();
    let check = async |name: &str, expression: String| {
        let body = json!({"TableName": "Items", "Item": {"id": {"S": "a"}},
            "ConditionExpression": expression, "ExpressionAttributeValues": {":v": {"S": "v"}}});
        let answer = raw::call(&endpoint, "PutItem", &body).await;
        assert_eq!(answer.status, 400, "{name}");
        assert_eq!(answer.error(), "ValidationException", "{name}");
        lives(&emulator).await;
        answer.message()
    };
    let open = check("opening only", "(".repeat(4096)).await;
    assert_eq!(
        open,
        "1 validation error detected: Invalid ConditionExpression: \
         Syntax error; token: \"<EOF>\", near: \"((\""
    );
    let around = format!("{}id = :v{}", "(".repeat(2000), ")".repeat(2000));
    assert_eq!(
        check("balanced", around).await,
        "1 validation error detected: Invalid ConditionExpression: \
         The expression has redundant parentheses;"
    );
    let long = format!("id = :{}", "v".repeat(4091));
    assert_eq!(
        check("4,097 bytes", long).await,
        "1 validation error detected: Invalid ConditionExpression: Expression size has \
         exceeded the maximum allowed size; expression size: 4097"
    );
    check("not", format!("{}id = :v", "NOT ".repeat(1000))).await;
    check("functions", "size(".repeat(800)).await;
    check("many", vec!["id = :v"; 151].join(" OR ")).await;
    // Long paths are within the limits, and lead nowhere here.
    for path in [".a".repeat(2000), "[0]".repeat(1300)] {
        let body = json!({"TableName": "Items", "Item": {"id": {"S": "a"}},
            "ConditionExpression": format!("id{path} = :v"),
            "ExpressionAttributeValues": {":v": {"S": "v"}}});
        let answer = raw::call(&endpoint, "PutItem", &body).await;
        assert_eq!(answer.status, 400);
        lives(&emulator).await;
    }
}

#[tokio::test]
async fn the_guard_watches_every_place_that_holds_an_expression() {
    let emulator = with_table().await;
    let endpoint = emulator.endpoint();
    let bad = "(".repeat(4096);
    let key = json!({"id": {"S": "a"}});
    let brackets = format!("SELECT * FROM Items WHERE id = {}", "[".repeat(4000));
    let action = |kind: &str, fields: Value| {
        let mut action = json!({"TableName": "Items"});
        let target = action.as_object_mut().expect("an object");
        target.extend(fields.as_object().expect("an object").clone());
        json!({"TransactItems": [{kind: action}]})
    };
    for (operation, body) in [
        (
            "Query",
            json!({"TableName": "Items", "KeyConditionExpression": bad}),
        ),
        (
            "Scan",
            json!({"TableName": "Items", "FilterExpression": bad}),
        ),
        (
            "GetItem",
            json!({"TableName": "Items", "Key": key, "ProjectionExpression": bad}),
        ),
        (
            "UpdateItem",
            json!({"TableName": "Items", "Key": key, "UpdateExpression": bad}),
        ),
        (
            "DeleteItem",
            json!({"TableName": "Items", "Key": key, "ConditionExpression": bad}),
        ),
        (
            "BatchGetItem",
            json!({"RequestItems": {"Items": {"Keys": [key], "ProjectionExpression": bad}}}),
        ),
        (
            "TransactWriteItems",
            action("Update", json!({"Key": key, "UpdateExpression": bad})),
        ),
        (
            "TransactWriteItems",
            action(
                "ConditionCheck",
                json!({"Key": key, "ConditionExpression": bad}),
            ),
        ),
        (
            "TransactGetItems",
            action("Get", json!({"Key": key, "ProjectionExpression": bad})),
        ),
        ("ExecuteStatement", json!({"Statement": brackets})),
        (
            "BatchExecuteStatement",
            json!({"Statements": [{"Statement": brackets}]}),
        ),
        (
            "ExecuteTransaction",
            json!({"TransactStatements": [{"Statement": brackets}]}),
        ),
    ] {
        let answer = raw::call(&endpoint, operation, &body).await;
        assert_eq!(answer.status, 400, "{operation}");
        assert_eq!(answer.error(), "ValidationException", "{operation}");
    }
    lives(&emulator).await;
}

#[tokio::test]
async fn values_nest_at_most_32_levels_however_deep_they_are_sent() {
    let emulator = with_table().await;
    let endpoint = emulator.endpoint();
    let put = async |levels: usize| {
        let body = format!(
            r#"{{"TableName":"Items","Item":{{"id":{{"S":"a"}},"x":{}{{"S":"leaf"}}{}}}}}"#,
            r#"{"L":["#.repeat(levels),
            "]}".repeat(levels)
        );
        let request = raw::request("localhost", "PutItem", "", body.as_bytes());
        raw::exchange(&endpoint, &request).await
    };
    assert_eq!(put(31).await.status, 200);
    for levels in [32, 60, 62, 100, 5_000, 500_000] {
        let refused = put(levels).await;
        assert_eq!(refused.status, 400, "{levels} levels");
        assert_eq!(refused.error(), "ValidationException", "{levels} levels");
        assert!(refused.message().contains("Nesting Levels have exceeded"));
    }
    lives(&emulator).await;
}

#[tokio::test]
async fn bodies_that_are_no_json_object_cannot_be_read() {
    let emulator = with_table().await;
    for body in ["", "{", "[]", "null", "\"text\"", "{\"TableName\":\u{0}}"] {
        let request = raw::request("localhost", "PutItem", "", body.as_bytes());
        let answer = raw::exchange(&emulator.endpoint(), &request).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.error(), "SerializationException", "{body}");
    }
    lives(&emulator).await;
}

#[tokio::test]
async fn two_hundred_slow_clients_hold_up_nobody() {
    let emulator = with_table().await;
    let endpoint = emulator.endpoint();
    let mut slow = Vec::new();
    for number in 0..200 {
        let mut stream = TcpStream::connect(raw::address(&endpoint))
            .await
            .expect("it listens");
        // Half of them never finish their headers, half never their body.
        let begun = raw::request("localhost", "PutItem", "", &[b' '; 100]);
        let sent = if number % 2 == 0 {
            30
        } else {
            begun.len() - 50
        };
        stream.write_all(&begun[..sent]).await.expect("it reads");
        slow.push(stream);
    }
    let asked = Instant::now();
    lives(&emulator).await;
    assert!(asked.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn clients_that_are_too_slow_are_closed() {
    let config = EmulatorConfig {
        header_timeout: Duration::from_millis(50),
        body_timeout: Duration::from_millis(50),
        ..EmulatorConfig::default()
    };
    let emulator = Emulator::start(config).await.expect("it starts");
    let begun = raw::request("localhost", "PutItem", "", &[b' '; 100]);
    for (sent, expected) in [(30, None), (begun.len() - 50, Some(408))] {
        let mut stream = TcpStream::connect(raw::address(&emulator.endpoint()))
            .await
            .expect("it listens");
        stream.write_all(&begun[..sent]).await.expect("it reads");
        let answer = raw::read_answer(&mut stream).await;
        assert_eq!(answer.map(|answer| answer.status), expected, "{sent} bytes");
    }
}

#[tokio::test]
async fn an_answer_is_held_until_its_service_time_is_over_and_others_meanwhile_go_on() {
    // Long beside what eight calls cost on a machine with other work.
    let held = Duration::from_millis(500);
    let emulator = Emulator::start(EmulatorConfig {
        service_time: Some(ServiceTime::Constant(held)),
        ..EmulatorConfig::default()
    })
    .await
    .expect("it starts");
    let endpoint = emulator.endpoint();
    let began = Instant::now();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let endpoint = endpoint.clone();
        calls.spawn(async move { raw::call(&endpoint, "ListTables", &json!({})).await });
    }
    for answer in calls.join_all().await {
        assert_eq!(answer.status, 200);
    }
    let took = began.elapsed();
    assert!(took >= held, "held for {took:?}");
    assert!(took < held * 8, "one after the other: {took:?}");
}
