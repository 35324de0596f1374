//! The journal of a run: its entries add up to the record, wherever they are cut.

use std::{sync::LazyLock, time::Duration};

use dynamometer::{
    record::{
        Declared, Outcome, RunRecord, Sample,
        journal::{self, Entry, Incomplete},
        recorder::{Recorder, RunHeader},
    },
    report::stored,
    scenario::PhaseKind,
    schedule::Arrival,
    units::Timestamp,
};
use proptest::prelude::*;

use crate::fixtures::{self, Case};

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

/// The record of all steps, and the journal if entries are taken.
fn play(steps: &[Step], with_journal: bool) -> (RunRecord, Vec<Entry>) {
    let phase = CASE
        .scenario
        .phases
        .iter()
        .position(|phase| phase.kind == PhaseKind::Measured)
        .unwrap();
    let (mut recorder, mut entries) = (recorder(), Vec::new());
    for (sequence, step) in (0..).zip(steps) {
        match *step {
            Step::Request {
                due,
                takes,
                operation,
                outcome,
            } => {
                let arrival = Arrival {
                    sequence,
                    phase,
                    intended_start: at(due),
                };
                let sent = (outcome != Outcome::Dropped).then(|| at(due + takes / 10));
                recorder.due(&arrival, operation);
                recorder.finish(&Sample {
                    sequence,
                    phase,
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn entries_add_up_to_the_record_and_do_not_change_it(steps in steps()) {
        let (plain, _) = play(&steps, false);
        let (noted, entries) = play(&steps, true);
        prop_assert_eq!(&noted, &plain);
        let head = recorder().into_record();
        let (mut put_together, until) = journal::assemble(head, entries).unwrap();
        prop_assert_eq!(Incomplete::of(&put_together, until).under_way, 0);
        put_together.provenance = plain.provenance.clone();
        prop_assert_eq!(put_together, plain);
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
