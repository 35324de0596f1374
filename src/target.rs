//! What requests are fired at.
//!
//! One small trait, so that the driver does not know what is behind it.

pub mod sdk;

use std::future::Future;

pub use crate::engine::Answer;
use crate::workload::Request;

/// Something that executes DynamoDB requests.
pub trait Target: Send + Sync + 'static {
    /// Makes one attempt, and says how it ended. Never retries, and ends by itself when there
    /// is no answer.
    fn execute(&self, table: &str, request: &Request) -> impl Future<Output = Answer> + Send;
}
