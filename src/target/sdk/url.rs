//! Where requests go: what the SDK makes of endpoint, region and account.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept, context::BeforeTransmitInterceptorContextRef, dyn_dispatch_hint,
        },
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

use super::SdkTarget;

/// Notes the URL of the request that it sees.
#[derive(Clone, Debug, Default)]
struct UrlOfRequest(Arc<Mutex<Option<String>>>);

#[dyn_dispatch_hint]
impl Intercept for UrlOfRequest {
    fn name(&self) -> &'static str {
        "UrlOfRequest"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let url = context.request().uri().to_owned();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
        Ok(())
    }
}

impl SdkTarget {
    /// The URL that requests about `table` are sent to; `None` when none could be sent. Asks for
    /// the table's description.
    pub(in crate::target) async fn url_for(&self, table: &str) -> Option<String> {
        let url = UrlOfRequest::default();
        let request = self.admin.describe_table().table_name(table);
        // Even one that is refused was sent somewhere.
        let _ = request.customize().interceptor(url.clone()).send().await;
        let mut url = url.0.lock().unwrap_or_else(PoisonError::into_inner);
        url.take()
    }
}
