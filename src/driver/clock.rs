//! The run's clock: monotonic, counted from the run's start.

use std::time::{Duration, Instant};

use crate::units::Timestamp;

/// Time between the decision to start and the start, for the lanes, which are ready, to hear of it.
const LEAD: Duration = Duration::from_millis(3);

/// A point of origin. Copies agree on the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunClock {
    start: Instant,
}

impl RunClock {
    /// Starts at `start`, be it past, or soon.
    pub(super) fn new(start: Option<Instant>) -> Self {
        Self {
            start: start.unwrap_or_else(|| Instant::now() + LEAD),
        }
    }

    /// The time; zero before the start.
    pub(super) fn now(self) -> Timestamp {
        Timestamp::from_start(self.start.elapsed())
    }

    pub(super) fn instant(self, at: Timestamp) -> Instant {
        self.start + at.since_start()
    }
}
