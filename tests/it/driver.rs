//! The driver and the SDK target against an endpoint that does what its script says.

pub mod fake_server;
mod tables;
mod threads;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use dynamometer::{
    driver::{self, BoxFuture, Hooks, Progress, RunPlan},
    record::{IntervalTable, Outcome, OutcomeCounts, Provenance, RunRecord, recorder::RunHeader},
    scenario::{
        ArrivalSpec, Attribute, AttributeType, ClientSettings, KeySpec, ModelParameters, NamedKeys,
        NumberSpec, OperationKind, OperationSpec, Phase, PhaseKind, RetrySettings, Scenario, Table,
        ThinkTime, Validity, ValueSpec,
    },
    seed::Seed,
    target::sdk::SdkTarget,
    units::{ByDirection, CapacityUnits, Quantile, Rate, Share},
    workload::Workload,
};
use fake_server::{FakeServer, Received, Reply, units};
use serde_json::json;
use tokio::sync::{oneshot, watch};

use crate::leisure::{at_leisure, was_kept};

const KINDS: [(OperationKind, &str); 5] = [
    (OperationKind::Get, "GetItem"),
    (OperationKind::Put, "PutItem"),
    (OperationKind::Update, "UpdateItem"),
    (OperationKind::Delete, "DeleteItem"),
    (OperationKind::Query, "Query"),
];

/// A mix of every operation, evenly spaced, in one measured phase.
pub fn scenario(rate: f64, length: Duration, client: ClientSettings) -> Scenario {
    let attribute = |name: &str, value| Attribute {
        name: name.to_owned(),
        kind: AttributeType::S,
        value,
        present: Share::ALL,
    };
    let operation = |kind: OperationKind| OperationSpec {
        set: if kind == OperationKind::Update {
            vec![1]
        } else {
            vec![]
        },
        ..OperationSpec::plain(kind.api_name(), kind, Share::new(0.2).unwrap())
    };
    let rate = Rate::per_second(rate).unwrap();
    Scenario {
        name: "fake".to_owned(),
        question: None,
        seed: Seed(42),
        tables: vec![Table::plain(
            "Users",
            ByDirection {
                read: CapacityUnits::whole(10),
                write: CapacityUnits::whole(5),
            },
            100,
            vec![
                attribute(
                    "user_id",
                    ValueSpec::Unique {
                        prefix: "u".to_owned(),
                    },
                ),
                attribute(
                    "name",
                    ValueSpec::Text {
                        length: NumberSpec::Constant(20.0),
                    },
                ),
            ],
        )],
        keys: vec![NamedKeys {
            name: "all".to_owned(),
            spec: KeySpec::Uniform,
        }],
        operations: KINDS.map(|(kind, _)| operation(kind)).to_vec(),
        phases: vec![Phase {
            name: "steady".to_owned(),
            kind: PhaseKind::Measured,
            duration: length,
            arrivals: ArrivalSpec::Constant { rate },
            mix: None,
            assumed: None,
        }],
        client,
        thresholds: vec![],
        validity: Validity::default(),
        nightly: None,
        candidates: Vec::new(),
        model: ModelParameters::default(),
        weights: vec![],
        files: vec![],
    }
}

pub fn plan(scenario: Scenario) -> RunPlan {
    let provenance = Provenance::of(&scenario, "fake", "2026-01-01T00:00:00Z");
    let header = RunHeader {
        scenario_source: String::new(),
        provenance,
        governed: false,
    };
    RunPlan::new(Workload::new(Arc::new(scenario)), header)
}

async fn fire(server: &FakeServer, scenario: Scenario, hooks: Hooks) -> RunRecord {
    fire_by(1, server, scenario, hooks).await
}

async fn fire_by(threads: u32, server: &FakeServer, scenario: Scenario, hooks: Hooks) -> RunRecord {
    let target = SdkTarget::connect(&server.url(), &scenario.client)
        .await
        .unwrap();
    let length: Duration = scenario.phases.iter().map(|phase| phase.duration).sum();
    let plan = RunPlan {
        threads: NonZeroU32::new(threads).unwrap(),
        ..plan(scenario)
    };
    let run = driver::run(plan, Arc::new(target), hooks);
    // Far beyond what any of the runs may take: a hang is a failure, not a wait.
    let record = tokio::time::timeout(length + Duration::from_secs(20), run).await;
    let record = record.expect("the run hangs").unwrap();
    let arrivals: u64 = record.phases.iter().map(|phase| phase.arrivals).sum();
    assert_eq!(outcomes(&record).total(), arrivals);
    let by_second: u64 = record.intervals.iter().map(|second| second.arrivals).sum();
    assert_eq!(by_second, arrivals);
    record
}

pub fn outcomes(record: &RunRecord) -> OutcomeCounts {
    let operations = record.phases.iter().flat_map(|phase| &phase.operations);
    operations.fold(OutcomeCounts::default(), |mut sum, totals| {
        sum += totals.outcomes;
        sum
    })
}

pub fn errors(record: &RunRecord) -> BTreeMap<String, u64> {
    let mut sum = BTreeMap::new();
    for totals in record.phases.iter().flat_map(|phase| &phase.operations) {
        for (error, count) in &totals.errors {
            *sum.entry(error.clone()).or_default() += count;
        }
    }
    sum
}

/// Patient enough for a machine that does other things as well.
fn quick() -> ClientSettings {
    ClientSettings {
        attempt_timeout: Duration::from_secs(5),
        ..ClientSettings::default()
    }
}

/// Every kind of answer in turn.
fn every_reply(request: &Received) -> Reply {
    match request.number % 8 {
        0 => Reply::Throttle(vec!["TableReadProvisionedThroughputExceeded"]),
        1 => Reply::ServerError,
        2 => Reply::Reset,
        3 => Reply::EmptyBody,
        4 => Reply::CutBody,
        5 => Reply::WrongCrc,
        6 => Reply::Json(
            400,
            json!({"__type": "x#ValidationException", "message": "no"}),
        ),
        _ => Reply::Ok,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_record_counts_what_the_server_saw_to_the_request() {
    let server = FakeServer::start(every_reply).await;
    let record = fire(
        &server,
        scenario(400.0, Duration::from_secs(1), quick()),
        Hooks::default(),
    )
    .await;

    let seen = server.received();
    let recorded = |index: usize| &record.phases[0].operations[index];
    for (index, (_, api_name)) in KINDS.iter().enumerate() {
        let of_kind: Vec<_> = seen.iter().filter(|r| r.operation == *api_name).collect();
        let answered = |n: usize| of_kind.iter().filter(|r| r.number % 8 == n).count() as u64;
        let totals = recorded(index);
        assert_eq!(totals.attempts, of_kind.len() as u64, "{api_name}");
        assert_eq!(totals.outcomes.completed, answered(7), "{api_name}");
        assert_eq!(totals.outcomes.throttled, answered(0), "{api_name}");
        assert_eq!(
            totals.outcomes.failed,
            (1..7).map(answered).sum::<u64>(),
            "{api_name}"
        );
        let consumed = totals.consumed.read + totals.consumed.write;
        assert_eq!(
            consumed,
            CapacityUnits::from(units(api_name)) * i64::try_from(answered(7)).unwrap()
        );
        assert_eq!(totals.response_time.count(), answered(7));
    }
    assert_eq!(seen.len(), 400);
    let causes: Vec<String> = errors(&record).into_keys().collect();
    for expected in [
        "HTTP 500",
        "ValidationException",
        "empty body, outcome unknown",
        "body does not match its checksum, outcome unknown",
        "body cut off, outcome unknown",
    ] {
        assert!(
            causes.iter().any(|cause| cause == expected),
            "{expected} is not in {causes:?}"
        );
    }
    for reported in seen {
        assert_eq!(reported.body["ReturnConsumedCapacity"], "INDEXES");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_shows_in_the_response_time_of_everything_that_was_due() {
    const LENGTH: f64 = 5.0;
    const FREEZE: f64 = 0.8;
    let record = at_leisure(|| against_a_frozen_server(LENGTH, FREEZE), was_kept).await;

    let mut response_time = dynamometer::record::histogram::LatencyHistogram::default();
    for totals in &record.phases[0].operations {
        response_time.merge(&totals.response_time);
    }
    assert_eq!(response_time.count(), 500);
    // Who comes x into the freeze waits for the rest of it, so (1 − q) × length of the run has
    // waited longer than freeze − (1 − q) × length, besides the service time.
    let expected = |q: f64| f64::max(0.002, FREEZE + 0.002 - (1.0 - q) * LENGTH);
    let measured = |quantile| response_time.quantile(quantile).unwrap().as_secs_f64();
    let p99 = measured(Quantile::P99) / expected(0.99);
    assert!((p99 - 1.0).abs() < 0.05, "p99 is {p99} of what it must be");
    // Further down the backlog counts how fast an unoptimised client works it off, so only the
    // side on which a freeze could be hidden is held.
    let p95 = measured(Quantile::new(0.95).unwrap()) / expected(0.95);
    assert!(p95 > 0.95, "p95 is {p95} of what it must be");
    let median = response_time.quantile(Quantile::P50).unwrap();
    assert!(median < Duration::from_millis(50), "{median:?}");
}

/// So many seconds at 100/s; one second in, the server holds everything for `freeze` seconds.
async fn against_a_frozen_server(length: f64, freeze: f64) -> RunRecord {
    let (from, until) = (
        Duration::from_secs(1),
        Duration::from_secs_f64(1.0 + freeze),
    );
    let server = FakeServer::start(move |request| {
        if (from..until).contains(&request.at) {
            Reply::OkAfter(until.saturating_sub(request.at))
        } else {
            Reply::Ok
        }
    })
    .await;
    let client = ClientSettings {
        attempt_timeout: Duration::from_secs(3),
        ..quick()
    };
    let scenario = scenario(100.0, Duration::from_secs_f64(length), client);
    fire_by(2, &server, scenario, Hooks::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_sends_the_same_operations_whatever_the_concurrency() {
    let mut all = vec![];
    for max_in_flight in [1, 64] {
        let server = FakeServer::start(|_| Reply::Ok).await;
        let client = ClientSettings {
            max_in_flight,
            max_queued: 10_000,
            ..quick()
        };
        let record = fire(
            &server,
            scenario(300.0, Duration::from_secs(1), client),
            Hooks::default(),
        )
        .await;
        assert_eq!(outcomes(&record).completed, 300);
        let received = server.received();
        let sent: Vec<String> = received
            .iter()
            .map(|r| format!("{} {}", r.operation, r.body))
            .collect();
        all.push(sent);
    }
    let in_order: Vec<String> = {
        let plan = plan(scenario(300.0, Duration::from_secs(1), quick()));
        (0..300)
            .map(|n| {
                plan.workload
                    .operation(n)
                    .request
                    .kind()
                    .api_name()
                    .to_owned()
            })
            .collect()
    };
    // One at a time keeps the order of arrivals, so the order itself can be compared.
    let one_at_a_time: Vec<&str> = all[0]
        .iter()
        .map(|sent| sent.split(' ').next().unwrap())
        .collect();
    assert_eq!(one_at_a_time, in_order);
    for sent in &mut all {
        sent.sort();
    }
    assert_eq!(all[0], all[1]);
    assert!(
        all[0].iter().collect::<BTreeSet<_>>().len() > 100,
        "operations differ among themselves"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overload_is_bounded_and_what_does_not_fit_is_dropped_and_counted() {
    let server = FakeServer::start(|_| Reply::OkAfter(Duration::from_millis(40))).await;
    let client = ClientSettings {
        max_in_flight: 4,
        max_queued: 8,
        ..quick()
    };
    let record = fire(
        &server,
        scenario(400.0, Duration::from_secs(1), client),
        Hooks::default(),
    )
    .await;

    let outcomes = outcomes(&record);
    assert!(
        server.in_flight_max() <= 4,
        "{} in flight",
        server.in_flight_max()
    );
    assert_eq!(server.received().len() as u64, outcomes.completed);
    // Four places of 40 ms each serve at most 100 a second, and the queue holds 8 more.
    assert!(outcomes.completed <= 113, "{outcomes:?}");
    assert!(outcomes.dropped >= 280, "{outcomes:?}");
    assert_eq!(outcomes.total(), 400);
    // Who waited in the queue was late by the time that it took: 8 waiting at 100 a second.
    let delay = record.phases[0].dispatch_delay.max().unwrap();
    assert!(
        delay > Duration::from_millis(60) && delay < Duration::from_millis(400),
        "{delay:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_server_times_out_and_nothing_hangs() {
    let server = FakeServer::start(|_| Reply::Stall).await;
    let client = ClientSettings {
        attempt_timeout: Duration::from_millis(150),
        ..quick()
    };
    let record = fire(
        &server,
        scenario(100.0, Duration::from_millis(500), client),
        Hooks::default(),
    )
    .await;

    assert_eq!(outcomes(&record).of(Outcome::TimedOut), 50);
    assert_eq!(
        errors(&record),
        BTreeMap::from([("no answer within 150ms".to_owned(), 50)])
    );
    let ends = &record.phases[0].operations[0].failed_response_time;
    assert!(ends.min().unwrap() >= Duration::from_millis(150));
    // Far from the 150 ms, since others share the machine; without the timeout nothing would end.
    assert!(ends.max().unwrap() < Duration::from_secs(5), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_are_the_harness_s_own_and_every_attempt_is_counted() {
    // Two of three are throttled, without regard to which request they belong to.
    let server = FakeServer::start(|request| match request.number % 3 {
        2 => Reply::Ok,
        _ => Reply::Throttle(vec![]),
    })
    .await;
    let retry = RetrySettings {
        max_attempts: 3,
        base: Duration::from_millis(2),
        cap: Duration::from_millis(10),
    };
    let client = ClientSettings { retry, ..quick() };
    let record = fire(
        &server,
        scenario(100.0, Duration::from_secs(1), client),
        Hooks::default(),
    )
    .await;

    let operations = &record.phases[0].operations;
    let attempts: u64 = operations.iter().map(|totals| totals.attempts).sum();
    assert_eq!(attempts, server.received().len() as u64);
    assert!(attempts > 150, "{attempts}");
    let throttled: u64 = operations
        .iter()
        .flat_map(|totals| totals.throttle_reasons.values())
        .sum();
    let answers = server
        .received()
        .iter()
        .filter(|r| r.number % 3 != 2)
        .count() as u64;
    assert_eq!(throttled, answers);
    let named = operations[0].throttle_reasons.keys().collect::<Vec<_>>();
    assert_eq!(
        named,
        ["ProvisionedThroughputExceededException"],
        "the name stands in for reasons"
    );
    assert_eq!(outcomes(&record).completed, attempts - answers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_keeps_a_valid_record_of_what_was_due() {
    let server = FakeServer::start(|_| Reply::OkAfter(Duration::from_millis(30))).await;
    let (interrupt, interrupted) = oneshot::channel();
    let stop: BoxFuture<()> = Box::pin(async {
        let _ = interrupted.await;
    });
    tokio::spawn(async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let _ = interrupt.send(());
    });
    let hooks = Hooks {
        stop: Some(stop),
        ..Hooks::default()
    };
    let mut long = scenario(200.0, Duration::from_mins(1), quick());
    let later = Phase {
        name: "later".to_owned(),
        ..long.phases[0].clone()
    };
    long.phases.push(later);
    let started = std::time::Instant::now();
    let record = fire(&server, long, hooks).await;

    assert!(started.elapsed() < Duration::from_secs(30));
    assert!(record.provenance.interrupted);
    assert_eq!(record.phases.len(), 1, "the second phase was never begun");
    let ends = record.phases[0].ends.as_secs_f64();
    assert!((0.4..1.0).contains(&ends), "{ends}");
    // One is due every 5 ms, from the start to just before the end.
    let due = record.phases[0].ends.as_nanos().div_ceil(5_000_000);
    assert_eq!(record.phases[0].arrivals, due);
    let outcomes = outcomes(&record);
    assert_eq!(
        server.received().len() as u64,
        outcomes.completed,
        "what was sent is waited for"
    );
    let json = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<RunRecord>(&json).unwrap(), record);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_and_the_tables_are_reported_while_the_run_goes_on() {
    let burst = ByDirection {
        read: 7.5,
        write: 3.0,
    };
    let table = IntervalTable {
        provisioned: ByDirection {
            read: CapacityUnits::whole(20),
            write: CapacityUnits::whole(8),
        },
        burst_left: Some(burst),
        ..IntervalTable::default()
    };
    let (record, seen) =
        at_leisure(|| watched(table.clone()), |(record, _)| was_kept(record)).await;

    assert!(seen.len() >= 8, "{} views in 2 s", seen.len());
    let last = seen.last().unwrap();
    assert_eq!(last.outcomes.completed, 200);
    assert_eq!(last.burst_left, Some(burst));
    assert_eq!(
        (last.phase.as_str(), last.total),
        ("steady", Duration::from_secs(2))
    );
    assert!(last.dispatch_delay_p99.is_some());
    let completed: u64 = last
        .operations
        .iter()
        .map(|operation| operation.completed)
        .sum();
    assert!(
        (95..=105).contains(&completed),
        "{completed} in the last whole second"
    );
    let in_record: Vec<_> = record
        .intervals
        .iter()
        .map(|second| second.tables[0].clone())
        .collect();
    assert_eq!(in_record[..2], [table.clone(), table]);
}

/// Two seconds at 100/s while the capacity is always `table`'s, with all progress that was seen.
async fn watched(table: IntervalTable) -> (RunRecord, Vec<Progress>) {
    let server = FakeServer::start(|_| Reply::Ok).await;
    let (sender, mut receiver) = watch::channel(Progress::default());
    let hooks = Hooks {
        progress: Some(sender),
        capacity: Some(Arc::new(move |_second| {
            let table = table.clone();
            Box::pin(async move { vec![table] })
        })),
        ..Hooks::default()
    };
    let seen = Arc::new(Mutex::new(vec![]));
    let views = Arc::clone(&seen);
    let watching = tokio::spawn(async move {
        while receiver.changed().await.is_ok() {
            views.lock().unwrap().push(receiver.borrow().clone());
        }
    });
    let record = fire_by(
        2,
        &server,
        scenario(100.0, Duration::from_secs(2), quick()),
        hooks,
    )
    .await;
    watching.await.unwrap();

    let seen = std::mem::take(&mut *seen.lock().unwrap());
    (record, seen)
}

#[tokio::test]
async fn clients_send_again_when_they_have_their_answer() {
    let server = FakeServer::start(|_| Reply::Ok).await;
    let mut closed = scenario(1.0, Duration::from_secs(1), quick());
    closed.phases[0].arrivals = ArrivalSpec::Closed {
        clients: 8,
        think_time: ThinkTime::Constant(Duration::from_millis(20)),
    };
    let mut open = scenario(100.0, Duration::from_millis(500), quick());
    open.phases[0].name = "open".to_owned();
    closed.phases.append(&mut open.phases);
    let record = fire(&server, closed, Hooks::default()).await;
    // Eight clients that take 20 ms and an answer each time: at most 50 requests a second each.
    let sent = record.phases[0].arrivals;
    assert!((100..=400).contains(&sent), "{sent}");
    assert_eq!(record.phases[1].arrivals, 50);
    let outcomes = outcomes(&record);
    assert_eq!(outcomes.dropped, 0);
}
