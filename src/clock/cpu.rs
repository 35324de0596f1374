//! CPU time, user and system together.

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

fn duration(time: Timespec) -> Duration {
    Duration::try_from(time).unwrap_or_default()
}
