//! `dyno emulate`: the governed emulator alone.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;

use super::{Exit, scenario};
use crate::{
    clock::SystemClock,
    emulator::{Emulator, EmulatorConfig, ServiceTime, UpstreamConfig, UpstreamUrl},
    scenario::ModelParameters,
    units::TimeScale,
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
    /// Govern the server at this address instead of a store of our own: DynamoDB Local, or another
    /// that speaks its protocol. It is asked for what each request consumed, and charged by that;
    /// what it does not say is charged the least that the request can cost. Not for AWS, and not
    /// over TLS.
    #[arg(long, value_name = "URL")]
    upstream: Option<UpstreamUrl>,
    /// How long the upstream may take to answer; then the client gets HTTP 504.
    #[arg(long, value_name = "SECONDS", requires = "upstream", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    upstream_timeout: u64,
    /// Let every request through, as DynamoDB Local does.
    #[arg(long)]
    ungoverned: bool,
    /// Govern by the `[model]` of this scenario instead of the defaults.
    #[arg(long, value_name = "SCENARIO", conflicts_with = "ungoverned")]
    model: Option<PathBuf>,
    /// Take this long to answer: a time such as 5ms, or the median and 99th percentile of a
    /// log-normal distribution such as 5ms..20ms. What takes the store longer is not held.
    #[arg(long, value_name = "TIME")]
    latency: Option<ServiceTime>,
    /// Let the governor's time pass so many times as fast as the clock, so that a burst of
    /// 300 s is over in 5 s with 60. Rates are per second of the governor's time. Its answers
    /// say so in the header `x-dynamometer-time-scale`, and `dyno run` against it has to be
    /// given the same factor.
    #[arg(long, value_name = "FACTOR", default_value_t)]
    time_scale: TimeScale,
}

pub(super) fn emulate(arguments: &EmulateArguments) -> anyhow::Result<Exit> {
    let parameters = match &arguments.model {
        None => ModelParameters::default(),
        Some(file) => match scenario::load(file)? {
            Some(loaded) => loaded.scenario.model,
            None => return Ok(Exit::Usage),
        },
    };
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
            parameters: parameters.clone(),
            governed: !arguments.ungoverned,
            clock: Arc::new(SystemClock::scaled(arguments.time_scale)),
            upstream: arguments.upstream.clone().map(|url| UpstreamConfig {
                url,
                timeout: Duration::from_secs(arguments.upstream_timeout),
            }),
            service_time: arguments.latency,
            ..EmulatorConfig::default()
        })
        .await?;
        // The one result of this command, so that a script can read where to connect.
        super::print(&emulator.endpoint())?;
        for changed in parameters.overrides() {
            eprintln!("model: {changed}");
        }
        if let Some(latency) = arguments.latency {
            eprintln!("service time: {latency}");
        }
        if !arguments.time_scale.is_real() {
            eprintln!(
                "time scale: {} governor seconds pass in each second",
                arguments.time_scale
            );
        }
        match &arguments.upstream {
            None => eprintln!("serving DynamoDB in memory; Ctrl-C stops it and forgets everything"),
            Some(url) => eprintln!("in front of {url}; Ctrl-C stops this and leaves that"),
        }
        stop.next().await;
        emulator.shutdown().await;
        Ok(Exit::Pass)
    })
}
