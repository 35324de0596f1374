use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;

use super::*;
use crate::units::{ByDirection, CapacityUnits};
use crate::{
    scenario::{ClientSettings, RetrySettings},
    seed::Seed,
};

fn engine(max_in_flight: u32, max_queued: u32, max_attempts: u32) -> Engine {
    let settings = ClientSettings {
        max_in_flight,
        max_queued,
        attempt_timeout: Duration::from_secs(1),
        retry: RetrySettings {
            max_attempts,
            ..RetrySettings::default()
        },
    };
    Engine {
        settings,
        retry: RetryPolicy::new(settings.retry, Seed(7)),
        under_way: Places::new(),
        occupied: 0,
        queue: VecDeque::new(),
        closed: vec![false; 4],
        draining: false,
    }
}

fn arrival(sequence: u64) -> Event {
    Event::ArrivalDue {
        arrival: Arrival {
            sequence,
            phase: 0,
            intended_start: Timestamp::from_nanos(sequence),
        },
        operation: 0,
    }
}

fn throttled() -> Answer {
    Answer::Throttled {
        reasons: vec!["TableReadProvisionedThroughputExceeded".to_owned()],
    }
}

fn answered(request: u64, attempt: u32, at: u64, answer: Answer) -> Event {
    Event::Answered {
        request,
        attempt,
        sent_at: Timestamp::from_nanos(at),
        answered_at: Timestamp::from_nanos(at + 1),
        answer,
        declared: Declared::default(),
    }
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        Just(Answer::Completed),
        Just(throttled()),
        Just(Answer::TimedOut),
        any::<bool>().prop_map(|retryable| Answer::Failed {
            cause: "InternalServerError".to_owned(),
            retryable,
        }),
    ]
}

/// What the world does next: an arrival, the answer to some attempt, the end of some pause.
#[derive(Clone, Debug)]
enum Step {
    Arrive,
    Answer(prop::sample::Index, Answer),
    Wake(prop::sample::Index),
    Drain,
    GiveUp,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Arrive),
        6 => (any::<prop::sample::Index>(), answer()).prop_map(|(at, answer)| Step::Answer(at, answer)),
        3 => any::<prop::sample::Index>().prop_map(Step::Wake),
        1 => Just(Step::Drain),
        1 => Just(Step::GiveUp),
    ]
}

/// An engine, and the promises it has made so far.
struct World {
    engine: Engine,
    sent: Vec<(u64, u32)>,
    waiting: Vec<u64>,
    finished: BTreeSet<u64>,
    arrived: u64,
    now: u64,
}

impl World {
    fn feed(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.now += 1;
        self.engine
            .handle(event, Timestamp::from_nanos(self.now), &mut actions);
        for action in actions {
            match action {
                Action::Send { request, attempt } => {
                    assert!(attempt <= self.engine.settings.retry.max_attempts);
                    self.sent.push((request, attempt));
                }
                Action::WaitUntil { request, .. } => self.waiting.push(request),
                Action::Finished(sample) => {
                    let fresh = self.finished.insert(sample.due.as_nanos());
                    assert!(fresh, "a second outcome: {sample:?}");
                }
            }
        }
        assert!(self.sent.len() <= self.engine.settings.max_in_flight as usize);
        assert!(self.engine.in_flight() <= self.engine.settings.max_in_flight as usize);
        assert!(self.engine.queued() <= self.engine.settings.max_queued as usize);
        let pending = self.engine.in_flight() + self.engine.queued();
        assert_eq!(self.arrived, (self.finished.len() + pending) as u64);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Arrive => {
                self.arrived += 1;
                self.feed(arrival(self.arrived - 1));
            }
            Step::Answer(at, answer) if !self.sent.is_empty() => {
                let (request, attempt) = self.sent.swap_remove(at.index(self.sent.len()));
                self.feed(answered(request, attempt, self.now, answer));
            }
            Step::Wake(at) if !self.waiting.is_empty() => {
                let request = self.waiting.swap_remove(at.index(self.waiting.len()));
                self.feed(Event::RetryDue { request });
            }
            Step::Drain => self.feed(Event::DrainRequested),
            Step::GiveUp => {
                self.feed(Event::GivenUp);
                assert!(self.engine.is_idle());
                // Answers and ends of pauses that come all the same change nothing.
                self.waiting.clear();
                for (request, attempt) in std::mem::take(&mut self.sent) {
                    self.feed(answered(request, attempt, self.now, Answer::Completed));
                    assert_eq!(self.sent, []);
                }
            }
            Step::Answer(..) | Step::Wake(_) => {}
        }
    }
}

proptest! {
    #[test]
    fn every_arrival_has_exactly_one_outcome_within_the_bounds(
        steps in prop::collection::vec(step(), 0..200),
        bounds in (1_u32..6, 0_u32..6, 1_u32..4),
    ) {
        let mut world = World {
            engine: engine(bounds.0, bounds.1, bounds.2),
            sent: Vec::new(),
            waiting: Vec::new(),
            finished: BTreeSet::new(),
            arrived: 0,
            now: 0,
        };
        for step in steps {
            world.step(step);
        }
        while !world.engine.is_idle() {
            if let Some((request, attempt)) = world.sent.pop() {
                world.feed(answered(request, attempt, world.now, throttled()));
            } else {
                let request = world.waiting.pop().expect("what is under way was sent or waits");
                world.feed(Event::RetryDue { request });
            }
        }
        prop_assert_eq!(world.finished.len() as u64, world.arrived);
    }

    #[test]
    fn a_request_whose_end_is_foreseen_ends_so_and_takes_a_place_until_then(
        steps in prop::collection::vec(
            (any::<bool>(), any::<bool>(), any::<prop::sample::Index>(), answer()),
            0..200,
        ),
        bounds in (1_u32..6, 0_u32..6, 1_u32..3),
    ) {
        let both = || engine(bounds.0, bounds.1, bounds.2);
        let (mut told, mut spared) = (both(), both());
        // Attempts under way, and what was foreseen of some, by number.
        let (mut sent, mut foreseen) = (Vec::new(), BTreeMap::new());
        for (number, (arrives, is_known, which, answer)) in (0..).zip(steps) {
            let now = Timestamp::from_nanos(number);
            let (mut of_told, mut of_spared) = (Vec::new(), Vec::new());
            if arrives {
                told.handle(arrival(number), now, &mut of_told);
                let due = Arrival { sequence: number, phase: 0, intended_start: now };
                let (mut left, mut declared) = (answer.clone(), Declared::default());
                let ends = Foreseen {
                    answered_at: Timestamp::from_nanos(number + 1),
                    answer: &mut left,
                    declared: &mut declared,
                };
                let mut told_of = None;
                let tell = |sample: &Sample| told_of = Some(sample.clone());
                if is_known && spared.sends(0) && spared.foresee(&due, 0, ends, tell) {
                    foreseen.insert(number, (answer, told_of.unwrap()));
                } else {
                    prop_assert_eq!((left, told_of), (answer, None));
                    spared.handle(arrival(number), now, &mut of_spared);
                }
            } else if !sent.is_empty() {
                let (request, attempt) = sent.swap_remove(which.index(sent.len()));
                if let Some((answer, sample)) = foreseen.get(&request) {
                    told.handle(answered(request, attempt, request, answer.clone()), now, &mut of_told);
                    prop_assert!(of_told.contains(&Action::Finished(sample.clone())));
                    spared.vacate(now, &mut of_spared);
                } else {
                    let answered = answered(request, attempt, number, answer);
                    told.handle(answered.clone(), now, &mut of_told);
                    spared.handle(answered, now, &mut of_spared);
                }
            }
            let request = |action: &Action| match action {
                Action::Send { request, .. } | Action::WaitUntil { request, .. } => *request,
                Action::Finished(sample) => sample.sequence,
            };
            sent.extend(of_told.iter().filter_map(|action| match action {
                Action::Send { request, attempt } => Some((*request, *attempt)),
                _ => None,
            }));
            of_told.retain(|action| !foreseen.contains_key(&request(action)));
            prop_assert_eq!(of_told, of_spared);
            prop_assert_eq!((told.in_flight(), told.queued()), (spared.in_flight(), spared.queued()));
        }
    }

    #[test]
    fn a_pause_lies_below_its_doubled_and_capped_bound(sequence: u64, attempts in 1_u32..40) {
        let settings = RetrySettings { max_attempts: 50, ..RetrySettings::default() };
        let policy = RetryPolicy::new(settings, Seed(3));
        let pause = policy.pause(sequence, attempts, &throttled()).unwrap();
        let doubled = 0.05 * 2_f64.powi(i32::try_from(attempts).unwrap() - 1);
        prop_assert!(pause.as_secs_f64() <= doubled.min(20.0));
        prop_assert_eq!(policy.pause(sequence, attempts, &throttled()), Some(pause));
    }
}

#[test]
fn the_queue_is_served_first_come_first_served() {
    let mut engine = engine(1, 2, 1);
    let mut actions = Vec::new();
    for sequence in 0..4 {
        engine.handle(arrival(sequence), Timestamp::ZERO, &mut actions);
    }
    let dropped = matches!(&actions[1], Action::Finished(sample) if sample.outcome == Outcome::Dropped && sample.due.as_nanos() == 3);
    assert!(dropped, "{actions:?}");
    for request in 0..3 {
        let expected = Action::Send {
            request,
            attempt: 1,
        };
        assert!(actions.contains(&expected), "{actions:?}");
        engine.handle(
            answered(request, 1, 5, throttled()),
            Timestamp::ZERO,
            &mut actions,
        );
    }
    assert!(engine.is_idle());
}

#[test]
fn reasons_of_every_attempt_are_kept_and_the_last_answer_decides() {
    let mut engine = engine(1, 0, 3);
    let mut actions = Vec::new();
    engine.handle(arrival(0), Timestamp::ZERO, &mut actions);
    engine.handle(
        answered(0, 1, 10, throttled()),
        Timestamp::ZERO,
        &mut actions,
    );
    engine.handle(
        Event::RetryDue { request: 0 },
        Timestamp::ZERO,
        &mut actions,
    );
    let consumed = ByDirection {
        read: CapacityUnits::whole(1),
        write: CapacityUnits::ZERO,
    };
    let mut answered = answered(0, 2, 30, Answer::Completed);
    if let Event::Answered { declared, .. } = &mut answered {
        *declared = Declared::units(consumed);
    }
    engine.handle(answered, Timestamp::ZERO, &mut actions);
    let Some(Action::Finished(sample)) = actions.pop() else {
        panic!("not finished: {actions:?}");
    };
    assert_eq!(sample.outcome, Outcome::Completed);
    assert_eq!((sample.attempts, sample.throttle_reasons.len()), (2, 1));
    assert_eq!(sample.first_sent, Some(Timestamp::from_nanos(10)));
    assert_eq!(sample.last_sent, Some(Timestamp::from_nanos(30)));
    assert_eq!(sample.finished, Timestamp::from_nanos(31));
    assert_eq!(sample.declared, Declared::units(consumed));
}

#[test]
fn a_late_answer_to_an_older_attempt_is_ignored() {
    let mut engine = engine(1, 0, 3);
    let mut actions = Vec::new();
    engine.handle(arrival(0), Timestamp::ZERO, &mut actions);
    engine.handle(
        answered(0, 1, 10, Answer::TimedOut),
        Timestamp::ZERO,
        &mut actions,
    );
    engine.handle(
        Event::RetryDue { request: 0 },
        Timestamp::ZERO,
        &mut actions,
    );
    actions.clear();
    engine.handle(
        answered(0, 1, 40, throttled()),
        Timestamp::ZERO,
        &mut actions,
    );
    assert_eq!(actions, []);
    assert_eq!(engine.in_flight(), 1);
}
