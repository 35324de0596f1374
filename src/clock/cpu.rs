//! CPU time, user and system together, and who gives way where it is scarce.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Of all threads of this process since it started.
#[must_use]
pub fn of_process() -> Duration {
    duration(clock_gettime(ClockId::ProcessCPUTime))
}

/// Of this thread since it started.
#[must_use]
pub fn of_thread() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

/// Lets this thread give way to those that fire, for good: what it does can wait. Where a core is
/// shared it takes from them otherwise, milliseconds at a time.
pub fn give_way() {
    // Elsewhere it would be the whole process that gives way. Where it is refused nothing is lost.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(GIVES_WAY);
}

/// A tenth of the weight of a thread that fires.
#[cfg(target_os = "linux")]
const GIVES_WAY: i32 = 10;

fn duration(time: Timespec) -> Duration {
    Duration::try_from(time).unwrap_or_default()
}
