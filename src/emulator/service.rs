//! One request from its bytes to its answer: guard, gate, store, charge.
//!
//! Owns the order of these steps. Synchronous; must not know threads or HTTP.

use dynoxide::DynoxideError;
use serde_json::Value;

use super::{
    EmulatorError,
    catalog::Tables,
    control,
    gate::{Admitted, Gate, Verdict},
    governor::Governor,
    guard,
    ledger::Outcome,
    metering,
    store::{self, CapacityWanted, Store},
    wire::Answer,
};

/// Everything that the worker's thread owns.
pub(super) struct Service {
    store: Store,
    gate: Gate,
}

impl Service {
    /// An empty database.
    pub(super) fn open(governor: Governor) -> Result<Self, EmulatorError> {
        let store = Store::open().map_err(|error| EmulatorError::Store(error.to_string()))?;
        Ok(Self {
            store,
            gate: Gate::new(governor),
        })
    }

    /// Asks what the gate and the tables behind it know.
    pub(super) fn ask<T>(&mut self, question: impl FnOnce(&mut Gate, &dyn Tables) -> T) -> T {
        question(&mut self.gate, &self.store)
    }

    /// Executes one request and books it.
    pub(super) fn execute(&mut self, operation: &'static str, body: &[u8]) -> Answer {
        let (answer, outcome) = self.answer(operation, body);
        self.gate.ledger.count(operation, outcome);
        answer
    }

    /// Books a request that ended in a panic.
    pub(super) fn failed(&mut self, operation: &'static str) {
        self.gate.ledger.count(operation, Outcome::Failed);
    }

    fn answer(&mut self, operation: &'static str, body: &[u8]) -> (Answer, Outcome) {
        let mut request = match parse(body) {
            Ok(request) => request,
            Err(refusal) => return (refusal, Outcome::Failed),
        };
        self.gate.record(operation, &request, body);
        if let Err(message) = guard::check(operation, &request) {
            return (Answer::validation(&message), Outcome::Failed);
        }
        if let Some(refusal) = self.prepare_change(operation, &request) {
            return (refusal, Outcome::Failed);
        }
        let wanted = store::ask_for_capacity(operation, &mut request);
        match self.gate.judge(operation, &request, &self.store) {
            Verdict::Refused(answer, outcome) => (answer, outcome),
            Verdict::Admitted(admitted) => {
                self.execute_admitted(operation, &request, wanted, &admitted)
            }
            Verdict::InPart {
                reduced,
                unprocessed,
                admitted,
            } => {
                let executed = self.execute_admitted(operation, &reduced, wanted, &admitted);
                let (answer, Outcome::Ok) = executed else {
                    return executed;
                };
                match unprocessed.hand_back(&answer.body) {
                    Some(body) => (Answer::ok(body), Outcome::Ok),
                    None => (
                        Answer::internal("the store's answer is no object"),
                        Outcome::Failed,
                    ),
                }
            }
        }
    }

    fn execute_admitted(
        &mut self,
        operation: &'static str,
        request: &Value,
        wanted: CapacityWanted,
        admitted: &Admitted<'_>,
    ) -> (Answer, Outcome) {
        let members = &admitted.members;
        let catalog = &self.gate.governor.catalog;
        match self.store.execute(operation, request, wanted) {
            Ok(executed) => {
                let consumed = &executed.consumed;
                let charges = metering::charges(members, &admitted.estimates, consumed, catalog);
                self.gate.settle(admitted, &charges);
                self.follow_tables(operation, request);
                let told = control::describe(&mut self.gate.governor, operation, executed.body);
                (Answer::ok(told), Outcome::Ok)
            }
            Err(error) => {
                let mut charges = Vec::new();
                if is_charged(&error) {
                    let units: Vec<_> = members
                        .iter()
                        .map(|member| metering::looked_up(operation, member, catalog, &self.store))
                        .collect();
                    charges = metering::charges_by_member(members, &units);
                }
                self.gate.settle(admitted, &charges);
                (error_answer(&error), Outcome::Failed)
            }
        }
    }

    /// Refuses a change of a table that DynamoDB would refuse for those before it. The store
    /// learns first what auto scaling made of the rates that are to change.
    fn prepare_change(&mut self, operation: &'static str, request: &Value) -> Option<Answer> {
        let refusal = control::refusal(&mut self.gate.governor, operation, request);
        if refusal.is_none()
            && let Some(in_force) =
                control::rates_in_force(&mut self.gate.governor, operation, request)
        {
            // Where they are what the store knows already, it refuses, and nothing is to be done.
            let told = self
                .store
                .execute(operation, &in_force, CapacityWanted::None);
            if told.is_ok() {
                self.follow_tables(operation, &in_force);
            }
        }
        refusal
    }

    /// Keeps catalog and buckets in step with the tables.
    fn follow_tables(&mut self, operation: &str, request: &Value) {
        if matches!(operation, "CreateTable" | "UpdateTable" | "DeleteTable")
            && let Some(table) = request.get("TableName").and_then(Value::as_str)
        {
            self.gate.governor.catalog.note(table, request);
            self.gate.governor.follow_table(table, &self.store);
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

fn is_charged(error: &DynoxideError) -> bool {
    match error {
        DynoxideError::ConditionalCheckFailedException(..) => {
            metering::is_charged("ConditionalCheckFailedException", [])
        }
        DynoxideError::TransactionCanceledException(_, reasons) => {
            let codes = reasons.iter().map(|reason| reason.code.as_str());
            metering::is_charged("TransactionCanceledException", codes)
        }
        _ => false,
    }
}
