//! The rows of CSV and JSON Lines, one at a time.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _},
};

use serde_json::value::RawValue;

use super::{
    super::super::{file::Problems, files::Reading},
    cell::Field,
    sink::Sink,
};

/// Bytes of one row, at most: an item has 400 KB.
const ROW_BYTES_MAX: u64 = 4 << 20;

#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    Csv,
    JsonLines,
}

impl Format {
    pub(super) fn of(path: &str) -> Option<Self> {
        let (_, extension) = path.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// Reads rows until `sink` has enough. A read that failed is left to the caller to tell.
pub(super) fn read(
    format: Format,
    reading: &mut Reading<'_>,
    sink: &mut Sink<'_>,
    problems: &mut Problems,
) {
    match format {
        Format::Csv => csv(reading, sink, problems),
        Format::JsonLines => json_lines(reading, sink, problems),
    }
    reading.lift_limit();
}

fn csv(reading: &mut Reading<'_>, sink: &mut Sink<'_>, problems: &mut Problems) {
    reading.limit(ROW_BYTES_MAX);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(reading);
    let Ok(headers) = reader.byte_headers().cloned() else {
        return;
    };
    let Some(columns) = columns(&headers, sink, problems) else {
        return;
    };
    let mut record = csv::ByteRecord::new();
    while sink.wants_more() {
        reader.get_mut().limit(ROW_BYTES_MAX);
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            // The reader keeps what failed.
            Ok(false) | Err(_) => return,
        }
        let line = line(&record, reader.position().line());
        if record.len() != headers.len() {
            let problem = format!(
                "{} fields, but the header has {}",
                record.len(),
                headers.len()
            );
            sink.refuse(line, &problem, problems);
            continue;
        }
        let field = |column: &Option<usize>| Some(Field::Text(record.get((*column)?)?));
        if !sink.row(line, columns.iter().map(field), problems) {
            return;
        }
    }
}

/// The line on which a record starts, when the next one is looked for on line `next`: empty lines
/// before it belong to its position, but not to it.
fn line(record: &csv::ByteRecord, next: u64) -> u64 {
    let position = record.position().map_or(0, csv::Position::line);
    let breaks = record.as_slice().iter().filter(|byte| **byte == b'\n');
    position.max(next.saturating_sub(breaks.count() as u64 + 1))
}

/// Where each wanted column stands, if it does.
fn columns(
    headers: &csv::ByteRecord,
    sink: &mut Sink<'_>,
    problems: &mut Problems,
) -> Option<Vec<Option<usize>>> {
    let mut names = Vec::new();
    for header in headers {
        let Ok(name) = std::str::from_utf8(header) else {
            sink.refuse(1, "the header is not UTF-8 text", problems);
            return None;
        };
        sink.name(name);
        names.push(name);
    }
    let wanted: Vec<String> = sink.wanted().map(ToOwned::to_owned).collect();
    let mut columns = Vec::new();
    for column in wanted {
        let mut found = names
            .iter()
            .enumerate()
            .filter(|(_, name)| **name == column);
        columns.push(found.next().map(|(index, _)| index));
        if found.next().is_some() {
            let problem = format!("the header has two columns `{column}`");
            sink.refuse(1, &problem, problems);
            return None;
        }
    }
    Some(columns)
}

fn json_lines(reading: &mut Reading<'_>, sink: &mut Sink<'_>, problems: &mut Problems) {
    let mut reader = BufReader::with_capacity(1 << 16, reading);
    let wanted: Vec<String> = sink.wanted().map(ToOwned::to_owned).collect();
    let mut bytes = Vec::new();
    let mut line = 0;
    while sink.wants_more() {
        bytes.clear();
        line += 1;
        let mut bounded = reader.by_ref().take(ROW_BYTES_MAX + 1);
        match bounded.read_until(b'\n', &mut bytes) {
            // The reader keeps what failed.
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if bytes.len() as u64 > ROW_BYTES_MAX {
            sink.refuse(line, "the line is longer than 4 MiB", problems);
            return;
        }
        let Ok(text) = std::str::from_utf8(&bytes) else {
            sink.refuse(line, "the line is not UTF-8 text", problems);
            continue;
        };
        let text = if line == 1 {
            text.trim_start_matches('\u{feff}')
        } else {
            text
        };
        if text.trim().is_empty() {
            continue;
        }
        let row: BTreeMap<String, &RawValue> = match serde_json::from_str(text) {
            Ok(row) => row,
            Err(error) => {
                let column = error.column().max(1);
                let problem = format!("the line is no JSON object (column {column})");
                sink.refuse(line, &problem, problems);
                continue;
            }
        };
        for name in row.keys() {
            sink.name(name);
        }
        let field = |column: &String| row.get(column).map(|raw| Field::Json(raw.get()));
        if !sink.row(line, wanted.iter().map(field), problems) {
            return;
        }
    }
}
