//! Laws 2–4 and 6–12: what operations cost. Those that need a server are in `wire`.

use dynamometer::{
    capacity::{
        cost::{self, EntryChange, Images, ReadMode, WriteMode},
        metrics,
    },
    units::{Bytes, CapacityUnits},
    workload::item::{AttributeValue, size, value_size},
};
use proptest::prelude::*;

const MODES: [ReadMode; 3] = [
    ReadMode::Eventual,
    ReadMode::Strong,
    ReadMode::Transactional,
];

fn bytes() -> impl Strategy<Value = Bytes> {
    (0_u64..409_601).prop_map(Bytes)
}

fn images() -> impl Strategy<Value = Images> {
    let image = || prop::option::of(bytes());
    (image(), image()).prop_map(|(old, new)| Images { old, new })
}

fn changes() -> impl Strategy<Value = EntryChange> {
    prop::sample::select(vec![
        EntryChange::Identical,
        EntryChange::InPlace,
        EntryChange::KeyMoved,
    ])
}

proptest! {
    #[test]
    fn i02_strong_is_twice_eventual_and_transactional_twice_strong_in_half_units(size in bytes()) {
        let read = |mode| cost::read_as(size, mode);
        prop_assert_eq!(read(ReadMode::Strong), read(ReadMode::Eventual) * 2);
        prop_assert_eq!(read(ReadMode::Transactional), read(ReadMode::Strong) * 2);
        let image = Images { old: None, new: Some(size) };
        let write = |mode| cost::write_as(image, mode);
        prop_assert_eq!(write(WriteMode::Transactional), write(WriteMode::Plain) * 2);
    }

    #[test]
    fn i03_more_bytes_never_cost_less_and_a_block_costs_the_same_throughout(
        block in 0_u64..100, within in 1_u64..=4096, small in 1_u64..=1024,
    ) {
        for mode in MODES {
            let read = |bytes| cost::read_as(Bytes(bytes), mode);
            prop_assert_eq!(read(4096 * block + within), read(4096 * (block + 1)));
            prop_assert!(read(4096 * block + within) <= read(4096 * block + within + 1));
        }
        let write = |bytes| cost::write(None, Some(Bytes(bytes)));
        prop_assert_eq!(write(1024 * block + small), write(1024 * (block + 1)));
        prop_assert!(write(1024 * block + small) <= write(1024 * block + small + 1));
    }

    #[test]
    fn i04_two_pages_cost_as_much_as_one_or_one_block_more(first in 1_u64..2_000_000, second in 1_u64..2_000_000) {
        for mode in MODES {
            let one = cost::read_as(Bytes(first + second), mode);
            let two = cost::read_as(Bytes(first), mode) + cost::read_as(Bytes(second), mode);
            prop_assert!(one <= two && two <= one + cost::read_as(Bytes(1), mode));
        }
    }

    #[test]
    fn i06_a_batch_costs_its_items_and_a_query_no_more_than_they_do(
        items in prop::collection::vec(1_u64..20_000, 1..50),
    ) {
        let sizes = || items.iter().copied().map(Bytes);
        for mode in MODES {
            let alone: CapacityUnits = sizes().map(|size| cost::read_as(size, mode)).sum();
            prop_assert_eq!(cost::read_each(sizes(), mode), alone);
            prop_assert!(cost::read_as(sizes().sum(), mode) <= alone);
        }
    }

    #[test]
    fn i07_a_write_costs_the_same_there_and_back(there in images(), change in changes()) {
        let back = Images { old: there.new, new: there.old };
        for mode in [WriteMode::Plain, WriteMode::Transactional] {
            prop_assert_eq!(cost::write_as(there, mode), cost::write_as(back, mode));
        }
        prop_assert_eq!(cost::index_write(there, change), cost::index_write(back, change));
    }

    #[test]
    fn i08_an_index_has_an_arm_if_and_only_if_its_entry_changed(entry in images(), change in changes()) {
        let is_there = entry.old.is_some() || entry.new.is_some();
        let is_same = entry.old.is_some() && entry.new.is_some() && change == EntryChange::Identical;
        let arm = cost::index_write(entry, change);
        prop_assert_eq!(arm.is_some(), is_there && !is_same);
    }

    #[test]
    fn i09_an_index_never_costs_more_than_one_entry_going_and_one_coming(entry in images(), change in changes()) {
        let blocks = |image: Option<Bytes>| image.map_or(0, cost::write_blocks);
        let most = CapacityUnits::whole(blocks(entry.old) + blocks(entry.new));
        prop_assert!(cost::index_write(entry, change).unwrap_or_default() <= most);
        prop_assert_eq!(cost::index_write(Images::default(), change), None);
    }

    #[test]
    fn i10_nothing_is_cheaper_than_its_minimum(size in bytes(), images in images()) {
        let least = [(ReadMode::Eventual, 1), (ReadMode::Strong, 2), (ReadMode::Transactional, 4)];
        for (mode, halves) in least {
            let least = CapacityUnits::from_halves(halves);
            prop_assert!(cost::read_as(size, mode) >= least);
            prop_assert_eq!(cost::read_as(Bytes(0), mode), least);
        }
        prop_assert!(cost::write_as(images, WriteMode::Plain) >= CapacityUnits::whole(1));
        prop_assert!(cost::write_as(images, WriteMode::Transactional) >= CapacityUnits::whole(2));
    }

    #[test]
    fn i11_a_size_depends_on_no_spelling_and_no_order_and_holds_all_names(
        number in -1_000_000_i64..1_000_000, zeros in 0_usize..4,
        mut members in prop::collection::btree_set("[a-z]{1,8}", 1..6),
        names in prop::collection::btree_set("[a-z]{1,12}", 2..6),
    ) {
        let plain = AttributeValue::N(number.to_string());
        let sign = if number < 0 { "-" } else { "" };
        let digits = number.unsigned_abs();
        for spelling in [
            format!("{sign}{}{digits}", "0".repeat(zeros)),
            format!("{sign}{digits}.{}0", "0".repeat(zeros)),
            format!("{sign}{digits}e0"),
        ] {
            prop_assert_eq!(value_size(&AttributeValue::N(spelling)), value_size(&plain));
        }
        let set: Vec<_> = members.iter().cloned().collect();
        let turned: Vec<_> = set.iter().rev().cloned().collect();
        prop_assert_eq!(value_size(&AttributeValue::Ss(set)), value_size(&AttributeValue::Ss(turned)));
        let item: Vec<_> = names.iter().map(|name| (name.clone(), plain.clone())).collect();
        let turned: Vec<_> = item.iter().rev().cloned().collect();
        prop_assert_eq!(size(&item), size(&turned));
        prop_assert!(size(&item).0 >= names.iter().map(|name| name.len() as u64).sum());
        members.clear();
    }

    #[test]
    fn i12_the_sums_of_a_minute_are_the_sums_of_its_requests(
        units in prop::collection::vec(1_i64..200, 1..60), provisioned in 1_u32..1000,
    ) {
        // Half units are exact in any order, so that a sum is the same as summed by the second.
        let each = || units.iter().map(|halves| CapacityUnits::from_halves(*halves));
        let sum: CapacityUnits = each().sum();
        let backwards: CapacityUnits = each().rev().sum();
        prop_assert_eq!(sum, backwards);
        let (per_second, percent) =
            metrics::utilization(sum.as_f64(), 60.0, f64::from(provisioned));
        prop_assert!((per_second * 60.0 - sum.as_f64()).abs() < 1e-6);
        prop_assert!((percent * f64::from(provisioned) - 100.0 * per_second).abs() < 1e-6);
    }
}
