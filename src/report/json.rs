//! `results.json`: the whole run with what follows from it, for programs.
//!
//! Deterministic: the same record and scenario give the same bytes.

use std::{borrow::Cow, io};

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use super::{format, sentence};
use crate::{
    analysis::{
        Analysis, ArrivalModel, Summary,
        cause::Cause,
        threshold::{Assertion, Verdict},
    },
    record::{RunRecord, SCHEMA_VERSION},
};

/// The document `results.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "dynamometer results")]
pub struct Results<'a> {
    /// Version of this format.
    pub schema_version: u32,
    /// `true` when every threshold was met by a valid run that came to its end.
    pub passed: bool,
    /// Pass, fail, invalid or interrupted.
    pub verdict: Verdict,
    /// Exit code of the process: 0 pass, 1 fail, 3 invalid, 130 interrupted.
    pub exit_code: u8,
    /// What decided when measured requests were due.
    #[serde(default)]
    pub arrival_model: ArrivalModel,
    /// Was it enough, and if not, why? In words.
    pub sentence: String,
    /// The same for programs.
    pub cause: Cause,
    /// The measured phases in numbers.
    pub summary: Summary,
    /// Every threshold of the scenario with what was observed.
    pub thresholds: Vec<Assertion>,
    /// The whole run, as it was recorded.
    pub record: Cow<'a, RunRecord>,
}

/// Puts the document together.
#[must_use]
pub fn results<'a>(record: &'a RunRecord, analysis: &Analysis) -> Results<'a> {
    let Analysis {
        summary,
        judgement,
        cause,
        arrival_model,
    } = analysis;
    Results {
        schema_version: SCHEMA_VERSION,
        passed: judgement.verdict.passed(),
        verdict: judgement.verdict.clone(),
        exit_code: judgement.verdict.exit_code(),
        arrival_model: *arrival_model,
        sentence: format::plain(&sentence::sentence(cause, &judgement.verdict)),
        cause: cause.clone(),
        summary: summary.clone(),
        thresholds: judgement.assertions.clone(),
        record: Cow::Borrowed(record),
    }
}

/// Writes the document as text that ends with a newline: of a long run it is larger than all else
/// that there is in memory.
///
/// # Errors
/// When `to` takes no more.
pub fn write(record: &RunRecord, analysis: &Analysis, mut to: impl io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut to, &results(record, analysis))?;
    to.write_all(b"\n")
}

/// The same text.
///
/// # Panics
/// Never: the document has no maps whose keys are not strings.
#[must_use]
pub fn render(record: &RunRecord, analysis: &Analysis) -> String {
    let mut text = Vec::new();
    write(record, analysis, &mut text).expect("every map of it has string keys");
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// JSON Schema of the document.
#[must_use]
pub fn schema() -> serde_json::Value {
    schema_for!(Results).to_value()
}
