//! `dyno simulate`: the same scenario, the same report, in virtual time.

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use super::{
    Exit,
    output::Output,
    scenario::{self, Loaded},
};
use crate::{
    seed::Seed,
    simulation::{SimulationOptions, header, simulate as simulate_scenario},
};

#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    /// Scenario file.
    scenario: PathBuf,
    /// Another seed than the scenario's.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    output: Output,
    /// Write no files.
    #[arg(long, conflicts_with = "out")]
    no_files: bool,
}

pub(super) fn simulate(arguments: &SimulateArguments) -> anyhow::Result<Exit> {
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
    let scenario = Arc::new(scenario);
    let options = SimulationOptions::default();
    let header = header(&scenario, source, env!("CARGO_PKG_VERSION"), &options);
    let record = simulate_scenario(&scenario, header, &options)?;
    let folder = if arguments.no_files {
        None
    } else {
        Some(arguments.output.folder(&scenario.name, "-simulated")?)
    };
    arguments
        .output
        .publish(&scenario, &record, folder.as_ref())
}
