//! One binary for all integration tests: one link, shared helpers.
mod architecture;
mod browser;
mod capacity;
mod cli;
mod driver;
mod dynamodb_local;
mod emulator;
mod end_to_end;
mod fixtures;
mod html;
mod parity;
mod plan;
mod reports;
mod scenarios;
mod simulation;
mod wire;
mod workload;
