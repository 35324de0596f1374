//! What a table uses and should be given, as text of at most 80 columns.

pub mod page;

use super::{
    format::{count, joined, number, percent},
    sizing::{dollars, wrapped},
};
use crate::{analysis::cloudwatch::sizing::UsageSizing, units::Direction};

/// The text, each line ended by a newline.
#[must_use]
pub fn render(sizing: &UsageSizing) -> String {
    let usage = sizing.usage;
    let mut lines = wrapped(&headline(sizing), "");
    lines.push(String::new());
    lines.push(row([
        "",
        "mean/s",
        "busiest",
        "today",
        "used",
        "recommended",
    ]));
    for direction in Direction::ALL {
        let one = usage[direction];
        let unknown = || "?".to_owned();
        let used = one.provisioned.filter(|units| *units > 0.0);
        lines.push(row([
            direction.unit(),
            &number(one.mean),
            &number(one.busiest),
            &one.provisioned.map_or_else(unknown, number),
            &used.map_or_else(unknown, |units| percent(one.mean / units)),
            &count(one.recommended),
        ]));
    }
    lines.push(String::new());
    for (name, usd) in ways(sizing) {
        let usd = usd.map_or_else(|| "?".to_owned(), dollars);
        lines.push(format!(
            "  {name:<16}{usd:>14} $ per month, without storage"
        ));
    }
    lines.push(String::new());
    lines.extend(wrapped(&method(sizing), "  "));
    for warning in &sizing.warnings {
        lines.extend(wrapped(&format!("! {warning}"), "  "));
    }
    joined(lines)
}

fn headline(sizing: &UsageSizing) -> String {
    format!(
        "Provision {} RCU / {} WCU; ${} per month; from {} hours of CloudWatch, {} gaps.",
        count(sizing.usage.read.recommended),
        count(sizing.usage.write.recommended),
        dollars(sizing.provisioned_usd_month),
        number(sizing.hours),
        count(sizing.gaps as u64)
    )
}

/// Dollars a month, where they are known.
fn ways(sizing: &UsageSizing) -> [(&'static str, Option<f64>); 4] {
    [
        ("today", sizing.today_usd_month),
        ("provisioned", Some(sizing.provisioned_usd_month)),
        ("auto scaling", Some(sizing.auto_scaling_usd_month)),
        ("on-demand", Some(sizing.on_demand_usd_month)),
    ]
}

fn method(sizing: &UsageSizing) -> String {
    format!(
        "Recommended: the busiest period × {} at {} utilisation. Provisioned costs less than \
         on-demand from {} (reads) and {} (writes) mean utilisation. Prices: {}.",
        number(sizing.peak_to_mean),
        percent(sizing.utilisation),
        percent(sizing.break_even.read),
        percent(sizing.break_even.write),
        sizing.region
    )
}

fn row(cells: [&str; 6]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>12}")).collect();
    cells.concat()
}
