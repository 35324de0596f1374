//! The report in a real browser, opened from disk: headless Chromium, light and dark.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
};

use dynamometer::report::html;
use tempfile::TempDir;

use crate::fixtures::{self, Case};

/// Hosts that the browser itself calls at its start, however it is asked not to.
const OF_THE_BROWSER: [&str; 3] = [".google.com", ".googleapis.com", ".gvt1.com"];

struct Visit {
    dom: String,
    console: Vec<String>,
    requests: Vec<String>,
}

fn chromium() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| {
            let version = Command::new(name)
                .arg("--version")
                .stdout(Stdio::null())
                .status();
            version.is_ok_and(|status| status.success())
        })
}

/// `preferred`: Blink's number for a colour scheme, 0 dark, 1 light.
fn visit(browser: &str, page: &Path, folder: &Path, preferred: u8) -> Visit {
    let profile = TempDir::new_in(folder).unwrap();
    let log = profile.path().join("net.json");
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args(["--enable-logging=stderr", "--log-level=0", "--dump-dom"])
        .arg(format!("--blink-settings=preferredColorScheme={preferred}"))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--log-net-log={}", log.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    let log: serde_json::Value = serde_json::from_slice(&fs::read(log).unwrap()).unwrap();
    let urls = log["events"].as_array().unwrap().iter();
    Visit {
        dom: String::from_utf8(output.stdout).unwrap(),
        console: stderr
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .map(Into::into)
            .collect(),
        requests: urls
            .filter_map(|event| event["params"]["url"].as_str())
            .filter(|url| url.starts_with("http") && !of_the_browser(url))
            .map(Into::into)
            .collect(),
    }
}

fn of_the_browser(url: &str) -> bool {
    let host = url.split('/').nth(2).unwrap_or_default();
    OF_THE_BROWSER.iter().any(|domain| host.ends_with(domain))
}

#[test]
fn the_report_opens_without_a_message_or_a_request_in_light_and_dark() {
    let Some(browser) = chromium() else {
        assert!(
            env::var_os("DYNO_REQUIRE_CHROMIUM").is_none(),
            "Chromium is required but absent"
        );
        println!("SKIPPED: no Chromium on this machine");
        return;
    };
    let folder = TempDir::new().unwrap();
    let pages: [(&str, Case); 2] = [
        ("throttled", fixtures::both_throttled()),
        ("hostile", fixtures::hostile_names()),
    ];
    for (name, case) in pages {
        let page = folder.path().join(format!("{name}.html"));
        fs::write(
            &page,
            html::render(&case.view(), &case.record, &case.scenario),
        )
        .unwrap();
        for preferred in [0, 1] {
            let seen = visit(browser, &page, folder.path(), preferred);
            assert!(seen.console.is_empty(), "{name}: {:?}", seen.console);
            assert!(seen.requests.is_empty(), "{name}: {:?}", seen.requests);
            // The script ran: the button that it adds is there.
            assert!(seen.dom.contains("<button"), "{name}");
            assert!(seen.dom.contains("</svg>"), "{name}");
        }
    }
}

#[test]
fn the_browser_s_own_calls_are_told_from_the_page_s() {
    assert!(of_the_browser("https://update.googleapis.com/service"));
    assert!(!of_the_browser("https://example.com/x.google.com"));
}
