//! `dynamometer` measures and models Amazon DynamoDB workloads.
//!
//! Data flows one way, from the scenario file to the report:
//!
//! ```text
//! scenario.toml → Scenario → (Arrival, Operation) → Attempt → Outcome
//!               → Sample → Interval → RunRecord → Summary → Verdict → ReportView → text, HTML, JSON
//! ```
//!
//! A module uses only modules above it in this list; `tests/it/architecture.rs` reads the list
//! and the sources, and fails otherwise.
//!
//! The core, values in, values out, without clock, I/O or unseeded randomness:
//!
//! 1. [`units`]: quantities with their unit in the type
//! 1. [`seed`]: the root of all randomness and its named streams
//! 1. [`scenario`]: what is to be run, valid by construction
//! 1. [`workload`]: arrival number → operation
//! 1. [`schedule`]: the intended start of every arrival
//! 1. [`capacity`]: what an operation costs, and whether a table admits it now
//! 1. [`price`]: units and modes → dollars
//! 1. [`record`]: samples, added up into intervals and totals
//! 1. [`engine`]: the client as a state machine
//! 1. [`simulation`]: a run in virtual time, over engine and capacity
//! 1. [`analysis`]: record → summary and verdict
//! 1. [`report`]: what every report shows, formatted once
//!
//! The shell, the only code that waits, reads, writes or prints:
//!
//! 1. [`clock`]: real, scaled and virtual time
//! 1. [`emulator`]: embedded DynamoDB behind a governor
//! 1. [`target`]: execute one request
//! 1. [`driver`]: the loop around the engine
//! 1. [`store`]: folders and files
//! 1. [`progress`]: what is drawn while a run goes on
//! 1. [`cli`]: arguments and exit codes

pub mod analysis;
pub mod capacity;
pub mod cli;
pub mod clock;
pub mod driver;
pub mod emulator;
pub mod engine;
pub mod price;
pub mod progress;
pub mod record;
pub mod report;
pub mod scenario;
pub mod schedule;
pub mod seed;
pub mod simulation;
pub mod store;
pub mod target;
pub mod units;
pub mod workload;
