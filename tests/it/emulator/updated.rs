//! Changes of capacity, which take a while and are counted, and what `DescribeTable` tells.

use std::time::Duration;

use aws_smithy_types::DateTime;
use dynamometer::{
    scenario::{AutoScaling, ModelParameters},
    units::{ByDirection, CapacityUnits, Share},
};
use serde_json::{Value, json};

use super::{
    raw::Answer,
    world::{World, put_item, short_burst, units},
};

const LAG: Duration = Duration::from_mins(1);

fn rates(read: u32, write: u32) -> Value {
    json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write})
}

impl World {
    async fn update(&self, mut change: Value) -> Answer {
        change["TableName"] = json!("Users");
        self.call("UpdateTable", change).await
    }

    async fn set(&self, read: u32, write: u32) -> Answer {
        self.update(json!({"ProvisionedThroughput": rates(read, write)}))
            .await
    }

    async fn described(&self) -> Value {
        let answer = self
            .call("DescribeTable", json!({"TableName": "Users"}))
            .await;
        assert_eq!(answer.status, 200);
        answer.json()["Table"].clone()
    }

    /// RCU and WCU that `DescribeTable` tells, and the status.
    async fn told(&self) -> (u64, u64, String) {
        let table = self.described().await;
        let units = |name: &str| table["ProvisionedThroughput"][name].as_u64();
        (
            units("ReadCapacityUnits").expect("a number"),
            units("WriteCapacityUnits").expect("a number"),
            table["TableStatus"].as_str().expect("a status").to_owned(),
        )
    }

    async fn in_force(&self) -> ByDirection<CapacityUnits> {
        let capacity = self.emulator.handle().capacity().await;
        capacity.first().expect("one table").status.rates
    }

    async fn accept(&self, read: u32, write: u32) {
        let answer = self.set(read, write).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        self.clock.advance(LAG);
    }
}

fn told(read: u64, write: u64, status: &str) -> (u64, u64, String) {
    (read, write, status.to_owned())
}

#[tokio::test]
async fn new_rates_are_in_force_after_a_while_and_the_old_ones_until_then() {
    let world = World::new(1, 1, short_burst()).await;
    let answer = world.set(2, 5).await;
    assert_eq!(answer.status, 200);
    let description = &answer.json()["TableDescription"];
    assert_eq!(description["TableStatus"], "UPDATING");
    assert_eq!(
        description["ProvisionedThroughput"]["WriteCapacityUnits"],
        1
    );
    assert_eq!(world.told().await, told(1, 1, "UPDATING"));
    assert!(world.put("a").await);
    assert!(!world.put("a").await, "one unit, as before");
    world.clock.advance(Duration::from_millis(59_999));
    assert_eq!(world.told().await, told(1, 1, "UPDATING"));
    assert_eq!(world.in_force().await, units(1.0, 1.0));
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.told().await, told(2, 5, "ACTIVE"));
    assert_eq!(world.in_force().await, units(2.0, 5.0));
}

#[tokio::test]
async fn a_table_that_is_updated_is_neither_updated_again_nor_deleted() {
    let world = World::new(1, 1, short_burst()).await;
    assert_eq!(world.set(2, 2).await.status, 200);
    for refused in [
        world.set(3, 3).await,
        world
            .update(json!({"BillingMode": "PAY_PER_REQUEST"}))
            .await,
        world
            .call("DeleteTable", json!({"TableName": "Users"}))
            .await,
    ] {
        assert_eq!(refused.status, 400);
        assert_eq!(refused.error(), "ResourceInUseException");
        assert_eq!(
            refused.message(),
            "Attempt to change a resource which is still in use: Table is being updated: Users"
        );
    }
    world.clock.advance(LAG);
    assert_eq!(world.told().await, told(2, 2, "ACTIVE"));
    world.accept(3, 3).await;
    assert_eq!(world.told().await, told(3, 3, "ACTIVE"));
    let deleted = world
        .call("DeleteTable", json!({"TableName": "Users"}))
        .await;
    assert_eq!(deleted.status, 200);
}

#[tokio::test]
async fn an_index_has_rates_of_its_own_from_its_creation_on_and_changes_them_likewise() {
    let world = World::new(9, 9, short_burst()).await;
    let created = world
        .update(json!({
            "AttributeDefinitions": [{"AttributeName": "by", "AttributeType": "S"}],
            "GlobalSecondaryIndexUpdates": [{"Create": {"IndexName": "by_b",
                "KeySchema": [{"AttributeName": "by", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": rates(3, 1)}}],
        }))
        .await;
    assert_eq!(created.status, 200, "{}", created.json());
    let index = async || world.described().await["GlobalSecondaryIndexes"][0].clone();
    assert_eq!(
        index().await["ProvisionedThroughput"]["ReadCapacityUnits"],
        3
    );
    let change = |write| {
        json!({"GlobalSecondaryIndexUpdates":
            [{"Update": {"IndexName": "by_b", "ProvisionedThroughput": rates(3, write)}}]})
    };
    assert_eq!(world.update(change(4)).await.status, 200);
    let updating = index().await;
    assert_eq!(updating["IndexStatus"], "UPDATING");
    assert_eq!(updating["ProvisionedThroughput"]["WriteCapacityUnits"], 1);
    assert_eq!(world.told().await, told(9, 9, "UPDATING"));
    assert_eq!(
        world.update(change(5)).await.error(),
        "ResourceInUseException"
    );
    world.clock.advance(LAG);
    let updated = index().await;
    assert_eq!(updated["IndexStatus"], "ACTIVE");
    assert_eq!(updated["ProvisionedThroughput"]["WriteCapacityUnits"], 4);
    let capacity = world.emulator.handle().capacity().await;
    assert_eq!(capacity[0].indexes["by_b"].rates, units(3.0, 4.0));
    assert_eq!(capacity[0].status.rates, units(9.0, 9.0));
}

#[tokio::test]
async fn a_day_has_so_many_decreases_and_as_many_increases_as_one_likes() {
    let parameters = ModelParameters {
        decrease_tokens_start: 2,
        decrease_tokens_max: 2,
        ..short_burst()
    };
    let world = World::new(10, 10, parameters).await;
    let decreases = async || {
        let table = world.described().await;
        table["ProvisionedThroughput"]["NumberOfDecreasesToday"].clone()
    };
    assert_eq!(decreases().await, 0);
    for (read, write) in [(10, 9), (8, 20), (9, 21), (10, 22)] {
        world.accept(read, write).await;
    }
    assert_eq!(
        decreases().await,
        2,
        "only the first two take something away"
    );
    let refused = world.set(10, 1).await;
    assert_eq!(refused.error(), "LimitExceededException");
    assert!(refused.message().ends_with("Number of decreases today: 2"));
    assert_eq!(
        world.told().await,
        told(10, 22, "ACTIVE"),
        "nothing changed"
    );
    world.clock.advance(Duration::from_hours(1));
    world.accept(10, 1).await;
    assert_eq!(decreases().await, 3, "one more each hour");
    world.clock.advance(Duration::from_hours(24));
    assert_eq!(decreases().await, 0, "another day");
    let throughput = world.described().await["ProvisionedThroughput"].clone();
    let date = |field: &str| throughput[field].as_f64().expect("a date");
    let between = date("LastDecreaseDateTime") - date("LastIncreaseDateTime");
    assert!((between - 3660.0).abs() < 0.01, "{between}");
}

#[tokio::test]
async fn a_table_goes_on_at_its_old_rate_until_it_is_on_demand_and_not_more_than_four_times_a_day()
{
    let world = World::new(1, 1, short_burst()).await;
    let on_demand = || json!({"BillingMode": "PAY_PER_REQUEST"});
    for _ in 0..4 {
        assert_eq!(world.update(on_demand()).await.status, 200);
        let table = world.described().await;
        assert_eq!(table["BillingModeSummary"]["BillingMode"], "PROVISIONED");
        assert_eq!(world.told().await, told(1, 1, "UPDATING"));
        assert_eq!(world.in_force().await, units(1.0, 1.0));
        world.clock.advance(LAG);
        let table = world.described().await;
        assert_eq!(
            table["BillingModeSummary"]["BillingMode"],
            "PAY_PER_REQUEST"
        );
        assert_eq!(world.told().await, told(0, 0, "ACTIVE"));
        assert_eq!(world.in_force().await, units(12_000.0, 4_000.0));
        let back = json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": rates(1, 1)});
        assert_eq!(world.update(back).await.status, 200);
        world.clock.advance(LAG);
        assert_eq!(world.told().await, told(1, 1, "ACTIVE"));
    }
    let refused = world.update(on_demand()).await;
    assert_eq!(refused.error(), "LimitExceededException");
    world.clock.advance(Duration::from_hours(24));
    assert_eq!(world.update(on_demand()).await.status, 200);
}

#[tokio::test]
async fn what_auto_scaling_moved_is_told_and_can_be_set_back() {
    let world = World::new(5, 5, short_burst()).await;
    let policy = AutoScaling {
        min: CapacityUnits::whole(1),
        max: CapacityUnits::whole(100),
        target_utilization: Share::new(0.5).expect("a share"),
    };
    let policies = ByDirection {
        read: None,
        write: Some(policy),
    };
    world
        .emulator
        .handle()
        .auto_scale("Users", None, policies)
        .await;
    // Two minutes at 4 of 5 units, which is above one half; a batch costs fewer round trips.
    let puts: Vec<_> = (0..20)
        .map(|id| json!({"PutRequest": {"Item": {"id": {"S": id.to_string()}}}}))
        .collect();
    let batch = json!({"RequestItems": {"Users": puts}});
    for _ in 0..24 {
        world.clock.advance(Duration::from_secs(5));
        assert_eq!(
            world.call("BatchWriteItem", batch.clone()).await.status,
            200
        );
    }
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(
        world.told().await,
        told(5, 5, "ACTIVE"),
        "an alarm takes a minute"
    );
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(
        world.told().await,
        told(5, 5, "UPDATING"),
        "UpdateTable was called"
    );
    assert_eq!(world.set(6, 6).await.error(), "ResourceInUseException");
    world.clock.advance(LAG);
    let (read, write, status) = world.told().await;
    assert_eq!((read, status.as_str()), (5, "ACTIVE"));
    assert!((8..=9).contains(&write), "4 ÷ 50 %: {write}");
    let throughput = world.described().await["ProvisionedThroughput"].clone();
    assert!(
        throughput["LastIncreaseDateTime"].is_number(),
        "{throughput}"
    );
    // To the rates of its creation, which are others than those in force by now.
    world.accept(5, 5).await;
    assert_eq!(world.in_force().await, units(5.0, 5.0));
    assert_eq!(
        world.described().await["ProvisionedThroughput"]["NumberOfDecreasesToday"],
        1
    );
}

#[tokio::test]
async fn the_sdk_reads_what_is_told_of_capacity() {
    let world = World::new(10, 10, short_burst()).await;
    world.accept(10, 11).await;
    assert_eq!(world.set(10, 9).await.status, 200);
    let client = crate::wire::client(&world.emulator.endpoint());
    let described = client.describe_table().table_name("Users").send().await;
    let table = described.expect("it is there").table.expect("described");
    assert_eq!(
        table
            .table_status()
            .map(aws_sdk_dynamodb::types::TableStatus::as_str),
        Some("UPDATING")
    );
    let told = table.provisioned_throughput().expect("provisioned");
    assert_eq!(told.write_capacity_units(), Some(11));
    assert_eq!(told.number_of_decreases_today(), Some(1));
    let date = |date: Option<&DateTime>| date.map(DateTime::as_secs_f64);
    let increased = date(told.last_increase_date_time()).expect("a date");
    let decreased = date(told.last_decrease_date_time()).expect("a date");
    assert!((decreased - increased - 60.0).abs() < 0.01);
    let refused = client
        .update_table()
        .table_name("Users")
        .billing_mode(aws_sdk_dynamodb::types::BillingMode::PayPerRequest)
        .send()
        .await
        .expect_err("it is being updated")
        .into_service_error();
    assert!(refused.is_resource_in_use_exception(), "{refused:?}");
}

#[tokio::test]
async fn without_a_governor_changes_are_in_force_at_once() {
    let emulator = super::start(false).await;
    let client = crate::wire::client(&emulator.endpoint());
    crate::wire::create(&client, "Users", 1, 1).await;
    let call = async |operation: &str, body: Value| {
        super::raw::call(&emulator.endpoint(), operation, &body).await
    };
    for write in [2, 3] {
        let change = json!({"TableName": "Users", "ProvisionedThroughput": rates(1, write)});
        assert_eq!(call("UpdateTable", change).await.status, 200);
        let table = call("DescribeTable", json!({"TableName": "Users"}))
            .await
            .json();
        assert_eq!(
            table["Table"]["ProvisionedThroughput"]["WriteCapacityUnits"],
            write
        );
    }
    assert_eq!(call("PutItem", put_item("a")).await.status, 200);
}
