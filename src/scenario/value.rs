//! What an attribute holds: types, values and the distributions that they are drawn from.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::data::Column;
use crate::units::Share;

/// One attribute of the items of a table, or one field of a map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribute {
    /// 1–65,535 bytes; 255 at most for keys.
    pub name: String,
    /// DynamoDB type.
    pub kind: AttributeType,
    /// What each item holds.
    pub value: ValueSpec,
    /// Share of the items that have this attribute; always 1 for keys.
    pub present: Share,
}

/// DynamoDB's attribute types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum AttributeType {
    /// String.
    S,
    /// Number.
    N,
    /// Binary.
    B,
    /// Boolean.
    #[serde(rename = "BOOL")]
    Bool,
    /// Null.
    #[serde(rename = "NULL")]
    Null,
    /// List.
    L,
    /// Map.
    M,
    /// String set.
    #[serde(rename = "SS")]
    Ss,
    /// Number set.
    #[serde(rename = "NS")]
    Ns,
    /// Binary set.
    #[serde(rename = "BS")]
    Bs,
}

impl AttributeType {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::S,
        Self::N,
        Self::B,
        Self::Bool,
        Self::Null,
        Self::L,
        Self::M,
        Self::Ss,
        Self::Ns,
        Self::Bs,
    ];

    /// DynamoDB's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
            Self::Bool => "BOOL",
            Self::Null => "NULL",
            Self::L => "L",
            Self::M => "M",
            Self::Ss => "SS",
            Self::Ns => "NS",
            Self::Bs => "BS",
        }
    }

    /// The type of a set's members; `None` for what is no set.
    #[must_use]
    pub const fn member(self) -> Option<Self> {
        match self {
            Self::Ss => Some(Self::S),
            Self::Ns => Some(Self::N),
            Self::Bs => Some(Self::B),
            _ => None,
        }
    }
}

/// What the items of a table hold in one attribute, by item number. `Unique`, `Group`, `Cycle`,
/// `Sequence`, `Column` and times with a spacing are fixed by the item number alone; the others
/// are drawn, once per item, and anew by an update that sets them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueSpec {
    /// The item's number, behind `prefix` for S; distinct for every item. S is zero-padded to
    /// 12 digits, so that order and size do not depend on the number. For B: 16 bytes,
    /// a hash of the number.
    Unique { prefix: String },
    /// ⌊item number ÷ `size`⌋, written as `Unique` is: `size` ≥ 1 neighbours share a value.
    Group { prefix: String, size: u64 },
    /// Item number modulo `size` ≥ 1, written as `Unique` is.
    Cycle { prefix: String, size: u64 },
    /// One of `count` ≥ 1 names, number *k* (from 0) with weight (k+1)^-`exponent`, ≥ 0, drawn
    /// independently per item; written as `Unique` is.
    Zipfian {
        prefix: String,
        count: u64,
        exponent: f64,
    },
    /// One of the listed values, drawn independently per item by weight (> 0, not normalised).
    /// For B: the UTF-8 bytes of the text.
    Categorical { choices: Vec<(String, f64)> },
    /// Random lower-case words; the length in bytes is drawn per item, rounded.
    Text { length: NumberSpec },
    /// Random bytes; the length is drawn per item, rounded.
    Bytes { length: NumberSpec },
    /// A number with `decimals` (0–10) digits after the point.
    Number { value: NumberSpec, decimals: u8 },
    /// `true` with this probability.
    Boolean { true_share: Share },
    /// `start` + item number × `step`; magnitudes up to 2^53.
    Sequence { start: i64, step: i64 },
    /// A time: `start` is in milliseconds since 1970.
    Timestamp {
        start: i64,
        times: TimeSpec,
        precision: Precision,
    },
    /// Null.
    Null,
    /// Elements drawn independently; their number is drawn per item, rounded.
    List {
        element: Box<Attribute>,
        elements: NumberSpec,
    },
    /// Fields in the order of the file; names are distinct.
    Map { fields: Vec<Attribute> },
    /// Distinct members, at least one: so many as `elements` says, rounded, unless 64 draws
    /// for each bring up fewer distinct ones.
    Set {
        element: Box<Attribute>,
        elements: NumberSpec,
    },
    /// The field of the item's row. An item whose field is empty lacks the attribute.
    Column(#[serde(serialize_with = "column")] Arc<Column>),
}

fn column<S: Serializer>(column: &Arc<Column>, serializer: S) -> Result<S::Ok, S::Error> {
    column.serialize(serializer)
}

/// Which time an item has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeSpec {
    /// So many nanoseconds after the item before it.
    Spacing(u64),
    /// Any millisecond of this many, all alike.
    Window(u64),
}

/// How exactly a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// `2026-01-31T18:00:00Z`, or seconds since 1970.
    Seconds,
    /// `2026-01-31T18:00:00.000Z`, or milliseconds since 1970.
    Milliseconds,
}

impl Precision {
    /// Milliseconds of one unit.
    #[must_use]
    pub const fn millis(self) -> i64 {
        match self {
            Self::Seconds => 1000,
            Self::Milliseconds => 1,
        }
    }

    /// Bytes of a time as text.
    #[must_use]
    pub const fn text_bytes(self) -> u64 {
        match self {
            Self::Seconds => 20,
            Self::Milliseconds => 24,
        }
    }
}

/// The last millisecond of the year 9999: later times are written as this one.
pub const TIME_MAX: i64 = 253_402_300_799_999;

/// A distribution of numbers. Draws are clamped to the bounds where there are any.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberSpec {
    /// Always the same.
    Constant(f64),
    /// Every value of `min..=max` alike.
    Uniform { min: f64, max: f64 },
    /// Gaussian, clamped.
    Normal {
        mean: f64,
        std_dev: f64,
        min: f64,
        max: f64,
    },
    /// Log-normal with this median and log-scale deviation, clamped.
    LogNormal {
        median: f64,
        sigma: f64,
        min: f64,
        max: f64,
    },
    /// Exponential with this mean, clamped.
    Exponential { mean: f64, min: f64, max: f64 },
    /// P(X > x) = (`min` ÷ x)^`shape` from `min` > 0 on, clamped to `max`.
    Pareto { min: f64, shape: f64, max: f64 },
    /// `min` + k − 1 with weight k^-`exponent`, up to `max`; bounds are whole.
    Zipfian { min: f64, max: f64, exponent: f64 },
    /// Ranges with their weights (> 0, not normalised); within a range all alike.
    Histogram(Vec<Bucket>),
}

/// A range of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// Smallest value.
    pub from: f64,
    /// Largest value.
    pub to: f64,
    /// Compared to the other ranges.
    pub weight: f64,
}

impl NumberSpec {
    /// The largest value that can be drawn.
    #[must_use]
    pub fn max(&self) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { max, .. }
            | Self::Normal { max, .. }
            | Self::LogNormal { max, .. }
            | Self::Exponential { max, .. }
            | Self::Pareto { max, .. }
            | Self::Zipfian { max, .. } => *max,
            Self::Histogram(buckets) => {
                let ends = buckets.iter().map(|bucket| bucket.to);
                ends.fold(f64::NEG_INFINITY, f64::max)
            }
        }
    }

    /// The smallest value that can be drawn.
    #[must_use]
    pub fn min(&self) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Uniform { min, .. }
            | Self::Normal { min, .. }
            | Self::LogNormal { min, .. }
            | Self::Exponential { min, .. }
            | Self::Pareto { min, .. }
            | Self::Zipfian { min, .. } => *min,
            Self::Histogram(buckets) => {
                let starts = buckets.iter().map(|bucket| bucket.from);
                starts.fold(f64::INFINITY, f64::min)
            }
        }
    }
}
