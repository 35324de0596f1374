//! What DynamoDB answers, as far as it is needed: units, what was left, where the next page
//! begins, and exceptions.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{
        IgnoredAny, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::value::RawValue;

use super::http::Whole;
use crate::target::{
    Answer,
    consumed::{Consumed, Units},
    exception, lost,
};

/// The members of a successful answer that anybody looks at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Answered<'a> {
    #[serde(borrow)]
    consumed_capacity: Option<OneOrMany<'a>>,
    #[serde(borrow)]
    pub(super) last_evaluated_key: Option<&'a RawValue>,
    #[serde(borrow)]
    unprocessed_keys: Option<BTreeMap<Cow<'a, str>, &'a RawValue>>,
    #[serde(borrow)]
    unprocessed_items: Option<BTreeMap<Cow<'a, str>, &'a RawValue>>,
}

/// Of one table, or of each that a batch or transaction is about.
#[derive(Debug)]
enum OneOrMany<'a> {
    One(Capacity<'a>),
    Many(Vec<Capacity<'a>>),
}

/// By what it begins with: serde's own way would read it twice.
impl<'de: 'a, 'a> Deserialize<'de> for OneOrMany<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Begins;
        impl<'de> Visitor<'de> for Begins {
            type Value = OneOrMany<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or a list")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Capacity::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(OneOrMany::Many)
            }
        }
        deserializer.deserialize_any(Begins)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Capacity<'a> {
    #[serde(rename = "CapacityUnits")]
    all_units: Option<f64>,
    #[serde(rename = "ReadCapacityUnits")]
    read_units: Option<f64>,
    #[serde(rename = "WriteCapacityUnits")]
    write_units: Option<f64>,
    #[serde(borrow)]
    global_secondary_indexes: Option<BTreeMap<Cow<'a, str>, Capacity<'a>>>,
}

impl Capacity<'_> {
    const fn units(&self) -> Units {
        Units {
            all: self.all_units,
            read: self.read_units,
            write: self.write_units,
        }
    }
}

impl Answered<'_> {
    /// What was consumed, table by table.
    pub(super) fn consumed(&self) -> impl Iterator<Item = Consumed<'_>> {
        let all: &[Capacity<'_>] = match &self.consumed_capacity {
            None => &[],
            Some(OneOrMany::One(one)) => std::slice::from_ref(one),
            Some(OneOrMany::Many(all)) => all,
        };
        all.iter().map(|one| Consumed {
            total: one.units(),
            global_indexes: (one.global_secondary_indexes.iter().flatten())
                .map(|(name, index)| (&**name, index.units()))
                .collect(),
        })
    }

    /// Keys of a batch that were not read, with how many they are, to be asked for again.
    pub(super) fn unread(&self, table: &str) -> Option<(u64, &RawValue)> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Wanted {
            keys: Vec<IgnoredAny>,
        }
        let left = *self.unprocessed_keys.as_ref()?.get(table)?;
        let keys = serde_json::from_str::<Wanted>(left.get()).ok()?.keys.len();
        (keys > 0).then_some((keys as u64, left))
    }

    /// The same of members of a batch that were not written.
    pub(super) fn unwritten(&self, table: &str) -> Option<(u64, &RawValue)> {
        let left = *self.unprocessed_items.as_ref()?.get(table)?;
        let members = serde_json::from_str::<Vec<IgnoredAny>>(left.get()).ok()?;
        (!members.is_empty()).then_some((members.len() as u64, left))
    }
}

/// The members of a whole answer.
///
/// # Errors
/// What the attempt comes to, when it is not a success or is not what was sent.
pub(super) fn of(whole: Whole<'_>) -> Result<Answered<'_>, Answer> {
    let body = whole.body;
    if whole.is_success() && body.is_empty() {
        return Err(unreadable("empty body"));
    }
    let is_other = |crc: &[u8]| {
        // One that is no text is no checksum of anything.
        let crc = text(crc).and_then(|crc| crc.parse().ok());
        crc != Some(crc32fast::hash(body))
    };
    if whole.checksum.is_some_and(is_other) {
        return Err(unreadable("body does not match its checksum"));
    }
    if !whole.is_success() {
        let name = exception::name(whole.error_type.and_then(text), body);
        return Err(exception::answer(name.as_deref(), whole.status, body));
    }
    // Its members could also be read from a list.
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let answered = is_object.then(|| serde_json::from_slice(body));
    answered
        .and_then(Result::ok)
        .ok_or_else(|| unreadable("unreadable body"))
}

fn unreadable(what: &str) -> Answer {
    Answer::Failed {
        cause: lost::unknown(what),
        retryable: true,
    }
}

/// A header as text, which has no letters but those of ASCII.
pub(super) fn text(header: &[u8]) -> Option<&str> {
    let is_text = header
        .iter()
        .all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
    str::from_utf8(header).ok().filter(|_| is_text)
}
