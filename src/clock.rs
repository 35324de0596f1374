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

use crate::units::Timestamp;

/// Tells how long ago the run started. Never goes back.
pub trait Clock: Send + Sync + 'static {
    /// Time since the start.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The machine's monotonic clock, from the moment it was started.
#[derive(Clone, Debug)]
pub struct SystemClock {
    started: Instant,
    speed: f64,
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
            speed: 1.0,
        }
    }

    /// Starts now and lets `speed` seconds pass in each real second; `None` unless `speed` is
    /// finite and above zero.
    #[must_use]
    pub fn scaled(speed: f64) -> Option<Self> {
        (speed.is_finite() && speed > 0.0).then(|| Self {
            started: Instant::now(),
            speed,
        })
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let elapsed = self.started.elapsed();
        if self.speed.to_bits() == 1.0_f64.to_bits() {
            return Timestamp::from_start(elapsed);
        }
        let scaled = elapsed.as_secs_f64() * self.speed;
        Timestamp::from_start(Duration::try_from_secs_f64(scaled).unwrap_or(Duration::MAX))
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
    fn a_scaled_clock_never_lags_behind_real_time_and_refuses_impossible_speeds() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(SystemClock::scaled(speed).is_none(), "{speed}");
        }
        let fast = SystemClock::scaled(1000.0).expect("a possible speed");
        let real = SystemClock::starting_at(fast.started);
        let real_now = real.now();
        assert!(fast.now().as_nanos() >= real_now.as_nanos());
    }
}
