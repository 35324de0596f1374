//! One request from its bytes to its answer: guard, governor, store, charge, books.
//!
//! Owns the order of these steps. Synchronous; must not know threads or HTTP.

use std::collections::BTreeSet;

use dynoxide::DynoxideError;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    EmulatorError, batch,
    governor::Governor,
    guard,
    ledger::{Ledger, Outcome, Received, ReceivedRequest},
    members::{self, Member},
    metering::{self, Charge},
    store::{self, CapacityWanted, Store},
    throttle::{self, Throttle},
    wire::Answer,
};
use crate::{
    scenario::AutoScaling,
    units::{ByDirection, CapacityUnits},
};

/// A request's members as they are to be executed.
struct Admitted<'request> {
    wanted: CapacityWanted,
    members: &'request [Member<'request>],
    /// In the order of the members; zero where nobody needs them.
    estimates: &'request [CapacityUnits],
}

/// Everything that the worker's thread owns.
pub(super) struct Service {
    store: Store,
    pub(super) governor: Governor,
    pub(super) ledger: Ledger,
    pub(super) received: Received,
    pub(super) recording: bool,
}

impl Service {
    /// An empty database.
    pub(super) fn open(governor: Governor) -> Result<Self, EmulatorError> {
        let store = Store::open().map_err(|error| EmulatorError::Store(error.to_string()))?;
        Ok(Self {
            store,
            governor,
            ledger: Ledger::default(),
            received: Received::default(),
            recording: false,
        })
    }

    /// Enforces capacity from now on, with fresh buckets.
    pub(super) fn enforce(&mut self) {
        self.governor.enforce(&self.store);
    }

    /// Lets auto scaling move the capacity of a table or of a global index of it.
    pub(super) fn scale(
        &mut self,
        table: &str,
        index: Option<&str>,
        policies: ByDirection<Option<AutoScaling>>,
    ) {
        self.governor.catalog.scale(table, index, policies);
        self.governor.follow_table(table, &self.store);
    }

    /// Executes one request and books it.
    pub(super) fn execute(&mut self, operation: &'static str, body: &[u8]) -> Answer {
        let (answer, outcome) = self.answer(operation, body);
        self.ledger.count(operation, outcome);
        answer
    }

    /// Books a request that ended in a panic.
    pub(super) fn failed(&mut self, operation: &'static str) {
        self.ledger.count(operation, Outcome::Failed);
    }

    fn answer(&mut self, operation: &'static str, body: &[u8]) -> (Answer, Outcome) {
        let mut request = match parse(body) {
            Ok(request) => request,
            Err(refusal) => return (refusal, Outcome::Failed),
        };
        if self.recording {
            self.received.push(|| received(operation, &request, body));
        }
        if let Err(message) = guard::check(operation, &request) {
            return (Answer::validation(&message), Outcome::Failed);
        }
        let wanted = store::ask_for_capacity(operation, &mut request);
        let members = members::members(operation, &request, &self.governor.catalog);
        let estimates: Vec<_> = members
            .iter()
            .map(|member| self.estimate(operation, member))
            .collect();
        let throttles = self.governor.admit(operation, &members, &estimates);
        if throttles.iter().all(Option::is_none) {
            let admitted = Admitted {
                wanted,
                members: &members,
                estimates: &estimates,
            };
            return self.execute_admitted(operation, &request, &admitted);
        }
        for throttle in throttles.iter().flatten() {
            for (reason, _) in &throttle.reasons {
                self.ledger.throttle(reason);
            }
        }
        let refusal = || throttles.iter().flatten().next().map(Throttle::answer);
        if batch::is_batch(operation) && throttles.iter().any(Option::is_none) {
            let all = Admitted {
                wanted,
                members: &members,
                estimates: &estimates,
            };
            return self.execute_in_part(operation, &request, &all, &throttles);
        }
        let answer = if metering::is_transaction(operation) {
            Some(throttle::cancelled(&throttles))
        } else {
            refusal()
        };
        let answer = answer.unwrap_or_else(|| Answer::internal("throttled for no reason"));
        (answer, Outcome::Throttled)
    }

    /// Costs a look at the stored items, so only where the governor needs it.
    fn estimate(&self, operation: &str, member: &Member) -> CapacityUnits {
        if self.governor.needs_estimates(operation) {
            metering::estimate(operation, member, &self.governor.catalog, &self.store)
        } else {
            CapacityUnits::ZERO
        }
    }

    fn execute_admitted(
        &mut self,
        operation: &'static str,
        request: &Value,
        admitted: &Admitted<'_>,
    ) -> (Answer, Outcome) {
        let Admitted {
            wanted,
            members,
            estimates,
        } = *admitted;
        let catalog = &self.governor.catalog;
        match self.store.execute(operation, request, wanted) {
            Ok(executed) => {
                let charges = metering::charges(members, estimates, &executed, catalog);
                self.charge(&charges);
                self.follow_tables(operation, request);
                (Answer::ok(executed.body), Outcome::Ok)
            }
            Err(error) => {
                let store = &self.store;
                let charges =
                    metering::charges_of_failure(operation, members, &error, catalog, store);
                self.charge(&charges);
                (error_answer(&error), Outcome::Failed)
            }
        }
    }

    /// Executes the members of a batch that are not throttled and hands the others back.
    fn execute_in_part(
        &mut self,
        operation: &'static str,
        request: &Value,
        all: &Admitted<'_>,
        throttles: &[Option<Throttle>],
    ) -> (Answer, Outcome) {
        let mut refused = Vec::new();
        let mut members = Vec::new();
        let mut estimates = Vec::new();
        for ((member, estimate), throttle) in all.members.iter().zip(all.estimates).zip(throttles) {
            if throttle.is_some() {
                refused.push(*member);
            } else {
                members.push(*member);
                estimates.push(*estimate);
            }
        }
        let mut reduced = request.clone();
        let Some(unprocessed) = batch::take_out(&mut reduced, &refused) else {
            return (Answer::serialization(), Outcome::Failed);
        };
        let admitted = Admitted {
            wanted: all.wanted,
            members: &members,
            estimates: &estimates,
        };
        let (answer, outcome) = self.execute_admitted(operation, &reduced, &admitted);
        if outcome != Outcome::Ok {
            return (answer, outcome);
        }
        match unprocessed.hand_back(&answer.body) {
            Some(body) => (Answer::ok(body), Outcome::Ok),
            None => (
                Answer::internal("the store's answer is no object"),
                Outcome::Failed,
            ),
        }
    }

    fn charge(&mut self, charges: &[Charge]) {
        for charge in charges {
            self.governor.spend(charge);
            let resource = match &charge.index {
                Some(index) => &format!("{}/index/{index}", charge.table),
                None => &charge.table,
            };
            let mut units = ByDirection::default();
            units[charge.direction] = charge.units;
            self.ledger.charge(resource, units);
        }
    }

    /// Keeps catalog and buckets in step with the tables.
    fn follow_tables(&mut self, operation: &str, request: &Value) {
        if matches!(operation, "CreateTable" | "UpdateTable" | "DeleteTable")
            && let Some(table) = request.get("TableName").and_then(Value::as_str)
        {
            self.governor.catalog.note(table, request);
            self.governor.follow_table(table, &self.store);
        }
    }
}

/// The body as a JSON object.
fn parse(body: &[u8]) -> Result<Value, Answer> {
    match serde_json::from_slice(body) {
        Ok(request @ Value::Object(_)) => Ok(request),
        // The parser follows 127 levels, which no value within the 32 allowed needs.
        Err(error) if error.to_string().starts_with("recursion limit exceeded") => {
            Err(Answer::validation(guard::NESTING_MESSAGE))
        }
        Ok(_) | Err(_) => Err(Answer::serialization()),
    }
}

fn error_answer(error: &DynoxideError) -> Answer {
    Answer {
        status: error.status_code(),
        body: error.to_json(),
    }
}

fn received(operation: &'static str, request: &Value, body: &[u8]) -> ReceivedRequest {
    let fields = ["Key", "Item", "ExpressionAttributeValues"];
    let named = fields.iter().find_map(|field| request.get(field));
    ReceivedRequest {
        operation,
        table: tables(request).pop_first().unwrap_or_default(),
        key: named.map(Value::to_string).unwrap_or_default(),
        body_hash: Sha256::digest(body).into(),
        body_bytes: body.len(),
    }
}

/// The tables that a request names outside of `PartiQL`.
fn tables(request: &Value) -> BTreeSet<String> {
    let direct = request.get("TableName").and_then(Value::as_str);
    let batch = request.get("RequestItems").and_then(Value::as_object);
    let transaction = request.get("TransactItems").and_then(Value::as_array);
    let actions = transaction
        .into_iter()
        .flatten()
        .filter_map(Value::as_object);
    direct
        .into_iter()
        .chain(batch.into_iter().flatten().map(|(table, _)| table.as_str()))
        .chain(
            actions
                .flat_map(|action| action.values())
                .filter_map(|action| action.get("TableName")?.as_str()),
        )
        .map(str::to_owned)
        .collect()
}
