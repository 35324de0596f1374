//! What requests are fired at.
//!
//! One small trait, so that the driver does not know what is behind it.

mod consumed;
mod exception;
pub mod fanned;
pub mod limited;
mod lost;
mod pace;
pub mod sdk;
mod server_clock;
pub mod wire;

use std::future::Future;

pub use crate::engine::Answer;
use crate::{record::Declared, scenario::Table, workload::Request};

/// How an attempt ended, and what it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempted {
    /// How it ended.
    pub answer: Answer,
    /// What its answers declare.
    pub declared: Declared,
}

/// Something that executes DynamoDB requests.
pub trait Target: Send + Sync + Sized + 'static {
    /// Makes one attempt at a request on `table`, and says how it ended. Never retries, and
    /// ends by itself when there is no answer.
    fn execute(&self, table: &Table, request: &Request) -> impl Future<Output = Attempted> + Send;

    /// Opens a connection and keeps it for a request to come, where the target keeps any. When
    /// that does not succeed, it is the request's to say so.
    fn connect(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// The same target for a thread with a runtime of its own: it shares no connections with this
    /// one, and nothing that is written while requests are made, except where a sum over all
    /// threads has to be kept.
    #[must_use]
    fn of_thread(&self) -> Self;
}
