//! One measurement of `dyno bench`: a client, a scenario, what it came to.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{Ceiling, Delay};
use crate::{
    clock::cpu,
    driver::{self, Hooks, RunPlan, TimerKind},
    emulator::instant::InstantServer,
    record::{
        Outcome, PhaseRecord, Provenance, RunRecord, histogram::LatencyHistogram,
        recorder::RunHeader,
    },
    scenario::{PhaseKind, Scenario, parse::parse},
    target::Target,
    units::Quantile,
    workload::Workload,
};

/// The table that requests are about; nobody makes it.
pub(super) const TABLE: &str = "Bench";
/// Requests under way at once.
const CLIENTS: u32 = 16;
/// Part of a measurement that does not count: memory is used for the first time in it.
const WARM_UP: f64 = 0.2;

/// A client with its name.
pub(super) struct Fired<T> {
    pub(super) name: &'static str,
    target: Arc<T>,
}

impl<T> Fired<T> {
    pub(super) fn new(name: &'static str, target: T) -> Self {
        let target = Arc::new(target);
        Self { name, target }
    }
}

/// What is fired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Mix {
    /// `GetItem`.
    Reads,
    /// `PutItem`.
    Writes,
    /// As many of each.
    #[default]
    Both,
}

/// As many requests as there may be.
pub(super) fn saturating(part: Duration, mix: Mix) -> anyhow::Result<Arc<Scenario>> {
    let closed = format!("kind = \"closed\", clients = {CLIENTS}, think_time = \"0ms\"");
    scenario(&closed, part, mix)
}

pub(super) async fn ceiling<T: Target>(
    fired: &Fired<T>,
    scenario: &Arc<Scenario>,
    server: Option<&InstantServer>,
) -> anyhow::Result<Ceiling> {
    let of_server = async || match server {
        Some(server) => server.cpu().await,
        None => Duration::ZERO,
    };
    let (process, thread) = (cpu::of_process(), of_server().await);
    let record = fire(fired, scenario, TimerKind::default()).await?;
    let thread = of_server().await.saturating_sub(thread);
    let process = cpu::of_process().saturating_sub(process);
    let all = completed(record.phases.iter())?;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / all;
    let measured: Duration = measured(&record).map(length).sum();
    Ok(Ceiling {
        client: fired.name.to_owned(),
        requests: all,
        requests_per_second: completed(self::measured(&record))? / measured.as_secs_f64(),
        cpu_microseconds_per_request: each(process.saturating_sub(thread)),
        server_cpu_microseconds_per_request: each(thread),
    })
}

/// The share of the ceiling is left for whoever knows it.
pub(super) async fn delay<T: Target>(
    fired: &Fired<T>,
    timer: TimerKind,
    rate: f64,
    part: Duration,
) -> anyhow::Result<Delay> {
    let poisson = format!("kind = \"poisson\", rate = \"{rate}/s\"");
    let scenario = scenario(&poisson, part, Mix::Both)?;
    let record = fire(fired, &scenario, timer).await?;
    let mut delay = LatencyHistogram::default();
    let mut dropped = 0;
    for phase in measured(&record) {
        delay.merge(&phase.dispatch_delay);
        let totals = phase.operations.iter().map(|one| one.outcomes);
        dropped += totals.map(|of| of.of(Outcome::Dropped)).sum::<u64>();
    }
    let at = |quantile| {
        let delay = delay.quantile(quantile).unwrap_or_default();
        delay.as_secs_f64() * 1e6
    };
    let length: Duration = measured(&record).map(length).sum();
    let seconds = record.intervals.iter().filter_map(|it| it.generator);
    let shares = seconds.map(|it| Duration::from_nanos(it.cpu_nanos).as_secs_f64());
    let shares: Vec<_> = shares.collect();
    Ok(Delay {
        timer: timer.name().to_owned(),
        percent_of_ceiling: 0.0,
        due_per_second: rate,
        completed_per_second: completed(measured(&record))? / length.as_secs_f64(),
        dropped,
        dispatch_delay_p50_microseconds: at(Quantile::P50),
        dispatch_delay_p99_microseconds: at(Quantile::P99),
        dispatch_delay_p99_9_microseconds: at(Quantile::P99_9),
        cpu_percent: u32::try_from(shares.len())
            .ok()
            .filter(|count| *count > 0)
            .map(|count| shares.iter().sum::<f64>() / f64::from(count) * 100.0),
    })
}

fn measured(record: &RunRecord) -> impl Iterator<Item = &PhaseRecord> {
    let phases = record.phases.iter();
    phases.filter(|phase| phase.kind == PhaseKind::Measured)
}

fn length(phase: &PhaseRecord) -> Duration {
    phase.ends.since(phase.starts)
}

/// Requests completed; an error when there are none, or others failed.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn completed<'a>(phases: impl Iterator<Item = &'a PhaseRecord>) -> anyhow::Result<f64> {
    let mut completed: u64 = 0;
    for operation in phases.flat_map(|phase| &phase.operations) {
        let errors: Vec<_> = operation.errors.keys().collect();
        anyhow::ensure!(errors.is_empty(), "requests failed: {errors:?}");
        completed += operation.outcomes.completed;
    }
    anyhow::ensure!(completed > 0, "no request was completed");
    Ok(completed as f64)
}

async fn fire<T: Target>(
    fired: &Fired<T>,
    scenario: &Arc<Scenario>,
    timer: TimerKind,
) -> anyhow::Result<RunRecord> {
    let header = RunHeader {
        scenario_source: String::new(),
        provenance: Provenance {
            client: Some(fired.name.to_owned()),
            ..Provenance::of(scenario, "instant", Timestamp::now().to_string())
        },
        governed: false,
    };
    let plan = RunPlan {
        timer,
        ..RunPlan::new(Workload::new(Arc::clone(scenario)), header)
    };
    Ok(driver::run(plan, Arc::clone(&fired.target), Hooks::default()).await?)
}

const OPERATION: &str = r#"
[[operation]]
kind = "KIND"
keys = "all"
weight = "SHARE %"
"#;

/// Reads and writes of items of 1 KB, of 10^9 keys.
fn scenario(arrivals: &str, length: Duration, mix: Mix) -> anyhow::Result<Arc<Scenario>> {
    let operation = |kind, share| OPERATION.replace("KIND", kind).replace("SHARE", share);
    let operations = match mix {
        Mix::Reads => operation("get", "100"),
        Mix::Writes => operation("put", "100"),
        Mix::Both => operation("get", "50") + &operation("put", "50"),
    };
    let warm_up = length.mul_f64(WARM_UP);
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
{operations}
[[phase]]
name = "warm-up"
kind = "warm-up"
duration = "{}ms"
arrivals = {{ {arrivals} }}
[[phase]]
name = "bench"
kind = "measured"
duration = "{}ms"
arrivals = {{ {arrivals} }}
"#,
        warm_up.as_millis(),
        length.saturating_sub(warm_up).as_millis(),
    );
    match parse(&source, "bench") {
        Ok(parsed) => Ok(Arc::new(parsed.scenario)),
        Err(problems) => anyhow::bail!("{problems}"),
    }
}
