//! Laws of buckets, partitions and costs.

use std::time::Duration;

use dynamometer::{
    capacity::{
        AdmissionDecision, Arm, TableCapacity,
        bucket::TokenBucket,
        cost::{self, EntryChange, Images, ReadMode, WriteMode},
        partition::{KeyHash, Partitions},
        throttle::Resource,
    },
    scenario::{AdmissionRule, ModelParameters},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp},
};
use proptest::prelude::*;

fn whole(units: i64) -> CapacityUnits {
    CapacityUnits::whole(units)
}

fn table(rate: i64, now: Timestamp) -> TableCapacity {
    let rates = ByDirection {
        read: whole(rate),
        write: whole(rate),
    };
    TableCapacity::provisioned(rates, Bytes(0), &ModelParameters::default(), now)
}

fn write(units: i64) -> Arm {
    let key = KeyHash::of(b'S', b"key");
    Arm {
        resource: Resource::Table,
        direction: Direction::Write,
        key,
        units: whole(units),
    }
}

#[test]
fn twice_the_rate_for_400_s_is_served_as_the_bucket_allows_in_every_second() {
    let rate = 10_u64;
    let mut table = table(10, Timestamp::ZERO);
    let step = Duration::from_nanos(1_000_000_000 / (2 * rate));
    let mut due = Timestamp::ZERO;
    for second in 0..400_u64 {
        let mut served = 0;
        for _ in 0..2 * rate {
            served += u64::from(table.admit(&[write(1)], due) == AdmissionDecision::Admitted);
            due = due + step;
        }
        // The bucket starts with the current second and no burst: it serves the first second
        // from that and from what flows in, and from then on only what flows in.
        let allowed = if second == 0 { 2 * rate } else { rate };
        assert_eq!(served, allowed, "second {second}");
    }
}

proptest! {
    #[test]
    fn never_admits_beyond_refill_plus_burst(
        rate in 1_i64..200,
        requests in prop::collection::vec((0_u64..3_000, 1_i64..50), 1..200),
    ) {
        let mut table = table(rate, Timestamp::ZERO);
        let (mut now, mut served, mut largest) = (Timestamp::ZERO, 0, 0);
        for (wait, units) in requests {
            now = now + Duration::from_millis(wait);
            if table.admit(&[write(units)], now) == AdmissionDecision::Admitted {
                served += units;
                largest = largest.max(units);
            }
        }
        let seconds = i64::try_from(now.second()).unwrap() + 1;
        prop_assert!(served <= rate * (seconds + 1) + largest);
    }

    #[test]
    fn an_idle_table_refills_to_exactly_its_burst(rate in 1_i64..40_000, idle in 301_u64..9_999) {
        let mut bucket = TokenBucket::with_balance(whole(rate), 300, 0.0, Timestamp::ZERO);
        let now = Timestamp::from_start(Duration::from_secs(idle));
        let full = whole(rate * 300).as_f64();
        prop_assert!((bucket.burst_left(now) - full).abs() < f64::EPSILON);
    }

    #[test]
    fn a_refusal_spends_nothing_and_says_when_to_come_back(rate in 1_i64..500, debt in 1_i64..5_000) {
        let mut bucket = TokenBucket::new(whole(rate), 300, 0.0, Timestamp::ZERO);
        bucket.spend(whole(rate + debt), Timestamp::ZERO);
        let before = bucket.clone();
        prop_assert!(!bucket.admits(whole(1), AdmissionRule::DebitAfter, Timestamp::ZERO));
        prop_assert_eq!(&before, &bucket);
        let at = bucket.admits_at(whole(1), AdmissionRule::DebitAfter, Timestamp::ZERO);
        prop_assert!(bucket.admits(whole(1), AdmissionRule::DebitAfter, at));
    }

    #[test]
    fn reads_never_touch_write_buckets(rate in 1_i64..500, units in 1_i64..5_000) {
        let mut table = table(rate, Timestamp::ZERO);
        let before = table.status(Resource::Table, Timestamp::ZERO).burst_left.write;
        table.spend(&[Arm { direction: Direction::Read, ..write(units) }], Timestamp::ZERO);
        let after = table.status(Resource::Table, Timestamp::ZERO).burst_left.write;
        prop_assert!((before - after).abs() < f64::EPSILON);
        prop_assert_eq!(table.check(&[write(1)], Timestamp::ZERO), AdmissionDecision::Admitted);
    }

    #[test]
    fn a_split_keeps_every_key_in_order_and_never_merges(
        count in 1_u64..20, splits in prop::collection::vec(any::<u64>(), 0..20), key in any::<u64>(),
    ) {
        let rates = ByDirection { read: whole(1), write: whole(1) };
        let parameters = ModelParameters::default();
        let mut partitions = Partitions::new(count, rates, &parameters, Timestamp::ZERO);
        for at in splits {
            let (before, place) = (partitions.count(), partitions.index_of(KeyHash::at(key)));
            let split = partitions.split(KeyHash::at(at));
            prop_assert_eq!(partitions.count(), before + usize::from(split));
            let moved = split && at <= key;
            prop_assert_eq!(partitions.index_of(KeyHash::at(key)), place + usize::from(moved));
        }
    }

    #[test]
    fn strong_is_twice_eventual_and_transactional_twice_strong(bytes in 0_u64..5_000_000) {
        let read = |mode| cost::read_as(Bytes(bytes), mode);
        prop_assert_eq!(read(ReadMode::Strong), read(ReadMode::Eventual) * 2);
        prop_assert_eq!(read(ReadMode::Transactional), read(ReadMode::Strong) * 2);
    }

    #[test]
    fn write_cost_is_symmetric(old in prop::option::of(0_u64..409_601), new in prop::option::of(0_u64..409_601)) {
        let there = Images { old: old.map(Bytes), new: new.map(Bytes) };
        let back = Images { old: there.new, new: there.old };
        for mode in [WriteMode::Plain, WriteMode::Transactional] {
            prop_assert_eq!(cost::write_as(there, mode), cost::write_as(back, mode));
        }
        for change in [EntryChange::Identical, EntryChange::InPlace, EntryChange::KeyMoved] {
            prop_assert_eq!(cost::index_write(there, change), cost::index_write(back, change));
        }
    }
}
