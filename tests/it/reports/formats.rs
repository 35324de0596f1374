//! The other formats of known runs: Markdown, CSV, JSON, SVG.

use dynamometer::report::{csv, html, json, markdown};

use crate::fixtures::{self, Case};

/// Runs at the edges of what a report has to show.
fn edges() -> Vec<(&'static str, Case)> {
    vec![
        ("empty", fixtures::empty()),
        ("hostile_names", fixtures::hostile_names()),
        ("one_second", fixtures::one_second()),
        ("one_request", fixtures::one_request()),
        ("all_throttled", fixtures::all_throttled()),
        ("all_failed", fixtures::all_failed()),
        ("billion", fixtures::billion()),
        ("thousand_partitions", fixtures::thousand_partitions()),
        ("interrupted", fixtures::interrupted()),
    ]
}

#[test]
fn markdown_of_the_edges_reads_well() {
    for (name, case) in edges() {
        insta::assert_snapshot!(format!("markdown_{name}"), markdown::render(&case.view()));
    }
}

#[test]
fn csv_of_short_runs_reads_well() {
    for (name, case) in [
        ("empty", fixtures::empty()),
        ("one_request", fixtures::one_request()),
        ("one_second", fixtures::one_second()),
        ("interrupted_at_once", fixtures::interrupted_at_once()),
    ] {
        insta::assert_snapshot!(format!("csv_{name}"), csv::render(&case.record));
    }
    // Of the others what they begin with: each second has the same rows.
    for (name, case) in edges() {
        let all = csv::render(&case.record);
        let first: Vec<&str> = all.lines().take(8).collect();
        insta::assert_snapshot!(format!("csv_{name}_begins"), first.join("\n"));
    }
}

#[test]
fn json_of_the_edges_says_what_was_counted() {
    for (name, case) in edges() {
        let text = json::render(&case.record, &case.analysis());
        let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
        // The record is told by the tests of the record; what follows from it is told here.
        let told = document.as_object_mut().unwrap();
        told.remove("record");
        told.remove("thresholds");
        let told = serde_json::to_string(&told)
            .unwrap()
            .replace("],\"", "],\n\"");
        insta::assert_snapshot!(format!("json_{name}"), told.replace("},\"", "},\n\""));
    }
}

#[test]
fn an_svg_stands_alone_and_holds_no_markup_of_others() {
    for (name, case) in [
        ("empty", fixtures::empty()),
        ("hostile", fixtures::hostile_names()),
        ("partitions", fixtures::thousand_partitions()),
    ] {
        for chart in html::charts(&case.record, &case.scenario) {
            let file = chart.to_svg_file();
            let place = format!("{name}, {}", chart.id);
            assert!(
                file.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""),
                "{place}"
            );
            assert!(
                file.ends_with("</svg>\n") && !file.contains("var("),
                "{place}"
            );
            assert!(
                !file.contains("<img") && !file.contains("</script"),
                "{place}"
            );
            let is_allowed = |c: char| !c.is_control() || c == '\n';
            assert!(file.chars().all(is_allowed), "{place}");
        }
    }
}

#[test]
fn svg_of_the_edges_is_drawn_as_before() {
    for (name, id) in [
        ("empty", "throttles"),
        ("one_request", "percentiles"),
        ("one_second", "latency"),
        ("all_throttled", "throttles"),
        ("all_failed", "schedule"),
        ("billion", "capacity-0"),
        ("thousand_partitions", "heat-0"),
        ("thousand_partitions", "skew-0"),
        ("interrupted", "schedule"),
        ("hostile_names", "percentiles"),
    ] {
        let (_, case) = edges().into_iter().find(|(edge, _)| *edge == name).unwrap();
        let charts = html::charts(&case.record, &case.scenario);
        let chart = charts.iter().find(|chart| chart.id == id).unwrap();
        let mut file = chart.to_svg_file().replace('>', ">\n");
        // Pixels are no text; that they are right is a test of pictures.
        while let Some((before, after)) = file.split_once("base64,") {
            let (pixels, after) = after.split_once('"').unwrap();
            assert!(pixels.len() > 100, "{name}");
            file = format!("{before}…\"{after}");
        }
        insta::assert_snapshot!(format!("svg_{name}_{id}"), file);
    }
}
