//! A rough look at whether the load fits what is provisioned, before anything is sent.
//!
//! Only an estimate from mean sizes and mean rates; the capacity model gives the real answer.

use super::{
    super::{
        Billing, Consistency, OperationKind, OperationSpec, Phase, Scenario, Table, ValueSpec,
        diagnostic::Diagnostic,
        file::Problems,
        quantity::grouped,
        sizes::{as_f64, item_bytes_mean},
    },
    tables,
};
use crate::units::{ByDirection, Direction, Share};

/// Demand above this multiple of the capacity is clearly too much.
const CLEARLY: f64 = 1.1;

pub(super) fn check(scenario: &Scenario, drafts: &[tables::Draft], problems: &mut Problems) {
    for (index, (table, draft)) in scenario.tables.iter().zip(drafts).enumerate() {
        // On demand, and with auto scaling, it depends on how fast the load grows.
        let Billing::Provisioned {
            capacity,
            auto_scaling:
                ByDirection {
                    read: None,
                    write: None,
                },
        } = table.billing
        else {
            continue;
        };
        for direction in Direction::ALL {
            let provisioned = capacity[direction].as_f64();
            let units = |spec: &OperationSpec| {
                let counts = spec.table == index && spec.kind.direction() == direction;
                if counts { units_of(spec, table) } else { 0.0 }
            };
            let units: Vec<f64> = scenario.operations.iter().map(units).collect();
            let worst = scenario.phases.iter().filter_map(|phase| {
                let shares = phase.shares(&scenario.operations).map(Share::as_fraction);
                let per_request: f64 = shares.zip(&units).map(|(share, units)| share * units).sum();
                let rate = phase.arrivals.rate_mean(phase.duration)?;
                let demand = rate.as_per_second() * per_request;
                let burst = f64::from(scenario.model.burst_seconds)
                    * provisioned
                    * scenario.model.initial_burst_fraction.as_fraction();
                let lasts = burst / (demand - provisioned);
                let exceeds = demand > provisioned * CLEARLY && lasts < seconds(phase);
                exceeds.then_some((demand, lasts))
            });
            let Some((demand, lasts)) = worst.max_by(|a, b| a.0.total_cmp(&b.0)) else {
                continue;
            };
            let (noun, unit) = match direction {
                Direction::Read => ("reads", "RCU"),
                Direction::Write => ("writes", "WCU"),
            };
            let burst = if lasts < 1.0 {
                "it starts without burst".to_owned()
            } else {
                format!("burst lasts about {}", about(lasts))
            };
            let label = format!("needs about {} {unit}; {burst}", grouped(round(demand)));
            problems.push(
                Diagnostic::warning(
                    "S031",
                    draft.capacity_spans[direction].clone(),
                    format!("this load exceeds provisioned {noun} (an estimate from mean sizes)"),
                )
                .label(label)
                .help("intended? set `expect_throttling = true` at the top"),
            );
        }
    }
}

/// Units that a request takes on average where operations have these shares.
pub(super) fn per_request<'d>(
    shares: impl Iterator<Item = (&'d OperationSpec, Share)>,
    tables: &[tables::Draft],
) -> ByDirection<f64> {
    let mut sum = ByDirection::default();
    for (spec, share) in shares {
        if let Some(draft) = tables.get(spec.table) {
            sum[spec.kind.direction()] += share.as_fraction() * units_of(spec, &draft.table);
        }
    }
    sum
}

/// Units of one request on an item of mean size ([RWO]: 4,096 B a read block, 1,024 B a write).
fn units_of(spec: &OperationSpec, table: &Table) -> f64 {
    const PAGE: f64 = 1_048_576.0;
    let item = item_bytes_mean(table);
    let factor = match spec.consistency {
        Consistency::Strong => 1.0,
        Consistency::Eventual => 0.5,
    };
    let (fewest, most) = spec.members.count;
    let members = f64::midpoint(f64::from(fewest), f64::from(most));
    match spec.kind {
        OperationKind::Get | OperationKind::StatementSelect => factor * blocks(item, 4096.0),
        OperationKind::Query | OperationKind::Scan => {
            let limit = spec.read.limit.map_or(f64::INFINITY, |fewest| {
                let most = spec.read.limit_max.unwrap_or(fewest);
                f64::midpoint(f64::from(fewest), f64::from(most))
            });
            let items = match spec.kind {
                OperationKind::Query => items_per_partition_key(table),
                _ => as_f64(table.items) / f64::from(spec.read.segments),
            };
            let page = (items.min(limit) * item).min(PAGE);
            let pages = if spec.read.all_pages {
                (items * item / page).ceil().max(1.0)
            } else {
                1.0
            };
            pages * factor * blocks(page, 4096.0)
        }
        OperationKind::BatchGet => members * factor * blocks(item, 4096.0),
        OperationKind::TransactGet => members * 2.0 * blocks(item, 4096.0),
        OperationKind::BatchWrite => members * blocks(item, 1024.0),
        OperationKind::TransactWrite => members * 2.0 * blocks(item, 1024.0),
        // Its reads are few beside its writes: half or one unit each.
        OperationKind::ReadModifyWrite
        | OperationKind::Put
        | OperationKind::Update
        | OperationKind::Delete
        | OperationKind::StatementInsert
        | OperationKind::StatementUpdate
        | OperationKind::StatementDelete => blocks(item, 1024.0),
    }
}

fn blocks(bytes: f64, block: f64) -> f64 {
    (bytes / block).ceil().max(1.0)
}

fn items_per_partition_key(table: &Table) -> f64 {
    let items = as_f64(table.items);
    let keys = match table
        .attributes
        .get(table.partition_key)
        .map(|key| &key.value)
    {
        Some(ValueSpec::Group { size, .. }) => return as_f64(*size).min(items),
        Some(ValueSpec::Cycle { size, .. }) => as_f64(*size),
        Some(ValueSpec::Zipfian { count, .. }) => as_f64(*count),
        Some(ValueSpec::Categorical { choices }) => as_f64(choices.len() as u64),
        _ => items,
    };
    (items / keys).max(1.0)
}

fn seconds(phase: &Phase) -> f64 {
    phase.duration.as_secs_f64()
}

/// Two significant digits.
fn round(value: f64) -> f64 {
    let scale = 10_f64.powf(value.abs().max(1.0).log10().floor() - 1.0);
    ((value / scale).round() * scale * 1e6).round() / 1e6
}

fn about(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{} s", grouped(round(seconds)))
    } else {
        format!("{} min", grouped(round(seconds / 60.0)))
    }
}
