//! Items and their sizes; the laws of every distribution; the schedule.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "counts of a test are small"
)]

mod curves;
mod nested;
mod operations;
mod picks;
mod schedules;
mod sizes;
mod values;

use std::{sync::Arc, time::Duration};

use dynamometer::{
    scenario::{
        ArrivalSpec, Attribute, AttributeType, ClientSettings, Consistency, KeySpec,
        ModelParameters, NamedKeys, NumberSpec, OperationKind, OperationSpec, Phase, PhaseKind,
        ReadShape, Scenario, Table, Validity, ValueSpec,
    },
    schedule::{Arrival, Schedule},
    seed::Seed,
    units::{ByDirection, CapacityUnits, Rate, Share, Timestamp},
    workload::{Request, Workload, item, item::AttributeValue},
};
use proptest::prelude::*;

// ─ scenarios ─

/// A `Users` table of `items` items and one measured second; grown by the methods below.
fn scenario(items: u64) -> Scenario {
    Scenario {
        name: "test".into(),
        question: None,
        seed: Seed(42),
        tables: vec![Table::plain(
            "Users",
            ByDirection::from_fn(|_| CapacityUnits::whole(1)),
            items,
            vec![attribute(
                "user_id",
                AttributeType::S,
                ValueSpec::Unique { prefix: "u".into() },
            )],
        )],
        keys: vec![],
        operations: vec![],
        phases: vec![],
        client: ClientSettings::default(),
        thresholds: vec![],
        validity: Validity::default(),
        nightly: None,
        candidates: Vec::new(),
        model: ModelParameters::default(),
        weights: vec![],
        files: vec![],
    }
}

fn attribute(name: &str, kind: AttributeType, value: ValueSpec) -> Attribute {
    Attribute {
        name: name.into(),
        kind,
        value,
        present: Share::ALL,
    }
}

/// Adds an operation that picks by `spec`.
fn operation(scenario: &mut Scenario, kind: OperationKind, weight: f64, spec: KeySpec) {
    let number = scenario.operations.len();
    scenario.keys.push(NamedKeys {
        name: format!("keys{number}"),
        spec,
    });
    let weight = Share::new(weight).unwrap();
    scenario.operations.push(OperationSpec {
        keys: number,
        consistency: Consistency::Strong,
        read: ReadShape {
            limit: Some(7),
            ..ReadShape::default()
        },
        ..OperationSpec::plain(&format!("operation{number}"), kind, weight)
    });
}

fn reads(items: u64, spec: KeySpec) -> Workload {
    let mut scenario = scenario(items);
    operation(&mut scenario, OperationKind::Get, 1.0, spec);
    Workload::new(Arc::new(scenario))
}

// ─ goodness of fit ─

/// Chi-square of `observed` against `shares` of their total, as standard deviations of a
/// normal (Wilson and Hilferty). Bins that expect fewer than ten are put together.
pub fn misfit(observed: &[u64], shares: &[f64]) -> f64 {
    let total = observed.iter().sum::<u64>() as f64;
    assert!(
        (shares.iter().sum::<f64>() - 1.0).abs() < 1e-6,
        "{shares:?}"
    );
    let (mut chi, mut bins, mut seen, mut expected) = (0.0, 0.0, 0.0, 0.0);
    for (&count, &share) in observed.iter().zip(shares) {
        seen += count as f64;
        expected += share * total;
        if expected >= 10.0 {
            chi += (seen - expected).powi(2) / expected;
            bins += 1.0;
            (seen, expected) = (0.0, 0.0);
        }
    }
    let freedom: f64 = bins - 1.0;
    assert!(freedom >= 1.0, "nothing to compare");
    let spread = 2.0 / (9.0 * freedom);
    ((chi / freedom).cbrt() - (1.0 - spread)) / spread.sqrt()
}

/// Four standard deviations: one fair generator in 30,000 would miss it, and seeds are fixed.
fn check_fit(what: &str, observed: &[u64], shares: &[f64]) {
    let misfit = misfit(observed, shares);
    assert!(misfit < 4.0, "{what}: {misfit:.1} deviations; {observed:?}");
}

/// Σ k^-s for k in `from..=to`: term by term to 1,000, then by the integral between the
/// half-way points, which is off by less than 10^-6 of itself there.
pub fn zipf_sum(from: u64, to: u64, s: f64) -> f64 {
    let head = (from..=to.min(1000))
        .map(|k| (k as f64).powf(-s))
        .sum::<f64>();
    let (a, b) = (from.max(1001) as f64 - 0.5, to as f64 + 0.5);
    if a >= b {
        return head;
    }
    // ∫ x^-s, in the form that does not cancel as s nears 1.
    let span = (b / a).ln();
    let x = (1.0 - s) * span;
    let growth = if x == 0.0 { 1.0 } else { x.exp_m1() / x };
    let tail = a.powf(1.0 - s) * span * growth;
    head + tail
}

/// Last ranks of bins over 1..=n: each of the first ten, powers of three, sixteenths.
pub fn rank_bins(n: u64) -> Vec<u64> {
    let powers = (0..60).map_while(|power| 3_u64.checked_pow(power));
    let sixteenths = (1..=16).map(|part| (u128::from(n) * part / 16) as u64);
    let mut ends: Vec<u64> = (1..=10).chain(powers).chain(sixteenths).collect();
    ends.retain(|&end| (1..=n).contains(&end));
    ends.sort_unstable();
    ends.dedup();
    ends
}

fn zipf_misfit(ranks: impl Iterator<Item = u64>, n: u64, s: f64) -> f64 {
    let ends = rank_bins(n);
    let starts = std::iter::once(1).chain(ends.iter().map(|end| end + 1));
    let whole = zipf_sum(1, n, s);
    let shares: Vec<f64> = starts
        .zip(&ends)
        .map(|(from, &to)| zipf_sum(from, to, s) / whole)
        .collect();
    let mut observed = vec![0; ends.len()];
    for rank in ranks {
        assert!((1..=n).contains(&rank), "{rank} of {n}");
        observed[ends.partition_point(|&end| end < rank)] += 1;
    }
    misfit(&observed, &shares)
}

pub const DRAWS: u64 = 60_000;

fn check_zipf(n: u64, exponent: f64) {
    let scrambled = false;
    let workload = reads(
        n,
        KeySpec::Zipfian {
            exponent,
            scrambled,
        },
    );
    let ranks = (0..DRAWS).map(|sequence| workload.pick(sequence).item + 1);
    let misfit = zipf_misfit(ranks, n, exponent);
    assert!(misfit < 4.0, "n = {n}, s = {exponent}: {misfit:.1}");
}
