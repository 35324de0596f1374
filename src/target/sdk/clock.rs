//! The SDK by the server's clock, which it takes over by itself, from any answer: what is refused for
//! the time in its signature is sent again once where nothing is measured, and may be sent again by
//! whoever measures.

use std::time::Duration;

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{AfterDeserializationInterceptorContextRef, InterceptorContext},
            dyn_dispatch_hint,
        },
        orchestrator::HttpResponse,
        retries::classifiers::{ClassifyRetry, RetryAction},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{
    config_bag::ConfigBag,
    retry::{ErrorKind, RetryConfig},
};

use crate::target::{
    exception,
    server_clock::{self, ServerClock},
};

/// Notes the server's clock where it refuses ours, for the client that is not the SDK's.
#[derive(Clone, Debug)]
pub(super) struct FollowClock(pub(super) ServerClock);

impl FollowClock {
    /// Whether this answer refuses our clock, so that the request may be sent again.
    fn follow(&self, response: &HttpResponse) -> bool {
        let headers = response.headers();
        let body = response.body().bytes().unwrap_or_default();
        !response.status().is_success()
            && exception::name(headers.get("x-amzn-errortype"), body)
                .is_some_and(|name| server_clock::is_refusal(&name))
            && headers.get("date").is_some_and(|date| self.0.follow(date))
    }
}

/// One more try at once, of what [`FollowClock`] lets be tried again.
pub(super) fn once_more() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(2)
        .with_initial_backoff(Duration::from_millis(1))
}

#[dyn_dispatch_hint]
impl Intercept for FollowClock {
    fn name(&self) -> &'static str {
        "FollowClock"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.follow(context.response());
        Ok(())
    }
}

/// Tries nothing else again. Classifiers of one's own are asked last.
impl ClassifyRetry for FollowClock {
    fn name(&self) -> &'static str {
        "FollowClock"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.response() {
            Some(response) if self.follow(response) => {
                RetryAction::retryable_error(ErrorKind::ClientError)
            }
            _ => RetryAction::RetryForbidden,
        }
    }
}
