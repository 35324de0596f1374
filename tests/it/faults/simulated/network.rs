//! What is between the client and the table that is asked, and what it does to requests.

use std::time::Duration;

use dynamometer::{
    capacity::{AdmissionDecision, Arm, partition::KeyHash, throttle::Resource},
    seed::Rng,
    units::{CapacityUnits, Direction, Timestamp},
};
use rand::RngExt as _;

use super::{Fate, Happening, Heard, Theatre};

impl Theatre<'_> {
    /// The server, and what it would say.
    pub(super) fn serve(&mut self, fate: Fate, now: Timestamp) -> Heard {
        self.seen += 1;
        if fate == Fate::Broken {
            return Heard::Failed;
        }
        let arm = Arm {
            resource: Resource::Table,
            direction: Direction::Write,
            key: KeyHash::of(b'S', b"key"),
            eventual: false,
            units: CapacityUnits::whole(1),
        };
        match self.table.admit(&[arm], now) {
            AdmissionDecision::Admitted => {
                self.charged += 1;
                Heard::Completed
            }
            AdmissionDecision::Throttled { retry_at, .. } => {
                assert!(retry_at > now, "a refusal that need not be waited for");
                Heard::Throttled
            }
        }
    }

    pub(super) fn send(&mut self, request: u64, attempt: u32, now: Timestamp) {
        self.sent += 1;
        self.waiting.insert((request, attempt));
        let mut random = self.random(request, attempt, 0);
        let there = now + Duration::from_micros(random.random_range(50..30_000));
        let deadline = now + self.play.scenario.client.attempt_timeout;
        let give_up = |what| Happening::Heard {
            request,
            attempt,
            sent: now,
            what,
        };
        self.later(deadline, give_up(Heard::Nothing));
        let mut drawn = random.random_range(0..100_u32);
        let mut fates = (0..).zip(self.play.faults);
        let fault = fates.find(|(_, share)| {
            let is_it = drawn < *share;
            drawn = drawn.saturating_sub(*share);
            is_it
        });
        let fate = match fault.map(|(fault, _)| fault) {
            None => Fate::Served,
            Some(0) => Fate::ServedTwice,
            Some(1) => Fate::Lost { silently: true },
            Some(2) => Fate::Lost { silently: false },
            Some(3) => Fate::Broken,
            // Never reaches the server.
            Some(_) => {
                self.unseen += 1;
                return self.later(there, give_up(Heard::Failed));
            }
        };
        if (self.play.down.0..self.play.down.1).contains(&there) {
            self.unseen += 1;
            return self.later(there, give_up(Heard::Failed));
        }
        self.later(
            there,
            Happening::Reaches {
                request,
                attempt,
                sent: now,
                fate,
            },
        );
    }

    pub(super) fn random(&self, request: u64, attempt: u32, purpose: u64) -> Rng {
        let stream = self.play.scenario.seed.stream("network");
        stream.at(request * 100 + u64::from(attempt) * 10 + purpose)
    }
}
