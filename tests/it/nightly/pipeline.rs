//! What `deploy/nightly` offers to pipelines, run as it stands: the workflow's steps, and cron's
//! script.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use dynamometer::analysis::trend::history::parse;
use tempfile::TempDir;

use super::command::Place;

const WORKFLOW: &str = include_str!("../../../deploy/nightly/github-workflow.yml");

/// With `dyno` found first, and without what a pipeline around this test says.
fn shell(folder: &Path) -> Command {
    let dyno = Path::new(env!("CARGO_BIN_EXE_dyno")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", dyno.display()))
        .env("GITHUB_SHA", "0123456789012345678901234567890123456789")
        .env("GITHUB_REF_NAME", "main")
        .env("GITHUB_WORKSPACE", folder)
        .env_remove("GITHUB_STEP_SUMMARY");
    command
}

fn ok(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    stdout
}

/// What the step of this name runs.
fn step(name: &str) -> String {
    let start = format!("      - name: {name}\n");
    let (_, rest) = WORKFLOW.split_once(&start).expect("there is such a step");
    let step = rest.split("\n      - ").next().unwrap_or_default();
    let (_, run) = step.split_once("        run: ").expect("it runs something");
    let lines = run.trim_start_matches('|').lines();
    lines.map(str::trim_start).collect::<Vec<_>>().join("\n")
}

fn bash(folder: &Path, script: &str) -> String {
    ok(&shell(folder).args(["-e", "-c", script]).output().unwrap())
}

/// A project with a scenario, at a bare repository.
fn project(folder: &TempDir) -> PathBuf {
    let place = Place::new();
    let origin = folder.path().join("origin.git");
    let script = format!(
        "git init -q --bare -b main {origin} && git init -q -b main . && mkdir scenarios && \
         mv watch.toml scenarios/ && git add scenarios && \
         git -c user.name=n -c user.email=n@localhost commit -qm one && \
         git push -q {origin} main",
        origin = origin.display()
    );
    bash(place.folder.path(), &script);
    origin
}

#[test]
fn the_workflow_keeps_the_history_of_two_nights_on_its_branch() {
    let folder = TempDir::new().unwrap();
    let origin = project(&folder);
    for night in ["first", "second"] {
        // Each night on a fresh machine.
        let machine = folder.path().join(night);
        fs::create_dir(&machine).unwrap();
        let clone = format!("git clone -q file://{} work", origin.display());
        bash(&machine, &clone);
        let work = machine.join("work");
        bash(&work, &step("fetch the history"));
        let told = bash(&work, &step("measure and decide"));
        assert!(told.contains("LEARNING"), "{told}");
        bash(&work, &step("keep the history"));
        // Once more adds nothing, and is no error.
        bash(&work, &step("keep the history"));
    }
    let show = |file: &str| {
        let git = format!(
            "git --git-dir {} show nightly-history:{file}",
            origin.display()
        );
        bash(folder.path(), &git)
    };
    let history = parse(&show("history.jsonl"), "history.jsonl").unwrap();
    assert_eq!(history.nights.len(), 2);
    for night in &history.nights {
        assert_eq!(night.branch.as_deref(), Some("main"));
        assert!(night.commit.as_ref().is_some_and(|c| c.starts_with("0123")));
    }
    assert!(show("badge.json").contains("learning"));
}

#[test]
fn cron_prints_nothing_of_a_good_night_and_all_of_a_bad_one() {
    let place = Place::new();
    let cron = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/nightly/cron.sh");
    fs::create_dir(place.path("scenarios")).unwrap();
    fs::rename(place.path("watch.toml"), place.path("scenarios/watch.toml")).unwrap();
    let night = || {
        let mut command = shell(place.folder.path());
        command.arg(&cron).arg(".").arg(place.path("state"));
        command.output().unwrap()
    };
    let output = night();
    assert_eq!(ok(&output), "");
    assert!(place.read("state/last.txt").contains("LEARNING"));
    fs::write(place.path("scenarios/watch.toml"), "name = 1").unwrap();
    let output = night();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stdout).contains("watch.toml"));
    let history = fs::read_to_string(place.path("state/history.jsonl")).unwrap();
    assert_eq!(parse(&history, "h").unwrap().nights.len(), 1);
}
