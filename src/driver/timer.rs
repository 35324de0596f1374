//! Waits until something is due, as exactly as the user is willing to pay for.
//!
//! Tokio's own timers tick in milliseconds, which is the latency of a good many requests.

#[cfg(target_os = "linux")]
mod kernel;
mod thread;

use std::{
    io,
    time::{Duration, Instant},
};

#[cfg(target_os = "linux")]
use kernel::KernelTimer;
use thread::SleepingThread;

/// What keeps a schedule. Costs and lateness were measured on Linux, see the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerKind {
    /// Tokio's, in ticks of a millisecond: the cheapest.
    Tokio,
    /// A thread beside each thread that fires, which sleeps and wakes it.
    Thread,
    /// A timer of the kernel, in the same wait as the sockets.
    #[cfg(target_os = "linux")]
    Kernel,
    /// The best that there is without it, until shortly before; then it keeps looking at the
    /// clock and the sockets in turn, at the price of a core.
    Spin,
}

impl TimerKind {
    /// The best that does not spin.
    #[cfg(target_os = "linux")]
    pub const SLEEPING: Self = Self::Kernel;
    /// The best that does not spin.
    #[cfg(not(target_os = "linux"))]
    pub const SLEEPING: Self = Self::Thread;
}

impl TimerKind {
    /// Those of this system.
    pub const ALL: &[Self] = &[
        Self::Tokio,
        Self::Thread,
        #[cfg(target_os = "linux")]
        Self::Kernel,
        Self::Spin,
    ];

    /// As the command line and records have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::Thread => "thread",
            #[cfg(target_os = "linux")]
            Self::Kernel => "kernel",
            Self::Spin => "spin",
        }
    }
}

impl Default for TimerKind {
    fn default() -> Self {
        Self::SLEEPING
    }
}

/// So long before the time a thread is woken that spins: longer than waking it takes mostly.
const SPINS: Duration = Duration::from_micros(150);

/// What is due within this is waited for awake by every timer: setting one, falling asleep and being
/// woken takes longer, and as much work.
const AWAKE: Duration = Duration::from_micros(20);

/// A timer of one thread.
#[derive(Debug)]
pub(super) struct Timer {
    sleeper: Sleeper,
    spins: bool,
}

#[derive(Debug)]
enum Sleeper {
    Tokio,
    Thread(SleepingThread),
    #[cfg(target_os = "linux")]
    Kernel(KernelTimer),
}

impl Timer {
    /// To be used within the tokio runtime in which it was made.
    pub(super) fn new(kind: TimerKind) -> io::Result<Self> {
        let spins = kind == TimerKind::Spin;
        let sleeper = match if spins { TimerKind::SLEEPING } else { kind } {
            TimerKind::Tokio => Sleeper::Tokio,
            #[cfg(target_os = "linux")]
            TimerKind::Kernel => Sleeper::Kernel(KernelTimer::new()?),
            _ => Sleeper::Thread(SleepingThread::start()?),
        };
        Ok(Self { sleeper, spins })
    }

    /// Waits until `at`. Lets other tasks run once, even when that is past. May be dropped and
    /// called again with another time.
    pub(super) async fn until(&mut self, at: Instant) {
        let wake = if self.spins {
            at.checked_sub(SPINS).unwrap_or(at)
        } else {
            at
        };
        let now = Instant::now();
        if now < wake && now + AWAKE < at {
            match &mut self.sleeper {
                Sleeper::Tokio => tokio::time::sleep_until(wake.into()).await,
                Sleeper::Thread(thread) => thread.until(wake).await,
                #[cfg(target_os = "linux")]
                Sleeper::Kernel(timer) => timer.until(wake).await,
            }
        } else {
            tokio::task::yield_now().await;
        }
        while Instant::now() < at {
            tokio::task::yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_timer_is_early_and_each_can_be_set_again() {
        for &kind in TimerKind::ALL {
            let mut timer = Timer::new(kind).unwrap();
            let start = Instant::now();
            let far = start + Duration::from_hours(1);
            let long = tokio::time::timeout(Duration::from_millis(2), timer.until(far));
            assert!(long.await.is_err(), "{kind:?}");
            for step in [3000, 3050, 3051, 1, 3100, 9000] {
                let at = start + Duration::from_micros(step);
                timer.until(at).await;
                assert!(Instant::now() >= at, "{kind:?}");
            }
        }
    }

    #[tokio::test]
    async fn other_tasks_run_while_a_timer_waits_even_for_what_is_past() {
        for &kind in TimerKind::ALL {
            let mut timer = Timer::new(kind).unwrap();
            for wait in [Duration::ZERO, Duration::from_millis(3)] {
                let other = tokio::spawn(async {});
                timer.until(Instant::now() + wait).await;
                assert!(other.is_finished(), "{kind:?} {wait:?}");
            }
        }
    }
}
