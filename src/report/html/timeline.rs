//! The seconds of a record side by side, and how they are thinned out for drawing.

use std::collections::BTreeMap;

use super::room::{self, Room};
use crate::{
    analysis::{ThrottleCause, throttle_direction},
    record::{
        Interval, IntervalTable, RunRecord,
        histogram::{LatencyHistogram, sum::HistogramSum},
    },
    units::{ByDirection, CapacityUnits, Direction, Quantile},
};

/// One number for each second of the run.
pub type Series = Vec<f64>;

/// What is plotted over time. Every series has `seconds` numbers.
#[derive(Debug)]
pub struct Timeline {
    /// Length of the run, at least 1.
    pub seconds: usize,
    /// How much detail there is room for.
    pub room: Room,
    /// Requests due.
    pub offered: Series,
    /// First sends.
    pub sent: Series,
    /// Requests completed.
    pub completed: Series,
    /// Requests throttled in the end.
    pub throttled: Series,
    /// Failed, timed out or dropped.
    pub lost: Series,
    /// 99th percentile of dispatch delay, ms; NaN where no request ended.
    pub dispatch_delay_p99: Series,
    /// In the order of the record.
    pub tables: Vec<TableSeries>,
    /// Throttle events by cause.
    pub causes: BTreeMap<ThrottleCause, ByDirection<Series>>,
}

/// One table, or one of its global indexes, over time.
#[derive(Debug)]
pub struct TableSeries {
    /// Its name as it is repeated: `Orders`, `Orders/by-shop`; shortened where it is very long.
    pub name: String,
    /// Units consumed.
    pub consumed: ByDirection<Series>,
    /// Units provisioned.
    pub provisioned: ByDirection<Series>,
    /// Burst credit left, % of its largest; `None` when the target does not show it.
    pub burst_percent: Option<ByDirection<Series>>,
    /// Throttle events. The reasons of an index do not tell which: they count for each index of
    /// the table.
    pub throttles: ByDirection<Series>,
    /// The table's global indexes, in the order of the record.
    pub indexes: Vec<TableSeries>,
}

impl TableSeries {
    fn zero(seconds: usize, name: String, indexes: Vec<String>) -> Self {
        let zero = || ByDirection::from_fn(|_| vec![0.0; seconds]);
        let indexes = indexes.into_iter();
        Self {
            name,
            consumed: zero(),
            provisioned: zero(),
            burst_percent: None,
            throttles: zero(),
            indexes: (indexes.map(|index| Self::zero(seconds, index, Vec::new()))).collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "for drawing")]
const fn number(count: u64) -> f64 {
    count as f64
}

impl Timeline {
    /// The seconds of `record`; those in which nothing happened are zero.
    #[must_use]
    pub fn of<'a>(record: &'a RunRecord) -> Self {
        let seconds = length(record);
        let zero = || vec![0.0; seconds];
        let mut timeline = Self {
            seconds,
            room: Room::of(record),
            offered: zero(),
            sent: zero(),
            completed: zero(),
            throttled: zero(),
            lost: zero(),
            dispatch_delay_p99: vec![f64::NAN; seconds],
            tables: room::names(record)
                .into_iter()
                .map(|(table, indexes)| TableSeries::zero(seconds, table, indexes))
                .collect(),
            causes: BTreeMap::new(),
        };
        for interval in &record.intervals {
            let Some(at) = usize::try_from(interval.second)
                .ok()
                .filter(|at| *at < seconds)
            else {
                continue;
            };
            timeline.offered[at] += number(interval.arrivals);
            timeline.sent[at] += number(interval.sent);
            let ended: u64 = interval
                .operations
                .iter()
                .map(|part| part.outcomes.total())
                .sum();
            if ended > 0 {
                timeline.dispatch_delay_p99[at] = number(interval.dispatch_delay_p99_nanos) / 1e6;
            }
            for (part, operation) in interval.operations.iter().zip(&record.operations) {
                let outcomes = &part.outcomes;
                timeline.completed[at] += number(outcomes.completed);
                timeline.throttled[at] += number(outcomes.throttled);
                timeline.lost[at] +=
                    number(outcomes.failed + outcomes.timed_out + outcomes.dropped);
                timeline.count_throttles(at, part, operation);
                if let Some(table) = timeline.tables.get_mut(operation.table) {
                    for direction in Direction::ALL {
                        table.consumed[direction][at] += part.consumed[direction].as_f64();
                        for (index, units) in table.indexes.iter_mut().zip(&part.index_consumed) {
                            index.consumed[direction][at] += units[direction].as_f64();
                        }
                    }
                }
            }
        }
        for (number, table) in timeline.tables.iter_mut().enumerate() {
            let about = &record.tables[number];
            let state = |interval: &'a Interval| interval.tables.get(number);
            fill_capacity(
                record,
                (about.provisioned, about.burst_seconds),
                table,
                state,
            );
            for (position, index) in table.indexes.iter_mut().enumerate() {
                let state = |interval: &'a Interval| {
                    let indexes = &interval.tables.get(number)?.indexes;
                    indexes.get(position)
                };
                let at_first = about.indexes[position].provisioned;
                fill_capacity(record, (at_first, about.burst_seconds), index, state);
            }
        }
        timeline
    }

    /// The series of a table, or of one of its indexes.
    #[must_use]
    pub fn resource(&self, table: usize, index: Option<usize>) -> Option<&TableSeries> {
        let table = self.tables.get(table)?;
        index.map_or(Some(table), |index| table.indexes.get(index))
    }

    fn count_throttles(
        &mut self,
        at: usize,
        part: &crate::record::IntervalOperation,
        operation: &crate::record::OperationRecord,
    ) {
        let own = operation.kind.direction();
        let reasons = part.throttle_reasons.iter().map(|(reason, count)| {
            let direction = throttle_direction(reason, own);
            (ThrottleCause::of(reason), direction, *count)
        });
        for (cause, direction, count) in reasons {
            let seconds = self.seconds;
            self.causes
                .entry(cause)
                .or_insert_with(|| ByDirection::from_fn(|_| vec![0.0; seconds]))[direction][at] +=
                number(count);
            if let Some(table) = self.tables.get_mut(operation.table) {
                table.throttles[direction][at] += number(count);
                if cause == ThrottleCause::Index {
                    for index in &mut table.indexes {
                        index.throttles[direction][at] += number(count);
                    }
                }
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds of a run, not negative"
)]
fn length(record: &RunRecord) -> usize {
    let planned = record
        .phases
        .last()
        .map_or(0.0, |phase| phase.ends.as_secs_f64());
    let seen = record
        .intervals
        .last()
        .map_or(0, |interval| interval.second + 1);
    // A record that claims centuries is broken; its first week is shown.
    (planned.ceil() as u64).max(seen).clamp(1, 604_800) as usize
}

/// Provisioned capacity and burst credit hold until the record says otherwise.
fn fill_capacity<'a>(
    record: &'a RunRecord,
    (mut provisioned, burst_seconds): (ByDirection<CapacityUnits>, u32),
    series: &mut TableSeries,
    state: impl Fn(&'a Interval) -> Option<&'a IntervalTable>,
) {
    let seconds = series.consumed.read.len();
    let mut burst: Option<ByDirection<f64>> = None;
    let mut intervals = record.intervals.iter().peekable();
    for at in 0..seconds {
        while let Some(interval) = intervals.next_if(|interval| interval.second <= at as u64) {
            if let Some(state) = state(interval) {
                provisioned = state.provisioned;
                burst = state.burst_left.or(burst);
            }
        }
        for direction in Direction::ALL {
            let units = provisioned[direction].as_f64();
            series.provisioned[direction][at] = units;
            if let Some(left) = burst {
                let full = units * f64::from(burst_seconds);
                let percent = if full > 0.0 {
                    left[direction] / full * 100.0
                } else {
                    0.0
                };
                let burst = series
                    .burst_percent
                    .get_or_insert_with(|| ByDirection::from_fn(|_| vec![f64::NAN; seconds]));
                burst[direction][at] = percent.clamp(0.0, 100.0);
            }
        }
    }
}

/// The unbroken stretches of a series as points (second, number), NaN being gaps; with at most
/// about `limit` points in all, of which the lowest and the highest of each stretch of time are
/// kept, never a mean.
#[must_use]
pub fn thinned(series: &[f64], limit: usize) -> Vec<Vec<(f64, f64)>> {
    let width = if series.len() <= limit {
        1
    } else {
        series.len().div_ceil(limit / 2)
    };
    let mut segments: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for (index, chunk) in series.chunks(width).enumerate() {
        let first = index * width;
        let known = || {
            chunk
                .iter()
                .enumerate()
                .filter(|(_, value)| value.is_finite())
        };
        let lowest = known().min_by(|(_, a), (_, b)| a.total_cmp(b));
        let highest = known().max_by(|(_, a), (_, b)| a.total_cmp(b));
        let (Some(lowest), Some(highest)) = (lowest, highest) else {
            segments.push(Vec::new());
            continue;
        };
        let mut pair = [lowest, highest];
        pair.sort_by_key(|(at, _)| *at);
        let kept = if pair[0].0 == pair[1].0 { 1 } else { 2 };
        for (at, value) in &pair[..kept] {
            if let Some(open) = segments.last_mut() {
                open.push((middle(first + at), **value));
            }
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

/// The middle of a second.
#[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
pub fn middle(second: usize) -> f64 {
    second as f64 + 0.5
}

/// Response time of completed requests in one stretch of time, ms; NaN where there were none.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p99_9: f64,
    /// Longest.
    pub max: f64,
}

impl Latency {
    fn of(histogram: &LatencyHistogram) -> Self {
        let ms =
            |time: Option<std::time::Duration>| time.map_or(f64::NAN, |t| t.as_secs_f64() * 1e3);
        Self {
            p50: ms(histogram.quantile(Quantile::P50)),
            p99: ms(histogram.quantile(Quantile::P99)),
            p99_9: ms(histogram.quantile(Quantile::P99_9)),
            max: ms(histogram.max()),
        }
    }
}

/// Response time over time, all operations together, from the merged histograms of each
/// stretch of `width` seconds.
#[must_use]
pub fn latencies(record: &RunRecord, seconds: usize, width: usize) -> Vec<Latency> {
    let mut intervals = record.intervals.iter().peekable();
    (1..=seconds.div_ceil(width))
        .map(|stretch| {
            let mut merged = HistogramSum::default();
            while let Some(interval) =
                intervals.next_if(|interval| interval.second < (stretch * width) as u64)
            {
                let parts = interval.operations.iter();
                for text in parts.filter_map(|part| part.response_time.as_ref()) {
                    // What was read or recorded was checked then.
                    let _ = merged.add(text);
                }
            }
            Latency::of(&merged.unfold())
        })
        .collect()
}

/// The mean over each whole minute since the start (the last may be shorter), as a step: what
/// a console shows that keeps one number a minute. Of more minutes than can be seen, the lowest
/// and the highest of each stretch.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
pub fn minute_means(series: &[f64], limit: usize) -> Vec<(f64, f64)> {
    let means = || {
        let minutes = series.chunks(60);
        minutes.map(|chunk| (chunk.len(), chunk.iter().sum::<f64>() / chunk.len() as f64))
    };
    if series.len().div_ceil(60) > limit {
        let means: Vec<f64> = means().map(|(_, mean)| mean).collect();
        let points = thinned(&means, limit).concat();
        return (points
            .into_iter()
            .map(|(minute, mean)| (minute * 60.0, mean)))
        .collect();
    }
    let steps = means().enumerate().flat_map(|(minute, (seconds, mean))| {
        let from = (minute * 60) as f64;
        [(from, mean), (from + seconds as f64, mean)]
    });
    steps.collect()
}

/// A series that holds between changes, as a step; where it changes more often than can be seen,
/// the lowest and the highest of each stretch.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
pub fn steps(series: &[f64], limit: usize) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (at, value) in series.iter().enumerate() {
        match points.last() {
            #[expect(clippy::float_cmp, reason = "the same number, copied")]
            Some((_, last)) if last == value => {}
            Some((_, last)) => {
                let last = *last;
                points.extend([(at as f64, last), (at as f64, *value)]);
            }
            None => points.push((at as f64, *value)),
        }
    }
    if let Some((_, last)) = points.last().copied() {
        points.push((series.len() as f64, last));
    }
    if points.len() > 2 * limit {
        return thinned(series, limit).concat();
    }
    points
}

/// The stretches of seconds in which `series` is above zero, with at most `limit` of them:
/// gaps too short to be seen are closed.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
pub fn spans(series: &[f64], limit: usize) -> Vec<(f64, f64)> {
    let gap = series.len() / limit.max(1);
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for (at, _) in series.iter().enumerate().filter(|(_, value)| **value > 0.0) {
        let at = at as f64;
        match spans.last_mut() {
            Some((_, to)) if at - *to <= gap as f64 => *to = at + 1.0,
            _ => spans.push((at, at + 1.0)),
        }
    }
    spans
}
