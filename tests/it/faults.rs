//! Whatever a server does, each request has one outcome with its cause, and our books are the
//! server's to the request.

mod overload;
pub mod server;
mod simulated;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use dynamometer::{
    driver::{self, Hooks},
    record::{Outcome, RunRecord},
    scenario::{ClientSettings, OperationKind, OperationSpec, RetrySettings},
    target::sdk::SdkTarget,
    units::Share,
};
use server::{Fault, FaultServer, OK_BODY};

use crate::driver::{errors, outcomes, plan, scenario};

const JSON: &str = "application/x-amz-json-1.0";
/// Of the attempts of these tests: longer than any answer takes, even on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(2);

/// Reads alone, so that every answer declares half a unit.
async fn fire(
    server: &FaultServer,
    rate: f64,
    length: Duration,
    client: ClientSettings,
) -> RunRecord {
    let mut scenario = scenario(rate, length, client);
    scenario.operations = vec![OperationSpec::plain("get", OperationKind::Get, Share::ALL)];
    let target = SdkTarget::connect(&server.url(), &client).await.unwrap();
    let run = driver::run(plan(scenario), Arc::new(target), Hooks::default());
    let record = tokio::time::timeout(length + Duration::from_secs(20), run).await;
    let record = record.expect("the run hangs").unwrap();
    assert_eq!(outcomes(&record).total(), record.phases[0].arrivals);
    record
}

fn patient() -> ClientSettings {
    ClientSettings {
        attempt_timeout: DEADLINE,
        ..ClientSettings::default()
    }
}

/// Every third request meets the fault, and all that do end so, for this cause.
async fn check(fault: Fault, outcome: Outcome, cause: &str) {
    let script = fault.clone();
    let server = FaultServer::start(move |number| {
        if number % 3 == 1 {
            script.clone()
        } else {
            Fault::None
        }
    })
    .await;
    let client = match outcome {
        Outcome::TimedOut => ClientSettings {
            attempt_timeout: Duration::from_millis(400),
            ..patient()
        },
        _ => patient(),
    };
    let record = fire(&server, 150.0, Duration::from_millis(400), client).await;
    let received = server.received();
    let totals = &record.phases[0].operations[0];
    let context = format!("{fault:?}: {totals:?}, received {received:?}");
    assert_eq!(totals.attempts, received.values().sum::<u64>(), "{context}");
    assert_eq!(totals.attempts, 60, "{context}");
    assert_eq!(totals.outcomes.of(outcome), received[&fault], "{context}");
    assert_eq!(
        totals.outcomes.completed,
        received[&Fault::None],
        "{context}"
    );
    let expected = if outcome == Outcome::Throttled {
        BTreeMap::new()
    } else {
        BTreeMap::from([(cause.to_owned(), received[&fault])])
    };
    assert_eq!(errors(&record), expected, "{context}");
    // Half a unit for each answer that counts, and nothing for those that do not.
    assert_eq!(
        totals.consumed.read.halves().unsigned_abs(),
        received[&Fault::None]
    );
    assert!(server.open_max() <= 60, "{context}");
    let began = Instant::now();
    while server.open() > 0 {
        assert!(began.elapsed() < DEADLINE, "connections leak: {context}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_refuses_is_counted_under_what_it_says() {
    use Outcome::{Failed, Throttled};
    let exception = r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"x"}"#;
    let skew = r#"{"__type":"com.amazon.coral.service#InvalidSignatureException","message":"Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z"}"#;
    let unknown = r#"{"__type":"x#NewFangledException","message":"x"}"#;
    let throttle = r#"{"__type":"x#ThrottlingException","message":"slow down"}"#;
    for (status, content_type, body, outcome, cause) in [
        (500, JSON, "{}", Failed, "HTTP 500"),
        (
            500,
            JSON,
            r#"{"__type":"x#InternalServerError"}"#,
            Failed,
            "InternalServerError",
        ),
        (
            503,
            "text/html",
            "<html>Service Unavailable</html>",
            Failed,
            "HTTP 503",
        ),
        (429, JSON, "{}", Failed, "HTTP 429"),
        (400, JSON, throttle, Throttled, ""),
        (301, "text/html", "<html>Moved</html>", Failed, "HTTP 301"),
        (307, JSON, "{}", Failed, "HTTP 307"),
        (404, "text/plain", "nobody here", Failed, "HTTP 404"),
        (400, JSON, exception, Failed, "ExpiredTokenException"),
        (400, JSON, skew, Failed, "InvalidSignatureException"),
        (400, JSON, unknown, Failed, "NewFangledException"),
    ] {
        check(Fault::Answer(status, content_type, body), outcome, cause).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_none_is_a_failure_whose_outcome_is_unknown() {
    let unreadable = "unreadable body, outcome unknown";
    for (fault, cause) in [
        (Fault::Answer(200, JSON, ""), "empty body, outcome unknown"),
        (
            Fault::Answer(200, JSON, r#"{"ConsumedCapacity":"#),
            unreadable,
        ),
        (Fault::Answer(200, JSON, "[]"), unreadable),
        (
            Fault::Answer(200, "text/html", "<html>Log in</html>"),
            unreadable,
        ),
        (
            Fault::Answer(200, JSON, r#"{"ConsumedCapacity":{"CapacityUnits":1e300}}"#),
            "impossible capacity units, outcome unknown",
        ),
        (
            Fault::Answer(200, JSON, r#"{"ConsumedCapacity":{"CapacityUnits":-3.0}}"#),
            "impossible capacity units, outcome unknown",
        ),
        (
            Fault::Checksum("1"),
            "body does not match its checksum, outcome unknown",
        ),
        (
            Fault::Checksum("abc"),
            "body does not match its checksum, outcome unknown",
        ),
        (
            Fault::Huge(1 << 40),
            "body of more than 64 MiB, outcome unknown",
        ),
    ] {
        check(fault, Outcome::Failed, cause).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_is_a_failure_whose_outcome_is_unknown() {
    let closed = "connection closed before the answer, outcome unknown";
    let reset = "connection reset, outcome unknown";
    let cut = "body cut off, outcome unknown";
    let no_http = "answer is no HTTP, outcome unknown";
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 62\r\n";
    let half_body = "HTTP/1.1 200 OK\r\ncontent-length: 62\r\n\r\n{\"ConsumedCap";
    for (fault, cause) in [
        (Fault::Bytes(""), closed),
        (Fault::BytesThenReset(""), reset),
        (Fault::Bytes(head), closed),
        (Fault::BytesThenReset(head), reset),
        (Fault::Bytes(half_body), cut),
        (Fault::BytesThenReset(half_body), cut),
        (Fault::Bytes("SSH-2.0-OpenSSH_9.7\r\n\r\n"), no_http),
        (
            Fault::Bytes("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}"),
            no_http,
        ),
    ] {
        check(fault, Outcome::Failed, cause).await;
    }
    assert_eq!(OK_BODY.len(), 62, "what the heads declare");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_takes_too_long_times_out_however_busy_the_server_seems() {
    let cause = "no answer within 400ms";
    check(Fault::Stall, Outcome::TimedOut, cause).await;
    check(
        Fault::Trickle(Duration::from_millis(50)),
        Outcome::TimedOut,
        cause,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_behind_an_answer_do_not_become_the_next_one() {
    // The length ends in the middle: a body that is no JSON, and a rest that nobody asked for.
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"ConsumedCapacity\":{\"TableName\":\"Users\"}}";
    check(
        Fault::Bytes(short),
        Outcome::Failed,
        "unreadable body, outcome unknown",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_behind_a_whole_answer_takes_nothing_along() {
    let server = FaultServer::start(|_| Fault::AnswerThenReset).await;
    let record = fire(&server, 150.0, Duration::from_millis(400), patient()).await;
    let totals = &record.phases[0].operations[0];
    let received: u64 = server.received().values().sum();
    let lost = totals.outcomes.failed;
    // A request may go out on a connection that is just being reset: it may have been read or not.
    assert!(
        (totals.attempts - lost..=totals.attempts).contains(&received),
        "{totals:?} {received}"
    );
    assert_eq!(totals.outcomes.completed + lost, 60, "{totals:?}");
    assert!(
        errors(&record)
            .keys()
            .all(|cause| cause.ends_with("outcome unknown")),
        "{totals:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_and_comes_back_meets_the_whole_load_again_at_once() {
    let mut server = FaultServer::start(|_| Fault::None).await;
    let (url, length) = (server.url(), Duration::from_secs(5));
    let mut scenario = scenario(100.0, length, patient());
    scenario.operations = vec![OperationSpec::plain("get", OperationKind::Get, Share::ALL)];
    let target = SdkTarget::connect(&url, &patient()).await.unwrap();
    let run = tokio::spawn(driver::run(
        plan(scenario),
        Arc::new(target),
        Hooks::default(),
    ));
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.die().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.revive().await;
    let record = run.await.unwrap().unwrap();

    for interval in &record.intervals[..5] {
        assert!((99..=101).contains(&interval.arrivals), "{interval:?}");
    }
    let totals = &record.phases[0].operations[0];
    assert_eq!(
        totals.outcomes.completed + totals.outcomes.failed,
        500,
        "{totals:?}"
    );
    assert!((170..=240).contains(&totals.outcomes.failed), "{totals:?}");
    let ended = |second: usize| record.intervals[second].operations[0].outcomes;
    assert_eq!(ended(4).failed, 0, "{:?}", ended(4));
    assert!((95..=105).contains(&ended(4).completed), "{:?}", ended(4));
    // What the dead server never saw is told from what it may have seen.
    let errors = errors(&record);
    let unseen = errors["cannot connect: connection refused"];
    let unknown: u64 = errors
        .iter()
        .filter_map(|(cause, count)| cause.ends_with("outcome unknown").then_some(count))
        .sum();
    assert_eq!(unseen + unknown, totals.outcomes.failed, "{errors:?}");
    let received: u64 = server.received().values().sum();
    assert!(
        (500 - unseen - unknown..=500 - unseen).contains(&received),
        "{errors:?} {received}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_through_faults_are_counted_attempt_by_attempt() {
    let server = FaultServer::start(|number| match number % 4 {
        0 => Fault::Answer(500, JSON, "{}"),
        1 => Fault::BytesThenReset(""),
        2 => Fault::Answer(400, JSON, r#"{"__type":"x#ThrottlingException"}"#),
        _ => Fault::None,
    })
    .await;
    let retry = RetrySettings {
        max_attempts: 5,
        base: Duration::from_millis(1),
        cap: Duration::from_millis(5),
    };
    let client = ClientSettings { retry, ..patient() };
    let record = fire(&server, 150.0, Duration::from_millis(400), client).await;
    let totals = &record.phases[0].operations[0];
    let received = server.received();
    assert_eq!(
        totals.attempts,
        received.values().sum::<u64>(),
        "{totals:?}"
    );
    assert_eq!(
        totals.outcomes.completed,
        received[&Fault::None],
        "{totals:?}"
    );
    let reasons: u64 = totals.throttle_reasons.values().sum();
    let throttles = received[&Fault::Answer(400, JSON, r#"{"__type":"x#ThrottlingException"}"#)];
    assert_eq!(reasons, throttles);
}
