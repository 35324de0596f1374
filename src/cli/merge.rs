//! `dyno merge`: the records of all shards, made into one run.

use std::{path::PathBuf, sync::mpsc, thread, time::Duration};

use anyhow::Context as _;
use clap::Args;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Exit,
    compare::{self, COMPARISON},
    output::{MarkdownTo, Printed, RESULTS, SEEDS},
    report, size, start,
};
use crate::{
    analysis::{
        compare::{Part, concluded, findings::Findings},
        seeds::SeedStudy,
        sizing::sweep::SizingPart,
    },
    record::merge::{Merge, MergeError, MergeRules},
    report::stored::{self, Parts, StoredRun},
    scenario::Scenario,
    store::{self, RunFolder, StoreError},
};

#[derive(Debug, Args)]
pub(super) struct MergeArguments {
    /// Folders of all shards of one run, or their results.json, in any order; or the folder in
    /// which they all are. What `dyno simulate --seeds`, `dyno compare` and `dyno size` make in
    /// shards is merged alike.
    #[arg(required = true, value_name = "RECORD")]
    records: Vec<PathBuf>,
    /// New folder for the merged run.
    #[arg(short, long, value_name = "RUN")]
    output: PathBuf,
    /// Merge although shards are missing. The run is INVALID, and says what was really offered.
    #[arg(long)]
    allow_missing: bool,
    /// How far the clocks of any two shards may be apart.
    #[arg(long, value_name = "DURATION", value_parser = start::duration, default_value = "250ms")]
    clocks_apart: Duration,
    #[command(flatten)]
    printed: Printed,
    #[command(flatten)]
    markdown: MarkdownTo,
}

pub(super) fn merge(arguments: &MergeArguments) -> anyhow::Result<Exit> {
    arguments.markdown.check()?;
    let studies = found_in(&arguments.records, SEEDS)?;
    if named(&studies, SEEDS) {
        return merge_studies(arguments, &studies);
    }
    let comparisons = found_in(&arguments.records, COMPARISON)?;
    if named(&comparisons, COMPARISON) {
        return merge_comparisons(arguments, &comparisons);
    }
    let sizings = found_in(&arguments.records, size::PART)?;
    if named(&sizings, size::PART) {
        return merge_sizings(arguments, &sizings);
    }
    let records = found_in(&arguments.records, RESULTS)?;
    let (merge, scenario) = add_up(&records)?;
    let rules = MergeRules {
        clocks_apart: arguments.clocks_apart,
        allow_missing: arguments.allow_missing,
    };
    let record = merge.finish(&rules).map_err(|error| {
        let help = match &error {
            MergeError::Missing { .. } => {
                "name their records as well, or say --allow-missing: the run is INVALID then, and \
                 says what was really offered"
            }
            MergeError::Starts { .. } => {
                "who is ready after the boundary of --start-every that the others took waits for \
                 the next: run again with a longer period, or with --start-at; those of one start \
                 can be merged with --allow-missing"
            }
            MergeError::Clocks { .. } => {
                "set the machines' clocks (NTP) and run again, or allow more with --clocks-apart"
            }
            _ => "merge all records of one run; see `dyno merge --help`",
        };
        anyhow::anyhow!("cannot merge: {error}\n  help: {help}")
    })?;
    let folder = RunFolder::create_at(&arguments.output)?;
    let (printed, markdown) = (&arguments.printed, &arguments.markdown);
    printed.publish(&scenario, &record, Some(&folder), markdown)
}

/// Simulations with several seeds, each part of which had some of the seeds.
fn merge_studies(arguments: &MergeArguments, paths: &[PathBuf]) -> anyhow::Result<Exit> {
    let parts: Vec<SeedStudy> = read_all(paths, "study of seeds")?;
    let study = SeedStudy::merged(&parts).context("cannot merge")?;
    let name = parts.iter().find_map(|one| one.part.as_ref());
    let name = name.map_or("", |part| part.study.scenario.as_str());
    let folder = RunFolder::create_at(&arguments.output)?;
    arguments.printed.publish_study(name, &study, Some(&folder))
}

/// Whether one of `paths` is called `name`.
fn named(paths: &[PathBuf], name: &str) -> bool {
    let mut names = paths.iter().filter_map(|path| path.file_name());
    names.any(|known| known == name)
}

/// Of a comparison of keys, only what it is merged by.
#[derive(Deserialize)]
struct Compared {
    part: Option<Part>,
}

/// Comparisons of keys, each part of which looked at some of the seeds.
fn merge_comparisons(arguments: &MergeArguments, paths: &[PathBuf]) -> anyhow::Result<Exit> {
    let compared: Vec<Compared> = read_all(paths, "comparison of keys")?;
    let parts = paths.iter().zip(compared).map(|(path, compared)| {
        let part = compared.part;
        part.with_context(|| format!("{} is no part of a comparison of keys", path.display()))
    });
    let parts: Vec<Part> = parts.collect::<Result<_, _>>()?;
    let each: Vec<_> = parts.iter().map(|part| (&part.of, &part.found)).collect();
    let comparison = concluded(&Findings::merged(&each).context("cannot merge")?);
    let folder = RunFolder::create_at(&arguments.output)?;
    compare::publish(&arguments.printed, &comparison, Some(&folder))?;
    Ok(Exit::Pass)
}

/// Searches for capacity, each part of which made some of the pieces.
fn merge_sizings(arguments: &MergeArguments, paths: &[PathBuf]) -> anyhow::Result<Exit> {
    let parts: Vec<SizingPart> = read_all(paths, "part of a sizing")?;
    size::merge(parts, &arguments.printed, &arguments.output)
}

/// What the files hold, each of which is a `what`.
fn read_all<T: DeserializeOwned>(paths: &[PathBuf], what: &str) -> anyhow::Result<Vec<T>> {
    let read = |path: &PathBuf| {
        let text = store::read_text(path, report::RESULTS_BYTES_MAX)?;
        let parsed = serde_json::from_str(&text);
        parsed.with_context(|| format!("{} is no {what}", path.display()))
    };
    paths.iter().map(read).collect()
}

/// The files that `paths` stand for. A folder without one may be that of a shard that was
/// killed; its shard will be missing, and is told then.
fn found_in(paths: &[PathBuf], name: &str) -> Result<Vec<PathBuf>, StoreError> {
    let found = paths.iter().map(|path| store::runs_in(path, name));
    Ok(found.collect::<Result<Vec<_>, _>>()?.concat())
}

/// The next record is read while the last one is added, which is more work: two cores are of use,
/// and never more than two records are in memory.
fn add_up(paths: &[PathBuf]) -> anyhow::Result<(Merge, Scenario)> {
    let (read, records) = mpsc::sync_channel(0);
    thread::scope(|scope| {
        scope.spawn(move || {
            for path in paths {
                let run = report::stored_run_with(path, stored::read_part);
                // Nobody listens any more when a record was refused.
                if read.send((path, run)).is_err() {
                    return;
                }
            }
        });
        let (mut merge, mut parts) = (Merge::new(), Parts::default());
        let mut scenario = None;
        for (path, run) in records {
            let run = run?;
            let fits = parts.add(&run);
            fits.with_context(|| format!("cannot merge {}", path.display()))?;
            let StoredRun {
                record,
                scenario: of_run,
                ..
            } = run;
            let added = merge.add(record);
            added.with_context(|| format!("cannot merge {}", path.display()))?;
            scenario.get_or_insert(of_run);
        }
        let scenario = scenario.context("there is nothing to merge")?;
        Ok((merge, scenario))
    })
}
