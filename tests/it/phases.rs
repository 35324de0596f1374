//! Phases with a mix of their own, and phases whose clients wait for their answers.

use std::sync::Arc;

use dynamometer::{
    analysis::Analysis,
    record::RunRecord,
    report::{ReportView, json, plan::Plan},
    scenario::{Scenario, parse::parse},
    schedule::{Arrival, Schedule},
    simulation::{SimulationOptions, header, simulate},
    units::Timestamp,
    workload::Workload,
};

/// Two operations; `phases` follow the load.
fn source(phases: &str) -> String {
    format!(
        r#"name = "phases"
expect_throttling = true
[[table]]
name = "Items"
partition_key = "id"
billing = {{ mode = "provisioned", read = "5000 RCU", write = "5000 WCU" }}
items = 1000
[table.attributes]
id = {{ type = "S", value = "unique", prefix = "i-" }}
[keys.newest]
kind = "latest"
exponent = 1.2
[[operation]]
name = "read"
kind = "get"
keys = "newest"
weight = "50 %"
[[operation]]
name = "add"
kind = "put"
keys = "new"
weight = "50 %"
[[phase]]
kind = "load"
{phases}"#
    )
}

fn phase(name: &str, arrivals: &str, more: &str) -> String {
    format!(
        "[[phase]]\nname = \"{name}\"\nkind = \"measured\"\nduration = \"10s\"\n\
         arrivals = {{ {arrivals} }}\n{more}\n"
    )
}

fn scenario(phases: &[String]) -> Arc<Scenario> {
    let parsed = parse(&source(&phases.concat()), "phases.toml");
    Arc::new(
        parsed
            .unwrap_or_else(|problems| panic!("{problems}"))
            .scenario,
    )
}

fn simulated(scenario: &Arc<Scenario>) -> RunRecord {
    let options = SimulationOptions::default();
    let header = header(scenario, String::new(), "test", &options);
    simulate(scenario, header, &options).unwrap()
}

fn three_mixes() -> Arc<Scenario> {
    let poisson = r#"kind = "poisson", rate = "200/s""#;
    scenario(&[
        phase("filling", poisson, r#"mix = { add = "100 %" }"#),
        phase("reading", poisson, r#"mix = { read = "100 %" }"#),
        phase("both", poisson, ""),
    ])
}

#[test]
fn each_phase_has_its_own_mix_in_plan_and_simulation_alike() {
    let scenario = three_mixes();
    let record = simulated(&scenario);
    let (workload, schedule) = (
        Workload::new(Arc::clone(&scenario)),
        Schedule::new(&scenario),
    );
    for (index, phase) in record.phases.iter().enumerate() {
        let counts = [0, 1].map(|operation| phase.operations[operation].outcomes.completed);
        match index {
            0 => assert_eq!(counts[0], 0),
            1 => assert_eq!(counts[1], 0),
            _ => assert!(
                counts[0].abs_diff(counts[1]) < phase.arrivals / 10,
                "{counts:?}"
            ),
        }
        let planned = Plan::new(&workload, &schedule).unwrap();
        let planned = planned.filter(|planned| planned.arrival.phase == index + 1);
        let mut found = [0, 0];
        for operation in planned {
            found[operation.pick.spec] += 1;
        }
        assert_eq!(found, counts, "{}", phase.name);
    }
}

#[test]
fn the_newest_items_are_those_that_an_earlier_phase_added() {
    let scenario = three_mixes();
    let schedule = Schedule::new(&scenario);
    let mut workload = Workload::new(Arc::clone(&scenario));
    let (mut added, mut missing, mut reads) = (std::collections::BTreeSet::new(), 0, 0);
    for Arrival {
        sequence,
        phase,
        intended_start,
    } in schedule.arrivals()
    {
        workload.begin(phase, sequence, intended_start);
        let pick = workload.pick(sequence);
        if pick.spec == 1 {
            added.insert(pick.item);
        } else {
            reads += 1;
            missing += u32::from(pick.item >= 1000 && !added.contains(&pick.item));
        }
    }
    assert!(reads > 2000, "{reads}");
    assert_eq!(missing, 0, "reads of items that nobody has added");
    let newest = added.last().copied().unwrap();
    assert!(newest > 1000);
}

fn clients(clients: u32, think: &str) -> Arc<Scenario> {
    let arrivals = format!("kind = \"closed\", clients = {clients}, think_time = {think}");
    scenario(&[phase("closed", &arrivals, "")])
}

#[test]
fn clients_wait_for_their_answers_and_think() {
    // An answer takes 1 ms, so that a client needs 10 ms for each request.
    let record = simulated(&clients(4, "\"9ms\""));
    assert_eq!(record.phases[0].arrivals, 4000);
    let record = simulated(&clients(1, "\"0ms\""));
    assert_eq!(record.phases[0].arrivals, 10_000);
    let count = |think| {
        f64::from(u32::try_from(simulated(&clients(16, think)).phases[0].arrivals).unwrap())
    };
    let exponential = count(r#"{ kind = "exponential", mean = "19ms" }"#);
    assert!((exponential - 8000.0).abs() < 300.0, "{exponential}");
    let uniform = count(r#"{ kind = "uniform", min = "0s", max = "38ms" }"#);
    assert!((uniform - 8000.0).abs() < 200.0, "{uniform}");
}

#[test]
fn more_clients_than_the_open_model_allows_are_neither_queued_nor_dropped() {
    let source = source(&phase(
        "closed",
        "kind = \"closed\", clients = 50, think_time = \"9ms\"",
        "",
    ));
    let scenario = parse(
        &format!("{source}[client]\nmax_in_flight = 2\nmax_queued = 0\n"),
        "x.toml",
    );
    let record = simulated(&Arc::new(scenario.unwrap().scenario));
    let totals = &record.phases[0].operations;
    let dropped: u64 = totals.iter().map(|totals| totals.outcomes.dropped).sum();
    assert_eq!(dropped, 0);
    assert!(record.phases[0].arrivals >= 50_000);
}

#[test]
fn closed_and_open_phases_follow_one_another() {
    let closed = r#"kind = "closed", clients = 3, think_time = "99ms""#;
    let open = r#"kind = "constant", rate = "7/s""#;
    let scenario = scenario(&[
        phase("first", closed, ""),
        phase("second", closed, r#"mix = { add = "100 %" }"#),
        phase("third", open, ""),
        phase("fourth", closed, ""),
    ]);
    let record = simulated(&scenario);
    let arrivals: Vec<u64> = record.phases.iter().map(|phase| phase.arrivals).collect();
    assert_eq!(arrivals, [300, 300, 70, 300]);
    assert_eq!(record.phases[1].operations[0].outcomes.total(), 0);
    assert_eq!(
        simulated(&scenario),
        record,
        "the same seed gives the same run"
    );
}

#[test]
fn numbers_run_in_the_order_of_starts_and_no_client_starts_after_the_end() {
    let scenario = clients(5, r#"{ kind = "exponential", mean = "40ms" }"#);
    let schedule = Schedule::new(&scenario);
    let mut arrivals = schedule.arrivals();
    let (mut expected, mut before, mut under_way) = (0, Timestamp::ZERO, 0);
    while let Some(at) = arrivals.next_at() {
        let arrival = arrivals.next().unwrap();
        assert_eq!((arrival.sequence, arrival.intended_start), (expected, at));
        assert!(at >= before && at < schedule.phase_end(1));
        under_way += 1;
        assert!(under_way <= 5);
        // Answers of 3 ms, all told at once.
        arrivals.answered(1, at + std::time::Duration::from_millis(3));
        under_way -= 1;
        (expected, before) = (expected + 1, at);
    }
    assert!((900..1400).contains(&expected), "{expected}");
}

#[test]
fn a_report_says_that_the_model_is_closed() {
    let view = |scenario: &Arc<Scenario>| {
        let record = simulated(scenario);
        let analysis = Analysis::of(&record, scenario);
        let json = json::render(&record, &analysis);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        (
            ReportView::of(&record, scenario, &analysis),
            json["arrival_model"].clone(),
        )
    };
    let (closed, model) = view(&clients(4, "\"9ms\""));
    assert_eq!(model, "closed");
    insta::assert_snapshot!("closed_sentence", closed.sentence);
    assert!(closed.facts.iter().any(|fact| fact.term == "arrivals"));
    let (open, model) = view(&three_mixes());
    assert_eq!(model, "open");
    assert!(!open.sentence.contains("losed"));
}

#[test]
fn operations_need_no_weight_where_every_phase_has_a_mix() {
    let phases = [
        phase(
            "filling",
            r#"kind = "constant", rate = "50/s""#,
            r#"mix = { add = "100 %" }"#,
        ),
        phase(
            "both",
            r#"kind = "constant", rate = "50/s""#,
            r#"mix = { read = "20 %", add = "80 %" }"#,
        ),
    ];
    let weighed = source(&phases.concat());
    let bare = weighed.replace("weight = \"50 %\"\n", "");
    let of = |source: &str| Arc::new(parse(source, "phases.toml").unwrap().scenario);
    let without_weights = simulated(&of(&bare));
    assert_eq!(without_weights.phases, simulated(&of(&weighed)).phases);
    let unmixed = bare.replace(r#"mix = { add = "100 %" }"#, "");
    insta::assert_snapshot!(
        "weights_missing",
        parse(&unmixed, "phases.toml").unwrap_err()
    );
    let half = weighed.replacen("weight = \"50 %\"\n", "", 1);
    insta::assert_snapshot!(
        "weights_that_do_not_add_up",
        parse(&half, "phases.toml").unwrap_err()
    );
}
