//! The operations of a scenario as they would be sent, a line each.
//!
//! Owns the fields and their notation; must not know where the lines go.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use crate::{
    scenario::{OperationKind, OperationSpec},
    schedule::{Arrival, Arrivals, Schedule},
    simulation::{SimulationError, SimulationOptions, demand::Demand},
    units::{Bytes, CapacityUnits},
    workload::{Pick, Workload, item::AttributeValue, keys::is_missing, request::SortCondition},
};

/// The first line of the CSV form.
pub const CSV_HEADER: &str =
    "sequence,due_s,phase,operation,request,table,index,key,item,item_bytes,expected_units,unit";

/// One operation that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedOperation {
    /// When, and in which phase.
    pub arrival: Arrival,
    /// What is done, and to which item: of batches and transactions the first.
    pub pick: Pick,
    /// The items of a batch or transaction.
    pub members: Vec<u64>,
    /// Size of the item as it is loaded and put; 0 of one that is meant to be missing. Updates
    /// may have changed it since.
    pub item_size: Bytes,
    /// What it takes if the table was loaded and every operation before it completed.
    pub expected: CapacityUnits,
}

/// Iterator over the operations of a scenario, in the order in which they are due. In closed
/// phases, requests are taken to be answered after the time that simulations assume.
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
        let Arrival {
            sequence,
            phase,
            intended_start,
        } = arrival;
        let workload = &mut self.workload;
        workload.begin(phase, sequence, intended_start);
        // Of a closed phase nobody knows the answers: the time is what a simulation assumes.
        let takes = SimulationOptions::default().service_time;
        self.arrivals.answered(phase, intended_start + takes);
        let pick = workload.pick(sequence);
        let kind = workload.scenario().operations[pick.spec].kind;
        let members = if kind.has_members() {
            let members = workload.members(sequence, pick).into_iter();
            members.map(|(number, _)| number).collect()
        } else {
            Vec::new()
        };
        let item_size = if is_missing(pick.item) {
            Bytes(0)
        } else {
            workload.item_size(pick.table, pick.item)
        };
        let expected = self
            .demand
            .units(workload, sequence, pick, kind.direction());
        Some(PlannedOperation {
            arrival,
            pick,
            members,
            item_size,
            expected,
        })
    }
}

/// How the operations of one scenario are written, a line each.
pub struct Lines<'a> {
    workload: &'a Workload,
    /// By operation: what each line begins with behind the phase, and the unit.
    operations: Vec<(String, &'static str)>,
    /// By phase.
    phases: Vec<String>,
    format: Format,
    /// The key that is being written; kept for its memory.
    key: String,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Fields between commas (RFC 4180).
    Csv,
    /// A JSON object with the same fields under the same names.
    Json,
}

impl<'a> Lines<'a> {
    /// For operations of `workload`.
    #[must_use]
    pub fn new(workload: &'a Workload, format: Format) -> Self {
        let scenario = workload.scenario();
        let text = match format {
            Format::Csv => quoted,
            Format::Json => string,
        };
        let fixed = |spec: &OperationSpec| {
            let table = &scenario.tables[spec.table];
            let index = spec.read.index.map_or("", |at| &table.indexes[at].name);
            let [name, table, index] = [&spec.name, &table.name, index].map(text);
            let request = spec.kind.api_name();
            let fixed = match format {
                Format::Csv => format!("{name},{request},{table},{index}"),
                Format::Json => format!(
                    "\"operation\":{name},\"request\":\"{request}\",\"table\":{table},\
                     \"index\":{index}"
                ),
            };
            (fixed, spec.kind.direction().unit())
        };
        Self {
            workload,
            operations: scenario.operations.iter().map(fixed).collect(),
            phases: scenario.phases.iter().map(|p| text(&p.name)).collect(),
            format,
            key: String::new(),
        }
    }

    /// Appends the line of an operation to `out`, without its end.
    ///
    /// # Panics
    /// Never: a string takes everything.
    pub fn write(&mut self, planned: &PlannedOperation, out: &mut String) {
        self.key.clear();
        write_keys(self.workload, planned, &mut self.key);
        let (fixed, unit) = &self.operations[planned.pick.spec];
        let phase = &self.phases[planned.arrival.phase];
        let nanos = planned.arrival.intended_start.as_nanos();
        let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let (sequence, item) = (planned.arrival.sequence, planned.pick.item);
        let (bytes, halves) = (planned.item_size.0, planned.expected.halves());
        let (units, half) = (halves / 2, if halves % 2 == 0 { "" } else { ".5" });
        let key = &self.key;
        let written = match self.format {
            Format::Csv => {
                let head = write!(out, "{sequence},{seconds}.{nanos:09},{phase},{fixed},");
                push_quoted(key, out);
                head.and_then(|()| write!(out, ",{item},{bytes},{units}{half},{unit}"))
            }
            Format::Json => write!(
                out,
                "{{\"sequence\":{sequence},\"due_s\":{seconds}.{nanos:09},\"phase\":{phase},\
                 {fixed},\"key\":{key},\"item\":{item},\"item_bytes\":{bytes},\
                 \"expected_units\":{units}{half},\"unit\":\"{unit}\"}}"
            ),
        };
        written.expect(TAKES);
    }
}

/// Why writing to a string cannot fail.
const TAKES: &str = "a string takes everything";

/// The key that a request is about; a list of them for batches and transactions, `null` for
/// scans.
fn write_keys(workload: &Workload, planned: &PlannedOperation, out: &mut String) {
    let pick = planned.pick;
    match workload.scenario().operations[pick.spec].kind {
        OperationKind::Query => {
            let query = workload.query(planned.arrival.sequence, pick);
            let sort_key = query.range.map(|(name, range)| {
                let (SortCondition::Equal(value)
                | SortCondition::From(value)
                | SortCondition::To(value)
                | SortCondition::Between(value, _)
                | SortCondition::BeginsWith(value)) = range;
                (name, value)
            });
            let key = std::iter::once(query.partition_key).chain(sort_key);
            write_key(&key.collect::<Vec<_>>(), out);
        }
        OperationKind::Scan => out.push_str("null"),
        kind if kind.has_members() => {
            let mut before = '[';
            for number in &planned.members {
                out.push(before);
                write_key(&workload.key(pick.table, *number), out);
                before = ',';
            }
            out.push(']');
        }
        _ => write_key(&workload.key(pick.table, pick.item), out),
    }
}

/// A field of CSV; quoted where it has to be.
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        let mut quoted = String::new();
        push_quoted(text, &mut quoted);
        quoted
    } else {
        text.to_owned()
    }
}

fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte == b'"') {
        out.push_str(&rest[..=at]);
        out.push('"');
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Key attributes as DynamoDB writes them: `{"id":{"S":"a"}}`, binary in base64.
fn write_key(key: &[(String, AttributeValue)], out: &mut String) {
    let mut before = '{';
    for (name, value) in key {
        let kind = match value {
            AttributeValue::S(_) => 'S',
            AttributeValue::N(_) => 'N',
            AttributeValue::B(_) => 'B',
            _ => unreachable!("a key is a string, a number or binary"),
        };
        out.push(before);
        push_string(name, out);
        write!(out, ":{{\"{kind}\":").expect(TAKES);
        match value {
            AttributeValue::B(bytes) => push_string(&BASE64.encode(bytes), out),
            AttributeValue::S(text) | AttributeValue::N(text) => push_string(text, out),
            _ => {}
        }
        out.push('}');
        before = ',';
    }
    out.push('}');
}

/// A string of JSON; what needs no escape, as nearly all keys do, is copied.
fn push_string(text: &str, out: &mut String) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\' && byte != 0x7f;
    if text.bytes().all(is_plain) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&string(text));
    }
}
