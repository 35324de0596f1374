//! `dyno`: logging, arguments, one command, exit code.

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Silent unless DYNO_LOG says otherwise: logs explain the tool, results go elsewhere.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_env("DYNO_LOG").unwrap_or_else(|_| "off".into()))
        .with_writer(std::io::stderr)
        .init();
    dynamometer::cli::main()
}
