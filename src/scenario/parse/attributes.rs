//! `[table.attributes.…]`: what items hold, nested as deep as the file is.

use super::{
    super::{
        Attribute, AttributeType, NumberSpec, ValueSpec,
        diagnostic::{Diagnostic, quoted},
        file::{
            Problems,
            fields::{Entry, Fields},
            value::{check_name, grouped_whole, out_of_range, plain_number},
        },
        language, number,
        value::{Precision, TIME_MAX, TimeSpec},
    },
    rows::Wanted,
    share,
    spread::{self, Meaning},
};
use crate::units::Share;

/// Reads the attributes of one table or map; columns are noted in `wanted`.
pub(super) fn read(
    entries: &[Entry<'_>],
    wanted: &mut Vec<Wanted>,
    problems: &mut Problems,
) -> Vec<Attribute> {
    let mut attribute = |entry: &Entry<'_>| {
        check_name(entry.name, "attribute name", entry.span.clone(), problems);
        let fields = Fields::open(&language::ATTRIBUTE, entry.value, problems);
        fields.map_or_else(
            || stand_in(entry.name),
            |fields| read_one(&fields, entry.name, wanted, problems),
        )
    };
    entries.iter().map(&mut attribute).collect()
}

fn stand_in(name: &str) -> Attribute {
    Attribute {
        name: name.to_owned(),
        kind: AttributeType::S,
        value: ValueSpec::Unique {
            prefix: String::new(),
        },
        present: Share::ALL,
    }
}

fn read_one(
    fields: &Fields<'_>,
    name: &str,
    wanted: &mut Vec<Wanted>,
    problems: &mut Problems,
) -> Attribute {
    let mut attribute = stand_in(name);
    let kind = fields.one_of(problems, "type");
    let kind = kind.and_then(|name| AttributeType::ALL.into_iter().find(|t| t.name() == name));
    if let Some(present) = share(fields, "present", problems) {
        attribute.present = present;
    }
    if let (Some(kind), Some(value)) = (kind, fields.kind) {
        attribute.kind = kind;
        check_type(kind, value, fields, problems);
    }
    if let Some(value) = value(fields, &attribute, wanted, problems) {
        attribute.value = value;
    }
    attribute
}

fn value(
    fields: &Fields<'_>,
    attribute: &Attribute,
    wanted: &mut Vec<Wanted>,
    problems: &mut Problems,
) -> Option<ValueSpec> {
    let prefix = fields
        .text(problems, "prefix")
        .unwrap_or_default()
        .to_owned();
    Some(match fields.kind? {
        "unique" => ValueSpec::Unique { prefix },
        "group" => ValueSpec::Group {
            prefix,
            size: fields.count(problems, "size")?,
        },
        "cycle" => ValueSpec::Cycle {
            prefix,
            size: fields.count(problems, "size")?,
        },
        "zipfian" => {
            let count = fields.count(problems, "count");
            let exponent = fields.number(problems, "exponent");
            ValueSpec::Zipfian {
                prefix,
                count: count?,
                exponent: exponent?,
            }
        }
        "categorical" => ValueSpec::Categorical {
            choices: choices(fields, attribute.kind, problems)?,
        },
        "text" => ValueSpec::Text {
            length: spread::read(fields, "length", Meaning::Length, problems)?,
        },
        "bytes" => ValueSpec::Bytes {
            length: spread::read(fields, "length", Meaning::Length, problems)?,
        },
        "number" => {
            let value = spread::read(fields, "range", Meaning::Number, problems);
            let decimals = fields.count(problems, "decimals").unwrap_or(0);
            ValueSpec::Number {
                value: value?,
                decimals: u8::try_from(decimals).ok()?,
            }
        }
        "boolean" => ValueSpec::Boolean {
            true_share: share(fields, "true_share", problems)?,
        },
        "sequence" => {
            let start = whole(fields, "start", 0, problems);
            let step = whole(fields, "step", 1, problems);
            ValueSpec::Sequence {
                start: start?,
                step: step?,
            }
        }
        "timestamp" => timestamp(fields, problems)?,
        "null" => ValueSpec::Null,
        "map" => ValueSpec::Map {
            fields: read(&fields.entries(problems, "fields"), wanted, problems),
        },
        "list" => {
            let meaning = Meaning::Elements { min: 0.0 };
            let elements = spread::read(fields, "elements", meaning, problems);
            let element = element(fields, problems);
            ValueSpec::List {
                element: Box::new(element?),
                elements: elements?,
            }
        }
        "set" => set(fields, attribute.kind, problems)?,
        _ => {
            let column = fields.text(problems, "column");
            let span = if fields.get("column").is_some() {
                fields.span_of("column")
            } else {
                fields.span_of("value")
            };
            let column = column.unwrap_or(&attribute.name);
            let wanted_column = Wanted::new(column, attribute.kind, span);
            let stand_in = wanted_column.stand_in();
            // That no column is of type NULL was told.
            if attribute.kind != AttributeType::Null {
                wanted.push(wanted_column);
            }
            ValueSpec::Column(stand_in)
        }
    })
}

/// A whole number; its form bounds it to ±2^53.
#[expect(
    clippy::cast_possible_truncation,
    reason = "bounded to ±2^53 by its form, and whole"
)]
fn whole(fields: &Fields<'_>, name: &str, default: i64, problems: &mut Problems) -> Option<i64> {
    if fields.get(name).is_none() {
        return Some(default);
    }
    let number = fields.number(problems, name)?;
    if number.fract() != 0.0 {
        problems.push(out_of_range(name, fields.span_of(name), "whole numbers"));
        return None;
    }
    Some(number as i64)
}

fn timestamp(fields: &Fields<'_>, problems: &mut Problems) -> Option<ValueSpec> {
    let start = instant(fields, problems);
    let spacing = fields.duration(problems, "spacing");
    let window = fields.duration(problems, "window");
    let precision = match fields.one_of(problems, "precision") {
        Some("ms") => Precision::Milliseconds,
        _ => Precision::Seconds,
    };
    if fields.get("spacing").is_some() == fields.get("window").is_some() {
        problems.push(
            Diagnostic::error(
                "S024",
                fields.span_of("value"),
                "a timestamp needs either `spacing` or `window`",
            )
            .label("`spacing`: by item number; `window`: drawn"),
        );
        return None;
    }
    let times = match (spacing, window) {
        (Some(spacing), _) => TimeSpec::Spacing(u64::try_from(spacing.as_nanos()).ok()?),
        (_, Some(window)) => TimeSpec::Window(u64::try_from(window.as_millis()).ok()?.max(1)),
        _ => return None,
    };
    Some(ValueSpec::Timestamp {
        start: start?,
        times,
        precision,
    })
}

/// Milliseconds since 1970.
fn instant(fields: &Fields<'_>, problems: &mut Problems) -> Option<i64> {
    let text = fields.text(problems, "from")?;
    let millis = text
        .parse::<jiff::Timestamp>()
        .map(jiff::Timestamp::as_millisecond);
    if let Ok(millis) = millis
        && (TIME_MIN..=TIME_MAX).contains(&millis)
    {
        return Some(millis);
    }
    problems.push(
        Diagnostic::error(
            "S008",
            fields.span_of("from"),
            format!("`from` is not a time: {}", quoted(text)),
        )
        .label("write a date and time with its zone, such as \"2026-01-31T18:00:00Z\""),
    );
    None
}

/// The first millisecond of the year 0: before it, texts would be longer.
const TIME_MIN: i64 = -62_167_219_200_000;

/// What lists and sets hold: drawn, as it cannot follow from the item's number alone.
fn element(fields: &Fields<'_>, problems: &mut Problems) -> Option<Attribute> {
    let inner = fields.one(problems, "element")?;
    let fixed = ["unique", "group", "cycle", "sequence", "column"];
    if let Some(kind) = inner.kind.filter(|kind| fixed.contains(kind)) {
        let message = format!("`{kind}` cannot make elements: all of an item would be the same");
        problems.push(
            Diagnostic::error("S018", inner.span_of("value"), message)
                .label("write a value that is drawn, such as zipfian, categorical or text"),
        );
        return None;
    }
    if inner.get("present").is_some() {
        let message = "`present` does not apply to elements";
        problems.push(
            Diagnostic::error("S013", inner.span_of("present"), message)
                .label("say how many there are with `elements`"),
        );
    }
    let mut wanted = Vec::new();
    let element = read_one(&inner, "", &mut wanted, problems);
    if let Some(column) = wanted.first() {
        let message = "a map in a list cannot take fields from a column";
        problems.push(Diagnostic::error("S018", column.span.clone(), message));
    }
    if let ValueSpec::Timestamp {
        times: TimeSpec::Spacing(_),
        ..
    } = element.value
    {
        let message = "`spacing` cannot make elements: all of an item would be the same";
        problems.push(
            Diagnostic::error("S018", inner.span_of("spacing"), message).label("write `window`"),
        );
    }
    Some(element)
}

fn set(fields: &Fields<'_>, kind: AttributeType, problems: &mut Problems) -> Option<ValueSpec> {
    let meaning = Meaning::Elements { min: 1.0 };
    let elements = spread::read(fields, "elements", meaning, problems);
    let element = element(fields, problems);
    let (elements, element) = (elements?, element?);
    if let Some(member) = kind.member().filter(|member| *member != element.kind) {
        let inner = fields.one(&mut Problems::new(""), "element")?;
        let message = format!(
            "a set of type {} cannot hold values of type {}",
            kind.name(),
            element.kind.name()
        );
        problems.push(
            Diagnostic::error("S018", inner.span_of("type"), message)
                .label(format!("its members are of type {}", member.name())),
        );
        return None;
    }
    let wanted = elements.max().round();
    if let Some(distinct) = distinct(&element.value).filter(|distinct| *distinct < wanted) {
        let [wanted, distinct] = [wanted, distinct].map(|n| grouped_whole(&n.to_string()));
        let message = format!("members are distinct, and only {distinct} values are possible");
        problems.push(
            Diagnostic::error("S024", fields.span_of("elements"), message)
                .label(format!("up to {wanted} are asked for")),
        );
        return None;
    }
    Some(ValueSpec::Set {
        element: Box::new(element),
        elements,
    })
}

/// How many different values there are at most, where that is easily told.
fn distinct(value: &ValueSpec) -> Option<f64> {
    match value {
        ValueSpec::Zipfian { count, .. } => Some(super::super::sizes::as_f64(*count)),
        ValueSpec::Categorical { choices } => {
            Some(super::super::sizes::as_f64(choices.len() as u64))
        }
        ValueSpec::Number {
            value: NumberSpec::Constant(_),
            ..
        } => Some(1.0),
        ValueSpec::Number { value, decimals } => {
            let steps = (value.max() - value.min()) * 10_f64.powi(i32::from(*decimals));
            Some(steps.floor() + 1.0)
        }
        _ => None,
    }
}

fn choices(
    fields: &Fields<'_>,
    kind: AttributeType,
    problems: &mut Problems,
) -> Option<Vec<(String, f64)>> {
    let entries = fields.entries(problems, "choices");
    let errors = problems.errors();
    let choices: Vec<_> = entries
        .iter()
        .filter_map(|entry| {
            if !entry.name.is_empty() {
                check_name(entry.name, "choice", entry.span.clone(), problems);
            }
            let wrong = match kind {
                AttributeType::N if !number::is_number(entry.name) => Some("a number"),
                AttributeType::Bool if !["true", "false"].contains(&entry.name) => {
                    Some("`true` or `false`")
                }
                _ => None,
            };
            if let Some(wanted) = wrong {
                let message = format!("{} is not {wanted}", quoted(entry.name));
                let label = format!("a choice of type {}", kind.name());
                problems.push(Diagnostic::error("S018", entry.span.clone(), message).label(label));
            }
            let weight = plain_number(entry.value, "weight", problems)?;
            if weight <= 0.0 || weight > language::WEIGHT_MAX {
                let range = "more than 0, at most 1,000,000,000,000";
                problems.push(out_of_range("weight", entry.value.span(), range));
            }
            Some((entry.name.to_owned(), weight))
        })
        .collect();
    (problems.errors() == errors && !choices.is_empty()).then_some(choices)
}

fn check_type(kind: AttributeType, value: &str, fields: &Fields<'_>, problems: &mut Problems) {
    let fitting: &[&str] = match value {
        "unique" | "group" | "cycle" | "zipfian" => &["S", "N", "B"],
        "categorical" => &["S", "N", "B", "BOOL"],
        "text" => &["S"],
        "bytes" => &["B"],
        "number" | "sequence" => &["N"],
        "timestamp" => &["S", "N"],
        "null" => &["NULL"],
        "list" => &["L"],
        "map" => &["M"],
        "set" => &["SS", "NS", "BS"],
        "column" => &["S", "N", "B", "BOOL", "L", "M", "SS", "NS", "BS"],
        _ => &["BOOL"],
    };
    let name = kind.name();
    if !fitting.contains(&name) {
        let message = format!("`{value}` cannot make values of type {name}");
        problems.push(
            Diagnostic::error("S018", fields.span_of("type"), message)
                .label(format!("`{value}` makes {}", fitting.join(", "))),
        );
    } else if name != "S" && fields.get("prefix").is_some() {
        let message = format!("`prefix` does not apply to type {name}");
        problems.push(
            Diagnostic::error("S013", fields.span_of("prefix"), message).label("only for type S"),
        );
    }
}
