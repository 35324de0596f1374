//! Figures that are to hold, as exactly as a machine that does other things as well allows.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io::{BufRead as _, BufReader},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use dynamometer::{
    driver::{self, Hooks},
    engine::{Action, Answer, Engine, Event},
    record::{Declared, RunRecord, histogram::LatencyHistogram, recorder::Recorder},
    scenario::{ClientSettings, OperationKind, OperationSpec, Scenario},
    schedule::Schedule,
    target::{sdk::SdkTarget, wire::WireTarget},
    units::{Quantile, Share, Timestamp},
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    cli::{Run, interrupt},
    driver::{plan, scenario},
    emulator::raw,
    leisure::{at_leisure, was_kept_by_all},
    server::{Reply, Server},
};

fn reads(rate: f64, length: Duration, client: ClientSettings) -> Scenario {
    let mut scenario = scenario(rate, length, client);
    scenario.operations = vec![OperationSpec::plain("get", OperationKind::Get, Share::ALL)];
    scenario
}

/// A run in virtual time against a server that takes `service` and, from its tenth second on,
/// answers nobody for the time of `freeze`.
fn frozen(scenario: &Scenario, service: Duration, freeze: Duration) -> LatencyHistogram {
    let schedule = Schedule::new(scenario);
    let mut arrivals = schedule.arrivals();
    let mut engine = Engine::new(scenario);
    let mut recorder = Recorder::new(scenario, plan(scenario.clone()).header);
    let stops = Timestamp::from_start(Duration::from_secs(10));
    let mut answers = BinaryHeap::<Reverse<(Timestamp, u64, u32, Timestamp)>>::new();
    loop {
        let next = answers.peek().map(|Reverse((at, ..))| *at);
        let due = arrivals
            .next_at()
            .filter(|due| next.is_none_or(|at| *due < at));
        let (now, event) = if let Some(due) = due {
            let arrival = arrivals.next().unwrap();
            recorder.due(&arrival, 0);
            let operation = 0;
            (due, Event::ArrivalDue { arrival, operation })
        } else if let Some(Reverse((now, request, attempt, sent_at))) = answers.pop() {
            let event = Event::Answered {
                request,
                attempt,
                sent_at,
                answered_at: now,
                answer: Answer::Completed,
                declared: Declared::default(),
            };
            (now, event)
        } else {
            break;
        };
        let mut actions = Vec::new();
        engine.handle(event, now, &mut actions);
        for action in actions {
            match action {
                Action::Send { request, attempt } => {
                    let is_frozen = (stops..stops + freeze).contains(&now);
                    let begun = if is_frozen { stops + freeze } else { now };
                    answers.push(Reverse((begun + service, request, attempt, now)));
                }
                Action::Finished(sample) => recorder.finish(&sample),
                Action::WaitUntil { .. } => unreachable!("nothing fails"),
            }
        }
    }
    recorder.into_record().phases[0].operations[0]
        .response_time
        .clone()
}

#[test]
fn a_freeze_is_in_every_percentile_and_in_the_mean_as_its_law_says() {
    let client = ClientSettings {
        max_in_flight: 1_000,
        attempt_timeout: Duration::from_secs(30),
        ..ClientSettings::default()
    };
    for (length, freeze, service) in [(100.0, 2.0, 0.002), (60.0, 5.0, 0.02), (30.0, 0.5, 0.001)] {
        let scenario = reads(200.0, Duration::from_secs_f64(length), client);
        let [service_time, freeze_time] = [service, freeze].map(Duration::from_secs_f64);
        let times = frozen(&scenario, service_time, freeze_time);
        let close = |what: &str, measured: Duration, expected: f64| {
            let off = (measured.as_secs_f64() - expected).abs();
            let allowed = f64::max(0.01 * expected, 0.005);
            assert!(
                off <= allowed,
                "{what}: {measured:?} for {expected} s, freeze {freeze} s"
            );
        };
        for q in [0.97, 0.99, 0.999] {
            let expected = f64::max(service, freeze + service - (1.0 - q) * length);
            let measured = times.quantile(Quantile::new(q).unwrap()).unwrap();
            close(&format!("p{}", q * 100.0), measured, expected);
        }
        close("max", times.max().unwrap(), freeze + service);
        let mean = service + freeze * freeze / (2.0 * length);
        close("mean", times.mean().unwrap(), mean);
    }
}

async fn at_fifty_a_second() -> RunRecord {
    let server = Server::saying(Reply::success()).await;
    let scenario = reads(50.0, Duration::from_secs(3), ClientSettings::default());
    let sdk = SdkTarget::connect(&server.url(), &scenario.client)
        .await
        .unwrap();
    let wire = WireTarget::beside(&sdk, "Users").await.unwrap();
    let run = driver::run(plan(scenario), Arc::new(wire), Hooks::default());
    run.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_a_second_are_due_and_leave_within_ten_milliseconds() {
    let is_even = |record: &RunRecord| {
        let seconds = record.intervals[..3].iter();
        was_kept_by_all(record) && seconds.into_iter().all(|it| (49..=51).contains(&it.sent))
    };
    let record = at_leisure(at_fifty_a_second, is_even).await;
    let sent = record.intervals.iter().map(|it| it.sent);
    let sent: Vec<_> = sent.collect();
    assert!(
        is_even(&record),
        "{sent:?} {:?}",
        record.phases[0].dispatch_delay
    );
    for interval in &record.intervals[..3] {
        assert!((49..=51).contains(&interval.arrivals), "{interval:?}");
    }
    assert!((149..=151).contains(&sent.iter().sum::<u64>()), "{sent:?}");
}

/// How long somebody else waits for an answer meanwhile.
async fn others_wait(endpoint: &str) -> Duration {
    let request = raw::request("localhost", "ListTables", "", b"{}");
    let asked = Instant::now();
    let answer = raw::exchange(endpoint, &request).await;
    assert_eq!(answer.status, 200);
    asked.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_of_the_emulator_keeps_the_others_waiting_for_a_second() {
    let run = Run::new();
    let mut emulator = run
        .command(&["emulate"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(emulator.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    let endpoint = line.trim().to_owned();

    let mut slow = Vec::new();
    for number in 0..500 {
        let mut stream = TcpStream::connect(raw::address(&endpoint)).await.unwrap();
        // Half of them never finish their headers, half never their body.
        let begun = raw::request("localhost", "PutItem", "", &[b' '; 100]);
        let sent = if number % 2 == 0 {
            30
        } else {
            begun.len() - 50
        };
        stream.write_all(&begun[..sent]).await.unwrap();
        slow.push(stream);
    }
    let nested = |levels: usize| {
        let (open, close) = (r#"{"L":["#.repeat(levels), "]}".repeat(levels));
        format!(r#"{{"TableName":"T","Item":{{"p":{{"S":"a"}},"x":{open}{{"S":"b"}}{close}}}}}"#)
    };
    let condition = format!("{}p = :p{}", "(".repeat(4_096), ")".repeat(4_096));
    let bad = [
        ("PutItem", " ".repeat(64 << 20)),
        ("PutItem", nested(2_000)),
        (
            "Scan",
            format!(r#"{{"TableName":"T","FilterExpression":"{condition}"}}"#),
        ),
    ];
    for (operation, body) in bad {
        let wait = async || {
            let request = raw::request("localhost", operation, "", body.as_bytes());
            let endpoint_of_bad = endpoint.clone();
            let sent = tokio::spawn(async move {
                let mut stream = TcpStream::connect(raw::address(&endpoint_of_bad))
                    .await
                    .unwrap();
                // It may be refused before it was read.
                let _ = stream.write_all(&request).await;
                raw::read_answer(&mut stream).await
            });
            let mut longest = Duration::ZERO;
            while !sent.is_finished() {
                longest = longest.max(others_wait(&endpoint).await);
            }
            if let Some(answer) = sent.await.unwrap() {
                assert!(
                    (400..500).contains(&answer.status),
                    "{operation}: {}",
                    answer.status
                );
            }
            longest
        };
        let is_short = |longest: &Duration| *longest < Duration::from_secs(1);
        let longest = at_leisure(wait, is_short).await;
        assert!(is_short(&longest), "{operation}: {longest:?}");
    }
    interrupt(&emulator);
    emulator.wait().unwrap();
}
