//! The report as one HTML page: no network, no fonts, readable without its script.
//!
//! Owns the order of the page and its markup; must not know how a number is found or judged.
//! Whatever comes from a scenario or a server passes through [`escaped`].

mod data;
pub(super) mod figure;
pub(super) mod markup;
mod room;
mod section;
mod timeline;

use base64::{Engine as _, engine::general_purpose::STANDARD};
pub use markup::with_names;
use sha2::{Digest, Sha256};

use super::{
    ReportView,
    chart::{Chart, escaped},
};
use crate::{record::RunRecord, scenario::Scenario};
use timeline::Timeline;

const STYLE: &str = include_str!("assets/report.css");
const SCRIPT: &str = include_str!("assets/report.js");

/// The style sheet of the page: the colours of both themes are defined in it.
#[must_use]
pub const fn style() -> &'static str {
    STYLE
}

/// The whole page.
#[must_use]
pub fn render(view: &ReportView, record: &RunRecord, scenario: &Scenario) -> String {
    let timeline = Timeline::of(record);
    let body = [
        section::header(view),
        section::tiles(&view.tiles),
        section::assertions(view),
        section::capacity(view, record, &timeline),
        section::throttles(view, &timeline),
        section::heat(record, &timeline),
        section::latency(record, scenario, &timeline),
        section::schedule(view, record.allowed_delay(scenario), &timeline),
        section::operations(view),
        section::cost(view),
        section::model(view),
        section::shards(view),
        section::method(view, record),
    ]
    .concat();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         img-src data:; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{} {} · {} · dynamometer</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n{}\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        hash(STYLE),
        hash(SCRIPT),
        view.verdict.mark.glyph(),
        view.verdict.word,
        escaped(&view.scenario),
        data::script(record, &timeline),
    )
}

/// A page without a script: what it is, of which scenario, and what is in it.
pub(super) fn plain(kind: &str, scenario: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         img-src data:; style-src '{}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{kind} · {} · dynamometer</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        hash(STYLE),
        escaped(scenario),
    )
}

/// Every chart of the page, in its order.
#[must_use]
pub fn charts(record: &RunRecord, scenario: &Scenario) -> Vec<Chart> {
    let timeline = Timeline::of(record);
    let mut figures = Vec::new();
    for (table, about) in record.tables.iter().enumerate() {
        let indexes = (0..about.indexes.len()).map(Some);
        let all = std::iter::once(None).chain(indexes);
        figures.extend(all.map(|index| figure::capacity(record, &timeline, table, index)));
    }
    figures.push(figure::throttles(&timeline));
    for heat in &record.heat {
        figures.extend(figure::heat(&timeline, heat));
        figures.extend(figure::key_skew(&timeline, heat));
    }
    figures.push(figure::latency_by_percentile(record, scenario));
    figures.push(figure::latency_over_time(record, &timeline));
    figures.push(figure::schedule(&timeline, record.allowed_delay(scenario)));
    figures.into_iter().map(|figure| figure.chart).collect()
}

/// What the policy calls a style sheet or script: so nothing else can run, whatever slips in.
pub(super) fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}
