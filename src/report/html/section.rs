//! The sections of the page, each from what it shows to its markup.

use std::fmt::Write as _;

use super::{
    escaped,
    figure::{self, DataTable, Figure, Sample},
    timeline::Timeline,
};
use crate::{
    record::RunRecord,
    report::{AssertionRow, Fact, Mark, ModelRow, ReportView, ShardRow, Tile, chart::Texture},
    scenario::Scenario,
};

const fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "good",
        Mark::Bad => "bad",
        Mark::Caution => "caution",
        Mark::Neutral => "neutral",
    }
}

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
        "<header>\n<h1><span class=\"verdict {}\">{} {}{detail}</span></h1>\n\
         <p class=\"answer\">{}</p>\n{question}<dl class=\"facts\">{facts}</dl>\n</header>\n",
        class(verdict.mark),
        verdict.mark.glyph(),
        verdict.word,
        with_names(&view.sentence),
    )
}

/// Text with each name between backticks set apart.
fn with_names(text: &str) -> String {
    let parts: Vec<String> = text.split('`').map(escaped).collect();
    if parts.len().is_multiple_of(2) {
        return escaped(text);
    }
    let parts = parts.iter().enumerate();
    parts.fold(String::new(), |mut all, (index, part)| {
        let _ = match index % 2 {
            0 => write!(all, "{part}"),
            _ => write!(all, "<code>{part}</code>"),
        };
        all
    })
}

/// A fingerprint by its first digits: it stands in full at the end of the page.
fn short(fact: &Fact) -> &str {
    let is_hash = fact.value.len() == 64 && fact.value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash {
        &fact.value[..12]
    } else {
        &fact.value
    }
}

/// The numbers to see first.
pub fn tiles(tiles: &[Tile]) -> String {
    let items = tiles.iter().fold(String::new(), |mut all, tile| {
        let _ = write!(
            all,
            "<li class=\"{}\"><span class=\"label\">{}</span><span class=\"value\"><i>{}</i> {}</span>\
             <span class=\"note\">{}</span></li>",
            class(tile.mark),
            escaped(&tile.label),
            tile.mark.glyph().trim(),
            escaped(&tile.value),
            escaped(&tile.note),
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

/// Consumption against provision, table by table.
pub fn capacity(view: &ReportView, record: &RunRecord, timeline: &Timeline) -> String {
    let rows: Vec<Vec<String>> = view
        .capacity
        .iter()
        .map(|row| {
            [
                format!("{} {} {}", row.mark.glyph(), row.table, row.label),
                row.provisioned.clone(),
                row.mean.clone(),
                row.peak.clone(),
                row.utilisation_percent.clone(),
                row.demand.clone(),
                row.throttled_share.clone(),
                row.throttled_seconds.clone(),
                row.burst.clone(),
            ]
            .to_vec()
        })
        .collect();
    let numbers = table(
        &[
            "table",
            "provisioned",
            "mean/s",
            "peak/s",
            "mean of provisioned",
            "demand, estimated",
            "requests throttled",
            "seconds with throttles",
            "burst credit",
        ],
        &rows,
        "",
    );
    let figures: Vec<Figure> = (0..record.tables.len())
        .map(|index| figure::capacity(record, timeline, index))
        .collect();
    question("Did we have enough capacity?", &numbers, &figures, "")
}

/// Throttles by cause.
pub fn throttles(view: &ReportView, timeline: &Timeline) -> String {
    let figure = figure::throttles(timeline);
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
pub fn schedule(view: &ReportView, scenario: &Scenario, timeline: &Timeline) -> String {
    let figure = figure::schedule(timeline, scenario);
    let numbers = assertion_table(&view.validity);
    question(
        "Did the generator keep its schedule?",
        &numbers,
        &[figure],
        "",
    )
}

fn question(question: &str, before: &str, figures: &[Figure], after: &str) -> String {
    let figures = figures
        .iter()
        .fold(String::new(), |all, figure| all + &figure_markup(figure));
    format!(
        "<section>\n<h2>{}</h2>\n{before}{figures}{after}</section>\n",
        escaped(question)
    )
}

fn figure_markup(figure: &Figure) -> String {
    let legend = figure.legend.iter().fold(String::new(), |mut all, key| {
        let ink = key.ink.name();
        let sample = match key.sample {
            Sample::Line(texture) => {
                let dashes = match texture {
                    Texture::Dashed => " stroke-dasharray=\"7 4\"",
                    Texture::Dotted => " stroke-dasharray=\"2 3\"",
                    _ => "",
                };
                format!("<path d=\"M0 7h30\" stroke=\"var(--{ink})\" stroke-width=\"2\"{dashes}/>")
            }
            Sample::Surface(Texture::Pale) => format!(
                "<rect width=\"30\" height=\"14\" fill=\"var(--{ink})\" fill-opacity=\".15\"/>\
                 <rect width=\"30\" height=\"2\" fill=\"var(--{ink})\"/>"
            ),
            Sample::Surface(Texture::Hatched) => format!(
                "<path d=\"M0 12L6 2M8 12L14 2M16 12L22 2M24 12L30 2\" stroke=\"var(--{ink})\" \
                 stroke-width=\"3\"/>"
            ),
            Sample::Surface(_) => {
                format!("<rect width=\"30\" height=\"14\" fill=\"var(--{ink})\"/>")
            }
            Sample::Sign(glyph) => format!(
                "<text x=\"15\" y=\"12\" text-anchor=\"middle\" font-size=\"14\" \
                 stroke-width=\"0\" fill=\"var(--{ink})\">{glyph}</text>"
            ),
        };
        let words = escaped(&key.text);
        let _ = write!(
            all,
            "<li><svg viewBox=\"0 0 30 14\" role=\"img\"><title>{words}</title>\
             <desc>how it is drawn</desc>{sample}</svg>{words}</li>"
        );
        all
    });
    let legend = if legend.is_empty() {
        legend
    } else {
        format!("<ul class=\"legend\">{legend}</ul>\n")
    };
    format!(
        "<figure>\n<figcaption>{}</figcaption>\n{legend}<div class=\"scroll\" tabindex=\"0\">{}</div>\n\
         <details><summary>The same as a table</summary>{}</details>\n</figure>\n",
        escaped(&figure.reading),
        figure.chart.to_svg(),
        data_table(&figure.table),
    )
}

fn data_table(numbers: &DataTable) -> String {
    let columns: Vec<&str> = numbers.columns.iter().map(String::as_str).collect();
    table(&columns, &numbers.rows, &numbers.caption)
}

fn table(columns: &[&str], rows: &[Vec<String>], caption: &str) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| {
        cells.fold(String::new(), |mut all, cell| {
            let _ = write!(all, "<{tag}>{}</{tag}>", escaped(cell));
            all
        })
    };
    let head = cells("th", &mut columns.iter().copied());
    let body = rows.iter().fold(String::new(), |mut all, row| {
        let _ = writeln!(
            all,
            "<tr>{}</tr>",
            cells("td", &mut row.iter().map(String::as_str))
        );
        all
    });
    let caption = match caption {
        "" => String::new(),
        caption => format!("<caption>{}</caption>", escaped(caption)),
    };
    format!(
        "<div class=\"scroll\" tabindex=\"0\"><table>{caption}<thead><tr>{head}</tr></thead>\
         <tbody>{body}</tbody></table></div>\n"
    )
}

/// Every operation with its counts and times.
pub fn operations(view: &ReportView) -> String {
    let rows: Vec<Vec<String>> = view
        .operations
        .iter()
        .map(|row| {
            let times = &row.response_time;
            [
                format!("{} ({}, {})", row.name, row.api_name, row.table),
                row.arrivals.clone(),
                row.completed.clone(),
                format!("{} {}", row.throttled, glyph_of(row.throttled_mark))
                    .trim()
                    .to_owned(),
                format!("{} {}", row.failed, glyph_of(row.error_mark))
                    .trim()
                    .to_owned(),
                row.timed_out.clone(),
                row.dropped.clone(),
                row.attempts.clone(),
                row.offered_rate.clone(),
                row.completed_rate.clone(),
                row.units_per_request.clone(),
                times.p50.clone(),
                times.p99.clone(),
                times.p99_9.clone(),
                times.max.clone(),
                row.service_time.p99.clone(),
            ]
            .to_vec()
        })
        .collect();
    let numbers = table(
        &[
            "operation",
            "arrivals",
            "completed",
            "throttled",
            "failed",
            "timed out",
            "dropped",
            "attempts",
            "offered/s",
            "completed/s",
            "units each",
            "p50",
            "p99",
            "p99.9",
            "max",
            "service p99",
        ],
        &rows,
        "Measured phases. arrivals = completed + throttled + failed + timed out + dropped.",
    );
    let errors: Vec<Vec<String>> = view
        .errors
        .iter()
        .map(|row| [row.operation.clone(), row.cause.clone(), row.count.clone()].to_vec())
        .collect();
    let errors = if errors.is_empty() {
        String::new()
    } else {
        let causes = table(&["operation", "cause", "requests"], &errors, "");
        format!("<h3>Errors</h3>\n{causes}")
    };
    format!("<section>\n<h2>What did each operation do?</h2>\n{numbers}{errors}</section>\n")
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
    let table = table(&ShardRow::COLUMNS, &rows, "Shards of the run");
    format!("<section>\n<h2>Did every shard do its part?</h2>\n{table}</section>\n")
}

const fn glyph_of(mark: Mark) -> &'static str {
    match mark {
        Mark::Bad | Mark::Caution => mark.glyph(),
        Mark::Good | Mark::Neutral => "",
    }
}

/// What the numbers mean, and what the run was.
pub fn method(view: &ReportView, record: &RunRecord) -> String {
    let definitions = view
        .definitions
        .iter()
        .fold(String::new(), |mut all, fact| {
            let (term, value) = (escaped(&fact.term), escaped(&fact.value));
            let _ = write!(all, "<dt>{term}</dt><dd>{value}</dd>");
            all
        });
    let provenance = &record.provenance;
    let overrides = if provenance.model_overrides.is_empty() {
        "<p>Every model parameter has its default.</p>\n".to_owned()
    } else {
        let items = provenance
            .model_overrides
            .iter()
            .fold(String::new(), |mut all, item| {
                let _ = write!(all, "<li><code>{}</code></li>", escaped(item));
                all
            });
        format!("<p>Model parameters that differ from their defaults:</p>\n<ul>{items}</ul>\n")
    };
    let caveats = caveats(record)
        .iter()
        .fold(String::new(), |mut all, caveat| {
            let _ = write!(all, "<li>{}</li>", escaped(caveat));
            all
        });
    format!(
        "<section>\n<h2>Method and data</h2>\n<h3>What the numbers mean</h3>\n\
         <dl class=\"definitions\">{definitions}</dl>\n<h3>Caveats</h3>\n<ul>{caveats}</ul>\n\
         <h3>Model</h3>\n{overrides}<h3>Data</h3>\n\
         <p>The series of the charts are embedded in this page. Latencies are in HDR histograms \
         with a relative error of at most 0.1 %; percentiles come from merged histograms, never \
         from averages. Charts with more points than can be seen keep the lowest and the highest \
         of each stretch.</p>\n<p id=\"download\"></p>\n<h3>Scenario</h3>\n\
         <p>Fingerprint of the resolved scenario: <code>{}</code></p>\n<pre tabindex=\"0\">{}</pre>\n\
         <p class=\"muted\">Written by dynamometer {}.</p>\n</section>\n",
        escaped(&provenance.fingerprint),
        escaped(&record.scenario_source),
        escaped(&provenance.tool_version),
    )
}

fn caveats(record: &RunRecord) -> Vec<String> {
    let mut caveats = vec![
        "1 run: nothing here tells how much another run would differ.".to_owned(),
        "An answer counts in the second in which it ended, a due request in the second in which \
         it was due."
            .to_owned(),
        "A throttled answer declares no units, so consumption is that of completed requests."
            .to_owned(),
    ];
    if record.provenance.target == "emulator" {
        caveats.push(
            "The target is the embedded emulator: throttling follows the documented rules of \
             DynamoDB and the model parameters below; latency is that of this machine, not of AWS."
                .to_owned(),
        );
    }
    if record.tables.iter().any(|table| !table.governed) {
        caveats.push("The target does not show burst credit, so none is drawn.".to_owned());
    }
    if record.provenance.incomplete.is_some() {
        caveats.push(
            "This was drawn from the journal of a run that goes on or was killed. It may lack the \
             last second."
                .to_owned(),
        );
    } else if record.provenance.interrupted {
        caveats
            .push("The run was interrupted; what follows the interruption is missing.".to_owned());
    }
    caveats
}
