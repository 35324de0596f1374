//! Work on all cores, results in order.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{analysis::workers::Workers, progress::Working};

/// The machine's cores: as many threads, the results in the order of the numbers, whatever
/// thread made them. A panic of the work is passed on. Says how far it is when that takes long.
pub(super) struct AllCores(Working);

impl AllCores {
    /// Works for `title`: `size movies`.
    pub(super) fn work_for(title: &str) -> Self {
        Self(Working::start(title))
    }
}

impl Workers for AllCores {
    fn map<T: Send>(&self, count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
        self.0.pieces(count);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let next = AtomicUsize::new(0);
        let results: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
        thread::scope(|scope| {
            for _ in 0..threads.min(count) {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(slot) = results.get(number) else {
                            return;
                        };
                        let result = work(number);
                        *slot.lock().expect("no other thread has this one") = Some(result);
                        self.0.piece_done();
                    }
                });
            }
        });
        let results = results.into_iter().map(Mutex::into_inner);
        results
            .map(|result| {
                result
                    .expect("a thread that panics has ended the scope")
                    .expect("every number was taken by a thread")
            })
            .collect()
    }

    fn at(&self, what: &str) {
        self.0.at(what);
    }
}
