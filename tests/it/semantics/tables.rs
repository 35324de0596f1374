//! Tables: made, described, listed, tagged and deleted.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    LocalSecondaryIndex, Projection, ProjectionType, ProvisionedThroughput, ScalarAttributeType,
    Tag, TimeToLiveSpecification,
};

use super::script::Script;

/// Keyed by `user` and `turn`, with a local index on `score` and global ones on `game`.
pub const PLAYS: &str = "Plays";
/// Keyed by `id`, on demand.
pub const PLAIN: &str = "Plain";
/// Keyed by `id`, too.
pub const OTHER: &str = "Other";

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    let attribute = AttributeDefinition::builder().attribute_name(name);
    attribute.attribute_type(kind).build().expect("complete")
}

fn keys(partition: &str, sort: Option<&str>) -> Vec<KeySchemaElement> {
    let key = |name: &str, kind| {
        let key = KeySchemaElement::builder().attribute_name(name);
        key.key_type(kind).build().expect("complete")
    };
    let partition = key(partition, KeyType::Hash);
    let sort = sort.map(|name| key(name, KeyType::Range));
    std::iter::once(partition).chain(sort).collect()
}

fn ample() -> ProvisionedThroughput {
    let rates = ProvisionedThroughput::builder().read_capacity_units(20_000);
    rates
        .write_capacity_units(20_000)
        .build()
        .expect("complete")
}

fn projection(kind: ProjectionType, names: &[&str]) -> Projection {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let names = Some(names).filter(|names: &Vec<_>| !names.is_empty());
    let projection = Projection::builder().projection_type(kind);
    projection.set_non_key_attributes(names).build()
}

fn global(name: &str, sort: Option<&str>, projection: Projection) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(keys("game", sort)))
        .projection(projection)
        .provisioned_throughput(ample())
        .build()
        .expect("complete")
}

pub async fn are_made(script: &mut Script) {
    let by_score = LocalSecondaryIndex::builder()
        .index_name("by_score")
        .set_key_schema(Some(keys("user", Some("score"))))
        .projection(projection(ProjectionType::KeysOnly, &[]));
    let create = script
        .client
        .create_table()
        .table_name(PLAYS)
        .attribute_definitions(attribute("user", ScalarAttributeType::S))
        .attribute_definitions(attribute("turn", ScalarAttributeType::N))
        .attribute_definitions(attribute("game", ScalarAttributeType::S))
        .attribute_definitions(attribute("score", ScalarAttributeType::N))
        .set_key_schema(Some(keys("user", Some("turn"))))
        .billing_mode(BillingMode::Provisioned)
        .provisioned_throughput(ample())
        .local_secondary_indexes(by_score.build().expect("complete"))
        .global_secondary_indexes(global(
            "by_game",
            Some("score"),
            projection(ProjectionType::All, &[]),
        ))
        .global_secondary_indexes(global(
            "notes_of_game",
            None,
            projection(ProjectionType::Include, &["note"]),
        ));
    script.ok("a table with indexes", create.send()).await;
    for name in [PLAIN, OTHER] {
        let create = script
            .client
            .create_table()
            .table_name(name)
            .attribute_definitions(attribute("id", ScalarAttributeType::S))
            .set_key_schema(Some(keys("id", None)))
            .billing_mode(BillingMode::PayPerRequest);
        script.ok("a table on demand", create.clone().send()).await;
        let again = create.send();
        let code = "ResourceInUseException";
        script.fails("the same table again", code, again).await;
    }
    are_made_of_keys_only(script).await;
    are_described(script).await;
}

async fn are_made_of_keys_only(script: &mut Script) {
    let create = script
        .client
        .create_table()
        .table_name("Nonsense")
        .attribute_definitions(attribute("id", ScalarAttributeType::S))
        .set_key_schema(Some(keys("id", None)));
    let code = "ValidationException";
    let no_rates = create.clone().billing_mode(BillingMode::Provisioned);
    script.fails("no rates", code, no_rates.send()).await;
    let unknown = create
        .clone()
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(keys("other", None)));
    script.fails("an undefined key", code, unknown.send()).await;
    let unused = create
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("unused", ScalarAttributeType::S));
    script
        .fails("a definition too many", code, unused.send())
        .await;
}

async fn are_described(script: &mut Script) {
    let client = script.client.clone();
    let describe = client.describe_table().table_name(PLAYS).send();
    script.ok("describe a table with indexes", describe).await;
    let describe = client.describe_table().table_name(PLAIN).send();
    let described = script.answer("describe a table on demand", describe).await;
    let described = described.table.expect("it is described");
    let arn = described.table_arn().expect("it has one");
    let missing = client.describe_table().table_name("Missing").send();
    let code = "ResourceNotFoundException";
    script.fails("describe no table", code, missing).await;

    let all = client.list_tables().send();
    script.ok("list all tables", all).await;
    let page = script.answer("list one", client.list_tables().limit(1).send());
    let last = page.await.last_evaluated_table_name;
    let rest = client.list_tables().set_exclusive_start_table_name(last);
    script.ok("list the others", rest.send()).await;

    let ttl = client.describe_time_to_live().table_name(PLAIN);
    script.ok("no time to live", ttl.clone().send()).await;
    let expires = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name("expires")
        .build()
        .expect("complete");
    let update = client.update_time_to_live().table_name(PLAIN);
    let update = update.time_to_live_specification(expires).send();
    script.ok("a time to live", update).await;
    script.ok("its description", ttl.send()).await;

    let tag = Tag::builder().key("team").value("play").build();
    let tagged = client.tag_resource().resource_arn(arn);
    let tagged = tagged.tags(tag.expect("complete")).send();
    script.either("a tag", tagged).await;
    let tags = client.list_tags_of_resource().resource_arn(arn);
    script.either("the tags", tags.clone().send()).await;
    let untag = client.untag_resource().resource_arn(arn);
    script.either("no tag", untag.tag_keys("team").send()).await;
    script.either("the tags that are left", tags.send()).await;
}

pub async fn are_deleted(script: &mut Script) {
    for name in [PLAYS, PLAIN, OTHER] {
        let delete = script.client.delete_table().table_name(name);
        script.ok("delete a table", delete.clone().send()).await;
        let code = "ResourceNotFoundException";
        script.fails("delete it again", code, delete.send()).await;
    }
    let left = script.client.list_tables().send();
    script.ok("list no table", left).await;
}
