//! One scenario, two worlds: driver and embedded emulator in real time, and the simulator.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use dynamometer::{
    driver::{self, BoxFuture, Hooks, RunPlan},
    emulator::{Emulator, EmulatorConfig},
    record::{IntervalTable, RunRecord},
    scenario::{Table, parse::parse},
    simulation::{SimulationOptions, header, simulate},
    target::sdk::SdkTarget,
    units::{ByDirection, CapacityUnits, Direction, Quantile},
    workload::Workload,
};

use crate::leisure::at_leisure;

/// Every operation on items of up to 3 KiB, three seconds long.
fn scenario(read: &str, write: &str, rate: &str, key: &str, more: &str) -> String {
    format!(
        r#"
name = "parity"
seed = 11
expect_throttling = true

[[table]]
name = "Games"
partition_key = "user"
sort_key = "game"
billing = {{ mode = "provisioned", read = "{read}", write = "{write}" }}
items = 300
[table.attributes]
user = {{ {key} }}
game = {{ type = "N", value = "cycle", size = 10 }}
note = {{ type = "S", value = "text", length = {{ uniform = ["20 B", "3 KiB"] }}, present = "70 %" }}
done = {{ type = "BOOL", value = "boolean", true_share = "50 %" }}

[keys.popular]
kind = "zipfian"
exponent = 0.8

[[operation]]
kind = "get"
keys = "popular"
weight = "30 %"
consistency = "strong"
[[operation]]
kind = "query"
keys = "popular"
weight = "20 %"
limit = 4
[[operation]]
kind = "put"
keys = "popular"
weight = "15 %"
[[operation]]
name = "insert"
kind = "put"
keys = "new"
weight = "5 %"
[[operation]]
kind = "update"
keys = "popular"
weight = "20 %"
set = ["note"]
[[operation]]
kind = "delete"
keys = "popular"
weight = "10 %"

[[phase]]
kind = "load"
[[phase]]
name = "steady"
kind = "measured"
duration = "3s"
arrivals = {{ kind = "constant", rate = "{rate}" }}
{more}
"#
    )
}

fn workload(source: &str) -> Workload {
    Workload::new(Arc::new(parse(source, "parity").unwrap().scenario))
}

fn simulated(source: &str) -> RunRecord {
    let workload = workload(source);
    let options = SimulationOptions::default();
    let header = header(workload.scenario(), source.to_owned(), "test", &options);
    simulate(workload.scenario(), header, &options).unwrap()
}

/// A run at leisure. One in which requests went out or came back late says nothing of the
/// model: at these rates 20 ms are as many units as may be missing.
async fn measured(source: &str) -> RunRecord {
    let in_time = |record: &RunRecord| slowest_hundredth(record) < Duration::from_millis(20);
    at_leisure(|| measured_once(source), in_time).await
}

/// What ninety-nine of a hundred completed requests did not exceed, from when they were due.
fn slowest_hundredth(record: &RunRecord) -> Duration {
    let totals = record.phases.iter().flat_map(|phase| &phase.operations);
    let quantile = Quantile::new(0.99).unwrap();
    let each = totals.filter_map(|totals| totals.response_time.quantile(quantile));
    each.max().unwrap_or_default()
}

async fn measured_once(source: &str) -> RunRecord {
    let workload = workload(source);
    let scenario = Arc::clone(workload.scenario());
    let emulator = Emulator::start(EmulatorConfig {
        parameters: scenario.model.clone(),
        ..EmulatorConfig::default()
    })
    .await
    .unwrap();
    let handle = emulator.handle();
    let target = SdkTarget::connect(&emulator.endpoint(), &scenario.client)
        .await
        .unwrap();
    handle.suspend_governor().await;
    let table = &scenario.tables[0];
    let _owned = target.create_table(table).await.unwrap();
    let items = workload.clone();
    let item = move |number| items.item(0, number);
    target
        .load(&table.name, table.items, 1, item, |_| {})
        .await
        .unwrap();
    handle.enforce().await;
    let options = SimulationOptions::default();
    let header = header(&scenario, source.to_owned(), "test", &options);
    let plan = RunPlan::new(workload, header);
    let tables: Arc<[Table]> = scenario.tables.clone().into();
    let probe = {
        let handle = handle.clone();
        Arc::new(move |second| -> BoxFuture<Vec<IntervalTable>> {
            let (handle, tables) = (handle.clone(), Arc::clone(&tables));
            Box::pin(async move { handle.close_second(second, &tables).await })
        })
    };
    let hooks = Hooks {
        begin: Some(Box::pin(async move { handle.enforce().await })),
        capacity: Some(probe),
        ..Hooks::default()
    };
    let record = driver::run(plan, Arc::new(target), hooks).await.unwrap();
    emulator.shutdown().await;
    record
}

fn consumed(record: &RunRecord, direction: Direction) -> f64 {
    let totals = record.phases.iter().flat_map(|phase| &phase.operations);
    totals.map(|t| t.consumed[direction].as_f64()).sum()
}

fn reasons(record: &RunRecord) -> BTreeMap<&str, u64> {
    let mut sum = BTreeMap::new();
    for totals in record.phases.iter().flat_map(|phase| &phase.operations) {
        for (reason, count) in &totals.throttle_reasons {
            *sum.entry(reason.as_str()).or_insert(0) += count;
        }
    }
    sum
}

/// The most units that a request of these scenarios takes: a put of 3 KiB.
const LARGEST: f64 = 4.0;

/// What was provisioned at the end, whether burst credit was shown, and the partitions: of the
/// table and its global indexes.
fn standing(record: &RunRecord) -> Vec<(ByDirection<CapacityUnits>, bool, Option<usize>)> {
    let mut tables = record.intervals.iter().flat_map(|second| &second.tables);
    let last = tables.rfind(|table| table.partitions.is_some()).unwrap();
    let each = std::iter::once(last).chain(&last.indexes);
    each.map(|one| (one.provisioned, one.burst_left.is_some(), one.partitions))
        .collect()
}

/// Consumed units agree within 0.5 % or one request, throttles by reason within 2 % or 5
/// requests. `throttled` says which reasons there are.
async fn check(source: &str, throttled: &[&str]) {
    let (model, real) = (simulated(source), measured(source).await);
    assert_eq!(model.phases[0].arrivals, real.phases[0].arrivals);
    assert_eq!(standing(&model), standing(&real));
    for direction in Direction::ALL {
        let (model, real) = (consumed(&model, direction), consumed(&real, direction));
        let allowed = f64::max(model * 0.005, LARGEST);
        assert!(
            (model - real).abs() <= allowed,
            "{direction:?}: {model} and {real}"
        );
    }
    let (model, real) = (reasons(&model), reasons(&real));
    assert_eq!(model.keys().copied().collect::<Vec<_>>(), throttled);
    for reason in model.keys().chain(real.keys()) {
        let count = |of: &BTreeMap<&str, u64>| of.get(reason).copied().unwrap_or(0);
        let (model, real) = (count(&model), count(&real));
        let allowed = u64::max(5, model / 50);
        assert!(
            model.abs_diff(real) <= allowed,
            "{reason}: {model} and {real}"
        );
    }
}

const GROUPS: &str = r#"type = "S", value = "group", size = 10, prefix = "user-""#;

#[tokio::test(flavor = "multi_thread")]
async fn enough_capacity_is_consumed_alike_to_the_unit() {
    check(&scenario("900 RCU", "900 WCU", "150/s", GROUPS, ""), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_table_throttles_alike() {
    let throttled = [
        "TableReadProvisionedThroughputExceeded",
        "TableWriteProvisionedThroughputExceeded",
    ];
    // Full buckets: what comes in between load and start would else be saved.
    let model = "[model]\nburst_seconds = \"1s\"\ninitial_burst_fraction = \"100 %\"";
    // No few arrivals bring whole units: else the model's level would meet the very unit that is
    // asked for again and again, a tie that the microseconds of a real answer decide.
    let source = scenario("41 RCU", "83 WCU", "240/s", GROUPS, model);
    check(&source, &throttled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_partition_throttles_alike() {
    let model = "[model]\npartition_read_cap = \"10 RCU\"\npartition_write_cap = \"20 WCU\"";
    let throttled = [
        "TableReadKeyRangeThroughputExceeded",
        "TableWriteKeyRangeThroughputExceeded",
    ];
    let source = scenario("100 RCU", "400 WCU", "150/s", GROUPS, model);
    check(&source, &throttled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_as_keys_lie_in_the_same_partitions() {
    let model = "[model]\npartition_read_cap = \"10 RCU\"\npartition_write_cap = \"20 WCU\"\n\
                 admission_rule = \"strict\"";
    let throttled = [
        "TableReadKeyRangeThroughputExceeded",
        "TableWriteKeyRangeThroughputExceeded",
    ];
    let key = r#"type = "N", value = "group", size = 10"#;
    let source = scenario("100 RCU", "400 WCU", "150/s", key, model);
    check(&source, &throttled).await;
}

/// Puts alone, so that every unit is known beforehand, into a table with `table`'s settings.
fn puts(table: &str, keys: &str, rate: &str, seconds: u32, more: &str) -> String {
    format!(
        r#"
name = "parity of puts"
seed = 5
expect_throttling = true

[[table]]
name = "Games"
items = 200
{table}
[table.attributes]
user = {{ type = "S", value = "unique", prefix = "user-" }}
game = {{ type = "N", value = "cycle", size = 10 }}
team = {{ type = "S", value = "categorical", choices = {{ red = 1, blue = 1 }} }}
note = {{ type = "S", value = "text", length = "SIZE" }}

[keys.picked]
{keys}

[[operation]]
kind = "put"
keys = "picked"
weight = "100 %"

[[phase]]
kind = "load"
[[phase]]
name = "steady"
kind = "measured"
duration = "{seconds}s"
arrivals = {{ kind = "constant", rate = "{rate}" }}
[validity]
dispatch_delay_p99 = "5s"
{more}
"#
    )
}

const UNIFORM: &str = r#"kind = "uniform""#;

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_too_small_stalls_the_writes_of_its_table_alike() {
    let table = r#"
partition_key = "user"
billing = { mode = "provisioned", read = "9 RCU", write = "400 WCU" }
[[table.index]]
name = "by-team"
scope = "global"
partition_key = "team"
projection = "keys-only"
billing = { mode = "provisioned", read = "9 RCU", write = "20 WCU" }
"#;
    let model = "[model]\nburst_seconds = \"1s\"\ninitial_burst_fraction = \"100 %\"";
    // Only what is new changes the index.
    let source = puts(table, r#"kind = "new""#, "80/s", 3, model).replace("SIZE", "20 B");
    check(&source, &["IndexWriteProvisionedThroughputExceeded"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_partition_splits_alike() {
    let table = r#"
partition_key = "user"
billing = { mode = "provisioned", read = "9 RCU", write = "119 WCU" }
"#;
    let model = "[model]\npartition_write_cap = \"60 WCU\"\nsplit_trigger_seconds = \"5s\"\n\
                 split_duration_seconds = \"1s\"";
    let hot = r#"kind = "hot-set"
hot_keys = "1.5 %"
hot_traffic = "80 %""#;
    let source = puts(table, hot, "118/s", 8, model).replace("SIZE", "20 B");
    check(&source, &["TableWriteKeyRangeThroughputExceeded"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_set_that_moves_is_throttled_alike_wherever_it_is() {
    let table = r#"
partition_key = "user"
billing = { mode = "provisioned", read = "9 RCU", write = "119 WCU" }
"#;
    // One item takes 99 of 110 a second, and with each second it is another one.
    let hot = r#"kind = "hot-set"
hot_keys = "0.5 %"
hot_traffic = "90 %"
moves_every = "1s""#;
    let model = "[model]\npartition_write_cap = \"30 WCU\"";
    let source = puts(table, hot, "110/s", 5, model).replace("SIZE", "20 B");
    check(&source, &["TableWriteKeyRangeThroughputExceeded"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_on_demand_table_grows_alike() {
    let table = r#"
partition_key = "user"
billing = { mode = "on-demand" }
"#;
    let model = "[model]\npartition_write_cap = \"1000000 WCU\"\n\
                 od_peak_window = \"2s\"\nod_growth_interval = \"2s\"";
    // 70 updates of 120 WCU a second, where 4,000 WCU are served at first.
    let source = puts(table, UNIFORM, "70/s", 5, model).replace("SIZE", "119 KiB");
    let source = source.replace(r#"kind = "put""#, "kind = \"update\"\nset = [\"team\"]");
    let source = source.replace("items = 200", "items = 40");
    check(&source, &["TableWriteKeyRangeThroughputExceeded"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_cancelled_alike() {
    let table = r#"
partition_key = "user"
billing = { mode = "provisioned", read = "9 RCU", write = "40 WCU" }
"#;
    let source = puts(table, UNIFORM, "20/s", 4, "").replace("SIZE", "20 B");
    let source = source.replace(r#"kind = "put""#, "kind = \"transact-write\"\nitems = 2");
    // What cancels a transaction has a code and no reasons, so that only the requests count.
    let throttled = |record: &RunRecord| -> u64 {
        let totals = record.phases.iter().flat_map(|phase| &phase.operations);
        totals.map(|totals| totals.outcomes.throttled).sum()
    };
    let (model, real) = (simulated(&source), measured(&source).await);
    let (model, real) = (throttled(&model), throttled(&real));
    assert!(
        model > 20 && model.abs_diff(real) <= 5,
        "{model} and {real}"
    );
}
