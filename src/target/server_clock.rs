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
/// Refusals of a clock that is off by less have another cause.
const OFF_AT_LEAST: SignedDuration = SignedDuration::from_mins(4);

/// Whether an exception means that a signature was refused, perhaps for the time in it.
pub(super) fn is_refusal(exception: &str) -> bool {
    REFUSALS.contains(&exception)
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
            let (off, side) = (
                seconds.unsigned_abs(),
                if seconds > 0 { "ahead of" } else { "behind" },
            );
            eprintln!(
                "warning: the server's clock is {off} s {side} this machine's, and it refused a \
                 signature for that: requests are signed by its clock from now on"
            );
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_taken_over_once_on_either_side_and_not_for_minutes() {
        let date = |ahead: SignedDuration| {
            let shown = Timestamp::now() + ahead;
            let printer = rfc2822::DateTimePrinter::new();
            printer.timestamp_to_rfc9110_string(&shown).unwrap()
        };
        for hours in [-2, 2] {
            let (clock, off) = (ServerClock::default(), SignedDuration::from_hours(hours));
            assert!(!clock.follow(&date(SignedDuration::from_mins(hours))));
            assert!(!clock.follow("noon") && !clock.is_theirs());
            assert!(clock.follow(&date(off)) && clock.is_theirs());
            // Later answers move it no more.
            assert!(clock.follow(&date(off + SignedDuration::from_hours(5))));
            let by = clock.now().duration_since(Timestamp::now() + off);
            assert!(by.abs() < SignedDuration::from_secs(5), "{by}");
        }
    }
}
