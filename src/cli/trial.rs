//! A trial: a scenario fired at an embedded emulator of its own, for a command whose subject is
//! another.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    firing,
    signals::{self, Stop},
    start,
    world::{Place, Prepared, World},
};
use crate::{
    driver::{self, Hooks, Progress, RunPlan, TimerKind},
    progress::{self, Style},
    record::{Provenance, RunRecord, recorder::RunHeader},
    scenario::Scenario,
    target::{Target, wire::WireTarget},
    units::TimeScale,
    workload::Workload,
};

/// Reads how long a trial may last.
pub(super) fn length(text: &str) -> Result<Duration, String> {
    let long_enough = |length: &Duration| *length >= Duration::from_secs(1);
    let length = start::duration(text).ok().filter(long_enough);
    length.ok_or_else(|| "write a duration of at least 1s: \"30s\" or \"5min\"".to_owned())
}

/// `scenario` in `limit` at most.
pub(super) fn of(scenario: Scenario, limit: Duration) -> Scenario {
    scenario.shortened(limit).unwrap_or(scenario)
}

/// Says that `scenario` is fired in less time than it takes, where it is.
pub(super) fn say_shortened(scenario: &Scenario, limit: Duration) {
    if scenario.timed() > limit {
        eprintln!(
            "note: the scenario's {} s are fired in {} s, at the same rates; --duration TIME sets \
             another length",
            scenario.timed().as_secs_f64(),
            limit.as_secs_f64()
        );
    }
}

/// Trials one after the other, until one is interrupted.
pub(super) struct Trials {
    runtime: tokio::runtime::Runtime,
    stop: Stop,
    style: Style,
}

impl Trials {
    /// Gets ready for the first.
    pub(super) fn begin() -> anyhow::Result<Self> {
        let runtime = super::runtime()?;
        let stop = runtime.block_on(async { signals::stop_on_first() });
        Ok(Self {
            stop: stop.context("cannot listen for signals")?,
            runtime,
            style: Style::detect(),
        })
    }

    /// Fires `scenario`, which progress calls `label`, with what `client` makes of a client;
    /// `None` when it was interrupted before its first request.
    pub(super) fn fire<T: Target>(
        &self,
        label: &str,
        scenario: &Arc<Scenario>,
        client: impl FnOnce(WireTarget) -> T,
    ) -> anyhow::Result<Option<RunRecord>> {
        self.runtime.block_on(async {
            let mut world = World::open(Place::Emulator, None, TimeScale::REAL, scenario).await?;
            let record = self.measure(label, scenario, &mut world, client).await;
            world.close().await?;
            record
        })
    }

    async fn measure<T: Target>(
        &self,
        label: &str,
        scenario: &Arc<Scenario>,
        world: &mut World,
        client: impl FnOnce(WireTarget) -> T,
    ) -> anyhow::Result<Option<RunRecord>> {
        let workload = Workload::new(Arc::clone(scenario));
        let mut stop = self.stop.clone();
        let prepared = tokio::select! {
            prepared = world.prepare(scenario, &workload, self.style) => prepared?,
            () = stop.wait() => return Ok(None),
        };
        let wire = world.wire(scenario).await;
        let target = Arc::new(client(wire.context("cannot set up a connection")?));
        let (sender, receiver) = watch::channel(Progress::default());
        let (style, label) = (self.style, label.to_owned());
        let display = tokio::spawn(async move { progress::show(style, &label, receiver).await });
        let hooks = Hooks {
            progress: (style != Style::Off).then_some(sender),
            begin: world.begin(),
            capacity: world.capacity_probe(scenario),
            journal: None,
            shelf: None,
            stop: Some(Box::pin(async move { stop.wait().await })),
        };
        let plan = RunPlan {
            header: header(scenario, &world.name(), &prepared),
            workload,
            start: None,
            threads: NonZeroU32::new(firing::enough(scenario, TimeScale::REAL))
                .unwrap_or(NonZeroU32::MIN),
            timer: TimerKind::SLEEPING,
        };
        let record = driver::run(plan, target, hooks).await?;
        display.await.context("the progress display failed")?;
        Ok(Some(record))
    }
}

fn header(scenario: &Scenario, target: &str, prepared: &Prepared) -> RunHeader {
    RunHeader {
        // It was changed in memory: there is no such file.
        scenario_source: String::new(),
        provenance: Provenance {
            items_loaded: prepared.items,
            load_seconds: prepared.took.as_secs_f64(),
            ..Provenance::of(scenario, target, Timestamp::now().to_string())
        },
        governed: true,
    }
}
