//! How long the emulator takes to answer, so that a closed loop behaves as against a cloud.
//!
//! Owns the distribution and how it is written. Must not know what is answered.

use std::{fmt, str::FromStr, time::Duration};

use rand_distr::{Distribution as _, StandardNormal};

use crate::{scenario::quantity::Quantity, seed::Rng};

/// The 99th percentile of the standard normal distribution.
const NORMAL_P99: f64 = 2.326_347_874_040_841;
/// Longer than any client waits.
const LONGEST: Duration = Duration::from_mins(1);

/// The time from a complete request to its answer. The store's own time is part of it: an
/// answer that is ready earlier is held, one that is ready later goes out at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceTime {
    /// Always the same.
    Constant(Duration),
    /// Log-normal: half of the answers within `median`, 99 % within `p99`.
    LogNormal {
        /// Above zero.
        median: Duration,
        /// At least the median.
        p99: Duration,
    },
}

impl ServiceTime {
    /// One answer's, at most a minute.
    #[must_use]
    pub fn sample(self, random: &mut Rng) -> Duration {
        match self {
            Self::Constant(time) => time,
            Self::LogNormal { median, p99 } => {
                let deviations: f64 = StandardNormal.sample(random);
                let ratio = p99.as_secs_f64() / median.as_secs_f64();
                let seconds = median.as_secs_f64() * ratio.powf(deviations / NORMAL_P99);
                Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64()))
            }
        }
    }
}

impl FromStr for ServiceTime {
    type Err = String;

    /// `5ms`, or `5ms..20ms`: median and 99th percentile.
    fn from_str(text: &str) -> Result<Self, String> {
        let (first, second) = match text.split_once("..") {
            Some((median, p99)) => (time(median)?, Some(time(p99)?)),
            None => (time(text)?, None),
        };
        match second {
            None => Ok(Self::Constant(first)),
            Some(p99) if first > Duration::ZERO && p99 >= first => {
                Ok(Self::LogNormal { median: first, p99 })
            }
            Some(_) => Err(
                "write the median above zero, then a 99th percentile not below it, \
                            such as 5ms..20ms"
                    .to_owned(),
            ),
        }
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let nanos = Quantity::Duration.parse(text).map_err(|_| {
        "write a time such as 5ms, or its median and 99th percentile such as 5ms..20ms".to_owned()
    })?;
    let time = Duration::try_from_secs_f64(nanos / 1e9).unwrap_or(Duration::MAX);
    if time > LONGEST {
        return Err("an answer may take a minute at most".to_owned());
    }
    Ok(time)
}

impl fmt::Display for ServiceTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(time) => write!(f, "constant, {time:?}"),
            Self::LogNormal { median, p99 } => {
                write!(f, "log-normal, median {median:?}, 99th percentile {p99:?}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn half_of_the_answers_come_within_the_median_and_99_percent_within_the_p99() {
        let time: ServiceTime = "5ms..20ms".parse().expect("as documented");
        let stream = Seed(1).stream("service time");
        let share_within = |limit| {
            let within = |n: &u64| time.sample(&mut stream.at(*n)) <= limit;
            (0..20_000_u64).filter(within).count()
        };
        // Three standard deviations of a binomial of 20,000.
        assert!(share_within(Duration::from_millis(5)).abs_diff(10_000) < 213);
        assert!(share_within(Duration::from_millis(20)).abs_diff(19_800) < 43);
    }

    #[test]
    fn what_is_no_time_is_refused_with_an_example() {
        for text in [
            "",
            "5",
            "-1ms",
            "20ms..5ms",
            "0ms..5ms",
            "2min",
            "5ms..",
            "nan ms",
        ] {
            let error = text.parse::<ServiceTime>().expect_err(text);
            assert!(
                error.contains("5ms") || error.contains("a minute"),
                "{text}: {error}"
            );
        }
        assert_eq!(
            "250us".parse(),
            Ok(ServiceTime::Constant(Duration::from_micros(250)))
        );
    }
}
