//! One binary for all integration tests: one link, shared helpers.
mod architecture;
mod capacity;
mod scenarios;
mod workload;
