//! Tables: create, await, load, delete. Nothing here is measured.

use std::{
    error::Error,
    ops::Range,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    primitives::DateTime,
    types::{PutRequest, TableStatus, WriteRequest},
};
use tokio::{task::JoinSet, time::Instant};

use super::{Answer, SdkTarget, answer, definition, existing, live::Marks, values};
use crate::{scenario::Table, workload::item::Item};

/// DynamoDB's limit for one `BatchWriteItem`.
const BATCH: u64 = 25;
/// Pause before a batch is tried again: doubled each time, up to the limit.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Tries of a batch that fails for any reason but want of capacity.
const MAX_FAILURES: u32 = 5;

/// Why a table could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A table of that name is there already; it was not touched.
    #[error(
        "table {table} exists already at this endpoint; dynamometer neither overwrites nor \
         deletes tables that it did not create: delete it yourself or rename it in the scenario"
    )]
    TableExists {
        /// Its name.
        table: String,
    },
    /// The scenario says `existing = true`, and there is none.
    #[error(
        "table {table} does not exist at this endpoint, though the scenario says \
         `existing = true`: name a table that is there, or leave `existing` out to have it made \
         (the embedded emulator always starts empty)"
    )]
    TableMissing {
        /// Its name.
        table: String,
    },
    /// The existing table is not the one that the scenario describes; it was not touched.
    #[error(
        "table {table} is not as the scenario says:{}\n  help: correct the scenario, or name another table",
        listed(differences)
    )]
    TableDiffers {
        /// Its name.
        table: String,
        /// Everything in which it differs, one sentence each.
        differences: Vec<String>,
    },
    /// Not ACTIVE in time.
    #[error("table {table} is still {status} after {waited:?}")]
    NotActive {
        /// Its name.
        table: String,
        /// Its last status.
        status: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The first shard has not made a table that the others wait for.
    #[error(
        "table {table} is still absent after {waited:?}: the first shard of the run makes it\n  \
         help: does the first shard run, with the same scenario and endpoint as this one?"
    )]
    NeverMade {
        /// Its name.
        table: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// A shard found a table that cannot be the one that the first shard made for this run; it
    /// was not touched.
    #[error(
        "table {table} was there before this run ({}): the first shard makes the tables, and \
         dynamometer touches none that it did not create\n  help: delete it yourself, rename it \
         in the scenario, or say `existing = true` there",
        .age.map_or("the server does not say since when".to_owned(), |age| format!("for {age:?}"))
    )]
    NotOfThisRun {
        /// Its name.
        table: String,
        /// How long it has been there.
        age: Option<Duration>,
    },
    /// A table to be deleted does not carry the tag of the run that made it.
    #[error("table {table} does not carry the tag of this run any more; it was not deleted")]
    NotOurs {
        /// Its name.
        table: String,
    },
    /// No answer came, at least none that is HTTP.
    #[error("{action} {table}: {cause}")]
    Unreachable {
        /// `create table`, `load table`, …
        action: &'static str,
        /// The table's name.
        table: String,
        /// What the connection said.
        cause: String,
    },
    /// The server refused.
    #[error("{action} {table}: {cause}")]
    Refused {
        /// `create table`, `load table`, …
        action: &'static str,
        /// The table's name.
        table: String,
        /// What the server said.
        cause: String,
    },
}

impl AdminError {
    pub(super) fn refused<E>(
        action: &'static str,
        table: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let cause = match (error.code(), error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            _ => innermost(error),
        };
        let table = table.to_owned();
        if matches!(
            error,
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_)
        ) {
            return Self::Unreachable {
                action,
                table,
                cause,
            };
        }
        Self::Refused {
            action,
            table,
            cause,
        }
    }
}

fn listed(differences: &[String]) -> String {
    let mut lines = String::new();
    for difference in differences {
        lines.push_str("\n  - ");
        lines.push_str(difference);
    }
    lines
}

/// What lies at the bottom of an error: `Connection refused`, not the layers it came through.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// A table that this run created, and that it may therefore delete.
#[derive(Debug)]
#[must_use = "the table stays until it is deleted"]
pub struct OwnedTable {
    name: String,
}

impl OwnedTable {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl SdkTarget {
    /// Creates a table with its indexes, as the scenario says. It may not be ready yet, see
    /// [`wait_until_active`](Self::wait_until_active).
    ///
    /// # Errors
    /// [`AdminError::TableExists`] when there is one of that name, whoever made it.
    ///
    /// # Panics
    /// Never: every member that the SDK requires is set.
    pub async fn create_table(&self, table: &Table) -> Result<OwnedTable, AdminError> {
        let tags = self.marks.as_ref().map(Marks::tags);
        let request = definition::complete(self.admin.create_table(), table).set_tags(tags);
        match request.send().await {
            Ok(_) => Ok(OwnedTable {
                name: table.name.clone(),
            }),
            Err(error) if error.code() == Some("ResourceInUseException") => {
                Err(AdminError::TableExists {
                    table: table.name.clone(),
                })
            }
            Err(error) => Err(AdminError::refused("create table", &table.name, &error)),
        }
    }

    /// Holds a table that should be there already against the scenario; changes nothing.
    ///
    /// # Errors
    /// [`AdminError::TableMissing`] when there is none, [`AdminError::TableDiffers`] with every
    /// difference of keys, indexes, billing or class that there is.
    pub async fn check_existing(&self, table: &Table) -> Result<(), AdminError> {
        let name = &table.name;
        let described = self.admin.describe_table().table_name(name).send().await;
        let found = match described {
            Ok(described) => described.table,
            Err(error) if error.code() == Some("ResourceNotFoundException") => None,
            Err(error) => return Err(AdminError::refused("describe table", name, &error)),
        };
        let Some(found) = found else {
            return Err(AdminError::TableMissing {
                table: name.clone(),
            });
        };
        let differences = existing::differences(table, &found);
        if differences.is_empty() {
            return Ok(());
        }
        Err(AdminError::TableDiffers {
            table: name.clone(),
            differences,
        })
    }

    /// Waits until another shard of this run has made `table`, and checks that it is as the
    /// scenario says. A table counts as made by this run when it is no older than `patience`,
    /// which is also how long this waits for it; `waits` is called once, when it is not there yet.
    ///
    /// # Errors
    /// When it does not come, is older, or differs.
    pub async fn join_table(
        &self,
        table: &Table,
        patience: Duration,
        waits: impl FnOnce(),
    ) -> Result<(), AdminError> {
        let name = &table.name;
        let started = Instant::now();
        let mut waits = Some(waits);
        loop {
            let described = self.admin.describe_table().table_name(name).send().await;
            let found = match described {
                Ok(described) => described.table,
                Err(error) if error.code() == Some("ResourceNotFoundException") => None,
                Err(error) => return Err(AdminError::refused("describe table", name, &error)),
            };
            if let Some(found) = found {
                // A server that shows whole seconds may seem to make tables in the future.
                let made = found.creation_date_time().map(smithy_time);
                let age = made.map(|made| made.elapsed().unwrap_or_default());
                return match age {
                    Some(age) if age <= patience => self.check_existing(table).await,
                    _ => Err(AdminError::NotOfThisRun {
                        table: name.clone(),
                        age,
                    }),
                };
            }
            if started.elapsed() >= patience {
                return Err(AdminError::NeverMade {
                    table: name.clone(),
                    waited: patience,
                });
            }
            if let Some(waits) = waits.take() {
                waits();
            }
            tokio::time::sleep(FIRST_PAUSE).await;
        }
    }

    /// Waits until `table` can serve requests, for at most `patience`.
    ///
    /// # Errors
    /// When it takes longer, or the server refuses.
    pub async fn wait_until_active(
        &self,
        table: &str,
        patience: Duration,
    ) -> Result<(), AdminError> {
        let started = Instant::now();
        loop {
            let described = self.admin.describe_table().table_name(table).send().await;
            let status = match described {
                Ok(described) => described.table.and_then(|table| table.table_status),
                // DescribeTable is eventually consistent: a new table may not be seen yet.
                Err(error) if error.code() == Some("ResourceNotFoundException") => None,
                Err(error) => return Err(AdminError::refused("describe table", table, &error)),
            };
            if status == Some(TableStatus::Active) {
                return Ok(());
            }
            if started.elapsed() >= patience {
                return Err(AdminError::NotActive {
                    table: table.to_owned(),
                    status: status.map_or("absent".to_owned(), |s| s.as_str().to_owned()),
                    waited: started.elapsed(),
                });
            }
            tokio::time::sleep(FIRST_PAUSE).await;
        }
    }

    /// Writes items `0..items` of a table, in batches of 25, `concurrency` batches at a time.
    /// Members that the server leaves unprocessed, and throttled batches, are tried again for
    /// as long as it takes. `loaded` is told how many items were written since last time.
    ///
    /// # Errors
    /// When a batch fails five times in a row for any other reason than want of capacity; what
    /// was written stays.
    pub async fn load<F, P>(
        &self,
        table: &str,
        items: u64,
        concurrency: usize,
        item: F,
        mut loaded: P,
    ) -> Result<u64, AdminError>
    where
        F: Fn(u64) -> Item + Send + Sync + 'static,
        P: FnMut(u64),
    {
        let item = Arc::new(item);
        let table: Arc<str> = table.into();
        let mut batches = (0..items.div_ceil(BATCH)).map(|batch| {
            let first = batch * BATCH;
            first..(first + BATCH).min(items)
        });
        let mut under_way = JoinSet::new();
        let mut total = 0;
        loop {
            while under_way.len() < concurrency.max(1)
                && let Some(numbers) = batches.next()
            {
                let (client, table) = (self.admin.clone(), Arc::clone(&table));
                under_way.spawn(write_batch(client, table, numbers, Arc::clone(&item)));
            }
            let Some(done) = under_way.join_next().await else {
                return Ok(total);
            };
            let written = match done {
                Ok(written) => written?,
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            };
            total += written;
            loaded(written);
        }
    }

    /// Deletes a table that this run created; on AWS only while it carries the run's tag.
    ///
    /// # Errors
    /// When the server refuses; a table that is gone already is no error.
    pub async fn delete_table(&self, table: OwnedTable) -> Result<(), AdminError> {
        match &self.marks {
            Some(marks) => self.delete_if_marked(&table.name, marks).await,
            None => self.delete_by_name(&table.name).await,
        }
    }

    pub(super) async fn delete_by_name(&self, table: &str) -> Result<(), AdminError> {
        let request = self.admin.delete_table().table_name(table);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(()),
            Err(error) => Err(AdminError::refused("delete table", table, &error)),
        }
    }
}

async fn write_batch<F: Fn(u64) -> Item>(
    client: Client,
    table: Arc<str>,
    numbers: Range<u64>,
    item: Arc<F>,
) -> Result<u64, AdminError> {
    let count = numbers.end - numbers.start;
    let mut requests: Vec<_> = numbers.map(|number| put_request(&item(number))).collect();
    let mut pause = FIRST_PAUSE;
    let mut failures = 0;
    loop {
        let batch = client.batch_write_item();
        let batch = batch.request_items(&*table, requests.clone());
        match batch.send().await {
            Ok(output) => {
                let mut unprocessed = output.unprocessed_items.unwrap_or_default();
                let unprocessed = unprocessed.remove(&*table).unwrap_or_default();
                if unprocessed.is_empty() {
                    return Ok(count);
                }
                if unprocessed.len() < requests.len() {
                    pause = FIRST_PAUSE;
                }
                failures = 0;
                requests = unprocessed;
            }
            Err(error) => {
                failures += match answer::of_error(&error) {
                    Answer::Throttled { .. } => 0,
                    Answer::Failed {
                        retryable: false, ..
                    } => MAX_FAILURES,
                    _ => 1,
                };
                if failures >= MAX_FAILURES {
                    return Err(AdminError::refused("load table", &table, &error));
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn smithy_time(time: &DateTime) -> SystemTime {
    SystemTime::try_from(*time).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn put_request(item: &Item) -> WriteRequest {
    let put = PutRequest::builder().set_item(Some(values::item(item)));
    let put = put.build().expect("the item is set");
    WriteRequest::builder().put_request(put).build()
}
