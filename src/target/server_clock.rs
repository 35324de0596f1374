//! The server's clock, which signatures have to agree with: taken over once it refused one for the
//! time in it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

/// What AWS calls a signature that it does not accept; its time may be why.
const REFUSALS: [&str; 4] = [
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
    "RequestExpired",
];
/// So much of an error is looked at: AWS's are short.
const LOOKED_AT: usize = 4096;
/// Refusals of a clock that is off by less have another cause.
const OFF_AT_LEAST: SignedDuration = SignedDuration::from_mins(4);

/// Whether an exception means that a signature was refused, perhaps for the time in it.
pub(super) fn is_refusal(exception: &str) -> bool {
    REFUSALS.contains(&exception)
}

/// Whether the body or a header of an error names such an exception.
pub(super) fn names_refusal(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&text[..text.len().min(LOOKED_AT)]);
    REFUSALS.iter().any(|exception| text.contains(exception))
}

/// How far the server's clock is ahead of this machine's, as far as that matters. Clones know of one
/// clock.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerClock {
    /// In seconds; 0 until the server refused ours.
    ahead_seconds: Arc<AtomicI64>,
}

impl ServerClock {
    /// Now.
    pub(super) fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        let ahead = SignedDuration::from_secs(self.ahead_seconds.load(Ordering::Relaxed));
        now.checked_add(ahead).unwrap_or(now)
    }

    /// Whether it is the server's, and not this machine's.
    pub(super) fn is_theirs(&self) -> bool {
        self.ahead_seconds.load(Ordering::Relaxed) != 0
    }

    /// Takes over the server's clock, once, if its `date` shows that a signature was refused for the
    /// time in it: whether that is so, and the request may be sent again.
    pub(super) fn follow(&self, date: &str) -> bool {
        let Ok(server) = rfc2822::parse(date) else {
            return false;
        };
        let ahead = server.timestamp().duration_since(Timestamp::now());
        if ahead.abs() < OFF_AT_LEAST {
            return false;
        }
        let seconds = ahead.as_secs();
        let first =
            self.ahead_seconds
                .compare_exchange(0, seconds, Ordering::Relaxed, Ordering::Relaxed);
        if first.is_ok() {
            eprintln!(
                "warning: the server's clock is {seconds} s ahead of this machine's, and it \
                 refused a signature for that: requests are signed by its clock from now on"
            );
        }
        true
    }
}
