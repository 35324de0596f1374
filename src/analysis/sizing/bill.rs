//! What each way of buying the capacity costs.

use serde::Serialize;

use super::{SizedSlot, SizingOptions, fit, sweep::Basis, swept::Swept};
use crate::{
    analysis::replay::{Policy, Rates, throttled::Throttled},
    price::{Confidence, FREE_STORAGE_GB, STORAGE, TableClass, Unit, UnknownPrice},
    units::{ByDirection, Direction, float},
};

/// Where storage is priced for certain.
const HOME: &str = "us-east-1";
/// Units of a block of reserved capacity.
const BLOCK: f64 = 100.0;

/// A way of buying capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Provisioned, the same all the time.
    Provisioned,
    /// Provisioned less, leaning on burst credit.
    ProvisionedWithBurst,
    /// Provisioned, following the load.
    AutoScaling,
    /// By the request.
    OnDemand,
    /// Provisioned, paid for one year.
    ReservedOneYear,
    /// Provisioned, paid for three years.
    ReservedThreeYears,
}

impl Mode {
    /// Whether it is enough in each second by itself, whatever was saved before.
    #[must_use]
    pub const fn is_without_burst(self) -> bool {
        matches!(
            self,
            Self::Provisioned | Self::ReservedOneYear | Self::ReservedThreeYears
        )
    }

    /// As reports call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provisioned => "provisioned",
            Self::ProvisionedWithBurst => "provisioned, on burst",
            Self::AutoScaling => "auto scaling",
            Self::OnDemand => "on-demand",
            Self::ReservedOneYear => "reserved, 1 year",
            Self::ReservedThreeYears => "reserved, 3 years",
        }
    }

    /// Whether it is free to be left at any time and has capacity for the load as it is.
    #[must_use]
    pub const fn is_unconditional(self) -> bool {
        matches!(self, Self::Provisioned | Self::AutoScaling | Self::OnDemand)
    }
}

/// One way with its price.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Offer {
    /// How capacity is bought.
    pub mode: Mode,
    /// Whether the tables are Standard-IA instead of Standard.
    pub infrequent_access: bool,
    /// Dollars a month, storage included, for the load all month long.
    pub usd_month: f64,
    /// Of these, for storage.
    pub storage_usd_month: f64,
    /// Dollars for a million requests.
    pub usd_per_million: f64,
    /// What is throttled, of all requests.
    pub throttled: Throttled,
    /// Whether every table and direction meets the target.
    pub meets_target: bool,
    /// Units by slot, where capacity is provisioned and fixed.
    pub units: Option<Rates>,
    /// Policies by slot, for auto scaling.
    pub policies: Option<Vec<ByDirection<Policy>>>,
}

/// Where prices are from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PriceNote {
    /// The Region.
    pub region: String,
    /// When the price of provisioned capacity held.
    pub date: String,
    /// Prices that are estimates, or not of this Region.
    pub estimates: Vec<String>,
    /// Whether the free tier was taken off.
    pub free_tier: bool,
    /// Hours of the month that it was reckoned for.
    pub hours_per_month: f64,
}

/// Makes offers.
pub(super) struct Bill<'a> {
    pub(super) options: &'a SizingOptions,
    pub(super) slots: &'a [SizedSlot],
    pub(super) requests_per_second: f64,
    /// Hours of a month.
    pub(super) month: f64,
}

/// Dollars a month.
#[derive(Clone, Copy)]
struct Dollars {
    throughput: f64,
    storage: f64,
}

/// What becomes of requests.
#[derive(Clone, Copy)]
struct Outcome {
    throttled: Throttled,
    meets_target: bool,
}

impl Bill<'_> {
    pub(super) fn offers(
        &self,
        basis: &Basis,
        swept: &Swept<'_>,
    ) -> Result<Vec<Offer>, UnknownPrice> {
        let mut offers = Vec::new();
        let target = &self.options.target;
        let outcome = |throttled| Outcome {
            throttled,
            meets_target: true,
        };
        let on_burst = fit::units_of(&swept.on_burst()).zip(swept.throttled_on_burst());
        let without = fit::units_of(&basis.fits()).zip(swept.throttled());
        for (mode, found) in [
            (Mode::ProvisionedWithBurst, &on_burst),
            (Mode::Provisioned, &without),
        ] {
            if let Some((rates, throttled)) = found {
                let units = approximate(rates);
                let dollars = |class| self.provisioned(class, &units);
                self.add(&mut offers, mode, outcome(*throttled), Some(rates), dollars)?;
            }
        }
        if let Some((rates, throttled)) = without {
            for (mode, years) in [(Mode::ReservedOneYear, 1), (Mode::ReservedThreeYears, 3)] {
                // Not every Region sells three years, and Standard-IA is not reserved.
                if let Ok(dollars) = self.reserved(&rates, years) {
                    let offer = self.offer(mode, TableClass::Standard, dollars, outcome(throttled));
                    offers.push(Offer {
                        units: Some(rates.clone()),
                        ..offer
                    });
                }
            }
        }
        let (throttled, meets_target) = swept.on_demand(basis, target);
        let outcome = Outcome {
            throttled,
            meets_target,
        };
        self.add(&mut offers, Mode::OnDemand, outcome, None, |class| {
            self.on_demand(class)
        })?;
        let (scaling, throttled, meets_target) = swept.scaled(basis, target);
        let outcome = Outcome {
            throttled,
            meets_target,
        };
        let dollars = self.provisioned(TableClass::Standard, &scaling.billed)?;
        let offer = self.offer(Mode::AutoScaling, TableClass::Standard, dollars, outcome);
        offers.push(Offer {
            policies: Some(scaling.policies),
            ..offer
        });
        offers.sort_by(|a, b| {
            let rank = |o: &Offer| (!o.meets_target, !o.mode.is_unconditional());
            rank(a)
                .cmp(&rank(b))
                .then(a.usd_month.total_cmp(&b.usd_month))
        });
        Ok(offers)
    }

    /// In both table classes.
    fn add(
        &self,
        offers: &mut Vec<Offer>,
        mode: Mode,
        outcome: Outcome,
        units: Option<&Rates>,
        dollars: impl Fn(TableClass) -> Result<Dollars, UnknownPrice>,
    ) -> Result<(), UnknownPrice> {
        for class in [TableClass::Standard, TableClass::InfrequentAccess] {
            let offer = self.offer(mode, class, dollars(class)?, outcome);
            offers.push(Offer {
                units: units.cloned(),
                ..offer
            });
        }
        Ok(())
    }

    fn offer(&self, mode: Mode, class: TableClass, dollars: Dollars, outcome: Outcome) -> Offer {
        let usd_month = dollars.throughput + dollars.storage;
        let millions = self.requests_per_second * self.month * 3600.0 / 1e6;
        Offer {
            mode,
            infrequent_access: class == TableClass::InfrequentAccess,
            usd_month,
            storage_usd_month: dollars.storage,
            usd_per_million: usd_month / millions,
            throttled: outcome.throttled,
            meets_target: outcome.meets_target,
            units: None,
            policies: None,
        }
    }

    fn provisioned(
        &self,
        class: TableClass,
        rates: &[ByDirection<f64>],
    ) -> Result<Dollars, UnknownPrice> {
        let (prices, region) = (&self.options.prices, &self.options.region);
        let sum = |direction| rates.iter().map(|rate| rate[direction]).sum::<f64>();
        let units = ByDirection::from_fn(sum);
        let throughput = if self.is_free(class) {
            prices.provisioned_beyond_free(region, (units.read, units.write), self.month, 0.0)?
        } else {
            Direction::ALL.into_iter().try_fold(0.0, |all, direction| {
                let price =
                    prices.in_class(class, region, Unit::of(direction).provisioned_key())?;
                Ok(all + price.usd * (units[direction] * self.month))
            })?
        };
        Ok(Dollars {
            throughput,
            storage: self.storage(class)?,
        })
    }

    fn on_demand(&self, class: TableClass) -> Result<Dollars, UnknownPrice> {
        let (prices, region) = (&self.options.prices, &self.options.region);
        let mut throughput = 0.0;
        for direction in Direction::ALL {
            let means = self.slots.iter().map(|slot| slot.demand[direction].mean);
            let millions = means.sum::<f64>() * self.month * 3600.0 / 1e6;
            let key = Unit::of(direction).on_demand_key();
            throughput += prices.in_class(class, region, key)?.usd * millions;
        }
        Ok(Dollars {
            throughput,
            storage: self.storage(class)?,
        })
    }

    /// As many blocks as save something, the rest at the normal price.
    fn reserved(&self, rates: &Rates, years: u8) -> Result<Dollars, UnknownPrice> {
        let (prices, region) = (&self.options.prices, &self.options.region);
        let mut throughput = 0.0;
        for direction in Direction::ALL {
            let unit = Unit::of(direction);
            let units: f64 = approximate(rates).iter().map(|rate| rate[direction]).sum();
            let mut cheapest = f64::INFINITY;
            for blocks in [0.0, (units / BLOCK).floor(), (units / BLOCK).ceil()] {
                let reserved = prices.reserved(region, unit, blocks, years)?.total;
                let beyond = (units - blocks * BLOCK).max(0.0);
                let rest = prices.provisioned(region, unit, beyond, self.month)?;
                cheapest = cheapest.min(reserved / (12.0 * f64::from(years)) + rest);
            }
            throughput += cheapest;
        }
        Ok(Dollars {
            throughput,
            storage: self.storage(TableClass::Standard)?,
        })
    }

    /// The free tier is of Standard tables.
    fn is_free(&self, class: TableClass) -> bool {
        self.options.free_tier && class == TableClass::Standard
    }

    fn storage(&self, class: TableClass) -> Result<f64, UnknownPrice> {
        let free = if self.is_free(class) {
            FREE_STORAGE_GB
        } else {
            0.0
        };
        let gb: f64 = self.slots.iter().map(|slot| slot.storage_gb).sum();
        let (region, _) = self.storage_region();
        let billed = (gb - free).max(0.0);
        let price = self.options.prices.in_class(class, region, STORAGE)?;
        Ok(price.usd * billed)
    }

    /// Prices of Standard-IA that are reckoned from those of Standard.
    fn reckoned(&self) -> Vec<&'static str> {
        let keys = [
            ("storage", STORAGE),
            ("provisioned reads", Unit::Read.provisioned_key()),
            ("provisioned writes", Unit::Write.provisioned_key()),
            ("on-demand reads", Unit::Read.on_demand_key()),
            ("on-demand writes", Unit::Write.on_demand_key()),
        ];
        let is_reckoned = |key| {
            let region = if key == STORAGE {
                self.storage_region().0
            } else {
                &self.options.region
            };
            let class = TableClass::InfrequentAccess;
            let price = self.options.prices.in_class(class, region, key);
            price.is_ok_and(|price| price.reckoned)
        };
        let reckoned = keys.into_iter().filter(|(_, key)| is_reckoned(key));
        reckoned.map(|(what, _)| what).collect()
    }

    /// The Region whose storage price is used, and whether it is another one's.
    fn storage_region(&self) -> (&str, bool) {
        let region = self.options.region.as_str();
        let known = self.options.prices.find(region, STORAGE).is_ok();
        if known { (region, false) } else { (HOME, true) }
    }

    pub(super) fn break_even(&self) -> Result<ByDirection<f64>, UnknownPrice> {
        let share = |unit| self.options.prices.break_even(&self.options.region, unit);
        Ok(ByDirection {
            read: share(Unit::Read)?,
            write: share(Unit::Write)?,
        })
    }

    pub(super) fn note(&self) -> PriceNote {
        let (prices, region) = (&self.options.prices, self.options.region.as_str());
        let mut estimates = Vec::new();
        for unit in [Unit::Read, Unit::Write] {
            for (key, what) in [
                (unit.provisioned_key(), "provisioned"),
                (unit.on_demand_key(), "on-demand"),
            ] {
                let Ok(price) = prices.find_or_estimate(region, key) else {
                    continue;
                };
                if price.key != key || price.confidence == Confidence::Low {
                    let unit = if unit == Unit::Read {
                        "reads"
                    } else {
                        "writes"
                    };
                    estimates.push(format!(
                        "{what} {unit}: an estimate, no list price is known"
                    ));
                }
            }
        }
        if self.storage_region().1 {
            estimates.push(format!("storage: the price of {HOME}"));
        }
        let reckoned = self.reckoned();
        if !reckoned.is_empty() {
            estimates.push(format!(
                "Standard-IA, {}: 60 % off storage, 25 % on throughput",
                reckoned.join(", ")
            ));
        }
        let date = prices.find(region, Unit::Read.provisioned_key());
        PriceNote {
            region: region.to_owned(),
            date: date.map_or_else(|_| "unknown".to_owned(), |price| price.date.clone()),
            estimates,
            free_tier: self.options.free_tier,
            hours_per_month: self.month,
        }
    }
}

fn approximate(rates: &Rates) -> Vec<ByDirection<f64>> {
    rates
        .iter()
        .map(|rate| ByDirection::from_fn(|direction| float(rate[direction])))
        .collect()
}
