//! How the requests of one operation are put together: what does not depend on the arrival,
//! worked out once.

use std::sync::Arc;

use rand::RngExt;

use super::{
    Pick, Workload,
    item::{self, AttributeValue, Item},
    keys::MEMBERS_MAX,
    mix::{Chance, Mix},
    request::{Page, QueryRequest, Request, SortCondition, Write},
};
use crate::{
    scenario::{
        Action, NumberSizeRule, OperationKind, OperationSpec, Presence, Scenario, SortRange,
    },
    seed::Stream,
    units::{Bytes, Share},
};

/// Tries per member before a batch stays smaller than it was meant to be.
const TRIES: u64 = 4;

/// One operation, compiled.
#[derive(Debug)]
pub(super) struct OperationPlan {
    index: Option<Arc<str>>,
    filter: Option<Arc<str>>,
    /// Attributes of the keys that a query is about.
    partition_key: usize,
    sort_key: Option<usize>,
    /// Number of members, and of items of a page.
    sizes: Stream,
    actions: Mix,
    /// Which requests are written to fail.
    fails: Chance,
}

impl OperationPlan {
    pub(super) fn new(spec: &OperationSpec, scenario: &Scenario) -> Self {
        let table = &scenario.tables[spec.table];
        let index = spec.read.index.map(|index| &table.indexes[index]);
        let stream = |family: &str| scenario.seed.stream(&format!("{family}/{}", spec.name));
        let fails = spec.condition.map_or(Share::NONE, |c| c.fails);
        let weights = spec
            .members
            .actions
            .iter()
            .map(|(_, weight)| weight.as_fraction());
        Self {
            index: index.map(|index| index.name.as_str().into()),
            filter: spec
                .read
                .filter
                .map(|filter| table.attributes[filter].name.as_str().into()),
            partition_key: index.map_or(table.partition_key, |index| index.partition_key),
            sort_key: index.map_or(table.sort_key, |index| index.sort_key),
            sizes: stream("batch sizes"),
            actions: Mix::new(weights, stream("actions")),
            fails: Chance::new(fails, stream("conditions")),
        }
    }
}

impl Workload {
    /// The items that request number `sequence` is about, and what it does to each; none for
    /// a scan.
    #[must_use]
    pub fn members(&self, sequence: u64, pick: Pick) -> Vec<(u64, Option<Action>)> {
        let spec = &self.scenario().operations[pick.spec];
        match spec.kind {
            OperationKind::Scan => Vec::new(),
            kind if kind.has_members() => self.several(sequence, pick),
            OperationKind::Put | OperationKind::StatementInsert => {
                vec![(pick.item, Some(Action::Put))]
            }
            OperationKind::Update
            | OperationKind::ReadModifyWrite
            | OperationKind::StatementUpdate => vec![(pick.item, Some(Action::Update))],
            OperationKind::Delete | OperationKind::StatementDelete => {
                vec![(pick.item, Some(Action::Delete))]
            }
            _ => vec![(pick.item, None)],
        }
    }

    /// Members of a batch or transaction: items whose keys differ. DynamoDB refuses the same
    /// item twice.
    fn several(&self, sequence: u64, pick: Pick) -> Vec<(u64, Option<Action>)> {
        let spec = &self.scenario().operations[pick.spec];
        let (plan, keys) = (&self.0.plans[pick.spec], &self.0.keys[pick.spec]);
        let (fewest, most) = spec.members.count;
        let wanted = plan.sizes.at(sequence).random_range(fewest..=most);
        let mut members: Vec<(u64, Option<Action>)> = Vec::with_capacity(wanted as usize);
        let mut seen: Vec<Item> = Vec::with_capacity(wanted as usize);
        let tries = (u64::from(wanted) * TRIES).min(MEMBERS_MAX);
        for member in 0..tries {
            if members.len() == wanted as usize {
                break;
            }
            let item = keys.pick_member(sequence, member, &self.1);
            let key = self.key(pick.table, item);
            if seen.contains(&key) {
                continue;
            }
            seen.push(key);
            let action = matches!(
                spec.kind,
                OperationKind::BatchWrite | OperationKind::TransactWrite
            );
            let draw = sequence.wrapping_mul(MEMBERS_MAX).wrapping_add(member);
            let action = action.then(|| spec.members.actions[plan.actions.choose(draw)].0);
            members.push((item, action));
        }
        members
    }

    /// What has to be so for write number `sequence` to happen.
    #[must_use]
    pub fn condition(&self, sequence: u64, operation: usize) -> Option<Presence> {
        let condition = self.scenario().operations[operation].condition?;
        let fails = self.0.plans[operation].fails;
        Some(if fails.happens(sequence) {
            condition.expects.opposite()
        } else {
            condition.expects
        })
    }

    /// The attributes that arrival `sequence` sets in item `number`, with their new values.
    #[must_use]
    pub fn redrawn(&self, operation: usize, number: u64, sequence: u64) -> Item {
        let spec = &self.scenario().operations[operation];
        self.0.attributes[spec.table].redrawn(&spec.set, number, sequence)
    }

    /// Bytes of the name and value that [`redrawn`](Self::redrawn) gives attribute `attribute`.
    #[must_use]
    pub fn redrawn_size(
        &self,
        table: usize,
        attribute: usize,
        number: u64,
        sequence: u64,
    ) -> Bytes {
        let attributes = &self.0.attributes[table];
        match self.scenario().model.number_size_rule {
            NumberSizeRule::Base100Aligned => attributes.redrawn_size(attribute, number, sequence),
            rule @ NumberSizeRule::SplitDigits => {
                item::size_by(&attributes.redrawn(&[attribute], number, sequence), rule)
            }
        }
    }

    /// The request of arrival `sequence`, which is about `pick`.
    pub(super) fn request(&self, sequence: u64, pick: Pick) -> Request {
        let Pick { spec, table, item } = pick;
        let operation = &self.scenario().operations[spec];
        let key = |number| self.key(table, number);
        let set = |number| self.redrawn(spec, number, sequence);
        let consistency = operation.consistency;
        let write = |write| Request::Write {
            write,
            condition: self.condition(sequence, spec),
            return_values: operation.return_values,
        };
        let retry_unprocessed = operation.members.retry_unprocessed;
        match operation.kind {
            OperationKind::Get => Request::Get {
                key: key(item),
                consistency,
            },
            OperationKind::Put => write(Write::Put {
                item: self.item(table, item),
            }),
            OperationKind::Update => write(Write::Update {
                key: key(item),
                set: set(item),
            }),
            OperationKind::Delete => write(Write::Delete { key: key(item) }),
            OperationKind::Query => Request::Query(self.query(sequence, pick)),
            OperationKind::Scan => Request::Scan {
                segment: self.segment(sequence, spec),
                page: self.page(sequence, spec),
            },
            OperationKind::BatchGet => Request::BatchGet {
                keys: self.member_keys(sequence, pick),
                consistency,
                retry_unprocessed,
            },
            OperationKind::TransactGet => Request::TransactGet {
                keys: self.member_keys(sequence, pick),
            },
            OperationKind::BatchWrite => Request::BatchWrite {
                writes: self.member_writes(sequence, pick),
                retry_unprocessed,
            },
            OperationKind::TransactWrite => Request::TransactWrite {
                writes: self.member_writes(sequence, pick),
            },
            OperationKind::ReadModifyWrite => Request::ReadModifyWrite {
                key: key(item),
                set: set(item),
                consistency,
            },
            OperationKind::StatementSelect
            | OperationKind::StatementInsert
            | OperationKind::StatementUpdate
            | OperationKind::StatementDelete => self.statement(sequence, pick),
        }
    }

    /// The segment of a scan that arrival `sequence` reads, and how many there are.
    #[must_use]
    pub fn segment(&self, sequence: u64, operation: usize) -> (u32, u32) {
        let segments = self.scenario().operations[operation].read.segments;
        let segment = sequence % u64::from(segments);
        (u32::try_from(segment).unwrap_or(0), segments)
    }

    fn member_keys(&self, sequence: u64, pick: Pick) -> Vec<Item> {
        let members = self.several(sequence, pick).into_iter();
        members
            .map(|(item, _)| self.key(pick.table, item))
            .collect()
    }

    fn member_writes(&self, sequence: u64, pick: Pick) -> Vec<Write> {
        let members = self.several(sequence, pick).into_iter();
        let write = |(number, action)| {
            let key = self.key(pick.table, number);
            match action {
                Some(Action::Update) => Write::Update {
                    key,
                    set: self.redrawn(pick.spec, number, sequence),
                },
                Some(Action::Delete) => Write::Delete { key },
                Some(Action::Check) => Write::Check { key },
                _ => Write::Put {
                    item: self.item(pick.table, number),
                },
            }
        };
        members.map(write).collect()
    }

    /// How many items a page of the range or scan that arrival `sequence` reads has, at most.
    #[must_use]
    pub fn limit(&self, sequence: u64, operation: usize) -> Option<u32> {
        let read = &self.scenario().operations[operation].read;
        let (fewest, most) = (read.limit?, read.limit_max);
        Some(most.map_or(fewest, |most| {
            let sizes = self.0.plans[operation].sizes;
            sizes.at(sequence).random_range(fewest..=most)
        }))
    }

    fn page(&self, sequence: u64, operation: usize) -> Page {
        let plan = &self.0.plans[operation];
        let spec = &self.scenario().operations[operation];
        Page {
            index: plan.index.clone(),
            consistency: spec.consistency,
            limit: self.limit(sequence, operation),
            filter: plan.filter.clone(),
            all_pages: spec.read.all_pages,
        }
    }

    /// The query of arrival `sequence`, which is about `pick`.
    #[must_use]
    pub fn query(&self, sequence: u64, pick: Pick) -> QueryRequest {
        let plan = &self.0.plans[pick.spec];
        let read = &self.scenario().operations[pick.spec].read;
        let attributes = &self.0.attributes[pick.table];
        let range = plan.sort_key.and_then(|sort_key| {
            let (name, own) = attributes.value(sort_key, pick.item);
            let condition = match read.range {
                SortRange::All => return None,
                SortRange::Equal => SortCondition::Equal(own),
                SortRange::From => SortCondition::From(own),
                SortRange::To => SortCondition::To(own),
                SortRange::Between { span } => {
                    let last = pick.item.saturating_add(span - 1);
                    let (_, other) = attributes.value(sort_key, last);
                    between(own, other)
                }
                SortRange::BeginsWith { length } => {
                    SortCondition::BeginsWith(beginning(own, length as usize))
                }
            };
            Some((name, condition))
        });
        QueryRequest {
            partition_key: attributes.value(plan.partition_key, pick.item),
            range,
            descending: read.descending,
            page: self.page(sequence, pick.spec),
        }
    }

    fn statement(&self, sequence: u64, pick: Pick) -> Request {
        let spec = &self.scenario().operations[pick.spec];
        let table = quoted(&self.scenario().tables[pick.table].name);
        let key = || self.key(pick.table, pick.item);
        let (text, parameters) = match spec.kind {
            OperationKind::StatementInsert => {
                let item = self.item(pick.table, pick.item);
                let fields: Vec<_> = item
                    .iter()
                    .map(|(name, _)| format!("{}: ?", text(name)))
                    .collect();
                let values = item.into_iter().map(|(_, value)| value).collect();
                (
                    format!("INSERT INTO {table} VALUE {{{}}}", fields.join(", ")),
                    values,
                )
            }
            OperationKind::StatementUpdate => {
                let set = self.redrawn(pick.spec, pick.item, sequence);
                let assignments: Vec<_> = set
                    .iter()
                    .map(|(name, _)| format!("SET {} = ?", quoted(name)))
                    .collect();
                let values = set
                    .into_iter()
                    .chain(key())
                    .map(|(_, value)| value)
                    .collect();
                let text = format!(
                    "UPDATE {table} {} WHERE {}",
                    assignments.join(" "),
                    of_item(&key())
                );
                (text, values)
            }
            kind => {
                let verb = if kind == OperationKind::StatementDelete {
                    "DELETE"
                } else {
                    "SELECT *"
                };
                let text = format!("{verb} FROM {table} WHERE {}", of_item(&key()));
                (text, key().into_iter().map(|(_, value)| value).collect())
            }
        };
        Request::Statement {
            text,
            parameters,
            kind: spec.kind,
            consistency: spec.consistency,
        }
    }
}

fn between(one: AttributeValue, other: AttributeValue) -> SortCondition {
    use AttributeValue::{B, N, S};
    let swapped = match (&one, &other) {
        (S(one), S(other)) => other < one,
        (B(one), B(other)) => other < one,
        (N(one), N(other)) => {
            let number = |text: &str| text.parse::<f64>().unwrap_or(0.0);
            number(other) < number(one)
        }
        _ => false,
    };
    if swapped {
        SortCondition::Between(other, one)
    } else {
        SortCondition::Between(one, other)
    }
}

/// The first `length` characters of a string, bytes of a binary.
fn beginning(value: AttributeValue, length: usize) -> AttributeValue {
    match value {
        AttributeValue::S(text) => AttributeValue::S(text.chars().take(length).collect()),
        AttributeValue::B(mut bytes) => {
            bytes.truncate(length);
            AttributeValue::B(bytes)
        }
        other => other,
    }
}

/// A name in PartiQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string in PartiQL.
fn text(name: &str) -> String {
    format!("'{}'", name.replace('\'', "''"))
}

/// `"id" = ? AND …`.
fn of_item(key: &Item) -> String {
    let conditions: Vec<_> = key
        .iter()
        .map(|(name, _)| format!("{} = ?", quoted(name)))
        .collect();
    conditions.join(" AND ")
}
