//! The operations of a scenario as they would be sent, a line each.
//!
//! Owns the fields and their notation; must not know where the lines go.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use crate::{
    scenario::{OperationSpec, Scenario},
    schedule::{Arrival, Arrivals, Schedule},
    simulation::{SimulationError, demand::Demand},
    units::{Bytes, CapacityUnits},
    workload::{
        Operation, Workload,
        item::AttributeValue,
        request::{Request, SortCondition},
    },
};

/// The first line of the CSV form.
pub const CSV_HEADER: &str =
    "sequence,due_s,phase,operation,request,table,index,key,item,item_bytes,expected_units,unit";

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
            expected: {
                let spec = &self.workload.scenario().operations[pick.spec];
                self.demand
                    .units(arrival.sequence, pick, spec.kind.direction())
            },
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
    /// Empty where the table itself is meant.
    index: &'a str,
    key: String,
    unit: &'static str,
}

impl<'a> Fields<'a> {
    fn new(workload: &'a Workload, planned: &PlannedOperation) -> Self {
        let scenario = workload.scenario();
        let operation = &planned.operation;
        let spec = &scenario.operations[operation.spec];
        let nanos = planned.arrival.intended_start.as_nanos();
        Self {
            due: format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000),
            phase: &scenario.phases[planned.arrival.phase].name,
            operation: &spec.name,
            request: spec.kind.api_name(),
            table: &scenario.tables[operation.table].name,
            key: keys_json(workload, operation),
            index: index_name(scenario, spec),
            unit: spec.kind.direction().unit(),
        }
    }
}

fn index_name<'a>(scenario: &'a Scenario, spec: &OperationSpec) -> &'a str {
    let indexes = &scenario.tables[spec.table].indexes;
    spec.read.index.map_or("", |index| &indexes[index].name)
}

/// The key that a request is about; a list of them for batches and transactions, `null` for
/// scans.
fn keys_json(workload: &Workload, operation: &Operation) -> String {
    let of_table = |number| key_json(&workload.key(operation.table, number));
    match &operation.request {
        Request::Query(query) => {
            let sort_key = query.range.as_ref().map(|(name, range)| {
                let (SortCondition::Equal(value)
                | SortCondition::From(value)
                | SortCondition::To(value)
                | SortCondition::Between(value, _)
                | SortCondition::BeginsWith(value)) = range;
                (name.clone(), value.clone())
            });
            let key = std::iter::once(query.partition_key.clone()).chain(sort_key);
            key_json(&key.collect::<Vec<_>>())
        }
        Request::Scan { .. } => "null".to_owned(),
        request if request.kind().has_members() => {
            let pick = operation.pick();
            let members = workload.members(operation.sequence, pick).into_iter();
            let keys: Vec<_> = members.map(|(number, _)| of_table(number)).collect();
            format!("[{}]", keys.join(","))
        }
        _ => of_table(operation.item),
    }
}

/// A line of CSV (RFC 4180), without its end.
#[must_use]
pub fn csv(workload: &Workload, planned: &PlannedOperation) -> String {
    let f = Fields::new(workload, planned);
    format!(
        "{},{},{},{},{},{},{},{},{},{},{},{}",
        planned.operation.sequence,
        f.due,
        quoted(f.phase),
        quoted(f.operation),
        f.request,
        quoted(f.table),
        quoted(f.index),
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
         \"table\":{},\"index\":{},\"key\":{},\"item\":{},\"item_bytes\":{},\"expected_units\":{},\
         \"unit\":\"{}\"}}",
        planned.operation.sequence,
        f.due,
        string(f.phase),
        string(f.operation),
        f.request,
        string(f.table),
        string(f.index),
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
