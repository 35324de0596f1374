//! "Which partition is hot, and when?" and "How uneven are my keys?", table by table.

use crate::{
    record::{RunRecord, heat::ResourceHeat},
    report::{
        format,
        heat::{key_columns, key_rows, name, peak_of_ceiling, unnamed},
        html::{
            escaped, figure,
            markup::{question, table},
            room::{HEAT_MAPS, Room},
            timeline::Timeline,
        },
    },
    units::Direction,
};

/// Characters of a key that are shown.
const KEY_CHARS: usize = 64;

/// Both questions of each table and index that had traffic; nothing where the target does not
/// show its partitions.
pub fn heat(record: &RunRecord, timeline: &Timeline) -> String {
    let several = record.heat.len() > 1;
    let heading = |question: &str, heat: &ResourceHeat| {
        if several {
            format!("{question} ({})", name(record, heat))
        } else {
            question.to_owned()
        }
    };
    let mut sections = String::new();
    let room = timeline.room;
    let (drawn, others) = hottest(record, HEAT_MAPS);
    for heat in drawn {
        if let Some(chart) = figure::heat(timeline, heat) {
            let heading = heading("Which partition is hot, and when?", heat);
            sections += &question(&heading, "", &[chart], "");
        }
        if let Some(chart) = figure::key_skew(timeline, heat) {
            let heading = heading("How uneven are my keys?", heat);
            sections += &question(&heading, "", &[chart], &top_keys(heat, room));
        }
    }
    if !others.is_empty() {
        sections += &question(
            "And the other tables and indexes?",
            "",
            &[],
            &cooler(record, &others),
        );
    }
    sections
}

/// Those whose partitions came closest to their ceilings, as many as are drawn, in the order of
/// the record; and the others.
fn hottest(record: &RunRecord, most: usize) -> (Vec<&ResourceHeat>, Vec<&ResourceHeat>) {
    let peaks: Vec<f64> = record.heat.iter().map(peak).collect();
    let mut order: Vec<usize> = (0..peaks.len()).collect();
    order.sort_by(|a, b| peaks[*b].total_cmp(&peaks[*a]));
    order.truncate(most);
    let (drawn, others): (Vec<_>, Vec<_>) =
        (record.heat.iter().enumerate()).partition(|(place, _)| order.contains(place));
    let alone = |heat: Vec<(usize, _)>| heat.into_iter().map(|(_, heat)| heat).collect();
    (alone(drawn), alone(others))
}

/// The hottest second of any partition ÷ its ceiling.
fn peak(heat: &ResourceHeat) -> f64 {
    let parts = heat.partitions.iter();
    let both = parts.flat_map(|one| Direction::ALL.map(|d| peak_of_ceiling(heat, one, d)));
    both.fold(0.0, f64::max)
}

/// Those that are not drawn, a line each.
fn cooler(record: &RunRecord, others: &[&ResourceHeat]) -> String {
    let rows: Vec<Vec<String>> = (others.iter())
        .map(|heat| vec![name(record, heat), format::percent(peak(heat))])
        .collect();
    let columns = [
        "table or index",
        "hottest second of a partition, % of its ceiling",
    ];
    table(&columns, &rows, "Their hottest partitions were cooler.")
}

fn top_keys(heat: &ResourceHeat, room: Room) -> String {
    let of = |direction: Direction| {
        let keys = &heat.keys[direction];
        let mut rows = key_rows(keys);
        rows.truncate(room.keys());
        for row in &mut rows {
            row[0] = format::shortened(&row[0], KEY_CHARS);
        }
        if rows.is_empty() {
            return String::new();
        }
        let columns = key_columns(direction);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let heading = format!("Hottest keys by {}", direction.unit());
        let note = format!("Over the whole run, warm-up included.{}", unnamed(keys));
        let numbers = table(&columns, &rows, &note);
        format!("<div><h3>{}</h3>\n{numbers}</div>\n", escaped(&heading))
    };
    let both = Direction::ALL.map(of).concat();
    format!("<div class=\"beside\">{both}</div>\n")
}
