//! "Which partition is hot, and when?": one row per partition, on the scale of its ceiling.

use super::{
    Axis, Chart, DataTable, Figure, Ink, Key, Mark, Panel, Sample, Timeline, key, panel, plain,
    time_attributes,
};
use crate::{
    record::heat::{Cells, PartitionHeat, ResourceHeat},
    report::{
        chart::Shape,
        format,
        heat::{peak_of_ceiling, share_served},
        html::room::Room,
    },
    units::Direction,
};

/// Rows that have their number beside them.
const TICKS: usize = 8;
/// Partitions whose share stands in the margin.
const SHARES: usize = 3;

/// The chart of a table or an index; `None` when nothing was served or refused.
#[must_use]
pub fn heat(timeline: &Timeline, heat: &ResourceHeat) -> Option<Figure> {
    let name = &timeline.resource(heat.table, heat.index)?.name;
    let room = timeline.room;
    let directions: Vec<Direction> = Direction::ALL
        .into_iter()
        .filter(|direction| rows(heat).any(|one| asked(one, *direction) > 0.0))
        .collect();
    if directions.is_empty() {
        return None;
    }
    let end = seconds(heat);
    let panels = (directions.iter())
        .map(|direction| one_panel(heat, room, *direction))
        .collect();
    let columns: Vec<String> = directions.iter().map(|d| column_name(name, *d)).collect();
    let mut attributes = time_attributes(timeline, &columns);
    attributes[0].1 = plain_number(end);
    let id = heat
        .index
        .map_or_else(String::new, |index| format!("-{index}"));
    Some(Figure {
        reading: reading(heat, room, name),
        legend: legend(heat),
        chart: Chart {
            id: format!("heat-{}{id}", heat.table),
            title: format!("Heat of the partitions of {name}, % of the ceiling of each"),
            description: description(heat, &directions),
            x: Axis::time(end),
            x_heading: "time since the start".to_owned(),
            panels,
            right_margin: 150,
            attributes,
        },
        table: numbers(heat, room, &directions),
    })
}

/// The column of the page's data.
pub fn column_name(name: &str, direction: Direction) -> String {
    format!(
        "{name} hottest partition, % of its {} ceiling",
        direction.unit()
    )
}

/// The hottest partition in each second, % of its ceiling.
#[must_use]
pub fn hottest_series(heat: &ResourceHeat, direction: Direction, seconds: usize) -> Vec<f64> {
    let mut columns = vec![0.0_f64; heat.columns];
    for one in rows(heat) {
        let cells = one.directions[direction]
            .served_per_second
            .values(heat.columns);
        for (hottest, cell) in columns.iter_mut().zip(cells) {
            *hottest = hottest.max(cell);
        }
    }
    let ceiling = heat.ceilings[direction].as_f64().max(1.0);
    let width = usize::try_from(heat.column_seconds.max(1)).unwrap_or(usize::MAX);
    (0..seconds)
        .map(|second| {
            columns
                .get(second / width)
                .map_or(f64::NAN, |cell| cell / ceiling * 100.0)
        })
        .collect()
}

/// From the top: the others, then the partitions against the order of the hash space, so that
/// the first is lowest.
fn rows(heat: &ResourceHeat) -> impl DoubleEndedIterator<Item = &PartitionHeat> {
    heat.others.iter().chain(heat.partitions.iter().rev())
}

fn asked(one: &PartitionHeat, direction: Direction) -> f64 {
    let own = &one.directions[direction];
    (own.served + own.refused).as_f64()
}

fn seconds(heat: &ResourceHeat) -> f64 {
    count(heat.columns.max(1)) * count(usize::try_from(heat.column_seconds).unwrap_or(1))
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
const fn count(number: usize) -> f64 {
    number as f64
}

fn plain_number(value: f64) -> String {
    format!("{value:.0}")
}

/// How many columns of the record are one of the drawing.
fn merged(heat: &ResourceHeat, room: Room) -> usize {
    let cells = rows(heat).count() * heat.columns;
    cells.div_ceil(room.heat_cells()).max(1)
}

fn column_seconds(heat: &ResourceHeat) -> usize {
    usize::try_from(heat.column_seconds).unwrap_or(1)
}

fn one_panel(heat: &ResourceHeat, room: Room, direction: Direction) -> Panel {
    let ceiling = heat.ceilings[direction].as_f64().max(1.0);
    let all: Vec<&PartitionHeat> = rows(heat).collect();
    let height = |row: usize| count(all.len() - 1 - row);
    let mut cells = Vec::new();
    let mut frames = Vec::new();
    // Where there is less room, a cell is the hottest of several columns.
    let merged = merged(heat, room);
    let width = count(column_seconds(heat) * merged);
    let end = seconds(heat);
    let columns = |cells: &Cells| -> Vec<f64> {
        let values: Vec<f64> = cells.values(heat.columns).collect();
        let parts = values.chunks(merged);
        parts
            .map(|part| part.iter().copied().fold(0.0, f64::max))
            .collect()
    };
    for (row, one) in all.iter().enumerate() {
        let own = &one.directions[direction];
        let served = columns(&own.served_per_second);
        let refused = columns(&own.refused_per_second);
        let beyond = |column: &usize| refused[*column] > 0.0;
        for (from, to) in runs((0..refused.len()).filter(beyond)) {
            let low = (count(from) * width, height(row) - 0.5);
            let high = ((count(to) * width).min(end), height(row) + 0.5);
            frames.push((refused[from..to].iter().sum::<f64>(), (low, high)));
        }
        let both = served.iter().zip(&refused);
        let share = |(served, refused): (&f64, &f64)| {
            if served + refused > 0.0 {
                served / ceiling
            } else {
                f64::NAN
            }
        };
        cells.push(both.map(share).collect::<Vec<f64>>());
    }
    // Where there are more than can be told apart, those of which most was asked.
    frames.sort_by(|a, b| b.0.total_cmp(&a.0));
    frames.truncate(room.points());
    let step = all.len().div_ceil(TICKS);
    let ticks = (0..all.len())
        .rev()
        .step_by(step.max(1))
        .map(|row| {
            let is_others = row == 0 && heat.others.is_some();
            let words = if is_others {
                "others".into()
            } else {
                all[row].number.to_string()
            };
            (height(row), words)
        })
        .collect();
    let mut marks = vec![
        Mark::Cells {
            until: cells.first().map_or(end, |row| count(row.len()) * width),
            rows: cells,
        },
        Mark::Frames {
            corners: frames.into_iter().map(|(_, corners)| corners).collect(),
            ink: Ink::Throttle,
        },
    ];
    marks.push(splits(heat, room, &all, direction));
    marks.extend(shares(heat, &all, direction));
    let rows = u32::try_from(all.len()).unwrap_or(u32::MAX);
    panel(
        format!(
            "{} by partition, in the order of the hash space; ceiling {} {} each",
            direction.unit(),
            plain(ceiling),
            direction.unit()
        ),
        rows.saturating_mul(5).clamp(44, 220),
        Axis::places(all.len(), ticks),
        marks,
    )
}

/// A sign where a partition that is shown came into being.
fn splits(heat: &ResourceHeat, room: Room, all: &[&PartitionHeat], direction: Direction) -> Mark {
    let place = |from: &str| {
        let row = all.iter().position(|one| one.from == from)?;
        (asked(all[row], direction) > 0.0).then(|| count(all.len() - 1 - row))
    };
    #[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
    let points = (heat.splits.iter())
        .filter_map(|split| Some((split.second as f64 + 0.5, place(&split.from)?)))
        .take(room.points())
        .collect();
    Mark::Signs {
        points,
        ink: Ink::Text,
        shape: Shape::Diamond,
    }
}

/// The share of each in the margin, the largest with their numbers.
fn shares(heat: &ResourceHeat, all: &[&PartitionHeat], direction: Direction) -> Vec<Mark> {
    let place = |row: usize| count(all.len() - 1 - row);
    let mut shares: Vec<(f64, usize)> = (all.iter().enumerate())
        .filter(|(_, one)| !one.from.is_empty())
        .filter_map(|(row, one)| Some((share_served(heat, one, direction)?, row)))
        .filter(|(share, _)| *share > 0.0)
        .collect();
    let bars = Mark::Bars {
        rows: shares
            .iter()
            .map(|(share, row)| (place(*row), *share))
            .collect(),
        ink: Ink::Muted,
    };
    shares.sort_by(|a, b| b.0.total_cmp(&a.0));
    let labels = shares.iter().take(SHARES).map(|(share, row)| Mark::Label {
        y: place(*row),
        text: format!("{}: {}", all[*row].number, format::percent(*share)),
        ink: Ink::Text,
    });
    std::iter::once(bars).chain(labels).collect()
}

/// Numbers that follow each other, as half-open ranges.
fn runs(numbers: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, to)) if *to == number => *to += 1,
            _ => runs.push((number, number + 1)),
        }
    }
    runs
}

fn reading(heat: &ResourceHeat, room: Room, name: &str) -> String {
    let each = match column_seconds(heat) * merged(heat, room) {
        0 | 1 => "each second".to_owned(),
        width => format!("the hottest second of each {width}"),
    };
    let others = match heat.others {
        Some(_) => format!(
            " The {} hottest of {} partitions with traffic have a row of their own; the top row \
             is the hottest of all others.",
            heat.partitions.len(),
            heat.partitions_used
        ),
        None => String::new(),
    };
    format!(
        "{name}: {each}, in percent of what one partition serves, whatever is provisioned. A \
         frame: more was asked of it than it serves. Bars beside the rows: its share of the \
         units.{others}"
    )
}

fn legend(heat: &ResourceHeat) -> Vec<Key> {
    let scale = |share, words: &str| key(Ink::Text, Sample::Shade(share), words);
    let mut legend = vec![
        scale(0.0, "0 %"),
        scale(0.25, "25 %"),
        scale(0.5, "50 %"),
        scale(0.75, "75 %"),
        scale(1.0, "100 % of its ceiling, or more"),
        key(
            Ink::Throttle,
            Sample::Frame,
            "asked for more than its ceiling",
        ),
    ];
    if !heat.splits.is_empty() {
        let sign = Sample::Sign(Shape::Diamond.glyph());
        legend.push(key(Ink::Text, sign, "new partition, by a split"));
    }
    legend
}

fn description(heat: &ResourceHeat, directions: &[Direction]) -> String {
    let parts: Vec<String> = (directions.iter())
        .filter_map(|direction| {
            let peak = |one: &&PartitionHeat| peak_of_ceiling(heat, one, *direction);
            let hottest = (heat.partitions.iter()).max_by(|a, b| peak(a).total_cmp(&peak(b)))?;
            Some(format!(
                "{}: partition {} came to {} of its ceiling",
                direction.unit(),
                hottest.number,
                format::percent(peak(&hottest))
            ))
        })
        .collect();
    format!(
        "{} of {} partitions had traffic. {}.",
        heat.partitions_used,
        heat.partitions_at_end,
        parts.join("; ")
    )
}

fn numbers(heat: &ResourceHeat, room: Room, directions: &[Direction]) -> DataTable {
    let mut columns = vec!["partition".to_owned()];
    for direction in directions {
        let unit = direction.unit();
        columns.extend([
            format!("{unit} served"),
            "share".to_owned(),
            "hottest second, % of ceiling".to_owned(),
            format!("{unit} refused"),
        ]);
    }
    let asked_of = |one: &PartitionHeat| -> f64 { directions.iter().map(|d| asked(one, *d)).sum() };
    let mut least: Vec<f64> = rows(heat).map(asked_of).collect();
    least.sort_by(|a, b| b.total_cmp(a));
    let least = least.get(room.rows()).copied().unwrap_or(-1.0);
    let rows = rows(heat)
        .rev()
        .filter(|one| asked_of(one) > least)
        .map(|one| {
            let is_others = one.from.is_empty();
            let number = if is_others {
                "others".to_owned()
            } else {
                one.number.to_string()
            };
            let mut row = vec![number];
            for direction in directions {
                let own = &one.directions[*direction];
                let share = share_served(heat, one, *direction);
                row.extend([
                    format::units(own.served.as_f64()),
                    share.map_or_else(|| format::NO_DATA.to_owned(), format::percent),
                    format::percent(peak_of_ceiling(heat, one, *direction)),
                    format::units(own.refused.as_f64()),
                ]);
            }
            row
        })
        .collect();
    DataTable {
        caption: if least < 0.0 {
            "Over the whole run, warm-up included.".to_owned()
        } else {
            "Over the whole run, warm-up included; the partitions of which most was asked."
                .to_owned()
        },
        columns,
        rows,
    }
}
