//! The tool's own ceiling.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::cli::interrupt;

#[test]
fn a_bench_measures_both_clients_and_the_schedule_at_shares_of_the_ceiling() {
    let folder = TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_dyno"))
        .args(["bench", "--json", "--seconds", "1"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let bench: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |of: &Value, name: &str| of[name].as_f64().unwrap();
    let clients = bench["clients"].as_array().unwrap();
    let names: Vec<_> = clients.iter().map(|one| &one["client"]).collect();
    assert_eq!(names, ["wire", "sdk"]);
    for one in clients {
        let rate = number(one, "requests_per_second");
        let ours = number(one, "cpu_microseconds_per_request");
        let server = number(one, "server_cpu_microseconds_per_request");
        assert!(rate > 0.0 && ours > 0.0 && server > 0.0, "{one}");
        // No more CPU time than the cores have; the part ends with its last answer.
        let busy = rate * (ours + server) / 1e6;
        assert!(busy < 1.5 * number(&bench, "cores"), "{one}");
    }
    let ceiling = number(&clients[0], "requests_per_second");
    for (share, expected) in bench["schedule"]
        .as_array()
        .unwrap()
        .iter()
        .zip([10, 50, 90])
    {
        let percent = number(share, "percent_of_ceiling");
        assert!((percent - f64::from(expected)).abs() < 1.0, "{share}");
        let due = number(share, "due_per_second");
        let wanted = ceiling * f64::from(expected) / 100.0;
        assert!((due - wanted).abs() <= 1.0, "{share}");
        let p50 = number(share, "dispatch_delay_p50_microseconds");
        let p99 = number(share, "dispatch_delay_p99_microseconds");
        assert!(0.0 < p50 && p50 <= p99, "{share}");
    }
    let kept = std::fs::read(folder.path().join("reports/bench.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap(), bench);
}

/// As scripts that compare clients do.
#[test]
fn the_server_of_a_bench_serves_other_processes_until_it_is_stopped() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_dyno"))
        .args(["bench", "--serve", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut url).unwrap();
    for (client, kind) in [("wire", "reads"), ("wire", "writes"), ("sdk", "reads")] {
        let output = Command::new(env!("CARGO_BIN_EXE_dyno"))
            .args(["bench", "--only", client, "--mix", kind, "--json"])
            .args(["--endpoint", url.trim(), "--seconds", "1"])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        let bench: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(bench["clients"][0]["client"], client);
        assert!(bench["clients"][0]["requests"].as_f64().unwrap() > 0.0);
    }
    interrupt(&server);
    assert!(server.wait().unwrap().success());
}

#[test]
fn a_bench_of_no_time_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_dyno"))
        .args(["bench", "--seconds", "0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
