//! The same items and requests under another key: what `dyno compare` looks at, and what it
//! fires.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{
    Workload,
    item::{AttributeValue, Item},
};
use crate::{
    scenario::{
        Attribute, AttributeType, IndexScope, OperationKind, OperationSpec, Scenario, SortRange,
        Table, ValueSpec,
        candidate::{Candidate, JOINT, Suffix},
        data::Column,
    },
    units::Share,
};

/// Longest keys. [CONS]
const PARTITION_KEY_BYTES: usize = 2048;
const SORT_KEY_BYTES: usize = 1024;

impl Candidate {
    /// The partition key's value without its suffix: one attribute as it is, or several joined.
    #[must_use]
    pub fn base(&self, item: &Item) -> Vec<u8> {
        let values = self.partition_key.iter().map(|name| bytes_of(item, name));
        let joined: Vec<Vec<u8>> = values.collect();
        joined.join(&(JOINT as u8))
    }

    /// The shard, from 0, of item `number`, which `own_key` tells from the others.
    #[must_use]
    pub fn shard(&self, own_key: &[u8], number: u64) -> u32 {
        let reduced = |bits: u64, shards: u32| {
            u32::try_from((u128::from(bits) * u128::from(shards)) >> 64).unwrap_or(0)
        };
        match self.suffix {
            Suffix::None => 0,
            Suffix::Calculated(shards) => {
                let digest = Sha256::digest(own_key);
                let bits = digest
                    .iter()
                    .take(8)
                    .fold(0, |bits, byte| bits << 8 | u64::from(*byte));
                reduced(bits, shards)
            }
            Suffix::Random(shards) => reduced(crate::seed::mix(number), shards),
        }
    }

    /// The partition key with this value and shard.
    #[must_use]
    pub fn value(&self, mut base: Vec<u8>, shard: u32) -> Vec<u8> {
        if self.suffix != Suffix::None {
            base.extend_from_slice(format!("{JOINT}{}", shard + 1).as_bytes());
        }
        base
    }

    /// Whether a request asks all shards for what it reads: for all of a key's items always, for
    /// one item where nobody knows its shard.
    #[must_use]
    pub const fn fans_out(&self, kind: OperationKind) -> bool {
        match self.suffix {
            Suffix::None => false,
            Suffix::Calculated(_) => matches!(kind, OperationKind::Query),
            Suffix::Random(_) => true,
        }
    }

    /// Whether the partition key is an attribute as it is.
    const fn is_attribute(&self) -> bool {
        self.partition_key.len() == 1 && matches!(self.suffix, Suffix::None)
    }
}

/// The bytes of a key attribute's value; none where the item has no such value.
#[must_use]
pub fn bytes_of(item: &Item, name: &str) -> Vec<u8> {
    match item.iter().find(|(known, _)| known == name) {
        Some((_, AttributeValue::S(text) | AttributeValue::N(text))) => text.clone().into_bytes(),
        Some((_, AttributeValue::B(bytes))) => bytes.clone(),
        _ => Vec::new(),
    }
}

/// The bytes that tell an item of `table` from the others: its key in the scenario.
#[must_use]
pub fn own_key(table: &Table, item: &Item) -> Vec<u8> {
    let name = |attribute: usize| table.attributes[attribute].name.as_str();
    let sort = table.sort_key.map(name);
    let parts = [name(table.partition_key)].into_iter().chain(sort);
    let parts: Vec<_> = parts.map(|name| bytes_of(item, name)).collect();
    parts.join(&0)
}

/// Why a candidate cannot be fired as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfired {
    /// DynamoDB does not update keys.
    #[error("operation {operation} sets `{attribute}`, and DynamoDB updates no key")]
    SetsKey {
        /// The operation.
        operation: String,
        /// What it sets.
        attribute: String,
    },
    /// Sort keys of a kind that this key has not.
    #[error("query {operation} asks for a range of `{sort_key}`, which is not its sort key")]
    Range {
        /// The operation.
        operation: String,
        /// The scenario's sort key.
        sort_key: String,
    },
    /// The values of items that nobody wrote are not known.
    #[error(
        "operation {operation} asks for items that nobody has written and whose \
         key no attribute holds"
    )]
    Missing {
        /// The operation.
        operation: String,
    },
    /// The table and an index of it would be the same.
    #[error("the local index {index} has the same sort key")]
    LocalIndex {
        /// The index.
        index: String,
    },
    /// A value is too long, or empty.
    #[error("the {role} of an item has {bytes} bytes; DynamoDB takes 1 to {max}")]
    Length {
        /// Partition key or sort key.
        role: &'static str,
        /// How many there are.
        bytes: usize,
        /// How many there may be.
        max: usize,
    },
    /// More than a column holds.
    #[error("the keys of all items together are longer than 4 GiB")]
    TooMany,
}

/// How items that one key does not tell apart are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// They need not be.
    None,
    /// By this attribute.
    Attribute(String),
    /// By an attribute that holds the key that they have in the scenario.
    OwnKey,
}

/// The scenario of `workload` with the items of table `table` keyed as `candidate` and `sort_key`
/// say. Keys that no attribute holds are one more attribute of each of the items below `items`.
///
/// # Errors
/// When DynamoDB would refuse that, or the requests do not go with it.
pub fn keyed(
    workload: &Workload,
    table: usize,
    candidate: &Candidate,
    sort_key: &SortKey,
    items: u64,
) -> Result<Scenario, Unfired> {
    let mut scenario = Scenario::clone(workload.scenario());
    let original = &workload.scenario().tables[table];
    let position = |name: &String| original.attributes.iter().position(|a| a.name == *name);
    for spec in scenario.operations.iter().filter(|o| o.table == table) {
        check(spec, original, candidate, sort_key)?;
    }
    let mut made = Made {
        workload,
        table,
        items,
        attributes: original.attributes.clone(),
    };
    let partition = if candidate.is_attribute() {
        position(&candidate.partition_key[0]).ok_or(Unfired::TooMany)?
    } else {
        made.attribute("partition_key", |number, item| {
            let shard = candidate.shard(&own_key(original, item), number);
            candidate.value(candidate.base(item), shard)
        })?
    };
    let sort = match sort_key {
        SortKey::None => None,
        SortKey::Attribute(name) => position(name),
        SortKey::OwnKey => Some(made.attribute("sort_key", |_, item| own_key(original, item))?),
    };
    let keyed = &mut scenario.tables[table];
    keyed.attributes = made.attributes;
    keyed.partition_key = partition;
    keyed.sort_key = sort;
    for index in &mut keyed.indexes {
        if index.scope == IndexScope::Local {
            index.partition_key = partition;
            if index.sort_key == sort {
                let index = index.name.clone();
                return Err(Unfired::LocalIndex { index });
            }
        }
    }
    Ok(scenario)
}

/// What of an operation does not go with the new key.
fn check(
    spec: &OperationSpec,
    original: &Table,
    candidate: &Candidate,
    sort_key: &SortKey,
) -> Result<(), Unfired> {
    let operation = || spec.name.clone();
    let name = |attribute: usize| &original.attributes[attribute].name;
    let sort = match sort_key {
        SortKey::Attribute(sort) => Some(sort),
        SortKey::None | SortKey::OwnKey => None,
    };
    let keys: Vec<&String> = candidate.partition_key.iter().chain(sort).collect();
    let mut set = spec.set.iter().map(|attribute| name(*attribute));
    if let Some(attribute) = set.find(|attribute| keys.contains(attribute)) {
        return Err(Unfired::SetsKey {
            operation: operation(),
            attribute: attribute.clone(),
        });
    }
    let is_of_table = spec.kind == OperationKind::Query && spec.read.index.is_none();
    let before = original.sort_key.map(name);
    if is_of_table && spec.read.range != SortRange::All && before != sort {
        return Err(Unfired::Range {
            operation: operation(),
            sort_key: before.cloned().unwrap_or_default(),
        });
    }
    let is_made = !candidate.is_attribute() || *sort_key == SortKey::OwnKey;
    if is_made && !spec.missing.is_none() {
        return Err(Unfired::Missing {
            operation: operation(),
        });
    }
    Ok(())
}

/// Attributes that hold what items are keyed by.
struct Made<'a> {
    workload: &'a Workload,
    table: usize,
    items: u64,
    attributes: Vec<Attribute>,
}

impl Made<'_> {
    /// Adds one, and says where it is.
    fn attribute(
        &mut self,
        role: &'static str,
        value: impl Fn(u64, &Item) -> Vec<u8>,
    ) -> Result<usize, Unfired> {
        let mut name = role.to_owned();
        while self.attributes.iter().any(|known| known.name == name) {
            name.push('_');
        }
        let max = if role == "sort_key" {
            SORT_KEY_BYTES
        } else {
            PARTITION_KEY_BYTES
        };
        let mut values = Vec::new();
        for number in 0..self.items {
            let bytes = value(number, &self.workload.item(self.table, number));
            if !(1..=max).contains(&bytes.len()) {
                let bytes = bytes.len();
                return Err(Unfired::Length { role, bytes, max });
            }
            values.push(bytes);
        }
        let is_text = values
            .iter()
            .all(|bytes| std::str::from_utf8(bytes).is_ok());
        let kind = if is_text {
            AttributeType::S
        } else {
            AttributeType::B
        };
        let mut column = Column::new(&name, kind);
        for bytes in &values {
            if !column.push(bytes, bytes.len() as u64) {
                return Err(Unfired::TooMany);
            }
        }
        self.attributes.push(Attribute {
            name,
            kind,
            value: ValueSpec::Column(Arc::new(column)),
            present: Share::ALL,
        });
        Ok(self.attributes.len() - 1)
    }
}
