//! Laws of the buckets beyond the invariants.

use std::time::Duration;

use dynamometer::{
    capacity::{
        AdmissionDecision, Arm, TableCapacity, bucket::TokenBucket, partition::KeyHash,
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
        eventual: false,
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
}
