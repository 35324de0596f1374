//! The HTML report: safe, self-contained, small and legible, whatever the run.

use std::time::{Duration, Instant};

use crate::{fixtures, heat};
use dynamometer::{
    analysis::Analysis,
    record::{
        Declared, IntervalTable, Outcome, Provenance, RunRecord, Sample,
        recorder::{Recorder, RunHeader},
    },
    report::{
        ReportView,
        html::{render, style},
    },
    scenario::{Scenario, parse::parse},
    schedule::Schedule,
    seed::Seed,
    units::{ByDirection, CapacityUnits, Direction},
};

const USERS: &str = include_str!("../../scenarios/users.toml");

/// How a made-up target behaves.
#[derive(Clone, Copy, PartialEq)]
enum Target {
    /// Token buckets of 300 s, as the scenario provisions them.
    Metered,
    /// Every answer is a throttle.
    Refusing,
    /// Nothing is ever due.
    Idle,
}

/// The shipped scenario over `seconds`, with `rate` requests a second.
fn scenario(seconds: u64, rate: &str) -> Scenario {
    let source = USERS
        .replace("\"90s\"", &format!("\"{seconds}s\""))
        .replace("\"35/s\"", &format!("\"{rate}\""));
    parse(&source, "users.toml")
        .unwrap_or_else(|told| panic!("{told}"))
        .scenario
}

/// A record of `scenario` against a made-up target, in virtual time.
fn record(scenario: &Scenario, target: Target) -> RunRecord {
    let provenance = Provenance {
        tool_version: "0.1.0".to_owned(),
        items_loaded: 500,
        load_seconds: 0.4,
        model_overrides: vec!["initial_burst_fraction = 100 %".to_owned()],
        ..Provenance::of(scenario, "emulator", "2026-11-23T05:00:00Z")
    };
    let header = RunHeader {
        scenario_source: USERS.to_owned(),
        provenance,
        governed: true,
    };
    let mut recorder = Recorder::new(scenario, header);
    let provisioned = ByDirection::from_fn(|_| CapacityUnits::whole(2));
    let mut left = ByDirection::from_fn(|_| 600.0_f64);
    let mut second = 0;
    let schedule = Schedule::new(scenario);
    let arrivals = schedule.arrivals().filter(|_| target != Target::Idle);
    for arrival in arrivals {
        while second < arrival.intended_start.second() {
            let state = IntervalTable {
                provisioned,
                burst_left: Some(left),
                ..IntervalTable::default()
            };
            recorder.tables(second, &[state]);
            left = ByDirection::from_fn(|direction| (left[direction] + 2.0_f64).min(600.0));
            second += 1;
        }
        let bits = Seed(7).stream("test").bits(arrival.sequence);
        let operation = match bits % 200 {
            0..143 => 0,
            143..183 => 1,
            _ => 2,
        };
        let direction = scenario.operations[operation].kind.direction();
        let served = target == Target::Metered && left[direction] >= 1.0;
        if served {
            left[direction] -= 1.0;
        }
        recorder.due(&arrival, operation);
        // Mostly under a millisecond, now and then ten times that.
        let tail = if (bits >> 32).is_multiple_of(128) {
            12
        } else {
            1
        };
        let service = Duration::from_micros((300 + (bits >> 40) % 500) * tail);
        let sent = arrival.intended_start + Duration::from_micros(40 + bits % 90);
        let mut consumed = ByDirection::from_fn(|_| CapacityUnits::ZERO);
        if served {
            consumed[direction] = CapacityUnits::whole(1);
        }
        let reason = match direction {
            Direction::Read => "TableReadProvisionedThroughputExceeded",
            Direction::Write => "TableWriteProvisionedThroughputExceeded",
        };
        recorder.finish(&Sample {
            sequence: arrival.sequence,
            phase: arrival.phase,
            operation,
            outcome: if served {
                Outcome::Completed
            } else {
                Outcome::Throttled
            },
            due: arrival.intended_start,
            first_sent: Some(sent),
            last_sent: Some(sent),
            finished: sent + service,
            attempts: 1,
            declared: Declared::units(consumed),
            throttle_reasons: if served {
                Vec::new()
            } else {
                vec![reason.to_owned()]
            },
            error: None,
        });
    }
    recorder.into_record()
}

fn page(record: &RunRecord, scenario: &Scenario) -> String {
    let analysis = Analysis::of(record, scenario);
    let view = ReportView::of(record, scenario, &analysis);
    render(&view, record, scenario)
}

/// The page of a run of `seconds` at `rate`.
fn check(seconds: u64, rate: &str, target: Target) -> String {
    let scenario = scenario(seconds, rate);
    let page = page(&record(&scenario, target), &scenario);
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for svg in page.split("<svg ").skip(1) {
        let (head, body) = svg.split_once('>').unwrap();
        assert!(head.contains("role=\"img\""), "{head}");
        assert!(body.starts_with("<title"), "{head}");
        let inside = body.split_once("</svg>").unwrap().0;
        assert!(inside.contains("<desc"), "{head}");
        for poison in ["NaN", "inf", "#000000", "A5\""] {
            assert!(!inside.contains(poison), "{poison} in {head}");
        }
    }
    page
}

#[test]
fn a_page_of_an_hour_is_below_a_megabyte() {
    let scenario = scenario(3600, "8/s");
    let mut record = record(&scenario, Target::Metered);
    record.heat = vec![heat::watched(1000, 3600, 60)];
    let began = Instant::now();
    let page = page(&record, &scenario);
    println!("drawn in {:?}, {} bytes", began.elapsed(), page.len());
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    assert!(page.len() > 100_000, "the series are in it");
}

#[test]
fn nothing_is_fetched() {
    let page = check(90, "35/s", Target::Metered);
    assert!(page.contains("default-src 'none'"));
    for reference in ["src=", "href=", "url(", "@import"] {
        for (at, _) in page.match_indices(reference) {
            let value: String = page[at + reference.len()..].chars().take(24).collect();
            let is_inside = value.starts_with('#') || value.contains("data:image/png;base64");
            assert!(is_inside, "{reference}{value}");
        }
    }
    for inline in [" style=", " onclick=", " onload=", "javascript:"] {
        assert!(!page.contains(inline), "{inline}");
    }
}

#[test]
fn empty_and_tiny_runs_have_a_page() {
    check(90, "35/s", Target::Idle);
    check(1, "1/s", Target::Metered);
    check(90, "35/s", Target::Refusing);
}

#[test]
fn a_record_without_seconds_or_phases_has_a_page() {
    let scenario = scenario(90, "35/s");
    let mut record = record(&scenario, Target::Idle);
    record.intervals.clear();
    record.phases.clear();
    record.tables[0].governed = false;
    assert!(page(&record, &scenario).contains("no request completed"));
}

#[test]
fn every_kind_of_run_has_a_page_with_its_verdict() {
    for case in [
        fixtures::pass(),
        fixtures::hot_partition(),
        fixtures::invalid(),
        fixtures::interrupted(),
        fixtures::interrupted_at_once(),
        fixtures::empty(),
        fixtures::one_request(),
        fixtures::all_failed(),
        fixtures::on_burst_only(),
        fixtures::retried(),
        fixtures::hostile_names(),
    ] {
        let view = case.view();
        let page = render(&view, &case.record, &case.scenario);
        let verdict = format!("{} {}", view.verdict.mark.glyph(), view.verdict.word);
        assert!(page.contains(&verdict), "{verdict}");
        assert!(
            !page.contains("<img") && !page.contains("NaN,"),
            "{verdict}"
        );
    }
}

#[test]
fn the_questions_come_in_their_order() {
    let page = check(90, "35/s", Target::Metered);
    let questions = [
        "class=\"verdict",
        "class=\"tiles\"",
        "Were the limits kept?",
        "Did we have enough capacity?",
        "Table or partition?",
        "How slow, and for how many?",
        "When was it slow?",
        "Did the generator keep its schedule?",
        "What did each operation do?",
        "What does it cost?",
        "Break-even load",
        "Method and data",
        "dyno run users.toml --seed 42",
    ];
    let places: Vec<_> = questions.map(|question| page.find(question)).to_vec();
    assert!(places.iter().all(Option::is_some), "{places:?}");
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn hostile_names_stay_text() {
    let evil = "</script><img src=x onerror=alert(1)>'\"&\u{2028}";
    let mut scenario = scenario(20, "35/s");
    scenario.name = evil.to_owned();
    scenario.question = Some(evil.to_owned());
    for operation in &mut scenario.operations {
        operation.name = evil.to_owned();
    }
    scenario.tables[0].name = evil.to_owned();
    let mut record = record(&scenario, Target::Metered);
    record.scenario_source = evil.to_owned();
    record.provenance.target = evil.to_owned();
    record.provenance.scenario = evil.to_owned();
    record.provenance.model_overrides = vec![evil.to_owned()];
    for phase in &mut record.phases {
        for totals in &mut phase.operations {
            totals.errors.insert(evil.to_owned(), 1);
            totals.throttle_reasons.insert(evil.to_owned(), 1);
        }
    }
    for interval in &mut record.intervals {
        for part in &mut interval.operations {
            part.throttle_reasons.insert(evil.to_owned(), 1);
        }
    }
    let page = page(&record, &scenario);
    assert!(!page.contains("<img"), "an element came through");
    assert_eq!(
        page.matches("</script>").count(),
        2,
        "the data and the script"
    );
    let data = page
        .split_once("id=\"series\">")
        .unwrap()
        .1
        .split_once("</script>")
        .unwrap()
        .0;
    assert!(!data.contains(['<', '>', '&', '\u{2028}']));
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert!(
        data["columns"].to_string().contains("onerror"),
        "the name itself is kept"
    );
}

#[test]
fn the_embedded_series_are_those_of_the_record() {
    let scenario = scenario(90, "35/s");
    let record = record(&scenario, Target::Metered);
    let page = page(&record, &scenario);
    let data = page
        .split_once("id=\"series\">")
        .unwrap()
        .1
        .split_once("</script>")
        .unwrap()
        .0;
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    let columns: Vec<&str> = data["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(data["step"], 1);
    let sum = |name: &str| -> f64 {
        let at = columns
            .iter()
            .position(|column| *column == name)
            .expect(name);
        data["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[at].as_f64().unwrap())
            .sum()
    };
    let total = |of: fn(&dynamometer::record::OutcomeCounts) -> u64| -> u64 {
        let phases = record.phases.iter().flat_map(|phase| &phase.operations);
        phases.map(|totals| of(&totals.outcomes)).sum()
    };
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let counted = [
        total(dynamometer::record::OutcomeCounts::total),
        total(|o| o.completed),
        total(|o| o.throttled),
    ]
    .map(|n| n as f64);
    let shown = ["offered/s", "completed/s", "throttled/s"].map(sum);
    assert!(
        shown.iter().zip(counted).all(|(a, b)| (a - b).abs() < 0.5),
        "{shown:?} {counted:?}"
    );
    assert!(columns.contains(&"Users RCU burst left %"));
}

/// Relative luminance as WCAG 2 defines it.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_colour_stands_out_from_its_background() {
    let themes: Vec<&str> = style().split(":root {").skip(1).collect();
    assert_eq!(themes.len(), 3, "light, dark and print");
    for theme in themes {
        let colour = |name: &str| {
            let from = theme.split_once(&format!("--{name}: ")).expect(name).1;
            from[..7].to_owned()
        };
        let all = ["text", "muted", "read", "write", "throttle", "good"];
        // Every ink is also used for words; tiles and code have no lines of charts on them.
        let on_cards = ["text", "muted", "throttle", "good"];
        let pairs = all.map(|ink| (ink, "page")).into_iter();
        for (ink, background) in pairs.chain(on_cards.map(|ink| (ink, "card"))) {
            let contrast = contrast(&colour(ink), &colour(background));
            assert!(
                contrast >= 4.5,
                "{ink} on {background}: {contrast:.2} in {theme}"
            );
        }
    }
}

#[test]
fn a_page_to_look_at_is_written_on_request() {
    let Some(folder) = std::env::var_os("DYNO_REPORT_PREVIEW") else {
        return;
    };
    let folder = std::path::PathBuf::from(folder);
    for (name, seconds, rate, target) in [
        ("users", 90, "35/s", Target::Metered),
        ("hour", 3600, "8/s", Target::Metered),
        ("refusing", 90, "35/s", Target::Refusing),
        ("idle", 90, "35/s", Target::Idle),
    ] {
        std::fs::write(
            folder.join(format!("{name}.html")),
            check(seconds, rate, target),
        )
        .unwrap();
    }
}
