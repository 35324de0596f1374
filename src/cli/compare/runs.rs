//! `dyno compare RUN RUN…`: finished runs side by side.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::{
    super::{Exit, print, report::stored_run},
    CompareArguments,
};
use crate::{
    analysis::runs::{self, Contrast, ContrastError, Run},
    report::{runs as report, stored::StoredRun},
};

pub(super) fn compare(arguments: &CompareArguments, paths: &[PathBuf]) -> anyhow::Result<Exit> {
    if !arguments.keys.is_empty() || arguments.table.is_some() || arguments.run {
        bail!(
            "finished runs are compared as they are: --keys, --table and --run are for a scenario\n  \
             help: name one scenario file, or leave the options out"
        );
    }
    let read = |path: &PathBuf| {
        let run = stored_run(path);
        run.with_context(|| match path.extension() {
            Some(extension) if extension == "toml" => format!(
                "{}: several are compared only when they are finished runs\n  help: run each \
                 scenario with `dyno run`, and name the folders that it makes",
                path.display()
            ),
            _ => format!("{} is no finished run", path.display()),
        })
    };
    let stored: Vec<StoredRun> = paths.iter().map(read).collect::<Result<_, _>>()?;
    let labels: Vec<String> = paths.iter().map(|path| label(path)).collect();
    let sides: Vec<Run<'_>> = stored
        .iter()
        .zip(&labels)
        .map(|(run, label)| Run {
            label,
            record: &run.record,
            scenario: &run.scenario,
        })
        .collect();
    let contrast = runs::contrast(&sides, arguments.what_if).map_err(|error| {
        let help = match error {
            ContrastError::Aspects(_) | ContrastError::Unusable { .. } => {
                "\n  help: --what-if shows the differences without a verdict"
            }
            _ => "",
        };
        anyhow::anyhow!("cannot compare: {error}{help}")
    })?;
    publish(arguments, &contrast)?;
    Ok(Exit::Pass)
}

/// The run's folder, without what leads to it.
fn label(path: &Path) -> String {
    let is_file = path
        .extension()
        .is_some_and(|extension| extension == "json");
    let folder = if is_file { path.parent() } else { Some(path) };
    let name = folder.and_then(Path::file_name);
    name.map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn publish(arguments: &CompareArguments, contrast: &Contrast) -> anyhow::Result<()> {
    let document = serde_json::to_string_pretty(contrast)?;
    if arguments.output.printed.json {
        print(&document)?;
    } else {
        print(report::render(contrast).trim_end())?;
    }
    if arguments.no_files {
        return Ok(());
    }
    let name = contrast
        .runs
        .first()
        .map_or("", |run| run.scenario.as_str());
    let folder = arguments.output.folder(name, "-compared")?;
    let path = folder.write("comparison.json", document.as_bytes())?;
    arguments.output.printed.say_where(&path)
}
