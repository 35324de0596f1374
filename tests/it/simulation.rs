//! Scenarios in virtual time: determinism, and the laws of buckets, partitions and retries.

use std::{process::Command, sync::Arc};

use dynamometer::{
    record::{OutcomeCounts, PhaseRecord, RunRecord},
    scenario::{Scenario, parse::parse},
    seed::Seed,
    simulation::{SimulationError, SimulationOptions, header, simulate},
    units::{ByDirection, CapacityUnits},
    workload::{Workload, item},
};
use proptest::prelude::*;

const SHIPPED: [(&str, &str); 3] = [
    ("users", include_str!("../../scenarios/users.toml")),
    (
        "user-games",
        include_str!("../../scenarios/user-games.toml"),
    ),
    ("movies", include_str!("../../scenarios/movies.toml")),
];

fn scenario(source: &str) -> Scenario {
    match parse(source, "test.toml") {
        Ok(parsed) => parsed.scenario,
        Err(problems) => panic!("{problems}"),
    }
}

fn try_simulated(source: &str, seed: Option<u64>) -> Result<RunRecord, SimulationError> {
    let mut scenario = scenario(source);
    scenario.seed = seed.map_or(scenario.seed, Seed);
    let options = SimulationOptions::default();
    let header = header(&scenario, source.to_owned(), "test", &options);
    simulate(&Arc::new(scenario), header, &options)
}

fn simulated(source: &str) -> RunRecord {
    try_simulated(source, None).unwrap()
}

fn json(record: &RunRecord) -> String {
    serde_json::to_string(record).unwrap()
}

fn outcomes(phases: &[PhaseRecord]) -> OutcomeCounts {
    let mut sum = OutcomeCounts::default();
    for totals in phases.iter().flat_map(|phase| &phase.operations) {
        sum += totals.outcomes;
    }
    sum
}

fn consumed(record: &RunRecord) -> ByDirection<CapacityUnits> {
    let mut sum = ByDirection::default();
    for totals in record.phases.iter().flat_map(|phase| &phase.operations) {
        sum += totals.consumed;
    }
    sum
}

fn reasons(record: &RunRecord, reason: &str) -> u64 {
    let totals = record.phases.iter().flat_map(|phase| &phase.operations);
    totals.filter_map(|t| t.throttle_reasons.get(reason)).sum()
}

/// A table of 100 B items and one measured phase, with more lines for each part.
struct Setup {
    read: u64,
    write: u64,
    items: u64,
    attributes: String,
    operations: String,
    phase: String,
    more: String,
}

impl Setup {
    fn gets(read: u64, rate: u64, seconds: u64) -> Self {
        Self {
            read,
            write: 10,
            items: 100,
            attributes: "id = { type = \"S\", value = \"unique\", prefix = \"i-\" }\n\
                         body = { type = \"S\", value = \"text\", length = \"80 B\" }"
                .to_owned(),
            operations: "[[operation]]\nname = \"get\"\nkind = \"get\"\nkeys = \"uniform\"\n\
                         weight = \"100 %\"\nconsistency = \"strong\"\n"
                .to_owned(),
            phase: format!(
                "duration = \"{seconds}s\"\n\
                 arrivals = {{ kind = \"constant\", rate = \"{rate}/s\" }}"
            ),
            more: String::new(),
        }
    }

    fn operations(mut self, operations: &str) -> Self {
        operations.clone_into(&mut self.operations);
        self
    }

    fn more(mut self, more: &str) -> Self {
        more.clone_into(&mut self.more);
        self
    }

    fn source(&self) -> String {
        let Self {
            read,
            write,
            items,
            attributes,
            operations,
            phase,
            more,
        } = self;
        format!(
            "name = \"test\"\nseed = 5\nexpect_throttling = true\n\
             [[table]]\nname = \"Items\"\npartition_key = \"id\"\n\
             billing = {{ mode = \"provisioned\", read = \"{read} RCU\", write = \"{write} WCU\" }}\n\
             items = {items}\n[table.attributes]\n{attributes}\n\
             {operations}\n\
             [[phase]]\nkind = \"load\"\n\
             [[phase]]\nname = \"steady\"\nkind = \"measured\"\n{phase}\n{more}\n"
        )
    }

    fn run(&self) -> RunRecord {
        simulated(&self.source())
    }
}

// ─ determinism ─

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() {
    for (name, source) in SHIPPED {
        let record = json(&simulated(source));
        assert_eq!(record, json(&simulated(source)), "{name}");
        let other = try_simulated(source, Some(99)).unwrap();
        assert_ne!(record, json(&other), "{name}");
    }
}

#[test]
fn a_simulation_says_that_it_is_one() {
    let record = simulated(SHIPPED[0].1);
    assert_eq!(record.provenance.target, "simulation");
    assert_eq!(record.provenance.started_at, "virtual time");
    assert_eq!(record.provenance.items_loaded, 500);
    let overrides = &record.provenance.model_overrides;
    let said = "simulated service time = 1ms (500µs when throttled)";
    assert!(overrides.iter().any(|line| line == said), "{overrides:?}");
    assert!(record.tables[0].governed);
}

// ─ buckets ─

#[test]
fn the_burst_of_the_users_scenario_runs_dry_when_its_header_says() {
    let record = simulated(SHIPPED[0].1);
    let first = |reason: &str| {
        let throttled = |operations: &[dynamometer::record::IntervalOperation]| {
            let counts = operations.iter();
            counts
                .filter_map(|o| o.throttle_reasons.get(reason))
                .sum::<u64>()
                > 0
        };
        let second = record.intervals.iter().find(|i| throttled(&i.operations));
        // The steady phase begins after five seconds.
        second.unwrap().second - 5
    };
    let (reads, writes) = (
        first("TableReadProvisionedThroughputExceeded"),
        first("TableWriteProvisionedThroughputExceeded"),
    );
    assert!((24..=28).contains(&reads), "{reads}");
    assert!((71..=79).contains(&writes), "{writes}");
    let counts = outcomes(&record.phases);
    assert_eq!((counts.failed, counts.timed_out, counts.dropped), (0, 0, 0));
    let steady = outcomes(&record.phases[1..]);
    let share = steady.throttled * 100 / steady.total();
    assert!((45..=55).contains(&share), "{share} %");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Requests of one unit, `rate` a second, against `read` < `rate` units a second and a
    /// full burst: what is served by the k-th of them is the smaller of k + 1 and of what the
    /// bucket held and got until then, rounded up, as a positive balance admits.
    #[test]
    fn what_a_bucket_serves_is_its_fluid_form_to_the_unit(
        read in 1_u64..20,
        more in 1_u64..60,
        burst in 1_u64..6,
    ) {
        let (rate, seconds) = (read + more, 12);
        let record = Setup::gets(read, rate, seconds)
            .more(&format!(
                "[model]\nburst_seconds = \"{burst}s\"\ninitial_burst_fraction = \"100 %\""
            ))
            .run();
        let mut served = 0;
        for interval in record.intervals.iter().filter(|i| i.second < seconds) {
            served += interval.operations[0].outcomes.completed;
            let whole = read * (1 + burst) + read * interval.second;
            let fluid = whole + (read * (rate - 1)).div_ceil(rate);
            prop_assert_eq!(served, fluid.min(rate * (interval.second + 1)));
        }
        let units = CapacityUnits::whole(i64::try_from(served).unwrap());
        prop_assert_eq!(consumed(&record).read, units);
    }
}

#[test]
fn ample_capacity_throttles_nothing() {
    let record = Setup::gets(1000, 500, 5).run();
    let counts = outcomes(&record.phases);
    assert_eq!((counts.completed, counts.total()), (2500, 2500));
    assert!(record.phases[0].operations[0].throttle_reasons.is_empty());
    assert_eq!(consumed(&record).read, CapacityUnits::whole(2500));
}

#[test]
fn burst_credit_is_noted_at_the_end_of_every_second() {
    let record = Setup::gets(10, 5, 4).run();
    let seen: Vec<_> = record
        .intervals
        .iter()
        .map(|interval| interval.tables[0].burst_left.unwrap())
        .collect();
    assert_eq!(seen.len(), 4);
    // 10 units come and 5 go each second; the writes only save.
    for (second, left) in (1..).zip(seen) {
        let (read, write) = (5.0 * f64::from(second), 10.0 * f64::from(second));
        assert!((left.read - read).abs() < 1e-6, "{left:?}");
        assert!((left.write - write).abs() < 1e-6, "{left:?}");
    }
}

// ─ partitions ─

#[test]
fn a_hot_key_is_throttled_by_its_partition_and_not_by_the_table() {
    let hot = "[keys.one]\nkind = \"hot-set\"\nhot_keys = \"1 %\"\nhot_traffic = \"100 %\"\n\
               [[operation]]\nname = \"get\"\nkind = \"get\"\nkeys = \"one\"\n\
               weight = \"100 %\"\nconsistency = \"strong\"\n";
    let record = Setup::gets(12_000, 4000, 5).operations(hot).run();
    let by_partition = reasons(&record, "TableReadKeyRangeThroughputExceeded");
    assert_eq!(
        reasons(&record, "TableReadProvisionedThroughputExceeded"),
        0
    );
    let counts = outcomes(&record.phases);
    assert_eq!(counts.throttled, by_partition);
    // One second's worth at the start, and 3,000 more in each second.
    assert!(counts.completed.abs_diff(18_000) <= 1, "{counts:?}");

    let even = Setup::gets(12_000, 4000, 3).run();
    assert_eq!(outcomes(&even.phases).throttled, 0);
}

// ─ retries ─

#[test]
fn throttled_requests_are_retried_in_virtual_time() {
    let source = |attempts: u32| {
        Setup::gets(10, 15, 6).more(&format!(
            "[client]\nmax_in_flight = 200\nretry = {{ max_attempts = {attempts}, base = \"400ms\", cap = \"2s\" }}\n\
             [model]\nburst_seconds = \"1s\""
        ))
    };
    let (once, often) = (source(1).run(), source(6).run());
    let totals = |record: &RunRecord| record.phases[0].operations[0].clone();
    assert_eq!(totals(&once).attempts, 90);
    let retried = totals(&often);
    assert!(retried.attempts > 110, "{}", retried.attempts);
    assert!(retried.outcomes.completed > totals(&once).outcomes.completed);
    let refused = retried.throttle_reasons["TableReadProvisionedThroughputExceeded"];
    assert_eq!(retried.attempts, retried.outcomes.completed + refused);
    // Backing off counts as waiting; the last attempt itself is as quick as any.
    let waited = retried.response_time.max().unwrap();
    assert!(waited.as_millis() > 200, "{waited:?}");
    assert_eq!(retried.service_time.max().unwrap().as_millis(), 1);
}

// ─ items ─

#[test]
fn the_size_of_an_item_is_known_without_writing_it_out() {
    for (name, source) in SHIPPED {
        let workload = Workload::new(Arc::new(scenario(source)));
        for number in (0..2000).chain(1_000_000..1_000_100) {
            let written = item::size(&workload.item(0, number));
            assert_eq!(workload.item_size(0, number), written, "{name} {number}");
        }
    }
}

/// Every write costs what the larger of the old and the new item does.
#[test]
fn units_follow_what_was_written_before() {
    let mut setup = Setup::gets(1000, 10, 3).operations(
        "[[operation]]\nname = \"delete\"\nkind = \"delete\"\nkeys = \"sequential\"\n\
         weight = \"100 %\"\n",
    );
    setup.items = 10;
    setup.write = 1000;
    setup.attributes = "id = { type = \"S\", value = \"unique\", prefix = \"i-\" }\n\
                        body = { type = \"S\", value = \"text\", length = \"2000 B\" }"
        .to_owned();
    // Two units for each of the ten items, and one each for what is no longer there.
    let units = |count| CapacityUnits::whole(count);
    assert_eq!(consumed(&setup.run()).write, units(10 * 2 + 20));

    setup.operations = setup.operations.replace("\"delete\"", "\"put\"");
    assert_eq!(consumed(&setup.run()).write, units(30 * 2));
}

#[test]
fn queries_read_what_their_partition_holds() {
    let mut setup = Setup::gets(1000, 10, 3).operations(
        "[[operation]]\nname = \"list\"\nkind = \"query\"\nkeys = \"uniform\"\n\
         weight = \"100 %\"\nconsistency = \"strong\"\nLIMIT",
    );
    setup.attributes = "id = { type = \"S\", value = \"group\", prefix = \"i-\", size = 20 }\n\
                        n = { type = \"N\", value = \"cycle\", size = 20 }\n\
                        body = { type = \"S\", value = \"text\", length = \"900 B\" }"
        .to_owned();
    let check = |limit: &str, units: i64| {
        let mut source = setup.source().replace("LIMIT", limit);
        source = source.replace("\"id\"\n", "\"id\"\nsort_key = \"n\"\n");
        let record = simulated(&source);
        assert_eq!(
            consumed(&record).read,
            CapacityUnits::whole(30 * units),
            "{limit}"
        );
    };
    // An item has about 925 bytes, twenty of them between 4 and 5 blocks.
    check("", 5);
    check("limit = 5", 2);
    check("limit = 1", 1);
}

#[test]
fn a_table_that_is_not_loaded_is_empty() {
    let source = Setup::gets(100, 10, 2).source();
    let record = simulated(&source.replace("[[phase]]\nkind = \"load\"\n", ""));
    assert_eq!(record.provenance.items_loaded, 0);
    assert_eq!(consumed(&record).read, CapacityUnits::whole(20));
}

#[test]
fn drawn_keys_of_a_huge_table_are_refused_instead_of_kept_in_memory() {
    let mut setup = Setup::gets(100, 10, 2);
    setup.items = 5_000_000;
    setup.attributes =
        "id = { type = \"S\", value = \"zipfian\", prefix = \"i-\", count = 1_000_000, \
                        exponent = 0.5 }"
            .to_owned();
    let refused = try_simulated(&setup.source(), None).unwrap_err();
    assert_eq!(
        refused,
        SimulationError::TooManyItems {
            table: "Items".into(),
            items: 5_000_000,
            max: 2_000_000
        }
    );
    setup.items = 5_000;
    assert_eq!(outcomes(&setup.run().phases).total(), 20);
}

// ─ accounting ─

fn kind() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["get", "query", "put", "update", "delete"])
}

fn partition_key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "value = \"unique\", prefix = \"p\"",
        "value = \"group\", prefix = \"p\", size = 7",
        "value = \"cycle\", prefix = \"p\", size = 9",
        "value = \"zipfian\", prefix = \"p\", count = 20, exponent = 1.0",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_arrival_has_one_outcome_and_the_seconds_add_up(
        kinds in prop::collection::vec(kind(), 1..5),
        partition_key in partition_key(),
        strict in any::<bool>(),
        (read, write, items) in (1_u64..40, 1_u64..40, 1_u64..300),
        (rate, in_flight, queue) in (1_u64..200, 1_u64..8, 0_u64..8),
        attempts in 1_u64..4,
        seed in any::<u32>(),
    ) {
        let weight = 100.0 / f64::from(u32::try_from(kinds.len()).unwrap());
        let operation = |(number, kind): (usize, &&str)| {
            let keys = if *kind == "put" && number % 2 == 0 { "new" } else { "uniform" };
            let set = if *kind == "update" { "set = [\"body\"]" } else { "" };
            format!(
                "[[operation]]\nname = \"o{number}\"\nkind = \"{kind}\"\nkeys = \"{keys}\"\n\
                 weight = \"{weight} %\"\n{set}\n"
            )
        };
        let rule = if strict { "strict" } else { "debit_after" };
        let mut setup = Setup::gets(read, rate, 3)
            .operations(&kinds.iter().enumerate().map(operation).collect::<String>())
            .more(&format!(
                "[client]\nmax_in_flight = {in_flight}\nmax_queued = {queue}\n\
                 retry = {{ max_attempts = {attempts}, base = \"100ms\", cap = \"1s\" }}\n\
                 [model]\nadmission_rule = \"{rule}\""
            ));
        setup.phase = format!(
            "duration = \"3s\"\narrivals = {{ kind = \"poisson\", rate = \"{rate}/s\" }}"
        );
        (setup.write, setup.items) = (write, items);
        setup.attributes = format!(
            "id = {{ type = \"S\", {partition_key} }}\n\
             n = {{ type = \"N\", value = \"cycle\", size = 11 }}\n\
             body = {{ type = \"S\", value = \"text\", length = {{ uniform = [\"1 B\", \"6 KiB\"] }}, present = \"50 %\" }}"
        );
        let source = setup.source().replace("\"id\"\n", "\"id\"\nsort_key = \"n\"\n");
        let record = try_simulated(&source, Some(u64::from(seed))).unwrap();
        let total = outcomes(&record.phases);
        prop_assert_eq!(total.total(), record.phases[0].arrivals);
        let mut by_second = OutcomeCounts::default();
        let (mut arrivals, mut sent) = (0, 0);
        for interval in &record.intervals {
            arrivals += interval.arrivals;
            sent += interval.sent;
            interval.operations.iter().for_each(|o| by_second += o.outcomes);
        }
        prop_assert_eq!(by_second, total);
        prop_assert_eq!(arrivals, total.total());
        prop_assert_eq!(sent, total.total() - total.dropped);
        prop_assert_eq!((total.failed, total.timed_out), (0, 0));
        for operation in &record.phases[0].operations {
            let refused: u64 = operation.throttle_reasons.values().sum();
            prop_assert!(refused + operation.outcomes.completed >= operation.attempts);
        }
        // Never more than was saved and came in, but for one request's debt each.
        let largest = CapacityUnits::whole(40);
        let last = i64::try_from(record.intervals.last().map_or(0, |i| i.second)).unwrap() + 2;
        let units = |rate: u64| CapacityUnits::whole(i64::try_from(rate).unwrap() * last);
        let used = consumed(&record);
        prop_assert!(used.read <= units(read) + largest && used.write <= units(write) + largest);
    }
}

// ─ command ─

#[test]
fn the_command_writes_the_same_bytes_twice_and_nothing_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.toml");
    std::fs::write(&file, Setup::gets(10, 15, 3).source()).unwrap();
    let dyno = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_dyno"))
            .current_dir(folder.path())
            .arg("simulate")
            .arg(&file)
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    };
    let (code, printed) = dyno(&["--json", "--no-files"]);
    assert_eq!(code, Some(0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let (_, summary) = dyno(&["--out", "runs"]);
    assert!(summary.contains("simulation"), "{summary}");
    let run = std::fs::read_dir(folder.path().join("runs"))
        .unwrap()
        .next();
    let run = run.unwrap().unwrap().path();
    assert!(run.to_str().unwrap().ends_with("-simulated"), "{run:?}");
    assert!(run.join("report.html").is_file());
    let stored = std::fs::read_to_string(run.join("results.json")).unwrap();
    assert_eq!(stored.trim_end(), printed.trim_end());

    let (_, other) = dyno(&["--json", "--no-files", "--seed", "77"]);
    assert_ne!(other, printed);
}
