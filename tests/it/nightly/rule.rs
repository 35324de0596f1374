//! The rule for noisy metrics: laws first, then how long it takes.

use dynamometer::{
    analysis::trend::rule::{Effects, Finding, LEARNING_NIGHTS, Series},
    seed::Seed,
};
use proptest::prelude::*;

/// What is said of each night of `values`.
fn findings(values: &[f64]) -> Vec<Finding> {
    let mut series = Series::new(Effects::RELATIVE);
    values.iter().map(|value| series.push(value.ln())).collect()
}

/// `nights` values around `level`, at most `noise` away, the same for the same seed.
#[expect(clippy::cast_precision_loss, reason = "noise")]
fn noisy(seed: u64, nights: usize, level: f64, noise: f64) -> Vec<f64> {
    let stream = Seed(seed).stream("nights");
    let unit = |number: u64| stream.bits(number) as f64 / u64::MAX as f64;
    (0..nights as u64)
        .map(|night| level * (1.0 + noise * (2.0 * unit(night) - 1.0)))
        .collect()
}

fn worse(finding: &Finding) -> bool {
    matches!(finding, Finding::Worse(_))
}

proptest! {
    #[test]
    fn what_never_changes_is_never_worse_or_better(level in 1e-3..1e12_f64, nights in 1..80_usize) {
        for (night, finding) in findings(&vec![level; nights]).iter().enumerate() {
            let learning = matches!(finding, Finding::Learning { .. });
            prop_assert_eq!(learning, night < LEARNING_NIGHTS, "{} {:?}", night, finding);
            prop_assert!(learning || *finding == Finding::Steady);
        }
    }

    #[test]
    fn the_unit_of_a_metric_decides_nothing(
        seed: u64, scale in 1e-6..1e6_f64, noise in 0.0..0.2_f64, step in 0.5..2.0_f64,
    ) {
        let mut values = noisy(seed, 30, 1.0, noise);
        values.extend(noisy(seed ^ 1, 20, step, noise));
        let scaled: Vec<f64> = values.iter().map(|value| value * scale).collect();
        for (one, other) in findings(&values).iter().zip(findings(&scaled)) {
            prop_assert_eq!(std::mem::discriminant(one), std::mem::discriminant(&other));
        }
    }

    #[test]
    fn a_large_step_in_little_noise_is_found_in_its_first_night(
        seed: u64, before in 10..60_usize, noise in 0.0..0.015_f64, step in 1.2..10.0_f64,
    ) {
        let mut values = noisy(seed, before, 5.0, noise);
        prop_assert!(!findings(&values).iter().any(worse));
        values.extend(noisy(seed ^ 1, 1, 5.0 * step, noise));
        let Some(Finding::Worse(change)) = findings(&values).last().copied() else {
            panic!("not found: {values:?}");
        };
        prop_assert_eq!(change.since, before);
        prop_assert!((change.effect - step.ln()).abs() < 0.04);
    }

    #[test]
    fn less_than_three_percent_never_fails(
        seed: u64, before in 10..60_usize, after in 1..30_usize, step in 0.98..1.029_f64,
    ) {
        let mut values = noisy(seed, before, 5.0, 0.0);
        values.extend(noisy(seed, after, 5.0 * step, 0.0));
        prop_assert!(!findings(&values).iter().any(worse));
    }

    #[test]
    fn what_becomes_faster_is_better_and_moves_the_baseline(
        seed: u64, noise in 0.0..0.01_f64, step in 0.5..0.9_f64,
    ) {
        let mut values = noisy(seed, 30, 5.0, noise);
        values.extend(noisy(seed ^ 1, 20, 5.0 * step, noise));
        let improved = findings(&values);
        prop_assert!(!improved.iter().any(worse));
        prop_assert!(improved[30..33].iter().any(|finding| matches!(finding, Finding::Better(_))));
        // Back to where it was is a regression now.
        values.extend(noisy(seed ^ 2, 3, 5.0, noise));
        prop_assert!(findings(&values)[50..].iter().any(worse));
    }

    #[test]
    fn a_failure_stays_open_until_it_recovers(
        seed: u64, noise in 0.0..0.01_f64, step in 1.2..3.0_f64, bad in 2..40_usize,
    ) {
        let mut values = noisy(seed, 20, 5.0, noise);
        values.extend(noisy(seed ^ 1, bad, 5.0 * step, noise));
        values.extend(noisy(seed ^ 2, 10, 5.0, noise));
        let said = findings(&values);
        let open = |finding: &Finding| matches!(finding, Finding::Worse(_) | Finding::StillWorse(_));
        prop_assert!(said[20..=20 + bad].iter().all(open));
        let recovered = matches!(said[21 + bad], Finding::Recovered(_));
        prop_assert!(recovered, "{:?}", said[21 + bad]);
        prop_assert!(said[22 + bad..].iter().all(|finding| *finding == Finding::Steady));
    }

    #[test]
    fn an_accepted_change_is_the_new_level(seed: u64, step in 1.2..3.0_f64) {
        let mut series = Series::new(Effects::RELATIVE);
        let before = noisy(seed, 20, 5.0, 0.01);
        let after = noisy(seed ^ 1, 30, 5.0 * step, 0.01);
        for value in &before {
            series.push(value.ln());
        }
        prop_assert!(worse(&series.push(after[0].ln())));
        series.accept(20);
        for value in &after[1..] {
            let finding = series.push(value.ln());
            let quiet = matches!(finding, Finding::Steady | Finding::Learning { .. });
            prop_assert!(quiet, "{finding:?}");
        }
        prop_assert!(worse(&series.push((5.0 * step * 1.3).ln())));
    }

    #[test]
    fn any_numbers_at_all_give_an_answer(values in prop::collection::vec(-1e3..1e3_f64, 0..70)) {
        let mut series = Series::new(Effects::SHARE);
        for value in &values {
            series.push(*value);
            if let Some(level) = series.level() {
                prop_assert!(level.centre.is_finite() && level.scale.is_finite());
                prop_assert!(level.limit(1, &Effects::SHARE) > level.centre);
            }
        }
    }
}

#[test]
fn what_jumps_about_is_too_noisy_to_fail() {
    let mut values: Vec<f64> = (0..30)
        .map(|night| if night % 2 == 0 { 1.0 } else { 2.0 })
        .collect();
    values.extend([9.0, 9.0, 9.0]);
    let said = findings(&values);
    assert!(
        said[LEARNING_NIGHTS..30]
            .iter()
            .all(|f| *f == Finding::TooNoisy),
        "{said:?}"
    );
    assert!(!said.iter().any(worse));
}

#[test]
fn a_small_lasting_step_is_found_within_a_week_with_its_night() {
    let mut values = noisy(3, 30, 4.0, 0.03);
    values.extend(noisy(4, 14, 4.2, 0.03));
    let said = findings(&values);
    let found = said.iter().position(worse).expect("5 % in 3 % of noise");
    let Finding::Worse(change) = said[found] else {
        unreachable!()
    };
    assert!((30..37).contains(&found), "{found}");
    assert!(change.since.abs_diff(30) <= 4, "{change:?}");
}
