//! What is to be run, valid by construction: nothing downstream checks a [`Scenario`] again.
//!
//! Owns the meaning of a scenario; must not know how load is generated, sent or reported.
//! [`parse`] is the only way to make one from a file.

pub mod arrivals;
pub mod candidate;
pub mod data;
pub mod diagnostic;
pub mod file;
pub mod files;
pub mod language;
pub mod load;
pub mod nightly;
pub mod number;
pub mod operation;
pub mod parameters;
pub mod parse;
pub mod quantity;
pub mod schema;
mod shortened;
pub mod sizes;
pub mod table;
pub mod template;
pub mod value;

use serde::Serialize;
use sha2::{Digest, Sha256};

pub use arrivals::{ArrivalSpec, Curve, Line, Spacing, ThinkTime};
pub use load::{
    AssumedDemand, ClientSettings, Consistency, KeySpec, Metric, NamedKeys, Phase, PhaseKind,
    RetrySettings, Threshold, Validity,
};
pub use nightly::Nightly;
pub use operation::{
    Action, Condition, Members, OperationKind, OperationSpec, Presence, ReadShape, SortRange,
};
pub use parameters::{
    AdmissionRule, BackpressureMode, BurstModel, CondFailMissingRule, ModelParameters,
    NumberSizeRule, PageLimitRule, PartitionCountRule, PartitionShareMode, QuotaScope,
    ScanRounding, SplitPolicy, ThrottleExceptionMap, TreatMissing,
};
pub use table::{AutoScaling, Billing, Index, IndexScope, Projection, Table, TableClass};
pub use value::{Attribute, AttributeType, Bucket, NumberSpec, ValueSpec};

use crate::seed::Seed;

/// A whole load test: tables, what they hold, the requests and how they arrive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// Short name, used in reports and folder names.
    pub name: String,
    /// The question that the scenario answers, as its author put it.
    pub question: Option<String>,
    /// Root of all randomness.
    pub seed: Seed,
    /// At least one; names are distinct.
    pub tables: Vec<Table>,
    /// Named ways of picking items.
    pub keys: Vec<NamedKeys>,
    /// At least one; weights add up to 1.
    pub operations: Vec<OperationSpec>,
    /// In order of time; at least one is measured; a load phase, if any, comes first.
    pub phases: Vec<Phase>,
    /// The load generator's own bounds.
    pub client: ClientSettings,
    /// What the verdict is decided on.
    pub thresholds: Vec<Threshold>,
    /// When the generator declares its own run invalid.
    pub validity: Validity,
    /// The unpublished rules of the capacity model.
    pub model: ModelParameters,
    /// What [`KeySpec::Weights`] counts through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<data::Weights>,
    /// The files that it was read with, each once, by path.
    #[serde(
        serialize_with = "files::hashes",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub files: Vec<files::FileNote>,
    /// Whether and how `dyno nightly` watches it. No part of the fingerprint: it changes
    /// nothing of a run.
    #[serde(skip)]
    pub nightly: Option<Nightly>,
    /// Keys that `dyno compare` tries; no part of the fingerprint, for the same reason.
    #[serde(skip)]
    pub candidates: Vec<candidate::NamedCandidate>,
}

impl Scenario {
    /// The same with another seed.
    #[must_use]
    pub fn with_seed(&self, seed: Seed) -> Self {
        Self {
            seed,
            ..self.clone()
        }
    }

    /// SHA-256 of the resolved scenario, as 64 hex digits: two files that mean the same have
    /// the same fingerprint, whatever their comments and layout. The files that a scenario
    /// names count by their content.
    ///
    /// # Panics
    /// Never: a scenario holds only finite numbers, strings and sequences.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let canonical = serde_json::to_vec(self).expect("a scenario has no maps with odd keys");
        files::hex(&Sha256::digest(&canonical))
    }
}
