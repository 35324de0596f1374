//! Real requests at one embedded emulator: shards beside each other make the run of one process, in
//! everything that does not depend on timing.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use dynamometer::{
    driver::{self, Hooks, RunPlan},
    emulator::{Emulator, EmulatorConfig},
    record::{RunRecord, shard::Part},
    scenario::Scenario,
    schedule::shard::Shard,
    simulation::{SimulationOptions, header},
    target::sdk::{
        SdkTarget,
        admin::{AdminError, OwnedTable},
    },
    target::wire::WireTarget,
    workload::Workload,
};
use proptest::prelude::*;
use tokio::{task::JoinSet, time::Instant};

use super::{RULES, merged, phase, scenario};

prop_compose! {
    /// With capacity to spare, and requests whose units do not depend on which of two comes first:
    /// no item changes its size.
    fn roomy_scenarios()(
        seed in any::<u32>(),
        items in 1_u32..60,
        length in 1_u32..3_000,
        keys in prop_oneof![
            Just("kind = \"uniform\""),
            Just("kind = \"zipfian\"\nexponent = 0.9"),
        ],
        phases in proptest::collection::vec(
            (1_u32..120, prop_oneof![Just("constant"), Just("poisson")]),
            1..3,
        ),
    ) -> String {
        let phases: Vec<_> = phases
            .iter()
            .enumerate()
            .map(|(index, (rate, kind))| {
                phase(&format!("phase-{index}"), 1, &format!("kind = \"{kind}\", rate = \"{rate}/s\""))
            })
            .collect();
        format!(
            r#"
name = "roomy"
seed = {seed}
[[table]]
name = "Things"
partition_key = "id"
billing = {{ mode = "provisioned", read = "20000 RCU", write = "20000 WCU" }}
items = {items}
[table.attributes]
id = {{ type = "S", value = "unique" }}
mark = {{ type = "S", value = "text", length = "8 B" }}
note = {{ type = "S", value = "text", length = {{ uniform = ["1 B", "{length} B"] }} }}
[keys.any]
{keys}
[keys.fresh]
kind = "new"
[[operation]]
kind = "get"
keys = "any"
weight = "40 %"
consistency = "strong"
[[operation]]
kind = "update"
keys = "any"
set = ["mark"]
weight = "20 %"
[[operation]]
kind = "put"
keys = "fresh"
weight = "30 %"
[[operation]]
kind = "batch-get"
keys = "any"
items = 3
weight = "10 %"
[[phase]]
kind = "load"
{phases}
[client]
max_in_flight = 512
max_queued = 512
attempt_timeout = "20s"
"#,
            phases = phases.concat(),
        )
    }
}

/// One process of a run, ready to fire.
struct Process {
    workload: Workload,
    target: SdkTarget,
    part: Option<Shard>,
}

impl Process {
    async fn new(scenario: &Arc<Scenario>, endpoint: &str, part: Option<Shard>) -> Self {
        Self {
            workload: Workload::new(Arc::clone(scenario)),
            target: SdkTarget::connect(endpoint, &scenario.client)
                .await
                .unwrap(),
            part,
        }
    }

    /// Makes the table if this is the first, and loads its share.
    async fn prepare(&self) -> (Option<OwnedTable>, u64) {
        let (table, shard) = (
            &self.workload.scenario().tables[0],
            self.part.unwrap_or(Shard::WHOLE),
        );
        let made = if shard.is_first() {
            Some(self.target.create_table(table).await.unwrap())
        } else {
            let patience = Duration::from_mins(1);
            self.target
                .join_table(table, patience, || {})
                .await
                .unwrap();
            None
        };
        let items = self.workload.clone();
        let item = move |number| items.item(0, shard.nth(number));
        let own = shard.share_of(table.items);
        let loaded = self.target.load(&table.name, own, 1, item, |_| {}).await;
        (made, loaded.unwrap())
    }

    async fn fire(self, source: String, items: u64, start: Instant) -> RunRecord {
        let scenario = Arc::clone(self.workload.scenario());
        let mut header = header(&scenario, source, "test", &SimulationOptions::default());
        header.provenance.items_loaded = items;
        header.provenance.part = self.part.map(Part::of);
        let plan = RunPlan {
            start: Some(start.into_std()),
            ..RunPlan::new(self.workload, header)
        };
        let wire = WireTarget::beside(&self.target, &scenario.tables[0].name);
        let wire = Arc::new(wire.await.unwrap());
        driver::run(plan, wire, Hooks::default()).await.unwrap()
    }
}

/// The records of all `parts`, fired beside each other at an emulator of their own.
async fn fired(source: &str, parts: impl IntoIterator<Item = Option<Shard>>) -> Vec<RunRecord> {
    let scenario = Arc::new(scenario(source));
    let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
    let mut preparing = JoinSet::new();
    for part in parts {
        let process = Process::new(&scenario, &emulator.endpoint(), part).await;
        preparing.spawn(async move {
            let (made, items) = process.prepare().await;
            (process, made, items)
        });
    }
    let ready = preparing.join_all().await;
    let start = Instant::now() + Duration::from_millis(200);
    let mut firing = JoinSet::new();
    let mut made = Vec::new();
    for (process, table, items) in ready {
        made.extend(table);
        firing.spawn(process.fire(source.to_owned(), items, start));
    }
    let records = firing.join_all().await;
    assert_eq!(made.len(), 1, "one of them makes the table");
    emulator.shutdown().await;
    records
}

/// What does not depend on timing: what was loaded; by phase arrivals, outcomes, attempts, units
/// and how many times there are; by second what was due.
fn timeless(record: &RunRecord) -> impl PartialEq + std::fmt::Debug + use<> {
    let phase = |phase: &dynamometer::record::PhaseRecord| {
        let operations = phase.operations.iter().map(|totals| {
            (
                totals.outcomes,
                totals.attempts,
                totals.consumed,
                totals.errors.clone(),
                totals.response_time.count(),
                totals.service_time.count(),
            )
        });
        let operations: Vec<_> = operations.collect();
        let sent = phase.dispatch_delay.count();
        (phase.name.clone(), phase.arrivals, sent, operations)
    };
    let due: BTreeMap<_, _> = record
        .intervals
        .iter()
        .filter(|interval| interval.arrivals > 0)
        .map(|interval| (interval.second, interval.arrivals))
        .collect();
    let phases: Vec<_> = record.phases.iter().map(phase).collect();
    (record.provenance.items_loaded, phases, due)
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn shards_fired_beside_each_other_are_the_run_that_one_process_fires(
        source in roomy_scenarios(),
        count in 1_u32..=16,
    ) {
        let shards = Shard::new(1, count).unwrap().all().map(Some);
        let (whole, parts) = runtime().block_on(async {
            tokio::join!(fired(&source, [None]), fired(&source, shards))
        });
        let merged = merged(parts, &RULES).unwrap();
        prop_assert_eq!(merged.shards.len(), count as usize);
        prop_assert_eq!(timeless(&merged), timeless(&whole[0]));
    }
}

#[tokio::test]
async fn a_shard_waits_for_the_table_of_the_first_and_not_for_ever() {
    let scenario = Arc::new(scenario(&super::small("10/s")));
    let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
    let second = Process::new(&scenario, &emulator.endpoint(), None).await;
    let table = &scenario.tables[0];
    let mut waited = 0;
    let joined = second
        .target
        .join_table(table, Duration::from_millis(120), || waited += 1);
    let refused = joined.await.unwrap_err();
    assert!(matches!(refused, AdminError::NeverMade { .. }), "{refused}");
    let said = refused.to_string();
    assert!(
        said.contains("table Things is still absent after 120ms"),
        "{said}"
    );
    assert_eq!(waited, 1);
    let _made = second.target.create_table(table).await.unwrap();
    let joined = second
        .target
        .join_table(table, Duration::from_mins(1), || waited += 1);
    joined.await.unwrap();
    assert_eq!(waited, 1);
    emulator.shutdown().await;
}
