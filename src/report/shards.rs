//! What reports say of shards: of one, and of each in a merged run.

use super::{Fact, Mark, ShardRow, format, view::fact};
use crate::{
    record::{
        RunRecord,
        shard::{self, ClockOffset, MergedShard, Part},
    },
    schedule::shard::Shard,
};

/// One for each shard of a merged run, those that are missing among them.
pub(super) fn rows(record: &RunRecord) -> Vec<ShardRow> {
    let all: u64 = record.shards.iter().map(|one| one.arrivals).sum();
    let there = record
        .shards
        .iter()
        .map(|one| (one.part.shard, row(one, all)));
    let count = record
        .shards
        .first()
        .map_or(0, |one| one.part.shard.count());
    let missing = shard::missing(&record.shards);
    let missing = missing.iter().filter_map(|number| {
        let shard = Shard::new(*number, count).ok()?;
        Some((shard, missing_row(shard)))
    });
    let mut rows: Vec<_> = there.chain(missing).collect();
    rows.sort_by_key(|(shard, _)| *shard);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn missing_row(shard: Shard) -> ShardRow {
    let unknown = || "–".to_owned();
    ShardRow {
        shard: shard.to_string(),
        arrivals: unknown(),
        share: unknown(),
        offset: unknown(),
        late: "missing".to_owned(),
        dispatch_delay: unknown(),
        mark: Mark::Caution,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share, for display")]
fn row(one: &MergedShard, all: u64) -> ShardRow {
    let (part, interrupted) = (&one.part, one.interrupted);
    let late = if interrupted {
        "interrupted".to_owned()
    } else {
        lateness(part)
    };
    ShardRow {
        shard: part.shard.to_string(),
        arrivals: format::count(one.arrivals),
        share: format::percent(one.arrivals as f64 / all.max(1) as f64),
        offset: offset(part.clock),
        late,
        dispatch_delay: one
            .dispatch_delay_p99_nanos
            .map_or_else(|| "–".to_owned(), format::duration),
        mark: if part.late_nanos > 0 || interrupted {
            Mark::Caution
        } else {
            Mark::Good
        },
    }
}

/// What identifies the record of a shard, or of a merged run, as that.
pub(super) fn facts(record: &RunRecord) -> Vec<Fact> {
    if let Some(part) = &record.provenance.part {
        return vec![
            fact("shard", &part.shard.to_string()),
            fact("ready", &lateness(part)),
            fact("clock offset", &offset(part.clock)),
        ];
    }
    let Some(first) = record.shards.first() else {
        return Vec::new();
    };
    let merged = format!("{} of {}", record.shards.len(), first.part.shard.count());
    vec![fact("merged shards", &merged)]
}

fn lateness(part: &Part) -> String {
    match part.late_nanos {
        0 => "in time".to_owned(),
        late => format!("{} late", format::duration(late)),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a duration, for display")]
fn offset(clock: Option<ClockOffset>) -> String {
    clock.map_or_else(
        || "–".to_owned(),
        |clock| {
            format!(
                "{} ± {}",
                format::duration_difference(clock.offset_nanos as f64),
                format::duration(clock.uncertainty_nanos)
            )
        },
    )
}
