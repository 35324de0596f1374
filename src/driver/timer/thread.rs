//! A thread that sleeps until something is due, and then wakes the one that fires.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// For nothing.
const NEVER: u64 = u64::MAX;
/// The thread ends.
const OVER: u64 = u64::MAX - 1;

#[derive(Debug)]
pub(super) struct SleepingThread {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    /// What it sleeps for, in nanoseconds since it began.
    due: AtomicU64,
    is_due: Notify,
}

impl SleepingThread {
    pub(super) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared {
            began: Instant::now(),
            due: AtomicU64::new(NEVER),
            is_due: Notify::new(),
        });
        let sleeping = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name("timer".to_owned())
            .spawn(move || sleeping.sleep())?;
        Ok(Self {
            shared,
            thread: handle.thread().clone(),
        })
    }

    pub(super) async fn until(&mut self, at: Instant) {
        while Instant::now() < at {
            let due = at.saturating_duration_since(self.shared.began);
            let due = u64::try_from(due.as_nanos()).unwrap_or(NEVER).min(OVER - 1);
            let before = self.shared.due.swap(due, Ordering::AcqRel);
            // What sleeps for longer than that, or for ever.
            if due < before {
                self.thread.unpark();
            }
            self.shared.is_due.notified().await;
        }
    }
}

impl Drop for SleepingThread {
    fn drop(&mut self) {
        self.shared.due.store(OVER, Ordering::Release);
        self.thread.unpark();
    }
}

impl Shared {
    fn sleep(&self) {
        loop {
            let due = self.due.load(Ordering::Acquire);
            match due {
                OVER => return,
                NEVER => thread::park(),
                _ => {
                    let left = Duration::from_nanos(due).saturating_sub(self.began.elapsed());
                    if !left.is_zero() {
                        thread::park_timeout(left);
                        continue;
                    }
                    let order = (Ordering::AcqRel, Ordering::Relaxed);
                    // Unless it was set to another time.
                    let gone_off = self.due.compare_exchange(due, NEVER, order.0, order.1);
                    if gone_off.is_ok() {
                        self.is_due.notify_one();
                    }
                }
            }
        }
    }
}
