//! Laws 13–21 and 23–25: what is admitted.

use std::{sync::Arc, time::Duration};

use dynamometer::{
    capacity::{
        AdmissionDecision, Arm, TableCapacity,
        bucket::TokenBucket,
        partition::{KeyHash, Partitions},
        throttle::{BatchOutcome, Resource, ThrottleCause},
    },
    scenario::{
        AdmissionRule, BackpressureMode, Billing, ModelParameters, PartitionShareMode, parse::parse,
    },
    simulation::{SimulationOptions, header, simulate},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp},
};
use proptest::prelude::*;

fn whole(units: i64) -> CapacityUnits {
    CapacityUnits::whole(units)
}

fn fixed(rate: i64) -> Billing {
    Billing::fixed(ByDirection::from_fn(|_| whole(rate)))
}

fn table(rate: i64, parameters: &ModelParameters) -> TableCapacity {
    TableCapacity::new(&fixed(rate), Bytes(0), parameters, Timestamp::ZERO)
}

fn key(number: u64) -> KeyHash {
    KeyHash::of(b'S', &number.to_be_bytes()).collection()
}

fn write(number: u64, units: i64) -> Arm {
    Arm {
        resource: Resource::Table,
        direction: Direction::Write,
        key: key(number),
        eventual: false,
        units: whole(units),
    }
}

fn at_millis(millis: u64) -> Timestamp {
    Timestamp::from_start(Duration::from_millis(millis))
}

fn is_admitted(decision: &AdmissionDecision) -> bool {
    *decision == AdmissionDecision::Admitted
}

fn rules() -> impl Strategy<Value = AdmissionRule> {
    prop::sample::select(vec![AdmissionRule::DebitAfter, AdmissionRule::Strict])
}

/// Waits in milliseconds, keys and units.
fn requests() -> impl Strategy<Value = Vec<(u64, u64, i64)>> {
    prop::collection::vec((0_u64..2_000, 0_u64..40, 1_i64..50), 1..150)
}

proptest! {
    #[test]
    fn i13_no_more_is_served_than_flows_in_and_was_saved(
        rate in 1_i64..200, burst_seconds in 1_u32..400, rule in rules(), requests in requests(),
    ) {
        let parameters = ModelParameters {
            burst_seconds, admission_rule: rule, partition_write_cap: 1_000_000,
            ..ModelParameters::default()
        };
        let mut table = table(rate, &parameters);
        let (mut millis, mut served, mut largest) = (0, 0, 0);
        for (wait, number, units) in requests {
            millis += wait;
            if is_admitted(&table.admit(&[write(number, units)], at_millis(millis))) {
                served += units;
                largest = largest.max(units);
            }
        }
        let seconds = i64::try_from(millis.div_ceil(1000)).unwrap();
        prop_assert!(served <= rate * (seconds + 1 + i64::from(burst_seconds)) + largest);
    }

    #[test]
    fn i14_demand_within_the_rate_in_every_second_is_never_throttled(
        rate in 1_i64..900, seconds in 1_u64..20, wave in any::<u64>(),
    ) {
        let mut table = table(rate, &ModelParameters::default());
        table.drain(Timestamp::ZERO);
        for second in 1..=seconds {
            let many = u64::try_from(rate).unwrap();
            // All at once in one second, spread in the next.
            let spread = if (wave >> (second % 64)) & 1 == 1 { 999 } else { 0 };
            for number in 0..many {
                let now = at_millis(second * 1000 + number * spread / many);
                let decision = table.admit(&[write(number, 1)], now);
                prop_assert!(is_admitted(&decision), "second {}: {:?}", second, decision);
            }
        }
    }

    #[test]
    fn i15_burst_lies_between_nothing_and_its_size_and_grows_only_by_what_is_not_used(
        rate in 1_i64..500, burst_seconds in 1_u32..400,
        demands in prop::collection::vec(0_u32..2_000, 1..100),
    ) {
        let size = whole(rate * i64::from(burst_seconds)).as_f64();
        let mut bucket = TokenBucket::new(whole(rate), burst_seconds, 0.0, Timestamp::ZERO);
        let rate = whole(rate).as_f64();
        let mut burst = 0.0;
        for (second, demand) in demands.into_iter().enumerate() {
            let served = bucket.serve(f64::from(demand), at_millis(second as u64 * 1000));
            let after = bucket.burst_left(at_millis((second as u64 + 1) * 1000));
            prop_assert!((0.0..=size).contains(&after));
            prop_assert!(after <= burst + (rate - served).max(0.0) + 1e-6);
            prop_assert!(after >= (burst + rate - served).min(size) - 1e-6);
            burst = after;
        }
    }

    #[test]
    fn i16_a_partition_never_serves_more_than_its_ceiling_whatever_the_mode(
        cap in 1_u32..100, legacy in any::<bool>(), on_demand in any::<bool>(),
        requests in prop::collection::vec((0_u64..40, 1_i64..3), 1..400),
    ) {
        let parameters = ModelParameters {
            partition_write_cap: cap,
            initial_burst_fraction: dynamometer::units::Share::ALL,
            partition_share_mode: if legacy {
                PartitionShareMode::LegacyEvenShare
            } else {
                PartitionShareMode::Gac
            },
            ..ModelParameters::default()
        };
        let billing = if on_demand {
            Billing::OnDemand { maximum: ByDirection::default(), warm: ByDirection::default() }
        } else {
            fixed(5_000)
        };
        let mut table = TableCapacity::new(&billing, Bytes(0), &parameters, Timestamp::ZERO);
        let (mut millis, mut served) = (0, 0);
        for (wait, units) in requests {
            millis += wait;
            if is_admitted(&table.admit(&[write(7, units)], at_millis(millis))) {
                served += units;
            }
        }
        // What flows in, the depth of the bucket, and the debt of the last request.
        let depth = if legacy { 301 } else { 1 };
        let most = i64::from(cap) * (i64::try_from(millis / 1000).unwrap() + 1 + depth) + 2;
        prop_assert!(served <= most, "{} of {}", served, most);
    }

    #[test]
    fn i17_even_traffic_at_the_rate_is_served_however_many_partitions_there_are(
        partitions in 1_u32..60,
    ) {
        // 600 WCU over partitions of 600 ÷ n each, all keys alike often.
        let cap = 600_u32.div_ceil(partitions) * 2;
        let parameters = ModelParameters { partition_write_cap: cap, ..ModelParameters::default() };
        let mut table = table(600, &parameters);
        for number in 0..3_000_u64 {
            // Evenly over the hash space: the golden ratio leaves no gaps.
            let place = KeyHash::at(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let arm = Arm { key: place, ..write(0, 1) };
            let now = Timestamp::from_nanos(number * 1_000_000_000 / 600);
            prop_assert!(is_admitted(&table.admit(&[arm], now)));
        }
    }

    #[test]
    fn i18_and_i19_a_rejection_changes_nothing_and_names_a_bucket_that_was_exhausted(
        rate in 1_i64..60, cap in 1_u32..60, rule in rules(), requests in requests(),
    ) {
        let parameters = ModelParameters {
            burst_seconds: 2, admission_rule: rule, partition_write_cap: cap,
            ..ModelParameters::default()
        };
        let mut table = table(rate, &parameters);
        // The table's own bucket beside it, to know what was exhausted.
        let mut own = TokenBucket::new(whole(rate), 2, 0.0, Timestamp::ZERO);
        let mut millis = 0;
        for (wait, number, units) in requests {
            millis += wait;
            let (now, arm) = (at_millis(millis), write(number, units));
            let status = table.status(Resource::Table, now);
            match table.check(&[arm], now) {
                AdmissionDecision::Admitted => {
                    prop_assert!(own.admits(whole(units), rule, now));
                    table.spend(&[arm], now);
                    own.spend(whole(units), now);
                }
                AdmissionDecision::Throttled { reasons, retry_at } => {
                    prop_assert!(!reasons.is_empty() && retry_at >= now);
                    prop_assert_eq!(table.status(Resource::Table, now), status);
                    let of_table = reasons.iter().any(|r| r.cause == ThrottleCause::Provisioned);
                    prop_assert_eq!(of_table, !own.admits(whole(units), rule, now));
                    prop_assert!(reasons.iter().all(|r| r.resource == Resource::Table));
                    // If nothing else comes, it is admitted when it was told to come back.
                    prop_assert!(is_admitted(&table.clone().check(&[arm], retry_at)));
                }
            }
        }
    }

    #[test]
    fn i20_reads_writes_tables_and_indexes_have_buckets_of_their_own(
        rate in 1_i64..500, units in 1_i64..5_000,
    ) {
        let mut table = table(rate, &ModelParameters::default());
        let index = table.add_index(&fixed(rate), Bytes(0), Timestamp::ZERO);
        let others = |table: &mut TableCapacity| {
            let own = table.status(Resource::Table, Timestamp::ZERO).burst_left;
            (own.read, own.write, table.status(index, Timestamp::ZERO).burst_left.write)
        };
        let before = others(&mut table);
        let read = Arm { resource: index, direction: Direction::Read, ..write(1, units) };
        table.spend(&[read], Timestamp::ZERO);
        prop_assert_eq!(others(&mut table), before);
        prop_assert!(is_admitted(&table.check(&[write(1, 1)], Timestamp::ZERO)));
    }

    #[test]
    fn i21_partitions_never_become_fewer_and_every_key_has_one(
        count in 1_u64..20, splits in prop::collection::vec(any::<u64>(), 0..20), place in any::<u64>(),
    ) {
        let rates = ByDirection::from_fn(|_| whole(1));
        let mut partitions =
            Partitions::new(count, rates, &ModelParameters::default(), Timestamp::ZERO);
        for at in splits {
            let (before, index) = (partitions.count(), partitions.index_of(KeyHash::at(place)));
            let split = partitions.split(KeyHash::at(at));
            prop_assert_eq!(partitions.count(), before + usize::from(split));
            let moved = split && at <= place;
            prop_assert_eq!(partitions.index_of(KeyHash::at(place)), index + usize::from(moved));
            prop_assert!(index < before);
        }
    }

    #[test]
    fn i22_a_batch_fails_only_when_every_member_was_throttled(members in 1_u64..=100, share in 0.0..=1.0) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss,
            clippy::cast_precision_loss, reason = "a share of at most a hundred members")]
        let throttled = (members as f64 * share) as u64;
        let expected = if throttled == members {
            BatchOutcome::Throttled
        } else {
            BatchOutcome::Answered { unprocessed: throttled }
        };
        prop_assert_eq!(BatchOutcome::of(members, throttled), expected);
    }

    #[test]
    fn i23_writes_that_touch_an_index_are_bounded_by_its_capacity_in_the_long_run(
        index_wcu in 1_i64..20, buffered in any::<bool>(),
    ) {
        let mode = if buffered { BackpressureMode::Buffered } else { BackpressureMode::Coupled };
        let parameters = ModelParameters {
            gsi_backpressure_mode: mode, gsi_buffer_units: 50, burst_seconds: 1,
            ..ModelParameters::default()
        };
        let mut table = table(200, &parameters);
        let index = table.add_index(&fixed(index_wcu), Bytes(0), Timestamp::ZERO);
        let (seconds, mut served) = (60, 0);
        for number in 0..seconds * 100 {
            let base = write(number, 1);
            let arms = [base, Arm { resource: index, ..base }];
            served += i64::from(is_admitted(&table.admit(&arms, at_millis(number * 10))));
        }
        let buffer = if buffered { 50 } else { 0 };
        let flows = index_wcu * i64::try_from(seconds).unwrap();
        prop_assert!(served <= flows + 2 * index_wcu + buffer + 1, "{}", served);
        prop_assert!(served >= flows, "{}", served);
        // A write that is not in the index: stopped as well by a full buffer, and only by that.
        let last = at_millis(seconds * 1000 - 10);
        let beside = table.check(&[write(1, 1)], last);
        let full = table.status(index, last).burst_left.write <= 0.0 && buffered;
        prop_assert!(is_admitted(&beside) || full);
    }

    #[test]
    fn i24_on_demand_serves_within_its_bounds_and_never_forgets_a_peak(
        maximum in prop::option::of(1_i64..9_000),
        demands in prop::collection::vec(0_u32..12_000, 1..12),
    ) {
        let parameters = ModelParameters {
            partition_write_cap: 1_000_000, od_peak_window: 2, od_growth_interval: 4,
            table_write_quota: 10_000,
            ..ModelParameters::default()
        };
        let billing = Billing::OnDemand {
            maximum: ByDirection { read: None, write: maximum.map(whole) },
            warm: ByDirection::default(),
        };
        let mut table = TableCapacity::new(&billing, Bytes(0), &parameters, Timestamp::ZERO);
        let mut before = CapacityUnits::ZERO;
        for (second, demand) in (0_u64..).zip(demands) {
            // Ten requests carry the second's demand.
            let mut served = 0;
            let at_once = table.status(Resource::Table, at_millis(second * 1000));
            for number in 0..10 {
                let units = i64::from(demand / 10).max(1);
                let now = at_millis(second * 1000 + number * 100);
                if is_admitted(&table.admit(&[write(number, units)], now)) {
                    served += units;
                }
            }
            let now = table.status(Resource::Table, at_millis(second * 1000 + 999));
            let bound = whole(maximum.unwrap_or(10_000).min(10_000));
            prop_assert!(now.rates.write <= bound);
            prop_assert!(now.rates.write >= before, "a peak is not forgotten");
            // What flows in, the second that the bucket holds, and the last request's debt.
            let most = at_once.rates.write.max(now.rates.write) * 2;
            prop_assert!(whole(served) <= most + whole(i64::from(demand / 10).max(1)));
            before = now.rates.write;
        }
    }
}

#[test]
fn i25_the_same_seed_gives_the_same_bytes() {
    let record = |seed: u64| {
        let source = format!(
            "name = \"same\"\nseed = {seed}\nexpect_throttling = true\n{}",
            r#"
[[table]]
name = "Things"
partition_key = "id"
billing = { mode = "provisioned", read = "9 RCU", write = "9 WCU" }
items = 100
[table.attributes]
id = { type = "S", value = "unique", prefix = "i" }
[[operation]]
kind = "put"
keys = "uniform"
weight = "100 %"
[[phase]]
kind = "load"
[[phase]]
name = "steady"
kind = "measured"
duration = "30s"
arrivals = { kind = "poisson", rate = "30/s" }
"#
        );
        let scenario = Arc::new(parse(&source, "same.toml").unwrap().scenario);
        let options = SimulationOptions::default();
        let header = header(&scenario, source, "test", &options);
        serde_json::to_string(&simulate(&scenario, header, &options).unwrap()).unwrap()
    };
    for seed in 0..5 {
        assert_eq!(record(seed), record(seed));
        assert_ne!(record(seed), record(seed + 1));
    }
}
