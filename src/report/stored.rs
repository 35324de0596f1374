//! A stored run, read back and checked, so that nothing downstream has to doubt it.
//!
//! Owns what a `results.json` must fulfil to be drawn again; must not know where it was read.

mod bounds;

use serde::Deserialize;
use thiserror::Error;

use crate::{
    record::{
        RunRecord, SCHEMA_VERSION,
        journal::{Assembly, Entry, Incomplete},
    },
    scenario::{
        Scenario,
        diagnostic::{Diagnostics, printable},
        files::NotedFiles,
        parse,
    },
};
use bounds::{Counted, check};

/// A run with the scenario that it ran.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRun {
    /// As it was stored.
    pub record: RunRecord,
    /// Parsed again from the record, with the seed of the run.
    pub scenario: Scenario,
    /// Whether the scenario still means what it meant to the version that ran it.
    pub same_meaning: bool,
}

/// Why a document is no stored run.
#[derive(Debug, Error)]
pub enum StoredError {
    /// Not JSON.
    #[error("it is not JSON: {0}")]
    NotJson(serde_json::Error),
    /// A journal that breaks off in its first line.
    #[error("the process was killed before its first second")]
    Headless,
    /// JSON of something else.
    #[error("it is not the results of a run: it has no `schema_version`")]
    Foreign,
    /// Of another version of the format.
    #[error("it has schema version {found}{newer}; this dyno reads version {SCHEMA_VERSION}",
        newer = if *found > u64::from(SCHEMA_VERSION) { ", written by a newer dyno" } else { "" })]
    Version {
        /// The version in the document.
        found: u64,
    },
    /// Of this version, but not as its schema says.
    #[error("it does not follow the schema of results: {}", printable(&.0.to_string()))]
    Malformed(serde_json::Error),
    /// The scenario in it is not valid for this version.
    #[error("the scenario stored in it no longer parses:\n{0}")]
    Scenario(Box<Diagnostics>),
    /// Record and scenario contradict each other, or the record itself.
    #[error("its record does not fit: {0}")]
    Misfit(String),
}

/// What is read of a `results.json`: all else follows from the record, and is worked out anew.
#[derive(Deserialize)]
struct Stored {
    schema_version: u32,
    record: RunRecord,
}

/// Reads `results.json`.
///
/// # Errors
/// When it is not one, of another version, or contradicts itself.
pub fn read(document: &str) -> Result<StoredRun, StoredError> {
    with_times(read_part(document)?)
}

/// Reads `results.json` for somebody who adds up the times of its seconds, and finds then whether
/// they can be read: looking at them twice is most of the work of merging.
///
/// # Errors
/// As [`read`], but for those times.
pub fn read_part(document: &str) -> Result<StoredRun, StoredError> {
    let results: Stored =
        serde_json::from_str(document).map_err(|error| reason(document, error))?;
    same_version(results.schema_version)?;
    same_version(results.record.schema_version)?;
    checked(results.record)
}

/// Records that are to be added up.
#[derive(Debug, Default)]
pub struct Parts(Counted);

impl Parts {
    /// One more of them.
    ///
    /// # Errors
    /// When the sum of something that they count could overflow.
    pub fn add(&mut self, run: &StoredRun) -> Result<(), StoredError> {
        let counted = check(&run.record, &run.scenario);
        let added = counted.and_then(|counted| self.0.add(counted));
        added.map_err(StoredError::Misfit)
    }
}

/// Reads the journal of a run whose process was killed; a last line without an end is left out.
///
/// # Errors
/// When it is none, of another version, or contradicts itself.
pub fn read_journal(document: &str) -> Result<StoredRun, StoredError> {
    let whole = document.rfind('\n').map_or("", |end| &document[..end]);
    let mut lines = whole.lines();
    let head = lines.next().ok_or(StoredError::Headless)?;
    let head: RunRecord = serde_json::from_str(head).map_err(|error| reason(head, error))?;
    same_version(head.schema_version)?;
    let fits = StoredError::Misfit;
    let mut counted = Counted::default();
    counted.phases(&head.phases).map_err(fits)?;
    let mut assembly = Assembly::new(head);
    for line in lines {
        let entry: Entry = serde_json::from_str(line).map_err(StoredError::Malformed)?;
        let mut growths = entry.phases.iter();
        growths
            .try_for_each(|it| counted.totals("an entry", it.arrivals, &it.operations))
            .and_then(|()| assembly.add(entry))
            .map_err(fits)?;
    }
    let (mut record, until) = assembly.finish();
    // The last one ends with the journal.
    let ended = Counted::default().phases(&record.phases);
    ended.map_err(fits)?;
    record.provenance.incomplete = Some(Incomplete::of(&record, until));
    with_times(checked(record)?)
}

/// The run, if the times of its seconds can be read.
fn with_times(run: StoredRun) -> Result<StoredRun, StoredError> {
    let mut counted = Counted::default();
    for interval in &run.record.intervals {
        let times = interval.operations.iter().map(|part| &part.response_time);
        for text in times.chain([&interval.dispatch_delay]).flatten() {
            let place = format!("second {}", interval.second);
            let count = text.check();
            count
                .map_err(|error| format!("{place}: {error}"))
                .and_then(|count| counted.counts(&place, [count]))
                .map_err(StoredError::Misfit)?;
        }
    }
    Ok(run)
}

fn same_version(found: u32) -> Result<(), StoredError> {
    let found = u64::from(found);
    if found == u64::from(SCHEMA_VERSION) {
        Ok(())
    } else {
        Err(StoredError::Version { found })
    }
}

/// The run of a record that fits its scenario.
fn checked(record: RunRecord) -> Result<StoredRun, StoredError> {
    let files = NotedFiles(&record.files);
    let mut scenario = parse::parse_with(&record.scenario_source, "the stored scenario", &files)
        .map_err(|problems| StoredError::Scenario(Box::new(problems)))?
        .scenario;
    scenario.seed = record.provenance.seed;
    check(&record, &scenario).map_err(StoredError::Misfit)?;
    let same_meaning = scenario.fingerprint() == record.provenance.fingerprint;
    Ok(StoredRun {
        record,
        scenario,
        same_meaning,
    })
}

/// Why a document does not follow the schema: if it is of another version, that comes first.
fn reason(document: &str, error: serde_json::Error) -> StoredError {
    #[derive(Deserialize)]
    struct Head {
        schema_version: u64,
    }
    // An array would be taken for the fields of a structure in order.
    let is_object = document.trim_start().starts_with('{');
    match serde_json::from_str(document) {
        Ok(_) if !is_object => StoredError::Foreign,
        Ok(Head { schema_version }) if schema_version == u64::from(SCHEMA_VERSION) => {
            StoredError::Malformed(error)
        }
        Ok(Head { schema_version }) => StoredError::Version {
            found: schema_version,
        },
        Err(error) if error.is_data() => StoredError::Foreign,
        Err(error) => StoredError::NotJson(error),
    }
}
