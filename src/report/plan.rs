//! The operations of a scenario as they would be sent, a line each.
//!
//! Owns the fields and their notation; must not know where the lines go.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use crate::{
    schedule::{Arrival, Arrivals, Schedule},
    simulation::{SimulationError, demand::Demand},
    units::{Bytes, CapacityUnits},
    workload::{Operation, Request, Workload, item::AttributeValue},
};

/// The first line of the CSV form.
pub const CSV_HEADER: &str =
    "sequence,due_s,phase,operation,request,table,key,item,item_bytes,expected_units,unit";

/// One operation that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedOperation {
    /// When, and in which phase.
    pub arrival: Arrival,
    /// What is sent.
    pub operation: Operation,
    /// Size of the item as it is loaded and put. Updates may have changed it since.
    pub item_size: Bytes,
    /// What it takes if the table was loaded and every operation before it completed.
    pub expected: CapacityUnits,
}

/// Iterator over the operations of a scenario, in the order in which they are due.
pub struct Plan<'a> {
    workload: Workload,
    arrivals: Arrivals<'a>,
    demand: Demand,
}

impl<'a> Plan<'a> {
    /// All operations of `workload` at the times of `schedule`.
    ///
    /// # Errors
    /// When a table is too large for what has to be known of its keys.
    pub fn new(workload: &Workload, schedule: &'a Schedule) -> Result<Self, SimulationError> {
        Ok(Self {
            workload: workload.clone(),
            arrivals: schedule.arrivals(),
            demand: Demand::new(workload)?,
        })
    }
}

impl Iterator for Plan<'_> {
    type Item = PlannedOperation;

    fn next(&mut self) -> Option<PlannedOperation> {
        let arrival = self.arrivals.next()?;
        self.workload.begin(arrival.phase, arrival.sequence);
        let pick = self.workload.pick(arrival.sequence);
        Some(PlannedOperation {
            arrival,
            operation: self.workload.operation(arrival.sequence),
            item_size: self.workload.item_size(pick.table, pick.item),
            expected: self.demand.units(arrival.sequence, pick),
        })
    }
}

/// The fields of a line, in the order of [`CSV_HEADER`].
struct Fields<'a> {
    due: String,
    phase: &'a str,
    operation: &'a str,
    request: &'static str,
    table: &'a str,
    key: String,
    unit: &'static str,
}

impl<'a> Fields<'a> {
    fn new(workload: &'a Workload, planned: &PlannedOperation) -> Self {
        let scenario = workload.scenario();
        let operation = &planned.operation;
        let spec = &scenario.operations[operation.spec];
        let nanos = planned.arrival.intended_start.as_nanos();
        let whole_key;
        let key = match &operation.request {
            Request::Query { partition_key, .. } => std::slice::from_ref(partition_key),
            Request::Get { key, .. } | Request::Update { key, .. } | Request::Delete { key } => key,
            Request::Put { .. } => {
                whole_key = workload.key(operation.table, operation.item);
                &whole_key
            }
        };
        Self {
            due: format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000),
            phase: &scenario.phases[planned.arrival.phase].name,
            operation: &spec.name,
            request: spec.kind.api_name(),
            table: &scenario.tables[operation.table].name,
            key: key_json(key),
            unit: spec.kind.direction().unit(),
        }
    }
}

/// A line of CSV (RFC 4180), without its end.
#[must_use]
pub fn csv(workload: &Workload, planned: &PlannedOperation) -> String {
    let f = Fields::new(workload, planned);
    format!(
        "{},{},{},{},{},{},{},{},{},{},{}",
        planned.operation.sequence,
        f.due,
        quoted(f.phase),
        quoted(f.operation),
        f.request,
        quoted(f.table),
        quoted(&f.key),
        planned.operation.item,
        planned.item_size.0,
        planned.expected.as_f64(),
        f.unit,
    )
}

/// A line of JSON, without its end: the same fields under the same names.
#[must_use]
pub fn json(workload: &Workload, planned: &PlannedOperation) -> String {
    let f = Fields::new(workload, planned);
    format!(
        "{{\"sequence\":{},\"due_s\":{},\"phase\":{},\"operation\":{},\"request\":\"{}\",\
         \"table\":{},\"key\":{},\"item\":{},\"item_bytes\":{},\"expected_units\":{},\
         \"unit\":\"{}\"}}",
        planned.operation.sequence,
        f.due,
        string(f.phase),
        string(f.operation),
        f.request,
        string(f.table),
        f.key,
        planned.operation.item,
        planned.item_size.0,
        planned.expected.as_f64(),
        f.unit,
    )
}

/// A field of CSV; quoted where it has to be.
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Key attributes as DynamoDB writes them: `{"id":{"S":"a"}}`, binary in base64.
fn key_json(key: &[(String, AttributeValue)]) -> String {
    let mut text = String::from("{");
    for (index, (name, value)) in key.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let (kind, value) = match value {
            AttributeValue::S(value) => ("S", string(value)),
            AttributeValue::N(value) => ("N", string(value)),
            AttributeValue::B(bytes) => ("B", string(&BASE64.encode(bytes))),
            _ => unreachable!("a key is a string, a number or binary"),
        };
        write!(text, "{comma}{}:{{\"{kind}\":{value}}}", string(name))
            .expect("a string takes everything");
    }
    text.push('}');
    text
}
