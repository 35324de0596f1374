//! What is known of the upstream's tables: as they were described when they were first used, and
//! in every answer since that described them.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    emulator::catalog::{
        IndexInfo, KeyNames, Settings, TableInfo, TableSettings, Tables, elements, provisioned,
    },
    units::{ByDirection, Bytes},
};

/// A table that is being changed is looked at again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The upstream's tables, by name.
#[derive(Debug, Default)]
pub(super) struct Learnt(BTreeMap<String, Known>);

#[derive(Debug)]
struct Known {
    info: TableInfo,
    /// When it is out of date: the upstream is changing it.
    until: Option<Instant>,
}

impl Learnt {
    /// Whether `table` has to be described before it is used.
    pub(super) fn is_due(&self, table: &str) -> bool {
        let known = self.0.get(table);
        known.is_none_or(|known| known.until.is_some_and(|until| until <= Instant::now()))
    }

    /// Keeps a description in the shape of `DescribeTable`; returns the table's name.
    pub(super) fn keep(&mut self, description: &Value) -> Option<String> {
        let name = description.get("TableName")?.as_str()?.to_owned();
        let indexes = elements(description, "GlobalSecondaryIndexes");
        let mut states = indexes
            .map(|index| index.get("IndexStatus"))
            .chain([description.get("TableStatus")]);
        let is_changing = states.any(|state| state.is_some_and(|state| state != "ACTIVE"));
        let known = Known {
            info: table_info(description)?,
            until: is_changing.then(|| Instant::now() + AGAIN_AFTER),
        };
        self.0.insert(name.clone(), known);
        Some(name)
    }

    /// `table` is being changed, and has to be described again before it is used.
    pub(super) fn look_again(&mut self, table: &str) {
        if let Some(known) = self.0.get_mut(table) {
            known.until = Some(Instant::now());
        }
    }

    pub(super) fn forget(&mut self, table: &str) {
        self.0.remove(table);
    }
}

impl Tables for Learnt {
    /// `settings` are the upstream's own: its descriptions hold them.
    fn describe(&self, table: &str, _settings: &TableSettings) -> Option<TableInfo> {
        self.0.get(table).map(|known| known.info.clone())
    }

    /// Not without a request.
    fn stored_size(&self, _table: &str, _key: &Value) -> Option<Bytes> {
        None
    }
}

fn table_info(table: &Value) -> Option<TableInfo> {
    let text = |field: &str| table.get(field).and_then(Value::as_str);
    let summary = table.get("BillingModeSummary");
    let mode = summary.and_then(|summary| summary.get("BillingMode"));
    let on_demand = mode.is_some_and(|mode| mode == "PAY_PER_REQUEST");
    let billing = |described: &Value| {
        let mut settings = Settings::default();
        settings.read(described);
        // Nobody can ask for no capacity at all: where it says so, there is none to ask for.
        let is_some = |rates: &ByDirection<_>| *rates != ByDirection::default();
        let rates = provisioned(described).filter(is_some);
        settings.billing(rates.filter(|_| !on_demand))
    };
    let indexes = elements(table, "GlobalSecondaryIndexes").filter_map(|index| {
        let info = IndexInfo {
            keys: key_names(index)?,
            billing: billing(index),
        };
        Some((index.get("IndexName")?.as_str()?.to_owned(), info))
    });
    let local = elements(table, "LocalSecondaryIndexes").next();
    let size = table.get("TableSizeBytes").and_then(Value::as_u64);
    Some(TableInfo {
        arn: text("TableArn").unwrap_or_default().to_owned(),
        keys: key_names(table)?,
        billing: billing(table),
        has_local_index: local.is_some(),
        size: Bytes(size.unwrap_or_default()),
        indexes: indexes.collect(),
    })
}

fn key_names(described: &Value) -> Option<KeyNames> {
    let key = |kind: &str| {
        let mut keys = elements(described, "KeySchema");
        let key = keys.find(|key| key.get("KeyType").is_some_and(|own| own == kind))?;
        Some(key.get("AttributeName")?.as_str()?.to_owned())
    };
    Some(KeyNames {
        partition_key: key("HASH")?,
        sort_key: key("RANGE"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{scenario::Billing, units::CapacityUnits};

    fn described(status: &str) -> Value {
        json!({"TableName": "Plays", "TableStatus": status, "TableSizeBytes": 7,
            "TableArn": "arn:aws:dynamodb:ddblocal:000000000000:table/Plays",
            "KeySchema": [{"AttributeName": "at", "KeyType": "RANGE"},
                {"AttributeName": "user", "KeyType": "HASH"}],
            "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 3},
            "LocalSecondaryIndexes": [{"IndexName": "local"}],
            "GlobalSecondaryIndexes": [{"IndexName": "by_game", "IndexStatus": "ACTIVE",
                "KeySchema": [{"AttributeName": "game", "KeyType": "HASH"}],
                "ProvisionedThroughput": {"ReadCapacityUnits": 2, "WriteCapacityUnits": 1}}]})
    }

    fn learnt(description: &Value) -> (Learnt, TableInfo) {
        let mut learnt = Learnt::default();
        assert_eq!(learnt.keep(description).as_deref(), Some("Plays"));
        let info = learnt.describe("Plays", &TableSettings::new());
        (learnt, info.expect("it was kept"))
    }

    #[test]
    fn a_description_tells_keys_rates_and_indexes() {
        let (mut learnt, info) = learnt(&described("ACTIVE"));
        assert_eq!(info.keys.partition_key, "user");
        assert_eq!(info.keys.sort_key.as_deref(), Some("at"));
        assert!(info.has_local_index);
        assert_eq!(info.size, Bytes(7));
        let rates = |read, write| {
            let whole = CapacityUnits::whole;
            Billing::fixed(ByDirection {
                read: whole(read),
                write: whole(write),
            })
        };
        assert_eq!(info.billing, rates(5, 3));
        assert_eq!(info.indexes["by_game"].billing, rates(2, 1));
        assert_eq!(info.indexes["by_game"].keys.partition_key, "game");
        assert!(!learnt.is_due("Plays"));
        assert!(learnt.is_due("Others"));
        learnt.forget("Plays");
        assert!(learnt.is_due("Plays"));
    }

    #[test]
    fn an_on_demand_table_brings_its_maximum_and_its_warm_throughput() {
        let mut description = described("ACTIVE");
        description["BillingModeSummary"] = json!({"BillingMode": "PAY_PER_REQUEST"});
        description["OnDemandThroughput"] =
            json!({"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": 40});
        description["WarmThroughput"] =
            json!({"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000});
        let (_, info) = learnt(&description);
        let Billing::OnDemand { maximum, warm } = info.billing else {
            panic!("{:?}", info.billing);
        };
        assert_eq!(maximum.read, None);
        assert_eq!(maximum.write, Some(CapacityUnits::whole(40)));
        assert_eq!(warm.read, Some(CapacityUnits::whole(12_000)));
    }

    #[test]
    fn what_is_being_changed_is_looked_at_again() {
        let (mut changing, _) = learnt(&described("UPDATING"));
        assert!(changing.0["Plays"].until.is_some());
        changing.look_again("Plays");
        assert!(changing.is_due("Plays"));
    }
}
