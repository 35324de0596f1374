//! Items and their exact size as DynamoDB counts it.
//!
//! Owns the size rules (names, values, numbers in base 100); must not know what a size costs.

use crate::units::Bytes;

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

/// The longest number: 38 significant digits that straddle pairs, or a sign. `[NUM]`, measured.
const NUMBER_BYTES_MAX: u64 = 21;

/// The size that capacity is charged on and the 409,600-byte limit applies to: UTF-8 names
/// plus values, `[SIZE]`. The 100 bytes of storage overhead are not part of it.
#[must_use]
pub fn size(item: &Item) -> Bytes {
    item.iter()
        .map(|(name, value)| Bytes(length(name.len()) + value_size(value)))
        .sum()
}

/// Bytes of one value without its name, `[SIZE]`.
#[must_use]
pub fn value_size(value: &AttributeValue) -> u64 {
    match value {
        AttributeValue::S(text) => length(text.len()),
        AttributeValue::N(literal) => number_size(literal),
        AttributeValue::B(bytes) => length(bytes.len()),
        AttributeValue::Bool(_) | AttributeValue::Null => 1,
        AttributeValue::L(elements) => {
            let inner = elements.iter().map(|v| ELEMENT_BYTES + value_size(v));
            CONTAINER_BYTES + inner.sum::<u64>()
        }
        AttributeValue::M(entries) => {
            let inner = entries
                .iter()
                .map(|(name, v)| ELEMENT_BYTES + length(name.len()) + value_size(v));
            CONTAINER_BYTES + inner.sum::<u64>()
        }
        AttributeValue::Ss(members) => members.iter().map(|m| length(m.len())).sum(),
        AttributeValue::Ns(members) => members.iter().map(|m| number_size(m)).sum(),
        AttributeValue::Bs(members) => members.iter().map(|m| length(m.len())).sum(),
    }
}

/// Bytes of a number, 1–21, whatever its spelling: significant digits in base 100, aligned on
/// the decimal point, `[NUM]` (measured; the rule `base100_aligned`).
///
/// `literal` is what DynamoDB accepts as a number: an optional sign, digits with at most one
/// point, an optional exponent. Other characters are passed over, so the result for text that
/// is no number means nothing.
#[must_use]
pub fn number_size(literal: &str) -> u64 {
    let (mantissa, exponent) = match literal.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().unwrap_or(0)),
        None => (literal, 0_i64),
    };
    let negative = mantissa.trim_start().starts_with('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || {
        let all = whole.bytes().chain(fraction.bytes());
        all.filter(u8::is_ascii_digit).zip(0_i64..)
    };
    let significant = || digits().filter(|&(digit, _)| digit != b'0');
    let (Some((_, first)), Some((_, last))) = (significant().next(), significant().last()) else {
        return 1;
    };
    let whole_digits = length(whole.bytes().filter(u8::is_ascii_digit).count());
    // |x| = 0.s × 10^point, with s = digits first..=last.
    let point = whole_digits.cast_signed() - first + (exponent % 2);
    let leading = point.rem_euclid(2);
    let padded = (last - first + 1 + leading).cast_unsigned();
    (1 + padded.div_ceil(2) + u64::from(negative)).min(NUMBER_BYTES_MAX)
}

/// `usize` has at most 64 bits on every platform that Rust knows.
const fn length(bytes: usize) -> u64 {
    bytes as u64
}
