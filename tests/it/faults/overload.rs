//! More load than is served, for long: memory stays bounded and nothing is flattered.

use std::{fs, time::Duration};

use super::{Client, JSON, fire_at, patient, reads, totals};
use crate::{
    bad_files,
    cli::Run,
    interruption,
    server::{Reply, Server},
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

/// A few seconds of what `cargo bench --bench soak` does for ten minutes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_run_through_faults_does_not_grow() {
    let server = Server::start(|request| match request.number % 100 {
        0 => Reply::answer(500, JSON, "{}"),
        1 => Reply::raw("").then_reset(),
        2 => Reply::answer(400, JSON, r#"{"__type":"x#ThrottlingException"}"#),
        3 => Reply::stalled(),
        4 => Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 62\r\n\r\n{"),
        _ => Reply::success(),
    })
    .await;
    let before = resident();
    let reads = reads(300.0, Duration::from_secs(3), patient());
    let record = fire_at(&server.url(), Client::Wire, reads).await;
    let (totals, received) = (totals(&record), server.requests());
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
