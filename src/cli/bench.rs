//! `dyno bench`: what this tool can do on this machine, against a server that answers at once.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::Exit;
use crate::{
    clock::cpu,
    driver::{self, Hooks, RunPlan},
    emulator::instant::InstantServer,
    record::{Outcome, Provenance, RunRecord, histogram::LatencyHistogram, recorder::RunHeader},
    report::format,
    scenario::{Scenario, parse::parse},
    target::{Target, sdk::SdkTarget, wire::WireTarget},
    units::Quantile,
    workload::Workload,
};

/// The table that requests are about; nobody makes it.
const TABLE: &str = "Bench";
/// Requests under way at once.
const CLIENTS: u32 = 16;
/// Two clients, and three shares of the ceiling.
const PARTS: u32 = 5;
/// Shares of the ceiling, in percent, at which the delay is measured.
const SHARES: [u32; 3] = [10, 50, 90];

#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    /// How long it takes, of which each of the five measurements gets a fifth. More is steadier.
    #[arg(long, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Bench {
    /// `dynamometer` version.
    version: &'static str,
    /// Cores that this process may use, which the server takes a part of.
    cores: usize,
    /// As many requests as there may be, one after the other on 16 connections.
    clients: Vec<Ceiling>,
    /// Requests at their times, at shares of the lean client's ceiling.
    schedule: Vec<Delay>,
}

/// The most that a client does.
#[derive(Debug, Serialize)]
struct Ceiling {
    client: &'static str,
    requests_per_second: f64,
    /// CPU time of a request, with all that belongs to it but the server.
    cpu_microseconds_per_request: f64,
    /// CPU time that the server took for it.
    server_cpu_microseconds_per_request: f64,
}

/// Due → sent at a share of the ceiling.
#[derive(Debug, Serialize)]
struct Delay {
    percent_of_ceiling: u32,
    due_per_second: f64,
    completed_per_second: f64,
    dropped: u64,
    dispatch_delay_p50_microseconds: f64,
    dispatch_delay_p99_microseconds: f64,
    dispatch_delay_p99_9_microseconds: f64,
}

pub(super) fn bench(arguments: &BenchArguments) -> anyhow::Result<Exit> {
    let bench = super::runtime()?.block_on(measure(arguments.seconds))?;
    if arguments.json {
        super::print(&serde_json::to_string_pretty(&bench)?)?;
    } else {
        super::print(bench.render().trim_end())?;
    }
    Ok(Exit::Pass)
}

async fn measure(seconds: u32) -> anyhow::Result<Bench> {
    let part = Duration::from_secs(seconds.into()) / PARTS;
    let server = InstantServer::start().context("cannot start the server")?;
    let endpoint = server.endpoint();
    let closed = format!("kind = \"closed\", clients = {CLIENTS}, think_time = \"0ms\"");
    let saturating = scenario(&closed, part)?;
    let sdk = SdkTarget::connect(&endpoint, &saturating.client).await?;
    let wire = WireTarget::beside(&sdk, TABLE).await?;
    let (sdk, wire) = (Fired::new("sdk", sdk), Fired::new("wire", wire));
    let clients = vec![
        ceiling(&wire, &saturating, &server).await?,
        ceiling(&sdk, &saturating, &server).await?,
    ];
    let mut schedule = Vec::new();
    for share in SHARES {
        let rate = clients[0].requests_per_second * f64::from(share) / 100.0;
        schedule.push(delay(&wire, share, rate.max(1.0).round(), part).await?);
    }
    Ok(Bench {
        version: env!("CARGO_PKG_VERSION"),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        clients,
        schedule,
    })
}

/// A client with its name.
struct Fired<T> {
    name: &'static str,
    target: Arc<T>,
}

impl<T> Fired<T> {
    fn new(name: &'static str, target: T) -> Self {
        let target = Arc::new(target);
        Self { name, target }
    }
}

async fn ceiling<T: Target>(
    fired: &Fired<T>,
    scenario: &Arc<Scenario>,
    server: &InstantServer,
) -> anyhow::Result<Ceiling> {
    let (process, thread) = (cpu::of_process(), server.cpu().await);
    let record = fire(fired, scenario).await?;
    let thread = server.cpu().await.saturating_sub(thread);
    let process = cpu::of_process().saturating_sub(process);
    let completed = completed(&record)?;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / completed;
    Ok(Ceiling {
        client: fired.name,
        requests_per_second: completed / scenario.phases[0].duration.as_secs_f64(),
        cpu_microseconds_per_request: each(process.saturating_sub(thread)),
        server_cpu_microseconds_per_request: each(thread),
    })
}

async fn delay<T: Target>(
    fired: &Fired<T>,
    share: u32,
    rate: f64,
    part: Duration,
) -> anyhow::Result<Delay> {
    let scenario = scenario(&format!("kind = \"poisson\", rate = \"{rate}/s\""), part)?;
    let record = fire(fired, &scenario).await?;
    let mut delay = LatencyHistogram::default();
    let mut dropped = 0;
    for phase in &record.phases {
        delay.merge(&phase.dispatch_delay);
        let totals = phase.operations.iter().map(|one| one.outcomes);
        dropped += totals.map(|of| of.of(Outcome::Dropped)).sum::<u64>();
    }
    let at = |quantile| {
        let delay = delay.quantile(quantile).unwrap_or_default();
        delay.as_secs_f64() * 1e6
    };
    Ok(Delay {
        percent_of_ceiling: share,
        due_per_second: rate,
        completed_per_second: completed(&record)? / part.as_secs_f64(),
        dropped,
        dispatch_delay_p50_microseconds: at(Quantile::P50),
        dispatch_delay_p99_microseconds: at(Quantile::P99),
        dispatch_delay_p99_9_microseconds: at(Quantile::P99_9),
    })
}

/// Requests completed; an error when there are none, or others failed.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn completed(record: &RunRecord) -> anyhow::Result<f64> {
    let operations = || record.phases.iter().flat_map(|phase| &phase.operations);
    let errors: Vec<_> = operations().flat_map(|one| one.errors.keys()).collect();
    anyhow::ensure!(errors.is_empty(), "requests failed: {errors:?}");
    let completed: u64 = operations().map(|one| one.outcomes.completed).sum();
    anyhow::ensure!(completed > 0, "no request was completed");
    Ok(completed as f64)
}

async fn fire<T: Target>(fired: &Fired<T>, scenario: &Arc<Scenario>) -> anyhow::Result<RunRecord> {
    let header = RunHeader {
        scenario_source: String::new(),
        provenance: Provenance {
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: scenario.name.clone(),
            fingerprint: scenario.fingerprint(),
            seed: scenario.seed,
            target: "instant".to_owned(),
            client: Some(fired.name.to_owned()),
            started_at: Timestamp::now().to_string(),
            items_loaded: 0,
            load_seconds: 0.0,
            interrupted: false,
            incomplete: None,
            part: None,
            model_overrides: Vec::new(),
        },
        governed: false,
    };
    let plan = RunPlan::new(Workload::new(Arc::clone(scenario)), header);
    Ok(driver::run(plan, Arc::clone(&fired.target), Hooks::default()).await?)
}

/// Reads and writes of items of 1 KB, as many of each, of 10^9 keys.
fn scenario(arrivals: &str, length: Duration) -> anyhow::Result<Arc<Scenario>> {
    let source = format!(
        r#"
name = "bench"
[[table]]
name = "{TABLE}"
partition_key = "id"
billing = {{ mode = "on-demand" }}
items = 1_000_000_000
[table.attributes]
id = {{ type = "S", value = "unique" }}
text = {{ type = "S", value = "text", length = "1000 B" }}
[keys.all]
kind = "zipfian"
exponent = 0.99
[[operation]]
name = "get"
kind = "get"
keys = "all"
weight = "50 %"
[[operation]]
name = "put"
kind = "put"
keys = "all"
weight = "50 %"
[[phase]]
name = "bench"
kind = "measured"
duration = "{}ms"
arrivals = {{ {arrivals} }}
"#,
        length.as_millis()
    );
    match parse(&source, "bench") {
        Ok(parsed) => Ok(Arc::new(parsed.scenario)),
        Err(problems) => anyhow::bail!("{problems}"),
    }
}

impl Bench {
    fn render(&self) -> String {
        let us = |micros: f64| format!("{} µs", format::number(micros));
        let mut text = format!(
            "dynamometer {} on {} cores, half reads and half writes of 1 KB, against a server \
             on one thread that answers at once\n\n\
             client   requests/s   CPU/request   server's\n",
            self.version, self.cores
        );
        for one in &self.clients {
            let row = format!(
                "{:<6} {:>12} {:>13} {:>10}\n",
                one.client,
                format::number(one.requests_per_second),
                us(one.cpu_microseconds_per_request),
                us(one.server_cpu_microseconds_per_request),
            );
            text.push_str(&row);
        }
        text.push_str("\nceiling    due/s     done/s   late p50      p99    p99.9   dropped\n");
        for one in &self.schedule {
            let row = format!(
                "{:>5} % {:>8} {:>10} {:>10} {:>8} {:>8} {:>9}\n",
                one.percent_of_ceiling,
                format::number(one.due_per_second),
                format::number(one.completed_per_second),
                us(one.dispatch_delay_p50_microseconds),
                us(one.dispatch_delay_p99_microseconds),
                us(one.dispatch_delay_p99_9_microseconds),
                format::count(one.dropped),
            );
            text.push_str(&row);
        }
        text
    }
}
