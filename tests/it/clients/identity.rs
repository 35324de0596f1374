//! Who signs a run's requests, and by which clock, through the real binary.

use std::{collections::BTreeSet, process::Output};

use aws_credential_types::Credentials;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::json;

use super::check_signature_of;
use crate::{
    cli::{Run, code, stderr},
    server::{Received, Reply, Server},
};

/// What a run asks for before and after its requests; `None` for these themselves.
fn of_tables(received: &Received) -> Option<Reply> {
    Some(Reply::json(&match received.operation() {
        "CreateTable" | "DeleteTable" => json!({"TableDescription": {}}),
        "BatchWriteItem" => json!({"UnprocessedItems": {}}),
        _ => return None,
    }))
}

fn is_measured(received: &Received) -> bool {
    matches!(received.operation(), "GetItem" | "PutItem")
}

fn signed_at(received: &Received) -> Timestamp {
    let time = received.header("x-amz-date");
    let time = DateTime::strptime("%Y%m%dT%H%M%SZ", time).unwrap();
    time.to_zoned(TimeZone::UTC).unwrap().timestamp()
}

async fn output(mut command: std::process::Command) -> Output {
    let output = tokio::task::spawn_blocking(move || command.output());
    output.await.unwrap().unwrap()
}

/// Hands out credentials that are good for two seconds at most, each with a token of its own.
#[cfg(target_os = "linux")]
const PROVIDER: &str = r#"#!/bin/sh
ends=$(($(date +%s) + 2))
printf '{"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "secret", "SessionToken": "%s",' $ends
printf ' "Expiration": "%s"}' $(date -u -d @$ends +%Y-%m-%dT%H:%M:%SZ)
"#;

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_expire_in_the_run_are_replaced_before_they_do() {
    let server = Server::start(|received| {
        of_tables(received).unwrap_or_else(|| {
            let ends = received.header("x-amz-security-token").parse().unwrap();
            if signed_at(received).as_second() < ends {
                Reply::success()
            } else {
                Reply::json(&json!({"__type": "x#ExpiredTokenException"})).status(400)
            }
        })
    })
    .await;
    let run = Run::new();
    let scenario = run.short("3s", "0 %");
    let (script, config) = (
        run.folder.path().join("provider"),
        run.folder.path().join("config"),
    );
    std::fs::write(&script, PROVIDER).unwrap();
    let profile = format!("[default]\ncredential_process = sh {}\n", script.display());
    std::fs::write(&config, profile).unwrap();
    // Not one of this machine's own addresses by name, so that it gets real credentials.
    let endpoint = server.url().replace("127.0.0.1", "0.0.0.0");
    let mut command = run.command(&["run", &scenario, "--quiet", "--endpoint", &endpoint]);
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
    ] {
        command.env_remove(name);
    }
    command
        .env("AWS_CONFIG_FILE", &config)
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_REGION", "us-east-1");
    let output = output(command).await;
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let summary = &run.results()["summary"];
    assert_eq!(summary["arrivals"], 150);
    assert_eq!(summary["outcomes"]["completed"], 150, "{summary}");
    let mut tokens = BTreeSet::new();
    for received in server.take_received().iter().filter(|it| is_measured(it)) {
        let token = received.header("x-amz-security-token").to_owned();
        check_signature_of(
            received,
            Credentials::from_keys("id", "secret", Some(token.clone())),
        );
        tokens.insert(token);
    }
    assert!(tokens.len() >= 2, "{tokens:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_wrong_is_said_once_however_many_threads_fire() {
    const AHEAD: i64 = 3600;
    let server = Server::start(|received| {
        let theirs = Timestamp::from_second(Timestamp::now().as_second() + AHEAD).unwrap();
        let date = jiff::fmt::rfc2822::DateTimePrinter::new();
        let date = date.timestamp_to_rfc9110_string(&theirs).unwrap();
        let off = theirs.duration_since(signed_at(received));
        let reply = match of_tables(received) {
            Some(reply) => reply,
            None if off.as_secs().abs() < AHEAD / 2 => Reply::success(),
            None => Reply::json(&json!({"__type": "x#InvalidSignatureException"})).status(400),
        };
        reply.header("date", &date)
    })
    .await;
    let run = Run::new();
    let scenario = run.short("2s", "0 %");
    let endpoint = server.url();
    let arguments = [
        "run",
        &scenario,
        "--quiet",
        "--threads",
        "2",
        "--endpoint",
        &endpoint,
    ];
    let output = output(run.command(&arguments)).await;
    assert_eq!(
        stderr(&output).matches("s ahead of this machine").count(),
        1,
        "{output:?}"
    );
    let record = run.results();
    let outcomes = &record["summary"]["outcomes"];
    let count = |outcome: &str| outcomes[outcome].as_u64().unwrap();
    assert_eq!(count("completed") + count("failed"), 100, "{outcomes}");
    assert!(count("completed") >= 50, "{outcomes}");
}
