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
    output::Output,
    parallel::AllCores,
    scenario::{self, Loaded},
    size, trial,
};
use crate::{
    analysis::{
        compare::{self, Comparison},
        sizing::SEEDS_MIN,
    },
    report::compare as report,
    scenario::{Scenario, candidate::Candidate},
    seed::Seed,
};

/// Options that only a comparison of keys has.
const KEY_OPTIONS: [&str; 6] = ["keys", "table", "max_throttled", "seeds", "seed", "run"];

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
    let workers = AllCores::work_for(&format!("compare {}", scenario.name));
    let traces = size::traces(&scenario, arguments.seeds, &workers)?;
    let mut comparison = compare::compare(&traces, table, &candidates, target, &workers);
    drop(workers);
    let mut exit = Exit::Pass;
    if arguments.run && !fire::all(&mut comparison, &traces[0], table, arguments.duration)? {
        exit = Exit::Interrupted;
    }
    publish(arguments, &comparison)?;
    Ok(exit)
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

fn publish(arguments: &CompareArguments, comparison: &Comparison) -> anyhow::Result<()> {
    let document = serde_json::to_string_pretty(comparison)?;
    if arguments.output.printed.json {
        super::print(&document)?;
    } else {
        super::print(report::render(comparison).trim_end())?;
    }
    if arguments.no_files {
        return Ok(());
    }
    let folder = arguments.output.folder(&comparison.scenario, "-compared")?;
    let page = report::page::render(comparison);
    for (name, content) in [("compare.html", &page), ("comparison.json", &document)] {
        let path = folder.write(name, content.as_bytes())?;
        arguments.output.printed.say_where(&path)?;
    }
    Ok(())
}
