//! What answers declare that a request took, as units of a table and its indexes.

use super::{Answer, lost};
use crate::{
    record::Declared,
    scenario::Table,
    units::{ByDirection, CapacityUnits, Direction},
};

/// More units than any answer of DynamoDB's declares by far; sums of it stay far from overflow.
const UNITS_MAX: f64 = 1e9;

/// `CapacityUnits`, `ReadCapacityUnits` and `WriteCapacityUnits` of one table or index.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Units {
    pub(super) all: Option<f64>,
    pub(super) read: Option<f64>,
    pub(super) write: Option<f64>,
}

/// One `ConsumedCapacity`.
#[derive(Clone, Debug)]
pub(super) struct Consumed<'a> {
    /// Of the table and all its indexes.
    pub(super) total: Units,
    /// By name.
    pub(super) global_indexes: Vec<(&'a str, Units)>,
}

/// Adds what an answer declares, if it can be. The units of global indexes are apart from the
/// table's, local ones are part of them: that is how they are provisioned.
pub(super) fn add<'a>(
    declared: &mut Declared,
    table: &Table,
    direction: Direction,
    answers: impl Iterator<Item = Consumed<'a>>,
) -> Result<(), Answer> {
    for answer in answers {
        if !answer.is_possible() {
            return Err(Answer::Failed {
                cause: lost::unknown("impossible capacity units"),
                retryable: false,
            });
        }
        let mut of_indexes = ByDirection::default();
        for (name, units) in &answer.global_indexes {
            let units = units.by_direction(direction);
            of_indexes += units;
            let mut global = table.global_indexes();
            if let Some(number) = global.position(|(_, index, _)| index.name == *name) {
                declared.add_index(number, units);
            }
        }
        let total = answer.total.by_direction(direction);
        declared.consumed += ByDirection::from_fn(|arm| total[arm] - of_indexes[arm]);
    }
    Ok(())
}

impl Consumed<'_> {
    fn is_possible(&self) -> bool {
        let indexes = self.global_indexes.iter().map(|(_, units)| *units);
        let all = std::iter::once(self.total).chain(indexes);
        let mut all = all.flat_map(|units| [units.all, units.read, units.write]);
        all.all(|units| units.is_none_or(|units| (0.0..=UNITS_MAX).contains(&units)))
    }
}

impl Units {
    /// Transactions tell reads from writes; elsewhere the operation decides.
    fn by_direction(self, direction: Direction) -> ByDirection<CapacityUnits> {
        let units = |value: Option<f64>| value.map_or(CapacityUnits::ZERO, CapacityUnits::from);
        if self.read.is_some() || self.write.is_some() {
            return ByDirection {
                read: units(self.read),
                write: units(self.write),
            };
        }
        let mut consumed = ByDirection::default();
        consumed[direction] = units(self.all);
        consumed
    }
}
