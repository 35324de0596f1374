//! "Table or partition?": throttle events by cause.

use super::{
    Axis, Chart, Figure, Ink, Keep, MAX_POINTS, MAX_ROWS, Mark, Sample, Texture, Timeline, key,
    largest, panel, plain, time_attributes, time_axis, time_table,
};
use crate::{analysis::ThrottleCause, units::Direction};

/// Reasons given by throttled attempts per second, stacked by cause.
#[must_use]
pub fn throttles(timeline: &Timeline) -> Figure {
    let (x, x_heading) = time_axis(timeline);
    let parts: Vec<(ThrottleCause, Direction, &[f64])> = timeline
        .causes
        .iter()
        .flat_map(|(cause, both)| {
            Direction::ALL.map(|direction| (*cause, direction, both[direction].as_slice()))
        })
        .filter(|(.., series)| series.iter().any(|count| *count > 0.0))
        .collect();
    // Many causes share the room of a few.
    let columns = (MAX_POINTS * 4 / parts.len().max(4)).max(1);
    let width = timeline.seconds.div_ceil(columns).max(1);
    let stacks = stacked(&parts, timeline.seconds, width);
    let top = largest(stacks.iter().flatten().map(|(_, (_, high))| high));
    let marks = parts
        .iter()
        .zip(&stacks)
        .map(|((cause, direction, _), boxes)| Mark::Boxes {
            corners: boxes.clone(),
            ink: ink(*cause),
            texture: texture(*direction),
        })
        .collect();
    let mut events = panel(
        "throttle reasons per second",
        150,
        Axis::from_zero(top, 4.0, plain),
        marks,
    );
    if parts.is_empty() {
        events.note = Some("no attempt was throttled".to_owned());
        events.height = 60;
        events.y.ticks.truncate(1);
    }
    let names: Vec<String> = parts
        .iter()
        .map(|(cause, direction, _)| column_name(*cause, *direction))
        .collect();
    let columns: Vec<(String, &[f64], Keep)> = parts
        .iter()
        .zip(&names)
        .map(|((.., series), name)| (name.clone(), *series, Keep::Sum))
        .collect();
    let table = time_table(timeline, MAX_ROWS, &columns);
    Figure {
        reading: "Each reason that a throttled attempt gave counts under the limit it names. More capacity helps \
                  against table capacity only; a key range needs keys that spread the load."
            .to_owned(),
        legend: parts
            .iter()
            .map(|(cause, direction, _)| {
                let sample = Sample::Surface(texture(*direction));
                key(ink(*cause), sample, words(*cause, *direction))
            })
            .collect(),
        chart: Chart {
            id: "throttles".to_owned(),
            title: "Throttle reasons per second by cause".to_owned(),
            description: description(&parts),
            x,
            x_heading,
            panels: vec![events],
            right_margin: 110,
            attributes: time_attributes(timeline, &names),
        },
        table,
    }
}

/// The column of the page's data.
pub fn column_name(cause: ThrottleCause, direction: Direction) -> String {
    format!("throttles {} {}", cause.name(), direction.unit())
}

fn words(cause: ThrottleCause, direction: Direction) -> String {
    let direction = match direction {
        Direction::Read => "reads",
        Direction::Write => "writes (hatched)",
    };
    format!("{}, {direction}", cause.name())
}

const fn ink(cause: ThrottleCause) -> Ink {
    match cause {
        ThrottleCause::TableProvisioned => Ink::Throttle,
        ThrottleCause::KeyRange => Ink::Text,
        ThrottleCause::Index => Ink::Good,
        ThrottleCause::AccountLimit => Ink::Read,
        ThrottleCause::OnDemandMaximum => Ink::Write,
        ThrottleCause::Other => Ink::Muted,
    }
}

const fn texture(direction: Direction) -> Texture {
    match direction {
        Direction::Read => Texture::Solid,
        Direction::Write => Texture::Hatched,
    }
}

type Corners = ((f64, f64), (f64, f64));

/// For each part its boxes, each over those of the parts before it. A box of several seconds
/// is as high as the highest of them.
#[expect(clippy::cast_precision_loss, reason = "seconds of a run")]
fn stacked(
    parts: &[(ThrottleCause, Direction, &[f64])],
    seconds: usize,
    width: usize,
) -> Vec<Vec<Corners>> {
    let mut boxes = vec![Vec::new(); parts.len()];
    for from in (0..seconds).step_by(width) {
        let to = (from + width).min(seconds);
        let total = |second: usize| parts.iter().map(|(.., series)| series[second]).sum::<f64>();
        let Some(highest) = (from..to).max_by(|a, b| total(*a).total_cmp(&total(*b))) else {
            continue;
        };
        let mut low = 0.0;
        for ((.., series), boxes) in parts.iter().zip(&mut boxes) {
            let high = low + series[highest];
            if high > low {
                boxes.push(((from as f64, low), (to as f64, high)));
            }
            low = high;
        }
    }
    boxes
}

fn description(parts: &[(ThrottleCause, Direction, &[f64])]) -> String {
    if parts.is_empty() {
        return "No attempt was throttled.".to_owned();
    }
    let parts: Vec<String> = parts
        .iter()
        .map(|(cause, direction, series)| {
            format!(
                "{} {}: {}",
                cause.name(),
                direction.unit(),
                plain(series.iter().sum())
            )
        })
        .collect();
    format!("Throttle reasons over the run. {}.", parts.join("; "))
}
