//! Whether a run says that it was its own limit.

use std::time::Duration;

use dynamometer::{
    analysis::{
        Analysis,
        generator::{GeneratorUse, Limit},
    },
    record::{
        Declared, Outcome, Provenance, RunRecord, Sample,
        generator::{Ceiling, Generator, GeneratorSecond},
        recorder::{Recorder, RunHeader},
    },
    report::ReportView,
    scenario::{Scenario, parse::parse},
    schedule::Arrival,
    units::Timestamp,
};

const SOURCE: &str = r#"
name = "late"
[[table]]
name = "Things"
partition_key = "id"
billing = { mode = "on-demand" }
items = 10
[table.attributes]
id = { type = "S", value = "unique" }
[keys.all]
kind = "uniform"
[[operation]]
kind = "get"
keys = "all"
weight = "100 %"
[[phase]]
name = "p"
kind = "measured"
duration = "4s"
arrivals = { kind = "constant", rate = "1/s" }
"#;

fn scenario() -> Scenario {
    parse(SOURCE, "late").unwrap().scenario
}

/// One request a second, `late` after it was due, by a generator that took this each second.
fn record(late: Duration, timer: &str, took: GeneratorSecond) -> RunRecord {
    let scenario = scenario();
    let header = RunHeader {
        scenario_source: SOURCE.to_owned(),
        provenance: Provenance {
            client: Some("wire".to_owned()),
            ..Provenance::of(&scenario, "http://localhost", "2026-01-01T00:00:00Z")
        },
        governed: false,
    };
    let mut recorder = Recorder::new(&scenario, header);
    for sequence in 0..4 {
        let due = Timestamp::from_start(Duration::from_secs(sequence));
        let arrival = Arrival {
            sequence,
            phase: 0,
            intended_start: due,
        };
        recorder.due(&arrival, 0);
        recorder.finish(&Sample {
            sequence,
            phase: 0,
            operation: 0,
            outcome: Outcome::Completed,
            due,
            first_sent: Some(due + late),
            last_sent: Some(due + late),
            finished: due + late + Duration::from_millis(1),
            attempts: 1,
            declared: Declared::default(),
            throttle_reasons: Vec::new(),
            error: None,
        });
        recorder.generator(sequence, took);
    }
    let mut record = recorder.into_record();
    record.generator = Some(Generator {
        threads: 2,
        timer: timer.to_owned(),
        ceiling: Some(Ceiling {
            requests_per_second: 2.0,
            measured_at: "2026-01-01T00:00:00Z".to_owned(),
        }),
    });
    record
}

fn took(busiest: f64, queued: u64) -> GeneratorSecond {
    let nanos = u64::try_from(Duration::from_secs_f64(busiest).as_nanos()).unwrap();
    GeneratorSecond {
        cpu_nanos: nanos,
        busiest_cpu_nanos: nanos,
        in_flight: 3,
        queued,
    }
}

#[test]
fn a_late_run_says_what_was_the_limit_and_one_in_time_says_nothing() {
    const LATE: Duration = Duration::from_millis(200);
    let limit = |late, timer, took| Limit::of(&record(late, timer, took), &scenario());
    assert_eq!(limit(Duration::ZERO, "kernel", took(0.99, 9)), None);
    let found = limit(LATE, "kernel", took(0.97, 50));
    assert!(matches!(found, Some(Limit::Generator { share }) if (share - 0.97).abs() < 1e-6));
    let found = limit(LATE, "kernel", took(0.4, 50));
    assert_eq!(found, Some(Limit::Places { queued: 50 }));
    let found = limit(LATE, "kernel", took(0.4, 0));
    assert!(matches!(found, Some(Limit::Machine { .. })), "{found:?}");
    // Who spins has no pause whether there is work or not.
    let found = limit(LATE, "spin", took(0.99, 0));
    assert!(matches!(found, Some(Limit::Machine { .. })), "{found:?}");
}

#[test]
fn a_report_says_it_too_and_what_share_of_the_ceiling_was_used() {
    let record = record(Duration::from_millis(200), "kernel", took(0.97, 0));
    let used = GeneratorUse::of(&record).unwrap();
    assert!(
        (used.ceiling_share.unwrap() - 0.25).abs() < 1e-9,
        "{used:?}"
    );
    let scenario = scenario();
    let analysis = Analysis::of(&record, &scenario);
    let view = ReportView::of(&record, &scenario, &analysis);
    let sentence = &view.sentence;
    assert!(
        sentence.contains("The generator itself was the limit"),
        "{sentence}"
    );
    let mut facts = view.facts.iter();
    let fact = facts.find(|fact| fact.term == "generator").unwrap();
    assert_eq!(
        fact.value.replace('\u{a0}', " "),
        "2 threads, timer kernel; the busiest took 97 % of a core in its busiest second; \
             25 % of the 4/s that `dyno bench` found"
    );
}
