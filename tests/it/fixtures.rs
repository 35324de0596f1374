//! Runs without a run: records filled in by a small table of two token buckets, so that what
//! the reports say of them can be known beforehand.

use std::time::Duration;

use dynamometer::{
    analysis::Analysis,
    record::{
        Declared, IntervalTable, Outcome, OutcomeCounts, Provenance, RunRecord, Sample,
        recorder::{Recorder, RunHeader},
    },
    report::ReportView,
    scenario::{Metric, Scenario, parse},
    schedule::Arrival,
    units::{ByDirection, CapacityUnits, Direction, Timestamp},
};

use crate::heat;

/// A scenario with the record of a run of it.
pub struct Case {
    pub scenario: Scenario,
    pub record: RunRecord,
}

impl Case {
    pub fn analysis(&self) -> Analysis {
        Analysis::of(&self.record, &self.scenario)
    }

    pub fn view(&self) -> ReportView {
        ReportView::of(&self.record, &self.scenario, &self.analysis())
    }
}

/// A table that is far larger than its load of 20 requests a second.
pub fn pass() -> Case {
    Run::new(50, 40).record()
}

/// Two RCU and two WCU, as a beginner would: the burst runs dry, then most is throttled.
pub fn throttled() -> Case {
    Run {
        burst: 100.0,
        ..Run::new(2, 2)
    }
    .record()
}

/// The same without any saved units.
pub fn both_throttled() -> Case {
    Run::new(2, 2).record()
}

/// Capacity to spare, and a limit on latency that is missed all the same.
pub fn slow() -> Case {
    let mut case = pass();
    for threshold in &mut case.scenario.thresholds {
        if let Metric::ResponseTime { max, .. } = &mut threshold.metric {
            *max = Duration::from_millis(2);
        }
    }
    case
}

/// Enough for the table, too much for one partition.
pub fn hot_partition() -> Case {
    Run {
        fate: Fate::HotPartition,
        ..Run::new(3000, 1000)
    }
    .record()
}

/// The generator sent everything 30 ms late and dropped some.
pub fn invalid() -> Case {
    Run {
        fate: Fate::Late,
        ..Run::new(50, 40)
    }
    .record()
}

/// Ended by its user after 12 s.
pub fn interrupted() -> Case {
    Run {
        until: 12,
        interrupted: true,
        ..Run::new(50, 40)
    }
    .record()
}

/// Ended by its user after 12 s, in which the generator was late and dropped some.
pub fn interrupted_and_late() -> Case {
    Run {
        fate: Fate::Late,
        until: 12,
        interrupted: true,
        ..Run::new(50, 40)
    }
    .record()
}

/// Ended before anything was due.
pub fn interrupted_at_once() -> Case {
    Run {
        until: 0,
        interrupted: true,
        ..Run::new(50, 40)
    }
    .record()
}

/// Nothing was due.
pub fn empty() -> Case {
    Run {
        until: 0,
        ..Run::new(50, 40)
    }
    .record()
}

/// A single request.
pub fn one_request() -> Case {
    Run {
        only: Some(1),
        ..Run::new(50, 40)
    }
    .record()
}

/// A run of one second.
pub fn one_second() -> Case {
    let mut case = Run {
        until: 1,
        ..Run::new(50, 40)
    }
    .record();
    let second = Timestamp::from_start(Duration::from_secs(1));
    for phase in &mut case.record.phases {
        phase.ends = second;
    }
    case
}

/// Every answer was a throttle.
pub fn all_throttled() -> Case {
    Run {
        fate: Fate::Refusing,
        ..Run::new(2, 2)
    }
    .record()
}

/// [`throttled`], with each counter as of a run of more than 10^9 requests.
pub fn billion() -> Case {
    const TIMES: u32 = 2_000_000;
    let times = u64::from(TIMES);
    let scale = |counts: &mut OutcomeCounts| {
        for count in [
            &mut counts.completed,
            &mut counts.throttled,
            &mut counts.failed,
            &mut counts.timed_out,
            &mut counts.dropped,
        ] {
            *count *= times;
        }
    };
    let mut case = throttled();
    for phase in &mut case.record.phases {
        phase.arrivals *= times;
        for totals in &mut phase.operations {
            scale(&mut totals.outcomes);
            totals.attempts *= times;
            totals.consumed = ByDirection::from_fn(|d| totals.consumed[d] * i64::from(TIMES));
            totals
                .throttle_reasons
                .values_mut()
                .for_each(|count| *count *= times);
        }
    }
    for second in &mut case.record.intervals {
        second.arrivals *= times;
        second.sent *= times;
        for part in &mut second.operations {
            scale(&mut part.outcomes);
            part.consumed = ByDirection::from_fn(|d| part.consumed[d] * i64::from(TIMES));
            part.throttle_reasons
                .values_mut()
                .for_each(|count| *count *= times);
        }
    }
    case
}

/// [`pass`], on a table of a thousand partitions.
pub fn thousand_partitions() -> Case {
    let mut case = pass();
    case.record.heat = vec![heat::watched(1000, 30, 60)];
    case
}

/// No request got an answer.
pub fn all_failed() -> Case {
    Run {
        fate: Fate::Failing,
        ..Run::new(50, 40)
    }
    .record()
}

/// The same against a server that shows no buckets and throttles nothing.
pub fn not_enforced() -> Case {
    let mut case = on_burst_only();
    case.record.tables[0].governed = false;
    for interval in &mut case.record.intervals {
        for table in &mut interval.tables {
            table.burst_left = None;
        }
    }
    case
}

/// More is used than provisioned, and burst credit still covers it.
pub fn on_burst_only() -> Case {
    Run {
        burst: 3000.0,
        ..Run::new(10, 10)
    }
    .record()
}

/// Every first attempt of a write was throttled, and every retry got through.
pub fn retried() -> Case {
    Run {
        fate: Fate::Retried,
        ..Run::new(50, 4)
    }
    .record()
}

/// [`both_throttled`], but with 10, then 20, then 30 requests a second.
pub fn ramp() -> Case {
    arriving(both_throttled(), |second| 10 + second / 10 * 10)
}

/// Sets the arrivals of each second, of which there are 30, and 600 in all.
pub fn arriving(mut case: Case, per_second: impl Fn(u64) -> u64) -> Case {
    for interval in &mut case.record.intervals {
        interval.arrivals = per_second(interval.second);
    }
    let sum: u64 = case.record.intervals.iter().map(|one| one.arrivals).sum();
    assert_eq!(sum, 600, "the phase must stay balanced");
    case
}

/// Names that would steer a terminal or break out of markup.
pub fn hostile_names() -> Case {
    let mut case = throttled();
    let name = "\u{1b}[2J</script><img src=x onerror=alert(1)>\u{202e}\nread";
    name.clone_into(&mut case.scenario.name);
    name.clone_into(&mut case.record.provenance.scenario);
    name.clone_into(&mut case.scenario.operations[0].name);
    name.clone_into(&mut case.record.operations[0].name);
    name.clone_into(&mut case.record.tables[0].name);
    case.record.provenance.target = format!("http://{name}/");
    case.record.provenance.model_overrides = vec![name.to_owned()];
    for phase in &mut case.record.phases {
        phase.operations[0].errors.insert(name.to_owned(), 3);
        phase.operations[0]
            .throttle_reasons
            .insert(name.to_owned(), 3);
    }
    case
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Bucket,
    Refusing,
    HotPartition,
    Late,
    Failing,
    Retried,
}

struct Run {
    provisioned: ByDirection<i64>,
    /// Burst credit at the start, of both directions.
    burst: f64,
    fate: Fate,
    /// Seconds of arrivals.
    until: u64,
    only: Option<u64>,
    interrupted: bool,
}

/// Arrivals per second: three reads of one unit to each write of one unit.
const RATE: u64 = 20;
const SECONDS: u64 = 30;

impl Run {
    fn new(read: i64, write: i64) -> Self {
        Self {
            provisioned: ByDirection { read, write },
            burst: 0.0,
            fate: Fate::Bucket,
            until: SECONDS,
            only: None,
            interrupted: false,
        }
    }

    fn scenario(&self) -> (Scenario, String) {
        let ByDirection { read, write } = self.provisioned;
        let source = format!(
            r#"
name = "shop"
question = "Does the table serve 20 requests a second?"
seed = 42
expect_throttling = true
[[table]]
name = "Users"
partition_key = "user_id"
billing = {{ mode = "provisioned", read = "{read} RCU", write = "{write} WCU" }}
items = 500
[table.attributes]
user_id = {{ type = "S", value = "unique" }}
[keys.all]
kind = "uniform"
[[operation]]
name = "read-user"
kind = "get"
keys = "all"
weight = "75 %"
consistency = "strong"
[[operation]]
name = "sign-up"
kind = "put"
keys = "all"
weight = "25 %"
[[phase]]
name = "steady"
kind = "measured"
duration = "{SECONDS}s"
arrivals = {{ kind = "constant", rate = "{RATE}/s" }}
[[threshold]]
metric = "throttled"
max = "1 %"
[[threshold]]
metric = "errors"
max = "0 %"
[[threshold]]
metric = "response_time_p99"
operation = "read-user"
max = "50ms"
"#
        );
        match parse::parse(&source, "shop.toml") {
            Ok(parsed) => (parsed.scenario, source),
            Err(problems) => panic!("{problems}"),
        }
    }

    fn record(&self) -> Case {
        let (scenario, scenario_source) = self.scenario();
        let mut recorder = Recorder::new(
            &scenario,
            RunHeader {
                scenario_source,
                provenance: Provenance {
                    tool_version: "0.1.0".into(),
                    items_loaded: 500,
                    load_seconds: 1.25,
                    model_overrides: vec![],
                    ..Provenance::of(&scenario, "emulator", "2026-01-02T03:04:05Z")
                },
                governed: true,
            },
        );
        #[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
        let provisioned = ByDirection::from_fn(|direction| self.provisioned[direction] as f64);
        let full = ByDirection::from_fn(|direction| provisioned[direction] * 300.0);
        let mut bucket = ByDirection::from_fn(|direction| {
            self.burst.min(full[direction]) + provisioned[direction]
        });
        for second in 0..self.until {
            for number in second * RATE..(second + 1) * RATE {
                if self.only.is_some_and(|only| number >= only) {
                    continue;
                }
                self.request(&mut recorder, number, &mut bucket);
            }
            let left = ByDirection::from_fn(|direction| bucket[direction].min(full[direction]));
            recorder.tables(
                second,
                &[IntervalTable {
                    provisioned: ByDirection::from_fn(|direction| {
                        CapacityUnits::from(provisioned[direction])
                    }),
                    burst_left: Some(left),
                    ..IntervalTable::default()
                }],
            );
            bucket = ByDirection::from_fn(|direction| left[direction] + provisioned[direction]);
        }
        if self.interrupted {
            recorder.interrupt(Timestamp::from_start(Duration::from_secs(self.until)));
        }
        Case {
            scenario,
            record: recorder.into_record(),
        }
    }

    fn request(&self, recorder: &mut Recorder, number: u64, bucket: &mut ByDirection<f64>) {
        let operation = usize::from(number % 4 == 3);
        let direction = [Direction::Read, Direction::Write][operation];
        let due = Timestamp::from_nanos(number * 1_000_000_000 / RATE);
        recorder.due(
            &Arrival {
                sequence: number,
                phase: 0,
                intended_start: due,
            },
            operation,
        );
        let (outcome, reason) = self.outcome(number, direction, bucket);
        let delay = Duration::from_micros(if self.fate == Fate::Late { 30_000 } else { 120 });
        let answer = Duration::from_micros(1_500 + number * 7_919 % 100 * 40);
        let sent = (outcome != Outcome::Dropped).then_some(due + delay);
        let completed = outcome == Outcome::Completed;
        let mut consumed = ByDirection::<CapacityUnits>::default();
        if completed {
            consumed[direction] = CapacityUnits::whole(1);
        }
        recorder.finish(&Sample {
            sequence: number,
            phase: 0,
            operation,
            outcome,
            due,
            first_sent: sent,
            last_sent: sent,
            finished: due + delay + answer,
            attempts: match outcome {
                Outcome::Dropped => 0,
                _ if completed && reason.is_some() => 2,
                _ => 1,
            },
            declared: Declared::units(consumed),
            throttle_reasons: reason.map(str::to_owned).into_iter().collect(),
            error: match outcome {
                Outcome::Failed => Some("connection refused".into()),
                _ => None,
            },
        });
    }

    fn outcome(
        &self,
        number: u64,
        direction: Direction,
        bucket: &mut ByDirection<f64>,
    ) -> (Outcome, Option<&'static str>) {
        let write = direction == Direction::Write;
        match self.fate {
            Fate::Refusing => (Outcome::Throttled, Some(exhausted(direction))),
            Fate::Failing => (Outcome::Failed, None),
            Fate::Late if number.is_multiple_of(50) => (Outcome::Dropped, None),
            Fate::HotPartition if write && number % 8 == 3 => (
                Outcome::Throttled,
                Some("TableWriteKeyRangeThroughputExceeded"),
            ),
            Fate::Retried if write => (
                Outcome::Completed,
                Some("TableWriteProvisionedThroughputExceeded"),
            ),
            _ if bucket[direction] < 1.0 => (Outcome::Throttled, Some(exhausted(direction))),
            _ => {
                bucket[direction] -= 1.0;
                (Outcome::Completed, None)
            }
        }
    }
}

const fn exhausted(direction: Direction) -> &'static str {
    match direction {
        Direction::Read => "TableReadProvisionedThroughputExceeded",
        Direction::Write => "TableWriteProvisionedThroughputExceeded",
    }
}
