//! What the sections are made of: figures with their legends, tables, names in a sentence.

use std::fmt::Write as _;

use super::{
    escaped,
    figure::{DataTable, Figure, Sample},
};
use crate::report::{
    Mark,
    chart::{Texture, heat},
};

/// The class of what is well or not.
pub const fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "good",
        Mark::Bad => "bad",
        Mark::Caution => "caution",
        Mark::Neutral => "neutral",
    }
}

/// The sign of what is not well.
pub const fn glyph_of(mark: Mark) -> &'static str {
    match mark {
        Mark::Bad | Mark::Caution => mark.glyph(),
        Mark::Good | Mark::Neutral => "",
    }
}

/// Text with each name between backticks set apart.
pub fn with_names(text: &str) -> String {
    let parts: Vec<String> = text.split('`').map(escaped).collect();
    if parts.len().is_multiple_of(2) {
        return escaped(text);
    }
    let parts = parts.iter().enumerate();
    parts.fold(String::new(), |mut all, (index, part)| {
        let _ = match index % 2 {
            0 => write!(all, "{part}"),
            _ => write!(all, "<code>{part}</code>"),
        };
        all
    })
}

/// A section under its question.
pub fn question(question: &str, before: &str, figures: &[Figure], after: &str) -> String {
    let figures = figures
        .iter()
        .fold(String::new(), |all, figure| all + &figure_markup(figure));
    format!(
        "<section>\n<h2>{}</h2>\n{before}{figures}{after}</section>\n",
        escaped(question)
    )
}

/// A chart with what belongs to it.
pub fn figure_markup(figure: &Figure) -> String {
    let legend = figure.legend.iter().fold(String::new(), |mut all, key| {
        let ink = key.ink.name();
        let sample = match key.sample {
            Sample::Line(texture) => {
                let dashes = match texture {
                    Texture::Dashed => " stroke-dasharray=\"7 4\"",
                    Texture::Dotted => " stroke-dasharray=\"2 3\"",
                    _ => "",
                };
                format!("<path d=\"M0 7h30\" stroke=\"var(--{ink})\" stroke-width=\"2\"{dashes}/>")
            }
            Sample::Surface(Texture::Pale) => format!(
                "<rect width=\"30\" height=\"14\" fill=\"var(--{ink})\" fill-opacity=\".15\"/>\
                 <rect width=\"30\" height=\"2\" fill=\"var(--{ink})\"/>"
            ),
            Sample::Surface(Texture::Hatched) => format!(
                "<path d=\"M0 12L6 2M8 12L14 2M16 12L22 2M24 12L30 2\" stroke=\"var(--{ink})\" \
                 stroke-width=\"3\"/>"
            ),
            Sample::Surface(_) => {
                format!("<rect width=\"30\" height=\"14\" fill=\"var(--{ink})\"/>")
            }
            Sample::Frame => format!(
                "<path d=\"M2 2h26v10H2z\" fill=\"none\" stroke=\"var(--{ink})\" stroke-width=\"2\"/>"
            ),
            Sample::Shade(share) => {
                let colour = heat::colour(share);
                format!("<rect width=\"30\" height=\"14\" fill=\"{colour}\"/>")
            }
            Sample::Sign(glyph) => format!(
                "<text x=\"15\" y=\"12\" text-anchor=\"middle\" font-size=\"14\" \
                 stroke-width=\"0\" fill=\"var(--{ink})\">{glyph}</text>"
            ),
        };
        let words = escaped(&key.text);
        let _ = write!(
            all,
            "<li><svg viewBox=\"0 0 30 14\" role=\"img\"><title>{words}</title>\
             <desc>how it is drawn</desc>{sample}</svg>{words}</li>"
        );
        all
    });
    let legend = if legend.is_empty() {
        legend
    } else {
        format!("<ul class=\"legend\">{legend}</ul>\n")
    };
    format!(
        "<figure>\n<figcaption>{}</figcaption>\n{legend}<div class=\"scroll\" tabindex=\"0\">{}</div>\n\
         <details><summary>The same as a table</summary>{}</details>\n</figure>\n",
        escaped(&figure.reading),
        figure.chart.to_svg(),
        data_table(&figure.table),
    )
}

fn data_table(numbers: &DataTable) -> String {
    let columns: Vec<&str> = numbers.columns.iter().map(String::as_str).collect();
    table(&columns, &numbers.rows, &numbers.caption)
}

/// A table that scrolls where it has no room.
pub fn table(columns: &[&str], rows: &[Vec<String>], caption: &str) -> String {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| {
        cells.fold(String::new(), |mut all, cell| {
            let _ = write!(all, "<{tag}>{}</{tag}>", escaped(cell));
            all
        })
    };
    let head = cells("th", &mut columns.iter().copied());
    let body = rows.iter().fold(String::new(), |mut all, row| {
        let _ = writeln!(
            all,
            "<tr>{}</tr>",
            cells("td", &mut row.iter().map(String::as_str))
        );
        all
    });
    let caption = match caption {
        "" => String::new(),
        caption => format!("<caption>{}</caption>", escaped(caption)),
    };
    format!(
        "<div class=\"scroll\" tabindex=\"0\"><table>{caption}<thead><tr>{head}</tr></thead>\
         <tbody>{body}</tbody></table></div>\n"
    )
}
