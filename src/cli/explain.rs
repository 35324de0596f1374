//! `dyno explain`: what a scenario comes to, without running it.

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use super::{Exit, scenario};
use crate::{analysis::expectation::expect, report::expectation, workload::Workload};

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// Scenario file.
    scenario: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn explain(arguments: &ExplainArguments) -> anyhow::Result<Exit> {
    let Some(loaded) = scenario::load(&arguments.scenario)? else {
        return Ok(Exit::Usage);
    };
    let expected = expect(&Workload::new(Arc::new(loaded.scenario)))?;
    if arguments.json {
        super::print(&serde_json::to_string_pretty(&expected)?)?;
    } else {
        super::print(expectation::render(&expected).trim_end())?;
    }
    Ok(Exit::Pass)
}
