//! Nightly verdicts: the rule, the history, the commands.

pub mod command;
mod end_to_end;
pub mod history;
mod metrics;
mod pipeline;
mod rule;
