//! Bodies that pass through: asked for all of the consumed capacity, and back with as much of it
//! as the client asked for. Every other value keeps its bytes.

use std::fmt;

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::{RawValue, to_raw_value};

use crate::emulator::store::{self, CapacityWanted, ConsumedCapacity};

const MODE: &str = "ReturnConsumedCapacity";
const CAPACITY: &str = "ConsumedCapacity";
/// What an answer tells of a table's capacity to those who ask for its sum.
const OF_TOTAL: [&str; 4] = [
    "TableName",
    "CapacityUnits",
    "ReadCapacityUnits",
    "WriteCapacityUnits",
];

/// The fields of a JSON object in their order.
struct Fields<'body>(Vec<(String, &'body RawValue)>);

impl<'body> Fields<'body> {
    fn of(body: &'body [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    fn get(&self, name: &str) -> Option<&'body RawValue> {
        let field = self.0.iter().find(|(field, _)| field == name)?;
        Some(field.1)
    }

    /// With `value` under `name`, where that was before or at the end.
    fn set(&mut self, name: &str, value: &'body RawValue) {
        match self.0.iter_mut().find(|(field, _)| field == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// `None` never: an object can be written.
    fn to_bytes(&self) -> Option<Bytes> {
        serde_json::to_vec(self).ok().map(Bytes::from)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The request that asks for all of the consumed capacity, and how much the client asked for. A
/// mode that DynamoDB does not know stays, for the upstream to refuse.
pub(super) fn asking_for_all(operation: &str, body: &Bytes) -> (CapacityWanted, Bytes) {
    let unchanged = |wanted| (wanted, body.clone());
    let Some(mut fields) = Fields::of(body) else {
        return unchanged(CapacityWanted::None);
    };
    let wanted = match fields.get(MODE).map(RawValue::get) {
        None | Some("\"NONE\"") => CapacityWanted::None,
        Some("\"TOTAL\"") => CapacityWanted::Total,
        // All of it, or a mode that the upstream refuses.
        Some(_) => return unchanged(CapacityWanted::Indexes),
    };
    if !store::meters(operation) {
        return unchanged(wanted);
    }
    let Ok(all) = to_raw_value("INDEXES") else {
        return unchanged(wanted);
    };
    fields.set(MODE, &all);
    let Some(asking) = fields.to_bytes() else {
        return unchanged(wanted);
    };
    (wanted, asking)
}

/// What an answer that was asked for all of the consumed capacity declares, one entry for each
/// table, and the answer with as much of it as was wanted. `None` for what is no JSON object.
pub(super) fn declared(
    body: &Bytes,
    wanted: CapacityWanted,
) -> Option<(Vec<ConsumedCapacity>, Bytes)> {
    let mut fields = Fields::of(body)?;
    let Some(capacity) = fields.get(CAPACITY) else {
        return Some((Vec::new(), body.clone()));
    };
    let text = capacity.get();
    let one = serde_json::from_str(text).map(|one| vec![one]);
    let consumed = one.or_else(|_| serde_json::from_str(text));
    let consumed: Vec<ConsumedCapacity> = consumed.unwrap_or_default();
    let body = match wanted {
        CapacityWanted::Indexes => body.clone(),
        CapacityWanted::None => {
            fields.0.retain(|(name, _)| name != CAPACITY);
            fields.to_bytes()?
        }
        CapacityWanted::Total => {
            let total = total(text)?;
            fields.set(CAPACITY, &total);
            fields.to_bytes()?
        }
    };
    Some((consumed, body))
}

/// The sum of each table, of one or of a list.
fn total(capacity: &str) -> Option<Box<RawValue>> {
    let reduced = |mut fields: Fields<'_>| {
        fields
            .0
            .retain(|(name, _)| OF_TOTAL.contains(&name.as_str()));
        to_raw_value(&fields).ok()
    };
    if let Some(one) = Fields::of(capacity.as_bytes()) {
        return reduced(one);
    }
    let list: Vec<Fields<'_>> = serde_json::from_str(capacity).ok()?;
    let list: Option<Vec<_>> = list.into_iter().map(reduced).collect();
    to_raw_value(&list?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Bytes {
        Bytes::from(text.to_owned())
    }

    #[test]
    fn a_request_is_asked_for_all_and_keeps_the_bytes_of_its_values() {
        for (request, asking, wanted) in [
            (
                r#"{"b": {"x" : 1.00}, "a":"\u00e9"}"#,
                r#"{"b":{"x" : 1.00},"a":"\u00e9","ReturnConsumedCapacity":"INDEXES"}"#,
                CapacityWanted::None,
            ),
            (
                r#"{"ReturnConsumedCapacity":"TOTAL","a":1}"#,
                r#"{"ReturnConsumedCapacity":"INDEXES","a":1}"#,
                CapacityWanted::Total,
            ),
            (
                r#"{"ReturnConsumedCapacity": "INDEXES", "a":1}"#,
                r#"{"ReturnConsumedCapacity": "INDEXES", "a":1}"#,
                CapacityWanted::Indexes,
            ),
            (
                r#"{"ReturnConsumedCapacity": "SOME"}"#,
                r#"{"ReturnConsumedCapacity": "SOME"}"#,
                CapacityWanted::Indexes,
            ),
            ("[1]", "[1]", CapacityWanted::None),
        ] {
            let asked = asking_for_all("GetItem", &bytes(request));
            assert_eq!(asked, (wanted, bytes(asking)), "{request}");
        }
        let (_, other) = asking_for_all("ListTables", &bytes("{}"));
        assert_eq!(other, "{}");
    }

    #[test]
    fn an_answer_tells_as_much_as_was_asked_for() {
        let one = r#"{"CapacityUnits":1.5,"TableName":"A","Table":{"CapacityUnits":1.5}}"#;
        let answer = bytes(&format!(
            r#"{{"Item":{{"x" : 1}},"ConsumedCapacity":{one}}}"#
        ));
        let told = |wanted| declared(&answer, wanted).expect("an object");
        let (consumed, all) = told(CapacityWanted::Indexes);
        assert_eq!((consumed.len(), &all), (1, &answer));
        assert_eq!(consumed[0].capacity_units.to_bits(), 1.5_f64.to_bits());
        assert_eq!(told(CapacityWanted::None).1, r#"{"Item":{"x" : 1}}"#);
        assert_eq!(
            told(CapacityWanted::Total).1,
            r#"{"Item":{"x" : 1},"ConsumedCapacity":{"CapacityUnits":1.5,"TableName":"A"}}"#
        );
        let list = bytes(&format!(r#"{{"ConsumedCapacity":[{one},{one}]}}"#));
        let (consumed, total) = declared(&list, CapacityWanted::Total).expect("an object");
        assert_eq!(consumed.len(), 2);
        let sum = r#"{"CapacityUnits":1.5,"TableName":"A"}"#;
        assert_eq!(total, format!(r#"{{"ConsumedCapacity":[{sum},{sum}]}}"#));
        assert!(declared(&bytes("<html>"), CapacityWanted::None).is_none());
    }
}
