//! Another server in front of which the governor stands: `DynamoDB` Local, or any other that
//! speaks `DynamoDB`'s protocol.
//!
//! A request is judged, forwarded if it is admitted, and charged by what its answer declares.
//! What is not throttled is answered with the upstream's own bytes; only of the consumed capacity,
//! for all of which the upstream is asked, the client sees no more than it asked for.
//!
//! What the upstream knows and the governor learns late or never:
//!
//! - Tables are described when they are first used, and followed in every answer that describes
//!   them. A table that is changed past this server is governed as it was until then; one that was
//!   deleted past it is forgotten once the upstream does not find it.
//! - How large a stored item is. Until the answer, a request counts with the least that it can
//!   cost: that of the item it carries, or one block. The members of a batch are judged by that.
//! - What a failed condition costs: the stored item is read from the upstream for it, afterwards.
//! - What an answer took that declares nothing: it is charged that least, too, and so is a request
//!   whose answer was lost.
//! - `UpdateTable` takes effect when the upstream says so.
//! - Whose tables they are: tables of one name that the upstream keeps apart by access key or
//!   Region, as `DynamoDB` Local does, share their capacity here.

mod body;
mod http;
mod learnt;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hyper::{HeaderMap, Response, header};
use serde_json::{Value, json};

use super::{
    backend::Reply,
    batch::Unprocessed,
    catalog::{Tables, table_name},
    gate::{Admitted, Gate, Verdict},
    ledger::Outcome,
    members,
    metering::{self, Charge},
    store::{self, CapacityWanted},
};
pub use http::UpstreamUrl;
use http::{Fault, Server, for_operation, passed_on};
use learnt::Learnt;

/// Longest part of an answer that is quoted in an error, in characters.
const QUOTED: usize = 200;

/// A server whose answers are governed.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Where it listens.
    pub url: UpstreamUrl,
    /// How long it may take to answer. A request that takes longer is answered with HTTP 504.
    pub timeout: Duration,
}

/// The governor in front of a server.
pub(super) struct Upstream {
    server: Server,
    state: Mutex<State>,
}

struct State {
    gate: Gate,
    learnt: Learnt,
}

/// An admitted request on its way.
struct Forwarded<'request> {
    operation: &'static str,
    headers: &'request HeaderMap,
    request: &'request Value,
    admitted: Admitted<'request>,
    /// Those that were taken out of it.
    unprocessed: Option<Unprocessed>,
}

impl Upstream {
    /// Makes sure that somebody who speaks the protocol listens there.
    pub(super) async fn connect(config: UpstreamConfig, gate: Gate) -> Result<Self, String> {
        let server = Server::new(config.url, config.timeout);
        let learnt = Learnt::default();
        let upstream = Self {
            server,
            state: Mutex::new(State { gate, learnt }),
        };
        let headers = [
            (header::CONTENT_TYPE, "application/x-amz-json-1.0"),
            // Some refuse a request without; none has to accept this one.
            (
                header::AUTHORIZATION,
                "AWS4-HMAC-SHA256 Credential=dynamometer/20120810/us-east-1/dynamodb/aws4_request, \
                 SignedHeaders=host;x-amz-target, Signature=00",
            ),
        ];
        let headers = headers.map(|(name, value)| (name, header::HeaderValue::from_static(value)));
        let headers = for_operation(&headers.into_iter().collect(), "ListTables");
        let asked = Bytes::from_static(b"{\"Limit\":1}");
        let answer = upstream.server.exchange(headers, asked).await;
        let told = answer.and_then(|answer| upstream.understood(&answer, CapacityWanted::None));
        told.map_err(|fault| fault.to_string())?;
        Ok(upstream)
    }

    /// Asks what the gate and the tables behind it know.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&mut Gate, &dyn Tables) -> T) -> T {
        let State { gate, learnt } = &mut *self.state();
        question(gate, learnt)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request, and ends it even if its client leaves: what the upstream executed has
    /// to be charged.
    pub(super) async fn answer(
        self: &Arc<Self>,
        operation: Option<&'static str>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Reply {
        let upstream = Arc::clone(self);
        let headers = passed_on(headers);
        let answering = tokio::spawn(async move {
            let answered = upstream.govern(operation, &headers, body).await;
            let (reply, outcome) = match answered {
                Ok(answered) => answered,
                Err(fault) => (Reply::Own(fault.answer()), Outcome::Failed),
            };
            if let Some(operation) = operation {
                upstream.state().gate.ledger.count(operation, outcome);
            }
            reply
        });
        let broken =
            || Fault::unusable("the request was not answered for a defect here".to_owned());
        let answered = answering.await;
        answered.unwrap_or_else(|_| Reply::Own(broken().answer()))
    }

    async fn govern(
        &self,
        operation: Option<&'static str>,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<(Reply, Outcome), Fault> {
        let request = serde_json::from_slice(&body).ok().filter(Value::is_object);
        // What is not understood is the upstream's to refuse, or to know.
        let (Some(operation), Some(request)) = (operation, request) else {
            let answer = self.server.exchange(headers.clone(), body).await?;
            return Ok((Reply::Theirs(answer), Outcome::Failed));
        };
        self.state().gate.record(operation, &request, &body);
        if store::meters(operation) {
            self.learn(&request, headers).await?;
        }
        let verdict = self.ask(|gate, learnt| gate.judge(operation, &request, learnt));
        let (body, admitted, unprocessed) = match verdict {
            Verdict::Refused(answer, outcome) => return Ok((Reply::Own(answer), outcome)),
            Verdict::Admitted(admitted) => (body, admitted, None),
            Verdict::InPart {
                reduced,
                unprocessed,
                admitted,
            } => (reduced.to_string().into(), admitted, Some(unprocessed)),
        };
        let forwarded = Forwarded {
            operation,
            headers,
            request: &request,
            admitted,
            unprocessed,
        };
        self.forward(forwarded, &body).await
    }

    async fn forward(
        &self,
        forwarded: Forwarded<'_>,
        body: &Bytes,
    ) -> Result<(Reply, Outcome), Fault> {
        let (wanted, asking) = body::asking_for_all(forwarded.operation, body);
        let headers = forwarded.headers.clone();
        let exchanged = self.server.exchange(headers, asking).await;
        let told = exchanged.and_then(|answer| Ok((self.understood(&answer, wanted)?, answer)));
        let ((consumed, body), answer) = match told {
            Ok(told) => told,
            Err(fault) => {
                self.settle_lost(&forwarded.admitted, &fault);
                return Err(fault);
            }
        };
        if !answer.status().is_success() {
            let charges = self.charges_of_refusal(&forwarded, &body).await;
            self.ask(|gate, _| gate.settle(&forwarded.admitted, &charges));
            return Ok((Reply::Theirs(with_body(answer, body)), Outcome::Failed));
        }
        let Admitted {
            members, estimates, ..
        } = &forwarded.admitted;
        self.ask(|gate, _| {
            let charges = if consumed.is_empty() {
                metering::charges_by_member(members, estimates)
            } else {
                metering::charges(members, estimates, &consumed, &gate.governor.catalog)
            };
            gate.settle(&forwarded.admitted, &charges);
        });
        self.follow(&forwarded, &body);
        let body = match forwarded.unprocessed {
            None => body,
            Some(unprocessed) => {
                let text = std::str::from_utf8(&body).ok();
                let whole = text.and_then(|text| unprocessed.hand_back(text));
                whole.map_or(body, Bytes::from)
            }
        };
        Ok((Reply::Theirs(with_body(answer, body)), Outcome::Ok))
    }

    /// What an answer declares to have taken, and its body for the client.
    fn understood(
        &self,
        answer: &Response<Bytes>,
        wanted: CapacityWanted,
    ) -> Result<(Vec<store::ConsumedCapacity>, Bytes), Fault> {
        // Some operations have nothing to say.
        if answer.status().is_success() && answer.body().is_empty() {
            return Ok((Vec::new(), Bytes::new()));
        }
        body::declared(answer.body(), wanted).ok_or_else(|| {
            let text = String::from_utf8_lossy(answer.body());
            let quoted: String = text.chars().take(QUOTED).collect();
            let kind = answer.headers().get(header::CONTENT_TYPE);
            Fault::unusable(format!(
                "the upstream {} answered HTTP {} with {} where a JSON object is due; is it \
                 DynamoDB-compatible? It begins {quoted:?}",
                self.server.url(),
                answer.status().as_u16(),
                kind.and_then(|kind| kind.to_str().ok())
                    .unwrap_or("no content type"),
            ))
        })
    }

    /// A request whose answer was lost may have been executed, unless it was not even sent.
    fn settle_lost(&self, admitted: &Admitted, fault: &Fault) {
        let charges = if fault.is_sent {
            metering::charges_by_member(&admitted.members, &admitted.estimates)
        } else {
            Vec::new()
        };
        self.ask(|gate, _| gate.settle(admitted, &charges));
    }

    /// Learns of the tables that a request names and that are not known yet.
    async fn learn(&self, request: &Value, headers: &HeaderMap) -> Result<(), Fault> {
        for table in members::named_tables(request) {
            let name = table_name(table);
            if !self.state().learnt.is_due(name) {
                continue;
            }
            let asked = json!({"TableName": name});
            let answer = self.own_request("DescribeTable", headers, &asked).await?;
            let told: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            if let Some(description) = told.get("Table") {
                self.keep(description);
                continue;
            }
            let code = code(&told);
            if code == "ResourceNotFoundException" {
                self.forget(name);
                continue;
            }
            let text = String::from_utf8_lossy(answer.body());
            let quoted: String = text.chars().take(QUOTED).collect();
            return Err(Fault::unusable(format!(
                "the table {name} cannot be governed, since the upstream {} does not describe it: \
                 HTTP {} {quoted}",
                self.server.url(),
                answer.status().as_u16(),
            )));
        }
        Ok(())
    }

    /// Sends a request in the name of a client.
    async fn own_request(
        &self,
        operation: &str,
        headers: &HeaderMap,
        request: &Value,
    ) -> Result<Response<Bytes>, Fault> {
        let headers = for_operation(headers, operation);
        self.server
            .exchange(headers, request.to_string().into())
            .await
    }

    /// Keeps up with tables that are created, changed, described or deleted.
    fn follow(&self, forwarded: &Forwarded<'_>, body: &Bytes) {
        let field = match forwarded.operation {
            "DescribeTable" => "Table",
            "CreateTable" | "UpdateTable" => "TableDescription",
            "DeleteTable" => {
                for table in members::named_tables(forwarded.request) {
                    self.forget(table_name(table));
                }
                return;
            }
            _ => return,
        };
        let told: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(description) = told.get(field) else {
            return;
        };
        self.keep(description);
        if forwarded.operation == "UpdateTable" {
            // It tells how the table was.
            for table in members::named_tables(forwarded.request) {
                self.state().learnt.look_again(table_name(table));
            }
        }
    }

    fn keep(&self, description: &Value) {
        let State { gate, learnt } = &mut *self.state();
        if let Some(name) = learnt.keep(description) {
            gate.governor.follow_table(&name, learnt);
        }
    }

    fn forget(&self, table: &str) {
        let State { gate, learnt } = &mut *self.state();
        learnt.forget(table);
        gate.governor.follow_table(table, learnt);
    }

    /// What a request took that was refused: a failed condition takes what its items are worth.
    async fn charges_of_refusal(&self, forwarded: &Forwarded<'_>, body: &Bytes) -> Vec<Charge> {
        let told: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = code(&told);
        if code == "ResourceNotFoundException" {
            for table in members::named_tables(forwarded.request) {
                self.forget(table_name(table));
            }
        }
        let reasons = told.get("CancellationReasons").and_then(Value::as_array);
        let reasons = reasons.into_iter().flatten();
        let reasons = reasons.map(|reason| reason.get("Code").and_then(Value::as_str));
        if !metering::is_charged(code, reasons.map(|code| code.unwrap_or("None"))) {
            return Vec::new();
        }
        let members = &forwarded.admitted.members;
        let mut units = Vec::with_capacity(members.len());
        for member in members {
            let key = self.ask(|gate, _| metering::key(member, &gate.governor.catalog));
            let stored = match key {
                Some(key) => {
                    self.stored_size(member.table, &key, forwarded.headers)
                        .await
                }
                None => None,
            };
            units.push(metering::estimate(forwarded.operation, member, stored));
        }
        metering::charges_by_member(members, &units)
    }

    /// The size of a stored item; `None` when there is none, or it cannot be read.
    async fn stored_size(
        &self,
        table: &str,
        key: &Value,
        headers: &HeaderMap,
    ) -> Option<crate::units::Bytes> {
        let get = json!({"TableName": table, "Key": key, "ConsistentRead": true});
        let answer = self.own_request("GetItem", headers, &get).await.ok()?;
        let told: Value = serde_json::from_slice(answer.body()).ok()?;
        store::carried_size(told.get("Item")?)
    }
}

/// `__type` without its namespace.
fn code(told: &Value) -> &str {
    let kind = told.get("__type").and_then(Value::as_str);
    kind.and_then(|kind| kind.rsplit('#').next())
        .unwrap_or_default()
}

/// The same answer with another body, and the checksum of that if it had one.
fn with_body(answer: Response<Bytes>, body: Bytes) -> Response<Bytes> {
    let (mut head, old) = answer.into_parts();
    if body != old
        && let Some(checksum) = head.headers.get_mut("x-amz-crc32")
    {
        *checksum = crc32fast::hash(&body).into();
    }
    Response::from_parts(head, body)
}
