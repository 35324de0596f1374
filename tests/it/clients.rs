//! The lean client beside the SDK: what both send is the same, and so is what they make of every
//! answer.

mod exceptions;
mod identity;
mod tls;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use dynamometer::{
    engine::Answer,
    scenario::{ClientSettings, parse::parse},
    target::{Attempted, Target, sdk::SdkTarget, wire::WireTarget},
    units::CapacityUnits,
    workload::{Request, Workload},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::server::{Received, Reply, Server};

const ORDERS: &str = include_str!("../../scenarios/orders.toml");
/// What a client on loopback signs with.
const DUMMY: &str = "dynamometer";

/// An operation that orders do without.
const UPDATE: &str = r#"
[[operation]]
name = "rewrite"
kind = "partiql"
statement = "update"
keys = "customers"
weight = "1 %"
set = ["note"]

[[phase]]
kind = "load"
"#;

/// Every kind of request there is.
pub fn workload() -> Workload {
    let orders = ORDERS.replace("[[phase]]\nkind = \"load\"\n", UPDATE);
    let orders = orders.replace(
        "weight = \"2 %\"\n\n[[operation]]\nname = \"correct\"",
        "weight = \"1 %\"\n\n[[operation]]\nname = \"correct\"",
    );
    let scenario = parse(&orders, "orders.toml").unwrap().scenario;
    Workload::new(Arc::new(scenario))
}

async fn both(server: &Server) -> (SdkTarget, WireTarget) {
    let settings = ClientSettings::default();
    let sdk = SdkTarget::connect(&server.url(), &settings).await.unwrap();
    let wire = WireTarget::beside(&sdk, "Orders").await.unwrap();
    server.take_received();
    (sdk, wire)
}

fn success(received: &Received) -> Reply {
    Reply::json(&successful(received))
}

/// A success of the kind that `received` asks for. The first page of a read and the first go at
/// a batch leave something to be asked for again.
pub fn successful(received: &Received) -> Value {
    let units = json!({
        "TableName": "Orders", "CapacityUnits": 7.5,
        "Table": {"CapacityUnits": 5.0},
        "GlobalSecondaryIndexes": {"by-shop": {"CapacityUnits": 2.0}},
        "LocalSecondaryIndexes": {"by-amount": {"CapacityUnits": 0.5}},
    });
    let both_ways = json!({
        "TableName": "Orders", "ReadCapacityUnits": 2.0, "WriteCapacityUnits": 6.0,
        "CapacityUnits": 8.0,
    });
    let body = &received.body;
    let wanted = &body["RequestItems"]["Orders"];
    match received.operation() {
        "Query" | "Scan" if body.get("ExclusiveStartKey").is_none() => json!({
            "Items": [{"customer": {"S": "é\"\u{1F600}"}}],
            "Count": 1,
            "ConsumedCapacity": units,
            "LastEvaluatedKey": {"customer": {"S": "é\"\u{1F600}"}, "order": {"S": "order-3"}},
        }),
        "BatchGetItem" => {
            let keys = wanted["Keys"].as_array().unwrap();
            let left = match keys.as_slice() {
                [first, _, ..] => json!({"Orders": {"Keys": [first], "ConsistentRead": false}}),
                _ => json!({}),
            };
            json!({"Responses": {}, "ConsumedCapacity": [units], "UnprocessedKeys": left})
        }
        "BatchWriteItem" => {
            let left = match wanted.as_array().unwrap().as_slice() {
                [first, _, ..] => json!({"Orders": [first]}),
                _ => json!({}),
            };
            json!({"ConsumedCapacity": [units], "UnprocessedItems": left})
        }
        "TransactGetItems" | "TransactWriteItems" => json!({"ConsumedCapacity": [both_ways]}),
        _ => json!({"ConsumedCapacity": units}),
    }
}

/// The request with what is different each time taken out of it.
fn comparable(received: &Received) -> (String, Value) {
    let mut body = received.body.clone();
    if let Some(token) = body.get_mut("ClientRequestToken") {
        assert!((1..=36).contains(&token.as_str().unwrap().len()), "{token}");
        *token = Value::Null;
    }
    (received.header("x-amz-target").to_owned(), body)
}

#[tokio::test]
async fn every_operation_is_sent_as_the_sdk_sends_it() {
    let server = Server::start(success).await;
    let (sdk, wire) = both(&server).await;
    let workload = workload();
    let table = &workload.scenario().tables[0];
    let mut kinds = BTreeMap::<_, u32>::new();
    for sequence in 0..4_000 {
        let request = workload.operation(sequence).request;
        let seen = kinds.entry(request.kind().api_name()).or_default();
        *seen += 1;
        if *seen > 30 {
            continue;
        }
        let by_sdk = sdk.execute(table, &request).await;
        let sent_by_sdk = server.take_received();
        let by_wire = wire.execute(table, &request).await;
        let sent_by_wire = server.take_received();
        assert_eq!(by_wire, by_sdk, "{request:?}");
        assert_eq!(by_wire.answer, Answer::Completed);
        let [one, other] = [&sent_by_wire, &sent_by_sdk]
            .map(|sent| sent.iter().map(comparable).collect::<Vec<_>>());
        assert_eq!(one, other, "{request:?}");
        for received in &sent_by_wire {
            check_signature(received);
        }
    }
    assert!(kinds.values().all(|seen| *seen > 30), "{kinds:?}");
}

/// The signature is the one that AWS's own signer makes for these headers and this body.
fn check_signature(received: &Received) {
    let credentials = Credentials::from_keys(DUMMY, DUMMY, None);
    check_signature_of(received, credentials);
}

fn check_signature_of(received: &Received, credentials: Credentials) {
    let time = received.header("x-amz-date");
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).unwrap();
    let time: Timestamp = time.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let token = credentials.session_token().map(str::to_owned);
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("dynamodb")
        .time(time.into())
        .settings(SigningSettings::default())
        .build()
        .unwrap();
    let headers =
        ["content-type", "host", "x-amz-target"].map(|name| (name, received.header(name)));
    let url = format!("http://{}{}", received.header("host"), received.path);
    let body = SignableBody::Bytes(&received.bytes);
    let request = SignableRequest::new("POST", url, headers.into_iter(), body).unwrap();
    let (instructions, _) = sign(request, &parameters.into()).unwrap().into_parts();
    let (headers, _) = instructions.into_parts();
    let signed = headers
        .iter()
        .find(|header| header.name() == "authorization");
    assert_eq!(received.header("authorization"), signed.unwrap().value());
    assert_eq!(received.headers.get("x-amz-security-token").cloned(), token);
}

/// Both clients make the same of `reply`, for a read, a conditional write and a transaction.
async fn alike(reply: Reply) -> Vec<Attempted> {
    // What is a declaration for one item is none for several.
    let of_one = reply.is_of_one_item();
    let server = Server::start(move |_| reply.clone()).await;
    let (sdk, wire) = both(&server).await;
    let workload = workload();
    let table = &workload.scenario().tables[0];
    let mut all = Vec::new();
    let samples = samples(&workload).into_iter();
    for request in samples.take(if of_one { 2 } else { 4 }) {
        let by_sdk = sdk.execute(table, &request).await;
        let by_wire = wire.execute(table, &request).await;
        assert_eq!(by_wire, by_sdk, "{request:?}");
        all.push(by_wire);
    }
    all
}

/// A read, a write with a condition, a batch and a transaction.
fn samples(workload: &Workload) -> Vec<Request> {
    let requests = || (0..600).map(|sequence| workload.operation(sequence).request);
    let first = |which: fn(&Request) -> bool| requests().find(which).unwrap();
    vec![
        first(|it| matches!(it, Request::Get { .. })),
        first(|it| {
            matches!(
                it,
                Request::Write {
                    condition: Some(_),
                    ..
                }
            )
        }),
        first(|it| matches!(it, Request::BatchGet { .. })),
        first(|it| matches!(it, Request::TransactWrite { .. })),
    ]
}

#[tokio::test]
async fn every_broken_answer_is_taken_as_the_sdk_takes_it() {
    let fine = json!({"ConsumedCapacity": {"TableName": "Orders", "CapacityUnits": 1.0}});
    let fine = || Reply::json(&fine);
    let broken = [
        ("an empty body", Reply::text("")),
        ("no JSON", Reply::text("<html><body>502</body></html>")),
        ("half of the JSON", Reply::text(r#"{"ConsumedCapacity": {"#)),
        ("a list", Reply::text("[]")),
        ("another checksum", fine().header("x-amz-crc32", "1")),
        ("no checksum", fine().header("x-amz-crc32", "one")),
        (
            "a checksum that is no text",
            fine().header("x-amz-crc32", "285806956é"),
        ),
        ("another type", Reply::text(r#"{"ConsumedCapacity": 5}"#)),
        (
            "no number",
            Reply::text(r#"{"ConsumedCapacity": {"CapacityUnits": "many"}}"#),
        ),
        (
            "too many units",
            Reply::text(r#"{"ConsumedCapacity": {"CapacityUnits": 1e300}}"#),
        ),
        (
            "fewer than none",
            Reply::text(r#"{"ConsumedCapacity": {"CapacityUnits": -1}}"#),
        ),
        ("a refusal in HTML", Reply::text("<html>").status(502)),
        ("a refusal without a body", Reply::text("").status(503)),
        ("a refusal that is cut", fine().status(500).cut()),
        ("too many requests", Reply::text("{}").status(429)),
        (
            "a redirect",
            Reply::text("")
                .status(307)
                .header("location", "http://127.0.0.1:1/"),
        ),
        ("not found", Reply::text("{}").status(404)),
        ("a body that is cut", fine().cut()),
        ("nothing at all", Reply::raw("")),
        ("no HTTP", Reply::raw("SMTP 220 ready\r\n\r\n")),
        ("half a head", Reply::raw("HTTP/1.1 200 OK\r\ncontent-le")),
        (
            "a wrong length",
            Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}"),
        ),
        (
            "two lengths",
            Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
        ),
        (
            "chunks that are none",
            in_chunks("1.1", "two\r\n{}\r\n0\r\n\r\n"),
        ),
        ("chunks that end too soon", in_chunks("1.1", "2\r\n{}\r\n")),
        ("no end of a chunk", in_chunks("1.1", "2\r\n{}0\r\n\r\n")),
        (
            "too early for chunks",
            in_chunks("1.0", "2\r\n{}\r\n0\r\n\r\n"),
        ),
        ("no answer yet", Reply::raw("HTTP/1.1 100 Continue\r\n\r\n")),
        (
            "something else than HTTP",
            Reply::raw("HTTP/1.1 101 Switching Protocols\r\n\r\n{}"),
        ),
        (
            "too many headers",
            Reply::raw(format!(
                "HTTP/1.1 200 OK\r\n{}\r\n{{}}",
                "a: b\r\n".repeat(101)
            )),
        ),
        (
            "a head without end",
            Reply::raw(format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(500_000))),
        ),
    ];
    for (what, reply) in broken {
        for attempted in alike(reply).await {
            let is_failed = matches!(attempted.answer, Answer::Failed { .. });
            assert!(is_failed, "{what}: {attempted:?}");
        }
    }
}

/// A body that is said to be in chunks.
fn in_chunks(version: &str, body: &str) -> Reply {
    let head = format!("HTTP/{version} 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    Reply::raw(head + body)
}

#[tokio::test]
async fn answers_come_through_however_they_are_carried() {
    const BODY: &str = r#"{"ConsumedCapacity": {"TableName": "Orders", "CapacityUnits": 1.0}}"#;
    let fine = || success_of_a_get();
    let (first, second) = BODY.split_at(20);
    let (one, other) = (first.len(), second.len());
    let extended = format!(
        "{one:x};a=b\r\n{first}\r\n{other:X} ;c\r\n{second}\r\n000\r\nx-after: all\r\n\r\n"
    );
    for (what, reply) in [
        ("in chunks", fine().chunked()),
        (
            "on a connection that closes",
            fine().header("connection", "close"),
        ),
        (
            "under 100 KB of headers",
            fine().header("x-long", &"h".repeat(100_000)),
        ),
        ("slowly", fine().slow(Duration::from_millis(1))),
        ("extended and with a trailer", in_chunks("1.1", &extended)),
        (
            "to the end of the connection",
            Reply::raw(format!("HTTP/1.0 200 OK\r\n\r\n{BODY}")),
        ),
        (
            "behind one that only announces it",
            Reply::raw(format!(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{BODY}"
            )),
        ),
    ] {
        let server = Server::start(move |_| reply.clone()).await;
        let (_, wire) = both(&server).await;
        let workload = workload();
        let table = &workload.scenario().tables[0];
        let get = &samples(&workload)[0];
        for _ in 0..3 {
            let attempted = wire.execute(table, get).await;
            assert_eq!(attempted.answer, Answer::Completed, "{what}");
            let read = attempted.declared.consumed.read;
            assert_eq!(read, CapacityUnits::whole(1), "{what}");
        }
    }
}

fn success_of_a_get() -> Reply {
    Reply::json(&json!({"ConsumedCapacity": {"TableName": "Orders", "CapacityUnits": 1.0}}))
}

#[tokio::test]
async fn a_connection_is_used_again_and_one_that_the_server_closed_is_not() {
    let server = Server::start(|_| success_of_a_get()).await;
    let (_, wire) = both(&server).await;
    let workload = workload();
    let table = &workload.scenario().tables[0];
    let get = &samples(&workload)[0];
    let before = server.connections();
    for _ in 0..20 {
        assert_eq!(wire.execute(table, get).await.answer, Answer::Completed);
    }
    assert_eq!(server.connections(), before + 1);
    server.close_connections().await;
    for _ in 0..20 {
        assert_eq!(wire.execute(table, get).await.answer, Answer::Completed);
    }
    assert_eq!(server.connections(), before + 2);
}

#[tokio::test]
async fn a_burst_is_sent_over_few_connections_and_each_request_has_its_answer() {
    let server = Server::start(|_| success_of_a_get()).await;
    let (_, wire) = both(&server).await;
    let workload = workload();
    let (wire, workload) = (Arc::new(wire), Arc::new(workload));
    let mut burst = tokio::task::JoinSet::new();
    for _ in 0..300 {
        let (wire, workload) = (Arc::clone(&wire), Arc::clone(&workload));
        burst.spawn(async move {
            let table = &workload.scenario().tables[0];
            wire.execute(table, &samples(&workload)[0]).await.answer
        });
    }
    for answer in burst.join_all().await {
        assert_eq!(answer, Answer::Completed);
    }
    let opened = server.connections();
    assert!(
        opened <= 200,
        "{opened} connections for 300 requests at once"
    );
}

#[tokio::test]
async fn a_burst_at_a_server_that_is_gone_fails_whole_and_at_once() {
    let server = Server::start(|_| success_of_a_get()).await;
    let (_, wire) = both(&server).await;
    drop(server);
    let workload = workload();
    let (wire, workload) = (Arc::new(wire), Arc::new(workload));
    let mut burst = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (wire, workload) = (Arc::clone(&wire), Arc::clone(&workload));
        burst.spawn(async move {
            let table = &workload.scenario().tables[0];
            wire.execute(table, &samples(&workload)[0]).await.answer
        });
    }
    let all = tokio::time::timeout(Duration::from_secs(30), burst.join_all()).await;
    for answer in all.expect("nobody waits for a connection that never comes") {
        assert!(matches!(answer, Answer::Failed { .. }), "{answer:?}");
    }
}

#[tokio::test]
async fn an_address_of_the_sixth_version_is_reached() {
    let Some(server) = Server::start_on("[::1]:0", |_| success_of_a_get()).await else {
        return; // This machine has none.
    };
    let (sdk, wire) = both(&server).await;
    let workload = workload();
    let table = &workload.scenario().tables[0];
    let get = &samples(&workload)[0];
    assert_eq!(sdk.execute(table, get).await.answer, Answer::Completed);
    assert_eq!(wire.execute(table, get).await.answer, Answer::Completed);
    let received = server.take_received();
    assert_eq!(received[0].header("host"), received[1].header("host"));
    check_signature(&received[1]);
}

/// A server whose clock is an hour ahead, and which answers what is signed by it.
async fn server_that_is_ahead() -> Server {
    const AHEAD: i64 = 3600;
    Server::start(|received| {
        let theirs = Timestamp::from_second(Timestamp::now().as_second() + AHEAD).unwrap();
        let date = jiff::fmt::rfc2822::DateTimePrinter::new();
        let date = date.timestamp_to_rfc9110_string(&theirs).unwrap();
        let signed = received.header("x-amz-date").to_owned();
        let shown = theirs.strftime("%Y%m%dT%H").to_string();
        let is_create = received.header("x-amz-target").ends_with("CreateTable");
        let reply = if !signed.starts_with(&shown) {
            Reply::json(&json!({
                "__type": "com.amazon.coral.service#InvalidSignatureException",
                "message": "Signature expired",
            }))
            .status(400)
        } else if is_create {
            let table = json!({"TableName": "Orders", "TableStatus": "ACTIVE"});
            Reply::json(&json!({"TableDescription": table}))
        } else {
            success_of_a_get()
        };
        reply.header("date", &date)
    })
    .await
}

#[tokio::test]
async fn a_clock_that_the_server_refuses_is_set_once() {
    let server = server_that_is_ahead().await;
    let workload = workload();
    let table = &workload.scenario().tables[0];
    let get = &samples(&workload)[0];
    let refused = Answer::Failed {
        cause: "InvalidSignatureException".to_owned(),
        retryable: true,
    };
    let (_, wire) = both(&server).await;
    assert_eq!(wire.execute(table, get).await.answer, refused);
    // At the turn of an hour the second may still differ.
    assert_eq!(wire.execute(table, get).await.answer, Answer::Completed);
    for received in server.take_received() {
        check_signature(&received);
    }
    // As the SDK does it by itself, where it is asked again.
    let (sdk, _) = both(&server).await;
    assert_eq!(sdk.execute(table, get).await.answer, refused);
    assert_eq!(sdk.execute(table, get).await.answer, Answer::Completed);
    assert_eq!(server.take_received().len(), 2);
}

#[tokio::test]
async fn a_table_is_made_by_the_servers_clock_and_requests_go_by_it_from_the_first_on() {
    let server = server_that_is_ahead().await;
    let workload = workload();
    let table = &workload.scenario().tables[0];
    let settings = ClientSettings::default();
    let sdk = SdkTarget::connect(&server.url(), &settings).await.unwrap();
    let _ = sdk.create_table(table).await.expect("the second try");
    let wire = WireTarget::beside(&sdk, "Orders").await.unwrap();
    let targets: Vec<_> = (server.take_received().iter())
        .map(|received| received.header("x-amz-target").to_owned())
        .collect();
    let made = targets.iter().filter(|it| it.ends_with("CreateTable"));
    assert_eq!(made.count(), 2, "{targets:?}");
    let get = &samples(&workload)[0];
    assert_eq!(wire.execute(table, get).await.answer, Answer::Completed);
    assert_eq!(server.take_received().len(), 1);
}

#[tokio::test]
async fn what_is_refused_for_another_reason_is_asked_once() {
    for exception in [
        "InvalidSignatureException",
        "ThrottlingException",
        "InternalServerError",
    ] {
        let server = Server::start(move |_| {
            let kind = format!("com.amazon.coral.service#{exception}");
            let date = jiff::fmt::rfc2822::DateTimePrinter::new();
            let date = date.timestamp_to_rfc9110_string(&Timestamp::now()).unwrap();
            let reply = Reply::json(&json!({"__type": kind, "message": "no"}));
            reply.status(400).header("date", &date)
        })
        .await;
        let settings = ClientSettings::default();
        let sdk = SdkTarget::connect(&server.url(), &settings).await.unwrap();
        let workload = workload();
        let error = sdk.create_table(&workload.scenario().tables[0]).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(exception), "{error}");
        assert_eq!(server.take_received().len(), 1, "{exception}");
    }
}
