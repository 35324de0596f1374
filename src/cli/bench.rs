//! `dyno bench`: what this tool can do on this machine, against a server that answers at once.

mod measure;
mod serve;
pub(super) mod stored;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Exit;
use crate::{
    driver::TimerKind,
    emulator::instant::InstantServer,
    report::format,
    store,
    target::{sdk::SdkTarget, wire::WireTarget},
};
use measure::{Fired, Mix};

/// Shares of the ceiling, in percent, at which the delay is measured.
const SHARES: [u32; 3] = [10, 50, 90];
/// What each timer is measured at: rates, and half of the ceiling.
const RATES: [f64; 3] = [1_000.0, 5_000.0, 10_000.0];

#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    /// How long it takes, of which each measurement gets the same part. More is steadier.
    #[arg(long, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Measure every timer of `dyno run --timer` at 1000, 5000 and 10000 requests a second and
    /// at half of the ceiling, instead of one at shares of it.
    #[arg(long)]
    timers: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// Where to keep what was found, for `dyno run` to say what share of it a run took.
    #[arg(long, value_name = "FILE", default_value = stored::FILE)]
    out: PathBuf,
    /// Only serve, on this port, for other programs to be measured with: DynamoDB's answers to a
    /// `GetItem` of 1 KB and to any write. 0 is any free port.
    #[arg(long, value_name = "PORT", conflicts_with_all = ["timers", "json", "out"])]
    serve: Option<u16>,
    /// Only one client, as many requests as there may be, and nothing is kept: for scripts that
    /// compare clients.
    #[arg(long, value_name = "CLIENT", conflicts_with_all = ["timers", "out", "serve"])]
    only: Option<super::firing::Client>,
    /// Fire at this server instead of an own one, which has to answer at once as `--serve` does.
    #[arg(long, value_name = "URL", requires = "only")]
    endpoint: Option<String>,
    /// What is asked for.
    #[arg(long, value_enum, requires = "only", default_value_t)]
    mix: Mix,
}

/// What was found.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bench {
    /// `dynamometer` version.
    version: String,
    /// What kind of machine it was found on.
    host: String,
    /// RFC 3339, UTC.
    measured_at: String,
    /// Cores that this process may use, which the server takes a part of.
    cores: usize,
    /// As many requests as there may be, one after the other on 16 connections, by one thread.
    clients: Vec<Ceiling>,
    /// Requests at their times.
    schedule: Vec<Delay>,
}

/// The most that a client does.
#[derive(Debug, Serialize, Deserialize)]
struct Ceiling {
    client: String,
    /// All of them, those of the warm-up included.
    requests: f64,
    requests_per_second: f64,
    /// CPU time of a request, with all that belongs to it but the server.
    cpu_microseconds_per_request: f64,
    /// CPU time that the server took for it; 0 when that is another process.
    server_cpu_microseconds_per_request: f64,
}

/// Due → sent at a rate.
#[derive(Debug, Serialize, Deserialize)]
struct Delay {
    timer: String,
    percent_of_ceiling: f64,
    due_per_second: f64,
    completed_per_second: f64,
    dropped: u64,
    dispatch_delay_p50_microseconds: f64,
    dispatch_delay_p99_microseconds: f64,
    dispatch_delay_p99_9_microseconds: f64,
    /// Of the thread that fires, as a share of a core; absent when it took less than a second.
    cpu_percent: Option<f64>,
}

pub(super) fn bench(arguments: &BenchArguments) -> anyhow::Result<Exit> {
    let runtime = super::runtime()?;
    if let Some(port) = arguments.serve {
        runtime.block_on(serve::until_stopped(port))?;
        return Ok(Exit::Pass);
    }
    let bench = runtime.block_on(measure(arguments))?;
    let document = serde_json::to_string_pretty(&bench)?;
    if arguments.json {
        super::print(&document)?;
    } else {
        super::print(bench.render().trim_end())?;
    }
    if arguments.only.is_none() {
        if let Some(folder) = arguments.out.parent() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        store::replace_file(&arguments.out, document.as_bytes())?;
        eprintln!("{}", arguments.out.display());
    }
    Ok(Exit::Pass)
}

async fn measure(arguments: &BenchArguments) -> anyhow::Result<Bench> {
    let server = match &arguments.endpoint {
        None => Some(InstantServer::start(0).context("cannot start the server")?),
        Some(_) => None,
    };
    let own = server.as_ref().map(InstantServer::endpoint);
    let endpoint = arguments.endpoint.clone().or(own).unwrap_or_default();
    let parts = match (arguments.only, arguments.timers) {
        (Some(_), _) => 1,
        (None, false) => 2 + SHARES.len(),
        (None, true) => 2 + (RATES.len() + 1) * TimerKind::ALL.len(),
    };
    let whole = Duration::from_secs(arguments.seconds.into());
    let part = whole / u32::try_from(parts).unwrap_or(1);
    let saturating = measure::saturating(part, arguments.mix)?;
    let sdk = SdkTarget::connect(&endpoint, &saturating.client).await?;
    let wire = WireTarget::beside(&sdk, measure::TABLE).await?;
    let (sdk, wire) = (Fired::new("sdk", sdk), Fired::new("wire", wire));
    let mut bench = Bench {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: stored::host(),
        measured_at: Timestamp::now().to_string(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        clients: Vec::new(),
        schedule: Vec::new(),
    };
    let only = arguments.only.map(super::firing::Client::name);
    if only.is_none_or(|only| only == wire.name) {
        let ceiling = measure::ceiling(&wire, &saturating, server.as_ref()).await?;
        bench.clients.push(ceiling);
    }
    if only.is_none_or(|only| only == sdk.name) {
        let ceiling = measure::ceiling(&sdk, &saturating, server.as_ref()).await?;
        bench.clients.push(ceiling);
    }
    if only.is_some() {
        return Ok(bench);
    }
    let ceiling = bench.clients[0].requests_per_second;
    let share = |percent: u32| ceiling * f64::from(percent) / 100.0;
    let mut rates: Vec<(TimerKind, f64)> = Vec::new();
    if arguments.timers {
        for timer in TimerKind::ALL {
            rates.extend(RATES.map(|rate| (*timer, rate)));
            rates.push((*timer, share(50)));
        }
    } else {
        rates.extend(SHARES.map(|percent| (TimerKind::default(), share(percent))));
    }
    for (timer, rate) in rates {
        let mut delay = measure::delay(&wire, timer, rate.max(1.0).round(), part).await?;
        delay.percent_of_ceiling = delay.due_per_second / ceiling * 100.0;
        bench.schedule.push(delay);
    }
    Ok(bench)
}

impl Bench {
    fn render(&self) -> String {
        let us = |micros: f64| format!("{} µs", format::number(micros));
        let mut text = format!(
            "dynamometer {} on {}, 1 KB items, against a server on one thread that answers at \
             once\n\nclient   requests/s   CPU/request   server's\n",
            self.version, self.host
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
        if self.schedule.is_empty() {
            return text;
        }
        text.push_str(
            "\ntimer   ceiling    due/s   done/s   late p50      p99    p99.9   a core  dropped\n",
        );
        for one in &self.schedule {
            let row = format!(
                "{:<8} {:>4.0} % {:>8} {:>8} {:>10} {:>8} {:>8} {:>8} {:>8}\n",
                one.timer,
                one.percent_of_ceiling,
                format::number(one.due_per_second),
                format::number(one.completed_per_second),
                us(one.dispatch_delay_p50_microseconds),
                us(one.dispatch_delay_p99_microseconds),
                us(one.dispatch_delay_p99_9_microseconds),
                one.cpu_percent
                    .map_or_else(|| "–".to_owned(), |share| format!("{share:.0} %")),
                format::count(one.dropped),
            );
            text.push_str(&row);
        }
        text
    }
}
