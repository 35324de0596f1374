//! Nanoseconds of each stage of a request of 1 KB, of a read and of a write: pick its key, build
//! it, write it down, sign it, read the answer, note it; and the whole exchange over loopback with a
//! server that answers at once. Then what is done by the interval: durations are added up.
//! `cargo bench --bench request`; the best of five rounds is printed. What each distribution of keys
//! takes is in `--bench workload`.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use dynamometer::{
    emulator::instant::InstantServer,
    engine::{Answer, Engine, Event},
    record::{Declared, Outcome, Sample, histogram::LatencyHistogram, tally::Tally},
    scenario::{ClientSettings, parse::parse},
    schedule::Arrival,
    target::{
        Target,
        sdk::SdkTarget,
        wire::{WireTarget, stages::Stages},
    },
    units::Timestamp,
    workload::Workload,
};

const CALLS: u32 = 200_000;
const EXCHANGES: u32 = 20_000;
const MERGES: u32 = 2_000;
const ROUNDS: u32 = 5;

const SCENARIO: &str = r#"
name = "stages"
[[table]]
name = "Bench"
partition_key = "id"
billing = { mode = "on-demand" }
items = 1_000_000_000
[table.attributes]
id = { type = "S", value = "unique" }
text = { type = "S", value = "text", length = "1000 B" }
[keys.all]
kind = "zipfian"
exponent = 0.99
[[operation]]
kind = "KIND"
keys = "all"
weight = "100 %"
[[phase]]
name = "steady"
kind = "measured"
duration = "1h"
arrivals = { kind = "constant", rate = "1000/s" }
"#;

fn main() {
    for kind in ["get", "put"] {
        let scenario = parse(&SCENARIO.replace("KIND", kind), "stages");
        let scenario = Arc::new(scenario.expect("a scenario").scenario);
        let workload = Workload::new(Arc::clone(&scenario));
        let stages = Stages::new(jiff::Timestamp::now()).expect("no token");
        measure(kind, "pick a key", CALLS, |n| workload.pick(n));
        measure(kind, "pick and build", CALLS, |n| workload.operation(n));
        let request = workload.operation(7).request;
        let body = Stages::written("Bench", &request);
        measure(kind, "write down", CALLS, |_| {
            Stages::written("Bench", &request)
        });
        measure(kind, "sign", CALLS, |_| stages.signed(&body));
        let response = response(kind == "get");
        measure(kind, "read the answer", CALLS, |_| {
            Stages::is_read(&response)
        });
        let (mut engine, mut tally) = (Engine::new(&scenario), Tally::new(&scenario));
        let mut actions = Vec::new();
        measure(kind, "client and record", CALLS, |n| {
            for event in life(n) {
                if let Event::ArrivalDue { arrival, operation } = &event {
                    tally.due(arrival, *operation);
                }
                engine.handle(event, Timestamp::from_nanos(n * 1000 + 500), &mut actions);
                for action in actions.drain(..) {
                    if let dynamometer::engine::Action::Finished(sample) = action {
                        tally.finish(&sample);
                    }
                }
            }
        });
        let mut tally = Tally::new(&scenario);
        measure(kind, "record alone", CALLS, |n| {
            let sample = sample(n);
            tally.due(&arrival(n), 0);
            tally.finish(&sample);
        });
        exchange(kind, &workload);
    }
    let mut durations = LatencyHistogram::default();
    measure("any", "count a duration", CALLS, |n| {
        // From 0.1 to 10 ms, in no order.
        durations.record_nanos(100_000 + n * 7_919_777 % 9_900_000);
    });
    let mut sum = LatencyHistogram::default();
    measure("any", "merge histograms", MERGES, |_| sum.merge(&durations));
}

fn arrival(number: u64) -> Arrival {
    Arrival {
        sequence: number,
        phase: 0,
        intended_start: Timestamp::from_nanos(number * 1000),
    }
}

/// A request that was sent 50 µs late and took half a millisecond, give or take.
fn sample(number: u64) -> Sample {
    let due = arrival(number).intended_start;
    let after = |nanos| Timestamp::from_nanos(due.as_nanos() + nanos);
    let sent = after(50_000 + number * 7919 % 10_000);
    Sample {
        sequence: number,
        phase: 0,
        operation: 0,
        outcome: Outcome::Completed,
        due,
        first_sent: Some(sent),
        last_sent: Some(sent),
        finished: after(500_000 + number * 7_919_777 % 100_000),
        attempts: 1,
        declared: Declared::default(),
        throttle_reasons: Vec::new(),
        error: None,
    }
}

/// An arrival and its answer.
fn life(number: u64) -> [Event; 2] {
    let at = |nanos| Timestamp::from_nanos(number * 1000 + nanos);
    let arrival = arrival(number);
    let answered = Event::Answered {
        request: number,
        attempt: 1,
        sent_at: at(100),
        answered_at: at(400),
        answer: Answer::Completed,
        declared: Declared::default(),
    };
    let due = Event::ArrivalDue {
        arrival,
        operation: 0,
    };
    [due, answered]
}

fn response(is_read: bool) -> Vec<u8> {
    let capacity = r#""ConsumedCapacity":{"TableName":"Bench","CapacityUnits":1.0}"#;
    let text = "x".repeat(1000);
    let body = if is_read {
        format!(r#"{{{capacity},"Item":{{"id":{{"S":"1"}},"text":{{"S":"{text}"}}}}}}"#)
    } else {
        format!("{{{capacity}}}")
    };
    let crc = crc32fast::hash(body.as_bytes());
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nx-amz-crc32: {crc}\r\ncontent-length: {length}\r\n\r\n");
    (head + &body).into_bytes()
}

/// All of it but the client's own book-keeping, one request after the other.
fn exchange(kind: &str, workload: &Workload) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    let server = InstantServer::start(0).expect("a server");
    runtime.block_on(async {
        let settings = ClientSettings::default();
        let sdk = SdkTarget::connect(&server.endpoint(), &settings).await;
        let sdk = sdk.expect("a client");
        let wire = WireTarget::beside(&sdk, "Bench").await.expect("a client");
        let table = &workload.scenario().tables[0];
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            for number in 0..u64::from(EXCHANGES) {
                let request = workload.operation(number).request;
                black_box(wire.execute(table, &request).await);
            }
            best = best.min(start.elapsed() / EXCHANGES);
        }
        println!("{kind:<4} {:<18} {:>9.1?}", "exchange, waited", best);
    });
}

fn measure<T>(kind: &str, name: &str, calls: u32, mut call: impl FnMut(u64) -> T) {
    let mut best = Duration::MAX;
    let mut number = 0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(call(number));
            number += 1;
        }
        best = best.min(start.elapsed() / calls);
    }
    println!("{kind:<4} {name:<18} {best:>9.1?}");
}
