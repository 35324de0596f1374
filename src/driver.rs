//! Runs a scenario against a target in real time.
//!
//! Starts the threads that fire, and adds up what they count. Must not decide anything about
//! requests: what is sent, queued, dropped or retried is the engine's business.
//!
//! Each of these threads, a lane, keeps a schedule, a client and connections of its own, so that
//! neither locks nor wake-ups lie between an arrival and its answer. What a lane counts comes here
//! five times a second, to a thread that gives way to them.

mod attempt;
mod clock;
mod lane;
mod progress;
mod timer;

use std::{
    future::Future,
    num::NonZeroU32,
    ops::Range,
    pin::Pin,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

pub use progress::{Crossed, HottestProgress, Limited, OperationProgress, Progress};
pub use timer::TimerKind;

use crate::{
    clock::cpu,
    record::{
        IntervalTable, RunRecord,
        generator::{Generator, GeneratorSecond},
        journal::Entry,
        recorder::{LostSecond, Recorder, RunHeader, Shelf},
    },
    scenario::Scenario,
    schedule::{Schedule, shard::Shard},
    target::Target,
    units::{Timestamp, nanos_of},
    workload::Workload,
};
use clock::RunClock;
use lane::{LanePlan, Report, Wires};

/// A target that cannot say within this how its tables stand leaves a gap in the record.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// What is to be run.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// Operations, and the scenario with its schedule.
    pub workload: Workload,
    /// What the record says of the run besides what is counted; it also says how fast the
    /// run's time passes.
    pub header: RunHeader,
    /// When the first phase starts; soon without. What is due by now when that is past is sent
    /// late, and counts as late: a run is never shifted.
    pub start: Option<Instant>,
    /// How many threads fire. At most as many do as there are places in flight, and one alone
    /// where there are closed phases, in which answers decide about who comes next.
    pub threads: NonZeroU32,
    /// What keeps the schedule.
    pub timer: TimerKind,
}

impl RunPlan {
    /// To be fired by one thread, soon.
    #[must_use]
    pub fn new(workload: Workload, header: RunHeader) -> Self {
        Self {
            workload,
            header,
            start: None,
            threads: NonZeroU32::MIN,
            timer: TimerKind::default(),
        }
    }
}

/// A future on the heap, so that hooks need no type parameters.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Says how the tables stand at the end of a second, in the order of the scenario.
pub type CapacityProbe = Arc<dyn Fn(u64) -> BoxFuture<Vec<IntervalTable>> + Send + Sync>;

/// What a run is connected to. The default is nothing.
#[derive(Default)]
pub struct Hooks {
    /// Awaited once when everything is ready, just before the clock starts: the moment to set
    /// a server's token buckets anew.
    pub begin: Option<BoxFuture<()>>,
    /// Where progress is published, about five times a second.
    pub progress: Option<watch::Sender<Progress>>,
    /// Asked at the end of each second.
    pub capacity: Option<CapacityProbe>,
    /// Given what was counted, about once a second. When it is full it is left alone: then the
    /// next entry holds more.
    pub journal: Option<mpsc::Sender<Entry>>,
    /// Where seconds are laid that the journal was given, so that an hour of them takes no memory.
    pub shelf: Option<Box<dyn Shelf>>,
    /// Interrupts the run when it resolves: nothing is due from then on, what is queued but was
    /// never sent is counted as dropped, what waits for a retry ends with its last answer, and
    /// what was sent is waited for, for one attempt timeout and 3 s at most: then it has failed, its
    /// outcome unknown.
    pub stop: Option<BoxFuture<()>>,
}

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The operating system refused a thread, or what it needs.
    #[error("cannot start a thread that fires: {0}")]
    Thread(#[from] std::io::Error),
    /// A thread came to an end before its time.
    #[error("a thread that fires, or that adds up, panicked")]
    Panicked,
    /// What was laid aside of the run cannot be had any more.
    #[error("{0}; `dyno report` can still read the journal in the folder of the run")]
    Lost(#[from] LostSecond),
}

/// Runs every timed phase of the scenario, and returns once each arrival has its outcome, but
/// not before the last phase is over.
///
/// # Errors
/// When the schedule cannot be kept at all. Late arrivals are no error: they are sent, and
/// their delay is recorded.
///
/// # Panics
/// When the accounting does not add up, see [`Recorder::into_record`].
pub async fn run<T: Target>(
    plan: RunPlan,
    target: Arc<T>,
    hooks: Hooks,
) -> Result<RunRecord, DriverError> {
    let scenario = Arc::clone(plan.workload.scenario());
    let (stop, stopped) = watch::channel(Timestamp::from_nanos(u64::MAX));
    let (reports, reported) = mpsc::unbounded_channel();
    let (clock_set, begin) = watch::channel(None);
    let (ready, mut getting_ready) = mpsc::channel(1);
    let part = plan.header.provenance.part.as_ref();
    let part = part.map_or(Shard::WHOLE, |part| part.shard);
    let threads = lanes(&scenario, plan.threads);
    let lanes = Shard::parts(threads);
    let lanes = lanes.map(|lane| {
        let plan = LanePlan {
            lane,
            part,
            workload: plan.workload.clone(),
            target: target.of_thread(),
            timer: plan.timer,
        };
        let wires = Wires {
            ready: ready.clone(),
            begin: begin.clone(),
            reports: reports.clone(),
            stop: stopped.clone(),
        };
        Ok(Lane::of(lane::start(plan, wires)?))
    });
    let lanes = lanes.collect::<Result<Vec<_>, DriverError>>()?;
    drop((ready, reports, stopped));
    // Until nobody is: a run's clock starts when all lanes can keep to it.
    let _ = getting_ready.recv().await;
    if let Some(begin) = hooks.begin {
        begin.await;
    }
    let clock = RunClock::new(plan.start, plan.header.provenance.time_scale);
    let _ = clock_set.send(Some(clock));
    let (statuses, status) = mpsc::channel(1);
    // Dropped, and with it the task aborted, when the run is over or its future is dropped.
    let mut probing = JoinSet::new();
    if let Some(probe) = hooks.capacity.clone() {
        probing.spawn(probe_every_second(probe, clock, statuses));
    }
    let mut recorder = Recorder::new(&scenario, plan.header);
    if let Some(shelf) = hooks.shelf {
        recorder.use_shelf(shelf);
    }
    let run = Run {
        recorder,
        scenario: Arc::clone(&scenario),
        clock,
        lanes,
        stop,
        until: Timestamp::ZERO,
        interrupted: None,
        progress: hooks.progress,
        journal: hooks.journal,
        status: Vec::new(),
        most: GeneratorSecond::default(),
    };
    let run = run.on_its_thread(reported, status, hooks.stop).await?;
    let end = Timestamp::from_start(Schedule::new(&scenario).duration());
    let last = run.interrupted.unwrap_or(clock.now().min(end));
    let mut recorder = run.join()?;
    let last = last_second_before(last);
    if let Some(tables) = probe_now(hooks.capacity, last).await {
        recorder.tables(last, &tables);
    }
    let mut record = recorder.try_into_record()?;
    record.generator = Some(Generator {
        threads,
        timer: plan.timer.name().to_owned(),
        ceiling: None,
    });
    Ok(record)
}

/// How many threads fire where there may be `threads`.
fn lanes(scenario: &Scenario, threads: NonZeroU32) -> u32 {
    let mut phases = scenario.phases.iter();
    if phases.any(|phase| phase.arrivals.is_closed()) {
        return 1;
    }
    threads.get().min(scenario.client.max_in_flight).max(1)
}

/// A thread that fires, as it stood last.
struct Lane {
    thread: JoinHandle<std::io::Result<()>>,
    until: Timestamp,
    in_flight: usize,
    queued: usize,
    cpu: Duration,
    /// CPU time until the last second that is noted.
    cpu_noted: Duration,
}

impl Lane {
    const fn of(thread: JoinHandle<std::io::Result<()>>) -> Self {
        Self {
            thread,
            until: Timestamp::ZERO,
            in_flight: 0,
            queued: 0,
            cpu: Duration::ZERO,
            cpu_noted: Duration::ZERO,
        }
    }
}

/// The run as a whole.
struct Run {
    scenario: Arc<Scenario>,
    clock: RunClock,
    lanes: Vec<Lane>,
    /// From when on nothing is due.
    stop: watch::Sender<Timestamp>,
    recorder: Recorder,
    /// Until then every lane has reported.
    until: Timestamp,
    interrupted: Option<Timestamp>,
    progress: Option<watch::Sender<Progress>>,
    journal: Option<mpsc::Sender<Entry>>,
    /// The tables as they stood last.
    status: Vec<IntervalTable>,
    /// The most that was under way and queued in this second.
    most: GeneratorSecond,
}

impl Run {
    /// Waits until the run is over, and adds up what is counted meanwhile, on a thread of its own:
    /// what starts lanes must not give way, or they would as well.
    async fn on_its_thread(
        mut self,
        reported: mpsc::UnboundedReceiver<Report>,
        status: mpsc::Receiver<(u64, Vec<IntervalTable>)>,
        stop: Option<BoxFuture<()>>,
    ) -> Result<Self, DriverError> {
        // Gone when this future is: then nobody waits for the run.
        let (_waited_for, abandoned) = oneshot::channel();
        let (over, is_over) = oneshot::channel();
        let runtime = Handle::current();
        thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                cpu::give_way();
                runtime.block_on(self.until_over(reported, status, stop, abandoned));
                let _ = over.send(self);
            })?;
        is_over.await.map_err(|_| DriverError::Panicked)
    }

    async fn until_over(
        &mut self,
        mut reported: mpsc::UnboundedReceiver<Report>,
        mut status: mpsc::Receiver<(u64, Vec<IntervalTable>)>,
        stop: Option<BoxFuture<()>>,
        mut abandoned: oneshot::Receiver<()>,
    ) {
        let mut stop = stop.unwrap_or_else(|| Box::pin(std::future::pending()));
        loop {
            tokio::select! {
                report = reported.recv() => match report {
                    Some(report) => self.take(report),
                    None => break,
                },
                () = &mut stop, if self.interrupted.is_none() => {
                    let at = self.clock.now();
                    self.interrupted = Some(at);
                    // Lanes that are over need not be told.
                    let _ = self.stop.send(at);
                }
                Some((second, tables)) = status.recv() => {
                    self.recorder.tables(second, &tables);
                    self.status = tables;
                }
                _ = &mut abandoned => return,
            }
        }
        self.publish();
        self.note();
    }

    fn take(&mut self, report: Report) {
        self.recorder.absorb(report.tally);
        let lane = &mut self.lanes[report.lane.number() as usize - 1];
        lane.until = report.until;
        lane.in_flight = report.in_flight;
        lane.queued = report.queued;
        lane.cpu = report.cpu;
        let until = self.lanes.iter().map(|lane| lane.until).min();
        let until = until.unwrap_or_default();
        if until > self.until {
            let before = std::mem::replace(&mut self.until, until);
            self.publish();
            self.look();
            if until.second() > before.second() {
                self.note_generator(before.second()..until.second());
                self.note();
            }
        }
    }

    /// Keeps the most that was under way, and that waited, in this second.
    fn look(&mut self) {
        let sum = |of: fn(&Lane) -> usize| self.lanes.iter().map(of).sum::<usize>() as u64;
        let (in_flight, queued) = (sum(|lane| lane.in_flight), sum(|lane| lane.queued));
        self.most.in_flight = self.most.in_flight.max(in_flight);
        self.most.queued = self.most.queued.max(queued);
    }

    /// Notes what the lanes took in `seconds`, which is one unless this process was held up.
    fn note_generator(&mut self, seconds: Range<u64>) {
        let count = u32::try_from(seconds.end - seconds.start).unwrap_or(u32::MAX);
        let mut second = std::mem::take(&mut self.most);
        for lane in &mut self.lanes {
            let before = std::mem::replace(&mut lane.cpu_noted, lane.cpu);
            let took = lane.cpu.saturating_sub(before) / count.max(1);
            let nanos = nanos_of(took);
            second.cpu_nanos += nanos;
            second.busiest_cpu_nanos = second.busiest_cpu_nanos.max(nanos);
        }
        for number in seconds {
            self.recorder.generator(number, second);
        }
    }

    /// Waits for the threads, which have nothing to do any more.
    fn join(self) -> Result<Recorder, DriverError> {
        for lane in self.lanes {
            lane.thread.join().map_err(|_| DriverError::Panicked)??;
        }
        let mut recorder = self.recorder;
        if let Some(at) = self.interrupted {
            recorder.interrupt(at);
        }
        Ok(recorder)
    }

    fn note(&mut self) {
        let place = self.journal.as_ref().map(mpsc::Sender::try_reserve);
        if let Some(Ok(place)) = place {
            place.send(self.recorder.entry(self.until));
        }
    }

    fn publish(&self) {
        if let Some(progress) = &self.progress {
            // Nobody watching any more is no reason to stop a run.
            let _ = progress.send(Progress {
                in_flight: self.lanes.iter().map(|lane| lane.in_flight).sum(),
                queued: self.lanes.iter().map(|lane| lane.queued).sum(),
                ..Progress::of(&self.scenario, &self.recorder, &self.status, self.until)
            });
        }
    }
}

async fn probe_every_second(
    probe: CapacityProbe,
    clock: RunClock,
    statuses: mpsc::Sender<(u64, Vec<IntervalTable>)>,
) {
    for second in clock.now().second().. {
        let end = Timestamp::from_start(Duration::from_secs(second + 1));
        tokio::time::sleep_until(clock.instant(end).into()).await;
        if let Some(tables) = probe_now(Some(Arc::clone(&probe)), second).await
            && statuses.send((second, tables)).await.is_err()
        {
            return;
        }
    }
}

async fn probe_now(probe: Option<CapacityProbe>, second: u64) -> Option<Vec<IntervalTable>> {
    let answer = probe?(second);
    tokio::time::timeout(PROBE_TIMEOUT, answer).await.ok()
}

/// The second that `end` closes: an end on the full second belongs to the one before.
fn last_second_before(end: Timestamp) -> u64 {
    Timestamp::from_nanos(end.as_nanos().saturating_sub(1)).second()
}
