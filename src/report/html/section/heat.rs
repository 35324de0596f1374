//! "Which partition is hot, and when?" and "How uneven are my keys?", table by table.

use crate::{
    record::{RunRecord, heat::ResourceHeat},
    report::{
        heat::{key_columns, key_rows, name, unnamed},
        html::{
            escaped, figure,
            markup::{question, table},
            timeline::Timeline,
        },
    },
    units::Direction,
};

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
    for heat in &record.heat {
        if let Some(chart) = figure::heat(record, timeline, heat) {
            let heading = heading("Which partition is hot, and when?", heat);
            sections += &question(&heading, "", &[chart], "");
        }
        if let Some(chart) = figure::key_skew(record, heat) {
            let heading = heading("How uneven are my keys?", heat);
            sections += &question(&heading, "", &[chart], &top_keys(heat));
        }
    }
    sections
}

fn top_keys(heat: &ResourceHeat) -> String {
    let of = |direction: Direction| {
        let keys = &heat.keys[direction];
        let rows = key_rows(keys);
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
