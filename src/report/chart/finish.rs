//! From what plotters wrote to what a page needs: names of colours, patterns, pictures, a name
//! and a description.

use std::fmt::Write as _;

use plotters::prelude::RGBColor;

use super::{
    Chart, Ink, Mark, Texture,
    compact::compact,
    draw::{BACKEND_SIZE, FONT_SIZE, Frame, text_size},
    heat,
};
use crate::scenario::diagnostic::steers_terminal;

/// Third component of every stand-in colour.
const STAND_IN: u8 = 0xA5;

/// The colour that stands for an ink and a texture.
pub(super) fn stand_in(ink: Ink, texture: Texture) -> RGBColor {
    let position = |found: Option<usize>| found.and_then(|at| u8::try_from(at).ok()).unwrap_or(0);
    let ink = position(Ink::ALL.iter().position(|other| *other == ink));
    let texture = position(Texture::ALL.iter().position(|other| *other == texture));
    RGBColor(ink, texture, STAND_IN)
}

/// Stands for the picture in panel `number`.
pub(super) fn picture(number: usize) -> RGBColor {
    RGBColor(200, u8::try_from(number).unwrap_or(u8::MAX), STAND_IN)
}

/// Puts the pictures in the places of what stands for them.
fn with_pictures(chart: &Chart, mut body: String) -> String {
    for (number, panel) in chart.panels.iter().enumerate() {
        let RGBColor(red, green, blue) = picture(number);
        let stand_in = format!(" fill=\"#{red:02X}{green:02X}{blue:02X}\"/>");
        let rows = panel.marks.iter().find_map(|mark| match mark {
            Mark::Cells { rows, .. } => Some(rows),
            _ => None,
        });
        let Some((before, after)) = rows.and_then(|_| body.split_once(&stand_in)) else {
            continue;
        };
        let Some((before, place)) = before.rsplit_once("<rect") else {
            continue;
        };
        let image = rows.and_then(|rows| heat::data_url(rows)).map(|url| {
            format!(
                "<image{place} preserveAspectRatio=\"none\" image-rendering=\"pixelated\" \
                 href=\"{url}\"/>"
            )
        });
        body = format!("{before}{}{after}", image.unwrap_or_default());
    }
    body
}

/// Replaces the stand-ins and the frame of the file by what a page needs.
pub(super) fn finished(chart: &Chart, drawn: &str, size: (u32, u32), frames: &[Frame]) -> String {
    let body = drawn
        .split_once(">\n")
        .and_then(|(_, rest)| rest.rsplit_once("</svg>"))
        .map_or("", |(body, _)| body);
    let id = &chart.id;
    let mut body = body
        .replace("opacity=\"1\" ", "")
        .replace(" font-family=\"sans-serif\"", "")
        // All have the one of the whole drawing.
        .replace(
            &format!(" font-size=\"{}\"", text_size() / BACKEND_SIZE),
            "",
        )
        .replace(" stroke=\"none\"", "")
        .replace(" \"", "\"")
        .replace(">\n", ">");
    body = with_pictures(chart, body);
    let mut patterns = String::new();
    for ink in Ink::ALL {
        let name = ink.name();
        for texture in Texture::ALL {
            let RGBColor(red, green, blue) = stand_in(ink, texture);
            let literal = format!("#{red:02X}{green:02X}{blue:02X}");
            let fill = match texture {
                Texture::Hatched => format!("fill=\"url(#{id}-{name})\""),
                Texture::Pale => format!("fill=\"var(--{name})\" fill-opacity=\".15\""),
                _ => format!("fill=\"var(--{name})\""),
            };
            let stroke = match texture {
                Texture::Dashed => " stroke-dasharray=\"28 16\"",
                Texture::Dotted => " stroke-dasharray=\"6 12\"",
                _ => "",
            };
            if texture == Texture::Hatched && body.contains(&literal) {
                let _ = write!(
                    patterns,
                    "<pattern id=\"{id}-{name}\" width=\"20\" height=\"20\" \
                     patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
                     <rect width=\"20\" height=\"20\" fill=\"var(--{name})\" fill-opacity=\".2\"/>\
                     <rect width=\"10\" height=\"20\" fill=\"var(--{name})\"/></pattern>"
                );
            }
            body = body.replace(&format!("fill=\"{literal}\""), &fill).replace(
                &format!("stroke=\"{literal}\""),
                &format!("stroke=\"var(--{name})\"{stroke}"),
            );
        }
    }
    let body = compact(&body);
    let plot = frames
        .first()
        .zip(frames.last())
        .map_or_else(String::new, |(first, last)| {
            let (x, top, bottom) = (&first.x, first.y.start, last.y.end);
            format!("{} {} {top} {bottom}", x.start, x.end)
        });
    let attributes = chart
        .attributes
        .iter()
        .fold(String::new(), |mut all, (name, value)| {
            let _ = write!(all, " {name}=\"{}\"", escaped(value));
            all
        });
    format!(
        "<svg viewBox=\"0 0 {} {}\" font-size=\"{FONT_SIZE}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" \
         data-plot=\"{plot}\"{attributes}><title id=\"{id}-t\">{}</title>\
         <desc id=\"{id}-d\">{}</desc><defs>{patterns}</defs>{body}</svg>",
        size.0,
        size.1,
        escaped(&chart.title),
        escaped(&chart.description),
    )
}

/// Text as it may stand in an element or a quoted attribute.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut all, character| {
            match character {
                '&' => all.push_str("&amp;"),
                '<' => all.push_str("&lt;"),
                '>' => all.push_str("&gt;"),
                '"' => all.push_str("&quot;"),
                '\'' => all.push_str("&#39;"),
                '\n' | '\r' | '\t' => all.push(character),
                other => all.push(allowed(other)),
            }
            all
        })
}

/// In the place of what is not allowed in SVG, or turns the direction of the text around it.
pub(super) fn allowed(character: char) -> char {
    if steers_terminal(character) {
        '\u{fffd}'
    } else {
        character
    }
}
