//! What became of partitions: how many there were, and of a hot one whether it split.

use super::{Fact, format, view::fact};
use crate::{
    capacity::{partition::HeatEvent, split::SplitBlock},
    record::{IntervalTable, RunRecord},
};

/// One for each table or global index whose partitions changed or were hot; none where the
/// target does not show partitions.
pub(super) fn facts(record: &RunRecord) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (number, table) in record.tables.iter().enumerate() {
        let states = || {
            let intervals = record.intervals.iter();
            intervals.filter_map(move |interval| interval.tables.get(number))
        };
        facts.extend(fact_of(&table.name, states()));
        for (position, index) in table.indexes.iter().enumerate() {
            let name = format!("{}/{}", table.name, index.name);
            let of_index = states().filter_map(|state| state.indexes.get(position));
            facts.extend(fact_of(&name, of_index));
        }
    }
    facts
}

fn fact_of<'a>(name: &str, states: impl Iterator<Item = &'a IntervalTable>) -> Option<Fact> {
    let mut shown = states.filter(|state| state.partitions.is_some());
    let first = shown.next()?;
    let last = shown.last().unwrap_or(first);
    if first.partitions == last.partitions && last.last_heat.is_none() {
        return None;
    }
    let count = last.partitions?;
    let plural = if count == 1 { "" } else { "s" };
    let mut text = format!("{count} partition{plural} at the end");
    if first.partitions != last.partitions {
        text = format!("{text}, {} at first", first.partitions?);
    }
    if let Some(event) = last.last_heat {
        text = format!("{text}; {}", fate(event));
    }
    Some(fact(name, &text))
}

/// What became of a hot partition.
fn fate(event: HeatEvent) -> String {
    let after = format::length(event.at.as_secs_f64());
    let partition = event.partition;
    let Some(block) = event.blocked else {
        return format!("partition {partition} was hot and split after {after}");
    };
    let because = match block {
        SplitBlock::BelowTrigger => "it was not hot for long enough",
        SplitBlock::SingleHotKey => "one key is the heat",
        SplitBlock::SequentialAccess => "sort keys only rise, so that the heat would move along",
        SplitBlock::LsiItemCollection => "a local index keeps its item collection in one place",
    };
    format!("partition {partition} was hot after {after} and did not split: {because}")
}
