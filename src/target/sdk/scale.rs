//! How fast a server's time passes, as its answers tell it.

use std::sync::{Arc, Mutex, PoisonError};

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

use super::SdkTarget;
use crate::{emulator::TIME_SCALE_HEADER, units::TimeScale};

/// Notes what the last answer tells. Real time where it tells nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct ToldScale(Arc<Mutex<TimeScale>>);

#[dyn_dispatch_hint]
impl Intercept for ToldScale {
    fn name(&self) -> &'static str {
        "ToldScale"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let told = context.response().headers().get(TIME_SCALE_HEADER);
        let told = told.and_then(|told| told.parse().ok()).unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = told;
        Ok(())
    }
}

impl SdkTarget {
    /// How fast the server's time passes, by the last answer to a request about tables.
    #[must_use]
    pub fn told_scale(&self) -> TimeScale {
        let told = self.told_scale.0.lock();
        *told.unwrap_or_else(PoisonError::into_inner)
    }
}
