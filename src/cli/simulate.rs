//! `dyno simulate`: the same scenario, the same report, in virtual time.

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use super::{
    Exit,
    output::{MarkdownTo, Output},
    parallel::AllCores,
    scenario::{self, Loaded},
    shard::{ShardArguments, suffix},
};
use crate::{
    analysis::{
        Analysis,
        seeds::{SeedStudy, StudyId, StudyPart},
        workers::Workers as _,
    },
    record::RunRecord,
    scenario::Scenario,
    schedule::shard::Shard,
    seed::Seed,
    simulation::{
        SimulationError, SimulationOptions, aggregate, header, simulate as simulate_scenario,
    },
};

#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    /// Scenario file.
    scenario: PathBuf,
    /// Another seed than the scenario's.
    #[arg(long)]
    seed: Option<u64>,
    /// Simulate with this many seeds in a row, the scenario's the first, on all cores; print
    /// the median and the 10–90 % range of each figure.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    seeds: Option<u64>,
    /// Simulate by partition and second instead of request by request: for hours of millions of
    /// requests per second. The default from 500 million requests, where the scenario allows
    /// it. Says nothing of response times.
    #[arg(long, conflicts_with_all = ["shard", "seeds"])]
    aggregate: bool,
    #[command(flatten)]
    shard: ShardArguments,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    markdown: MarkdownTo,
    /// Write no files.
    #[arg(long, conflicts_with = "out")]
    no_files: bool,
}

pub(super) fn simulate(arguments: &SimulateArguments) -> anyhow::Result<Exit> {
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
    let open_folder = |kind: &str| {
        let wanted = !arguments.no_files;
        wanted
            .then(|| {
                arguments
                    .output
                    .folder(&scenario.name, &(kind.to_owned() + &suffix(shard)))
            })
            .transpose()
    };
    if let Some(seeds) = arguments.seeds {
        let study = study(&scenario, &source, seeds, shard)?;
        return arguments.output.printed.publish_study(
            &scenario.name,
            &study,
            open_folder("-seeds")?.as_ref(),
        );
    }
    let folder = open_folder("-simulated")?;
    let scenario = Arc::new(scenario);
    let record = if arguments.aggregate || (shard.is_none() && goes_by_second(&scenario)) {
        let record = in_aggregate(&scenario, source)?;
        eprintln!("note: {}", aggregate::NOTE);
        record
    } else {
        record(&scenario, shard, source)?
    };
    arguments
        .output
        .printed
        .publish(&scenario, &record, folder.as_ref(), &arguments.markdown)
}

/// The scenario with `count` seeds in a row, or those of them that are the shard's.
fn study(
    scenario: &Scenario,
    source: &str,
    count: u64,
    shard: Option<Shard>,
) -> Result<SeedStudy, SimulationError> {
    let seeds = scenario.seed.row(count).zip(0..);
    let ours = |number| shard.is_none_or(|shard| shard.takes(number));
    let seeds: Vec<Seed> = seeds
        .filter_map(|(seed, number)| ours(number).then_some(seed))
        .collect();
    let run = |number: usize| {
        let scenario = Arc::new(scenario.with_seed(seeds[number]));
        let record = record(&scenario, None, source.to_owned())?;
        Ok((seeds[number], Analysis::of(&record, &scenario)))
    };
    let workers = AllCores::work_for(&format!("simulate {}", scenario.name));
    workers.at("seeds");
    let runs: Vec<_> = workers
        .map(seeds.len(), run)
        .into_iter()
        .collect::<Result<_, _>>()?;
    Ok(SeedStudy {
        part: shard.map(|shard| StudyPart {
            shard,
            study: StudyId {
                scenario: scenario.name.clone(),
                fingerprint: scenario.fingerprint(),
                tool_version: env!("CARGO_PKG_VERSION").to_owned(),
                seeds: count,
            },
        }),
        ..SeedStudy::of(runs)
    })
}

/// Whether so many requests are due that they had better not be looked at one by one, and need
/// not be.
fn goes_by_second(scenario: &Scenario) -> bool {
    aggregate::suits(scenario).unwrap_or_else(|why| {
        eprintln!("note: this takes minutes: {why}");
        false
    })
}

fn in_aggregate(scenario: &Arc<Scenario>, source: String) -> Result<RunRecord, SimulationError> {
    let options = SimulationOptions::default();
    let header = header(scenario, source, env!("CARGO_PKG_VERSION"), &options);
    aggregate::simulate(scenario, header)
}

/// One simulation with the assumptions that this command makes.
pub(super) fn record(
    scenario: &Arc<Scenario>,
    shard: Option<Shard>,
    source: String,
) -> Result<RunRecord, SimulationError> {
    let options = SimulationOptions {
        shard,
        ..SimulationOptions::default()
    };
    let header = header(scenario, source, env!("CARGO_PKG_VERSION"), &options);
    simulate_scenario(scenario, header, &options)
}
