//! Sizing: the smallest capacity that meets a target, and what it costs.

mod cloudwatch;
mod options;
mod verify;

use std::{collections::BTreeMap, sync::Arc};

use dynamometer::{
    analysis::{
        replay::{self, Burst, Part},
        sizing::{self, Sizing, SizingOptions, bill::Mode, search::Target},
        workers::InTurn,
    },
    price::{PriceTable, Unit},
    report::{
        format::NO_BREAK,
        sizing::{headline, page, render},
    },
    scenario::{Billing, Scenario, parse::parse},
    seed::Seed,
    simulation::{SimulationOptions, header, simulate, trace::Trace},
    units::{ByDirection, CapacityUnits, Direction},
    workload::Workload,
};
use proptest::prelude::*;

/// A table of 1 KB items with puts and strong reads, at a constant or Poisson rate.
struct Load {
    arrivals: String,
    seconds: u32,
    read_percent: u32,
    keys: &'static str,
    item_bytes: u32,
    partition_key: &'static str,
}

impl Load {
    fn constant(rate: u32, read_percent: u32) -> Self {
        Self {
            arrivals: format!("{{ kind = \"constant\", rate = \"{rate}/s\" }}"),
            seconds: 20,
            read_percent,
            keys: "kind = \"uniform\"",
            item_bytes: 900,
            partition_key: "id",
        }
    }

    fn scenario(&self) -> Scenario {
        let Self {
            arrivals,
            seconds,
            read_percent,
            keys,
            item_bytes,
            partition_key,
        } = self;
        let write_percent = 100 - read_percent;
        let sort_key = if *partition_key == "id" {
            ""
        } else {
            "sort_key = \"id\""
        };
        let operation = |kind: &str, percent: u32, more: &str| match percent {
            0 => String::new(),
            _ => format!(
                "[[operation]]\nkind = \"{kind}\"\nkeys = \"some\"\nweight = \"{percent} %\"\n{more}\n"
            ),
        };
        let source = format!(
            r#"
name = "load"
seed = 3
expect_throttling = true
[[table]]
name = "Things"
partition_key = "{partition_key}"
{sort_key}
billing = {{ mode = "provisioned", read = "5 RCU", write = "5 WCU" }}
items = 1000
[table.attributes]
id = {{ type = "S", value = "unique", prefix = "i" }}
language = {{ type = "S", value = "categorical", choices = {{ English = 71, French = 29 }} }}
body = {{ type = "S", value = "text", length = "{item_bytes} B" }}
[keys.some]
{keys}
{}{}
[[phase]]
kind = "load"
[[phase]]
name = "steady"
kind = "measured"
duration = "{seconds}s"
arrivals = {arrivals}
"#,
            operation("get", *read_percent, "consistency = \"strong\""),
            operation("put", write_percent, ""),
        );
        match parse(&source, "load.toml") {
            Ok(parsed) => parsed.scenario,
            Err(problems) => panic!("{problems}"),
        }
    }
}

pub fn traces(scenario: &Scenario, seeds: u64) -> Vec<Trace> {
    (0..seeds)
        .map(|n| {
            let seed = Seed(scenario.seed.0 + n);
            let scenario = Scenario {
                seed,
                ..scenario.clone()
            };
            Trace::record(&Workload::new(Arc::new(scenario))).unwrap()
        })
        .collect()
}

pub fn options(overall: f64) -> SizingOptions {
    SizingOptions {
        target: Target {
            overall,
            operations: BTreeMap::new(),
        },
        utilisation: 0.7,
        on_demand_maximum: ByDirection::default(),
        region: "us-east-1".to_owned(),
        free_tier: false,
        prices: PriceTable::embedded().clone(),
    }
}

fn sized(scenario: &Scenario, overall: f64) -> Sizing {
    sizing::size(&traces(scenario, 10), &options(overall), &InTurn).unwrap()
}

fn units(sizing: &Sizing) -> (u64, u64) {
    let fit = sizing.slots[0].provision;
    (fit.read.unwrap().units, fit.write.unwrap().units)
}

#[test]
fn a_constant_load_of_known_items_is_sized_to_its_optimum() {
    let check = |load: &Load, expected: (u64, u64)| {
        assert_eq!(units(&sized(&load.scenario(), 0.001)), expected);
    };
    check(&Load::constant(100, 0), (1, 100));
    check(&Load::constant(37, 0), (1, 37));
    check(&Load::constant(400, 100), (400, 1));
    // Two units a write.
    let large = Load {
        item_bytes: 1500,
        ..Load::constant(50, 0)
    };
    check(&large, (1, 100));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn i29_a_recommendation_meets_its_target_in_a_whole_simulation(
        rate in 20_u32..120, read_percent in prop::sample::select(vec![0, 30, 60, 100]),
        item_bytes in 100_u32..3_000,
    ) {
        let load = Load {
            arrivals: format!("{{ kind = \"poisson\", rate = \"{rate}/s\" }}"),
            item_bytes,
            ..Load::constant(rate, read_percent)
        };
        let mut scenario = load.scenario();
        let (read, write) = units(&sized(&scenario, 0.001));
        let whole = |units: u64| CapacityUnits::whole(i64::try_from(units).unwrap());
        scenario.tables[0].billing = Billing::fixed(ByDirection {
            read: whole(read),
            write: whole(write),
        });
        let (mut throttled, mut arrivals) = (0, 0);
        for seed in 3..13 {
            scenario.seed = Seed(seed);
            let options = SimulationOptions::default();
            let header = header(&scenario, String::new(), "test", &options);
            let record = simulate(&Arc::new(scenario.clone()), header, &options).unwrap();
            for totals in record.phases.iter().flat_map(|phase| &phase.operations) {
                throttled += totals.outcomes.throttled;
                arrivals += totals.outcomes.total();
            }
        }
        prop_assert!(arrivals > 3_000);
        prop_assert!(throttled * 1000 <= arrivals, "{} of {}", throttled, arrivals);
    }
}

#[test]
fn a_key_beyond_a_partition_is_declared_impossible_with_the_right_multiple() {
    // 71 % of 2,400 puts a second of one unit each are 1,704 WCU for one key.
    let load = Load {
        partition_key: "language",
        seconds: 4,
        ..Load::constant(2400, 0)
    };
    let sizing = sized(&load.scenario(), 0.001);
    assert!(!sizing.possible);
    let obstacle = &sizing.obstacles[0];
    assert_eq!(obstacle.direction, Direction::Write);
    assert_eq!(
        (obstacle.key.as_str(), obstacle.value.as_str()),
        ("language", "English")
    );
    assert!((obstacle.multiple - 1.704).abs() < 0.05, "{obstacle:?}");
    assert_eq!(obstacle.shards, 2);
    assert!(headline(&sizing).starts_with("No capacity is enough"));
    let words: Vec<_> = render(&sizing)
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let text = words.join(" ");
    assert!(text.contains("buying capacity cannot help"), "{text}");
    // The text names a key that does, with how hot its hottest value is.
    let other = obstacle.alternative.as_ref().unwrap();
    assert_ne!(other.key, "language");
    assert!(other.multiple < 0.1, "{other:?}");
    let named = format!("`{}` as partition key", other.key);
    assert!(text.contains(&named), "{text}");
    // Just below the ceiling it is possible.
    let load = Load {
        partition_key: "language",
        seconds: 4,
        ..Load::constant(1300, 0)
    };
    assert!(sized(&load.scenario(), 0.001).possible);
}

#[test]
fn offers_are_priced_by_the_functions_of_the_price_table() {
    let sizing = sized(&Load::constant(150, 50).scenario(), 0.001);
    let prices = PriceTable::embedded();
    let (read, write) = units(&sizing);
    let offer = |mode| {
        let found = sizing
            .offers
            .iter()
            .find(|offer| offer.mode == mode && !offer.infrequent_access);
        found.unwrap()
    };
    let monthly = |unit, units: u64| {
        let units = f64::from(u32::try_from(units).unwrap());
        prices.provisioned("us-east-1", unit, units, 730.0).unwrap()
    };
    let provisioned = offer(Mode::Provisioned);
    let expected = monthly(Unit::Read, read) + monthly(Unit::Write, write);
    let throughput = provisioned.usd_month - provisioned.storage_usd_month;
    assert!((throughput - expected).abs() < 1e-9);
    let demand = sizing.slots[0].demand;
    let month = 730.0 * 3600.0;
    let requests = |unit, mean: f64| prices.on_demand("us-east-1", unit, mean * month).unwrap();
    let expected =
        requests(Unit::Read, demand.read.mean) + requests(Unit::Write, demand.write.mean);
    let on_demand = offer(Mode::OnDemand);
    assert!((on_demand.usd_month - on_demand.storage_usd_month - expected).abs() < 1e-9);
    assert!((on_demand.usd_per_million * 150.0 * month / 1e6 - on_demand.usd_month).abs() < 1e-6);
    assert!(offer(Mode::ReservedThreeYears).usd_month <= offer(Mode::ReservedOneYear).usd_month);
    assert!(
        (sizing.break_even.read - prices.break_even("us-east-1", Unit::Read).unwrap()).abs()
            < 1e-12
    );
    // Constant load: what is settled by auto scaling costs 1 ÷ 0.7 of it.
    assert!(offer(Mode::AutoScaling).usd_month > provisioned.usd_month);
    assert_eq!(sizing.offers[0].mode, Mode::Provisioned);
}

#[test]
fn the_page_draws_dollars_burst_and_the_price_of_on_demand() {
    let sizing = sized(&Load::constant(60, 50).scenario(), 0.001);
    let page = page::render(&sizing, PriceTable::embedded()).unwrap();
    let page = page.replace(NO_BREAK, " ");
    let recommended = format!("recommended: {} RCU", units(&sizing).0);
    for said in [
        "$ per month",
        "costs as much as on-demand: ",
        "target 0.1 %",
        "without burst credit, median",
        "with burst credit, median",
        "10–90 % of the seeds",
        &recommended,
        "break-even: provisioned costs less than on-demand from 28.9 %",
        "prices: us-east-1, 2026",
    ] {
        assert!(page.contains(said), "{said}");
    }
    // One chart for reads and one for writes, with the same numbers as a table.
    assert_eq!(page.matches("id=\"sizing-0-rcu-t\"").count(), 1);
    assert_eq!(page.matches("id=\"sizing-0-wcu-t\"").count(), 1);
    assert_eq!(page.matches("The same as a table").count(), 2);
}

#[test]
fn the_text_keeps_to_eighty_columns() {
    let sizing = sized(&Load::constant(60, 50).scenario(), 0.001);
    for line in render(&sizing).lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_recommended_meets_the_target_and_one_unit_less_does_not(
        rate in 5_u32..60, read_percent in 0_u32..=100, poisson: bool, bytes in 100_u32..6000,
        skew in 0_u32..3,
    ) {
        let kind = if poisson { "poisson" } else { "constant" };
        let load = Load {
            arrivals: format!("{{ kind = \"{kind}\", rate = \"{rate}/s\" }}"),
            item_bytes: bytes,
            seconds: 10,
            keys: ["kind = \"uniform\"", "kind = \"sequential\"", "kind = \"zipfian\"\nexponent = 1.2"][skew as usize],
            ..Load::constant(rate, read_percent)
        };
        let scenario = load.scenario();
        let traces = traces(&scenario, 10);
        let options = options(0.01);
        let sizing = sizing::size(&traces, &options, &InTurn).unwrap();
        let slots = replay::slots(&traces[0]);
        for burst in [Burst::Spent, Burst::Modelled] {
            let fits = match burst {
                Burst::Spent => sizing.slots[0].provision,
                Burst::Modelled => sizing.slots[0].with_burst,
            };
            for direction in Direction::ALL {
                let fit = fits[direction].unwrap();
                let operations: Vec<usize> = (0..scenario.operations.len())
                    .filter(|n| scenario.operations[*n].kind.direction() == direction)
                    .collect();
                let meets = |units: u64| {
                    let mut rates = ByDirection::from_fn(|d| fits[d].unwrap().units);
                    rates[direction] = units;
                    let part = Part { table: 0, direction: Some(direction) };
                    let seeds: Vec<_> = traces
                        .iter()
                        .map(|trace| replay::fixed(trace, &slots, &[rates], burst, part))
                        .collect();
                    operations.is_empty() || options.target.is_met(&seeds, &operations)
                };
                prop_assert!(meets(fit.units));
                // The smallest that there is, or what is asked for on average.
                if fit.units > 1 && !fit.is_demand {
                    prop_assert!(!meets(fit.units - 1), "{direction:?} {fit:?}");
                }
            }
        }
    }
}

#[test]
fn tables_and_indexes_are_sized_apart() {
    let source = include_str!("../../scenarios/orders.toml");
    let scenario = match parse(source, "orders.toml") {
        Ok(parsed) => parsed.scenario,
        Err(problems) => panic!("{problems}"),
    };
    let sizing = sized(&scenario, 0.01);
    let globals: usize = scenario
        .tables
        .iter()
        .map(|table| table.global_indexes().count())
        .sum();
    assert!(globals > 0);
    assert_eq!(sizing.slots.len(), scenario.tables.len() + globals);
    for slot in sizing.slots.iter().filter(|slot| slot.name.contains('/')) {
        assert!(slot.demand.write.mean > 0.0, "{slot:?}");
        let fit = slot.provision.write.unwrap();
        assert!(
            f64::from(u32::try_from(fit.units).unwrap())
                >= slot.demand.write.sustained * 0.99 - 1.0
        );
    }
}

#[test]
fn storage_counts_the_entries_of_indexes_as_they_are_billed() {
    let source = r#"
name = "stored"
seed = 3
[[table]]
name = "Things"
partition_key = "id"
sort_key = "at"
billing = { mode = "on-demand" }
items = 400
[table.attributes]
id = { type = "S", value = "unique", prefix = "i" }
at = { type = "S", value = "categorical", choices = { now = 100 } }
late = { type = "S", value = "categorical", choices = { then = 100 } }
kind = { type = "S", value = "categorical", choices = { fish = 100 } }
body = { type = "S", value = "text", length = "900 B" }
[[table.index]]
name = "by-kind"
partition_key = "kind"
scope = "global"
billing = { mode = "on-demand" }
projection = "keys-only"
[[table.index]]
name = "by-late"
scope = "local"
sort_key = "late"
projection = "all"
[keys.some]
kind = "uniform"
[[operation]]
kind = "get"
keys = "some"
weight = "100 %"
[[phase]]
kind = "load"
[[phase]]
name = "steady"
kind = "measured"
duration = "5s"
arrivals = { kind = "constant", rate = "10/s" }
"#;
    let scenario = match parse(source, "stored.toml") {
        Ok(parsed) => parsed.scenario,
        Err(problems) => panic!("{problems}"),
    };
    let workload = Workload::new(Arc::new(scenario.clone()));
    let id = workload.attribute_size(0, 0, 7).unwrap().0;
    let (at, late, kind, body) = (2 + 3, 4 + 4, 4 + 4, 4 + 900);
    let sizing = sized(&scenario, 0.01);
    let stored = |slot: usize| sizing.slots[slot].storage_gb * 1_073_741_824.0;
    let item = id + at + late + kind + body;
    assert_eq!(item, workload.item_size(0, 7).0);
    // Each item and its entry in the local index, which holds all of it.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let expected = |bytes: u64| (400 * bytes) as f64;
    assert!(
        (stored(0) - expected(2 * (item + 100))).abs() < 1.0,
        "{}",
        stored(0)
    );
    // Keys of the table and of the index.
    assert!(
        (stored(1) - expected(id + at + kind + 100)).abs() < 1.0,
        "{}",
        stored(1)
    );
}
