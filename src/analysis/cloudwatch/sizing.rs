//! What a table uses, as CloudWatch shows it, and what it should be given.

use std::time::Duration;

use serde::Serialize;

use super::Metrics;
use crate::{
    capacity::{
        autoscaling::{AutoScaler, TargetTracking},
        change::DecreaseBudget,
        sizing::to_provision,
    },
    price::{PriceTable, Unit, UnknownPrice},
    scenario::ModelParameters,
    units::{ByDirection, Direction, Timestamp},
};

/// What a table uses and should be given.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UsageSizing {
    /// Hours from the first point to the last.
    pub hours: f64,
    /// Periods without a point, taken as no consumption.
    pub gaps: usize,
    /// Peak ÷ mean that is assumed within a period.
    pub peak_to_mean: f64,
    /// Utilisation aimed at.
    pub utilisation: f64,
    /// Reads and writes.
    pub usage: ByDirection<Usage>,
    /// Dollars a month for what is provisioned today; absent where that is unknown.
    pub today_usd_month: Option<f64>,
    /// For the recommended fixed capacity.
    pub provisioned_usd_month: f64,
    /// For auto scaling over the same minutes.
    pub auto_scaling_usd_month: f64,
    /// For on-demand.
    pub on_demand_usd_month: f64,
    /// Utilisation from which provisioned costs less than on-demand.
    pub break_even: ByDirection<f64>,
    /// Region of the prices.
    pub region: String,
    /// What is missing or doubtful.
    pub warnings: Vec<String>,
}

/// One direction, units per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Mean over all periods.
    pub mean: f64,
    /// The busiest period.
    pub busiest: f64,
    /// Provisioned today, where known.
    pub provisioned: Option<f64>,
    /// The busiest period × peak-to-mean ÷ utilisation, rounded up, at least 1.
    pub recommended: u64,
    /// What auto scaling keeps provisioned, mean over hours of the most in each.
    pub auto_scaled: f64,
}

/// Sizes what `metrics` show, with peaks `peak_to_mean` ≥ 1 above each period's mean.
///
/// # Errors
/// When a price is missing.
pub fn size(
    metrics: &Metrics,
    peak_to_mean: f64,
    utilisation: f64,
    region: &str,
    prices: &PriceTable,
) -> Result<UsageSizing, UnknownPrice> {
    let usage = ByDirection::from_fn(|direction| {
        let series = &metrics.consumed[direction];
        let busiest = series.iter().copied().fold(0.0, f64::max);
        let recommended = to_provision(busiest * peak_to_mean, utilisation).max(1);
        Usage {
            mean: series.iter().sum::<f64>() / float(series.len()),
            busiest,
            provisioned: metrics.provisioned[direction],
            recommended,
            auto_scaled: auto_scaled(metrics, direction, utilisation, recommended),
        }
    });
    let month = ModelParameters::default().month();
    let monthly = |value: &dyn Fn(&Usage) -> f64| {
        Direction::ALL.into_iter().try_fold(0.0, |sum, direction| {
            let (unit, units) = (Unit::of(direction), value(&usage[direction]));
            Ok(sum + prices.provisioned(region, unit, units, month)?)
        })
    };
    let mut on_demand = 0.0;
    for direction in Direction::ALL {
        let units = usage[direction].mean * month * 3600.0;
        on_demand += prices.on_demand(region, Unit::of(direction), units)?;
    }
    let known = Direction::ALL
        .iter()
        .all(|d| usage[*d].provisioned.is_some());
    let today = monthly(&|usage| usage.provisioned.unwrap_or(0.0))?;
    let mut warnings = metrics.warnings.clone();
    warnings.push(format!(
        "Means of {} s hide bursts: 3,600 writes in one second look like 60 a second. Within a \
         period, peaks are taken as {peak_to_mean} times its mean (--peak-to-mean).",
        metrics.period
    ));
    if !known {
        warnings.push("What is provisioned today is not in the file, or on-demand.".to_owned());
    }
    let periods = float(
        metrics
            .consumed
            .read
            .len()
            .max(metrics.consumed.write.len()),
    );
    #[expect(clippy::cast_precision_loss, reason = "seconds of a period")]
    let period = metrics.period as f64;
    Ok(UsageSizing {
        hours: periods * period / 3600.0,
        gaps: metrics.gaps,
        peak_to_mean,
        utilisation,
        today_usd_month: known.then_some(today),
        provisioned_usd_month: monthly(&|usage| whole(usage.recommended))?,
        auto_scaling_usd_month: monthly(&|usage| usage.auto_scaled)?,
        on_demand_usd_month: on_demand,
        break_even: ByDirection {
            read: prices.break_even(region, Unit::Read)?,
            write: prices.break_even(region, Unit::Write)?,
        },
        region: region.to_owned(),
        warnings,
        usage,
    })
}

/// Auto scaling between the quietest and the recommended capacity, from where it had settled.
fn auto_scaled(metrics: &Metrics, direction: Direction, utilisation: f64, max: u64) -> f64 {
    let series = &metrics.consumed[direction];
    let quietest = series.iter().copied().fold(f64::INFINITY, f64::min);
    let min = to_provision(quietest, utilisation).clamp(1, max);
    let first = series.first().copied().unwrap_or(0.0);
    let start = to_provision(first, utilisation).clamp(min, max);
    let mut scaler = AutoScaler::new(TargetTracking::new(utilisation, min, max), start);
    let mut decreases = DecreaseBudget::default();
    let minutes = usize::try_from(metrics.period / 60).unwrap_or(1).max(1);
    let mut now = Timestamp::ZERO;
    let mut in_force = vec![start];
    for consumed in series {
        for _ in 0..minutes {
            now = now + Duration::from_mins(1);
            in_force.push(scaler.minute(*consumed, now, &mut decreases));
        }
    }
    let hours: Vec<f64> = in_force
        .chunks(60)
        .map(|hour| whole(hour.iter().copied().max().unwrap_or(0)))
        .collect();
    hours.iter().sum::<f64>() / float(hours.len())
}

#[expect(clippy::cast_precision_loss, reason = "counts, exact below 2^52")]
const fn float(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "units per second")]
const fn whole(units: u64) -> f64 {
    units as f64
}
