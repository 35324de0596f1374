//! `dyno emulate`: the governed emulator alone.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::Context as _;
use clap::Args;

use super::Exit;
use crate::{
    clock::SystemClock,
    emulator::{Emulator, EmulatorConfig, ServiceTime},
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
    /// Also answer to this name in the `Host` header, for clients that do not use an address of
    /// this machine; any other is refused.
    #[arg(long, value_name = "HOST")]
    name: Vec<String>,
    /// Let every request through, as DynamoDB Local does.
    #[arg(long)]
    ungoverned: bool,
    /// Take this long to answer: a time such as 5ms, or the median and 99th percentile of a
    /// log-normal distribution such as 5ms..20ms. What takes the store longer is not held.
    #[arg(long, value_name = "TIME")]
    latency: Option<ServiceTime>,
    /// Let the governor's time pass so many times as fast as the clock, so that a burst of
    /// 300 s is over in 5 s with 60. Rates are per second of the governor's time.
    #[arg(long, value_name = "FACTOR", value_parser = time_scale, default_value = "1")]
    time_scale: f64,
}

fn time_scale(text: &str) -> Result<f64, String> {
    let factor = text
        .parse()
        .ok()
        .filter(|factor| (0.01..=10_000.0).contains(factor));
    factor.ok_or_else(|| "write a number from 0.01 to 10000".to_owned())
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
            names: arguments.name.clone(),
            parameters: ModelParameters::default(),
            governed: !arguments.ungoverned,
            clock: Arc::new(
                SystemClock::scaled(arguments.time_scale).expect("the range was checked"),
            ),
            service_time: arguments.latency,
            ..EmulatorConfig::default()
        })
        .await?;
        // The one result of this command, so that a script can read where to connect.
        super::print(&emulator.endpoint())?;
        if let Some(latency) = arguments.latency {
            eprintln!("service time: {latency}");
        }
        if arguments.time_scale.to_bits() != 1.0_f64.to_bits() {
            eprintln!(
                "time scale: {} governor seconds pass in each second",
                arguments.time_scale
            );
        }
        eprintln!("serving DynamoDB in memory; Ctrl-C stops it and forgets everything");
        stop.next().await;
        emulator.shutdown().await;
        Ok(Exit::Pass)
    })
}
