//! `dyno report`: draws again from a stored run.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use super::{Exit, journal, output::RESULTS};
use crate::{
    analysis::Analysis,
    progress,
    report::{
        ReportView, csv, hgrm, hlog, html, json, markdown,
        stored::{self, StoredError, StoredRun},
        text,
    },
    store::{self, RunFolder},
};

/// An hour-long run has some megabytes; a larger file is something else.
pub(super) const RESULTS_BYTES_MAX: u64 = 512 * 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    /// Folder of a run, or its results.json. Of a run that was killed: what it noted until then.
    run: PathBuf,
    /// What to draw.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// New file to write instead of stdout, or the new folder for SVGs, PNGs and distributions;
    /// what exists is not overwritten.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// The whole report as one page.
    Html,
    /// The summary, as a run prints it.
    Text,
    /// results.json, judged by this version.
    Json,
    /// For a job summary, at most 60 KiB.
    Markdown,
    /// One row per second and operation or table.
    Csv,
    /// Each chart as a file of its own, in the folder that -o names.
    Svg,
    /// The same as pictures.
    Png,
    /// `HdrHistogram` interval log of the response times, in nanoseconds.
    Hlog,
    /// Percentile distributions of response and service times, in milliseconds: a file for each
    /// operation, in the folder that -o names.
    Hgrm,
}

pub(super) fn report(arguments: &ReportArguments) -> anyhow::Result<Exit> {
    let run = stored_run(&arguments.run)?;
    let Some(drawn) = draw(&run, arguments.format, arguments.output.is_none()) else {
        return several(&run, arguments.format, arguments.output.as_deref());
    };
    match &arguments.output {
        Some(file) => store::write_file(file, drawn.as_bytes())?,
        // `print` ends the last line itself.
        None => super::print(drawn.strip_suffix('\n').unwrap_or(&drawn))?,
    }
    Ok(Exit::Pass)
}

/// Writes what is several files into the new folder.
fn several(run: &StoredRun, format: Format, folder: Option<&Path>) -> anyhow::Result<Exit> {
    let Some(folder) = folder else {
        eprintln!(
            "error: this format makes several files\n  help: name a new folder for them with -o DIR"
        );
        return Ok(Exit::Usage);
    };
    let files = match format {
        Format::Hgrm => (hgrm::files(&run.record).into_iter())
            .map(|(name, text)| (name, text.into_bytes()))
            .collect(),
        _ => charts(run, format)?,
    };
    let folder = RunFolder::create_at(folder)?;
    for (name, content) in files {
        let path = folder.write(&name, &content)?;
        super::print(&path.display().to_string())?;
    }
    Ok(Exit::Pass)
}

/// Name and content of each chart's file.
fn charts(run: &StoredRun, format: Format) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let charts = html::charts(&run.record, &run.scenario);
    let files = charts.iter().map(|chart| {
        if matches!(format, Format::Png) {
            let file = chart.to_png_file();
            let file = file.with_context(|| format!("cannot draw the chart {}", chart.id))?;
            Ok((format!("{}.png", chart.id), file))
        } else {
            Ok((
                format!("{}.svg", chart.id),
                chart.to_svg_file().into_bytes(),
            ))
        }
    });
    files.collect()
}

/// Reads a run from its folder or its `results.json`; from its journal where there is nothing
/// else.
pub(super) fn stored_run(run: &Path) -> anyhow::Result<StoredRun> {
    stored_run_with(run, stored::read)
}

/// The same, with results read by `read_results`.
pub(super) fn stored_run_with(
    run: &Path,
    read_results: fn(&str) -> Result<StoredRun, StoredError>,
) -> anyhow::Result<StoredRun> {
    let (path, is_journal) = stored_in(run);
    if run.is_dir() && !path.exists() {
        bail!("{} holds no run\n  help: {}", run.display(), nearby(run));
    }
    let document = store::read_text(&path, RESULTS_BYTES_MAX)?;
    let read = if is_journal {
        stored::read_journal(&document)
    } else {
        read_results(&document)
    };
    let run = read.with_context(|| format!("cannot use {} as a run", path.display()))?;
    if !run.same_meaning {
        eprintln!(
            "warning: {}: the stored scenario means something else to this version of dyno than \
             to the one that ran it; the verdict may differ",
            path.display()
        );
    }
    Ok(run)
}

/// What to name instead of a folder that holds no run itself.
fn nearby(folder: &Path) -> String {
    let last = store::runs_in(folder, RESULTS).unwrap_or_default().pop();
    match last.as_deref().and_then(Path::parent) {
        Some(last) => format!(
            "name the folder of one; the last one in it is {}",
            last.display()
        ),
        None => {
            format!("name the folder of one, which has a {RESULTS}, as `dyno run` says at its end")
        }
    }
}

/// The file to read, and whether it is a journal.
fn stored_in(run: &Path) -> (PathBuf, bool) {
    if !run.is_dir() {
        return (run.to_path_buf(), journal::is_one(run));
    }
    let (results, journal) = (run.join(RESULTS), journal::in_folder(run));
    if journal.is_file() && !results.exists() {
        (journal, true)
    } else {
        (results, false)
    }
}

/// The run as one document; `None` of what is several.
fn draw(run: &StoredRun, format: Format, to_stdout: bool) -> Option<String> {
    let StoredRun {
        record, scenario, ..
    } = run;
    let analysis = Analysis::of(record, scenario);
    let view = ReportView::of(record, scenario, &analysis);
    Some(match format {
        Format::Svg | Format::Png | Format::Hgrm => return None,
        Format::Html => html::render(&view, record, scenario),
        Format::Text => {
            let options = text::TextOptions {
                color: to_stdout && progress::stdout_colors(),
                ascii: to_stdout && !progress::unicode(),
            };
            text::render(&view, &options)
        }
        Format::Json => json::render(record, &analysis),
        Format::Markdown => markdown::render(&view),
        Format::Csv => csv::render(record),
        Format::Hlog => hlog::render(record),
    })
}
