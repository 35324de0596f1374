//! What a table holds, as far as it decides what requests cost: which items are there, and how
//! large each is.
//!
//! Only what was written to is kept; everything else follows from the number of an item.

use std::collections::BTreeMap;

use crate::{
    capacity::{limits::QUERY_PAGE, partition::KeyHash},
    scenario::{KeySpec, OperationKind, Scenario, Table, ValueSpec},
    units::Bytes,
    workload::{
        Workload,
        item::{self, Item},
    },
};

use super::{
    SimulationError,
    memo::Memo,
    partition::{Members, PartitionIndex},
    place::{self, Rank},
};

/// Items that are looked at one by one, at most, where no rule says which share a key.
const INDEXED_MAX: u64 = 2_000_000;

/// What became of an item that was written to.
#[derive(Clone, Debug)]
enum Content {
    Absent,
    /// As item number so-and-so is loaded or put.
    Whole(u64),
    /// Bytes of name and value by attribute of the scenario; 0 where it is missing.
    Attributes(Box<[u32]>),
}

/// The items of one table.
///
/// An item is known by the number that it was loaded or first written under. Where several
/// numbers have one primary key, they are one item, and `ids` says which.
#[derive(Debug)]
pub(super) struct StoredItems {
    workload: Workload,
    table: usize,
    /// Items below this number are there unless they were deleted.
    loaded: u64,
    written: BTreeMap<u64, Content>,
    ids: Option<BTreeMap<KeyHash, u64>>,
    /// Only where there are queries.
    partitions: Option<PartitionIndex>,
    sizes: Memo<Bytes>,
    places: Memo<KeyHash>,
}

impl StoredItems {
    pub(super) fn new(
        workload: &Workload,
        table: usize,
        loaded: u64,
    ) -> Result<Self, SimulationError> {
        let scenario = workload.scenario();
        let spec = &scenario.tables[table];
        let queried = scenario
            .operations
            .iter()
            .any(|o| o.table == table && o.kind == OperationKind::Query);
        let overlapping = !keys_are_distinct(scenario, table);
        let by_rule = Members::by_rule(spec).filter(|_| !overlapping);
        let too_many = |items| SimulationError::TooManyItems {
            table: spec.name.clone(),
            items,
            max: INDEXED_MAX,
        };
        if (overlapping || queried && by_rule.is_none()) && loaded > INDEXED_MAX {
            return Err(too_many(loaded));
        }
        let ids = overlapping.then(|| {
            let id = |number| (place::identity(&workload.key(table, number)), number);
            // What is loaded later replaces what was there.
            (0..loaded).map(id).collect::<BTreeMap<_, _>>()
        });
        let members =
            queried.then(|| by_rule.unwrap_or_else(|| list(workload, table, loaded, ids.as_ref())));
        if let Some(largest) = members.as_ref().map(|members| members.largest(loaded))
            && largest > INDEXED_MAX
        {
            return Err(too_many(largest));
        }
        Ok(Self {
            workload: workload.clone(),
            table,
            loaded,
            written: BTreeMap::new(),
            ids,
            partitions: members.map(|members| PartitionIndex::new(members, loaded)),
            sizes: Memo::new(spec.items),
            places: Memo::new(spec.items),
        })
    }

    /// Where the partition key of item `number` lies.
    pub(super) fn place(&mut self, number: u64) -> KeyHash {
        let (workload, table) = (&self.workload, self.table);
        self.places
            .get(number, || place::place(&workload.key(table, number)[0].1))
    }

    /// The size of item `number` as it is loaded or put, whether it is there or not.
    pub(super) fn whole(&mut self, number: u64) -> Bytes {
        let (workload, table) = (&self.workload, self.table);
        self.sizes.get(number, || workload.item_size(table, number))
    }

    /// The size that item `number` has now; `None` when it is not there.
    pub(super) fn stored(&mut self, number: u64) -> Option<Bytes> {
        let id = match &self.ids {
            None => number,
            Some(ids) => *ids.get(&place::identity(&self.workload.key(self.table, number)))?,
        };
        self.stored_under(id)
    }

    fn stored_under(&mut self, id: u64) -> Option<Bytes> {
        match self.written.get(&id) {
            None => (id < self.loaded).then(|| self.whole(id)),
            Some(Content::Absent) => None,
            Some(&Content::Whole(number)) => Some(self.whole(number)),
            Some(Content::Attributes(sizes)) => {
                Some(Bytes(sizes.iter().copied().map(u64::from).sum()))
            }
        }
    }

    /// Puts item `number`; the sizes before and after.
    pub(super) fn put(&mut self, number: u64) -> (Option<Bytes>, Bytes) {
        let id = self.id_for_writing(number);
        let old = self.stored_under(id);
        self.write(id, Content::Whole(number));
        (old, self.whole(number))
    }

    /// Sets attributes of item `number`, which is created if it is not there; the sizes before
    /// and after.
    pub(super) fn update(&mut self, number: u64, set: &Item) -> (Option<Bytes>, Bytes) {
        let id = self.id_for_writing(number);
        let old = self.stored_under(id);
        let attributes = &self.workload.scenario().tables[self.table];
        let mut sizes = match self.written.get(&id) {
            Some(Content::Attributes(sizes)) => sizes.clone(),
            Some(&Content::Whole(whole)) => {
                by_attribute(attributes, &self.workload.item(self.table, whole))
            }
            None if id < self.loaded => {
                by_attribute(attributes, &self.workload.item(self.table, id))
            }
            _ => by_attribute(attributes, &self.workload.key(self.table, number)),
        };
        let changed = by_attribute(attributes, set);
        for (size, changed) in sizes.iter_mut().zip(&changed) {
            if *changed > 0 {
                *size = *changed;
            }
        }
        let new = Bytes(sizes.iter().copied().map(u64::from).sum());
        self.write(id, Content::Attributes(sizes));
        (old, new)
    }

    /// Deletes item `number`; the size that it had.
    pub(super) fn delete(&mut self, number: u64) -> Option<Bytes> {
        let old = self.stored(number)?;
        let id = self.id_for_writing(number);
        self.write(id, Content::Absent);
        Some(old)
    }

    /// The bytes that a query for the partition key of item `number` reads in its one page:
    /// in ascending order, until `limit` items are read or the page is full, which it is with
    /// the item that reaches [`QUERY_PAGE`].
    pub(super) fn page(&mut self, number: u64, limit: Option<u32>) -> Bytes {
        let place = self.place(number);
        let (workload, table) = (self.workload.clone(), self.table);
        let rank = |id| Rank::of(workload.key(table, id).get(1).map(|(_, value)| value));
        let order = self
            .partitions
            .as_mut()
            .expect("made for every table that is queried")
            .in_order(place, number, rank);
        let mut left = limit.unwrap_or(u32::MAX);
        let mut sum = Bytes(0);
        for id in order.iter() {
            if left == 0 || sum >= QUERY_PAGE {
                break;
            }
            if let Some(size) = self.stored_under(*id) {
                sum = sum + size;
                left -= 1;
            }
        }
        sum
    }

    fn id_for_writing(&mut self, number: u64) -> u64 {
        let id = match &mut self.ids {
            None => number,
            Some(ids) => {
                let key = place::identity(&self.workload.key(self.table, number));
                *ids.entry(key).or_insert(number)
            }
        };
        if id >= self.loaded && !self.written.contains_key(&id) && self.partitions.is_some() {
            let place = self.place(id);
            if let Some(partitions) = &mut self.partitions {
                partitions.add(place, id);
            }
        }
        id
    }

    fn write(&mut self, id: u64, content: Content) {
        match content {
            // As it was loaded: nothing to remember.
            Content::Whole(number) if number == id && id < self.loaded => {
                self.written.remove(&id);
            }
            content => {
                self.written.insert(id, content);
            }
        }
    }
}

/// Whether no two numbers that a run comes across have the same primary key.
fn keys_are_distinct(scenario: &Scenario, table: usize) -> bool {
    let spec = &scenario.tables[table];
    let inserts = scenario
        .operations
        .iter()
        .any(|o| o.table == table && scenario.keys[o.keys].spec == KeySpec::New);
    let mut group = if inserts { u64::MAX } else { spec.items };
    let mut period = 1_u128;
    for index in std::iter::once(spec.partition_key).chain(spec.sort_key) {
        match spec.attributes[index].value {
            ValueSpec::Unique { .. } => return true,
            ValueSpec::Sequence { step, .. } if step != 0 => return true,
            ValueSpec::Group { size, .. } => group = group.min(size),
            ValueSpec::Cycle { size, .. } => period = lcm(period, u128::from(size.max(1))),
            _ => {}
        }
    }
    // Two numbers are apart when they differ in their group or in their place of the period.
    period >= u128::from(group)
}

fn lcm(a: u128, b: u128) -> u128 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b)
}

/// The items of every partition key, where no rule says which they are.
fn list(
    workload: &Workload,
    table: usize,
    loaded: u64,
    ids: Option<&BTreeMap<KeyHash, u64>>,
) -> Members {
    let mut numbers: Vec<u64> = match ids {
        Some(ids) => ids.values().copied().collect(),
        None => (0..loaded).collect(),
    };
    numbers.sort_unstable();
    let mut lists: BTreeMap<KeyHash, Vec<u64>> = BTreeMap::new();
    for number in numbers {
        let place = place::place(&workload.key(table, number)[0].1);
        lists.entry(place).or_default().push(number);
    }
    Members::Listed(lists)
}

/// Bytes of name and value, by attribute of the scenario.
fn by_attribute(table: &Table, item: &Item) -> Box<[u32]> {
    let size = |name: &str| {
        let found = item.iter().find(|(known, _)| known == name);
        found.map_or(0, |(name, value)| {
            name.len() as u64 + item::value_size(value)
        })
    };
    let sizes = table
        .attributes
        .iter()
        .map(|attribute| size(&attribute.name));
    sizes
        .map(|size| u32::try_from(size).expect("an item has 400 KB at most"))
        .collect()
}
