//! Partitions that hold too much split, in the model and in a simulation.

use std::{sync::Arc, time::Duration};

use dynamometer::{
    capacity::{TableCapacity, partition::KeyHash, throttle::Resource},
    record::RunRecord,
    scenario::{ModelParameters, parse::parse},
    simulation::{SimulationOptions, header, simulate},
    units::{ByDirection, Bytes, CapacityUnits, Timestamp},
};
use proptest::prelude::*;

const GIB: i64 = 1 << 30;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_start(Duration::from_secs(seconds))
}

fn table(bytes: i64) -> TableCapacity {
    let rates = ByDirection::from_fn(|_| CapacityUnits::whole(1));
    let bytes = Bytes(bytes.unsigned_abs());
    TableCapacity::provisioned(rates, bytes, &ModelParameters::default(), at(0))
}

fn starts(table: &mut TableCapacity, seconds: u64) -> Vec<KeyHash> {
    // What is due by then happens first.
    table.status(Resource::Table, at(seconds));
    table.partition_starts(Resource::Table)
}

#[test]
fn a_partition_of_more_than_ten_gigabytes_splits_in_its_middle_two_minutes_later() {
    let mut table = table(10 * GIB - 1);
    let key = KeyHash::at(7);
    table.grow(Resource::Table, key, 1, at(1));
    assert_eq!(starts(&mut table, 1000).len(), 1, "ten fit");
    for second in 1000..1010 {
        table.grow(Resource::Table, key, 1, at(second));
    }
    assert_eq!(starts(&mut table, 1119).len(), 1);
    assert_eq!(
        starts(&mut table, 1120),
        [KeyHash::at(0), KeyHash::at(1 << 63)]
    );
    // Each has a half, and it was not for heat.
    assert_eq!(table.status(Resource::Table, at(1120)).last_heat, None);
    table.grow(Resource::Table, key, 5 * GIB - 100, at(2000));
    assert_eq!(starts(&mut table, 3000).len(), 2);
    table.grow(Resource::Table, key, 100, at(3000));
    assert_eq!(
        starts(&mut table, 4000),
        [KeyHash::at(0), KeyHash::at(1 << 62), KeyHash::at(1 << 63)]
    );
}

#[test]
fn what_is_deleted_makes_room_and_merges_nothing() {
    let mut table = table(9 * GIB);
    let key = KeyHash::at(7);
    table.grow(Resource::Table, key, -5 * GIB, at(1));
    table.grow(Resource::Table, key, 5 * GIB, at(2));
    assert_eq!(starts(&mut table, 1000).len(), 1);
    table.grow(Resource::Table, key, 2 * GIB, at(1000));
    assert_eq!(starts(&mut table, 2000).len(), 2);
    table.grow(Resource::Table, key, -5 * GIB, at(2000));
    assert_eq!(starts(&mut table, 3000).len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However it grows, evenly, there are in the end as many partitions as hold it, and not
    /// more than twice as many.
    #[test]
    fn enough_partitions_hold_a_table_that_grows(
        start in 0..30_i64,
        grown in 0..50_i64,
        seed in any::<u64>(),
    ) {
        let mut table = table(start * GIB);
        let pieces = 64_i64;
        for piece in 0..pieces * grown {
            let number = seed.wrapping_add(piece.unsigned_abs());
            let key = KeyHash::of(b'S', &number.to_be_bytes()).collection();
            let now = at(piece.unsigned_abs() * 200);
            table.grow(Resource::Table, key, GIB / pieces, now);
        }
        let later = at(1_000_000_000);
        let count = starts(&mut table, later.second()).len();
        let needed = usize::try_from((start + grown + 9) / 10).unwrap().max(1);
        prop_assert!(count >= needed && count <= 3 * needed, "{count} {needed}");
    }
}

fn simulated(model: &str) -> RunRecord {
    let source = format!(
        "name = \"grows\"\n[model]\n{model}\nsplit_duration_seconds = \"2s\"\n\
         [[table]]\nname = \"Items\"\npartition_key = \"id\"\nitems = 100\n\
         billing = {{ mode = \"provisioned\", read = \"10 RCU\", write = \"1000 WCU\" }}\n\
         [table.attributes]\nid = {{ type = \"S\", value = \"unique\", prefix = \"i-\" }}\n\
         body = {{ type = \"S\", value = \"text\", length = \"900 B\" }}\n\
         [keys.more]\nkind = \"new\"\n\
         [[operation]]\nkind = \"put\"\nkeys = \"more\"\nweight = \"100 %\"\n\
         [[phase]]\nkind = \"load\"\n[[phase]]\nkind = \"measured\"\n\
         duration = \"20s\"\narrivals = {{ kind = \"constant\", rate = \"200/s\" }}\n"
    );
    let scenario = match parse(&source, "grows.toml") {
        Ok(parsed) => Arc::new(parsed.scenario),
        Err(problems) => panic!("{problems}"),
    };
    let options = SimulationOptions::default();
    let header = header(&scenario, source, "test", &options);
    simulate(&scenario, header, &options).unwrap()
}

#[test]
fn inserts_split_partitions_in_a_simulation_and_its_heat_says_when() {
    // 4,000 puts of about 900 bytes are 3.6 MB, and a partition holds 1.07.
    let record = simulated("split_size_gb = 0.001");
    let heat = &record.heat[0];
    assert!(heat.partitions_at_end >= 4, "{}", heat.partitions_at_end);
    assert_eq!(heat.splits.len() + 1, heat.partitions_at_end);
    // The first one began when 1.07 MB were there: after some 1,080 puts, and took two seconds.
    assert!(
        (6..=8).contains(&heat.splits[0].second),
        "{:?}",
        heat.splits[0]
    );
    assert_eq!(simulated("").heat[0].partitions_at_end, 1);
}
