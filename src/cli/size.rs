//! `dyno size`: how much to provision, in which mode, for how much.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;

use super::{
    Exit,
    output::{Output, Printed},
    parallel::AllCores,
    scenario::{self, Loaded},
    shard::{ShardArguments, suffix},
    simulate,
    trial::{self, Trials},
};
use crate::{
    analysis::{
        cloudwatch,
        expectation::REGION,
        seeds::{StudyId, StudyPart},
        sizing::{
            self, SEEDS_MIN, Sizing, SizingOptions,
            search::Target,
            sweep::{self, SizingPart},
            verify::{self, Finding},
        },
        workers::Workers,
    },
    price::PriceTable,
    report::{sizing as report, usage},
    scenario::Scenario,
    schedule::shard::Shard,
    seed::Seed,
    simulation::trace::{Trace, TraceError},
    store::{self, RunFolder},
    units::ByDirection,
    workload::Workload,
};

/// A price table has a few thousand lines.
const PRICES_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Two weeks of minutes of four metrics have some megabytes.
const CLOUDWATCH_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// What the file with a shard's part of a search is called.
pub(super) const PART: &str = "sizing-part.json";
/// How long a recommendation is fired, unless told otherwise.
const VERIFIED_WITHIN: Duration = Duration::from_mins(1);

#[derive(Debug, Args)]
pub(super) struct SizeArguments {
    /// Scenario file.
    #[arg(required_unless_present = "from_cloudwatch")]
    scenario: Option<PathBuf>,
    /// Size what a real table uses instead: the JSON of `aws cloudwatch get-metric-data` or
    /// `get-metric-statistics` with its consumed and provisioned units.
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    from_cloudwatch: Option<PathBuf>,
    /// How far peaks within a period of CloudWatch lie above its mean.
    #[arg(
        long,
        value_name = "RATIO",
        default_value_t = 1.0,
        requires = "from_cloudwatch"
    )]
    peak_to_mean: f64,
    /// Requests of each table and direction that may be throttled, as `0.1%`; `NAME=SHARE` for
    /// one operation. May be repeated.
    #[arg(long, value_name = "[OPERATION=]SHARE", default_value = "0.1%")]
    max_throttled: Vec<String>,
    /// Seeds to simulate with, the scenario's the first.
    #[arg(long, value_name = "N", default_value_t = SEEDS_MIN as u64,
          value_parser = clap::value_parser!(u64).range(SEEDS_MIN as u64..=1_000))]
    seeds: u64,
    /// Another first seed than the scenario's.
    #[arg(long)]
    seed: Option<u64>,
    /// Utilisation that auto scaling aims at, 20–90 %.
    #[arg(long, value_name = "SHARE", default_value = "70%")]
    target_utilisation: String,
    /// The most that an on-demand table is to serve, units per second: reads and writes.
    #[arg(long, value_name = "READ,WRITE", value_parser = maximum)]
    on_demand_max: Option<ByDirection<u64>>,
    /// AWS Region whose prices count.
    #[arg(long, default_value = REGION)]
    region: String,
    /// Prices of your own: a JSON file of the form of the built-in table.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Take off the free tier (25 RCU, 25 WCU, 25 GB).
    #[arg(long)]
    free_tier: bool,
    /// Also fire what is recommended at the embedded emulator, with real requests, and lay what
    /// was measured beside what was predicted. Exit code 1 when the target is missed.
    #[arg(long, conflicts_with = "from_cloudwatch")]
    verify: bool,
    #[command(flatten)]
    shard: ShardArguments,
    /// Fire for so long at most, warm-up included: the scenario's phases are shortened alike, and
    /// keep their rates. A minute unless said.
    #[arg(long, value_name = "TIME", requires = "verify", value_parser = trial::length)]
    duration: Option<Duration>,
    #[command(flatten)]
    output: Output,
    /// Write no files.
    #[arg(long, conflicts_with = "out")]
    no_files: bool,
}

pub(super) fn size(arguments: &SizeArguments) -> anyhow::Result<Exit> {
    if let Some(file) = &arguments.from_cloudwatch {
        return from_cloudwatch(arguments, file);
    }
    let file = arguments
        .scenario
        .as_ref()
        .context("name a scenario, or --from-cloudwatch FILE")?;
    let Some(Loaded { mut scenario, .. }) = scenario::load(file)? else {
        return Ok(Exit::Usage);
    };
    if let Some(seed) = arguments.seed {
        scenario.seed = Seed(seed);
    }
    let options = options(arguments, &scenario)?;
    let shard = arguments.shard.detect()?.filter(|shard| shard.count() > 1);
    if shard.is_some() && (arguments.verify || arguments.no_files) {
        bail!(
            "{}: a shard makes a part of the search, for `dyno merge`\n  help: leave out --shard, \
             or say --shard none to search here alone",
            if arguments.verify {
                "--verify"
            } else {
                "--no-files"
            }
        );
    }
    let workers = AllCores::work_for(&format!("size {}", scenario.name));
    let seeds: Vec<Seed> = scenario.seed.row(arguments.seeds).collect();
    let traces = traces(&scenario, &seeds, &workers)?;
    if let Some(shard) = shard {
        let part = part(shard, &traces, &options, &workers);
        drop(workers);
        let folder = arguments
            .output
            .folder(&scenario.name, &format!("-sized{}", suffix(Some(shard))))?;
        let (printed, document) = (
            &arguments.output.printed,
            serde_json::to_string_pretty(&part)?,
        );
        if printed.json {
            super::print(&document)?;
        }
        let path = folder.write(PART, document.as_bytes())?;
        printed.say_where(&path)?;
        return Ok(Exit::Pass);
    }
    let mut sizing = sizing::size(&traces, &options, &workers)?;
    drop(workers);
    if arguments.verify && !verify(arguments, &scenario, &mut sizing, &options, &traces[0])? {
        return Ok(Exit::Interrupted);
    }
    let folder = (!arguments.no_files).then(|| arguments.output.folder(&sizing.scenario, "-sized"));
    let folder = folder.transpose()?;
    publish(
        &arguments.output.printed,
        &sizing,
        &options,
        folder.as_ref(),
    )?;
    Ok(exit(&sizing))
}

/// The shard's pieces of the search.
fn part(
    shard: Shard,
    traces: &[Trace],
    options: &SizingOptions,
    workers: &impl Workers,
) -> SizingPart {
    let search = sizing::search(traces, options, shard, workers);
    let basis = &search.basis;
    let pieces = sweep::pieces(basis).len();
    eprintln!(
        "note: this is shard {shard}, with {} of {pieces} pieces of the search; `dyno merge` makes \
         the answer of all",
        search.found.len()
    );
    let study = StudyId {
        scenario: basis.scenario.clone(),
        fingerprint: basis.fingerprint.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        seeds: traces.len() as u64,
    };
    SizingPart {
        of: StudyPart { shard, study },
        search,
    }
}

/// The answer that the parts of a search make together.
pub(super) fn merge(
    parts: Vec<SizingPart>,
    printed: &Printed,
    output: &Path,
) -> anyhow::Result<Exit> {
    let search = sweep::merged(parts).context("cannot merge")?;
    let sizing = sizing::concluded(&search)?;
    let folder = RunFolder::create_at(output)?;
    publish(printed, &sizing, &search.options, Some(&folder))?;
    Ok(exit(&sizing))
}

fn exit(sizing: &Sizing) -> Exit {
    match sizing
        .verification
        .as_ref()
        .map(|verified| &verified.finding)
    {
        Some(Finding::Met) => Exit::Pass,
        Some(Finding::Invalid { .. }) => Exit::Invalid,
        Some(Finding::Interrupted) => Exit::Interrupted,
        None if sizing.offers.iter().any(|offer| offer.meets_target) => Exit::Pass,
        Some(Finding::Missed) | None => Exit::Finding,
    }
}

/// Fires what is recommended, and notes what became of it; `false` when it was interrupted
/// before there was anything to note.
fn verify(
    arguments: &SizeArguments,
    scenario: &Scenario,
    sizing: &mut Sizing,
    options: &SizingOptions,
    trace: &Trace,
) -> anyhow::Result<bool> {
    let Some(offer) = sizing.recommended() else {
        eprintln!("note: nothing is recommended, so that there is nothing to verify");
        return Ok(true);
    };
    let mode = offer.mode;
    let offered = verify::as_offered(scenario, sizing, offer, options);
    let limit = arguments.duration.unwrap_or(VERIFIED_WITHIN);
    trial::say_shortened(&offered, limit);
    let offered = Arc::new(trial::of(offered, limit));
    let label = format!("{} {}", scenario.name, mode.name());
    let Some(measured) = Trials::begin()?.fire(&label, &offered, |wire| wire)? else {
        return Ok(false);
    };
    let predicted = simulate::record(&offered, None, String::new())?;
    sizing.verification = Some(verify::verification(
        mode, &offered, options, trace, &predicted, &measured,
    ));
    Ok(true)
}

fn publish(
    printed: &Printed,
    sizing: &Sizing,
    options: &SizingOptions,
    folder: Option<&RunFolder>,
) -> anyhow::Result<()> {
    let document = serde_json::to_string_pretty(sizing)?;
    if printed.json {
        super::print(&document)?;
    } else {
        super::print(report::render(sizing).trim_end())?;
    }
    let Some(folder) = folder else {
        return Ok(());
    };
    let page = report::page::render(sizing, &options.prices)?;
    for (name, content) in [("sizing.html", &page), ("sizing.json", &document)] {
        let path = folder.write(name, content.as_bytes())?;
        printed.say_where(&path)?;
    }
    Ok(())
}

/// What `scenario` asks for with each of `seeds`.
pub(super) fn traces(
    scenario: &Scenario,
    seeds: &[Seed],
    workers: &impl Workers,
) -> Result<Vec<Trace>, TraceError> {
    workers.at("requests of each seed");
    let record = |number: usize| {
        let scenario = scenario.with_seed(seeds[number]);
        Trace::record(&Workload::new(Arc::new(scenario)))
    };
    workers.map(seeds.len(), record).into_iter().collect()
}

/// Sizes what CloudWatch shows of a table.
fn from_cloudwatch(arguments: &SizeArguments, file: &Path) -> anyhow::Result<Exit> {
    if let Some(shard) = (arguments.shard.detect()?).filter(|shard| shard.count() > 1) {
        bail!(
            "--shard {shard}: nothing is searched for with --from-cloudwatch that could be shared \
             out\n  help: leave out --shard, or say --shard none"
        );
    }
    if !(1.0..=60_000.0).contains(&arguments.peak_to_mean) {
        bail!("--peak-to-mean: write a ratio of at least 1");
    }
    let text = store::read_text(file, CLOUDWATCH_BYTES_MAX)?;
    let metrics =
        cloudwatch::read(&text).with_context(|| format!("cannot size from {}", file.display()))?;
    let prices = prices(arguments.prices.as_deref(), &arguments.region)?;
    let sizing = cloudwatch::sizing::size(
        &metrics,
        arguments.peak_to_mean,
        utilisation(arguments)?,
        &arguments.region,
        &prices,
    )?;
    let document = serde_json::to_string_pretty(&sizing)?;
    let printed = &arguments.output.printed;
    if printed.json {
        super::print(&document)?;
    } else {
        super::print(usage::render(&sizing).trim_end())?;
    }
    if !arguments.no_files {
        let title = file
            .file_stem()
            .map_or("CloudWatch".into(), |name| name.to_string_lossy());
        let page = usage::page::render(&title, &sizing, &metrics);
        let folder = arguments.output.folder("cloudwatch", "-sized")?;
        for (name, content) in [("sizing.html", &page), ("sizing.json", &document)] {
            printed.say_where(&folder.write(name, content.as_bytes())?)?;
        }
    }
    Ok(Exit::Pass)
}

/// The prices to count with, built in or of a file, which know the Region.
pub(super) fn prices(file: Option<&Path>, region: &str) -> anyhow::Result<PriceTable> {
    let prices = match file {
        None => PriceTable::embedded().clone(),
        Some(path) => {
            let text = store::read_text(path, PRICES_BYTES_MAX)?;
            PriceTable::parse(&text)
                .with_context(|| format!("{} is no price table", path.display()))?
        }
    };
    let regions = prices.regions();
    if !regions.contains(&region) {
        bail!(
            "--region {region}: no prices for it\n  help: known are {}; --prices FILE brings others",
            regions.join(", ")
        );
    }
    Ok(prices)
}

fn utilisation(arguments: &SizeArguments) -> anyhow::Result<f64> {
    share(&arguments.target_utilisation)
        .filter(|share| (0.2..=0.9).contains(share))
        .with_context(|| {
            let given = &arguments.target_utilisation;
            format!("--target-utilisation {given}: write a share from 20% to 90%")
        })
}

fn options(arguments: &SizeArguments, scenario: &Scenario) -> anyhow::Result<SizingOptions> {
    Ok(SizingOptions {
        target: target(&arguments.max_throttled, scenario)?,
        utilisation: utilisation(arguments)?,
        on_demand_maximum: ByDirection::from_fn(|direction| {
            arguments.on_demand_max.map(|maximum| maximum[direction])
        }),
        region: arguments.region.clone(),
        free_tier: arguments.free_tier,
        prices: prices(arguments.prices.as_deref(), &arguments.region)?,
    })
}

/// Reads `4000,1000`.
fn maximum(text: &str) -> Result<ByDirection<u64>, String> {
    let whole = |text: &str| text.trim().parse().ok().filter(|units| *units > 0);
    let both = text.split_once(',');
    let both = both.and_then(|(read, write)| Some((whole(read)?, whole(write)?)));
    let (read, write) = both.ok_or_else(|| {
        "write the most read and write units per second, both at least 1, as 4000,1000".to_owned()
    })?;
    Ok(ByDirection { read, write })
}

/// Reads `0.1%` and `put=1%`.
pub(super) fn target(given: &[String], scenario: &Scenario) -> anyhow::Result<Target> {
    let mut target = Target {
        overall: 0.001,
        operations: BTreeMap::new(),
    };
    for text in given {
        let (name, value) = match text.rsplit_once('=') {
            Some((name, value)) => (Some(name), value),
            None => (None, text.as_str()),
        };
        let limit = share(value).with_context(|| {
            format!("--max-throttled {text}: write a share from 0% to 100%, as 0.1%")
        })?;
        let Some(name) = name else {
            target.overall = limit;
            continue;
        };
        let names: Vec<&str> = scenario
            .operations
            .iter()
            .map(|o| o.name.as_str())
            .collect();
        let Some(operation) = names.iter().position(|known| *known == name) else {
            bail!(
                "--max-throttled {text}: no operation is called `{name}`\n  help: there are {}",
                names.join(", ")
            );
        };
        target.operations.insert(operation, limit);
    }
    Ok(target)
}

/// `0.1%`, `0.1 %`: a part from 0 to 1.
pub(super) fn share(text: &str) -> Option<f64> {
    let percent: f64 = text.strip_suffix('%')?.trim().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}
