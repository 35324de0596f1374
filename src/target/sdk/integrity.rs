//! Checks the body of every answer, and bounds its size.
//!
//! The SDK reads a body to its end, however far that is. It takes an empty body for `{}` and leaves
//! `x-amz-crc32` unread, so without this a broken server would look like a fast one.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{
                AfterDeserializationInterceptorContextRef,
                BeforeDeserializationInterceptorContextMut,
            },
            dyn_dispatch_hint,
        },
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use http_body_util::Limited;

use crate::target::lost::BODY_BYTES_MAX;

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyFault {
    #[error("empty body")]
    Empty,
    #[error("body does not match its checksum")]
    Checksum,
    #[error("body of more than {} MiB", BODY_BYTES_MAX >> 20)]
    TooLarge,
}

/// Turns an answer with a faulty body into an error.
#[derive(Debug)]
pub(super) struct IntegrityCheck;

#[dyn_dispatch_hint]
impl Intercept for IntegrityCheck {
    fn name(&self) -> &'static str {
        "IntegrityCheck"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        match body.content_length() {
            Some(length) if length > BODY_BYTES_MAX as u64 => Err(BodyFault::TooLarge.into()),
            Some(_) => Ok(()),
            None => {
                let endless = std::mem::replace(body, SdkBody::taken());
                *body = SdkBody::from_body_1_x(Limited::new(endless, BODY_BYTES_MAX));
                Ok(())
            }
        }
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
