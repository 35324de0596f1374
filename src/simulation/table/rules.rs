//! A simulated table's answer, and its small rules: what conditions hold, what refused writes
//! are charged for, how large a table is.

use crate::{
    capacity::{Arm, cost::Images},
    engine::Answer,
    record::Declared,
    scenario::{Action, IndexScope, Presence, Table},
    simulation::{items::StoredItems, table::Member},
    units::Bytes,
};

/// Items whose sizes are looked at for the size of the table, which decides on the number of
/// partitions only beyond 10 GB each.
const SIZED_ITEMS: u64 = 256;

/// What a table answers to a request, or to a part of one.
#[derive(Debug)]
pub(in crate::simulation) struct Reply {
    pub(in crate::simulation) answer: Answer,
    pub(in crate::simulation) declared: Declared,
    /// Requests of DynamoDB's that it took, one after the other.
    pub(in crate::simulation) steps: u32,
    /// Members of a batch that the client has to ask for again.
    pub(in crate::simulation) left: Vec<Member>,
    /// What it took of a table that refuses nothing; empty of any other.
    pub(in crate::simulation) spent: Vec<Arm>,
}

/// Whether what is stored is as a condition wants it.
pub(super) fn holds(wanted: Presence, images: Images) -> bool {
    match wanted {
        Presence::Exists => images.old.is_some(),
        Presence::Absent => images.old.is_none(),
    }
}

/// The images that a refused write is charged for: an update carries no whole item.
pub(super) fn carried(images: Images, action: Action) -> Images {
    Images {
        old: images.old,
        new: match action {
            Action::Put => images.new,
            Action::Update | Action::Delete | Action::Check => None,
        },
    }
}

/// A failure that a retry does not mend.
pub(super) fn failed(cause: &str) -> Answer {
    Answer::Failed {
        cause: cause.to_owned(),
        retryable: false,
    }
}

/// By position among the table's indexes: the number among the global ones.
pub(super) fn global_numbers(table: &Table) -> Vec<Option<usize>> {
    let mut globals = 0..;
    let indexes = table.indexes.iter();
    indexes
        .map(|index| match index.scope {
            IndexScope::Local => None,
            IndexScope::Global(_) => globals.next(),
        })
        .collect()
}

/// The size of the loaded table: exact for small ones, from the mean of the first items
/// beyond.
pub(super) fn table_bytes(items: &mut StoredItems, loaded: u64) -> Bytes {
    let looked_at = loaded.min(SIZED_ITEMS);
    let sum: Bytes = (0..looked_at).map(|number| items.whole(number)).sum();
    let scaled = u128::from(sum.0) * u128::from(loaded) / u128::from(looked_at.max(1));
    Bytes(u64::try_from(scaled).unwrap_or(u64::MAX))
}
