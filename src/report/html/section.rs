//! The sections of the page, each from what it shows to its markup.

mod capacity;
mod heat;
mod method;

use std::{fmt::Write as _, time::Duration};

use super::{
    escaped, figure,
    markup::{class, glyph_of, question, table, with_names},
    timeline::Timeline,
};
use crate::{
    record::RunRecord,
    report::{
        AssertionRow, Fact, ModelRow, OperationRow, ReportView, ShardRow, Tile, cost::CostView,
    },
    scenario::Scenario,
};
pub use capacity::capacity;
pub use heat::heat;
pub use method::method;

/// Verdict, answer and what identifies the run.
pub fn header(view: &ReportView) -> String {
    let verdict = &view.verdict;
    let detail = match verdict.detail.as_str() {
        "" => String::new(),
        detail => format!(" <small>{}</small>", escaped(detail)),
    };
    let question = view.question.as_ref().map_or_else(String::new, |question| {
        format!("<p class=\"question\">{}</p>\n", escaped(question))
    });
    let facts = view.facts.iter().fold(String::new(), |mut all, fact| {
        let (term, value) = (escaped(&fact.term), escaped(short(fact)));
        let _ = write!(all, "<div><dt>{term}</dt><dd>{value}</dd></div>");
        all
    });
    format!(
        "<header>\n<h1><span class=\"verdict {}\">{} {}{detail}</span> \
         <span class=\"name\">{}</span></h1>\n\
         <p class=\"answer\">{}</p>\n{question}<dl class=\"facts\">{facts}</dl>\n</header>\n",
        class(verdict.mark),
        verdict.mark.glyph(),
        verdict.word,
        escaped(&view.scenario),
        with_names(&view.sentence),
    )
}

/// A fingerprint or a commit by its first digits: the record has it in full.
fn short(fact: &Fact) -> &str {
    let is_hash = fact.value.len() >= 40 && fact.value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash {
        &fact.value[..12]
    } else {
        &fact.value
    }
}

/// The numbers to see first.
pub fn tiles(tiles: &[Tile]) -> String {
    let items = tiles.iter().fold(String::new(), |mut all, tile| {
        let notes = [&tile.limit, &tile.note].into_iter();
        let notes = notes
            .filter(|note| !note.is_empty())
            .fold(String::new(), |all, note| {
                format!("{all}<span class=\"note\">{}</span>", escaped(note))
            });
        let _ = write!(
            all,
            "<li class=\"{}\"><span class=\"label\">{}</span>\
             <span class=\"value\"><i>{}</i> {}</span>{notes}</li>",
            class(tile.mark),
            escaped(&tile.label),
            tile.mark.glyph().trim(),
            escaped(&tile.value),
        );
        all
    });
    format!("<ul class=\"tiles\">{items}</ul>\n")
}

/// Limits and what was observed.
pub fn assertions(view: &ReportView) -> String {
    let table = if view.assertions.is_empty() {
        "<p class=\"muted\">The scenario sets no thresholds.</p>\n".to_owned()
    } else {
        assertion_table(&view.assertions)
    };
    format!("<section>\n<h2>Were the limits kept?</h2>\n{table}</section>\n")
}

fn assertion_table(rows: &[AssertionRow]) -> String {
    let rows = rows.iter().fold(String::new(), |mut all, row| {
        let _ = write!(
            all,
            "<tr><td><span class=\"{}\">{}</span> {}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            class(row.mark),
            row.mark.glyph(),
            escaped(&row.name),
            escaped(&row.observed),
            escaped(&row.limit),
            escaped(&row.margin),
        );
        all
    });
    format!(
        "<div class=\"scroll\"><table><thead><tr><th>limit on</th><th>observed</th><th>limit</th>\
         <th>margin</th></tr></thead><tbody>{rows}</tbody></table></div>\n"
    )
}

/// Throttles by cause.
pub fn throttles(view: &ReportView, timeline: &Timeline) -> String {
    let rows: Vec<Vec<String>> = view
        .throttles
        .iter()
        .map(|row| {
            let reason = row.reason.clone();
            [
                row.table.clone(),
                row.label.to_owned(),
                row.cause.to_owned(),
                reason,
                row.count.clone(),
            ]
            .to_vec()
        })
        .collect();
    let numbers = if rows.is_empty() {
        String::new()
    } else {
        table(
            &[
                "table",
                "direction",
                "limit that was hit",
                "reason given",
                "times given",
            ],
            &rows,
            "",
        )
    };
    let partitions = view.partitions.iter().fold(numbers, |all, fact| {
        let (of, what) = (escaped(&fact.term), escaped(&fact.value));
        format!("{all}<p>Partitions of {of}: {what}.</p>\n")
    });
    // An empty chart asks to be read, and says less than a sentence.
    if timeline.causes.is_empty() {
        let none = "<p>No attempt was throttled.</p>\n";
        return question("Table or partition?", none, &[], &partitions);
    }
    let figure = figure::throttles(timeline);
    question("Table or partition?", "", &[figure], &partitions)
}

/// Both charts of latency.
pub fn latency(record: &RunRecord, scenario: &Scenario, timeline: &Timeline) -> String {
    let shares = figure::latency_by_percentile(record, scenario);
    let times = figure::latency_over_time(record, timeline);
    question("How slow, and for how many?", "", &[shares], "")
        + &question("When was it slow?", "", &[times], "")
}

/// Whether the generator was the bottleneck.
pub fn schedule(view: &ReportView, allowed: Duration, timeline: &Timeline) -> String {
    let figure = figure::schedule(timeline, allowed);
    let numbers = assertion_table(&view.validity);
    question(
        "Did the generator keep its schedule?",
        &numbers,
        &[figure],
        "",
    )
}

/// Every operation with its counts and times.
pub fn operations(view: &ReportView) -> String {
    let all = |cells: fn(&OperationRow) -> Vec<String>| -> Vec<Vec<String>> {
        view.operations.iter().map(cells).collect()
    };
    let counts = all(|row| {
        let marked = |count: &str, mark| format!("{count} {}", glyph_of(mark)).trim().to_owned();
        vec![
            format!("{} ({}, {})", row.name, row.api_name, row.table),
            row.arrivals.clone(),
            row.completed.clone(),
            marked(&row.throttled, row.throttled_mark),
            marked(&row.failed, row.error_mark),
            row.timed_out.clone(),
            row.dropped.clone(),
            row.attempts.clone(),
        ]
    });
    let times = all(|row| {
        let response = &row.response_time;
        vec![
            row.name.clone(),
            row.offered_rate.clone(),
            row.completed_rate.clone(),
            row.units_per_request.clone(),
            response.p50.clone(),
            response.p99.clone(),
            response.p99_9.clone(),
            response.max.clone(),
            row.service_time.p99.clone(),
        ]
    });
    let counts = table(
        &[
            "operation",
            "arrivals",
            "completed",
            "throttled",
            "failed",
            "timed out",
            "dropped",
            "attempts",
        ],
        &counts,
        "Requests of the measured phases. arrivals = completed + throttled + failed + timed out \
         + dropped.",
    );
    let times = table(
        &[
            "operation",
            "offered/s",
            "completed/s",
            "units each",
            "p50",
            "p99",
            "p99.9",
            "max",
            "service p99",
        ],
        &times,
        "Rates, units and response times of completed requests.",
    );
    let errors: Vec<Vec<String>> = (view.errors.iter())
        .map(|row| vec![row.operation.clone(), row.cause.clone(), row.count.clone()])
        .collect();
    let errors = if errors.is_empty() {
        String::new()
    } else {
        let causes = table(&["operation", "cause", "requests"], &errors, "");
        format!("<h3>Errors</h3>\n{causes}")
    };
    format!("<section>\n<h2>What did each operation do?</h2>\n{counts}{times}{errors}</section>\n")
}

/// What each way of paying for the capacity costs.
pub fn cost(view: &ReportView) -> String {
    let rows: Vec<Vec<String>> = view.cost.rows.iter().map(|row| row.to_vec()).collect();
    let numbers = table(&CostView::COLUMNS, &rows, "");
    let notes = view.cost.notes.iter().fold(String::new(), |mut all, note| {
        let _ = write!(all, "<li>{}</li>", escaped(note));
        all
    });
    format!("<section>\n<h2>What does it cost?</h2>\n{numbers}<ul>{notes}</ul>\n</section>\n")
}

/// What a simulation of the same scenario came to.
pub fn model(view: &ReportView) -> String {
    if view.model.is_empty() {
        return String::new();
    }
    let rows: Vec<_> = view
        .model
        .iter()
        .map(|row| row.cells().map(str::to_owned).to_vec())
        .collect();
    let table = table(&ModelRow::COLUMNS, &rows, "");
    format!(
        "<section>\n<h2>Can the model be trusted?</h2>\n<p>The same scenario in virtual time, by \
         the model of capacity that sizing and comparing use. It knows no slow server and no late \
         generator.</p>\n{table}</section>\n"
    )
}

/// Who fired what, in a merged run.
pub fn shards(view: &ReportView) -> String {
    if view.shards.is_empty() {
        return String::new();
    }
    let cells = |row: &ShardRow| {
        let mut cells = row.cells().map(str::to_owned);
        cells[0] = format!("{} {}", glyph_of(row.mark), cells[0]);
        cells.to_vec()
    };
    let rows: Vec<_> = view.shards.iter().map(cells).collect();
    let caption = "Arrivals and share: of what was due in the shards that are here. Clock offset: the \
                   server's clock, by its Date header, minus the shard's. Ready: by how much the shard \
                   missed the start.";
    let table = table(&ShardRow::COLUMNS, &rows, caption);
    format!("<section>\n<h2>Did every shard do its part?</h2>\n{table}</section>\n")
}
