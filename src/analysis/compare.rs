//! The same items and requests keyed in different ways: which key spreads them best.
//!
//! Every candidate sees the same seeds. They are ranked by headroom, the largest multiple of
//! the load that stays within the target when the table has capacity for all of it, hot
//! partitions have split, and only single keys are too hot. Must not know how it is shown.

pub mod curves;
pub mod findings;
pub mod fired;
pub mod heat;
pub mod spread;

use serde::{Deserialize, Serialize};

use super::{
    replay::{
        self, Burst,
        throttled::{Throttled, throttled},
    },
    seeds::StudyPart,
    workers::Workers,
};
use crate::{
    scenario::{
        Billing,
        candidate::{Candidate, Suffix},
    },
    simulation::trace::Trace,
    units::{ByDirection, CapacityUnits, Direction},
};
use curves::Curves;
use findings::{Finding, Findings, findings};
use fired::Fired;
use heat::Stage;
use spread::Requests;

/// Version of the JSON document.
pub const SCHEMA_VERSION: u32 = 1;
/// Differences below this part are none, however sure.
const MATTERS: f64 = 0.01;
/// An item collection may not grow beyond this with a local secondary index. [LSI]
const COLLECTION_BYTES_MAX: u64 = 10 * 1024 * 1024 * 1024;

/// All candidates, the best first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Its fingerprint with the first seed.
    pub fingerprint: String,
    /// The first seed; the others follow it one by one.
    pub seed: u64,
    /// How many.
    pub seeds: usize,
    /// The table.
    pub table: String,
    /// Requests per second to the whole scenario, mean over the measured phases.
    pub requests_per_second: f64,
    /// Largest throttled share.
    pub target: f64,
    /// What the heat of partitions is looked at on, the same for all.
    pub stage: Stage,
    /// By headroom, descending.
    pub candidates: Vec<Ranked>,
    /// What the others' parts are merged with, where this is of one of several processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// The part of a comparison that one of several processes made, with some of the seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Whose part, and of what.
    #[serde(flatten)]
    pub of: StudyPart,
    /// What it found.
    pub found: Findings,
}

/// One candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// From 1; those that cannot be told apart share it.
    pub rank: usize,
    /// The key.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// Items looked at, with the first seed.
    pub items: u64,
    /// Those that would overwrite each other.
    pub overwritten: u64,
    /// An attribute that would tell them apart as sort key.
    pub proposed_sort_key: Option<String>,
    /// Different partition keys.
    pub keys: u64,
    /// Most items of one key.
    pub most_items: u64,
    /// Most bytes of one key.
    pub most_bytes: u64,
    /// Whether that is more than a local secondary index allows.
    pub exceeds_collection_limit: bool,
    /// Share of requests of the hottest key, mean over seeds, as all shares below.
    pub hottest_share: f64,
    /// The hottest key with the first seed.
    pub hottest_key: String,
    /// Its share of the units of each direction.
    pub hottest_units: ByDirection<f64>,
    /// Share of the hottest 1 % of keys.
    pub top_percent_share: f64,
    /// Gini coefficient of requests over keys.
    pub gini: f64,
    /// Partitions at the scenario's load.
    pub partitions: u64,
    /// Share of units of the hottest partition.
    pub partition_share: f64,
    /// Its units per second ÷ what one partition gives (3,000 and 1,000).
    pub utilisation: ByDirection<f64>,
    /// Requests throttled with the scenario's capacity.
    pub throttled: Throttled,
    /// Largest multiple of the load within the target: geometric mean over seeds.
    pub headroom: f64,
    /// 95 % interval of it.
    pub headroom_interval: [f64; 2],
    /// By seed.
    pub headrooms: Vec<f64>,
    /// Read units ÷ those of the same key without shards.
    pub read_cost: f64,
    /// With the first seed.
    pub curves: Curves,
    /// By partition and stretch of time of the comparison's stage, with the first seed: units
    /// asked for ÷ what one partition gives, in the direction in which that is larger.
    pub heat: Vec<Vec<f64>>,
    /// What real requests found, where the candidate was fired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fired: Option<Fired>,
}

/// Compares `candidates` as keys of table `table` over `traces`: the same scenario with
/// different seeds, at least two.
#[must_use]
pub fn compare(
    traces: &[Trace],
    table: usize,
    candidates: &[Candidate],
    target: f64,
    workers: &impl Workers,
) -> Comparison {
    let all: Vec<&Trace> = traces.iter().collect();
    concluded(&findings(
        &traces[0], &all, table, candidates, target, workers,
    ))
}

/// What follows from what was found.
#[must_use]
pub fn concluded(found: &Findings) -> Comparison {
    let mut ranked: Vec<Ranked> = found.candidates.iter().map(describe).collect();
    ranked.sort_by(|a, b| b.headroom.total_cmp(&a.headroom));
    number_ranks(&mut ranked);
    Comparison {
        schema_version: SCHEMA_VERSION,
        scenario: found.scenario.clone(),
        fingerprint: found.fingerprint.clone(),
        seed: found.seed,
        seeds: found.due.len(),
        table: found.table.clone(),
        requests_per_second: found.requests_per_second(),
        target: found.target,
        stage: found.stage,
        candidates: ranked,
        part: None,
    }
}

/// The scenario's own capacity against the requests.
fn tallies(trace: &Trace, table: usize) -> Vec<replay::Tally> {
    let slots = replay::slots(trace);
    let scenario = trace.workload().scenario();
    let part = replay::Part {
        table,
        direction: None,
    };
    let whole = |units: CapacityUnits| units.halves().unsigned_abs().div_ceil(2);
    let rates: Option<replay::Rates> = slots
        .iter()
        .map(|slot| match slot.billing(scenario).capacity() {
            Some(rates) => Some(ByDirection::from_fn(|direction| whole(rates[direction]))),
            None if slot.table == table => None,
            None => Some(ByDirection::default()),
        })
        .collect();
    match (rates, scenario.tables[table].billing) {
        (Some(rates), _) => replay::fixed(trace, &slots, &rates, Burst::Modelled, part),
        (None, Billing::OnDemand { maximum, .. }) => {
            let maximum = ByDirection::from_fn(|direction| maximum[direction].map(whole));
            replay::on_demand(trace, &slots, maximum, part)
        }
        // Only its indexes are on demand, which DynamoDB does not allow.
        (None, Billing::Provisioned { .. }) => {
            replay::on_demand(trace, &slots, ByDirection::default(), part)
        }
    }
}

fn describe(finding: &Finding) -> Ranked {
    let Finding { basis, looks } = finding;
    let items = &basis.items;
    let mean = |value: &dyn Fn(&Requests) -> f64| {
        looks.iter().map(|look| value(&look.requests)).sum::<f64>() / float(looks.len())
    };
    let both = |value: &dyn Fn(&Requests) -> ByDirection<f64>| {
        ByDirection::from_fn(|direction: Direction| mean(&|r| value(r)[direction]))
    };
    let headrooms: Vec<f64> = looks.iter().map(|look| look.requests.headroom).collect();
    let logs: Vec<f64> = headrooms.iter().map(|h| h.max(1e-9).ln()).collect();
    let (centre, half) = interval(&logs, student_95(logs.len()));
    let tallies: Vec<Vec<replay::Tally>> = looks.iter().map(|look| look.tallies.clone()).collect();
    let operations: Vec<usize> = (0..tallies[0].len()).collect();
    Ranked {
        rank: 0,
        candidate: basis.candidate.clone(),
        items: items.items,
        overwritten: items.overwritten,
        proposed_sort_key: basis.proposed_sort_key.clone(),
        keys: items.keys,
        most_items: items.most_items,
        most_bytes: items.most_bytes,
        exceeds_collection_limit: items.most_bytes > COLLECTION_BYTES_MAX,
        hottest_share: mean(&|r| r.hottest),
        hottest_key: looks[0].requests.hottest_key.clone(),
        hottest_units: both(&|r| r.hottest_units),
        top_percent_share: mean(&|r| r.top_percent),
        gini: mean(&|r| r.gini),
        partitions: looks[0].requests.partitions,
        partition_share: mean(&|r| r.partition_share),
        utilisation: both(&|r| r.utilisation),
        throttled: throttled(&tallies, &operations),
        headroom: centre.exp(),
        headroom_interval: [(centre - half).exp(), (centre + half).exp()],
        headrooms,
        read_cost: mean(&|r| r.read_cost),
        curves: basis.curves.clone(),
        heat: basis.heat.clone(),
        fired: None,
    }
}

/// The first attribute that, as sort key, lets no item overwrite another.
fn proposed_sort_key(trace: &Trace, table: usize, candidate: &Candidate) -> Option<String> {
    let spec = &trace.workload().scenario().tables[table];
    Candidate::single(spec)
        .into_iter()
        .map(|single| single.name)
        .filter(|name| !candidate.partition_key.contains(name))
        .find(|name| {
            let with = Candidate {
                sort_key: Some(name.clone()),
                suffix: Suffix::None,
                ..candidate.clone()
            };
            spread::items(trace, table, &with).overwritten == 0
        })
}

/// Those whose paired differences to the first of their group may be none share its rank.
fn number_ranks(ranked: &mut [Ranked]) {
    let mut first = 0;
    for number in 0..ranked.len() {
        if number > 0 && !is_tie(&ranked[first].headrooms, &ranked[number].headrooms) {
            first = number;
        }
        ranked[number].rank = first + 1;
    }
}

/// Whether the 99 % interval of the paired differences of logarithms holds 0, or all of it is
/// below what matters: two copies of a key should be told apart in 1 of 100 cases at most.
fn is_tie(one: &[f64], other: &[f64]) -> bool {
    let pairs = one.iter().zip(other);
    let differences: Vec<f64> = pairs
        .map(|(one, other)| (one.max(1e-9) / other.max(1e-9)).ln())
        .collect();
    let (centre, half) = interval(&differences, student_99(differences.len()));
    centre.abs() <= half || centre.abs() < MATTERS
}

/// Mean, and half the width of its interval at this quantile of Student's t.
fn interval(values: &[f64], quantile: f64) -> (f64, f64) {
    let count = float(values.len());
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let error = (squares / (count - 1.0).max(1.0) / count).sqrt();
    (mean, quantile * error)
}

/// Two-sided 95 % quantile of Student's t for `count` values.
fn student_95(count: usize) -> f64 {
    const FEW: [f64; 9] = [
        12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262,
    ];
    quantile(&FEW, count, 1.96, 1.25)
}

/// The same for 99 %.
fn student_99(count: usize) -> f64 {
    const FEW: [f64; 9] = [
        63.66, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250,
    ];
    quantile(&FEW, count, 2.576, 2.2)
}

/// From the list for few values, from an expansion around the normal one for more.
fn quantile(few: &[f64; 9], count: usize, normal: f64, slope: f64) -> f64 {
    let freedom = count.max(2) - 1;
    let listed = few.get(freedom - 1).copied();
    listed.unwrap_or_else(|| normal * (1.0 + slope / float(freedom)))
}

#[expect(clippy::cast_precision_loss, reason = "counts, exact below 2^52")]
const fn float(count: usize) -> f64 {
    count as f64
}
