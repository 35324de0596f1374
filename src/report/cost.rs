//! What the capacity of a run costs, each way of paying for it.

use super::{format, sizing::dollars};
use crate::{
    analysis::{Summary, expectation::REGION},
    price::{Confidence, PriceTable, Unit},
    units::{ByDirection, Direction},
};

/// Prices of one Region for what a run took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CostView {
    /// One for each way of paying: name, dollars an hour, a month, for a million requests.
    pub rows: Vec<[String; 4]>,
    /// Dollars a month of the way in which the tables are billed; absent when a price is.
    pub month: Option<String>,
    /// From which utilisation provisioned capacity is cheaper; what is not in the prices.
    pub notes: Vec<String>,
}

impl CostView {
    /// What the columns of its rows are called.
    pub const COLUMNS: [&'static str; 4] = [
        "billed as",
        "$ an hour",
        "$ a month",
        "$ a million requests",
    ];

    /// Of the measured phases, with months of so many hours.
    #[must_use]
    pub fn of(summary: &Summary, hours: f64) -> Self {
        let prices = PriceTable::embedded();
        let usage = Usage::of(summary);
        let provisioned = Direction::ALL
            .into_iter()
            .map(|direction| {
                let unit = Unit::of(direction);
                prices.provisioned(REGION, unit, usage.provisioned[direction], 1.0)
            })
            .sum::<Result<f64, _>>();
        let by_request = |per_second: ByDirection<f64>| {
            Direction::ALL
                .into_iter()
                .map(|direction| {
                    let hourly = per_second[direction] * 3600.0;
                    prices.on_demand(REGION, Unit::of(direction), hourly)
                })
                .sum::<Result<f64, _>>()
        };
        let row = |name: &str, hourly: f64| {
            let millions = summary.completed_per_second * 3600.0 / 1e6;
            [
                name.to_owned(),
                dollars(hourly),
                dollars(hourly * hours),
                if millions > 0.0 {
                    dollars(hourly / millions)
                } else {
                    format::NO_DATA.to_owned()
                },
            ]
        };
        let mut rows = Vec::new();
        let mut month = None;
        if usage.is_provisioned
            && let Ok(hourly) = provisioned
        {
            rows.push(row("provisioned, as in this run", hourly));
            month = Some(dollars(hourly * hours));
        }
        let mut even = None;
        if let Ok(hourly) = by_request(usage.consumed) {
            rows.push(row("on-demand, for what was served", hourly));
            even = (provisioned.as_ref().ok())
                .filter(|_| usage.is_provisioned && hourly > 0.0)
                .map(|cost| summary.completed_per_second * cost / hourly);
            if !usage.is_provisioned {
                month = Some(dollars(hourly * hours));
            }
        }
        let is_throttled = summary.outcomes.throttled > 0;
        if let Some(demand) = usage.demand.filter(|_| is_throttled)
            && let Ok(hourly) = by_request(demand)
        {
            rows.push(row("on-demand, for all that was asked (estimate)", hourly));
        }
        Self {
            rows,
            month,
            notes: (even.map(|even| break_even(even, summary)).into_iter())
                .chain(notes(prices, &usage, hours))
                .collect(),
        }
    }
}

/// The load from which on requests cost more one by one than what was provisioned does.
fn break_even(even: f64, summary: &Summary) -> String {
    format!(
        "Break-even load: from {} completed requests/s of this mix on, what was provisioned here costs \
         less than on-demand; this run completed {}/s.",
        format::number(even),
        format::number(summary.completed_per_second)
    )
}

/// Units per second of all tables and indexes together.
struct Usage {
    is_provisioned: bool,
    provisioned: ByDirection<f64>,
    consumed: ByDirection<f64>,
    /// Absent where it is not known, and where indexes take a part of it.
    demand: Option<ByDirection<f64>>,
}

impl Usage {
    fn of(summary: &Summary) -> Self {
        let mut usage = Self {
            is_provisioned: false,
            provisioned: ByDirection::default(),
            consumed: ByDirection::default(),
            demand: Some(ByDirection::default()),
        };
        for table in &summary.tables {
            for direction in Direction::ALL {
                let own = &table.directions[direction];
                usage.is_provisioned |= !own.on_demand;
                usage.provisioned[direction] += own.provisioned;
                usage.consumed[direction] += own.mean_per_second;
                let asked = own.demand_estimate_per_second;
                usage.demand = usage.demand.zip(asked).map(|(mut sum, asked)| {
                    sum[direction] += asked;
                    sum
                });
                for index in &table.indexes {
                    let own = &index.directions[direction];
                    usage.provisioned[direction] += own.provisioned;
                    usage.consumed[direction] += own.mean_per_second;
                    usage.demand = usage.demand.filter(|_| own.consumed == 0.0);
                }
            }
        }
        usage
    }
}

fn notes(prices: &PriceTable, usage: &Usage, hours: f64) -> Vec<String> {
    let mut notes = Vec::new();
    for direction in Direction::ALL {
        let Ok(even) = prices.break_even(REGION, Unit::of(direction)) else {
            continue;
        };
        let (used, had) = (usage.consumed[direction], usage.provisioned[direction]);
        let own = if had > 0.0 {
            format!("; this run used {}", format::percent(used / had))
        } else {
            String::new()
        };
        notes.push(format!(
            "{}: provisioned capacity is cheaper from {} mean utilisation on{own}.",
            direction.unit(),
            format::percent(even)
        ));
    }
    for unit in [Unit::Read, Unit::Write] {
        for key in [unit.provisioned_key(), unit.on_demand_key()] {
            if let Ok(price) = prices.find_or_estimate(REGION, key)
                && (price.key != key || price.confidence == Confidence::Low)
            {
                notes.push(format!("The price {key} is an estimate."));
            }
        }
    }
    let date = prices.find(REGION, Unit::Read.provisioned_key());
    notes.push(format!(
        "List prices of {REGION} as of {}, without free tier, storage and transfer; a month has \
         {hours} hours like those of this run.",
        date.map_or("an unknown date", |price| price.date.as_str())
    ));
    notes
}
