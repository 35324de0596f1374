//! A long run through faults against the embedded emulator, or against a server that stalls, with
//! the memory of the process, server and all, as it goes on; at the end our books beside the
//! server's. Linux only.
//!
//!     cargo bench --bench soak -- [faults|stalled] [SECONDS] [RATE]
//!
//! `faults` breaks one exchange in twenty and takes 600 s at 2000/s unless told otherwise, `stalled`
//! 60 s at 20000/s. Exits with 1 where the books differ.

#[path = "soak/proxy.rs"]
mod proxy;

use std::{
    error::Error,
    fs,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use dynamometer::{
    driver::{self, Hooks, RunPlan},
    emulator::{Emulator, EmulatorConfig},
    record::{OutcomeCounts, Provenance, RunRecord, recorder::RunHeader},
    scenario::{Scenario, parse::parse},
    target::{sdk::SdkTarget, wire::WireTarget},
    workload::Workload,
};
use proxy::{FATES, Fate, Proxy};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

const SCENARIO: &str = r#"
name = "soak"
[[table]]
name = "Soak"
partition_key = "id"
billing = { mode = "on-demand" }
items = 1_000
[table.attributes]
id = { type = "S", value = "unique" }
text = { type = "S", value = "text", length = "500 B" }
[keys.all]
kind = "uniform"
[[operation]]
kind = "get"
keys = "all"
weight = "70 %"
[[operation]]
kind = "put"
keys = "all"
weight = "30 %"
[[phase]]
name = "steady"
kind = "measured"
duration = "SECONDSs"
arrivals = { kind = "constant", rate = "RATE/s" }
"#;

fn main() -> ExitCode {
    // The first is what cargo adds.
    let given: Vec<_> = std::env::args().skip(1).collect();
    let mut given = given.iter().filter(|it| *it != "--bench");
    let mode = given.next().map_or("faults", String::as_str);
    let is_stalled = mode == "stalled";
    let usual = if is_stalled {
        ["60", "20000"]
    } else {
        ["600", "2000"]
    };
    let [seconds, rate] = usual.map(|usual| given.next().map_or(usual, String::as_str));
    let source = SCENARIO.replace("SECONDS", seconds).replace("RATE", rate);
    let scenario = parse(&source, "soak").expect("seconds and a rate").scenario;
    println!("{mode}: {seconds} s at {rate}/s");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let balanced = runtime.block_on(async {
        let scenario = Arc::new(scenario);
        if is_stalled {
            stalled(scenario).await
        } else {
            through_faults(scenario).await
        }
    });
    runtime.shutdown_background();
    ExitCode::from(u8::from(!balanced.expect("it runs")))
}

async fn through_faults(scenario: Arc<Scenario>) -> Result<bool, Box<dyn Error>> {
    let emulator = Emulator::start(EmulatorConfig::default()).await?;
    let handle = emulator.handle();
    handle.suspend_governor().await;
    let direct = SdkTarget::connect(&emulator.endpoint(), &scenario.client).await?;
    let table = direct.create_table(&scenario.tables[0]).await?;
    let workload = Workload::new(Arc::clone(&scenario));
    let items = workload.clone();
    let item = move |number| items.item(0, number);
    direct.load(table.name(), 1_000, 4, item, |_| {}).await?;

    let server = emulator.endpoint().replace("http://", "").parse()?;
    let proxy = Proxy::start(server).await?;
    let sdk = SdkTarget::connect(&proxy.url(), &scenario.client).await?;
    let wire = WireTarget::beside(&sdk, "Soak").await?;
    handle.reset_ledger().await;
    proxy.arm();
    let record = fire(workload, wire).await?;

    let (outcomes, attempts) = sums(&record);
    let ledger = handle.ledger().await;
    let seen: u64 = ["GetItem", "PutItem"]
        .iter()
        .filter_map(|operation| Some(ledger.requests.get(*operation)?.total()))
        .sum();
    for fate in FATES {
        println!("{fate:>9?} {:>9}", proxy.count(|it| it == fate));
    }
    println!("{outcomes:?}");
    let books = [
        (
            "attempts, and requests that arrived",
            attempts,
            proxy.count(|_| true),
        ),
        (
            "forwarded, and the server's ledger",
            proxy.count(Fate::is_forwarded),
            seen,
        ),
        (
            "completed, and answered",
            outcomes.completed,
            proxy.count(Fate::is_answered),
        ),
        (
            "failed, and broken",
            outcomes.failed,
            proxy.count(|it| !it.is_answered()),
        ),
    ];
    Ok(balance(&books))
}

async fn stalled(scenario: Arc<Scenario>) -> Result<bool, Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
            });
        }
    });
    let mut impatient = scenario.client;
    // Not the 30 s that asking for the table takes.
    impatient.attempt_timeout = Duration::from_secs(1);
    let sdk = SdkTarget::connect(&url, &impatient).await?;
    let wire = WireTarget::beside(&sdk, "Soak").await?;
    let bounds = scenario.client;
    println!("{bounds:?}");
    let record = fire(Workload::new(scenario), wire).await?;
    let (outcomes, attempts) = sums(&record);
    println!("{outcomes:?}");
    let most = record.intervals.iter().filter_map(|it| it.generator);
    let (in_flight, queued) = most.fold((0, 0), |(in_flight, queued), second| {
        (second.in_flight.max(in_flight), second.queued.max(queued))
    });
    println!("at most {in_flight} in flight and {queued} queued");
    let is_bounded = in_flight <= bounds.max_in_flight.into() && queued <= bounds.max_queued.into();
    let books = [
        ("attempts, and timed out", attempts, outcomes.timed_out),
        (
            "arrivals, and outcomes",
            record.phases[0].arrivals,
            outcomes.total(),
        ),
    ];
    Ok(balance(&books) && is_bounded)
}

fn sums(record: &RunRecord) -> (OutcomeCounts, u64) {
    let operations = &record.phases[0].operations;
    let mut outcomes = OutcomeCounts::default();
    for operation in operations {
        outcomes += operation.outcomes;
    }
    (outcomes, operations.iter().map(|it| it.attempts).sum())
}

fn balance(books: &[(&str, u64, u64)]) -> bool {
    for (what, ours, theirs) in books {
        println!(
            "{what}: {ours} {theirs}, difference {}",
            ours.abs_diff(*theirs)
        );
    }
    books.iter().all(|(_, ours, theirs)| ours == theirs)
}

/// Fires all of it, and says every ten seconds what memory the process holds.
async fn fire(workload: Workload, target: WireTarget) -> Result<RunRecord, Box<dyn Error>> {
    let scenario = workload.scenario();
    let header = RunHeader {
        scenario_source: String::new(),
        provenance: Provenance::of(scenario, "soak", ""),
        governed: false,
    };
    let began = Instant::now();
    let curve = tokio::spawn(async move {
        loop {
            println!(
                "{:>4} s {:>5} MiB",
                began.elapsed().as_secs(),
                memory("VmRSS:")
            );
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    });
    let plan = RunPlan::new(workload, header);
    let record = driver::run(plan, Arc::new(target), Hooks::default()).await?;
    curve.abort();
    println!(
        "{:>4} s {:>5} MiB",
        began.elapsed().as_secs(),
        memory("VmRSS:")
    );
    println!("at the peak {} MiB", memory("VmHWM:"));
    Ok(record)
}

/// A field of this process's status, in MiB.
fn memory(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}
