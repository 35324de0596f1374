//! `ConsumedCapacity` of answers as what a request took of a table and its indexes.

use aws_sdk_dynamodb::types::{Capacity, ConsumedCapacity};

use super::Answer;
use crate::{
    record::Declared,
    scenario::Table,
    target::lost,
    units::{ByDirection, CapacityUnits, Direction},
};

/// More units than any answer of DynamoDB's declares by far; sums of it stay far from overflow.
const UNITS_MAX: f64 = 1e9;

/// Adds what an answer declares, if it can be. The units of global indexes are apart from the table's,
/// local ones are part of them: that is how they are provisioned.
pub(super) fn add(
    declared: &mut Declared,
    table: &Table,
    direction: Direction,
    answers: &impl Answers,
) -> Result<(), Answer> {
    for answer in answers.all() {
        if !is_possible(answer) {
            return Err(Answer::Failed {
                cause: lost::unknown("impossible capacity units"),
                retryable: false,
            });
        }
        let mut of_indexes = ByDirection::default();
        for (name, capacity) in answer.global_secondary_indexes.iter().flatten() {
            let units = of_arm(capacity, direction);
            of_indexes += units;
            let mut global = table.global_indexes();
            if let Some(number) = global.position(|(_, index, _)| index.name == *name) {
                declared.add_index(number, units);
            }
        }
        let total = by_direction(
            answer.capacity_units,
            answer.read_capacity_units,
            answer.write_capacity_units,
            direction,
        );
        declared.consumed += ByDirection::from_fn(|arm| total[arm] - of_indexes[arm]);
    }
    Ok(())
}

fn is_possible(answer: &ConsumedCapacity) -> bool {
    let of_indexes = answer.global_secondary_indexes.iter().flatten();
    let of_indexes = of_indexes.flat_map(|(_, index)| {
        [
            index.capacity_units,
            index.read_capacity_units,
            index.write_capacity_units,
        ]
    });
    let of_table = [
        answer.capacity_units,
        answer.read_capacity_units,
        answer.write_capacity_units,
    ];
    let mut all = of_table.into_iter().chain(of_indexes).flatten();
    all.all(|units| (0.0..=UNITS_MAX).contains(&units))
}

/// One declaration, or one for each table of a batch.
pub(super) trait Answers {
    fn all(&self) -> &[ConsumedCapacity];
}

impl Answers for Option<ConsumedCapacity> {
    fn all(&self) -> &[ConsumedCapacity] {
        self.as_slice()
    }
}

impl Answers for Option<Vec<ConsumedCapacity>> {
    fn all(&self) -> &[ConsumedCapacity] {
        self.as_deref().unwrap_or_default()
    }
}

fn of_arm(capacity: &Capacity, direction: Direction) -> ByDirection<CapacityUnits> {
    by_direction(
        capacity.capacity_units,
        capacity.read_capacity_units,
        capacity.write_capacity_units,
        direction,
    )
}

/// Transactions tell reads from writes; elsewhere the operation decides.
fn by_direction(
    all: Option<f64>,
    read: Option<f64>,
    write: Option<f64>,
    direction: Direction,
) -> ByDirection<CapacityUnits> {
    let units = |value: Option<f64>| value.map_or(CapacityUnits::ZERO, CapacityUnits::from);
    if read.is_some() || write.is_some() {
        return ByDirection {
            read: units(read),
            write: units(write),
        };
    }
    let mut consumed = ByDirection::default();
    consumed[direction] = units(all);
    consumed
}
