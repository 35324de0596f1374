//! Input that is nearly right: pieces of valid input, changed, doubled, cut and mixed.

use dynamometer::seed::Stream;
use rand::RngExt as _;
use serde_json::{Value, json};

/// What parsers stumble over.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "1e308",
    "-0.0",
    "NaN",
    "inf",
    "18446744073709551615",
    "9223372036854775808",
    "0.1e-400",
    "true",
    "null",
    "\"\"",
    "[]",
    "{}",
    "[[",
    "{\"a\":",
    "]",
    "}",
    "\n",
    "\r\n",
    "\t",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "é",
    "\u{10ffff}",
    "\\",
    "\\u0000",
    "\\ud800",
    "\"",
    "'",
    "\"\"\"",
    ",",
    ",,",
    "=",
    " = ",
    "#",
    "%",
    "100 %",
    "0 %",
    "1ns",
    "1e9s",
    "0s",
    "1 RCU",
    "40000 RCU",
    "0/s",
    "1e9/s",
    "1 B",
    "400 KB",
    "items = 1",
    "kind = \"",
    "<script>",
    "../..",
];
/// Larger inputs only take longer.
const BYTES_MAX: usize = 64 * 1024;

/// Makes inputs, each from its number alone.
pub struct Mutator {
    stream: Stream,
    valid: Vec<Vec<u8>>,
}

impl Mutator {
    pub fn new(stream: Stream, valid: Vec<Vec<u8>>) -> Self {
        Self { stream, valid }
    }

    pub fn input(&self, number: u64) -> Vec<u8> {
        let mut random = self.stream.at(number);
        let mut pick = |below: usize| random.random_range(0..below.max(1));
        let mut input = self.valid[pick(self.valid.len())].clone();
        for _ in 0..=pick(6) {
            let (at, until) = (pick(input.len() + 1), pick(input.len() + 1));
            let (from, to) = (at.min(until), at.max(until));
            // Most pieces are small, so that most of the input stays valid.
            let to = if pick(4) > 0 {
                to.min(from + 1 + pick(20))
            } else {
                to
            };
            match pick(8) {
                0 if from < input.len() => input[from] ^= 1 << pick(8),
                1 => drop(input.drain(from..to)),
                2 => {
                    let piece = input[from..to].to_vec();
                    let place = pick(input.len() + 1);
                    input.splice(place..place, piece);
                }
                3 => {
                    let other = &self.valid[pick(self.valid.len())];
                    let (one, two) = (pick(other.len() + 1), pick(other.len() + 1));
                    let piece = other[one.min(two)..one.max(two)].to_vec();
                    input.splice(from..to, piece);
                }
                4 => drop(input.splice(from..to, WORDS[pick(WORDS.len())].bytes())),
                5 => {
                    // A number in place of a number.
                    let digit = |byte: &u8| byte.is_ascii_digit();
                    if let Some(start) = input[from..].iter().position(digit) {
                        let start = from + start;
                        let end = input[start..].iter().take_while(|it| digit(it)).count();
                        let word = WORDS[pick(9)];
                        input.splice(start..start + end, word.bytes());
                    }
                }
                6 => input.truncate(to),
                _ => {
                    let piece = input[from..to].repeat(pick(50));
                    input.splice(to..to, piece);
                }
            }
        }
        input.truncate(BYTES_MAX);
        input
    }
}

/// Makes documents of JSON that are valid but for what one or two of their values are.
pub struct Extremes {
    stream: Stream,
    documents: Vec<Value>,
}

impl Extremes {
    /// Of those that are JSON.
    pub fn new(stream: Stream, valid: &[Vec<u8>]) -> Self {
        let documents = valid
            .iter()
            .filter_map(|it| serde_json::from_slice(it).ok());
        Self {
            stream,
            documents: documents.collect(),
        }
    }

    /// `None` where no document is JSON.
    pub fn input(&self, number: u64) -> Option<Vec<u8>> {
        let mut random = self.stream.at(number);
        let mut pick = |below: usize| random.random_range(0..below.max(1));
        let mut document = self.documents.get(pick(self.documents.len()))?.clone();
        for _ in 0..=pick(2) {
            let place = pick(leaves(&document));
            set(&mut document, place, |old| extreme(old, &mut pick));
        }
        Some(document.to_string().into_bytes())
    }
}

/// How many values there are that hold no others.
fn leaves(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(members) => members.values().map(leaves).sum(),
        _ => 1,
    }
}

/// Changes the value that has so many before it.
fn set(value: &mut Value, mut place: usize, change: impl FnOnce(&Value) -> Value) {
    let inner: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(members) => members.values_mut().collect(),
        leaf => {
            *leaf = change(leaf);
            return;
        }
    };
    for one in inner {
        let count = leaves(one);
        if place < count {
            return set(one, place, change);
        }
        place -= count;
    }
}

/// A value of the same kind that is as far out as it can be, now and then of another kind.
fn extreme(old: &Value, pick: &mut impl FnMut(usize) -> usize) -> Value {
    let kind = if pick(10) == 0 { pick(4) } else { 4 };
    match (old, kind) {
        (Value::Number(_), 4) | (_, 0) => [
            json!(u64::MAX),
            json!(i64::MAX),
            json!(i64::MIN),
            json!(u32::MAX),
            json!(10_000_000_000_000_u64),
            json!(1e308),
            json!(-1e308),
            json!(5e-324),
            json!(0),
            json!(-1),
        ][pick(10)]
        .clone(),
        (Value::String(text), 4) => match pick(5) {
            0 => json!(""),
            1 => json!(text.repeat(100)),
            2 => json!(format!("{text}\u{0}\u{202e}é")),
            3 => json!("<script>"),
            _ => json!(text.chars().rev().collect::<String>()),
        },
        (Value::Bool(old), 4) => json!(!old),
        (_, 1) => Value::Null,
        (_, 2) => json!([]),
        _ => json!({}),
    }
}
