//! From runs to the metrics of a night.

use std::collections::BTreeMap;

use dynamometer::{
    analysis::{
        threshold::InvalidReason,
        trend::{
            Metric, MetricUnit,
            metrics::{Measured, add_rerun, simulated},
        },
    },
    units::{ByDirection, CapacityUnits, Direction},
};

use super::history;
use crate::reports::tables::{ORDERS, simulated as run};

#[test]
fn a_million_requests_cost_the_same_wherever_their_units_were_metered() {
    let mut record = run(ORDERS).record;
    let with_indexes = simulated(&record)["simulated.usd_per_million"].value();
    let mut moved = CapacityUnits::ZERO;
    for totals in record.phases.iter_mut().flat_map(|it| &mut it.operations) {
        for units in std::mem::take(&mut totals.index_consumed) {
            for direction in Direction::ALL {
                moved += units[direction];
                totals.consumed[direction] += units[direction];
            }
        }
    }
    assert!(moved > CapacityUnits::ZERO);
    let in_tables = simulated(&record)["simulated.usd_per_million"].value();
    assert!(
        (with_indexes - in_tables).abs() < 1e-9,
        "{with_indexes} {in_tables}"
    );
    for totals in record.phases.iter_mut().flat_map(|it| &mut it.operations) {
        totals.consumed = ByDirection::default();
    }
    let free = simulated(&record)["simulated.usd_per_million"].value();
    assert!(free < in_tables);
}

fn metric(values: &[f64]) -> Metric {
    Metric {
        unit: MetricUnit::Share,
        exact: false,
        values: values.to_vec(),
        rerun: Vec::new(),
        merged: None,
    }
}

fn metrics(metrics: &[(&str, &[f64])]) -> BTreeMap<String, Metric> {
    let all = metrics.iter();
    all.map(|(name, values)| ((*name).to_owned(), metric(values)))
        .collect()
}

#[test]
fn what_only_one_of_two_measurements_has_is_kept() {
    let mut night = history::night(0, 1.0, 1.0);
    night.metrics = metrics(&[
        ("completed_rate", &[10.0, 10.0, 10.0]),
        ("throttles.Table", &[0.2, 0.3, 0.4]),
    ]);
    let again = Measured {
        metrics: metrics(&[
            ("completed_rate", &[11.0, 11.0]),
            ("throttles.KeyRange", &[0.5, 0.6]),
            ("get.response_time_p99", &[7.0, 8.0]),
        ]),
        ..Measured::default()
    };
    add_rerun(&mut night, 3, again);
    assert_eq!((night.runs, night.invalid.len()), (8, 0));
    let first = &night.metrics;
    let both = |name: &str| (&first[name].values[..], &first[name].rerun[..]);
    // Nobody was throttled for this reason when it was measured again: it has passed.
    assert_eq!(
        both("throttles.Table"),
        (&[0.2, 0.3, 0.4][..], &[0.0; 2][..])
    );
    assert!(first["throttles.Table"].value() <= 0.0);
    assert_eq!(both("throttles.KeyRange"), (&[0.0; 3][..], &[0.5, 0.6][..]));
    assert_eq!(both("get.response_time_p99"), (&[7.0, 8.0][..], &[][..]));
    assert_eq!(both("completed_rate").1, &[11.0, 11.0]);
}

#[test]
fn a_rerun_that_is_invalid_neither_fails_nor_clears_its_night() {
    let mut night = history::night(0, 9e6, 1.0);
    let before = night.metrics.clone();
    let disturbed = Measured {
        invalid: vec![InvalidReason::NothingSent],
        ..Measured::default()
    };
    add_rerun(&mut night, 5, disturbed);
    assert_eq!(night.invalid, [InvalidReason::NothingSent]);
    assert_eq!((night.runs, &night.metrics), (10, &before));
}
