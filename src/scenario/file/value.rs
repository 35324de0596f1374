//! Single values: types, units, bounds and names.

use std::time::Duration;

use toml::de::DeValue;

use super::{
    super::{
        diagnostic::{Diagnostic, quoted, steers_terminal},
        language::Bounds,
        quantity::{Fault, Quantity},
    },
    Problems, Span, Value,
};
use crate::units::Direction;

/// A duration of `nanos`, which is finite, not negative and below 30 days.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded by the declared form"
)]
pub fn duration(nanos: f64) -> Duration {
    Duration::from_nanos(nanos.round() as u64)
}

/// A text, or a problem.
pub fn text<'a>(value: &'a Value<'a>, name: &str, problems: &mut Problems) -> Option<&'a str> {
    if let DeValue::String(text) = value.get_ref() {
        return Some(text);
    }
    problems.push(wrong_type(
        &format!("`{name}`"),
        "a text in quotes",
        value.get_ref(),
        value.span(),
    ));
    None
}

/// A finite number without a unit, or a problem.
pub fn plain_number(value: &Value<'_>, name: &str, problems: &mut Problems) -> Option<f64> {
    let Some(number) = number_of(value.get_ref()) else {
        problems.push(wrong_type(
            &format!("`{name}`"),
            "a plain number",
            value.get_ref(),
            value.span(),
        ));
        return None;
    };
    if !number.is_finite() {
        let message = format!("`{name}` must be a finite number");
        problems.push(Diagnostic::error("S006", value.span(), message));
        return None;
    }
    Some(number)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "bounds are checked on the float"
)]
fn number_of(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(integer) => Some(
            i128::from_str_radix(integer.as_str(), integer.radix())
                .map_or(f64::INFINITY, |n| n as f64),
        ),
        DeValue::Float(float) => float.as_str().parse().ok(),
        _ => None,
    }
}

/// A quantity within bounds, in its base unit, or a problem.
pub fn bounded(
    value: &Value<'_>,
    name: &str,
    quantity: Quantity,
    bounds: Bounds,
    problems: &mut Problems,
) -> Option<f64> {
    let number = quantity_of(value, name, quantity, problems)?;
    in_bounds(
        number,
        bounds,
        name,
        value.span(),
        &|bound| quantity.show(bound),
        problems,
    )
}

/// A rate as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Per second.
    pub per_second: f64,
    /// Of which capacity units; of requests when absent.
    pub units: Option<Direction>,
}

/// A rate of requests or of capacity units within bounds, or a problem.
pub fn traffic(
    value: &Value<'_>,
    name: &str,
    bounds: Bounds,
    problems: &mut Problems,
) -> Option<Traffic> {
    let rate = Quantity::Rate;
    let text: &str = match value.get_ref() {
        DeValue::String(text) => text,
        _ => "",
    };
    for direction in Direction::ALL {
        // "500 RCU/s" is "500 /s" of them.
        let bare = text.replacen(direction.unit(), "", 1);
        if let (true, Ok(number)) = (bare.len() < text.len(), rate.parse(&bare)) {
            let show = |bound| {
                rate.show(bound)
                    .replace('/', &format!(" {}/", direction.unit()))
            };
            let span = value.span();
            let per_second = in_bounds(number, bounds, name, span, &show, problems)?;
            let units = Some(direction);
            return Some(Traffic { per_second, units });
        }
    }
    let per_second = bounded(value, name, rate, bounds, problems)?;
    let units = None;
    Some(Traffic { per_second, units })
}

fn quantity_of(
    value: &Value<'_>,
    name: &str,
    quantity: Quantity,
    problems: &mut Problems,
) -> Option<f64> {
    let problem = match value.get_ref() {
        DeValue::String(text) => match quantity.parse(text) {
            Ok(number) => return Some(number),
            Err(Fault::UnitMissing { number }) => needs_unit(name, &number, quantity, value.span()),
            Err(Fault::UnitUnknown { unit, hint }) => {
                let label = hint.map_or_else(String::new, ToOwned::to_owned);
                let message = format!("{} is not a unit of {}", quoted(&unit), quantity.noun());
                Diagnostic::error("S008", value.span(), message)
                    .label(label)
                    .note(format!("known here: {}", quantity.unit_list()))
            }
            Err(Fault::NumberMissing) => {
                let message = format!("`{name}` is not {}: {}", quantity.noun(), quoted(text));
                Diagnostic::error("S008", value.span(), message).label(format!(
                    "write a number and a unit, such as {}",
                    quantity.examples("5")
                ))
            }
        },
        DeValue::Integer(integer) if integer.radix() == 10 => {
            needs_unit(name, integer.as_str(), quantity, value.span())
        }
        DeValue::Float(float) if number_of(value.get_ref()).is_some_and(f64::is_finite) => {
            needs_unit(name, float.as_str(), quantity, value.span())
        }
        other => wrong_type(
            &format!("`{name}`"),
            &format!("{} in quotes", quantity.noun()),
            other,
            value.span(),
        ),
    };
    problems.push(problem);
    None
}

fn needs_unit(name: &str, number: &str, quantity: Quantity, span: Span) -> Diagnostic {
    let short: String = number.chars().take(20).collect();
    Diagnostic::error("S007", span, format!("`{name}` needs a unit"))
        .label(format!("write {}", quantity.examples(&short)))
}

pub(super) fn in_bounds(
    number: f64,
    bounds: Bounds,
    name: &str,
    span: Span,
    show: &dyn Fn(f64) -> String,
    problems: &mut Problems,
) -> Option<f64> {
    let too_small = number < bounds.min || bounds.above_min && number <= bounds.min;
    if too_small || number > bounds.max {
        let (min, max) = (show(bounds.min), show(bounds.max));
        let range = if bounds.above_min {
            format!("more than {min}, at most {max}")
        } else {
            format!("{min} to {max}")
        };
        problems.push(out_of_range(name, span, &range));
        return None;
    }
    Some(number)
}

/// A value beyond what is sensible or possible.
#[must_use]
pub fn out_of_range(name: &str, span: Span, range: &str) -> Diagnostic {
    Diagnostic::error("S006", span, format!("`{name}` is out of range"))
        .label(format!("allowed: {range}"))
}

pub(super) fn wrong_type(what: &str, wanted: &str, found: &DeValue<'_>, span: Span) -> Diagnostic {
    let found = match found {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction or an exponent",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Diagnostic::error(
        "S004",
        span,
        format!("{what} must be {wanted}, not {found}"),
    )
}

/// Reports a name that is empty, too long or holds control characters.
pub fn check_name(text: &str, what: &str, span: Span, problems: &mut Problems) -> bool {
    if text.trim().is_empty() {
        problems.push(Diagnostic::error(
            "S012",
            span,
            format!("`{what}` is empty"),
        ));
        return false;
    }
    if text.chars().nth(255).is_some() {
        let message = format!("`{what}` is longer than 255 characters");
        problems.push(Diagnostic::error("S012", span, message));
        return false;
    }
    check_controls(text, what, span, problems)
}

pub(super) fn check_controls(text: &str, what: &str, span: Span, problems: &mut Problems) -> bool {
    let found = text.chars().find(|character| steers_terminal(*character));
    if let Some(character) = found {
        let message = format!(
            "`{what}` holds the control character U+{:04X}",
            u32::from(character)
        );
        problems.push(Diagnostic::error("S012", span, message));
    }
    found.is_none()
}

/// The known name within two edits of `name`, if any.
pub fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let close = known.filter(|known| known.len().abs_diff(name.len()) <= 2);
    close
        .map(|known| (strsim::osa_distance(name, known), known))
        .filter(|(distance, known)| *distance <= 2 && *distance < known.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// `get`, `query` → "`get`, `query`".
#[must_use]
pub fn ticked(names: &[&str]) -> String {
    let ticked: Vec<_> = names.iter().map(|name| quoted(name)).collect();
    ticked.join(", ")
}

/// `1234567` as `1,234,567`.
#[must_use]
pub fn grouped_whole(digits: &str) -> String {
    let mut out = String::new();
    for (number, digit) in digits.chars().enumerate() {
        if number > 0 && (digits.len() - number).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
