//! A way to key the items of a table, and where it puts each of them.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    capacity::partition::KeyHash,
    scenario::{AttributeType, Table, ValueSpec},
    workload::item::{AttributeValue, Item},
};

/// Shards of one key, at most.
pub const SHARDS_MAX: u32 = 10_000;
/// Between the parts of a concatenated key.
const JOINT: char = '#';

/// A suffix 1…N behind the partition key (write sharding).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "shards")]
pub enum Suffix {
    /// None.
    None,
    /// A hash of the item's own key, modulo N: who knows the item knows its shard.
    Calculated(u32),
    /// Drawn at every write: a reader has to ask all N.
    Random(u32),
}

impl Suffix {
    /// How many shards, at least 1.
    #[must_use]
    pub const fn shards(self) -> u32 {
        match self {
            Self::None => 1,
            Self::Calculated(shards) | Self::Random(shards) => shards,
        }
    }
}

/// A primary key that the items could have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// As reports call it.
    pub name: String,
    /// Attributes whose values, joined, are the partition key; at least one.
    pub partition_key: Vec<String>,
    /// What is written behind them.
    pub suffix: Suffix,
    /// The sort key, if any.
    pub sort_key: Option<String>,
}

/// Why a candidate is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CandidateError {
    /// Not written as one.
    #[error(
        "`{text}` is no key\n  help: write attribute, attribute+sort_key, one#other, \
         attribute/8 (calculated suffix 1…8) or attribute/random8"
    )]
    Form {
        /// What was written.
        text: String,
    },
    /// Not an attribute of the table.
    #[error("`{text}`: table {table} has no attribute `{attribute}`\n  help: it has {known}")]
    Unknown {
        /// What was written.
        text: String,
        /// The table.
        table: String,
        /// The name that is not known.
        attribute: String,
        /// Those that are.
        known: String,
    },
    /// A type that cannot be a key, or an attribute that some items lack.
    #[error("`{text}`: `{attribute}` cannot be a key: {reason}")]
    Unsuitable {
        /// What was written.
        text: String,
        /// The attribute.
        attribute: String,
        /// Why not.
        reason: &'static str,
    },
}

impl Candidate {
    /// Reads `a`, `a+sort`, `a#b`, `a/8`, `a/random8` and `a#b/8+sort`.
    ///
    /// # Errors
    /// When it is written otherwise, or an attribute cannot be a key of `table`.
    pub fn parse(text: &str, table: &Table) -> Result<Self, CandidateError> {
        let form = || CandidateError::Form { text: text.into() };
        let (rest, sort_key) = match text.split_once('+') {
            Some((rest, sort)) => (rest, Some(sort.trim().to_owned())),
            None => (text, None),
        };
        let (parts, suffix) = match rest.split_once('/') {
            None => (rest, Suffix::None),
            Some((parts, suffix)) => {
                let (random, digits) = match suffix.trim().strip_prefix("random") {
                    Some(digits) => (true, digits),
                    None => (false, suffix.trim()),
                };
                let shards = digits.parse().ok().filter(|n| (2..=SHARDS_MAX).contains(n));
                let shards = shards.ok_or_else(form)?;
                let suffix = if random {
                    Suffix::Random(shards)
                } else {
                    Suffix::Calculated(shards)
                };
                (parts, suffix)
            }
        };
        let partition_key: Vec<String> = parts.split(JOINT).map(|p| p.trim().to_owned()).collect();
        let named = partition_key.iter().chain(&sort_key);
        if named.clone().any(String::is_empty) {
            return Err(form());
        }
        for attribute in named {
            check(text, attribute, table)?;
        }
        Ok(Self {
            name: text.trim().to_owned(),
            partition_key,
            suffix,
            sort_key,
        })
    }

    /// Every attribute that could be a partition key by itself; free text is no key.
    #[must_use]
    pub fn single(table: &Table) -> Vec<Self> {
        let is_prose =
            |value: &ValueSpec| matches!(value, ValueSpec::Text { .. } | ValueSpec::Bytes { .. });
        let sensible = table.attributes.iter().filter(|a| !is_prose(&a.value));
        let names = sensible.map(|attribute| &attribute.name);
        names
            .filter_map(|name| Self::parse(name, table).ok())
            .collect()
    }

    /// The partition key's value without its suffix: one attribute as it is, or several joined.
    #[must_use]
    pub fn base(&self, item: &Item) -> Vec<u8> {
        let values = self.partition_key.iter().map(|name| bytes_of(item, name));
        let joined: Vec<Vec<u8>> = values.collect();
        joined.join(&(JOINT as u8))
    }

    /// The shard, from 0, of the item that `own_key` tells from the others; `draw` for random
    /// suffixes.
    #[must_use]
    pub fn shard(&self, own_key: &[u8], draw: u64) -> u32 {
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
            Suffix::Random(shards) => reduced(draw, shards),
        }
    }

    /// Where the partition key with this value and shard lies.
    #[must_use]
    pub fn place(&self, base: &[u8], shard: u32) -> KeyHash {
        if self.suffix == Suffix::None {
            return KeyHash::of(b'S', base);
        }
        let suffixed = [base, format!("{JOINT}{}", shard + 1).as_bytes()].concat();
        KeyHash::of(b'S', &suffixed)
    }
}

fn check(text: &str, attribute: &str, table: &Table) -> Result<(), CandidateError> {
    let Some(found) = table.attributes.iter().find(|a| a.name == attribute) else {
        let known: Vec<&str> = table.attributes.iter().map(|a| a.name.as_str()).collect();
        return Err(CandidateError::Unknown {
            text: text.into(),
            table: table.name.clone(),
            attribute: attribute.into(),
            known: known.join(", "),
        });
    };
    let reason = if !matches!(
        found.kind,
        AttributeType::S | AttributeType::N | AttributeType::B
    ) {
        "only strings, numbers and binaries can be"
    } else if found.present.as_fraction() < 1.0 {
        "some items do not have it"
    } else {
        return Ok(());
    };
    Err(CandidateError::Unsuitable {
        text: text.into(),
        attribute: attribute.into(),
        reason,
    })
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
