//! The SDK's errors as answers: throttled, failed or timed out.

use std::error::Error;

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use super::{Answer, integrity::BodyFault};
use crate::target::{exception, lost};

/// How an attempt ended that was not a success.
pub(super) fn of_error<E>(error: &SdkError<E, HttpResponse>) -> Answer
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::TimeoutError(_) => Answer::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => Answer::TimedOut,
        SdkError::ServiceError(refused) => {
            let (code, raw) = (refused.err().meta().code(), refused.raw());
            let body = raw.body().bytes().unwrap_or_default();
            exception::answer(code, raw.status().as_u16(), body)
        }
        SdkError::DispatchFailure(_) => failed(lost::of_connection(error), true),
        SdkError::ResponseError(_) => failed(body_cause(error), true),
        _ => failed("request could not be built".to_owned(), false),
    }
}

fn failed(cause: String, retryable: bool) -> Answer {
    Answer::Failed { cause, retryable }
}

fn body_cause(error: &(dyn Error + 'static)) -> String {
    match lost::find::<BodyFault>(error) {
        Some(fault) => lost::unknown(&fault.to_string()),
        None => lost::of_body(error),
    }
}
