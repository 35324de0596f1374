//! What items hold: item number → attribute values.
//!
//! Owns every value distribution; must not know which items are asked for, or why.

use rand::{Rng as _, RngExt};
use rand_distr::{Distribution, StandardNormal};

use super::{
    item::{self, AttributeValue, Item},
    keys::zipf::Zipf,
    mix::threshold,
};
use crate::{
    scenario::{Attribute, AttributeType, NumberSpec, Table, ValueSpec},
    seed::{Rng, Seed, Stream, mix},
    units::Bytes,
};

/// The attributes of one table, compiled.
#[derive(Clone, Debug)]
pub struct Attributes {
    all: Vec<AttributeGenerator>,
    partition_key: usize,
    sort_key: Option<usize>,
}

impl Attributes {
    /// The attributes of `table`, drawn from streams that `seed` has for it.
    #[must_use]
    pub fn new(table: &Table, seed: Seed) -> Self {
        let compile = |attribute| AttributeGenerator::new(attribute, &table.name, seed);
        Self {
            all: table.attributes.iter().map(compile).collect(),
            partition_key: table.partition_key,
            sort_key: table.sort_key,
        }
    }

    /// Item `number` as it is loaded and put, in the order of the scenario.
    #[must_use]
    pub fn item(&self, number: u64) -> Item {
        let present = self.all.iter().filter(|a| a.is_present(number));
        present.map(|a| a.of_item(number)).collect()
    }

    /// The size of item `number` as it is loaded and put, without writing it out.
    #[must_use]
    pub fn item_size(&self, number: u64) -> Bytes {
        let present = self.all.iter().filter(|a| a.is_present(number));
        present.map(|a| a.size_of_item(number)).sum()
    }

    /// The key attributes of item `number`: partition key, then sort key, if any.
    #[must_use]
    pub fn key(&self, number: u64) -> Item {
        let keys = std::iter::once(self.partition_key).chain(self.sort_key);
        keys.map(|index| self.all[index].of_item(number)).collect()
    }

    /// Attribute number `index` of item `number`, with its name, as it is loaded and put.
    #[must_use]
    pub fn value(&self, index: usize, number: u64) -> (String, AttributeValue) {
        self.all[index].of_item(number)
    }

    /// The same where item `number` has the attribute.
    #[must_use]
    pub fn present_value(&self, index: usize, number: u64) -> Option<AttributeValue> {
        let attribute = &self.all[index];
        let present = attribute.is_present(number);
        present.then(|| attribute.of_item(number).1)
    }

    /// Bytes of name and value of attribute number `index` of item `number`, where it has it.
    #[must_use]
    pub fn attribute_size(&self, index: usize, number: u64) -> Option<Bytes> {
        let attribute = &self.all[index];
        let present = attribute.is_present(number);
        present.then(|| attribute.size_of_item(number))
    }

    /// Appends the partition key of item `number` to `out`, without allocating, where it is
    /// numbered text; `false` where it is not, and nothing was written.
    pub fn append_partition_key(&self, number: u64, out: &mut Vec<u8>) -> bool {
        let key = &self.all[self.partition_key];
        key.kind == AttributeType::S && key.sampler.append_text(number, out)
    }

    /// New values for the attributes `indices` of item `number`, as arrival `sequence` sets
    /// them. What an attribute holds by the item's number alone stays the same.
    #[must_use]
    pub fn redrawn(&self, indices: &[usize], number: u64, sequence: u64) -> Item {
        let redraw = |&index: &usize| self.all[index].redrawn(number, sequence);
        indices.iter().map(redraw).collect()
    }
}

#[derive(Clone, Debug)]
struct AttributeGenerator {
    name: String,
    kind: AttributeType,
    values: Stream,
    updates: Stream,
    /// Draw and bound of the items that have it; `None` when all have.
    presence: Option<(Stream, u64)>,
    sampler: Sampler,
}

impl AttributeGenerator {
    fn new(attribute: &Attribute, table: &str, seed: Seed) -> Self {
        let stream = |family: &str| seed.stream(&format!("{family}/{table}/{}", attribute.name));
        let share = attribute.present.as_fraction();
        Self {
            name: attribute.name.clone(),
            kind: attribute.kind,
            values: stream("items"),
            updates: stream("updates"),
            presence: (share < 1.0).then(|| (stream("present"), threshold(share))),
            sampler: Sampler::new(&attribute.value),
        }
    }

    fn is_present(&self, number: u64) -> bool {
        self.presence
            .is_none_or(|(stream, bound)| stream.bits(number) < bound)
    }

    fn of_item(&self, number: u64) -> (String, AttributeValue) {
        self.draw(number, self.values, number)
    }

    /// Long values are as long as their first draw says: no need to draw what is in them.
    fn size_of_item(&self, number: u64) -> Bytes {
        let value = match &self.sampler {
            Sampler::Text { length } | Sampler::Bytes { length } => {
                draw_length(length, &mut self.values.at(number)) as u64
            }
            sampler => {
                let rng = || self.values.at(number);
                item::value_size(&sampler.value(self.kind, number, rng))
            }
        };
        Bytes(self.name.len() as u64 + value)
    }

    fn redrawn(&self, number: u64, sequence: u64) -> (String, AttributeValue) {
        self.draw(number, self.updates, sequence)
    }

    fn draw(&self, number: u64, stream: Stream, draw: u64) -> (String, AttributeValue) {
        let value = self.sampler.value(self.kind, number, || stream.at(draw));
        (self.name.clone(), value)
    }
}

/// A compiled [`ValueSpec`].
#[derive(Clone, Debug)]
enum Sampler {
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
        values: Vec<String>,
        /// Running sums of the weights.
        sums: Vec<f64>,
    },
    Text {
        length: NumberSpec,
    },
    Bytes {
        length: NumberSpec,
    },
    Number {
        value: NumberSpec,
        decimals: u8,
    },
    Boolean {
        true_share: f64,
    },
}

impl Sampler {
    fn new(spec: &ValueSpec) -> Self {
        match spec.clone() {
            ValueSpec::Unique { prefix } => Self::Unique { prefix },
            ValueSpec::Group { prefix, size } => Self::Group {
                prefix,
                size: size.max(1),
            },
            ValueSpec::Cycle { prefix, size } => Self::Cycle {
                prefix,
                size: size.max(1),
            },
            ValueSpec::Zipfian {
                prefix,
                count,
                exponent,
            } => Self::Zipfian {
                prefix,
                ranks: Zipf::new(count, exponent),
            },
            ValueSpec::Categorical { choices } => {
                let mut sum = 0.0;
                let (values, sums) = choices
                    .into_iter()
                    .map(|(value, weight)| {
                        sum += weight;
                        (value, sum)
                    })
                    .unzip();
                Self::Categorical { values, sums }
            }
            ValueSpec::Text { length } => Self::Text { length },
            ValueSpec::Bytes { length } => Self::Bytes { length },
            ValueSpec::Number { value, decimals } => Self::Number { value, decimals },
            ValueSpec::Boolean { true_share } => Self::Boolean {
                true_share: true_share.as_fraction(),
            },
        }
    }

    fn value(&self, kind: AttributeType, number: u64, rng: impl FnOnce() -> Rng) -> AttributeValue {
        match self {
            Self::Unique { prefix } => numbered(kind, prefix, number),
            Self::Group { prefix, size } => numbered(kind, prefix, number / size),
            Self::Cycle { prefix, size } => numbered(kind, prefix, number % size),
            Self::Zipfian { prefix, ranks } => numbered(kind, prefix, ranks.sample(&mut rng()) - 1),
            Self::Categorical { values, sums } => {
                let total = sums.last().copied().unwrap_or(0.0);
                let drawn = rng().random::<f64>() * total;
                let index = sums.partition_point(|&sum| sum <= drawn);
                literal(kind, &values[index.min(values.len() - 1)])
            }
            Self::Text { length } => {
                let mut rng = rng();
                let bytes = draw_length(length, &mut rng);
                AttributeValue::S(words(bytes, &mut rng))
            }
            Self::Bytes { length } => {
                let mut rng = rng();
                let mut bytes = vec![0; draw_length(length, &mut rng)];
                rng.fill_bytes(&mut bytes);
                AttributeValue::B(bytes)
            }
            Self::Number { value, decimals } => AttributeValue::N(decimal(
                draw_number(value, *decimals, &mut rng()),
                *decimals,
            )),
            Self::Boolean { true_share } => {
                AttributeValue::Bool(rng().random::<f64>() < *true_share)
            }
        }
    }
}

impl Sampler {
    /// See [`Attributes::append_partition_key`].
    fn append_text(&self, number: u64, out: &mut Vec<u8>) -> bool {
        let (prefix, number) = match self {
            Self::Unique { prefix } => (prefix, number),
            Self::Group { prefix, size } => (prefix, number / size),
            Self::Cycle { prefix, size } => (prefix, number % size),
            _ => return false,
        };
        append_numbered(prefix, number, out);
        true
    }
}

/// `prefix` and the number in at least 12 digits.
fn append_numbered(prefix: &str, number: u64, out: &mut Vec<u8>) {
    const DIGITS: usize = 12;
    out.extend_from_slice(prefix.as_bytes());
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    let mut rest = number;
    while rest > 0 {
        first -= 1;
        digits[first] += u8::try_from(rest % 10).expect("a digit");
        rest /= 10;
    }
    out.extend_from_slice(&digits[first.min(digits.len() - DIGITS)..]);
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
        AttributeType::Bool => AttributeValue::Bool(number != 0),
    }
}

/// A listed value as a value of the attribute's type.
fn literal(kind: AttributeType, text: &str) -> AttributeValue {
    match kind {
        AttributeType::S => AttributeValue::S(text.to_owned()),
        AttributeType::N => AttributeValue::N(text.to_owned()),
        AttributeType::B => AttributeValue::B(text.as_bytes().to_vec()),
        AttributeType::Bool => AttributeValue::Bool(text == "true"),
    }
}

/// 32 letters, the frequent ones of English more than once: five random bits are a letter.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvweeeeaaoti";
/// Letters that five bits each can be taken for from one draw of 64 bits, before three bits
/// that are left decide on the word's length.
const LETTERS_PER_DRAW: usize = 12;

/// Lower-case words of 3 to 10 letters with single spaces between them: exactly `bytes` long,
/// no space at either end.
fn words(bytes: usize, rng: &mut Rng) -> String {
    let mut text = Vec::with_capacity(bytes);
    while text.len() < bytes {
        let mut bits = rng.next_u64();
        let word = 3 + (bits >> (5 * LETTERS_PER_DRAW)) as usize % 8;
        for _ in 0..word.min(bytes - text.len()) {
            text.push(LETTERS[(bits & 31) as usize]);
            bits >>= 5;
        }
        if text.len() + 1 < bytes {
            text.push(b' ');
        }
    }
    String::from_utf8(text).expect("letters and spaces are ASCII")
}

/// A length in bytes, whole and not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded; saturates, and a valid scenario bounds it by 400 KB"
)]
fn draw_length(spec: &NumberSpec, rng: &mut Rng) -> usize {
    draw_number(spec, 0, rng).round() as usize
}

/// A draw, rounded to `decimals` by whoever writes it. Uniform draws fall on the multiples of
/// 10^-`decimals` themselves: rounding would give the ends of the range half their share.
fn draw_number(spec: &NumberSpec, decimals: u8, rng: &mut Rng) -> f64 {
    match *spec {
        NumberSpec::Constant(value) => value,
        NumberSpec::Uniform { min, max } => uniform(min, max, decimals, rng),
        NumberSpec::Normal {
            mean,
            std_dev,
            min,
            max,
        } => {
            let z: f64 = StandardNormal.sample(rng);
            z.mul_add(std_dev, mean).max(min).min(max)
        }
        NumberSpec::LogNormal {
            median,
            sigma,
            min,
            max,
        } => {
            let z: f64 = StandardNormal.sample(rng);
            (median * (sigma * z).exp()).max(min).min(max)
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "steps are checked to be below 2^53"
)]
fn uniform(min: f64, max: f64, decimals: u8, rng: &mut Rng) -> f64 {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let scale = 10_f64.powi(i32::from(decimals));
    // 0.1 × 10 must count as 1 in spite of binary fractions.
    let slack = 1e-9;
    let (first, last) = ((min * scale - slack).ceil(), (max * scale + slack).floor());
    if first.abs() < EXACT && last.abs() < EXACT && first <= last {
        rng.random_range(first as i64..=last as i64) as f64 / scale
    } else {
        (max - min).mul_add(rng.random::<f64>(), min).min(max)
    }
}

/// `value` with `decimals` digits after the point, and no minus before a zero.
fn decimal(value: f64, decimals: u8) -> String {
    let text = format!("{value:.*}", usize::from(decimals));
    match text.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|b| matches!(b, b'0' | b'.')) => zero.to_owned(),
        _ => text,
    }
}
