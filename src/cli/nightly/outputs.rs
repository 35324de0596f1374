//! What a trend is written to: a page, tables for programs, and a few lines on stdout.

use std::path::Path;

use crate::{
    analysis::trend::Trend,
    cli::output::add_to_job_summary,
    progress,
    report::{
        junit,
        trend::{badge, csv, markdown, page, text, view},
    },
    store,
};

/// Every output of a trend.
pub(in crate::cli) struct Outputs {
    files: Vec<(&'static str, String)>,
    summary: String,
    text: String,
}

impl Outputs {
    /// The page and the table of all that is known; the rest of what was measured `tonight`.
    pub(in crate::cli) fn of(all: &Trend, tonight: &Trend) -> Self {
        let view = view::view(tonight);
        let summary = markdown::render(&view);
        let files = vec![
            ("trend.html", page::render(all, &view::view(all))),
            ("history.csv", csv::render(all)),
            ("junit.xml", junit::render(&view)),
            ("summary.md", summary.clone()),
            ("badge.json", badge::render(&view)),
        ];
        Self {
            files,
            summary,
            text: text::render(&view, !progress::unicode()),
        }
    }

    /// Writes the files, the job summary where there is one, and the answer on stdout.
    pub(in crate::cli) fn publish(&self, folder: &Path) -> anyhow::Result<()> {
        let mut paths = Vec::new();
        for (name, content) in &self.files {
            let path = folder.join(name);
            store::replace_file(&path, content.as_bytes())?;
            paths.push(path.display().to_string());
        }
        add_to_job_summary(&self.summary)?;
        crate::cli::print(self.text.trim_end())?;
        crate::cli::print(&paths.join("   "))
    }
}
