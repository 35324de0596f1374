//! What reports say of how tables stood: simulated runs, from the scenario to the page.

use std::sync::Arc;

use dynamometer::{
    report::{csv, html, markdown},
    scenario::parse::parse,
    simulation::{SimulationOptions, header, simulate},
    units::ByDirection,
};

use super::terminal;
use crate::{fixtures::Case, heat};

/// The shipped scenario with global indexes.
pub const ORDERS: &str = include_str!("../../../scenarios/orders.toml");
const USERS: &str = include_str!("../../../scenarios/users.toml");
const BILLING: &str = r#"billing = { mode = "provisioned", read = "2 RCU", write = "2 WCU" }"#;

pub fn simulated(source: &str) -> Case {
    let scenario = parse(source, "shipped.toml").unwrap().scenario;
    let options = SimulationOptions::default();
    let header = header(&scenario, source.to_owned(), "test", &options);
    let record = simulate(&Arc::new(scenario.clone()), header, &options).unwrap();
    Case { scenario, record }
}

#[test]
fn nothing_is_provisioned_on_demand_and_no_report_says_otherwise() {
    let case = simulated(&USERS.replace(BILLING, r#"billing = { mode = "on-demand" }"#));
    for table in case.record.intervals.iter().flat_map(|one| &one.tables) {
        assert_eq!(table.provisioned, ByDirection::default());
        assert_eq!(table.burst_left, None);
        assert_eq!(table.partitions, Some(4));
    }
    let csv = csv::render(&case.record);
    let column = |line: &str, name: &str| {
        let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
        let position = header.iter().position(|column| *column == name).unwrap();
        line.split(',').nth(position).unwrap().to_owned()
    };
    let table = csv
        .lines()
        .find(|line| line.contains(",table,Users"))
        .unwrap();
    assert_eq!(column(table, "provisioned reads (RCU)"), "");
    assert_ne!(column(table, "consumed reads (RCU)"), "");
    let page = html::render(&case.view(), &case.record, &case.scenario);
    let chart = page.split("<svg").find(|svg| svg.contains("capacity-0"));
    let chart = chart.unwrap().split("</svg>").next().unwrap();
    assert!(
        chart.contains("on demand") && !chart.contains("provisioned"),
        "{chart}"
    );
}

#[test]
fn a_hot_partition_is_told_with_what_became_of_it() {
    // One user takes nearly everything: a split would not help.
    let model = "[model]\npartition_read_cap = \"10 RCU\"\nsplit_trigger_seconds = \"5s\"\n";
    let capacity = r#"billing = { mode = "provisioned", read = "90 RCU", write = "90 WCU" }"#;
    let source = USERS.replace(BILLING, capacity).replace("[model]\n", model);
    let one_key = simulated(&source.replace("exponent = 0.99", "exponent = 9.0"));
    insta::assert_snapshot!("terminal_hot_key", terminal(&one_key));
    let page = markdown::render(&one_key.view());
    assert!(
        page.contains("did not split: one key is the heat"),
        "{page}"
    );
}

#[test]
fn every_format_tells_what_global_indexes_took() {
    let case = simulated(ORDERS);
    let view = case.view();
    assert!(!view.indexes.is_empty());
    let (text, page) = (terminal(&case), markdown::render(&view));
    assert!(page.contains("### Global indexes"), "{page}");
    let csv = csv::render(&case.record);
    for row in &view.indexes {
        assert!(text.contains(&format!("index {}", row.name)), "{text}");
        let cells = format!("| {} | {} | {} |", row.name, row.label, row.mean);
        assert!(page.contains(&cells), "no {cells} in {page}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 72));
    let summary = &case.analysis().summary;
    for index in summary.tables.iter().flat_map(|table| &table.indexes) {
        let of_index = format!(",index,{},", index.name);
        let rows = csv.lines().filter(|line| line.contains(&of_index));
        let written = rows.map(|line| line.split(',').nth(12).unwrap().parse::<f64>().unwrap());
        let (told, written) = (index.directions.write.consumed, written.sum::<f64>());
        assert!(
            written > 0.0 && (told - written).abs() < 1e-6,
            "{told} {written}"
        );
    }
}

#[test]
fn markdown_names_the_hottest_keys_with_their_shares() {
    let case = heat::hot();
    let view = case.view();
    let page = markdown::render(&view);
    let writes = view.keys.iter().find(|keys| keys.columns[1] == "WCU");
    let writes = writes.unwrap();
    assert!(page.contains(&format!("### {}", writes.heading)), "{page}");
    let [key, units, share, throttles] = &writes.rows[0][..] else {
        panic!("{writes:?}");
    };
    assert!(key.starts_with("tenant-"), "{key}");
    let line = format!("| {key} | {units} | {share} | {throttles} |");
    assert!(
        dynamometer::report::format::plain(&page)
            .contains(&dynamometer::report::format::plain(&line)),
        "no {line} in {page}"
    );
    // A key without a value is told as what it is.
    let mut record = case.record;
    for key in &mut record.heat[0].keys.write.top {
        key.value = None;
    }
    let tables = dynamometer::report::heat::key_tables(&record);
    let told = tables.iter().find(|keys| keys.columns[1] == "WCU").unwrap();
    assert!(told.rows[0][0].starts_with("hash "), "{told:?}");
    assert!(told.note.contains("by its hash"), "{told:?}");
}
