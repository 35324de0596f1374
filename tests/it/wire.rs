//! One body of wire tests, for every server that claims to speak DynamoDB: the embedded
//! emulator and AWS's own DynamoDB Local run the same. Through the AWS SDK, so that the SDK's
//! own checks count too.

use std::collections::HashMap;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Region, retry::RetryConfig},
    error::ProvideErrorMetadata,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, ConsumedCapacity, DeleteRequest,
        GlobalSecondaryIndex, KeySchemaElement, KeyType, KeysAndAttributes, Projection,
        ProjectionType, ProvisionedThroughput, PutRequest, ReturnConsumedCapacity, ReturnValue,
        ScalarAttributeType, WriteRequest,
    },
};
use dynamometer::units::CapacityUnits;

/// A client of `endpoint` that never retries.
pub fn client(endpoint: &str) -> Client {
    Client::from_conf(config(endpoint).build())
}

/// What makes such a client.
pub fn config(endpoint: &str) -> aws_sdk_dynamodb::config::Builder {
    let http = aws_smithy_http_client::Builder::new().build_http();
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(http)
        .retry_config(RetryConfig::disabled())
}

pub fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn definition(name: &str) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(ScalarAttributeType::S)
        .build()
        .expect("complete")
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(kind)
        .build()
        .expect("complete")
}

fn throughput(read: i64, write: i64) -> ProvisionedThroughput {
    ProvisionedThroughput::builder()
        .read_capacity_units(read)
        .write_capacity_units(write)
        .build()
        .expect("complete")
}

/// A table keyed by `id` with this many RCU and WCU.
pub async fn create(client: &Client, table: &str, read: i64, write: i64) {
    client
        .create_table()
        .table_name(table)
        .attribute_definitions(definition("id"))
        .key_schema(key("id", KeyType::Hash))
        .billing_mode(BillingMode::Provisioned)
        .provisioned_throughput(throughput(read, write))
        .send()
        .await
        .expect("the table is created");
}

/// A table keyed by `user` and `game`, with a global index on `player` that projects all.
pub async fn create_indexed(client: &Client, table: &str) {
    client
        .create_table()
        .table_name(table)
        .attribute_definitions(definition("user"))
        .attribute_definitions(definition("game"))
        .attribute_definitions(definition("player"))
        .key_schema(key("user", KeyType::Hash))
        .key_schema(key("game", KeyType::Range))
        .billing_mode(BillingMode::Provisioned)
        .provisioned_throughput(throughput(1000, 1000))
        .global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name("by_player")
                .key_schema(key("player", KeyType::Hash))
                .projection(
                    Projection::builder()
                        .projection_type(ProjectionType::All)
                        .build(),
                )
                .provisioned_throughput(throughput(1000, 1000))
                .build()
                .expect("complete"),
        )
        .send()
        .await
        .expect("the table is created");
}

fn units(capacity: Option<&ConsumedCapacity>) -> CapacityUnits {
    let units = capacity.and_then(ConsumedCapacity::capacity_units);
    CapacityUnits::from(units.expect("the answer declares its units"))
}

pub fn u(units: f64) -> CapacityUnits {
    CapacityUnits::from(units)
}

fn code<E: ProvideErrorMetadata>(error: &E) -> &str {
    error.code().expect("the error has a code")
}

/// Runs the whole body against the server at `endpoint`.
pub async fn speaks_dynamodb(endpoint: &str) {
    let client = client(endpoint);
    tables_are_created_described_and_deleted(&client).await;
    create(&client, "Items", 1000, 1000).await;
    single_items_live_their_lives(&client).await;
    reads_cost_by_size_and_consistency(&client).await;
    writes_cost_the_larger_of_two_sizes(&client).await;
    capacity_is_declared_as_far_as_it_is_asked_for(&client).await;
    failed_conditions_change_nothing(&client).await;
    batches_answer_for_every_member(&client).await;
    create_indexed(&client, "Games").await;
    queries_follow_the_sort_key(&client).await;
    invalid_requests_are_refused(&client).await;
}

async fn tables_are_created_described_and_deleted(client: &Client) {
    create(client, "Brief", 7, 3).await;
    let table = client
        .describe_table()
        .table_name("Brief")
        .send()
        .await
        .expect("it exists")
        .table
        .expect("it is described");
    let rates = table.provisioned_throughput().expect("it is provisioned");
    assert_eq!(rates.read_capacity_units(), Some(7));
    assert_eq!(rates.write_capacity_units(), Some(3));
    let error = client
        .create_table()
        .table_name("Brief")
        .attribute_definitions(definition("id"))
        .key_schema(key("id", KeyType::Hash))
        .provisioned_throughput(throughput(1, 1))
        .send()
        .await
        .expect_err("it exists already");
    assert_eq!(code(&error), "ResourceInUseException");
    client
        .delete_table()
        .table_name("Brief")
        .send()
        .await
        .expect("it can be deleted");
    let error = client
        .get_item()
        .table_name("Brief")
        .key("id", s("a"))
        .send()
        .await
        .expect_err("it is gone");
    assert_eq!(code(&error), "ResourceNotFoundException");
}

async fn single_items_live_their_lives(client: &Client) {
    let put = client
        .put_item()
        .table_name("Items")
        .item("id", s("life"))
        .item("n", AttributeValue::N("1".into()))
        .item("raw", AttributeValue::B(vec![0, 255].into()))
        .return_values(ReturnValue::AllOld)
        .send()
        .await
        .expect("it is put");
    assert_eq!(put.attributes(), None, "nothing was there before");
    let updated = client
        .update_item()
        .table_name("Items")
        .key("id", s("life"))
        .update_expression("SET n = n + :one")
        .expression_attribute_values(":one", AttributeValue::N("1".into()))
        .return_values(ReturnValue::AllNew)
        .send()
        .await
        .expect("it is updated");
    let new = updated.attributes().expect("as asked");
    assert_eq!(new.get("n"), Some(&AttributeValue::N("2".into())));
    let got = client
        .get_item()
        .table_name("Items")
        .key("id", s("life"))
        .consistent_read(true)
        .send()
        .await
        .expect("it is read");
    let item = got.item().expect("it is there");
    assert_eq!(
        item.get("raw"),
        Some(&AttributeValue::B(vec![0, 255].into()))
    );
    client
        .delete_item()
        .table_name("Items")
        .key("id", s("life"))
        .send()
        .await
        .expect("it is deleted");
    let got = client
        .get_item()
        .table_name("Items")
        .key("id", s("life"))
        .consistent_read(true)
        .send()
        .await
        .expect("absence is no error");
    assert_eq!(got.item(), None);
}

/// Puts an item of exactly `bytes` under `id` and returns what it cost.
async fn put_sized(client: &Client, table: &str, id: &str, bytes: usize) -> CapacityUnits {
    let filler = bytes - "id".len() - id.len() - "x".len();
    let put = client
        .put_item()
        .table_name(table)
        .item("id", s(id))
        .item("x", s("x".repeat(filler)))
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .expect("it is put");
    units(put.consumed_capacity())
}

async fn read_cost(client: &Client, id: &str, consistent: bool) -> CapacityUnits {
    let got = client
        .get_item()
        .table_name("Items")
        .key("id", s(id))
        .consistent_read(consistent)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .expect("it is read");
    units(got.consumed_capacity())
}

async fn reads_cost_by_size_and_consistency(client: &Client) {
    for (bytes, eventual, strong) in [
        (100, 0.5, 1.0),
        (4096, 0.5, 1.0),
        (4097, 1.0, 2.0),
        (12_288, 1.5, 3.0),
        (12_289, 2.0, 4.0),
    ] {
        put_sized(client, "Items", "sized", bytes).await;
        let costs = (
            read_cost(client, "sized", false).await,
            read_cost(client, "sized", true).await,
        );
        assert_eq!(costs, (u(eventual), u(strong)), "{bytes} bytes");
    }
    let missing = (
        read_cost(client, "no such item", false).await,
        read_cost(client, "no such item", true).await,
    );
    assert_eq!(
        missing,
        (u(0.5), u(1.0)),
        "a missing item costs the minimum"
    );
}

async fn writes_cost_the_larger_of_two_sizes(client: &Client) {
    for (bytes, cost) in [(100, 1.0), (1024, 1.0), (1025, 2.0), (10_240, 10.0)] {
        let id = format!("new {bytes}");
        assert_eq!(
            put_sized(client, "Items", &id, bytes).await,
            u(cost),
            "{bytes} bytes"
        );
    }
    let shrunk = put_sized(client, "Items", "new 10240", 100).await;
    assert_eq!(shrunk, u(10.0), "the old item was the larger one");
    let delete = async |id: &str| {
        let deleted = client
            .delete_item()
            .table_name("Items")
            .key("id", s(id))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .expect("it is deleted");
        units(deleted.consumed_capacity())
    };
    assert_eq!(delete("new 1025").await, u(2.0));
    assert_eq!(
        delete("new 1025").await,
        u(1.0),
        "nothing is there any more"
    );
}

async fn capacity_is_declared_as_far_as_it_is_asked_for(client: &Client) {
    let put = async |wanted: Option<ReturnConsumedCapacity>| {
        client
            .put_item()
            .table_name("Items")
            .item("id", s("declared"))
            .set_return_consumed_capacity(wanted)
            .send()
            .await
            .expect("it is put")
            .consumed_capacity
    };
    assert_eq!(put(None).await, None);
    assert_eq!(put(Some(ReturnConsumedCapacity::None)).await, None);
    let total = put(Some(ReturnConsumedCapacity::Total)).await;
    let total = total.expect("it was asked for");
    assert_eq!(total.table_name(), Some("Items"));
    assert_eq!(total.capacity_units(), Some(1.0));
    assert_eq!(total.table(), None);
    let indexes = put(Some(ReturnConsumedCapacity::Indexes)).await;
    let indexes = indexes.expect("it was asked for");
    let table = indexes.table().expect("its own arm");
    assert_eq!(table.capacity_units(), Some(1.0));
}

async fn failed_conditions_change_nothing(client: &Client) {
    put_sized(client, "Items", "guarded", 50).await;
    let error = client
        .put_item()
        .table_name("Items")
        .item("id", s("guarded"))
        .condition_expression("attribute_not_exists(id)")
        .send()
        .await
        .expect_err("it exists");
    assert_eq!(code(&error), "ConditionalCheckFailedException");
    assert_eq!(error.message(), Some("The conditional request failed"));
    let got = client
        .get_item()
        .table_name("Items")
        .key("id", s("guarded"))
        .consistent_read(true)
        .send()
        .await
        .expect("it is read");
    assert!(got.item().expect("it is there").contains_key("x"));
    let error = client
        .delete_item()
        .table_name("Items")
        .key("id", s("guarded"))
        .condition_expression("x = :other")
        .expression_attribute_values(":other", s("other"))
        .send()
        .await
        .expect_err("it differs");
    assert_eq!(code(&error), "ConditionalCheckFailedException");
}

fn put_of(id: &str) -> WriteRequest {
    let put = PutRequest::builder().item("id", s(id)).build();
    WriteRequest::builder()
        .put_request(put.expect("complete"))
        .build()
}

/// Reads `ids` eventually consistent: how many there are, and what it cost.
pub async fn batch_get(client: &Client, ids: &[&str]) -> (usize, CapacityUnits) {
    let keys = ids.iter().map(|id| [("id".to_owned(), s(*id))].into());
    let read = client
        .batch_get_item()
        .request_items(
            "Items",
            KeysAndAttributes::builder()
                .set_keys(Some(keys.collect()))
                .build()
                .expect("complete"),
        )
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .expect("they are read");
    let found = read.responses().expect("answers")["Items"].len();
    (found, units(read.consumed_capacity().first()))
}

async fn batches_answer_for_every_member(client: &Client) {
    let ids = ["batch 1", "batch 2", "batch 3"];
    let written = client
        .batch_write_item()
        .request_items("Items", ids.iter().map(|id| put_of(id)).collect())
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .expect("they are written");
    assert_eq!(units(written.consumed_capacity().first()), u(3.0));
    assert!(written.unprocessed_items().is_none_or(HashMap::is_empty));
    let (answers, cost) = batch_get(client, &ids).await;
    assert_eq!((answers, cost), (3, u(1.5)), "each member rounds alone");
    // What the missing member costs is DynamoDB Local's own: see `emulator`.
    assert_eq!(batch_get(client, &["batch 1", "none"]).await.0, 1);
    let delete = DeleteRequest::builder().key("id", s("batch 1")).build();
    client
        .batch_write_item()
        .request_items(
            "Items",
            vec![
                WriteRequest::builder()
                    .delete_request(delete.expect("complete"))
                    .build(),
            ],
        )
        .send()
        .await
        .expect("it is deleted");
    let twice = client
        .batch_write_item()
        .request_items("Items", vec![put_of("same"), put_of("same")])
        .send()
        .await
        .expect_err("one item twice");
    assert_eq!(code(&twice), "ValidationException");
}

/// Queries the games of `user`, eventually consistent: how many there are, and what it cost.
pub async fn query(client: &Client, user: &str) -> (i32, CapacityUnits) {
    let page = client
        .query()
        .table_name("Games")
        .key_condition_expression("#u = :u")
        .expression_attribute_names("#u", "user")
        .expression_attribute_values(":u", s(user))
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .expect("nothing is no error");
    (page.count(), units(page.consumed_capacity()))
}

async fn queries_follow_the_sort_key(client: &Client) {
    for game in ["a", "b", "c"] {
        let put = client
            .put_item()
            .table_name("Games")
            .item("user", s("u"))
            .item("game", s(game))
            .item("player", s("p"))
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
            .expect("it is put");
        let capacity = put.consumed_capacity().expect("it was asked for");
        assert_eq!(capacity.capacity_units(), Some(2.0));
        let index = &capacity.global_secondary_indexes().expect("one index")["by_player"];
        assert_eq!(index.capacity_units(), Some(1.0));
    }
    let page = client
        .query()
        .table_name("Games")
        .key_condition_expression("#u = :u AND game > :g")
        .expression_attribute_names("#u", "user")
        .expression_attribute_values(":u", s("u"))
        .expression_attribute_values(":g", s("a"))
        .scan_index_forward(false)
        .limit(1)
        .consistent_read(true)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .expect("it is queried");
    assert_eq!(page.count(), 1);
    assert_eq!(page.items()[0].get("game"), Some(&s("c")));
    assert!(page.last_evaluated_key().is_some(), "there is more");
    assert_eq!(units(page.consumed_capacity()), u(1.0));
    // What a query without result costs is DynamoDB Local's own: see `emulator`.
    assert_eq!(query(client, "nobody").await.0, 0);
    let by_player = client
        .query()
        .table_name("Games")
        .index_name("by_player")
        .key_condition_expression("player = :p")
        .expression_attribute_values(":p", s("p"))
        .send()
        .await
        .expect("it is queried");
    assert_eq!(by_player.count(), 3);
}

async fn invalid_requests_are_refused(client: &Client) {
    let no_key = client
        .put_item()
        .table_name("Items")
        .item("other", s("a"))
        .send()
        .await
        .expect_err("no key");
    let wrong_type = client
        .put_item()
        .table_name("Items")
        .item("id", AttributeValue::N("1".into()))
        .send()
        .await
        .expect_err("a number for a string");
    let empty_key = client
        .put_item()
        .table_name("Items")
        .item("id", s(""))
        .send()
        .await
        .expect_err("an empty key");
    let too_large = client
        .put_item()
        .table_name("Items")
        .item("id", s("large"))
        .item("x", s("x".repeat(409_600)))
        .send()
        .await
        .expect_err("beyond 400 KB");
    for error in [no_key, wrong_type, empty_key, too_large] {
        assert_eq!(code(&error), "ValidationException", "{error:?}");
    }
    let malformed = client
        .put_item()
        .table_name("Items")
        .item("id", s("a"))
        .condition_expression("id = ")
        .send()
        .await
        .expect_err("half a condition");
    assert_eq!(code(&malformed), "ValidationException");
    let strong = client
        .query()
        .table_name("Games")
        .index_name("by_player")
        .key_condition_expression("player = :p")
        .expression_attribute_values(":p", s("p"))
        .consistent_read(true)
        .send()
        .await
        .expect_err("global indexes are eventually consistent");
    assert_eq!(code(&strong), "ValidationException");
}
