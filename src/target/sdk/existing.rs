//! A table that is there already, held against what the scenario says of it.
//!
//! Owns which differences matter: those that change what requests mean or cost. Must not change
//! the table.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, BillingModeSummary, KeySchemaElement, KeyType,
    ProjectionType, ProvisionedThroughputDescription as Rates, TableClass as Class,
    TableClassSummary, TableDescription,
};

use super::definition;
use crate::{
    scenario::{Billing, Index, IndexScope, Projection, Table, TableClass},
    units::{ByDirection, CapacityUnits, Direction},
};

/// An index as the server describes it.
struct Described<'a> {
    name: &'a str,
    local: bool,
    keys: &'a [KeySchemaElement],
    projection: Option<&'a aws_sdk_dynamodb::types::Projection>,
    capacity: ByDirection<Option<i64>>,
}

/// Everything in which the table at the server differs from the scenario's, one sentence each.
pub(super) fn differences(table: &Table, found: &TableDescription) -> Vec<String> {
    let mut all = Vec::new();
    let expected = (table.partition_key, table.sort_key);
    keys(&mut all, "the table", table, expected, found.key_schema());
    types(&mut all, table, found.attribute_definitions());
    let on_demand = found
        .billing_mode_summary()
        .and_then(BillingModeSummary::billing_mode)
        .is_some_and(|mode| *mode == BillingMode::PayPerRequest);
    mode(&mut all, &table.billing, on_demand);
    if !on_demand {
        let rates = found.provisioned_throughput();
        let rates = ByDirection {
            read: rates.and_then(Rates::read_capacity_units),
            write: rates.and_then(Rates::write_capacity_units),
        };
        capacity(&mut all, "the table", &table.billing, rates);
    }
    class(&mut all, table.class, found);
    indexes(&mut all, table, found);
    all
}

fn indexes(all: &mut Vec<String>, table: &Table, found: &TableDescription) {
    let described = described(found);
    for index in &table.indexes {
        let local = index.scope == IndexScope::Local;
        let subject = format!("index {}", index.name);
        let same_name = described.iter().find(|there| there.name == index.name);
        let Some(there) = same_name else {
            all.push(format!("{subject}: the table has none of this name"));
            continue;
        };
        if there.local != local {
            let scope = |local| if local { "local" } else { "global" };
            all.push(format!(
                "{subject}: it is {}, in the scenario {}",
                scope(there.local),
                scope(local)
            ));
            continue;
        }
        let expected = (index.partition_key, index.sort_key);
        keys(all, &subject, table, expected, there.keys);
        projection(all, &subject, table, index, there);
        if let IndexScope::Global(billing) = &index.scope {
            capacity(all, &subject, billing, there.capacity);
        }
    }
    for there in &described {
        if !table.indexes.iter().any(|index| index.name == there.name) {
            all.push(format!(
                "index {}: the table has it, the scenario does not; writes take units for it",
                there.name
            ));
        }
    }
}

fn described(found: &TableDescription) -> Vec<Described<'_>> {
    let global = found.global_secondary_indexes().iter().map(|index| {
        let rates = index.provisioned_throughput();
        Described {
            name: index.index_name().unwrap_or_default(),
            local: false,
            keys: index.key_schema(),
            projection: index.projection(),
            capacity: ByDirection {
                read: rates.and_then(Rates::read_capacity_units),
                write: rates.and_then(Rates::write_capacity_units),
            },
        }
    });
    let local = found
        .local_secondary_indexes()
        .iter()
        .map(|index| Described {
            name: index.index_name().unwrap_or_default(),
            local: true,
            keys: index.key_schema(),
            projection: index.projection(),
            capacity: ByDirection::default(),
        });
    global.chain(local).collect()
}

fn keys(
    all: &mut Vec<String>,
    subject: &str,
    table: &Table,
    (partition_key, sort_key): (usize, Option<usize>),
    found: &[KeySchemaElement],
) {
    let roles = [
        ("partition key", Some(partition_key), KeyType::Hash),
        ("sort key", sort_key, KeyType::Range),
    ];
    for (role, expected, kind) in roles {
        let expected = expected.map(|index| table.attributes[index].name.as_str());
        let found = found.iter().find(|key| *key.key_type() == kind);
        let found = found.map(KeySchemaElement::attribute_name);
        if expected != found {
            let shown = |name: Option<&str>| name.map_or("none".to_owned(), |n| format!("{n:?}"));
            all.push(format!(
                "{subject}: its {role} is {}, in the scenario {}",
                shown(found),
                shown(expected)
            ));
        }
    }
}

fn types(all: &mut Vec<String>, table: &Table, found: &[AttributeDefinition]) {
    for expected in definition::definitions(table) {
        let name = expected.attribute_name();
        let Some(found) = found.iter().find(|there| there.attribute_name() == name) else {
            // Said already of the key that it would be.
            continue;
        };
        if found.attribute_type() != expected.attribute_type() {
            all.push(format!(
                "key attribute {name:?}: it is of type {}, in the scenario {}",
                found.attribute_type(),
                expected.attribute_type()
            ));
        }
    }
}

fn projection(
    all: &mut Vec<String>,
    subject: &str,
    table: &Table,
    index: &Index,
    there: &Described<'_>,
) {
    let names = |indices: &[usize]| -> BTreeSet<String> {
        let names = indices.iter().map(|&i| table.attributes[i].name.clone());
        names.collect()
    };
    let expected = match &index.projection {
        Projection::KeysOnly => (ProjectionType::KeysOnly, BTreeSet::new()),
        Projection::All => (ProjectionType::All, BTreeSet::new()),
        Projection::Include(included) => (ProjectionType::Include, names(included)),
    };
    let found = there.projection.map(|projection| {
        let included = projection.non_key_attributes().iter().cloned().collect();
        let kind = projection.projection_type().cloned();
        (kind.unwrap_or(ProjectionType::All), included)
    });
    let Some(found) = found.filter(|found| *found != expected) else {
        return;
    };
    let shown = |(kind, included): &(ProjectionType, BTreeSet<String>)| {
        let names: Vec<_> = included.iter().map(|name| format!("{name:?}")).collect();
        if names.is_empty() {
            kind.to_string()
        } else {
            format!("{kind} {}", names.join(", "))
        }
    };
    all.push(format!(
        "{subject}: it projects {}, in the scenario {}",
        shown(&found),
        shown(&expected)
    ));
}

fn mode(all: &mut Vec<String>, expected: &Billing, on_demand: bool) {
    let expected_on_demand = matches!(expected, Billing::OnDemand { .. });
    if expected_on_demand != on_demand {
        let shown = |on_demand| {
            if on_demand {
                "on demand"
            } else {
                "provisioned"
            }
        };
        all.push(format!(
            "the table: it is {}, in the scenario {}",
            shown(on_demand),
            shown(expected_on_demand)
        ));
    }
}

/// Auto scaling may have moved the capacity since, but not beyond its bounds.
fn capacity(
    all: &mut Vec<String>,
    subject: &str,
    billing: &Billing,
    found: ByDirection<Option<i64>>,
) {
    let Billing::Provisioned {
        capacity,
        auto_scaling,
    } = billing
    else {
        return;
    };
    for direction in Direction::ALL {
        let Some(found) = found[direction] else {
            continue;
        };
        let units = CapacityUnits::whole(found);
        let (low, high) = match auto_scaling[direction] {
            Some(scaling) => (scaling.min, scaling.max),
            None => (capacity[direction], capacity[direction]),
        };
        if !(low..=high).contains(&units) {
            let expected = if low == high {
                format!("{}", low.as_f64())
            } else {
                format!("{} to {}", low.as_f64(), high.as_f64())
            };
            let unit = direction.unit();
            all.push(format!(
                "{subject}: it has {found} {unit}, in the scenario {expected} {unit}"
            ));
        }
    }
}

fn class(all: &mut Vec<String>, expected: TableClass, found: &TableDescription) {
    let summary = found.table_class_summary();
    let infrequent =
        summary.and_then(TableClassSummary::table_class) == Some(&Class::StandardInfrequentAccess);
    if infrequent != (expected == TableClass::StandardInfrequentAccess) {
        let shown = |infrequent| {
            if infrequent {
                "standard-ia"
            } else {
                "standard"
            }
        };
        all.push(format!(
            "the table: its class is {}, in the scenario {}",
            shown(infrequent),
            shown(!infrequent)
        ));
    }
}
