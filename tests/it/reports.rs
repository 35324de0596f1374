//! What reports say of known runs.

mod extreme;
mod formats;
mod pictures;
mod sentences;
pub mod tables;

use std::collections::BTreeMap;

use dynamometer::{
    analysis::{
        Summary, ThrottleCause,
        threshold::{InvalidReason, MetricKind, Verdict},
    },
    record::{OutcomeCounts, RunRecord, histogram::LatencyHistogram},
    report::{Mark, format, json, reproduce, text},
    scenario::PhaseKind,
    units::{ByDirection, CapacityUnits, Direction, Quantile},
};
use proptest::prelude::*;

use crate::fixtures::{self, Case};

fn terminal(case: &Case) -> String {
    text::render(&case.view(), &text::TextOptions::default())
}

fn every_case() -> Vec<(&'static str, Case)> {
    vec![
        ("pass", fixtures::pass()),
        ("throttled", fixtures::throttled()),
        ("hot partition", fixtures::hot_partition()),
        ("invalid", fixtures::invalid()),
        ("interrupted", fixtures::interrupted()),
        ("interrupted and late", fixtures::interrupted_and_late()),
        ("interrupted at once", fixtures::interrupted_at_once()),
        ("empty", fixtures::empty()),
        ("one request", fixtures::one_request()),
        ("one second", fixtures::one_second()),
        ("all throttled", fixtures::all_throttled()),
        ("all failed", fixtures::all_failed()),
        ("billion", fixtures::billion()),
        ("thousand partitions", fixtures::thousand_partitions()),
        ("on burst only", fixtures::on_burst_only()),
        ("both throttled", fixtures::both_throttled()),
        ("retried", fixtures::retried()),
        ("ramp", fixtures::ramp()),
        ("hostile names", fixtures::hostile_names()),
    ]
}

#[test]
fn the_terminal_summary_reads_well() {
    for (name, case) in every_case() {
        let name = format!("terminal_{}", name.replace(' ', "_"));
        insta::assert_snapshot!(name, terminal(&case));
    }
}

#[test]
fn the_terminal_summary_keeps_to_72_columns_and_plain_characters() {
    for (name, mut case) in every_case() {
        "名前"
            .repeat(40)
            .clone_into(&mut case.record.operations[1].name);
        for ascii in [false, true] {
            let shown = text::render(
                &case.view(),
                &text::TextOptions {
                    color: false,
                    ascii,
                },
            );
            for line in shown.lines() {
                let columns: usize = line
                    .chars()
                    .map(|one| 1 + usize::from(('\u{4e00}'..='\u{9fff}').contains(&one)))
                    .sum();
                assert!(
                    columns <= text::COLUMNS,
                    "{name}: {columns} columns: {line}"
                );
            }
            assert!(!ascii || shown.is_ascii(), "{name}: {shown}");
            assert!(
                !shown.contains(['\u{1b}', '\u{202e}', '\u{a0}', '\u{202f}']),
                "{name}"
            );
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let view = fixtures::throttled().view();
    let plain = text::render(&view, &text::TextOptions::default());
    let mut coloured = text::render(
        &view,
        &text::TextOptions {
            color: true,
            ascii: false,
        },
    );
    assert!(coloured.contains("\u{1b}[31m✗ FAIL\u{1b}[0m"), "{coloured}");
    for code in ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[0m"] {
        coloured = coloured.replace(code, "");
    }
    assert_eq!(coloured, plain);
}

#[test]
fn a_tile_tells_the_limit_that_the_scenario_sets_and_whether_it_was_kept() {
    let tile = |case: &Case, label: &str| {
        let view = case.view();
        let found = view.tiles.iter().find(|tile| tile.label == label);
        found
            .cloned()
            .unwrap_or_else(|| panic!("{label} in {:?}", view.tiles))
    };
    let missed = tile(&fixtures::throttled(), "throttled");
    assert_eq!(format::plain(&missed.limit), "limit ≤ 1 %");
    assert_eq!(missed.mark, Mark::Bad);
    let case = fixtures::slow();
    let slow = tile(&case, "response time p99");
    assert_eq!(
        (slow.limit.as_str(), slow.mark),
        ("", Mark::Neutral),
        "one of an operation"
    );
    // However many tables there are, the fullest one stands for all.
    let mut several = fixtures::pass();
    let mut other = several.record.tables[0].clone();
    other.name = "Other".to_owned();
    several.record.tables.push(other);
    several.record.operations[0].table = 1;
    let reads = tile(&several, "reads used");
    assert!(reads.note.ends_with("; most: Other"), "{reads:?}");
    assert!(several.view().tiles.len() <= 8);
}

#[test]
fn the_command_that_makes_a_run_again_is_read_by_a_shell_as_meant() {
    let mut record = fixtures::pass().record;
    let from = &mut record.provenance;
    from.scenario = "../a b; rm -rf *".to_owned();
    from.target = "http://127.0.0.1:8000/'$(reboot)".to_owned();
    from.client = Some("sdk".to_owned());
    let seed = from.seed;
    assert_eq!(
        reproduce::command(&record),
        format!(
            "dyno run a-b--rm--rf--.toml --seed {seed} \
             --endpoint 'http://127.0.0.1:8000/'\\''$(reboot)' --client sdk"
        )
    );
    record.provenance.target = "simulation".to_owned();
    record.provenance.scenario = "shop".to_owned();
    assert_eq!(
        reproduce::command(&record),
        format!("dyno simulate shop.toml --seed {seed}")
    );
}

#[test]
fn a_threshold_without_data_is_missed() {
    let case = fixtures::all_failed();
    let judgement = case.analysis().judgement;
    let latency = &judgement.assertions[2];
    assert_eq!((latency.observed, latency.met), (None, false));
    assert_eq!(
        case.view()
            .assertions
            .iter()
            .filter(|row| row.observed == "no data")
            .count(),
        1
    );
}

#[test]
fn an_invalid_run_names_every_allowance_it_exceeded() {
    let verdict = fixtures::invalid().analysis().judgement.verdict;
    let Verdict::Invalid { reasons } = verdict else {
        panic!("{verdict:?}")
    };
    assert!(matches!(
        reasons.as_slice(),
        [
            InvalidReason::DispatchDelay { .. },
            InvalidReason::Dropped { .. }
        ]
    ));
}

#[test]
fn an_interrupted_run_never_passes_whatever_it_measured() {
    for case in [fixtures::interrupted(), fixtures::interrupted_at_once()] {
        let verdict = case.analysis().judgement.verdict;
        assert_eq!((verdict.exit_code(), verdict.passed()), (130, false));
    }
}

#[test]
fn an_assertion_says_what_it_limits() {
    let assertions = fixtures::pass().analysis().judgement.assertions;
    assert_eq!(
        assertions.iter().map(|one| one.metric).collect::<Vec<_>>(),
        [
            MetricKind::Throttled,
            MetricKind::Errors,
            MetricKind::ResponseTime
        ]
    );
}

#[test]
fn results_follow_their_schema_and_survive_a_round_trip() {
    let schema = json::schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for (name, case) in every_case() {
        let written = json::render(&case.record, &case.analysis());
        assert_eq!(
            written,
            json::render(&case.record, &case.analysis()),
            "{name}"
        );
        let value: serde_json::Value = serde_json::from_str(&written).expect(name);
        if let Err(problem) = validator.validate(&value) {
            panic!("{name}: {problem} at {}", problem.instance_path());
        }
        let read: json::Results = serde_json::from_str(&written).expect(name);
        assert_eq!(
            read,
            json::results(&case.record, &case.analysis()),
            "{name}"
        );
    }
}

#[test]
fn the_schema_refuses_what_is_not_a_result() {
    let validator = jsonschema::validator_for(&json::schema()).expect("a schema");
    let case = fixtures::pass();
    let results =
        serde_json::to_value(json::results(&case.record, &case.analysis())).expect("json");
    for (key, wrong) in [("passed", "yes"), ("verdict", "fine"), ("summary", "none")] {
        let mut broken = results.clone();
        broken[key] = wrong.into();
        assert!(!validator.is_valid(&broken), "{key} = {wrong}");
    }
}

#[test]
fn the_summary_counts_what_the_buckets_did() {
    let case = fixtures::throttled();
    let summary = Summary::of(&case.record);
    let reads = &summary.tables[0].directions[Direction::Read];
    // 100 saved units and 2 each second, of 15 asked for each second.
    let served = 100.0 + 30.0 * 2.0;
    assert_eq!(reads.consumed.to_bits(), f64::to_bits(served));
    assert_eq!(reads.arrivals, 450);
    assert_eq!(reads.outcomes.completed, 160);
    assert_eq!(reads.outcomes.throttled, 290);
    assert_eq!(reads.demand_estimate_per_second, Some(15.0));
    assert_eq!(reads.peak_per_second.to_bits(), 15_f64.to_bits());
    assert_eq!(
        reads.throttles_by_cause,
        BTreeMap::from([(ThrottleCause::TableProvisioned, 290)])
    );
    let burst = reads.burst.expect("governed");
    // 13 units of credit are spent each second: 9 are left after 7 s, and 6 are one percent.
    assert_eq!(burst.ran_dry_at_second, Some(7));
}

#[test]
fn warm_up_does_not_count() {
    let mut case = fixtures::throttled();
    let mut warm_up = case.record.phases[0].clone();
    warm_up.kind = PhaseKind::WarmUp;
    let before = Summary::of(&case.record);
    case.record.phases.insert(0, warm_up);
    assert_eq!(Summary::of(&case.record), before);
}

#[test]
fn each_reason_has_its_cause() {
    for (reason, cause, direction) in [
        (
            "TableReadProvisionedThroughputExceeded",
            ThrottleCause::TableProvisioned,
            Direction::Read,
        ),
        (
            "TableWriteKeyRangeThroughputExceeded",
            ThrottleCause::KeyRange,
            Direction::Write,
        ),
        (
            "TableReadAccountLimitExceeded",
            ThrottleCause::AccountLimit,
            Direction::Read,
        ),
        (
            "TableWriteMaxOnDemandThroughputExceeded",
            ThrottleCause::OnDemandMaximum,
            Direction::Write,
        ),
        (
            "IndexWriteProvisionedThroughputExceeded",
            ThrottleCause::Index,
            Direction::Write,
        ),
        (
            "IndexReadKeyRangeThroughputExceeded",
            ThrottleCause::Index,
            Direction::Read,
        ),
        ("SomethingNew", ThrottleCause::Other, Direction::Write),
    ] {
        assert_eq!(ThrottleCause::of(reason), cause, "{reason}");
        assert_eq!(
            dynamometer::analysis::throttle_direction(reason, Direction::Write),
            direction,
            "{reason}"
        );
    }
}

fn check_format(shown: &str, expected: &str) {
    assert_eq!(format::plain(shown), expected);
}

#[test]
fn numbers_have_three_significant_digits_and_their_unit() {
    check_format(&format::number(0.0), "0");
    check_format(&format::number(0.5), "0.5");
    check_format(&format::number(61.34), "61.3");
    check_format(&format::number(999.96), "1 000");
    check_format(&format::number(4213.0), "4 210");
    check_format(&format::number(-1_234_567.0), "−1 230 000");
    check_format(&format::number(f64::NAN), "–");
    check_format(&format::count(1_234_567), "1 234 567");
    check_format(&format::units(12_345.0), "12 345");
    check_format(&format::percent(1.0), "100 %");
    check_format(&format::percent(0.999_99), ">99.9 %");
    check_format(&format::percent(0.000_000_1), "<0.001 %");
    check_format(&format::percent(0.0), "0 %");
    check_format(&format::duration(842_000), "842 µs");
    check_format(&format::duration(999_960), "1 ms");
    check_format(&format::duration(7_912_345), "7.91 ms");
    check_format(&format::duration(1_810_000_000), "1.81 s");
    check_format(&format::length(600.0), "10m00s");
    check_format(&format::length(59.5), "59.5 s");
    check_format(&format::length(29_100.0), "8h05m");
}

/// Any numbers at all, as a broken or foreign file may hold them.
fn odd_record() -> impl Strategy<Value = (usize, u64, u64, u64, Option<f64>, i64)> {
    (
        0..4_usize,
        any::<u64>(),
        any::<u64>(),
        0..1_u64 << 40,
        proptest::option::of(any::<f64>()),
        -5_i64..5,
    )
}

fn distort(record: &mut RunRecord, odd: (usize, u64, u64, u64, Option<f64>, i64)) {
    let (table, starts, ends, count, left, units) = odd;
    record.operations[0].table = table;
    let phase = &mut record.phases[0];
    phase.starts = dynamometer::units::Timestamp::from_nanos(starts);
    phase.ends = dynamometer::units::Timestamp::from_nanos(ends);
    phase.operations[0].outcomes = OutcomeCounts {
        throttled: count,
        ..OutcomeCounts::default()
    };
    phase.operations.truncate(1);
    record.tables[0].provisioned = ByDirection::from_fn(|_| CapacityUnits::whole(units));
    if let Some(interval) = record.intervals.first_mut() {
        interval.second = starts;
        interval.operations.truncate(1);
        interval.tables[0].burst_left = left.map(|left| ByDirection::from_fn(|_| left));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_odd_record_is_reported_without_a_panic(odd in odd_record()) {
        let mut case = fixtures::one_request();
        distort(&mut case.record, odd);
        let shown = terminal(&case);
        prop_assert!(!shown.contains("NaN") && !shown.contains("inf"), "{}", shown);
        let read: serde_json::Value =
            serde_json::from_str(&json::render(&case.record, &case.analysis())).expect("json");
        prop_assert_eq!(read["passed"].as_bool(), Some(false));
    }

    #[test]
    fn three_digits_are_within_half_a_percent(value in 1e-6_f64..1e12) {
        let shown = format::number(value).replace(format::THIN, "");
        let read: f64 = shown.parse().expect("a number");
        prop_assert!((read - value).abs() <= value * 0.005, "{} for {}", shown, value);
    }
}

#[test]
fn percentiles_over_all_operations_come_from_the_merged_histogram() {
    let case = fixtures::pass();
    let mut merged = LatencyHistogram::default();
    for operation in &case.record.phases[0].operations {
        merged.merge(&operation.response_time);
    }
    let all = Summary::of(&case.record).response_time.expect("data");
    assert_eq!(all.count, 600);
    assert_eq!(
        u128::from(all.p99_nanos),
        merged.quantile(Quantile::P99).expect("data").as_nanos()
    );
}
