//! The journal of a run: its entries add up to the record, wherever they are cut.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use dynamometer::{
    record::{
        Declared, Interval, Outcome, RunRecord, Sample,
        journal::{Assembly, Entry, Incomplete},
        recorder::{LostSecond, Recorder, RunHeader, Shelf},
    },
    report::stored,
    scenario::PhaseKind,
    schedule::Arrival,
    units::Timestamp,
};
use proptest::prelude::*;

use crate::{
    bad_files,
    cli::Run,
    fixtures::{self, Case},
};

/// Made once: it fills a record of its own.
static CASE: LazyLock<Case> = LazyLock::new(fixtures::pass);

/// What happens in a run, in milliseconds since its start.
#[derive(Clone, Debug)]
enum Step {
    /// A request that ends so long after it was due.
    Request {
        due: u64,
        takes: u64,
        operation: usize,
        outcome: Outcome,
    },
    /// An entry is taken.
    Entry,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop::sample::select(Outcome::ALL.to_vec());
    let request = (0_u64..6_000, 0_u64..3_000, 0_usize..2, outcome);
    let request = request.prop_map(|(due, takes, operation, outcome)| Step::Request {
        due,
        takes,
        operation,
        outcome,
    });
    prop::collection::vec(prop_oneof![8 => request, 1 => Just(Step::Entry)], 0..60)
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_start(Duration::from_millis(millis))
}

fn recorder() -> Recorder {
    let case = &*CASE;
    let header = RunHeader {
        scenario_source: case.record.scenario_source.clone(),
        provenance: case.record.provenance.clone(),
        governed: false,
    };
    Recorder::new(&case.scenario, header)
}

/// Counts one request.
fn request(recorder: &mut Recorder, sequence: u64, step: (u64, u64, usize, Outcome)) {
    let (due, takes, operation, outcome) = step;
    let mut phases = CASE.scenario.phases.iter();
    let phase = phases.position(|phase| phase.kind == PhaseKind::Measured);
    let arrival = Arrival {
        sequence,
        phase: phase.unwrap(),
        intended_start: at(due),
    };
    let sent = (outcome != Outcome::Dropped).then(|| at(due + takes / 10));
    recorder.due(&arrival, operation);
    recorder.finish(&Sample {
        sequence,
        phase: arrival.phase,
        operation,
        outcome,
        due: at(due),
        first_sent: sent,
        last_sent: sent,
        finished: at(due + takes),
        attempts: u32::from(sent.is_some()),
        declared: Declared::default(),
        throttle_reasons: vec![],
        error: (outcome == Outcome::Failed).then(|| "HTTP 500".to_owned()),
    });
}

/// A shelf that is written on paper, and how often something was taken from it.
#[derive(Clone, Debug, Default)]
struct Paper(Arc<Mutex<(BTreeMap<u64, String>, u64)>>);

impl Paper {
    /// How many seconds lie there, and how often one was taken off.
    fn counts(&self) -> (usize, u64) {
        let paper = self.0.lock().unwrap();
        (paper.0.len(), paper.1)
    }
}

impl Shelf for Paper {
    fn lay(&mut self, interval: &Interval) -> bool {
        let text = serde_json::to_string(interval).unwrap();
        self.0.lock().unwrap().0.insert(interval.second, text);
        true
    }

    fn take(&mut self, second: u64) -> Result<Interval, LostSecond> {
        let mut paper = self.0.lock().unwrap();
        paper.1 += 1;
        let text = paper.0.remove(&second).unwrap();
        serde_json::from_str(&text).map_err(|error| LostSecond {
            second,
            cause: error.to_string(),
        })
    }
}

/// The record of all steps, and the journal if entries are taken.
fn play(steps: &[Step], with_journal: bool) -> (RunRecord, Vec<Entry>) {
    play_with(recorder(), steps, with_journal)
}

fn play_with(
    mut recorder: Recorder,
    steps: &[Step],
    with_journal: bool,
) -> (RunRecord, Vec<Entry>) {
    let mut entries = Vec::new();
    for (sequence, step) in (0..).zip(steps) {
        match *step {
            Step::Request {
                due,
                takes,
                operation,
                outcome,
            } => request(&mut recorder, sequence, (due, takes, operation, outcome)),
            Step::Entry if with_journal => entries.push(recorder.entry(at(0))),
            Step::Entry => {}
        }
    }
    if with_journal {
        // Beyond the end of the last phase, so that none is cut.
        entries.push(recorder.entry(at(100_000)));
    }
    (recorder.into_record(), entries)
}

fn slower(step: &Step) -> Step {
    match *step {
        Step::Request {
            due,
            takes,
            operation,
            outcome,
        } => Step::Request {
            due: due * 20,
            takes: takes * 20,
            operation,
            outcome,
        },
        Step::Entry => Step::Entry,
    }
}

#[test]
fn a_long_run_has_few_seconds_at_hand_and_takes_back_one_that_changes() {
    let paper = Paper::default();
    let (mut recorder, mut plain) = (recorder(), recorder());
    recorder.use_shelf(Box::new(paper.clone()));
    let both = |recorder: &mut Recorder, plain: &mut Recorder, sequence, due, takes| {
        for one in [recorder, plain] {
            request(one, sequence, (due, takes, 0, Outcome::Completed));
        }
    };
    for second in 0..100 {
        both(&mut recorder, &mut plain, second, 1000 * second, 1);
        let _ = recorder.entry(at(1000 * second));
    }
    let (laid, taken) = paper.counts();
    assert!((85..=95).contains(&laid), "{laid}");
    assert_eq!(taken, 0);
    // An answer of long ago that nobody was told of until now.
    both(&mut recorder, &mut plain, 100, 3000, 2);
    assert_eq!(recorder.entry(at(100_000)).intervals[0].second, 3);
    assert_eq!(paper.counts(), (laid - 1, 1));
    both(&mut recorder, &mut plain, 101, 99_000, 900);
    let record = recorder.into_record();
    assert_eq!(record.intervals[3].operations[0].outcomes.completed, 2);
    assert_eq!(record, plain.into_record());
    assert_eq!(paper.counts().0, 0);
}

#[test]
fn a_second_that_is_lost_makes_no_record_and_is_not_told_of_again() {
    let paper = Paper::default();
    let mut recorder = recorder();
    recorder.use_shelf(Box::new(paper.clone()));
    for second in 0..40 {
        let done = (1000 * second, 1, 0, Outcome::Completed);
        request(&mut recorder, second, done);
        let _ = recorder.entry(at(1000 * second));
    }
    paper.0.lock().unwrap().0.insert(3, "{".to_owned());
    // An answer of then, for which it would have to be read.
    request(&mut recorder, 40, (3000, 2, 0, Outcome::Completed));
    let entry = recorder.entry(at(40_000));
    assert!(entry.intervals.iter().all(|interval| interval.second != 3));
    let lost = recorder.try_into_record().unwrap_err();
    assert_eq!(lost.second, 3);
    assert!(lost.to_string().contains("cannot be read again"), "{lost}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn entries_add_up_to_the_record_and_do_not_change_it(steps in steps()) {
        let (plain, _) = play(&steps, false);
        let (noted, entries) = play(&steps, true);
        prop_assert_eq!(&noted, &plain);
        let head = recorder().into_record();
        let mut assembly = Assembly::new(head);
        for entry in entries {
            assembly.add(entry).unwrap();
        }
        let (mut put_together, until) = assembly.finish();
        prop_assert_eq!(Incomplete::of(&put_together, until).under_way, 0);
        put_together.provenance = plain.provenance.clone();
        prop_assert_eq!(put_together, plain);
    }

    #[test]
    fn seconds_that_were_laid_aside_are_in_the_record_and_in_the_journal(steps in steps()) {
        // Twenty times as long, so that most of it is over while it goes on.
        let steps: Vec<_> = steps.iter().map(slower).collect();
        let (plain, _) = play(&steps, false);
        let mut recorder = recorder();
        recorder.use_shelf(Box::new(Paper::default()));
        let (shelved, entries) = play_with(recorder, &steps, true);
        prop_assert_eq!(&shelved, &plain);
        let mut assembly = Assembly::new(self::recorder().into_record());
        for entry in entries {
            assembly.add(entry).unwrap();
        }
        prop_assert_eq!(assembly.finish().0.intervals, plain.intervals);
    }

    #[test]
    fn a_journal_is_read_wherever_it_breaks_off(steps in steps(), kept in 0.0..1.0_f64) {
        let (_, entries) = play(&steps, true);
        let head = serde_json::to_string(&recorder().into_record()).unwrap();
        let lines = entries.iter().map(|entry| serde_json::to_string(entry).unwrap());
        let text: String = std::iter::once(head.clone()).chain(lines).map(|line| line + "\n").collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "a share of a small number")]
        let kept = (text.len() as f64 * kept) as usize;
        let read = stored::read_journal(&text[..kept]);
        prop_assert_eq!(read.is_ok(), kept > head.len(), "{:?}", read.err());
    }
}

/// A second of a run is some kilobytes at rest, and a hundred times that as live histograms.
#[test]
fn a_long_journal_is_read_in_little_memory() {
    let mut recorder = recorder();
    let mut text = serde_json::to_string(&self::recorder().into_record()).unwrap() + "\n";
    for second in 0..800 {
        let answered = (second * 1_000, 900, 0, Outcome::Completed);
        request(&mut recorder, second, answered);
        let entry = recorder.entry(at(second * 1_000 + 999));
        text += &(serde_json::to_string(&entry).unwrap() + "\n");
    }
    let run = Run::new();
    let folder = run.folder.path();
    std::fs::write(folder.join("journal.jsonl"), text).unwrap();
    let command = run.command(&["report", folder.to_str().unwrap()]);
    let ended = bad_files::run(command, Duration::from_mins(1));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.memory < 150 << 20, "{} MiB", ended.memory >> 20);
}
