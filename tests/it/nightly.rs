//! Nightly verdicts: the rule, the history, the commands.

mod history;
mod rule;
