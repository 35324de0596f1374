//! Which hot partitions split, where, and which do not.

use std::time::Duration;

use dynamometer::{
    capacity::{
        AdmissionDecision, Arm, TableCapacity,
        partition::KeyHash,
        split::SplitBlock,
        throttle::{Resource, ThrottleCause},
    },
    scenario::{ModelParameters, SplitPolicy},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp},
};

/// A partition serves 100 WCU; ten hot seconds split it, which takes two.
fn parameters() -> ModelParameters {
    ModelParameters {
        partition_write_cap: 100,
        split_trigger_seconds: 10,
        split_duration_seconds: 2,
        ..ModelParameters::default()
    }
}

/// A table of one partition.
fn table(parameters: &ModelParameters) -> TableCapacity {
    let rates = ByDirection::from_fn(|_| CapacityUnits::whole(100));
    let mut table = TableCapacity::provisioned(rates, Bytes(0), parameters, Timestamp::ZERO);
    assert_eq!(table.status(Resource::Table, Timestamp::ZERO).partitions, 1);
    table
}

/// 100 writes in each of `seconds` seconds, the keys by number of the write.
fn heat(table: &mut TableCapacity, seconds: u64, key: impl Fn(u64) -> KeyHash) {
    for number in 0..seconds * 100 {
        let arm = Arm {
            resource: Resource::Table,
            direction: Direction::Write,
            key: key(number),
            eventual: false,
            units: CapacityUnits::whole(1),
        };
        let now = Timestamp::from_start(Duration::from_millis(number * 10));
        let decision = table.admit(&[arm], now);
        if let AdmissionDecision::Throttled { reasons, .. } = decision {
            assert!(reasons.iter().all(|r| r.cause == ThrottleCause::KeyRange));
        }
    }
}

fn many_keys(number: u64) -> KeyHash {
    KeyHash::of(b'S', &(number % 997).to_be_bytes()).collection()
}

#[test]
fn a_partition_splits_in_the_middle_of_its_traffic_after_it_was_hot_for_long_enough() {
    for policy in [SplitPolicy::WeightedMedian, SplitPolicy::Midpoint] {
        splits_after_twelve_seconds(policy);
    }
}

fn splits_after_twelve_seconds(split_policy: SplitPolicy) {
    let mut table = table(&ModelParameters {
        split_policy,
        ..parameters()
    });
    heat(&mut table, 15, many_keys);
    let partitions = |table: &mut TableCapacity, seconds| {
        let now = Timestamp::from_start(Duration::from_secs(seconds));
        table.status(Resource::Table, now).partitions
    };
    assert_eq!(partitions(&mut table, 15), 2);
    let now = Timestamp::from_start(Duration::from_secs(15));
    let last = table.status(Resource::Table, now).last_heat;
    let last = last.expect("a partition was hot");
    assert_eq!((last.at.second(), last.blocked), (12, None));
}

#[test]
fn what_lies_in_one_key_is_not_split_and_the_reason_is_told() {
    let blocked = |bind: bool, key: &dyn Fn(u64) -> KeyHash| {
        let mut table = table(&parameters());
        if bind {
            table.bind_collections();
        }
        heat(&mut table, 15, key);
        let now = Timestamp::from_start(Duration::from_secs(15));
        let last = table.status(Resource::Table, now).last_heat;
        last.expect("a partition was hot").blocked
    };
    let one = KeyHash::of(b'S', b"one");
    let item = |number: u64| one.sorted(&number.to_be_bytes());
    let scattered = |number: u64| item(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    assert_eq!(blocked(false, &many_keys), None);
    assert_eq!(
        blocked(false, &|_| one.collection()),
        Some(SplitBlock::SingleHotKey)
    );
    assert_eq!(blocked(false, &item), Some(SplitBlock::SequentialAccess));
    // The items of one collection can be told apart by their sort keys, unless an LSI binds them.
    assert_eq!(blocked(false, &scattered), None);
    assert_eq!(
        blocked(true, &scattered),
        Some(SplitBlock::LsiItemCollection)
    );
}

#[test]
fn a_second_without_traffic_interrupts_the_heat() {
    let mut table = table(&parameters());
    // Never ten hot seconds in a row.
    for round in 0..5 {
        for number in 0..900 {
            let arm = Arm {
                resource: Resource::Table,
                direction: Direction::Write,
                key: many_keys(number),
                eventual: false,
                units: CapacityUnits::whole(1),
            };
            let now = Duration::from_secs(round * 11) + Duration::from_millis(number * 10);
            table.admit(&[arm], Timestamp::from_start(now));
        }
    }
    let later = Timestamp::from_start(Duration::from_secs(100));
    let status = table.status(Resource::Table, later);
    assert_eq!((status.partitions, status.last_heat), (1, None));
}
