//! `dyno emulate`: the governed emulator alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use clap::Args;

use super::Exit;
use crate::{
    emulator::{Emulator, EmulatorConfig},
    scenario::ModelParameters,
};

#[derive(Debug, Args)]
pub(super) struct EmulateArguments {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Address to listen on. Anything but loopback lets other machines in: there is no
    /// authentication.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    bind: IpAddr,
    /// Let every request through, as DynamoDB Local does.
    #[arg(long)]
    ungoverned: bool,
}

pub(super) fn emulate(arguments: &EmulateArguments) -> anyhow::Result<Exit> {
    super::runtime()?.block_on(async {
        if !arguments.bind.is_loopback() {
            eprintln!(
                "warning: {} is not a loopback address: whoever reaches it can read and write",
                arguments.bind
            );
        }
        let mut stop = super::signals::Signals::listen().context("cannot listen for signals")?;
        let emulator = Emulator::start(EmulatorConfig {
            listen: SocketAddr::new(arguments.bind, arguments.port),
            parameters: ModelParameters::default(),
            governed: !arguments.ungoverned,
            ..EmulatorConfig::default()
        })
        .await?;
        // The one result of this command, so that a script can read where to connect.
        super::print(&emulator.endpoint())?;
        eprintln!("serving DynamoDB in memory; Ctrl-C stops it and forgets everything");
        stop.next().await;
        emulator.shutdown().await;
        Ok(Exit::Pass)
    })
}
