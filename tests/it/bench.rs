//! The tool's own ceiling.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_bench_measures_both_clients_and_the_schedule_at_shares_of_the_ceiling() {
    let output = Command::new(env!("CARGO_BIN_EXE_dyno"))
        .args(["bench", "--json", "--seconds", "1"])
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
        assert_eq!(share["percent_of_ceiling"], expected);
        let due = number(share, "due_per_second");
        let wanted = ceiling * f64::from(expected) / 100.0;
        assert!((due - wanted).abs() <= 1.0, "{share}");
        let p50 = number(share, "dispatch_delay_p50_microseconds");
        let p99 = number(share, "dispatch_delay_p99_microseconds");
        assert!(0.0 < p50 && p50 <= p99, "{share}");
    }
}

#[test]
fn a_bench_of_no_time_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_dyno"))
        .args(["bench", "--seconds", "0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
