//! `trend.html`: what has changed since when, on one page without network or script.

use std::fmt::Write as _;

use super::{
    chart,
    view::{ChangeRow, GroupView, MetricRow, TrendView, date, short, word},
};
use crate::{
    analysis::trend::outcome::{GroupTrend, MetricTrend, Trend, Word},
    report::{Mark, chart::escaped, html},
};

/// Nights of the board.
const BOARD_NIGHTS: usize = 14;
/// Charts of the whole page; more are counted, and their numbers stand in the table.
const CHARTS: usize = 40;
/// Changes of a group's log.
const CHANGES: usize = 100;

/// The board's own style.
const STYLE: &str = "\
.board td { text-align: center; padding: 2px 5px; } .board td:first-child { text-align: left; } \
.board th { font-weight: 400; } .board .bad { font-weight: 700; } h3 { margin-top: 30px; } \
.multiples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr)); gap: 0 26px; } \
.multiples figure { min-width: 0; } .multiples svg { min-width: 0; max-width: 640px; } \
figcaption { font-size: .9rem; overflow-wrap: anywhere; }";

/// The whole page.
#[must_use]
pub fn render(trend: &Trend, view: &TrendView) -> String {
    let style = format!("{}{STYLE}", html::style());
    let mut left = CHARTS;
    let groups: String = view
        .groups
        .iter()
        .map(|group| section(group, &trend.groups[group.index], &mut left))
        .collect();
    let empty = if view.groups.is_empty() {
        "<p>There are no nights yet.</p>\n"
    } else {
        ""
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src '{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{} {} · nightly · dynamometer</title>\n<style>{style}</style>\n</head>\n\
         <body>\n<main>\n<header>\n<h1><span class=\"verdict {}\">{} {}</span></h1>\n\
         </header>\n{empty}{groups}{METHOD}</main>\n</body>\n</html>\n",
        html::hash(&style),
        view.mark.glyph(),
        view.standing,
        class(view.mark),
        view.mark.glyph(),
        view.standing,
    )
}

const LEGEND: &str = "<p class=\"muted\">Worst first, the last 90 nights: a dot is the median of \
    a night, the line through it reaches over its repeats, the band from the level before to what \
    one night alone would fail at. Verticals are changes with size and commit. ▼ worse, ◆ suspect, \
    ■ better or as before again, ▲ accepted.</p>\n";

const METHOD: &str = "<section>\n<h2>How is it decided?</h2>\n<p>A night's number is the median \
    of its repeats; a suspect is measured again, and the better of both medians counts. Exact \
    metrics fail at any difference. Of the others, the mean of the last 1 to 14 nights is held \
    against up to 45 nights before: few nights need a large effect, many a small one, never less \
    than 3 %, or half a percentage point of a share. Where a change of 20 % could not be \
    seen, nothing fails. A failure stays open until it is accepted or two nights in a row are as before. \
    Invalid nights never count, and a changed scenario starts anew.</p>\n</section>\n";

const fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "good",
        Mark::Bad => "bad",
        Mark::Caution => "caution",
        Mark::Neutral => "neutral",
    }
}

fn section(view: &GroupView, group: &GroupTrend, left: &mut usize) -> String {
    let sentences = view
        .sentences
        .iter()
        .fold(String::new(), |mut all, sentence| {
            let _ = write!(all, "<p class=\"answer\">{}</p>", escaped(sentence));
            all
        });
    let facts = view
        .facts
        .iter()
        .fold(String::new(), |mut all, (term, value)| {
            let _ = write!(all, "<div><dt>{term}</dt><dd>{}</dd></div>", escaped(value));
            all
        });
    let mut ordered: Vec<&MetricTrend> = group.metrics.iter().collect();
    let worst = |metric: &MetricTrend| {
        let open = group.open().filter(|change| change.metric == metric.name);
        let most = open.map(|change| change.effect.abs()).fold(0.0, f64::max);
        (badness(metric), most)
    };
    ordered.sort_by(|a, b| {
        let ((a, most_a), (b, most_b)) = (worst(a), worst(b));
        b.cmp(&a).then(most_b.total_cmp(&most_a))
    });
    let drawn: Vec<&MetricTrend> = ordered
        .iter()
        .copied()
        .filter(|metric| chart::worth_drawing(metric))
        .collect();
    let shown = drawn.len().min(*left);
    *left -= shown;
    let charts: String = drawn[..shown]
        .iter()
        .enumerate()
        .map(|(number, metric)| chart::figure(group, metric, &format!("g{}-{number}", view.index)))
        .collect();
    let charts = if drawn.is_empty() {
        "<p class=\"muted\">Every metric has the same number in every night.</p>\n".to_owned()
    } else {
        format!("{LEGEND}<div class=\"multiples\">\n{charts}</div>\n")
    };
    let rest = match drawn.len() - shown {
        0 => String::new(),
        rest => format!("<p class=\"muted\">{rest} more metrics only in the table below.</p>\n"),
    };
    format!(
        "<section>\n<h2><span class=\"{}\">{} {}</span> {}</h2>\n{sentences}\
         <dl class=\"facts\">{facts}</dl>\n<h3>What was every night like?</h3>\n{}\
         <h3>How much did it change?</h3>\n{charts}{rest}\
         <h3>What changed, when, with which commit?</h3>\n{}\
         <h3>What can be seen, and what not?</h3>\n{}</section>\n",
        class(view.mark),
        view.mark.glyph(),
        view.word,
        escaped(&view.scenario),
        board(group, &ordered),
        log(&view.changes),
        noise(&view.metrics),
    )
}

/// What has to be looked at first.
fn badness(metric: &MetricTrend) -> u8 {
    match metric.cells.last().map(|cell| cell.word) {
        Some(Word::Worse) => 4,
        Some(Word::Suspect) => 3,
        Some(Word::Better | Word::Recovered | Word::Accepted) => 2,
        Some(Word::TooNoisy) => 1,
        _ => 0,
    }
}

/// Metric × night, a sign for each.
fn board(group: &GroupTrend, metrics: &[&MetricTrend]) -> String {
    let first = group.nights.len().saturating_sub(BOARD_NIGHTS);
    let head = group.nights[first..]
        .iter()
        .fold(String::new(), |mut all, night| {
            let commit = night.commit.as_deref().map_or("unknown commit", short);
            let date = date(&night.at);
            let day = date.get(5..10).unwrap_or(&date);
            let title = escaped(&format!("{date}, {commit}"));
            let _ = write!(all, "<th title=\"{title}\">{}</th>", escaped(day));
            all
        });
    let rows = metrics.iter().fold(String::new(), |mut all, metric| {
        let _ = write!(all, "<tr><td>{}</td>", escaped(&metric.name));
        for cell in &metric.cells[first..] {
            let (name, glyph, mark) = word(cell.word);
            let class = class(mark);
            let _ = write!(
                all,
                "<td class=\"{class}\" title=\"{name}\" aria-label=\"{name}\">{glyph}</td>"
            );
        }
        all.push_str("</tr>\n");
        all
    });
    format!(
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"board\"><caption>· steady, … learning, \
         ? suspect, ✗ worse, ✓ better or as before again, ▲ accepted, ~ too noisy, ○ invalid\
         </caption><thead><tr><th>metric</th>{head}</tr></thead><tbody>{rows}</tbody></table>\
         </div>\n"
    )
}

fn log(changes: &[ChangeRow]) -> String {
    if changes.is_empty() {
        return "<p class=\"muted\">Nothing has changed.</p>\n".to_owned();
    }
    let rows: Vec<[String; 7]> = changes
        .iter()
        .take(CHANGES)
        .map(|row| {
            [
                format!("{} {}", row.mark.glyph(), row.metric),
                row.effect.clone(),
                row.before.clone(),
                row.after.clone(),
                row.since.clone(),
                row.commit.clone(),
                row.state.clone(),
            ]
        })
        .collect();
    table(
        &[
            "metric", "change", "before", "after", "since", "commit", "state",
        ],
        &rows,
    )
}

fn noise(metrics: &[MetricRow]) -> String {
    let rows: Vec<[String; 5]> = metrics
        .iter()
        .map(|row| {
            [
                row.name.clone(),
                row.latest.clone(),
                row.range.clone(),
                format!("{} {}", row.glyph, row.word),
                row.visible.clone(),
            ]
        })
        .collect();
    table(
        &[
            "metric",
            "latest night",
            "its repeats",
            "",
            "smallest change seen in three nights",
        ],
        &rows,
    )
}

fn table<const N: usize>(columns: &[&str; N], rows: &[[String; N]]) -> String {
    let head = columns.iter().fold(String::new(), |mut all, column| {
        let _ = write!(all, "<th>{column}</th>");
        all
    });
    let body = rows.iter().fold(String::new(), |mut all, row| {
        all.push_str("<tr>");
        for cell in row {
            let _ = write!(all, "<td>{}</td>", escaped(cell));
        }
        all.push_str("</tr>\n");
        all
    });
    format!(
        "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr>{head}</tr></thead>\
         <tbody>{body}</tbody></table></div>\n"
    )
}
