//! The gate before every store: who is let in, what it took, and the books of both.
//!
//! Owns the order of judging and charging. Synchronous; must not know which store is behind it.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    batch::{self, Unprocessed},
    catalog::Tables,
    governor::Governor,
    ledger::{Ledger, Outcome, Received, ReceivedRequest},
    members::{self, Member},
    metering::{self, Charge},
    throttle::{self, Throttle},
    wire::Answer,
};
use crate::{
    scenario::AutoScaling,
    units::{ByDirection, CapacityUnits},
};

/// Admits, charges, and keeps the books.
pub(super) struct Gate {
    pub(super) governor: Governor,
    pub(super) ledger: Ledger,
    pub(super) received: Received,
    pub(super) recording: bool,
    /// Whether others are judged between a request's admission and its charge. Then the least
    /// that it costs is held for it meanwhile.
    is_shared: bool,
    /// Names what is held.
    admitted: u64,
}

/// What becomes of a request.
pub(super) enum Verdict<'request> {
    /// It is executed as it is.
    Admitted(Admitted<'request>),
    /// Some members of a batch are executed, as `reduced`, and the others are handed back.
    InPart {
        reduced: Value,
        unprocessed: Unprocessed,
        admitted: Admitted<'request>,
    },
    /// It is answered so, and not executed.
    Refused(Answer, Outcome),
}

/// The members that are executed.
pub(super) struct Admitted<'request> {
    pub(super) members: Vec<Member<'request>>,
    /// In the order of the members; zero where nobody needs them.
    pub(super) estimates: Vec<CapacityUnits>,
    held: u64,
}

impl Gate {
    /// Before a store that executes a request at once: the next is judged when it is charged.
    pub(super) fn new(governor: Governor) -> Self {
        Self {
            governor,
            ledger: Ledger::default(),
            received: Received::default(),
            recording: false,
            is_shared: false,
            admitted: 0,
        }
    }

    /// Before a store that executes several requests at a time.
    pub(super) fn shared(governor: Governor) -> Self {
        Self {
            is_shared: true,
            ..Self::new(governor)
        }
    }

    /// Enforces capacity from now on, with fresh buckets.
    pub(super) fn enforce(&mut self, tables: &dyn Tables) {
        self.governor.enforce(tables);
    }

    /// Lets auto scaling move the capacity of a table or of a global index of it.
    pub(super) fn scale(
        &mut self,
        table: &str,
        index: Option<&str>,
        policies: ByDirection<Option<AutoScaling>>,
        tables: &dyn Tables,
    ) {
        self.governor.catalog.scale(table, index, policies);
        self.governor.follow_table(table, tables);
    }

    /// Keeps a request while it is asked for.
    pub(super) fn record(&mut self, operation: &'static str, request: &Value, body: &[u8]) {
        if self.recording {
            self.received.push(|| received(operation, request, body));
        }
    }

    /// Decides about a request; of one that is admitted, [`settle`](Self::settle) has to be told.
    pub(super) fn judge<'request>(
        &mut self,
        operation: &'static str,
        request: &'request Value,
        tables: &dyn Tables,
    ) -> Verdict<'request> {
        let members = members::members(operation, request, &self.governor.catalog);
        self.governor.weigh(&members, tables);
        let estimates: Vec<_> = members
            .iter()
            .map(|member| self.estimate(operation, member, tables))
            .collect();
        let throttles = self.governor.admit(operation, &members, &estimates);
        if throttles.iter().all(Option::is_none) {
            return Verdict::Admitted(self.admitted(members, estimates));
        }
        for throttle in throttles.iter().flatten() {
            for (reason, _) in &throttle.reasons {
                self.ledger.throttle(reason);
            }
        }
        if batch::is_batch(operation) && throttles.iter().any(Option::is_none) {
            return self.in_part(request, members, estimates, &throttles);
        }
        let answer = if metering::is_transaction(operation) {
            Some(throttle::cancelled(&throttles))
        } else {
            throttles.iter().flatten().next().map(Throttle::answer)
        };
        let answer = answer.unwrap_or_else(|| Answer::internal("throttled for no reason"));
        Verdict::Refused(answer, Outcome::Throttled)
    }

    /// Costs a look at the stored items, so only where it is needed.
    fn estimate(&self, operation: &str, member: &Member, tables: &dyn Tables) -> CapacityUnits {
        if !self.is_shared && !self.governor.needs_estimates(operation) {
            return CapacityUnits::ZERO;
        }
        metering::looked_up(operation, member, &self.governor.catalog, tables)
    }

    /// The members of a batch that are not throttled, and the others as they are handed back.
    fn in_part<'request>(
        &mut self,
        request: &Value,
        members: Vec<Member<'request>>,
        estimates: Vec<CapacityUnits>,
        throttles: &[Option<Throttle>],
    ) -> Verdict<'request> {
        let mut refused = Vec::new();
        let (mut executed, mut units) = (Vec::new(), Vec::new());
        for ((member, estimate), throttle) in members.into_iter().zip(estimates).zip(throttles) {
            if throttle.is_some() {
                refused.push(member);
            } else {
                executed.push(member);
                units.push(estimate);
            }
        }
        let mut reduced = request.clone();
        match batch::take_out(&mut reduced, &refused) {
            None => Verdict::Refused(Answer::serialization(), Outcome::Failed),
            Some(unprocessed) => Verdict::InPart {
                reduced,
                unprocessed,
                admitted: self.admitted(executed, units),
            },
        }
    }

    fn admitted<'request>(
        &mut self,
        members: Vec<Member<'request>>,
        estimates: Vec<CapacityUnits>,
    ) -> Admitted<'request> {
        self.admitted += 1;
        if self.is_shared {
            self.governor.hold(self.admitted, &members, &estimates);
        }
        Admitted {
            members,
            estimates,
            held: self.admitted,
        }
    }

    /// An admitted request was executed, or failed: what it took.
    pub(super) fn settle(&mut self, admitted: &Admitted, charges: &[Charge]) {
        if self.is_shared {
            self.governor.release(admitted.held, &admitted.members);
        }
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
}

fn received(operation: &'static str, request: &Value, body: &[u8]) -> ReceivedRequest {
    let fields = ["Key", "Item", "ExpressionAttributeValues"];
    let named = fields.iter().find_map(|field| request.get(field));
    let table = members::named_tables(request).pop_first();
    ReceivedRequest {
        operation,
        table: table.unwrap_or_default().to_owned(),
        key: named.map(Value::to_string).unwrap_or_default(),
        body_hash: Sha256::digest(body).into(),
        body_bytes: body.len(),
    }
}
