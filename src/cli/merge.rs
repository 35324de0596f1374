//! `dyno merge`: the records of all shards, made into one run.

use std::{path::PathBuf, sync::mpsc, thread, time::Duration};

use anyhow::Context as _;
use clap::Args;

use super::{Exit, output::Printed, report};
use crate::{
    record::merge::{Merge, MergeRules},
    report::stored::StoredRun,
    scenario::Scenario,
    store::{self, RunFolder},
};

#[derive(Debug, Args)]
pub(super) struct MergeArguments {
    /// Folders of all shards of one run, or their results.json, in any order; or the folder in
    /// which they all are.
    #[arg(required = true, value_name = "RECORD")]
    records: Vec<PathBuf>,
    /// New folder for the merged run.
    #[arg(short, long, value_name = "RUN")]
    output: PathBuf,
    /// Merge although shards are missing. The run is INVALID, and says what was really offered.
    #[arg(long)]
    allow_missing: bool,
    /// How far the clocks of any two shards may be apart, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 250)]
    clocks_apart: u64,
    #[command(flatten)]
    printed: Printed,
}

pub(super) fn merge(arguments: &MergeArguments) -> anyhow::Result<Exit> {
    let (merge, scenario) = add_up(&records_in(&arguments.records)?)?;
    let rules = MergeRules {
        clocks_apart: Duration::from_millis(arguments.clocks_apart),
        allow_missing: arguments.allow_missing,
    };
    let record = merge.finish(&rules).map_err(|error| {
        let help = "\n  help: merge all records of one run, or see `dyno merge --help`";
        anyhow::anyhow!("cannot merge: {error}{help}")
    })?;
    let folder = RunFolder::create_at(&arguments.output)?;
    arguments.printed.publish(&scenario, &record, Some(&folder))
}

/// The records that `paths` stand for. A folder without a record may be that of a shard that
/// was killed: it is mentioned, and its shard will be missing.
fn records_in(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut records = Vec::new();
    for path in paths {
        let found = store::runs_in(path)?;
        if found.is_empty() {
            eprintln!("no record in {}", path.display());
        }
        records.extend(found);
    }
    Ok(records)
}

/// The next record is read while the last one is added: two cores are of use, and never more
/// than two records are in memory.
fn add_up(paths: &[PathBuf]) -> anyhow::Result<(Merge, Scenario)> {
    let (read, records) = mpsc::sync_channel(0);
    thread::scope(|scope| {
        scope.spawn(move || {
            for path in paths {
                // Nobody listens any more when a record was refused.
                if read.send((path, report::stored_run(path))).is_err() {
                    return;
                }
            }
        });
        let mut merge = Merge::new();
        let mut scenario = None;
        for (path, run) in records {
            let StoredRun {
                record,
                scenario: of_run,
                ..
            } = run?;
            let added = merge.add(record);
            added.with_context(|| format!("cannot merge {}", path.display()))?;
            scenario.get_or_insert(of_run);
        }
        let scenario = scenario.context("there is nothing to merge")?;
        Ok((merge, scenario))
    })
}
