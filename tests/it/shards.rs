//! Runs made in shards: what is merged is what one process would have measured.

mod fired;
mod processes;
mod told;

use std::{sync::Arc, time::Duration};

use dynamometer::{
    analysis::{
        Analysis,
        seeds::{SeedStudy, StudyId, StudyPart},
        threshold::{InvalidReason, Verdict},
    },
    record::{
        RunRecord,
        merge::{Merge, MergeError, MergeRules},
        shard::ClockOffset,
    },
    scenario::{Scenario, parse::parse},
    schedule::shard::Shard,
    simulation::{SimulationOptions, header, simulate},
    units::TimeScale,
};
use proptest::prelude::*;

const RULES: MergeRules = MergeRules {
    clocks_apart: Duration::from_millis(250),
    allow_missing: false,
};

fn scenario(source: &str) -> Scenario {
    match parse(source, "test.toml") {
        Ok(parsed) => parsed.scenario,
        Err(problems) => panic!("{problems}\n{source}"),
    }
}

fn simulated(source: &str, shard: Option<Shard>) -> RunRecord {
    let scenario = scenario(source);
    let options = SimulationOptions {
        shard,
        ..SimulationOptions::default()
    };
    let header = header(&scenario, source.to_owned(), "test", &options);
    simulate(&Arc::new(scenario), header, &options).unwrap()
}

fn shards(source: &str, count: u32) -> Vec<RunRecord> {
    let shard = |number| Shard::new(number, count).unwrap();
    (1..=count)
        .map(|number| simulated(source, Some(shard(number))))
        .collect()
}

fn merged(
    records: impl IntoIterator<Item = RunRecord>,
    rules: &MergeRules,
) -> Result<RunRecord, MergeError> {
    let mut merge = Merge::new();
    for record in records {
        merge.add(record)?;
    }
    merge.finish(rules)
}

fn small(rate: &str) -> String {
    format!(
        r#"
name = "small"
seed = 5
expect_throttling = true
[[table]]
name = "Things"
partition_key = "id"
billing = {{ mode = "provisioned", read = "20 RCU", write = "5 WCU" }}
items = 100
[table.attributes]
id = {{ type = "S", value = "unique" }}
[keys.any]
kind = "zipfian"
exponent = 0.9
[[operation]]
kind = "get"
keys = "any"
weight = "60 %"
[[operation]]
kind = "put"
keys = "any"
weight = "40 %"
[[phase]]
kind = "load"
[[phase]]
kind = "measured"
duration = "3s"
arrivals = {{ kind = "constant", rate = "{rate}" }}
[[threshold]]
metric = "throttled"
max = "100 %"
"#
    )
}

fn phase(name: &str, seconds: u32, arrivals: &str) -> String {
    format!(
        "[[phase]]\nname = \"{name}\"\nkind = \"measured\"\nduration = \"{seconds}s\"\n\
         arrivals = {{ {arrivals} }}\n"
    )
}

fn arrivals() -> impl Strategy<Value = String> {
    let rate = 1_u32..120;
    prop_oneof![
        rate.clone()
            .prop_map(|rate| format!("kind = \"constant\", rate = \"{rate}/s\"")),
        rate.clone()
            .prop_map(|rate| format!("kind = \"poisson\", rate = \"{rate}/s\"")),
        (rate.clone(), rate).prop_map(|(from, to)| {
            format!("kind = \"ramp\", from = \"{from}/s\", to = \"{to}/s\"")
        }),
        (1_u32..6).prop_map(|clients| {
            format!("kind = \"closed\", clients = {clients}, think_time = \"20ms\"")
        }),
    ]
}

prop_compose! {
    fn scenarios()(
        seed in any::<u32>(),
        billing in prop_oneof![
            4 => (1_u32..60, 1_u32..60).prop_map(|(read, write)| {
                format!("mode = \"provisioned\", read = \"{read} RCU\", write = \"{write} WCU\"")
            }),
            1 => Just("mode = \"on-demand\"".to_owned()),
        ],
        keys in prop_oneof![
            Just("kind = \"uniform\""),
            Just("kind = \"zipfian\"\nexponent = 0.9"),
            Just("kind = \"latest\"\nexponent = 0.9"),
        ],
        client in (1_u32..8, 0_u32..4, 1_u32..5),
        burst in 0_u32..=2,
        phases in proptest::collection::vec((1_u32..4, arrivals()), 1..4),
        loaded in any::<bool>(),
    ) -> String {
        let (in_flight, queued, attempts) = client;
        let load = if loaded { "[[phase]]\nkind = \"load\"\n" } else { "" };
        let phases: Vec<_> = phases
            .iter()
            .enumerate()
            .map(|(index, (seconds, arrivals))| phase(&format!("phase-{index}"), *seconds, arrivals))
            .collect();
        format!(
            r#"
name = "random"
seed = {seed}
expect_throttling = true
[[table]]
name = "Things"
partition_key = "id"
billing = {{ {billing} }}
items = 60
[table.attributes]
id = {{ type = "S", value = "unique" }}
note = {{ type = "S", value = "text", length = {{ uniform = ["10 B", "3000 B"] }} }}
[keys.any]
{keys}
[keys.fresh]
kind = "new"
[[operation]]
kind = "get"
keys = "any"
weight = "50 %"
[[operation]]
kind = "update"
keys = "any"
set = ["note"]
weight = "20 %"
[[operation]]
kind = "put"
keys = "fresh"
weight = "20 %"
[[operation]]
kind = "batch-get"
keys = "any"
items = 5
weight = "10 %"
{load}{phases}
[client]
max_in_flight = {in_flight}
max_queued = {queued}
[client.retry]
max_attempts = {attempts}
[model]
initial_burst_fraction = "{burst} %"
"#,
            phases = phases.concat(),
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Bit for bit: every count, every bucket of every histogram, every second of every table.
    #[test]
    fn merged_shards_are_the_run_that_one_process_makes(
        source in scenarios(),
        count in 1_u32..=16,
        first in any::<prop::sample::Index>(),
    ) {
        let whole = simulated(&source, None);
        let mut records = shards(&source, count);
        records.rotate_left(first.index(count as usize));
        let mut merged = merged(records, &RULES).unwrap();
        prop_assert_eq!(merged.shards.len(), count as usize);
        let arrivals: u64 = merged.shards.iter().map(|one| one.arrivals).sum();
        prop_assert_eq!(arrivals, whole.phases.iter().map(|phase| phase.arrivals).sum::<u64>());
        merged.shards.clear();
        let json = |record: &RunRecord| serde_json::to_string(record).unwrap();
        prop_assert_eq!(json(&merged), json(&whole));
    }
}

#[test]
fn a_shard_is_neither_passed_nor_failed_and_the_merged_run_is() {
    let source = small("100/s");
    let scenario = scenario(&source);
    let records = shards(&source, 4);
    for record in &records {
        let analysis = Analysis::of(record, &scenario);
        assert_eq!(analysis.judgement.verdict, Verdict::Part);
        assert!(analysis.judgement.assertions.is_empty());
        // Shares of a constant rate are equal.
        assert_eq!(analysis.summary.arrivals, 75);
    }
    let merged = merged(records, &RULES).unwrap();
    let analysis = Analysis::of(&merged, &scenario);
    assert_eq!(analysis.judgement.verdict, Verdict::Pass);
    assert_eq!(analysis.judgement.assertions.len(), 1);
}

#[test]
fn more_shards_than_requests_are_no_fault() {
    let source = small("1/s");
    let records = shards(&source, 8);
    for record in &records {
        let analysis = Analysis::of(record, &scenario(&source));
        assert_eq!(analysis.judgement.verdict, Verdict::Part);
    }
    let merged = merged(records, &RULES).unwrap();
    assert_eq!(merged.phases[0].arrivals, 3);
}

#[test]
fn what_is_no_shard_of_the_same_run_is_refused() {
    let source = small("100/s");
    let check = |change: &dyn Fn(&mut RunRecord), expected: &str| {
        let mut records = shards(&source, 2);
        change(&mut records[1]);
        let refused = merged(records, &RULES).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    };
    check(&|record| record.provenance.part = None, "it is no shard");
    check(
        &|record| *record = shards(&source, 2).remove(0),
        "shard 1/2 is there twice",
    );
    check(
        &|record| *record = shards(&source, 3).remove(1),
        "number of shards is 3, that of the others 2",
    );
    check(
        &|record| *record = shards(&small("90/s"), 2).remove(1),
        "its fingerprint is",
    );
    check(
        &|record| record.provenance.tool_version = "9".into(),
        "its version of dyno is 9, that of the others test",
    );
    check(
        &|record| record.provenance.target = "http://elsewhere:8000".into(),
        "its target is http://elsewhere:8000",
    );
    check(
        &|record| record.provenance.client = Some("sdk".into()),
        "its client is sdk",
    );
    check(
        &|record| record.provenance.time_scale = TimeScale::new(60.0).unwrap(),
        "its time scale is 60, that of the others 1",
    );
    let empty: [RunRecord; 0] = [];
    assert!(merged(empty, &RULES).is_err());
}

#[test]
fn shards_that_took_another_boundary_are_named_with_their_start() {
    let mut records = shards(&small("100/s"), 4);
    for record in &mut records {
        record.provenance.started_at = "2026-11-23T14:00:00Z".into();
    }
    for straddler in [3, 1] {
        records[straddler].provenance.started_at = "2026-11-23T14:00:30Z".into();
    }
    let refused = merged(records.clone(), &RULES).unwrap_err().to_string();
    assert_eq!(
        refused,
        "not all shards started at the same instant: 1, 3 at 2026-11-23T14:00:00Z; \
         2, 4 at 2026-11-23T14:00:30Z"
    );
    // Those of one start are a run, of which the others are missing.
    records.retain(|record| record.provenance.started_at.contains("14:00:00"));
    let rules = MergeRules {
        allow_missing: true,
        ..RULES
    };
    let merged = merged(records, &rules).unwrap();
    assert_eq!(merged.shards.len(), 2);
}

#[test]
fn clocks_that_are_surely_apart_are_refused_and_those_that_may_agree_are_not() {
    let source = small("100/s");
    let with_offsets = |offsets: [i64; 2]| {
        let mut records = shards(&source, 2);
        for (record, offset) in records.iter_mut().zip(offsets) {
            record.provenance.part.as_mut().unwrap().clock = Some(ClockOffset {
                offset_nanos: offset * 1_000_000,
                uncertainty_nanos: 20_000_000,
            });
        }
        merged(records, &RULES)
    };
    assert!(with_offsets([-100, 150]).is_ok());
    assert!(with_offsets([-145, 145]).is_ok());
    let refused = with_offsets([-146, 145]).unwrap_err().to_string();
    assert!(refused.contains("at least 251ms apart"), "{refused}");
}

#[test]
fn a_late_shard_makes_itself_and_the_merged_run_invalid() {
    let source = small("100/s");
    let scenario = scenario(&source);
    let mut records = shards(&source, 2);
    records[1].provenance.part.as_mut().unwrap().late_nanos = 1_500_000_000;
    let of_shard = Analysis::of(&records[1], &scenario);
    let merged = merged(records, &RULES).unwrap();
    let of_run = Analysis::of(&merged, &scenario);
    for analysis in [of_shard, of_run] {
        let reasons = &analysis.judgement.invalid_because;
        assert!(
            matches!(reasons.as_slice(), [InvalidReason::StartedLate { shard, .. }] if shard.number() == 2),
            "{reasons:?}"
        );
    }
}

#[test]
fn a_study_of_seeds_is_merged_of_its_parts_and_of_nothing_else() {
    let scenario = scenario(&small("100/s"));
    let seeds: Vec<_> = scenario.seed.row(7).collect();
    let study = |ours: &dyn Fn(u64) -> bool| {
        let numbered = seeds.iter().zip(0..).filter(|(_, number)| ours(*number));
        SeedStudy::of(numbered.map(|(seed, _)| {
            let source = small("100/s").replace("seed = 5", &format!("seed = {seed}"));
            let record = simulated(&source, None);
            (*seed, Analysis::of(&record, &scenario))
        }))
    };
    let part = |shard: Shard| SeedStudy {
        part: Some(StudyPart {
            shard,
            study: StudyId {
                scenario: "small".into(),
                fingerprint: scenario.fingerprint(),
                tool_version: "test".into(),
                seeds: 7,
            },
        }),
        ..study(&|number| shard.takes(number))
    };
    let whole = study(&|_| true);
    let parts: Vec<_> = Shard::new(1, 3).unwrap().all().map(part).collect();
    let shuffled = [parts[2].clone(), parts[0].clone(), parts[1].clone()];
    assert_eq!(SeedStudy::merged(&shuffled), Ok(whole.clone()));
    let refused = |parts: &[SeedStudy]| SeedStudy::merged(parts).unwrap_err().to_string();
    assert!(refused(&parts[..2]).contains("shard 3/3 of the study is there 0 times"));
    assert!(refused(&[parts.clone(), parts.clone()].concat()).contains("2 times"));
    assert!(refused(&[whole]).contains("no part"));
    let mut other = parts.clone();
    other[1].part.as_mut().unwrap().study.seeds = 8;
    assert!(refused(&other).contains("another study"));
    let mut cut = parts;
    cut[1].runs.pop();
    assert!(refused(&cut).contains("as many seeds"));
}
