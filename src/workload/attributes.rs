//! What items hold: item number → attribute values.
//!
//! Owns which streams attributes are drawn from; must not know which items are asked for, or
//! why. The laws are in [`sampler`] and [`numbers`].

mod numbers;
mod sampler;
mod text;

use super::{
    item::{AttributeValue, Item},
    mix::threshold,
};
use crate::{
    scenario::{Attribute, Table},
    seed::{Seed, Stream},
    units::Bytes,
};
use sampler::Sampler;

/// The attributes of one table, compiled.
#[derive(Clone, Debug)]
pub struct Attributes {
    all: Vec<AttributeGenerator>,
    /// What every item has as large as every other, together.
    fixed: Bytes,
    /// Positions of the others.
    varying: Vec<usize>,
    partition_key: usize,
    sort_key: Option<usize>,
}

impl Attributes {
    /// The attributes of `table`, drawn from streams that `seed` has for it.
    #[must_use]
    pub fn new(table: &Table, seed: Seed) -> Self {
        let compile = |attribute| AttributeGenerator::new(attribute, &table.name, seed);
        let all: Vec<_> = table.attributes.iter().map(compile).collect();
        let varies = |attribute: &AttributeGenerator| attribute.fixed_size().is_none();
        Self {
            fixed: all.iter().filter_map(AttributeGenerator::fixed_size).sum(),
            varying: (0..all.len()).filter(|at| varies(&all[*at])).collect(),
            all,
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
        let varying = self.varying.iter().map(|at| &self.all[*at]);
        let present = varying.filter(|a| a.is_present(number));
        self.fixed + present.map(|a| a.size_of_item(number)).sum()
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

    /// Whether item `number` has attribute number `index`.
    #[must_use]
    pub fn is_present(&self, index: usize, number: u64) -> bool {
        self.all[index].is_present(number)
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
        key.sampler.append_text(number, out)
    }

    /// New values for the attributes `indices` of item `number`, as arrival `sequence` sets
    /// them. What an attribute holds by the item's number alone stays the same.
    #[must_use]
    pub fn redrawn(&self, indices: &[usize], number: u64, sequence: u64) -> Item {
        let redraw = |&index: &usize| self.all[index].redrawn(number, sequence);
        indices.iter().map(redraw).collect()
    }

    /// Bytes of the name of attribute number `index` and of the value that arrival `sequence`
    /// sets it to in item `number`, without writing it out.
    #[must_use]
    pub fn redrawn_size(&self, index: usize, number: u64, sequence: u64) -> Bytes {
        self.all[index].size_redrawn(number, sequence)
    }
}

#[derive(Clone, Debug)]
struct AttributeGenerator {
    name: String,
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
            values: stream("items"),
            updates: stream("updates"),
            presence: (share < 1.0).then(|| (stream("present"), threshold(share))),
            sampler: Sampler::new(attribute.kind, &attribute.value),
        }
    }

    fn is_present(&self, number: u64) -> bool {
        let drawn = |(stream, bound): (Stream, u64)| stream.bits(number) < bound;
        self.presence.is_none_or(drawn) && self.sampler.has(number)
    }

    /// Its size where every item has it, and as large as every other.
    fn fixed_size(&self) -> Option<Bytes> {
        let value = self
            .sampler
            .fixed_size()
            .filter(|_| self.presence.is_none())?;
        Some(Bytes(self.name.len() as u64 + value))
    }

    fn of_item(&self, number: u64) -> (String, AttributeValue) {
        self.draw(number, self.values, number)
    }

    fn size_of_item(&self, number: u64) -> Bytes {
        self.size(number, self.values, number)
    }

    fn size_redrawn(&self, number: u64, sequence: u64) -> Bytes {
        self.size(number, self.updates, sequence)
    }

    fn size(&self, number: u64, stream: Stream, draw: u64) -> Bytes {
        let value = self.sampler.size(number, &|| stream.at(draw));
        Bytes(self.name.len() as u64 + value)
    }

    fn redrawn(&self, number: u64, sequence: u64) -> (String, AttributeValue) {
        self.draw(number, self.updates, sequence)
    }

    fn draw(&self, number: u64, stream: Stream, draw: u64) -> (String, AttributeValue) {
        let value = self.sampler.value(number, &|| stream.at(draw));
        (self.name.clone(), value)
    }
}
