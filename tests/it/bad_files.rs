//! Files that are none: each is refused soon, in little memory, by everything that reads it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::cli::Run;

const PATIENCE: Duration = Duration::from_secs(5);
const MEMORY_MAX: u64 = 1 << 30;

/// How a process ended, what it said, how long it took and how much memory it had.
pub struct Ended {
    pub code: Option<i32>,
    pub stderr: String,
    pub took: Duration,
    /// At its peak, in bytes.
    pub memory: u64,
}

/// Runs it for as long as `patience` lasts.
pub fn run(mut command: Command, patience: Duration) -> Ended {
    let began = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let status_file = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    let code = loop {
        let status = fs::read_to_string(&status_file).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        memory = memory.max(peak.unwrap_or_default() * 1024);
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if began.elapsed() > patience {
            child.kill().unwrap();
            break None;
        }
        thread::sleep(Duration::from_millis(2));
    };
    let took = began.elapsed();
    let output = child.wait_with_output().unwrap();
    Ended {
        code,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took,
        memory,
    }
}

/// Everything that is no file of ours, by name.
fn bad_files(folder: &Path) -> Vec<PathBuf> {
    let fifo = folder.join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let write = |name: &str, content: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let deep = |open: &str| open.repeat(100_000);
    vec![
        fifo,
        folder.to_path_buf(),
        "/dev/zero".into(),
        "/dev/tty".into(),
        folder.join("missing"),
        write("nothing", b""),
        write("zeros", &vec![0; 64 << 20]),
        write("letters", &vec![b'a'; 64 << 20]),
        write("lines", "a\n".repeat(32 << 20).as_bytes()),
        write("brackets", deep("[").as_bytes()),
        write("braces", deep("{\"a\":").as_bytes()),
        write(
            "in-an-object",
            format!("{{\"schema_version\": 1, \"record\": {}", deep("[")).as_bytes(),
        ),
        write("in-toml", format!("name = {}", deep("[")).as_bytes()),
        write(
            "tables-in-toml",
            format!("name = {}", deep("{a=")).as_bytes(),
        ),
        write("dotted-toml", format!("{}a = 1", deep("a.")).as_bytes()),
        write("latin", b"name = \"caf\xe9\"\n"),
    ]
}

#[test]
fn what_is_no_file_of_ours_is_refused_within_seconds_by_every_command_that_reads_one() {
    let place = Run::new();
    let scenario = place.short("1s", "0 %");
    let folder = place.folder.path().join("bad");
    fs::create_dir(&folder).unwrap();
    for file in bad_files(&folder) {
        let name = file.to_str().unwrap();
        for arguments in [
            vec!["check", name],
            vec!["run", name],
            vec!["report", name],
            vec!["merge", name],
            vec!["trend", name],
            vec!["size", "--from-cloudwatch", name],
            vec!["size", &scenario, "--prices", name],
        ] {
            let ended = run(place.command(&arguments), PATIENCE);
            let said = &ended.stderr;
            // A history that is not there, or empty, has no nights: that is no error.
            let is_refused =
                ended.code == Some(2) || arguments[0] == "trend" && ended.code == Some(0);
            assert!(is_refused, "{arguments:?}: {:?} {said}", ended.code);
            assert!(!said.contains("panicked"), "{arguments:?}: {said}");
            assert!(
                said.len() < 1 << 20,
                "{arguments:?} says {} bytes",
                said.len()
            );
            assert!(ended.took < PATIENCE, "{arguments:?}: {:?}", ended.took);
            assert!(
                ended.memory < MEMORY_MAX,
                "{arguments:?}: {} bytes",
                ended.memory
            );
        }
    }
}
