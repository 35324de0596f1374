//! Whatever a server does, each request has one outcome with its cause, and our books are the
//! server's to the request: with the client of this project and with the SDK.

mod clock;
mod documents;
mod kinds;
mod overload;
mod simulated;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use dynamometer::{
    driver::{self, Hooks},
    record::{OperationTotals, Outcome, RunRecord},
    scenario::{ClientSettings, OperationKind, OperationSpec, RetrySettings, Scenario},
    target::{sdk::SdkTarget, wire::WireTarget},
    units::Share,
};

use crate::{
    driver::{errors, outcomes, plan, scenario},
    server::{OK_BODY, Reply, Server},
};

const JSON: &str = "application/x-amz-json-1.0";
/// Of the attempts of these tests: longer than any answer takes, even on a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(2);
/// Of the attempts of those whose answers take too long.
const IMPATIENCE: Duration = Duration::from_millis(700);
/// What each of them fires.
const RATE: f64 = 100.0;
const LENGTH: Duration = Duration::from_millis(450);
const REQUESTS: u64 = 45;

/// Both clients, as `--client` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Wire,
    Sdk,
}

const BOTH: [Client; 2] = [Client::Wire, Client::Sdk];

/// Reads alone, so that every answer declares half a unit.
fn reads(rate: f64, length: Duration, client: ClientSettings) -> Scenario {
    let mut scenario = scenario(rate, length, client);
    scenario.operations = vec![OperationSpec::plain("get", OperationKind::Get, Share::ALL)];
    scenario
}

/// Fires at a URL, and looks that each arrival ended.
async fn fire_at(url: &str, by: Client, scenario: Scenario) -> RunRecord {
    let length = scenario.phases[0].duration;
    let sdk = SdkTarget::connect(url, &scenario.client).await.unwrap();
    let fired = async {
        match by {
            Client::Wire => {
                let wire = WireTarget::beside(&sdk, "Users").await.unwrap();
                driver::run(plan(scenario), Arc::new(wire), Hooks::default()).await
            }
            Client::Sdk => driver::run(plan(scenario), Arc::new(sdk), Hooks::default()).await,
        }
    };
    let record = tokio::time::timeout(length + Duration::from_secs(20), Box::pin(fired)).await;
    let record = record.expect("the run hangs").unwrap();
    assert_eq!(outcomes(&record).total(), record.phases[0].arrivals);
    record
}

async fn fire(server: &Server, by: Client, settings: ClientSettings) -> RunRecord {
    let record = fire_at(&server.url(), by, reads(RATE, LENGTH, settings)).await;
    assert_eq!(record.phases[0].arrivals, REQUESTS);
    record
}

fn totals(record: &RunRecord) -> &OperationTotals {
    &record.phases[0].operations[0]
}

fn patient() -> ClientSettings {
    ClientSettings {
        attempt_timeout: DEADLINE,
        ..ClientSettings::default()
    }
}

/// Every connection is gone soon.
async fn assert_no_leak(server: &Server, context: &str) {
    let began = Instant::now();
    while server.open() > 0 {
        assert!(began.elapsed() < DEADLINE, "connections leak: {context}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Every third request meets the fault, and all that do end so, for this cause.
async fn check(fault: Reply, outcome: Outcome, cause: &str) {
    let [wire, sdk] = BOTH.map(|by| Box::pin(check_by(by, fault.clone(), outcome, cause)));
    tokio::join!(wire, sdk);
}

async fn check_by(by: Client, fault: Reply, outcome: Outcome, cause: &str) {
    let script = fault.clone();
    let server = Server::start(move |request| match request.number % 3 {
        1 => script.clone(),
        _ => Reply::success(),
    })
    .await;
    let settings = match outcome {
        Outcome::TimedOut => ClientSettings {
            attempt_timeout: IMPATIENCE,
            ..patient()
        },
        _ => patient(),
    };
    let record = fire(&server, by, settings).await;
    let replies = server.replies();
    let (faults, successes) = (replies[&fault], replies[&Reply::success()]);
    let totals = totals(&record);
    let context = format!("{by:?}, {fault:?}: {totals:?}, {faults} faults, {successes} successes");
    assert_eq!(totals.attempts, REQUESTS, "{context}");
    assert_eq!(faults + successes, REQUESTS, "{context}");
    assert_eq!(totals.outcomes.of(outcome), faults, "{context}");
    assert_eq!(totals.outcomes.completed, successes, "{context}");
    let expected = match outcome {
        Outcome::Throttled => BTreeMap::new(),
        _ => BTreeMap::from([(cause.to_owned(), faults)]),
    };
    assert_eq!(errors(&record), expected, "{context}");
    // No answer comes over a network in no time: not even to what is due as the run begins.
    let fastest = totals.service_time.min().unwrap();
    assert!(fastest > Duration::from_micros(10), "{context}");
    // Half a unit for each answer that counts, and nothing for those that do not.
    let halves = totals.consumed.read.halves().unsigned_abs();
    assert_eq!(halves, successes, "{context}");
    let most = usize::try_from(REQUESTS).unwrap();
    assert!(server.open_max() <= most, "{context}");
    assert_no_leak(&server, &context).await;
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
        let reply = Reply::answer(status, content_type, body);
        let elsewhere = "http://127.0.0.1:1/";
        check(reply.header("location", elsewhere), outcome, cause).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_none_is_a_failure_whose_outcome_is_unknown() {
    let unreadable = "unreadable body, outcome unknown";
    for (fault, cause) in [
        (Reply::answer(200, JSON, ""), "empty body, outcome unknown"),
        (
            Reply::answer(200, JSON, r#"{"ConsumedCapacity":"#),
            unreadable,
        ),
        (Reply::answer(200, JSON, "[]"), unreadable),
        (
            Reply::answer(200, "text/html", "<html>Log in</html>"),
            unreadable,
        ),
        (
            Reply::answer(200, JSON, r#"{"ConsumedCapacity":{"CapacityUnits":1e300}}"#),
            "impossible capacity units, outcome unknown",
        ),
        (
            Reply::answer(200, JSON, r#"{"ConsumedCapacity":{"CapacityUnits":-3.0}}"#),
            "impossible capacity units, outcome unknown",
        ),
        (
            Reply::text(OK_BODY).header("x-amz-crc32", "1"),
            "body does not match its checksum, outcome unknown",
        ),
        (
            Reply::text(OK_BODY).header("x-amz-crc32", "abc"),
            "body does not match its checksum, outcome unknown",
        ),
        (
            Reply::huge(1 << 40),
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
        (Reply::raw(""), closed),
        (Reply::raw("").then_reset(), reset),
        (Reply::raw(head), closed),
        (Reply::raw(head).then_reset(), reset),
        (Reply::raw(half_body), cut),
        (Reply::raw(half_body).then_reset(), cut),
        (Reply::raw("SSH-2.0-OpenSSH_9.7\r\n\r\n"), no_http),
        (
            Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}"),
            no_http,
        ),
    ] {
        check(fault, Outcome::Failed, cause).await;
    }
    assert_eq!(OK_BODY.len(), 62, "what the heads declare");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_takes_too_long_times_out_however_busy_the_server_seems() {
    let cause = "no answer within 700ms";
    check(Reply::stalled(), Outcome::TimedOut, cause).await;
    check(
        Reply::success().slow(Duration::from_millis(50)),
        Outcome::TimedOut,
        cause,
    )
    .await;
}

/// The thread that fires has pauses in every second: it spins on nothing.
fn assert_rests(record: &RunRecord, context: &str) {
    let seconds = record.intervals.iter().filter_map(|it| it.generator);
    let took: Vec<_> = seconds
        .map(|second| Duration::from_nanos(second.cpu_nanos))
        .collect();
    assert!(took.len() > 1, "{context}: {took:?}");
    for took in &took {
        assert!(*took < Duration::from_millis(600), "{context}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_a_server_takes_no_time_of_the_processor() {
    let trickle = || Reply::success().slow(Duration::from_millis(50));
    let waits = async |by: Client, reply: Reply| {
        let server = Server::saying(reply.clone()).await;
        let reads = reads(20.0, Duration::from_millis(2_500), patient());
        let record = Box::pin(fire_at(&server.url(), by, reads)).await;
        assert_eq!(totals(&record).outcomes.timed_out, 50, "{by:?}, {reply:?}");
        assert_rests(&record, &format!("{by:?}, {reply:?}"));
    };
    tokio::join!(
        waits(Client::Wire, Reply::stalled()),
        waits(Client::Wire, trickle()),
        waits(Client::Sdk, Reply::stalled()),
        waits(Client::Sdk, trickle()),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_behind_an_answer_do_not_become_the_next_one() {
    // The length ends in the middle: a body that is no JSON, and a rest that nobody asked for.
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"ConsumedCapacity\":{\"TableName\":\"Users\"}}";
    check(
        Reply::raw(short),
        Outcome::Failed,
        "unreadable body, outcome unknown",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_behind_a_whole_answer_takes_nothing_along() {
    for by in BOTH {
        let server = Server::saying(Reply::success().then_reset()).await;
        let record = fire(&server, by, patient()).await;
        assert_lost_are_unknown(&record, &server);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_reset_before_it_is_read_takes_one_request_at_most() {
    for by in BOTH {
        let once = Reply::success().header("connection", "close");
        let server = Server::saying(once).await;
        server.turn_away_every(3);
        let record = fire(&server, by, patient()).await;
        assert_lost_are_unknown(&record, &server);
        assert!(totals(&record).outcomes.completed >= REQUESTS / 3);
    }
}

/// A request that went out on a connection that was just being reset may have been read or not:
/// what has no answer is unknown, and nothing else is.
fn assert_lost_are_unknown(record: &RunRecord, server: &Server) {
    let totals = totals(record);
    let lost = totals.outcomes.failed;
    let received = server.requests();
    let context = format!("{totals:?}, received {received}");
    assert_eq!(totals.outcomes.completed + lost, REQUESTS, "{context}");
    let causes = errors(record);
    let sum = |is: fn(&str) -> bool| -> u64 {
        let causes = causes.iter().filter(|(cause, _)| is(cause));
        causes.map(|(_, count)| count).sum()
    };
    let unseen = sum(|cause| cause.starts_with("cannot connect: "));
    let unknown = sum(|cause| cause.ends_with("outcome unknown"));
    assert_eq!(unseen + unknown, lost, "{context}");
    let may_have_come = totals.outcomes.completed..=totals.attempts - unseen;
    assert!(may_have_come.contains(&received), "{context}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_and_comes_back_meets_the_whole_load_again_at_once() {
    let [wire, sdk] = BOTH.map(|by| Box::pin(dies_under(by, 2)));
    let [wire_longer, sdk_longer] = BOTH.map(|by| Box::pin(dies_under(by, 5)));
    tokio::join!(wire, sdk, wire_longer, sdk_longer);
}

/// After a second, for `down` seconds, two seconds before the end.
async fn dies_under(by: Client, down: u32) {
    let mut server = Server::saying(Reply::success()).await;
    let url = server.url();
    let requests = u64::from(down + 3) * 100;
    let reads = reads(RATE, Duration::from_secs(u64::from(down) + 3), patient());
    let run = tokio::spawn(async move { fire_at(&url, by, reads).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.die().await;
    tokio::time::sleep(Duration::from_secs(down.into())).await;
    server.revive().await;
    let record = run.await.unwrap();

    let seconds = &record.intervals[..down as usize + 3];
    for interval in seconds {
        assert!((99..=101).contains(&interval.arrivals), "{interval:?}");
    }
    assert_rests(&record, &format!("{by:?}"));
    let outcomes = totals(&record).outcomes;
    let context = format!("{by:?}: {outcomes:?}");
    assert_eq!(outcomes.completed + outcomes.failed, requests, "{context}");
    let missed = u64::from(down) * 100;
    assert!(
        (missed - 30..=missed + 40).contains(&outcomes.failed),
        "{context}"
    );
    let last = seconds.last().unwrap().operations[0].outcomes;
    assert_eq!(last.failed, 0, "{by:?}: {last:?}");
    assert!((90..=110).contains(&last.completed), "{by:?}: {last:?}");
    // What the dead server never saw is told from what it may have seen.
    let errors = errors(&record);
    let unseen = errors["cannot connect: connection refused"];
    let unknown: u64 = errors
        .iter()
        .filter_map(|(cause, count)| cause.ends_with("outcome unknown").then_some(count))
        .sum();
    assert_eq!(unseen + unknown, outcomes.failed, "{by:?}: {errors:?}");
    let received = server.requests();
    assert!(
        (requests - unseen - unknown..=requests - unseen).contains(&received),
        "{by:?}: {errors:?} {received}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_through_faults_are_counted_attempt_by_attempt() {
    let throttle = || Reply::answer(400, JSON, r#"{"__type":"x#ThrottlingException"}"#);
    for by in BOTH {
        let server = Server::start(move |request| match request.number % 4 {
            0 => Reply::answer(500, JSON, "{}"),
            1 => Reply::raw("").then_reset(),
            2 => throttle(),
            _ => Reply::success(),
        })
        .await;
        let retry = RetrySettings {
            max_attempts: 5,
            base: Duration::from_millis(1),
            cap: Duration::from_millis(5),
        };
        let record = fire(&server, by, ClientSettings { retry, ..patient() }).await;
        let totals = totals(&record);
        let replies = server.replies();
        let context = format!("{by:?}: {totals:?}, {replies:?}");
        assert_eq!(totals.attempts, server.requests(), "{context}");
        let successes = replies[&Reply::success()];
        assert_eq!(totals.outcomes.completed, successes, "{context}");
        let reasons: u64 = totals.throttle_reasons.values().sum();
        assert_eq!(reasons, replies[&throttle()], "{context}");
    }
}
