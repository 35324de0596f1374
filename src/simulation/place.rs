//! Key values: where they lie among partitions, and how they are ordered within one.

use crate::{
    capacity::partition::{KeyHash, ordered_bytes},
    workload::item::AttributeValue,
};

/// Powers of ten that DynamoDB's numbers stay within, with room. Others are no numbers, and
/// are not written out.
const POINT_MAX: i64 = 200;

/// The place of an item, or of an entry of an index: by its partition key, and within what
/// shares that by its sort key.
pub(super) fn of_item(
    partition_key: &AttributeValue,
    sort_key: Option<&AttributeValue>,
) -> KeyHash {
    let collection = place(partition_key);
    match sort_key {
        None => collection.collection(),
        Some(AttributeValue::N(literal)) => {
            collection.sorted(&ordered_bytes(literal.parse().unwrap_or(0.0)))
        }
        Some(other) => collection.sorted(&canonical(other).1),
    }
}

/// The place of a partition key; equal for equal values, for `1` and `1.0`, too.
pub(super) fn place(value: &AttributeValue) -> KeyHash {
    let (kind, bytes) = canonical(value);
    KeyHash::of(kind, &bytes)
}

/// One hash for a whole primary key, to tell items apart.
pub(super) fn identity(key: &[(String, AttributeValue)]) -> KeyHash {
    let mut joined = Vec::new();
    for (_, value) in key {
        let (kind, bytes) = canonical(value);
        joined.push(kind);
        joined.extend((bytes.len() as u64).to_be_bytes());
        joined.extend(bytes);
    }
    KeyHash::of(b'K', &joined)
}

/// A sort key in DynamoDB's order: numbers by value, strings and binaries by their bytes.
/// Numbers that agree in their first 15 digits may come in either order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    value: u64,
    bytes: Vec<u8>,
}

impl Rank {
    /// The value's own bytes; of a number, its canonical digits.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn of(value: Option<&AttributeValue>) -> Self {
        let Some(value) = value else {
            return Self {
                value: 0,
                bytes: Vec::new(),
            };
        };
        let (_, bytes) = canonical(value);
        let value = match value {
            AttributeValue::N(literal) => {
                u64::from_be_bytes(ordered_bytes(literal.parse().unwrap_or(0.0)))
            }
            _ => 0,
        };
        Self { value, bytes }
    }
}

/// The value's type and its bytes, the same for every spelling.
fn canonical(value: &AttributeValue) -> (u8, Vec<u8>) {
    match value {
        AttributeValue::S(text) => (b'S', text.clone().into_bytes()),
        AttributeValue::N(literal) => (b'N', canonical_number(literal).into_bytes()),
        AttributeValue::B(bytes) => (b'B', bytes.clone()),
        // No other type can be a key.
        _ => (0, Vec::new()),
    }
}

/// A number without exponent, sign of a zero, or zeros that say nothing.
fn canonical_number(literal: &str) -> String {
    let (mantissa, exponent) = match literal.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().unwrap_or(0)),
        None => (literal, 0_i64),
    };
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let unsigned = mantissa.trim_start_matches(['-', '+']);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    let leading = all.len() - significant.len();
    let digits = significant.trim_end_matches('0');
    if digits.is_empty() {
        return "0".to_owned();
    }
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    // The value is 0.digits × 10^point.
    let point = length(whole).saturating_add(exponent) - length(&all[..leading]);
    if point.abs() > POINT_MAX {
        return literal.to_owned();
    }
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    match usize::try_from(point) {
        Ok(point) if point > 0 && point < digits.len() => {
            format!("{sign}{}.{}", &digits[..point], &digits[point..])
        }
        Ok(point) if point > 0 => {
            format!("{sign}{digits}{}", "0".repeat(point - digits.len()))
        }
        _ => format!("{sign}0.{}{digits}", zeros(-point)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_are_one_key() {
        let check = |literal: &str, canonical: &str| {
            assert_eq!(canonical_number(literal), canonical, "{literal}");
        };
        check("0", "0");
        check("-0.00", "0");
        check("007", "7");
        check("1.50", "1.5");
        check("-12.0", "-12");
        check("1500", "1500");
        check("15e2", "1500");
        check("0.00120", "0.0012");
        check("1.2E-3", "0.0012");
        check("+3", "3");
    }

    #[test]
    fn numbers_are_ordered_by_value_and_strings_by_bytes() {
        let check = |values: &[AttributeValue]| {
            let ranks: Vec<_> = values.iter().map(|value| Rank::of(Some(value))).collect();
            assert!(ranks.is_sorted(), "{values:?}: {ranks:?}");
            assert!(ranks.windows(2).all(|pair| pair[0] != pair[1]));
        };
        let number = |literal: &str| AttributeValue::N(literal.into());
        let text = |text: &str| AttributeValue::S(text.into());
        check(&["-10", "-9.5", "0", "0.5", "9", "10", "1e3"].map(number));
        check(&["", "10", "9", "Z", "a", "é"].map(text));
    }
}
