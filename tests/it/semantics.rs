//! Whatever stands in front of a store changes none of its answers: one script of requests
//! through the AWS SDK, and the transcript of all that was answered, held against that of the
//! store alone.
//!
//! Left out is what a governor changes on purpose: throttles, and the delay of `UpdateTable`.

mod items;
mod reads;
mod script;
mod several;
mod tables;

use std::{sync::Arc, time::Duration};

use dynamometer::{
    clock::SystemClock,
    emulator::{Emulator, EmulatorConfig, UpstreamConfig},
    units::TimeScale,
};

use script::{Said, Script};

/// Runs the whole script against the server at `endpoint`, which has no table of it then.
pub async fn transcript(endpoint: &str) -> Vec<Said> {
    let mut script = Script::at(endpoint);
    tables::are_made(&mut script).await;
    items::live_their_lives(&mut script).await;
    items::are_guarded_by_conditions(&mut script).await;
    items::are_refused_when_they_are_none(&mut script).await;
    reads::queries(&mut script).await;
    reads::pages(&mut script).await;
    reads::scans(&mut script).await;
    several::batches(&mut script).await;
    several::transactions(&mut script).await;
    several::statements(&mut script).await;
    tables::are_deleted(&mut script).await;
    script.transcript()
}

/// Holds one transcript against the other, answer by answer.
pub fn assert_same(with: &[Said], without: &[Said]) {
    let pairs = with.iter().zip(without);
    let differ = pairs.filter(|(with, without)| with != without);
    let told: Vec<_> = differ
        .map(|(with, without)| format!("{}:\n  {with:?}\n  {without:?}", without.asked))
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    assert_eq!(with.len(), without.len());
}

/// Far from any limit, on the slowest machine too.
fn ample(governed: bool) -> EmulatorConfig {
    EmulatorConfig {
        governed,
        clock: Arc::new(SystemClock::scaled(
            TimeScale::new(10_000.0).expect("a factor"),
        )),
        ..EmulatorConfig::default()
    }
}

pub async fn transcript_of(config: EmulatorConfig) -> Vec<Said> {
    let emulator = Emulator::start(config).await.expect("it starts");
    let transcript = Box::pin(transcript(&emulator.endpoint())).await;
    let ledger = emulator.handle().ledger().await;
    assert_eq!(ledger.throttle_reasons.len(), 0, "{ledger:?}");
    emulator.shutdown().await;
    transcript
}

#[tokio::test]
async fn a_governor_with_ample_capacity_changes_no_answer() {
    let without = Box::pin(transcript_of(ample(false))).await;
    assert!(without.len() > 150, "{}", without.len());
    let with = Box::pin(transcript_of(ample(true))).await;
    assert_same(&with, &without);
    let store = Emulator::start(ample(false)).await.expect("it starts");
    let in_front = in_front_of(&store.endpoint());
    let with = Box::pin(transcript_of(in_front)).await;
    assert_same(&with, &without);
    store.shutdown().await;
}

/// Governed, with ample capacity, in front of the server at `endpoint`.
pub fn in_front_of(endpoint: &str) -> EmulatorConfig {
    let upstream = UpstreamConfig {
        url: endpoint.parse().expect("a URL"),
        timeout: Duration::from_mins(1),
    };
    EmulatorConfig {
        upstream: Some(upstream),
        ..ample(true)
    }
}
