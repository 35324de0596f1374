//! `dyno run --time-scale`: a run whose time passes faster than the clock.

use dynamometer::{
    analysis::runs::{Run as RunBeside, contrast},
    report::{csv, hlog, html, json, markdown, text},
    units::TimeScale,
};
use serde_json::Value;

use crate::{
    cli::{Run, code, stderr, stdout},
    emulate::Serving,
    fixtures,
    leisure::at_leisure,
};

/// A burst of 300 s at twice what the table has, and half a minute without one.
const BURST: &str = r#"
name = "burst"
expect_throttling = true

[[table]]
name = "Things"
partition_key = "id"
billing = { mode = "provisioned", read = "2 RCU", write = "1 WCU" }
items = 50
[table.attributes]
id = { type = "S", value = "unique", prefix = "thing-" }

[[operation]]
kind = "get"
keys = "uniform"
weight = "100 %"
consistency = "strong"

[model]
initial_burst_fraction = "100 %"

[[phase]]
kind = "load"

[[phase]]
kind = "measured"
duration = "330s"
arrivals = { kind = "constant", rate = "4/s" }

[validity]
dispatch_delay_p99 = "5s"
"#;

const REASON: &str = "TableReadProvisionedThroughputExceeded";

/// Reads that were let in, and throttles: measured, and by the model.
fn told(record: &Value) -> [[f64; 2]; 2] {
    let totals = &record["phases"][0]["operations"][0];
    let model = &record["model"][0];
    [
        [
            &totals["consumed"]["read"],
            &totals["throttle_reasons"][REASON],
        ],
        [
            &model["consumed"]["read"],
            &model["throttles_by_reason"][REASON],
        ],
    ]
    .map(|pair| pair.map(|number| number.as_f64().unwrap()))
}

/// Units that the table gains while a busy machine is late with the last answers.
fn gained_at_the_end(record: &Value) -> f64 {
    let last = record["intervals"].as_array().unwrap().last().unwrap();
    let late = last["second"].as_f64().unwrap() - 329.0;
    2.0 * late.max(0.0)
}

#[tokio::test]
async fn a_burst_of_five_minutes_is_over_in_three_seconds_as_the_model_has_it() {
    let measure = || async {
        let run = Run::new();
        let scenario = run.scenario(BURST);
        let began = std::time::Instant::now();
        let output = run.dyno(&["run", &scenario, "--time-scale", "100", "--with-model"]);
        assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
        assert!(
            began.elapsed().as_secs() < 330,
            "it is not fired in real time"
        );
        (run.results(), stdout(&output))
    };
    let agree = |record: &Value| {
        let [measured, model] = told(record);
        let bound = 5.0 + gained_at_the_end(record);
        let near = |number: usize| (measured[number] - model[number]).abs() <= bound;
        near(0) && near(1)
    };
    let (results, text) = at_leisure(measure, |(results, _)| agree(&results["record"])).await;
    let record = &results["record"];
    let [measured, model] = told(record);
    assert!(agree(record), "measured {measured:?}, model {model:?}");
    // 600 units saved, and 2 in each of 330 seconds, of 1,320.
    let most = 1270.0 + gained_at_the_end(record);
    assert!((1255.0..most).contains(&measured[0]), "{measured:?}");
    assert_eq!(record["provenance"]["time_scale"], 100.0);
    // Of the run, not of the clock.
    assert_eq!(record["phases"][0]["ends"], 330_000_000_000_u64);
    assert!(record["intervals"].as_array().unwrap().len() >= 330);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("Time × 100: 100 seconds of the run passed in each second"),
        "{text}"
    );
}

#[test]
fn a_run_and_its_server_keep_the_same_time_or_there_is_none() {
    let run = Run::new();
    let scenario = run.short("20s", "100 %");
    let fast = Serving::start(&run, &["--time-scale", "20"]);
    let real = Serving::start(&run, &[]);
    for (serving, scale, help) in [
        (&fast, "1", "dyno run --time-scale 20"),
        (&fast, "10", "dyno run --time-scale 20"),
        (&real, "20", "dyno emulate --time-scale 20"),
    ] {
        let arguments = [
            "run",
            &scenario,
            "--endpoint",
            &serving.endpoint,
            "--time-scale",
            scale,
        ];
        let output = run.dyno(&arguments);
        assert_eq!(code(&output), 2, "{}", stdout(&output));
        assert!(stderr(&output).contains(help), "{}", stderr(&output));
    }
    // Those that were refused took away what they had made.
    let output = run.dyno(&[
        "run",
        &scenario,
        "--endpoint",
        &fast.endpoint,
        "--time-scale",
        "20",
    ]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert_eq!(run.results()["record"]["provenance"]["time_scale"], 20.0);
}

#[test]
fn what_follows_answers_or_real_servers_keeps_real_time() {
    let run = Run::new();
    let closed = BURST.replace(
        "{ kind = \"constant\", rate = \"4/s\" }",
        "{ kind = \"closed\", clients = 2 }",
    );
    let scenario = run.scenario(&closed);
    let output = run.dyno(&["run", &scenario, "--time-scale", "2"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("is closed"), "{}", stderr(&output));
    for (arguments, told) in [
        (
            ["--live", "--region", "eu-west-1", "--time-scale", "2"],
            "--live",
        ),
        (["--quiet", "--seed", "1", "--time-scale", "0"], "from 0.01"),
    ] {
        let output = run.dyno(&[&["run", scenario.as_str()], &arguments[..]].concat());
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
}

#[test]
fn every_report_says_how_fast_time_passed() {
    let mut case = fixtures::one_second();
    let pages = |case: &fixtures::Case| {
        let view = case.view();
        [
            ("text", text::render(&view, &text::TextOptions::default())),
            ("markdown", markdown::render(&view)),
            ("html", html::render(&view, &case.record, &case.scenario)),
        ]
    };
    for (format, page) in pages(&case) {
        assert!(!page.contains("time ×"), "{format}");
    }
    case.record.provenance.time_scale = TimeScale::new(60.0).unwrap();
    for (format, page) in pages(&case) {
        let words: Vec<_> = page.split_whitespace().collect();
        let told = "Time × 60: 60 seconds of the run passed in each second.";
        assert!(words.join(" ").contains(told), "{format}: {page}");
        // At its head, too.
        assert!(page.contains("time × 60") || format == "html", "{page}");
    }
    let document: Value =
        serde_json::from_str(&json::render(&case.record, &case.analysis())).unwrap();
    assert_eq!(document["record"]["provenance"]["time_scale"], 60.0);
    assert!(hlog::render(&case.record).contains("time scale: 60"));
    let table = csv::render(&case.record);
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert!(rows[0].last().unwrap().starts_with("time scale"));
    for row in rows.iter().filter(|row| row[1] == "run") {
        assert_eq!(row.last(), Some(&"60"));
    }
}

#[test]
fn runs_of_different_time_are_told_apart() {
    let mut scaled = fixtures::pass();
    scaled.record.provenance.time_scale = TimeScale::new(60.0).unwrap();
    let real = fixtures::pass();
    let runs = [("real", &real), ("scaled", &scaled)].map(|(label, case)| RunBeside {
        label,
        record: &case.record,
        scenario: &case.scenario,
    });
    let contrast = contrast(&runs, false).unwrap();
    let told: Vec<_> = contrast
        .differs
        .iter()
        .map(|aspect| (aspect.name, &aspect.changes[..]))
        .collect();
    assert_eq!(told, [("time scale", &["1 → 60".to_owned()][..])]);
}

#[test]
fn a_generator_may_be_as_late_by_the_clock_as_ever() {
    let mut case = fixtures::one_second();
    let allowed = case.record.allowed_delay(&case.scenario);
    case.record.provenance.time_scale = TimeScale::new(60.0).unwrap();
    assert_eq!(case.record.allowed_delay(&case.scenario), allowed * 60);
}
