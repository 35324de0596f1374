//! The embedded emulator over the wire: DynamoDB's behaviour, its throttling, and what it
//! refuses.

mod charged;
mod front;
mod governed;
mod grown;
pub mod raw;
mod throttled;
mod updated;
mod upstream;
pub mod world;

use dynamometer::emulator::{Emulator, EmulatorConfig};

use crate::wire;

async fn start(governed: bool) -> Emulator {
    let config = EmulatorConfig {
        governed,
        ..EmulatorConfig::default()
    };
    Emulator::start(config).await.expect("it starts")
}

#[tokio::test]
async fn it_speaks_dynamodb_without_a_governor() {
    let emulator = start(false).await;
    wire::speaks_dynamodb(&emulator.endpoint()).await;
    emulator.shutdown().await;
}

#[tokio::test]
async fn it_speaks_dynamodb_under_a_governor_with_ample_capacity() {
    let emulator = start(true).await;
    wire::speaks_dynamodb(&emulator.endpoint()).await;
    let ledger = emulator.handle().ledger().await;
    assert_eq!(ledger.throttle_reasons.len(), 0);
    emulator.shutdown().await;
}

#[tokio::test]
async fn reads_that_find_nothing_cost_the_minimum() {
    let emulator = start(false).await;
    let client = wire::client(&emulator.endpoint());
    wire::create(&client, "Items", 10, 10).await;
    assert_eq!(
        wire::batch_get(&client, &["none", "nil"]).await,
        (0, wire::u(1.0))
    );
    wire::create_indexed(&client, "Games").await;
    assert_eq!(wire::query(&client, "nobody").await, (0, wire::u(0.5)));
}
