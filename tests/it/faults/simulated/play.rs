//! What a seed plays: the load, the client, the server's and the network's faults, and when.

use std::time::Duration;

use dynamometer::{
    scenario::{
        ArrivalSpec, ClientSettings, OperationKind, OperationSpec, RetrySettings, Scenario,
        ThinkTime,
    },
    seed::Seed,
    units::{Share, Timestamp},
};
use rand::RngExt as _;

use super::LENGTH;
use crate::driver::scenario;

/// Something that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happening {
    /// A request reaches the server.
    Reaches {
        request: u64,
        attempt: u32,
        sent: Timestamp,
        fate: Fate,
    },
    /// The client hears of it.
    Heard {
        request: u64,
        attempt: u32,
        sent: Timestamp,
        what: Heard,
    },
    Retry {
        request: u64,
    },
    Interrupt,
    /// A lane hears of the interruption.
    Drain {
        lane: usize,
    },
    /// A lane has waited for long enough.
    GiveUp {
        lane: usize,
    },
    /// A lane hands over what it counted.
    Report {
        lane: usize,
    },
    /// All that was handed over is written down.
    Note,
}

/// What the network and the server make of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Served,
    ServedTwice,
    /// Served, and the answer is lost: the connection breaks, or nothing comes.
    Lost {
        silently: bool,
    },
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Heard {
    Completed,
    Throttled,
    Failed,
    Nothing,
}

/// What a seed plays.
pub struct Play {
    pub scenario: Scenario,
    pub rate: i64,
    /// Of 100 attempts, by fate; the rest is served.
    pub faults: [u32; 5],
    /// The server is not there meanwhile.
    pub down: (Timestamp, Timestamp),
    pub interrupt: Option<Timestamp>,
    /// For so long an interrupted lane waits for answers.
    pub patience: Duration,
    /// Of each lane: how long it takes to hear of an interruption, and when it stands still.
    pub lanes: Vec<(Duration, (Timestamp, Timestamp))>,
}

impl Play {
    pub fn of(seed: u64) -> Self {
        let mut random = Seed(seed).stream("play").at(0);
        let mut pick = |from: u64, to: u64| random.random_range(from..=to);
        let small = |value: u64| u32::try_from(value).unwrap();
        let client = ClientSettings {
            max_in_flight: small(pick(1, 20)),
            max_queued: small(pick(0, 20)),
            attempt_timeout: Duration::from_millis(pick(20, 400)),
            retry: RetrySettings {
                max_attempts: small(pick(1, 4)),
                base: Duration::from_millis(pick(1, 50)),
                cap: Duration::from_millis(pick(50, 200)),
            },
        };
        let mut scenario = scenario(f64::from(small(pick(10, 150))), LENGTH, client);
        scenario.seed = Seed(seed);
        scenario.operations = vec![OperationSpec::plain("put", OperationKind::Put, Share::ALL)];
        if pick(0, 3) == 0 {
            scenario.phases[0].arrivals = ArrivalSpec::Closed {
                clients: small(pick(1, 10)),
                think_time: ThinkTime::Constant(Duration::from_millis(pick(1, 100))),
            };
        }
        let at = |millis| Timestamp::from_start(Duration::from_millis(millis));
        let down = pick(0, 2_500);
        // Closed phases are fired by one lane, and no lane is without a place.
        let lanes = match scenario.phases[0].arrivals {
            ArrivalSpec::Closed { .. } => 1,
            _ => pick(1, 3).min(client.max_in_flight.into()),
        };
        Self {
            scenario,
            rate: i64::try_from(pick(1, 200)).unwrap(),
            faults: [(); 5].map(|()| small(pick(0, 15))),
            down: (at(down), at(down + pick(0, 800))),
            interrupt: (pick(0, 2) == 0).then(|| at(pick(0, 2_500))),
            patience: Duration::from_millis(pick(0, 400)),
            lanes: (0..lanes)
                .map(|_| {
                    let still = pick(0, 2_500);
                    let hears = Duration::from_millis(pick(0, 20));
                    (hears, (at(still), at(still + pick(0, 300))))
                })
                .collect(),
        }
    }
}
