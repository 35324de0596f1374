//! The embedded DynamoDB: dynoxide's store behind our own HTTP front and a governor that
//! enforces capacity, in this process, on a port of its own.
//!
//! Owns the life of the server and the way to look into it. Must not know scenarios, runs or
//! reports.
//!
//! ```text
//! HTTP (server) ─→ worker: one thread ─→ service: guard → gate → store → gate
//!               └→ upstream: gate → another server → gate
//! gate: governor, charge, ledger
//! ```
//!
//! Where it is simpler than DynamoDB: signatures are not checked; what an update or a delete does to
//! a global index is debited after the fact; `PartiQL` statements and scans without a start key count for one partition; a
//! throttled request is not validated first.

mod backend;
mod batch;
mod catalog;
mod control;
mod gate;
mod governor;
mod guard;
pub mod instant;
mod ledger;
mod members;
mod metering;
mod server;
mod service;
mod service_time;
mod store;
mod throttle;
mod upstream;
mod wire;
mod worker;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use thiserror::Error;
use tokio::{sync::watch, task::JoinHandle};

pub use self::governor::TableCapacityStatus;
pub use self::ledger::{Ledger, Received, ReceivedRequest, RequestCounts};
pub use self::service_time::ServiceTime;
pub use self::upstream::{UpstreamConfig, UpstreamUrl};
use self::{
    backend::Backend,
    gate::Gate,
    governor::Governor,
    server::{Delays, Manners, Patience},
    service::Service,
    upstream::Upstream,
    worker::Worker,
};
use crate::{
    clock::{Clock, SystemClock},
    record::{IntervalTable, heat::ResourceHeat},
    scenario::{AutoScaling, ModelParameters, Table},
    units::ByDirection,
};

/// The header of answers that tells how fast the governor's time passes, where that is not as
/// fast as the machine's.
pub const TIME_SCALE_HEADER: &str = "x-dynamometer-time-scale";

/// How to run an [`Emulator`].
#[derive(Clone)]
pub struct EmulatorConfig {
    /// Where to listen; port 0 for a free port of the system's choosing.
    pub listen: SocketAddr,
    /// Names, besides those of this machine, that clients may call the server by in `Host`. Any
    /// other is refused, so that a web page cannot reach it by rebinding a name of its own.
    pub names: Vec<String>,
    /// The capacity model that governs.
    pub parameters: ModelParameters,
    /// `false` lets every request through, as DynamoDB Local does.
    pub governed: bool,
    /// Another server whose answers are governed, in place of the embedded store.
    pub upstream: Option<UpstreamConfig>,
    /// What time it is for the governor.
    pub clock: Arc<dyn Clock>,
    /// How long an answer takes; `None` for as fast as the store is. Held by a timer that
    /// ticks in milliseconds.
    pub service_time: Option<ServiceTime>,
    /// How long a client may take until a request's headers are complete. Idle connections
    /// count too, so keep it above the 90 s after which clients drop those by themselves:
    /// a server that closes first may do so just as the next request is under way.
    pub header_timeout: Duration,
    /// How long a client may take from the headers to the end of the body.
    pub body_timeout: Duration,
}

impl Default for EmulatorConfig {
    /// A free port of 127.0.0.1, governed by the default model in real time.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            names: Vec::new(),
            parameters: ModelParameters::default(),
            governed: true,
            upstream: None,
            clock: Arc::new(SystemClock::start()),
            service_time: None,
            header_timeout: Duration::from_mins(2),
            body_timeout: Duration::from_secs(30),
        }
    }
}

/// Why an emulator could not start.
#[derive(Debug, Error)]
pub enum EmulatorError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// There is no server to govern.
    #[error("{0}; start it first, or name another")]
    Upstream(String),
    /// No thread for the store.
    #[error("cannot start a thread for the store: {0}")]
    Thread(io::Error),
    /// The store did not open.
    #[error("cannot open the store: {0}")]
    Store(String),
    /// The store's thread ended as it started.
    #[error("the store's thread ended before it was ready")]
    StoreDied,
}

/// A running server. Dropping it stops it too, without waiting.
pub struct Emulator {
    address: SocketAddr,
    backend: Backend,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Emulator {
    /// Listens and serves, on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// [`EmulatorError`] when the address is taken, the store does not open, or nobody answers at
    /// the upstream's.
    pub async fn start(config: EmulatorConfig) -> Result<Self, EmulatorError> {
        let backend = backend(&config).await?;
        let (listener, address) =
            server::bind(config.listen)
                .await
                .map_err(|source| EmulatorError::Listen {
                    address: config.listen,
                    source,
                })?;
        let patience = Patience {
            headers: config.header_timeout,
            body: config.body_timeout,
        };
        let scale = config.clock.scale();
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(server::serve(
            listener,
            Manners {
                patience,
                names: config.names,
                scale,
            },
            Delays::new(config.service_time),
            backend.clone(),
            stopped,
        ));
        Ok(Self {
            address,
            backend,
            stop,
            server,
        })
    }

    /// `http://127.0.0.1:PORT`, for clients on this machine.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let mut address = self.address;
        match address.ip() {
            // Every address is listened on, but this is none to connect to.
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        format!("http://{address}")
    }

    /// A way to look into the server, which outlives it.
    #[must_use]
    pub fn handle(&self) -> EmulatorHandle {
        EmulatorHandle {
            backend: self.backend.clone(),
        }
    }

    /// Accepts no more connections, lets running requests finish (for 5 s at most) and closes.
    pub async fn shutdown(self) {
        // It may have ended already.
        let _ = self.stop.send(true);
        let _ = self.server.await;
    }
}

async fn backend(config: &EmulatorConfig) -> Result<Backend, EmulatorError> {
    let mut parameters = config.parameters.clone();
    if let Some(upstream) = config.upstream.clone() {
        // It is the upstream that takes its time, and says when it is done.
        parameters.as_update_lag_seconds = 0;
        let governor = Governor::new(config.governed, parameters, Arc::clone(&config.clock));
        let upstream = Upstream::connect(upstream, Gate::shared(governor)).await;
        let upstream = upstream.map_err(EmulatorError::Upstream)?;
        return Ok(Backend::Upstream(Arc::new(upstream)));
    }
    let governor = Governor::new(config.governed, parameters, Arc::clone(&config.clock));
    let worker = Worker::start(|| Service::open(governor)).await?;
    Ok(Backend::Embedded(worker))
}

/// Looks into an [`Emulator`] and steers its governor, past HTTP. Cheap to clone; the data
/// live as long as a handle does.
#[derive(Clone)]
pub struct EmulatorHandle {
    backend: Backend,
}

impl EmulatorHandle {
    /// Lets everything through and charges nothing, while a table is loaded.
    pub async fn suspend_governor(&self) {
        self.backend.ask(|gate, _| gate.governor.suspend()).await;
    }

    /// Enforces capacity from this instant on, with every bucket as full as
    /// `initial_burst_fraction` says. Without effect when the emulator is not governed.
    pub async fn enforce(&self) {
        self.backend.ask(Gate::enforce).await;
    }

    /// Lets auto scaling move the capacity of a table, or of a global index of it, as if
    /// policies were registered with Application Auto Scaling.
    pub async fn auto_scale(
        &self,
        table: &str,
        index: Option<&str>,
        policies: ByDirection<Option<AutoScaling>>,
    ) {
        let (table, index) = (table.to_owned(), index.map(str::to_owned));
        self.backend
            .ask(move |gate, tables| gate.scale(&table, index.as_deref(), policies, tables))
            .await;
    }

    /// The state of every table, now, by name; empty when the
    /// emulator is not governed.
    pub async fn capacity(&self) -> Vec<TableCapacityStatus> {
        self.backend.ask(|gate, _| gate.governor.status()).await
    }

    /// Second number `second` of a run is over: how `tables` stand, as a record notes it;
    /// nothing of those that are not governed.
    pub async fn close_second(&self, second: u64, tables: &[Table]) -> Vec<IntervalTable> {
        let tables = tables.to_vec();
        self.backend
            .ask(move |gate, _| gate.governor.close_second(second, &tables))
            .await
    }

    /// Which partitions and keys of `tables` were hot in the seconds that were closed.
    pub async fn heat(&self, tables: &[Table]) -> Vec<ResourceHeat> {
        let tables = tables.to_vec();
        self.backend
            .ask(move |gate, _| gate.governor.heat(&tables))
            .await
    }

    /// What the server saw so far.
    pub async fn ledger(&self) -> Ledger {
        self.backend.ask(|gate, _| gate.ledger.clone()).await
    }

    /// Begins the ledger anew, for example when a table is loaded and the run begins.
    pub async fn reset_ledger(&self) {
        self.backend
            .ask(|gate, _| gate.ledger = Ledger::default())
            .await;
    }

    /// Starts (anew, from none) or stops to record what is received.
    pub async fn record_requests(&self, on: bool) {
        self.backend
            .ask(move |gate, _| {
                gate.recording = on;
                if on {
                    gate.received = Received::default();
                }
            })
            .await;
    }

    /// What was received since recording was started.
    pub async fn received(&self) -> Received {
        self.backend.ask(|gate, _| gate.received.clone()).await
    }
}
