//! A timer of the Linux kernel, which is waited for together with the sockets of a thread: its
//! time is exact to some microseconds, and no other thread has to be woken.

use std::{
    io,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::{Interest, unix::AsyncFd};

#[derive(Debug)]
pub(super) struct KernelTimer {
    timer: AsyncFd<OwnedFd>,
    /// What it is set to, until it has gone off.
    set_to: Option<Instant>,
}

impl KernelTimer {
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "unsafe for what may close its file, as this cannot"
        )]
        let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
        Ok(Self {
            timer,
            set_to: None,
        })
    }

    pub(super) async fn until(&mut self, at: Instant) {
        loop {
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            if self.set_to != Some(at) && self.set(left).is_ok() {
                self.set_to = Some(at);
            }
            // Setting it again makes it unreadable, so that it need not be read.
            match self.timer.readable().await {
                Ok(mut gone_off) => gone_off.clear_ready(),
                // The runtime is shutting down.
                Err(_) => return,
            }
            self.set_to = None;
        }
    }

    fn set(&self, left: Duration) -> io::Result<()> {
        let time = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec::try_from(left).map_err(io::Error::other)?,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &time)?;
        Ok(())
    }
}
