//! Sizes of items before any is made: the largest possible, and roughly the mean.
//!
//! Owns bounds, in bytes as DynamoDB counts them ([SIZE], [NUM]); draws nothing.

use super::{Attribute, AttributeType, NumberSpec, Table, ValueSpec, value::TIME_MAX};

/// [SIZE]: overhead of a list or map, and of each element in it.
const CONTAINER: u64 = 3;
const ELEMENT: u64 = 1;
/// [NUM]: the longest number.
const NUMBER: u64 = 21;
/// Digits of an item's number as text: zero-padded to so many.
const DIGITS: u64 = 12;
/// The largest number of an item, unless inserts go on for years.
const ITEM_NUMBER_MAX: u64 = 999_999_999_999;

/// The most bytes that an item of `table` can have, names included.
#[must_use]
pub fn item_bytes_max(table: &Table) -> u64 {
    let total = table.attributes.iter().map(attribute_bytes_max).sum();
    let mut columns = Vec::new();
    for attribute in &table.attributes {
        if let ValueSpec::Column(column) = &attribute.value {
            columns.push((attribute.name.len() as u64, column));
        }
    }
    if columns.len() < 2 || total <= ITEM_BYTES_MAX {
        return total;
    }
    // No row need have the longest field of every column: look at them together.
    let fields: u64 = columns
        .iter()
        .map(|(name, c)| name + column_bytes_max(c))
        .sum();
    let row = |number| columns.iter().map(|(name, c)| name + c.size(number)).sum();
    let rows = columns.iter().map(|(_, column)| column.rows()).max();
    let largest: u64 = (0..rows.unwrap_or(0)).map(row).max().unwrap_or(0);
    total - fields + largest
}

/// DynamoDB's limit for an item.
pub const ITEM_BYTES_MAX: u64 = 409_600;

/// The most bytes of one attribute, its name included.
#[must_use]
pub fn attribute_bytes_max(attribute: &Attribute) -> u64 {
    (attribute.name.len() as u64).saturating_add(value_bytes_max(attribute))
}

/// The most bytes of the value of an attribute.
#[must_use]
pub fn value_bytes_max(attribute: &Attribute) -> u64 {
    match &attribute.value {
        ValueSpec::Unique { prefix } => numbered(attribute.kind, prefix, u64::MAX),
        ValueSpec::Group { prefix, size } => numbered(attribute.kind, prefix, u64::MAX / size),
        ValueSpec::Cycle { prefix, size } => numbered(attribute.kind, prefix, size - 1),
        ValueSpec::Zipfian { prefix, count, .. } => numbered(attribute.kind, prefix, count - 1),
        ValueSpec::Categorical { choices } => {
            let sizes = choices.iter().map(|(text, _)| choice(attribute.kind, text));
            sizes.max().unwrap_or(0)
        }
        ValueSpec::Text { length } | ValueSpec::Bytes { length } => whole(length.max()),
        ValueSpec::Number { value, decimals } => number(value, *decimals),
        ValueSpec::Boolean { .. } | ValueSpec::Null => 1,
        ValueSpec::Sequence { start, step } => {
            let far = u128::from(step.unsigned_abs()) * u128::from(ITEM_NUMBER_MAX);
            let digits = (far + u128::from(start.unsigned_abs())).max(1).ilog10() + 1;
            let sign = u64::from(*start < 0 || *step < 0);
            (1 + u64::from(digits.div_ceil(2)) + sign).min(NUMBER)
        }
        ValueSpec::Timestamp {
            start, precision, ..
        } => match attribute.kind {
            AttributeType::N => {
                let last = (TIME_MAX / precision.millis()).unsigned_abs();
                1 + u64::from((last.ilog10() + 1).div_ceil(2)) + u64::from(*start < 0)
            }
            _ => precision.text_bytes(),
        },
        ValueSpec::List { element, elements } => {
            let each = ELEMENT.saturating_add(value_bytes_max(element));
            CONTAINER.saturating_add(whole(elements.max()).saturating_mul(each))
        }
        ValueSpec::Set { element, elements } => {
            // A set is never empty.
            let members = whole(elements.max()).max(1);
            members.saturating_mul(value_bytes_max(element))
        }
        ValueSpec::Map { fields } => fields.iter().fold(CONTAINER, |sum, field| {
            sum.saturating_add(ELEMENT)
                .saturating_add(attribute_bytes_max(field))
        }),
        ValueSpec::Column(column) => column_bytes_max(column),
    }
}

fn column_bytes_max(column: &super::data::Column) -> u64 {
    let sizes = (0..column.rows()).map(|row| column.size(row));
    sizes.max().unwrap_or(0)
}

/// A value that follows from a number up to `last`.
fn numbered(kind: AttributeType, prefix: &str, last: u64) -> u64 {
    let digits = last.clamp(1, ITEM_NUMBER_MAX).ilog10() + 1;
    match kind {
        AttributeType::N => 1 + u64::from(digits.div_ceil(2)),
        AttributeType::B => 16,
        _ => prefix.len() as u64 + DIGITS,
    }
}

fn choice(kind: AttributeType, text: &str) -> u64 {
    match kind {
        AttributeType::N => super::number::number_size(text),
        AttributeType::Bool => 1,
        _ => text.len() as u64,
    }
}

/// A byte, one for each pair of digits on either side of the point, and one for a sign.
fn number(value: &NumberSpec, decimals: u8) -> u64 {
    let largest = value.max().abs().max(value.min().abs()).round();
    let digits = if largest >= 1.0 {
        largest.log10().floor() + 1.0
    } else {
        0.0
    };
    let pairs = whole((digits / 2.0).ceil()) + u64::from(decimals.div_ceil(2));
    (1 + pairs + u64::from(value.min() < 0.0)).min(NUMBER)
}

/// The mean size of an item: names and values of what is present.
#[must_use]
pub fn item_bytes_mean(table: &Table) -> f64 {
    table.attributes.iter().map(attribute_bytes_mean).sum()
}

fn attribute_bytes_mean(attribute: &Attribute) -> f64 {
    let name = as_f64(attribute.name.len() as u64);
    (name + value_bytes_mean(attribute)) * attribute.present.as_fraction()
}

fn value_bytes_mean(attribute: &Attribute) -> f64 {
    match &attribute.value {
        ValueSpec::Text { length } | ValueSpec::Bytes { length } => mean(length),
        ValueSpec::Number { .. } => 4.0,
        ValueSpec::Categorical { choices } => {
            let weights: f64 = choices.iter().map(|(_, weight)| weight).sum();
            let bytes = |text: &str| as_f64(choice(attribute.kind, text));
            let sum: f64 = choices.iter().map(|(text, w)| bytes(text) * w).sum();
            sum / weights
        }
        ValueSpec::List { element, elements } => {
            as_f64(CONTAINER) + mean(elements) * (as_f64(ELEMENT) + value_bytes_mean(element))
        }
        ValueSpec::Set { element, elements } => mean(elements) * value_bytes_mean(element),
        ValueSpec::Map { fields } => {
            let bytes = |field: &Attribute| {
                as_f64(ELEMENT) * field.present.as_fraction() + attribute_bytes_mean(field)
            };
            as_f64(CONTAINER) + fields.iter().map(bytes).sum::<f64>()
        }
        ValueSpec::Column(column) => {
            let sum: u64 = (0..column.rows()).map(|row| column.size(row)).sum();
            as_f64(sum) / as_f64(column.rows().max(1))
        }
        ValueSpec::Unique { .. } if attribute.kind == AttributeType::N => 5.0,
        _ => as_f64(value_bytes_max(attribute)),
    }
}

/// The mean of a distribution, before rounding and with the clamps only roughly.
#[must_use]
pub fn mean(spec: &NumberSpec) -> f64 {
    match spec {
        NumberSpec::Constant(value) => *value,
        NumberSpec::Uniform { min, max } => f64::midpoint(*min, *max),
        NumberSpec::Normal { mean, min, max, .. } | NumberSpec::Exponential { mean, min, max } => {
            mean.clamp(*min, *max)
        }
        NumberSpec::LogNormal {
            median,
            sigma,
            min,
            max,
        } => (median * (sigma * sigma / 2.0).exp()).clamp(*min, *max),
        NumberSpec::Pareto { min, shape, max } => pareto_mean(*min, *shape, *max),
        NumberSpec::Zipfian { min, max, exponent } => zipfian_mean(*min, *max, *exponent),
        NumberSpec::Histogram(buckets) => {
            let weights: f64 = buckets.iter().map(|bucket| bucket.weight).sum();
            let sum: f64 = buckets
                .iter()
                .map(|bucket| f64::midpoint(bucket.from, bucket.to) * bucket.weight)
                .sum();
            sum / weights
        }
    }
}

/// Exact, clamp included: min + ∫ (min ÷ x)^shape up to max.
fn pareto_mean(min: f64, shape: f64, max: f64) -> f64 {
    let ratio = (max / min).ln();
    let growth = (1.0 - shape) * ratio;
    let area = if growth.abs() < 1e-12 {
        ratio
    } else {
        growth.exp_m1() / (1.0 - shape)
    };
    min + min * area
}

/// From the continuous law, which is close enough for an estimate.
fn zipfian_mean(min: f64, max: f64, exponent: f64) -> f64 {
    let count = max - min + 1.0;
    let area = |power: f64| {
        let last = (count + 0.5).ln() - 0.5_f64.ln();
        let growth = power * last;
        let scale = 0.5_f64.powf(power);
        if growth.abs() < 1e-12 {
            scale * last
        } else {
            scale * growth.exp_m1() / power
        }
    };
    (min - 1.0 + area(2.0 - exponent) / area(1.0 - exponent)).clamp(min, max)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes and counts are far below 2^53"
)]
pub(super) fn as_f64(number: u64) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and bounded by the declared forms"
)]
fn whole(length: f64) -> u64 {
    length.round() as u64
}
