//! Distributions of lengths and of plain numbers.

use toml::de::DeValue;

use super::super::{
    NumberSpec,
    diagnostic::Diagnostic,
    file::{
        Problems, Value,
        fields::Fields,
        value::{bounded, out_of_range, plain_number},
    },
    language::{self, Bounds},
    quantity::{Quantity, grouped},
};

/// What the numbers of a distribution are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Bytes, written with a unit.
    Length,
    /// Plain numbers.
    Number,
}

/// Largest magnitude of a generated number: beyond it, doubles have gaps above 1.
const NUMBER_MAX: f64 = 9_007_199_254_740_992.0;
/// DynamoDB's limit for a whole item, and so for one value.
const LENGTH_MAX: f64 = 409_600.0;

impl Meaning {
    /// One bound or constant.
    fn number(self, value: &Value<'_>, name: &str, problems: &mut Problems) -> Option<f64> {
        match self {
            Self::Length => {
                let bounds = Bounds {
                    min: 0.0,
                    max: LENGTH_MAX,
                    above_min: false,
                };
                bounded(value, name, Quantity::Size, bounds, problems)
            }
            Self::Number => {
                let number = plain_number(value, name, problems)?;
                if number.abs() > NUMBER_MAX {
                    let max = grouped(NUMBER_MAX);
                    problems.push(out_of_range(
                        name,
                        value.span(),
                        &format!("-{max} to {max}"),
                    ));
                    return None;
                }
                Some(number)
            }
        }
    }
}

/// The distribution under `name` of an attribute.
pub(super) fn read(
    fields: &Fields<'_>,
    name: &str,
    meaning: Meaning,
    problems: &mut Problems,
) -> Option<NumberSpec> {
    let value = fields.get(name)?;
    if !matches!(value.get_ref(), DeValue::Table(_)) {
        return meaning
            .number(value, name, problems)
            .map(NumberSpec::Constant);
    }
    let before = problems.errors();
    let spread = Fields::open(&language::SPREAD, value, problems)?;
    let given = ["uniform", "normal", "log_normal"];
    let given: Vec<_> = given
        .into_iter()
        .filter(|key| spread.get(key).is_some())
        .collect();
    match given[..] {
        ["uniform"] => uniform(&spread, meaning, problems),
        ["normal"] => normal(&spread, meaning, problems),
        ["log_normal"] => log_normal(&spread, meaning, problems),
        _ => {
            if problems.errors() == before {
                let message = format!("`{name}` needs exactly one distribution");
                problems.push(
                    Diagnostic::error("S024", value.span(), message)
                        .label("one of uniform, normal, log_normal"),
                );
            }
            None
        }
    }
}

fn uniform(spread: &Fields<'_>, meaning: Meaning, problems: &mut Problems) -> Option<NumberSpec> {
    let value = spread.get("uniform")?;
    let DeValue::Array(array) = value.get_ref() else {
        problems.push(pair_wanted(value));
        return None;
    };
    let [low, high] = array.iter().collect::<Vec<_>>()[..] else {
        problems.push(pair_wanted(value));
        return None;
    };
    let min = meaning.number(low, "uniform", problems);
    let max = meaning.number(high, "uniform", problems);
    let (min, max) = (min?, max?);
    ordered(min, max, value, problems)?;
    Some(NumberSpec::Uniform { min, max })
}

fn pair_wanted(value: &Value<'_>) -> Diagnostic {
    Diagnostic::error(
        "S004",
        value.span(),
        "`uniform` must be a list of two bounds",
    )
    .label("write [smallest, largest]")
}

fn normal(spread: &Fields<'_>, meaning: Meaning, problems: &mut Problems) -> Option<NumberSpec> {
    let fields = spread.one(problems, "normal")?;
    let [mean, std_dev, min, max] =
        ["mean", "std_dev", "min", "max"].map(|name| bound(&fields, name, meaning, problems));
    let (min, max) = (min?, max?);
    ordered(min, max, spread.get("normal")?, problems)?;
    let (mean, std_dev) = (mean?, std_dev?);
    if std_dev < 0.0 {
        problems.push(out_of_range(
            "std_dev",
            fields.span_of("std_dev"),
            "0 or more",
        ));
        return None;
    }
    Some(NumberSpec::Normal {
        mean,
        std_dev,
        min,
        max,
    })
}

fn log_normal(
    spread: &Fields<'_>,
    meaning: Meaning,
    problems: &mut Problems,
) -> Option<NumberSpec> {
    let fields = spread.one(problems, "log_normal")?;
    let [median, min, max] =
        ["median", "min", "max"].map(|name| bound(&fields, name, meaning, problems));
    let sigma = fields.number(problems, "sigma");
    let (min, max) = (min?, max?);
    ordered(min, max, spread.get("log_normal")?, problems)?;
    let (median, sigma) = (median?, sigma?);
    if median <= 0.0 {
        problems.push(out_of_range(
            "median",
            fields.span_of("median"),
            "more than 0",
        ));
        return None;
    }
    Some(NumberSpec::LogNormal {
        median,
        sigma,
        min,
        max,
    })
}

fn bound(
    fields: &Fields<'_>,
    name: &str,
    meaning: Meaning,
    problems: &mut Problems,
) -> Option<f64> {
    meaning.number(fields.get(name)?, name, problems)
}

fn ordered(min: f64, max: f64, value: &Value<'_>, problems: &mut Problems) -> Option<()> {
    if min > max {
        problems.push(
            Diagnostic::error(
                "S024",
                value.span(),
                "the smallest value exceeds the largest",
            )
            .label("swap the two"),
        );
        return None;
    }
    Some(())
}
