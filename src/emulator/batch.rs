//! Batches of which a part is throttled: taken out before execution, handed back after it.
//!
//! Must not know why a member was throttled.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::members::Member;

/// The members that are not executed, in the shape in which the answer hands them back.
#[derive(Debug, PartialEq)]
pub(super) struct Unprocessed {
    field: &'static str,
    members: Value,
}

/// Whether members of `operation` are throttled one by one.
pub(super) fn is_batch(operation: &str) -> bool {
    matches!(operation, "BatchGetItem" | "BatchWriteItem")
}

/// Takes `throttled` out of the batch.
pub(super) fn take_out(request: &mut Value, throttled: &[Member]) -> Option<Unprocessed> {
    let mut by_table: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for member in throttled {
        let (table, number) = member.batch_position?;
        by_table.entry(table).or_default().insert(number);
    }
    let tables = request.get_mut("RequestItems")?.as_object_mut()?;
    let mut handed_back = Map::new();
    let mut field = "UnprocessedItems";
    for (table, numbers) in by_table {
        let asked = tables.get_mut(table)?;
        let (left, taken) = if let Some(keys) = asked.get("Keys").and_then(Value::as_array) {
            field = "UnprocessedKeys";
            let (taken, left) = split(keys, &numbers);
            // A projection and consistency apply to what is asked again, too.
            let mut again = asked.clone();
            again["Keys"] = Value::Array(taken);
            let empty = left.is_empty();
            asked["Keys"] = Value::Array(left);
            (empty, again)
        } else {
            let (taken, left) = split(asked.as_array()?, &numbers);
            let empty = left.is_empty();
            *asked = Value::Array(left);
            (empty, Value::Array(taken))
        };
        if left {
            tables.remove(table);
        }
        handed_back.insert(table.to_owned(), taken);
    }
    Some(Unprocessed {
        field,
        members: Value::Object(handed_back),
    })
}

/// Those whose numbers are named, and the others.
fn split(list: &[Value], numbers: &BTreeSet<usize>) -> (Vec<Value>, Vec<Value>) {
    let (taken, left): (Vec<_>, Vec<_>) = list
        .iter()
        .cloned()
        .enumerate()
        .partition(|(number, _)| numbers.contains(number));
    let values = |numbered: Vec<(usize, Value)>| numbered.into_iter().map(|(_, value)| value);
    (values(taken).collect(), values(left).collect())
}

impl Unprocessed {
    /// Adds them to the answer.
    pub(super) fn hand_back(self, body: &str) -> Option<String> {
        let mut answer: Value = serde_json::from_str(body).ok()?;
        answer
            .as_object_mut()?
            .insert(self.field.to_owned(), self.members);
        Some(answer.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::emulator::members::Action;

    fn member(table: &str, number: usize) -> Member<'_> {
        Member {
            table,
            index: None,
            action: Action::Put,
            attributes: None,
            partition_key: None,
            consistent: false,
            batch_position: Some((table, number)),
        }
    }

    #[test]
    fn writes_are_handed_back_as_they_were_sent() {
        let mut request = json!({"RequestItems": {"A": [1, 2, 3], "B": [4]}});
        let (second, other) = (member("A", 1), member("B", 0));
        let taken = take_out(&mut request, &[second, other]).expect("well-formed");
        assert_eq!(request, json!({"RequestItems": {"A": [1, 3]}}));
        let answer = taken.hand_back(r#"{"UnprocessedItems":{}}"#).expect("JSON");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer, json!({"UnprocessedItems": {"A": [2], "B": [4]}}));
    }

    #[test]
    fn keys_are_handed_back_with_all_that_applies_to_them() {
        let mut request = json!({"RequestItems": {"A": {"Keys": [1, 2], "ConsistentRead": true}}});
        let first = member("A", 0);
        let taken = take_out(&mut request, &[first]).expect("well-formed");
        assert_eq!(
            request,
            json!({"RequestItems": {"A": {"Keys": [2], "ConsistentRead": true}}})
        );
        let answer = taken.hand_back(r#"{"UnprocessedKeys":{}}"#).expect("JSON");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(
            answer,
            json!({"UnprocessedKeys": {"A": {"Keys": [1], "ConsistentRead": true}}})
        );
    }
}
