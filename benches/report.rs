//! How long the report of an hour-long run takes to draw. `cargo bench --bench report`; the best
//! of five is printed, and more than a second is a failure.
//!
//! An hour of the shipped shop with two indexes: six tables and indexes to draw, 3,600 seconds each.

use std::{hint::black_box, sync::Arc, time::Instant};

use dynamometer::{
    analysis::Analysis,
    record::RunRecord,
    report::{ReportView, html, json, stored},
    scenario::{Scenario, parse::parse},
    simulation::{SimulationOptions, header, simulate},
};

const ORDERS: &str = include_str!("../scenarios/orders.toml");
/// Seconds that drawing may take.
const LIMIT: f64 = 1.0;

fn main() {
    let source = hour_long(ORDERS);
    let parsed = parse(&source, "orders.toml").expect("it is valid");
    let scenario = Arc::new(parsed.scenario);
    let options = SimulationOptions::default();
    let header = header(&scenario, source, "bench", &options);
    let record = simulate(&scenario, header, &options).expect("keys are unique");
    assert!(record.intervals.len() >= 3600, "an hour");

    let analysis = Analysis::of(&record, &scenario);
    let stored = json::render(&record, &analysis);
    let reading = best(|| {
        let run = stored::read(&stored).expect("it was just written");
        black_box(run);
    });
    let page = page(&record, &scenario);
    let drawing = best(|| {
        black_box(self::page(&record, &scenario));
    });
    let seconds = record.intervals.len();
    println!(
        "{seconds} s of a run, {} kB of results",
        stored.len() / 1000
    );
    println!("read it                 {:>8.0} ms", reading * 1e3);
    println!(
        "analyse and draw it     {:>8.0} ms, {} kB of HTML",
        drawing * 1e3,
        page.len() / 1000
    );
    assert!(
        drawing < LIMIT,
        "{drawing} s; at most {LIMIT} s are allowed"
    );
}

/// The same scenario, its last phase for an hour.
fn hour_long(source: &str) -> String {
    let (before, after) = source.rsplit_once("duration = \"").expect("a phase");
    let (_, rest) = after.split_once('"').expect("a quoted duration");
    format!("{before}duration = \"1h\"{rest}")
}

fn page(record: &RunRecord, scenario: &Scenario) -> String {
    let analysis = Analysis::of(record, scenario);
    let view = ReportView::of(record, scenario, &analysis);
    html::render(&view, record, scenario)
}

/// Seconds of the fastest of five.
fn best(run: impl Fn()) -> f64 {
    let time = || {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..5).map(|_| time()).fold(f64::MAX, f64::min)
}
