//! "Did we have enough capacity?": each table, and each of its global indexes on its own.

use crate::{
    record::RunRecord,
    report::{
        CapacityRow, IndexRow, ReportView,
        html::{
            figure,
            markup::{question, table},
            timeline::Timeline,
        },
    },
};

/// What a line is called, and what it tells of a row.
type Measure<Row> = (&'static str, fn(&Row) -> &str);

/// A section for each table, followed by those of its indexes.
pub fn capacity(view: &ReportView, record: &RunRecord, timeline: &Timeline) -> String {
    let several = record.tables.len() > 1;
    let mut sections = String::new();
    for (number, about) in record.tables.iter().enumerate() {
        let rows: Vec<&CapacityRow> = (view.capacity.iter())
            .filter(|row| row.number == number)
            .collect();
        let heading = if several {
            format!("Did table {} have enough capacity?", about.name)
        } else {
            "Did we have enough capacity?".to_owned()
        };
        let chart = figure::capacity(record, timeline, number, None);
        sections += &question(&heading, &of_table(&rows), &[chart], "");
        for (index, of_index) in about.indexes.iter().enumerate() {
            let rows: Vec<&IndexRow> = (view.indexes.iter())
                .filter(|row| row.table == number && row.index == index)
                .collect();
            let heading = format!("Did index {} have enough capacity?", of_index.name);
            let chart = figure::capacity(record, timeline, number, Some(index));
            sections += &question(&heading, &of_index_rows(&rows), &[chart], "");
        }
    }
    sections
}

/// One line for each measure, one column for each direction: it fits the narrowest window.
fn of_table(rows: &[&CapacityRow]) -> String {
    let measures: [Measure<CapacityRow>; 8] = [
        ("provisioned", |row| &row.provisioned),
        ("consumed, mean/s", |row| &row.mean),
        ("consumed, peak/s", |row| &row.peak),
        ("mean of provisioned", |row| &row.utilisation_percent),
        ("demand, estimated", |row| &row.demand),
        ("requests throttled", |row| &row.throttled_share),
        ("seconds with throttles", |row| &row.throttled_seconds),
        ("burst credit", |row| &row.burst),
    ];
    let heads = rows
        .iter()
        .map(|row| format!("{} {}", row.mark.glyph(), row.label));
    transposed(heads, rows, &measures)
}

fn of_index_rows(rows: &[&IndexRow]) -> String {
    let measures: [Measure<IndexRow>; 5] = [
        ("provisioned", |row| &row.provisioned),
        ("consumed, mean/s", |row| &row.mean),
        ("consumed, peak/s", |row| &row.peak),
        ("mean of provisioned", |row| &row.utilisation_percent),
        ("burst credit", |row| &row.burst),
    ];
    let heads = rows.iter().map(|row| row.label.to_owned());
    transposed(heads, rows, &measures)
}

fn transposed<Row>(
    heads: impl Iterator<Item = String>,
    rows: &[&Row],
    measures: &[Measure<Row>],
) -> String {
    let columns: Vec<String> = std::iter::once(String::new()).chain(heads).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let lines: Vec<Vec<String>> = measures
        .iter()
        .map(|(name, of)| {
            let cells = rows.iter().map(|row| match of(row) {
                "" => "–".to_owned(),
                cell => cell.to_owned(),
            });
            std::iter::once((*name).to_owned()).chain(cells).collect()
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    table(&columns, &lines, "")
}
