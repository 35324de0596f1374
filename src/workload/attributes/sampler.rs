//! Draws of values, nested as deep as the scenario says.
//!
//! Owns the laws of [`ValueSpec`]; must not know tables or streams.

use std::sync::Arc;

use rand::{Rng as _, RngExt, SeedableRng as _};

use super::{
    numbers::{Numbers, decimal, pick, running_sums},
    text::words,
};
use crate::{
    scenario::{
        Attribute, AttributeType, ValueSpec,
        data::{Column, document::Document},
        value::{Precision, TIME_MAX, TimeSpec},
    },
    seed::{Rng, mix},
    workload::{
        item::{self, AttributeValue, Item},
        keys::zipf::Zipf,
        mix::threshold,
    },
};

/// Draws for each member of a set before the set stays smaller.
const DRAWS_PER_MEMBER: usize = 64;

/// A compiled [`ValueSpec`] with its type.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    kind: AttributeType,
    law: Law,
}

#[derive(Clone, Debug)]
enum Law {
    Unique {
        prefix: String,
    },
    Group {
        prefix: String,
        size: u64,
    },
    Cycle {
        prefix: String,
        size: u64,
    },
    Zipfian {
        prefix: String,
        ranks: Zipf,
    },
    Categorical {
        values: Vec<(AttributeValue, u64)>,
        sums: Vec<f64>,
    },
    Text {
        length: Numbers,
    },
    Bytes {
        length: Numbers,
    },
    Number {
        value: Numbers,
        decimals: u8,
    },
    Boolean {
        true_share: f64,
    },
    Sequence {
        start: i64,
        step: i64,
    },
    Timestamp {
        start: i64,
        times: TimeSpec,
        precision: Precision,
    },
    Null,
    List {
        element: Box<Sampler>,
        elements: Numbers,
    },
    Map {
        fields: Vec<Field>,
    },
    Set {
        element: Box<Sampler>,
        elements: Numbers,
    },
    Column(Arc<Column>),
}

/// A field of a map.
#[derive(Clone, Debug)]
struct Field {
    name: String,
    /// Bound of the draw of those that have it; `None` when all have.
    presence: Option<u64>,
    sampler: Sampler,
}

impl Field {
    fn new(attribute: &Attribute) -> Self {
        let share = attribute.present.as_fraction();
        Self {
            name: attribute.name.clone(),
            presence: (share < 1.0).then(|| threshold(share)),
            sampler: Sampler::new(attribute.kind, &attribute.value),
        }
    }
}

impl Sampler {
    pub(super) fn new(kind: AttributeType, spec: &ValueSpec) -> Self {
        let inner = |element: &Attribute| Box::new(Self::new(element.kind, &element.value));
        let law = match spec.clone() {
            ValueSpec::Unique { prefix } => Law::Unique { prefix },
            ValueSpec::Group { prefix, size } => Law::Group {
                prefix,
                size: size.max(1),
            },
            ValueSpec::Cycle { prefix, size } => Law::Cycle {
                prefix,
                size: size.max(1),
            },
            ValueSpec::Zipfian {
                prefix,
                count,
                exponent,
            } => Law::Zipfian {
                prefix,
                ranks: Zipf::new(count, exponent),
            },
            ValueSpec::Categorical { choices } => Law::Categorical {
                sums: running_sums(choices.iter().map(|(_, weight)| *weight)),
                values: choices
                    .iter()
                    .map(|(text, _)| literal(kind, text))
                    .map(|value| {
                        let size = item::value_size(&value);
                        (value, size)
                    })
                    .collect(),
            },
            ValueSpec::Text { length } => Law::Text {
                length: Numbers::new(&length),
            },
            ValueSpec::Bytes { length } => Law::Bytes {
                length: Numbers::new(&length),
            },
            ValueSpec::Number { value, decimals } => Law::Number {
                value: Numbers::new(&value),
                decimals,
            },
            ValueSpec::Boolean { true_share } => Law::Boolean {
                true_share: true_share.as_fraction(),
            },
            ValueSpec::Sequence { start, step } => Law::Sequence { start, step },
            ValueSpec::Timestamp {
                start,
                times,
                precision,
            } => Law::Timestamp {
                start,
                times,
                precision,
            },
            ValueSpec::Null => Law::Null,
            ValueSpec::List { element, elements } => Law::List {
                element: inner(&element),
                elements: Numbers::new(&elements),
            },
            ValueSpec::Set { element, elements } => Law::Set {
                element: inner(&element),
                elements: Numbers::new(&elements),
            },
            ValueSpec::Map { fields } => Law::Map {
                fields: fields.iter().map(Field::new).collect(),
            },
            ValueSpec::Column(column) => Law::Column(column),
        };
        Self { kind, law }
    }

    /// Whether item `number` has a value at all.
    pub(super) fn has(&self, number: u64) -> bool {
        match &self.law {
            Law::Column(column) => !column.cell(number).is_empty(),
            _ => true,
        }
    }

    /// See [`super::Attributes::append_partition_key`].
    pub(super) fn append_text(&self, number: u64, out: &mut Vec<u8>) -> bool {
        let (prefix, number) = match &self.law {
            _ if self.kind != AttributeType::S => return false,
            Law::Unique { prefix } => (prefix, number),
            Law::Group { prefix, size } => (prefix, number / size),
            Law::Cycle { prefix, size } => (prefix, number % size),
            _ => return false,
        };
        append_numbered(prefix, number, out);
        true
    }

    /// The value of item `number`, with randomness from `rng`, which makes the same generator
    /// every time.
    pub(super) fn value(&self, number: u64, rng: &dyn Fn() -> Rng) -> AttributeValue {
        match &self.law {
            Law::Unique { prefix } => numbered(self.kind, prefix, number),
            Law::Group { prefix, size } => numbered(self.kind, prefix, number / size),
            Law::Cycle { prefix, size } => numbered(self.kind, prefix, number % size),
            Law::Zipfian { prefix, ranks } => {
                numbered(self.kind, prefix, ranks.sample(&mut rng()) - 1)
            }
            Law::Categorical { values, sums } => values[pick(sums, &mut rng())].0.clone(),
            Law::Text { length } => {
                let mut rng = rng();
                let bytes = length.length(&mut rng);
                AttributeValue::S(words(bytes, &mut rng))
            }
            Law::Bytes { length } => {
                let mut rng = rng();
                let mut bytes = vec![0; length.length(&mut rng)];
                rng.fill_bytes(&mut bytes);
                AttributeValue::B(bytes)
            }
            Law::Number { value, decimals } => {
                AttributeValue::N(decimal(value.draw(*decimals, &mut rng()), *decimals))
            }
            Law::Boolean { true_share } => {
                AttributeValue::Bool(rng().random::<f64>() < *true_share)
            }
            Law::Sequence { start, step } => {
                let value = i128::from(*start) + i128::from(number) * i128::from(*step);
                AttributeValue::N(value.to_string())
            }
            Law::Timestamp {
                start,
                times,
                precision,
            } => written(self.kind, time(*start, *times, number, rng), *precision),
            Law::Null => AttributeValue::Null,
            Law::List { element, elements } => {
                let mut rng = rng();
                let count = elements.length(&mut rng);
                let element = |_| element.value(number, &fork(&mut rng));
                AttributeValue::L((0..count).map(element).collect())
            }
            Law::Map { fields } => AttributeValue::M(map(fields, number, &mut rng())),
            Law::Set { element, elements } => {
                let mut rng = rng();
                let count = elements.length(&mut rng).max(1);
                set(self.kind, element, count, number, &mut rng)
            }
            Law::Column(column) => of_column(column, number),
        }
    }

    /// [`item::value_size`] of all values, where it is the same for all.
    pub(super) fn fixed_size(&self) -> Option<u64> {
        match &self.law {
            Law::Text { length } | Law::Bytes { length } => length.constant(),
            Law::Boolean { .. } | Law::Null => Some(1),
            _ => None,
        }
    }

    /// [`item::value_size`] of [`value`](Self::value), without writing the value out where that
    /// can be told without. Long values are as long as their first draw says.
    pub(super) fn size(&self, number: u64, rng: &dyn Fn() -> Rng) -> u64 {
        match &self.law {
            Law::Text { length } | Law::Bytes { length } => length.length(&mut rng()) as u64,
            Law::Unique { prefix } => numbered_size(self.kind, prefix, number),
            Law::Group { prefix, size } => numbered_size(self.kind, prefix, number / size),
            Law::Cycle { prefix, size } => numbered_size(self.kind, prefix, number % size),
            Law::Zipfian { prefix, ranks } => {
                numbered_size(self.kind, prefix, ranks.sample(&mut rng()) - 1)
            }
            Law::Categorical { values, sums } => values[pick(sums, &mut rng())].1,
            Law::Boolean { .. } | Law::Null => 1,
            Law::Timestamp { precision, .. } if self.kind == AttributeType::S => {
                precision.text_bytes()
            }
            Law::List { element, elements } => {
                let mut rng = rng();
                let count = elements.length(&mut rng);
                let element = |_| element.size(number, &fork(&mut rng));
                item::list_size((0..count).map(element))
            }
            Law::Map { fields } => {
                let mut rng = rng();
                let present = fields.iter().filter_map(|field| {
                    let fork = present(field, number, &mut rng)?;
                    Some((field.name.len(), field.sampler.size(number, &fork)))
                });
                item::map_size(present)
            }
            Law::Column(column) => column.size(number),
            Law::Number { .. } | Law::Sequence { .. } | Law::Timestamp { .. } | Law::Set { .. } => {
                item::value_size(&self.value(number, rng))
            }
        }
    }
}

/// Randomness for one part of a value: however much it takes, the next part's stays the same.
fn fork(rng: &mut Rng) -> impl Fn() -> Rng + use<> {
    let seed = rng.next_u64();
    move || Rng::seed_from_u64(seed)
}

/// Randomness for a field, where the map has it.
fn present(field: &Field, number: u64, rng: &mut Rng) -> Option<impl Fn() -> Rng + use<>> {
    let drawn = field.presence.is_none_or(|bound| rng.next_u64() < bound);
    let fork = fork(rng);
    (drawn && field.sampler.has(number)).then_some(fork)
}

fn map(fields: &[Field], number: u64, rng: &mut Rng) -> Item {
    let value = |field: &Field| {
        let fork = present(field, number, rng)?;
        Some((field.name.clone(), field.sampler.value(number, &fork)))
    };
    fields.iter().filter_map(value).collect()
}

fn set(
    kind: AttributeType,
    element: &Sampler,
    count: usize,
    number: u64,
    rng: &mut Rng,
) -> AttributeValue {
    let mut members = std::collections::BTreeSet::new();
    for _ in 0..count.saturating_mul(DRAWS_PER_MEMBER) {
        let bytes = match element.value(number, &fork(rng)) {
            AttributeValue::S(text) | AttributeValue::N(text) => text.into_bytes(),
            AttributeValue::B(bytes) => bytes,
            _ => Vec::new(),
        };
        members.insert(bytes);
        if members.len() >= count {
            break;
        }
    }
    of_members(kind, members.into_iter().collect())
}

fn of_members(kind: AttributeType, members: Vec<Vec<u8>>) -> AttributeValue {
    let texts = |members: Vec<Vec<u8>>| {
        let texts = members.into_iter().map(String::from_utf8);
        texts.filter_map(Result::ok).collect()
    };
    match kind {
        AttributeType::Ns => AttributeValue::Ns(texts(members)),
        AttributeType::Bs => AttributeValue::Bs(members),
        _ => AttributeValue::Ss(texts(members)),
    }
}

fn of_column(column: &Column, number: u64) -> AttributeValue {
    let document = || Document::read(column.text(number)).unwrap_or(Document::Null);
    match column.kind() {
        AttributeType::N => AttributeValue::N(column.text(number).to_owned()),
        AttributeType::B => AttributeValue::B(column.cell(number).to_vec()),
        AttributeType::Bool => AttributeValue::Bool(column.cell(number) == b"true"),
        kind @ (AttributeType::Ss | AttributeType::Ns | AttributeType::Bs) => {
            of_members(kind, document().members(kind).unwrap_or_default())
        }
        AttributeType::L | AttributeType::M => of_document(document()),
        _ => AttributeValue::S(column.text(number).to_owned()),
    }
}

fn of_document(document: Document) -> AttributeValue {
    match document {
        Document::Null => AttributeValue::Null,
        Document::Bool(truth) => AttributeValue::Bool(truth),
        Document::Number(literal) => AttributeValue::N(literal),
        Document::Text(text) => AttributeValue::S(text),
        Document::List(inner) => AttributeValue::L(inner.into_iter().map(of_document).collect()),
        Document::Map(inner) => {
            let entries = inner.into_iter();
            AttributeValue::M(entries.map(|(name, v)| (name, of_document(v))).collect())
        }
    }
}

/// Milliseconds since 1970.
fn time(start: i64, times: TimeSpec, number: u64, rng: &dyn Fn() -> Rng) -> i64 {
    let after = match times {
        TimeSpec::Spacing(nanos) => {
            let nanos = u128::from(number) * u128::from(nanos);
            i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX)
        }
        TimeSpec::Window(millis) => {
            i64::try_from(rng().random_range(0..millis.max(1))).unwrap_or(i64::MAX)
        }
    };
    start.saturating_add(after).min(TIME_MAX)
}

fn written(kind: AttributeType, millis: i64, precision: Precision) -> AttributeValue {
    if kind == AttributeType::N {
        return AttributeValue::N(millis.div_euclid(precision.millis()).to_string());
    }
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    AttributeValue::S(match precision {
        Precision::Seconds => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Precision::Milliseconds => time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
    })
}

/// `number` as a value of the attribute's type, the same wherever it is written, so that one
/// table can refer to another's keys.
fn numbered(kind: AttributeType, prefix: &str, number: u64) -> AttributeValue {
    match kind {
        AttributeType::S => {
            let mut text = Vec::with_capacity(prefix.len() + 12);
            append_numbered(prefix, number, &mut text);
            AttributeValue::S(String::from_utf8(text).expect("text and digits"))
        }
        AttributeType::N => AttributeValue::N(number.to_string()),
        AttributeType::B => {
            // The first half alone is one to one.
            let (head, tail) = (mix(number), mix(mix(!number)));
            AttributeValue::B([head.to_be_bytes(), tail.to_be_bytes()].concat())
        }
        // A scenario numbers nothing else.
        _ => AttributeValue::Null,
    }
}

/// 00 to 99.
#[expect(clippy::cast_possible_truncation, reason = "digits")]
const PAIRS: [u8; 200] = {
    let (mut pairs, mut number) = ([b'0'; 200], 0);
    while number < 100 {
        pairs[2 * number] += (number / 10) as u8;
        pairs[2 * number + 1] += (number % 10) as u8;
        number += 1;
    }
    pairs
};

/// `prefix` and the number in at least 12 digits.
fn append_numbered(prefix: &str, number: u64, out: &mut Vec<u8>) {
    const SIX: u64 = 1_000_000;
    out.extend_from_slice(prefix.as_bytes());
    let (above, twelve) = (number / (SIX * SIX), number % (SIX * SIX));
    if above > 0 {
        out.extend(above.to_string().bytes());
    }
    // Pairs of digits, which do not wait for each other.
    let mut digits = [b'0'; 12];
    for (half, six) in [(0, twelve / SIX), (6, twelve % SIX)] {
        for (place, pair) in [(0, six / 10_000), (2, six / 100 % 100), (4, six % 100)] {
            let pair = usize::try_from(2 * pair).expect("below 200");
            digits[half + place..half + place + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
        }
    }
    out.extend_from_slice(&digits);
}

/// [`item::value_size`] of [`numbered`].
fn numbered_size(kind: AttributeType, prefix: &str, number: u64) -> u64 {
    match kind {
        AttributeType::S => {
            let digits = number.checked_ilog10().unwrap_or(0) + 1;
            prefix.len() as u64 + u64::from(digits.max(12))
        }
        AttributeType::B => 16,
        _ => item::value_size(&numbered(kind, prefix, number)),
    }
}

/// A listed value as a value of the attribute's type.
fn literal(kind: AttributeType, text: &str) -> AttributeValue {
    match kind {
        AttributeType::N => AttributeValue::N(text.to_owned()),
        AttributeType::B => AttributeValue::B(text.as_bytes().to_vec()),
        AttributeType::Bool => AttributeValue::Bool(text == "true"),
        _ => AttributeValue::S(text.to_owned()),
    }
}
