//! Sizes of items before any is made: the largest possible, and roughly the mean.

use super::{
    super::{
        Attribute, AttributeType, NumberSpec, Table, ValueSpec,
        diagnostic::{Diagnostic, quoted},
        file::{Problems, value::grouped_whole},
    },
    tables::Draft,
};

pub(super) fn check_item_size(draft: &Draft, problems: &mut Problems) {
    const ITEM_MAX: u64 = 409_600;
    let sizes: Vec<_> = draft
        .table
        .attributes
        .iter()
        .map(|attribute| attribute.name.len() as u64 + value_bytes_max(attribute))
        .collect();
    let total: u64 = sizes.iter().sum();
    let largest = sizes.iter().enumerate().max_by_key(|(_, size)| **size);
    if let (true, Some((index, size))) = (total > ITEM_MAX, largest) {
        let name = quoted(&draft.table.attributes[index].name);
        let message = format!(
            "an item could reach {} B; DynamoDB allows 409,600 B",
            grouped_whole(&total.to_string())
        );
        problems.push(
            Diagnostic::error("S019", draft.attribute_spans[index].clone(), message).label(
                format!(
                    "{name} alone can take {} B",
                    grouped_whole(&size.to_string())
                ),
            ),
        );
    }
}

/// The longest value that an attribute can hold, as DynamoDB counts bytes ([SIZE]).
pub(super) fn value_bytes_max(attribute: &Attribute) -> u64 {
    const DIGITS: u64 = 12;
    // [NUM]: a byte, and one for every two digits, up to 21.
    const NUMBER_OF_ITEM: u64 = 8;
    const NUMBER: u64 = 21;
    match &attribute.value {
        ValueSpec::Unique { prefix }
        | ValueSpec::Group { prefix, .. }
        | ValueSpec::Cycle { prefix, .. }
        | ValueSpec::Zipfian { prefix, .. } => match attribute.kind {
            AttributeType::N => NUMBER_OF_ITEM,
            AttributeType::B => 16,
            _ => prefix.len() as u64 + DIGITS,
        },
        ValueSpec::Categorical { choices } => {
            let longest = choices.iter().map(|(name, _)| name.len()).max();
            longest.unwrap_or(0) as u64
        }
        ValueSpec::Text { length } | ValueSpec::Bytes { length } => whole(length.max()),
        ValueSpec::Number { .. } => NUMBER,
        ValueSpec::Boolean { .. } => 1,
    }
}

/// The mean size of an item: names and values of what is present.
pub(super) fn item_bytes_mean(table: &Table) -> f64 {
    let bytes = |attribute: &Attribute| {
        let value = match &attribute.value {
            ValueSpec::Text { length } | ValueSpec::Bytes { length } => mean(length),
            ValueSpec::Number { .. } => 4.0,
            ValueSpec::Categorical { choices } => {
                let weights: f64 = choices.iter().map(|(_, weight)| weight).sum();
                let sum: f64 = choices
                    .iter()
                    .map(|(name, weight)| as_f64(name.len() as u64) * weight)
                    .sum();
                sum / weights
            }
            _ => as_f64(value_bytes_max(attribute)),
        };
        (as_f64(attribute.name.len() as u64) + value) * attribute.present.as_fraction()
    };
    table.attributes.iter().map(bytes).sum()
}

/// The mean of a distribution, before rounding and with the clamps only roughly.
fn mean(spec: &NumberSpec) -> f64 {
    match *spec {
        NumberSpec::Constant(value) => value,
        NumberSpec::Uniform { min, max } => f64::midpoint(min, max),
        NumberSpec::Normal { mean, min, max, .. } => mean.clamp(min, max),
        NumberSpec::LogNormal {
            median,
            sigma,
            min,
            max,
        } => (median * (sigma * sigma / 2.0).exp()).clamp(min, max),
    }
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
    reason = "lengths lie in 0..=409,600"
)]
fn whole(length: f64) -> u64 {
    length.round() as u64
}
