//! The same items and requests keyed in different ways: which key spreads them best.
//!
//! Every candidate sees the same seeds. They are ranked by headroom, the largest multiple of
//! the load that stays within the target when the table has capacity for all of it, hot
//! partitions have split, and only single keys are too hot. Must not know how it is shown.

pub mod curves;
pub mod fired;
pub mod heat;
pub mod spread;

use serde::Serialize;

use super::{
    rekey::rekeyed,
    replay::{
        self, Burst, Part,
        throttled::{Throttled, throttled},
    },
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
use curves::{Curves, curves};
use fired::Fired;
use heat::Stage;
use spread::{Items, Requests};

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
    let scenario = traces[0].workload().scenario();
    workers.at("items under each key");
    let found: Vec<Items> = workers.map(candidates.len(), |number| {
        spread::items(&traces[0], table, &candidates[number])
    });
    let pairs = candidates.len() * traces.len();
    workers.at("requests under each key, with each seed");
    let looked_at = workers.map(pairs, |pair| {
        let (number, seed) = (pair / traces.len(), pair % traces.len());
        let candidate = &candidates[number];
        let keyed = rekeyed(&traces[seed], table, candidate);
        let keys = found[number].keys;
        let requests = spread::requests(&keyed, &traces[seed], table, candidate, keys, target);
        (requests, tallies(&keyed, table))
    });
    let stage = Stage::of(&traces[0], table);
    workers.at("charts of each key");
    let mut ranked: Vec<Ranked> = workers.map(candidates.len(), |number| {
        let seeds = &looked_at[number * traces.len()..(number + 1) * traces.len()];
        let candidate = &candidates[number];
        let described = describe(&traces[0], table, candidate, &found[number], seeds);
        Ranked {
            heat: stage.heat(&traces[0], table, candidate),
            ..described
        }
    });
    ranked.sort_by(|a, b| b.headroom.total_cmp(&a.headroom));
    number_ranks(&mut ranked);
    Comparison {
        schema_version: SCHEMA_VERSION,
        scenario: scenario.name.clone(),
        fingerprint: scenario.fingerprint(),
        seed: scenario.seed.0,
        seeds: traces.len(),
        table: scenario.tables[table].name.clone(),
        requests_per_second: replay::requests_per_second(traces),
        target,
        stage,
        candidates: ranked,
    }
}

/// The scenario's own capacity against the requests.
fn tallies(trace: &Trace, table: usize) -> Vec<replay::Tally> {
    let slots = replay::slots(trace);
    let scenario = trace.workload().scenario();
    let part = Part {
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

fn describe(
    trace: &Trace,
    table: usize,
    candidate: &Candidate,
    items: &Items,
    seeds: &[(Requests, Vec<replay::Tally>)],
) -> Ranked {
    let mean = |value: &dyn Fn(&Requests) -> f64| {
        seeds
            .iter()
            .map(|(requests, _)| value(requests))
            .sum::<f64>()
            / float(seeds.len())
    };
    let both = |value: &dyn Fn(&Requests) -> ByDirection<f64>| {
        ByDirection::from_fn(|direction: Direction| mean(&|r| value(r)[direction]))
    };
    let headrooms: Vec<f64> = seeds
        .iter()
        .map(|(requests, _)| requests.headroom)
        .collect();
    let logs: Vec<f64> = headrooms.iter().map(|h| h.max(1e-9).ln()).collect();
    let (centre, half) = interval(&logs, student_95(logs.len()));
    let tallies: Vec<Vec<replay::Tally>> = seeds.iter().map(|(_, t)| t.clone()).collect();
    let operations: Vec<usize> = (0..tallies[0].len()).collect();
    Ranked {
        rank: 0,
        candidate: candidate.clone(),
        items: items.items,
        overwritten: items.overwritten,
        proposed_sort_key: (items.overwritten > 0)
            .then(|| proposed_sort_key(trace, table, candidate))
            .flatten(),
        keys: items.keys,
        most_items: items.most_items,
        most_bytes: items.most_bytes,
        exceeds_collection_limit: items.most_bytes > COLLECTION_BYTES_MAX,
        hottest_share: mean(&|r| r.hottest),
        hottest_key: seeds[0].0.hottest_key.clone(),
        hottest_units: both(&|r| r.hottest_units),
        top_percent_share: mean(&|r| r.top_percent),
        gini: mean(&|r| r.gini),
        partitions: seeds[0].0.partitions,
        partition_share: mean(&|r| r.partition_share),
        utilisation: both(&|r| r.utilisation),
        throttled: throttled(&tallies, &operations),
        headroom: centre.exp(),
        headroom_interval: [(centre - half).exp(), (centre + half).exp()],
        headrooms,
        read_cost: mean(&|r| r.read_cost),
        curves: curves(&rekeyed(trace, table, candidate), table, items.keys),
        heat: Vec::new(),
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
