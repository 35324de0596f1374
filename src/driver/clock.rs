//! The run's clock: monotonic, counted from the run's start, and scaled.

use std::time::{Duration, Instant};

use crate::units::{TimeScale, Timestamp};

/// Time between the decision to start and the start, for the lanes, which are ready, to hear of it.
const LEAD: Duration = Duration::from_millis(3);

/// A point of origin. Copies agree on the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunClock {
    start: Instant,
    scale: TimeScale,
}

impl RunClock {
    /// Starts at `start`, be it past, or soon.
    pub(super) fn new(start: Option<Instant>, scale: TimeScale) -> Self {
        Self {
            start: start.unwrap_or_else(|| Instant::now() + LEAD),
            scale,
        }
    }

    /// The time; zero before the start.
    pub(super) fn now(self) -> Timestamp {
        self.at(Instant::now())
    }

    /// The time at an instant of the machine's.
    pub(super) fn at(self, instant: Instant) -> Timestamp {
        let passed = instant.saturating_duration_since(self.start);
        Timestamp::from_start(self.scale.of_run(passed))
    }

    /// What passes of the run while `real` does on the machine.
    pub(super) fn of_run(self, real: Duration) -> Duration {
        self.scale.of_run(real)
    }

    pub(super) fn instant(self, at: Timestamp) -> Instant {
        self.start + self.scale.real(at.since_start())
    }
}
