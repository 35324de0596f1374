//! Nightly verdicts: the rule, the history, the commands.

mod command;
mod end_to_end;
mod history;
mod rule;
