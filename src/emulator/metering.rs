//! What an executed request took, member by member: the units that buckets and books are
//! charged.
//!
//! Owns the way from an answer, or from a failure that declares nothing, to units. The rules
//! of cost are the capacity model's; must not know buckets.

use serde_json::Value;

use super::{
    catalog::{Catalog, Tables, table_name},
    members::Member,
    store::{self, ConsumedCapacity},
};
use crate::{
    capacity::{cost, partition::KeyHash},
    scenario::Consistency,
    units::{Bytes, CapacityUnits, Direction},
};

/// Units of one table or of one of its global indexes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Charge {
    /// The table's name.
    pub(super) table: String,
    /// The global secondary index; local ones live on the table's units.
    pub(super) index: Option<String>,
    pub(super) direction: Direction,
    pub(super) units: CapacityUnits,
    /// A read that any replica may serve.
    pub(super) eventual: bool,
    /// As [`Member::partition_key`], of the table or of the index.
    pub(super) partition_key: Option<KeyHash>,
}

/// Whether `operation` is all or nothing, for twice the units.
pub(super) fn is_transaction(operation: &str) -> bool {
    matches!(
        operation,
        "TransactGetItems" | "TransactWriteItems" | "ExecuteTransaction"
    )
}

/// The key of the one item that a member works on.
pub(super) fn key(member: &Member, catalog: &Catalog) -> Option<Value> {
    catalog.table(member.table)?.key_of(member.attributes?)
}

/// What a member takes of its table, as far as the size of its item can be told at once.
pub(super) fn looked_up(
    operation: &str,
    member: &Member,
    catalog: &Catalog,
    tables: &dyn Tables,
) -> CapacityUnits {
    let key = key(member, catalog);
    let stored = key.and_then(|key| tables.stored_size(member.table, &key));
    estimate(operation, member, stored)
}

/// What a member takes of its table, so far as it can be known before it is executed: all of
/// it for reads, puts and deletes of one item of which the `stored` size is known, and the least
/// for the rest.
pub(super) fn estimate(operation: &str, member: &Member, stored: Option<Bytes>) -> CapacityUnits {
    let carried = member.carried().and_then(store::carried_size);
    units(operation, member, stored, carried)
}

/// The table's arm for an item that has had these sizes.
fn units(
    operation: &str,
    member: &Member,
    before: Option<Bytes>,
    after: Option<Bytes>,
) -> CapacityUnits {
    let plain = match member.direction() {
        Direction::Read => {
            let strong = member.consistent || is_transaction(operation);
            let consistency = if strong {
                Consistency::Strong
            } else {
                Consistency::Eventual
            };
            cost::read(before.unwrap_or_default(), consistency)
        }
        Direction::Write => cost::write(before, after),
    };
    // A transaction reads and writes twice: once to prepare and once to commit [TXN].
    if is_transaction(operation) {
        plain * 2
    } else {
        plain
    }
}

/// What a request took that was executed.
///
/// `estimates` are those of the members, made before. The table's units go to the members'
/// partitions as far as they are known, their sum is always what the answer declares.
pub(super) fn charges(
    members: &[Member],
    estimates: &[CapacityUnits],
    consumed: &[ConsumedCapacity],
    catalog: &Catalog,
) -> Vec<Charge> {
    let mut charges = Vec::new();
    for consumed in consumed {
        let table = table_name(&consumed.table_name);
        let of_table: Vec<_> = members
            .iter()
            .zip(estimates)
            .filter(|(member, _)| member.table == table)
            .collect();
        let Some((first, _)) = of_table.first() else {
            continue;
        };
        let direction = direction(consumed, first);
        charge_table(&mut charges, consumed, table, direction, &of_table);
        charge_indexes(&mut charges, consumed, table, direction, &of_table, catalog);
    }
    charges
}

/// A transaction that repeats an earlier one under its token is charged reads, whatever it
/// wrote then [TXN].
fn direction(consumed: &ConsumedCapacity, member: &Member) -> Direction {
    if consumed.read_capacity_units.is_some() {
        Direction::Read
    } else {
        member.direction()
    }
}

fn charge_table(
    charges: &mut Vec<Charge>,
    consumed: &ConsumedCapacity,
    table: &str,
    direction: Direction,
    members: &[(&Member, &CapacityUnits)],
) {
    let arm = consumed
        .table
        .as_ref()
        .map_or(0.0, |arm| arm.capacity_units);
    let local = consumed.local_secondary_indexes.iter().flatten();
    let total = CapacityUnits::from(arm)
        + local
            .map(|(_, arm)| CapacityUnits::from(arm.capacity_units))
            .sum();
    let mut left = total;
    for (number, (member, estimate)) in members.iter().enumerate() {
        let last = number + 1 == members.len();
        // What the estimates could not know (updates, local indexes) goes to the last.
        let units = if last {
            left
        } else {
            Ord::min(**estimate, left)
        };
        left -= units;
        if units > CapacityUnits::ZERO {
            charges.push(Charge {
                table: table.to_owned(),
                index: None,
                direction,
                units,
                // Only a transaction declares its direction.
                eventual: direction == Direction::Read
                    && !member.consistent
                    && consumed.read_capacity_units.is_none(),
                partition_key: member.partition_key,
            });
        }
    }
}

fn charge_indexes(
    charges: &mut Vec<Charge>,
    consumed: &ConsumedCapacity,
    table: &str,
    direction: Direction,
    members: &[(&Member, &CapacityUnits)],
    catalog: &Catalog,
) {
    let mut arms: Vec<_> = consumed.global_secondary_indexes.iter().flatten().collect();
    // The store's map has no order of its own.
    arms.sort_by_key(|(name, _)| *name);
    for (name, arm) in arms {
        // Which member of several caused the arm is not told; the first one's place in the
        // table stands for what is not known.
        let first = members.first().map(|(member, _)| *member);
        let partition_key = first.and_then(|member| {
            let info = catalog.table(table)?.indexes.get(name)?;
            member.index_key(info).or(member.partition_key)
        });
        charges.push(Charge {
            table: table.to_owned(),
            index: Some(name.clone()),
            direction,
            units: CapacityUnits::from(arm.capacity_units),
            eventual: direction == Direction::Read,
            partition_key,
        });
    }
}

/// Whether a request that failed so is charged all the same: a failed condition is, like the write
/// it prevented, for the larger of the stored and the carried item [RWO]; everything else is free.
/// `reasons` are the codes of a cancelled transaction.
pub(super) fn is_charged<'code>(code: &str, reasons: impl IntoIterator<Item = &'code str>) -> bool {
    match code {
        "ConditionalCheckFailedException" => true,
        // A transaction that was not valid was never begun.
        "TransactionCanceledException" => reasons.into_iter().all(|reason| {
            matches!(
                reason,
                "None" | "ConditionalCheckFailed" | "TransactionConflict"
            )
        }),
        _ => false,
    }
}

/// What a request took whose answer does not declare it: `units` of each member's table. The size
/// that a failed update would have led to is not known and left out.
pub(super) fn charges_by_member(members: &[Member], units: &[CapacityUnits]) -> Vec<Charge> {
    let charge = |(member, units): (&Member, &CapacityUnits)| Charge {
        table: member.table.to_owned(),
        index: member.index.map(str::to_owned),
        direction: member.direction(),
        units: *units,
        eventual: false,
        partition_key: member.partition_key,
    };
    members.iter().zip(units).map(charge).collect()
}
