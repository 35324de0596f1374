//! How long a client waits between the parts of one request, by the run's time.

use std::time::{Duration, Instant};

use super::Answer;
use crate::{engine::retry::batch_pause, scenario::ClientSettings, units::TimeScale};

/// What bounds a request of several parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    scale: TimeScale,
    /// Of the run's time, where that is not the machine's: the machine's bounds an attempt from
    /// without.
    deadline: Option<Duration>,
}

impl Pace {
    pub(super) fn new(client: &ClientSettings, scale: TimeScale) -> Self {
        Self {
            scale,
            deadline: (!scale.is_real()).then_some(client.attempt_timeout),
        }
    }

    /// The request begins.
    pub(super) fn begin(self) -> Paced {
        Paced {
            pace: self,
            began: Instant::now(),
        }
    }

    /// How long to wait on the machine when `spent` has passed there, and whether there is time
    /// left then.
    fn pause(self, times: u32, spent: Duration) -> (Duration, bool) {
        let spent = self.scale.of_run(spent);
        let left = self.deadline.unwrap_or(Duration::MAX).saturating_sub(spent);
        let pause = batch_pause(times);
        (self.scale.real(pause.min(left)), pause < left)
    }
}

/// One request at its pace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paced {
    pace: Pace,
    began: Instant,
}

impl Paced {
    /// Waits before what a batch left unprocessed is asked for again, which it was `times` times
    /// before.
    ///
    /// # Errors
    /// [`Answer::TimedOut`] at the deadline, where that comes before.
    pub(super) async fn batch_pause(self, times: u32) -> Result<(), Answer> {
        let (wait, is_in_time) = self.pace.pause(times, self.began.elapsed());
        tokio::time::sleep(wait).await;
        is_in_time.then_some(()).ok_or(Answer::TimedOut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_waits_by_the_run_s_time_and_no_longer_than_its_deadline() {
        let client = ClientSettings {
            attempt_timeout: Duration::from_secs(2),
            ..ClientSettings::default()
        };
        let millis = Duration::from_millis;
        let scaled = Pace::new(&client, TimeScale::new(10.0).unwrap());
        // 50, 100 and 200 ms of the run, and the deadline after 2 s of it.
        for (spent, times, wait) in [(0, 0, 5), (5, 1, 10), (150, 2, 20)] {
            assert_eq!(scaled.pause(times, millis(spent)), (millis(wait), true));
        }
        assert_eq!(scaled.pause(2, millis(190)), (millis(10), false));
        assert_eq!(scaled.pause(2, millis(300)), (Duration::ZERO, false));
        // In real time the attempt is bounded from without.
        let real = Pace::new(&client, TimeScale::REAL);
        assert_eq!(real.pause(1, millis(1990)), (millis(100), true));
    }
}
