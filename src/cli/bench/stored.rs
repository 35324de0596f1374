//! What `dyno bench` found, kept for the runs on the same kind of machine.

use std::path::Path;

use super::Bench;
use crate::{record::generator::Ceiling, store};

/// Beside the folder of runs.
pub(in crate::cli) const FILE: &str = "reports/bench.json";
const NAME: &str = "bench.json";
const BYTES_MAX: u64 = 1 << 20;

/// The kind of machine that this is, as far as it decides what this tool can do.
pub(super) fn host() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let model = std::fs::read_to_string("/proc/cpuinfo").ok();
    let model = model.as_deref().and_then(cpu_model).unwrap_or("processor");
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{cores} × {model} ({os}, {arch})")
}

fn cpu_model(info: &str) -> Option<&str> {
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim())
}

/// What `client` can do on this machine, if that was measured with this version: beside the
/// folder of runs `runs`.
pub(in crate::cli) fn ceiling(runs: &Path, client: &str) -> Option<Ceiling> {
    let file = runs.parent()?.join(NAME);
    let bench = store::read_text(&file, BYTES_MAX).ok()?;
    let bench: Bench = serde_json::from_str(&bench).ok()?;
    if bench.host != host() || bench.version != env!("CARGO_PKG_VERSION") {
        return None;
    }
    let of_client = bench.clients.iter().find(|one| one.client == client)?;
    Some(Ceiling {
        requests_per_second: of_client.requests_per_second,
        measured_at: bench.measured_at.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_told_by_its_name() {
        let info = "processor\t: 0\nmodel name\t: AMD EPYC 7R13\nflags\t\t: fpu\n";
        assert_eq!(cpu_model(info), Some("AMD EPYC 7R13"));
        assert_eq!(cpu_model("processor : 0\n"), None);
    }

    #[test]
    fn what_was_found_counts_on_the_same_kind_of_machine_and_for_the_same_client() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs");
        let kept = |host: String| {
            serde_json::json!({
                "version": env!("CARGO_PKG_VERSION"), "host": host, "cores": 2,
                "measured_at": "2026-11-23T21:00:00Z", "schedule": [],
                "clients": [{"client": "wire", "requests": 1e5, "requests_per_second": 50_000.0,
                    "cpu_microseconds_per_request": 15.0,
                    "server_cpu_microseconds_per_request": 8.0}]
            })
        };
        let write = |host| std::fs::write(folder.path().join(NAME), kept(host).to_string());
        assert_eq!(ceiling(&runs, "wire"), None);
        write(host()).unwrap();
        let found = ceiling(&runs, "wire").unwrap();
        assert!((found.requests_per_second - 50_000.0).abs() < 1e-9);
        assert_eq!(ceiling(&runs, "sdk"), None);
        write("another".to_owned()).unwrap();
        assert_eq!(ceiling(&runs, "wire"), None);
    }
}
