//! Requests on several items: batches and transactions.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, DeleteRequest, Get, KeysAndAttributes, Put, PutRequest,
    ReturnConsumedCapacity, TransactGetItem, TransactWriteItem, Update, WriteRequest,
};

use super::{
    Answer, Attempt, answer, declared,
    single::{send, set_expression},
    values,
};
use crate::{
    scenario::Consistency,
    units::Direction,
    workload::{item::Item, request::Write},
};

const COMPLETE: &str = "every required member is set";

impl Attempt<'_> {
    pub(super) async fn batch_get(
        &mut self,
        keys: &[Item],
        consistency: Consistency,
        retry: bool,
    ) -> Result<(), Answer> {
        let keys = keys.iter().map(values::item).collect();
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(consistency == Consistency::Strong);
        let mut wanted = wanted.build().expect(COMPLETE);
        let mut times = 0;
        loop {
            let batch = self.client.batch_get_item();
            let batch = batch.request_items(&self.table.name, wanted);
            let output = send!(self, Direction::Read, batch)?;
            let left = only(output.unprocessed_keys, &self.table.name);
            let left = left.filter(|left| !left.keys.is_empty());
            let Some(left) = left else {
                return Ok(());
            };
            if !retry {
                self.declared.unprocessed += left.keys.len() as u64;
                return Ok(());
            }
            self.paced.batch_pause(times).await?;
            times += 1;
            wanted = left;
        }
    }

    pub(super) async fn batch_write(
        &mut self,
        writes: &[Write],
        retry: bool,
    ) -> Result<(), Answer> {
        let mut requests: Vec<_> = writes.iter().map(write_request).collect();
        let mut times = 0;
        loop {
            let batch = self.client.batch_write_item();
            let batch = batch.request_items(&self.table.name, requests);
            let output = send!(self, Direction::Write, batch)?;
            let left = only(output.unprocessed_items, &self.table.name).unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            if !retry {
                self.declared.unprocessed += left.len() as u64;
                return Ok(());
            }
            self.paced.batch_pause(times).await?;
            times += 1;
            requests = left;
        }
    }

    pub(super) async fn transact_get(&mut self, keys: &[Item]) -> Result<(), Answer> {
        let get = |key| {
            let get = Get::builder()
                .table_name(&self.table.name)
                .set_key(Some(values::item(key)));
            let get = get.build().expect(COMPLETE);
            TransactGetItem::builder().get(get).build()
        };
        let items: Vec<_> = keys.iter().map(get).collect();
        let transaction = self.client.transact_get_items();
        let transaction = transaction.set_transact_items(Some(items));
        send!(self, Direction::Read, transaction).map(drop)
    }

    pub(super) async fn transact_write(&mut self, writes: &[Write]) -> Result<(), Answer> {
        let items = writes
            .iter()
            .map(|write| self.transact_item(write))
            .collect();
        let transaction = self.client.transact_write_items();
        let transaction = transaction.set_transact_items(Some(items));
        send!(self, Direction::Write, transaction).map(drop)
    }

    fn transact_item(&self, write: &Write) -> TransactWriteItem {
        let table = &self.table.name;
        let item = TransactWriteItem::builder();
        match write {
            Write::Put { item: put } => {
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(values::item(put)));
                item.put(put.build().expect(COMPLETE))
            }
            Write::Update { key, set } => {
                let update = Update::builder()
                    .table_name(table)
                    .set_key(Some(values::item(key)))
                    .update_expression(set_expression(set).unwrap_or_default());
                let update = set.iter().enumerate().fold(update, |update, (n, set)| {
                    update
                        .expression_attribute_names(format!("#a{n}"), &set.0)
                        .expression_attribute_values(format!(":v{n}"), values::value(&set.1))
                });
                item.update(update.build().expect(COMPLETE))
            }
            Write::Delete { key } => {
                let delete = Delete::builder()
                    .table_name(table)
                    .set_key(Some(values::item(key)));
                item.delete(delete.build().expect(COMPLETE))
            }
            Write::Check { key } => {
                let name = &self.table.attributes[self.table.partition_key].name;
                let check = ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(values::item(key)))
                    .condition_expression("attribute_exists(#p)")
                    .expression_attribute_names("#p", name);
                item.condition_check(check.build().expect(COMPLETE))
            }
        }
        .build()
    }
}

fn write_request(write: &Write) -> WriteRequest {
    let request = WriteRequest::builder();
    match write {
        Write::Delete { key } => {
            let delete = DeleteRequest::builder().set_key(Some(values::item(key)));
            request.delete_request(delete.build().expect(COMPLETE))
        }
        Write::Put { item } => {
            let put = PutRequest::builder().set_item(Some(values::item(item)));
            request.put_request(put.build().expect(COMPLETE))
        }
        Write::Update { .. } | Write::Check { .. } => {
            unreachable!("a batch puts and deletes")
        }
    }
    .build()
}

/// What belongs to the one table that a batch is about.
fn only<T>(by_table: Option<HashMap<String, T>>, table: &str) -> Option<T> {
    by_table?.remove(table)
}
