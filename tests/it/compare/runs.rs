//! Finished runs side by side: what is said of their differences, and what is refused.

use std::{fs, path::Path, process::Command, sync::Arc};

use dynamometer::{
    analysis::{
        runs::{Contrast, ContrastError, Figure, Finding, Run, contrast},
        seeds::FigureUnit,
    },
    report::runs::{headline, render},
    scenario::{ArrivalSpec, Billing, Scenario},
    seed::Seed,
    simulation::{SimulationOptions, header, simulate},
    units::{ByDirection, CapacityUnits, Rate},
};
use tempfile::TempDir;

use crate::fixtures::{self, Case};

fn compared(cases: &[&Case], what_if: bool) -> Result<Contrast, ContrastError> {
    let labels = ["one", "two", "three"];
    let runs: Vec<_> = cases
        .iter()
        .zip(labels)
        .map(|(case, label)| Run {
            label,
            record: &case.record,
            scenario: &case.scenario,
        })
        .collect();
    contrast(&runs, what_if)
}

fn figure<'a>(contrast: &'a Contrast, name: &str) -> &'a Figure {
    let found = contrast.figures.iter().find(|figure| figure.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {:?}", contrast.figures))
}

fn finding(contrast: &Contrast, name: &str) -> Option<Finding> {
    figure(contrast, name).differences[0].unwrap().finding
}

/// The scenario of [`fixtures::pass`], in virtual time.
fn simulated(seed: u64, change: impl FnOnce(&mut Scenario)) -> Case {
    let mut scenario = fixtures::pass().scenario;
    scenario.seed = Seed(seed);
    change(&mut scenario);
    let options = SimulationOptions::default();
    let scenario = Arc::new(scenario);
    let about = header(&scenario, String::new(), "test", &options);
    Case {
        record: simulate(&scenario, about, &options).unwrap(),
        scenario: Arc::unwrap_or_clone(scenario),
    }
}

fn poisson(scenario: &mut Scenario) {
    scenario.phases[0].arrivals = ArrivalSpec::Poisson {
        rate: Rate::per_second(20.0).unwrap(),
    };
}

fn capacity(scenario: &mut Scenario, read: i64, write: i64) {
    scenario.tables[0].billing = Billing::fixed(ByDirection {
        read: CapacityUnits::whole(read),
        write: CapacityUnits::whole(write),
    });
}

#[test]
fn a_run_is_the_same_as_itself() {
    let case = fixtures::throttled();
    let contrast = compared(&[&case, &case, &case], false).unwrap();
    assert_eq!(contrast.differs, []);
    for figure in &contrast.figures {
        for difference in figure.differences.iter().flatten() {
            assert_eq!(difference.finding, Some(Finding::Same), "{figure:?}");
            assert_eq!(difference.interval, Some([0.0, 0.0]));
        }
    }
    assert!(headline(&contrast, 0).contains("nothing but the seed"));
}

#[test]
fn more_capacity_throttles_less_and_costs_more() {
    let (small, large) = (fixtures::throttled(), fixtures::pass());
    let contrast = compared(&[&small, &large], false).unwrap();
    assert_eq!(contrast.differs.len(), 1);
    assert_eq!(contrast.differs[0].name, "capacity");
    let changes = contrast.differs[0].changes.join(" ");
    assert!(changes.contains("capacity.read: 2.0 → 50.0"), "{changes}");
    assert_eq!(finding(&contrast, "throttled"), Some(Finding::Better));
    assert_eq!(finding(&contrast, "completed"), Some(Finding::Better));
    assert_eq!(finding(&contrast, "capacity a month"), Some(Finding::Worse));
    assert_eq!(
        finding(&contrast, "Users consumed, reads"),
        Some(Finding::Changed)
    );
    let throttled = figure(&contrast, "throttled");
    let (analysis, by) = (small.analysis(), throttled.differences[0].unwrap().by);
    assert!((by + analysis.summary.throttled_share.unwrap()).abs() < 1e-12);
    // 2 and 50 RCU, 2 and 40 WCU, in us-east-1 for 730 hours.
    let usd = |read: f64, write: f64| (read * 0.000_13 + write * 0.000_65) * 730.0;
    let cost = figure(&contrast, "capacity a month");
    assert_eq!(cost.unit, FigureUnit::UsdPerMonth);
    assert!(
        (cost.values[0].unwrap() - usd(2.0, 2.0)).abs() < 1e-9,
        "{cost:?}"
    );
    assert!((cost.values[1].unwrap() - usd(50.0, 40.0)).abs() < 1e-9);
    let reason = "TableReadProvisionedThroughputExceeded";
    assert_eq!(finding(&contrast, reason), Some(Finding::Better));
    assert_eq!(figure(&contrast, reason).values[1], Some(0.0));
    for line in render(&contrast).lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_text_of_two_runs_reads_well() {
    let (small, large) = (fixtures::throttled(), fixtures::pass());
    insta::assert_snapshot!(render(&compared(&[&small, &large], false).unwrap()));
}

#[test]
fn seeds_alone_are_told_apart_about_as_often_as_chance_has_it() {
    let mut told_apart = 0;
    for seed in 0..20 {
        let (one, other) = (
            simulated(2 * seed, poisson),
            simulated(2 * seed + 1, poisson),
        );
        let contrast = compared(&[&one, &other], false).unwrap();
        assert_eq!(contrast.differs, []);
        let clear = finding(&contrast, "Users consumed, reads") == Some(Finding::Changed);
        told_apart += usize::from(clear);
    }
    // Chance has 1 of 20; 30 s are few stretches, which makes it a little more.
    assert!(told_apart <= 4, "{told_apart}");
}

#[test]
fn runs_that_differ_in_more_than_one_thing_are_refused_unless_one_asks_what_if() {
    let one = simulated(1, |_| {});
    let other = simulated(1, |scenario| {
        poisson(scenario);
        capacity(scenario, 9, 9);
        scenario.name = "another name decides nothing".into();
    });
    let refused = compared(&[&one, &other], false).unwrap_err();
    let text = refused.to_string();
    for said in [
        "differ in load and capacity",
        "steady.arrivals",
        "50.0 → 9.0",
    ] {
        assert!(text.contains(said), "{text}");
    }
    let contrast = compared(&[&one, &other], true).unwrap();
    assert_eq!(contrast.differs.len(), 2);
    let differences = contrast
        .figures
        .iter()
        .flat_map(|f| f.differences.iter().flatten());
    assert!(differences.clone().count() > 5);
    assert!(
        differences
            .into_iter()
            .all(|difference| difference.finding.is_none())
    );
    let text = render(&contrast);
    assert!(text.contains("What if") && !text.contains('✓'), "{text}");
}

#[test]
fn each_thing_that_decides_numbers_is_an_aspect_of_its_own() {
    let base = simulated(1, |_| {});
    let check = |name: &str, change: &dyn Fn(&mut Scenario)| {
        let mut other = simulated(1, |_| {});
        change(&mut other.scenario);
        let contrast = compared(&[&base, &other], true).unwrap();
        let names: Vec<_> = contrast.differs.iter().map(|aspect| aspect.name).collect();
        assert_eq!(names, [name]);
    };
    check("capacity", &|scenario| capacity(scenario, 1, 1));
    check("load", &poisson);
    check("items", &|scenario| scenario.tables[0].items = 7);
    check("client", &|scenario| scenario.client.max_in_flight = 7);
    check("model", &|scenario| scenario.model.burst_seconds = 7);
    check("requests", &|scenario| {
        scenario.operations[0].name = "other".into();
    });
}

#[test]
fn runs_that_say_nothing_of_their_table_are_refused() {
    for (case, word) in [
        (fixtures::invalid(), "INVALID"),
        (fixtures::interrupted(), "interrupted"),
    ] {
        let pass = fixtures::pass();
        let error = compared(&[&pass, &case], false).unwrap_err().to_string();
        assert!(error.contains("two is") && error.contains(word), "{error}");
        compared(&[&pass, &case], true).unwrap();
    }
    let alone = compared(&[&fixtures::pass()], true);
    assert_eq!(alone, Err(ContrastError::Alone));
}

fn dyno(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dyno"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

#[test]
fn stored_runs_are_compared_by_their_folders_and_scenarios_are_not_taken_for_runs() {
    let folder = TempDir::new().unwrap();
    let source = fixtures::pass().record.scenario_source;
    for (name, source) in [
        ("small", source.replace("\"50 RCU\"", "\"2 RCU\"")),
        ("large", source.clone()),
        (
            "other",
            source
                .replace("20/s", "30/s")
                .replace("\"50 RCU\"", "\"9 RCU\""),
        ),
    ] {
        let file = folder.path().join(format!("{name}.toml"));
        fs::write(&file, source).unwrap();
        let file = file.to_str().unwrap();
        let (code, _, errors) = dyno(folder.path(), &["simulate", file, "--out", name]);
        assert!(code <= 1, "{errors}");
        // The one run in it, by a name without the time.
        let made = fs::read_dir(folder.path().join(name))
            .unwrap()
            .next()
            .unwrap();
        fs::rename(
            made.unwrap().path(),
            folder.path().join(format!("{name}-run")),
        )
        .unwrap();
    }
    let compare = |arguments: &[&str]| {
        dyno(
            folder.path(),
            &[&["compare", "--no-files"], arguments].concat(),
        )
    };
    let (code, text, errors) = compare(&["small-run", "large-run/results.json"]);
    assert_eq!(code, 0, "{errors}");
    assert!(text.starts_with("large-run against small-run"), "{text}");
    let (code, text, _) = compare(&["small-run", "large-run", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (code, &document["differs"][0]["name"]),
        (0, &"capacity".into())
    );
    let (code, _, errors) = compare(&["large-run", "other-run"]);
    assert_eq!(code, 2);
    assert!(
        errors.contains("load and capacity") && errors.contains("--what-if"),
        "{errors}"
    );
    assert_eq!(compare(&["large-run", "other-run", "--what-if"]).0, 0);
    for (arguments, said) in [
        (&["large-run"][..], "name two or more"),
        (&["large.toml", "other.toml"], "finished runs"),
        (&["large-run", "small-run", "--keys", "user_id"], "--keys"),
        (
            &["large.toml", "--what-if", "--keys", "user_id"],
            "--what-if",
        ),
    ] {
        let (code, _, errors) = compare(arguments);
        assert!(code == 2 && errors.contains(said), "{errors}");
    }
}
