//! Requests a second that the emulator answers, governed and not, one after the other in the same
//! run and to the same client, and what share the governor leaves; then the same in front of another
//! server. `cargo bench --bench emulator`; the median of the rounds is printed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dynamometer::{
    emulator::{Emulator, EmulatorConfig, UpstreamConfig},
    engine::Answer,
    scenario::{ClientSettings, parse::parse},
    target::{Target as _, sdk::SdkTarget, wire::WireTarget},
    workload::Workload,
};
use tokio::task::JoinSet;

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(1500);
/// Requests on their way at once, each on a connection of its own.
const CONNECTIONS: usize = 16;

/// What a table may have by default, over so many keys that none is hot.
const SCENARIO: &str = r#"
name = "emulator"
[[table]]
name = "Bench"
partition_key = "id"
billing = { mode = "provisioned", read = "40000 RCU", write = "40000 WCU" }
items = 1_000_000
[table.attributes]
id = { type = "S", value = "unique" }
text = { type = "S", value = "text", length = "900 B" }
[keys.all]
kind = "uniform"
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

/// A server with the table, and a client.
struct Bench {
    emulator: Emulator,
    wire: Arc<WireTarget>,
    sent: Arc<AtomicU64>,
    rates: Vec<f64>,
}

impl Bench {
    async fn new(config: EmulatorConfig, workload: &Workload) -> Self {
        let emulator = Emulator::start(config).await.expect("it starts");
        let settings = ClientSettings::default();
        let sdk = SdkTarget::connect(&emulator.endpoint(), &settings).await;
        let sdk = sdk.expect("a client");
        let table = &workload.scenario().tables[0];
        // Gone with the server.
        let _ = sdk.create_table(table).await.expect("a table");
        let wire = WireTarget::beside(&sdk, &table.name).await;
        Self {
            emulator,
            wire: Arc::new(wire.expect("a client")),
            sent: Arc::default(),
            rates: Vec::new(),
        }
    }

    /// As many requests as there may be, for a while.
    async fn round(&mut self, workload: &Workload) {
        let start = Instant::now();
        let before = self.sent.load(Ordering::Relaxed);
        let mut clients = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (wire, sent) = (Arc::clone(&self.wire), Arc::clone(&self.sent));
            let workload = workload.clone();
            clients.spawn(async move {
                while start.elapsed() < ROUND {
                    let number = sent.fetch_add(1, Ordering::Relaxed);
                    let request = workload.operation(number).request;
                    let table = &workload.scenario().tables[0];
                    let attempted = wire.execute(table, &request).await;
                    assert_eq!(attempted.answer, Answer::Completed);
                }
            });
        }
        clients.join_all().await;
        let sent = self.sent.load(Ordering::Relaxed) - before;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53 requests")]
        self.rates.push(sent as f64 / start.elapsed().as_secs_f64());
    }

    fn median(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }
}

fn config(governed: bool) -> EmulatorConfig {
    EmulatorConfig {
        governed,
        ..EmulatorConfig::default()
    }
}

async fn measure(kind: &str) {
    let scenario = parse(&SCENARIO.replace("KIND", kind), "emulator");
    let workload = Workload::new(Arc::new(scenario.expect("a scenario").scenario));
    let mut alone = Bench::new(config(false), &workload).await;
    let mut governed = Bench::new(config(true), &workload).await;
    let behind = Emulator::start(config(false)).await.expect("it starts");
    let upstream = UpstreamConfig {
        url: behind.endpoint().parse().expect("a URL"),
        timeout: Duration::from_mins(1),
    };
    let in_front = EmulatorConfig {
        upstream: Some(upstream),
        ..config(true)
    };
    let mut in_front = Bench::new(in_front, &workload).await;
    // Side by side in each round, so that what else the machine does slows all of them.
    for _ in 0..ROUNDS {
        alone.round(&workload).await;
        governed.round(&workload).await;
        in_front.round(&workload).await;
    }
    let base = alone.median();
    for (name, bench) in [
        ("ungoverned", alone),
        ("governed", governed),
        ("in front of another", in_front),
    ] {
        let rate = bench.median();
        println!(
            "{kind:<4} {name:<20} {rate:>9.0}/s {:>6.1} %",
            rate / base * 100.0
        );
        bench.emulator.shutdown().await;
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for kind in ["get", "put"] {
            measure(kind).await;
        }
    });
}
