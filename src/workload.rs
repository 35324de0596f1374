//! Arrival number → operation: which request, on which item, carrying what.
//!
//! Everything here is a pure function of the scenario, its seed and a number, so concurrency,
//! target and sharding cannot change it. Time matters only where the scenario says that something
//! moves: by when an arrival is due, which a run notes in its [`History`].

pub mod attributes;
pub mod history;
pub mod item;
pub mod keyed;
pub mod keys;
pub mod mix;
mod plan;
pub mod request;

use std::sync::Arc;

use crate::{
    scenario::{KeySpec, NumberSizeRule, OperationSpec, Phase, Scenario},
    units::{Bytes, Share, Timestamp},
};
use attributes::Attributes;
use history::History;
use item::{AttributeValue, Item};
use keys::{Keys, latest::Inserts, popular::Popular};
use mix::{Chance, PhaseMix};
use plan::OperationPlan;
pub use request::Request;

/// One request, decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Number of the arrival, from 0 over all timed phases.
    pub sequence: u64,
    /// Index into `Scenario::operations`.
    pub spec: usize,
    /// Index into `Scenario::tables`.
    pub table: usize,
    /// The item that it is about, the first of them where there are several.
    pub item: u64,
    /// What goes over the wire.
    pub request: Request,
}

impl Operation {
    /// What it is about.
    #[must_use]
    pub const fn pick(&self) -> Pick {
        Pick {
            spec: self.spec,
            table: self.table,
            item: self.item,
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
    /// The item's number, the first of them where there are several.
    pub item: u64,
}

/// A scenario's operations and items, compiled. Cheap to clone and to share among threads.
///
/// What an arrival does follows from its number and from what had begun by then, so a workload
/// is told with [`begin`](Self::begin) of each arrival.
#[derive(Clone, Debug)]
pub struct Workload(Arc<Compiled>, History);

#[derive(Debug)]
struct Compiled {
    scenario: Arc<Scenario>,
    mix: Arc<PhaseMix>,
    /// One for each operation of the scenario.
    keys: Vec<Keys>,
    /// One for each operation of the scenario.
    plans: Vec<OperationPlan>,
    /// One for each table of the scenario.
    attributes: Vec<Attributes>,
}

impl Workload {
    /// Compiles what `scenario` says about operations, keys and items.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>) -> Self {
        let mix = PhaseMix::new(weights(&scenario), scenario.seed.stream("mix"));
        let mix = Arc::new(mix);
        let compile = |spec| compile_keys(&scenario, spec, &mix);
        let keys = scenario.operations.iter().map(compile).collect();
        let plan = |spec| OperationPlan::new(spec, &scenario);
        let plans = scenario.operations.iter().map(plan).collect();
        let tables = scenario.tables.iter();
        let attributes = tables.map(|t| Attributes::new(t, scenario.seed)).collect();
        let history = History::new(scenario.keys.iter().filter_map(|named| match named.spec {
            KeySpec::HotSet { moves_every, .. } => moves_every,
            _ => None,
        }));
        let compiled = Compiled {
            scenario,
            mix,
            keys,
            plans,
            attributes,
        };
        Self(Arc::new(compiled), history)
    }

    /// Notes that arrival `sequence` of `phase` (an index into `Scenario::phases`) is due at
    /// `at`: to be told of each arrival, in their order, before asking about it. Returns whether
    /// anything began with it that was not known.
    pub fn begin(&mut self, phase: usize, sequence: u64, at: Timestamp) -> bool {
        self.1.begin(phase, sequence, at)
    }

    /// The scenario that this was compiled from.
    #[must_use]
    pub fn scenario(&self) -> &Arc<Scenario> {
        &self.0.scenario
    }

    /// Index into `Scenario::operations` for arrival `sequence`.
    #[must_use]
    pub fn spec(&self, sequence: u64) -> usize {
        self.0.mix.choose(sequence, &self.1)
    }

    /// The items that operation `spec` is about most often; `None` where only draws tell.
    #[must_use]
    pub fn popular(&self, spec: usize, most: u64) -> Option<Popular> {
        self.0.keys[spec].popular(most)
    }

    /// What arrival `sequence` is about if it is of operation `spec`.
    #[must_use]
    pub fn pick_of(&self, spec: usize, sequence: u64) -> Pick {
        Pick {
            spec,
            table: self.0.scenario.operations[spec].table,
            item: self.0.keys[spec].pick(sequence, &self.1),
        }
    }

    /// What arrival `sequence` does, and to which item; allocates nothing.
    #[must_use]
    pub fn pick(&self, sequence: u64) -> Pick {
        let spec = self.spec(sequence);
        let (operation, keys) = (&self.0.scenario.operations[spec], &self.0.keys[spec]);
        Pick {
            spec,
            table: operation.table,
            item: if operation.kind.has_members() {
                keys.pick_member(sequence, 0, &self.1)
            } else {
                keys.pick(sequence, &self.1)
            },
        }
    }

    /// The whole operation of arrival `sequence`: the same whenever, wherever and in whatever
    /// order it is asked for.
    #[must_use]
    pub fn operation(&self, sequence: u64) -> Operation {
        let pick = self.pick(sequence);
        let request = self.request(sequence, pick);
        let Pick { spec, table, item } = pick;
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
        let attributes = &self.0.attributes[table];
        match self.scenario().model.number_size_rule {
            NumberSizeRule::Base100Aligned => attributes.item_size(number),
            rule @ NumberSizeRule::SplitDigits => item::size_by(&attributes.item(number), rule),
        }
    }

    /// What item `number` of table `table` holds in attribute `attribute` as it is loaded and
    /// put; `None` where it has none.
    #[must_use]
    pub fn value(&self, table: usize, attribute: usize, number: u64) -> Option<AttributeValue> {
        self.0.attributes[table].present_value(attribute, number)
    }

    /// Whether the item has it.
    #[must_use]
    pub fn is_present(&self, table: usize, attribute: usize, number: u64) -> bool {
        self.0.attributes[table].is_present(attribute, number)
    }

    /// Bytes of its name and value.
    #[must_use]
    pub fn attribute_size(&self, table: usize, attribute: usize, number: u64) -> Option<Bytes> {
        let attributes = &self.0.attributes[table];
        match self.scenario().model.number_size_rule {
            NumberSizeRule::Base100Aligned => attributes.attribute_size(attribute, number),
            rule @ NumberSizeRule::SplitDigits => {
                let value = attributes.present_value(attribute, number)?;
                Some(self.named_size(table, attribute, value, rule))
            }
        }
    }

    fn named_size(
        &self,
        table: usize,
        attribute: usize,
        value: AttributeValue,
        rule: NumberSizeRule,
    ) -> Bytes {
        let name = &self.scenario().tables[table].attributes[attribute].name;
        item::size_by(&vec![(name.clone(), value)], rule)
    }

    /// Appends the partition key of item `number` of table `table` to `out`, without
    /// allocating, where it is numbered text; `false` where it is not.
    pub fn append_partition_key(&self, table: usize, number: u64, out: &mut Vec<u8>) -> bool {
        self.0.attributes[table].append_partition_key(number, out)
    }

    /// The key of item `number` of table `table`: partition key, then sort key, if any.
    #[must_use]
    pub fn key(&self, table: usize, number: u64) -> Item {
        self.0.attributes[table].key(number)
    }
}

/// The weights of the operations in each phase; once, when all phases have the same.
fn weights(scenario: &Scenario) -> Vec<Vec<f64>> {
    let own = scenario.phases.iter().any(|phase| phase.mix.is_some());
    if !own {
        let operations = scenario.operations.iter();
        return vec![operations.map(|o| o.weight.as_fraction()).collect()];
    }
    let phases = scenario.phases.iter();
    let shares = |phase: &Phase| {
        let shares = phase.shares(&scenario.operations);
        shares.map(Share::as_fraction).collect()
    };
    phases.map(shares).collect()
}

/// The most items that one arrival adds to a table. New items are numbered `items` + arrival ×
/// this + member, so that no two members share a number.
fn new_items_per_arrival(scenario: &Scenario, table: usize) -> u64 {
    let inserting = scenario.operations.iter().filter(|operation| {
        operation.table == table && scenario.keys[operation.keys].spec == KeySpec::New
    });
    let most = inserting.map(|operation| u64::from(operation.members.count.1));
    most.max().unwrap_or(1)
}

/// Operations that pick by the same name draw from the same stream; scrambled laws over one
/// table share its permutation, so that what is popular with readers is so with writers.
fn compile_keys(scenario: &Scenario, spec: &OperationSpec, mix: &Arc<PhaseMix>) -> Keys {
    let (table, named) = (&scenario.tables[spec.table], &scenario.keys[spec.keys]);
    let stream = |family: &str, name: &str| scenario.seed.stream(&format!("{family}/{name}"));
    let inserts =
        |o: &OperationSpec| o.table == spec.table && scenario.keys[o.keys].spec == KeySpec::New;
    let inserting: Arc<[bool]> = scenario.operations.iter().map(inserts).collect();
    let share = |weights: Vec<f64>| {
        let inserts = weights
            .iter()
            .zip(&*inserting)
            .filter(|(_, inserts)| **inserts);
        inserts.map(|(weight, _)| weight).sum()
    };
    let shares = weights(scenario).into_iter().map(share).collect();
    let keys = Keys::new(
        named.spec,
        table.items,
        u64::from(spec.members.count.1),
        new_items_per_arrival(scenario, spec.table),
        stream("keys", &named.name),
        stream("permutation", &table.name),
        Inserts::new(Arc::clone(mix), Arc::clone(&inserting), shares),
        &scenario.weights,
    );
    if spec.missing.is_none() {
        return keys;
    }
    keys.missing(Chance::new(spec.missing, stream("missing", &spec.name)))
}
