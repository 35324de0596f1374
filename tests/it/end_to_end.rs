//! Driver, SDK and emulator together: the record against the emulator's own ledger.

use std::{collections::BTreeMap, sync::Arc};

use dynamometer::{
    driver::{self, Hooks, RunPlan},
    emulator::{Emulator, EmulatorConfig, Ledger, Received},
    record::{Provenance, RunRecord, recorder::RunHeader},
    scenario::{Scenario, parse::parse},
    target::sdk::SdkTarget,
    units::{ByDirection, CapacityUnits},
    workload::Workload,
};

/// Every operation, on a table that has too few writes and enough reads.
const SCENARIO: &str = r#"
name = "ledger"
seed = 11
expect_throttling = true

[[table]]
name = "Games"
partition_key = "user"
sort_key = "game"
billing = { mode = "provisioned", read = "400 RCU", write = "20 WCU" }
items = 200
[table.attributes]
user = { type = "S", value = "group", size = 10, prefix = "user-" }
game = { type = "S", value = "cycle", size = 10, prefix = "game-" }
note = { type = "S", value = "text", length = { uniform = ["20 B", "3 KiB"] }, present = "70 %" }

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
weight = "20 %"
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
name = "load"
kind = "load"
[[phase]]
name = "steady"
kind = "measured"
duration = "2s"
arrivals = { kind = "constant", rate = "120/s" }

[client]
max_in_flight = 64
"#;

struct Run {
    record: RunRecord,
    ledger: Ledger,
    received: Received,
}

async fn run(source: &str, max_in_flight: u32) -> Run {
    let mut scenario: Scenario = parse(source, "test").unwrap().scenario;
    scenario.client.max_in_flight = max_in_flight;
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
    let workload = Workload::new(Arc::new(scenario));
    let table = &workload.scenario().tables[0];
    let _owned = target.create_table(table).await.unwrap();
    let items = workload.clone();
    let item = move |number| items.item(0, number);
    target
        .load(&table.name, table.items, 4, item, |_| {})
        .await
        .unwrap();
    handle.enforce().await;
    handle.reset_ledger().await;
    handle.record_requests(true).await;
    let header = RunHeader {
        scenario_source: source.to_owned(),
        provenance: Provenance {
            items_loaded: table.items,
            ..Provenance::of(workload.scenario(), "emulator", "")
        },
        governed: true,
    };
    let plan = RunPlan::new(workload, header);
    let record = driver::run(plan, Arc::new(target), Hooks::default())
        .await
        .unwrap();
    let (ledger, received) = (handle.ledger().await, handle.received().await);
    emulator.shutdown().await;
    Run {
        record,
        ledger,
        received,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_equals_the_server_s_ledger_to_the_request_and_the_unit() {
    let Run { record, ledger, .. } = run(SCENARIO, 64).await;
    let mut consumed = ByDirection::<CapacityUnits>::default();
    let mut reasons = BTreeMap::new();
    for (operation, totals) in record.operations.iter().zip(&record.phases[0].operations) {
        let seen = ledger.requests[operation.kind.api_name()];
        let name = &operation.name;
        assert_eq!(totals.outcomes.completed, seen.ok, "{name}");
        assert_eq!(totals.outcomes.throttled, seen.throttled, "{name}");
        assert_eq!(totals.outcomes.total(), seen.total(), "{name}");
        assert_eq!((seen.failed, totals.outcomes.failed), (0, 0), "{name}");
        consumed += totals.consumed;
        for (reason, count) in &totals.throttle_reasons {
            *reasons.entry(reason.clone()).or_insert(0) += count;
        }
    }
    assert_eq!(record.phases[0].arrivals, 240);
    assert_eq!(consumed, ledger.consumed["Games"]);
    assert_eq!(reasons, ledger.throttle_reasons);
    assert!(
        reasons["TableWriteProvisionedThroughputExceeded"] > 20,
        "{reasons:?}"
    );
    assert!(
        !reasons.contains_key("TableReadProvisionedThroughputExceeded"),
        "{reasons:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_receives_the_same_operations_whatever_the_concurrency() {
    let (one, many) = tokio::join!(run(SCENARIO, 1), run(SCENARIO, 64));
    // One at a time, they come in the order of their numbers; with many under way, those due
    // within one service time may overtake each other.
    // Bodies are compared by length: the SDK writes attributes in the order of a hash map.
    let sorted = |received: &Received| {
        let requests = received.requests.iter();
        let mut requests: Vec<_> = requests
            .map(|request| (request.operation, request.key.clone(), request.body_bytes))
            .collect();
        requests.sort();
        requests
    };
    assert_eq!(one.received.requests.len(), 240);
    assert_eq!(sorted(&one.received), sorted(&many.received));
    let keys = |received: &Received| received.requests.iter().map(|r| r.key.clone()).collect();
    let distinct: std::collections::BTreeSet<String> = keys(&one.received);
    assert!(distinct.len() > 50, "{}", distinct.len());

    let workload = Workload::new(Arc::new(parse(SCENARIO, "test").unwrap().scenario));
    let expected: Vec<_> = (0..240)
        .map(|sequence| workload.operation(sequence).request.kind().api_name())
        .collect();
    let in_order: Vec<_> = one
        .received
        .requests
        .iter()
        .map(|request| request.operation)
        .collect();
    assert_eq!(in_order, expected);
}

/// Every kind of request of the data plane, on a table with a global and a local index.
const ORDERS: &str = include_str!("../../scenarios/orders.toml");

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_request_runs_and_is_booked_alike_by_table_and_by_index() {
    let short = ORDERS.replace("items = 20_000", "items = 2_000");
    let short = short.replace("duration = \"20s\"", "duration = \"2s\"");
    let Run { record, ledger, .. } = run(&short, 64).await;
    let mut table = ByDirection::<CapacityUnits>::default();
    let mut index = ByDirection::<CapacityUnits>::default();
    let mut conditions_failed = 0;
    for (operation, totals) in record.operations.iter().zip(&record.phases[0].operations) {
        let name = &operation.name;
        assert!(totals.outcomes.completed > 0, "{name} was never sent");
        assert_eq!(
            totals.outcomes.completed,
            totals.outcomes.total(),
            "{name}: {:?}",
            totals.errors
        );
        assert_eq!(totals.unprocessed, 0, "{name}");
        assert_eq!(totals.conditions_failed > 0, name == "pay", "{name}");
        conditions_failed += i64::try_from(totals.conditions_failed).unwrap();
        table += totals.consumed;
        for units in &totals.index_consumed {
            index += *units;
        }
    }
    // An answer that says that a condition failed declares no units. The write is charged all
    // the same: one unit, as no item is larger than 1 KiB.
    table.write += CapacityUnits::whole(conditions_failed);
    assert_eq!(table, ledger.consumed["Orders"]);
    assert_eq!(index, ledger.consumed["Orders/index/by-shop"]);
    assert!(index.read.halves() > 0 && index.write.halves() > 0);
}
