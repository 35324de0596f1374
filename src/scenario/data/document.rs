//! JSON values as data files hold them: numbers verbatim, depth bounded.
//!
//! Knows JSON and DynamoDB's size rules; must not know files or columns.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::value::RawValue;

use super::super::{number, value::AttributeType};

/// DynamoDB's limit for lists and maps within each other.
const DEPTH_MAX: usize = 32;
/// [SIZE]: overhead of a list or map, and of each element in it.
const CONTAINER: u64 = 3;
const ELEMENT: u64 = 1;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that DynamoDB takes, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Document>),
    /// An object, by name.
    Map(BTreeMap<String, Document>),
}

impl Document {
    /// Reads `json`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(json: &str) -> Result<Self, String> {
        let raw: &RawValue = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Self::of(raw, 0)
    }

    fn of(raw: &RawValue, depth: usize) -> Result<Self, String> {
        let json = raw.get();
        let told = |error: serde_json::Error| error.to_string();
        if depth > DEPTH_MAX {
            return Err(format!("it is nested deeper than {DEPTH_MAX} levels"));
        }
        Ok(match json.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Bool(json == "true"),
            Some(b'"') => Self::Text(serde_json::from_str(json).map_err(told)?),
            Some(b'[') => {
                let inner: Vec<&RawValue> = serde_json::from_str(json).map_err(told)?;
                let inner = inner.into_iter().map(|raw| Self::of(raw, depth + 1));
                Self::List(inner.collect::<Result<_, _>>()?)
            }
            Some(b'{') => {
                let inner: BTreeMap<String, &RawValue> =
                    serde_json::from_str(json).map_err(told)?;
                let inner = inner
                    .into_iter()
                    .map(|(name, raw)| Ok((name, Self::of(raw, depth + 1)?)));
                Self::Map(inner.collect::<Result<_, String>>()?)
            }
            _ if number::is_number(json) => Self::Number(json.to_owned()),
            _ => return Err(format!("DynamoDB has no number {json}")),
        })
    }

    /// Bytes of the value as DynamoDB counts them.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Null | Self::Bool(_) => 1,
            Self::Number(literal) => number::number_size(literal),
            Self::Text(text) => text.len() as u64,
            Self::List(inner) => CONTAINER + inner.iter().map(|v| ELEMENT + v.size()).sum::<u64>(),
            Self::Map(inner) => {
                let entries = inner.iter();
                CONTAINER
                    + entries
                        .map(|(name, v)| ELEMENT + name.len() as u64 + v.size())
                        .sum::<u64>()
            }
        }
    }

    /// Members of a set of `kind`: texts, literals, or bytes from base64; distinct, at least
    /// one.
    ///
    /// # Errors
    /// Why this is no such set.
    pub fn members(&self, kind: AttributeType) -> Result<Vec<Vec<u8>>, String> {
        let Self::List(inner) = self else {
            return Err("is not a list".to_owned());
        };
        let mut members = inner
            .iter()
            .map(|value| value.member(kind))
            .collect::<Result<Vec<_>, _>>()?;
        let count = members.len();
        members.sort_unstable();
        members.dedup();
        match count {
            0 => Err("is an empty set, which DynamoDB does not have".to_owned()),
            count if count > members.len() => Err("has a member twice".to_owned()),
            _ => Ok(members),
        }
    }

    fn member(&self, kind: AttributeType) -> Result<Vec<u8>, String> {
        match (kind, self) {
            (AttributeType::Ss, Self::Text(text)) => Ok(text.clone().into_bytes()),
            (AttributeType::Ns, Self::Number(literal)) => Ok(literal.clone().into_bytes()),
            (AttributeType::Bs, Self::Text(text)) => {
                BASE64_STANDARD.decode(text).map_err(|_| no_base64())
            }
            _ => Err(format!("has a member that does not fit {}", kind.name())),
        }
    }
}

/// What is told of a text that should be binary.
#[must_use]
pub fn no_base64() -> String {
    "is not base64".to_owned()
}
