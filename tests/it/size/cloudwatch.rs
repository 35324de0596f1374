//! Answers of CloudWatch: shuffled, with gaps, in pages, refused.

use dynamometer::{
    analysis::cloudwatch::{self, Metrics, sizing::size},
    price::PriceTable,
    report::usage::{page, render},
};

use crate::cli::{Run, code, stderr};

const SHUFFLED: &str = r#"{"MetricDataResults":[
  {"Id":"m1","Label":"ConsumedWriteCapacityUnits","StatusCode":"Complete",
   "Timestamps":["2026-01-01T00:03:00+00:00","2026-01-01T00:00:00+00:00","2026-01-01T00:01:00+00:00"],
   "Values":[600.0,60.0,240.0]},
  {"Id":"m2","Label":"ProvisionedWriteCapacityUnits","StatusCode":"Complete",
   "Timestamps":["2026-01-01T00:00:00+00:00"],"Values":[40.0]}],"Messages":[]}"#;

fn read(text: &str) -> Metrics {
    cloudwatch::read(text).unwrap()
}

fn warned(metrics: &Metrics, word: &str) -> bool {
    metrics
        .warnings
        .iter()
        .any(|warning| warning.contains(word))
}

#[test]
fn points_are_sorted_and_gaps_are_no_consumption() {
    let metrics = read(SHUFFLED);
    assert_eq!(metrics.consumed.write, [1.0, 4.0, 0.0, 10.0]);
    assert_eq!((metrics.period, metrics.gaps), (60, 1));
    assert_eq!(metrics.provisioned.write, Some(40.0));
    assert_eq!(metrics.provisioned.read, None);
}

#[test]
fn statistics_say_the_same_as_data() {
    let metrics = read(
        r#"{"Label":"ConsumedWriteCapacityUnits","Datapoints":[
          {"Timestamp":"2026-01-01T00:03:00Z","Sum":600.0,"Unit":"Count"},
          {"Timestamp":"2026-01-01T00:00:00+00:00","Sum":60.0,"Unit":"Count"},
          {"Timestamp":"2026-01-01T01:01:00+01:00","Sum":240.0,"Unit":"Count"}]}"#,
    );
    assert_eq!(metrics.consumed, read(SHUFFLED).consumed);
}

#[test]
fn pages_are_joined_and_a_missing_one_is_said() {
    let page = |minute: u32, sum: u32, more: &str| {
        format!(
            r#"{{"MetricDataResults":[{{"Id":"r","Label":"Orders ConsumedReadCapacityUnits",
            "Timestamps":["2026-01-01T00:0{minute}:00+00:00"],"Values":[{sum}],
            "StatusCode":"{}"}}]{more}}}"#,
            if more.is_empty() {
                "Complete"
            } else {
                "PartialData"
            }
        )
    };
    let token = r#","NextToken":"abc""#;
    let (first, second) = (page(0, 60, token), page(1, 120, ""));
    for both in [format!("{first}\n{second}"), format!("[{first},{second}]")] {
        let metrics = read(&both);
        assert_eq!(metrics.consumed.read, [1.0, 2.0]);
        assert!(!warned(&metrics, "NextToken"));
        assert!(warned(&metrics, "PartialData"));
    }
    assert!(warned(&read(&first), "NextToken"));
}

#[test]
fn what_says_nothing_is_refused_with_a_reason() {
    let check = |text: &str, expected: &str| {
        let error = cloudwatch::read(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("{", "no JSON");
    check("{}", "neither");
    check(r#"{"MetricDataResults":[]}"#, "no points");
    check(
        r#"{"Label":"ConsumedReadCapacityUnits","Datapoints":[]}"#,
        "no points",
    );
    let broken = SHUFFLED.replace(r#""StatusCode":"Complete""#, r#""StatusCode":"Forbidden""#);
    check(&broken, "Forbidden");
    check(&SHUFFLED.replace("[40.0]", "[]"), "not as many values");
    check(
        &SHUFFLED.replace("2026-01-01T00:03:00+00:00", "noon"),
        "`noon` is no time",
    );
    for value in ["-5.0", "1e300"] {
        check(
            &SHUFFLED.replace("240.0", value),
            "2026-01-01T00:01:00+00:00: units are a number from 0 to 2^53",
        );
    }
    check(
        &SHUFFLED.replace("[40.0]", "[-1]"),
        "ProvisionedWriteCapacityUnits is -1 at",
    );
}

#[test]
fn what_a_table_should_have_follows_from_its_busiest_minute() {
    let prices = PriceTable::embedded();
    let sizing = |ratio| size(&read(SHUFFLED), ratio, 0.7, "us-east-1", prices).unwrap();
    // 10 ÷ 0.7 and 30 ÷ 0.7, rounded up.
    assert_eq!(sizing(1.0).usage.write.recommended, 15);
    assert_eq!(sizing(3.0).usage.write.recommended, 43);
    assert!(
        sizing(1.0)
            .warnings
            .iter()
            .any(|warning| warning.contains("hide bursts"))
    );
    // Nobody knows what is provisioned for reads.
    assert_eq!(sizing(1.0).today_usd_month, None);
    for line in render(&sizing(1.0)).lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_page_shows_what_is_used_beside_what_is_recommended() {
    let metrics = read(SHUFFLED);
    let sizing = size(&metrics, 1.0, 0.7, "us-east-1", PriceTable::embedded()).unwrap();
    let page = page::render("<script>", &sizing, &metrics);
    assert_eq!(page.matches("<script").count(), 0);
    // Of reads nothing is known.
    assert!(page.contains("usage-wcu") && !page.contains("usage-rcu"));
    for words in ["recommended 15", "today 40", "time since the first point"] {
        assert!(page.contains(words), "{words}");
    }
    // A year of minutes is drawn in as many points as there are pixels.
    let mut year = metrics;
    year.consumed.write = (0..525_600).map(|minute| f64::from(minute % 100)).collect();
    let page = page::render("year", &sizing, &year);
    assert!(page.len() < 200_000, "{}", page.len());
}

#[test]
fn the_command_writes_the_page_and_the_document() {
    let run = Run::new();
    std::fs::write(run.folder.path().join("metrics.json"), SHUFFLED).unwrap();
    let output = run.dyno(&["size", "--from-cloudwatch", "metrics.json", "--out", "out"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let runs = std::fs::read_dir(run.folder.path().join("out")).unwrap();
    let folder = runs.map(|run| run.unwrap().path()).next().unwrap();
    let page = std::fs::read_to_string(folder.join("sizing.html")).unwrap();
    assert!(page.contains("metrics"));
    let document = std::fs::read_to_string(folder.join("sizing.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["usage"]["write"]["recommended"], 15);
    let output = run.dyno(&["size", "--from-cloudwatch", "metrics.json", "--no-files"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}
