//! How requests are sent: by how many threads, with which client, and what keeps the schedule.

use std::num::NonZeroU32;

use clap::Args;

use crate::{
    driver::TimerKind,
    scenario::Scenario,
    units::{Rate, TimeScale},
};

/// What one thread sends in time, with room to spare: about a third of what it can at all.
const RATE_PER_THREAD: f64 = 8_000.0;
/// Threads beyond that only wait for each other.
const THREADS_MAX: u32 = 1024;

#[derive(Debug, Args)]
pub(super) struct FiringArguments {
    /// What sends the requests: this project's own client, or the AWS SDK for Rust, for those
    /// who want to measure that.
    #[arg(long, value_enum, default_value_t)]
    pub(super) client: Client,
    /// How many threads fire, each with connections and a schedule of its own; the requests are
    /// the same ones however many. Unless said, one for each 8000/s of the scenario's highest
    /// rate, and no more than there are cores; always one where there are closed phases.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(THREADS_MAX)))]
    threads: Option<u32>,
    /// What keeps the schedule.
    #[arg(long, value_enum, default_value_t)]
    timer: Timer,
}

/// What sends the requests of the timed phases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Client {
    /// A few times less work for each request.
    #[default]
    Wire,
    /// The AWS SDK for Rust.
    Sdk,
}

impl Client {
    /// As the command line and the record have it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Sdk => "sdk",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Timer {
    /// The best that sleeps: the kernel's on Linux, a thread elsewhere.
    #[default]
    Auto,
    /// In ticks of 1 ms, so half a millisecond late on average; the least work.
    Tokio,
    /// A second thread for each that sleeps and wakes it: two more thread switches an arrival.
    Thread,
    /// The kernel's own timer, waited for together with the sockets. Linux only.
    #[cfg(target_os = "linux")]
    Kernel,
    /// Looks at the clock without a pause for the last 150 µs before an arrival, which takes a
    /// whole core for each thread from some thousand arrivals a second on.
    Spin,
}

impl FiringArguments {
    /// # Errors
    /// When several threads are asked for where only one can fire.
    pub(super) fn threads(
        &self,
        scenario: &Scenario,
        scale: TimeScale,
    ) -> anyhow::Result<NonZeroU32> {
        let closed = scenario
            .phases
            .iter()
            .find(|phase| phase.arrivals.is_closed());
        let threads = match (self.threads, closed) {
            (None | Some(1), Some(_)) => 1,
            (Some(threads), Some(phase)) => anyhow::bail!(
                "--threads {threads}: phase {} is closed, and which of its arrivals comes next \
                 depends on answers that other threads get, so that one thread fires\n  \
                 help: give the phase a rate, or leave --threads out",
                phase.name
            ),
            (Some(threads), None) => threads,
            (None, None) => enough(scenario, scale),
        };
        Ok(NonZeroU32::new(threads).unwrap_or(NonZeroU32::MIN))
    }

    pub(super) const fn timer(&self) -> TimerKind {
        match self.timer {
            Timer::Auto => TimerKind::SLEEPING,
            Timer::Tokio => TimerKind::Tokio,
            Timer::Thread => TimerKind::Thread,
            #[cfg(target_os = "linux")]
            Timer::Kernel => TimerKind::Kernel,
            Timer::Spin => TimerKind::Spin,
        }
    }
}

/// Threads that keep the highest rate of an open scenario, on the machine.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded by the number of cores; saturates"
)]
pub(super) fn enough(scenario: &Scenario, scale: TimeScale) -> u32 {
    let phases = scenario.phases.iter();
    let rates = phases.filter_map(|phase| phase.arrivals.rate_max(phase.duration));
    let highest = rates.map(Rate::as_per_second).fold(0.0, f64::max) * scale.factor();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cores = u32::try_from(cores).unwrap_or(THREADS_MAX);
    ((highest / RATE_PER_THREAD).ceil() as u32).clamp(1, cores.min(THREADS_MAX))
}
