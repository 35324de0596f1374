//! Every unpublished rule acts: another value of its parameter has the stated outcome.

use std::{sync::Arc, time::Duration};

use dynamometer::{
    analysis::expectation::expect,
    capacity::{
        AdmissionDecision, Arm, TableCapacity,
        bucket::TokenBucket,
        change::DecreaseBudget,
        cost::{self, Images, WriteMode},
        on_demand,
        partition::{self, KeyHash},
        throttle::{BillingMode, Resource, ThrottleCause, ThrottleReason},
    },
    record::RunRecord,
    scenario::{
        AdmissionRule, Billing, BurstModel, CondFailMissingRule, ModelParameters, NumberSizeRule,
        PageLimitRule, ThrottleExceptionMap,
        number::{number_size, number_size_by},
        parse::parse,
    },
    simulation::{SimulationOptions, header, simulate},
    units::{ByDirection, Bytes, CapacityUnits, Direction, Timestamp},
    workload::Workload,
};
use proptest::prelude::*;

fn at(millis: u64) -> Timestamp {
    Timestamp::ZERO + Duration::from_millis(millis)
}

const fn units(whole: i64) -> CapacityUnits {
    CapacityUnits::whole(whole)
}

fn model(change: impl FnOnce(&mut ModelParameters)) -> ModelParameters {
    let mut parameters = ModelParameters::default();
    change(&mut parameters);
    parameters
}

/// One table of strings of 100 B, one measured second of 10 requests, and a line of `[model]`.
fn run(table: &str, attributes: &str, operation: &str, model: &str) -> RunRecord {
    let source = format!(
        "name = \"rules\"\nexpect_throttling = true\n[model]\n{model}\n\
         [[table]]\nname = \"Rules\"\npartition_key = \"id\"\n{table}\n[table.attributes]\n\
         id = {{ type = \"S\", value = \"unique\", prefix = \"i-\" }}\n{attributes}\n\
         [[operation]]\n{operation}\nweight = \"100 %\"\n\
         [[phase]]\nkind = \"load\"\n[[phase]]\nkind = \"measured\"\nduration = \"10s\"\n\
         arrivals = {{ kind = \"constant\", rate = \"10/s\" }}\n"
    );
    let scenario = match parse(&source, "rules.toml") {
        Ok(parsed) => Arc::new(parsed.scenario),
        Err(problems) => panic!("{problems}"),
    };
    let options = SimulationOptions::default();
    let header = header(&scenario, source, "test", &options);
    simulate(&scenario, header, &options).unwrap()
}

fn consumed(record: &RunRecord, direction: Direction) -> f64 {
    let totals = record.phases.iter().flat_map(|phase| &phase.operations);
    totals
        .map(|totals| totals.consumed[direction].as_f64())
        .sum()
}

const ROOMY: &str = "items = 100\n\
    billing = { mode = \"provisioned\", read = \"1000 RCU\", write = \"1000 WCU\" }";

#[test]
fn numbers_take_a_byte_less_where_zeros_are_cut_from_one_side_of_the_point() {
    let split = |literal| number_size_by(literal, NumberSizeRule::SplitDigits);
    for (literal, aligned, apart) in [
        ("110", 3, 2),
        ("0.011", 3, 2),
        ("1.5", 3, 3),
        ("0", 1, 1),
        ("-42", 3, 3),
        ("12345", 4, 4),
        ("3.14159", 5, 5),
        ("1E125", 2, 2),
    ] {
        assert_eq!(
            (number_size(literal), split(literal)),
            (aligned, apart),
            "{literal}"
        );
    }
    // Two blocks by one rule, and a byte less by the other.
    let attributes = "n = { type = \"N\", value = \"sequence\", start = 110, step = 0 }\n\
                      body = { type = \"S\", value = \"text\", length = \"BODY B\" }";
    let put = "kind = \"put\"\nkeys = \"uniform\"";
    let units = |body: u32, line: &str| {
        let attributes = attributes.replace("BODY", &body.to_string());
        consumed(&run(ROOMY, &attributes, put, line), Direction::Write)
    };
    let smaller =
        |body: &u32| units(*body, "number_size_rule = \"split_digits\"") < units(*body, "");
    assert_eq!((990..1010).filter(smaller).count(), 1);
}

#[test]
fn an_update_fails_that_leads_to_an_item_within_the_slack_of_the_limit() {
    let attributes = "body = { type = \"S\", value = \"text\", length = \"399 KiB\" }";
    let update = "kind = \"update\"\nkeys = \"uniform\"\nset = [\"body\"]";
    let failed = |line: &str| {
        let record = run(
            "items = 10\nbilling = { mode = \"provisioned\", read = \"10 RCU\", write = \"9000 WCU\" }",
            attributes,
            update,
            line,
        );
        let totals = record.phases.iter().flat_map(|phase| &phase.operations);
        totals.map(|totals| totals.outcomes.failed).sum::<u64>()
    };
    assert_eq!(failed(""), 0);
    assert_eq!(failed("update_ceiling_slack_bytes = \"1200 B\""), 100);
}

#[test]
fn a_page_ends_before_or_behind_the_item_that_fills_it() {
    let items = |rule| cost::page_items(Bytes(700_000), 10, None, rule);
    assert_eq!(items(PageLimitRule::IncludeCrossingItem), 2);
    assert_eq!(items(PageLimitRule::Exclude), 1);
}

#[test]
fn a_scan_pays_for_every_partition_that_it_touches_or_for_its_pages() {
    // 100 small items over 4 partitions: one block in each, or one for all.
    let table = "items = 100\n\
        billing = { mode = \"provisioned\", read = \"12000 RCU\", write = \"10 WCU\" }";
    let scan = "kind = \"scan\"\nconsistency = \"strong\"";
    let read = |line: &str| consumed(&run(table, "", scan, line), Direction::Read);
    assert!((read("") - 400.0).abs() < 0.1);
    assert!((read("scan_rounding = \"per_page\"") - 100.0).abs() < 0.1);
}

#[test]
fn a_write_whose_condition_finds_no_item_costs_what_it_carries_or_one_unit() {
    let absent = Images {
        old: None,
        new: Some(Bytes(5000)),
    };
    let there = Images {
        old: Some(Bytes(2000)),
        ..absent
    };
    let cost = |images, rule| cost::refused_write(images, WriteMode::Plain, rule);
    assert_eq!(cost(absent, CondFailMissingRule::Carried), units(5));
    assert_eq!(cost(absent, CondFailMissingRule::OneWcu), units(1));
    assert_eq!(cost(there, CondFailMissingRule::OneWcu), units(5));
}

#[test]
fn saved_capacity_expires_from_a_sliding_window_while_use_is_exactly_the_rate() {
    let left_after_400_seconds_at_the_rate = |burst_model| {
        let parameters = model(|m| m.burst_model = burst_model);
        let mut bucket = TokenBucket::new(units(10), 300, 1.0, at(0)).under(&parameters);
        for second in 0..400 {
            bucket.spend(units(10), at(second * 1000 + 999));
        }
        bucket.burst_left(at(400_000))
    };
    assert!(left_after_400_seconds_at_the_rate(BurstModel::TokenBucket) > 2900.0);
    assert!(left_after_400_seconds_at_the_rate(BurstModel::SlidingWindow) < 11.0);
}

proptest! {
    /// What is not used for less than the window is there under either model.
    #[test]
    fn a_sliding_window_never_holds_more_than_a_token_bucket(
        spends in proptest::collection::vec((0_u64..5000, 0_i64..60), 1..60),
        burst in 1_u32..20,
    ) {
        let window = model(|m| m.burst_model = BurstModel::SlidingWindow);
        let mut tokens = TokenBucket::new(units(10), burst, 1.0, at(0));
        let mut sliding = tokens.clone().under(&window);
        let mut now = 0;
        for (pause, amount) in spends {
            now += pause;
            let (most, held) = (tokens.balance(at(now)), sliding.balance(at(now)));
            prop_assert!(held <= most + 1e-6, "{} > {}", held, most);
            prop_assert!(held <= f64::from(burst + 1) * 10.0 + 1e-6);
            if sliding.admits(units(amount), AdmissionRule::DebitAfter, at(now)) {
                tokens.spend(units(amount), at(now));
                sliding.spend(units(amount), at(now));
            }
        }
    }
}

#[test]
fn capacity_that_is_handed_out_for_seconds_comes_at_once_and_then_not_for_long() {
    let rule = AdmissionRule::DebitAfter;
    let parameters = model(|m| m.gac_replenish_seconds = 2);
    let mut bucket = TokenBucket::new(units(10), 0, 0.0, at(0)).under(&parameters);
    bucket.spend(units(20), at(100));
    assert!(!bucket.admits(units(1), rule, at(1900)));
    assert_eq!(bucket.admits_at(units(1), rule, at(1900)), at(2000));
    assert!((bucket.balance(at(2000)) - 20.0).abs() < 1e-6);
    let mut exact = TokenBucket::new(units(10), 0, 0.0, at(0));
    exact.spend(units(20), at(100));
    assert!(exact.admits(units(1), rule, at(1900)));
}

/// What one partition serves in its first second when asked for 6,000 read units.
fn served(eventual: bool, multiple: f64) -> f64 {
    let parameters = model(|m| m.ec_read_partition_multiplier = multiple);
    let rates = ByDirection {
        read: units(40_000),
        write: units(1),
    };
    let mut table = TableCapacity::provisioned(rates, Bytes(0), &parameters, at(0));
    let arm = Arm {
        resource: Resource::Table,
        direction: Direction::Read,
        key: KeyHash::at(0),
        eventual,
        units: units(1),
    };
    let admitted = (0..6000).filter(|_| table.admit(&[arm], at(0)) == AdmissionDecision::Admitted);
    f64::from(u32::try_from(admitted.count()).unwrap())
}

#[test]
fn a_partition_serves_more_of_eventual_reads_alone() {
    assert!((served(true, 1.0) - 3000.0).abs() < 2.0);
    assert!((served(true, 1.5) - 4500.0).abs() < 2.0);
    assert!((served(false, 1.5) - 3000.0).abs() < 2.0);
}

#[test]
fn documents_disagree_about_two_exceptions_and_a_map_decides() {
    use ThrottleCause::{AccountLimit, KeyRange, Provisioned};
    use ThrottleExceptionMap::{ByMode, ErrorGuide, IndexGuide};
    let name = |cause, map| {
        let reason = ThrottleReason {
            resource: Resource::Table,
            direction: Direction::Read,
            cause,
        };
        reason.exception(BillingMode::Provisioned, map).name()
    };
    let exceeded = "ProvisionedThroughputExceededException";
    assert_eq!(name(KeyRange, ByMode), exceeded);
    assert_eq!(name(KeyRange, ErrorGuide), "ThrottlingException");
    assert_eq!(name(KeyRange, IndexGuide), "ThrottlingException");
    assert_eq!(name(AccountLimit, ByMode), "RequestLimitExceeded");
    assert_eq!(name(AccountLimit, ErrorGuide), "RequestLimitExceeded");
    assert_eq!(name(AccountLimit, IndexGuide), "ThrottlingException");
    for map in [ByMode, ErrorGuide, IndexGuide] {
        assert_eq!(name(Provisioned, map), exceeded);
    }
}

#[test]
fn smaller_partitions_are_more_and_new_on_demand_tables_serve_what_is_said() {
    let count = |gib| {
        let parameters = model(|m| m.split_size_gb = gib);
        partition::initial_count(ByDirection::default(), Bytes(20 << 30), &parameters)
    };
    assert_eq!((count(10.0), count(5.0), count(0.5)), (2, 4, 40));
    let parameters = model(|m| (m.od_initial_read, m.od_initial_write) = (100, 50));
    let none = ByDirection::default();
    let at_once = on_demand::at_once(none, none, &parameters);
    assert_eq!((at_once.read, at_once.write), (units(100), units(50)));
    let on_demand = Billing::OnDemand {
        maximum: none,
        warm: none,
    };
    let mut table = TableCapacity::new(&on_demand, Bytes(0), &parameters, at(0));
    assert_eq!(table.status(Resource::Table, at(0)).rates.write, units(50));
}

#[test]
fn a_day_begins_with_some_decreases_and_gets_more_by_the_hour_up_to_a_bound() {
    let parameters = model(|m| {
        m.decrease_tokens_start = 3;
        m.decrease_tokens_per_hour = 2;
        m.decrease_tokens_max = 5;
    });
    let hour = |hours: u64| at(hours * 3_600_000);
    let mut budget = DecreaseBudget::new(&parameters);
    let mut taken = |hours| (0..10).filter(|_| budget.take(hour(hours))).count();
    assert_eq!((taken(0), taken(1), taken(4)), (3, 2, 5));
    // A day of its own, of which an hour is gone.
    assert_eq!((taken(25), taken(26)), (5, 2));
    assert_eq!(budget.taken_today(hour(27)), 7);
}

#[test]
fn a_price_by_the_month_is_told_for_as_many_hours_as_a_month_is_to_have() {
    let month = |line: &str| {
        let record = run(ROOMY, "", "kind = \"get\"\nkeys = \"uniform\"", line);
        let source = record.scenario_source.clone();
        let scenario = parse(&source, "rules.toml").ok().unwrap().scenario;
        let expected = expect(&Workload::new(Arc::new(scenario))).unwrap();
        expected.tables[0].capacity_usd.unwrap()
    };
    let (usual, longest) = (month(""), month("hours_per_month = 744"));
    assert!((longest / usual - 744.0 / 730.0).abs() < 1e-12);
}

/// Whatever a scenario can set is a parameter, and nothing of the model is left out of the file.
#[test]
fn every_parameter_can_be_set_and_is_then_told_as_not_the_default() {
    let lines = [
        "number_size_rule = \"split_digits\"",
        "update_ceiling_slack_bytes = \"10 B\"",
        "page_limit_rule = \"exclude\"",
        "scan_rounding = \"per_page\"",
        "cond_fail_missing_rule = \"one_wcu\"",
        "burst_model = \"sliding_window\"",
        "split_size_gb = 1.5",
        "ec_read_partition_multiplier = 1.5",
        "gac_replenish_seconds = \"2s\"",
        "throttle_exception_map = \"index_guide\"",
        "od_initial_read = \"100 RCU\"",
        "od_initial_write = \"50 WCU\"",
        "decrease_tokens_start = 3",
        "decrease_tokens_per_hour = 2",
        "decrease_tokens_max = 5",
        "hours_per_month = 744",
    ];
    let get = "kind = \"get\"\nkeys = \"uniform\"";
    for line in lines {
        let record = run(ROOMY, "", get, line);
        let name = line.split(' ').next().unwrap();
        let overrides = &record.provenance.model_overrides;
        assert!(
            overrides.iter().any(|told| told.starts_with(name)),
            "{line}: {overrides:?}"
        );
    }
}
