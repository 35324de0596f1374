//! A governed emulator in virtual time, so that every number is exact.

use std::sync::Arc;

use dynamometer::{
    clock::VirtualClock,
    emulator::{Emulator, EmulatorConfig, Ledger},
    scenario::ModelParameters,
    units::{ByDirection, CapacityUnits},
};
use serde_json::{Value, json};

use super::raw::{self, Answer};

/// A governed emulator whose clock stands still until it is moved.
pub struct World {
    pub emulator: Emulator,
    pub clock: VirtualClock,
}

/// A burst of 10 s, so that seconds and not minutes have to be walked through.
pub fn short_burst() -> ModelParameters {
    ModelParameters {
        burst_seconds: 10,
        ..ModelParameters::default()
    }
}

impl World {
    /// Without a table.
    pub async fn empty(parameters: ModelParameters) -> Self {
        let clock = VirtualClock::new();
        let config = EmulatorConfig {
            parameters,
            clock: Arc::new(clock.clone()),
            ..EmulatorConfig::default()
        };
        let emulator = Emulator::start(config).await.expect("it starts");
        Self { emulator, clock }
    }

    /// With one table, `Users`.
    pub async fn new(read: u32, write: u32, parameters: ModelParameters) -> Self {
        let world = Self::empty(parameters).await;
        let table = json!({"TableName": "Users",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "ProvisionedThroughput": {"ReadCapacityUnits": read, "WriteCapacityUnits": write}});
        assert_eq!(world.call("CreateTable", table).await.status, 200);
        world
    }

    pub async fn call(&self, operation: &str, body: Value) -> Answer {
        raw::call(&self.emulator.endpoint(), operation, &body).await
    }

    /// Puts an item of one block; whether it was admitted.
    pub async fn put(&self, id: &str) -> bool {
        let answer = self.call("PutItem", put_item(id)).await;
        if answer.status != 200 {
            assert_eq!(answer.error(), "ProvisionedThroughputExceededException");
        }
        answer.status == 200
    }

    /// What is stored, past the governor.
    pub async fn stored(&self, id: &str) -> Value {
        let handle = self.emulator.handle();
        handle.suspend_governor().await;
        let get = json!({"TableName": "Users", "Key": {"id": {"S": id}}, "ConsistentRead": true});
        let item = self.call("GetItem", get).await.json()["Item"].clone();
        handle.enforce().await;
        item
    }

    pub async fn ledger(&self) -> Ledger {
        self.emulator.handle().ledger().await
    }

    pub async fn consumed(&self) -> ByDirection<CapacityUnits> {
        let ledger = self.ledger().await;
        ledger.consumed.get("Users").copied().unwrap_or_default()
    }
}

pub fn put_item(id: &str) -> Value {
    json!({"TableName": "Users", "Item": {"id": {"S": id}}})
}

pub fn units(read: f64, write: f64) -> ByDirection<CapacityUnits> {
    ByDirection {
        read: CapacityUnits::from(read),
        write: CapacityUnits::from(write),
    }
}
