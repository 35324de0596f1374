//! Requests on one item: get, put, update, delete, read-modify-write and statements.

use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValue};

use super::{Answer, Attempt, answer, declared, values};
use crate::{
    scenario::{Consistency, OperationKind, Presence},
    units::Direction,
    workload::{
        item::{AttributeValue, Item},
        request::Write,
    },
};

/// Sends a request builder with capacity reporting on; what it took is added, whatever else
/// is in the answer is dropped.
macro_rules! send {
    ($attempt:expr, $direction:expr, $builder:expr) => {
        match $builder
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
        {
            Ok(output) => {
                let Attempt {
                    declared, table, ..
                } = $attempt;
                declared::add(declared, table, $direction, &output.consumed_capacity)
                    .map(|()| output)
            }
            Err(error) => Err(answer::of_error(&error)),
        }
    };
}
pub(super) use send;

impl Attempt<'_> {
    pub(super) async fn get(&mut self, key: &Item, consistency: Consistency) -> Result<(), Answer> {
        let get = self.client.get_item().table_name(&self.table.name);
        let get = get
            .set_key(Some(values::item(key)))
            .consistent_read(consistency == Consistency::Strong);
        send!(self, Direction::Read, get).map(drop)
    }

    /// A write of one item. That its condition is not met is an answer as good as any other.
    pub(super) async fn write(
        &mut self,
        write: &Write,
        condition: Option<Presence>,
        return_values: bool,
    ) -> Result<(), Answer> {
        let written = self.write_once(write, condition, return_values).await;
        match written {
            Err(Answer::Failed { cause, .. })
                if condition.is_some() && cause == "ConditionalCheckFailedException" =>
            {
                self.declared.conditions_failed += 1;
                Ok(())
            }
            other => other,
        }
    }

    async fn write_once(
        &mut self,
        write: &Write,
        condition: Option<Presence>,
        return_values: bool,
    ) -> Result<(), Answer> {
        let returned = return_values.then_some(ReturnValue::AllOld);
        let key_name = condition.map(|_| self.partition_key_name());
        let condition = condition.map(|presence| match presence {
            Presence::Exists => "attribute_exists(#p)",
            Presence::Absent => "attribute_not_exists(#p)",
        });
        // One macro for three builders that have the same setters and no common trait.
        macro_rules! conditional {
            ($builder:expr) => {{
                let mut builder = $builder
                    .table_name(&self.table.name)
                    .set_return_values(returned)
                    .set_condition_expression(condition.map(str::to_owned));
                if let Some(name) = key_name {
                    builder = builder.expression_attribute_names("#p", name);
                }
                builder
            }};
        }
        match write {
            Write::Put { item } => {
                let put = conditional!(self.client.put_item());
                send!(
                    self,
                    Direction::Write,
                    put.set_item(Some(values::item(item)))
                )
                .map(drop)
            }
            Write::Update { key, set } => {
                let update = conditional!(self.client.update_item());
                let update = update.set_key(Some(values::item(key)));
                let update = set
                    .iter()
                    .enumerate()
                    .fold(update, |update, (n, (name, value))| {
                        update
                            .expression_attribute_names(format!("#a{n}"), name)
                            .expression_attribute_values(format!(":v{n}"), values::value(value))
                    });
                // An update that sets nothing is legal, and creates the item.
                let update = update.set_update_expression(set_expression(set));
                send!(self, Direction::Write, update).map(drop)
            }
            Write::Delete { key } => {
                let delete = conditional!(self.client.delete_item());
                let delete = delete.set_key(Some(values::item(key)));
                send!(self, Direction::Write, delete).map(drop)
            }
            Write::Check { .. } => unreachable!("checks are members of transactions"),
        }
    }

    /// The read decides whether there is an update: it fails as the request fails.
    pub(super) async fn read_modify_write(
        &mut self,
        key: &Item,
        set: &Item,
        consistency: Consistency,
    ) -> Result<(), Answer> {
        self.get(key, consistency).await?;
        let update = Write::Update {
            key: key.clone(),
            set: set.clone(),
        };
        self.write_once(&update, None, false).await
    }

    pub(super) async fn statement(
        &mut self,
        text: &str,
        parameters: &[AttributeValue],
        kind: OperationKind,
        consistency: Consistency,
    ) -> Result<(), Answer> {
        let statement = self.client.execute_statement().statement(text);
        let parameters = parameters.iter().map(values::value).collect();
        let mut statement = statement.set_parameters(Some(parameters));
        if kind == OperationKind::StatementSelect {
            statement = statement.consistent_read(consistency == Consistency::Strong);
        }
        send!(self, kind.direction(), statement).map(drop)
    }

    fn partition_key_name(&self) -> &str {
        &self.table.attributes[self.table.partition_key].name
    }
}

/// `SET #a0 = :v0, …` for as many attributes as are set; none for none.
pub(super) fn set_expression(set: &[(String, AttributeValue)]) -> Option<String> {
    let assignments: Vec<_> = (0..set.len()).map(|n| format!("#a{n} = :v{n}")).collect();
    (!set.is_empty()).then(|| format!("SET {}", assignments.join(", ")))
}
