//! What is behind the front: the embedded store, or another server.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{HeaderMap, Response};

use super::{catalog::Tables, gate::Gate, upstream::Upstream, wire::Answer, worker::Worker};

/// A way to either. Cheap to clone.
#[derive(Clone)]
pub(super) enum Backend {
    Embedded(Worker),
    Upstream(Arc<Upstream>),
}

/// An answer to a request.
pub(super) enum Reply {
    /// This server's, without its envelope.
    Own(Answer),
    /// Another server's, as it came.
    Theirs(Response<Bytes>),
}

impl Backend {
    /// Answers one request; `None` is for an operation that is not known here.
    pub(super) async fn answer(
        &self,
        operation: Option<&'static str>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Reply {
        match (self, operation) {
            (Self::Upstream(upstream), _) => upstream.answer(operation, headers, body).await,
            (Self::Embedded(worker), Some(operation)) => {
                Reply::Own(worker.execute(operation, body).await)
            }
            (Self::Embedded(_), None) => Reply::Own(Answer::unknown_operation()),
        }
    }

    /// Asks what the gate and the tables behind it know, or steers them.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Gate, &dyn Tables) -> T + Send + 'static,
    ) -> T {
        match self {
            Self::Embedded(worker) => worker.ask(|service| service.ask(question)).await,
            Self::Upstream(upstream) => upstream.ask(question),
        }
    }
}
