//! Tables that grow: partitions that hold too much split while requests go on.

use std::time::Duration;

use dynamometer::scenario::ModelParameters;
use serde_json::json;

use super::world::World;

const SPLIT_SECONDS: u32 = 60;
/// Of one item.
const BYTES: usize = 10_000;

#[tokio::test]
async fn a_table_that_is_filled_has_more_partitions_and_one_that_is_rewritten_has_not() {
    // 100,000 bytes to a partition.
    let parameters = ModelParameters {
        split_size_gb: 100_000.0 / (1024.0 * 1024.0 * 1024.0),
        split_duration_seconds: SPLIT_SECONDS,
        ..ModelParameters::default()
    };
    let world = World::new(1000, 1000, parameters).await;
    let partitions = async || {
        let capacity = world.emulator.handle().capacity().await;
        capacity.first().expect("one table").status.partitions
    };
    let put = async |id: usize| {
        world.clock.advance(Duration::from_millis(100));
        let item = json!({"id": {"S": id.to_string()}, "text": {"S": "x".repeat(BYTES)}});
        let put = json!({"TableName": "Users", "Item": item});
        assert_eq!(world.call("PutItem", put).await.status, 200);
    };
    for _ in 0..30 {
        put(0).await;
    }
    world
        .clock
        .advance(Duration::from_secs(SPLIT_SECONDS.into()));
    assert_eq!(
        partitions().await,
        1,
        "one item, however often it is written"
    );
    for id in 0..15 {
        put(id).await;
    }
    assert_eq!(partitions().await, 1, "a split takes a while");
    world
        .clock
        .advance(Duration::from_secs(SPLIT_SECONDS.into()));
    assert_eq!(partitions().await, 2);
    for id in 15..25 {
        put(id).await;
    }
    world
        .clock
        .advance(Duration::from_secs(SPLIT_SECONDS.into()));
    assert_eq!(partitions().await, 4, "both hold more than one may");
}
