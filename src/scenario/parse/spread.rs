//! Distributions of lengths and of plain numbers.

use toml::de::DeValue;

use super::super::{
    Bucket, NumberSpec,
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    /// Bytes, written with a unit.
    Length,
    /// Plain numbers.
    Number,
    /// Elements of a list (from 0) or a set (from 1).
    Elements { min: f64 },
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
            Self::Number => within(value, name, -NUMBER_MAX, NUMBER_MAX, problems),
            Self::Elements { min } => {
                // Their mean and deviation may be smaller than the least of them.
                let least = if ["mean", "std_dev", "median"].contains(&name) {
                    0.0
                } else {
                    min
                };
                within(value, name, least, LENGTH_MAX, problems)
            }
        }
    }
}

fn within(
    value: &Value<'_>,
    name: &str,
    min: f64,
    max: f64,
    problems: &mut Problems,
) -> Option<f64> {
    let number = plain_number(value, name, problems)?;
    if !(min..=max).contains(&number) {
        let range = format!("{} to {}", grouped(min), grouped(max));
        problems.push(out_of_range(name, value.span(), &range));
        return None;
    }
    Some(number)
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
    let laws = spread.section.keys.iter().map(|key| key.name);
    let given: Vec<_> = laws
        .clone()
        .filter(|law| spread.get(law).is_some())
        .collect();
    match given[..] {
        ["uniform"] => uniform(&spread, meaning, problems),
        ["normal"] => normal(&spread, meaning, problems),
        ["log_normal"] => log_normal(&spread, meaning, problems),
        ["exponential"] => exponential(&spread, meaning, problems),
        ["pareto"] => pareto(&spread, meaning, problems),
        ["zipfian"] => zipfian(&spread, meaning, problems),
        ["histogram"] => histogram(&spread, meaning, problems),
        _ => {
            if problems.errors() == before {
                let message = format!("`{name}` needs exactly one distribution");
                let laws: Vec<_> = laws.collect();
                problems.push(
                    Diagnostic::error("S024", value.span(), message)
                        .label(format!("one of {}", laws.join(", "))),
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
    let sigma = sigma?;
    let median = positive(median?, "median", &fields, problems)?;
    Some(NumberSpec::LogNormal {
        median,
        sigma,
        min,
        max,
    })
}

fn exponential(
    spread: &Fields<'_>,
    meaning: Meaning,
    problems: &mut Problems,
) -> Option<NumberSpec> {
    let fields = spread.one(problems, "exponential")?;
    let [mean, min, max] =
        ["mean", "min", "max"].map(|name| bound(&fields, name, meaning, problems));
    let (min, max) = (min?, max?);
    ordered(min, max, spread.get("exponential")?, problems)?;
    let mean = positive(mean?, "mean", &fields, problems)?;
    Some(NumberSpec::Exponential { mean, min, max })
}

fn pareto(spread: &Fields<'_>, meaning: Meaning, problems: &mut Problems) -> Option<NumberSpec> {
    let fields = spread.one(problems, "pareto")?;
    let [min, max] = ["min", "max"].map(|name| bound(&fields, name, meaning, problems));
    let shape = fields.number(problems, "shape");
    let (min, max) = (min?, max?);
    ordered(min, max, spread.get("pareto")?, problems)?;
    let min = positive(min, "min", &fields, problems)?;
    let shape = shape?;
    Some(NumberSpec::Pareto { min, shape, max })
}

fn zipfian(spread: &Fields<'_>, meaning: Meaning, problems: &mut Problems) -> Option<NumberSpec> {
    let fields = spread.one(problems, "zipfian")?;
    let [min, max] = ["min", "max"].map(|name| bound(&fields, name, meaning, problems));
    let exponent = fields.number(problems, "exponent");
    let (min, max) = (min?, max?);
    ordered(min, max, spread.get("zipfian")?, problems)?;
    for (name, value) in [("min", min), ("max", max)] {
        if value.fract() != 0.0 {
            problems.push(out_of_range(name, fields.span_of(name), "whole numbers"));
            return None;
        }
    }
    let exponent = exponent?;
    Some(NumberSpec::Zipfian { min, max, exponent })
}

fn histogram(spread: &Fields<'_>, meaning: Meaning, problems: &mut Problems) -> Option<NumberSpec> {
    let errors = problems.errors();
    let mut buckets = Vec::new();
    for fields in spread.many(problems, "histogram") {
        let [from, to] = ["from", "to"].map(|name| bound(&fields, name, meaning, problems));
        let weight = fields.number(problems, "weight");
        let (Some(from), Some(to), Some(weight)) = (from, to, weight) else {
            continue;
        };
        if from > to {
            problems.push(
                Diagnostic::error(
                    "S024",
                    fields.span.clone(),
                    "the range ends before it starts",
                )
                .label("swap `from` and `to`"),
            );
        }
        buckets.push(Bucket { from, to, weight });
    }
    let sound = problems.errors() == errors && !buckets.is_empty();
    sound.then_some(NumberSpec::Histogram(buckets))
}

fn positive(value: f64, name: &str, fields: &Fields<'_>, problems: &mut Problems) -> Option<f64> {
    if value <= 0.0 {
        problems.push(out_of_range(name, fields.span_of(name), "more than 0"));
        return None;
    }
    Some(value)
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
