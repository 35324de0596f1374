//! The server that answers at once, for other programs to be measured with.

use anyhow::Context as _;

use crate::{cli::signals::Signals, emulator::instant::InstantServer};

/// Serves until the process is told to stop, and says where on stdout.
pub(super) async fn until_stopped(port: u16) -> anyhow::Result<()> {
    let mut stop = Signals::listen().context("cannot listen for signals")?;
    let server = InstantServer::start(port)
        .with_context(|| format!("cannot listen on port {port} of this machine"))?;
    crate::cli::print(&server.endpoint())?;
    stop.next().await;
    Ok(())
}
