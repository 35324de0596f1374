//! Whether the words fit what happened.

use std::collections::BTreeMap;

use dynamometer::{
    analysis::{Summary, threshold::Verdict},
    report::json,
    scenario::{PartitionShareMode, PhaseKind},
    units::{CapacityUnits, Direction},
};

use crate::fixtures::{self, Case};

/// The sentence of a case, with plain spaces, and its exit code.
fn check(case: &Case, exit_code: u8, sentence: &str) {
    let results = json::results(&case.record, &case.analysis());
    assert_eq!(results.sentence, sentence);
    assert_eq!(results.exit_code, exit_code, "{sentence}");
    assert_eq!(results.passed, exit_code == 0, "{sentence}");
}

#[test]
fn the_sentence_says_whether_it_was_enough_and_if_not_why() {
    check(
        &fixtures::pass(),
        0,
        "Capacity was enough: at most 30 % of 50 RCU and 12.5 % of 40 WCU were used.",
    );
    check(
        &fixtures::throttled(),
        1,
        "64.4 % of the reads of `Users` were throttled: 2 RCU against a demand of about 15 RCU/s once the burst credit ran dry after 8 s; provision at least 15 RCU. The writes of `Users` used 5 WCU/s of 2 WCU and lived on burst credit.",
    );
    check(
        &fixtures::both_throttled(),
        1,
        "86.7 % of the reads of `Users` were throttled: 2 RCU against a demand of about 15 RCU/s without burst credit; provision at least 15 RCU. 60 % of the writes of `Users` were throttled: 2 WCU against a demand of about 5 WCU/s without burst credit; provision at least 5 WCU.",
    );
    check(
        &fixtures::hot_partition(),
        1,
        "50 % of the writes of `Users` were throttled because one partition was at its ceiling; more WCU would not help: spread the load over more partition key values.",
    );
    check(
        &fixtures::on_burst_only(),
        0,
        "Enough for now only: the reads of `Users` used 15 RCU/s where 10 RCU are provisioned, and lived on burst credit, of which 95 % was left. A longer run would be throttled.",
    );
    check(
        &fixtures::not_enforced(),
        0,
        "This server did not enforce capacity: the reads of `Users` used 15 RCU/s where 10 RCU are provisioned. DynamoDB keeps at most 300 s of unused capacity for that, and throttles once it is spent.",
    );
    check(
        &fixtures::retried(),
        0,
        "Within the limits, but not without throttles. Writes of `Users` were throttled and got through on retry: 4 WCU against a demand of about 5 WCU/s; provision at least 5 WCU.",
    );
    check(
        &fixtures::slow(),
        1,
        "Capacity was enough (at most 30 % of 50 RCU and 12.5 % of 40 WCU were used), but response time p99 of read-user was 5.58 ms, more than 2 ms.",
    );
    check(
        &fixtures::all_failed(),
        1,
        "100 % of the requests failed: connection refused. That is no lack of capacity; mend it before you judge the table.",
    );
    check(
        &fixtures::invalid(),
        3,
        "The generator was late (p99 of dispatch delay 30 ms, allowed 10 ms; 2 % of the requests dropped, allowed 0 %), so this run says nothing about the table.",
    );
    check(
        &fixtures::empty(),
        3,
        "Nothing was measured (no request was due in a measured phase), so this run says nothing about the table.",
    );
    check(
        &fixtures::interrupted(),
        130,
        "The run was interrupted; what follows holds only so far. Capacity was enough: at most 30 % of 50 RCU and 12.5 % of 40 WCU were used.",
    );
    check(
        &fixtures::interrupted_at_once(),
        130,
        "The run was interrupted; what follows holds only so far. Nothing was measured.",
    );
}

/// As if `percent` of the throttled writes of a hot partition had named the key range, the
/// others the table.
fn mixed_reasons(percent: u64) -> Case {
    let mut case = fixtures::hot_partition();
    case.record.phases[0].operations[1].throttle_reasons = BTreeMap::from([
        ("TableWriteKeyRangeThroughputExceeded".to_owned(), percent),
        (
            "TableWriteProvisionedThroughputExceeded".to_owned(),
            100 - percent,
        ),
    ]);
    case
}

#[test]
fn capacity_that_came_too_late_and_demand_that_grew_too_fast_are_told_apart_from_too_little() {
    let mut scaled = fixtures::throttled();
    let later = scaled.record.intervals.len() / 2;
    for interval in &mut scaled.record.intervals[later..] {
        interval.tables[0].provisioned[Direction::Read] = CapacityUnits::whole(9);
    }
    check(
        &scaled,
        1,
        "64.4 % of the reads of `Users` were throttled while capacity went from 2 to 9 RCU, against a demand of about 15 RCU/s: keep a higher minimum, schedule the raise before the load comes, or pay by the request. The writes of `Users` used 5 WCU/s of 2 WCU and lived on burst credit.",
    );
    let mut on_demand = mixed_reasons(100);
    on_demand.record.tables[0].on_demand = true;
    check(
        &on_demand,
        1,
        "50 % of the writes of `Users` were throttled because more was asked for than an on-demand table serves at once, or than one partition does: warm the table up beforehand, or spread the load over more partition key values.",
    );
}

#[test]
fn more_capacity_is_called_useless_only_when_key_ranges_alone_were_at_their_ceiling() {
    const ALONE: &str = "50 % of the writes of `Users` were throttled because one partition was at its ceiling; more WCU would not help: spread the load over more partition key values.";
    check(&mixed_reasons(90), 1, ALONE);
    check(
        &mixed_reasons(89),
        1,
        "50 % of the writes of `Users` were throttled; the reasons given were mostly the ceiling of a partition (89 %) and the capacity of the table (11 %): spread the load over more partition key values and provision for the busiest seconds, or spread the load in time.",
    );
    let mut short = mixed_reasons(40);
    for interval in &mut short.record.intervals {
        interval.tables[0].provisioned[Direction::Write] = CapacityUnits::whole(3);
    }
    check(
        &short,
        1,
        "50 % of the writes of `Users` were throttled; the reasons given were mostly the capacity of the table (60 %) and the ceiling of a partition (40 %): provision at least 5 WCU and spread the load over more partition key values.",
    );
    let mut even = mixed_reasons(100);
    check(&even, 1, ALONE);
    even.scenario.model.partition_share_mode = PartitionShareMode::LegacyEvenShare;
    check(
        &even,
        1,
        "50 % of the writes of `Users` were throttled because one partition used up its even share of the table's capacity: spread the load over more partition key values, or provision more WCU.",
    );
}

#[test]
fn a_busy_second_out_of_burst_credit_is_told_as_that() {
    let mut case = fixtures::pass();
    case.record.intervals[3].operations[1].consumed[Direction::Write] = CapacityUnits::whole(152);
    check(
        &case,
        0,
        "Capacity was enough: at most 30 % of 50 RCU was used; 12.5 % of 40 WCU was used on average and 380 % in the busiest second, out of burst credit.",
    );
}

#[test]
fn the_advice_covers_the_end_of_a_ramp() {
    check(
        &fixtures::ramp(),
        1,
        "86.7 % of the reads of `Users` were throttled: 2 RCU against a demand of about 15 RCU/s on average and 22.5 RCU/s at its busiest without burst credit; provision at least 23 RCU. 60 % of the writes of `Users` were throttled: 2 WCU against a demand of about 5 WCU/s on average and 7.5 WCU/s at its busiest without burst credit; provision at least 8 WCU.",
    );
}

#[test]
fn the_demand_at_its_busiest_is_that_of_ten_seconds_in_a_row() {
    let reads = |case: &Case| {
        let summary = Summary::of(&case.record);
        let reads = &summary.tables[0].directions[Direction::Read];
        (
            reads.demand_estimate_per_second,
            reads.demand_peak_estimate_per_second,
        )
    };
    let constant = fixtures::both_throttled();
    assert_eq!(reads(&constant), (Some(15.0), Some(15.0)));
    // One second of a hundred more: 30 a second over ten, of which three quarters are reads.
    let spike = fixtures::arriving(fixtures::both_throttled(), |second| match second {
        29 => 120,
        0..20 => 15,
        _ => 20,
    });
    assert_eq!(reads(&spike), (Some(15.0), Some(22.5)));
    // Where no second was recorded, the mean is all there is.
    let mut bare = fixtures::both_throttled();
    bare.record.intervals.clear();
    assert_eq!(reads(&bare), (Some(15.0), Some(15.0)));
}

#[test]
fn an_interrupted_run_with_a_late_generator_says_nothing_about_the_table() {
    let case = fixtures::interrupted_and_late();
    check(
        &case,
        130,
        "The run was interrupted; what follows holds only so far. The generator was late (p99 of dispatch delay 30 ms, allowed 10 ms; 2.08 % of the requests dropped, allowed 0 %), so this run says nothing about the table.",
    );
    let judgement = case.analysis().judgement;
    assert_eq!(judgement.verdict, Verdict::Interrupted);
    assert_eq!(judgement.invalid_because.len(), 2);
}

#[test]
fn a_record_that_does_not_add_up_is_invalid() {
    for (phase_kind, completed) in [
        (PhaseKind::Measured, 449),
        (PhaseKind::Measured, 451),
        (PhaseKind::WarmUp, 449),
    ] {
        let mut case = fixtures::pass();
        let mut phase = case.record.phases[0].clone();
        phase.operations[0].outcomes.completed = completed;
        phase.kind = phase_kind;
        if phase_kind == PhaseKind::Measured {
            case.record.phases.clear();
        }
        case.record.phases.insert(0, phase);
        check(
            &case,
            3,
            &format!(
                "The record contradicts itself (the accounting of phase steady does not add up: 600 requests due, {} accounted for), so this run says nothing about the table.",
                completed + 150
            ),
        );
    }
}

#[test]
fn a_missed_limit_on_errors_explains_the_run_however_few_there_were() {
    let mut case = fixtures::pass();
    let failed = &mut case.record.phases[0].operations[0];
    failed.outcomes.completed -= 1;
    failed.outcomes.failed += 1;
    failed.errors.insert("connection refused".into(), 1);
    check(
        &case,
        1,
        "0.167 % of the requests failed: connection refused. That is no lack of capacity; mend it before you judge the table.",
    );
}
