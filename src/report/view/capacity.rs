//! What tables and indexes took, and what they had, as every report words it.

use super::optional;
use crate::{
    analysis::{BurstSummary, CapacitySummary, Summary},
    record::RunRecord,
    report::{CapacityRow, IndexRow, Mark, direction_label, format},
    units::Direction,
};

/// Tables in the order of the record, reads before writes.
pub(super) fn rows(record: &RunRecord, summary: &Summary) -> Vec<CapacityRow> {
    each_direction(record, summary)
        .map(|(table, direction, capacity)| {
            let number = (summary.tables.iter()).position(|other| other.name == table);
            capacity_row((number.unwrap_or(0), table), direction, capacity, summary)
        })
        .collect()
}

/// Global indexes in the order of the record, both directions of each.
pub(super) fn index_rows(summary: &Summary) -> Vec<IndexRow> {
    let mut rows = Vec::new();
    for (number, table) in summary.tables.iter().enumerate() {
        for (position, index) in table.indexes.iter().enumerate() {
            for direction in Direction::ALL {
                let own = &index.directions[direction];
                rows.push(IndexRow {
                    table: number,
                    index: position,
                    name: format!("{}/{}", table.name, index.name),
                    label: direction_label(direction),
                    mean: format::number(own.mean_per_second),
                    peak: format::number(own.peak_per_second),
                    provisioned: in_force(own.provisioned, direction),
                    utilisation_percent: optional(own.utilisation, format::percent),
                    burst: burst(own.burst),
                });
            }
        }
    }
    rows
}

/// Nothing is provisioned on demand, and at least 1 otherwise.
pub(super) fn provisioned(capacity: &CapacitySummary, direction: Direction) -> String {
    in_force(capacity.provisioned, direction)
}

fn in_force(units: f64, direction: Direction) -> String {
    if units > 0.0 {
        amount(units, direction)
    } else {
        format!("on-demand {}", direction.unit())
    }
}

fn capacity_row(
    (number, table): (usize, &str),
    direction: Direction,
    capacity: &CapacitySummary,
    summary: &Summary,
) -> CapacityRow {
    CapacityRow {
        number,
        table: table.to_owned(),
        direction,
        label: direction_label(direction),
        consumed: amount(capacity.consumed, direction),
        mean: format::number(capacity.mean_per_second),
        peak: format::number(capacity.peak_per_second),
        provisioned: provisioned(capacity, direction),
        utilisation: capacity.utilisation,
        utilisation_percent: optional(capacity.utilisation, format::percent),
        demand: optional(capacity.demand_estimate_per_second, |mean| {
            let peak = capacity
                .demand_peak_estimate_per_second
                .map(format::number)
                .filter(|peak| *peak != format::number(mean))
                .map_or_else(String::new, |peak| format!(", at its busiest {peak}"));
            format!(
                "about {}{peak}{}{}/s",
                format::number(mean),
                format::NO_BREAK,
                direction.unit()
            )
        }),
        throttled_share: optional(capacity.throttled_share, format::percent),
        throttled_seconds: format!(
            "{} of {}{}s",
            format::count(capacity.seconds_with_throttles),
            format::units(summary.seconds.round()),
            format::NO_BREAK
        ),
        burst: burst(capacity.burst),
        mark: if capacity.outcomes.throttled > 0 || !capacity.throttles_by_cause.is_empty() {
            Mark::Bad
        } else {
            Mark::Good
        },
    }
}

fn burst(burst: Option<BurstSummary>) -> String {
    let Some(burst) = burst else {
        return String::new();
    };
    if let Some(second) = burst.ran_dry_at_second {
        return format!(
            "burst dry after {}{}s",
            format::count(second + 1),
            format::NO_BREAK
        );
    }
    if !burst.ever_available {
        return "no burst credit".into();
    }
    let of_full = |units: f64| format::percent((units / burst.full).clamp(0.0, 1.0));
    let (lowest, last) = (of_full(burst.lowest), of_full(burst.last));
    if burst.lowest >= burst.full {
        "burst credit full".into()
    } else if lowest == last {
        format!("burst down to {last}")
    } else {
        format!("burst {last} left, lowest {lowest}")
    }
}

/// Those that an operation uses, or whose units were consumed all the same.
pub(super) fn each_direction<'a>(
    record: &'a RunRecord,
    summary: &'a Summary,
) -> impl Iterator<Item = (&'a str, Direction, &'a CapacitySummary)> + 'a {
    summary
        .tables
        .iter()
        .enumerate()
        .flat_map(move |(index, table)| {
            Direction::ALL.into_iter().filter_map(move |direction| {
                let capacity = &table.directions[direction];
                let used = record.operations.iter().any(|operation| {
                    operation.table == index && operation.kind.direction() == direction
                });
                (used || capacity.consumed > 0.0).then_some((
                    table.name.as_str(),
                    direction,
                    capacity,
                ))
            })
        })
}

fn amount(units: f64, direction: Direction) -> String {
    format!(
        "{}{}{}",
        format::units(units),
        format::NO_BREAK,
        direction.unit()
    )
}
