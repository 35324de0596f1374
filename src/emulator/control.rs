//! The control plane of a governed table: which changes are refused for those before them, and
//! what descriptions tell of capacity, which the store thinks is what was asked for.
//!
//! The rules are the capacity model's. Dates are the governor's: with scaled time they run ahead.

use serde_json::{Value, json};

use super::{
    catalog::{elements, provisioned, table_name},
    governor::{Governed, Governor},
    wire::Answer,
};
use crate::{
    capacity::{
        change::{ChangeRefusal, Provisioning},
        throttle::Resource,
    },
    units::{ByDirection, CapacityUnits, Timestamp},
};

/// Why DynamoDB refuses to change or to delete a table.
pub(super) fn refusal(governor: &mut Governor, operation: &str, request: &Value) -> Option<Answer> {
    if !matches!(operation, "UpdateTable" | "DeleteTable") {
        return None;
    }
    let table = table_name(request.get("TableName")?.as_str()?);
    let Governed {
        capacity,
        indexes,
        now,
        ..
    } = governor.capacity(table)?;
    let mut wanted = Vec::new();
    if request.get("BillingMode").and_then(Value::as_str) == Some("PAY_PER_REQUEST") {
        wanted.push((Resource::Table, None));
    } else if let Some(rates) = provisioned(request) {
        wanted.push((Resource::Table, Some(rates)));
    }
    let updates = elements(request, "GlobalSecondaryIndexUpdates");
    wanted.extend(updates.filter_map(|update| {
        let update = update.get("Update")?;
        let index = indexes.get(update.get("IndexName")?.as_str()?)?;
        Some((*index, Some(provisioned(update)?)))
    }));
    Some(match capacity.change_refusal(&wanted, now)? {
        ChangeRefusal::UnderWay => Answer::exception(
            "ResourceInUseException",
            &format!(
                "Attempt to change a resource which is still in use: Table is being updated: {table}"
            ),
        ),
        ChangeRefusal::NoDecrease { today } => Answer::exception(
            "LimitExceededException",
            &format!(
                "Subscriber limit exceeded: Provisioned throughput decreases are limited within a \
                 given UTC day. Number of decreases today: {today}"
            ),
        ),
        ChangeRefusal::NoSwitch => Answer::exception(
            "LimitExceededException",
            "Subscriber limit exceeded: Update to PayPerRequest mode are limited to 4 times in 24 \
             hours",
        ),
    })
}

/// An update to the rates in force, where `request` is one to other rates: auto scaling may have
/// moved them, and the store compares with those that it knows.
pub(super) fn rates_in_force(
    governor: &mut Governor,
    operation: &str,
    request: &Value,
) -> Option<Value> {
    if operation != "UpdateTable" {
        return None;
    }
    provisioned(request)?;
    let table = request.get("TableName")?.as_str()?;
    let governed = governor.capacity(table_name(table))?;
    let rates = governed
        .capacity
        .provisioning(Resource::Table, governed.now);
    Some(json!({"TableName": table, "ProvisionedThroughput": throughput(rates.rates?)}))
}

/// The store's answer with what the governor knows of the table that it describes.
pub(super) fn describe(governor: &mut Governor, operation: &str, body: String) -> String {
    let field = match operation {
        "DescribeTable" => "Table",
        "CreateTable" | "UpdateTable" => "TableDescription",
        _ => return body,
    };
    let Ok(mut answer) = serde_json::from_str::<Value>(&body) else {
        return body;
    };
    let table = &mut answer[field];
    let name = table["TableName"].as_str().unwrap_or_default().to_owned();
    let Some(governed) = governor.capacity(&name) else {
        return body;
    };
    describe_table(governed, table);
    answer.to_string()
}

fn describe_table(governed: Governed<'_>, table: &mut Value) {
    let Governed {
        capacity,
        indexes,
        now,
        zero,
    } = governed;
    let is_updating = capacity.is_updating(now);
    tell_status(&mut table["TableStatus"], is_updating);
    let own = capacity.provisioning(Resource::Table, now);
    table["ProvisionedThroughput"] = provisioning(&own, zero);
    let mode = match own.rates {
        Some(_) => "PROVISIONED",
        None => "PAY_PER_REQUEST",
    };
    for (summary, field) in [
        ("BillingModeSummary", "BillingMode"),
        ("TableThroughputModeSummary", "TableThroughputMode"),
    ] {
        if let Some(told) = table.get_mut(summary).and_then(Value::as_object_mut) {
            told.insert(field.to_owned(), json!(mode));
        }
    }
    let described = table.get_mut("GlobalSecondaryIndexes");
    for index in described
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let name = index["IndexName"].as_str().unwrap_or_default();
        if let Some(resource) = indexes.get(name) {
            let own = capacity.provisioning(*resource, now);
            tell_status(&mut index["IndexStatus"], own.updating);
            index["ProvisionedThroughput"] = provisioning(&own, zero);
        }
    }
}

/// One that is made or removed is neither.
fn tell_status(status: &mut Value, is_updating: bool) {
    if *status == "ACTIVE" || *status == "UPDATING" {
        *status = json!(if is_updating { "UPDATING" } else { "ACTIVE" });
    }
}

/// As DynamoDB tells it; on demand, zero units.
fn provisioning(told: &Provisioning, zero: jiff::Timestamp) -> Value {
    let mut described = throughput(told.rates.unwrap_or_default());
    described["NumberOfDecreasesToday"] = json!(told.decreases_today);
    for (field, at) in [
        ("LastIncreaseDateTime", told.last_increase),
        ("LastDecreaseDateTime", told.last_decrease),
    ] {
        if let Some(at) = at {
            described[field] = date(zero, at);
        }
    }
    described
}

fn throughput(rates: ByDirection<CapacityUnits>) -> Value {
    json!({"ReadCapacityUnits": rates.read.whole_units(),
        "WriteCapacityUnits": rates.write.whole_units()})
}

/// Seconds since 1970 with milliseconds, as DynamoDB writes dates.
fn date(zero: jiff::Timestamp, at: Timestamp) -> Value {
    let millis =
        u128::try_from(zero.as_millisecond()).unwrap_or_default() + at.since_start().as_millis();
    let (seconds, rest) = (millis / 1000, millis % 1000);
    let text = format!("{seconds}.{rest:03}");
    serde_json::from_str(&text).unwrap_or_default()
}
