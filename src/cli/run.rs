//! `dyno run`: one scenario, real requests, one report.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    Exit,
    output::Output,
    scenario::{self, Loaded},
    shard::{ShardArguments, suffix},
    signals::{self, Stop},
    simulate,
    start::StartArguments,
    world::{Prepared, World},
};
use crate::{
    driver::{self, Hooks, Progress, RunPlan},
    progress::{self, Style},
    record::{Provenance, RunRecord, model::TableTotals, recorder::RunHeader, shard::Part},
    scenario::Scenario,
    schedule::shard::Shard,
    seed::Seed,
    simulation::naming,
    workload::Workload,
};

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Scenario file.
    scenario: PathBuf,
    /// Fire at this DynamoDB-compatible server instead of the embedded emulator, for example
    /// <http://127.0.0.1:8000>. Its tables are created, and deleted afterwards.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Fire at a table on AWS. Refused in this version.
    #[arg(long, value_name = "TABLE")]
    live: Option<String>,
    /// Another seed than the scenario's.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    shard: ShardArguments,
    #[command(flatten)]
    start: StartArguments,
    /// Also simulate the scenario, and lay what the model says beside what was measured. `auto`:
    /// if that takes about a second at most, and not for a closed model, whose load depends on
    /// how fast the answers are.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, num_args = 0..=1,
          default_missing_value = "always", require_equals = true)]
    with_model: WithModel,
    #[command(flatten)]
    output: Output,
    /// How to show progress, on stderr.
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    progress: ProgressMode,
    /// No progress; errors only.
    #[arg(long, short, conflicts_with = "progress")]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ProgressMode {
    /// In place on a terminal, plain elsewhere.
    Auto,
    /// A line now and then.
    Plain,
    /// A line of JSON each second.
    Json,
    /// None.
    Off,
}

/// Whether a run is simulated as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum WithModel {
    /// Where it costs next to nothing.
    #[default]
    Auto,
    /// However long it takes.
    Always,
    /// No.
    Never,
}

/// Arrivals that are simulated in about a second.
const MODEL_ARRIVALS_AUTO: u64 = 500_000;

impl WithModel {
    /// What the model says of each table; nothing where it is not asked, or has nothing to say.
    fn totals(self, scenario: &Arc<Scenario>, record: &RunRecord) -> Vec<TableTotals> {
        let is_closed = scenario
            .phases
            .iter()
            .any(|phase| phase.arrivals.is_closed());
        let arrivals: u64 = record.phases.iter().map(|phase| phase.arrivals).sum();
        let is_whole = !record.provenance.interrupted && record.provenance.part.is_none();
        let is_wanted = match self {
            Self::Auto => !is_closed && arrivals <= MODEL_ARRIVALS_AUTO,
            Self::Always => true,
            Self::Never => false,
        };
        if !(is_wanted && is_whole) {
            return Vec::new();
        }
        match simulate::record(scenario, None, String::new()) {
            Ok(record) => TableTotals::of(&record),
            Err(error) => {
                eprintln!("note: the run has no model beside it: {error}");
                Vec::new()
            }
        }
    }
}

impl RunArguments {
    fn style(&self) -> Style {
        match self.progress {
            _ if self.quiet => Style::Off,
            ProgressMode::Auto => Style::detect(),
            ProgressMode::Plain => Style::Plain,
            ProgressMode::Json => Style::Json,
            ProgressMode::Off => Style::Off,
        }
    }
}

pub(super) fn run(arguments: &RunArguments) -> anyhow::Result<Exit> {
    if arguments.live.is_some() {
        bail!(
            "--live: firing at a table on AWS is not supported yet\n  \
             help: leave it out for the embedded emulator, or use --endpoint URL"
        );
    }
    let Some(Loaded {
        mut scenario,
        source,
    }) = scenario::load(&arguments.scenario)?
    else {
        return Ok(Exit::Usage);
    };
    if let Some(seed) = arguments.seed {
        scenario.seed = Seed(seed);
    }
    let shard = arguments.shard.detect()?;
    let runtime = super::runtime()?;
    let exit = runtime.block_on(session(arguments, shard, Arc::new(scenario), source));
    // Connections of a server that hangs must not keep the process.
    runtime.shutdown_background();
    exit
}

/// The whole of a run: world, folder, load, timed phases, files, summary.
async fn session(
    arguments: &RunArguments,
    shard: Option<Shard>,
    scenario: Arc<Scenario>,
    source: String,
) -> anyhow::Result<Exit> {
    let stop = signals::stop_on_first().context("cannot listen for signals")?;
    let mut world = World::open(arguments.endpoint.as_deref(), shard, &scenario).await?;
    // Before the load: a full or read-only disk should not cost anybody a run.
    let folder = arguments.output.folder(&scenario.name, &suffix(shard))?;
    let measured = measure(arguments, shard, &scenario, source, &mut world, stop).await;
    if let Ok(Some(_)) = measured {
        world.wait_for_others(&scenario).await;
    }
    let cleaned = world.close().await;
    let mut record = match measured {
        Ok(Some(record)) => record,
        nothing => {
            folder.discard_if_empty();
            cleaned?;
            nothing?;
            eprintln!("interrupted before the first request: nothing was measured");
            return Ok(Exit::Interrupted);
        }
    };
    record.model = arguments.with_model.totals(&scenario, &record);
    let exit = arguments
        .output
        .printed
        .publish(&scenario, &record, Some(&folder));
    cleaned?;
    exit
}

/// Loads the tables and runs the timed phases; `None` when interrupted before these.
async fn measure(
    arguments: &RunArguments,
    shard: Option<Shard>,
    scenario: &Arc<Scenario>,
    source: String,
    world: &mut World,
    mut stop: Stop,
) -> anyhow::Result<Option<RunRecord>> {
    let workload = Workload::new(Arc::clone(scenario));
    let style = arguments.style();
    let prepared = tokio::select! {
        prepared = world.prepare(scenario, &workload, style) => prepared?,
        () = stop.wait() => return Ok(None),
    };
    let ready = async {
        let clock = match shard {
            Some(_) => world.clock_offset(scenario).await,
            None => None,
        };
        Ok::<_, anyhow::Error>((clock, arguments.start.wait(shard.is_some()).await?))
    };
    let (clock, start) = tokio::select! {
        ready = ready => ready?,
        () = stop.wait() => return Ok(None),
    };
    let part = shard.map(|shard| Part {
        clock,
        late_nanos: start.map_or(0, |start| nanos(start.late)),
        ..Part::of(shard)
    });
    let started_at = start.map_or_else(Timestamp::now, |start| start.at);
    let header = RunHeader {
        scenario_source: source,
        provenance: Provenance {
            part,
            ..provenance(scenario, world, &prepared, started_at)
        },
        governed: world.is_governed(),
    };
    let (sender, receiver) = watch::channel(Progress::default());
    let name = scenario.name.clone();
    let display = tokio::spawn(async move { progress::show(style, &name, receiver).await });
    let hooks = Hooks {
        progress: (style != Style::Off).then_some(sender),
        capacity: world.capacity_probe(scenario),
        stop: Some(Box::pin(async move { stop.wait().await })),
    };
    let plan = RunPlan {
        workload: workload.clone(),
        header,
        start: start.map(|start| start.instant),
    };
    let mut record = driver::run(plan, world.target(), hooks).await?;
    display.await.context("the progress display failed")?;
    record.heat = world.heat(scenario).await;
    naming::name_keys(&workload, &mut record.heat);
    Ok(Some(record))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn provenance(
    scenario: &Scenario,
    world: &World,
    prepared: &Prepared,
    started_at: Timestamp,
) -> Provenance {
    Provenance {
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: scenario.name.clone(),
        fingerprint: scenario.fingerprint(),
        seed: scenario.seed,
        target: world.name(),
        started_at: started_at.to_string(),
        items_loaded: prepared.items,
        load_seconds: prepared.took.as_secs_f64(),
        interrupted: false,
        part: None,
        model_overrides: scenario.model.overrides(),
    }
}
