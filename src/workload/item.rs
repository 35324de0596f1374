//! Items and their exact size as DynamoDB counts it.
//!
//! Owns the size rules of names, values and containers; must not know what a size costs.

pub use crate::scenario::number::number_size;
use crate::{
    scenario::{NumberSizeRule, number::number_size_by},
    units::Bytes,
};

/// A DynamoDB attribute value.
#[derive(Clone, Debug, PartialEq)]
pub enum AttributeValue {
    /// String.
    S(String),
    /// Number, in DynamoDB's decimal notation.
    N(String),
    /// Binary.
    B(Vec<u8>),
    /// Boolean.
    Bool(bool),
    /// Null.
    Null,
    /// List.
    L(Vec<AttributeValue>),
    /// Map.
    M(Item),
    /// String set.
    Ss(Vec<String>),
    /// Number set.
    Ns(Vec<String>),
    /// Binary set.
    Bs(Vec<Vec<u8>>),
}

/// Attributes by name, in the order of the scenario; names are distinct.
pub type Item = Vec<(String, AttributeValue)>;

/// Overhead of a list or map, and of each element in it. `[SIZE]`, documented.
const CONTAINER_BYTES: u64 = 3;
const ELEMENT_BYTES: u64 = 1;

/// The size that capacity is charged on and the 409,600-byte limit applies to: UTF-8 names
/// plus values, `[SIZE]`. The 100 bytes of storage overhead are not part of it.
#[must_use]
pub fn size(item: &Item) -> Bytes {
    size_by(item, NumberSizeRule::Base100Aligned)
}

/// The same by another rule for numbers.
#[must_use]
pub fn size_by(item: &Item, rule: NumberSizeRule) -> Bytes {
    item.iter()
        .map(|(name, value)| Bytes(length(name.len()) + value_size_by(value, rule)))
        .sum()
}

/// Bytes of one value without its name, `[SIZE]`.
#[must_use]
pub fn value_size(value: &AttributeValue) -> u64 {
    value_size_by(value, NumberSizeRule::Base100Aligned)
}

fn value_size_by(value: &AttributeValue, rule: NumberSizeRule) -> u64 {
    let value_size = |value| value_size_by(value, rule);
    let number_size = |literal: &str| number_size_by(literal, rule);
    match value {
        AttributeValue::S(text) => length(text.len()),
        AttributeValue::N(literal) => number_size(literal),
        AttributeValue::B(bytes) => length(bytes.len()),
        AttributeValue::Bool(_) | AttributeValue::Null => 1,
        AttributeValue::L(elements) => list_size(elements.iter().map(value_size)),
        AttributeValue::M(entries) => {
            map_size(entries.iter().map(|(name, v)| (name.len(), value_size(v))))
        }
        AttributeValue::Ss(members) => members.iter().map(|m| length(m.len())).sum(),
        AttributeValue::Ns(members) => members.iter().map(|m| number_size(m)).sum(),
        AttributeValue::Bs(members) => members.iter().map(|m| length(m.len())).sum(),
    }
}

/// Bytes of a list of values of these sizes, `[SIZE]`.
#[must_use]
pub fn list_size(elements: impl Iterator<Item = u64>) -> u64 {
    CONTAINER_BYTES + elements.map(|size| ELEMENT_BYTES + size).sum::<u64>()
}

/// Bytes of a map with names and values of these sizes, `[SIZE]`.
#[must_use]
pub fn map_size(entries: impl Iterator<Item = (usize, u64)>) -> u64 {
    let inner = entries.map(|(name, value)| ELEMENT_BYTES + length(name) + value);
    CONTAINER_BYTES + inner.sum::<u64>()
}

/// `usize` has at most 64 bits on every platform that Rust knows.
const fn length(bytes: usize) -> u64 {
    bytes as u64
}
