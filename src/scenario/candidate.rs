//! Other keys that the items of a table could have, for `dyno compare`.

use serde::{Deserialize, Serialize};

use super::{Attribute, AttributeType, Table, ValueSpec};

/// Shards of one key, at most.
pub const SHARDS_MAX: u32 = 10_000;
/// Between the parts of a concatenated key, and before a suffix.
pub const JOINT: char = '#';

/// A suffix 1…N behind the partition key (write sharding).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A candidate that the scenario names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCandidate {
    /// Index into `Scenario::tables`.
    pub table: usize,
    /// The key.
    pub candidate: Candidate,
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
    /// A suffix of too few or too many shards.
    #[error(
        "`{text}` is no key: `{shards}` shards\n  help: write a number from 2 to {SHARDS_MAX} after the \
         slash, or random and such a number"
    )]
    Shards {
        /// What was written.
        text: String,
        /// After the slash.
        shards: String,
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
                let shards = shards.ok_or_else(|| CandidateError::Shards {
                    text: text.into(),
                    shards: suffix.trim().into(),
                })?;
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

    /// As [`parse`](Self::parse) reads it.
    #[must_use]
    pub fn notation(partition_key: &[String], suffix: Suffix, sort_key: Option<&str>) -> String {
        let parts = partition_key.join(&JOINT.to_string());
        let suffix = match suffix {
            Suffix::None => String::new(),
            Suffix::Calculated(shards) => format!("/{shards}"),
            Suffix::Random(shards) => format!("/random{shards}"),
        };
        let sort_key = sort_key.map_or_else(String::new, |sort| format!("+{sort}"));
        format!("{parts}{suffix}{sort_key}")
    }

    /// Every attribute that could be a partition key by itself; free text is no key.
    #[must_use]
    pub fn single(table: &Table) -> Vec<Self> {
        let is_prose =
            |value: &ValueSpec| matches!(value, ValueSpec::Text { .. } | ValueSpec::Bytes { .. });
        let sensible = table.attributes.iter().filter(|a| !is_prose(&a.value));
        let names = sensible.filter(|attribute| unsuitable(attribute).is_none());
        names
            .map(|attribute| Self {
                name: attribute.name.clone(),
                partition_key: vec![attribute.name.clone()],
                suffix: Suffix::None,
                sort_key: None,
            })
            .collect()
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
    match unsuitable(found) {
        None => Ok(()),
        Some(reason) => Err(CandidateError::Unsuitable {
            text: text.into(),
            attribute: attribute.into(),
            reason,
        }),
    }
}

/// Why an attribute cannot be part of a key; `None` if it can.
#[must_use]
pub fn unsuitable(attribute: &Attribute) -> Option<&'static str> {
    let is_key = matches!(
        attribute.kind,
        AttributeType::S | AttributeType::N | AttributeType::B
    );
    if !is_key {
        Some("only strings, numbers and binaries can be")
    } else if attribute.present.as_fraction() < 1.0 {
        Some("some items do not have it")
    } else {
        None
    }
}
