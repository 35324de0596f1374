//! `dyno schema`: the JSON Schemas that editors and programs use.

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::Exit;
use crate::{report::json, scenario::schema as scenario_schema};

#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// What to describe.
    of: Subject,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Subject {
    /// Scenario files.
    Scenario,
    /// results.json.
    Results,
}

pub(super) fn schema(arguments: &SchemaArguments) -> anyhow::Result<Exit> {
    let schema = match arguments.of {
        Subject::Scenario => scenario_schema::json_schema(),
        Subject::Results => json::schema(),
    };
    super::print(&serde_json::to_string_pretty(&schema).context("a schema is plain JSON")?)?;
    Ok(Exit::Pass)
}
