//! `dyno plan`: the first operations of a scenario, without sending them.

use std::{
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::{Exit, scenario};
use crate::{
    report::plan::{self, CSV_HEADER, Lines, Plan, PlannedOperation},
    schedule::Schedule,
    simulation::SimulationOptions,
    workload::Workload,
};

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    /// Scenario file.
    scenario: PathBuf,
    /// How many operations, from the first.
    #[arg(long, default_value_t = 20)]
    operations: usize,
    /// How a line is written.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Comma-separated, with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// Bytes of lines that are written at once.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) fn plan(arguments: &PlanArguments) -> anyhow::Result<Exit> {
    let Some(loaded) = scenario::load(&arguments.scenario)? else {
        return Ok(Exit::Usage);
    };
    if loaded
        .scenario
        .phases
        .iter()
        .any(|phase| phase.arrivals.is_closed())
    {
        eprintln!(
            "note: when closed phases send depends on the answers; {:?} each is assumed here",
            SimulationOptions::default().service_time
        );
    }
    let schedule = Schedule::new(&loaded.scenario);
    let workload = Workload::new(Arc::new(loaded.scenario));
    let planned = Plan::new(&workload, &schedule)?.take(arguments.operations);
    match write(planned, &workload, arguments.format) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(Exit::Pass),
    }
}

fn write(
    planned: impl Iterator<Item = PlannedOperation>,
    workload: &Workload,
    format: Format,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut text = String::with_capacity(2 * CHUNK_BYTES);
    let mut lines = match format {
        Format::Csv => {
            text.push_str(CSV_HEADER);
            text.push('\n');
            Lines::new(workload, plan::Format::Csv)
        }
        Format::Jsonl => Lines::new(workload, plan::Format::Json),
    };
    for operation in planned {
        lines.write(&operation, &mut text);
        text.push('\n');
        if text.len() >= CHUNK_BYTES {
            out.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    out.write_all(text.as_bytes())?;
    out.flush()
}
