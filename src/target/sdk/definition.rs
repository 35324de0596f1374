//! Tables of a scenario as `CreateTable` wants them.

use aws_sdk_dynamodb::{
    operation::create_table::builders::CreateTableFluentBuilder,
    types::{
        self, AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
        LocalSecondaryIndex, OnDemandThroughput, ProjectionType, ProvisionedThroughput,
        ScalarAttributeType, WarmThroughput,
    },
};

use crate::{
    scenario::{AttributeType, Billing, Index, IndexScope, Projection, Table, TableClass},
    units::{ByDirection, CapacityUnits},
};

const COMPLETE: &str = "every required member is set";

/// `request` with everything that the scenario says of `table`.
pub(super) fn complete(
    request: CreateTableFluentBuilder,
    table: &Table,
) -> CreateTableFluentBuilder {
    let mut request = request
        .table_name(&table.name)
        .set_key_schema(Some(key_schema(table, table.partition_key, table.sort_key)))
        .set_attribute_definitions(Some(definitions(table)))
        .set_provisioned_throughput(provisioned(&table.billing))
        .set_on_demand_throughput(on_demand(&table.billing))
        .set_warm_throughput(warm(&table.billing))
        .billing_mode(match table.billing {
            Billing::Provisioned { .. } => BillingMode::Provisioned,
            Billing::OnDemand { .. } => BillingMode::PayPerRequest,
        });
    if table.class == TableClass::StandardInfrequentAccess {
        request = request.table_class(types::TableClass::StandardInfrequentAccess);
    }
    for index in &table.indexes {
        request = match &index.scope {
            IndexScope::Local => request.local_secondary_indexes(local(table, index)),
            IndexScope::Global(billing) => {
                request.global_secondary_indexes(global(table, index, billing))
            }
        };
    }
    request
}

fn local(table: &Table, index: &Index) -> LocalSecondaryIndex {
    LocalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(key_schema(table, index.partition_key, index.sort_key)))
        .projection(projection(table, index))
        .build()
        .expect(COMPLETE)
}

fn global(table: &Table, index: &Index, billing: &Billing) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(key_schema(table, index.partition_key, index.sort_key)))
        .projection(projection(table, index))
        .set_provisioned_throughput(provisioned(billing))
        .set_on_demand_throughput(on_demand(billing))
        .set_warm_throughput(warm(billing))
        .build()
        .expect(COMPLETE)
}

fn projection(table: &Table, index: &Index) -> types::Projection {
    let projection = types::Projection::builder();
    match &index.projection {
        Projection::KeysOnly => projection.projection_type(ProjectionType::KeysOnly),
        Projection::All => projection.projection_type(ProjectionType::All),
        Projection::Include(attributes) => {
            let names = attributes
                .iter()
                .map(|attribute| table.attributes[*attribute].name.clone());
            projection
                .projection_type(ProjectionType::Include)
                .set_non_key_attributes(Some(names.collect()))
        }
    }
    .build()
}

fn key_schema(
    table: &Table,
    partition_key: usize,
    sort_key: Option<usize>,
) -> Vec<KeySchemaElement> {
    let keys = [
        (Some(partition_key), KeyType::Hash),
        (sort_key, KeyType::Range),
    ];
    keys.into_iter()
        .filter_map(|(attribute, role)| {
            let element = KeySchemaElement::builder()
                .attribute_name(&table.attributes[attribute?].name)
                .key_type(role);
            Some(element.build().expect(COMPLETE))
        })
        .collect()
}

/// The attributes that are keys of the table or of an index, each once.
fn definitions(table: &Table) -> Vec<AttributeDefinition> {
    let of_indexes = table
        .indexes
        .iter()
        .flat_map(|index| std::iter::once(index.partition_key).chain(index.sort_key));
    let mut keys: Vec<usize> = std::iter::once(table.partition_key)
        .chain(table.sort_key)
        .chain(of_indexes)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .map(|key| {
            AttributeDefinition::builder()
                .attribute_name(&table.attributes[key].name)
                .attribute_type(key_type(table.attributes[key].kind))
                .build()
                .expect(COMPLETE)
        })
        .collect()
}

fn provisioned(billing: &Billing) -> Option<ProvisionedThroughput> {
    let capacity = billing.capacity()?;
    let throughput = ProvisionedThroughput::builder()
        .read_capacity_units(whole(capacity.read))
        .write_capacity_units(whole(capacity.write));
    Some(throughput.build().expect(COMPLETE))
}

fn on_demand(billing: &Billing) -> Option<OnDemandThroughput> {
    let Billing::OnDemand { maximum, .. } = billing else {
        return None;
    };
    is_set(*maximum).then(|| {
        OnDemandThroughput::builder()
            .set_max_read_request_units(maximum.read.map(whole))
            .set_max_write_request_units(maximum.write.map(whole))
            .build()
    })
}

fn warm(billing: &Billing) -> Option<WarmThroughput> {
    let Billing::OnDemand { warm, .. } = billing else {
        return None;
    };
    is_set(*warm).then(|| {
        WarmThroughput::builder()
            .set_read_units_per_second(warm.read.map(whole))
            .set_write_units_per_second(warm.write.map(whole))
            .build()
    })
}

const fn is_set(units: ByDirection<Option<CapacityUnits>>) -> bool {
    units.read.is_some() || units.write.is_some()
}

/// The scenario has whole units only.
const fn whole(units: CapacityUnits) -> i64 {
    units.halves() / 2
}

fn key_type(kind: AttributeType) -> ScalarAttributeType {
    match kind {
        AttributeType::N => ScalarAttributeType::N,
        AttributeType::B => ScalarAttributeType::B,
        // The scenario admits no other keys.
        _ => ScalarAttributeType::S,
    }
}
