//! Due times: no drift, the right area, exponential gaps.

use super::*;

pub(super) fn rate(per_second: f64) -> Rate {
    Rate::per_second(per_second).unwrap()
}

pub(super) fn schedule(phases: &[(PhaseKind, u64, ArrivalSpec)]) -> Schedule {
    let mut scenario = scenario(1);
    for (number, (kind, seconds, arrivals)) in phases.iter().enumerate() {
        let (kind, seconds, arrivals) = (*kind, *seconds, arrivals.clone());
        let duration = Duration::from_secs(seconds);
        let name = format!("phase{number}");
        scenario.phases.push(Phase {
            name,
            kind,
            duration,
            arrivals,
            mix: None,
            assumed: None,
        });
    }
    Schedule::new(&scenario)
}

pub(super) fn nanos(seconds: u64, arrivals: ArrivalSpec) -> Vec<u64> {
    let schedule = schedule(&[(PhaseKind::Measured, seconds, arrivals)]);
    let due: Vec<u64> = schedule
        .arrivals()
        .map(|a| a.intended_start.as_nanos())
        .collect();
    assert!(due.is_sorted());
    assert!(due.iter().all(|&due| due < seconds * 1_000_000_000));
    due
}

fn check_constant(per_second: f64, seconds: u64, numerator: u128, denominator: u128) {
    let due = nanos(
        seconds,
        ArrivalSpec::Constant {
            rate: rate(per_second),
        },
    );
    assert_eq!(
        due.len() as u128,
        (u128::from(seconds) * numerator).div_ceil(denominator)
    );
    for (number, &due) in due.iter().enumerate() {
        let exact = number as u128 * 1_000_000_000 * denominator / numerator;
        assert_eq!(u128::from(due), exact, "{per_second}/s, {number}");
    }
}

#[test]
fn constant_arrivals_are_due_at_number_over_rate_without_drift() {
    check_constant(1.0, 10, 1, 1);
    check_constant(7.0, 86_400, 7, 1);
    check_constant(0.1, 86_400, 1, 10);
    check_constant(33.3, 1_000, 333, 10);
    check_constant(100.0 / 60.0, 3_600, 5, 3);
    check_constant(1_000_000.0, 1, 1_000_000, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_second_of_a_constant_rate_has_it_but_for_one(per_second in 0.01_f64..2000.0) {
        let mut counts = [0_u32; 30];
        for due in nanos(30, ArrivalSpec::Constant { rate: rate(per_second) }) {
            counts[(due / 1_000_000_000) as usize] += 1;
        }
        for count in counts {
            prop_assert!((f64::from(count) - per_second).abs() <= 1.0, "{} of {}", count, per_second);
        }
    }

    #[test]
    fn a_ramp_has_the_area_under_its_line_in_every_second(from in 0.0_f64..500.0, to in 0.0_f64..500.0) {
        let due = nanos(20, ArrivalSpec::Ramp { from: rate(from), to: rate(to) });
        for second in 0..=20_u32 {
            let t = f64::from(second);
            let area = from * t + (to - from) * t * t / 40.0;
            let until = u64::from(second) * 1_000_000_000;
            let count = due.partition_point(|&due| due < until) as f64;
            prop_assert!((count - area).abs() <= 1.0 + 1e-6, "{} until {}: {}", count, t, area);
        }
    }
}

#[test]
fn poisson_gaps_are_exponential_and_independent() {
    let due = nanos(200, ArrivalSpec::Poisson { rate: rate(100.0) });
    let n = due.len() as f64;
    assert!((n - 20_000.0).abs() < 4.0 * 20_000_f64.sqrt(), "{n}");
    let gaps: Vec<f64> = std::iter::once(&0)
        .chain(&due)
        .zip(&due)
        .map(|(before, after)| (after - before) as f64 / 1e7)
        .collect();
    let mut sorted = gaps.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let distance = sorted
        .iter()
        .enumerate()
        .map(|(below, gap)| {
            let law = 1.0 - (-gap).exp();
            (law - below as f64 / n)
                .abs()
                .max(((below + 1) as f64 / n - law).abs())
        })
        .fold(0.0, f64::max);
    assert!(distance < 1.95 / n.sqrt(), "Kolmogorov–Smirnov: {distance}");
    let lagged: f64 = gaps
        .windows(2)
        .map(|pair| (pair[0] - 1.0) * (pair[1] - 1.0))
        .sum();
    assert!(
        (lagged / n).abs() < 4.0 / n.sqrt(),
        "neighbouring gaps: {}",
        lagged / n
    );
}

#[test]
fn phases_follow_one_another_and_numbers_run_on() {
    let constant = |per_second| ArrivalSpec::Constant {
        rate: rate(per_second),
    };
    let schedule = schedule(&[
        (PhaseKind::Load, 0, constant(5.0)),
        (PhaseKind::WarmUp, 2, constant(1.0)),
        (PhaseKind::Measured, 3, constant(0.0)),
        (PhaseKind::Measured, 1, constant(3.0)),
    ]);
    let seen: Vec<(u64, usize, u64)> = schedule
        .arrivals()
        .map(
            |Arrival {
                 sequence,
                 phase,
                 intended_start,
             }| (sequence, phase, intended_start.as_nanos()),
        )
        .collect();
    let second = 1_000_000_000;
    let third = second / 3;
    assert_eq!(
        seen,
        [
            (0, 1, 0),
            (1, 1, second),
            (2, 3, 5 * second),
            (3, 3, 5 * second + third),
            (4, 3, 5 * second + 2 * third)
        ]
    );
    let bounds: Vec<(u64, u64)> = (0..4)
        .map(|i| {
            (
                schedule.phase_start(i).second(),
                schedule.phase_end(i).second(),
            )
        })
        .collect();
    assert_eq!(bounds, [(0, 0), (0, 2), (2, 5), (5, 6)]);
    assert_eq!(schedule.duration(), Duration::from_secs(6));
    assert!(schedule.arrivals().eq(schedule.arrivals()));
}

#[test]
fn a_rate_of_zero_has_no_arrivals() {
    let zero = Rate::default();
    assert!(nanos(10, ArrivalSpec::Constant { rate: zero }).is_empty());
    assert!(nanos(10, ArrivalSpec::Poisson { rate: zero }).is_empty());
    assert!(
        nanos(
            10,
            ArrivalSpec::Ramp {
                from: zero,
                to: zero
            }
        )
        .is_empty()
    );
    assert_eq!(
        nanos(
            2,
            ArrivalSpec::Ramp {
                from: rate(1.0),
                to: zero
            }
        ),
        [0]
    );
}
