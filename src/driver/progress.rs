//! How a run is getting on. Only numbers: what is drawn of them is decided elsewhere.

use std::time::Duration;

use crate::{
    record::{IntervalTable, OutcomeCounts, recorder::Recorder},
    scenario::{Metric, Scenario},
    units::{ByDirection, CapacityUnits, Direction, Quantile, Share, Timestamp},
};

/// A view of a run. "Last second" is the last whole one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Time since the run's start.
    pub elapsed: Duration,
    /// Planned length of all timed phases.
    pub total: Duration,
    /// Name of the current phase; the last one's while the run drains.
    pub phase: String,
    /// The last second, in the order of the scenario.
    pub operations: Vec<OperationProgress>,
    /// Requests by outcome since the start, warm-up included.
    pub outcomes: OutcomeCounts,
    /// Of the requests that ended in the last second, those that were throttled.
    pub throttled_share: Share,
    /// Due → first send in the last second; `None` when nothing was sent.
    pub dispatch_delay_p99: Option<Duration>,
    /// Units consumed in the last second, all tables together.
    pub consumed: ByDirection<CapacityUnits>,
    /// Units provisioned per second, all tables together.
    pub provisioned: ByDirection<CapacityUnits>,
    /// Burst credit left, all tables together; `None` when the target does not show it.
    pub burst_left: Option<ByDirection<f64>>,
    /// The same as a share of the most that can be saved up.
    pub burst_share: Option<ByDirection<f64>>,
    /// The partition that came closest to its ceiling in the last second; `None` when the target
    /// does not show it, or nothing was served.
    pub hottest: Option<HottestProgress>,
    /// Limits of the scenario that the measured phases so far are above.
    pub crossed: Vec<Crossed>,
    /// Requests under way.
    pub in_flight: usize,
    /// Requests that are due and wait.
    pub queued: usize,
}

/// A partition in the last second.
#[derive(Clone, Debug, PartialEq)]
pub struct HottestProgress {
    /// `Orders` or `Orders/by-shop`, where there are several tables and indexes.
    pub of: Option<String>,
    /// Its number, in the order of the hash space, from 0.
    pub partition: usize,
    /// Reads or writes.
    pub direction: Direction,
    /// Units per second ÷ its ceiling.
    pub of_ceiling: f64,
}

/// One operation in the last second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OperationProgress {
    /// Name in the scenario.
    pub name: String,
    /// Requests completed.
    pub completed: u64,
    /// Response time of these; `None` when there were none.
    pub response_time_p99: Option<Duration>,
}

/// A limit that is not kept so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossed {
    /// Name of the operation; all of them when absent.
    pub operation: Option<String>,
    /// What is limited.
    pub what: Limited,
    /// Its share of the requests that ended in measured phases.
    pub share: Share,
    /// The limit.
    pub max: Share,
}

/// Outcomes that a scenario can limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Final answers that were throttles.
    Throttled,
    /// Requests that failed or timed out.
    Errors,
}

/// A limit is crossed by more requests than it allows of so many, at the earliest: the first ones
/// say little.
const JUDGED_FROM: u64 = 1000;

impl Progress {
    pub(super) fn of(
        scenario: &Scenario,
        recorder: &Recorder,
        status: &[IntervalTable],
        now: Timestamp,
    ) -> Self {
        let phases = recorder.phases();
        let phase = phases.iter().rfind(|phase| phase.starts <= now);
        let mut progress = Self {
            elapsed: now.since_start(),
            total: phases
                .last()
                .map_or(Duration::ZERO, |p| p.ends.since_start()),
            phase: phase.map(|phase| phase.name.clone()).unwrap_or_default(),
            outcomes: recorder.outcomes(),
            crossed: crossed(scenario, recorder),
            ..Self::default()
        };
        for table in &scenario.tables {
            let capacity = table.billing.capacity().unwrap_or_default();
            progress.provisioned += capacity;
        }
        if !status.is_empty() {
            progress.tables(scenario, status);
        }
        let last = now.second().checked_sub(1);
        progress.last_second(scenario, recorder, last);
        progress
    }

    fn tables(&mut self, scenario: &Scenario, status: &[IntervalTable]) {
        self.provisioned = ByDirection::default();
        self.burst_left = Some(ByDirection::default());
        for table in status {
            self.provisioned += table.provisioned;
            self.burst_left = self
                .burst_left
                .zip(table.burst_left)
                .map(|(mut sum, left)| {
                    sum += left;
                    sum
                });
        }
        let seconds = f64::from(scenario.model.burst_seconds);
        let share = |left: ByDirection<f64>| {
            ByDirection::from_fn(|direction| {
                let full = self.provisioned[direction].as_f64() * seconds;
                if full > 0.0 {
                    (left[direction] / full).min(1.0)
                } else {
                    0.0
                }
            })
        };
        self.burst_share = self.burst_left.map(share);
        self.hottest = hottest(scenario, status);
    }

    fn last_second(&mut self, scenario: &Scenario, recorder: &Recorder, last: Option<u64>) {
        let interval = last.and_then(|second| recorder.second(second));
        let histograms = last.and_then(|second| recorder.live(second));
        let p99 = Quantile::P99;
        self.dispatch_delay_p99 = histograms.and_then(|h| h.dispatch_delay.quantile(p99));
        let mut ended = OutcomeCounts::default();
        for (index, spec) in scenario.operations.iter().enumerate() {
            let counts = interval.map(|interval| &interval.operations[index]);
            if let Some(counts) = counts {
                ended += counts.outcomes;
                self.consumed += counts.consumed;
            }
            self.operations.push(OperationProgress {
                name: spec.name.clone(),
                completed: counts.map_or(0, |counts| counts.outcomes.completed),
                response_time_p99: histograms.and_then(|h| h.response_time[index].quantile(p99)),
            });
        }
        self.throttled_share = share(ended.throttled, ended.total());
    }
}

fn hottest(scenario: &Scenario, status: &[IntervalTable]) -> Option<HottestProgress> {
    let each = scenario.tables.iter().zip(status);
    let each = each.filter_map(|(table, status)| Some((table, status.hottest?)));
    let (table, hottest) = each.max_by(|a, b| a.1.of_ceiling.total_cmp(&b.1.of_ceiling))?;
    let index = hottest
        .index
        .and_then(|index| table.global_indexes().nth(index));
    let of = match index {
        Some((_, index, _)) => Some(format!("{}/{}", table.name, index.name)),
        None if scenario.tables.len() > 1 => Some(table.name.clone()),
        None => None,
    };
    Some(HottestProgress {
        of,
        partition: hottest.partition,
        direction: hottest.direction,
        of_ceiling: hottest.of_ceiling,
    })
}

fn crossed(scenario: &Scenario, recorder: &Recorder) -> Vec<Crossed> {
    let judged = scenario.thresholds.iter().filter_map(|threshold| {
        let (what, max) = match threshold.metric {
            Metric::Throttled { max } => (Limited::Throttled, max),
            Metric::Errors { max } => (Limited::Errors, max),
            Metric::ResponseTime { .. }
            | Metric::ServiceTime { .. }
            | Metric::CompletedRate { .. } => return None,
        };
        let ended = recorder.measured_outcomes(threshold.operation);
        let count = match what {
            Limited::Throttled => ended.throttled,
            Limited::Errors => ended.failed + ended.timed_out,
        };
        let is_above = share(count, ended.total().max(JUDGED_FROM)) > max;
        is_above.then(|| Crossed {
            operation: (threshold.operation).map(|at| scenario.operations[at].name.clone()),
            what,
            share: share(count, ended.total()),
            max,
        })
    });
    judged.collect()
}

#[expect(clippy::cast_precision_loss, reason = "display")]
fn share(part: u64, whole: u64) -> Share {
    Share::new(part as f64 / whole.max(1) as f64).unwrap_or_default()
}
