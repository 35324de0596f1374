//! What the governor must know of the tables that exist: keys, billing and names.
//!
//! Kept in step with the tables after every operation on tables. Must not know buckets.

use std::collections::BTreeMap;

use serde_json::Value;

use super::store;
use crate::{
    capacity::partition::KeyHash,
    scenario::{AutoScaling, Billing},
    units::{ByDirection, Bytes, CapacityUnits, Direction},
};

/// Where the tables are.
pub(super) trait Tables {
    /// The keys and rates of a table with these settings; `None` when there is none of this name.
    fn describe(&self, table: &str, settings: &TableSettings) -> Option<TableInfo>;

    /// The size of the item stored under `key`; `None` when there is none, it is no key, or it
    /// cannot be told at once.
    fn stored_size(&self, table: &str, key: &Value) -> Option<Bytes>;
}

/// One table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TableInfo {
    /// Amazon resource name.
    pub(super) arn: String,
    pub(super) keys: KeyNames,
    pub(super) billing: Billing,
    /// Whether it has a local index.
    pub(super) has_local_index: bool,
    /// All items together.
    pub(super) size: Bytes,
    /// Global secondary indexes by name.
    pub(super) indexes: BTreeMap<String, IndexInfo>,
}

/// One global secondary index.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IndexInfo {
    pub(super) keys: KeyNames,
    pub(super) billing: Billing,
}

/// The attributes that place an item in a table or an index.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct KeyNames {
    pub(super) partition_key: String,
    pub(super) sort_key: Option<String>,
}

impl KeyNames {
    /// Where an item with these attributes lies; `None` when it has no such key.
    pub(super) fn place(&self, attributes: &Value) -> Option<KeyHash> {
        let sort_key = self.sort_key.as_ref().and_then(|key| attributes.get(key));
        store::place(attributes.get(&self.partition_key)?, sort_key)
    }
}

impl TableInfo {
    /// The key attributes among `attributes`, as JSON in DynamoDB's format.
    pub(super) fn key_of(&self, attributes: &Value) -> Option<Value> {
        let mut key = serde_json::Map::new();
        for name in std::iter::once(&self.keys.partition_key).chain(&self.keys.sort_key) {
            key.insert(name.clone(), attributes.get(name)?.clone());
        }
        Some(Value::Object(key))
    }
}

/// What the store does not keep of how a table, or a global index of it, is billed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Settings {
    /// Of a global index; the store keeps the table's.
    pub(super) rates: Option<ByDirection<CapacityUnits>>,
    /// On-demand maximum of an index; the store keeps the table's.
    pub(super) maximum: ByDirection<Option<CapacityUnits>>,
    pub(super) warm: ByDirection<Option<CapacityUnits>>,
    /// Application Auto Scaling is a service of its own.
    pub(super) auto_scaling: ByDirection<Option<AutoScaling>>,
}

/// [`Settings`] of a table under `None`, of its global indexes under their names.
pub(super) type TableSettings = BTreeMap<Option<String>, Settings>;

/// Every table, by name.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    tables: BTreeMap<String, TableInfo>,
    settings: BTreeMap<String, TableSettings>,
}

impl Catalog {
    /// The table that `name_or_arn` names.
    pub(super) fn table(&self, name_or_arn: &str) -> Option<&TableInfo> {
        self.tables.get(table_name(name_or_arn))
    }

    /// Reads `name_or_arn` again; forgets it when it is gone. Returns its name.
    pub(super) fn refresh<'name>(
        &mut self,
        name_or_arn: &'name str,
        tables: &dyn Tables,
    ) -> &'name str {
        let name = table_name(name_or_arn);
        let none = TableSettings::new();
        if let Some(info) = tables.describe(name, self.settings.get(name).unwrap_or(&none)) {
            self.tables.insert(name.to_owned(), info);
        } else {
            self.tables.remove(name);
            self.settings.remove(name);
        }
        name
    }

    /// Keeps what `request`, which creates or updates the table, says and the store forgets.
    pub(super) fn note(&mut self, name_or_arn: &str, request: &Value) {
        let name = table_name(name_or_arn).to_owned();
        let settings = self.settings.entry(name).or_default();
        settings.entry(None).or_default().read(request);
        let created = elements(request, "GlobalSecondaryIndexes");
        let updates = elements(request, "GlobalSecondaryIndexUpdates");
        let updates = updates.filter_map(|update| update.as_object()?.iter().next());
        let changed = updates.map(|(kind, index)| (kind == "Update", index));
        for (is_kept, index) in created.map(|index| (false, index)).chain(changed) {
            if let Some(name) = index.get("IndexName").and_then(Value::as_str) {
                let settings = settings.entry(Some(name.to_owned())).or_default();
                if !is_kept {
                    *settings = Settings::default();
                }
                settings.read(index);
                settings.rates = provisioned(index).or(settings.rates);
            }
        }
    }

    /// Lets auto scaling move the capacity of a table or of a global index of it.
    pub(super) fn scale(
        &mut self,
        table: &str,
        index: Option<&str>,
        policies: ByDirection<Option<AutoScaling>>,
    ) {
        let settings = self.settings.entry(table.to_owned()).or_default();
        let settings = settings.entry(index.map(str::to_owned)).or_default();
        settings.auto_scaling = policies;
    }
}

/// RCU and WCU that a request to create or to update a table, or a part of it, asks for.
pub(super) fn provisioned(request: &Value) -> Option<ByDirection<CapacityUnits>> {
    let stated = request.get("ProvisionedThroughput")?;
    let unit = |name: &str| stated.get(name)?.as_i64().map(CapacityUnits::whole);
    Some(ByDirection {
        read: unit("ReadCapacityUnits")?,
        write: unit("WriteCapacityUnits")?,
    })
}

impl Settings {
    /// Takes what a request says, or a description.
    pub(super) fn read(&mut self, request: &Value) {
        let units = |field: &str, names: [&str; 2]| {
            let stated = request.get(field);
            let unit = |name: &str| stated?.get(name)?.as_i64();
            ByDirection {
                read: unit(names[0]),
                write: unit(names[1]),
            }
        };
        let maximum = units(
            "OnDemandThroughput",
            ["MaxReadRequestUnits", "MaxWriteRequestUnits"],
        );
        let warm = units(
            "WarmThroughput",
            ["ReadUnitsPerSecond", "WriteUnitsPerSecond"],
        );
        for direction in Direction::ALL {
            if let Some(units) = maximum[direction] {
                // -1 takes the maximum away. [ODMAX]
                self.maximum[direction] = (units >= 0).then(|| CapacityUnits::whole(units));
            }
            if let Some(units) = warm[direction] {
                self.warm[direction] = Some(CapacityUnits::whole(units));
            }
        }
    }

    /// How a resource is billed that has these rates, or none.
    pub(super) const fn billing(&self, rates: Option<ByDirection<CapacityUnits>>) -> Billing {
        match rates {
            Some(capacity) => Billing::Provisioned {
                capacity,
                auto_scaling: self.auto_scaling,
            },
            None => Billing::OnDemand {
                maximum: self.maximum,
                warm: self.warm,
            },
        }
    }
}

pub(super) fn elements<'request>(
    request: &'request Value,
    field: &str,
) -> impl Iterator<Item = &'request Value> {
    let list = request.get(field).and_then(Value::as_array);
    list.into_iter().flatten()
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
