//! DynamoDB's exceptions as answers: throttled, or failed.

use serde::Deserialize;
use serde_json::Value;

use super::{Answer, lost};

const THROTTLES: [&str; 3] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
];

const CANCELLED: &str = "TransactionCanceledException";

/// Codes of a member that stood in a transaction's way for want of capacity. [TXN]
const MEMBER_THROTTLES: [&str; 2] = ["ThrottlingError", "ProvisionedThroughputExceeded"];

/// `ResourceNotFoundException`, from the header `x-amzn-errortype` or the body: without the
/// namespace in front and the URL behind.
pub(super) fn name(kind: Option<&str>, body: &[u8]) -> Option<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Typed {
        __type: Option<String>,
        code: Option<String>,
    }
    let of_body = || {
        let typed: Typed = serde_json::from_slice(body).ok()?;
        typed.__type.or(typed.code)
    };
    let full = kind.map(str::to_owned).or_else(of_body)?;
    let name = full.split(':').next()?;
    Some(name.rsplit('#').next()?.to_owned())
}

/// What an answer that is no success comes to, whose exception is called `code`, if it says.
pub(super) fn answer(code: Option<&str>, status: u16, body: &[u8]) -> Answer {
    // 429 is a proxy's: DynamoDB's own throttles are exceptions with a name.
    let retryable = (500..600).contains(&status) || status == 429;
    match code {
        Some(code) if THROTTLES.contains(&code) => Answer::Throttled {
            reasons: throttling_reasons(body, code),
        },
        Some(code) if code == CANCELLED => of_cancellation(body),
        Some(code) => failed(code.to_owned(), retryable),
        // Nothing refused; there is only nothing that could be understood.
        None if (200..300).contains(&status) => failed(lost::unknown("unreadable body"), true),
        None => failed(format!("HTTP {status}"), retryable),
    }
}

fn failed(cause: String, retryable: bool) -> Answer {
    Answer::Failed { cause, retryable }
}

/// A transaction is throttled when one of its members is: with capacity it may well go
/// through. Otherwise it failed, for the distinct codes of its members; a conflict with another
/// transaction may be gone the next time.
fn of_cancellation(body: &[u8]) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let members = body.get("CancellationReasons").and_then(Value::as_array);
    let members = members.map(Vec::as_slice).unwrap_or_default();
    let code = |member: &Value| Some(member.get("Code")?.as_str()?.to_owned());
    let throttled = members.iter().filter_map(|member| {
        let code = code(member)?;
        let is_throttle = MEMBER_THROTTLES.contains(&code.as_str());
        is_throttle.then(|| reasons_in(member, &code))
    });
    let reasons: Vec<_> = throttled.flatten().collect();
    if !reasons.is_empty() {
        return Answer::Throttled { reasons };
    }
    let mut codes: Vec<_> = members.iter().filter_map(code).collect();
    codes.retain(|code| code != "None");
    codes.sort_unstable();
    codes.dedup();
    let retryable = codes == ["TransactionConflict"];
    if codes.is_empty() {
        return failed(CANCELLED.to_owned(), false);
    }
    failed(format!("{CANCELLED}: {}", codes.join(", ")), retryable)
}

fn throttling_reasons(body: &[u8], code: &str) -> Vec<String> {
    reasons_in(&serde_json::from_slice(body).unwrap_or_default(), code)
}

/// The reasons in an exception's body or a cancelled member, spelt `ThrottlingReasons` or
/// `throttlingReasons`; its name where it gives none, as DynamoDB Local and older emulators do.
fn reasons_in(body: &Value, name: &str) -> Vec<String> {
    let reasons: Vec<String> = ["ThrottlingReasons", "throttlingReasons"]
        .iter()
        .filter_map(|field| body.get(field)?.as_array())
        .flatten()
        .filter_map(|reason| reason.get("reason")?.as_str().map(str::to_owned))
        .collect();
    if reasons.is_empty() {
        vec![name.to_owned()]
    } else {
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_read_in_either_spelling_and_fall_back_to_the_name() {
        let check = |body: &str, expected: &[&str]| {
            let found = throttling_reasons(body.as_bytes(), "ThrottlingException");
            assert_eq!(found, expected, "{body}");
        };
        let one = r#"[{"reason":"TableReadProvisionedThroughputExceeded","resource":"arn:x"}]"#;
        let table = "TableReadProvisionedThroughputExceeded";
        check(&format!(r#"{{"ThrottlingReasons":{one}}}"#), &[table]);
        check(&format!(r#"{{"throttlingReasons":{one}}}"#), &[table]);
        check(r#"{"message":"slow down"}"#, &["ThrottlingException"]);
        check("not json", &["ThrottlingException"]);
    }

    #[test]
    fn a_cancelled_transaction_is_throttled_only_for_want_of_capacity() {
        let check = |codes: &[&str], expected: Answer| {
            let members: Vec<_> = codes
                .iter()
                .map(|code| serde_json::json!({"Code": code}))
                .collect();
            let body = serde_json::json!({"CancellationReasons": members}).to_string();
            assert_eq!(of_cancellation(body.as_bytes()), expected, "{codes:?}");
        };
        let throttled = |reason: &str| Answer::Throttled {
            reasons: vec![reason.to_owned()],
        };
        let condition = "ConditionalCheckFailed";
        check(
            &["None", "ThrottlingError", condition],
            throttled("ThrottlingError"),
        );
        let cancelled = |codes: &str, retryable| {
            failed(format!("TransactionCanceledException: {codes}"), retryable)
        };
        check(&["None", condition, condition], cancelled(condition, false));
        check(
            &["TransactionConflict"],
            cancelled("TransactionConflict", true),
        );
        check(&["None"], failed(CANCELLED.to_owned(), false));
        assert_eq!(
            of_cancellation(
                br#"{"CancellationReasons":[{"Code":"ThrottlingError","ThrottlingReasons":[{"reason":"x"}]}]}"#
            ),
            throttled("x")
        );
    }
}
