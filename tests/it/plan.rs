//! Plans, expectations and templates: what is said of a scenario before it runs.

use std::{
    fs,
    process::{Command, Output},
    sync::Arc,
};

use dynamometer::{
    analysis::expectation::{Expectation, expect},
    price::{PriceTable, Unit},
    report::{
        expectation::render,
        plan::{CSV_HEADER, Format, Lines, Plan},
    },
    scenario::{
        Scenario,
        parse::parse,
        template::{self, Template},
    },
    schedule::Schedule,
    simulation::{SimulationOptions, header, simulate},
    units::{ByDirection, Direction},
    workload::{Workload, item},
};

const USERS: &str = include_str!("../../scenarios/users.toml");
const USER_GAMES: &str = include_str!("../../scenarios/user-games.toml");
const ORDERS: &str = include_str!("../../scenarios/orders.toml");
const MOVIES: &str = include_str!("../../scenarios/movies.toml");

fn scenario(source: &str) -> Arc<Scenario> {
    match parse(source, "test.toml") {
        Ok(parsed) => Arc::new(parsed.scenario),
        Err(problems) => panic!("{problems}"),
    }
}

fn expected(source: &str) -> Expectation {
    expect(&Workload::new(scenario(source))).unwrap()
}

fn dyno(folder: &tempfile::TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dyno"))
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap()
}

#[test]
fn a_plan_is_what_the_workload_gives() {
    for source in [USERS, USER_GAMES, MOVIES] {
        let scenario = scenario(source);
        let (workload, schedule) = (Workload::new(scenario.clone()), Schedule::new(&scenario));
        let plan = || Plan::new(&workload, &schedule).unwrap().take(500);
        assert_eq!(plan().count(), 500.min(schedule.arrivals().count()));
        for (planned, arrival) in plan().zip(schedule.arrivals()) {
            let pick = workload.pick(arrival.sequence);
            let whole = workload.item(pick.table, pick.item);
            assert_eq!(planned.item_size, item::size(&whole));
            assert_eq!((planned.arrival, planned.pick), (arrival, pick));
        }
        assert!(plan().eq(plan()));
    }
}

#[test]
fn a_line_of_json_has_the_fields_of_the_csv_header() {
    let scenario = scenario(USER_GAMES);
    let (workload, schedule) = (Workload::new(scenario.clone()), Schedule::new(&scenario));
    for planned in Plan::new(&workload, &schedule).unwrap().take(50) {
        let mut line = String::new();
        Lines::new(&workload, Format::Json).write(&planned, &mut line);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let fields = line.as_object().unwrap();
        assert_eq!(fields.len(), CSV_HEADER.split(',').count());
        assert!(CSV_HEADER.split(',').all(|name| fields.contains_key(name)));
    }
}

#[test]
fn hostile_names_stay_one_field_of_csv() {
    let mut hostile = Scenario::clone(&scenario(MOVIES));
    for operation in &mut hostile.operations {
        operation.name = "a,\"b\"".into();
    }
    let hostile = Arc::new(hostile);
    let (workload, schedule) = (Workload::new(hostile.clone()), Schedule::new(&hostile));
    let planned = Plan::new(&workload, &schedule).unwrap().next().unwrap();
    let mut line = String::new();
    Lines::new(&workload, Format::Csv).write(&planned, &mut line);
    assert!(line.contains(r#","a,""b""","#), "{line}");
    assert!(line.contains(r#","{""movie_id"":{""S"":"#), "{line}");
}

#[test]
fn the_shipped_scenarios_are_explained() {
    for (name, source) in [
        ("users", USERS),
        ("user_games", USER_GAMES),
        ("movies", MOVIES),
    ] {
        let text = render(&expected(source));
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        insta::assert_snapshot!(format!("explain_{name}"), text);
    }
}

#[test]
fn expected_reads_are_within_one_percent_of_simulated_ones_and_writes_within_ten() {
    for source in [USER_GAMES, MOVIES] {
        let scenario = scenario(source);
        let expected = expected(source);
        let options = SimulationOptions::default();
        let header = header(&scenario, source.to_owned(), "test", &options);
        let record = simulate(&scenario, header, &options).unwrap();
        for direction in Direction::ALL {
            let totals = record.phases.iter().flat_map(|phase| &phase.operations);
            let consumed: f64 = totals.map(|t| t.consumed[direction].as_f64()).sum();
            // Expected per second at the highest rate, over all arrivals at that rate.
            let arrivals: f64 = expected.phases.iter().filter_map(|p| p.arrivals).sum();
            let rate = expected
                .phases
                .iter()
                .filter_map(|p| p.rate_max)
                .fold(0.0, f64::max);
            let happened: u64 = record.phases.iter().map(|phase| phase.arrivals).sum();
            #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
            let drawn = happened as f64 / arrivals;
            let predicted = expected.tables[0].flow[direction].max / rate * arrivals * drawn;
            let error = (consumed / predicted - 1.0).abs();
            let limit = match direction {
                Direction::Read => 0.01,
                // Few arrivals write: their number alone varies by several percent.
                Direction::Write => 0.1,
            };
            assert!(error < limit, "{direction:?}: {consumed} of {predicted}");
        }
    }
}

#[test]
fn a_table_and_each_of_its_indexes_are_expected_to_take_what_they_take_in_a_simulation() {
    let (scenario, expected) = (scenario(ORDERS), expected(ORDERS));
    let options = SimulationOptions::default();
    let header = header(&scenario, ORDERS.to_owned(), "test", &options);
    let record = simulate(&scenario, header, &options).unwrap();
    let seconds: f64 = expected.phases.iter().map(|phase| phase.seconds).sum();
    let table = &expected.tables[0];
    let totals = || record.phases.iter().flat_map(|phase| &phase.operations);
    for direction in Direction::ALL {
        let own: f64 = totals().map(|t| t.consumed[direction].as_f64()).sum();
        let of_index = totals().filter_map(|t| t.index_consumed.first());
        let of_index: f64 = of_index.map(|units| units[direction].as_f64()).sum();
        for (happened, flow) in [(own, table.flow), (of_index, table.indexes[0].flow)] {
            let happened = happened / seconds;
            let mean = flow[direction].mean;
            assert!(
                (happened / mean - 1.0).abs() < 0.1,
                "{direction:?}: {happened} of {mean}"
            );
        }
    }
}

#[test]
fn the_busiest_partition_is_what_the_requests_make_of_it() {
    let large = USERS
        .replace(
            r#"read = "2 RCU", write = "2 WCU""#,
            r#"read = "9000 RCU", write = "2 WCU""#,
        )
        .replace("exponent = 0.99", "exponent = 0.01");
    let flow = |source: &str| expected(source).tables[0].flow.read;
    let even = flow(&large);
    // Three partitions, and more than 700 sampled reads of each.
    let share = even.hottest_partition.unwrap() / even.max;
    assert!((0.33..0.37).contains(&share), "{share}");
    let skewed = flow(&large.replace("exponent = 0.01", "exponent = 3.0"));
    let (partition, key) = (
        skewed.hottest_partition.unwrap(),
        skewed.hottest_key.unwrap(),
    );
    assert!(key / skewed.max > 0.8 && partition >= key && partition <= skewed.max);
    // A few seconds have too few requests to say.
    let short = large.replace("duration = \"90s\"", "duration = \"8s\"");
    assert_eq!(flow(&short).hottest_partition, None);
}

#[test]
fn an_on_demand_table_is_priced_by_its_requests_and_has_nothing_provisioned() {
    let on_demand = USERS.replace(
        r#"billing = { mode = "provisioned", read = "2 RCU", write = "2 WCU" }"#,
        r#"billing = { mode = "on-demand" }"#,
    );
    let expected = expected(&on_demand);
    let table = &expected.tables[0];
    let month = 730.0 * 3600.0;
    let flow = ByDirection::from_fn(|direction| table.flow[direction].mean * month);
    let prices = PriceTable::embedded();
    let dollars = |unit, units| prices.on_demand("us-east-1", unit, units).unwrap();
    let usd = dollars(Unit::Read, flow.read) + dollars(Unit::Write, flow.write);
    assert!((table.capacity_usd.unwrap() - usd).abs() < 1e-9);
    assert_eq!(table.partitions, 4);
    let text = render(&expected);
    assert!(
        text.contains("on-demand") && !text.contains("provisioned"),
        "{text}"
    );
}

#[test]
fn a_hot_key_beyond_a_partition_is_said() {
    let keys = template::find("keys").unwrap().text;
    let hot = keys
        .replace("hot_keys = \"1 %\"", "hot_keys = \"0.01 %\"")
        .replace("300/s", "9000/s");
    assert!(render(&expected(&hot)).contains("exceeds a partition: 3 000 RCU/s"));
    assert!(!render(&expected(keys)).contains("exceeds"));
}

#[test]
fn templates_are_written_once_and_run() {
    for Template { name, .. } in template::ALL {
        let folder = tempfile::TempDir::new().unwrap();
        let first = dyno(&folder, &["init", "--template", name]);
        assert_eq!(first.status.code(), Some(0), "{first:?}");
        let file = folder.path().join("scenario.toml");
        fs::write(
            &file,
            [fs::read(&file).unwrap(), b"# mine\n".to_vec()].concat(),
        )
        .unwrap();
        let again = dyno(&folder, &["init", "--template", name]);
        assert_eq!(again.status.code(), Some(2), "{again:?}");
        assert!(fs::read_to_string(&file).unwrap().ends_with("# mine\n"));
        for arguments in [
            vec!["check", "scenario.toml"],
            vec!["simulate", "scenario.toml", "--no-files"],
            vec!["plan", "scenario.toml", "--format", "jsonl"],
            vec!["explain", "scenario.toml", "--json"],
        ] {
            let output = dyno(&folder, &arguments);
            assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        }
    }
}
