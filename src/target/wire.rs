//! A lean client: requests are written straight to DynamoDB's JSON, signed with a key that is
//! kept for its day, and sent over connections that are kept open.
//!
//! For the requests of the mix; tables are made and loaded through [`super::sdk`], which this
//! client equals in what it sends and in what it takes answers for.

mod answer;
mod head;
mod http;
mod identity;
mod json;
mod pool;
mod sign;
pub mod stages;
mod stream;
mod tls;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use hyper::Uri;
use serde_json::value::RawValue;

use super::{Answer, Attempted, Target, consumed, pace::Pace, sdk::SdkTarget, server_clock};
use crate::{
    record::Declared,
    scenario::{Consistency, OperationKind, Presence, Table},
    units::Direction,
    workload::{
        Request,
        item::{AttributeValue, Item},
        request::{Page, QueryRequest, Write},
    },
};
use answer::Answered;
use head::Head;
use http::Whole;
use identity::Identity;
use json::{Call, Condition};
use pool::{Fault, Names, Origin, Pool, Reply};
use tls::Tls;

/// Fires with this project's own client.
pub struct WireTarget {
    pool: Pool,
    identity: Identity,
    head: Head,
    /// Makes the tokens of transactions this run's own.
    run: u64,
    transactions: Arc<AtomicU64>,
    pace: Pace,
}

impl WireTarget {
    /// Prepares to fire where `sdk` sends its requests about `table`, with its credentials.
    ///
    /// # Errors
    /// When that cannot be found out, or the system has no certificates to verify an `https`
    /// endpoint with.
    pub async fn beside(sdk: &SdkTarget, table: &str) -> io::Result<Self> {
        let (provider, region) = sdk.identity();
        let url = sdk.url_for(table).await.unwrap_or_default();
        let uri: Uri = url.parse().map_err(io::Error::other)?;
        let nowhere = || io::Error::other("the endpoint has no URL");
        let authority = uri.authority().ok_or_else(nowhere)?;
        let is_tls = uri.scheme_str() == Some("https");
        let origin = Origin {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            names: Names::default(),
            port: uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            tls: is_tls.then(Tls::new).transpose()?,
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.unwrap_or_default().as_nanos();
        Ok(Self {
            pool: Pool::new(origin),
            identity: Identity::new(provider.clone(), region.to_string(), sdk.clock().clone()),
            head: Head::new(authority.as_str(), &uri)?,
            run: u64::try_from(since & u128::from(u64::MAX)).unwrap_or_default(),
            transactions: Arc::default(),
            pace: sdk.pace(),
        })
    }

    /// Signs and sends a call, and reads its answer.
    async fn send(&self, call: Call) -> Result<Reply<'_>, Answer> {
        let now = self.identity.now();
        let Some(signer) = self.identity.signer(&now).await else {
            return Err(failed("no credentials"));
        };
        let request = self.head.request(&call, &signer, &now);
        let request = request.ok_or_else(|| failed("request could not be built"))?;
        // Nobody needs them any more, and many may wait for an answer.
        drop((call, signer, now));
        let answer = self.pool.exchange(&request).await;
        answer.map_err(|Fault(cause)| Answer::Failed {
            cause,
            retryable: true,
        })
    }

    /// An exception that a clock is to blame for may go away with the server's.
    fn corrected(&self, answer: Answer, whole: Whole<'_>) -> Answer {
        match answer {
            Answer::Failed { cause, retryable } => {
                let retryable = retryable
                    || server_clock::is_refusal(&cause)
                        && (whole.date.and_then(answer::text))
                            .is_some_and(|date| self.identity.clock().follow(date));
                Answer::Failed { cause, retryable }
            }
            other => other,
        }
    }

    /// At most 36 characters, and never the same again.
    fn token(&self) -> String {
        let number = self.transactions.fetch_add(1, Ordering::Relaxed);
        format!("{:016x}-{number:016x}", self.run)
    }
}

fn failed(cause: &str) -> Answer {
    Answer::Failed {
        cause: cause.to_owned(),
        retryable: false,
    }
}

impl Target for WireTarget {
    async fn execute(&self, table: &Table, request: &Request) -> Attempted {
        let mut attempt = Attempt {
            wire: self,
            table,
            declared: Declared::default(),
        };
        let answer = attempt.execute(request).await;
        Attempted {
            answer: answer.map_or_else(|answer| answer, |()| Answer::Completed),
            declared: attempt.declared,
        }
    }

    async fn connect(&self) {
        self.pool.connect().await;
    }

    fn of_thread(&self) -> Self {
        Self {
            pool: self.pool.of_thread(),
            identity: self.identity.of_thread(),
            head: self.head.clone(),
            run: self.run,
            transactions: Arc::clone(&self.transactions),
            pace: self.pace,
        }
    }
}

/// One attempt at a request of the mix, which may take several of DynamoDB's.
struct Attempt<'a> {
    wire: &'a WireTarget,
    table: &'a Table,
    /// What its answers so far declare.
    declared: Declared,
}

impl Attempt<'_> {
    async fn execute(&mut self, request: &Request) -> Result<(), Answer> {
        let name = self.table.name.as_str();
        match request {
            Request::Get { key, consistency } => self.get(key, *consistency).await,
            Request::Write {
                write,
                condition,
                return_values,
            } => self.write(write, *condition, *return_values).await,
            Request::Query(query) => self.query(query).await,
            Request::Scan { segment, page } => self.scan(*segment, page).await,
            Request::BatchGet {
                keys,
                consistency,
                retry_unprocessed,
            } => {
                let call = json::batch_get(name, keys, *consistency);
                self.batch(call, *retry_unprocessed).await
            }
            Request::BatchWrite {
                writes,
                retry_unprocessed,
            } => {
                let call = json::batch_write(name, writes);
                self.batch(call, *retry_unprocessed).await
            }
            Request::TransactGet { keys } => {
                let call = json::transact_get(name, keys);
                self.call(call, Direction::Read, nothing).await
            }
            Request::TransactWrite { writes } => {
                let token = self.wire.token();
                let call = json::transact_write(name, self.partition_key_name(), writes, &token);
                self.call(call, Direction::Write, nothing).await
            }
            Request::ReadModifyWrite {
                key,
                set,
                consistency,
            } => {
                // The read decides whether there is an update: it fails as the request fails.
                self.get(key, *consistency).await?;
                let update = Write::Update {
                    key: key.clone(),
                    set: set.clone(),
                };
                let call = json::write(name, &update, None, false);
                self.call(call, Direction::Write, nothing).await
            }
            Request::Statement {
                text,
                parameters,
                kind,
                consistency,
            } => self.statement(text, parameters, *kind, *consistency).await,
        }
    }

    /// Sends a call, adds what it took, and returns what `with` takes from its answer.
    async fn call<T>(
        &mut self,
        call: Call,
        direction: Direction,
        with: With<T>,
    ) -> Result<T, Answer> {
        let reply = self.wire.send(call).await?;
        let taken = self.take(reply.whole(), direction, with);
        reply.release();
        taken
    }

    fn take<T>(
        &mut self,
        whole: Whole<'_>,
        direction: Direction,
        with: With<T>,
    ) -> Result<T, Answer> {
        let answered = answer::of(whole).map_err(|answer| self.wire.corrected(answer, whole))?;
        consumed::add(
            &mut self.declared,
            self.table,
            direction,
            answered.consumed(),
        )?;
        Ok(with(&answered, &self.table.name))
    }

    fn get(
        &mut self,
        key: &Item,
        consistency: Consistency,
    ) -> impl Future<Output = Result<(), Answer>> {
        let call = json::get(&self.table.name, key, consistency);
        self.call(call, Direction::Read, nothing)
    }

    /// A write of one item. That its condition is not met is an answer as good as any other.
    async fn write(
        &mut self,
        write: &Write,
        condition: Option<Presence>,
        return_values: bool,
    ) -> Result<(), Answer> {
        let attribute = self.partition_key_name();
        let condition = condition.map(|presence| Condition {
            presence,
            attribute,
        });
        let call = json::write(&self.table.name, write, condition, return_values);
        let is_conditional = condition.is_some();
        match self.call(call, Direction::Write, nothing).await {
            Err(Answer::Failed { cause, .. })
                if is_conditional && cause == "ConditionalCheckFailedException" =>
            {
                self.declared.conditions_failed += 1;
                Ok(())
            }
            other => other,
        }
    }

    async fn query(&mut self, query: &QueryRequest) -> Result<(), Answer> {
        let mut start: Option<Box<RawValue>> = None;
        loop {
            let call = json::query(&self.table.name, query, start.as_deref());
            start = self.call(call, Direction::Read, next_page).await?;
            if start.is_none() || !query.page.all_pages {
                return Ok(());
            }
        }
    }

    async fn scan(&mut self, segment: (u32, u32), page: &Page) -> Result<(), Answer> {
        let mut start: Option<Box<RawValue>> = None;
        loop {
            let call = json::scan(&self.table.name, segment, page, start.as_deref());
            start = self.call(call, Direction::Read, next_page).await?;
            if start.is_none() || !page.all_pages {
                return Ok(());
            }
        }
    }

    /// A batch, and what the server leaves of it again if `retry` says so.
    async fn batch(&mut self, mut call: Call, retry: bool) -> Result<(), Answer> {
        let (target, paced) = (call.target, self.wire.pace.begin());
        let mut times = 0;
        let (direction, left_of): (_, With<_>) = match target {
            json::BATCH_GET => (Direction::Read, unread),
            _ => (Direction::Write, unwritten),
        };
        loop {
            let Some((members, left)) = self.call(call, direction, left_of).await? else {
                return Ok(());
            };
            if !retry {
                self.declared.unprocessed += members;
                return Ok(());
            }
            paced.batch_pause(times).await?;
            times += 1;
            call = json::batch_again(target, &self.table.name, &left);
        }
    }

    async fn statement(
        &mut self,
        text: &str,
        parameters: &[AttributeValue],
        kind: OperationKind,
        consistency: Consistency,
    ) -> Result<(), Answer> {
        let of_select = (kind == OperationKind::StatementSelect).then_some(consistency);
        let call = json::statement(text, parameters, of_select);
        self.call(call, kind.direction(), nothing).await
    }

    fn partition_key_name(&self) -> &str {
        &self.table.attributes[self.table.partition_key].name
    }
}

/// What is taken from an answer, which is about the table of this name.
type With<T> = fn(&Answered<'_>, &str) -> T;

fn nothing(_: &Answered<'_>, _: &str) {}

fn next_page(answered: &Answered<'_>, _: &str) -> Option<Box<RawValue>> {
    answered.last_evaluated_key.map(ToOwned::to_owned)
}

fn unread(answered: &Answered<'_>, table: &str) -> Option<(u64, Box<RawValue>)> {
    let (keys, left) = answered.unread(table)?;
    Some((keys, left.to_owned()))
}

fn unwritten(answered: &Answered<'_>, table: &str) -> Option<(u64, Box<RawValue>)> {
    let (members, left) = answered.unwritten(table)?;
    Some((members, left.to_owned()))
}
