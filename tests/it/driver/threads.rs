//! Several threads fire what one would.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use dynamometer::{
    driver::{self, Hooks, RunPlan, TimerKind},
    record::RunRecord,
    scenario::{ArrivalSpec, ClientSettings, KeySpec, Phase},
    schedule::Schedule,
    target::sdk::SdkTarget,
    units::{Rate, Share},
};
use tokio::sync::oneshot;

use super::{
    fake_server::{FakeServer, Reply},
    fire_by, outcomes, plan, quick, scenario,
};

/// Two phases with mixes of their own, and a hot set that moves: what an arrival does depends on
/// which arrivals began these.
fn moving() -> dynamometer::scenario::Scenario {
    let mut scenario = scenario(300.0, Duration::from_millis(700), quick());
    scenario.keys[0].spec = KeySpec::HotSet {
        keys: Share::new(0.1).unwrap(),
        traffic: Share::new(0.9).unwrap(),
        moves_every: Some(Duration::from_millis(100)),
    };
    let operations = scenario.operations.len();
    let mut only = vec![Share::new(0.0).unwrap(); operations];
    only[1] = Share::ALL;
    scenario.phases.push(Phase {
        name: "later".to_owned(),
        arrivals: ArrivalSpec::Poisson {
            rate: Rate::per_second(300.0).unwrap(),
        },
        mix: Some(only),
        ..scenario.phases[0].clone()
    });
    scenario
}

fn sent(server: &FakeServer) -> Vec<String> {
    let received = server.received();
    let mut sent: Vec<_> = received
        .iter()
        .map(|request| format!("{} {}", request.operation, request.body))
        .collect();
    sent.sort();
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_requests_of_a_run_and_their_seconds_do_not_depend_on_its_threads() {
    let mut all = vec![];
    for threads in [1, 3] {
        let server = FakeServer::start(|_| Reply::Ok).await;
        let record = fire_by(threads, &server, moving(), Hooks::default()).await;
        let due = record.intervals.iter().map(|it| it.arrivals);
        // A busy machine may take seconds more for the last answers.
        let due: Vec<_> = due.filter(|arrivals| *arrivals > 0).collect();
        let phases: Vec<_> = record.phases.iter().map(|phase| phase.arrivals).collect();
        assert_eq!(outcomes(&record).completed, outcomes(&record).total());
        all.push((due, phases, sent(&server)));
    }
    assert_eq!((&all[0].0, &all[0].1), (&all[1].0, &all[1].1));
    assert!(all[0].2 == all[1].2, "other requests are sent");
    let planned = Schedule::new(&moving()).arrivals().count();
    assert_eq!(all[0].2.len(), planned);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bounds_of_a_client_hold_for_all_threads_together() {
    let server = FakeServer::start(|_| Reply::OkAfter(Duration::from_millis(40))).await;
    let client = ClientSettings {
        max_in_flight: 5,
        max_queued: 7,
        ..quick()
    };
    let scenario = scenario(400.0, Duration::from_secs(1), client);
    let record = fire_by(4, &server, scenario, Hooks::default()).await;
    let outcomes = outcomes(&record);
    assert!(server.in_flight_max() <= 5, "{}", server.in_flight_max());
    assert_eq!(server.received().len() as u64, outcomes.completed);
    // Five places of 40 ms each serve at most 125 a second, and the queues hold 7 more.
    assert!(outcomes.completed <= 125 + 5 + 7, "{outcomes:?}");
    assert_eq!(outcomes.completed + outcomes.dropped, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_threads_than_places_are_as_many_as_there_are_places() {
    let server = FakeServer::start(|_| Reply::OkAfter(Duration::from_millis(1))).await;
    let client = ClientSettings {
        max_in_flight: 2,
        max_queued: 1_000,
        ..quick()
    };
    let scenario = scenario(200.0, Duration::from_millis(500), client);
    let record = fire_by(64, &server, scenario, Hooks::default()).await;
    assert_eq!(outcomes(&record).completed, 100);
    assert!(server.in_flight_max() <= 2, "{}", server.in_flight_max());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_stops_all_threads_at_one_instant() {
    let server = FakeServer::start(|_| Reply::OkAfter(Duration::from_millis(30))).await;
    let (interrupt, interrupted) = oneshot::channel::<()>();
    tokio::spawn(async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let _ = interrupt.send(());
    });
    let hooks = Hooks {
        stop: Some(Box::pin(async {
            let _ = interrupted.await;
        })),
        ..Hooks::default()
    };
    let long = scenario(200.0, Duration::from_mins(1), quick());
    let record = fire_by(3, &server, long, hooks).await;
    // One is due every 5 ms, from the start to just before the end.
    let due = record.phases[0].ends.as_nanos().div_ceil(5_000_000);
    assert_eq!(record.phases[0].arrivals, due);
    assert_eq!(
        server.received().len() as u64,
        outcomes(&record).completed,
        "what was sent is waited for"
    );
}

async fn timed_by(timer: TimerKind) -> RunRecord {
    let server = FakeServer::start(|_| Reply::Ok).await;
    let scenario = scenario(500.0, Duration::from_millis(400), quick());
    let target = SdkTarget::connect(&server.url(), &scenario.client).await;
    let plan = RunPlan {
        threads: NonZeroU32::new(2).unwrap(),
        timer,
        ..plan(scenario)
    };
    let target = Arc::new(target.unwrap());
    driver::run(plan, target, Hooks::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_timer_sends_everything_and_nothing_early() {
    for &timer in TimerKind::ALL {
        let record = timed_by(timer).await;
        assert_eq!(outcomes(&record).completed, 200, "{timer:?}");
        let delay = &record.phases[0].dispatch_delay;
        assert_eq!(delay.count(), 200, "{timer:?}");
    }
}
