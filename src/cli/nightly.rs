//! `dyno nightly`: measure, remember, decide.

mod host;
mod measure;
mod outputs;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::{
    Exit,
    scenario::{self, Loaded},
    signals,
};
use crate::{
    analysis::trend::{
        Acceptance, Filter, History, NightRecord, Trend, history,
        outcome::{Group, GroupTrend, Standing},
        replay::suspects,
    },
    scenario::{diagnostic::printable, quantity::Quantity},
    store,
};
pub(super) use host::commit;
pub(super) use outputs::Outputs;

/// Where the history is kept unless another place is named.
pub(super) const HISTORY: &str = "reports/history.jsonl";
/// Where the trend is written unless another place is named.
pub(super) const OUT: &str = "reports/nightly";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct NightlyArguments {
    #[command(subcommand)]
    command: Option<NightlyCommand>,
    #[command(flatten)]
    night: NightArguments,
}

#[derive(Debug, Subcommand)]
enum NightlyCommand {
    /// Accept a change: what a metric was with a commit counts as its level from then on.
    Ack(AckArguments),
}

#[derive(Debug, Args)]
struct NightArguments {
    /// Scenario files with a `[nightly]` section, or folders: of these, all such files.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    measuring: measure::Measuring,
    /// File that remembers every night. It only grows.
    #[arg(long, value_name = "FILE", default_value = HISTORY)]
    history: PathBuf,
    /// Folder of trend.html, history.csv, junit.xml, summary.md and badge.json.
    #[arg(long, value_name = "DIR", default_value = OUT)]
    out: PathBuf,
    /// Commit that is measured. Default: of the pipeline, or of the git checkout here.
    #[arg(long)]
    commit: Option<String>,
    /// Its branch. Default: as for the commit.
    #[arg(long)]
    branch: Option<String>,
    /// How long to wait before a suspect is measured again: what disturbs a machine passes.
    #[arg(long, value_name = "TIME", default_value = "15min", value_parser = duration)]
    rerun_after: Duration,
}

#[derive(Debug, Args)]
struct AckArguments {
    /// Metric that changed, as the report names it: `get.response_time_p99`.
    metric: String,
    /// Commit that changed it, or the beginning of it.
    #[arg(long, value_name = "COMMIT")]
    at: String,
    /// Why that is accepted; the trend shows it.
    #[arg(long)]
    reason: String,
    /// Only for this scenario. Default: every one that has the metric.
    #[arg(long)]
    scenario: Option<String>,
    /// File that remembers every night.
    #[arg(long, value_name = "FILE", default_value = HISTORY)]
    history: PathBuf,
}

fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let nanos = Quantity::Duration
        .parse(text)
        .map_err(|_| "write a time such as 90s or 15min".to_owned())?;
    Ok(Duration::from_secs_f64((nanos / 1e9).clamp(0.0, 86_400.0)))
}

pub(super) fn nightly(arguments: &NightlyArguments) -> anyhow::Result<Exit> {
    match &arguments.command {
        Some(NightlyCommand::Ack(arguments)) => ack(arguments),
        None => night(&arguments.night),
    }
}

/// The history, with what had to be put right said on stderr.
pub(super) fn read_history(path: &std::path::Path) -> anyhow::Result<History> {
    let lines = store::history::read(path)?;
    let file = path.display().to_string();
    let history = history::parse(&lines.text, &file)?;
    for remark in &history.remarks {
        eprintln!("note: {remark}");
    }
    if lines.torn_bytes > 0 {
        let bytes = lines.torn_bytes;
        eprintln!("note: {file}: the last line was never finished; its {bytes} bytes do not count");
    }
    Ok(history)
}

fn night(arguments: &NightArguments) -> anyhow::Result<Exit> {
    let Some(scenarios) = scenarios(&arguments.paths)? else {
        return Ok(Exit::Usage);
    };
    // Before the night: what is wrong with the history should not cost anybody hours.
    let history = read_history(&arguments.history)?;
    let runtime = super::runtime()?;
    let measured = runtime.block_on(measure_all(arguments, &scenarios, &history));
    runtime.shutdown_background();
    let Some(tonight) = measured? else {
        eprintln!("interrupted: this night is not in the history");
        return Ok(Exit::Interrupted);
    };
    let lines: String = tonight
        .iter()
        .map(|night| history::line(Some(night.clone()), None))
        .collect();
    if let Some(aside) = store::history::append(&arguments.history, &lines)? {
        eprintln!(
            "note: a line that was never finished is now in {}",
            aside.display()
        );
    }
    let history = read_history(&arguments.history)?;
    let trend = Trend::of(&history, &Filter::default());
    let groups: Vec<Group> = tonight.iter().map(Group::of).collect();
    let tonight = only(&trend, &groups);
    Outputs::of(&trend, &tonight).publish(&arguments.out)?;
    Ok(exit(&tonight.groups))
}

fn only(trend: &Trend, groups: &[Group]) -> Trend {
    let groups = trend
        .groups
        .iter()
        .filter(|found| groups.contains(&found.group));
    Trend {
        groups: groups.cloned().collect(),
    }
}

/// The worst standing as a process says it.
pub(super) fn exit(groups: &[GroupTrend]) -> Exit {
    match groups.iter().map(GroupTrend::standing).max() {
        Some(Standing::Fail) => Exit::Finding,
        Some(Standing::Invalid) => Exit::Invalid,
        _ => Exit::Pass,
    }
}

/// Measures every scenario, and the suspects again; `None` when interrupted.
async fn measure_all(
    arguments: &NightArguments,
    scenarios: &[measure::Watched],
    history: &History,
) -> anyhow::Result<Option<Vec<NightRecord>>> {
    let mut stop = signals::stop_on_first().context("cannot listen for signals")?;
    let revision = host::Revision::detect(arguments.commit.as_deref(), arguments.branch.as_deref());
    let at = Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        .to_string();
    let name = format!("{at}-{}", std::process::id());
    let of = u32::try_from(scenarios.len()).context("too many scenarios")?;
    let mut nights = Vec::new();
    for (part, watched) in (1..).zip(scenarios) {
        let Some(measured) = arguments.measuring.all_repeats(watched, &mut stop).await? else {
            return Ok(None);
        };
        let mut night = NightRecord {
            night: name.clone(),
            part,
            of,
            at: at.clone(),
            scenario: watched.scenario.name.clone(),
            fingerprint: watched.scenario.fingerprint(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: revision.commit.clone(),
            branch: revision.branch.clone(),
            target: arguments.measuring.target(),
            host: host::host(),
            runs: watched.nightly.repeats,
            invalid: measured.invalid,
            missed: measured.missed,
            exact_tolerance: watched.nightly.exact_tolerance.as_fraction(),
            metrics: measured.metrics,
        };
        if night.invalid.is_empty() {
            night.metrics.extend(measure::simulated(watched));
        }
        nights.push(night);
    }
    let again: Vec<usize> = (0..nights.len())
        .filter(|index| {
            let suspects = suspects(history, &nights[*index]);
            if !suspects.is_empty() {
                let scenario = printable(&nights[*index].scenario);
                let names = printable(&suspects.join(", "));
                eprintln!("{scenario}: suspect: {names}; it is measured again");
            }
            !suspects.is_empty()
        })
        .collect();
    if !again.is_empty() && !wait(arguments.rerun_after, &mut stop).await {
        return Ok(None);
    }
    for index in again {
        let watched = &scenarios[index];
        let Some(rerun) = arguments.measuring.all_repeats(watched, &mut stop).await? else {
            return Ok(None);
        };
        measure::add_rerun(&mut nights[index], watched.nightly.repeats, rerun);
    }
    Ok(Some(nights))
}

/// `false` when interrupted.
async fn wait(time: Duration, stop: &mut signals::Stop) -> bool {
    if !time.is_zero() {
        eprintln!("in {} s; --rerun-after changes that", time.as_secs());
    }
    tokio::select! {
        () = tokio::time::sleep(time) => true,
        () = stop.wait() => false,
    }
}

/// The scenarios of the night; `None`: some have errors, which were printed.
fn scenarios(paths: &[PathBuf]) -> anyhow::Result<Option<Vec<measure::Watched>>> {
    let mut watched: Vec<measure::Watched> = Vec::new();
    let mut sound = true;
    for path in paths {
        let files = if path.is_dir() {
            toml_files(path)?
        } else {
            vec![path.clone()]
        };
        let before = watched.len();
        for file in files {
            let Some(Loaded { scenario, source }) = scenario::load(&file)? else {
                sound = false;
                continue;
            };
            match scenario.nightly {
                Some(nightly) => {
                    watched.push(measure::Watched {
                        file,
                        scenario,
                        source,
                        nightly,
                    });
                }
                None if path.is_dir() => {}
                None => bail!(
                    "{} is not marked for dyno nightly\n  help: add a `[nightly]` section to it",
                    file.display()
                ),
            }
        }
        ensure!(
            watched.len() > before || !sound,
            "no scenario in {} is marked for dyno nightly\n  help: add a `[nightly]` section",
            path.display()
        );
    }
    for (index, one) in watched.iter().enumerate() {
        let same = watched[..index]
            .iter()
            .find(|other| other.scenario.name == one.scenario.name);
        if let Some(other) = same {
            bail!(
                "{} and {} have the same name `{}`, so their nights would be mixed up\n  \
                 help: give one of them another name",
                other.file.display(),
                one.file.display(),
                printable(&one.scenario.name)
            );
        }
    }
    Ok(sound.then_some(watched))
}

/// Files `*.toml` in a folder and below, in order; hidden ones are left out.
fn toml_files(folder: &std::path::Path) -> anyhow::Result<Vec<PathBuf>> {
    let failed = || format!("cannot read the folder {}", folder.display());
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(failed)? {
        entries.push(entry.with_context(failed)?.path());
    }
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            files.extend(toml_files(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    Ok(files)
}

fn ack(arguments: &AckArguments) -> anyhow::Result<Exit> {
    ensure!(
        !arguments.at.trim().is_empty(),
        "--at needs a commit, or the beginning of one"
    );
    ensure!(
        !arguments.reason.trim().is_empty(),
        "--reason needs a word of why"
    );
    let history = read_history(&arguments.history)?;
    let filter = Filter {
        scenario: arguments.scenario.clone(),
        ..Filter::default()
    };
    let nights: Vec<&NightRecord> = history
        .nights
        .iter()
        .filter(|night| filter.admits(night))
        .collect();
    let file = arguments.history.display();
    let has_metric = |night: &&&NightRecord| night.metrics.contains_key(&arguments.metric);
    if !nights.iter().any(|night| has_metric(&night)) {
        let trend = Trend::of(&history, &filter);
        let mut known: Vec<&str> = trend
            .groups
            .iter()
            .flat_map(|group| group.open().map(|change| change.metric.as_str()))
            .collect();
        known.sort_unstable();
        known.dedup();
        let known = if known.is_empty() {
            "nothing".to_owned()
        } else {
            known.join(", ")
        };
        bail!(
            "{file} has no metric `{}`\n  open now: {}",
            printable(&arguments.metric),
            printable(&known)
        );
    }
    let of_commit = |night: &&&NightRecord| {
        night
            .commit
            .as_ref()
            .is_some_and(|commit| commit.starts_with(&arguments.at))
    };
    ensure!(
        nights
            .iter()
            .filter(has_metric)
            .any(|night| of_commit(&night)),
        "no night in {file} that has `{}` measured commit {}",
        printable(&arguments.metric),
        printable(&arguments.at)
    );
    let accepted = Acceptance {
        at: Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
            .to_string(),
        metric: arguments.metric.clone(),
        scenario: arguments.scenario.clone(),
        commit: arguments.at.clone(),
        reason: arguments.reason.clone(),
    };
    let line = history::line(None, Some(accepted));
    if let Some(aside) = store::history::append(&arguments.history, &line)? {
        eprintln!(
            "note: a line that was never finished is now in {}",
            aside.display()
        );
    }
    let trend = Trend::of(&read_history(&arguments.history)?, &filter);
    let open: usize = trend.groups.iter().map(|group| group.open().count()).sum();
    super::print(&format!("accepted; {open} changes are still open"))?;
    Ok(Exit::Pass)
}
