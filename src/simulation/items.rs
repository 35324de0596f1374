//! What a table holds, as far as it decides what requests cost: which items are there, and how
//! large each is.
//!
//! Only what was written to is kept; everything else follows from the number of an item.

use std::collections::BTreeMap;

use crate::{
    capacity::{
        cost::{self, EntryChange, Images},
        partition::KeyHash,
    },
    scenario::{Action, Index, KeySpec, OperationKind, Scenario, ValueSpec},
    units::{Bytes, CapacityUnits},
    workload::{Pick, Workload, request::QueryRequest},
};

use super::{
    SimulationError,
    content::{Image, Setting, Values},
    memo::Memo,
    partition::{Members, PartitionIndex},
    place::{self, Rank},
    range::{self, RankRange, Reading, Stretch},
    view::View,
};

/// Items that are looked at one by one, at most, where no rule says which share a key.
const INDEXED_MAX: u64 = 2_000_000;

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
    /// What was written since, `None` where it was deleted.
    written: BTreeMap<u64, Option<Image>>,
    ids: Option<BTreeMap<KeyHash, u64>>,
    /// Only where the table itself is queried.
    partitions: Option<PartitionIndex>,
    /// Of the indexes that are read, and of the table where it is scanned.
    views: Vec<View>,
    values: Values,
    sizes: Memo<Bytes>,
    /// Where items lie, in a table with a sort key.
    places: Memo<KeyHash>,
    /// Where the next key is written; kept for its memory.
    key: Vec<u8>,
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
            .any(|o| o.table == table && o.kind == OperationKind::Query && o.read.index.is_none());
        let views = views(scenario, table);
        let overlapping = !keys_are_distinct(scenario, table);
        let by_rule = Members::by_rule(spec).filter(|_| !overlapping);
        let too_many = |items| SimulationError::TooManyItems {
            table: spec.name.clone(),
            items,
            max: INDEXED_MAX,
        };
        let listed = queried && by_rule.is_none() || !views.is_empty();
        if (overlapping || listed) && loaded > INDEXED_MAX {
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
        let values = Values {
            workload: workload.clone(),
            table,
        };
        let views = filled(views, &values, loaded, ids.as_ref());
        Ok(Self {
            workload: workload.clone(),
            table,
            loaded,
            written: BTreeMap::new(),
            ids,
            partitions: members.map(|members| PartitionIndex::new(members, loaded)),
            views,
            values,
            sizes: Memo::new(spec.items),
            places: Memo::new(spec.items),
            key: Vec::new(),
        })
    }

    /// Where item `number` lies.
    pub(super) fn place(&mut self, number: u64) -> KeyHash {
        let (workload, table) = (&self.workload, self.table);
        if workload.scenario().tables[table].sort_key.is_none() {
            return partition_key(workload, table, number, &mut self.key).collection();
        }
        self.places.get(number, || {
            let key = workload.key(table, number);
            place::of_item(&key[0].1, key.get(1).map(|(_, value)| value))
        })
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
            Some(None) => None,
            Some(&Some(Image::Whole(number))) => Some(self.whole(number)),
            Some(Some(changed)) => Some(self.values.size(changed)),
        }
    }

    fn image(&self, id: u64) -> Option<Image> {
        match self.written.get(&id) {
            None => (id < self.loaded).then_some(Image::Whole(id)),
            Some(image) => image.clone(),
        }
    }

    fn size(&mut self, image: &Image) -> Bytes {
        match image {
            Image::Whole(number) => self.whole(*number),
            changed @ Image::Changed(_) => self.values.size(changed),
        }
    }

    /// What `action` on item `number` would do; nothing is changed.
    pub(super) fn plan(&mut self, action: Action, number: u64, setting: Setting) -> Effect {
        let id = self.id(number);
        let old = self.image(id);
        let new = match action {
            Action::Put => Some(Image::Whole(number)),
            Action::Update => Some(self.values.updated(old.as_ref(), setting)),
            Action::Delete => None,
            Action::Check => old.clone(),
        };
        let before = old.as_ref().map(|old| self.size(old));
        let sizes = Images {
            old: before,
            new: if new == old {
                before
            } else {
                new.as_ref().map(|new| self.size(new))
            },
        };
        let indexes = self.index_arms(old.as_ref(), new.as_ref());
        Effect {
            number,
            sizes,
            indexes,
            new,
        }
    }

    /// Makes an effect so.
    pub(super) fn commit(&mut self, effect: Effect) {
        let id = self.id_for_writing(effect.number);
        if !self.views.is_empty() {
            let old = self.image(id);
            for view in &mut self.views {
                view.change(&self.values, id, old.as_ref(), effect.new.as_ref());
            }
        }
        match effect.new {
            // As it was loaded: nothing to remember.
            Some(Image::Whole(number)) if number == id && id < self.loaded => {
                self.written.remove(&id);
            }
            new => {
                self.written.insert(id, new);
            }
        }
    }

    /// What a write takes of each index that it touches.
    fn index_arms(&self, old: Option<&Image>, new: Option<&Image>) -> Vec<IndexArm> {
        let table = &self.workload.scenario().tables[self.table];
        if table.indexes.is_empty() || old == new {
            return Vec::new();
        }
        let arm = |(position, index): (usize, &Index)| {
            let entry = |image: Option<&Image>| self.values.entry_size(image?, index);
            let sizes = Images {
                old: entry(old),
                new: entry(new),
            };
            let change = self.entry_change(old, new, index);
            let units = cost::index_write(sizes, change)?;
            // The entry that stays, or the one that goes.
            let image = if sizes.new.is_some() { new } else { old };
            let value = |key| self.values.value(image?, key);
            let sort_key = index.sort_key.and_then(value);
            Some(IndexArm {
                index: position,
                place: place::of_item(&value(index.partition_key)?, sort_key.as_ref()),
                units,
                growth: sizes.growth(),
            })
        };
        table.indexes.iter().enumerate().filter_map(arm).collect()
    }

    /// What becomes of an entry that both images have.
    fn entry_change(&self, old: Option<&Image>, new: Option<&Image>, index: &Index) -> EntryChange {
        let (Some(old), Some(new)) = (old, new) else {
            return EntryChange::InPlace;
        };
        let agree = |attribute| self.values.agree(old, new, attribute);
        let table = &self.workload.scenario().tables[self.table];
        let mut keys = std::iter::once(index.partition_key).chain(index.sort_key);
        let mut held = (0..table.attributes.len()).filter(|at| index.holds(table, *at));
        if !keys.all(agree) {
            EntryChange::KeyMoved
        } else if held.all(agree) {
            EntryChange::Identical
        } else {
            EntryChange::InPlace
        }
    }

    /// Units of each page of a query for the partition key of item `number`.
    pub(super) fn query(
        &mut self,
        query: &QueryRequest,
        pick: Pick,
        reading: Reading,
    ) -> (KeyHash, Vec<CapacityUnits>) {
        let workload = self.workload.clone();
        let scenario = workload.scenario();
        let read = &scenario.operations[pick.spec].read;
        let range = RankRange::of(query.range.as_ref().map(|(_, condition)| condition));
        let place = place::place(&query.partition_key.1);
        let mut ids = match read.index {
            Some(index) => self.view(Some(index)).within(place, &range),
            None => self.of_partition(place, pick.item, &range),
        };
        if read.descending {
            ids.reverse();
        }
        let index = read
            .index
            .map(|index| &scenario.tables[self.table].indexes[index]);
        let sizes = ids.into_iter().filter_map(|id| self.read_size(id, index));
        // One collection is in one place, as far as pages are concerned.
        let stretch = Stretch {
            from: place,
            to: place,
            partitions: &[],
        };
        let items = sizes.map(|size| (place, size));
        (place, range::pages(items, &stretch, reading))
    }

    /// The numbers under one partition key of the table, by sort key.
    fn of_partition(&mut self, place: KeyHash, number: u64, range: &RankRange) -> Vec<u64> {
        let (workload, table) = (self.workload.clone(), self.table);
        let rank = |id| Rank::of(workload.key(table, id).get(1).map(|(_, value)| value));
        let partitions = self.partitions.as_mut();
        let order = partitions
            .expect("made for every table that is queried")
            .in_order(place, number, rank);
        if *range == RankRange::default() {
            return order.to_vec();
        }
        let first = order.partition_point(|id| range.is_after(&rank(*id)));
        let rest = order[first..].iter().copied();
        rest.take_while(|id| range.reaches(&rank(*id))).collect()
    }

    /// Where each page of a scan begins, and its units.
    pub(super) fn scan(
        &mut self,
        (segment, segments): (u32, u32),
        index: Option<usize>,
        reading: Reading,
        partitions: &[KeyHash],
    ) -> (KeyHash, Vec<CapacityUnits>) {
        let start = |segment: u32| {
            let place = (u128::from(segment) << 64) / u128::from(segments);
            KeyHash::at(u64::try_from(place).unwrap_or(u64::MAX))
        };
        let end = (segment + 1 < segments).then(|| start(segment + 1));
        // Unless it reads to the end, nothing beyond a page is looked at.
        let enough = match reading.limit {
            Some(limit) if !reading.all_pages => limit as usize,
            _ => usize::MAX,
        };
        let found = self.view(index).between(start(segment), end).take(enough);
        let found: Vec<_> = found.collect();
        let place = found
            .first()
            .map_or_else(|| start(segment), |(place, _)| *place);
        let workload = self.workload.clone();
        let index = index.map(|index| &workload.scenario().tables[self.table].indexes[index]);
        let stretch = Stretch {
            from: start(segment),
            to: end.map_or(KeyHash::LAST, KeyHash::before),
            partitions,
        };
        let items = found
            .into_iter()
            .filter_map(|(place, id)| Some((place, self.read_size(id, index)?)));
        (place, range::pages(items, &stretch, reading))
    }

    /// What reading an item, or its entry in an index, counts.
    fn read_size(&mut self, id: u64, index: Option<&Index>) -> Option<Bytes> {
        match index {
            None => self.stored_under(id),
            Some(index) => self.values.entry_size(&self.image(id)?, index),
        }
    }

    fn view(&self, index: Option<usize>) -> &View {
        let mut views = self.views.iter();
        views
            .find(|view| view.index == index)
            .expect("made for whatever is read in order")
    }

    fn id(&self, number: u64) -> u64 {
        let known = self.ids.as_ref().and_then(|ids| {
            let key = place::identity(&self.workload.key(self.table, number));
            ids.get(&key).copied()
        });
        known.unwrap_or(number)
    }

    fn id_for_writing(&mut self, number: u64) -> u64 {
        let id = match &mut self.ids {
            None => number,
            Some(ids) => {
                let key = place::identity(&self.workload.key(self.table, number));
                *ids.entry(key).or_insert(number)
            }
        };
        if id >= self.loaded && self.partitions.is_some() && !self.written.contains_key(&id) {
            let place = partition_key(&self.workload, self.table, id, &mut self.key);
            if let Some(partitions) = &mut self.partitions {
                partitions.add(place, id);
            }
        }
        id
    }
}

/// The hash of the partition key of item `number`; `text` is where it may be written.
fn partition_key(workload: &Workload, table: usize, number: u64, text: &mut Vec<u8>) -> KeyHash {
    text.clear();
    if workload.append_partition_key(table, number, text) {
        KeyHash::of(b'S', text)
    } else {
        place::place(&workload.key(table, number)[0].1)
    }
}

/// What a write would do.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) number: u64,
    /// The item before and after.
    pub(super) sizes: Images,
    /// The indexes that it touches.
    pub(super) indexes: Vec<IndexArm>,
    new: Option<Image>,
}

/// What a write takes of one index.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexArm {
    /// Position among the table's indexes.
    pub(super) index: usize,
    /// Where its partition key lies.
    pub(super) place: KeyHash,
    /// What it takes.
    pub(super) units: CapacityUnits,
    /// By how many bytes its entry is larger afterwards.
    pub(super) growth: i64,
}

/// What is read in the order of its keys: indexes, and the table where it is scanned.
fn views(scenario: &Scenario, table: usize) -> Vec<View> {
    let spec = &scenario.tables[table];
    let mut views: Vec<View> = Vec::new();
    for operation in scenario.operations.iter().filter(|o| o.table == table) {
        let view = match (operation.kind, operation.read.index) {
            (OperationKind::Query | OperationKind::Scan, Some(index)) => {
                View::of_index(index, &spec.indexes[index])
            }
            (OperationKind::Scan, None) => View::of_table(spec.partition_key, spec.sort_key),
            _ => continue,
        };
        if views.iter().all(|known| known.index != view.index) {
            views.push(view);
        }
    }
    views
}

fn filled(
    mut views: Vec<View>,
    values: &Values,
    loaded: u64,
    ids: Option<&BTreeMap<KeyHash, u64>>,
) -> Vec<View> {
    for view in &mut views {
        let mut add = |id| view.change(values, id, None, Some(&Image::Whole(id)));
        match ids {
            Some(ids) => ids.values().copied().for_each(&mut add),
            None => (0..loaded).for_each(&mut add),
        }
    }
    views
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
