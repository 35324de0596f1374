//! `dyno compare`: which partition key, or which of several runs.

mod fire;
mod runs;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;

use super::{
    Exit,
    output::{Output, Printed},
    parallel::AllCores,
    scenario::{self, Loaded},
    shard::{ShardArguments, suffix},
    size, trial,
};
use crate::{
    analysis::{
        compare::{
            self, Comparison, Part,
            findings::{Findings, findings},
        },
        seeds::{StudyId, StudyPart},
        sizing::SEEDS_MIN,
    },
    report::compare as report,
    scenario::{Scenario, candidate::Candidate},
    schedule::shard::Shard,
    seed::Seed,
    simulation::trace::Trace,
    store::RunFolder,
};

/// Options that only a comparison of keys has.
const KEY_OPTIONS: [&str; 8] = [
    "keys",
    "table",
    "max_throttled",
    "seeds",
    "seed",
    "run",
    "shard",
    "shards",
];

#[derive(Debug, Args)]
pub(super) struct CompareArguments {
    /// Scenario file, whose keys are compared; or two and more finished runs (their folders or
    /// results.json), each of which is laid beside the first.
    #[arg(required = true, value_name = "SCENARIO|RUN")]
    of: Vec<PathBuf>,
    /// Runs that differ in more than one thing, or say nothing of their table: show how their
    /// numbers differ, without a verdict.
    #[arg(long, conflicts_with_all = KEY_OPTIONS)]
    what_if: bool,
    /// The keys to compare: `attribute`, `attribute+sort_key`, `one#other` (joined),
    /// `attribute/8` (suffix 1…8, a hash of the item's key) or `attribute/random8`. Without
    /// this, the scenario's `[[candidate]]` tables, or else every attribute that could be a
    /// partition key.
    #[arg(long, value_name = "KEY,…", value_delimiter = ',')]
    keys: Vec<String>,
    /// The table whose items are keyed; otherwise that of the scenario's first candidate, or its
    /// first.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Requests that may be throttled, as `0.1%`.
    #[arg(long, value_name = "SHARE", default_value = "0.1%")]
    max_throttled: String,
    /// Seeds, the same for every candidate, the scenario's the first.
    #[arg(long, value_name = "N", default_value_t = SEEDS_MIN as u64,
          value_parser = clap::value_parser!(u64).range(2..=1_000))]
    seeds: u64,
    /// Another first seed than the scenario's.
    #[arg(long)]
    seed: Option<u64>,
    /// Also fire each candidate at an embedded emulator, with real requests: how long they take,
    /// and what is throttled.
    #[arg(long)]
    run: bool,
    /// Fire each for so long at most, warm-up included: the scenario's phases are shortened
    /// alike, and keep their rates. 20 s unless said.
    #[arg(long, value_name = "TIME", requires = "run", value_parser = trial::length)]
    duration: Option<Duration>,
    #[command(flatten)]
    shard: ShardArguments,
    #[command(flatten)]
    output: Output,
    /// Write no files.
    #[arg(long, conflicts_with = "out")]
    no_files: bool,
}

pub(super) fn compare(arguments: &CompareArguments) -> anyhow::Result<Exit> {
    match &arguments.of[..] {
        [file] if !arguments.what_if && !is_run(file) => keys(arguments, file),
        paths => runs::compare(arguments, paths),
    }
}

/// A folder, or what a run stores: a scenario is neither.
fn is_run(path: &Path) -> bool {
    path.is_dir()
        || path
            .extension()
            .is_some_and(|extension| extension == "json")
}

fn keys(arguments: &CompareArguments, file: &Path) -> anyhow::Result<Exit> {
    let Some(Loaded { mut scenario, .. }) = scenario::load(file)? else {
        return Ok(Exit::Usage);
    };
    if let Some(seed) = arguments.seed {
        scenario.seed = Seed(seed);
    }
    let table = table(arguments, &scenario)?;
    let candidates = candidates(arguments, &scenario, table)?;
    let target = size::share(&arguments.max_throttled).with_context(|| {
        let given = &arguments.max_throttled;
        format!("--max-throttled {given}: write a share from 0% to 100%, as 0.1%")
    })?;
    let shard = arguments.shard.detect()?.filter(|shard| shard.count() > 1);
    if shard.is_some() && arguments.run {
        bail!(
            "--run fires every candidate in one process\n  help: leave out --shard, or --run; or \
             --shard 1/1 to make the whole comparison here"
        );
    }
    let seeds: Vec<Seed> = scenario.seed.row(arguments.seeds).collect();
    let (first, ours) = our_seeds(&seeds, shard)?;
    let workers = AllCores::work_for(&format!("compare {}", scenario.name));
    let traces = size::traces(&scenario, &ours, &workers)?;
    let own: Vec<&Trace> = traces.iter().skip(first).collect();
    let found = findings(&traces[0], &own, table, &candidates, target, &workers);
    let mut comparison = compare::concluded(&found);
    drop(workers);
    comparison.part = shard.map(|shard| part(shard, arguments.seeds, found));
    let mut exit = Exit::Pass;
    if arguments.run && !fire::all(&mut comparison, &traces[0], table, arguments.duration)? {
        exit = Exit::Interrupted;
    }
    let suffix = format!("-compared{}", suffix(shard));
    let folder =
        (!arguments.no_files).then(|| arguments.output.folder(&comparison.scenario, &suffix));
    publish(
        &arguments.output.printed,
        &comparison,
        folder.transpose()?.as_ref(),
    )?;
    Ok(exit)
}

/// The seeds that are recorded, and how many of them are not the shard's own: every process looks
/// at the first seed, which says what the items are.
fn our_seeds(seeds: &[Seed], shard: Option<Shard>) -> anyhow::Result<(usize, Vec<Seed>)> {
    let ours = |number| shard.is_none_or(|shard| shard.takes(number));
    let numbered = seeds.iter().zip(0..);
    let mut own: Vec<Seed> = numbered
        .filter_map(|(seed, number)| ours(number).then_some(*seed))
        .collect();
    if own.is_empty() {
        bail!(
            "--seeds {}: fewer than there are shards\n  help: as many seeds as shards, or more",
            seeds.len()
        );
    }
    if own.first() == seeds.first() {
        return Ok((0, own));
    }
    own.extend(seeds.first());
    own.rotate_right(1);
    Ok((1, own))
}

fn part(shard: Shard, seeds: u64, found: Findings) -> Part {
    eprintln!(
        "note: this is shard {shard}, with {} of {seeds} seeds; `dyno merge` makes the whole of all",
        found.due.len()
    );
    let study = StudyId {
        scenario: found.scenario.clone(),
        fingerprint: found.fingerprint.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        seeds,
    };
    Part {
        of: StudyPart { shard, study },
        found,
    }
}

fn table(arguments: &CompareArguments, scenario: &Scenario) -> anyhow::Result<usize> {
    let Some(wanted) = &arguments.table else {
        return Ok(scenario.candidates.first().map_or(0, |named| named.table));
    };
    let names: Vec<&str> = scenario.tables.iter().map(|t| t.name.as_str()).collect();
    let found = names.iter().position(|name| name == wanted);
    found.with_context(|| {
        format!(
            "--table {wanted}: the scenario has no such table\n  help: it has {}",
            names.join(", ")
        )
    })
}

fn candidates(
    arguments: &CompareArguments,
    scenario: &Scenario,
    table: usize,
) -> anyhow::Result<Vec<Candidate>> {
    let named = scenario.candidates.iter();
    let named = named.filter(|named| named.table == table);
    let named: Vec<_> = named.map(|named| named.candidate.clone()).collect();
    let table = &scenario.tables[table];
    let candidates = if !arguments.keys.is_empty() {
        let (mut candidates, mut mistakes) = (Vec::new(), Vec::new());
        for text in &arguments.keys {
            match Candidate::parse(text, table) {
                Ok(candidate) => candidates.push(candidate),
                Err(mistake) => mistakes.push(mistake.to_string()),
            }
        }
        if !mistakes.is_empty() {
            bail!("{}", mistakes.join("\n"));
        }
        candidates
    } else if named.is_empty() {
        Candidate::single(table)
    } else {
        named
    };
    if candidates.is_empty() {
        bail!(
            "table {} has no attribute that could be a partition key: a string, number or \
             binary that every item has",
            table.name
        );
    }
    Ok(candidates)
}

/// What the file with a comparison of keys is called.
pub(super) const COMPARISON: &str = "comparison.json";

/// Prints a comparison of keys, and writes it into `folder`.
pub(super) fn publish(
    printed: &Printed,
    comparison: &Comparison,
    folder: Option<&RunFolder>,
) -> anyhow::Result<()> {
    let document = serde_json::to_string_pretty(comparison)?;
    if printed.json {
        super::print(&document)?;
    } else {
        super::print(report::render(comparison).trim_end())?;
    }
    let Some(folder) = folder else {
        return Ok(());
    };
    let page = report::page::render(comparison);
    for (name, content) in [("compare.html", &page), (COMPARISON, &document)] {
        let path = folder.write(name, content.as_bytes())?;
        printed.say_where(&path)?;
    }
    Ok(())
}
