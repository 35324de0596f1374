//! Repeats of a run → the metrics of a night.
//!
//! A percentile of a night is the median of those of its repeats, each a percentile itself;
//! beside it stands the one of all repeats' histograms merged. Nothing is averaged.

use std::collections::BTreeMap;

use super::history::{Metric, MetricUnit, NightRecord};
use crate::{
    analysis::{
        Analysis, OperationSummary, Summary, collect,
        expectation::REGION,
        nanos,
        threshold::{Assertion, InvalidReason, Verdict},
    },
    price::{PriceTable, Unit},
    record::{RunRecord, histogram::LatencyHistogram},
    units::{Direction, Quantile, float},
};

/// Values above a percentile, at least: fewer say nothing of it.
const ABOVE: f64 = 10.0;
/// A metric that every valid repeat has.
const COMPLETED_RATE: &str = "completed_rate";

/// One run of a night with what was made of it.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// The run.
    pub record: RunRecord,
    /// What it comes to.
    pub analysis: Analysis,
}

/// What the repeats of one night come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// By name.
    pub metrics: BTreeMap<String, Metric>,
    /// Why the night is invalid; empty when it is valid.
    pub invalid: Vec<InvalidReason>,
    /// Thresholds that more than half of the valid repeats missed.
    pub missed: Vec<Assertion>,
}

/// Adds up the repeats. Invalid ones are left out; with half of them or more, the night is
/// invalid.
#[must_use]
pub fn measure(repeats: &[Repeat]) -> Measured {
    let valid: Vec<&Repeat> = repeats.iter().filter(|repeat| is_valid(repeat)).collect();
    if valid.len() * 2 <= repeats.len() {
        return Measured {
            invalid: invalid_because(repeats),
            ..Measured::default()
        };
    }
    let mut metrics = BTreeMap::new();
    let per_repeat: Vec<BTreeMap<String, Observation>> =
        valid.iter().map(|repeat| observations(repeat)).collect();
    let names: std::collections::BTreeSet<&String> =
        per_repeat.iter().flat_map(BTreeMap::keys).collect();
    for name in names {
        let seen: Vec<&Observation> = per_repeat
            .iter()
            .filter_map(|observed| observed.get(name))
            .collect();
        // A percentile that only some repeats have would be one of the fast ones; a throttle
        // reason that only some have was not given by the others.
        if seen.len() < valid.len() && !counts_throttles(name) {
            continue;
        }
        let mut values: Vec<f64> = seen.iter().map(|observed| observed.value).collect();
        values.resize(valid.len(), 0.0);
        let same = values
            .iter()
            .all(|value| value.to_bits() == values[0].to_bits());
        let exact = same && seen.iter().all(|observed| observed.may_be_exact);
        let unit = seen[0].unit;
        let metric = Metric {
            unit,
            exact,
            values,
            rerun: Vec::new(),
            merged: None,
        };
        metrics.insert(name.clone(), metric);
    }
    let records: Vec<&RunRecord> = valid.iter().map(|repeat| &repeat.record).collect();
    merge_percentiles(&records, &mut metrics);
    Measured {
        metrics,
        invalid: Vec::new(),
        missed: missed(&valid),
    }
}

/// Adds the rerun of a suspect to its night. A rerun that is invalid confirms nothing and clears
/// nothing: the machine is disturbed, and so is the night.
pub fn add_rerun(night: &mut NightRecord, repeats: u32, rerun: Measured) {
    night.runs += repeats;
    if rerun.invalid.is_empty() {
        add_repeats(&mut night.metrics, rerun.metrics);
    } else {
        night.invalid = rerun.invalid;
        night.missed.clear();
    }
}

/// Adds the repeats of a rerun to those of the first measurement. A throttle reason that was
/// given in one of them alone was given no times in the other; what else the rerun alone has
/// (a percentile with too few values before) is the night's only word on it.
fn add_repeats(metrics: &mut BTreeMap<String, Metric>, rerun: BTreeMap<String, Metric>) {
    let repeats = |metrics: &BTreeMap<String, Metric>| {
        let rate = metrics.get(COMPLETED_RATE);
        rate.map_or(0, |metric| metric.values.len())
    };
    let (first, again) = (repeats(metrics), repeats(&rerun));
    for (name, metric) in metrics.iter_mut() {
        if counts_throttles(name) && !rerun.contains_key(name) {
            metric.rerun = vec![0.0; again];
        }
    }
    for (name, again) in rerun {
        if let Some(metric) = metrics.get_mut(&name) {
            metric.exact &= again.exact && again.values.first() == metric.values.first();
            metric.rerun = again.values;
        } else if counts_throttles(&name) && first > 0 {
            let metric = Metric {
                values: vec![0.0; first],
                rerun: again.values,
                ..again
            };
            metrics.insert(name, metric);
        } else {
            metrics.insert(name, again);
        }
    }
}

/// Whether a metric that is missing was zero.
fn counts_throttles(name: &str) -> bool {
    name.starts_with("throttles.")
}

/// What a simulation of the scenario says: the same seed gives the same answer, to the request.
#[must_use]
pub fn simulated(record: &RunRecord) -> BTreeMap<String, Metric> {
    let summary = Summary::of(record);
    let exact = |unit, value| Metric {
        unit,
        exact: true,
        values: vec![value],
        rerun: Vec::new(),
        merged: None,
    };
    let mut metrics = BTreeMap::new();
    for operation in &summary.operations {
        if let Some(units) = operation.units_per_request {
            let name = format!("simulated.{}.units", operation.name);
            metrics.insert(name, exact(units_of(operation), units));
        }
    }
    if let Some(share) = summary.throttled_share {
        metrics.insert(
            "simulated.throttled".to_owned(),
            exact(MetricUnit::Share, share),
        );
    }
    for (reason, times) in throttles(&summary) {
        let name = format!("simulated.throttles.{reason}");
        metrics.insert(name, exact(MetricUnit::Count, float(times)));
    }
    if let Some(dollars) = dollars_per_million(&summary) {
        let name = "simulated.usd_per_million".to_owned();
        metrics.insert(name, exact(MetricUnit::Dollars, dollars));
    }
    metrics
}

/// A number of one repeat.
struct Observation {
    unit: MetricUnit,
    value: f64,
    /// Whether it depends on nothing but the requests, so that repeats can agree.
    may_be_exact: bool,
}

fn observations(repeat: &Repeat) -> BTreeMap<String, Observation> {
    let summary = &repeat.analysis.summary;
    let mut all = BTreeMap::new();
    let mut add = |name: String, unit, value, may_be_exact| {
        all.insert(
            name,
            Observation {
                unit,
                value,
                may_be_exact,
            },
        );
    };
    for (index, operation) in summary.operations.iter().enumerate() {
        let totals = collect::operation_totals(&repeat.record, index);
        for (which, quantile, name) in percentiles(&operation.name, &totals.response_time) {
            if let Some(value) = which.quantile(quantile) {
                add(name, MetricUnit::Nanoseconds, float(nanos(value)), false);
            }
        }
        if let Some(units) = operation.units_per_request {
            let name = format!("{}.units", operation.name);
            add(name, units_of(operation), units, all_completed(operation));
        }
    }
    add(
        COMPLETED_RATE.into(),
        MetricUnit::PerSecond,
        summary.completed_per_second,
        false,
    );
    let shares = [
        ("throttled", summary.throttled_share),
        ("errors", summary.error_share),
    ];
    for (name, share) in shares {
        if let Some(share) = share {
            add(name.to_owned(), MetricUnit::Share, share, false);
        }
    }
    let arrivals = float(summary.arrivals.max(1));
    for (reason, times) in throttles(summary) {
        let name = format!("throttles.{reason}");
        add(name, MetricUnit::Share, float(times) / arrivals, false);
    }
    if let Some(dollars) = dollars_per_million(summary) {
        let exact = summary.operations.iter().all(all_completed);
        add(
            "usd_per_million".into(),
            MetricUnit::Dollars,
            dollars,
            exact,
        );
    }
    all
}

/// The percentiles that a histogram has enough values for.
fn percentiles<'h>(
    operation: &str,
    histogram: &'h LatencyHistogram,
) -> Vec<(&'h LatencyHistogram, Quantile, String)> {
    let count = float(histogram.count());
    let quantiles = [
        (Quantile::P50, 0.5),
        (Quantile::P99, 0.01),
        (Quantile::P99_9, 0.001),
    ];
    let enough = quantiles
        .into_iter()
        .filter(|(_, above)| count * above >= ABOVE);
    enough
        .map(|(quantile, _)| (histogram, quantile, percentile_name(operation, quantile)))
        .collect()
}

fn percentile_name(operation: &str, quantile: Quantile) -> String {
    format!("{operation}.response_time_{quantile}")
}

fn merge_percentiles(records: &[&RunRecord], metrics: &mut BTreeMap<String, Metric>) {
    let operations = records
        .first()
        .map_or(&[][..], |record| &record.operations[..]);
    for (index, operation) in operations.iter().enumerate() {
        let mut merged = LatencyHistogram::default();
        for record in records {
            merged.merge(&collect::operation_totals(record, index).response_time);
        }
        for (histogram, quantile, name) in percentiles(&operation.name, &merged) {
            if let Some(metric) = metrics.get_mut(&name) {
                metric.merged = histogram
                    .quantile(quantile)
                    .map(|value| float(nanos(value)));
            }
        }
    }
}

/// How often each reason was given, all tables together.
fn throttles(summary: &Summary) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for table in &summary.tables {
        for direction in Direction::ALL {
            for (reason, times) in &table.directions[direction].throttles_by_reason {
                *all.entry(reason.clone()).or_default() += times;
            }
        }
    }
    all
}

/// On-demand price of a million completed requests of this mix, global indexes included.
fn dollars_per_million(summary: &Summary) -> Option<f64> {
    let completed = float(summary.outcomes.completed);
    if completed <= 0.0 {
        return None;
    }
    let prices = PriceTable::embedded();
    let dollars = |direction: Direction, unit| {
        let units: f64 = summary
            .tables
            .iter()
            .map(|table| {
                let of_indexes = table.indexes.iter();
                let of_indexes = of_indexes.map(|index| index.directions[direction].consumed);
                table.directions[direction].consumed + of_indexes.sum::<f64>()
            })
            .sum();
        prices.on_demand(REGION, unit, units / completed * 1e6).ok()
    };
    Some(dollars(Direction::Read, Unit::Read)? + dollars(Direction::Write, Unit::Write)?)
}

const fn all_completed(operation: &OperationSummary) -> bool {
    operation.outcomes.completed == operation.arrivals
}

const fn units_of(operation: &OperationSummary) -> MetricUnit {
    match operation.kind.direction() {
        Direction::Read => MetricUnit::ReadUnits,
        Direction::Write => MetricUnit::WriteUnits,
    }
}

const fn is_valid(repeat: &Repeat) -> bool {
    matches!(
        repeat.analysis.judgement.verdict,
        Verdict::Pass | Verdict::Fail
    )
}

fn invalid_because(repeats: &[Repeat]) -> Vec<InvalidReason> {
    let mut reasons = Vec::new();
    for repeat in repeats {
        for reason in &repeat.analysis.judgement.invalid_because {
            // Of each kind the first: numbers differ from repeat to repeat.
            let kind = std::mem::discriminant(reason);
            if !reasons
                .iter()
                .any(|known| std::mem::discriminant(known) == kind)
            {
                reasons.push(reason.clone());
            }
        }
    }
    reasons
}

/// The thresholds that most repeats missed, each as the middle one of those missed it.
fn missed(valid: &[&Repeat]) -> Vec<Assertion> {
    let thresholds = valid
        .first()
        .map_or(0, |r| r.analysis.judgement.assertions.len());
    let mut most = Vec::new();
    for index in 0..thresholds {
        let of = |repeat: &&Repeat| repeat.analysis.judgement.assertions.get(index).cloned();
        let mut misses: Vec<Assertion> = valid
            .iter()
            .filter_map(of)
            .filter(|assertion| !assertion.met)
            .collect();
        if misses.len() * 2 > valid.len() {
            let margin = |assertion: &Assertion| assertion.margin.unwrap_or(f64::NEG_INFINITY);
            misses.sort_by(|a, b| margin(a).total_cmp(&margin(b)));
            most.push(misses.swap_remove(misses.len() / 2));
        }
    }
    most
}
