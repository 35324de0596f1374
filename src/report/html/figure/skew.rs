//! "How uneven are my keys?": what the hottest keys take together.

use super::{Axis, Chart, DataTable, Figure, Ink, Mark, Sample, Texture, key, panel};
use crate::{
    record::heat::{ResourceHeat, keys::KeyHeat},
    report::{
        chart::Shape,
        format,
        heat::{exactness, skew, told_rank},
        html::timeline::Timeline,
    },
    units::{CapacityUnits, Direction, float},
};

/// The chart of a table or an index; `None` when no key took anything.
#[must_use]
pub fn key_skew(timeline: &Timeline, heat: &ResourceHeat) -> Option<Figure> {
    let name = &timeline.resource(heat.table, heat.index)?.name;
    let used: Vec<(Direction, &KeyHeat)> = Direction::ALL
        .into_iter()
        .map(|direction| (direction, &heat.keys[direction]))
        .filter(|(_, keys)| keys.units.halves() > 0)
        .collect();
    if used.is_empty() {
        return None;
    }
    let keys = Keys::of(&used);
    let mut marks = vec![Mark::Line {
        segments: keys.even(&used),
        ink: Ink::Muted,
        texture: Texture::Dotted,
        width: 6,
    }];
    for (direction, of) in &used {
        let (ink, texture) = look(*direction);
        let points = points(of, keys);
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
        marks.push(Mark::Signs {
            points: told_rank(of)
                .map(|(rank, units)| keys.point(of, rank, units))
                .into_iter()
                .collect(),
            ink,
            shape: shape(*direction),
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
            x: keys.axis(&used),
            x_heading: keys.heading().to_owned(),
            panels: vec![panel(told(&used), 150, y, marks)],
            right_margin: 110,
            attributes: Vec::new(),
        },
        table: numbers(&used, timeline.room.rows()),
    })
}

const fn look(direction: Direction) -> (Ink, Texture) {
    match direction {
        Direction::Read => (Ink::Read, Texture::Solid),
        Direction::Write => (Ink::Write, Texture::Dashed),
    }
}

const fn shape(direction: Direction) -> Shape {
    match direction {
        Direction::Read => Shape::Circle,
        Direction::Write => Shape::Diamond,
    }
}

/// How keys are told on the x axis: as a share of all of them where all were counted.
#[derive(Clone, Copy)]
enum Keys {
    Share,
    Count,
}

impl Keys {
    fn of(used: &[(Direction, &KeyHeat)]) -> Self {
        if used.iter().all(|(_, keys)| keys.distinct.is_some()) {
            Self::Share
        } else {
            Self::Count
        }
    }

    /// Where the hottest `rank` keys are.
    fn place(self, keys: &KeyHeat, rank: u64) -> f64 {
        match (self, keys.distinct) {
            (Self::Share, Some(count)) => percent(float(rank), float(count)),
            _ => float(rank),
        }
    }

    fn point(self, keys: &KeyHeat, rank: u64, units: CapacityUnits) -> (f64, f64) {
        let share = percent(units.as_f64(), keys.units.as_f64());
        (self.place(keys, rank), share)
    }

    fn axis(self, used: &[(Direction, &KeyHeat)]) -> Axis {
        let all = || used.iter().map(|(_, keys)| *keys);
        match self {
            Self::Share => {
                let least = all().map(|keys| self.place(keys, 1)).fold(100.0, f64::min);
                Axis::logarithmic(least, 100.0, |share| format::percent(share / 100.0))
            }
            Self::Count => {
                let last = all().filter_map(|keys| keys.curve.last());
                let most = last.map(|(rank, _)| float(*rank)).fold(1.0, f64::max);
                Axis::logarithmic(1.0, most, |rank| format::units(rank.round()))
            }
        }
    }

    const fn heading(self) -> &'static str {
        match self {
            Self::Share => "share of the keys with traffic, the hottest first, logarithmic",
            Self::Count => "this many of the hottest keys, logarithmic",
        }
    }

    /// What it would be if all keys took alike; not drawn where nobody knows how many there are.
    fn even(self, used: &[(Direction, &KeyHeat)]) -> Vec<Vec<(f64, f64)>> {
        let Self::Share = self else {
            return Vec::new();
        };
        let longest = used.iter().max_by_key(|(_, keys)| keys.distinct);
        let ranks = longest.into_iter().flat_map(|(_, keys)| {
            let ranks = keys.curve.iter();
            ranks.map(|(rank, _)| self.place(keys, *rank))
        });
        vec![ranks.map(|share| (share, share)).collect()]
    }
}

fn percent(part: f64, whole: f64) -> f64 {
    part / whole.max(0.5) * 100.0
}

/// `1 % of the keys take 43 % of the RCU`.
fn told(used: &[(Direction, &KeyHeat)]) -> String {
    let each = used.iter().filter_map(|(direction, keys)| {
        let (rank, units) = told_rank(keys)?;
        let who = match keys.distinct {
            Some(count) => format!(
                "{} of the keys",
                format::percent(float(rank) / float(count))
            ),
            None => format!("the {} hottest keys", format::count(rank)),
        };
        let share = format::percent(units.as_f64() / keys.units.as_f64());
        Some(format!("{who} take {share} of the {}", direction.unit()))
    });
    let each: Vec<String> = each.collect();
    format!("share of the units; {}", each.join(", "))
}

fn points(keys: &KeyHeat, on: Keys) -> Vec<(f64, f64)> {
    let curve = keys.curve.iter();
    curve
        .map(|(rank, units)| on.point(keys, *rank, *units))
        .collect()
}

fn numbers(used: &[(Direction, &KeyHeat)], most: usize) -> DataTable {
    let columns = std::iter::once("hottest keys".to_owned());
    let names = used
        .iter()
        .map(|(direction, _)| format!("share of {}", direction.unit()));
    let mut ranks: Vec<u64> = (used.iter())
        .flat_map(|(_, keys)| keys.curve.iter().map(|(rank, _)| *rank))
        .collect();
    ranks.sort_unstable();
    ranks.dedup();
    let step = ranks.len().div_ceil(most).max(1);
    let ranks: Vec<u64> = ranks.into_iter().step_by(step).collect();
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
