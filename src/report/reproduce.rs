//! How to fire the same run again.

use std::fmt::Write as _;

use crate::record::RunRecord;

/// What to have before the command is given.
#[must_use]
pub fn instructions(record: &RunRecord) -> String {
    let file = file(record);
    let mut text = format!("Save the scenario below as {file}, then:");
    if !record.files.is_empty() {
        text = format!(
            "Save the scenario below as {file} beside the {} files that it names, then:",
            record.files.len()
        );
    }
    if record.provenance.part.is_some() {
        text.push_str(" (without its shards, which make the same requests together)");
    }
    text
}

/// The command that makes the same requests at the same times against the same kind of target.
#[must_use]
pub fn command(record: &RunRecord) -> String {
    let from = &record.provenance;
    let file = file(record);
    let seed = from.seed;
    if from.target == "simulation" {
        return format!("dyno simulate {file} --seed {seed}");
    }
    let mut command = format!("dyno run {file} --seed {seed}");
    if let Some(region) = from.target.strip_prefix("AWS ") {
        let _ = write!(command, " --live --region {}", quoted(region));
    } else if from.target != "emulator" {
        let _ = write!(command, " --endpoint {}", quoted(&from.target));
    }
    if !from.time_scale.is_real() {
        let _ = write!(command, " --time-scale {}", from.time_scale);
    }
    if let Some(client) = from.client.as_deref().filter(|client| *client != "wire") {
        let _ = write!(command, " --client {}", quoted(client));
    }
    command
}

/// A name for the scenario that no shell reads as anything else.
fn file(record: &RunRecord) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = (record.provenance.scenario.chars())
        .take(60)
        .map(safe)
        .collect();
    format!("{}.toml", name.trim_start_matches(['-', '.']))
}

/// A word for a shell, whatever is in it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
