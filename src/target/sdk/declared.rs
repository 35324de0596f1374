//! `ConsumedCapacity` of answers as what a request took of a table and its indexes.

use aws_sdk_dynamodb::types::{Capacity, ConsumedCapacity};

use super::Answer;
use crate::{
    record::Declared,
    scenario::Table,
    target::consumed::{self, Consumed, Units},
    units::Direction,
};

/// Adds what an answer declares, if it can be.
pub(super) fn add(
    declared: &mut Declared,
    table: &Table,
    direction: Direction,
    answers: &impl Answers,
) -> Result<(), Answer> {
    consumed::add(
        declared,
        table,
        direction,
        answers.all().iter().map(of_table),
    )
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

fn of_table(table: &ConsumedCapacity) -> Consumed<'_> {
    let indexes = table.global_secondary_indexes.iter().flatten();
    Consumed {
        total: Units {
            all: table.capacity_units,
            read: table.read_capacity_units,
            write: table.write_capacity_units,
        },
        global_indexes: indexes
            .map(|(name, index)| (name.as_str(), of_index(index)))
            .collect(),
    }
}

const fn of_index(index: &Capacity) -> Units {
    Units {
        all: index.capacity_units,
        read: index.read_capacity_units,
        write: index.write_capacity_units,
    }
}
