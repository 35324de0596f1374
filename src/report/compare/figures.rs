//! The charts of a comparison. Candidates share every axis and every scale.

use super::{NAMED, drawn, times};
use crate::{
    analysis::compare::{Comparison, Ranked},
    report::{
        chart::{Axis, Chart, Ink, Mark, Panel, Point, Shape, Texture},
        format::{NO_DATA, count, length, number, percent},
        html::figure::{DataTable, Figure, Key, Sample, key, panel},
        sizing::cut,
    },
    units::float,
};

/// Throttled shares above 0 that are drawn as this one are smaller.
const SMALLEST: f64 = 1e-5;
/// Colours of candidates, over and over, each time with another texture.
const INKS: [Ink; 5] = [Ink::Read, Ink::Write, Ink::Good, Ink::Text, Ink::Muted];
const TEXTURES: [Texture; 3] = [Texture::Solid, Texture::Dashed, Texture::Dotted];
/// Points of a line from one sign to the next.
const SIGN_EVERY: usize = 4;
/// Rows of a heat map that have their number beside them.
const TICKS: usize = 4;

fn name(ranked: &Ranked) -> String {
    format!("{}  {}", ranked.rank, cut(&ranked.candidate.name, 40))
}

/// Multiples within what is tried.
fn tried(multiple: f64) -> f64 {
    multiple.clamp(1e-3, 1e6)
}

fn chart(id: &str, title: &str, (x, x_heading): (Axis, &str), panels: Vec<Panel>) -> Chart {
    let headings: Vec<&str> = panels.iter().map(|panel| panel.heading.as_str()).collect();
    Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        description: headings.join("; "),
        x,
        x_heading: x_heading.to_owned(),
        panels,
        right_margin: 40,
        attributes: Vec::new(),
    }
}

/// Dots with whiskers, one row for each candidate.
pub(super) fn headrooms(comparison: &Comparison) -> Figure {
    let ends = drawn(comparison).flat_map(|ranked| ranked.headroom_interval);
    let (least, most) = ends.fold((f64::INFINITY, 0.0_f64), |(least, most), end| {
        (least.min(tried(end)), most.max(tried(end)))
    });
    let panels = drawn(comparison).map(|ranked| {
        let [low, high] = ranked.headroom_interval;
        let end = |at| vec![(tried(at), -0.3), (tried(at), 0.3)];
        let heading = format!(
            "{}: {} ({}–{})",
            name(ranked),
            times(ranked.headroom),
            number(low),
            number(high)
        );
        let whiskers = Mark::Line {
            segments: vec![
                vec![(tried(low), 0.0), (tried(high), 0.0)],
                end(low),
                end(high),
            ],
            ink: Ink::Text,
            texture: Texture::Solid,
            width: 8,
        };
        let dot = Mark::Signs {
            points: vec![(tried(ranked.headroom), 0.0)],
            ink: Ink::Good,
            shape: Shape::Diamond,
        };
        panel(
            heading,
            22,
            Axis::places(1, Vec::new()),
            vec![whiskers, dot],
        )
    });
    let x = Axis::logarithmic(least, most, times);
    Figure {
        reading: "The largest multiple of the scenario's load that stays within the target, when \
                  the table has capacity for all of it and hot partitions have split until one \
                  key is the heat. Candidates of one rank cannot be told apart."
            .to_owned(),
        legend: vec![
            key(
                Ink::Good,
                Sample::Sign(Shape::Diamond.glyph()),
                "geometric mean over the seeds",
            ),
            key(Ink::Text, Sample::Line(Texture::Solid), "95 % interval"),
        ],
        chart: chart(
            "headroom",
            "Headroom of each key",
            (x, "multiple of the scenario's load, logarithmic"),
            panels.collect(),
        ),
        table: table(
            &["key", "rank", "headroom", "from", "to"],
            comparison.candidates.iter().map(|ranked| {
                let [low, high] = ranked.headroom_interval;
                let rest = [ranked.headroom, low, high].map(times);
                let head = [short(ranked), ranked.rank.to_string()];
                head.into_iter().chain(rest).collect()
            }),
        ),
    }
}

fn short(ranked: &Ranked) -> String {
    cut(&ranked.candidate.name, NAMED)
}

fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> DataTable {
    DataTable {
        caption: String::new(),
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        rows: rows.collect(),
    }
}

fn look(index: usize) -> (Ink, Texture, Shape) {
    let texture = TEXTURES[index / INKS.len() % TEXTURES.len()];
    // Another shape for each colour the next time.
    let shape = Shape::nth(index + index / INKS.len());
    (INKS[index % INKS.len()], texture, shape)
}

/// One line for each candidate, with signs of its own.
fn overlaid<'a>(
    comparison: &'a Comparison,
    points: impl Fn(&'a Ranked) -> Vec<Point>,
) -> Vec<Mark> {
    let lines = drawn(comparison).enumerate();
    let marks = lines.flat_map(|(index, ranked)| {
        let (ink, texture, shape) = look(index);
        let points = points(ranked);
        let signs = points.iter().skip(index % SIGN_EVERY).step_by(SIGN_EVERY);
        let signs = Mark::Signs {
            points: signs.copied().collect(),
            ink,
            shape,
        };
        let line = Mark::Line {
            segments: vec![points],
            ink,
            texture,
            width: 8,
        };
        [line, signs]
    });
    marks.collect()
}

fn legend(comparison: &Comparison) -> Vec<Key> {
    let keys = drawn(comparison).enumerate().map(|(index, ranked)| {
        let (ink, _, shape) = look(index);
        key(ink, Sample::Sign(shape.glyph()), name(ranked))
    });
    keys.collect()
}

/// Throttled part of the units against multiples of the load.
pub(super) fn against_load(comparison: &Comparison) -> Figure {
    let mut marks = overlaid(comparison, |ranked| {
        let curve = ranked.curves.throttled.iter();
        curve.map(|[multiple, share]| (*multiple, *share)).collect()
    });
    marks.push(Mark::Limit {
        y: comparison.target,
        label: format!("target {}", percent(comparison.target)),
        ink: Ink::Throttle,
    });
    let panel = panel(
        "throttled part of the units, logarithmic",
        220,
        Axis::logarithmic_from_zero(SMALLEST, 1.0, percent),
        marks,
    );
    let multiples = comparison.candidates.first();
    let multiples = multiples.map_or(&[][..], |ranked| &ranked.curves.throttled);
    let names: Vec<String> = drawn(comparison).map(short).collect();
    let columns: Vec<&str> = ["load"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    Figure {
        reading: "Throttled part of the units against multiples of the load, with the first seed: \
                  1 × is the scenario's own. The table has capacity for all of it; what is \
                  refused, single keys are too hot for."
            .to_owned(),
        legend: legend(comparison),
        chart: chart(
            "against-load",
            "Throttles as the load grows",
            (
                Axis::logarithmic(1e-2, 1e4, times),
                "multiple of the scenario's load, logarithmic",
            ),
            vec![panel],
        ),
        table: table(
            &columns,
            multiples.iter().enumerate().map(|(row, [multiple, _])| {
                let shares = drawn(comparison).map(|ranked| {
                    let point = ranked.curves.throttled.get(row);
                    point.map_or_else(|| NO_DATA.to_owned(), |point| percent(point[1]))
                });
                std::iter::once(times(*multiple)).chain(shares).collect()
            }),
        ),
    }
}

/// Requests that the hottest keys take.
pub(super) fn skews(comparison: &Comparison) -> Figure {
    let firsts = drawn(comparison).filter_map(|ranked| ranked.curves.skew.first());
    let least = firsts.map(|point| point[0]).fold(0.1, f64::min);
    let mut marks = vec![Mark::Line {
        segments: vec![even(least)],
        ink: Ink::Muted,
        texture: Texture::Dotted,
        width: 6,
    }];
    marks.extend(overlaid(comparison, |ranked| {
        let curve = ranked.curves.skew.iter();
        curve.map(|[keys, requests]| (*keys, *requests)).collect()
    }));
    let mut y = Axis::from_zero(1.0, 4.0, percent);
    y.ticks.retain(|(at, _)| *at <= 1.0);
    let mut legend = legend(comparison);
    legend.push(key(
        Ink::Muted,
        Sample::Line(Texture::Dotted),
        "if all keys took alike",
    ));
    Figure {
        reading: "Part of the requests that the hottest keys take together, with the first seed: \
                  the higher a line begins, the fewer keys take most of the load."
            .to_owned(),
        legend,
        chart: chart(
            "skew",
            "Requests by share of the keys",
            (
                Axis::logarithmic(least, 1.0, percent),
                "share of the keys, the hottest first, logarithmic",
            ),
            vec![panel("part of the requests", 200, y, marks)],
        ),
        table: table(
            &["key", "hottest keys", "requests"],
            drawn(comparison).flat_map(|ranked| {
                let curve = ranked.curves.skew.iter();
                curve.map(|point| {
                    let shares = point.map(percent);
                    std::iter::once(short(ranked)).chain(shares).collect()
                })
            }),
        ),
    }
}

/// The line on which as many keys take as many requests.
fn even(least: f64) -> Vec<Point> {
    let steps = 0..=40;
    let share = |step| least.powf(1.0 - f64::from(step) / 40.0);
    steps.map(|step| (share(step), share(step))).collect()
}

/// Which partitions each candidate makes hot.
pub(super) fn heats(comparison: &Comparison) -> Figure {
    let stage = &comparison.stage;
    let end = stage.seconds * float(stage.columns);
    let hottest = |ranked: &Ranked| {
        let cells = ranked.heat.iter().flatten();
        cells.copied().fold(0.0, f64::max)
    };
    let panels = drawn(comparison).map(|ranked| {
        let heading = format!(
            "{}: the hottest is asked for {} of what it gives",
            name(ranked),
            percent(hottest(ranked))
        );
        let rows = ranked.heat.len();
        let step = rows.div_ceil(TICKS).max(1);
        let ticks = (0..rows).step_by(step);
        let ticks = ticks.map(|row| (float(row as u64), count(row as u64 + 1)));
        let y = Axis::places(rows, ticks.collect());
        let cells = Mark::Cells {
            until: end,
            rows: ranked.heat.iter().rev().cloned().collect(),
        };
        panel(heading, 84, y, vec![cells, frames(ranked, stage.seconds)])
    });
    let shade = |share, words: &str| key(Ink::Text, Sample::Shade(share), words);
    Figure {
        reading: format!(
            "{} partitions, in the order of the hash space, at {} this load: half of what they \
             give would be used if it were spread evenly. Each stretch of {} in percent of what \
             one partition gives (3,000 RCU or 1,000 WCU, whichever is closer), with the first \
             seed; before any of them splits.",
            count(stage.partitions),
            times(stage.multiple),
            length(stage.seconds),
        ),
        legend: vec![
            shade(0.0, "0 %"),
            shade(0.25, "25 %"),
            shade(0.5, "50 %"),
            shade(0.75, "75 %"),
            shade(1.0, "100 % of what it gives, or more"),
            key(Ink::Throttle, Sample::Frame, "asked for more than it gives"),
        ],
        chart: chart(
            "heat",
            "Heat of the partitions under each key",
            (Axis::time(end), "time since the measured phases began"),
            panels.collect(),
        ),
        table: table(
            &["key", "hottest", "partitions asked for more than they give"],
            drawn(comparison).map(|ranked| {
                let rows = ranked.heat.iter();
                let beyond = rows
                    .filter(|row| row.iter().any(|share| *share > 1.0))
                    .count();
                vec![
                    short(ranked),
                    percent(hottest(ranked)),
                    count(beyond as u64),
                ]
            }),
        ),
    }
}

/// Around what is asked for more than a partition gives.
fn frames(ranked: &Ranked, seconds: f64) -> Mark {
    let mut corners = Vec::new();
    for (row, cells) in ranked.heat.iter().enumerate() {
        let (low, high) = (float(row as u64) - 0.5, float(row as u64) + 0.5);
        let mut from = 0;
        for beyond in cells.chunk_by(|one, next| (*one > 1.0) == (*next > 1.0)) {
            let to = from + beyond.len();
            if beyond[0] > 1.0 {
                let at = |column: usize| float(column as u64) * seconds;
                corners.push(((at(from), low), (at(to), high)));
            }
            from = to;
        }
    }
    Mark::Frames {
        corners,
        ink: Ink::Throttle,
    }
}
