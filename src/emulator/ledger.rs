//! The server's own books: what it saw and what it charged, independent of any client.
//!
//! Owns counters and the bounded list of received requests. Must not know how they arose.

use std::collections::BTreeMap;

use crate::units::{ByDirection, CapacityUnits};

/// Most requests that [`Received`] keeps; what comes later is counted, not kept.
const RECEIVED_MAX: usize = 1_000_000;

/// Requests of one operation, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// Answered with HTTP 200 (a batch with unprocessed members included).
    pub ok: u64,
    /// Refused for want of capacity.
    pub throttled: u64,
    /// Answered with any other error, failed conditions included.
    pub failed: u64,
}

impl RequestCounts {
    /// All outcomes together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.ok + self.throttled + self.failed
    }
}

/// What the server saw since it started or since [`reset`](super::EmulatorHandle::reset_ledger).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By operation as on the wire: `PutItem`, `Query`, …
    pub requests: BTreeMap<String, RequestCounts>,
    /// Units consumed, by table. An index's units count under `table/index/name`.
    pub consumed: BTreeMap<String, ByDirection<CapacityUnits>>,
    /// Throttle reasons as on the wire; a request may have several.
    pub throttle_reasons: BTreeMap<String, u64>,
}

impl Ledger {
    pub(super) fn count(&mut self, operation: &str, outcome: Outcome) {
        let counts = entry(&mut self.requests, operation);
        match outcome {
            Outcome::Ok => counts.ok += 1,
            Outcome::Throttled => counts.throttled += 1,
            Outcome::Failed => counts.failed += 1,
        }
    }

    pub(super) fn charge(&mut self, resource: &str, units: ByDirection<CapacityUnits>) {
        *entry(&mut self.consumed, resource) += units;
    }

    pub(super) fn throttle(&mut self, reason: &str) {
        *entry(&mut self.throttle_reasons, reason) += 1;
    }
}

/// Looks up before it inserts: the key is copied once, not for each request.
fn entry<'map, V: Default>(map: &'map mut BTreeMap<String, V>, key: &str) -> &'map mut V {
    if !map.contains_key(key) {
        map.insert(key.to_owned(), V::default());
    }
    map.get_mut(key).expect("inserted above when it was absent")
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Throttled,
    Failed,
}

/// One request as it was received.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReceivedRequest {
    /// As on the wire.
    pub operation: &'static str,
    /// The first table it names; empty when it names none.
    pub table: String,
    /// The key of the first item it names, as JSON with sorted names: `{"id":{"S":"a"}}`. For
    /// a put the whole item, for a query its expression values. Empty when it names none.
    pub key: String,
    /// SHA-256 of the body.
    pub body_hash: [u8; 32],
    /// Length of the body in bytes.
    pub body_bytes: usize,
}

/// Requests as they were received, in the order in which they were executed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// At most a million, the earliest.
    pub requests: Vec<ReceivedRequest>,
    /// How many more there were.
    pub not_kept: u64,
}

impl Received {
    pub(super) fn push(&mut self, request: impl FnOnce() -> ReceivedRequest) {
        if self.requests.len() < RECEIVED_MAX {
            self.requests.push(request());
        } else {
            self.not_kept += 1;
        }
    }
}
