//! One binary for all integration tests: one link, shared helpers.
mod architecture;
mod browser;
mod capacity;
mod dynamodb_local;
mod emulator;
mod fixtures;
mod html;
mod reports;
mod scenarios;
mod wire;
mod workload;
