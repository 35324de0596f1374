//! A recommendation fired at the embedded emulator: laid beside its prediction, met or missed.

use std::{fs, time::Duration};

use dynamometer::{
    analysis::sizing::{bill::Mode, verify::as_offered},
    scenario::{ArrivalSpec, Curve, PhaseKind, Scenario, parse::parse},
};
use proptest::prelude::*;
use serde_json::Value;

use super::options;
use crate::cli::{Run, code, stderr, stdout};

/// What a machine under load is late by does not matter here.
const PATIENT: &str = r#"
[validity]
dispatch_delay_p99 = "30s"
"#;

fn source(arrivals: &str, duration: &str, weights: [u32; 2]) -> String {
    let [reads, writes] = weights;
    format!(
        r#"
name = "shop"
expect_throttling = true
[[table]]
name = "Orders"
partition_key = "id"
billing = {{ mode = "provisioned", read = "5 RCU", write = "5 WCU" }}
items = 200
[table.attributes]
id = {{ type = "S", value = "unique" }}
body = {{ type = "S", value = "text", length = "700 B" }}
[[operation]]
name = "look"
kind = "get"
keys = "uniform"
weight = "{reads} %"
[[operation]]
name = "order"
kind = "put"
keys = "uniform"
weight = "{writes} %"
[[phase]]
kind = "load"
[[phase]]
name = "steady"
kind = "measured"
duration = "{duration}"
arrivals = {arrivals}
{PATIENT}"#
    )
}

fn sized(source: &str, arguments: &[&str]) -> (i32, Value, String, String) {
    let run = Run::new();
    let file = run.scenario(source);
    let prices = dearer_on_demand(&run);
    let all = [
        &["size", &file, "--verify", "--prices", &prices, "--json"],
        arguments,
    ]
    .concat();
    let output = run.dyno(&all);
    let page = fs::read_to_string(run.only_run().join("sizing.html")).unwrap();
    let document = stdout(&output);
    let document = serde_json::from_str(&document).unwrap_or_else(|_| panic!("{output:?}"));
    (code(&output), document, page, stderr(&output))
}

/// So that something is recommended that can be too little.
fn dearer_on_demand(run: &Run) -> String {
    let mut prices: Value =
        serde_json::from_str(include_str!("../../../src/price/prices.json")).unwrap();
    for price in prices["prices"].as_array_mut().unwrap() {
        if price["key"].as_str().unwrap().starts_with("od_") {
            price["usd"] = Value::from(price["usd"].as_f64().unwrap() * 100.0);
        }
    }
    let file = run.folder.path().join("prices.json");
    fs::write(&file, prices.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_recommendation_holds_with_real_requests_and_takes_what_was_predicted() {
    let source = source("{ kind = \"constant\", rate = \"40/s\" }", "3s", [50, 50]);
    let mut last = None;
    for _ in 0..5 {
        let (code, document, page, errors) = sized(&source, &["--max-throttled", "5%"]);
        let verified = &document["verification"];
        assert_eq!(verified["requests"], 120, "{errors}");
        assert_eq!(verified["mode"], "provisioned");
        let shares = verified["shares"].as_array().unwrap();
        let names: Vec<_> = shares.iter().map(|share| &share["direction"]).collect();
        assert_eq!(names, ["read", "write"]);
        assert!(page.contains("Does it hold with real requests?"));
        assert!(page.contains("fired without burst credit"));
        assert!(!errors.contains("note:"), "{errors}");
        let finding = verified["finding"]["word"].as_str().unwrap().to_owned();
        assert_eq!(
            (finding.as_str(), code),
            if code == 0 { ("met", 0) } else { ("missed", 1) }
        );
        if code == 0 {
            let units = verified["consumed"].as_array().unwrap();
            assert_eq!(units.len(), 2);
            for units in units {
                let of = |name: &str| units[name].as_f64().unwrap();
                // Reads cost half a unit and writes one, whoever counts; each throttled one is
                // not in it.
                assert!(
                    (of("predicted") / of("measured") - 1.0).abs() < 0.1,
                    "{units}"
                );
            }
            return;
        }
        // A busy machine sent much at once.
        last = Some(document);
    }
    panic!("{last:?}");
}

#[test]
fn what_leans_on_no_burst_credit_is_fired_without_any() {
    let source = source("{ kind = \"constant\", rate = \"40/s\" }", "3s", [50, 50]);
    let scenario = parse(&source, "shop.toml").unwrap().scenario;
    let options = options(0.001);
    let sizing = super::sized(&scenario, 0.001);
    for offer in &sizing.offers {
        let offered = as_offered(&scenario, &sizing, offer, &options);
        let leans = matches!(
            offer.mode,
            Mode::ProvisionedWithBurst | Mode::AutoScaling | Mode::OnDemand
        );
        assert_eq!(offered.model.burst_seconds > 0, leans, "{:?}", offer.mode);
    }
}

#[test]
fn what_auto_scaling_cannot_follow_is_missed_and_says_so() {
    // In three hours auto scaling keeps up with this; in five seconds it does not.
    let source = source(
        "{ kind = \"ramp\", from = \"0.5/s\", to = \"5/s\" }",
        "3h",
        [0, 100],
    )
    .replace(
        "[[operation]]\nname = \"look\"\nkind = \"get\"\nkeys = \"uniform\"\nweight = \"0 %\"\n",
        "",
    );
    let arguments = [
        "--duration",
        "5s",
        "--max-throttled",
        "5%",
        "--target-utilisation",
        "90%",
    ];
    let (code, document, page, errors) = sized(&source, &arguments);
    assert_eq!(document["offers"][0]["mode"], "auto_scaling", "{document}");
    let verified = &document["verification"];
    assert_eq!(
        (code, &verified["finding"]["word"]),
        (1, &"missed".into()),
        "{verified}"
    );
    assert!(page.contains("the target was missed"));
    assert!(errors.contains("10800 s are fired in 5 s"), "{errors}");
}

#[test]
fn only_what_is_verified_has_a_length() {
    let run = Run::new();
    let file = run.scenario(&source(
        "{ kind = \"constant\", rate = \"1/s\" }",
        "3s",
        [50, 50],
    ));
    for (arguments, said) in [
        (&["--duration", "5s"][..], "--verify"),
        (&["--verify", "--duration", "5"], "write a duration"),
        (&["--verify", "--duration", "10ms"], "at least 1s"),
    ] {
        let output = run.dyno(&[&["size", &file], arguments].concat());
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

fn scenario(arrivals: &str) -> Scenario {
    let source = source(arrivals, "20min", [50, 50]).replace(
        "[[phase]]\nname = \"steady\"",
        "[[phase]]\nkind = \"warm-up\"\nduration = \"5min\"\n\
         arrivals = { kind = \"poisson\", rate = \"9/s\" }\n[[phase]]\nname = \"steady\"",
    );
    match parse(&source, "shop.toml") {
        Ok(parsed) => parsed.scenario,
        Err(problems) => panic!("{problems}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_shortened_scenario_is_as_long_as_said_and_keeps_its_rates(
        seconds in 1_u64..1_500, arrivals in 0_usize..3,
    ) {
        let scenario = scenario([
            "{ kind = \"ramp\", from = \"1/s\", to = \"30/s\" }",
            "{ kind = \"sine\", mean = \"20/s\", amplitude = \"9/s\", period = \"10min\" }",
            "{ kind = \"steps\", stairs = { from = \"5/s\", to = \"25/s\", count = 4 } }",
        ][arrivals]);
        let limit = Duration::from_secs(seconds);
        let Some(short) = scenario.shortened(limit) else {
            prop_assert_eq!(seconds, 1_500);
            return Ok(());
        };
        let apart = short.timed().as_secs_f64() - limit.as_secs_f64();
        prop_assert!(apart.abs() < 1e-6, "{} s", apart);
        for (long, short) in scenario.phases.iter().zip(&short.phases) {
            if long.kind == PhaseKind::Load {
                continue;
            }
            let mean = |phase: &dynamometer::scenario::Phase| {
                phase.arrivals.rate_mean(phase.duration).unwrap().as_per_second()
            };
            prop_assert!((mean(long) / mean(short) - 1.0).abs() < 1e-3);
            let max = |phase: &dynamometer::scenario::Phase| phase.arrivals.rate_max(phase.duration);
            prop_assert_eq!(max(long), max(short));
            if let ArrivalSpec::Curve { curve: Curve::Lines(lines), .. } = &short.arrivals {
                prop_assert_eq!(lines.iter().map(|line| line.duration).sum::<Duration>(), short.duration);
            }
        }
    }
}
