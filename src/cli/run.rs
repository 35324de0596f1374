//! `dyno run`: one scenario, real requests, one report.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    Exit,
    bench::stored,
    firing::FiringArguments,
    journal::{self, Journal},
    live::{Live, LiveArguments},
    nightly,
    output::{self, MarkdownTo, Output},
    scenario::{self, Loaded},
    shard::{ShardArguments, suffix},
    shelf::FileShelf,
    signals::{self, Stop},
    simulate,
    start::StartArguments,
    world::{Place, Prepared, World},
};
use crate::{
    driver::{Hooks, Progress, RunPlan},
    progress::{self, Style},
    record::{
        Provenance, RunRecord,
        model::TableTotals,
        recorder::{Recorder, RunHeader},
        shard::Part,
    },
    scenario::Scenario,
    schedule::shard::Shard,
    seed::Seed,
    simulation::naming,
    store::RunFolder,
    units::{TimeScale, nanos_of},
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
    #[command(flatten)]
    live: LiveArguments,
    /// Another seed than the scenario's.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    firing: FiringArguments,
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
    /// Let the run's time pass so many times as fast as the clock: with 60, an hour of the
    /// scenario takes a minute, and a burst of 300 s is over in 5 s. Arrivals, retries, buckets
    /// and auto scaling keep to the run's time, as all numbers do, so that units and throttles are
    /// those of the scenario; what answers take counts 60-fold. An attempt's timeout and the
    /// allowance for a late generator stay those of the clock. For the embedded emulator, or for
    /// `dyno emulate` with the same factor.
    #[arg(long, value_name = "FACTOR", default_value_t, conflicts_with = "live")]
    time_scale: TimeScale,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    markdown: MarkdownTo,
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
    /// Writes the files and prints the summary.
    fn publish(
        &self,
        scenario: &Arc<Scenario>,
        measured: Measured,
        folder: &RunFolder,
    ) -> anyhow::Result<Exit> {
        let Measured {
            mut record,
            journal,
        } = measured;
        record.model = self.with_model.totals(scenario, &record);
        let printed = &self.output.printed;
        let exit = printed.publish(scenario, &record, Some(folder), &self.markdown);
        journal.finish(folder.holds(output::RESULTS));
        exit
    }

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
    arguments.markdown.check()?;
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
    // Refused before anything is made.
    arguments.firing.threads(&scenario, arguments.time_scale)?;
    check_scale(arguments.time_scale, &scenario)?;
    let lasting = scenario.phases.iter().map(|phase| phase.duration).sum();
    let lasting = arguments.time_scale.real(lasting);
    arguments.start.check(Timestamp::now(), lasting)?;
    let runtime = super::runtime()?;
    let exit = runtime.block_on(session(arguments, shard, Arc::new(scenario), source));
    // Connections of a server that hangs must not keep the process.
    runtime.shutdown_background();
    exit
}

/// What cannot be fired at another speed than that of the clock.
fn check_scale(scale: TimeScale, scenario: &Scenario) -> anyhow::Result<()> {
    let mut phases = scenario.phases.iter();
    let closed = phases.find(|phase| phase.arrivals.is_closed() && !scale.is_real());
    if let Some(phase) = closed {
        anyhow::bail!(
            "--time-scale {scale}: phase {} is closed, and its load follows answers, which take \
             their own time\n  help: give the phase a rate, or leave --time-scale out",
            phase.name
        );
    }
    Ok(())
}

/// A run that is over, and the journal that stands for it until its files are written.
struct Measured {
    record: RunRecord,
    journal: Journal,
}

/// The whole of a run: world, folder, load, timed phases, files, summary.
async fn session(
    arguments: &RunArguments,
    shard: Option<Shard>,
    scenario: Arc<Scenario>,
    source: String,
) -> anyhow::Result<Exit> {
    let stop = signals::stop_on_first().context("cannot listen for signals")?;
    let place = match (
        arguments.live.agree(&scenario, shard).await?,
        &arguments.endpoint,
    ) {
        (Some(live), _) => Place::Live(Box::new(live)),
        (None, Some(url)) => Place::Endpoint(url.clone()),
        (None, None) => Place::Emulator,
    };
    let mut world = World::open(place, shard, arguments.time_scale, &scenario).await?;
    if let Some(left) = world.left_if_stopped() {
        stop.at_second_say(left);
    }
    // Before the load: a full or read-only disk should not cost anybody a run.
    let folder = arguments.output.folder(&scenario.name, &suffix(shard))?;
    let measured = measure(
        arguments, shard, &scenario, source, &mut world, &folder, stop,
    );
    let exit = match measured.await {
        Ok(Some(measured)) => {
            // Before tables are deleted, which a server may make a long wait.
            let exit = arguments.publish(&scenario, measured, &folder);
            world.wait_for_others(&scenario).await;
            exit
        }
        nothing => {
            folder.discard_if_empty();
            nothing.map(|_| {
                eprintln!("interrupted before the first request: nothing was measured");
                Exit::Interrupted
            })
        }
    };
    let cleaned = world.close().await;
    match (exit, cleaned) {
        (Err(error), Err(left)) => Err(error.context(left)),
        (Ok(_), Err(left)) => Err(left),
        (exit, Ok(())) => exit,
    }
}

/// Loads the tables and runs the timed phases; `None` when interrupted before these.
async fn measure(
    arguments: &RunArguments,
    shard: Option<Shard>,
    scenario: &Arc<Scenario>,
    source: String,
    world: &mut World,
    folder: &RunFolder,
    mut stop: Stop,
) -> anyhow::Result<Option<Measured>> {
    let workload = Workload::new(Arc::clone(scenario));
    let style = arguments.style();
    // Before the clock starts: it asks git.
    let commit = nightly::commit();
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
        late_nanos: start.map_or(0, |start| nanos_of(start.late)),
        ..Part::of(shard)
    });
    let started_at = start.map_or_else(Timestamp::now, |start| start.at);
    let header = RunHeader {
        scenario_source: source,
        provenance: Provenance {
            commit,
            part,
            ..provenance(arguments, scenario, world, &prepared, started_at)
        },
        governed: world.is_governed(),
    };
    let head = Recorder::new(scenario, header.clone()).into_record();
    let shelf = FileShelf::new(folder)?;
    let (journal, entries) = Journal::start(folder, &head)?;
    stop.at_second_say(journal::said(folder.path()));
    let (sender, receiver) = watch::channel(Progress::default());
    let name = scenario.name.clone();
    let display = tokio::spawn(async move { progress::show(style, &name, receiver).await });
    let budget = world.live().map(Live::budget);
    let hooks = Hooks {
        progress: (style != Style::Off).then_some(sender),
        begin: world.begin(),
        capacity: world.capacity_probe(scenario),
        journal: Some(entries),
        shelf: Some(Box::new(shelf)),
        stop: Some(Box::pin(async move {
            match budget {
                None => stop.wait().await,
                Some(budget) => tokio::select! {
                    () = stop.wait() => {}
                    () = budget.reached() => {}
                },
            }
        })),
    };
    let plan = RunPlan {
        workload: workload.clone(),
        header,
        start: start.map(|start| start.instant),
        threads: arguments.firing.threads(scenario, arguments.time_scale)?,
        timer: arguments.firing.timer(),
    };
    let mut record = world.fire(arguments.firing.client, plan, hooks).await?;
    display.await.context("the progress display failed")?;
    if let Some(generator) = &mut record.generator {
        let client = arguments.firing.client.name();
        generator.ceiling = stored::ceiling(arguments.output.runs(), client);
    }
    record.heat = world.heat(scenario).await;
    naming::name_keys(&workload, &mut record.heat);
    Ok(Some(Measured { record, journal }))
}

fn provenance(
    arguments: &RunArguments,
    scenario: &Scenario,
    world: &World,
    prepared: &Prepared,
    started_at: Timestamp,
) -> Provenance {
    Provenance {
        items_loaded: prepared.items,
        load_seconds: prepared.took.as_secs_f64(),
        client: Some(arguments.firing.client.name().to_owned()),
        time_scale: arguments.time_scale,
        ..Provenance::of(scenario, world.name(), started_at.to_string())
    }
}
