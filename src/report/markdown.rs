//! The report as GitHub-flavoured Markdown, for a job summary: at most 60 KiB.
//!
//! Owns its layout; must not know where it goes. Whatever comes from a scenario or a server
//! passes through [`escaped`].

use super::{AssertionRow, ModelRow, ReportView, ShardRow, format};
use crate::scenario::diagnostic::printable;

/// Bytes of the whole document.
pub const BYTES_MAX: usize = 60 * 1024;
/// Bytes of one table, at most: one that is long must not push out the others.
const TABLE_BYTES: usize = 12 * 1024;
/// Left free after each table, for how many rows did not fit and the note below.
const SPARE_BYTES: usize = 1024;
/// Keys told of each table and index.
const KEYS: usize = 10;
const CELL_CHARS: usize = 120;
const SENTENCE_CHARS: usize = 1_500;

/// The document.
#[must_use]
pub fn render(view: &ReportView) -> String {
    let verdict = &view.verdict;
    let detail = if verdict.detail.is_empty() {
        String::new()
    } else {
        format!(" ({})", cell(&verdict.detail))
    };
    let facts = [&view.target, &view.duration].map(|fact| cell(fact));
    let mut page = format!(
        "## {} {}{detail}: {}\n\n{}\n\n{}, {}, seed {}\n",
        verdict.mark.glyph(),
        verdict.word,
        cell(&view.scenario),
        escaped(&view.sentence, SENTENCE_CHARS),
        facts[0],
        facts[1],
        cell(&view.seed),
    );
    add_requests(&mut page, view);
    add_capacity(&mut page, view);
    add_table(
        &mut page,
        "Partitions",
        &["of", "what became of them"],
        (view.partitions.iter()).map(|fact| vec![fact.term.as_str(), &fact.value]),
    );
    add_table(
        &mut page,
        "Shards",
        &ShardRow::COLUMNS,
        view.shards.iter().map(|row| row.cells().to_vec()),
    );
    add_table(
        &mut page,
        "Model beside run",
        &ModelRow::COLUMNS,
        view.model.iter().map(|row| row.cells().to_vec()),
    );
    for keys in &view.keys {
        let columns = keys.columns.each_ref().map(String::as_str);
        let rows = keys.rows.iter().take(KEYS).cloned();
        if add_table(&mut page, &cell(&keys.heading), &columns, rows) {
            page.extend(["\n", &escaped(&keys.note, SENTENCE_CHARS / 3), "\n"]);
        }
    }
    page
}

/// What was asked for, and how it went.
fn add_requests(page: &mut String, view: &ReportView) {
    add_table(
        page,
        "Limits",
        &["", "limit on", "observed", "limit", "margin"],
        view.assertions.iter().chain(&view.validity).map(assertion),
    );
    add_table(
        page,
        "Operations",
        &[
            "operation",
            "op/s",
            "offered/s",
            "p50",
            "p99",
            "p99.9",
            "units/op",
            "throttled",
            "failed",
        ],
        view.operations.iter().map(|row| {
            let times = &row.response_time;
            vec![
                &row.name,
                &row.completed_rate,
                &row.offered_rate,
                &times.p50,
                &times.p99,
                &times.p99_9,
                &row.units_per_request,
                &row.throttled_share,
                &row.error_share,
            ]
        }),
    );
}

/// What tables and indexes took of what they had.
fn add_capacity(page: &mut String, view: &ReportView) {
    add_table(
        page,
        "Capacity",
        &[
            "table",
            "",
            "mean/s",
            "peak/s",
            "provisioned",
            "used",
            "demand",
            "throttled",
            "burst",
        ],
        view.capacity.iter().map(|row| {
            vec![
                row.table.as_str(),
                row.label,
                &row.mean,
                &row.peak,
                &row.provisioned,
                &row.utilisation_percent,
                &row.demand,
                &row.throttled_share,
                &row.burst,
            ]
        }),
    );
    add_table(
        page,
        "Global indexes",
        &[
            "index",
            "",
            "mean/s",
            "peak/s",
            "provisioned",
            "used",
            "burst",
        ],
        view.indexes.iter().map(|row| {
            vec![
                row.name.as_str(),
                row.label,
                &row.mean,
                &row.peak,
                &row.provisioned,
                &row.utilisation_percent,
                &row.burst,
            ]
        }),
    );
}

fn assertion(row: &AssertionRow) -> Vec<&str> {
    vec![
        row.mark.glyph(),
        &row.name,
        &row.observed,
        &row.limit,
        &row.margin,
    ]
}

/// Adds a table under its heading; `false`: it has no rows, or there is no room for any. Says
/// how many rows did not fit.
fn add_table<T: AsRef<str>>(
    page: &mut String,
    heading: &str,
    header: &[&str],
    rows: impl Iterator<Item = Vec<T>>,
) -> bool {
    let mut text = format!(
        "\n### {heading}\n\n| {} |\n|{}\n",
        header.join(" | "),
        "---|".repeat(header.len())
    );
    let room = BYTES_MAX.saturating_sub(page.len() + SPARE_BYTES);
    let (mut shown, mut left_off) = (0_usize, 0_usize);
    for row in rows {
        let cells: Vec<String> = row.iter().map(|text| cell(text.as_ref())).collect();
        let line = format!("| {} |\n", cells.join(" | "));
        if left_off > 0 || text.len() + line.len() > TABLE_BYTES.min(room) {
            left_off += 1;
        } else {
            shown += 1;
            text.push_str(&line);
        }
    }
    if left_off > 0 {
        text.extend(["\nand ", &left_off.to_string(), " more\n"]);
    }
    let told = shown > 0;
    if told {
        page.push_str(&text);
    } else if left_off > 0 && page.len() + heading.len() + 64 < BYTES_MAX {
        page.extend(["\n", heading, ": ", &left_off.to_string(), " more\n"]);
    }
    told
}

fn cell(text: &str) -> String {
    escaped(text, CELL_CHARS)
}

/// `text` on one line, at most `chars` characters of it, as nothing but text: what Markdown or
/// HTML would read as markup is written as a character reference, which never is.
#[must_use]
pub fn escaped(text: &str, chars: usize) -> String {
    let one_line = format::plain(text).replace(['\n', '\r', '\t'], " ");
    let safe = printable(&one_line);
    let safe = safe.trim();
    let mut escaped: String = safe.chars().take(chars).map(reference).collect();
    if safe.chars().nth(chars).is_some() {
        escaped.push('…');
    }
    // A bare address would become a link without any markup.
    escaped
        .replace("://", "&#58;//")
        .replace("www.", "www&#46;")
}

fn reference(character: char) -> String {
    if "&<>`|*_~[]\\#@!$".contains(character) {
        format!("&#{};", u32::from(character))
    } else {
        character.to_string()
    }
}
