//! What a scenario comes to, as text of at most 80 columns.

use super::format::{NO_DATA, count, joined, length, number, percent, units};
use crate::{
    analysis::expectation::{Expectation, ExpectedPhase, ExpectedTable, Flow},
    scenario::{PhaseKind, diagnostic::printable},
    units::{ByDirection, Direction},
};

/// The text, each line ended by a newline.
#[must_use]
pub fn render(expectation: &Expectation) -> String {
    let mut lines = vec![format!(
        "{}   {}",
        cut(&expectation.scenario),
        length(expectation.seconds)
    )];
    lines.push(String::new());
    lines.push(row("phase", &["length", "mean/s", "max/s", "arrivals"]));
    for phase in &expectation.phases {
        let kind = match phase.kind {
            PhaseKind::Measured => "",
            PhaseKind::WarmUp | PhaseKind::Load => "*",
        };
        lines.push(row(
            &format!("{}{kind}", cut(&phase.name)),
            &[
                &length(phase.seconds),
                &phase.rate_mean.map_or(NO_DATA.into(), number),
                &phase.rate_max.map_or(NO_DATA.into(), number),
                &phase.arrivals.map_or(NO_DATA.into(), number),
            ],
        ));
        lines.extend(phase_notes(phase, expectation));
    }
    if expectation
        .phases
        .iter()
        .any(|p| p.kind == PhaseKind::WarmUp)
    {
        lines.push("  * not measured".into());
    }
    lines.push(String::new());
    lines.push(row(
        "operation",
        &["request", "share", "units", "hottest item"],
    ));
    for operation in &expectation.operations {
        let mean = operation.units.map_or(NO_DATA.into(), |units| {
            format!("{} {}", number(units), operation.unit)
        });
        let hottest = operation.hottest_item.map_or(NO_DATA.into(), percent);
        lines.push(row(
            &cut(&operation.name),
            &[
                operation.request,
                &percent(operation.weight),
                &mean,
                &hottest,
            ],
        ));
    }
    lines.push(format!(
        "  units: mean of the first {} arrivals, none throttled",
        count(expectation.arrivals_sampled)
    ));
    for table in &expectation.tables {
        lines.push(String::new());
        lines.extend(table_lines(table, expectation));
    }
    lines.push(String::new());
    lines.push("model".into());
    for value in &expectation.model {
        let mark = if expectation.model_overrides.contains(value) {
            "   (not the default)"
        } else {
            ""
        };
        lines.push(format!("  {value}{mark}"));
    }
    joined(lines)
}

/// What else a phase is made of.
fn phase_notes(phase: &ExpectedPhase, expectation: &Expectation) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(closed) = phase.clients {
        let think = match closed.think_seconds {
            0.0 => "no think time".to_owned(),
            seconds => format!("{} s think time on average", number(seconds)),
        };
        let clients = count(u64::from(closed.clients));
        lines.push(format!("    closed model: {clients} clients, {think};"));
        lines.push("    the rate depends on the answers, so sums leave the phase out".into());
    }
    if let Some(assumed) = phase.assumed {
        lines.push(format!(
            "    rates given in {0}/s: {1} {0} a request, an estimate from mean sizes",
            assumed.unit,
            number(assumed.per_request)
        ));
    }
    if let Some(mix) = &phase.mix {
        let parts = expectation.operations.iter().zip(mix);
        let parts: Vec<_> = parts
            .filter(|(_, share)| **share > 0.0)
            .map(|(operation, share)| format!("{} {}", cut(&operation.name), percent(*share)))
            .collect();
        let rows = parts.chunks(2).enumerate();
        lines.extend(rows.map(|(row, parts)| {
            let label = if row == 0 { "mix:" } else { "    " };
            format!("    {label} {}", parts.join(", "))
        }));
    }
    lines
}

fn table_lines(table: &ExpectedTable, expectation: &Expectation) -> Vec<String> {
    let head = if table.on_demand {
        "on-demand"
    } else {
        "provisioned"
    };
    let mut lines = vec![row(
        &format!("table {}", cut(&table.name)),
        &[head, "at mean", "at max", "hottest key"],
    )];
    lines.extend(flow_lines(&table.flow, table.on_demand));
    lines.push(format!(
        "  items       {}; mean {} B, p99 {} B (the first {})",
        count(table.items),
        number(table.item_bytes_mean),
        count(table.item_bytes_p99),
        count(table.items_sampled)
    ));
    lines.extend(partition_lines(table.partitions, &table.flow));
    for index in &table.indexes {
        lines.push(format!("  index {}", cut(&index.name)));
        lines.extend(flow_lines(&index.flow, table.on_demand));
        lines.extend(partition_lines(index.partitions, &index.flow));
    }
    let capacity = table.capacity_usd.map_or_else(
        || "capacity unknown".to_owned(),
        |usd| {
            let at_mean = if table.on_demand {
                " at the mean rate"
            } else {
                ""
            };
            format!("${usd:.2} capacity{at_mean}")
        },
    );
    lines.push(format!(
        "  per month   {capacity}, ${:.2} storage ({}, {})",
        table.storage_usd, expectation.region, expectation.price_date
    ));
    lines
}

fn flow_lines(flow: &ByDirection<Flow>, on_demand: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for direction in Direction::ALL {
        let (flow, unit) = (flow[direction], direction.unit());
        let capacity = if on_demand {
            NO_DATA.to_owned()
        } else {
            units(flow.capacity)
        };
        lines.push(row(
            &format!("{unit}/s"),
            &[
                &capacity,
                &number(flow.mean),
                &number(flow.max),
                &flow.hottest_key.map_or(NO_DATA.into(), number),
            ],
        ));
        if flow.max > flow.capacity {
            let what = if on_demand {
                format!("is served at once: {}", units(flow.capacity))
            } else {
                "provisioned".to_owned()
            };
            lines.push(format!("  ! more {unit}/s at the maximum than {what}"));
        }
        if flow
            .hottest_key
            .is_some_and(|key| key > flow.partition_limit)
        {
            let limit = units(flow.partition_limit);
            lines.push(format!(
                "  ! the hottest key exceeds a partition: {limit} {unit}/s"
            ));
        }
    }
    lines
}

/// How many partitions there are, and what the busiest takes where that is known.
fn partition_lines(partitions: u64, flow: &ByDirection<Flow>) -> Vec<String> {
    let busiest = Direction::ALL.into_iter().filter_map(|direction| {
        let taken = flow[direction].hottest_partition?;
        Some((direction.unit(), taken, flow[direction]))
    });
    let busiest: Vec<_> = busiest.filter(|_| partitions > 1).collect();
    let mut first = format!("  partitions  {} at the start", count(partitions));
    let mut sums = busiest
        .iter()
        .map(|(unit, taken, _)| format!("{} {unit}/s", number(*taken)));
    if let Some(one) = sums.next() {
        let all = sums.fold(one, |all, more| format!("{all}, {more}"));
        first = format!("{first}; the busiest takes about {all} at max");
    }
    let mut lines = vec![first];
    for (unit, taken, flow) in busiest {
        let by_its_key = flow.hottest_key >= Some(flow.partition_limit);
        if taken > flow.partition_limit && !by_its_key {
            let limit = units(flow.partition_limit);
            lines.push(format!(
                "  ! the busiest partition exceeds what one serves: {limit} {unit}/s"
            ));
        }
    }
    lines
}

fn row(name: &str, cells: &[&str; 4]) -> String {
    let [a, b, c, d] = cells;
    format!("{name:<26}{a:>12}{b:>12}{c:>12}{d:>14}")
}

fn cut(name: &str) -> String {
    let name = printable(name);
    if name.chars().count() <= 18 {
        return name;
    }
    name.chars().take(17).chain(['…']).collect()
}
