//! Night after night: what has changed, since when, and with which commit.
//!
//! Owns the history's format and every decision about it; must not know files, or how a trend
//! is drawn. A history is replayed from its first night: the same lines give the same trend.

pub mod history;
pub mod metrics;
pub mod outcome;
pub mod replay;
pub mod rule;

pub use history::{Acceptance, History, Host, Metric, MetricUnit, NightRecord};
pub use outcome::{Filter, Trend, Word};
