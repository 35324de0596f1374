//! Arguments, commands and exit codes. The only place with `anyhow`.

mod bench;
mod clean;
mod compare;
mod emulate;
mod explain;
mod firing;
mod iam;
mod init;
mod journal;
mod live;
mod merge;
mod nightly;
mod output;
mod parallel;
mod plan;
mod production;
mod report;
mod run;
mod scenario;
mod schema;
mod shard;
mod shelf;
mod signals;
mod simulate;
mod size;
mod start;
mod trend;
mod trial;
mod world;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Parser, Subcommand};

/// How a command ended, as a process says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was as it should be.
    Pass = 0,
    /// A finding: a threshold was missed.
    Finding = 1,
    /// Bad arguments, a bad scenario, or a run that could not start.
    Usage = 2,
    /// The run says nothing about the table: the generator was the limit.
    Invalid = 3,
    /// Interrupted; what was measured until then was kept.
    Interrupted = 130,
}

impl Exit {
    /// The exit that a verdict's code stands for; an unknown one is no pass.
    fn from_code(code: u8) -> Self {
        [Self::Pass, Self::Finding, Self::Invalid, Self::Interrupted]
            .into_iter()
            .find(|exit| *exit as u8 == code)
            .unwrap_or(Self::Invalid)
    }
}

const EXIT_CODES: &str = "\
Exit codes:
  0    pass
  1    a finding: a threshold of the scenario was missed
  2    bad arguments or scenario, or the run could not start
  3    the run is invalid: the load generator was late or dropped requests
  130  interrupted; the partial results are kept";

/// Load testing and capacity modelling for Amazon DynamoDB.
///
/// One scenario file says what a table holds, how requests pick keys, what they do and how they
/// arrive. `dyno run` fires it at an embedded DynamoDB that throttles as the real one does, and
/// reports what was consumed, what was throttled, and why.
#[derive(Debug, Parser)]
#[command(name = "dyno", version, after_help = EXIT_CODES, max_term_width = 90)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario with real requests and report.
    Run(run::RunArguments),
    /// Simulate a scenario in virtual time: no requests, the same report in a moment.
    Simulate(simulate::SimulateArguments),
    /// Say how much to provision for a scenario's load, in which mode, for how much.
    Size(size::SizeArguments),
    /// Key the same items and requests in different ways and say which way spreads them best.
    Compare(compare::CompareArguments),
    /// Run the scenarios marked `[nightly]`, and say what has become worse and since when.
    Nightly(nightly::NightlyArguments),
    /// Draw the trend of all nights again, from the history alone.
    Trend(trend::TrendArguments),
    /// Make one run of the records of all its shards, and judge it.
    Merge(merge::MergeArguments),
    /// Draw the report of a stored run again, in any format.
    Report(report::ReportArguments),
    /// Serve the embedded DynamoDB, throttling as provisioned, for other programs.
    Emulate(emulate::EmulateArguments),
    /// Measure what this tool itself can do on this machine, in about 10 s.
    Bench(bench::BenchArguments),
    /// List every problem of scenario files without running them.
    Check(scenario::CheckArguments),
    /// Print what a scenario resolves to: rates, sizes, units, hottest keys and cost.
    Explain(explain::ExplainArguments),
    /// Print the first operations of a scenario without sending them.
    Plan(plan::PlanArguments),
    /// Write a commented scenario to start from.
    Init(init::InitArguments),
    /// Print the least that AWS has to allow for `dyno run --live`, as an IAM policy.
    Iam(iam::IamArguments),
    /// List the tables on AWS that runs left behind, and delete them when told to.
    Clean(clean::CleanArguments),
    /// Print a JSON Schema.
    Schema(schema::SchemaArguments),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    // Pages of 2 MiB would hold 40 MiB for what takes 20, and be cleared while requests are due.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Simulate(arguments) => simulate::simulate(&arguments),
        Command::Size(arguments) => size::size(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Nightly(arguments) => nightly::nightly(&arguments),
        Command::Trend(arguments) => trend::trend(&arguments),
        Command::Merge(arguments) => merge::merge(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Emulate(arguments) => emulate::emulate(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::Check(arguments) => scenario::check(&arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Plan(arguments) => plan::plan(&arguments),
        Command::Init(arguments) => init::init(&arguments),
        Command::Iam(arguments) => iam::iam(&arguments),
        Command::Clean(arguments) => clean::clean(&arguments),
        Command::Schema(arguments) => schema::schema(&arguments),
    };
    match result {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            ExitCode::from(Exit::Usage as u8)
        }
    }
}

/// Whether these arguments, without the program's name, are a command with all that it needs.
/// Carries nothing out.
#[must_use]
pub fn understands<'a>(arguments: impl IntoIterator<Item = &'a str>) -> bool {
    Arguments::try_parse_from(std::iter::once("dyno").chain(arguments)).is_ok()
}

/// An error with its causes, each said once: many messages quote their cause already.
fn chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Results go to stdout. A reader that has gone away (`| head`) is not an error.
fn print(text: &str) -> anyhow::Result<()> {
    print_with(|stdout| writeln!(stdout, "{text}"))
}

/// The same of what `write` writes.
fn print_with(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to stdout")
        }
        _ => Ok(()),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the tokio runtime")
}
