//! The comparison of keys as one HTML page: no network, no script.

use std::fmt::Write as _;

use super::{NAMED, figures, fired_notes, headline, reason, times};
use crate::{
    analysis::compare::{
        Comparison, Ranked,
        fired::{Fired, Measured},
    },
    report::{
        chart::escaped,
        format::{NO_DATA, count, duration, number, percent},
        html::{self, figure::Figure, markup::question},
        sizing::cut,
    },
    units::float,
};

/// The whole page.
#[must_use]
pub fn render(comparison: &Comparison) -> String {
    let sections = [
        drawing(
            "Which key carries how much?",
            &figures::headrooms(comparison),
        ),
        section("What does each key do?", KEYS, &table(comparison)),
        drawing("When does it throttle?", &figures::against_load(comparison)),
        drawing("Which partitions are hot?", &figures::heats(comparison)),
        drawing("How uneven are the keys?", &figures::skews(comparison)),
        fired(comparison),
        method(comparison),
    ];
    html::plain(
        "Keys",
        &comparison.scenario,
        &format!(
            "<header>\n<h1>{}</h1>\n<p class=\"answer\">{}</p>\n</header>\n{}",
            escaped(&comparison.scenario),
            html::with_names(&headline(comparison)),
            sections.concat()
        ),
    )
}

const KEYS: &str = "Shares of keys are of requests. Partitions are those at the scenario's load; \
    the use of the hottest one is of the 3,000 RCU or 1,000 WCU that one gives. Throttled: at the \
    scenario's load and capacity. Read cost: read units of those without shards. Overwritten: \
    items that another one with the same key would replace.";
fn drawing(title: &str, figure: &Figure) -> String {
    question(title, "", std::slice::from_ref(figure), "")
}

fn section(question: &str, reading: &str, content: &str) -> String {
    format!(
        "<section>\n<h2>{question}</h2>\n<p class=\"reading\">{reading}</p>\n{content}</section>\n"
    )
}

fn rows(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head = head.join("</th><th>");
    let mut body = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
        let cells = cells.join("</td><td>");
        let _ = write!(body, "<tr><td>{cells}</td></tr>");
    }
    format!(
        "<div class=\"scroll\"><table><thead><tr><th>{head}</th></tr></thead><tbody>{body}</tbody></table>\
         </div>\n"
    )
}

fn table(comparison: &Comparison) -> String {
    let requests = rows(
        &[
            "key",
            "rank",
            "hottest",
            "top 1 %",
            "Gini",
            "partitions",
            "hottest one's units",
            "its use",
            "throttled",
            "read cost",
        ],
        comparison.candidates.iter().map(|ranked| {
            let utilisation = ranked.utilisation.read.max(ranked.utilisation.write);
            vec![
                cut(&ranked.candidate.name, NAMED),
                ranked.rank.to_string(),
                percent(ranked.hottest_share),
                percent(ranked.top_percent_share),
                format!("{:.2}", ranked.gini),
                count(ranked.partitions),
                percent(ranked.partition_share),
                percent(utilisation),
                percent(ranked.throttled.share),
                times(ranked.read_cost),
            ]
        }),
    );
    let items = rows(
        &[
            "key",
            "keys",
            "most items of one",
            "most KiB of one",
            "overwritten",
            "sort key for them",
        ],
        comparison.candidates.iter().map(|ranked| {
            vec![
                cut(&ranked.candidate.name, NAMED),
                count(ranked.keys),
                count(ranked.most_items),
                number(float(ranked.most_bytes) / 1024.0),
                count(ranked.overwritten),
                sort_key(ranked),
            ]
        }),
    );
    let mut reasons = String::new();
    for ranked in &comparison.candidates {
        let _ = writeln!(
            reasons,
            "<li>{}: {}</li>",
            escaped(&cut(&ranked.candidate.name, 40)),
            html::with_names(&reason(ranked))
        );
    }
    format!("{requests}{items}<ul>\n{reasons}</ul>\n")
}

fn fired(comparison: &Comparison) -> String {
    let fired = comparison.candidates.iter();
    let fired: Vec<(&Ranked, &Fired)> = fired
        .filter_map(|ranked| Some((ranked, ranked.fired.as_ref()?)))
        .collect();
    if fired.is_empty() {
        return String::new();
    }
    let head = ["key", "requests", "throttled", "p50", "p99", "what else"];
    let table = rows(
        &head,
        fired.into_iter().map(|(ranked, fired)| {
            let mut row = vec![cut(&ranked.candidate.name, NAMED)];
            row.extend(match fired {
                Fired::Measured(measured) => cells(ranked, measured),
                Fired::Not { reason } => {
                    let none = [NO_DATA; 4].map(ToOwned::to_owned);
                    let why = format!("not fired: {reason}");
                    none.into_iter().chain([why]).collect()
                }
            });
            row
        }),
    );
    let reading = "Each candidate at an embedded emulator of its own, on this machine: service \
        times of completed requests.";
    section("How long do real requests take?", reading, &table)
}

fn cells(ranked: &Ranked, measured: &Measured) -> Vec<String> {
    let times = measured.service_time.as_ref();
    let times = times.map(|times| [times.p50_nanos, times.p99_nanos].map(duration));
    let [p50, p99] = times.unwrap_or_else(|| [NO_DATA; 2].map(ToOwned::to_owned));
    vec![
        count(measured.requests),
        percent(measured.throttled),
        p50,
        p99,
        fired_notes(ranked, measured).join("; "),
    ]
}

fn method(comparison: &Comparison) -> String {
    format!(
        "<section>\n<h2>Method</h2>\n<p>Table {}, {} requests/s, {} seeds from {}, the same for \
         every candidate; target: at most {} throttled. Ties: paired differences over the seeds \
         that may be none (99 %), or are below 1 %.</p>\n<p>Scenario {}.</p>\n</section>\n",
        escaped(&comparison.table),
        number(comparison.requests_per_second),
        comparison.seeds,
        comparison.seed,
        percent(comparison.target),
        escaped(&comparison.fingerprint),
    )
}

/// What tells items apart that have one partition key; nothing where none has to be told.
fn sort_key(ranked: &Ranked) -> String {
    match (&ranked.proposed_sort_key, ranked.overwritten) {
        (Some(name), _) => cut(name, NAMED),
        (None, 0) => String::new(),
        (None, _) => "none of the attributes".to_owned(),
    }
}
