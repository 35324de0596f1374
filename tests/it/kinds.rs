//! Every kind of request of the data plane, against any server: written so that it is accepted.

use std::{sync::Arc, time::Duration};

use dynamometer::{
    emulator::{Emulator, EmulatorConfig},
    engine::Answer,
    scenario::parse::parse,
    target::{Target, sdk::SdkTarget},
    workload::Workload,
};

const ORDERS: &str = include_str!("../../scenarios/orders.toml");
/// Requests of each operation of the scenario.
const EACH: u32 = 4;

/// Sends some requests of every operation of the shipped scenario to a server that has none of
/// its tables, and leaves none behind.
pub async fn are_accepted(endpoint: &str) {
    let source = ORDERS.replace("items = 20_000", "items = 400");
    let mut scenario = parse(&source, "orders").unwrap().scenario;
    scenario.client.attempt_timeout = Duration::from_secs(30);
    let workload = Workload::new(Arc::new(scenario));
    let scenario = workload.scenario();
    let target = SdkTarget::connect(endpoint, &scenario.client)
        .await
        .unwrap();
    let table = &scenario.tables[0];
    let owned = target.create_table(table).await.unwrap();
    let patience = Duration::from_mins(1);
    target
        .wait_until_active(&table.name, patience)
        .await
        .unwrap();
    target.check_existing(table).await.unwrap();
    let items = workload.clone();
    let item = move |number| items.item(0, number);
    target
        .load(&table.name, table.items, 4, item, |_| {})
        .await
        .unwrap();
    let mut left = vec![EACH; scenario.operations.len()];
    for sequence in 0.. {
        if left.iter().all(|left| *left == 0) {
            break;
        }
        let spec = workload.spec(sequence);
        if left[spec] == 0 {
            continue;
        }
        left[spec] -= 1;
        let request = workload.operation(sequence).request;
        let attempted = target.execute(table, &request).await;
        let name = &scenario.operations[spec].name;
        assert_eq!(attempted.answer, Answer::Completed, "{name}: {request:?}");
    }
    target.delete_table(owned).await.unwrap();
}

#[tokio::test]
async fn the_emulator_accepts_every_kind_of_request() {
    let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
    emulator.handle().suspend_governor().await;
    are_accepted(&emulator.endpoint()).await;
    emulator.shutdown().await;
}
