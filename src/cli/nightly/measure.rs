//! The runs of a night, each in a process of its own.

use std::{
    path::PathBuf,
    process::{Child, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::sync::oneshot;

use crate::{
    analysis::{
        Analysis,
        trend::{
            Metric,
            metrics::{self, Measured, Repeat},
        },
    },
    cli::{
        Exit,
        output::JOB_SUMMARY,
        signals::{self, Stop},
    },
    report::stored,
    scenario::{Nightly, Scenario, diagnostic::printable},
    simulation::{SimulationOptions, header, simulate},
};

pub(super) use metrics::add_rerun;

/// For answers under way, and for deleting tables.
const GRACE: Duration = Duration::from_secs(30);

/// A scenario that is watched.
pub(super) struct Watched {
    pub(super) file: PathBuf,
    pub(super) scenario: Scenario,
    pub(super) source: String,
    pub(super) nightly: Nightly,
}

/// How a night is measured.
#[derive(Debug, Args)]
pub(super) struct Measuring {
    /// Fire at this DynamoDB-compatible server instead of the embedded emulator, for example
    /// <http://127.0.0.1:8000>. Its tables are created, and deleted afterwards.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Say nothing of the runs under way.
    #[arg(long, short)]
    quiet: bool,
}

impl Measuring {
    /// For the record.
    pub(super) fn target(&self) -> String {
        self.endpoint
            .clone()
            .unwrap_or_else(|| "emulator".to_owned())
    }

    /// Every repeat of a scenario, one after the other; `None` when interrupted.
    pub(super) async fn all_repeats(
        &self,
        watched: &Watched,
        stop: &mut Stop,
    ) -> anyhow::Result<Option<Measured>> {
        let repeats = watched.nightly.repeats;
        let mut runs = Vec::new();
        for number in 1..=repeats {
            if !self.quiet {
                let name = printable(&watched.scenario.name);
                eprintln!("{name}: run {number} of {repeats}");
            }
            let Some(repeat) = self.repeat(watched, stop).await? else {
                return Ok(None);
            };
            runs.push(repeat);
        }
        Ok(Some(metrics::measure(&runs)))
    }

    /// One run in a fresh process.
    async fn repeat(&self, watched: &Watched, stop: &mut Stop) -> anyhow::Result<Option<Repeat>> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let dyno = std::env::current_exe().context("cannot find dyno itself")?;
        let mut command = signals::shielded(&dyno);
        command
            // The night has a summary of its own.
            .env_remove(JOB_SUMMARY)
            .arg("run")
            .arg(&watched.file)
            // The night simulates once itself.
            .args(["--with-model=never", "--json", "--progress", "off", "--out"]);
        command
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        // Where its files are is of no interest; what went wrong is.
        command.stderr(Stdio::piped());
        if let Some(endpoint) = &self.endpoint {
            command.args(["--endpoint", endpoint]);
        }
        let mut child = command.spawn().context("cannot start a run")?;
        let mut output = collect(&mut child);
        let document = tokio::select! {
            output = &mut output => output,
            () = stop.wait() => {
                self.end(&mut child, output).await;
                return Ok(None);
            }
        };
        let status = child.wait().context("cannot wait for a run")?;
        let (document, errors) = document.context("a run gave no results")?;
        match status.code() {
            Some(code) if code == Exit::Interrupted as i32 => return Ok(None),
            Some(0 | 1 | 3) => {}
            _ => bail!(
                "a run of {} failed\n{}",
                watched.file.display(),
                errors.trim_end()
            ),
        }
        let stored = stored::read(&document).context("a run's results cannot be read")?;
        let analysis = Analysis::of(&stored.record, &stored.scenario);
        Ok(Some(Repeat {
            record: stored.record,
            analysis,
        }))
    }

    /// Ends a run. One at an endpoint is let take away the tables that it made there; the
    /// embedded emulator dies with its process.
    async fn end(&self, child: &mut Child, output: oneshot::Receiver<(String, String)>) {
        if self.endpoint.is_some() && signals::interrupt(child).is_ok() {
            // Its streams end when it does.
            let _ = tokio::time::timeout(GRACE, output).await;
        }
        // It may have ended already.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Reads what a child prints, both streams to their ends.
fn collect(child: &mut Child) -> oneshot::Receiver<(String, String)> {
    let (sender, receiver) = oneshot::channel();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    std::thread::spawn(move || {
        let errors = std::thread::spawn(move || text(stderr));
        let document = text(stdout);
        let _ = sender.send((document, errors.join().unwrap_or_default()));
    });
    receiver
}

fn text(stream: Option<impl std::io::Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What was read before an error is all there is; that it is no document shows later.
        let _ = stream.by_ref().read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The exact metrics of a simulation; none where the scenario cannot be simulated.
pub(super) fn simulated(watched: &Watched) -> std::collections::BTreeMap<String, Metric> {
    let scenario = Arc::new(watched.scenario.clone());
    let options = SimulationOptions::default();
    let header = header(
        &scenario,
        watched.source.clone(),
        env!("CARGO_PKG_VERSION"),
        &options,
    );
    match simulate(&scenario, header, &options) {
        Ok(record) => metrics::simulated(&record),
        Err(error) => {
            let name = printable(&watched.scenario.name);
            eprintln!("note: {name} cannot be simulated, so it has no simulated metrics: {error}");
            std::collections::BTreeMap::new()
        }
    }
}
