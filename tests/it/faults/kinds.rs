//! Every kind of request through faults: our books are the server's by operation and by outcome.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use dynamometer::{
    record::{OutcomeCounts, RunRecord},
    scenario::{ArrivalSpec, OperationKind, PhaseKind, Scenario},
    units::{Rate, Share},
};

use super::{BOTH, Client, JSON, fire_at, patient};
use crate::{
    clients,
    server::{Received, Reply, Server},
};

/// In turn, so that over the run each kind of request meets each.
const TURNS: [Turn; 11] = [
    Turn::Served,
    Turn::Refused,
    Turn::Served,
    Turn::Lost,
    Turn::Throttled,
    Turn::Served,
    Turn::Cut,
    Turn::Silent,
    Turn::Served,
    Turn::Refused,
    Turn::Served,
];

/// What the server does to a request.
#[derive(Clone, Copy)]
enum Turn {
    Served,
    Throttled,
    Refused,
    /// Served, and the connection is reset.
    Lost,
    /// In the middle of the answer.
    Cut,
    Silent,
}

impl Turn {
    fn of(received: &Received) -> Self {
        TURNS[received.number % TURNS.len()]
    }

    fn reply(self, received: &Received) -> Reply {
        match self {
            Self::Served => Reply::json(&at_once(received)),
            Self::Throttled => Reply::answer(400, JSON, r#"{"__type":"x#ThrottlingException"}"#),
            Self::Refused => Reply::answer(500, JSON, r#"{"__type":"x#InternalServerError"}"#),
            Self::Lost => Reply::raw("").then_reset(),
            Self::Cut => Reply::json(&at_once(received)).cut(),
            Self::Silent => Reply::stalled(),
        }
    }

    fn count(self, outcomes: &mut OutcomeCounts) {
        match self {
            Self::Served => outcomes.completed += 1,
            Self::Throttled => outcomes.throttled += 1,
            Self::Refused | Self::Lost | Self::Cut => outcomes.failed += 1,
            Self::Silent => outcomes.timed_out += 1,
        }
    }
}

/// A success that leaves nothing to be asked for again, so that a request is sent once.
fn at_once(received: &Received) -> serde_json::Value {
    let mut body = clients::successful(received);
    for left in ["LastEvaluatedKey", "UnprocessedKeys", "UnprocessedItems"] {
        body.as_object_mut().unwrap().remove(left);
    }
    body
}

/// As much of each kind. What reads and then writes is two requests to the server: it
/// only writes here.
fn orders() -> Scenario {
    let mut scenario = Scenario::clone(clients::workload().scenario());
    scenario.client = patient();
    scenario.phases.retain(|it| it.kind != PhaseKind::Load);
    scenario.phases[0].duration = Duration::from_secs(3);
    let rate = Rate::per_second(200.0).unwrap();
    scenario.phases[0].arrivals = ArrivalSpec::Constant { rate };
    let kinds = f64::from(u32::try_from(scenario.operations.len()).unwrap());
    for operation in &mut scenario.operations {
        operation.weight = Share::new(1.0 / kinds).unwrap();
        if operation.kind == OperationKind::ReadModifyWrite {
            operation.kind = OperationKind::Update;
        }
    }
    scenario
}

fn by_kind(record: &RunRecord, scenario: &Scenario) -> BTreeMap<String, OutcomeCounts> {
    let mut counts = BTreeMap::<_, OutcomeCounts>::new();
    let totals = &record.phases[0].operations;
    for (operation, totals) in scenario.operations.iter().zip(totals) {
        let kind = operation.kind.api_name().to_owned();
        *counts.entry(kind).or_default() += totals.outcomes;
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_request_ends_as_the_servers_books_say() {
    let [wire, sdk] = BOTH.map(|by| Box::pin(ends_as_the_books_say(by)));
    tokio::join!(wire, sdk);
}

async fn ends_as_the_books_say(by: Client) {
    let server = Server::start(|received| Turn::of(received).reply(received)).await;
    let scenario = orders();
    let record = fire_at(&server.url(), by, scenario.clone()).await;
    let mut theirs = BTreeMap::<String, OutcomeCounts>::new();
    for received in server.take_received() {
        let outcomes = theirs.entry(received.operation().to_owned()).or_default();
        Turn::of(&received).count(outcomes);
    }
    let ours = by_kind(&record, &scenario);
    assert_eq!(ours, theirs, "{by:?}");
    let kinds: BTreeSet<_> = ours.keys().map(String::as_str).collect();
    assert_eq!(kinds.len(), 11, "{kinds:?}");
    for (kind, outcomes) in &ours {
        assert!(
            outcomes.completed > 0 && outcomes.failed > 0,
            "{kind}: {outcomes:?}"
        );
    }
}
