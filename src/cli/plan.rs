//! `dyno plan`: the first operations of a scenario, without sending them.

use std::{
    io::{self, BufWriter, Write},
    path::PathBuf,
    sync::Arc,
};

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::{Exit, scenario};
use crate::{
    report::plan::{self, CSV_HEADER, Plan},
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
    planned: impl Iterator<Item = plan::PlannedOperation>,
    workload: &Workload,
    format: Format,
) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let line = match format {
        Format::Csv => {
            writeln!(out, "{CSV_HEADER}")?;
            plan::csv
        }
        Format::Jsonl => plan::json,
    };
    for operation in planned {
        writeln!(out, "{}", line(workload, &operation))?;
    }
    out.flush()
}
