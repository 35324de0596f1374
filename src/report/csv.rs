//! Seconds as rows, for spreadsheets: RFC 4180, with units in the header.
//!
//! A row is of the whole run (`run`), of an operation, of a table or of a global index, as its
//! scope says. Units of an index are not in its table's row. Cells
//! that its scope does not have are empty. Text that a spreadsheet would take for a formula is
//! prefixed with an apostrophe.

use std::fmt::Display;

use crate::{
    record::{Interval, RunRecord},
    scenario::diagnostic::printable,
    units::{ByDirection, CapacityUnits, Direction, Quantile},
};

const HEADER: [&str; 21] = [
    "second (s)",
    "scope",
    "name",
    "table",
    "offered (requests)",
    "sent (requests)",
    "completed (requests)",
    "throttled (requests)",
    "failed (requests)",
    "timed out (requests)",
    "dropped (requests)",
    "consumed reads (RCU)",
    "consumed writes (WCU)",
    "provisioned reads (RCU)",
    "provisioned writes (WCU)",
    "burst left reads (RCU)",
    "burst left writes (WCU)",
    "response time p50 (ns)",
    "response time p99 (ns)",
    "dispatch delay p99 (ns)",
    "time scale (seconds of the run per second)",
];

/// A row whose unset cells are empty.
#[derive(Default)]
struct Row {
    cells: [String; HEADER.len()],
}

impl Row {
    fn new(second: u64, scope: &str, name: &str, table: &str) -> Self {
        let mut row = Self::default();
        row.set(0, &second);
        row.set(1, &scope);
        // One line each, which steers no terminal.
        row.cells[2] = text(&printable(name));
        row.cells[3] = text(&printable(table));
        row
    }

    fn set(&mut self, column: usize, value: &dyn Display) {
        self.cells[column] = format!("{value}");
    }

    fn set_units(&mut self, column: usize, units: ByDirection<f64>) {
        self.set(column, &units[Direction::Read]);
        self.set(column + 1, &units[Direction::Write]);
    }
}

/// The table, lines ended by CR LF.
#[must_use]
pub fn render(record: &RunRecord) -> String {
    let mut csv = HEADER.join(",") + "\r\n";
    for interval in &record.intervals {
        for row in rows(record, interval) {
            csv.push_str(&row.cells.join(","));
            csv.push_str("\r\n");
        }
    }
    csv
}

fn rows(record: &RunRecord, interval: &Interval) -> Vec<Row> {
    let second = interval.second;
    let mut run = Row::new(second, "run", "", "");
    run.set(4, &interval.arrivals);
    run.set(5, &interval.sent);
    run.set(19, &interval.dispatch_delay_p99_nanos);
    run.set(20, &record.provenance.time_scale);
    let mut rows = vec![run];
    let zero = || ByDirection::from_fn(|_| CapacityUnits::ZERO);
    let mut consumed = vec![zero(); record.tables.len()];
    for (part, operation) in interval.operations.iter().zip(&record.operations) {
        let table = record.tables.get(operation.table);
        let table = table.map_or("", |table| table.name.as_str());
        let mut row = Row::new(second, "operation", &operation.name, table);
        let outcomes = &part.outcomes;
        row.set(6, &outcomes.completed);
        row.set(7, &outcomes.throttled);
        row.set(8, &outcomes.failed);
        row.set(9, &outcomes.timed_out);
        row.set(10, &outcomes.dropped);
        row.set_units(11, in_floats(&part.consumed));
        let times = part.response_time.as_ref().and_then(|it| it.decode().ok());
        for (column, quantile) in [(17, Quantile::P50), (18, Quantile::P99)] {
            if let Some(time) = times.as_ref().and_then(|times| times.quantile(quantile)) {
                row.set(column, &time.as_nanos());
            }
        }
        if let Some(sum) = consumed.get_mut(operation.table) {
            for direction in Direction::ALL {
                sum[direction] += part.consumed[direction];
            }
        }
        rows.push(row);
    }
    for ((part, table), consumed) in interval.tables.iter().zip(&record.tables).zip(&consumed) {
        let mut row = Row::new(second, "table", &table.name, &table.name);
        row.set_units(11, in_floats(consumed));
        if !table.on_demand {
            row.set_units(13, in_floats(&part.provisioned));
        }
        if let Some(left) = part.burst_left {
            row.set_units(15, left);
        }
        rows.push(row);
    }
    rows.extend(index_rows(record, interval));
    rows
}

/// Of each global index.
fn index_rows(record: &RunRecord, interval: &Interval) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, table) in record.tables.iter().enumerate() {
        let states = interval.tables.get(number);
        for (position, index) in table.indexes.iter().enumerate() {
            let mut row = Row::new(interval.second, "index", &index.name, &table.name);
            let parts = interval.operations.iter().zip(&record.operations);
            let own = parts.filter(|(_, operation)| operation.table == number);
            let consumed: Vec<_> = own
                .filter_map(|(part, _)| part.index_consumed.get(position))
                .collect();
            row.set_units(
                11,
                ByDirection::from_fn(|direction| {
                    let units = consumed.iter().map(|units| units[direction]);
                    units.sum::<CapacityUnits>().as_f64()
                }),
            );
            if let Some(state) = states.and_then(|table| table.indexes.get(position)) {
                if !table.on_demand {
                    row.set_units(13, in_floats(&state.provisioned));
                }
                if let Some(left) = state.burst_left {
                    row.set_units(15, left);
                }
            }
            rows.push(row);
        }
    }
    rows
}

fn in_floats(units: &ByDirection<CapacityUnits>) -> ByDirection<f64> {
    ByDirection::from_fn(|direction| units[direction].as_f64())
}

/// Text as a cell: never a formula, quoted where it has to be.
#[must_use]
pub fn text(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        "'"
    } else {
        ""
    };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}
