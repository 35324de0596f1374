//! What it costs to merge: 100 records of an hour each, in under 10 s and 200 MB.
//!
//! One record is made as a run would make it, and written a hundred times, each time as another
//! shard. `cargo bench --bench merge`; takes 1.5 GB of disk meanwhile.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use dynamometer::{
    analysis::Analysis,
    record::{Declared, Outcome, RunRecord, Sample, recorder::Recorder, shard::Part},
    report::json,
    scenario::parse::parse,
    schedule::{Schedule, shard::Shard},
    seed::Seed,
    simulation::{SimulationOptions, header},
    units::{ByDirection, CapacityUnits},
    workload::Workload,
};
use rand::RngExt as _;
use rand_distr::{Distribution, LogNormal};

const SHARDS: u32 = 100;
const SECONDS_MAX: f64 = 10.0;
const MEGABYTES_MAX: u64 = 200;

const SCENARIO: &str = r#"
name = "hour"
seed = 1
[[table]]
name = "Things"
partition_key = "id"
billing = { mode = "provisioned", read = "40000 RCU", write = "40000 WCU" }
items = 1000
[table.attributes]
id = { type = "S", value = "unique" }
[keys.any]
kind = "uniform"
[[operation]]
kind = "get"
keys = "any"
weight = "70 %"
[[operation]]
kind = "put"
keys = "any"
weight = "30 %"
[[phase]]
kind = "measured"
duration = "1h"
arrivals = { kind = "constant", rate = "1000/s" }
"#;

/// An hour of one shard: a thousand requests a second, of some milliseconds each.
fn hour() -> RunRecord {
    let scenario = parse(SCENARIO, "hour.toml").expect("it is valid").scenario;
    let mut header = header(
        &scenario,
        SCENARIO.to_owned(),
        env!("CARGO_PKG_VERSION"),
        &SimulationOptions::default(),
    );
    let whole = Shard::new(1, 1).expect("there is one");
    header.provenance.part = Some(Part::of(whole));
    let mut recorder = Recorder::new(&scenario, header);
    let schedule = Schedule::new(&scenario);
    let workload = Workload::new(std::sync::Arc::new(scenario));
    let mut rng = Seed(1).stream("times").at(0);
    let times = LogNormal::new(14.9, 0.5).expect("finite");
    for arrival in schedule.arrivals() {
        let operation = workload.spec(arrival.sequence);
        recorder.due(&arrival, operation);
        let sent = arrival.intended_start + Duration::from_nanos(rng.random_range(40_000..200_000));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some 10^7"
        )]
        let takes = Duration::from_nanos(times.sample(&mut rng) as u64);
        recorder.finish(&Sample {
            sequence: arrival.sequence,
            phase: arrival.phase,
            operation,
            outcome: Outcome::Completed,
            due: arrival.intended_start,
            first_sent: Some(sent),
            last_sent: Some(sent),
            finished: sent + takes,
            attempts: 1,
            declared: Declared::units(ByDirection::from_fn(|_| CapacityUnits::whole(1))),
            throttle_reasons: Vec::new(),
            error: None,
        });
    }
    recorder.into_record()
}

/// Writes the record of each shard, and returns the bytes of one.
fn write_shards(folder: &Path) -> usize {
    let record = hour();
    let scenario = parse(SCENARIO, "hour.toml").expect("it is valid").scenario;
    let document = json::render(&record, &Analysis::of(&record, &scenario));
    for number in 1..=SHARDS {
        let shard = format!("\"{number}/{SHARDS}\"");
        let of_shard = document.replace("\"1/1\"", &shard);
        fs::write(folder.join(format!("{number}.json")), of_shard).expect("there is room");
    }
    document.len()
}

/// The most memory that a process has had, in bytes, as long as it lives.
fn peak_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn main() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let bytes = write_shards(folder.path());
    println!("{SHARDS} records of an hour, {} MB each", bytes / 1_000_000);
    let records = (1..=SHARDS).map(|number| folder.path().join(format!("{number}.json")));
    let began = Instant::now();
    let mut merging = Command::new(env!("CARGO_BIN_EXE_dyno"))
        .args(["merge", "-o"])
        .arg(folder.path().join("merged"))
        .args(records)
        .stdout(Stdio::null())
        .spawn()
        .expect("dyno is there");
    let mut peak = 0;
    let exit = loop {
        peak = peak_memory(merging.id()).map_or(peak, |bytes| peak.max(bytes));
        if let Some(exit) = merging.try_wait().expect("it is ours") {
            break exit;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let seconds = began.elapsed().as_secs_f64();
    let megabytes = peak / 1_000_000;
    println!("merged in {seconds:.2} s with {megabytes} MB, {exit}");
    assert!(exit.success(), "the merger failed");
    assert!(seconds < SECONDS_MAX, "at most {SECONDS_MAX} s");
    assert!(megabytes < MEGABYTES_MAX, "at most {MEGABYTES_MAX} MB");
}
