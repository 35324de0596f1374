//! What the model says beside what was measured.

use super::{ModelRow, direction_label, format};
use crate::{
    record::{RunRecord, model::TableTotals},
    units::{ByDirection, CapacityUnits, Direction, float},
};

/// A row for everything that the run or its simulation took, and for each reason of throttles;
/// none where nothing was simulated.
pub(super) fn rows(record: &RunRecord) -> Vec<ModelRow> {
    let mut rows = Vec::new();
    if record.model.is_empty() {
        return rows;
    }
    let measured = TableTotals::of(record);
    for ((table, measured), model) in record.tables.iter().zip(&measured).zip(&record.model) {
        rows.extend(units(&table.name, measured.consumed, model.consumed));
        let indexes = measured.indexes.iter().zip(&model.indexes);
        for (index, (measured, model)) in table.indexes.iter().zip(indexes) {
            let name = format!("{}/{}", table.name, index.name);
            rows.extend(units(&name, *measured, *model));
        }
        let (measured, model) = (&measured.throttles_by_reason, &model.throttles_by_reason);
        let mut reasons: Vec<_> = measured.keys().chain(model.keys()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        rows.extend(reasons.into_iter().map(|reason| {
            let count =
                |of: &std::collections::BTreeMap<String, u64>| of.get(reason).copied().unwrap_or(0);
            let (measured, model) = (count(measured), count(model));
            ModelRow {
                what: reason.clone(),
                measured: format::count(measured),
                model: format::count(model),
                difference: difference(float(measured), float(model)),
            }
        }));
    }
    rows
}

fn units(
    name: &str,
    measured: ByDirection<CapacityUnits>,
    model: ByDirection<CapacityUnits>,
) -> impl Iterator<Item = ModelRow> {
    let both = Direction::ALL.map(|direction| {
        let (measured, model) = (measured[direction].as_f64(), model[direction].as_f64());
        (direction, measured, model)
    });
    let taken = both
        .into_iter()
        .filter(|(_, measured, model)| *measured > 0.0 || *model > 0.0);
    taken.map(move |(direction, measured, model)| ModelRow {
        what: format!(
            "{name} {} in {}",
            direction_label(direction),
            direction.unit()
        ),
        measured: format::number(measured),
        model: format::number(model),
        difference: difference(measured, model),
    })
}

/// How much more was measured than the model says.
fn difference(measured: f64, model: f64) -> String {
    let part = measured / model - 1.0;
    if !part.is_finite() {
        return format::NO_DATA.to_owned();
    }
    let sign = match part.total_cmp(&0.0) {
        std::cmp::Ordering::Less => "−",
        std::cmp::Ordering::Equal => "",
        std::cmp::Ordering::Greater => "+",
    };
    format!("{sign}{}", format::percent(part.abs()))
}
