//! "Did we have enough capacity?": consumption against provision, and the burst that is left.

use super::{
    Axis, Chart, DataTable, Figure, Ink, Keep, Key, Mark, Panel, Sample, Texture, Timeline, key,
    largest, line, panel, plain, time_attributes, time_axis, time_table,
};
use crate::{
    record::RunRecord,
    report::html::timeline::{TableSeries, minute_means, spans, steps},
    units::Direction,
};

/// The chart of table number `table`, or of its global index number `index`.
#[must_use]
pub fn capacity(
    record: &RunRecord,
    timeline: &Timeline,
    table: usize,
    index: Option<usize>,
) -> Figure {
    let about = &record.tables[table];
    let own = &timeline.tables[table];
    let (series, whose, id) = match index {
        None => {
            let whose = format!("table {}", own.name);
            (own, whose, format!("capacity-{table}"))
        }
        Some(index) => {
            let series = &own.indexes[index];
            let whose = format!("index {}", series.name);
            (series, whose, format!("capacity-{table}-{index}"))
        }
    };
    let (x, x_heading) = time_axis(timeline);
    let panels = Direction::ALL
        .into_iter()
        .flat_map(|direction| panels(timeline, series, direction))
        .collect();
    let names: Vec<String> = Direction::ALL
        .into_iter()
        .flat_map(|direction| columns(series, direction))
        .map(|(name, ..)| name)
        .collect();
    Figure {
        reading: reading(
            &whose,
            about.on_demand,
            index.is_some() && about.indexes.len() > 1,
        ),
        legend: if timeline.room.legends() || (table, index) == (0, None) {
            legend(timeline, about.on_demand)
        } else {
            Vec::new()
        },
        chart: Chart {
            id,
            title: if about.on_demand {
                format!("Capacity of {whose}: consumed units per second, on demand")
            } else {
                format!("Capacity of {whose}: consumed against provisioned units per second")
            },
            description: description(series),
            x,
            x_heading,
            panels,
            right_margin: 110,
            attributes: time_attributes(timeline, &names),
        },
        table: numbers(timeline, series),
    }
}

fn reading(whose: &str, on_demand: bool, one_of_several: bool) -> String {
    let mut capital = whose.to_owned();
    capital[..1].make_ascii_uppercase();
    let meaning = if on_demand {
        format!(
            "{capital}, billed by the request: nothing is provisioned. Seconds in which requests \
             were throttled are shaded."
        )
    } else {
        format!(
            "{capital}. Consumption may stay above the dashed line only while burst credit \
             lasts; when that is gone, requests are throttled (shaded)."
        )
    };
    if one_of_several {
        format!(
            "{meaning} A throttled answer does not say which index refused: each index of the \
             table is shaded."
        )
    } else {
        meaning
    }
}

fn legend(timeline: &Timeline, on_demand: bool) -> Vec<Key> {
    let mut legend = vec![
        key(
            Ink::Read,
            Sample::Line(Texture::Solid),
            "RCU consumed in each second",
        ),
        key(
            Ink::Write,
            Sample::Line(Texture::Solid),
            "WCU consumed in each second",
        ),
    ];
    if timeline.seconds >= 60 {
        let words = "mean of each minute, as a console shows it";
        legend.push(key(Ink::Muted, Sample::Line(Texture::Solid), words));
    }
    if !on_demand {
        let sample = Sample::Line(Texture::Dashed);
        legend.push(key(Ink::Text, sample, "provisioned"));
    }
    legend.push(key(
        Ink::Throttle,
        Sample::Surface(Texture::Pale),
        "seconds with throttles",
    ));
    legend
}

/// What the page's data hold of one direction of a table.
pub fn columns(table: &TableSeries, direction: Direction) -> Vec<(String, &[f64], Keep)> {
    let name = &table.name;
    let unit = direction.unit();
    let provisioned = &table.provisioned[direction];
    let mut columns: Vec<(String, &[f64], Keep)> = vec![(
        format!("{name} consumed {unit}"),
        &table.consumed[direction],
        Keep::Highest,
    )];
    if largest(provisioned) > 0.0 {
        columns.push((
            format!("{name} provisioned {unit}"),
            provisioned,
            Keep::Highest,
        ));
    }
    if let Some(left) = &table.burst_percent {
        columns.push((
            format!("{name} {unit} burst left %"),
            &left[direction],
            Keep::Lowest,
        ));
    }
    let throttles = &table.throttles[direction];
    columns.push((format!("{name} {unit} throttles"), throttles, Keep::Sum));
    columns
}

const fn ink(direction: Direction) -> Ink {
    match direction {
        Direction::Read => Ink::Read,
        Direction::Write => Ink::Write,
    }
}

fn panels(timeline: &Timeline, table: &TableSeries, direction: Direction) -> Vec<Panel> {
    let unit = direction.unit();
    let consumed = &table.consumed[direction];
    let provisioned = &table.provisioned[direction];
    let is_provisioned = largest(provisioned) > 0.0;
    let top = largest(consumed).max(largest(provisioned));
    let points = timeline.room.points();
    let throttled = spans(&table.throttles[direction], points / 2);
    let in_force = provisioned.last().copied().unwrap_or(0.0);
    let mut marks = vec![
        Mark::Spans {
            spans: throttled,
            ink: Ink::Throttle,
        },
        line(consumed, points, ink(direction), Texture::Solid, 7),
    ];
    if timeline.seconds >= 60 {
        marks.push(Mark::Line {
            segments: vec![minute_means(consumed, points)],
            ink: Ink::Muted,
            texture: Texture::Solid,
            width: 4,
        });
    }
    if is_provisioned {
        marks.push(Mark::Line {
            segments: vec![steps(provisioned, points)],
            ink: Ink::Text,
            texture: Texture::Dashed,
            width: 6,
        });
        marks.push(Mark::Label {
            y: in_force,
            text: format!("{} {unit}", plain(in_force)),
            ink: Ink::Text,
        });
        marks.push(Mark::Label {
            y: in_force * 0.999,
            text: "provisioned".to_owned(),
            ink: Ink::Text,
        });
    }
    let axis = Axis::from_zero(top * 1.05, 4.0, plain);
    let mut panels = vec![panel(format!("{unit} per second"), 120, axis, marks)];
    if let Some(burst) = &table.burst_percent {
        let mut left = Axis::from_zero(100.0, 2.0, plain);
        left.ticks = vec![(0.0, "0 %".to_owned()), (100.0, "100 %".to_owned())];
        let burst = &burst[direction];
        let edge = super::thinned(burst, points);
        let mut marks: Vec<Mark> = edge
            .iter()
            .map(|points| Mark::Area {
                points: points.clone(),
                ink: ink(direction),
                texture: Texture::Pale,
            })
            .collect();
        marks.push(line(burst, points, ink(direction), Texture::Solid, 5));
        let last = burst.iter().rev().find(|value| value.is_finite());
        marks.push(Mark::Label {
            y: last.copied().unwrap_or(0.0),
            text: last.map_or_else(String::new, |left| format!("{} % left", plain(*left))),
            ink: ink(direction),
        });
        let heading = format!("{unit} burst credit left, % of its largest");
        panels.push(panel(heading, 40, left, marks));
    }
    panels
}

fn description(table: &TableSeries) -> String {
    let part = |direction: Direction| {
        let unit = direction.unit();
        let consumed = &table.consumed[direction];
        let seconds = table.throttles[direction]
            .iter()
            .filter(|count| **count > 0.0)
            .count();
        let burst = table
            .burst_percent
            .as_ref()
            .map_or_else(String::new, |burst| {
                let lowest = burst[direction]
                    .iter()
                    .copied()
                    .filter(|v| v.is_finite())
                    .fold(100.0, f64::min);
                format!(", burst credit at its lowest {} %", plain(lowest))
            });
        let provisioned = largest(&table.provisioned[direction]);
        let provisioned = if provisioned > 0.0 {
            format!(" of {} provisioned", plain(provisioned))
        } else {
            String::new()
        };
        format!(
            "{unit}: at most {} in a second{provisioned}{burst}, {seconds} seconds with throttles",
            plain(largest(consumed)),
        )
    };
    format!("{}. {}.", part(Direction::Read), part(Direction::Write))
}

fn numbers(timeline: &Timeline, table: &TableSeries) -> DataTable {
    let mut columns: Vec<(String, &[f64], Keep)> = Vec::new();
    for direction in Direction::ALL {
        let unit = direction.unit();
        columns.push((
            format!("{unit}/s consumed"),
            &table.consumed[direction],
            Keep::Highest,
        ));
        let provisioned = &table.provisioned[direction];
        if largest(provisioned) > 0.0 {
            columns.push((format!("{unit}/s provisioned"), provisioned, Keep::Highest));
        }
        if let Some(burst) = &table.burst_percent {
            columns.push((
                format!("{unit} burst left, %"),
                &burst[direction],
                Keep::Lowest,
            ));
        }
        let events = &table.throttles[direction];
        columns.push((format!("{unit} throttles"), events, Keep::Sum));
    }
    time_table(timeline, timeline.room.rows(), &columns)
}
