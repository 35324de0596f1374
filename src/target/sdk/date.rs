//! The server's clock, as its `Date` headers tell it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept, context::AfterDeserializationInterceptorContextRef, dyn_dispatch_hint,
        },
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use jiff::{Timestamp, fmt::rfc2822};

use super::SdkTarget;
use crate::{clock::offset::OffsetBounds, record::shard::ClockOffset};

/// Between two requests: half of this and of a round trip is how much the offset may err.
const PAUSE: Duration = Duration::from_millis(20);
/// A second turns within this many requests, unless each takes no time at all.
const REQUESTS: u32 = 60;

/// Notes the `Date` of the answer that it sees.
#[derive(Clone, Debug, Default)]
struct DateOfAnswer(Arc<Mutex<Option<String>>>);

#[dyn_dispatch_hint]
impl Intercept for DateOfAnswer {
    fn name(&self) -> &'static str {
        "DateOfAnswer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

impl SdkTarget {
    /// How far the server's clock is ahead of this machine's; `None` when its answers have no
    /// usable `Date`. Asks for the description of `table` until the server's second turns, for
    /// little more than a second.
    pub async fn clock_offset(&self, table: &str) -> Option<ClockOffset> {
        let mut bounds = OffsetBounds::default();
        let mut first = None;
        for _ in 0..REQUESTS {
            let (sent, date) = (Timestamp::now(), DateOfAnswer::default());
            let request = self.admin.describe_table().table_name(table);
            // Even a refusal has a date.
            let _ = request.customize().interceptor(date.clone()).send().await;
            let answered = Timestamp::now();
            let text = date
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()?;
            let shown = rfc2822::parse(&text).ok()?.timestamp().as_second();
            bounds.read(sent.as_nanosecond(), answered.as_nanosecond(), shown);
            if *first.get_or_insert(shown) != shown {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        bounds.offset()
    }
}
