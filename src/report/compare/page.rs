//! The comparison of keys as one HTML page: no network, no script.

use std::fmt::Write as _;

use super::{fired_notes, headline, reason, times};
use crate::{
    analysis::compare::{
        Comparison, Ranked,
        fired::{Fired, Measured},
    },
    report::{
        chart::{Axis, Chart, Ink, Mark, Panel, Shape, Texture, escaped},
        format::{NO_DATA, count, duration, number, percent},
        html,
        sizing::cut,
    },
    units::float,
};

/// Throttled shares below this are drawn as nothing.
const NOTHING: f64 = 1e-5;
/// Characters of a name in a table.
const NAMED: usize = 28;
/// Candidates of a chart; the others stand in the table.
const DRAWN: usize = 12;

/// The whole page.
#[must_use]
pub fn render(comparison: &Comparison) -> String {
    let sections = [
        section(
            "Which key carries how much?",
            HEADROOM,
            &headrooms(comparison),
        ),
        section("What does each key do?", KEYS, &table(comparison)),
        section(
            "When does it throttle?",
            AGAINST_LOAD,
            &against_load(comparison),
        ),
        section("How uneven are the keys?", SKEW, &skews(comparison)),
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

const HEADROOM: &str = "The largest multiple of the scenario's load that stays within the target, \
    when the table has capacity for all of it and hot partitions have split until one key is the \
    heat. ◆ geometric mean over the seeds, line: its 95 % interval. Candidates of one rank cannot \
    be told apart.";
const KEYS: &str = "Shares are of requests. Partition use: the hottest partition's units of what \
    one gives, 3,000 RCU or 1,000 WCU.";
const AGAINST_LOAD: &str = "Throttled part of the units against multiples of the load, with the \
    first seed. 1 × is the scenario's own load.";
const SKEW: &str = "Part of the requests that the hottest keys take, with the first seed: the \
    higher the line begins, the fewer keys take most of the load.";

fn section(question: &str, reading: &str, content: &str) -> String {
    format!(
        "<section>\n<h2>{question}</h2>\n<p class=\"reading\">{reading}</p>\n{content}</section>\n"
    )
}

fn drawn(comparison: &Comparison) -> impl Iterator<Item = &Ranked> {
    comparison.candidates.iter().take(DRAWN)
}

fn name(ranked: &Ranked) -> String {
    format!("{}  {}", ranked.rank, cut(&ranked.candidate.name, 40))
}

fn figure(chart: &Chart) -> String {
    let svg = chart.to_svg();
    format!("<figure><div class=\"scroll\" tabindex=\"0\">{svg}</div></figure>\n")
}

fn chart(id: &str, title: &str, x: Axis, x_heading: &str, panels: Vec<Panel>) -> Chart {
    let headings: Vec<&str> = panels.iter().map(|panel| panel.heading.as_str()).collect();
    Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        description: headings.join("; "),
        x,
        x_heading: x_heading.to_owned(),
        panels,
        right_margin: 40,
        attributes: Vec::new(),
    }
}

/// Multiples within what is tried.
fn tried(multiple: f64) -> f64 {
    multiple.clamp(1e-3, 1e6)
}

fn headrooms(comparison: &Comparison) -> String {
    let ends = drawn(comparison).flat_map(|ranked| ranked.headroom_interval);
    let (least, most) = ends.fold((f64::INFINITY, 0.0_f64), |(least, most), end| {
        (least.min(tried(end)), most.max(tried(end)))
    });
    let panels = drawn(comparison).map(|ranked| {
        let [low, high] = ranked.headroom_interval.map(tried);
        Panel {
            heading: format!(
                "{}: {} ({}–{})",
                name(ranked),
                times(ranked.headroom),
                number(ranked.headroom_interval[0]),
                number(ranked.headroom_interval[1])
            ),
            height: 26,
            y: Axis::places(1, Vec::new()),
            marks: vec![
                Mark::Line {
                    segments: vec![vec![(low, 0.0), (high, 0.0)]],
                    ink: Ink::Text,
                    texture: Texture::Solid,
                    width: 8,
                },
                Mark::Signs {
                    points: vec![(tried(ranked.headroom), 0.0)],
                    ink: Ink::Good,
                    shape: Shape::Diamond,
                },
            ],
            note: None,
        }
    });
    let x = Axis::logarithmic(least, most, times);
    figure(&chart(
        "headroom",
        "Headroom of each key",
        x,
        "multiple of the scenario's load",
        panels.collect(),
    ))
}

fn against_load(comparison: &Comparison) -> String {
    let panels = drawn(comparison).map(|ranked| {
        let mut y = Axis::logarithmic(NOTHING, 1.0, percent);
        y.ticks.retain(|(at, _)| {
            [1e-5, 1e-3, 1.0]
                .iter()
                .any(|kept| (at / kept - 1.0).abs() < 0.1)
        });
        if let Some((_, label)) = y.ticks.first_mut() {
            "none".clone_into(label);
        }
        Panel {
            heading: format!("{}: throttled part of the units", name(ranked)),
            height: 60,
            y,
            marks: vec![
                line(&ranked.curves.throttled, NOTHING, Ink::Throttle),
                Mark::Limit {
                    y: comparison.target.max(NOTHING),
                    label: format!("target {}", percent(comparison.target)),
                    ink: Ink::Muted,
                },
            ],
            note: None,
        }
    });
    figure(&chart(
        "against-load",
        "Throttles as the load grows",
        Axis::logarithmic(1e-2, 1e4, times),
        "multiple of the scenario's load",
        panels.collect(),
    ))
}

fn skews(comparison: &Comparison) -> String {
    let firsts = drawn(comparison).filter_map(|ranked| ranked.curves.skew.first());
    let least = firsts.map(|point| point[0]).fold(0.1, f64::min);
    let panels = drawn(comparison).map(|ranked| Panel {
        heading: format!(
            "{}: part of the requests; the hottest key takes {}",
            name(ranked),
            percent(ranked.hottest_share)
        ),
        height: 60,
        y: Axis::from_zero(1.0, 2.0, percent),
        marks: vec![line(&ranked.curves.skew, 0.0, Ink::Read)],
        note: None,
    });
    figure(&chart(
        "skew",
        "Requests by share of the keys",
        Axis::logarithmic(least, 1.0, percent),
        "share of the keys, the hottest first",
        panels.collect(),
    ))
}

/// Through `points`, none below `least`.
fn line(points: &[[f64; 2]], least: f64, ink: Ink) -> Mark {
    Mark::Line {
        segments: vec![points.iter().map(|[x, y]| (*x, y.max(least))).collect()],
        ink,
        texture: Texture::Solid,
        width: 8,
    }
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
            "part. use",
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
            "partitions",
        ],
        comparison.candidates.iter().map(|ranked| {
            vec![
                cut(&ranked.candidate.name, NAMED),
                count(ranked.keys),
                count(ranked.most_items),
                number(float(ranked.most_bytes) / 1024.0),
                count(ranked.overwritten),
                count(ranked.partitions),
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
