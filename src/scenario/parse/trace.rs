//! Rates from a CSV file.

use csv::{ReaderBuilder, StringRecord};

use std::time::Duration;

use super::super::{
    Line,
    diagnostic::{Diagnostic, quoted},
    file::{Problems, fields::Fields, value::duration},
    files::{Inputs, Reading, Source, unreadable},
    quantity::Quantity,
};
use crate::units::Rate;

/// Rows of a trace, at most: a week in seconds.
const ROWS_MAX: usize = 1_000_000;
/// Of more problems in one file than this, the rest is left out.
const PROBLEMS_MAX: usize = 5;
/// Rates beyond this per second are no load test.
const RATE_MAX: f64 = 1e9;
/// Seconds that a trace may last.
const SECONDS_MAX: f64 = 1e10;

/// The lines of the trace that `fields` names, as long as the phase; none when the file is only
/// noted. `None` with a problem.
pub(super) fn lines(
    fields: &Fields<'_>,
    length: Option<Duration>,
    inputs: &mut Inputs<'_>,
    problems: &mut Problems,
) -> Option<Vec<Line>> {
    let path = fields.text(problems, "file")?;
    let span = fields.span_of("file");
    let scale = read_number(fields, "scale", problems)?;
    let speed = read_number(fields, "speed", problems)?;
    let linear = fields.one_of(problems, "interpolation") != Some("step");
    let columns = ["time", "rate"].map(|default| {
        let name = fields.text(problems, &format!("{default}_column"));
        name.unwrap_or(default).to_owned()
    });
    let mut reading = match inputs.open(path, &span, problems)? {
        Source::Noted(_) => return Some(Vec::new()),
        Source::Content(reading) => reading,
    };
    let mut told = Told {
        path,
        faults: Vec::new(),
    };
    let rows = rows(&mut reading, &columns, &mut told);
    if let Some(problem) = reading.take_problem() {
        problems.push(unreadable(path, &span, &problem));
        return None;
    }
    if !told.faults.is_empty() {
        for fault in told.faults {
            problems.push(Diagnostic::error("S064", span.clone(), fault));
        }
        return None;
    }
    inputs.close(reading, path, rows.len() as u64, &span, problems);
    let length = length?;
    let points: Vec<(f64, f64)> = rows
        .iter()
        .map(|&(time, rate)| ((time - rows[0].0) / speed, rate * scale))
        .collect();
    if points.iter().any(|&(_, rate)| rate > RATE_MAX) {
        let message = format!(
            "{}: a rate exceeds {}",
            quoted(path),
            Quantity::Rate.show(RATE_MAX)
        );
        problems.push(Diagnostic::error("S064", span, message).label("lower `scale`"));
        return None;
    }
    let last = points.last()?.0;
    let own = Duration::from_secs_f64(last.min(SECONDS_MAX));
    if own < length {
        let [own, rest] = [own, length.saturating_sub(own)]
            .map(|part| Quantity::Duration.show(part.as_secs_f64() * 1e9));
        problems.push(
            Diagnostic::warning("S065", span, format!("the trace ends after {own}"))
                .label(format!("its last rate holds for the {rest} that are left")),
        );
    }
    Some(cut(&points, linear, length))
}

fn read_number(fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Option<f64> {
    match fields.get(name) {
        None => Some(1.0),
        Some(_) => fields.number(problems, name),
    }
}

struct Told<'p> {
    path: &'p str,
    faults: Vec<String>,
}

impl Told<'_> {
    fn at(&mut self, line: u64, what: &str) {
        self.faults
            .push(format!("{}, line {line}: {what}", quoted(self.path)));
    }
}

/// Times in seconds and rates per second, in order; at least two unless something was told.
fn rows(reading: &mut Reading<'_>, columns: &[String; 2], told: &mut Told<'_>) -> Vec<(f64, f64)> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(reading);
    let mut places = [0; 2];
    match reader.headers() {
        Ok(header) => {
            for (place, column) in places.iter_mut().zip(columns) {
                match header.iter().position(|name| name.trim() == column) {
                    Some(found) => *place = found,
                    None => told.at(1, &missing(column, header)),
                }
            }
        }
        Err(_) => told.at(1, "the header is no text in UTF-8"),
    }
    let mut rows: Vec<(f64, f64)> = Vec::new();
    if !told.faults.is_empty() {
        return rows;
    }
    let mut record = StringRecord::new();
    while told.faults.len() < PROBLEMS_MAX {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                let line = error.position().map_or(line, csv::Position::line);
                told.at(line, "the row is no text in UTF-8");
                break;
            }
        }
        let line = record.position().map_or(line, csv::Position::line);
        if rows.len() >= ROWS_MAX {
            told.at(line, "more than 1,000,000 rows");
            break;
        }
        let [time, rate] = [0, 1].map(|which| number(&record, places[which], &columns[which]));
        match (time, rate) {
            (Ok(time), Ok(rate)) => {
                if rows.last().is_some_and(|&(before, _)| time <= before) {
                    told.at(line, "the time is not after the one before it");
                }
                rows.push((time, rate));
            }
            (time, rate) => {
                for fault in [time.err(), rate.err()].into_iter().flatten() {
                    told.at(line, &fault);
                }
            }
        }
    }
    if told.faults.is_empty() && rows.len() < 2 {
        let what = match rows.len() {
            0 => "no rows below the header",
            _ => "one row alone is no trace: at least two are needed",
        };
        told.at(reader.position().line(), what);
    }
    rows
}

fn missing(column: &str, header: &StringRecord) -> String {
    let names: Vec<_> = header
        .iter()
        .take(12)
        .map(|name| quoted(name.trim()))
        .collect();
    format!(
        "no column {}; there are {}",
        quoted(column),
        names.join(", ")
    )
}

/// The number in a row, at least zero.
fn number(record: &StringRecord, place: usize, column: &str) -> Result<f64, String> {
    let Some(text) = record.get(place).map(str::trim) else {
        return Err(format!("no value in {}", quoted(column)));
    };
    let number: f64 = text.parse().unwrap_or(f64::NAN);
    if !number.is_finite() {
        return Err(format!("{} is no number: {}", quoted(column), quoted(text)));
    }
    if !(0.0..=SECONDS_MAX).contains(&number) {
        return Err(format!(
            "{} is out of range: {}",
            quoted(column),
            quoted(text)
        ));
    }
    Ok(number)
}

/// Lines through `points` (seconds from the start, rate), cut or held to `length`.
fn cut(points: &[(f64, f64)], linear: bool, length: Duration) -> Vec<Line> {
    let at = |seconds: f64| duration(seconds.min(SECONDS_MAX / 1e3) * 1e9);
    let mut lines = Vec::new();
    let rate = |per_second: f64| Rate::per_second(per_second).unwrap_or_default();
    let mut start = Duration::ZERO;
    for pair in points.windows(2) {
        let [(from_at, from), (to_at, to)] = [pair[0], pair[1]];
        let end = at(to_at);
        if start >= length {
            break;
        }
        let shown = end.min(length);
        let to = match (linear, end > length) {
            (false, _) => from,
            (true, false) => to,
            (true, true) => {
                let part = (length.as_secs_f64() - from_at) / (to_at - from_at);
                from + (to - from) * part
            }
        };
        lines.push(Line {
            from: rate(from),
            to: rate(to),
            duration: shown.saturating_sub(start),
        });
        start = shown;
    }
    if let Some(&(_, last)) = points.last().filter(|_| start < length) {
        lines.push(Line {
            from: rate(last),
            to: rate(last),
            duration: length.saturating_sub(start),
        });
    }
    lines.retain(|line| !line.duration.is_zero());
    lines
}
