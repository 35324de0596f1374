//! "How much is enough?": what is throttled against what is provisioned, and what that costs.

use super::dollars;
use crate::{
    analysis::sizing::{CurvePoint, SizedSlot, Sizing, fit::Fit},
    price::{PriceTable, Unit, UnknownPrice},
    report::{
        chart::{Axis, Chart, Ink, Mark, Panel, Point, Shape, Texture},
        format::{count, number, percent},
        html::figure::{DataTable, Figure, Key, Sample, key},
    },
    units::{ByDirection, Direction, float},
};

/// Throttled shares above 0 that are drawn as this one are smaller.
const SMALLEST: f64 = 1e-5;
/// Times further than what was tried that the same price as on-demand is still drawn.
const FAR: f64 = 30.0;

/// The chart of one direction of a table or an index; `None` when nothing asks it for anything.
///
/// # Errors
/// When `prices` lacks one that the chart needs.
pub(super) fn curve(
    sizing: &Sizing,
    slot: &SizedSlot,
    slot_number: usize,
    direction: Direction,
    prices: &PriceTable,
) -> Result<Option<Figure>, UnknownPrice> {
    let points = &slot.curves[direction];
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Ok(None);
    };
    let unit = direction.unit();
    let month = sizing.prices.hours_per_month;
    let monthly = prices.provisioned(&sizing.prices.region, Unit::of(direction), 1.0, month)?;
    let (first, last) = (float(first.units), float(last.units));
    let on_demand = slot.demand[direction].mean / sizing.break_even[direction];
    let is_near = on_demand > first / FAR && on_demand < last * FAR;
    let (from, to) = if is_near {
        (first.min(on_demand), last.max(on_demand))
    } else {
        (first, last)
    };
    let x = Axis::logarithmic(from, to, number)
        .with_opposite(monthly, "$ per month", |usd| format!("${}", number(usd)));
    let mut marks = lines(points, direction);
    marks.push(Mark::Limit {
        y: sizing.target,
        label: format!("target {}", percent(sizing.target)),
        ink: Ink::Throttle,
    });
    if is_near {
        marks.push(Mark::Flag {
            x: on_demand,
            label: format!("costs as much as on-demand: {} {unit}", number(on_demand)),
            ink: Ink::Muted,
        });
    }
    marks.extend(signs(slot, direction));
    Ok(Some(Figure {
        reading: reading(sizing, slot, direction, on_demand),
        legend: legend(slot, direction),
        chart: Chart {
            id: format!("sizing-{slot_number}-{}", unit.to_lowercase()),
            title: format!(
                "Throttled requests against provisioned {unit} of {}",
                slot.name
            ),
            description: recommended(slot, direction),
            x,
            x_heading: format!("{unit} provisioned, logarithmic"),
            panels: vec![Panel {
                heading: format!(
                    "{}: throttled part of the requests that use {unit}, logarithmic",
                    slot.name
                ),
                height: 220,
                y: Axis::logarithmic_from_zero(SMALLEST, 1.0, percent),
                marks,
                note: None,
            }],
            right_margin: 40,
            attributes: Vec::new(),
        },
        table: table(points, monthly, unit),
    }))
}

const fn ink(direction: Direction) -> Ink {
    match direction {
        Direction::Read => Ink::Read,
        Direction::Write => Ink::Write,
    }
}

/// Ribbons below lines, and what happens without burst credit above what happens with it.
fn lines(points: &[CurvePoint], direction: Direction) -> Vec<Mark> {
    let line = |value: &dyn Fn(&CurvePoint) -> f64| -> Vec<Point> {
        let each = points.iter();
        each.map(|point| (float(point.units), value(point)))
            .collect()
    };
    let ribbon = |of: fn(&CurvePoint) -> [f64; 3], ink| Mark::Ribbon {
        upper: line(&|point| of(point)[2]),
        lower: line(&|point| of(point)[0]),
        ink,
        texture: Texture::Pale,
    };
    let median = |of: fn(&CurvePoint) -> [f64; 3], ink, texture| Mark::Line {
        segments: vec![line(&|point| of(point)[1])],
        ink,
        texture,
        width: 8,
    };
    let ink = ink(direction);
    vec![
        ribbon(|point| point.with_burst, Ink::Muted),
        ribbon(|point| point.without_burst, ink),
        median(|point| point.with_burst, Ink::Text, Texture::Dashed),
        median(|point| point.without_burst, ink, Texture::Solid),
    ]
}

fn signs(slot: &SizedSlot, direction: Direction) -> Vec<Mark> {
    let sign = |fits: &ByDirection<Option<Fit>>, shape, ink| {
        fits[direction].map(|fit| Mark::Signs {
            points: vec![(float(fit.units), fit.throttled.upper)],
            ink,
            shape,
        })
    };
    let on_burst = sign(&slot.with_burst, Shape::Triangle, Ink::Text);
    let recommended = sign(&slot.provision, Shape::Diamond, Ink::Good);
    on_burst.into_iter().chain(recommended).collect()
}

fn recommended(slot: &SizedSlot, direction: Direction) -> String {
    let unit = direction.unit();
    let fit = slot.provision[direction];
    fit.map_or_else(
        || format!("No number of {unit} meets the target."),
        |fit| {
            format!(
                "{} {unit} are the smallest that meet the target without burst credit.",
                count(fit.units)
            )
        },
    )
}

fn reading(sizing: &Sizing, slot: &SizedSlot, direction: Direction, on_demand: f64) -> String {
    let unit = direction.unit();
    let free = if sizing.prices.free_tier {
        "; the free tier is not taken off"
    } else {
        ""
    };
    format!(
        "{}: {} Above {} {unit} on-demand is the cheaper way to serve this load ({} {unit} on \
         average). Dollars are those of the {unit} alone, provisioned all month{free}.",
        slot.name,
        recommended(slot, direction),
        number(on_demand),
        number(slot.demand[direction].mean),
    )
}

fn legend(slot: &SizedSlot, direction: Direction) -> Vec<Key> {
    let ink = ink(direction);
    let line = |ink, texture, words: &str| key(ink, Sample::Line(texture), words);
    let surface = |ink, words: &str| key(ink, Sample::Surface(Texture::Pale), words);
    let mut legend = vec![
        line(
            ink,
            Texture::Solid,
            "without burst credit, median of the seeds",
        ),
        surface(ink, "without, 10–90 % of the seeds"),
        line(Ink::Text, Texture::Dashed, "with burst credit, median"),
        surface(Ink::Muted, "with, 10–90 %"),
    ];
    let unit = direction.unit();
    let signs = [
        (
            slot.provision[direction],
            Shape::Diamond,
            Ink::Good,
            "recommended",
        ),
        (
            slot.with_burst[direction],
            Shape::Triangle,
            Ink::Text,
            "on burst",
        ),
    ];
    legend.extend(signs.into_iter().filter_map(|(fit, shape, ink, what)| {
        let words = format!("{what}: {} {unit}, upper 95 % bound", count(fit?.units));
        Some(key(ink, Sample::Sign(shape.glyph()), words))
    }));
    legend
}

fn table(points: &[CurvePoint], monthly: f64, unit: &str) -> DataTable {
    let columns = [
        unit,
        "$ per month",
        "without burst: 10 %",
        "median",
        "90 %",
        "with burst: 10 %",
        "median",
        "90 %",
    ];
    let rows = points.iter().map(|point| {
        let shares = point.without_burst.into_iter().chain(point.with_burst);
        let dollars = dollars(float(point.units) * monthly);
        let head = [count(point.units), dollars];
        head.into_iter().chain(shares.map(percent)).collect()
    });
    DataTable {
        caption: "Throttled part of the requests: quantiles over the seeds.".to_owned(),
        columns: columns.map(ToOwned::to_owned).to_vec(),
        rows: rows.collect(),
    }
}
