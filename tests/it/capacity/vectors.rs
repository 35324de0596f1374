//! Every reference vector, through the functions that the product uses.
//!
//! `DYNO_VECTORS` names another file of the same form. A kind that is not known here fails.

mod admission;
mod arithmetic;
mod costs;
mod money;

use std::{env, fs, panic};

use serde_json::Value;

/// One kind's function: input → everything that a vector of the kind expects.
type Kind = fn(&Input<'_>) -> Value;

/// A vector's input, with readers that say which field was missing.
pub struct Input<'a>(pub &'a Value);

impl Input<'_> {
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    pub fn number(&self, field: &str) -> f64 {
        self.optional(field)
            .unwrap_or_else(|| panic!("no number `{field}`"))
    }

    pub fn optional(&self, field: &str) -> Option<f64> {
        self.get(field)?.as_f64()
    }

    pub fn whole(&self, field: &str) -> u64 {
        as_whole(self.number(field))
    }

    pub fn text(&self, field: &str) -> &str {
        self.get(field)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no text `{field}`"))
    }

    pub fn flag(&self, field: &str) -> bool {
        self.get(field).and_then(Value::as_bool).unwrap_or(false)
    }

    pub fn list(&self, field: &str) -> &[Value] {
        self.get(field)
            .and_then(Value::as_array)
            .unwrap_or_else(|| panic!("no list `{field}`"))
    }

    pub fn numbers(&self, field: &str) -> Vec<f64> {
        let number = |value: &Value| value.as_f64().unwrap_or(0.0);
        self.list(field).iter().map(number).collect()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts"
)]
pub fn as_whole(number: f64) -> u64 {
    number.ceil() as u64
}

/// To the nearest number of so many digits after the point: multiplying first would take what is
/// just below a half for one.
pub fn rounded(number: f64, digits: usize) -> f64 {
    format!("{number:.digits$}").parse().unwrap()
}

fn kind(name: &str) -> Option<Kind> {
    costs::kind(name)
        .or_else(|| admission::kind(name))
        .or_else(|| arithmetic::kind(name))
        .or_else(|| money::kind(name))
}

fn close(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0)
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| close(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(a, b))
        }
        (a, b) => a == b,
    }
}

fn failure(vector: &Value) -> Option<String> {
    let id = vector["id"].as_str().unwrap_or("?");
    let name = vector["check"].as_str().unwrap_or("none");
    let Some(function) = kind(name) else {
        return Some(format!("{id}: kind `{name}` is not known"));
    };
    let expected = &vector["expect"];
    // One that cannot be read must not hide those after it.
    match panic::catch_unwind(|| function(&Input(&vector["input"]))) {
        Ok(got) if close(expected, &got) => None,
        Ok(got) => Some(format!("{id}: expected {expected}, got {got}")),
        Err(why) => {
            let why = why.downcast_ref::<String>().map_or("panic", String::as_str);
            Some(format!("{id}: expected {expected}, got {why}"))
        }
    }
}

#[test]
fn every_reference_vector_comes_out_as_expected() {
    let text = match env::var_os("DYNO_VECTORS") {
        Some(path) => fs::read_to_string(path).expect("DYNO_VECTORS names a readable file"),
        None => include_str!("../../vectors-public.json").to_owned(),
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    let failures: Vec<_> = vectors.iter().filter_map(failure).collect();
    assert!(
        failures.is_empty(),
        "{} of {} vectors:\n{}",
        failures.len(),
        vectors.len(),
        failures.join("\n")
    );
}

#[test]
fn an_unknown_kind_of_vector_and_a_wrong_number_are_failures() {
    let vector = |check: &str, units: f64| {
        serde_json::json!({"id": "x", "check": check,
            "input": {"item_bytes": 1, "consistency": "strong"}, "expect": {"read_units": units}})
    };
    assert_eq!(failure(&vector("get", 1.0)), None);
    assert!(failure(&vector("get", 2.0)).is_some());
    assert!(failure(&vector("got", 1.0)).is_some());
    let unreadable = failure(&vector("lsi_fetch", 1.0)).unwrap();
    assert!(unreadable.contains("no number `count`"), "{unreadable}");
    assert!((rounded(3.253_25, 4) - 3.2532).abs() < 1e-9);
}
