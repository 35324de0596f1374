//! The items themselves: dynoxide in memory, one call per operation.
//!
//! Alone knows dynoxide. Must not know capacity or HTTP. Not shared: one thread owns it.

pub(super) use dynoxide::types::ConsumedCapacity;
use dynoxide::{
    AttributeValue, Database, DynoxideError,
    actions::{
        GlobalSecondaryIndexDescription, TableDescription, TableProvisionedThroughputDescription,
        describe_table::DescribeTableRequest, get_item::GetItemRequest,
    },
    types::{KeySchemaElement, KeyType, item_size, normalize_dynamo_number},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::catalog::{IndexInfo, KeyNames, TableInfo, TableSettings, Tables};
use crate::{
    capacity::partition::{KeyHash, ordered_bytes},
    units::{ByDirection, Bytes, CapacityUnits},
};

/// How much of the consumed capacity the client asked to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CapacityWanted {
    /// Nothing.
    None,
    /// The sum of each table.
    Total,
    /// The sum and each index.
    Indexes,
}

/// Makes `request` ask for all of the consumed capacity and returns what it asked for itself.
/// A mode that DynamoDB does not know stays, for the store to refuse in DynamoDB's words.
pub(super) fn ask_for_capacity(operation: &str, request: &mut Value) -> CapacityWanted {
    let mode = request
        .get("ReturnConsumedCapacity")
        .map_or(Some("NONE"), Value::as_str);
    let wanted = match mode {
        Some("NONE") => CapacityWanted::None,
        Some("TOTAL") => CapacityWanted::Total,
        Some("INDEXES") => CapacityWanted::Indexes,
        _ => return CapacityWanted::None,
    };
    if meters(operation)
        && let Some(fields) = request.as_object_mut()
    {
        fields.insert("ReturnConsumedCapacity".to_owned(), json!("INDEXES"));
    }
    wanted
}

/// A successful answer.
pub(super) struct Executed {
    /// The body, with as much of the consumed capacity as was wanted.
    pub(super) body: String,
    /// All of the consumed capacity, one entry for each table.
    pub(super) consumed: Vec<ConsumedCapacity>,
}

/// The store.
pub(super) struct Store {
    database: Database,
}

impl Store {
    /// An empty store in memory.
    pub(super) fn open() -> Result<Self, DynoxideError> {
        Ok(Self {
            database: Database::memory()?,
        })
    }

    /// Executes one operation. `request` must be an object that [`ask_for_capacity`] has seen.
    pub(super) fn execute(
        &self,
        operation: &'static str,
        request: &Value,
        wanted: CapacityWanted,
    ) -> Result<Executed, DynoxideError> {
        self.dispatch(operation, request, wanted)
            .map_err(|error| enveloped(operation, error))
    }

    fn dispatch(
        &self,
        operation: &'static str,
        request: &Value,
        wanted: CapacityWanted,
    ) -> Result<Executed, DynoxideError> {
        let db = &self.database;
        macro_rules! metered {
            ($method:ident) => {{
                let mut response = db.$method(decode(request)?)?;
                let consumed = response.consumed_capacity.reduce_to(wanted);
                Ok(Executed {
                    body: encode(&response)?,
                    consumed,
                })
            }};
        }
        macro_rules! plain {
            ($method:ident) => {{
                Ok(Executed {
                    body: encode(&db.$method(decode(request)?)?)?,
                    consumed: Vec::new(),
                })
            }};
        }
        match operation {
            "GetItem" => metered!(get_item),
            "PutItem" => metered!(put_item),
            "UpdateItem" => metered!(update_item),
            "DeleteItem" => metered!(delete_item),
            "Query" => metered!(query),
            "Scan" => metered!(scan),
            "BatchGetItem" => metered!(batch_get_item),
            "BatchWriteItem" => metered!(batch_write_item),
            "TransactGetItems" => metered!(transact_get_items),
            "TransactWriteItems" => metered!(transact_write_items),
            "ExecuteStatement" => metered!(execute_statement),
            "BatchExecuteStatement" => metered!(batch_execute_statement),
            "ExecuteTransaction" => metered!(execute_transaction),
            "CreateTable" => plain!(create_table),
            "DeleteTable" => plain!(delete_table),
            "DescribeTable" => plain!(describe_table),
            "ListTables" => plain!(list_tables),
            "UpdateTable" => plain!(update_table),
            "TagResource" => plain!(tag_resource),
            "UntagResource" => plain!(untag_resource),
            "ListTagsOfResource" => plain!(list_tags_of_resource),
            "UpdateTimeToLive" => plain!(update_time_to_live),
            "DescribeTimeToLive" => plain!(describe_time_to_live),
            "ListStreams" => plain!(list_streams),
            "DescribeStream" => plain!(describe_stream),
            "GetShardIterator" => plain!(get_shard_iterator),
            "GetRecords" => plain!(get_records),
            #[cfg(test)]
            "PanicForTests" => panic!("as told"),
            _ => Err(DynoxideError::InternalServerError(format!(
                "{operation} has no implementation"
            ))),
        }
    }
}

impl Tables for Store {
    fn describe(&self, table: &str, settings: &TableSettings) -> Option<TableInfo> {
        let request = DescribeTableRequest {
            table_name: table.to_owned(),
        };
        let description = self.database.describe_table(request).ok()?.table;
        Some(table_info(description, settings))
    }

    fn stored_size(&self, table: &str, key: &Value) -> Option<Bytes> {
        let request = GetItemRequest {
            table_name: table.to_owned(),
            key: decode(key).ok()?,
            consistent_read: Some(true),
            ..GetItemRequest::default()
        };
        let item = self.database.get_item(request).ok()?.item?;
        Some(Bytes(item_size(&item) as u64))
    }
}

/// The size of an item, or of a key, that a message carries.
pub(super) fn carried_size(attributes: &Value) -> Option<Bytes> {
    Some(Bytes(item_size(&decode(attributes).ok()?) as u64))
}

/// The place of what has these values as its keys; equal for equal values: for `1` and `1.0`,
/// too. `None` when the partition key is no key.
pub(super) fn place(partition_key: &Value, sort_key: Option<&Value>) -> Option<KeyHash> {
    let collection = match decode(partition_key).ok()? {
        AttributeValue::S(text) => KeyHash::of(b'S', text.as_bytes()),
        AttributeValue::N(number) => KeyHash::of(b'N', normalize_dynamo_number(&number).as_bytes()),
        AttributeValue::B(bytes) => KeyHash::of(b'B', &bytes),
        _ => return None,
    };
    Some(match sort_key.map(decode) {
        Some(Ok(AttributeValue::S(text))) => collection.sorted(text.as_bytes()),
        Some(Ok(AttributeValue::N(number))) => {
            collection.sorted(&ordered_bytes(number.parse().unwrap_or(0.0)))
        }
        Some(Ok(AttributeValue::B(bytes))) => collection.sorted(&bytes),
        _ => collection.collection(),
    })
}

fn table_info(table: TableDescription, settings: &TableSettings) -> TableInfo {
    let on_demand = table
        .billing_mode_summary
        .is_some_and(|summary| summary.billing_mode == "PAY_PER_REQUEST");
    let billing = |index: Option<&str>, rates: Option<TableProvisionedThroughputDescription>| {
        let settings = settings.get(&index.map(str::to_owned));
        let settings = settings.copied().unwrap_or_default();
        let rates = rates.filter(|_| !on_demand).map(|rates| ByDirection {
            read: whole(rates.read_capacity_units),
            write: whole(rates.write_capacity_units),
        });
        settings.billing(settings.rates.filter(|_| !on_demand).or(rates))
    };
    let size = table
        .table_size_bytes
        .and_then(|bytes| u64::try_from(bytes).ok());
    let index = |index: GlobalSecondaryIndexDescription| {
        let info = IndexInfo {
            keys: key_names(&index.key_schema),
            billing: billing(Some(&index.index_name), index.provisioned_throughput),
        };
        (index.index_name, info)
    };
    let indexes = table.global_secondary_indexes.unwrap_or_default();
    TableInfo {
        arn: table.table_arn,
        keys: key_names(&table.key_schema),
        billing: billing(None, table.provisioned_throughput),
        has_local_index: table
            .local_secondary_indexes
            .is_some_and(|all| !all.is_empty()),
        size: Bytes(size.unwrap_or_default()),
        indexes: indexes.into_iter().map(index).collect(),
    }
}

fn key_names(schema: &[KeySchemaElement]) -> KeyNames {
    KeyNames {
        partition_key: key_name(schema, &KeyType::HASH).unwrap_or_default(),
        sort_key: key_name(schema, &KeyType::RANGE),
    }
}

fn whole(units: u64) -> CapacityUnits {
    CapacityUnits::whole(i64::try_from(units).unwrap_or(i64::MAX / 2))
}

fn key_name(schema: &[KeySchemaElement], kind: &KeyType) -> Option<String> {
    schema
        .iter()
        .find(|element| element.key_type == *kind)
        .map(|element| element.attribute_name.clone())
}

/// Whether answers to `operation` can carry consumed capacity.
pub(super) fn meters(operation: &str) -> bool {
    matches!(
        operation,
        "GetItem"
            | "PutItem"
            | "UpdateItem"
            | "DeleteItem"
            | "Query"
            | "Scan"
            | "BatchGetItem"
            | "BatchWriteItem"
            | "TransactGetItems"
            | "TransactWriteItems"
            | "ExecuteStatement"
            | "BatchExecuteStatement"
            | "ExecuteTransaction"
    )
}

/// The two shapes of `ConsumedCapacity` in answers.
trait Reported {
    /// Takes everything out and leaves what was wanted.
    fn reduce_to(&mut self, wanted: CapacityWanted) -> Vec<ConsumedCapacity>;
}

impl Reported for Option<ConsumedCapacity> {
    fn reduce_to(&mut self, wanted: CapacityWanted) -> Vec<ConsumedCapacity> {
        let all: Vec<_> = self.take().into_iter().collect();
        *self = all.first().and_then(|one| reduced(one, wanted));
        all
    }
}

impl Reported for Option<Vec<ConsumedCapacity>> {
    fn reduce_to(&mut self, wanted: CapacityWanted) -> Vec<ConsumedCapacity> {
        let Some(all) = self.take() else {
            return Vec::new();
        };
        *self = all.iter().map(|one| reduced(one, wanted)).collect();
        all
    }
}

fn reduced(full: &ConsumedCapacity, wanted: CapacityWanted) -> Option<ConsumedCapacity> {
    match wanted {
        CapacityWanted::None => None,
        CapacityWanted::Indexes => Some(full.clone()),
        CapacityWanted::Total => Some(ConsumedCapacity {
            table_name: full.table_name.clone(),
            capacity_units: full.capacity_units,
            read_capacity_units: full.read_capacity_units,
            write_capacity_units: full.write_capacity_units,
            ..ConsumedCapacity::default()
        }),
    }
}

fn decode<'request, T: Deserialize<'request>>(
    request: &'request Value,
) -> Result<T, DynoxideError> {
    T::deserialize(request).map_err(|error| decoding_error(&error.to_string()))
}

fn encode<T: Serialize>(response: &T) -> Result<String, DynoxideError> {
    serde_json::to_string(response)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The store's decoders mark the class of an error by a prefix of the message, which only its
/// own HTTP server reads; the rest is told apart as DynamoDB does: what is missing or not
/// among the allowed values is invalid, what has the wrong JSON type cannot be read.
fn decoding_error(message: &str) -> DynoxideError {
    let strip = |markers: &[&str]| {
        markers
            .iter()
            .find_map(|marker| message.strip_prefix(marker))
            .map(str::to_owned)
    };
    if let Some(text) = strip(&["SERIALIZATION_AS_READ:", "SERIALIZATION:"]) {
        DynoxideError::SerializationException(text)
    } else if let Some(text) = strip(&["VALIDATION_REQUEST:"]) {
        DynoxideError::EnvelopedValidation(text)
    } else if let Some(text) = strip(&["VALIDATION_AS_READ:", "VALIDATION:"]) {
        DynoxideError::ValidationException(text)
    } else if message.contains("empty AttributeValue") {
        DynoxideError::ValidationException(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
                .to_owned(),
        )
    } else if message.contains("missing field")
        || message.contains("unknown variant")
        || message.contains("invalid type: null")
        || message.contains("Supplied AttributeValue")
    {
        DynoxideError::ValidationException(message.to_owned())
    } else {
        DynoxideError::SerializationException(message.to_owned())
    }
}

/// DynamoDB wraps one family of validation errors in an envelope on the three single-item
/// writes and reports it bare elsewhere.
fn enveloped(operation: &str, error: DynoxideError) -> DynoxideError {
    match (operation, error) {
        ("PutItem" | "UpdateItem" | "DeleteItem", DynoxideError::EnvelopedValidation(message)) => {
            DynoxideError::ValidationException(format!("1 validation error detected: {message}"))
        }
        (_, DynoxideError::EnvelopedValidation(message)) => {
            DynoxideError::ValidationException(message)
        }
        (_, other) => other,
    }
}
