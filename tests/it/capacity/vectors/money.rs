//! Prices. Dollars are compared as the vectors print them: rounded.

use dynamometer::price::{self, PriceTable, Unit};
use serde_json::{Value, json};

use super::{Input, Kind, rounded};

const HOME: &str = "us-east-1";

pub fn kind(name: &str) -> Option<Kind> {
    let prices: Kind = match name {
        "cost" => |i| {
            let usage = i.get("usage").and_then(Value::as_object).unwrap();
            let usage = usage
                .iter()
                .map(|(key, quantity)| (key.as_str(), quantity.as_f64().unwrap()));
            json!({"usd": rounded(table().cost(region(i), usage).unwrap(), 6)})
        },
        "cost_free" => |i| {
            let units = (i.number("rcu"), i.number("wcu"));
            let usd = table()
                .provisioned_beyond_free(HOME, units, i.number("hours"), i.number("storage_gb"))
                .unwrap();
            json!({"usd": rounded(usd, 6)})
        },
        "stream_calls" => |i| {
            let usd = table()
                .stream_reads(HOME, i.number("get_records_calls"))
                .unwrap();
            json!({"usd": rounded(usd, 6)})
        },
        "breakeven" => |i| {
            let share = table().break_even(region(i), unit(i.text("kind"))).unwrap();
            json!({"utilization": rounded(share, 4)})
        },
        "reserved" => |i| {
            let years = if i.whole("years") == 1 { 1 } else { 3 };
            let cost = table()
                .reserved(region(i), unit(i.text("unit")), i.number("blocks"), years)
                .unwrap();
            json!({"total_usd": rounded(cost.total, 4), "standard_usd": rounded(cost.standard, 4),
                "saving_pct": rounded(cost.saving_percent(), 2)})
        },
        "mode_choice" => |i| {
            let on_demand = table()
                .on_demand(region(i), unit(i.text("od")), i.number("monthly_units"))
                .unwrap();
            let (units, hours) = (i.number("provisioned"), i.number("hours"));
            let provisioned = table()
                .provisioned(region(i), unit(i.text("prov")), units, hours)
                .unwrap();
            let cheaper = if on_demand < provisioned {
                "PAY_PER_REQUEST"
            } else {
                "PROVISIONED"
            };
            json!({"on_demand_usd": rounded(on_demand, 4),
                "provisioned_usd": rounded(provisioned, 4), "cheaper": cheaper})
        },
        "table_class" => |i| {
            let (storage, throughput) = (i.number("storage_usd"), i.number("throughput_usd"));
            let (standard, ia) = (
                storage + throughput,
                price::infrequent_access(storage, throughput),
            );
            let cheaper = if ia < standard {
                "STANDARD_INFREQUENT_ACCESS"
            } else {
                "STANDARD"
            };
            json!({"standard_usd": rounded(standard, 4), "ia_usd": rounded(ia, 4),
                "cheaper": cheaper})
        },
        _ => return None,
    };
    Some(prices)
}

fn table() -> &'static PriceTable {
    PriceTable::embedded()
}

fn region<'a>(i: &'a Input<'_>) -> &'a str {
    i.get("region").and_then(Value::as_str).unwrap_or(HOME)
}

fn unit(name: &str) -> Unit {
    match name {
        "read" | "rcu" | "rru" => Unit::Read,
        "write" | "wcu" | "wru" => Unit::Write,
        other => panic!("no unit `{other}`"),
    }
}
