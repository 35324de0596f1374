//! Response and service times as percentile distributions: a file for each operation, and one of
//! all of them together.
//!
//! Owns which there are and what they are called; must not know the format.

use crate::{
    analysis::measured_phases,
    record::{
        OperationTotals, RunRecord,
        histogram::{LatencyHistogram, distribution},
    },
    scenario::diagnostic::printable,
};

/// Begin of a file's name, what it holds, and where that is.
type Times = (
    &'static str,
    &'static str,
    fn(&OperationTotals) -> &LatencyHistogram,
);

/// Characters of an operation's name in that of its file.
const NAME_CHARS: usize = 60;

/// Name and content of each file, over the measured phases.
#[must_use]
pub fn files(record: &RunRecord) -> Vec<(String, String)> {
    let times: [Times; 2] = [
        ("response", "response time, due to answer", |of| {
            &of.response_time
        }),
        ("service", "service time, last send to answer", |of| {
            &of.service_time
        }),
    ];
    let mut files = Vec::new();
    for (short, what, of) in times {
        let mut all = LatencyHistogram::default();
        for (number, operation) in record.operations.iter().enumerate() {
            let mut own = LatencyHistogram::default();
            for totals in measured_phases(record).filter_map(|it| it.operations.get(number)) {
                own.merge(of(totals));
            }
            all.merge(&own);
            let about = format!("{what}, of {}", printable(&operation.name));
            let name = format!("{short}-{}-{}.hgrm", number + 1, safe(&operation.name));
            files.push((name, distribution::write(&about, &own)));
        }
        let about = format!("{what}, of all operations");
        files.push((format!("{short}.hgrm"), distribution::write(&about, &all)));
    }
    files
}

/// A part of a file's name on any system.
fn safe(name: &str) -> String {
    let keep = |c: char| {
        if c.is_ascii_alphanumeric() || "-_".contains(c) {
            c
        } else {
            '-'
        }
    };
    name.chars().take(NAME_CHARS).map(keep).collect()
}
