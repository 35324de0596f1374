//! Work on all cores, results in order.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// `work` on each of `inputs`, on as many threads as there are cores; the results in the order
/// of the inputs, whatever thread made them.
///
/// # Panics
/// When `work` does.
pub(super) fn map<I: Sync, O: Send>(inputs: &[I], work: impl Fn(&I) -> O + Sync) -> Vec<O> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<O>>> = inputs.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..threads.min(inputs.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(input) = inputs.get(index) else {
                        return;
                    };
                    let result = work(input);
                    *results[index].lock().expect("no other thread has this one") = Some(result);
                }
            });
        }
    });
    let results = results.into_iter().map(Mutex::into_inner);
    results
        .map(|result| {
            result
                .expect("a thread that panics has ended the scope")
                .expect("every input was taken by a thread")
        })
        .collect()
}
