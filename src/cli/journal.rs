//! What a run notes of itself while it goes on, on a thread of its own: a disk that is slow or
//! full must not disturb the schedule.

use std::{
    path::{Path, PathBuf},
    thread,
};

use anyhow::Context as _;
use tokio::sync::mpsc;

use crate::{
    clock::cpu,
    record::{RunRecord, journal::Entry},
    store::{LineFile, RunFolder, StoreError},
};

/// What the file is called, until `results.json` takes its place.
const NAME: &str = "journal.jsonl";
/// Seconds that may wait for the disk.
const WAITING: usize = 8;

/// The journal of the run that goes on.
pub(super) struct Journal {
    folder: PathBuf,
    thread: thread::JoinHandle<Result<LineFile, StoreError>>,
}

impl Journal {
    /// Writes the empty record of the run. What comes through the channel is appended.
    pub(super) fn start(
        folder: &RunFolder,
        head: &RunRecord,
    ) -> anyhow::Result<(Self, mpsc::Sender<Entry>)> {
        let mut lines = folder.lines(NAME)?;
        lines.push(serde_json::to_vec(head)?)?;
        let (entries, written) = mpsc::channel(WAITING);
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                cpu::give_way();
                append(lines, written)
            })
            .context("cannot start the thread that writes the journal")?;
        let journal = Self {
            folder: folder.path().to_path_buf(),
            thread,
        };
        Ok((journal, entries))
    }

    /// Ends it, once the run is over: removes it when the results are safe, and otherwise says
    /// what can be done with it.
    pub(super) fn finish(self, results_are_safe: bool) {
        // It said itself when it failed.
        let Ok(Ok(lines)) = self.thread.join() else {
            return;
        };
        if !results_are_safe {
            eprintln!("note: {}", said(&self.folder));
        } else if let Err(error) = lines.remove() {
            eprintln!("warning: {error}");
        }
    }
}

/// Where the journal of a run's folder would be.
pub(super) fn in_folder(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// Whether a file is a journal, by its name.
pub(super) fn is_one(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == NAME)
}

/// How to see what a run noted before it was ended.
pub(super) fn said(folder: &Path) -> String {
    let folder = folder.display();
    format!("what was measured until the last second: dyno report {folder}")
}

fn append(mut lines: LineFile, mut entries: mpsc::Receiver<Entry>) -> Result<LineFile, StoreError> {
    while let Some(entry) = entries.blocking_recv() {
        let line = serde_json::to_vec(&entry).expect("every map of it has string keys");
        if let Err(error) = lines.push(line) {
            eprintln!("warning: {error}; the run goes on, and is lost if it is killed");
            return Err(error);
        }
    }
    Ok(lines)
}
