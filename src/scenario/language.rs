//! The scenario language as data: every section, its keys, their form, bounds and meaning.
//!
//! The parser and the JSON Schema both read these declarations, so they cannot disagree.

mod arrivals;
mod candidate;
mod data;
mod load;
mod model;
mod nightly;
mod operation;

pub use arrivals::{ARRIVALS, STAIRS, STEP, THINK_TIME};
pub use candidate::CANDIDATE;
pub use data::{
    ATTRIBUTE, BILLING, BUCKET, DATA, EXPONENTIAL, INDEX, LOG_NORMAL, NORMAL, PARETO, SCALE_READ,
    SCALE_WRITE, SPREAD, TABLE, ZIPFIAN,
};
pub use load::{CLIENT, KEYS, PHASE, RETRY, THRESHOLD, VALIDITY};
pub use model::MODEL;
pub use nightly::NIGHTLY;
pub use operation::OPERATION;

use super::quantity::Quantity;

/// A table of the file that is written with a fixed set of keys.
#[derive(Debug)]
pub struct Section {
    /// Name of its definition in the JSON Schema.
    pub id: &'static str,
    /// How messages call it.
    pub title: &'static str,
    /// The key whose value decides which other keys apply.
    pub selector: Option<&'static str>,
    /// Its keys, in the order of documentation.
    pub keys: &'static [Key],
    /// What it is.
    pub doc: &'static str,
}

/// One key of a section.
#[derive(Debug)]
pub struct Key {
    /// As written.
    pub name: &'static str,
    /// What it holds.
    pub form: Form,
    /// Whether it must be there (where it applies).
    pub required: bool,
    /// Values of the selector for which it must be there, though not for all that it applies to.
    pub required_of: &'static [&'static str],
    /// Values of the selector that it applies to; all of them when empty.
    pub of: &'static [&'static str],
    /// Meaning and default.
    pub doc: &'static str,
}

/// Bounds in the quantity's base unit.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Whether `min` itself is too small.
    pub above_min: bool,
}

/// What a key holds.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Text without control characters, not empty, of at most 128 characters.
    Name,
    /// Any text.
    Text,
    /// Text without control characters, perhaps empty, of at most 1,024 bytes.
    Prefix,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Count { min: u64, max: u64 },
    /// A number.
    Number(Bounds),
    /// Text with a number and a unit.
    Quantity(Quantity, Bounds),
    /// As `Quantity`, and whole in this multiple of the base unit.
    Whole(Quantity, Bounds, f64),
    /// Text with a rate of requests or of capacity units; bounds per second.
    Traffic(Bounds),
    /// A duration, perhaps zero, or a distribution of durations.
    Think,
    /// Names with their shares of a whole.
    Shares,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// Texts, at least one.
    Names,
    /// A text, or several.
    OneOrMore,
    /// A length in bytes: constant, or a distribution.
    Length,
    /// A number: constant, or a distribution.
    Range,
    /// Names with their weights, as plain numbers.
    Choices,
    /// Weights in order, as plain numbers, not all of them 0.
    Weights,
    /// Name of a metric: `throttled`, `response_time_p99`.
    Metric,
    /// The largest share or duration of a metric.
    Limit,
    /// Exactly two bounds, as [`Form::Length`] or [`Form::Range`] has them.
    Pair,
    /// One bound, as [`Form::Length`] or [`Form::Range`] has it.
    Bound,
    /// A table.
    One(&'static Section),
    /// `[[…]]`, at least one where it is required.
    Many(&'static Section),
    /// Tables under names of the author's choosing.
    Named(&'static Section),
}

const fn required(name: &'static str, form: Form, doc: &'static str) -> Key {
    let of = &[];
    Key {
        name,
        form,
        required: true,
        required_of: of,
        of,
        doc,
    }
}

const fn optional(name: &'static str, form: Form, doc: &'static str) -> Key {
    Key {
        required: false,
        ..required(name, form, doc)
    }
}

impl Key {
    const fn of(self, kinds: &'static [&'static str]) -> Self {
        Self { of: kinds, ..self }
    }

    const fn required_of(self, kinds: &'static [&'static str]) -> Self {
        Self {
            required_of: kinds,
            ..self
        }
    }

    /// Whether the key must be there where the selector says `kind`; nothing is chosen without.
    #[must_use]
    pub fn is_required(&self, kind: Option<&str>) -> bool {
        match kind {
            Some(kind) => {
                self.required && self.applies_to(kind) || self.required_of.contains(&kind)
            }
            None => self.required && self.of.is_empty(),
        }
    }

    /// Whether the key applies where the selector says `kind`.
    #[must_use]
    pub fn applies_to(&self, kind: &str) -> bool {
        self.of.is_empty() || self.of.contains(&kind)
    }
}

impl Section {
    /// The key called `name`.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

const fn within(min: f64, max: f64) -> Bounds {
    Bounds {
        min,
        max,
        above_min: false,
    }
}
const fn above(min: f64, max: f64) -> Bounds {
    Bounds {
        min,
        max,
        above_min: true,
    }
}

const SECOND: f64 = 1e9;
const MONTH: f64 = 30.0 * 86_400.0 * SECOND;
const DURATION: Form = Form::Quantity(Quantity::Duration, above(0.0, MONTH));
const DURATION_OR_NONE: Form = Form::Quantity(Quantity::Duration, within(0.0, MONTH));
const RATE: Form = Form::Quantity(Quantity::Rate, above(0.0, 1e9));
const TRAFFIC: Form = Form::Traffic(above(0.0, 1e9));
const TRAFFIC_OR_NONE: Form = Form::Traffic(within(0.0, 1e9));
const SHARE: Form = Form::Quantity(Quantity::Share, within(0.0, 1.0));
const SHARE_OF_SOME: Form = Form::Quantity(Quantity::Share, above(0.0, 1.0));
const EXPONENT: Form = Form::Number(within(0.0, 100.0));
const ITEMS_MAX: u64 = 1_000_000_000_000;
const COUNT: Form = Form::Count {
    min: 1,
    max: ITEMS_MAX,
};
/// A weight is relative to the others: so much is enough.
pub const WEIGHT_MAX: f64 = 1e12;
const CLIENT_MAX: u64 = 1_000_000;

/// Entries of one list, at most.
pub const ENTRIES_MAX: usize = 1_000;

/// The whole file.
pub static SCENARIO: Section = Section {
    id: "scenario",
    title: "the top level",
    selector: None,
    doc: "A load test for DynamoDB: tables, what they hold, requests and how they arrive.",
    keys: &[
        required(
            "name",
            Form::Name,
            "Short name, used in reports and folder names.",
        ),
        optional(
            "question",
            Form::Text,
            "The question that this scenario answers.",
        ),
        optional(
            "seed",
            Form::Count {
                min: 0,
                max: i64::MAX as u64,
            },
            "Root of all randomness. Default 1.",
        ),
        optional(
            "expect_throttling",
            Form::Flag,
            "The load is meant to exceed the capacity: do not warn of it. Default false.",
        ),
        required("table", Form::Many(&TABLE), "The tables."),
        optional(
            "keys",
            Form::Named(&KEYS),
            "Named ways in which requests pick items. `uniform`, `sequential` and `new` need no entry.",
        ),
        required(
            "operation",
            Form::Many(&OPERATION),
            "The mix of requests; the weights add up to 100 %.",
        ),
        required(
            "phase",
            Form::Many(&PHASE),
            "Stretches of the run, in order; at least one is measured.",
        ),
        optional(
            "client",
            Form::One(&CLIENT),
            "The load generator's own bounds.",
        ),
        optional(
            "threshold",
            Form::Many(&THRESHOLD),
            "Limits that decide between pass and fail.",
        ),
        optional(
            "validity",
            Form::One(&VALIDITY),
            "When the generator declares its own run invalid.",
        ),
        optional(
            "model",
            Form::One(&MODEL),
            "The unpublished rules of the capacity model.",
        ),
        optional(
            "candidate",
            Form::Many(&CANDIDATE),
            "Keys that `dyno compare` tries.",
        ),
        optional(
            "nightly",
            Form::One(&NIGHTLY),
            "`dyno nightly` measures this scenario and watches what becomes of it.",
        ),
    ],
};

/// Key distributions without parameters, which need no entry of their own.
pub const BUILT_IN_KEYS: &[&str] = &["uniform", "sequential", "new"];
/// Metrics without a quantile.
pub const METRICS: &[&str] = &["throttled", "errors", "completed_rate"];
/// Metrics that end with a percentile.
pub const TIME_METRICS: &[&str] = &["response_time_p", "service_time_p"];
