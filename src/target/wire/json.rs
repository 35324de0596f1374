//! Requests as DynamoDB's JSON, written straight into a buffer.
//!
//! Owns what each operation of the data plane is called and holds; must not know how it is sent.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::value::RawValue;

use crate::{
    scenario::{Consistency, Presence},
    workload::{
        item::{AttributeValue, Item},
        request::{Page, QueryRequest, SortCondition, Write},
    },
};

macro_rules! target {
    ($operation:literal) => {
        concat!("DynamoDB_20120810.", $operation)
    };
}

/// What [`batch_get`] calls.
pub(super) const BATCH_GET: &str = target!("BatchGetItem");

/// An operation with its members, ready to be sent.
#[derive(Debug)]
pub(super) struct Call {
    /// `DynamoDB_20120810.GetItem`, as its header says.
    pub(super) target: &'static str,
    /// A JSON object.
    pub(super) body: Vec<u8>,
}

/// The members of an object, one after the other.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self {
            out,
            is_empty: true,
        }
    }

    /// Where the value of the member `name` is to be written.
    fn member(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        string(self.out, name);
        self.out.push(b':');
        self.out
    }

    fn string(&mut self, name: &str, value: &str) {
        string(self.member(name), value);
    }

    fn bool(&mut self, name: &str, value: bool) {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.member(name).extend_from_slice(text);
    }

    fn number(&mut self, name: &str, value: u32) {
        self.member(name)
            .extend_from_slice(value.to_string().as_bytes());
    }

    fn raw(&mut self, name: &str, value: &RawValue) {
        self.member(name).extend_from_slice(value.get().as_bytes());
    }

    fn item(&mut self, name: &str, value: &Item) {
        item(self.member(name), value);
    }

    /// The member `name`, an object that `members` fill.
    fn object(&mut self, name: &str, members: impl FnOnce(&mut Object<'_>)) {
        object(self.member(name), members);
    }

    /// The member `name`, an array in which `write` writes each of `all`.
    fn array<T>(
        &mut self,
        name: &str,
        all: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Vec<u8>, T),
    ) {
        array(self.member(name), all, write);
    }
}

fn object(out: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
    let mut object = Object::new(out);
    members(&mut object);
    out.push(b'}');
}

fn array<T>(
    out: &mut Vec<u8>,
    all: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (number, one) in all.into_iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write(out, one);
    }
    out.push(b']');
}

fn string(out: &mut Vec<u8>, text: &str) {
    // Looked at whole, not up to the first that does: that is many bytes at a time.
    let is_escaped = |byte| matches!(byte, ..b' ' | b'"' | b'\\');
    if !text.bytes().fold(false, |any, byte| any | is_escaped(byte)) {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    serde_json::to_writer(out, text).expect("a buffer takes everything");
}

fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    string(out, &STANDARD.encode(bytes));
}

fn item(out: &mut Vec<u8>, item: &Item) {
    object(out, |object| {
        for (name, attribute) in item {
            value(object.member(name), attribute);
        }
    });
}

fn value(out: &mut Vec<u8>, attribute: &AttributeValue) {
    object(out, |object| match attribute {
        AttributeValue::S(text) => object.string("S", text),
        AttributeValue::N(number) => object.string("N", number),
        AttributeValue::B(bytes) => binary(object.member("B"), bytes),
        AttributeValue::Bool(truth) => object.bool("BOOL", *truth),
        AttributeValue::Null => object.bool("NULL", true),
        AttributeValue::L(list) => object.array("L", list, value),
        AttributeValue::M(map) => object.item("M", map),
        AttributeValue::Ss(texts) => object.array("SS", texts, |out, text| string(out, text)),
        AttributeValue::Ns(all) => object.array("NS", all, |out, number| string(out, number)),
        AttributeValue::Bs(all) => object.array("BS", all, |out, bytes| binary(out, bytes)),
    });
}

/// The operation `target`, with its units reported, and the members that `members` adds.
fn call(target: &'static str, members: impl FnOnce(&mut Object<'_>)) -> Call {
    call_of(target, 0, members)
}

/// The same with room for texts of so many bytes.
fn call_of(target: &'static str, texts: usize, members: impl FnOnce(&mut Object<'_>)) -> Call {
    let mut body = Vec::with_capacity(512 + texts);
    object(&mut body, |object| {
        members(object);
        object.string("ReturnConsumedCapacity", "INDEXES");
    });
    Call { target, body }
}

pub(super) fn get(table: &str, key: &Item, consistency: Consistency) -> Call {
    call(target!("GetItem"), |object| {
        object.string("TableName", table);
        object.item("Key", key);
        object.bool("ConsistentRead", consistency == Consistency::Strong);
    })
}

/// What a write depends on, and the attribute that it is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition<'a> {
    pub(super) presence: Presence,
    pub(super) attribute: &'a str,
}

pub(super) fn write(
    table: &str,
    write: &Write,
    condition: Option<Condition<'_>>,
    return_values: bool,
) -> Call {
    let target = match write {
        Write::Put { .. } => target!("PutItem"),
        Write::Update { .. } => target!("UpdateItem"),
        Write::Delete { .. } => target!("DeleteItem"),
        Write::Check { .. } => unreachable!("checks are members of transactions"),
    };
    let members = |object: &mut Object<'_>| {
        written(object, table, write, condition);
        if return_values {
            object.string("ReturnValues", "ALL_OLD");
        }
    };
    let (Write::Put { item } | Write::Update { set: item, .. }) = write else {
        return call(target, members);
    };
    let long = item.iter().map(|(_, value)| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.len() / 3 * 4,
        _ => 0,
    });
    call_of(target, long.sum(), members)
}

/// The members of a write, alone or in a transaction.
fn written(object: &mut Object<'_>, table: &str, write: &Write, condition: Option<Condition<'_>>) {
    object.string("TableName", table);
    let none = Item::new();
    let set = match write {
        Write::Put { item } => {
            object.item("Item", item);
            &none
        }
        Write::Update { key, set } => {
            object.item("Key", key);
            set
        }
        Write::Delete { key } | Write::Check { key } => {
            object.item("Key", key);
            &none
        }
    };
    if let Some(condition) = condition {
        let function = match condition.presence {
            Presence::Exists => "attribute_exists(#p)",
            Presence::Absent => "attribute_not_exists(#p)",
        };
        object.string("ConditionExpression", function);
    }
    if condition.is_some() || !set.is_empty() {
        object.object("ExpressionAttributeNames", |names| {
            if let Some(condition) = condition {
                names.string("#p", condition.attribute);
            }
            for (number, (name, _)) in set.iter().enumerate() {
                names.string(&format!("#a{number}"), name);
            }
        });
    }
    // An update that sets nothing is legal, and creates the item.
    if !set.is_empty() {
        object.object("ExpressionAttributeValues", |values| {
            for (number, (_, set)) in set.iter().enumerate() {
                value(values.member(&format!(":v{number}")), set);
            }
        });
        object.string("UpdateExpression", &set_expression(set.len()));
    }
}

/// `SET #a0 = :v0, …`.
fn set_expression(attributes: usize) -> String {
    let mut expression = String::from("SET ");
    for number in 0..attributes {
        let comma = if number > 0 { ", " } else { "" };
        let _ = write!(expression, "{comma}#a{number} = :v{number}");
    }
    expression
}

pub(super) fn query(table: &str, query: &QueryRequest, start: Option<&RawValue>) -> Call {
    call(target!("Query"), |object| {
        page(object, table, &query.page, start);
        object.bool("ScanIndexForward", !query.descending);
        let (key_name, key) = &query.partition_key;
        let range = query.range.as_ref().map(|(name, condition)| {
            let (text, bounds) = match condition {
                SortCondition::Equal(value) => ("#s = :s", [Some(value), None]),
                SortCondition::From(value) => ("#s >= :s", [Some(value), None]),
                SortCondition::To(value) => ("#s <= :s", [Some(value), None]),
                SortCondition::Between(low, high) => {
                    ("#s BETWEEN :s AND :t", [Some(low), Some(high)])
                }
                SortCondition::BeginsWith(value) => ("begins_with(#s, :s)", [Some(value), None]),
            };
            (name, text, bounds)
        });
        let condition = match range {
            Some((_, text, _)) => format!("#p = :p AND {text}"),
            None => "#p = :p".to_owned(),
        };
        object.string("KeyConditionExpression", &condition);
        object.object("ExpressionAttributeNames", |names| {
            names.string("#p", key_name);
            if let Some((name, ..)) = range {
                names.string("#s", name);
            }
            if let Some(attribute) = &query.page.filter {
                names.string("#f", attribute);
            }
        });
        object.object("ExpressionAttributeValues", |values| {
            value(values.member(":p"), key);
            let bounds = range.map(|(.., bounds)| bounds).unwrap_or_default();
            for (name, bound) in [":s", ":t"].into_iter().zip(bounds) {
                if let Some(bound) = bound {
                    value(values.member(name), bound);
                }
            }
        });
    })
}

pub(super) fn scan(
    table: &str,
    (segment, segments): (u32, u32),
    of: &Page,
    start: Option<&RawValue>,
) -> Call {
    call(target!("Scan"), |object| {
        page(object, table, of, start);
        if segments > 1 {
            object.number("Segment", segment);
            object.number("TotalSegments", segments);
        }
        if let Some(attribute) = &of.filter {
            object.object("ExpressionAttributeNames", |names| {
                names.string("#f", attribute);
            });
        }
    })
}

/// What query and scan have in common, but for the names.
fn page(object: &mut Object<'_>, table: &str, page: &Page, start: Option<&RawValue>) {
    object.string("TableName", table);
    if let Some(index) = &page.index {
        object.string("IndexName", index);
    }
    if let Some(limit) = page.limit {
        object.number("Limit", limit);
    }
    if let Some(start) = start {
        object.raw("ExclusiveStartKey", start);
    }
    // A global index refuses the very mention of strong reads.
    if page.consistency == Consistency::Strong {
        object.bool("ConsistentRead", true);
    }
    if page.filter.is_some() {
        object.string("FilterExpression", "attribute_exists(#f)");
    }
}

/// A batch of what was left of another.
pub(super) fn batch_again(target: &'static str, table: &str, left: &RawValue) -> Call {
    call(target, |object| {
        object.object("RequestItems", |tables| tables.raw(table, left));
    })
}

pub(super) fn batch_get(table: &str, keys: &[Item], consistency: Consistency) -> Call {
    call(BATCH_GET, |object| {
        object.object("RequestItems", |tables| {
            tables.object(table, |wanted| {
                wanted.array("Keys", keys, item);
                wanted.bool("ConsistentRead", consistency == Consistency::Strong);
            });
        });
    })
}

pub(super) fn batch_write(table: &str, writes: &[Write]) -> Call {
    call(target!("BatchWriteItem"), |object| {
        object.object("RequestItems", |tables| {
            tables.array(table, writes, |out, write| {
                self::object(out, |request| match write {
                    Write::Put { item } => {
                        request.object("PutRequest", |put| put.item("Item", item));
                    }
                    Write::Delete { key } => {
                        request.object("DeleteRequest", |delete| delete.item("Key", key));
                    }
                    Write::Update { .. } | Write::Check { .. } => {
                        unreachable!("a batch puts and deletes")
                    }
                });
            });
        });
    })
}

pub(super) fn transact_get(table: &str, keys: &[Item]) -> Call {
    call(target!("TransactGetItems"), |object| {
        object.array("TransactItems", keys, |out, key| {
            self::object(out, |member| {
                member.object("Get", |get| {
                    get.string("TableName", table);
                    get.item("Key", key);
                });
            });
        });
    })
}

/// `token` makes the transaction idempotent: it is its own for each attempt.
pub(super) fn transact_write(
    table: &str,
    partition_key: &str,
    writes: &[Write],
    token: &str,
) -> Call {
    call(target!("TransactWriteItems"), |object| {
        object.string("ClientRequestToken", token);
        object.array("TransactItems", writes, |out, write| {
            self::object(out, |member| {
                let (name, condition) = match write {
                    Write::Put { .. } => ("Put", None),
                    Write::Update { .. } => ("Update", None),
                    Write::Delete { .. } => ("Delete", None),
                    Write::Check { .. } => {
                        let exists = Condition {
                            presence: Presence::Exists,
                            attribute: partition_key,
                        };
                        ("ConditionCheck", Some(exists))
                    }
                };
                member.object(name, |object| written(object, table, write, condition));
            });
        });
    })
}

/// `consistency` is that of a `SELECT`.
pub(super) fn statement(
    text: &str,
    parameters: &[AttributeValue],
    consistency: Option<Consistency>,
) -> Call {
    call(target!("ExecuteStatement"), |object| {
        object.string("Statement", text);
        object.array("Parameters", parameters, value);
        if let Some(consistency) = consistency {
            object.bool("ConsistentRead", consistency == Consistency::Strong);
        }
    })
}
