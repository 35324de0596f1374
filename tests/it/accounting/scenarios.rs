//! The units that simulations predict for the operations of a scenario, against what the
//! embedded emulator declares for the same requests, one after the other.

use std::{sync::Arc, time::Duration};

use dynamometer::{
    emulator::{Emulator, EmulatorConfig},
    engine::Answer,
    record::Declared,
    scenario::{Scenario, parse::parse},
    schedule::Schedule,
    simulation::demand::Demand,
    target::{Target, sdk::SdkTarget},
    workload::Workload,
};

/// With scans of a few items, which take one unit whichever they are: what a page or a segment of
/// a scan holds is the hash function's secret.
fn orders() -> String {
    ORDERS
        .replace("items = 20_000", "items = 1_000")
        .replace("limit = 100", "limit = 5")
}

const ORDERS: &str = include_str!("../../../scenarios/orders.toml");

fn scenario(source: &str) -> Scenario {
    let parsed = parse(source, "test.toml");
    let mut scenario = parsed
        .unwrap_or_else(|problems| panic!("{problems}"))
        .scenario;
    scenario.client.attempt_timeout = Duration::from_secs(30);
    scenario
}

/// Sends the first `requests` of the scenario and holds what each answer declares, of the table
/// and of each global index, against what is predicted.
async fn check(scenario: Scenario, requests: usize) {
    let scenario = Arc::new(scenario);
    let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
    emulator.handle().suspend_governor().await;
    let target = SdkTarget::connect(&emulator.endpoint(), &scenario.client)
        .await
        .unwrap();
    let mut workload = Workload::new(Arc::clone(&scenario));
    for (index, table) in scenario.tables.iter().enumerate() {
        let _kept = target.create_table(table).await.unwrap();
        let items = workload.clone();
        let item = move |number| items.item(index, number);
        target
            .load(&table.name, table.items, 4, item, |_| {})
            .await
            .unwrap();
    }
    let mut demand = Demand::new(&workload).unwrap();
    let schedule = Schedule::new(&scenario);
    let mut failed = 0;
    for arrival in schedule.arrivals().take(requests) {
        workload.begin(arrival.phase, arrival.sequence, arrival.intended_start);
        let pick = workload.pick(arrival.sequence);
        let (predicted, _) = demand.taken(&workload, arrival.sequence, pick);
        let operation = workload.operation(arrival.sequence);
        let table = &scenario.tables[pick.table];
        let attempted = target.execute(table, &operation.request).await;
        let name = &scenario.operations[pick.spec].name;
        if attempted.answer == Answer::Completed {
            assert_eq!(
                attempted.declared, predicted,
                "{name}: {:?}",
                operation.request
            );
        } else {
            failed += 1;
            assert_eq!(predicted, Declared::default(), "{name}: {attempted:?}");
            assert!(
                matches!(attempted.answer, Answer::Failed { .. }),
                "{name}: {attempted:?}"
            );
        }
    }
    // Statements and checks on what was deleted before.
    assert!(failed * 20 < requests, "{failed} of {requests}");
    emulator.shutdown().await;
}

#[tokio::test]
async fn every_kind_of_request_of_the_shipped_orders_is_declared_as_predicted() {
    check(scenario(&orders()), 1_500).await;
}

#[tokio::test]
async fn the_workloads_of_ycsb_are_declared_as_predicted() {
    for (name, source, _) in crate::shipped::scenarios() {
        if name.starts_with("ycsb-") {
            check(scenario(&source.replace("10_000", "1_500")), 250).await;
        }
    }
}

#[tokio::test]
async fn requests_for_missing_items_are_declared_as_predicted() {
    let mut source = orders();
    for (name, kind) in [
        ("open-order", "get"),
        ("list-recent", "query"),
        ("basket", "batch-get"),
        ("audit", "transact-get"),
        ("cancel", "delete"),
        ("look-up", "partiql"),
        ("correct", "partiql"),
    ] {
        let head = format!("name = \"{name}\"\nkind = \"{kind}\"\n");
        assert!(source.contains(&head), "{head}");
        source = source.replace(&head, &format!("{head}missing = \"40 %\"\n"));
    }
    check(
        scenario(&source.replace("condition_fails = \"10 %\"", "missing = \"30 %\"")),
        1_500,
    )
    .await;
}
