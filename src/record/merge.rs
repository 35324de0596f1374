//! The records of the shards of one run, made into the record of that run.
//!
//! Counters and histograms add up without loss, phase by phase and second by second: all
//! shards count their seconds from the same instant. Owns which records belong together.

use std::{collections::BTreeMap, time::Duration};

use thiserror::Error;

use super::{
    Interval, PhaseRecord, RunRecord,
    histogram::{DecodeError, LatencyHistogram, sum::HistogramSum},
    shard::{MergedShard, Part},
};
use crate::{
    schedule::shard::Shard,
    units::{Quantile, nanos_of},
};

/// Why records are no run together.
#[derive(Debug, Error)]
pub enum MergeError {
    /// No record at all.
    #[error("there is nothing to merge")]
    Nothing,
    /// The record of a whole run.
    #[error("it is no shard: it was run whole, or merged already")]
    Whole,
    /// The same shard again.
    #[error("shard {0} is there twice")]
    Twice(Shard),
    /// Something differs that is the same in all shards of a run.
    #[error("it belongs to another run: its {what} is {found}, that of the others {expected}")]
    Differs {
        /// What.
        what: &'static str,
        /// In this record.
        found: String,
        /// In the first one.
        expected: String,
    },
    /// A histogram that is none.
    #[error("second {second}: {source}")]
    Histogram {
        /// Where.
        second: u64,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// Not all shards are there.
    #[error(
        "{} {} of {count} missing: {}",
        .missing.len(),
        if .missing.len() == 1 { "shard" } else { "shards" },
        listed(.missing)
    )]
    Missing {
        /// Their numbers.
        missing: Vec<u32>,
        /// How many shards there are.
        count: u32,
    },
    /// Shards that did not start at the same instant.
    #[error("not all shards started at the same instant: {}", listed_starts(.starts))]
    Starts {
        /// Each start, with the numbers of the shards that had it.
        starts: BTreeMap<String, Vec<u32>>,
    },
    /// Clocks that do not agree, so that the shards did not start together.
    #[error(
        "the clocks of shards {first} and {second} are at least {apart:?} apart, and {allowed:?} \
         is allowed: their seconds are not the same seconds"
    )]
    Clocks {
        /// One of them.
        first: Shard,
        /// The other.
        second: Shard,
        /// The least that their offsets allow.
        apart: Duration,
        /// The bound.
        allowed: Duration,
    },
}

/// More numbers than these are not listed.
const LISTED: usize = 20;

/// Numbers as a reader counts: `3, 5, 7`.
fn listed(numbers: &[u32]) -> String {
    let first: Vec<_> = numbers.iter().take(LISTED).map(u32::to_string).collect();
    let more = match numbers.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    first.join(", ") + &more
}

fn listed_starts(starts: &BTreeMap<String, Vec<u32>>) -> String {
    let starts: Vec<_> = starts
        .iter()
        .map(|(start, numbers)| format!("{} at {start}", listed(numbers)))
        .collect();
    starts.join("; ")
}

/// What has to hold of the shards together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeRules {
    /// How far any two clocks may certainly be apart.
    pub clocks_apart: Duration,
    /// Whether shards may be missing; the merged record tells which.
    pub allow_missing: bool,
}

/// A run in the making. Memory grows with its seconds and operations, not with its shards.
#[derive(Debug, Default)]
pub struct Merge {
    /// Without intervals and shards.
    whole: Option<RunRecord>,
    seconds: BTreeMap<u64, Second>,
    shards: BTreeMap<Shard, MergedShard>,
    /// Who started when.
    starts: BTreeMap<String, Vec<u32>>,
}

/// One second, its histograms apart.
#[derive(Debug)]
struct Second {
    interval: Interval,
    dispatch_delay: HistogramSum,
    /// In the order of the operations.
    response_time: Vec<HistogramSum>,
}

impl Merge {
    /// Nothing merged yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the record of one shard.
    ///
    /// # Errors
    /// When it is none, is there already, or belongs to another run than those before.
    pub fn add(&mut self, mut record: RunRecord) -> Result<(), MergeError> {
        let part = record.provenance.part.take().ok_or(MergeError::Whole)?;
        if self.shards.contains_key(&part.shard) {
            return Err(MergeError::Twice(part.shard));
        }
        if let (Some(whole), Some(other)) = (&self.whole, self.shards.keys().next()) {
            same_run(whole, &record)?;
            same("number of shards", &part.shard.count(), &other.count())?;
        }
        let intervals = std::mem::take(&mut record.intervals);
        for interval in intervals {
            let second = interval.second;
            self.second(interval)
                .map_err(|source| MergeError::Histogram { second, source })?;
        }
        let start = record.provenance.started_at.clone();
        let numbers = self.starts.entry(start).or_default();
        numbers.push(part.shard.number());
        self.shards.insert(part.shard, merged_shard(part, &record));
        match &mut self.whole {
            None => self.whole = Some(record),
            Some(whole) => add_record(whole, record),
        }
        Ok(())
    }

    /// The whole run.
    ///
    /// # Errors
    /// When shards are missing that may not, did not start together, or clocks are too far apart.
    pub fn finish(self, rules: &MergeRules) -> Result<RunRecord, MergeError> {
        let mut record = self.whole.ok_or(MergeError::Nothing)?;
        let mut starts = self.starts;
        if starts.len() > 1 {
            for numbers in starts.values_mut() {
                numbers.sort_unstable();
            }
            return Err(MergeError::Starts { starts });
        }
        record.shards = self.shards.into_values().collect();
        let missing = super::shard::missing(&record.shards);
        if !missing.is_empty() && !rules.allow_missing {
            let count = record.shards[0].part.shard.count();
            return Err(MergeError::Missing { missing, count });
        }
        check_clocks(&record.shards, rules.clocks_apart)?;
        record.intervals = self.seconds.into_values().map(Second::close).collect();
        Ok(record)
    }

    fn second(&mut self, mut interval: Interval) -> Result<(), DecodeError> {
        let delay = interval.dispatch_delay.take();
        let times: Vec<_> = interval
            .operations
            .iter_mut()
            .map(|operation| operation.response_time.take())
            .collect();
        let second = match self.seconds.entry(interval.second) {
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(Second {
                dispatch_delay: HistogramSum::default(),
                response_time: vec![HistogramSum::default(); times.len()],
                interval,
            }),
            std::collections::btree_map::Entry::Occupied(entry) => {
                let second = entry.into_mut();
                add_interval(&mut second.interval, &interval);
                second
            }
        };
        if let Some(delay) = delay {
            second.dispatch_delay.add(&delay)?;
        }
        for (sum, time) in second.response_time.iter_mut().zip(times) {
            if let Some(time) = time {
                sum.add(&time)?;
            }
        }
        Ok(())
    }
}

impl Second {
    fn close(self) -> Interval {
        let mut interval = self.interval;
        let delay = self.dispatch_delay.unfold();
        interval.dispatch_delay_p99_nanos = p99_nanos(&delay).unwrap_or(0);
        for (operation, sum) in interval.operations.iter_mut().zip(self.response_time) {
            operation.response_time = Some(sum.encode()).filter(|time| !time.is_empty());
        }
        interval
    }
}

fn p99_nanos(histogram: &LatencyHistogram) -> Option<u64> {
    let p99 = histogram.quantile(Quantile::P99)?;
    Some(nanos_of(p99))
}

fn merged_shard(part: Part, record: &RunRecord) -> MergedShard {
    let mut delay = LatencyHistogram::default();
    for phase in &record.phases {
        delay.merge(&phase.dispatch_delay);
    }
    MergedShard {
        part,
        arrivals: record.phases.iter().map(|phase| phase.arrivals).sum(),
        dispatch_delay_p99_nanos: p99_nanos(&delay),
        interrupted: record.provenance.interrupted,
    }
}

/// Both are of one run, as far as that can be told.
fn same_run(whole: &RunRecord, record: &RunRecord) -> Result<(), MergeError> {
    let (found, expected) = (&record.provenance, &whole.provenance);
    same(
        "version of dyno",
        &found.tool_version,
        &expected.tool_version,
    )?;
    same("fingerprint", &found.fingerprint, &expected.fingerprint)?;
    same("seed", &found.seed, &expected.seed)?;
    same("target", &found.target, &expected.target)?;
    // Their latencies are of different clients otherwise.
    let client = |of: &super::Provenance| of.client.clone().unwrap_or_default();
    same("client", &client(found), &client(expected))?;
    let overrides = |of: &super::Provenance| of.model_overrides.join(", ");
    same("time scale", &found.time_scale, &expected.time_scale)?;
    same("model", &overrides(found), &overrides(expected))
}

fn same<T: PartialEq + ToString>(
    what: &'static str,
    found: &T,
    expected: &T,
) -> Result<(), MergeError> {
    if found == expected {
        return Ok(());
    }
    Err(MergeError::Differs {
        what,
        found: found.to_string(),
        expected: expected.to_string(),
    })
}

fn check_clocks(shards: &[MergedShard], allowed: Duration) -> Result<(), MergeError> {
    let known = || {
        shards
            .iter()
            .filter_map(|one| Some((one.part.shard, one.part.clock?)))
    };
    let pairs = known().flat_map(|a| known().map(move |b| (a, b)));
    let apart = pairs.map(|(a, b)| (a.1.apart_at_least(b.1), a.0, b.0));
    match apart.max() {
        Some((apart, second, first)) if apart > allowed => Err(MergeError::Clocks {
            first,
            second,
            apart,
            allowed,
        }),
        _ => Ok(()),
    }
}

fn add_record(whole: &mut RunRecord, record: RunRecord) {
    whole.generator = match (whole.generator.take(), record.generator) {
        (Some(one), Some(other)) => Some(one.beside(&other)),
        (one, other) => one.or(other),
    };
    let (sum, more) = (&mut whole.provenance, record.provenance);
    sum.items_loaded += more.items_loaded;
    // They load at the same time.
    sum.load_seconds = sum.load_seconds.max(more.load_seconds);
    sum.interrupted |= more.interrupted;
    sum.commit = (sum.commit.take()).filter(|commit| Some(commit) == more.commit.as_ref());
    let mut phases = record.phases.into_iter();
    // An interrupted shard has only the phases that it began.
    for (sum, phase) in whole.phases.iter_mut().zip(&mut phases) {
        add_phase(sum, &phase);
    }
    whole.phases.extend(phases);
}

fn add_phase(sum: &mut PhaseRecord, phase: &PhaseRecord) {
    sum.ends = sum.ends.max(phase.ends);
    sum.arrivals += phase.arrivals;
    sum.dispatch_delay.merge(&phase.dispatch_delay);
    for (sum, totals) in sum.operations.iter_mut().zip(&phase.operations) {
        *sum += totals;
    }
}

fn add_interval(sum: &mut Interval, interval: &Interval) {
    sum.arrivals += interval.arrivals;
    sum.sent += interval.sent;
    sum.generator = match (sum.generator, interval.generator) {
        (Some(one), Some(other)) => Some(one.beside(other)),
        (one, other) => one.or(other),
    };
    for (sum, operation) in sum.operations.iter_mut().zip(&interval.operations) {
        *sum += operation;
    }
    // All shards see the same tables; one may not have been able to look.
    for (sum, table) in sum.tables.iter_mut().zip(&interval.tables) {
        if sum.burst_left.is_none() {
            sum.clone_from(table);
        }
    }
}
