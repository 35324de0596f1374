//! Twenty nights with the real binary, then a build that answers 15 % slower.
//!
//! The server is the emulator behind a proxy that holds every answer back for a stated time:
//! the service time of the build. Scenario, binary and clock are real; nights follow at once.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use dynamometer::analysis::trend::{Filter, Trend, outcome::ChangeKind};

use super::command::Place;

const NIGHTS: usize = 20;
/// Far above what other tests on the same cores add.
const SERVICE_MICROS: u64 = 80_000;

/// `dyno emulate`, ended with the test.
struct Emulator(Child);

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn emulator(place: &Place) -> (Emulator, String) {
    let mut command = place.command(&["emulate"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line
        .trim()
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    (Emulator(child), address)
}

/// Holds back the answers of `server` to reads for `micros`; the rest goes through at once, to
/// keep this short.
fn proxy(server: String, micros: Arc<AtomicU64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(client) = client else { return };
            let Ok(server) = TcpStream::connect(&server) else {
                return;
            };
            for stream in [&client, &server] {
                stream.set_nodelay(true).unwrap();
            }
            let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let reads = Arc::new(AtomicBool::new(false));
            let (asked, micros) = (Arc::clone(&reads), Arc::clone(&micros));
            thread::spawn(move || {
                let look = |bytes: &[u8]| {
                    let is_read = bytes.windows(8).any(|part| part == b".GetItem");
                    asked.fetch_or(is_read, Ordering::SeqCst);
                };
                pump(ends.0, ends.1, look);
            });
            thread::spawn(move || {
                let hold = |_: &[u8]| {
                    if reads.swap(false, Ordering::SeqCst) {
                        thread::sleep(Duration::from_micros(micros.load(Ordering::SeqCst)));
                    }
                };
                pump(server, client, hold);
            });
        }
    });
    format!("http://{address}")
}

fn pump(mut from: TcpStream, mut to: TcpStream, before: impl Fn(&[u8])) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        before(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// What each night measured, in nanoseconds, with its rerun.
fn values(place: &Place) -> Vec<(Vec<f64>, Vec<f64>)> {
    let nights = place.history().nights.into_iter();
    nights
        .map(|mut night| night.metrics.remove("get.response_time_p50").unwrap())
        .map(|metric| (metric.values, metric.rerun))
        .collect()
}

/// Histories that are tried: on a machine that others use, a night may really be slower.
const ATTEMPTS: usize = 3;

#[test]
fn a_build_that_is_15_percent_slower_fails_within_three_nights_and_is_named() {
    let mut told = Vec::new();
    for _ in 0..ATTEMPTS {
        match found_after_twenty_quiet_nights() {
            Ok(()) => return,
            Err(why) => told.push(why),
        }
    }
    panic!("{told:#?}");
}

fn ensure(right: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if right { Ok(()) } else { Err(otherwise()) }
}

/// Twenty nights that pass, then the slower build.
fn found_after_twenty_quiet_nights() -> Result<(), String> {
    let place = Place::new();
    let (_emulator, address) = emulator(&place);
    let micros = Arc::new(AtomicU64::new(SERVICE_MICROS));
    let endpoint = proxy(address, Arc::clone(&micros));
    let night = |index: usize| {
        let commit = format!("build-{index:02}");
        let arguments = [
            "nightly",
            "watch.toml",
            "-q",
            "--rerun-after",
            "0",
            "--commit",
            &commit,
        ];
        let mut arguments = arguments.to_vec();
        arguments.extend(["--branch", "main", "--endpoint", &endpoint]);
        place.dyno(&arguments)
    };
    for index in 0..NIGHTS {
        let (code, stdout, stderr) = night(index);
        ensure(code == 0, || format!("night {index}: {stdout}{stderr}"))?;
    }
    micros.store(SERVICE_MICROS * 115 / 100, Ordering::SeqCst);
    let failed = (NIGHTS..NIGHTS + 3)
        .map(night)
        .find(|(code, ..)| *code == 1)
        .ok_or_else(|| format!("not within three nights: {:?}", values(&place)))?;
    let text = &failed.1;
    for part in ["FAIL", "get.response_time_p50 is worse since", "build-20"] {
        ensure(text.contains(part), || format!("no {part:?} in {text}"))?;
    }

    let trend = Trend::of(&place.history(), &Filter::default());
    let group = &trend.groups[0];
    let mut changes = group.changes.iter();
    let latency = changes.find(|change| change.metric == "get.response_time_p50");
    let latency = latency.ok_or("no change of the latency")?;
    let named = group.nights[latency.since].commit.as_deref();
    ensure(
        latency.kind == ChangeKind::Open
            && named == Some("build-20")
            && (0.08..0.22).contains(&latency.effect),
        || format!("{named:?}: {latency:?}"),
    )?;
    // Units did not change, whatever the machine does, and say so.
    assert!(!text.contains("units is worse"), "{text}");
    Ok(())
}
