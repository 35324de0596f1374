//! The one thread that owns the store, the governor and the ledger, and the way to it.
//!
//! The store is blocking and slower with two threads than with one: so there is one, behind a
//! bounded queue, and no async worker ever waits on it. Must not know HTTP.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::{EmulatorError, service::Service, wire::Answer};

/// Requests waiting for the thread; beyond it their connections wait.
const QUEUE: usize = 1024;
/// The store's parsers recurse. Only what is touched is paid for.
const STACK_BYTES: usize = 64 * 1024 * 1024;

enum Job {
    Execute {
        operation: &'static str,
        body: Bytes,
        reply: oneshot::Sender<Answer>,
    },
    Ask(Box<dyn FnOnce(&mut Service) + Send>),
}

/// A way to the thread; the thread lives as long as one of these does.
#[derive(Clone)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
}

impl Worker {
    /// Starts the thread. `open` runs on it, since the store must not move.
    pub(super) async fn start(
        open: impl FnOnce() -> Result<Service, EmulatorError> + Send + 'static,
    ) -> Result<Self, EmulatorError> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (opened, ready) = oneshot::channel();
        thread::Builder::new()
            .name("emulator-store".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || match open() {
                Ok(service) => {
                    // Nobody waits any more when the start was given up.
                    if opened.send(Ok(())).is_ok() {
                        run(service, queue);
                    }
                }
                Err(error) => drop(opened.send(Err(error))),
            })
            .map_err(EmulatorError::Thread)?;
        ready.await.map_err(|_| EmulatorError::StoreDied)??;
        Ok(Self { jobs })
    }

    /// Executes one request.
    pub(super) async fn execute(&self, operation: &'static str, body: Bytes) -> Answer {
        let (reply, answer) = oneshot::channel();
        let job = Job::Execute {
            operation,
            body,
            reply,
        };
        // The thread ends only with the last sender and answers every job, so neither fails;
        // if it did, the client should learn it.
        if self.jobs.send(job).await.is_err() {
            return Answer::internal("the store has stopped");
        }
        answer
            .await
            .unwrap_or_else(|_| Answer::internal("the store gave no answer"))
    }

    /// Runs `question` on the thread, after the requests that wait already.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Service) -> T + Send + 'static,
    ) -> T {
        let (reply, answer) = oneshot::channel();
        let job = Job::Ask(Box::new(move |service| drop(reply.send(question(service)))));
        let sent = self.jobs.send(job).await.is_ok();
        assert!(sent, "the store's thread lives as long as its senders");
        answer
            .await
            .expect("the store's thread runs every question it takes")
    }
}

fn run(mut service: Service, mut queue: mpsc::Receiver<Job>) {
    while let Some(job) = queue.blocking_recv() {
        match job {
            Job::Execute {
                operation,
                body,
                reply,
            } => {
                let executed = catch_unwind(AssertUnwindSafe(|| service.execute(operation, &body)));
                let answer = executed.unwrap_or_else(|_| {
                    service.failed(operation);
                    Answer::internal("the store panicked; the request may have been executed")
                });
                // The client may have gone.
                let _ = reply.send(answer);
            }
            Job::Ask(question) => {
                // The one who asks learns it from the reply that never comes.
                let _ = catch_unwind(AssertUnwindSafe(|| question(&mut service)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{clock::VirtualClock, emulator::governor::Governor, scenario::ModelParameters};

    #[tokio::test]
    async fn a_panic_on_the_thread_ends_one_job_and_not_the_thread() {
        let clock = Arc::new(VirtualClock::new());
        let governor = Governor::new(true, ModelParameters::default(), clock);
        let worker = Worker::start(|| Service::open(governor))
            .await
            .expect("it starts");
        let asking = worker.clone();
        let asked = tokio::spawn(async move { asking.ask(|_| panic!("as told")).await });
        assert!(asked.await.is_err(), "who asks learns it");
        let answer = worker.execute("PanicForTests", Bytes::from("{}")).await;
        assert_eq!(answer.status, 500);
        let answer = worker.execute("ListTables", Bytes::from("{}")).await;
        assert_eq!(answer.status, 200);
        let failed = worker
            .ask(|service| service.ask(|gate, _| gate.ledger.requests["PanicForTests"].failed));
        assert_eq!(failed.await, 1);
    }
}
