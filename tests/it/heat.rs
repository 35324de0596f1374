//! Heat of partitions and keys: counted right, bounded, shown.

use std::{collections::BTreeMap, sync::Arc};

use dynamometer::{
    capacity::{Arm, TableCapacity, partition::KeyHash, throttle::Resource},
    record::{
        RunRecord,
        heat::{
            COLUMNS_MAX, PARTITIONS_MAX, ResourceHeat,
            keys::{KeySketch, TOP_KEYS},
            watch::HeatWatch,
        },
    },
    report::heat::hottest,
    scenario::{ModelParameters, parse::parse},
    simulation::{SimulationOptions, header, simulate},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp},
};
use proptest::prelude::*;

use crate::fixtures::Case;

/// Most writes go to the partition of one tenant, beyond its ceiling, while the table has far
/// more than it needs.
const HOT: &str = r#"
name = "tenants"
seed = 42
expect_throttling = true
[[table]]
name = "Events"
partition_key = "tenant"
sort_key = "at"
billing = { mode = "provisioned", read = "24000 RCU", write = "20000 WCU" }
items = 2000
[table.attributes]
tenant = { type = "S", value = "zipfian", prefix = "tenant-", count = 300, exponent = 1.9 }
at = { type = "N", value = "unique" }
[keys.all]
kind = "uniform"
[[operation]]
name = "read"
kind = "get"
keys = "all"
weight = "20 %"
consistency = "strong"
[[operation]]
name = "write"
kind = "put"
keys = "all"
weight = "80 %"
[[phase]]
name = "load"
kind = "load"
[[phase]]
name = "steady"
kind = "measured"
duration = "20s"
arrivals = { kind = "constant", rate = "3000/s" }
[[threshold]]
metric = "throttled"
max = "1 %"
"#;

/// A simulation of it.
pub fn hot() -> Case {
    let scenario = parse(HOT, "hot.toml").unwrap_or_else(|told| panic!("{told}"));
    let scenario = Arc::new(scenario.scenario);
    let options = SimulationOptions::default();
    let header = header(&scenario, HOT.to_owned(), "0.1.0", &options);
    let record = simulate(&scenario, header, &options).unwrap();
    Case {
        scenario: (*scenario).clone(),
        record,
    }
}

fn consumed(record: &RunRecord, direction: Direction) -> CapacityUnits {
    let totals = record.phases.iter().flat_map(|phase| &phase.operations);
    totals.map(|totals| totals.consumed[direction]).sum()
}

#[test]
fn partitions_and_keys_add_up_to_what_was_consumed() {
    let record = hot().record;
    let heat = &record.heat[0];
    for direction in Direction::ALL {
        let parts = heat.partitions.iter().chain(&heat.others);
        let served: CapacityUnits = parts.map(|one| one.directions[direction].served).sum();
        assert_eq!(served, consumed(&record, direction), "{direction:?}");
        assert_eq!(heat.keys[direction].units, served, "{direction:?}");
    }
}

#[test]
fn the_hottest_key_is_named_and_its_partition_is_at_its_ceiling() {
    let record = hot().record;
    let keys = &record.heat[0].keys.write;
    assert_eq!(keys.top[0].value.as_deref(), Some("tenant-000000000000"));
    assert_eq!(keys.missing_at_most, CapacityUnits::ZERO);
    assert!(keys.top[0].throttles > 1000, "{:?}", keys.top[0]);
    assert!(keys.top.len() <= TOP_KEYS);
    let hottest = hottest(&record).unwrap();
    assert!(hottest.refused && hottest.label == "writes", "{hottest:?}");
    assert!(hottest.of_ceiling >= 0.99, "{hottest:?}");
    let used = record.heat[0].partitions_used;
    assert!(used > 1 && used <= 20, "{used} of 20");
}

/// `seconds` of a table of `partitions` partitions, with `each` requests a second all over it.
#[test]
fn the_hottest_keys_have_their_names_however_many_items_there_are() {
    let scenario = r#"
name = "vast"
seed = 7
[[table]]
name = "Vast"
partition_key = "id"
billing = { mode = "provisioned", read = "3000 RCU", write = "10 WCU" }
items = 1000000000
[table.attributes]
id = { type = "S", value = "unique", prefix = "user-" }
[keys.scattered]
kind = "zipfian"
exponent = 1.1
scrambled = true
[[operation]]
kind = "get"
keys = "scattered"
weight = "100 %"
[[phase]]
kind = "measured"
duration = "5s"
arrivals = { kind = "constant", rate = "2000/s" }
"#;
    let scenario = Arc::new(parse(scenario, "vast.toml").unwrap().scenario);
    let options = SimulationOptions::default();
    let header = header(&scenario, String::new(), "test", &options);
    let record = simulate(&scenario, header, &options).unwrap();
    let top = &record.heat[0].keys.read.top;
    assert_eq!(top.len(), TOP_KEYS);
    for key in top {
        let name = key.value.as_deref();
        assert!(name.is_some_and(|it| it.starts_with("user-")), "{key:?}");
    }
}

pub fn watched(partitions: i64, seconds: u64, each: u64) -> ResourceHeat {
    let parameters = ModelParameters::default();
    let rates = ByDirection {
        read: CapacityUnits::whole(3000 * partitions),
        write: CapacityUnits::whole(1000),
    };
    let mut table = TableCapacity::provisioned(rates, Bytes(0), &parameters, Timestamp::ZERO);
    let mut watch = HeatWatch::new(Timestamp::ZERO);
    for second in 0..seconds {
        for number in 0..each {
            let fraction = (second * each + number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let arm = Arm {
                resource: Resource::Table,
                direction: Direction::ALL[usize::from(fraction.is_multiple_of(3))],
                key: KeyHash::at(fraction),
                eventual: false,
                units: CapacityUnits::whole((fraction % 400).cast_signed() + 1),
            };
            table.spend(&[arm], Timestamp::from_nanos(second * 1_000_000_000));
            watch.served(&arm);
        }
        let end = Timestamp::from_nanos((second + 1) * 1_000_000_000);
        watch.close_second(second, &mut table, [Resource::Table], end);
    }
    let heat = watch.heat(Resource::Table, (0, None), &parameters);
    heat.expect("it was watched")
}

#[test]
fn an_hour_on_a_thousand_partitions_stays_small_and_loses_no_unit() {
    let heat = watched(1000, 3600, 60);
    assert!(heat.columns <= COLUMNS_MAX && heat.column_seconds == 16);
    assert_eq!(heat.partitions.len(), PARTITIONS_MAX);
    let stored = serde_json::to_string(&heat).unwrap().len();
    assert!(stored < 500_000, "{stored} bytes");
    for direction in Direction::ALL {
        let parts = heat.partitions.iter().chain(&heat.others);
        let served: CapacityUnits = parts.map(|one| one.directions[direction].served).sum();
        assert_eq!(heat.keys[direction].units, served);
    }
}

#[test]
fn a_column_holds_its_hottest_second() {
    let narrow = watched(1, 200, 3);
    let wide = watched(1, 500, 3);
    let read = |heat: &ResourceHeat| -> Vec<f64> {
        let cells = &heat.partitions[0].directions.read.served_per_second;
        cells.values(heat.columns).collect()
    };
    assert_eq!((narrow.column_seconds, wide.column_seconds), (1, 2));
    for (pair, column) in read(&narrow).chunks(2).zip(read(&wide)) {
        let hottest = pair.iter().copied().fold(0.0, f64::max);
        assert!((hottest - column).abs() < 0.05, "{pair:?} and {column}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_count_is_never_too_high_and_too_low_by_the_bound_at_most(
        keys in 1_u64..30_000,
        skew in 1_u32..4,
        seed in any::<u64>(),
    ) {
        let mut sketch = KeySketch::default();
        let mut truth = BTreeMap::new();
        let mut state = seed | 1;
        for _ in 0..40_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let uniform = (state >> 11) % keys;
            let key = (1..skew).fold(uniform, |key, _| key * uniform / keys);
            let place = KeyHash::at(key.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            sketch.serve(place, CapacityUnits::whole(1));
            *truth.entry(place.collection().to_hex()).or_insert(0_i64) += 1;
        }
        let heat = sketch.finish();
        prop_assert_eq!(heat.units, CapacityUnits::whole(40_000));
        if truth.len() <= 4096 {
            prop_assert_eq!(heat.missing_at_most, CapacityUnits::ZERO);
            prop_assert_eq!(heat.distinct, Some(truth.len() as u64));
        }
        prop_assert!(heat.missing_at_most.as_f64() <= 40_000.0 / 4096.0);
        for key in &heat.top {
            let real = CapacityUnits::whole(truth[&key.place]);
            prop_assert!(key.units <= real && real <= key.units + heat.missing_at_most);
        }
    }
}
