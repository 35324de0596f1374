//! "How uneven are my keys?": what the hottest keys take together.

use super::{Axis, Chart, DataTable, Figure, Ink, Mark, Sample, Texture, key, panel};
use crate::{
    record::{
        RunRecord,
        heat::{ResourceHeat, keys::KeyHeat},
    },
    report::{
        format,
        heat::{exactness, name, skew},
    },
    units::{Direction, float},
};

/// The chart of a table or an index; `None` when no key took anything.
#[must_use]
pub fn key_skew(record: &RunRecord, heat: &ResourceHeat) -> Option<Figure> {
    let name = name(record, heat);
    let used: Vec<(Direction, &KeyHeat)> = Direction::ALL
        .into_iter()
        .map(|direction| (direction, &heat.keys[direction]))
        .filter(|(_, keys)| keys.units.halves() > 0)
        .collect();
    let most = (used.iter())
        .filter_map(|(_, keys)| keys.curve.last())
        .map(|(rank, _)| float(*rank))
        .fold(1.0, f64::max);
    if used.is_empty() {
        return None;
    }
    let mut marks = Vec::new();
    for (direction, keys) in &used {
        let (ink, texture) = look(*direction);
        if let Some(count) = keys.distinct {
            let even = keys
                .curve
                .iter()
                .map(|(rank, _)| (float(*rank), share(*rank, count)));
            marks.push(Mark::Line {
                segments: vec![even.collect()],
                ink: Ink::Muted,
                texture: Texture::Dotted,
                width: 6,
            });
        }
        let points = points(keys);
        if let Some((_, last)) = points.last() {
            marks.push(Mark::Label {
                y: *last,
                text: direction.unit().to_owned(),
                ink,
            });
        }
        marks.push(Mark::Line {
            segments: vec![points],
            ink,
            texture,
            width: 8,
        });
    }
    let mut y = Axis::from_zero(100.0, 4.0, |value| format!("{value:.0} %"));
    y.ticks.retain(|(at, _)| *at <= 100.0);
    let facts: Vec<String> = (used.iter())
        .map(|(direction, keys)| {
            let told = skew(keys, *direction);
            format!(
                "{told} {}: {}",
                direction.unit(),
                exactness(keys, *direction)
            )
        })
        .collect();
    let index = heat
        .index
        .map_or_else(String::new, |index| format!("-{index}"));
    Some(Figure {
        reading: format!("{name}. {}", facts.join(" ")),
        legend: (used.iter())
            .map(|(direction, _)| {
                let (ink, texture) = look(*direction);
                let words = format!("share of the {}", direction.unit());
                key(ink, Sample::Line(texture), words)
            })
            .chain([key(
                Ink::Muted,
                Sample::Line(Texture::Dotted),
                "if all keys took alike",
            )])
            .collect(),
        chart: Chart {
            id: format!("skew-{}{index}", heat.table),
            title: format!("Key skew of {name}: what the hottest keys take together"),
            description: facts.join(" "),
            x: Axis::logarithmic(1.0, most, |rank| format::units(rank.round())),
            x_heading: "this many of the hottest keys, logarithmic".to_owned(),
            panels: vec![panel("share of the units", 150, y, marks)],
            right_margin: 110,
            attributes: Vec::new(),
        },
        table: numbers(&used),
    })
}

const fn look(direction: Direction) -> (Ink, Texture) {
    match direction {
        Direction::Read => (Ink::Read, Texture::Solid),
        Direction::Write => (Ink::Write, Texture::Dashed),
    }
}

fn share(part: u64, whole: u64) -> f64 {
    float(part) / float(whole.max(1)) * 100.0
}

fn points(keys: &KeyHeat) -> Vec<(f64, f64)> {
    let total = keys.units.as_f64();
    let curve = keys.curve.iter();
    curve
        .map(|(rank, units)| (float(*rank), units.as_f64() / total * 100.0))
        .collect()
}

fn numbers(used: &[(Direction, &KeyHeat)]) -> DataTable {
    let columns = std::iter::once("hottest keys".to_owned());
    let names = used
        .iter()
        .map(|(direction, _)| format!("share of {}", direction.unit()));
    let mut ranks: Vec<u64> = (used.iter())
        .flat_map(|(_, keys)| keys.curve.iter().map(|(rank, _)| *rank))
        .collect();
    ranks.sort_unstable();
    ranks.dedup();
    let rows = ranks
        .iter()
        .map(|rank| {
            let cell = |keys: &KeyHeat| {
                let point = keys.curve.iter().find(|(known, _)| known == rank);
                point.map_or_else(
                    || format::NO_DATA.to_owned(),
                    |(_, units)| format::percent(units.as_f64() / keys.units.as_f64()),
                )
            };
            let cells = used.iter().map(|(_, keys)| cell(keys));
            std::iter::once(format::count(*rank)).chain(cells).collect()
        })
        .collect();
    DataTable {
        caption: "At least, where counts are not exact.".to_owned(),
        columns: columns.chain(names).collect(),
        rows,
    }
}
