//! Prices: the embedded table, and laws of the formulas.

use dynamometer::price::{PriceTable, Unit};

#[test]
fn the_embedded_table_names_every_price_once_with_its_date() {
    let prices = PriceTable::embedded().prices();
    assert!(!prices.is_empty());
    for price in prices {
        assert!(price.usd >= 0.0 && !price.date.is_empty(), "{price:?}");
        let same = |other: &&_| {
            let other: &dynamometer::price::Price = other;
            other.region == price.region && other.key == price.key
        };
        assert_eq!(prices.iter().filter(same).count(), 1, "{price:?}");
    }
}

#[test]
fn at_the_break_even_utilisation_both_modes_cost_the_same() {
    let table = PriceTable::embedded();
    for unit in [Unit::Read, Unit::Write] {
        let share = table.break_even("us-east-1", unit).unwrap();
        let provisioned = table.provisioned("us-east-1", unit, 100.0, 730.0).unwrap();
        let units = 100.0 * share * 3600.0 * 730.0;
        let on_demand = table.on_demand("us-east-1", unit, units).unwrap();
        assert!(
            (provisioned - on_demand).abs() < 1e-9,
            "{provisioned} {on_demand}"
        );
    }
}

#[test]
fn a_missing_price_is_an_error_that_names_it() {
    let error = PriceTable::embedded()
        .find("eu-west-1", "storage_gb_month")
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "no price `storage_gb_month` for region `eu-west-1`"
    );
}
