//! `history.csv`: a row for each night, a column for each metric of each scenario.
//!
//! Cells are empty where a night has no number: it was invalid, or of another scenario. Numbers
//! are written in full, in the unit of the header.

use std::collections::BTreeMap;

use crate::{
    analysis::trend::outcome::{GroupTrend, Trend},
    report::csv::text,
    scenario::diagnostic::printable,
};

/// Columns that say which night it is.
pub const KEYS: [&str; 5] = ["time", "night", "commit", "branch", "host_class"];

/// What a row is of: time, night, branch and host class.
type Row = (String, String, String, String);

/// The table, lines ended by CR LF.
#[must_use]
pub fn render(trend: &Trend) -> String {
    let mut columns: BTreeMap<String, usize> = BTreeMap::new();
    for group in &trend.groups {
        for (name, _) in group_columns(group) {
            let next = columns.len();
            columns.entry(name).or_insert(next);
        }
    }
    let mut rows: BTreeMap<Row, (String, Vec<String>)> = BTreeMap::new();
    for group in &trend.groups {
        let places: Vec<usize> = group_columns(group)
            .map(|(name, _)| columns[&name])
            .collect();
        for (index, night) in group.nights.iter().enumerate() {
            let branch = night.branch.clone().unwrap_or_default();
            let row = (
                night.at.clone(),
                night.night.clone(),
                branch,
                night.host.class(),
            );
            let (commit, cells) = rows
                .entry(row)
                .or_insert_with(|| (String::new(), vec![String::new(); columns.len()]));
            if let Some(known) = &night.commit {
                commit.clone_from(known);
            }
            for (place, metric) in places.iter().zip(&group.metrics) {
                if let Some(value) = metric.cells[index].value {
                    cells[*place] = format!("{value}");
                }
            }
        }
    }
    let mut header: Vec<&str> = vec![""; columns.len()];
    for (name, place) in &columns {
        header[*place] = name;
    }
    let header = KEYS.iter().copied().chain(header).map(cell);
    let mut csv = header.collect::<Vec<_>>().join(",") + "\r\n";
    for ((time, night, branch, host), (commit, cells)) in rows {
        let keys = [time, night, commit, branch, host].map(|key| cell(&key));
        csv.push_str(&keys.join(","));
        for cell in cells {
            csv.push(',');
            csv.push_str(&cell);
        }
        csv.push_str("\r\n");
    }
    csv
}

/// One line, which steers no terminal and is no formula.
fn cell(words: &str) -> String {
    text(&printable(words))
}

/// Names of a group's columns: `users: get.response_time_p99 (ns)`.
fn group_columns(
    group: &GroupTrend,
) -> impl Iterator<Item = (String, &crate::analysis::trend::outcome::MetricTrend)> {
    group.metrics.iter().map(|metric| {
        let unit = metric.unit.symbol();
        (
            format!("{}: {} ({unit})", group.group.scenario, metric.name),
            metric,
        )
    })
}
