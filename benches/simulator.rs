//! Simulated requests per second, on one core. `cargo bench --bench simulator`; the best of
//! five rounds is printed.

use std::{sync::Arc, time::Instant};

use dynamometer::{
    scenario::{Scenario, parse},
    simulation::{self, SimulationOptions},
};

const REQUESTS: f64 = 1e6;

fn main() {
    for (name, keys, mix) in [
        ("uniform, gets", "uniform", (100, 0)),
        ("zipfian 0.99, gets", "zipf", (100, 0)),
        ("zipfian 0.99, puts", "zipf", (0, 100)),
        ("zipfian 0.99, half gets, half puts", "zipf", (50, 50)),
    ] {
        let scenario = scenario(keys, mix);
        let best = (0..5).map(|_| seconds(&scenario)).fold(f64::MAX, f64::min);
        let rate = REQUESTS / best / 1e6;
        let nanos = best / REQUESTS * 1e9;
        println!("{name:<40}{rate:>8.2} M requests/s{nanos:>8.0} ns each");
    }
    aggregate();
}

/// A day at a million requests a second over 10^12 keys and 1,000 partitions, by partition and
/// second. The load is constant, or a wave, so that no second is like another.
fn aggregate() {
    let constant = "kind = \"constant\", rate = \"1000000/s\"";
    let wave = "kind = \"sine\", mean = \"1000000/s\", amplitude = \"500000/s\", period = \"24h\"";
    for (name, arrivals) in [("constant", constant), ("a wave", wave)] {
        day(name, arrivals);
    }
}

fn day(name: &str, arrivals: &str) {
    // Partitions that hold more, so that they are as many as the capacity needs.
    let source = source("zipf", (100, 0))
        .replace("300000 RCU", "3000000 RCU")
        .replace("100000 WCU", "1000 WCU")
        .replace("1_000_000_000", "1_000_000_000_000")
        .replace("\"10s\"", "\"24h\"")
        .replace(
            "[keys.zipf]",
            "[model]\nsplit_size_gb = 1000.0\n[keys.zipf]",
        )
        .replace("kind = \"constant\", rate = \"100000/s\"", arrivals);
    let scenario = parsed(&source);
    let header = simulation::header(&scenario, source, "bench", &SimulationOptions::default());
    let start = Instant::now();
    let record = simulation::aggregate::simulate(&scenario, header).expect("gets alone");
    let seconds = start.elapsed().as_secs_f64();
    let arrivals: u64 = record.phases.iter().map(|phase| phase.arrivals).sum();
    let partitions = record.heat[0].partitions_at_end;
    println!(
        "aggregate, {name}: {arrivals} requests of a day, {partitions} partitions, {seconds:.1} s"
    );
}

fn seconds(scenario: &Arc<Scenario>) -> f64 {
    let options = SimulationOptions::default();
    let header = simulation::header(scenario, String::new(), "bench", &options);
    let start = Instant::now();
    let record = simulation::simulate(scenario, header, &options).expect("keys are unique");
    let seconds = start.elapsed().as_secs_f64();
    let arrivals: u64 = record.phases.iter().map(|phase| phase.arrivals).sum();
    assert_eq!(
        format!("{arrivals}"),
        format!("{REQUESTS}"),
        "as many as measured"
    );
    seconds
}

/// 10^9 items of about 1 KB over 100 partitions.
fn scenario(keys: &str, mix: (u32, u32)) -> Arc<Scenario> {
    parsed(&source(keys, mix))
}

fn parsed(source: &str) -> Arc<Scenario> {
    let parsed = parse::parse(source, "bench.toml").unwrap_or_else(|error| panic!("{error:?}"));
    Arc::new(parsed.scenario)
}

fn source(keys: &str, (gets, puts): (u32, u32)) -> String {
    let operation = |kind: &str, percent: u32| match percent {
        0 => String::new(),
        _ => format!(
            "[[operation]]\nkind = \"{kind}\"\nkeys = \"{keys}\"\nweight = \"{percent} %\"\n"
        ),
    };
    let operations = operation("get", gets) + &operation("put", puts);
    format!(
        r#"
name = "bench"
expect_throttling = true
[[table]]
name = "Users"
partition_key = "user_id"
billing = {{ mode = "provisioned", read = "300000 RCU", write = "100000 WCU" }}
items = 1_000_000_000
[table.attributes]
user_id = {{ type = "S", value = "unique", prefix = "user" }}
bio = {{ type = "S", value = "text", length = "1000 B" }}
[keys.zipf]
kind = "zipfian"
exponent = 0.99
{operations}
[[phase]]
kind = "load"
[[phase]]
kind = "measured"
duration = "10s"
arrivals = {{ kind = "constant", rate = "100000/s" }}
"#
    )
}
