//! Nightly verdicts: the rule, the history, the commands.

mod command;
mod end_to_end;
pub mod history;
mod rule;
