//! The real binary: outputs, exit codes, acceptance, and being killed.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use dynamometer::{
    analysis::trend::history::{History, parse},
    emulator::{Emulator, EmulatorConfig},
    seed::Seed,
    store,
};
use tempfile::TempDir;

use super::history::{night, text};

/// A scenario of a moment; its repeats are the least that a night may have.
const SCENARIO: &str = r#"
name = "watch"
seed = 7

[[table]]
name = "Things"
partition_key = "id"
billing = { mode = "provisioned", read = "5000 RCU", write = "5000 WCU" }
items = 5
[table.attributes]
id = { type = "S", value = "unique", prefix = "thing-" }

[[operation]]
kind = "get"
keys = "uniform"
weight = "100 %"

[[phase]]
kind = "load"

[[phase]]
name = "steady"
kind = "measured"
duration = "120ms"
arrivals = { kind = "constant", rate = "250/s" }

[validity]
dispatch_delay_p99 = "5s"

[nightly]
repeats = 3
"#;

/// A folder with a scenario, in which `dyno` runs.
pub struct Place {
    pub folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("watch.toml"), SCENARIO).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dyno"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        for pipeline in [
            "GITHUB_SHA",
            "GITHUB_REF_NAME",
            "GITHUB_STEP_SUMMARY",
            "CI_COMMIT_SHA",
        ] {
            command.env_remove(pipeline);
        }
        command
    }

    pub fn dyno(&self, arguments: &[&str]) -> (i32, String, String) {
        said(&self.command(arguments).output().unwrap())
    }

    pub fn history(&self) -> History {
        let lines = store::history::read(&self.path("reports/history.jsonl")).unwrap();
        parse(&lines.text, "history.jsonl").unwrap()
    }

    /// Puts a history in the place.
    pub fn remember(&self, text: &str) {
        fs::create_dir_all(self.path("reports")).unwrap();
        fs::write(self.path("reports/history.jsonl"), text).unwrap();
    }
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn a_night_is_remembered_and_written_in_every_form() {
    let place = Place::new();
    let output = place
        .command(&["nightly", ".", "--commit", "abc", "--branch", "main"])
        .env("GITHUB_STEP_SUMMARY", place.path("job.md"))
        .output()
        .unwrap();
    let (code, stdout, stderr) = said(&output);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("LEARNING"), "{stdout}");
    let history = place.history();
    assert_eq!(history.nights.len(), 1);
    let night = &history.nights[0];
    assert_eq!((night.runs, night.commit.as_deref()), (3, Some("abc")));
    assert!(night.host.cores > 0 && !night.host.cpu.is_empty());
    for (metric, exact) in [
        ("get.response_time_p50", false),
        ("get.units", true),
        ("simulated.get.units", true),
        ("usd_per_million", true),
        ("completed_rate", false),
        ("errors", false),
    ] {
        assert_eq!(night.metrics[metric].exact, exact, "{metric}");
    }
    let latency = &night.metrics["get.response_time_p50"];
    assert_eq!((latency.values.len(), latency.rerun.len()), (3, 0));
    let (low, high) = latency.range();
    assert!((low..=high).contains(&latency.merged.unwrap()));
    for (file, expected) in [
        ("trend.html", "</html>"),
        ("history.csv", "watch: get.units (RCU)"),
        ("junit.xml", "</testsuites>"),
        ("summary.md", "LEARNING"),
        ("badge.json", "\"schemaVersion\":1"),
    ] {
        let content = place.read(&format!("reports/nightly/{file}"));
        assert!(content.contains(expected), "{file}: {content}");
    }
    assert_eq!(
        place.read("job.md"),
        place.read("reports/nightly/summary.md")
    );

    // The same again from the history alone.
    let page = place.read("reports/nightly/trend.html");
    fs::remove_dir_all(place.path("reports/nightly")).unwrap();
    let (code, ..) = place.dyno(&["trend"]);
    assert_eq!(code, 0);
    assert_eq!(place.read("reports/nightly/trend.html"), page);
}

#[test]
fn what_is_not_marked_or_wrong_is_refused_before_anything_runs() {
    let place = Place::new();
    let unmarked = SCENARIO.split("[nightly]").next().unwrap();
    fs::write(place.path("unmarked.toml"), unmarked).unwrap();
    fs::write(place.path("broken.txt"), "name = 1").unwrap();
    fs::create_dir(place.path("empty")).unwrap();
    fs::create_dir(place.path("twins")).unwrap();
    fs::write(place.path("twins/a.toml"), SCENARIO).unwrap();
    fs::write(place.path("twins/b.toml"), SCENARIO).unwrap();
    for (arguments, expected) in [
        (&["nightly"][..], "PATH"),
        (&["nightly", "unmarked.toml"], "[nightly]"),
        (&["nightly", "empty"], "no scenario in empty"),
        (&["nightly", "broken.txt"], "broken.txt"),
        (&["nightly", "twins"], "the same name"),
        (&["nightly", "missing.toml"], "missing.toml"),
        (&["nightly", "watch.toml", "--rerun-after", "soon"], "15min"),
        (&["nightly", "ack", "x"], "--at"),
        (
            &["nightly", "ack", "x", "--at", "c", "--reason", "r"],
            "no metric `x`",
        ),
        (&["trend"], "there is"),
    ] {
        let (code, stdout, stderr) = place.dyno(arguments);
        assert_eq!(code, 2, "{arguments:?}: {stdout}{stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
    place.remember(&(text(&[night(0, 1.0, 1.0)]) + "{\"version\":9}\n"));
    for arguments in [&["nightly", "watch.toml"][..], &["trend"]] {
        let (code, _, stderr) = place.dyno(arguments);
        assert_eq!(code, 2, "{stderr}");
        assert!(
            stderr.contains("history.jsonl:2: it has version 9"),
            "{stderr}"
        );
        assert!(stderr.contains("newer dyno"), "{stderr}");
    }
    assert!(!place.path("reports/nightly").exists());
}

#[test]
fn an_open_failure_exits_with_one_until_it_is_accepted() {
    let place = Place::new();
    let mut nights: Vec<_> = (0..12).map(|index| night(index, 4e6, 1.0)).collect();
    nights.push(night(12, 4e6, 2.0));
    place.remember(&text(&nights));
    let (code, stdout, _) = place.dyno(&["trend"]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("get.units is worse since"), "{stdout}");
    assert!(stdout.contains("commit c000012"), "{stdout}");
    assert!(stdout.contains("measured commit c000011"), "{stdout}");
    assert!(place.read("reports/nightly/junit.xml").contains("<failure"));
    assert!(
        place
            .read("reports/nightly/badge.json")
            .contains("1 scenario worse")
    );
    let here = ["trend", "--branch", "main", "--host-class", "2 ×"];
    assert_eq!(place.dyno(&here).0, 1);
    let ack = |at: &str| {
        place.dyno(&[
            "nightly",
            "ack",
            "get.units",
            "--at",
            at,
            "--reason",
            "two reads on purpose",
        ])
    };
    let (code, _, stderr) = ack("nothing");
    assert_eq!(code, 2);
    assert!(stderr.contains("measured commit nothing"), "{stderr}");
    assert_eq!(ack("c000012").0, 0);
    let (code, stdout, stderr) = place.dyno(&["trend"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(
        place
            .read("reports/nightly/trend.html")
            .contains("two reads on purpose")
    );
    let (code, ..) = place.dyno(&["trend", "--branch", "other"]);
    assert_eq!(code, 2);
}

#[test]
fn a_night_of_a_late_generator_is_recorded_as_invalid_and_is_no_baseline() {
    let place = Place::new();
    let strict = SCENARIO.replace("\"5s\"", "\"1ns\"");
    fs::write(place.path("watch.toml"), strict).unwrap();
    let arguments = ["nightly", "watch.toml", "-q", "--commit", "abc"];
    let (code, stdout, stderr) = place.dyno(&arguments);
    assert_eq!(code, 3, "{stdout}{stderr}");
    assert!(stdout.contains("INVALID"), "{stdout}");
    let history = place.history();
    assert_eq!(history.nights[0].invalid.len(), 1);
    let junit = place.read("reports/nightly/junit.xml");
    assert!(junit.contains("<error message=\"INVALID\""), "{junit}");
    let (code, ..) = place.dyno(&["trend"]);
    assert_eq!(code, 3);
}

#[test]
fn hostile_names_are_nothing_but_text_in_every_form() {
    const EVIL: &str = "=cmd|'/c calc'!A1 <script>alert(1)</script> \"&'] ]]> | `x` \u{202e}";
    let place = Place::new();
    let nights: Vec<_> = (0..13)
        .map(|index| {
            let mut night = night(index, 4e6, if index == 12 { 2.0 } else { 1.0 });
            night.scenario = EVIL.to_owned();
            night.branch = Some(EVIL.to_owned());
            night.commit = Some(format!("{EVIL}{index}"));
            night.host.cpu = EVIL.to_owned();
            night.target = EVIL.to_owned();
            let metric = night.metrics["get.units"].clone();
            night.metrics.insert(EVIL.to_owned(), metric);
            night
        })
        .collect();
    place.remember(&text(&nights));
    let (code, stdout, _) = place.dyno(&["trend"]);
    assert_eq!(code, 1, "{stdout}");
    assert!(!stdout.contains('\u{202e}'), "{stdout:?}");
    for file in ["trend.html", "junit.xml", "summary.md"] {
        let content = place.read(&format!("reports/nightly/{file}"));
        assert!(content.contains("cmd"), "{file}");
        assert!(!content.contains("<script"), "{file}");
        assert!(!content.contains('\u{202e}'), "{file}");
    }
    assert!(!place.read("reports/nightly/summary.md").contains("`x`"));
    let csv = place.read("reports/nightly/history.csv");
    for line in csv.lines() {
        for cell in line.split(',') {
            let bare = cell.trim_start_matches('"');
            assert!(!bare.starts_with('='), "{line}");
        }
    }
    let bad = unbalanced(&place.read("reports/nightly/junit.xml"));
    assert!(bad.is_none(), "{bad:?}");
}

/// The first tag that is not closed as XML has it.
fn unbalanced(xml: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    for piece in xml.split('<').skip(1) {
        let Some((tag, _)) = piece.split_once('>') else {
            return Some(piece.to_owned());
        };
        if tag.starts_with('?') || tag.ends_with('/') {
            continue;
        }
        let name = tag
            .trim_start_matches('/')
            .split(' ')
            .next()
            .unwrap_or_default();
        if !tag.starts_with('/') {
            open.push(name);
        } else if open.pop() != Some(name) {
            return Some(tag.to_owned());
        }
    }
    open.pop().map(str::to_owned)
}

#[test]
fn a_history_torn_anywhere_loses_nothing_but_its_last_night() {
    let folder = TempDir::new().unwrap();
    let nights: Vec<_> = (0..3).map(|index| night(index, 4e6, 1.0)).collect();
    let whole = text(&nights[..2]);
    let second = text(&nights[..1]).len();
    for kept in (0..=whole.len())
        .step_by(7)
        .chain([second - 1, second, second + 1])
    {
        let path = folder.path().join(format!("{kept}.jsonl"));
        fs::write(&path, &whole.as_bytes()[..kept]).unwrap();
        let aside = store::history::append(&path, &text(&nights[2..])).unwrap();
        let torn = !whole[..kept].is_empty() && !whole[..kept].ends_with('\n');
        assert_eq!(aside.is_some(), torn, "{kept}");
        let read = store::history::read(&path).unwrap();
        let history = parse(&read.text, "h").unwrap();
        let names: Vec<_> = history
            .nights
            .iter()
            .map(|night| night.night.as_str())
            .collect();
        let expected = match kept {
            _ if kept == whole.len() => &["n0", "n1", "n2"][..],
            _ if kept >= second => &["n0", "n2"],
            _ => &["n2"],
        };
        assert_eq!(names, expected, "{kept}");
        if let Some(aside) = aside {
            let lost = fs::read_to_string(aside).unwrap();
            let begun = whole[..kept].rfind('\n').map_or(0, |at| at + 1);
            assert_eq!(lost.strip_suffix('\n'), Some(&whole[begun..kept]));
        }
    }
}

#[test]
fn killed_at_any_moment_the_history_stays_whole() {
    let place = Place::new();
    let moments = Seed(std::process::id().into()).stream("kill");
    let mut done = 0;
    let began = Instant::now();
    let arguments = ["nightly", "watch.toml", "-q", "--rerun-after", "0"];
    assert_eq!(place.dyno(&arguments).0, 0);
    done += 1;
    let night_takes = u64::try_from(began.elapsed().as_millis()).unwrap();
    for round in 0..8_u64 {
        let mut child = place
            .command(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The last rounds aim at the end, where the file is written.
        let from = if round % 2 == 0 {
            0
        } else {
            night_takes * 8 / 10
        };
        let at = from + moments.bits(round) % (night_takes * 11 / 10 - from).max(1);
        std::thread::sleep(Duration::from_millis(at));
        child.kill().unwrap();
        if child.wait().unwrap().code() == Some(0) {
            done += 1;
        }
        let before = place.history().nights.len();
        assert!(
            before >= done,
            "round {round} after {at} ms: {before} of {done} nights"
        );
    }
    assert_eq!(place.dyno(&arguments).0, 0);
    done += 1;
    let history = place.history();
    let names: BTreeSet<_> = history.nights.iter().map(|night| &night.night).collect();
    assert_eq!(names.len(), history.nights.len(), "none counts twice");
    assert!((done..=done + 8).contains(&history.nights.len()));
    assert_eq!(history.remarks, Vec::<String>::new());
}

/// Begins a night whose runs take a minute, and interrupts it once `ready`.
#[cfg(unix)]
fn interrupted_night(place: &Place, more: &[&str], ready: impl Fn() -> bool) {
    let long = SCENARIO.replace("120ms", "60s");
    fs::write(place.path("watch.toml"), long).unwrap();
    let mut child = place
        .command(&[&["nightly", "watch.toml"], more].concat())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut stderr, &mut line).unwrap();
    assert!(line.contains("run 1 of 3"), "{line}");
    let begun = Instant::now();
    while !ready() {
        assert!(begun.elapsed() < Duration::from_secs(30), "not ready");
        std::thread::sleep(Duration::from_millis(10));
    }
    let killed = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!place.path("reports/history.jsonl").exists());
}

#[cfg(unix)]
#[test]
fn an_interrupted_night_is_not_remembered() {
    interrupted_night(&Place::new(), &[], || true);
}

#[cfg(unix)]
#[test]
fn an_interrupted_night_leaves_no_table_at_an_endpoint() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let emulator = runtime
        .block_on(Emulator::start(EmulatorConfig::default()))
        .unwrap();
    let (handle, endpoint) = (emulator.handle(), emulator.endpoint());
    let requests = |operation: &str| {
        let ledger = runtime.block_on(handle.ledger());
        ledger.requests.get(operation).map_or(0, |counts| counts.ok)
    };
    let under_way = || requests("GetItem") > 0;
    interrupted_night(&Place::new(), &["--endpoint", &endpoint], under_way);
    assert_eq!((requests("CreateTable"), requests("DeleteTable")), (1, 1));
    runtime.block_on(emulator.shutdown());
}
