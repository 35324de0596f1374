//! What the governor must know of the tables that exist: keys, rates and names.
//!
//! Kept in step with the store after every operation on tables. Must not know buckets.

use std::collections::BTreeMap;

use serde_json::Value;

use super::store::Store;
use crate::units::{ByDirection, Bytes, CapacityUnits};

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TableInfo {
    /// Amazon resource name.
    pub(super) arn: String,
    /// Name of the partition key's attribute.
    pub(super) partition_key: String,
    /// Name of the sort key's attribute, if any.
    pub(super) sort_key: Option<String>,
    /// RCU and WCU; `None` for a table that is paid per request.
    pub(super) provisioned: Option<ByDirection<CapacityUnits>>,
    /// All items together.
    pub(super) size: Bytes,
    /// Global secondary indexes by name.
    pub(super) indexes: BTreeMap<String, IndexInfo>,
}

/// One global secondary index.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IndexInfo {
    /// Name of the index's partition key.
    pub(super) partition_key: String,
    /// RCU and WCU; `None` for a table that is paid per request.
    pub(super) provisioned: Option<ByDirection<CapacityUnits>>,
}

impl TableInfo {
    /// The key attributes among `attributes`, as JSON in DynamoDB's format.
    pub(super) fn key_of(&self, attributes: &Value) -> Option<Value> {
        let mut key = serde_json::Map::new();
        for name in std::iter::once(&self.partition_key).chain(&self.sort_key) {
            key.insert(name.clone(), attributes.get(name)?.clone());
        }
        Some(Value::Object(key))
    }
}

/// Every table, by name.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    tables: BTreeMap<String, TableInfo>,
}

impl Catalog {
    /// The table that `name_or_arn` names.
    pub(super) fn table(&self, name_or_arn: &str) -> Option<&TableInfo> {
        self.tables.get(table_name(name_or_arn))
    }

    /// Reads `name_or_arn` from the store again; forgets it when it is gone. Returns its name.
    pub(super) fn refresh<'name>(&mut self, name_or_arn: &'name str, store: &Store) -> &'name str {
        let name = table_name(name_or_arn);
        match store.describe(name) {
            Some(info) => drop(self.tables.insert(name.to_owned(), info)),
            None => drop(self.tables.remove(name)),
        }
        name
    }
}

/// The name in `arn:aws:dynamodb:region:account:table/name[/…]`; anything else is a name.
pub(super) fn table_name(name_or_arn: &str) -> &str {
    match name_or_arn.strip_prefix("arn:") {
        Some(arn) => arn.split_once(":table/").map_or(name_or_arn, |(_, rest)| {
            rest.split('/').next().unwrap_or(rest)
        }),
        None => name_or_arn,
    }
}

#[cfg(test)]
mod tests {
    use super::table_name;

    #[test]
    fn a_table_is_found_by_its_name_or_its_resource_name() {
        for text in [
            "Users",
            "arn:aws:dynamodb:us-east-1:000000000000:table/Users",
            "arn:aws:dynamodb:us-east-1:000000000000:table/Users/index/by_age",
        ] {
            assert_eq!(table_name(text), "Users", "{text}");
        }
    }
}
