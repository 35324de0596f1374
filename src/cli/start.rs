//! When a run starts: soon, or at an instant that several processes know without talking.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::scenario::quantity::Quantity;

/// Before the start, for the threads to be ready by then.
const LEAD: Duration = Duration::from_millis(200);
/// Shards that are told nothing else start at multiples of this.
const SHARDS_EVERY: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct StartArguments {
    /// Start the timed phases at this instant, for example 2026-11-23T14:00:00Z. A process that
    /// is not ready by then fires late, and says so.
    #[arg(long, value_name = "TIME", conflicts_with = "start_every")]
    start_at: Option<Timestamp>,
    /// Once ready, start at the next multiple of this, counted from 00:00 UTC on 1 January 1970.
    /// Shards start so every 30s unless they are told otherwise.
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    start_every: Option<Duration>,
}

fn period(text: &str) -> Result<Duration, String> {
    let long_enough = |period: &Duration| *period >= Duration::from_secs(1);
    let period = duration(text).ok().filter(long_enough);
    period.ok_or_else(|| "write a duration of at least 1s: \"30s\" or \"5min\"".to_owned())
}

/// A duration as scenarios write it.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let nanos = Quantity::Duration.parse(text).ok();
    let duration = nanos.and_then(|nanos| Duration::try_from_secs_f64(nanos / 1e9).ok());
    duration.ok_or_else(|| "write a number and its unit: \"30s\" or \"250ms\"".to_owned())
}

/// A start that was decided on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// By the wall clock.
    pub(super) at: Timestamp,
    /// The same by the machine's monotonic clock.
    pub(super) instant: Instant,
    /// By how much it was missed; zero when it lies ahead.
    pub(super) late: Duration,
}

impl StartArguments {
    /// The start of a process that is ready at `now`; `None` when it may start at once.
    fn after(&self, now: Timestamp, is_shard: bool) -> Option<Timestamp> {
        let every = self.start_every.or(is_shard.then_some(SHARDS_EVERY));
        self.start_at.or_else(|| {
            let period = i128::try_from(every?.as_nanos()).ok()?;
            let lead = i128::try_from(LEAD.as_nanos()).ok()?;
            let periods = (now.as_nanosecond() + lead).div_euclid(period) + 1;
            Timestamp::from_nanosecond(periods * period).ok()
        })
    }

    /// Refuses a start after which the whole run, `lasting` so long, would be over by `now`: all of
    /// it would be sent at once, and say nothing.
    pub(super) fn check(&self, now: Timestamp, lasting: Duration) -> anyhow::Result<()> {
        let Some(at) = self.start_at else {
            return Ok(());
        };
        let since = Duration::try_from(now.duration_since(at)).unwrap_or_default();
        anyhow::ensure!(
            since <= lasting,
            "--start-at {at}: that was {:.0} s ago, and the run lasts {:.0} s\n  \
             help: name an instant to come, with time to get ready",
            since.as_secs_f64(),
            lasting.as_secs_f64()
        );
        Ok(())
    }

    /// Waits for the start, and returns shortly before it; at once when it is past.
    pub(super) async fn wait(&self, is_shard: bool) -> anyhow::Result<Option<Start>> {
        let Some(at) = self.after(Timestamp::now(), is_shard) else {
            return Ok(None);
        };
        let left = until(at);
        eprintln!(
            "ready; the run starts at {at}, in {:.1} s",
            left.as_secs_f64()
        );
        tokio::time::sleep(left.saturating_sub(LEAD)).await;
        // Read as late as can be: the wall clock may have been set meanwhile.
        let now = Timestamp::now();
        let late = Duration::try_from(now.duration_since(at)).unwrap_or_default();
        let instant = Instant::now();
        let instant = match late {
            Duration::ZERO => Some(instant + until(at)),
            late => instant.checked_sub(late),
        };
        let instant = instant.with_context(|| {
            format!("--start-at {at}: that is too long ago\n  help: name an instant to come")
        })?;
        if late > Duration::ZERO {
            eprintln!("late: not ready before {late:?} after the start at {at}");
        }
        Ok(Some(Start { at, instant, late }))
    }
}

/// How long until `at`; zero when that is past.
fn until(at: Timestamp) -> Duration {
    let left: SignedDuration = at.duration_since(Timestamp::now());
    Duration::try_from(left).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(arguments: &StartArguments, now: &str, is_shard: bool) -> Option<String> {
        let start = arguments.after(now.parse().unwrap(), is_shard);
        start.map(|at| at.to_string())
    }

    #[test]
    fn shards_start_at_the_next_boundary_that_leaves_time_to_get_ready() {
        let none = StartArguments {
            start_at: None,
            start_every: None,
        };
        let check = |now, expected: &str| {
            assert_eq!(after(&none, now, true).as_deref(), Some(expected), "{now}");
        };
        check("2026-11-23T13:59:31Z", "2026-11-23T14:00:00Z");
        check("2026-11-23T13:59:59.799Z", "2026-11-23T14:00:00Z");
        check("2026-11-23T13:59:59.801Z", "2026-11-23T14:00:30Z");
        check("2026-11-23T14:00:00Z", "2026-11-23T14:00:30Z");
        assert_eq!(after(&none, "2026-11-23T14:00:00Z", false), None);
    }

    #[test]
    fn a_named_instant_is_kept_even_when_it_is_past() {
        let named = StartArguments {
            start_at: Some("2026-11-23T14:00:00Z".parse().unwrap()),
            start_every: None,
        };
        let start = after(&named, "2026-11-23T15:00:00Z", true);
        assert_eq!(start.as_deref(), Some("2026-11-23T14:00:00Z"));
    }

    #[test]
    fn a_start_after_which_the_run_would_be_over_is_refused() {
        let named = StartArguments {
            start_at: Some("2026-11-23T14:00:00Z".parse().unwrap()),
            start_every: None,
        };
        let check = |now: &str| named.check(now.parse().unwrap(), Duration::from_secs(90));
        assert!(check("2026-11-23T13:00:00Z").is_ok());
        assert!(check("2026-11-23T14:01:30Z").is_ok());
        let refused = check("2026-11-23T14:01:31Z").unwrap_err().to_string();
        assert!(
            refused.contains("91 s ago, and the run lasts 90 s"),
            "{refused}"
        );
    }

    #[test]
    fn periods_have_a_unit_and_are_not_tiny() {
        assert_eq!(period("5min"), Ok(Duration::from_mins(5)));
        for text in ["30", "", "100ms", "0s", "-1s", "1e400s"] {
            assert!(period(text).is_err(), "{text}");
        }
    }
}
