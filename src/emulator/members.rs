//! What a request asks of which table: its members, each with the key that places it.
//!
//! Owns the reading of requests as far as capacity needs it. Must not know buckets, and judges
//! nothing: what it cannot read has no members, and the store refuses it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    catalog::{Catalog, IndexInfo, TableInfo, table_name},
    store,
};
use crate::{capacity::partition::KeyHash, units::Direction};

/// What a member does with its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Reads one item.
    Get,
    /// Reads a range: a query, a scan or a statement.
    Range,
    /// Writes the item it carries.
    Put,
    /// Changes an item, in a way known only afterwards.
    Update,
    /// Removes an item.
    Delete,
    /// Checks an item inside a transaction, which is charged as a write.
    Check,
    /// Writes by a statement.
    Statement,
}

/// One read or write of one table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Member<'request> {
    /// The table's name, never its ARN.
    pub(super) table: &'request str,
    /// The global secondary index that is read, if one is.
    pub(super) index: Option<&'request str>,
    pub(super) action: Action,
    /// The item that a put carries, or the key of the one item that is worked on.
    pub(super) attributes: Option<&'request Value>,
    /// The place of the partition key's value; `None` when the member spans partitions.
    pub(super) partition_key: Option<KeyHash>,
    /// Whether a read is strongly consistent.
    pub(super) consistent: bool,
    /// In a batch: the table as the request names it, and the place in that table's list.
    pub(super) batch_position: Option<(&'request str, usize)>,
}

impl<'request> Member<'request> {
    /// The item that a put carries.
    pub(super) fn carried(&self) -> Option<&'request Value> {
        self.attributes.filter(|_| self.action == Action::Put)
    }

    /// Which capacity it takes.
    pub(super) const fn direction(&self) -> Direction {
        match self.action {
            Action::Get | Action::Range => Direction::Read,
            Action::Put | Action::Update | Action::Delete | Action::Check | Action::Statement => {
                Direction::Write
            }
        }
    }
}

impl Member<'_> {
    /// The place in a global index of the item that is put; `None` when it is not in it, or is
    /// not known.
    pub(super) fn index_key(&self, index: &IndexInfo) -> Option<KeyHash> {
        index.keys.place(self.carried()?)
    }
}

/// The members of a request in its order. Tables that do not exist have none.
pub(super) fn members<'request>(
    operation: &str,
    request: &'request Value,
    catalog: &Catalog,
) -> Vec<Member<'request>> {
    let action = |action, fields| item_member(action, fields, catalog);
    match operation {
        "GetItem" => action(Action::Get, request).into_iter().collect(),
        "PutItem" => action(Action::Put, request).into_iter().collect(),
        "UpdateItem" => action(Action::Update, request).into_iter().collect(),
        "DeleteItem" => action(Action::Delete, request).into_iter().collect(),
        "Query" | "Scan" => range_member(request, catalog).into_iter().collect(),
        "BatchGetItem" => batch(request)
            .flat_map(|(table, asked)| {
                let consistent = consistent(asked);
                elements(asked.get("Keys"))
                    .enumerate()
                    .filter_map(move |(number, key)| {
                        let info = catalog.table(table)?;
                        let mut member = keyed(Action::Get, table, info, key)?;
                        member.consistent = consistent;
                        member.batch_position = Some((table, number));
                        Some(member)
                    })
            })
            .collect(),
        "BatchWriteItem" => batch(request)
            .flat_map(|(table, asked)| {
                elements(Some(asked))
                    .enumerate()
                    .filter_map(move |(number, write)| {
                        let mut member = batch_write_member(table, write, catalog)?;
                        member.batch_position = Some((table, number));
                        Some(member)
                    })
            })
            .collect(),
        "TransactGetItems" | "TransactWriteItems" => elements(request.get("TransactItems"))
            .filter_map(|item| transaction_member(item, catalog))
            .collect(),
        "ExecuteStatement" => statement_member(request, catalog).into_iter().collect(),
        "BatchExecuteStatement" => statements(request.get("Statements"), catalog),
        "ExecuteTransaction" => statements(request.get("TransactStatements"), catalog),
        _ => Vec::new(),
    }
}

fn statements<'request>(list: Option<&'request Value>, catalog: &Catalog) -> Vec<Member<'request>> {
    elements(list)
        .filter_map(|statement| statement_member(statement, catalog))
        .collect()
}

fn elements(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

fn batch(request: &Value) -> impl Iterator<Item = (&String, &Value)> {
    request
        .get("RequestItems")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::iter)
}

fn consistent(fields: &Value) -> bool {
    fields.get("ConsistentRead").and_then(Value::as_bool) == Some(true)
}

/// The only field of an object, as `{"PutRequest": …}`.
fn only_field(object: &Value) -> Option<(&String, &Value)> {
    let mut fields = object.as_object()?.iter();
    let first = fields.next()?;
    fields.next().is_none().then_some(first)
}

fn item_member<'request>(
    action: Action,
    fields: &'request Value,
    catalog: &Catalog,
) -> Option<Member<'request>> {
    let table = fields.get("TableName")?.as_str()?;
    let info = catalog.table(table)?;
    let attributes = match action {
        Action::Put => fields.get("Item")?,
        _ => fields.get("Key")?,
    };
    let mut member = keyed(action, table, info, attributes)?;
    member.consistent = consistent(fields);
    Some(member)
}

fn keyed<'request>(
    action: Action,
    table: &'request str,
    info: &TableInfo,
    attributes: &'request Value,
) -> Option<Member<'request>> {
    let partition_key = info.keys.place(attributes)?;
    Some(Member {
        table: table_name(table),
        index: None,
        action,
        attributes: Some(attributes),
        partition_key: Some(partition_key),
        consistent: false,
        batch_position: None,
    })
}

fn batch_write_member<'request>(
    table: &'request str,
    write: &'request Value,
    catalog: &Catalog,
) -> Option<Member<'request>> {
    let info = catalog.table(table)?;
    let (kind, fields) = only_field(write)?;
    match kind.as_str() {
        "PutRequest" => keyed(Action::Put, table, info, fields.get("Item")?),
        "DeleteRequest" => keyed(Action::Delete, table, info, fields.get("Key")?),
        _ => None,
    }
}

fn transaction_member<'request>(
    item: &'request Value,
    catalog: &Catalog,
) -> Option<Member<'request>> {
    let (kind, fields) = only_field(item)?;
    let action = match kind.as_str() {
        "Get" => Action::Get,
        "Put" => Action::Put,
        "Update" => Action::Update,
        "Delete" => Action::Delete,
        "ConditionCheck" => Action::Check,
        _ => return None,
    };
    item_member(action, fields, catalog)
}

fn range_member<'request>(request: &'request Value, catalog: &Catalog) -> Option<Member<'request>> {
    let table = request.get("TableName")?.as_str()?;
    let info = catalog.table(table)?;
    let index = request.get("IndexName").and_then(Value::as_str);
    // A local index lives on the table's capacity and shares its partition key.
    let global = index.and_then(|name| Some((name, info.indexes.get(name)?)));
    let keys = global.map_or(&info.keys, |(_, index)| &index.keys);
    let partition_key_name = &keys.partition_key;
    let start = || request.get("ExclusiveStartKey")?.get(partition_key_name);
    let value = queried_value(request, partition_key_name).or_else(start);
    Some(Member {
        table: table_name(table),
        index: global.map(|(name, _)| name),
        action: Action::Range,
        attributes: None,
        partition_key: value.and_then(|value| store::place(value, None)),
        consistent: consistent(request),
        batch_position: None,
    })
}

/// The value that a query demands of the attribute `name`.
fn queried_value<'request>(request: &'request Value, name: &str) -> Option<&'request Value> {
    if let Some(legacy) = request.get("KeyConditions") {
        return legacy.get(name)?.get("AttributeValueList")?.get(0);
    }
    let condition = request.get("KeyConditionExpression")?.as_str()?;
    let names = request.get("ExpressionAttributeNames");
    let values = request.get("ExpressionAttributeValues")?;
    let is_key = |token: &str| {
        token == name
            || names
                .and_then(|names| names.get(token)?.as_str())
                .is_some_and(|meant| meant == name)
    };
    let spaced = condition.replace('=', " = ").replace(['(', ')'], " ");
    let tokens: Vec<_> = spaced.split_whitespace().collect();
    tokens
        .windows(3)
        .find(|three| is_key(three[0]) && three[1] == "=")
        .and_then(|three| values.get(three[2]))
}

/// What a statement is about: `"Table"."index"`, or without the quotes.
fn statement_path(statement: &str) -> Option<impl Iterator<Item = &str>> {
    let mut words = statement.split_whitespace();
    let before_table = ["FROM", "INTO", "UPDATE"];
    words.find(|word| {
        let mut keywords = before_table.iter();
        keywords.any(|keyword| word.eq_ignore_ascii_case(keyword))
    })?;
    let path = words.next()?.split('.');
    Some(path.map(|part| part.trim_matches('"')))
}

/// The tables that a request names, by name or resource name.
pub(super) fn named_tables(request: &Value) -> BTreeSet<&str> {
    let direct = request.get("TableName").and_then(Value::as_str);
    let of_batch = batch(request).map(|(table, _)| table.as_str());
    let actions = elements(request.get("TransactItems")).filter_map(only_field);
    let of_transaction = actions.filter_map(|(_, action)| action.get("TableName")?.as_str());
    let lists = ["Statements", "TransactStatements"];
    let statements = lists.iter().flat_map(|list| elements(request.get(list)));
    let statements = std::iter::once(request).chain(statements);
    let of_statements = statements.filter_map(|fields| {
        let statement = fields.get("Statement")?.as_str()?;
        statement_path(statement)?.next()
    });
    direct
        .into_iter()
        .chain(of_batch)
        .chain(of_transaction)
        .chain(of_statements)
        .collect()
}

/// Statements are placed by no key: theirs is spread over expressions and parameters.
fn statement_member<'request>(
    fields: &'request Value,
    catalog: &Catalog,
) -> Option<Member<'request>> {
    let statement = fields.get("Statement")?.as_str()?;
    let read = statement
        .split_whitespace()
        .next()?
        .eq_ignore_ascii_case("SELECT");
    let mut path = statement_path(statement)?;
    let table = path.next()?;
    let info = catalog.table(table)?;
    Some(Member {
        table,
        index: path
            .next()
            .filter(|index| info.indexes.contains_key(*index)),
        action: if read {
            Action::Range
        } else {
            Action::Statement
        },
        attributes: None,
        partition_key: None,
        consistent: consistent(fields),
        batch_position: None,
    })
}
