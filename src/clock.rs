//! The run's clock: time since the run's start, real, scaled or set by hand.
//!
//! The only place of the emulator that reads [`Instant`]. Must not know what is timed.

pub mod cpu;
pub mod offset;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::units::{TimeScale, Timestamp};

/// Tells how long ago the run started. Never goes back.
pub trait Clock: Send + Sync + 'static {
    /// Time since the start.
    fn now(&self) -> Timestamp;

    /// How fast it goes beside the machine's.
    fn scale(&self) -> TimeScale {
        TimeScale::REAL
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn scale(&self) -> TimeScale {
        (**self).scale()
    }
}

/// The machine's monotonic clock, from the moment it was started.
#[derive(Clone, Debug)]
pub struct SystemClock {
    started: Instant,
    scale: TimeScale,
}

impl SystemClock {
    /// Starts now and runs at the speed of real time.
    #[must_use]
    pub fn start() -> Self {
        Self::starting_at(Instant::now())
    }

    /// Started at `started`, which may lie in the future: until then it shows zero.
    #[must_use]
    pub const fn starting_at(started: Instant) -> Self {
        Self {
            started,
            scale: TimeScale::REAL,
        }
    }

    /// Starts now and runs as fast as `scale` says.
    #[must_use]
    pub fn scaled(scale: TimeScale) -> Self {
        Self {
            scale,
            ..Self::start()
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_start(self.scale.of_run(self.started.elapsed()))
    }

    fn scale(&self) -> TimeScale {
        self.scale
    }
}

/// Shows what it was set to; clones show the same.
#[derive(Clone, Debug, Default)]
pub struct VirtualClock {
    nanos: Arc<AtomicU64>,
}

impl VirtualClock {
    /// Stands at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves on to `now`; an earlier `now` changes nothing.
    pub fn advance_to(&self, now: Timestamp) {
        self.nanos.fetch_max(now.as_nanos(), Ordering::AcqRel);
    }

    /// Moves on by `step`.
    pub fn advance(&self, step: Duration) {
        self.advance_to(self.now() + step);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.nanos.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_moves_only_forward_and_its_clones_with_it() {
        let clock = VirtualClock::new();
        let other = clock.clone();
        clock.advance(Duration::from_secs(3));
        clock.advance_to(Timestamp::from_nanos(1));
        assert_eq!(other.now(), Timestamp::from_start(Duration::from_secs(3)));
    }

    #[test]
    fn a_fast_clock_never_lags_behind_real_time() {
        let fast = SystemClock::scaled(TimeScale::new(1000.0).expect("a factor"));
        let real = SystemClock::starting_at(fast.started);
        let real_now = real.now();
        assert!(fast.now().as_nanos() >= real_now.as_nanos());
    }
}
