//! A target that asks every shard of a key: what a reader does who does not know the suffix.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use super::{Answer, Attempted, Target};
use crate::{
    record::Declared,
    scenario::{
        OperationKind, Table,
        candidate::{Candidate, JOINT},
    },
    workload::{
        Request,
        item::{AttributeValue, Item},
    },
};

/// Sends each read of a sharded key once to every shard, all at once, through another target. The
/// attempt ends with the last answer: throttled or failed if any is, and takes what all take.
#[derive(Debug)]
pub struct FannedOut<T> {
    target: Arc<T>,
    table: String,
    /// The attribute that holds the suffixed key.
    key: String,
    candidate: Candidate,
}

impl<T: Target> FannedOut<T> {
    /// For `table`, whose partition key is that of `candidate`, suffix and all.
    #[must_use]
    pub fn new(target: T, table: &Table, candidate: &Candidate) -> Self {
        Self {
            target: Arc::new(target),
            table: table.name.clone(),
            key: table.attributes[table.partition_key].name.clone(),
            candidate: candidate.clone(),
        }
    }

    /// What is sent for `request`; nothing where it goes as it is.
    fn parts(&self, table: &Table, request: &Request) -> Vec<Request> {
        if table.name != self.table || !self.candidate.fans_out(request.kind()) {
            return Vec::new();
        }
        let shards = 1..=self.candidate.suffix.shards();
        match request {
            Request::Get { .. }
            | Request::BatchGet { .. }
            | Request::TransactGet { .. }
            | Request::Statement {
                kind: OperationKind::StatementSelect,
                ..
            } => shards.map(|shard| self.at(request, shard)).collect(),
            Request::Query(query) if query.page.index.is_none() => {
                shards.map(|shard| self.at(request, shard)).collect()
            }
            // Its read asks the other shards too; its update goes where the item is.
            Request::ReadModifyWrite {
                key, consistency, ..
            } => {
                let read = Request::Get {
                    key: key.clone(),
                    consistency: *consistency,
                };
                let others = shards.map(|shard| self.at(&read, shard));
                let others = others.filter(|other| *other != read);
                std::iter::once(request.clone()).chain(others).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The same of another shard.
    fn at(&self, request: &Request, shard: u32) -> Request {
        let mut request = request.clone();
        let move_item = |item: &mut Item| {
            let mut values = item.iter_mut().filter(|(name, _)| *name == self.key);
            if let Some((_, value)) = values.next() {
                suffix(value, shard);
            }
        };
        match &mut request {
            Request::Get { key, .. } => move_item(key),
            Request::BatchGet { keys, .. } | Request::TransactGet { keys } => {
                keys.iter_mut().for_each(move_item);
            }
            Request::Query(query) => suffix(&mut query.partition_key.1, shard),
            // The partition key comes first.
            Request::Statement { parameters, .. } => {
                if let Some(value) = parameters.first_mut() {
                    suffix(value, shard);
                }
            }
            _ => {}
        }
        request
    }
}

/// Writes another shard's number behind the last joint.
fn suffix(value: &mut AttributeValue, shard: u32) {
    match value {
        AttributeValue::S(text) => {
            let base = text
                .rsplit_once(JOINT)
                .map_or(text.as_str(), |(base, _)| base);
            *text = format!("{base}{JOINT}{shard}");
        }
        AttributeValue::B(bytes) => {
            let joint = bytes.iter().rposition(|byte| *byte == JOINT as u8);
            bytes.truncate(joint.unwrap_or(bytes.len()));
            bytes.extend_from_slice(format!("{JOINT}{shard}").as_bytes());
        }
        _ => {}
    }
}

impl<T: Target> Target for FannedOut<T> {
    async fn execute(&self, table: &Table, request: &Request) -> Attempted {
        let parts = self.parts(table, request);
        if parts.is_empty() {
            return self.target.execute(table, request).await;
        }
        let answers = parts.iter().map(|part| self.target.execute(table, part));
        let mut whole = Attempted {
            answer: Answer::Completed,
            declared: Declared::default(),
        };
        for part in all(answers).await {
            whole.declared += &part.declared;
            if whole.answer == Answer::Completed {
                whole.answer = part.answer;
            }
        }
        whole
    }

    async fn connect(&self) {
        self.target.connect().await;
    }

    fn of_thread(&self) -> Self {
        Self {
            target: Arc::new(self.target.of_thread()),
            table: self.table.clone(),
            key: self.key.clone(),
            candidate: self.candidate.clone(),
        }
    }
}

/// What all of `futures` come to, in their order; they are under way at once.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = pending.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, output) in pending.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *output = Some(value);
            }
        }
        if outputs.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
