//! The real binary: several processes against one emulator, and their records merged.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, SystemTime},
};

use serde_json::Value;
use tempfile::TempDir;

/// With capacity to spare, so that nothing of what is counted depends on timing.
const SCENARIO: &str = r#"
name = "shared"
seed = 7
[[table]]
name = "Things"
partition_key = "id"
billing = { mode = "provisioned", read = "2000 RCU", write = "2000 WCU" }
items = 53
[table.attributes]
id = { type = "S", value = "unique", prefix = "thing-" }
note = { type = "S", value = "text", length = { uniform = ["10 B", "1500 B"] } }
[keys.any]
kind = "zipfian"
exponent = 0.9
# What a put takes depends on the item that it replaces, and so on who came first.
[keys.fresh]
kind = "new"
[[operation]]
kind = "get"
keys = "any"
weight = "70 %"
consistency = "strong"
[[operation]]
kind = "put"
keys = "fresh"
weight = "30 %"
[[phase]]
kind = "load"
[[phase]]
name = "warm-up"
kind = "warm-up"
duration = "500ms"
arrivals = { kind = "poisson", rate = "60/s" }
[[phase]]
name = "steady"
kind = "measured"
duration = "1s"
arrivals = { kind = "poisson", rate = "150/s" }
[[threshold]]
metric = "errors"
max = "0 %"
[client]
attempt_timeout = "900ms"
# Tests share two cores with each other: how late this generator is says nothing here.
[validity]
dispatch_delay_p99 = "5s"
"#;

struct World {
    folder: TempDir,
    emulator: Child,
    endpoint: String,
}

impl World {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("shared.toml"), SCENARIO).unwrap();
        let mut emulator = dyno(folder.path(), &["emulate"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(emulator.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            folder,
            emulator,
            endpoint: line.trim().to_owned(),
        }
    }

    /// A run into `out`, with `more` arguments.
    fn run(&self, out: &str, more: &[&str]) -> Command {
        let mut command = dyno(self.folder.path(), &["run", "shared.toml", "--out", out]);
        command
            .args(["--endpoint", &self.endpoint, "--progress", "off"])
            .args(more);
        command
    }

    /// `results.json` of the only run in `out`.
    fn results(&self, out: &str) -> PathBuf {
        let runs: Vec<_> = std::fs::read_dir(self.folder.path().join(out))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].join("results.json")
    }

    fn merge(&self, records: &[&Path], more: &[&str]) -> Output {
        dyno(self.folder.path(), &["merge", "-o", "merged", "--json"])
            .args(records)
            .args(more)
            .output()
            .unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

fn dyno(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dyno"));
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

fn document(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Seconds since 1970 after `delay`, as an engine's script would compute it.
fn in_time(delay: Duration) -> String {
    let at = SystemTime::now() + delay;
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seconds = i64::try_from(since.as_secs()).unwrap();
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

/// What does not depend on timing: arrivals, how they ended and what they took, by phase and
/// operation.
fn counts(results: &Value) -> Vec<Value> {
    let phases = results["record"]["phases"].as_array().unwrap();
    let phase = |phase: &Value| {
        let operations = phase["operations"].as_array().unwrap().iter();
        let operations = operations.map(|one| {
            serde_json::json!([
                one["outcomes"],
                one["attempts"],
                one["consumed"],
                one["errors"]
            ])
        });
        serde_json::json!([
            phase["name"],
            phase["arrivals"],
            operations.collect::<Vec<_>>()
        ])
    };
    phases.iter().map(phase).collect()
}

#[test]
fn three_processes_make_the_run_that_one_makes_and_a_missing_one_is_named() {
    let world = World::start();
    let whole = world.run("whole", &[]).output().unwrap();
    assert_eq!(code(&whole), 0, "{}", stderr(&whole));

    let start = in_time(Duration::from_secs(6));
    let children: Vec<_> = (1..=3)
        .map(|number| {
            // As Slurm would start them.
            let more = ["--start-at", &start];
            let out = format!("shard-{number}");
            let mut command = world.run(&out, &more);
            command
                .env("SLURM_ARRAY_TASK_ID", (number + 4).to_string())
                .env("SLURM_ARRAY_TASK_MIN", "5")
                .env("SLURM_ARRAY_TASK_COUNT", "3")
                .stdout(Stdio::null())
                .stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for (index, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        let said = stderr(&output);
        assert_eq!(code(&output), 0, "{said}");
        let detected = format!(
            "shard {}/3, since SLURM_ARRAY_TASK_ID is {}",
            index + 1,
            index + 5
        );
        assert!(said.contains(&detected), "{said}");
    }
    let paths: Vec<_> = (1..=3)
        .map(|number| world.results(&format!("shard-{number}")))
        .collect();
    let records: Vec<_> = paths.iter().map(PathBuf::as_path).collect();

    let two = world.merge(&records[..2], &[]);
    assert_eq!(code(&two), 2);
    assert!(
        stderr(&two).contains("1 shard of 3 missing: 3"),
        "{}",
        stderr(&two)
    );

    let merged = world.merge(&records, &[]);
    assert_eq!(code(&merged), 0, "{}", stderr(&merged));
    let merged = document(&merged.stdout);
    let whole = document(&std::fs::read(world.results("whole")).unwrap());
    assert_eq!(counts(&merged), counts(&whole));
    let provenance = &merged["record"]["provenance"];
    assert_eq!(provenance["items_loaded"], 53);
    assert_eq!(provenance["started_at"], start);
    for shard in merged["record"]["shards"].as_array().unwrap() {
        let clock = &shard["part"]["clock"];
        let (offset, uncertainty) = (&clock["offset_nanos"], &clock["uncertainty_nanos"]);
        // The server's clock is this machine's.
        let (offset, uncertainty) = (offset.as_i64().unwrap(), uncertainty.as_u64().unwrap());
        assert!(offset.unsigned_abs() <= uncertainty + 10_000_000, "{shard}");
    }

    // A folder is never merged into twice, and an incomplete run says so.
    assert_eq!(code(&world.merge(&records, &[])), 2);
    std::fs::remove_dir_all(world.folder.path().join("merged")).unwrap();
    // As a shard leaves it that was killed; and a folder stands for the runs in it.
    let killed = world.folder.path().join("shard-1/killed");
    std::fs::create_dir(&killed).unwrap();
    let folders = [killed.as_path(), Path::new("shard-2"), Path::new("shard-3")];
    let refused = world.merge(&folders, &[]);
    assert!(
        stderr(&refused).contains("1 shard of 3 missing: 1"),
        "{}",
        stderr(&refused)
    );
    let partial = world.merge(&folders, &["--allow-missing"]);
    assert_eq!(code(&partial), 3, "{}", stderr(&partial));
    let partial = document(&partial.stdout);
    assert_eq!(partial["verdict"]["reasons"][0]["kind"], "shards_missing");
}

#[test]
fn a_late_shard_fires_what_it_missed_says_so_and_is_invalid() {
    let world = World::start();
    let past = in_time(Duration::ZERO);
    let strict = SCENARIO.replace("\"5s\"", "\"1ms\"");
    std::fs::write(world.folder.path().join("shared.toml"), strict).unwrap();
    let late = world
        .run("late", &["--shard", "1/1", "--start-at", &past])
        .output()
        .unwrap();
    assert_eq!(code(&late), 3, "{}", stderr(&late));
    assert!(stderr(&late).contains("late: not ready before"));
    let results = document(&std::fs::read(world.results("late")).unwrap());
    let kinds = results["verdict"]["reasons"].as_array().unwrap().iter();
    assert!(
        kinds
            .map(|one| &one["kind"])
            .any(|kind| kind == "started_late")
    );
}

#[test]
fn what_cannot_be_fired_in_shards_is_refused() {
    let world = World::start();
    let check = |command: &mut Command, expected: &str| {
        let output = command.output().unwrap();
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    };
    let folder = world.folder.path();
    check(
        &mut dyno(folder, &["run", "shared.toml", "--shard", "1/2"]),
        "embedded emulator of its own",
    );
    check(
        &mut world.run("a", &["--shard", "3/2"]),
        "numbered from 1 to 2",
    );
    check(
        &mut world.run("b", &["--shards", "2"]),
        "nothing says which of them",
    );
    check(
        world.run("c", &[]).env("JOB_COMPLETION_INDEX", "1"),
        "not of how many",
    );
    check(
        &mut world.run(
            "over",
            &["--shard", "1/2", "--start-at", "2026-01-01T00:00:00Z"],
        ),
        "--start-at 2026-01-01T00:00:00Z: that was ",
    );
    let closed = SCENARIO.replace(
        "{ kind = \"poisson\", rate = \"150/s\" }",
        "{ kind = \"closed\", clients = 3 }",
    );
    std::fs::write(folder.join("shared.toml"), closed).unwrap();
    check(
        &mut world.run("d", &["--shard", "1/2"]),
        "phase steady: closed arrivals",
    );
}

#[test]
fn a_study_of_seeds_in_two_processes_is_the_study_of_one() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("shared.toml"), SCENARIO).unwrap();
    let study = |out: &str, more: &[&str]| {
        let arguments = ["simulate", "shared.toml", "--seeds", "5", "--out", out];
        let output = dyno(folder.path(), &arguments).args(more).output().unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    };
    study("whole", &["--json"]);
    study("parts", &["--shard", "1/2"]);
    study("parts", &["--shard", "2/2"]);
    let merge = ["merge", "parts", "-o", "merged"];
    let output = dyno(folder.path(), &merge).output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let whole = std::fs::read_dir(folder.path().join("whole"))
        .unwrap()
        .next();
    let whole = whole.unwrap().unwrap().path().join("seeds.json");
    let merged = folder.path().join("merged/seeds.json");
    assert_eq!(
        std::fs::read(whole).unwrap(),
        std::fs::read(merged).unwrap()
    );
}

/// Folders of runs, the oldest first.
/// In the order of their shards, in whichever second each was made.
fn runs_in(folder: &Path) -> Vec<PathBuf> {
    let runs = std::fs::read_dir(folder).unwrap();
    let mut runs: Vec<_> = runs.map(|run| run.unwrap().path()).collect();
    runs.sort_by_key(|run| {
        let name = run.file_name().unwrap().to_string_lossy().into_owned();
        name.split_once('-').unwrap().1.to_owned()
    });
    runs
}

#[test]
fn a_comparison_of_keys_in_three_processes_is_the_comparison_of_one() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("shared.toml"), SCENARIO).unwrap();
    let compare = |out: &str, more: &[&str]| {
        let arguments = ["compare", "shared.toml", "--seeds", "5", "--out", out];
        let output = dyno(folder.path(), &arguments).args(more).output().unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    };
    compare("whole", &["--json"]);
    for shard in ["2/3", "1/3", "3/3"] {
        compare("parts", &["--shard", shard]);
    }
    let merge = |from: &str, to: &str| {
        let output = dyno(folder.path(), &["merge", from, "-o", to]).output();
        output.unwrap()
    };
    let merged = merge("parts", "merged");
    assert_eq!(code(&merged), 0, "{}", stderr(&merged));
    let runs = |out: &str| runs_in(&folder.path().join(out));
    for name in ["comparison.json", "compare.html"] {
        let whole = std::fs::read_to_string(runs("whole")[0].join(name)).unwrap();
        let merged = std::fs::read_to_string(folder.path().join("merged").join(name)).unwrap();
        assert_eq!(whole, merged, "{name}");
    }
    // A part that is missing, and what is no part.
    std::fs::remove_dir_all(&runs("parts")[0]).unwrap();
    let refused = merge("parts", "again");
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("0 times"), "{}", stderr(&refused));
    let refused = merge("whole", "again");
    assert_eq!(code(&refused), 2);
    assert!(
        stderr(&refused).contains("is no part"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_search_for_capacity_in_three_processes_is_the_search_of_one() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("shared.toml"), SCENARIO).unwrap();
    let size = |out: &str, more: &[&str]| {
        let arguments = ["size", "shared.toml", "--out", out];
        let output = dyno(folder.path(), &arguments).args(more).output().unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        output.stdout
    };
    size("whole", &[]);
    for shard in ["2/3", "1/3", "3/3"] {
        size("parts", &["--max-throttled", "0.1 %", "--shard", shard]);
    }
    let merge = |from: &[&str], to: &str| {
        let arguments = [&["merge"], from, &["-o", to]].concat();
        dyno(folder.path(), &arguments).output().unwrap()
    };
    let merged = merge(&["parts"], "merged");
    assert_eq!(code(&merged), 0, "{}", stderr(&merged));
    let runs = |out: &str| runs_in(&folder.path().join(out));
    for name in ["sizing.json", "sizing.html"] {
        let whole = std::fs::read_to_string(runs("whole")[0].join(name)).unwrap();
        let merged = std::fs::read_to_string(folder.path().join("merged").join(name)).unwrap();
        assert_eq!(whole, merged, "{name}");
    }
    let refused = |from: &[&str], why: &str| {
        let refused = merge(from, "again");
        assert_eq!(code(&refused), 2);
        assert!(stderr(&refused).contains(why), "{}", stderr(&refused));
        assert!(!folder.path().join("again").exists());
    };
    // A part that was asked for something else, and one that is missing.
    let printed = size(
        "other",
        &["--max-throttled", "1 %", "--shard", "1/3", "--json"],
    );
    let parts = runs("parts");
    let part = |number: usize| parts[number].to_str().unwrap();
    let other = runs("other");
    let written = std::fs::read(other[0].join("sizing-part.json")).unwrap();
    assert_eq!(printed.trim_ascii(), written);
    let other = other[0].to_str().unwrap();
    refused(&[other, part(1), part(2)], "something else");
    refused(&[part(0), part(2)], "shard 2/3");
    let output = dyno(folder.path(), &["size", "shared.toml", "--shard", "1/3"])
        .arg("--verify")
        .output()
        .unwrap();
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("--verify"), "{}", stderr(&output));
    let cloudwatch = ["size", "--from-cloudwatch", "none.json", "--shard", "1/3"];
    let output = dyno(folder.path(), &cloudwatch).output().unwrap();
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("--shard 1/3"),
        "{}",
        stderr(&output)
    );
}
