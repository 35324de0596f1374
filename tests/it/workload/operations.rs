//! Operations are pure functions of their number.

use dynamometer::workload::request::Write;

use super::*;

fn mixed() -> Workload {
    let mut scenario = scenario(1000);
    let length = NumberSpec::Uniform {
        min: 5.0,
        max: 50.0,
    };
    let users = &mut scenario.tables[0];
    users.attributes.push(attribute(
        "game",
        AttributeType::N,
        ValueSpec::Cycle {
            prefix: String::new(),
            size: 10,
        },
    ));
    users.attributes.push(attribute(
        "bio",
        AttributeType::S,
        ValueSpec::Text { length },
    ));
    users.sort_key = Some(1);
    let skewed = KeySpec::Zipfian {
        exponent: 1.0,
        scrambled: true,
    };
    operation(&mut scenario, OperationKind::Get, 0.5, KeySpec::Uniform);
    operation(&mut scenario, OperationKind::Put, 0.2, skewed);
    operation(&mut scenario, OperationKind::Update, 0.15, skewed);
    operation(
        &mut scenario,
        OperationKind::Delete,
        0.05,
        KeySpec::Sequential,
    );
    operation(
        &mut scenario,
        OperationKind::Query,
        0.1,
        KeySpec::Latest { exponent: 0.5 },
    );
    scenario.operations[2].set = vec![2];
    Workload::new(Arc::new(scenario))
}

#[test]
fn the_mix_has_its_weights() {
    let workload = mixed();
    let mut observed = [0; 5];
    for sequence in 0..DRAWS {
        observed[workload.spec(sequence)] += 1;
    }
    check_fit("mix", &observed, &[0.5, 0.2, 0.15, 0.05, 0.1]);
}

#[test]
fn an_operation_of_weight_zero_never_happens() {
    let mut scenario = scenario(10);
    operation(&mut scenario, OperationKind::Get, 0.0, KeySpec::Uniform);
    operation(&mut scenario, OperationKind::Get, 1.0, KeySpec::Uniform);
    operation(&mut scenario, OperationKind::Get, 0.0, KeySpec::Uniform);
    let workload = Workload::new(Arc::new(scenario));
    assert!((0..10_000).all(|sequence| workload.spec(sequence) == 1));
}

#[test]
fn an_operation_depends_on_its_number_alone() {
    let forward: Vec<_> = (0..2_000).map(|s| mixed().operation(s)).take(50).collect();
    let workload = mixed();
    let all: Vec<_> = (0..2_000).map(|s| workload.operation(s)).collect();
    assert_eq!(forward, all[..50]);
    let handles: Vec<_> = (0..4)
        .map(|shard| {
            let workload = workload.clone();
            let mine = (0..2_000_u64).rev().filter(move |s| s % 4 == shard);
            std::thread::spawn(move || mine.map(|s| workload.operation(s)).collect::<Vec<_>>())
        })
        .collect();
    let mut sharded: Vec<_> = handles
        .into_iter()
        .flat_map(|h| h.join().unwrap())
        .collect();
    sharded.sort_by_key(|operation| operation.sequence);
    assert_eq!(sharded, all);
}

#[test]
fn requests_carry_keys_whole_items_and_newly_drawn_values() {
    let workload = mixed();
    let mut kinds = std::collections::BTreeSet::new();
    for sequence in 0..500 {
        let operation = workload.operation(sequence);
        let whole = workload.item(0, operation.item);
        let expected_key = workload.key(0, operation.item);
        assert_eq!(expected_key, whole[..2]);
        kinds.insert(operation.request.kind());
        match operation.request {
            Request::Get { key, consistency } => {
                assert_eq!((key, consistency), (expected_key, Consistency::Strong));
            }
            Request::Write { write, .. } => match write {
                Write::Put { item } => assert_eq!(item, whole),
                Write::Update { key, set } => {
                    assert_eq!(key, expected_key);
                    assert_eq!((set.len(), &*set[0].0), (1, "bio"));
                    assert_ne!(set[0].1, whole[2].1, "drawn anew");
                }
                Write::Delete { key } | Write::Check { key } => assert_eq!(key, expected_key),
            },
            Request::Query(query) => {
                assert_eq!(query.partition_key, whole[0]);
                assert_eq!(query.page.limit, Some(7));
            }
            other => panic!("not in the mix: {other:?}"),
        }
    }
    assert_eq!(kinds.len(), 5);
}

#[test]
fn another_seed_gives_other_operations() {
    let mut scenario = Scenario::clone(mixed().scenario());
    scenario.seed = Seed(43);
    let (one, other) = (mixed(), Workload::new(Arc::new(scenario)));
    let same = (0..1000)
        .filter(|&s| one.operation(s) == other.operation(s))
        .count();
    assert!(same < 20, "{same}");
}
