//! Laws 26–28: auto scaling and prices. Law 29 is held by `size`, which replays recommendations.

use std::time::Duration;

use dynamometer::{
    capacity::{
        autoscaling::{AutoScaler, TargetTracking},
        change::DecreaseBudget,
    },
    price::{PriceTable, Unit},
    units::Timestamp,
};
use proptest::prelude::*;

const REGION: &str = "us-east-1";

fn minute(number: u64) -> Timestamp {
    Timestamp::from_start(Duration::from_mins(number))
}

proptest! {
    #[test]
    fn i26_auto_scaling_stays_within_its_bounds_and_its_decreases(
        target in 0.2..0.9_f64, min in 1_u64..50, more in 0_u64..500,
        loads in prop::collection::vec(0.0..800.0_f64, 300..900),
    ) {
        let policy = TargetTracking::new(target, min, min + more);
        let mut scaler = AutoScaler::new(policy, min);
        let mut budget = DecreaseBudget::default();
        let (mut before, mut decreases) = (min, 0);
        for (number, load) in (1_u64..).zip(loads) {
            let load = load.min(600.0) * f64::from(u8::from(number % 40 < 20));
            let now = scaler.minute(load, minute(number), &mut budget);
            prop_assert!((min..=min + more).contains(&now), "{}", now);
            decreases += u32::from(now < before);
            before = now;
        }
        prop_assert!(decreases <= 27);
    }

    #[test]
    fn i26_a_day_has_27_decreases_and_never_more_than_four_at_once(
        attempts in prop::collection::btree_set(0_u64..1440, 1..400),
    ) {
        let mut budget = DecreaseBudget::default();
        let allowed: Vec<u64> =
            attempts.into_iter().filter(|number| budget.take(minute(*number))).collect();
        prop_assert!(allowed.len() <= 27);
        // Five within an hour would need a fifth that was there from the start of it.
        for five in allowed.windows(5) {
            prop_assert!(five[4] / 60 > five[0] / 60, "{:?}", five);
        }
    }

    #[test]
    fn i27_utilisation_inside_the_band_is_left_alone(
        provisioned in 10_u32..1_000, target in 0.3..0.9_f64, within in 0.01..=1.0_f64,
    ) {
        let policy = TargetTracking::new(target, 1, 40_000);
        let mut scaler = AutoScaler::new(policy, provisioned.into());
        let mut budget = DecreaseBudget::default();
        let load = f64::from(provisioned) * (target - policy.scale_in_margin * (1.0 - within));
        for number in 1..200 {
            let now = scaler.minute(load, minute(number), &mut budget);
            prop_assert_eq!(now, u64::from(provisioned));
        }
    }

    #[test]
    fn i28_cost_is_linear_and_both_modes_cost_the_same_at_break_even(
        units in 1.0..1e9_f64, rate in 1.0..1e4_f64, hours in 1.0..8760.0_f64,
    ) {
        let prices = PriceTable::embedded();
        let near = |one: f64, other: f64| (one - other).abs() <= 1e-9 * one.abs().max(other.abs());
        for unit in [Unit::Read, Unit::Write] {
            let on_demand = |units| prices.on_demand(REGION, unit, units).unwrap();
            prop_assert!(near(on_demand(2.0 * units), 2.0 * on_demand(units)));
            let provisioned =
                |rate, hours| prices.provisioned(REGION, unit, rate, hours).unwrap();
            prop_assert!(near(provisioned(2.0 * rate, hours), 2.0 * provisioned(rate, hours)));
            prop_assert!(near(provisioned(rate, 2.0 * hours), 2.0 * provisioned(rate, hours)));
            let even = prices.break_even(REGION, unit).unwrap();
            let used = rate * even * 3600.0 * hours;
            prop_assert!(near(provisioned(rate, hours), on_demand(used)));
        }
    }
}
