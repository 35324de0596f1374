//! Where results go: files in a folder of their own, and stdout.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use jiff::Timestamp;

use super::Exit;
use crate::{
    analysis::{Analysis, seeds::SeedStudy},
    progress,
    record::RunRecord,
    report::{ReportView, html, json, markdown, seeds, text},
    scenario::Scenario,
    store::{self, RunFolder, StoreError},
};

/// What the file with a whole run is called.
pub(super) const RESULTS: &str = "results.json";
/// What the file with several simulations of one scenario is called.
pub(super) const SEEDS: &str = "seeds.json";

/// Where a pipeline shows Markdown.
pub(super) const JOB_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Where the report goes as Markdown.
#[derive(Debug, Args)]
pub(super) struct MarkdownTo {
    /// Also write the report as Markdown into this new file, at most 60 KiB. Where
    /// `GITHUB_STEP_SUMMARY` names a file, the same is appended to that.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

impl MarkdownTo {
    /// Refuses a file that exists, before anything is fired.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if let Some(file) = &self.markdown {
            ensure!(
                !file.exists(),
                "{} exists already\n  help: name a new file after --markdown",
                file.display()
            );
        }
        Ok(())
    }

    fn publish(&self, view: &ReportView) -> anyhow::Result<()> {
        let page = markdown::render(view);
        add_to_job_summary(&page)?;
        match &self.markdown {
            Some(file) => Ok(store::write_file(file, page.as_bytes())?),
            None => Ok(()),
        }
    }
}

/// Appends to the job summary of the pipeline, where there is one.
pub(super) fn add_to_job_summary(page: &str) -> anyhow::Result<()> {
    let Some(file) = std::env::var_os(JOB_SUMMARY).filter(|file| !file.is_empty()) else {
        return Ok(());
    };
    let mut options = OpenOptions::new();
    let opened = options.append(true).create(true).open(&file);
    opened
        .and_then(|mut file| file.write_all(page.as_bytes()))
        .with_context(|| format!("cannot write the job summary {}", file.display()))
}

/// Options of every command that makes results.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Folder in which the run's own folder is made.
    #[arg(long, value_name = "DIR", default_value = "reports/runs")]
    out: PathBuf,
    #[command(flatten)]
    pub(super) printed: Printed,
}

/// What of the results goes to stdout.
#[derive(Debug, Args)]
pub(super) struct Printed {
    /// Print results.json instead of the summary.
    #[arg(long)]
    pub(super) json: bool,
}

impl Output {
    /// The folder of runs.
    pub(super) fn runs(&self) -> &Path {
        &self.out
    }

    /// A new folder, named after the scenario and the time: `20261123T051500Z-users`.
    pub(super) fn folder(&self, scenario: &str, suffix: &str) -> Result<RunFolder, StoreError> {
        let safe = |c: char| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '-'
            }
        };
        let name: String = scenario.chars().take(60).map(safe).collect();
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        RunFolder::create(&self.out, &format!("{time}-{name}{suffix}"))
    }
}

impl Printed {
    /// Says where a file is: on stdout, unless that is for JSON.
    pub(super) fn say_where(&self, path: &Path) -> anyhow::Result<()> {
        let path = path.display().to_string();
        if self.json {
            eprintln!("{path}");
            Ok(())
        } else {
            super::print(&path)
        }
    }

    /// Writes and prints several simulations of one scenario.
    pub(super) fn publish_study(
        &self,
        scenario: &str,
        study: &SeedStudy,
        folder: Option<&RunFolder>,
    ) -> anyhow::Result<Exit> {
        let document = serde_json::to_string_pretty(study)?;
        let written = folder.map(|folder| folder.write(SEEDS, document.as_bytes()));
        if self.json {
            super::print(&document)?;
        } else {
            super::print(seeds::render(scenario, study).trim_end())?;
        }
        if let Some(path) = written.transpose()? {
            eprintln!("{}", path.display());
        }
        Ok(Exit::from_code(study.exit_code()))
    }

    /// Writes the files, prints the summary and says where the files are. What was measured is
    /// printed even when the disk refuses the files.
    pub(super) fn publish(
        &self,
        scenario: &Scenario,
        record: &RunRecord,
        folder: Option<&RunFolder>,
        markdown: &MarkdownTo,
    ) -> anyhow::Result<Exit> {
        let analysis = Analysis::of(record, scenario);
        let view = ReportView::of(record, scenario, &analysis);
        let written = folder.map(|folder| {
            // The one from which the other can be made again comes first.
            let results =
                folder.write_with(RESULTS, |file| json::write(record, &analysis, file))?;
            let page = html::render(&view, record, scenario);
            let page = folder.write("report.html", page.as_bytes())?;
            Ok::<_, StoreError>([page, results])
        });
        if self.json {
            super::print_with(|stdout| json::write(record, &analysis, stdout))?;
        } else {
            let options = text::TextOptions {
                color: progress::stdout_colors(),
                ascii: !progress::unicode(),
            };
            super::print(text::render(&view, &options).trim_end())?;
        }
        for path in written.transpose()?.into_iter().flatten() {
            self.say_where(&path)?;
        }
        markdown.publish(&view)?;
        Ok(Exit::from_code(analysis.judgement.verdict.exit_code()))
    }
}
