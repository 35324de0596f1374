//! More load than is served, for long: memory stays bounded and nothing is flattered.

use std::{fs, sync::Arc, time::Duration};

use dynamometer::{
    driver::{self, Hooks},
    scenario::{OperationKind, OperationSpec},
    target::sdk::SdkTarget,
    units::Share,
};

use super::{
    JSON, patient,
    server::{Fault, FaultServer},
};
use crate::{
    bad_files,
    cli::Run,
    driver::{outcomes, plan, scenario},
    interruption,
};

const MIB: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stalls_under_full_load_costs_little_memory_and_the_run_is_invalid() {
    let server = interruption::stalled().await;
    let run = Run::new();
    let text = fs::read_to_string(run.short("4s", "100 %")).unwrap();
    let client =
        "[client]\nattempt_timeout = \"1s\"\nmax_in_flight = 200\nmax_queued = 1000\n[validity]";
    let text = text.replace("[validity]", client);
    let scenario = run.scenario(&text.replace("50/s", "5000/s"));
    let command = run.command(&["run", &scenario, "--quiet", "--endpoint", &server.url()]);
    let ended = tokio::task::spawn_blocking(|| bad_files::run(command, Duration::from_mins(1)));
    let ended = ended.await.unwrap();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.memory < 200 * MIB, "{} MiB", ended.memory / MIB);
    let results = run.results();
    let summary = &results["summary"];
    assert_eq!(summary["arrivals"], 20_000);
    let count = |outcome: &str| summary["outcomes"][outcome].as_u64().unwrap();
    // Two hundred places, each free again after a second.
    let (timed_out, dropped) = (count("timed_out"), count("dropped"));
    assert_eq!(timed_out + dropped, 20_000, "{summary}");
    assert!(dropped > 17_000, "{summary}");
    let sent = server
        .received()
        .iter()
        .filter(|it| it.operation == "GetItem" || it.operation == "PutItem")
        .count() as u64;
    assert!(
        sent <= timed_out,
        "{sent} reached the server, {timed_out} timed out"
    );
}

/// What this process holds, server and all.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() * 1024
}

/// A few seconds in the suite; `DYNO_SOAK_SECONDS=600` for the real thing, at 2,000/s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_run_through_faults_does_not_grow() {
    let seconds = std::env::var("DYNO_SOAK_SECONDS").ok();
    let seconds: Option<u64> = seconds.map(|seconds| seconds.parse().expect("a number"));
    let (length, rate) = match seconds {
        Some(seconds) => (Duration::from_secs(seconds), 2_000.0),
        None => (Duration::from_secs(3), 300.0),
    };
    let server = FaultServer::start(|number| match number % 100 {
        0 => Fault::Answer(500, JSON, "{}"),
        1 => Fault::BytesThenReset(""),
        2 => Fault::Answer(400, JSON, r#"{"__type":"x#ThrottlingException"}"#),
        3 => Fault::Stall,
        4 => Fault::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 62\r\n\r\n{"),
        _ => Fault::None,
    })
    .await;
    let client = patient();
    let mut scenario = scenario(rate, length, client);
    scenario.operations = vec![OperationSpec::plain("get", OperationKind::Get, Share::ALL)];
    let target = SdkTarget::connect(&server.url(), &client).await.unwrap();
    let watched = tokio::spawn(async move {
        let mut curve = Vec::new();
        loop {
            curve.push(resident());
            if seconds.is_some() {
                eprintln!("{:>4} s {:>5} MiB", 10 * curve.len() - 10, resident() / MIB);
            }
            // Measured at the end of each: a short soak has one.
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    });
    let before = resident();
    let record = driver::run(plan(scenario), Arc::new(target), Hooks::default())
        .await
        .unwrap();
    watched.abort();
    assert_eq!(outcomes(&record).total(), record.phases[0].arrivals);
    let totals = &record.phases[0].operations[0];
    let received: u64 = server.received().values().sum();
    // A machine that is busy may give an attempt up before it has reached the server.
    let unseen = totals
        .attempts
        .checked_sub(received)
        .expect("nothing was sent twice");
    assert!(
        unseen <= totals.outcomes.timed_out,
        "{unseen} of {totals:?}"
    );
    let grown = resident().saturating_sub(before);
    assert!(grown < 300 * MIB, "grew by {} MiB", grown / MIB);
}
