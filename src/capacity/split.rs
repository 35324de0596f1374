//! Whether a hot partition splits (S-1). Applying it is `partition::Partitions::split`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    scenario::ModelParameters,
    units::{CapacityUnits, Share},
};

/// When heat splits a partition. Not published; the defaults are inferred from public tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitRule {
    /// Share of the ceiling. 0.5–1.
    pub trigger_fraction: f64,
    /// For how long. 300–1,800 s.
    pub trigger: Duration,
    /// Share of the heat from which one key makes a split useless. 0.5–1.
    pub single_key_share: f64,
}

impl SplitRule {
    /// As the model's parameters say.
    #[must_use]
    pub fn of(parameters: &ModelParameters) -> Self {
        Self {
            trigger_fraction: parameters.split_trigger_fraction.as_fraction(),
            trigger: Duration::from_secs(parameters.split_trigger_seconds.into()),
            single_key_share: parameters.single_key_share.as_fraction(),
        }
    }
}

impl Default for SplitRule {
    fn default() -> Self {
        Self::of(&ModelParameters::default())
    }
}

/// What is known of a partition's heat in one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heat {
    /// Units per second that it consumes.
    pub consumed: f64,
    /// What it may: its ceiling.
    pub ceiling: CapacityUnits,
    /// For how long it has been at least that hot.
    pub sustained: Duration,
    /// The hottest key's part.
    pub top_key: Share,
    /// Keys only grow, so that all new writes go to the last range.
    pub monotonic_sort_key: bool,
    /// The table has an LSI and the heat is one item collection, which then cannot split.
    pub whole_collection: bool,
}

/// Why a partition does not split.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SplitBlock {
    /// Not hot enough, or not for long enough.
    BelowTrigger,
    /// One key is the heat.
    SingleHotKey,
    /// The heat moves with the newest key.
    SequentialAccess,
    /// An LSI binds the collection to one partition.
    LsiItemCollection,
}

impl SplitBlock {
    /// In `snake_case`, for reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BelowTrigger => "below_trigger",
            Self::SingleHotKey => "single_hot_key",
            Self::SequentialAccess => "sequential_access",
            Self::LsiItemCollection => "lsi_item_collection",
        }
    }
}

/// Whether the partition splits.
///
/// # Errors
/// The first thing that keeps it from splitting.
pub fn for_heat(heat: &Heat, rule: &SplitRule) -> Result<(), SplitBlock> {
    let hot = heat.consumed >= rule.trigger_fraction * heat.ceiling.as_f64()
        && heat.sustained >= rule.trigger;
    if !hot {
        Err(SplitBlock::BelowTrigger)
    } else if heat.top_key.as_fraction() >= rule.single_key_share {
        Err(SplitBlock::SingleHotKey)
    } else if heat.monotonic_sort_key {
        Err(SplitBlock::SequentialAccess)
    } else if heat.whole_collection {
        Err(SplitBlock::LsiItemCollection)
    } else {
        Ok(())
    }
}
