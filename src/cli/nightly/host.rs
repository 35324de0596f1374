//! What is measured, and on what: from the pipeline, git and the kernel.

use std::{fs, process::Command, thread};

use crate::analysis::trend::Host;

/// What is measured.
pub(super) struct Revision {
    pub(super) commit: Option<String>,
    pub(super) branch: Option<String>,
}

impl Revision {
    /// As given, as the pipeline says, or of the git checkout in this folder.
    pub(super) fn detect(commit: Option<&str>, branch: Option<&str>) -> Self {
        let given = commit.map(str::to_owned);
        let commit = given.or_else(self::commit);
        let branch = branch
            .map(str::to_owned)
            .or_else(|| variable(&["GITHUB_REF_NAME", "CI_COMMIT_REF_NAME"]))
            .or_else(|| git(&["rev-parse", "--abbrev-ref", "HEAD"]).filter(|name| name != "HEAD"));
        Self { commit, branch }
    }
}

/// What is measured, as the pipeline says, or of the git checkout in this folder.
pub(in crate::cli) fn commit() -> Option<String> {
    variable(&["GITHUB_SHA", "CI_COMMIT_SHA"]).or_else(|| git(&["rev-parse", "HEAD"]))
}

fn variable(names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// The first line that git prints; nothing without git or outside a checkout.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}

/// This machine.
pub(super) fn host() -> Host {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let line = |path: &str| {
        let text = fs::read_to_string(path).ok()?;
        Some(text.lines().next()?.trim().to_owned()).filter(|line| !line.is_empty())
    };
    let release = line("/proc/sys/kernel/osrelease");
    let system = line("/proc/sys/kernel/ostype").unwrap_or_else(|| std::env::consts::OS.to_owned());
    Host {
        cores: u32::try_from(cores).unwrap_or(u32::MAX),
        cpu: cpu().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        kernel: release.map_or(system.clone(), |release| format!("{system} {release}")),
    }
}

fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let named = |line: &str| {
        let (key, value) = line.split_once(':')?;
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        (key.trim() == "model name" && !value.is_empty()).then_some(value)
    };
    text.lines().find_map(named)
}
