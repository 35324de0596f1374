//! How fast the time of a run passes beside that of the machine.

use std::{fmt, str::FromStr, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Seconds of a run that pass in each second of the machine; 0.01 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(with = "f64")]
pub struct TimeScale(f64);

/// A factor that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a number from 0.01 to 10000")]
pub struct NoTimeScale;

impl TimeScale {
    /// As fast as the machine's.
    pub const REAL: Self = Self(1.0);

    /// # Errors
    /// When it is out of bounds.
    pub fn new(factor: f64) -> Result<Self, NoTimeScale> {
        let is_valid = (0.01..=10_000.0).contains(&factor);
        is_valid.then_some(Self(factor)).ok_or(NoTimeScale)
    }

    /// The factor.
    #[must_use]
    pub const fn factor(self) -> f64 {
        self.0
    }

    /// Whether it is the machine's own time.
    #[must_use]
    pub const fn is_real(&self) -> bool {
        self.0.to_bits() == 1.0_f64.to_bits()
    }

    /// What passes of the run while `real` passes on the machine.
    #[must_use]
    pub fn of_run(self, real: Duration) -> Duration {
        if self.is_real() {
            return real;
        }
        Duration::try_from_secs_f64(real.as_secs_f64() * self.0).unwrap_or(Duration::MAX)
    }

    /// What passes on the machine while `of_run` passes of the run.
    #[must_use]
    pub fn real(self, of_run: Duration) -> Duration {
        if self.is_real() {
            return of_run;
        }
        Duration::try_from_secs_f64(of_run.as_secs_f64() / self.0).unwrap_or(Duration::MAX)
    }
}

impl Default for TimeScale {
    fn default() -> Self {
        Self::REAL
    }
}

impl TryFrom<f64> for TimeScale {
    type Error = NoTimeScale;

    fn try_from(factor: f64) -> Result<Self, NoTimeScale> {
        Self::new(factor)
    }
}

impl From<TimeScale> for f64 {
    fn from(scale: TimeScale) -> Self {
        scale.0
    }
}

impl FromStr for TimeScale {
    type Err = NoTimeScale;

    fn from_str(text: &str) -> Result<Self, NoTimeScale> {
        text.trim()
            .parse()
            .map_err(|_| NoTimeScale)
            .and_then(Self::new)
    }
}

/// The factor, as it is read.
impl fmt::Display for TimeScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_within_its_bounds_and_reads_as_it_is_written() {
        for text in ["0", "-1", "0.009", "10001", "nan", "inf", "", "x"] {
            assert_eq!(text.parse::<TimeScale>(), Err(NoTimeScale), "{text}");
        }
        for text in ["0.01", "1", "60", "2.5", "10000"] {
            let scale: TimeScale = text.parse().unwrap();
            assert_eq!(scale.to_string(), text);
            let stored = serde_json::to_string(&scale).unwrap();
            assert_eq!(serde_json::from_str::<TimeScale>(&stored).unwrap(), scale);
        }
        assert!(serde_json::from_str::<TimeScale>("0").is_err());
    }

    #[test]
    fn a_burst_of_300_seconds_is_over_in_5() {
        let scale = TimeScale::new(60.0).unwrap();
        let (run, real) = (Duration::from_mins(5), Duration::from_secs(5));
        assert_eq!(scale.of_run(real), run);
        assert_eq!(scale.real(run), real);
        assert_eq!(TimeScale::REAL.of_run(run), run);
    }
}
