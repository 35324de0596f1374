//! What capacity, requests and storage cost: the price table and the formulas on it.
//!
//! Prices are data with a date, a source and a confidence each, embedded at build time. Knows
//! nothing of how usage came about.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::units::Direction;

/// Free unit-hours a month, for reads and for writes: 25 units for 31 days. [PRICE]
pub const FREE_UNIT_HOURS: f64 = 18_600.0;
/// Free storage a month, in GB. [PRICE]
pub const FREE_STORAGE_GB: f64 = 25.0;
/// Free Streams `GetRecords` calls a month. [PRICE]
pub const FREE_STREAM_CALLS: f64 = 2_500_000.0;
/// Storage and throughput of Standard-IA relative to Standard: 60 % less, 25 % more. [CLASS]
const IA_FACTORS: (f64, f64) = (0.4, 1.25);
const HOURS_PER_YEAR: f64 = 8760.0;

static TABLE: LazyLock<PriceTable> = LazyLock::new(|| {
    PriceTable::parse(include_str!("price/prices.json"))
        .expect("the embedded table parses: a test reads every entry")
});

/// How well a price is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Derived, or not checked against any document.
    Low,
    /// A list price of an older or unstated date.
    Medium,
    /// An AWS Price List value.
    High,
}

/// One price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// AWS Region.
    pub region: String,
    /// What is priced, as `prov_wcu_hour`.
    pub key: String,
    /// Of what, in words.
    pub unit: String,
    /// US dollars.
    pub usd: f64,
    /// When it held.
    pub date: String,
    /// How well it is known.
    pub confidence: Confidence,
}

/// Prices by Region and key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriceTable {
    prices: Vec<Price>,
}

/// Reads or writes, as prices name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// RCU and RRU.
    Read,
    /// WCU and WRU.
    Write,
}

/// The price of a GB of a Standard table for a month.
pub const STORAGE: &str = "storage_gb_month";

/// What a table is kept as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableClass {
    /// Standard.
    Standard,
    /// Standard-IA: no free tier and no reserved capacity. [CLASS]
    InfrequentAccess,
}

/// The price of something in a table class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassPrice {
    /// US dollars.
    pub usd: f64,
    /// Whether it is reckoned from that of Standard, as the Region has none of its own.
    pub reckoned: bool,
}

/// A price that the table does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no price `{key}` for region `{region}`")]
pub struct UnknownPrice {
    /// The Region asked for.
    pub region: String,
    /// The key asked for.
    pub key: String,
}

/// One year or three of reserved capacity against the same capacity at the standard price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReservedCost {
    /// Upfront and hourly together, dollars.
    pub total: f64,
    /// Without reservation, dollars.
    pub standard: f64,
}

impl ReservedCost {
    /// In percent of the standard price.
    #[must_use]
    pub fn saving_percent(&self) -> f64 {
        100.0 * (1.0 - self.total / self.standard)
    }
}

impl PriceTable {
    /// The embedded table.
    #[must_use]
    pub fn embedded() -> &'static Self {
        &TABLE
    }

    /// A table of the same form, for a user's own prices.
    ///
    /// # Errors
    /// When the text is not such a table.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// Every price.
    #[must_use]
    pub fn prices(&self) -> &[Price] {
        &self.prices
    }

    /// The price of `key` in `region`.
    ///
    /// # Errors
    /// When there is none; no price is ever assumed.
    pub fn find(&self, region: &str, key: &str) -> Result<&Price, UnknownPrice> {
        self.prices
            .iter()
            .find(|price| price.region == region && price.key == key)
            .ok_or_else(|| UnknownPrice {
                region: region.into(),
                key: key.into(),
            })
    }

    /// The price of `key`, or the estimate `key_est` where the Region has no list price.
    ///
    /// # Errors
    /// When it has neither.
    pub fn find_or_estimate(&self, region: &str, key: &str) -> Result<&Price, UnknownPrice> {
        self.find(region, key).or_else(|unknown| {
            let estimate = self.find(region, &format!("{key}_est"));
            estimate.map_err(|_| unknown)
        })
    }

    /// The Regions that have a price for provisioned capacity, sorted.
    #[must_use]
    pub fn regions(&self) -> Vec<&str> {
        let mut regions: Vec<_> = self
            .prices
            .iter()
            .filter(|price| price.key == Unit::Read.provisioned_key())
            .map(|price| price.region.as_str())
            .collect();
        regions.sort_unstable();
        regions.dedup();
        regions
    }

    fn usd(&self, region: &str, key: &str) -> Result<f64, UnknownPrice> {
        self.find_or_estimate(region, key).map(|price| price.usd)
    }

    /// The price of what `key` prices for a Standard table, in `class`.
    ///
    /// # Errors
    /// When there is not even one for a Standard table.
    pub fn in_class(
        &self,
        class: TableClass,
        region: &str,
        key: &str,
    ) -> Result<ClassPrice, UnknownPrice> {
        if class == TableClass::InfrequentAccess
            && let Some((kind, rest)) = key.split_once('_')
            && let Ok(own) = self.find(region, &format!("{kind}_ia_{rest}"))
        {
            return Ok(ClassPrice {
                usd: own.usd,
                reckoned: false,
            });
        }
        let standard = self.usd(region, key)?;
        let usd = match (class, key) {
            (TableClass::Standard, _) => standard,
            (TableClass::InfrequentAccess, STORAGE) => infrequent_access(standard, 0.0),
            (TableClass::InfrequentAccess, _) => infrequent_access(0.0, standard),
        };
        Ok(ClassPrice {
            usd,
            reckoned: class == TableClass::InfrequentAccess,
        })
    }

    /// Dollars of quantities by price key.
    ///
    /// # Errors
    /// When a key has no price.
    pub fn cost<'a>(
        &self,
        region: &str,
        usage: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Result<f64, UnknownPrice> {
        usage
            .into_iter()
            .map(|(key, quantity)| Ok(self.usd(region, key)? * quantity))
            .sum()
    }

    /// Dollars of a provisioned Standard table for `hours` of one month, beyond the free tier.
    ///
    /// # Errors
    /// When a price is missing.
    pub fn provisioned_beyond_free(
        &self,
        region: &str,
        (rcu, wcu): (f64, f64),
        hours: f64,
        storage_gb: f64,
    ) -> Result<f64, UnknownPrice> {
        let beyond = |units: f64| (units * hours - FREE_UNIT_HOURS).max(0.0);
        self.cost(
            region,
            [
                ("prov_rcu_hour", beyond(rcu)),
                ("prov_wcu_hour", beyond(wcu)),
                ("storage_gb_month", (storage_gb - FREE_STORAGE_GB).max(0.0)),
            ],
        )
    }

    /// Dollars of `units` on-demand request units.
    ///
    /// # Errors
    /// When the price is missing.
    pub fn on_demand(&self, region: &str, unit: Unit, units: f64) -> Result<f64, UnknownPrice> {
        self.cost(region, [(unit.on_demand_key(), units / 1e6)])
    }

    /// Dollars of `units` provisioned for `hours`.
    ///
    /// # Errors
    /// When the price is missing.
    pub fn provisioned(
        &self,
        region: &str,
        unit: Unit,
        units: f64,
        hours: f64,
    ) -> Result<f64, UnknownPrice> {
        self.cost(region, [(unit.provisioned_key(), units * hours)])
    }

    /// The utilisation, 0–1, from which provisioned capacity is the cheaper one.
    ///
    /// # Errors
    /// When a price is missing.
    pub fn break_even(&self, region: &str, unit: Unit) -> Result<f64, UnknownPrice> {
        Ok(self.provisioned(region, unit, 1.0, 1.0)? / self.on_demand(region, unit, 3600.0)?)
    }

    /// Dollars of `blocks` × 100 units reserved for `years` (1 or 3).
    ///
    /// # Errors
    /// When a price is missing.
    pub fn reserved(
        &self,
        region: &str,
        unit: Unit,
        blocks: f64,
        years: u8,
    ) -> Result<ReservedCost, UnknownPrice> {
        let price = |part: &str| {
            self.usd(
                region,
                &format!("res_{years}y_{}_{part}_per100", unit.capacity_name()),
            )
        };
        let hours = HOURS_PER_YEAR * f64::from(years);
        Ok(ReservedCost {
            total: blocks * (price("upfront")? + price("hour")? * hours),
            standard: self.provisioned(region, unit, blocks * 100.0, hours)?,
        })
    }

    /// Dollars of Streams `GetRecords` calls in a month, beyond the free ones.
    ///
    /// # Errors
    /// When the price is missing.
    pub fn stream_reads(&self, region: &str, calls: f64) -> Result<f64, UnknownPrice> {
        let billed = (calls - FREE_STREAM_CALLS).max(0.0);
        self.cost(region, [("streams_read_per_100k", billed / 1e5)])
    }
}

impl Unit {
    /// What is bought for `direction`.
    #[must_use]
    pub const fn of(direction: Direction) -> Self {
        match direction {
            Direction::Read => Self::Read,
            Direction::Write => Self::Write,
        }
    }

    const fn capacity_name(self) -> &'static str {
        match self {
            Self::Read => "rcu",
            Self::Write => "wcu",
        }
    }

    /// The price of one unit per second for an hour.
    #[must_use]
    pub const fn provisioned_key(self) -> &'static str {
        match self {
            Self::Read => "prov_rcu_hour",
            Self::Write => "prov_wcu_hour",
        }
    }

    /// The price of a million request units.
    #[must_use]
    pub const fn on_demand_key(self) -> &'static str {
        match self {
            Self::Read => "od_rru_million",
            Self::Write => "od_wru_million",
        }
    }
}

/// What a Standard table's storage and throughput would cost in Standard-IA, dollars. [CLASS]
#[must_use]
pub fn infrequent_access(storage_usd: f64, throughput_usd: f64) -> f64 {
    storage_usd * IA_FACTORS.0 + throughput_usd * IA_FACTORS.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_ia_has_prices_of_its_own_where_they_are_known() {
        let prices = PriceTable::embedded();
        let price = |region, key| prices.in_class(TableClass::InfrequentAccess, region, key);
        let close = |price: ClassPrice, usd: f64, reckoned| {
            assert!((price.usd - usd).abs() < 1e-12, "{price:?}");
            assert_eq!(price.reckoned, reckoned);
        };
        // List prices, which are not quite the factors.
        close(
            price("us-east-1", "prov_rcu_hour").unwrap(),
            0.000_16,
            false,
        );
        close(price("us-east-1", "od_wru_million").unwrap(), 0.78, false);
        close(price("us-east-1", STORAGE).unwrap(), 0.1, false);
        let standard = prices.find("eu-central-1", "prov_rcu_hour").unwrap().usd;
        close(
            price("eu-central-1", "prov_rcu_hour").unwrap(),
            standard * 1.25,
            true,
        );
        let standard = prices.in_class(TableClass::Standard, "us-east-1", STORAGE);
        close(standard.unwrap(), 0.25, false);
        assert!(price("nowhere", STORAGE).is_err());
    }
}
