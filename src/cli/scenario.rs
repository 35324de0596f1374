//! `dyno check`, and the reading of scenario files for every command.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use super::Exit;
use crate::{
    scenario::{
        Scenario,
        diagnostic::Diagnostics,
        parse::{Parsed, parse_with},
    },
    store::{self, files::FolderOf},
};

/// A scenario is written by hand; a larger file is something else.
const SCENARIO_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Scenario files.
    #[arg(required = true, value_name = "SCENARIO")]
    files: Vec<PathBuf>,
    /// Print one JSON document with the problems of all files.
    #[arg(long)]
    json: bool,
}

pub(super) fn check(arguments: &CheckArguments) -> Result<Exit> {
    let mut exit = Exit::Pass;
    let mut documents = Vec::new();
    for file in &arguments.files {
        let source = store::read_text(file, SCENARIO_BYTES_MAX)?;
        let name = file.display().to_string();
        let problems = match parse_with(&source, &name, &FolderOf::new(file)) {
            Ok(Parsed { warnings, .. }) => Diagnostics::new(&source, &name, warnings),
            Err(problems) => problems,
        };
        let valid = problems.error_count() == 0;
        if !valid {
            exit = Exit::Usage;
        }
        if arguments.json {
            documents.push(problems.to_json());
            continue;
        }
        show(&problems);
        if valid {
            super::print(&format!("{name}: ok"))?;
        }
    }
    if arguments.json {
        super::print(&serde_json::to_string_pretty(&documents)?)?;
    }
    Ok(exit)
}

/// A scenario with the text that it was read from.
pub(super) struct Loaded {
    pub(super) scenario: Scenario,
    pub(super) source: String,
}

/// Reads a scenario; warnings go to stderr. `None`: it has errors, which were printed.
pub(super) fn load(file: &Path) -> Result<Option<Loaded>> {
    let source = store::read_text(file, SCENARIO_BYTES_MAX)?;
    let name = file.display().to_string();
    match parse_with(&source, &name, &FolderOf::new(file)) {
        Ok(Parsed { scenario, warnings }) => {
            show(&Diagnostics::new(&source, &name, warnings));
            Ok(Some(Loaded { scenario, source }))
        }
        Err(problems) => {
            show(&problems);
            Ok(None)
        }
    }
}

fn show(problems: &Diagnostics) {
    if !problems.list().is_empty() {
        eprintln!("{problems}");
    }
}
