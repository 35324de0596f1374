//! `dyno init`: a commented scenario to start from.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::Exit;
use crate::scenario::{schema, template};

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// The file to write; one that exists is never overwritten.
    #[arg(default_value = "scenario.toml")]
    file: PathBuf,
    /// What the scenario asks.
    #[arg(long, value_enum, default_value_t = Template::Sizing)]
    template: Template,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Template {
    /// Whether the provisioned capacity is enough.
    Sizing,
    /// Whether a few keys get too much of the traffic.
    Keys,
}

pub(super) fn init(arguments: &InitArguments) -> anyhow::Result<Exit> {
    let text = match arguments.template {
        Template::Sizing => template::SIZING,
        Template::Keys => template::KEYS,
    };
    let shown = arguments.file.display();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&arguments.file)
        .with_context(|| format!("cannot create {shown}"))?;
    file.write_all(text.as_bytes())
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
