//! When a request is tried again, and after how long.

use std::time::Duration;

use rand::RngExt as _;

use super::Answer;
use crate::{
    scenario::RetrySettings,
    seed::{Seed, Stream},
};

/// Before what a batch leaves unprocessed is asked for again: doubled each time, up to a limit.
const BATCH_FIRST: Duration = Duration::from_millis(50);
const BATCH_LONGEST: Duration = Duration::from_secs(1);

/// How long a batch waits that has been sent again `times` times for what was left of it. One
/// client at a time waits for its own batch, so there is no jitter.
#[must_use]
pub fn batch_pause(times: u32) -> Duration {
    BATCH_FIRST
        .saturating_mul(2_u32.saturating_pow(times))
        .min(BATCH_LONGEST)
}

/// The retry policy of a run: full-jitter exponential back-off from a stream of its own, so
/// that the pauses of a request depend on the seed and its number, not on what else happens.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    settings: RetrySettings,
    jitter: Stream,
}

impl RetryPolicy {
    /// The policy for a run from `seed`.
    #[must_use]
    pub fn new(settings: RetrySettings, seed: Seed) -> Self {
        Self {
            settings,
            jitter: seed.stream("retry-jitter"),
        }
    }

    /// How long request number `sequence` waits before it is sent again, when `attempts` of it
    /// were made and the last one ended with `answer`; `None` when that answer is final.
    ///
    /// Throttles and time-outs are retried, and failures that say that they may be.
    #[must_use]
    #[inline]
    pub fn pause(&self, sequence: u64, attempts: u32, answer: &Answer) -> Option<Duration> {
        let retryable = match answer {
            Answer::Completed => false,
            Answer::Throttled { .. } | Answer::TimedOut => true,
            Answer::Failed { retryable, .. } => *retryable,
        };
        (retryable && attempts < self.settings.max_attempts).then(|| {
            self.longest_pause(attempts)
                .mul_f64(self.jitter(sequence, attempts))
        })
    }

    /// The pause before retry `number`, counted from 1, at the upper end of its jitter.
    fn longest_pause(&self, number: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(number.saturating_sub(1));
        self.settings
            .base
            .saturating_mul(doubled)
            .min(self.settings.cap)
    }

    /// The `number`-th draw, from 0 up to 1, of the request's own generator.
    fn jitter(&self, sequence: u64, number: u32) -> f64 {
        let mut rng = self.jitter.at(sequence);
        (1..number).for_each(|_| {
            rng.random::<f64>();
        });
        rng.random()
    }
}
