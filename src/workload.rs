//! Arrival number → operation: which request, on which item, carrying what.
//!
//! Everything here is a pure function of the scenario, its seed and a number, so concurrency,
//! target and sharding cannot change it. Knows nothing of time.

pub mod attributes;
pub mod item;
pub mod keys;
pub mod mix;

use std::sync::Arc;

use crate::{
    scenario::{Consistency, KeySpec, OperationKind, OperationSpec, Scenario},
    units::Bytes,
};
use attributes::Attributes;
use item::{AttributeValue, Item};
use keys::{Keys, latest::Inserts};
use mix::Mix;

/// One request, decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Number of the arrival, from 0 over all timed phases.
    pub sequence: u64,
    /// Index into `Scenario::operations`.
    pub spec: usize,
    /// Index into `Scenario::tables`.
    pub table: usize,
    /// The item that it is about.
    pub item: u64,
    /// What goes over the wire.
    pub request: Request,
}

/// A request of the data plane, ready to be serialised by any target. Attribute names are
/// those of the table's scenario entry.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// `GetItem`.
    Get { key: Item, consistency: Consistency },
    /// `PutItem`.
    Put { item: Item },
    /// `UpdateItem` with `SET a = :a, …`.
    Update { key: Item, set: Item },
    /// `DeleteItem`.
    Delete { key: Item },
    /// Query by partition key, one page, ascending.
    Query {
        partition_key: (String, AttributeValue),
        consistency: Consistency,
        limit: Option<u32>,
    },
}

impl Request {
    /// The kind of operation.
    #[must_use]
    pub const fn kind(&self) -> OperationKind {
        match self {
            Self::Get { .. } => OperationKind::Get,
            Self::Put { .. } => OperationKind::Put,
            Self::Update { .. } => OperationKind::Update,
            Self::Delete { .. } => OperationKind::Delete,
            Self::Query { .. } => OperationKind::Query,
        }
    }
}

/// What an arrival is about, before anything is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Index into `Scenario::operations`.
    pub spec: usize,
    /// Index into `Scenario::tables`.
    pub table: usize,
    /// The item's number.
    pub item: u64,
}

/// A scenario's operations and items, compiled. Cheap to clone and to share among threads.
#[derive(Clone, Debug)]
pub struct Workload(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    scenario: Arc<Scenario>,
    mix: Arc<Mix>,
    /// One for each operation of the scenario.
    keys: Vec<Keys>,
    /// One for each table of the scenario.
    attributes: Vec<Attributes>,
}

impl Workload {
    /// Compiles what `scenario` says about operations, keys and items.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>) -> Self {
        let weights = scenario.operations.iter().map(|o| o.weight.as_fraction());
        let mix = Arc::new(Mix::new(weights, scenario.seed.stream("mix")));
        let compile = |spec| compile_keys(&scenario, spec, &mix);
        let keys = scenario.operations.iter().map(compile).collect();
        let tables = scenario.tables.iter();
        let attributes = tables.map(|t| Attributes::new(t, scenario.seed)).collect();
        Self(Arc::new(Compiled {
            scenario,
            mix,
            keys,
            attributes,
        }))
    }

    /// The scenario that this was compiled from.
    #[must_use]
    pub fn scenario(&self) -> &Arc<Scenario> {
        &self.0.scenario
    }

    /// Index into `Scenario::operations` for arrival `sequence`.
    #[must_use]
    pub fn spec(&self, sequence: u64) -> usize {
        self.0.mix.choose(sequence)
    }

    /// What arrival `sequence` does, and to which item; allocates nothing.
    #[must_use]
    pub fn pick(&self, sequence: u64) -> Pick {
        let spec = self.spec(sequence);
        Pick {
            spec,
            table: self.0.scenario.operations[spec].table,
            item: self.0.keys[spec].pick(sequence),
        }
    }

    /// The whole operation of arrival `sequence`: the same whenever, wherever and in whatever
    /// order it is asked for.
    #[must_use]
    pub fn operation(&self, sequence: u64) -> Operation {
        let Pick { spec, table, item } = self.pick(sequence);
        let operation = &self.0.scenario.operations[spec];
        let attributes = &self.0.attributes[table];
        let consistency = operation.consistency;
        let request = match operation.kind {
            OperationKind::Get => Request::Get {
                key: attributes.key(item),
                consistency,
            },
            OperationKind::Put => Request::Put {
                item: attributes.item(item),
            },
            OperationKind::Update => Request::Update {
                key: attributes.key(item),
                set: attributes.redrawn(&operation.set, item, sequence),
            },
            OperationKind::Delete => Request::Delete {
                key: attributes.key(item),
            },
            OperationKind::Query => Request::Query {
                partition_key: attributes.partition_key(item),
                consistency,
                limit: operation.limit,
            },
        };
        Operation {
            sequence,
            spec,
            table,
            item,
            request,
        }
    }

    /// Item `number` of table `table` (an index into `Scenario::tables`), whole, as it is
    /// loaded and put.
    #[must_use]
    pub fn item(&self, table: usize, number: u64) -> Item {
        self.0.attributes[table].item(number)
    }

    /// [`item::size`] of [`item`](Self::item), at a fraction of the price.
    #[must_use]
    pub fn item_size(&self, table: usize, number: u64) -> Bytes {
        self.0.attributes[table].item_size(number)
    }

    /// The key of item `number` of table `table`: partition key, then sort key, if any.
    #[must_use]
    pub fn key(&self, table: usize, number: u64) -> Item {
        self.0.attributes[table].key(number)
    }
}

/// Operations that pick by the same name draw from the same stream; scrambled laws over one
/// table share its permutation, so that what is popular with readers is so with writers.
fn compile_keys(scenario: &Scenario, spec: &OperationSpec, mix: &Arc<Mix>) -> Keys {
    let (table, named) = (&scenario.tables[spec.table], &scenario.keys[spec.keys]);
    let stream = |family: &str, name: &str| scenario.seed.stream(&format!("{family}/{name}"));
    let inserts = |o: &OperationSpec| {
        o.table == spec.table
            && o.kind == OperationKind::Put
            && scenario.keys[o.keys].spec == KeySpec::New
    };
    let inserting: Arc<[bool]> = scenario.operations.iter().map(inserts).collect();
    let operations = scenario.operations.iter();
    let share = operations
        .filter(|o| inserts(o))
        .map(|o| o.weight.as_fraction());
    Keys::new(
        named.spec,
        table.items,
        stream("keys", &named.name),
        stream("permutation", &table.name),
        Inserts::new(Arc::clone(mix), inserting, share.sum()),
        &scenario.weights,
    )
}
