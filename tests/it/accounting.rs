//! The units that our rules of cost predict, against the `ConsumedCapacity` that the embedded
//! emulator declares: for the table and for each index, over thousands of random requests.

mod model;
mod scenarios;

use std::collections::BTreeMap;

use dynamometer::{
    capacity::cost::{self, Images, ReadMode, WriteMode},
    emulator::{Emulator, EmulatorConfig, EmulatorHandle},
    seed::{Rng, Seed},
    units::{ByDirection, CapacityUnits},
    workload::item,
};
use rand::RngExt;
use serde_json::{Value, json};

use crate::emulator::raw;
use model::{Model, Units, key_json, row_json};

const REQUESTS: u64 = 3_000;

/// What an answer declares: the table's own arm under "", and each index's under its name.
/// Arms of nothing are left out, as DynamoDB may or may not mention them.
fn declared(answer: &Value) -> Units {
    let consumed = match &answer["ConsumedCapacity"] {
        Value::Array(tables) => {
            assert!(tables.len() <= 1, "one table is asked: {tables:?}");
            tables.first().cloned().unwrap_or_default()
        }
        one => one.clone(),
    };
    let units = |arm: &Value| CapacityUnits::from(arm["CapacityUnits"].as_f64().unwrap_or(0.0));
    let mut all = Units::new();
    all.insert(String::new(), units(&consumed["Table"]));
    for scope in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        for (name, arm) in consumed[scope].as_object().into_iter().flatten() {
            all.insert(name.clone(), units(arm));
        }
    }
    let total: CapacityUnits = all.values().copied().sum();
    assert_eq!(total, units(&consumed), "arms add up: {consumed}");
    all.retain(|_, units| *units > CapacityUnits::ZERO);
    all
}

struct World {
    endpoint: String,
    handle: EmulatorHandle,
    model: Model,
}

impl World {
    /// Sends one request, and holds what its answer declares against `predicted`.
    async fn check(&self, operation: &str, mut body: Value, mut predicted: Units) {
        body["ReturnConsumedCapacity"] = json!("INDEXES");
        let answer = raw::call(&self.endpoint, operation, &body).await;
        assert_eq!(answer.status, 200, "{operation} {body}: {}", answer.json());
        predicted.retain(|_, units| *units > CapacityUnits::ZERO);
        let declared = declared(&answer.json());
        assert_eq!(declared, predicted, "{operation} {body}");
    }

    async fn write_one(&mut self, rng: &mut Rng) {
        let key = model::any_key(rng);
        match rng.random_range(0..3) {
            0 => {
                let row = model::random_row(&key, rng);
                let body = json!({"TableName": "Tab", "Item": row_json(&row)});
                let units = self.model.write(&key, Some(row), WriteMode::Plain);
                self.check("PutItem", body, units).await;
            }
            1 => {
                let set = model::random_attributes(rng);
                let body = update(&key, &set);
                let row = self.model.updated(&key, &set);
                let units = self.model.write(&key, Some(row), WriteMode::Plain);
                self.check("UpdateItem", body, units).await;
            }
            _ => {
                let body = json!({"TableName": "Tab", "Key": key_json(&key)});
                let units = self.model.write(&key, None, WriteMode::Plain);
                self.check("DeleteItem", body, units).await;
            }
        }
    }

    /// A put or delete whose condition fails: the answer declares nothing, and the books have
    /// what the write would have taken of the table, by the larger of both images. No index is
    /// touched.
    async fn fail_a_condition(&self, rng: &mut Rng) {
        let key = model::any_key(rng);
        let row = rng.random::<bool>().then(|| model::random_row(&key, rng));
        let (operation, mut body) = match &row {
            Some(row) => (
                "PutItem",
                json!({"TableName": "Tab", "Item": row_json(row)}),
            ),
            None => (
                "DeleteItem",
                json!({"TableName": "Tab", "Key": key_json(&key)}),
            ),
        };
        body["ConditionExpression"] = json!("attribute_exists(nowhere)");
        self.handle.reset_ledger().await;
        let answer = raw::call(&self.endpoint, operation, &body).await;
        assert_eq!(answer.error(), "ConditionalCheckFailedException");
        let images = Images {
            old: self.model.stored(&key),
            new: row.as_ref().map(item::size),
        };
        let charged = self.handle.ledger().await.consumed;
        let write = cost::write_as(images, WriteMode::Plain);
        let expected = ByDirection {
            read: CapacityUnits::ZERO,
            write,
        };
        assert_eq!(
            charged,
            BTreeMap::from([("Tab".to_owned(), expected)]),
            "{operation} {body}"
        );
    }

    async fn write_several(&mut self, rng: &mut Rng) {
        let transaction = rng.random();
        let mode = if transaction {
            WriteMode::Transactional
        } else {
            WriteMode::Plain
        };
        let mut predicted = Units::new();
        let mut members = Vec::new();
        for key in model::distinct_keys(rng) {
            let (row, member) = match rng.random_range(0..3) {
                0 if transaction => {
                    let set = model::random_attributes(rng);
                    (
                        Some(self.model.updated(&key, &set)),
                        json!({"Update": update(&key, &set)}),
                    )
                }
                1 if transaction => (
                    None,
                    json!({"Delete": {"TableName": "Tab", "Key": key_json(&key)}}),
                ),
                1 => (None, json!({"DeleteRequest": {"Key": key_json(&key)}})),
                _ => {
                    let row = model::random_row(&key, rng);
                    let item = row_json(&row);
                    let put = if transaction {
                        json!({"Put": {"TableName": "Tab", "Item": item}})
                    } else {
                        json!({"PutRequest": {"Item": item}})
                    };
                    (Some(row), put)
                }
            };
            model::add(&mut predicted, self.model.write(&key, row, mode));
            members.push(member);
        }
        let (operation, body) = if transaction {
            ("TransactWriteItems", json!({"TransactItems": members}))
        } else {
            ("BatchWriteItem", json!({"RequestItems": {"Tab": members}}))
        };
        self.check(operation, body, predicted).await;
    }

    async fn read_items(&self, rng: &mut Rng) {
        let strong: bool = rng.random();
        let mode = if strong {
            ReadMode::Strong
        } else {
            ReadMode::Eventual
        };
        let keys = model::distinct_keys(rng);
        let sizes = |mode| {
            let sizes = keys.iter().map(|key| self.model.stored_size(key));
            of_table(cost::read_each(sizes, mode))
        };
        match rng.random_range(0..3) {
            0 => {
                let body = json!({"TableName": "Tab", "Key": key_json(&keys[0]),
                    "ConsistentRead": strong});
                let units = cost::read_as(self.model.stored_size(&keys[0]), mode);
                self.check("GetItem", body, of_table(units)).await;
            }
            1 => {
                let wanted: Vec<_> = keys.iter().map(key_json).collect();
                let body = json!({"RequestItems": {"Tab": {"Keys": wanted,
                    "ConsistentRead": strong}}});
                self.check("BatchGetItem", body, sizes(mode)).await;
            }
            _ => {
                let get = |key| json!({"Get": {"TableName": "Tab", "Key": key_json(key)}});
                let members: Vec<_> = keys.iter().map(get).collect();
                let body = json!({"TransactItems": members});
                let units = sizes(ReadMode::Transactional);
                self.check("TransactGetItems", body, units).await;
            }
        }
    }

    async fn read_range(&self, rng: &mut Rng) {
        let strong: bool = rng.random();
        let mode = if strong {
            ReadMode::Strong
        } else {
            ReadMode::Eventual
        };
        let key = model::any_key(rng);
        let limit = rng.random_range(1..6_usize);
        match rng.random_range(0..4) {
            // A range of sort keys, of which a filter lets none through.
            0 => {
                let bytes = self.model.range(&key, limit);
                let body = json!({"TableName": "Tab", "Limit": limit, "ConsistentRead": strong,
                    "KeyConditionExpression": "p = :p AND s >= :s",
                    "FilterExpression": "attribute_exists(nowhere)",
                    "ExpressionAttributeValues": {
                        ":p": {"S": key.0}, ":s": {"N": key.1.to_string()}}});
                let units = of_table(cost::read_as(bytes, mode));
                self.check("Query", body, units).await;
            }
            1 => {
                let body = json!({"TableName": "Tab", "ConsistentRead": strong});
                let units = of_table(cost::read_as(self.model.all(None), mode));
                self.check("Scan", body, units).await;
            }
            2 => {
                let index = ["g-all", "g-keys"][rng.random_range(0..2)];
                let body = json!({"TableName": "Tab", "IndexName": index});
                let bytes = self.model.all(Some(index));
                let units = cost::read_as(bytes, ReadMode::Eventual);
                self.check("Scan", body, of_index(index, units)).await;
            }
            _ => {
                let (index, bytes, condition, values, strong, mode) = if rng.random() {
                    let shop = format!("g{}", rng.random_range(0..4));
                    let index = ["g-all", "g-keys"][rng.random_range(0..2)];
                    let bytes = self.model.of_shop(index, &shop);
                    let values = json!({":g": {"S": shop}});
                    (index, bytes, "g = :g", values, false, ReadMode::Eventual)
                } else {
                    let index = ["l-keys", "l-all"][rng.random_range(0..2)];
                    let bytes = self.model.of_partition(index, &key.0);
                    let values = json!({":p": {"S": key.0}});
                    (index, bytes, "p = :p", values, strong, mode)
                };
                let mut body = json!({"TableName": "Tab", "IndexName": index,
                    "KeyConditionExpression": condition,
                    "ExpressionAttributeValues": values});
                if strong {
                    body["ConsistentRead"] = json!(true);
                }
                let units = of_index(index, cost::read_as(bytes, mode));
                self.check("Query", body, units).await;
            }
        }
    }
}

fn of_table(units: CapacityUnits) -> Units {
    BTreeMap::from([(String::new(), units)])
}

fn of_index(index: &str, units: CapacityUnits) -> Units {
    BTreeMap::from([(index.to_owned(), units)])
}

fn update(key: &model::Key, set: &model::Row) -> Value {
    let mut names = serde_json::Map::new();
    let mut values = serde_json::Map::new();
    let mut text = Vec::new();
    for (n, (name, value)) in set.iter().enumerate() {
        names.insert(format!("#a{n}"), json!(name));
        values.insert(format!(":v{n}"), model::value_json(value));
        text.push(format!("#a{n} = :v{n}"));
    }
    json!({"TableName": "Tab", "Key": key_json(key),
        "UpdateExpression": format!("SET {}", text.join(", ")),
        "ExpressionAttributeNames": names, "ExpressionAttributeValues": values})
}

#[tokio::test]
async fn the_units_of_random_requests_are_those_that_the_emulator_declares() {
    let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
    emulator.handle().suspend_governor().await;
    let mut world = World {
        endpoint: emulator.endpoint(),
        handle: emulator.handle(),
        model: Model::default(),
    };
    let created = raw::call(&world.endpoint, "CreateTable", &model::create_table()).await;
    assert_eq!(created.status, 200, "{}", created.json());
    let stream = Seed(3).stream("accounting");
    for number in 0..REQUESTS {
        let mut rng = stream.at(number);
        match rng.random_range(0..10) {
            0 => world.fail_a_condition(&mut rng).await,
            1..4 => world.write_one(&mut rng).await,
            4..6 => world.write_several(&mut rng).await,
            6..8 => world.read_items(&mut rng).await,
            _ => world.read_range(&mut rng).await,
        }
    }
    emulator.shutdown().await;
}
