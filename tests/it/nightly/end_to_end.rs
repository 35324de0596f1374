//! Nights with the real binary at the real emulator, then a build that answers 15 % slower.
//!
//! The build is `dyno emulate --latency`, started again with another service time at the same
//! address. Scenario, binary and clock are real; nights follow at once.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use dynamometer::analysis::trend::{Filter, Trend, Word, outcome::ChangeKind};

use super::command::Place;

/// Nights before the slower build.
const NIGHTS: usize = 20;
/// Nights that a history is learned from, as the rule has it.
const LEARNING: usize = dynamometer::analysis::trend::rule::LEARNING_NIGHTS;
/// Far above what other tests on the same cores add: an answer that is ready earlier is held.
const SERVICE_TIME: &str = "60ms";
/// The same and 15 %.
const SLOWER: &str = "69ms";
/// Enough where nothing has to be found.
const SHORT: &str = "30ms";
/// Histories that are tried: on a machine that others use, a night may really be slower.
const ATTEMPTS: usize = 3;

/// Requests come slowly enough that they do not wait for each other's share of a busy core.
fn place() -> Place {
    let place = Place::new();
    let scenario = place.read("watch.toml");
    let slow = scenario.replace("120ms", "250ms").replace("250/s", "100/s");
    fs::write(place.path("watch.toml"), slow).unwrap();
    place
}

/// The build under test, ended with the test.
struct Build {
    process: Child,
    endpoint: String,
}

impl Drop for Build {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Build {
    /// At any port that is free.
    fn start(place: &Place, service_time: &str) -> Self {
        Self::start_at(place, "0", service_time)
    }

    fn start_at(place: &Place, port: &str, service_time: &str) -> Self {
        let mut process = place
            .command(&["emulate", "--port", port, "--latency", service_time])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let endpoint = line.trim().to_owned();
        Self { process, endpoint }
    }

    /// Another one takes its place.
    fn replaced(self, place: &Place, service_time: &str) -> Self {
        let endpoint = self.endpoint.clone();
        drop(self);
        let port = endpoint.rsplit(':').next().unwrap_or_default();
        Self::start_at(place, port.trim_end_matches('/'), service_time)
    }

    /// One night: exit code and both streams.
    fn night(&self, place: &Place, index: usize) -> (i32, String, String) {
        let commit = format!("build-{index:02}");
        let arguments = ["nightly", "watch.toml", "-q", "--rerun-after", "0"];
        let more = ["--branch", "main", "--commit", &commit, "--endpoint"];
        place.dyno(&[&arguments[..], &more, &[&self.endpoint]].concat())
    }

    /// Nights that all pass.
    fn quiet_nights(&self, place: &Place, count: usize) -> Result<(), String> {
        for index in 0..count {
            let (code, stdout, stderr) = self.night(place, index);
            ensure(code == 0, || {
                let seen = values(place);
                format!("night {index}: {stdout}{stderr}{seen:?}")
            })?;
        }
        Ok(())
    }
}

/// What each night measured, in nanoseconds, with its rerun.
fn values(place: &Place) -> Vec<(Vec<f64>, Vec<f64>)> {
    let nights = place.history().nights.into_iter();
    nights
        .filter_map(|mut night| night.metrics.remove("get.response_time_p50"))
        .map(|metric| (metric.values, metric.rerun))
        .collect()
}

fn ensure(right: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if right { Ok(()) } else { Err(otherwise()) }
}

fn at_last(history: impl Fn() -> Result<(), String>) {
    let mut told = Vec::new();
    for _ in 0..ATTEMPTS {
        match history() {
            Ok(()) => return,
            Err(why) => told.push(why),
        }
    }
    panic!("{told:#?}");
}

#[test]
fn a_build_that_is_15_percent_slower_fails_within_three_nights_and_is_named() {
    at_last(|| {
        let place = place();
        let build = Build::start(&place, SERVICE_TIME);
        build.quiet_nights(&place, NIGHTS)?;
        let slower = build.replaced(&place, SLOWER);
        let failed = (NIGHTS..NIGHTS + 3)
            .map(|index| slower.night(&place, index))
            .find(|(code, ..)| *code == 1)
            .ok_or_else(|| format!("not within three nights: {:?}", values(&place)))?;
        let text = &failed.1;
        for part in ["FAIL", "get.response_time_p50 is worse since", "build-20"] {
            ensure(text.contains(part), || format!("no {part:?} in {text}"))?;
        }

        let trend = Trend::of(&place.history(), &Filter::default());
        let [group] = &trend.groups[..] else {
            panic!("one address, one group: {:?}", trend.groups)
        };
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
        // It failed only after it was measured again.
        let again = &group.nights[latency.seen].metrics["get.response_time_p50"].rerun;
        assert_eq!(again.len(), 3, "{again:?}");
        // Units did not change, whatever the machine does, and say so.
        assert!(!text.contains("units is worse"), "{text}");
        Ok(())
    });
}

#[test]
fn a_build_that_stays_the_same_passes_for_twenty_judged_nights() {
    at_last(|| {
        let place = place();
        let build = Build::start(&place, SHORT);
        build.quiet_nights(&place, LEARNING + NIGHTS)?;
        let trend = Trend::of(&place.history(), &Filter::default());
        let [group] = &trend.groups[..] else {
            panic!("one address, one group: {:?}", trend.groups)
        };
        let mut metrics = group.metrics.iter();
        let latency = metrics.find(|metric| metric.name == "get.response_time_p50");
        let cells = &latency.ok_or("no latency")?.cells;
        // Not because nothing was judged.
        for (night, cell) in cells.iter().enumerate() {
            let judged = !matches!(cell.word, Word::Learning | Word::TooNoisy | Word::Invalid);
            ensure(judged == (night >= LEARNING), || {
                format!("{night}: {cell:?}")
            })?;
        }
        Ok(())
    });
}
