//! Candidates at the emulator: the same items and requests under another key, with every shard
//! asked where nobody knows which.

use std::sync::{Arc, Mutex};

use dynamometer::{
    analysis::compare::{self, Comparison},
    analysis::workers::InTurn,
    engine::Answer,
    record::Declared,
    scenario::{Scenario, Table, candidate::Candidate},
    simulation::trace::Trace,
    target::{Attempted, Target, fanned::FannedOut},
    units::{ByDirection, CapacityUnits},
    workload::{Request, Workload, item::AttributeValue, keyed::Unfired},
};
use serde_json::Value;

use super::{CATALOGUE, compared, scenario};
use crate::cli::{Run, code, stderr, stdout};

/// The first candidate of a comparison of this one key, fired.
fn to_fire(source: &str, key: &str) -> (Trace, Comparison, Result<Scenario, Unfired>) {
    let scenario = scenario(source);
    let candidate = Candidate::parse(key, &scenario.tables[0]).unwrap();
    let seed = scenario.seed;
    let trace = |seed| Trace::record(&Workload::new(Arc::new(scenario.with_seed(seed)))).unwrap();
    let traces: Vec<Trace> = seed.row(2).map(trace).collect();
    let comparison = compare::compare(&traces, 0, &[candidate], 0.001, &InTurn);
    let fired = comparison.candidates[0].to_fire(&traces[0], 0);
    (traces.into_iter().next().unwrap(), comparison, fired)
}

fn text(value: &AttributeValue) -> &str {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn items_have_the_candidates_key_and_none_overwrites_another() {
    for key in [
        "id",
        "kind",
        "kind+id",
        "kind#maker",
        "kind/8",
        "kind/random8",
    ] {
        let (trace, comparison, fired) = to_fire(CATALOGUE, key);
        let fired = fired.unwrap();
        let (candidate, workload) = (
            &comparison.candidates[0].candidate,
            Workload::new(Arc::new(fired)),
        );
        let table = &workload.scenario().tables[0];
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..table.items {
            let key = workload.key(0, number);
            assert!(seen.insert(format!("{key:?}")), "{candidate:?} {key:?}");
            let base = candidate.base(&trace.workload().item(0, number));
            let base = String::from_utf8(base).unwrap();
            let value = text(&key[0].1);
            let rest = value.strip_prefix(&base);
            let rest = rest.unwrap_or_else(|| panic!("{value} is none of {base}"));
            let shards = candidate.suffix.shards();
            let suffix = rest.strip_prefix('#').map(|n| n.parse::<u32>().unwrap());
            assert_eq!(suffix.is_some(), shards > 1, "{value}");
            assert!(suffix.is_none_or(|n| (1..=shards).contains(&n)), "{value}");
        }
    }
}

#[test]
fn what_dynamodb_would_refuse_is_not_fired_and_says_why() {
    let check = |source: &str, key: &str, said: &str| {
        let error = to_fire(source, key).2.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    };
    let sets = CATALOGUE.replace(
        "[[operation]]\nkind = \"put\"\nkeys = \"uniform\"\n",
        "[[operation]]\nkind = \"update\"\nset = [\"kind\"]\nkeys = \"uniform\"\n",
    );
    check(
        &sets,
        "kind",
        "update sets `kind`, and DynamoDB updates no key",
    );
    check(
        &sets,
        "kind/4",
        "update sets `kind`, and DynamoDB updates no key",
    );
    let missing = CATALOGUE.replace("kind = \"get\"\n", "kind = \"get\"\nmissing = \"10 %\"\n");
    check(&missing, "kind/4", "items that nobody has written");
    assert!(to_fire(&missing, "kind").2.is_ok());
}

/// Notes what it is asked, and takes a unit for it.
struct Noted(Arc<Mutex<Vec<Request>>>);

impl Target for Noted {
    async fn execute(&self, _: &Table, request: &Request) -> Attempted {
        // Later answers first, so that order is not by luck.
        let number = self.0.lock().unwrap().len();
        self.0.lock().unwrap().push(request.clone());
        for _ in number..8 {
            tokio::task::yield_now().await;
        }
        let consumed = ByDirection {
            read: CapacityUnits::whole(1),
            ..ByDirection::default()
        };
        Attempted {
            answer: if number == 2 {
                Answer::TimedOut
            } else {
                Answer::Completed
            },
            declared: Declared::units(consumed),
        }
    }

    fn of_thread(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[tokio::test]
async fn a_read_asks_every_shard_where_nobody_knows_which() {
    let (_, comparison, fired) = to_fire(CATALOGUE, "kind/random5");
    let workload = Workload::new(Arc::new(fired.unwrap()));
    let table = &workload.scenario().tables[0];
    let candidate = &comparison.candidates[0].candidate;
    let asked = async |request: &Request| {
        let noted = Arc::default();
        let target = FannedOut::new(Noted(Arc::clone(&noted)), table, candidate);
        let attempted = target.execute(table, request).await;
        let asked = noted.lock().unwrap().clone();
        (attempted, asked)
    };
    let operations = (0..200).map(|number| workload.operation(number).request);
    let (mut gets, mut puts) = (0, 0);
    for request in operations {
        let (attempted, asked) = asked(&request).await;
        let Request::Get { key, .. } = &request else {
            puts += 1;
            assert_eq!(asked, [request]);
            continue;
        };
        gets += 1;
        let partition = |request: &Request| match request {
            Request::Get { key, .. } => text(&key[0].1).to_owned(),
            other => panic!("{other:?}"),
        };
        let base = text(&key[0].1).rsplit_once('#').unwrap().0;
        let expected: Vec<String> = (1..=5).map(|shard| format!("{base}#{shard}")).collect();
        assert_eq!(asked.iter().map(partition).collect::<Vec<_>>(), expected);
        // One has the item, as it was asked for; none is left out of the sum.
        assert!(asked.contains(&request));
        assert_eq!(attempted.declared.consumed.read, CapacityUnits::whole(5));
        assert_eq!(attempted.answer, Answer::TimedOut);
    }
    assert!(gets > 100 && puts > 10, "{gets} {puts}");
}

#[test]
fn candidates_are_fired_and_their_p99_is_said() {
    let run = Run::new();
    let source = CATALOGUE.replace("500", "5_000").replace(
        "[[operation]]\nkind = \"put\"",
        "[[operation]]\nkind = \"update\"\nset = [\"twin\"]",
    );
    let source = source.replace(
        "twin = { type = \"S\", value = \"unique\", prefix = \"t\" }",
        "twin = { type = \"S\", value = \"zipfian\", prefix = \"t\", count = 9, exponent = 1.0 }",
    ) + "[validity]\ndispatch_delay_p99 = \"30s\"\n";
    let file = run.scenario(&source);
    let arguments = [
        "compare",
        &file,
        "--keys",
        "id,kind/random3,twin",
        "--seeds",
        "2",
        "--no-files",
    ];
    let fired = |more: &[&str]| {
        let output = run.dyno(&[&arguments[..], &["--run", "--duration", "1s"], more].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        (stdout(&output), stderr(&output))
    };
    let (document, errors) = fired(&["--json"]);
    assert!(errors.contains("10 s are fired in 1 s"), "{errors}");
    let document: Value = serde_json::from_str(&document).unwrap();
    let of = |name: &str| {
        let mut all = document["candidates"].as_array().unwrap().iter();
        all.find(|candidate| candidate["name"] == name).unwrap()["fired"].clone()
    };
    for name in ["id", "kind/random3"] {
        let fired = of(name);
        assert_eq!(fired["word"], "measured", "{fired}");
        assert!(fired["requests"].as_u64().unwrap() > 50, "{fired}");
        assert_eq!(
            (&fired["lost"], &fired["throttled"]),
            (&0.into(), &0.0.into())
        );
        assert!(fired["service_time"]["p99_nanos"].as_u64().unwrap() > 0);
    }
    assert_eq!(of("id")["sort_key"], Value::Null);
    assert_eq!(of("kind/random3")["sort_key"], "id");
    let reason = of("twin")["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("sets `twin`"), "{reason}");
}

#[test]
fn without_it_nothing_is_fired() {
    let comparison = compared(CATALOGUE, &["id"], 1, 2);
    assert_eq!(comparison.candidates[0].fired, None);
}
