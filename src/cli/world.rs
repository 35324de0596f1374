//! What a scenario is fired at: the embedded emulator, or somebody's server.
//!
//! Makes the tables, loads them, and takes away what it made.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::task::JoinHandle;

use super::{firing::Client, live::Live};
use crate::{
    clock::SystemClock,
    driver::{self, BoxFuture, CapacityProbe, Hooks, RunPlan},
    emulator::{Emulator, EmulatorConfig, EmulatorHandle},
    progress::{Loading, Style},
    record::{RunRecord, heat::ResourceHeat, shard::ClockOffset},
    scenario::{Billing, PhaseKind, Scenario, Table},
    schedule::shard::Shard,
    target::{
        Target,
        sdk::{
            SdkTarget,
            admin::{AdminError, OwnedTable},
        },
        wire::WireTarget,
    },
    units::TimeScale,
    workload::Workload,
};

/// How long shards wait for the tables that the first one makes.
const JOINED_WITHIN: Duration = Duration::from_mins(10);
/// How long a new table may take to become ACTIVE.
const ACTIVE_WITHIN: Duration = Duration::from_mins(2);
/// How long an interrupted run waits for the answer to a `CreateTable`.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);
/// Batches of 25 items under way at once while loading.
const LOAD_CONCURRENCY: usize = 8;

/// Where a run is to take place.
pub(super) enum Place {
    /// In the embedded emulator.
    Emulator,
    /// At the server with this URL.
    Endpoint(String),
    /// On AWS, as agreed.
    Live(Box<Live>),
}

/// A server with this run's tables.
pub(super) struct World {
    target: Arc<SdkTarget>,
    emulator: Option<Emulator>,
    live: Option<Box<Live>>,
    /// What to call the server.
    endpoint: String,
    shard: Option<Shard>,
    scale: TimeScale,
    tables: Vec<OwnedTable>,
    making: Option<Making>,
}

/// A table that was asked for. A task of its own waits for the answer, so that an interruption
/// does not lose it.
struct Making {
    name: String,
    answer: JoinHandle<Result<OwnedTable, AdminError>>,
}

/// What preparing took.
pub(super) struct Prepared {
    /// Items written.
    pub(super) items: u64,
    /// Time for creating and loading.
    pub(super) took: Duration,
}

impl World {
    /// Starts the embedded emulator, or gets ready to fire at a server, as the whole run or as
    /// one shard of it.
    pub(super) async fn open(
        place: Place,
        shard: Option<Shard>,
        scale: TimeScale,
        scenario: &Scenario,
    ) -> anyhow::Result<Self> {
        if let Some(shard) = shard {
            check_sharding(&place, shard, scenario)?;
        }
        let (endpoint, emulator, live) = match place {
            Place::Emulator => {
                let config = EmulatorConfig {
                    parameters: scenario.model.clone(),
                    clock: Arc::new(SystemClock::scaled(scale)),
                    ..EmulatorConfig::default()
                };
                let started = Emulator::start(config).await;
                let emulator = started.context("cannot start the embedded emulator")?;
                (emulator.endpoint(), Some(emulator), None)
            }
            Place::Endpoint(url) => (url, None, None),
            Place::Live(live) => (format!("AWS {}", live.region), None, Some(live)),
        };
        let target = match &live {
            Some(live) => live.target.clone(),
            None => SdkTarget::connect(&endpoint, &scenario.client).await?,
        };
        Ok(Self {
            target: Arc::new(target.scaled(&scenario.client, scale)),
            emulator,
            live,
            endpoint,
            shard,
            scale,
            tables: Vec::new(),
            making: None,
        })
    }

    /// For the record: which of them it is.
    pub(super) fn name(&self) -> String {
        if self.emulator.is_some() {
            "emulator".to_owned()
        } else {
            self.endpoint.clone()
        }
    }

    /// The run on AWS, if it is one.
    pub(super) fn live(&self) -> Option<&Live> {
        self.live.as_deref()
    }

    /// What may be left behind when this process ends without [`close`](Self::close).
    pub(super) fn left_if_stopped(&self) -> Option<String> {
        let says = || {
            format!(
                "tables that this run created may still be at {}\n  help: {}",
                self.endpoint,
                self.cleaning_help("NAME")
            )
        };
        self.emulator.is_none().then(says)
    }

    /// Whether burst credit can be read.
    pub(super) const fn is_governed(&self) -> bool {
        self.emulator.is_some()
    }

    /// Fires the timed phases.
    pub(super) async fn fire(
        &self,
        client: Client,
        plan: RunPlan,
        hooks: Hooks,
    ) -> anyhow::Result<RunRecord> {
        match client {
            Client::Wire => {
                let wire = self.wire(plan.workload.scenario()).await;
                let wire = wire.context("cannot set up a connection\n  help: try --client sdk")?;
                self.fire_with(wire, plan, hooks).await
            }
            Client::Sdk => {
                let sdk = SdkTarget::clone(&self.target);
                self.fire_with(sdk, plan, hooks).await
            }
        }
    }

    /// This project's own client, beside the one that made the tables.
    pub(super) async fn wire(&self, scenario: &Scenario) -> io::Result<WireTarget> {
        WireTarget::beside(&self.target, &scenario.tables[0].name).await
    }

    /// On AWS it keeps to the limit.
    async fn fire_with<T: Target>(
        &self,
        target: T,
        plan: RunPlan,
        hooks: Hooks,
    ) -> anyhow::Result<RunRecord> {
        let target = Arc::new(target);
        let Some(live) = &self.live else {
            return Ok(driver::run(plan, target, hooks).await?);
        };
        let limited = live.limited(target, plan.workload.scenario());
        let record = driver::run(plan, Arc::new(limited), hooks).await?;
        live.say_spent();
        Ok(record)
    }

    /// Creates the tables but for existing ones, which are checked, and loads those it made if
    /// the scenario has a load phase; of several shards the first creates, and each loads its
    /// part. The emulator's buckets are full as the scenario says when this returns.
    pub(super) async fn prepare(
        &mut self,
        scenario: &Scenario,
        workload: &Workload,
        style: Style,
    ) -> anyhow::Result<Prepared> {
        let prepared = self.make_and_load(scenario, workload, style).await;
        prepared.map_err(|error| match error.downcast_ref() {
            Some(AdminError::Unreachable { .. }) => self.unreachable(&error),
            _ => error,
        })
    }

    fn unreachable(&self, error: &anyhow::Error) -> anyhow::Error {
        let help = match &self.live {
            Some(_) => "is this machine connected, and does DynamoDB exist in that Region?",
            None => {
                "does the server run, and listen there? Without --endpoint the embedded emulator \
                 is used, which needs none"
            }
        };
        anyhow::anyhow!("cannot reach {}: {error}\n  help: {help}", self.endpoint)
    }

    async fn make_and_load(
        &mut self,
        scenario: &Scenario,
        workload: &Workload,
        style: Style,
    ) -> anyhow::Result<Prepared> {
        let began = Instant::now();
        let (existing, new): (Vec<_>, Vec<_>) = scenario.tables.iter().partition(|t| t.existing);
        // Before anything is made, so that a refusal leaves nothing behind.
        for table in existing {
            self.target.check_existing(table).await?;
        }
        for table in new {
            if self.shard.is_none_or(Shard::is_first) {
                self.create(table).await?;
            } else {
                let waits = || {
                    let minutes = JOINED_WITHIN.as_secs() / 60;
                    let name = &table.name;
                    eprintln!(
                        "waiting for shard 1 to make table {name}, for {minutes} min at most"
                    );
                };
                let joined = self.target.join_table(table, JOINED_WITHIN, waits);
                joined.await?;
            }
        }
        self.check_scale()?;
        for table in &scenario.tables {
            self.target
                .wait_until_active(&table.name, ACTIVE_WITHIN)
                .await?;
        }
        if let Some(governor) = self.governor() {
            auto_scale(&governor, scenario).await;
        }
        let mut items = 0;
        if scenario
            .phases
            .iter()
            .any(|phase| phase.kind == PhaseKind::Load)
        {
            items = self.load(scenario, workload, style).await?;
        }
        Ok(Prepared {
            items,
            took: began.elapsed(),
        })
    }

    async fn create(&mut self, table: &Table) -> anyhow::Result<()> {
        let (target, asked) = (Arc::clone(&self.target), table.clone());
        let making = self.making.insert(Making {
            name: table.name.clone(),
            answer: tokio::spawn(async move { target.create_table(&asked).await }),
        });
        let answer = (&mut making.answer).await;
        self.making = None;
        self.tables
            .push(answer.context("making a table panicked")??);
        Ok(())
    }

    /// A run at another speed than its server's would measure neither.
    fn check_scale(&self) -> anyhow::Result<()> {
        let (told, scale) = (self.target.told_scale(), self.scale);
        anyhow::ensure!(
            told == scale,
            "the time of {} passes {told} times as fast as the clock, and that of this run {scale} \
             times\n  help: {}",
            self.endpoint,
            if told.is_real() {
                format!(
                    "leave --endpoint out, start `dyno emulate --time-scale {scale}`, or leave \
                     --time-scale out"
                )
            } else {
                format!("dyno run --time-scale {told}")
            },
        );
        Ok(())
    }

    async fn load(
        &self,
        scenario: &Scenario,
        workload: &Workload,
        style: Style,
    ) -> anyhow::Result<u64> {
        let governor = self.governor();
        if let Some(governor) = &governor {
            governor.suspend_governor().await;
        }
        let mut total = 0;
        let tables = scenario.tables.iter().enumerate();
        for (index, table) in tables.filter(|(_, table)| !table.existing) {
            let shard = self.shard;
            let items = shard.map_or(table.items, |shard| shard.share_of(table.items));
            let mut shown = Loading::start(style, &table.name, items);
            let workload = workload.clone();
            let item =
                move |number| workload.item(index, shard.map_or(number, |shard| shard.nth(number)));
            let advance = |more| shown.advance(more);
            total += self
                .target
                .load(&table.name, items, LOAD_CONCURRENCY, item, advance)
                .await?;
        }
        if let Some(governor) = &governor {
            governor.enforce().await;
        }
        Ok(total)
    }

    /// How the clock of this machine stands to the server's; `None` when that does not tell.
    pub(super) async fn clock_offset(&self, scenario: &Scenario) -> Option<ClockOffset> {
        self.target
            .clock_offset(&scenario.tables.first()?.name)
            .await
    }

    fn governor(&self) -> Option<EmulatorHandle> {
        self.emulator.as_ref().map(Emulator::handle)
    }

    /// Fills the emulator's buckets as the model says, however long the way from the loaded
    /// tables to the first request was.
    pub(super) fn begin(&self) -> Option<BoxFuture<()>> {
        let governor = self.governor()?;
        Some(Box::pin(async move { governor.enforce().await }))
    }

    /// Reads the emulator's buckets, in the order of the scenario's tables.
    pub(super) fn capacity_probe(&self, scenario: &Scenario) -> Option<CapacityProbe> {
        let governor = self.governor()?;
        let tables: Arc<[Table]> = scenario.tables.clone().into();
        Some(Arc::new(move |second| {
            let (governor, tables) = (governor.clone(), Arc::clone(&tables));
            Box::pin(async move { governor.close_second(second, &tables).await })
        }))
    }

    /// Which partitions and keys were hot; nothing where the target does not show it.
    pub(super) async fn heat(&self, scenario: &Scenario) -> Vec<ResourceHeat> {
        match self.governor() {
            Some(governor) => governor.heat(&scenario.tables).await,
            None => Vec::new(),
        }
    }

    /// Waits, if other shards may still have requests under way at tables that this one is
    /// about to delete: for as long as a request that was sent takes at most.
    pub(super) async fn wait_for_others(&self, scenario: &Scenario) {
        if self.tables.is_empty() || self.shard.is_none_or(|shard| shard.count() == 1) {
            return;
        }
        let retry = scenario.client.retry;
        let longest = scenario.client.attempt_timeout * retry.max_attempts
            + retry.cap * (retry.max_attempts - 1);
        let seconds = longest.as_secs_f64();
        eprintln!("waiting {seconds} s for the last requests of other shards, then deleting");
        tokio::time::sleep(longest).await;
    }

    /// Of an interrupted run: whether the table that was asked for last is there. Its answer is
    /// waited for, and what is still unknown then is said.
    async fn settle(&mut self) {
        let Some(Making { name, answer }) = self.making.take() else {
            return;
        };
        match tokio::time::timeout(ANSWERED_WITHIN, answer).await {
            Ok(Ok(Ok(table))) => self.tables.push(table),
            // Refused: what is there, if anything, is not ours.
            Ok(Ok(Err(error))) if !matches!(error, AdminError::Unreachable { .. }) => {}
            _ => eprintln!(
                "table {name} may exist at {}: the run asked for it, and had no answer\n  help: {}",
                self.endpoint,
                self.cleaning_help(&name)
            ),
        }
    }

    /// Deletes the tables that this run created, and stops the emulator if there is one.
    pub(super) async fn close(mut self) -> anyhow::Result<()> {
        if let Some(emulator) = self.emulator {
            // The tables die with it.
            emulator.shutdown().await;
            return Ok(());
        }
        self.settle().await;
        let help = self.cleaning_help("NAME");
        let mut left = Vec::new();
        for table in self.tables {
            let name = table.name().to_owned();
            if let Err(error) = self.target.delete_table(table).await {
                left.push(format!("{name} ({error})"));
            }
        }
        anyhow::ensure!(
            left.is_empty(),
            "this run created tables that it could not delete: {}\n  help: {help}",
            left.join(", "),
        );
        Ok(())
    }

    fn cleaning_help(&self, table: &str) -> String {
        match &self.live {
            Some(live) => format!("dyno clean --live --region {}", live.region),
            None => format!(
                "aws dynamodb delete-table --endpoint-url {} --table-name {table}",
                self.endpoint
            ),
        }
    }
}

/// Registers the scenario's policies with the emulator.
async fn auto_scale(governor: &EmulatorHandle, scenario: &Scenario) {
    for table in &scenario.tables {
        let own = (None, &table.billing);
        let indexes = table.global_indexes();
        let indexes = indexes.map(|(_, index, billing)| (Some(index.name.as_str()), billing));
        for (index, billing) in std::iter::once(own).chain(indexes) {
            if let Billing::Provisioned { auto_scaling, .. } = billing {
                governor.auto_scale(&table.name, index, *auto_scaling).await;
            }
        }
    }
}

/// What cannot be fired in shards.
fn check_sharding(place: &Place, shard: Shard, scenario: &Scenario) -> anyhow::Result<()> {
    anyhow::ensure!(
        !matches!(place, Place::Emulator),
        "shard {shard}: each shard would fire at an embedded emulator of its own, and find a table \
         that serves nobody else\n  help: start one with `dyno emulate`, and name it with \
         --endpoint URL; or use `dyno simulate --shard {shard}`"
    );
    let closed = scenario
        .phases
        .iter()
        .find(|phase| phase.arrivals.is_closed());
    if let Some(phase) = closed {
        anyhow::bail!(
            "phase {}: closed arrivals cannot be fired in shards, since which one comes next \
             depends on answers that other shards get\n  help: give the phase a rate",
            phase.name
        );
    }
    Ok(())
}
