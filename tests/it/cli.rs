//! The real binary: stdout, stderr, files and exit codes.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A scenario of two seconds that ends within its capacity.
const SHORT: &str = r#"
name = "short"
seed = 7

[[table]]
name = "Things"
partition_key = "id"
billing = { mode = "provisioned", read = "500 RCU", write = "500 WCU" }
items = 50
[table.attributes]
id = { type = "S", value = "unique", prefix = "thing-" }
note = { type = "S", value = "text", length = "100 B", present = "50 %" }

[keys.any]
kind = "uniform"

[[operation]]
kind = "get"
keys = "any"
weight = "70 %"
consistency = "strong"

[[operation]]
kind = "put"
keys = "any"
weight = "30 %"

[[phase]]
name = "load"
kind = "load"

[[phase]]
name = "steady"
kind = "measured"
duration = "DURATION"
arrivals = { kind = "constant", rate = "50/s" }

[[threshold]]
metric = "throttled"
max = "LIMIT"

# Tests share two cores with each other: how late this generator is says nothing here.
[validity]
dispatch_delay_p99 = "5s"
"#;

/// A folder of its own to run `dyno` in.
pub struct Run {
    pub folder: TempDir,
}

impl Run {
    pub fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub fn scenario(&self, text: &str) -> String {
        let path = self.folder.path().join("scenario.toml");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn short(&self, duration: &str, limit: &str) -> String {
        self.scenario(&SHORT.replace("DURATION", duration).replace("LIMIT", limit))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dyno"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    pub fn dyno(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The only run's `results.json`.
    pub fn results(&self) -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(self.only_run().join("results.json")).unwrap())
            .unwrap()
    }

    pub fn only_run(&self) -> std::path::PathBuf {
        let runs: Vec<_> = fs::read_dir(self.folder.path().join("reports/runs"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs.into_iter().next().unwrap()
    }
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn assert_matches_schema(results: &serde_json::Value) {
    let schema = Run::new().dyno(&["schema", "results"]);
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<_> = validator
        .iter_errors(results)
        .map(|e| e.to_string())
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn a_run_writes_a_report_and_results_and_says_where() {
    let run = Run::new();
    let scenario = run.short("2s", "0 %");
    let output = run.dyno(&["run", &scenario]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let folder = run.only_run();
    assert!(stdout(&output).contains("PASS"), "{}", stdout(&output));
    assert!(
        stdout(&output).contains("report.html"),
        "{}",
        stdout(&output)
    );
    assert!(
        fs::read_to_string(folder.join("report.html"))
            .unwrap()
            .contains("</html>")
    );
    let results = run.results();
    assert_eq!(results["passed"], true);
    assert_matches_schema(&results);
    let phases = results["record"]["phases"].as_array().unwrap();
    assert_eq!(phases.len(), 1);
    assert_eq!(phases[0]["arrivals"], 100);
    assert_eq!(results["record"]["provenance"]["items_loaded"], 50);
}

#[test]
fn the_report_goes_to_a_markdown_file_and_to_the_job_summary_of_a_pipeline() {
    let run = Run::new();
    let scenario = run.short("1s", "100 %");
    let summary = run.folder.path().join("summary.md");
    fs::write(&summary, "before\n").unwrap();
    let arguments = ["simulate", &scenario, "--markdown", "report.md"];
    let mut command = run.command(&arguments);
    let output = command
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = fs::read_to_string(run.folder.path().join("report.md")).unwrap();
    assert!(page.starts_with("## ✓ PASS"), "{page}");
    assert_eq!(
        fs::read_to_string(&summary).unwrap(),
        format!("before\n{page}")
    );

    // What exists is not overwritten, and nothing is fired first.
    let again = run.dyno(&arguments);
    assert_eq!(code(&again), 2);
    assert!(
        stderr(&again).contains("report.md exists already"),
        "{}",
        stderr(&again)
    );
    assert!(stdout(&again).is_empty());
    assert_eq!(
        fs::read_to_string(run.folder.path().join("report.md")).unwrap(),
        page
    );
}

#[test]
fn a_missed_threshold_exits_with_one() {
    let run = Run::new();
    // One WCU and no burst: fifteen writes a second cannot pass.
    let scenario = run.scenario(
        &SHORT
            .replace("500 WCU", "1 WCU")
            .replace("DURATION", "2s")
            .replace("LIMIT", "0 %"),
    );
    let output = run.dyno(&["run", &scenario]);
    assert_eq!(code(&output), 1, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("FAIL"));
    let results = run.results();
    assert_eq!(results["passed"], false);
    let reasons = results["record"]["phases"][0]["operations"][1]["throttle_reasons"].clone();
    assert!(
        reasons["TableWriteProvisionedThroughputExceeded"]
            .as_u64()
            .unwrap()
            > 10
    );
}

#[test]
fn a_run_that_drops_arrivals_is_invalid_whatever_its_thresholds_say() {
    let run = Run::new();
    let scenario = run.scenario(
        &SHORT
            .replace("50/s", "2000/s")
            .replace("DURATION", "1s")
            .replace("LIMIT", "100 %")
            .replace(
                "[validity]",
                "[client]\nmax_in_flight = 1\nmax_queued = 0\n[validity]",
            ),
    );
    let output = run.dyno(&["run", &scenario]);
    assert_eq!(code(&output), 3, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("INVALID"), "{}", stdout(&output));
    let results = run.results();
    assert_eq!(results["passed"], false);
    let phase = &results["record"]["phases"][0];
    let outcomes = phase["operations"].as_array().unwrap().iter();
    let dropped: u64 = outcomes
        .map(|o| o["outcomes"]["dropped"].as_u64().unwrap())
        .sum();
    assert!(dropped > 0);
    assert_eq!(phase["arrivals"], 2000);
}

#[test]
fn an_unreachable_server_is_said_with_its_address_and_a_remedy_and_leaves_nothing_behind() {
    let run = Run::new();
    let scenario = run.short("1s", "0 %");
    // A port that was free a moment ago: nothing listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://127.0.0.1:{port}");
    let output = run.dyno(&["run", &scenario, "--endpoint", &url]);
    assert_eq!(code(&output), 2);
    for said in [&*url, "refused", "help: does the server run"] {
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    assert!(
        !stderr(&output).contains("DispatchFailure"),
        "{}",
        stderr(&output)
    );
    assert!(!run.folder.path().join("reports/runs").exists_with_entries());
}

#[test]
fn json_output_is_the_results_file() {
    let run = Run::new();
    let scenario = run.short("1s", "0 %");
    let output = run.dyno(&["run", &scenario, "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, run.results());
}

#[test]
fn seeds_in_parallel_give_what_each_gives_alone() {
    let run = Run::new();
    let scenario = run.short("2s", "1 %");
    let text = fs::read_to_string(&scenario).unwrap();
    let jittery = run.scenario(&text.replace("\"constant\"", "\"poisson\""));
    let study = run.dyno(&["simulate", &jittery, "--seeds", "5", "--no-files", "--json"]);
    assert_eq!(code(&study), 0, "{}", stderr(&study));
    let study: serde_json::Value = serde_json::from_slice(&study.stdout).unwrap();
    let runs = study["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 5);
    let mut completed = Vec::new();
    for (seed, of_study) in (7..).zip(runs) {
        let alone = [
            "simulate",
            &jittery,
            "--seed",
            &seed.to_string(),
            "--no-files",
            "--json",
        ];
        let alone: serde_json::Value = serde_json::from_slice(&run.dyno(&alone).stdout).unwrap();
        assert_eq!(of_study["seed"], seed);
        assert_eq!(of_study["summary"], alone["summary"]);
        completed.push(alone["summary"]["completed_per_second"].as_f64().unwrap());
    }
    completed.sort_by(f64::total_cmp);
    let figures = study["figures"].as_array().unwrap();
    let figure = figures
        .iter()
        .find(|figure| figure["name"] == "completed")
        .unwrap();
    assert_eq!(figure["median"], completed[2]);
    assert_eq!(
        [&figure["p10"], &figure["p90"]],
        [completed[0], completed[4]]
    );
    assert!(
        completed[0] < completed[4],
        "Poisson arrivals differ from seed to seed"
    );
}

#[test]
fn a_bad_scenario_leaves_nothing_behind() {
    let run = Run::new();
    let scenario = run.short("2 fortnights", "0 %");
    let output = run.dyno(&["run", &scenario]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("scenario.toml:35:12"),
        "{}",
        stderr(&output)
    );
    assert!(stdout(&output).is_empty());
    assert!(!run.folder.path().join("reports").exists());
}

#[test]
fn unreadable_files_are_refused_with_their_name() {
    let run = Run::new();
    for path in ["missing.toml", ".", "/dev/zero"] {
        for command in ["run", "check"] {
            let output = run.dyno(&[command, path]);
            assert_eq!(code(&output), 2, "{command} {path}");
            assert!(stderr(&output).contains(path), "{}", stderr(&output));
        }
    }
}

#[test]
fn a_closed_phase_is_fired_by_one_thread_and_several_are_refused_with_the_reason() {
    let run = Run::new();
    let open = r#"arrivals = { kind = "constant", rate = "50/s" }"#;
    let closed = r#"arrivals = { kind = "closed", clients = 2, think_time = "50ms" }"#;
    let text = SHORT.replace("DURATION", "300ms").replace("LIMIT", "0 %");
    let scenario = run.scenario(&text.replace(open, closed));
    let output = run.dyno(&["run", &scenario, "--threads", "2"]);
    assert_eq!(code(&output), 2);
    let said = stderr(&output);
    assert!(
        said.contains("--threads 2: phase steady is closed"),
        "{said}"
    );
    assert!(said.contains("help: give the phase a rate"), "{said}");
    assert!(!run.folder.path().join("reports").exists());
    let output = run.dyno(&[
        "run",
        &scenario,
        "--threads",
        "1",
        "--timer",
        "spin",
        "--quiet",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn an_endpoint_of_aws_is_refused_with_what_to_say_instead() {
    let run = Run::new();
    let scenario = run.short("1s", "0 %");
    let url = "https://dynamodb.eu-west-1.amazonaws.com";
    let output = run.dyno(&["run", &scenario, "--endpoint", url]);
    assert_eq!(code(&output), 2, "{}", stdout(&output));
    assert!(stderr(&output).contains("--live"), "{}", stderr(&output));
    assert!(!run.folder.path().join("reports/runs").exists_with_entries());
}

trait HasEntries {
    fn exists_with_entries(&self) -> bool;
}

impl HasEntries for Path {
    fn exists_with_entries(&self) -> bool {
        fs::read_dir(self).is_ok_and(|mut entries| entries.next().is_some())
    }
}

#[test]
fn check_says_ok_or_lists_problems() {
    let run = Run::new();
    let good = run.short("2s", "0 %");
    let output = run.dyno(&["check", &good]);
    assert_eq!(
        (code(&output), stdout(&output)),
        (0, format!("{good}: ok\n"))
    );
    let bad = run.short("2s", "0 percent");
    let output = run.dyno(&["check", &bad]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("error[S"), "{}", stderr(&output));
}

#[test]
fn a_run_shows_what_the_model_says_beside_it_unless_told_not_to() {
    let run = Run::new();
    let scenario = run.short("1s", "100 %");
    let output = run.dyno(&["run", &scenario]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    let table: Vec<_> = text
        .lines()
        .skip_while(|l| !l.contains("model beside run"))
        .take(3)
        .collect();
    assert!(
        table[1].contains("Things reads in RCU") && table[1].ends_with(" 0 %"),
        "{text}"
    );
    assert!(table[2].contains("Things writes in WCU"), "{text}");
    let record = &run.results()["record"];
    let measured: f64 = record["phases"][0]["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| operation["consumed"]["read"].as_f64().unwrap())
        .sum();
    // Nothing is throttled, so both are what the same requests cost.
    assert_eq!(record["model"][0]["consumed"]["read"], measured);
    // Drawn again from what was stored, it is still there.
    let again = run.dyno(&[
        "report",
        run.only_run().to_str().unwrap(),
        "--format",
        "markdown",
    ]);
    assert!(
        stdout(&again).contains("Model beside run"),
        "{}",
        stdout(&again)
    );

    let run = Run::new();
    let scenario = run.short("1s", "100 %");
    let output = run.dyno(&["run", &scenario, "--with-model=never"]);
    assert!(!stdout(&output).contains("model beside run"));
    assert_eq!(run.results()["record"].get("model"), None);
}

#[test]
fn the_emulator_alone_says_where_it_listens_and_stops_on_a_signal() {
    let run = Run::new();
    let mut child = run
        .command(&["emulate", "--latency", "3ms..9ms", "--time-scale", "2"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("http://127.0.0.1:"), "{line}");

    // A second process runs against it like against any other server.
    let scenario = run.short("1s", "100 %");
    let output = run.dyno(&[
        "run",
        &scenario,
        "--endpoint",
        line.trim(),
        "--time-scale",
        "2",
        "--progress",
        "json",
    ]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let told: Vec<serde_json::Value> = stderr(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    for kind in ["loading", "event", "progress"] {
        assert!(
            told.iter().any(|one| one["kind"] == kind),
            "{kind}: {told:?}"
        );
    }
    let results = run.results();
    assert_eq!(results["record"]["provenance"]["target"], line.trim());

    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_is_several_files_goes_into_a_folder() {
    let run = Run::new();
    let scenario = run.short("1s", "100 %");
    let output = run.dyno(&["simulate", &scenario]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let results = run.only_run().join("results.json");
    let results = results.to_str().unwrap();
    for (format, begins, one) in [
        ("svg", &b"<svg"[..], "capacity-0.svg"),
        ("png", b"\x89PNG", "capacity-0.png"),
        ("hgrm", b"       Value", "response.hgrm"),
    ] {
        let refused = run.dyno(&["report", results, "--format", format]);
        assert_eq!(code(&refused), 2);
        assert!(stderr(&refused).contains("-o DIR"), "{}", stderr(&refused));
        let folder = run.only_run().join(format);
        let folder = folder.to_str().unwrap();
        let output = run.dyno(&["report", results, "--format", format, "-o", folder]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let files: Vec<_> = stdout(&output).lines().map(str::to_owned).collect();
        assert!(files.iter().any(|file| file.ends_with(one)), "{files:?}");
        for file in files {
            assert!(fs::read(&file).unwrap().starts_with(begins), "{file}");
        }
    }
}

#[test]
fn the_first_interrupt_drains_and_keeps_what_was_measured() {
    let run = Run::new();
    let scenario = run.short("60s", "0 %");
    let mut child = run
        .command(&["run", &scenario, "--progress", "plain"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let began = lines
        .find(|line| line.as_ref().unwrap().contains("steady"))
        .is_some();
    assert!(began, "no progress line named the phase");
    // Some load first; nothing depends on how much.
    thread::sleep(Duration::from_millis(500));
    let asked = Instant::now();
    interrupt(&child);
    let rest = thread::spawn(move || lines.count());
    let output = child.wait_with_output().unwrap();
    rest.join().unwrap();
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(run.only_run().join("report.html").exists());
    let results = run.results();
    assert_eq!(results["record"]["provenance"]["interrupted"], true);
    assert_eq!(results["passed"], false);
    assert_matches_schema(&results);
}

/// SIGINT.
pub fn interrupt(child: &std::process::Child) {
    signal(child, "INT");
}

/// A signal by way of the shell's own `kill`: the standard library has none.
pub fn signal(child: &std::process::Child, name: &str) {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{name} {}", child.id())])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn every_shipped_scenario_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .filter(|file| Path::new(file).extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    assert!(files.len() >= 6);
    let mut arguments = vec!["check"];
    arguments.extend(files.iter().map(String::as_str));
    let output = Run::new().dyno(&arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}
