//! Checks the body of every answer.
//!
//! The SDK takes an empty body for `{}` and leaves `x-amz-crc32` unread, so without this a
//! broken server would look like a fast one.

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

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyFault {
    #[error("empty body")]
    Empty,
    #[error("body does not match its checksum")]
    Checksum,
}

/// Turns an answer with a faulty body into an error.
#[derive(Debug)]
pub(super) struct IntegrityCheck;

#[dyn_dispatch_hint]
impl Intercept for IntegrityCheck {
    fn name(&self) -> &'static str {
        "IntegrityCheck"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        // A body that broke off was never read in whole; that error stands.
        let Some(body) = response.body().bytes() else {
            return Ok(());
        };
        let declared = response.headers().get("x-amz-crc32");
        Ok(check(response.status().is_success(), declared, body)?)
    }
}

fn check(success: bool, declared: Option<&str>, body: &[u8]) -> Result<(), BodyFault> {
    if success && body.is_empty() {
        return Err(BodyFault::Empty);
    }
    match declared.map(str::parse) {
        Some(crc) if crc != Ok(crc32fast::hash(body)) => Err(BodyFault::Checksum),
        _ => Ok(()),
    }
}
