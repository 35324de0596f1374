//! Tables and the items in them.

use serde::Serialize;

use super::value::Attribute;
use crate::units::{ByDirection, CapacityUnits, Share};

/// One DynamoDB table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// 3–255 of `a-zA-Z0-9_.-`, as DynamoDB demands.
    pub name: String,
    /// Index into `attributes`: the partition key; type S, N or B, present in every item.
    pub partition_key: usize,
    /// Index into `attributes`: the sort key, if any.
    pub sort_key: Option<usize>,
    /// How capacity is bought.
    pub billing: Billing,
    /// What storage and requests are charged at; does not change how they are throttled.
    pub class: TableClass,
    /// Whether the table is there already: it is checked, and neither created nor deleted.
    pub existing: bool,
    /// Secondary indexes; names are distinct.
    pub indexes: Vec<Index>,
    /// Items numbered `0..items` that exist once the table is loaded.
    pub items: u64,
    /// Every attribute that an item may have, in the order of the file; names are distinct.
    pub attributes: Vec<Attribute>,
}

impl Table {
    /// A table of fixed capacity whose partition key is the first of `attributes`, without
    /// indexes.
    #[must_use]
    pub fn plain(
        name: &str,
        capacity: ByDirection<CapacityUnits>,
        items: u64,
        attributes: Vec<Attribute>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            partition_key: 0,
            sort_key: None,
            billing: Billing::fixed(capacity),
            class: TableClass::default(),
            existing: false,
            indexes: Vec::new(),
            items,
            attributes,
        }
    }

    /// Whether an index uses the table's capacity, and binds what has one partition key.
    #[must_use]
    pub fn has_local_index(&self) -> bool {
        let mut scopes = self.indexes.iter().map(|index| &index.scope);
        scopes.any(|scope| *scope == IndexScope::Local)
    }

    /// The global indexes with their positions in `indexes`: those with capacity of their own.
    pub fn global_indexes(&self) -> impl Iterator<Item = (usize, &Index, &Billing)> {
        let indexes = self.indexes.iter().enumerate();
        indexes.filter_map(|(position, index)| match &index.scope {
            IndexScope::Local => None,
            IndexScope::Global(billing) => Some((position, index, billing)),
        })
    }
}

/// How capacity is bought.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// So many RCU and WCU.
    Provisioned {
        /// At the start, at least 1 each.
        capacity: ByDirection<CapacityUnits>,
        /// Whether and how auto scaling moves it.
        auto_scaling: ByDirection<Option<AutoScaling>>,
    },
    /// By the request.
    OnDemand {
        /// Request units per second above which requests are throttled, if set.
        maximum: ByDirection<Option<CapacityUnits>>,
        /// What it serves at once, where that is more than DynamoDB's default.
        warm: ByDirection<Option<CapacityUnits>>,
    },
}

impl Billing {
    /// A fixed capacity.
    #[must_use]
    pub const fn fixed(capacity: ByDirection<CapacityUnits>) -> Self {
        Self::Provisioned {
            capacity,
            auto_scaling: ByDirection {
                read: None,
                write: None,
            },
        }
    }

    /// The same with other RCU and WCU; on demand it stays as it is.
    #[must_use]
    pub const fn with_capacity(self, capacity: ByDirection<CapacityUnits>) -> Self {
        match self {
            Self::Provisioned { auto_scaling, .. } => Self::Provisioned {
                capacity,
                auto_scaling,
            },
            Self::OnDemand { .. } => self,
        }
    }

    /// RCU and WCU at the start; `None` on demand.
    #[must_use]
    pub const fn capacity(&self) -> Option<ByDirection<CapacityUnits>> {
        match self {
            Self::Provisioned { capacity, .. } => Some(*capacity),
            Self::OnDemand { .. } => None,
        }
    }
}

/// A target-tracking policy of Application Auto Scaling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AutoScaling {
    /// Lowest capacity, at least 1.
    pub min: CapacityUnits,
    /// Highest capacity.
    pub max: CapacityUnits,
    /// Consumed ÷ provisioned that it aims at, 20 % to 90 %.
    pub target_utilization: Share,
}

/// A table class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TableClass {
    /// Dearer storage, cheaper requests.
    #[default]
    Standard,
    /// Cheaper storage, dearer requests.
    StandardInfrequentAccess,
}

/// A secondary index.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Index {
    /// As tables are named; distinct within the table.
    pub name: String,
    /// Whose capacity it uses.
    pub scope: IndexScope,
    /// Index into the table's attributes; the table's own partition key for a local index.
    pub partition_key: usize,
    /// Index into the table's attributes, if any.
    pub sort_key: Option<usize>,
    /// What it holds besides the keys of the table and its own.
    pub projection: Projection,
}

/// Whose capacity an index uses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexScope {
    /// The table's: same partition key, another sort key.
    Local,
    /// Its own.
    Global(Billing),
}

/// The attributes of an index besides its keys and the table's.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Projection {
    /// None.
    KeysOnly,
    /// These: indices into the table's attributes.
    Include(Vec<usize>),
    /// All.
    All,
}

impl Index {
    /// Whether an entry holds attribute number `attribute` of `table`.
    #[must_use]
    pub fn holds(&self, table: &Table, attribute: usize) -> bool {
        let keys = [Some(self.partition_key), self.sort_key];
        let of_table = [Some(table.partition_key), table.sort_key];
        keys.contains(&Some(attribute))
            || of_table.contains(&Some(attribute))
            || match &self.projection {
                Projection::KeysOnly => false,
                Projection::Include(attributes) => attributes.contains(&attribute),
                Projection::All => true,
            }
    }
}
