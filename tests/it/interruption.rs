//! Runs that do not come to their end: signals, kills, disks that refuse.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use dynamometer::{
    emulator::{Emulator, EmulatorConfig},
    report::stored,
    store::{self, RunFolder},
};
use serde_json::json;

use crate::{
    cli::{Run, code, interrupt, signal, stderr, stdout},
    driver::fake_server::{FakeServer, Reply},
    leisure::at_leisure,
};

/// Waits for something that takes a moment, and fails when it never comes.
fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{what} never came"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

/// The journal of the only run, once it has so many lines.
fn journal(run: &Run, lines: usize) -> PathBuf {
    let runs = run.folder.path().join("reports/runs");
    wait_for("the journal", || {
        let folder = fs::read_dir(&runs).ok()?.next()?.ok()?.path();
        let file = folder.join("journal.jsonl");
        let text = fs::read_to_string(&file).ok()?;
        (text.lines().count() >= lines).then_some(file)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_run_is_reported_up_to_its_last_second() {
    let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
    let run = Run::new();
    let scenario = run.short("60s", "0 %");
    let mut child = run
        .command(&[
            "run",
            &scenario,
            "--endpoint",
            &emulator.endpoint(),
            "--quiet",
        ])
        .spawn()
        .unwrap();
    let file = journal(&run, 4);
    // SIGKILL: nothing can be done about it.
    child.kill().unwrap();
    child.wait().unwrap();

    let read = stored::read_journal(&fs::read_to_string(&file).unwrap()).unwrap();
    let incomplete = read.record.provenance.incomplete.unwrap();
    let seconds = incomplete.until.second();
    assert!(seconds >= 3, "{incomplete:?}");
    for interval in &read.record.intervals {
        let whole = interval.second < seconds;
        assert!(!whole || interval.arrivals == 50, "{interval:?}");
    }
    let phase = &read.record.phases[0];
    let ended: u64 = phase.operations.iter().map(|it| it.outcomes.total()).sum();
    assert_eq!(phase.arrivals, ended + incomplete.under_way);
    // The server saw what was recorded, what was under way, and the second that was lost.
    let ledger = emulator.handle().ledger().await;
    let seen: u64 = ["GetItem", "PutItem"]
        .iter()
        .filter_map(|operation| Some(ledger.requests.get(*operation)?.total()))
        .sum();
    let lost = seen
        .checked_sub(ended)
        .expect("no more was recorded than seen");
    assert!(lost <= 100, "{lost} of {seen} are missing");

    let folder = file.parent().unwrap().to_str().unwrap();
    let report = run.dyno(&["report", folder]);
    assert_eq!(code(&report), 0, "{}", stderr(&report));
    let text = stdout(&report);
    assert!(text.contains("INCOMPLETE"), "{text}");
    assert!(text.contains("or its process was killed"), "{text}");
    let json = run.dyno(&["report", folder, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["exit_code"], 130);
    assert_eq!(json["passed"], false);
    emulator.shutdown().await;
}

/// A server that makes tables and answers nothing else.
pub async fn stalled() -> FakeServer {
    FakeServer::start(|request| match request.operation.as_str() {
        "CreateTable" | "DeleteTable" => Reply::Json(200, json!({"TableDescription": {}})),
        "DescribeTable" => Reply::Json(200, json!({"Table": {"TableStatus": "ACTIVE"}})),
        "BatchWriteItem" => Reply::Json(200, json!({"UnprocessedItems": {}})),
        _ => Reply::Stall,
    })
    .await
}

/// A run of a minute at `server` that waits for each answer nearly as long.
fn patient(run: &Run, server: &FakeServer) -> Command {
    let text = fs::read_to_string(run.short("60s", "0 %")).unwrap();
    let patient = "[client]\nattempt_timeout = \"50s\"\n[validity]";
    let scenario = run.scenario(&text.replace("[validity]", patient));
    run.command(&["run", &scenario, "--endpoint", &server.url(), "--quiet"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_interrupt_stops_within_a_second_and_says_what_is_left() {
    let server = stalled().await;
    let run = Run::new();
    let mut child = patient(&run, &server)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    journal(&run, 2);
    interrupt(&child);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.starts_with("interrupted"), "{first}");
    let asked = Instant::now();
    // The other of the two counts as well.
    signal(&child, "TERM");
    let status = child.wait().unwrap();
    assert!(
        asked.elapsed() < Duration::from_secs(1),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(status.code(), Some(130));
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    let rest = rest.join("\n");
    assert!(rest.contains(&server.url()), "tables are left: {rest}");
    let folder = rest.rsplit("dyno report ").next().unwrap();
    let report = run.dyno(&["report", folder]);
    assert!(stdout(&report).contains("INCOMPLETE"), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_interrupt_ends_a_run_whose_server_is_silent_and_counts_what_was_sent() {
    for name in ["INT", "TERM"] {
        let is_soon = |took: &Duration| *took < Duration::from_secs(5);
        let took = at_leisure(|| interrupted_by(name), is_soon).await;
        assert!(is_soon(&took), "SIG{name}: {took:?}");
    }
}

/// How long a run takes to end after the signal.
async fn interrupted_by(name: &str) -> Duration {
    let server = stalled().await;
    let run = Run::new();
    let mut child = patient(&run, &server)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    journal(&run, 2);
    let asked = Instant::now();
    signal(&child, name);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let took = asked.elapsed();
    let results = run.results();
    let outcomes = &results["summary"]["outcomes"];
    let counts = server.counts();
    let sent: u64 = ["GetItem", "PutItem"]
        .iter()
        .filter_map(|operation| counts.get(*operation))
        .sum();
    assert!(sent > 0);
    assert_eq!(outcomes["failed"], sent, "{outcomes}");
    let phase = results["record"]["phases"][0]["operations"].to_string();
    let cause = "interrupted before the answer, outcome unknown";
    assert!(phase.contains(cause), "{phase}");
    took
}

/// What a run says that is interrupted while its server makes its table, and how often the table is
/// deleted.
async fn interrupted_while_a_table_is_made(made: Reply) -> (String, u64, String) {
    let server = FakeServer::start(move |request| match request.operation.as_str() {
        "CreateTable" => made.clone(),
        _ => Reply::Json(200, json!({"TableDescription": {}})),
    })
    .await;
    let run = Run::new();
    let child = patient(&run, &server)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("CreateTable", || {
        server.counts().get("CreateTable").copied()
    });
    let asked = Instant::now();
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(code(&output), 130, "{}", stderr(&output));
    let deleted = server.counts().get("DeleteTable").copied();
    (stderr(&output), deleted.unwrap_or(0), server.url())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_whose_making_is_unanswered_at_an_interrupt_is_named() {
    let (said, deleted, url) = interrupted_while_a_table_is_made(Reply::Stall).await;
    let expected = format!(
        "table Things may exist at {url}: the run asked for it, and had no answer\n  \
         help: aws dynamodb delete-table --endpoint-url {url} --table-name Things\n"
    );
    assert!(said.ends_with(&expected), "{said}");
    assert_eq!(deleted, 0, "it is not known to be ours");

    // An answer that comes in time makes it ours.
    let slow = Reply::OkAfter(Duration::from_secs(1));
    let (said, deleted, _) = interrupted_while_a_table_is_made(slow).await;
    assert!(!said.contains("may exist"), "{said}");
    assert_eq!(deleted, 1);
}

/// `dyno` under a shell that first does something.
fn under_shell(run: &Run, before: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{before}; exec \"$0\" \"$@\"")])
        .arg(env!("CARGO_BIN_EXE_dyno"))
        .args(arguments)
        .current_dir(run.folder.path())
        .stdin(Stdio::null());
    command
}

#[test]
fn a_disk_that_fills_up_is_said_and_what_was_measured_is_printed() {
    let run = Run::new();
    let scenario = run.short("2s", "0 %");
    // No file may grow beyond 8 KiB: enough for the first lines of the journal.
    let full = "trap '' XFSZ; ulimit -f 16";
    let output = under_shell(&run, full, &["run", &scenario, "--quiet"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stdout(&output).contains("✓ throttled"),
        "{}",
        stdout(&output)
    );
    let error = stderr(&output);
    assert!(
        error.contains("cannot write") && error.contains("results.json"),
        "{error}"
    );
    assert!(!run.only_run().join("results.json").exists(), "half a file");
}

#[test]
fn a_folder_that_vanishes_is_said_and_what_was_measured_is_printed() {
    let run = Run::new();
    let scenario = run.short("2s", "0 %");
    let child = run
        .command(&["run", &scenario, "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    fs::remove_dir_all(journal(&run, 1).parent().unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stdout(&output).contains("✓ throttled"),
        "{}",
        stdout(&output)
    );
    assert!(
        stderr(&output).contains("cannot write"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_known_before_the_run_starts() {
    let run = Run::new();
    let scenario = run.short("60s", "0 %");
    // Not even root may make folders in the one; the other lies below a file.
    for out in ["/proc/dyno", "/dev/null/dyno"] {
        let output = run.dyno(&["run", &scenario, "--quiet", "--out", out]);
        assert_eq!(code(&output), 2);
        let error = stderr(&output);
        assert!(
            error.contains("cannot create the folder") && error.contains("--out"),
            "{error}"
        );
    }
}

#[test]
fn a_disk_that_is_full_already_is_known_before_the_run_starts() {
    let run = Run::new();
    let scenario = run.short("60s", "0 %");
    // A file of any length is too long.
    let full = "trap '' XFSZ; ulimit -f 0";
    let began = Instant::now();
    let output = under_shell(&run, full, &["run", &scenario, "--quiet"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 2);
    let error = stderr(&output);
    assert!(error.contains("cannot create the folder"), "{error}");
    assert!(stdout(&output).is_empty(), "nothing was measured");
    let runs = fs::read_dir(run.folder.path().join("reports/runs"));
    assert_eq!(runs.unwrap().count(), 0, "an empty folder is left");
    assert!(began.elapsed() < Duration::from_secs(30), "it ran");
}

#[test]
fn two_runs_at_once_in_one_folder_do_not_mix() {
    let run = Run::new();
    let scenario = run.short("1s", "0 %");
    let start = |seed: &str| -> Child {
        let mut command = run.command(&["run", &scenario, "--quiet", "--seed", seed]);
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let children = ["1", "2"].map(start);
    for child in children {
        assert_eq!(code(&child.wait_with_output().unwrap()), 0);
    }
    let runs = fs::read_dir(run.folder.path().join("reports/runs")).unwrap();
    let mut seeds: Vec<u64> = runs
        .map(|entry| {
            let folder = entry.unwrap().path();
            let mut names: Vec<_> = fs::read_dir(&folder)
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            assert_eq!(names, ["report.html", "results.json"], "and no journal");
            let results = fs::read_to_string(folder.join("results.json")).unwrap();
            stored::read(&results).unwrap().scenario.seed.0
        })
        .collect();
    seeds.sort_unstable();
    assert_eq!(seeds, [1, 2]);
}

#[test]
fn files_are_as_readable_as_the_umask_says() {
    for (umask, expected) in [("077", 0o600), ("022", 0o644)] {
        let run = Run::new();
        let scenario = run.short("1s", "0 %");
        let done = under_shell(&run, &format!("umask {umask}"), &["simulate", &scenario]).output();
        assert_eq!(code(&done.unwrap()), 0);
        for file in ["results.json", "report.html"] {
            let file = run.only_run().join(file);
            let mode = fs::metadata(file).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, expected, "{mode:o} under umask {umask}");
        }
    }
}

#[test]
fn nothing_is_written_through_a_planted_link() {
    let place = tempfile::TempDir::new().unwrap();
    let victim = place.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let folder = RunFolder::create(place.path(), "run").unwrap();
    let missing = place.path().join("made-by-the-link");
    for target in [&victim, &missing] {
        let link = |name: &str| {
            let link = folder.path().join(name);
            let _ = fs::remove_file(&link);
            symlink(target, &link).unwrap();
            link
        };
        link("results.json");
        folder.write("results.json", b"{}").unwrap_err();
        link("journal.jsonl");
        folder.lines("journal.jsonl").unwrap_err();
        store::write_file(&link("out"), b"{}").unwrap_err();
        // What is meant to be replaced is replaced itself, not what it points at.
        store::replace_file(&link("trend.html"), b"new").unwrap();
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(!Path::new(&missing).exists());
}
