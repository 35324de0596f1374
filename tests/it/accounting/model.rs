//! A table and its indexes as they ought to be: rows, entries, and what writes take.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use dynamometer::{
    capacity::cost::{self, EntryChange, Images, WriteMode},
    seed::Rng,
    units::{Bytes, CapacityUnits},
    workload::item::{self, AttributeValue, Item},
};
use rand::RngExt;
use serde_json::{Value, json};

/// Partition key and sort key.
pub type Key = (String, i64);
/// An item, keys included.
pub type Row = Item;
/// Units by arm: the table's under "".
pub type Units = BTreeMap<String, CapacityUnits>;

const KEYS: [&str; 2] = ["p", "s"];

type Names = &'static [&'static str];
type IndexShape = (&'static str, Names, Option<Names>);

/// Name, key attributes beside the table's, and what else is projected; `None` for all.
const INDEXES: [IndexShape; 5] = [
    ("g-all", &["g"], None),
    ("g-keys", &["g", "n"], Some(&[])),
    ("g-some", &["n"], Some(&["a", "b"])),
    ("l-keys", &["l"], Some(&[])),
    ("l-all", &["n"], None),
];

pub fn create_table() -> Value {
    let keys = |hash: &str, range: Option<&str>| {
        let mut keys = vec![json!({"AttributeName": hash, "KeyType": "HASH"})];
        keys.extend(range.map(|name| json!({"AttributeName": name, "KeyType": "RANGE"})));
        keys
    };
    let throughput = json!({"ReadCapacityUnits": 10, "WriteCapacityUnits": 10});
    let projection = |included: Option<&[&str]>| match included {
        None => json!({"ProjectionType": "ALL"}),
        Some([]) => json!({"ProjectionType": "KEYS_ONLY"}),
        Some(names) => json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": names}),
    };
    let (mut global, mut local) = (Vec::new(), Vec::new());
    for (name, own, included) in INDEXES {
        let projection = projection(included);
        if name.starts_with('g') {
            global.push(json!({"IndexName": name, "Projection": projection,
                "KeySchema": keys(own[0], own.get(1).copied()),
                "ProvisionedThroughput": throughput}));
        } else {
            local.push(json!({"IndexName": name, "Projection": projection,
                "KeySchema": keys("p", Some(own[0]))}));
        }
    }
    let types = [("p", "S"), ("s", "N"), ("g", "S"), ("n", "N"), ("l", "B")];
    let types = types.map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind}));
    json!({"TableName": "Tab", "AttributeDefinitions": types, "KeySchema": keys("p", Some("s")),
        "ProvisionedThroughput": throughput, "GlobalSecondaryIndexes": global,
        "LocalSecondaryIndexes": local})
}

pub fn any_key(rng: &mut Rng) -> Key {
    (
        format!("p{}", rng.random_range(0..5)),
        rng.random_range(0..12),
    )
}

/// One to six different keys.
pub fn distinct_keys(rng: &mut Rng) -> Vec<Key> {
    let count = rng.random_range(1..7);
    let mut keys: Vec<Key> = Vec::new();
    while keys.len() < count {
        let key = any_key(rng);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The rows that are there.
#[derive(Default)]
pub struct Model {
    rows: BTreeMap<Key, Row>,
}

impl Model {
    pub fn stored(&self, key: &Key) -> Option<Bytes> {
        self.rows.get(key).map(item::size)
    }

    pub fn stored_size(&self, key: &Key) -> Bytes {
        self.stored(key).unwrap_or_default()
    }

    /// The row under `key` after an update that sets these attributes.
    pub fn updated(&self, key: &Key, set: &Row) -> Row {
        let mut row = self.rows.get(key).cloned();
        let row = row.get_or_insert_with(|| key_row(key));
        for (name, value) in set {
            match row.iter_mut().find(|(known, _)| known == name) {
                Some((_, stored)) => stored.clone_from(value),
                None => row.push((name.clone(), value.clone())),
            }
        }
        row.clone()
    }

    /// Replaces or removes a row; the units that it takes of the table and of each index.
    pub fn write(&mut self, key: &Key, new: Option<Row>, mode: WriteMode) -> Units {
        let old = self.rows.remove(key);
        let mut units = Units::new();
        let images = Images {
            old: old.as_ref().map(item::size),
            new: new.as_ref().map(item::size),
        };
        units.insert(String::new(), cost::write_as(images, mode));
        for (name, own, included) in INDEXES {
            let entry = |row: &Option<Row>| entry(row.as_ref()?, own, included);
            let (before, after) = (entry(&old), entry(&new));
            let change = change(before.as_ref(), after.as_ref(), own);
            let images = Images {
                old: before.as_ref().map(item::size),
                new: after.as_ref().map(item::size),
            };
            if let Some(taken) = cost::index_write(images, change) {
                units.insert(name.to_owned(), taken);
            }
        }
        if let Some(new) = new {
            self.rows.insert(key.clone(), new);
        }
        units
    }

    /// Bytes of at most `limit` rows of the partition of `from`, from its sort key upwards.
    pub fn range(&self, from: &Key, limit: usize) -> Bytes {
        let rows = self.rows.range(from.clone()..);
        rows.take_while(|(key, _)| key.0 == from.0)
            .take(limit)
            .map(|(_, row)| item::size(row))
            .sum()
    }

    /// Bytes of all rows, or of all entries of an index.
    pub fn all(&self, index: Option<&str>) -> Bytes {
        match index {
            None => self.rows.values().map(item::size).sum(),
            Some(index) => self.entries(index, |_| true),
        }
    }

    pub fn of_shop(&self, index: &str, shop: &str) -> Bytes {
        let wanted = AttributeValue::S(shop.to_owned());
        self.entries(index, |row| attribute(row, "g") == Some(&wanted))
    }

    pub fn of_partition(&self, index: &str, partition: &str) -> Bytes {
        let wanted = AttributeValue::S(partition.to_owned());
        self.entries(index, |row| attribute(row, "p") == Some(&wanted))
    }

    fn entries(&self, index: &str, wanted: impl Fn(&Row) -> bool) -> Bytes {
        let found = INDEXES.iter().find(|(name, ..)| *name == index);
        let (_, own, included) = found.expect("one of ours");
        let rows = self.rows.values().filter(|row| wanted(row));
        rows.filter_map(|row| entry(row, own, *included))
            .map(|entry| item::size(&entry))
            .sum()
    }
}

pub fn add(sum: &mut Units, more: Units) {
    for (arm, units) in more {
        *sum.entry(arm).or_insert(CapacityUnits::ZERO) += units;
    }
}

fn attribute<'a>(row: &'a Row, name: &str) -> Option<&'a AttributeValue> {
    row.iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value)
}

/// What an index holds of a row; nothing when the row lacks one of its keys.
fn entry(row: &Row, own: &[&str], included: Option<&[&str]>) -> Option<Row> {
    if own.iter().any(|key| attribute(row, key).is_none()) {
        return None;
    }
    let Some(included) = included else {
        return Some(row.clone());
    };
    let projected =
        |name: &str| KEYS.contains(&name) || own.contains(&name) || included.contains(&name);
    let attributes = row.iter().filter(|(name, _)| projected(name));
    Some(attributes.cloned().collect())
}

fn change(before: Option<&Row>, after: Option<&Row>, own: &[&str]) -> EntryChange {
    let (Some(before), Some(after)) = (before, after) else {
        return EntryChange::Identical;
    };
    let same = |name: &str| attribute(before, name) == attribute(after, name);
    if !own.iter().all(|key| same(key)) {
        EntryChange::KeyMoved
    } else if before.len() == after.len() && before.iter().all(|(name, _)| same(name)) {
        EntryChange::Identical
    } else {
        EntryChange::InPlace
    }
}

fn key_row(key: &Key) -> Row {
    vec![
        ("p".to_owned(), AttributeValue::S(key.0.clone())),
        ("s".to_owned(), AttributeValue::N(key.1.to_string())),
    ]
}

pub fn random_row(key: &Key, rng: &mut Rng) -> Row {
    let mut row = key_row(key);
    row.extend(random_attributes(rng));
    row
}

/// Some of the attributes that indexes are about, and up to two more of any type; at least
/// one.
pub fn random_attributes(rng: &mut Rng) -> Row {
    let mut row = Row::new();
    let mut add = |name: &str, value| row.push((name.to_owned(), value));
    if rng.random() {
        add(
            "g",
            AttributeValue::S(format!("g{}", rng.random_range(0..4))),
        );
    }
    if rng.random() {
        add("n", AttributeValue::N(rng.random_range(-3..3).to_string()));
    }
    if rng.random() {
        add("l", AttributeValue::B(vec![7; rng.random_range(1..40)]));
    }
    for name in ["a", "b"] {
        if rng.random() {
            add(name, random_value(rng, 0));
        }
    }
    add("c", random_value(rng, 0));
    row
}

fn random_value(rng: &mut Rng, depth: u32) -> AttributeValue {
    use AttributeValue as V;
    let some = |rng: &mut Rng| rng.random_range(1..4_usize);
    match rng.random_range(0..if depth < 3 { 10 } else { 6 }) {
        0 => {
            // Lengths about the limits of blocks are what matters.
            let blocks = rng.random_range(0..5) * 1024;
            V::S("x".repeat(blocks + rng.random_range(1..200)))
        }
        1 => V::N(number(rng)),
        2 => V::B(vec![1; rng.random_range(1..900)]),
        3 => V::Bool(rng.random()),
        4 => V::Null,
        5 => V::Ss((0..some(rng)).map(|n| format!("m{n}é")).collect()),
        6 => V::Ns((0..some(rng)).map(|n| format!("{n}5.5")).collect()),
        7 => {
            let count = some(rng);
            V::Bs((0..count).map(|n| vec![0; n + 1]).collect())
        }
        8 => {
            let count = some(rng);
            V::L((0..count).map(|_| random_value(rng, depth + 1)).collect())
        }
        _ => {
            let count = some(rng);
            let entry = |n| (format!("k{n}"), random_value(rng, depth + 1));
            V::M((0..count).map(entry).collect())
        }
    }
}

fn number(rng: &mut Rng) -> String {
    let length = rng.random_range(1..18);
    let digits: u64 = rng.random_range(0..10_u64.pow(length));
    let point = rng.random_range(-10..10);
    let sign = if rng.random() { "-" } else { "" };
    format!("{sign}{digits}e{point}")
}

pub fn key_json(key: &Key) -> Value {
    row_json(&key_row(key))
}

pub fn row_json(row: &Row) -> Value {
    let fields = row
        .iter()
        .map(|(name, value)| (name.clone(), value_json(value)));
    Value::Object(fields.collect())
}

pub fn value_json(value: &AttributeValue) -> Value {
    use AttributeValue as V;
    match value {
        V::S(text) => json!({"S": text}),
        V::N(number) => json!({"N": number}),
        V::B(bytes) => json!({"B": BASE64.encode(bytes)}),
        V::Bool(truth) => json!({"BOOL": truth}),
        V::Null => json!({"NULL": true}),
        V::L(list) => json!({"L": list.iter().map(value_json).collect::<Vec<_>>()}),
        V::M(map) => json!({"M": row_json(map)}),
        V::Ss(texts) => json!({"SS": texts}),
        V::Ns(numbers) => json!({"NS": numbers}),
        V::Bs(all) => {
            json!({"BS": all.iter().map(|bytes| BASE64.encode(bytes)).collect::<Vec<_>>()})
        }
    }
}
