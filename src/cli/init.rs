//! `dyno init`: a commented scenario to start from.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser},
};

use super::Exit;
use crate::scenario::{
    schema,
    template::{self, Template},
};

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The file to write; one that exists is never overwritten.
    #[arg(default_value = "scenario.toml")]
    file: PathBuf,
    /// What the scenario asks.
    #[arg(long, value_parser = templates(), default_value = template::ALL[0].name)]
    template: String,
}

fn templates() -> PossibleValuesParser {
    let value = |template: Template| PossibleValue::new(template.name).help(template.doc);
    PossibleValuesParser::new(template::ALL.map(value))
}

pub(super) fn init(arguments: &InitArguments) -> anyhow::Result<Exit> {
    let template = template::find(&arguments.template).context("no such template")?;
    let shown = arguments.file.display();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&arguments.file)
        .with_context(|| format!("cannot create {shown}"))?;
    file.write_all(template.text.as_bytes())
        .with_context(|| format!("cannot write {shown}"))?;
    write_schema(&arguments.file)?;
    super::print(&format!("wrote {shown}; next: dyno explain {shown}"))?;
    Ok(Exit::Pass)
}

/// The schema that the first line of every template names, beside it; one that is there stays.
fn write_schema(scenario: &Path) -> anyhow::Result<()> {
    let path = scenario.with_file_name(schema::FILE_NAME);
    let shown = path.display();
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot create {shown}")),
        Ok(mut file) => file
            .write_all(schema::document().as_bytes())
            .with_context(|| format!("cannot write {shown}")),
    }
}
