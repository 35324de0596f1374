//! The only file that knows plotters.
//!
//! plotters has integer coordinates and literal colours. So everything is drawn at four times
//! its size, in colours that occur nowhere else and stand for an ink and a texture; the text
//! that comes out has them replaced by what they stand for.

use std::{convert::Infallible, fmt::Write as _, ops::Range};

use plotters::{
    coord::Shift,
    prelude::{
        Circle, DrawingArea, IntoDrawingArea, IntoFont, PathElement, Polygon, RGBColor, Rectangle,
        SVGBackend, ShapeStyle, Text, TextStyle,
    },
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::scenario::diagnostic::steers_terminal;

use super::{Chart, Ink, Mark, Panel, Point, Shape, Texture};

/// Drawn units in a pixel.
const FINE: i32 = 4;
/// Pixels across.
const WIDTH: u32 = 960;
const LEFT: i32 = 66;
const MIN_RIGHT: u32 = 26;
/// Above each panel, for its heading.
const HEADING: i32 = 34;
/// Below the last panel, for ticks and heading of x.
const BELOW: i32 = 46;
const TICK: i32 = 4;
const TEXT: i32 = 13;
/// Least distance of labels in the right margin.
const LABEL_DISTANCE: i32 = 16;
/// Third component of every stand-in colour.
const STAND_IN: u8 = 0xA5;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Place = (i32, i32);

/// Where a panel lies, in drawn units.
struct Frame {
    x: Range<i32>,
    y: Range<i32>,
}

impl Frame {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a place within the drawing"
    )]
    fn x(&self, share: f64) -> i32 {
        self.x.start + (f64::from(self.x.end - self.x.start) * share).round() as i32
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a place within the drawing"
    )]
    fn y(&self, share: f64) -> i32 {
        self.y.end - (f64::from(self.y.end - self.y.start) * share).round() as i32
    }
}

/// Draws into text, which cannot fail.
pub fn svg(chart: &Chart) -> String {
    let right = chart.right_margin.max(MIN_RIGHT);
    let panels: u32 = chart.panels.iter().map(|panel| panel.height).sum();
    let height = panels.cast_signed()
        + HEADING * i32::try_from(chart.panels.len()).unwrap_or(i32::MAX / HEADING)
        + BELOW;
    let width = (WIDTH + right - MIN_RIGHT).cast_signed();
    let size = (fine(width).cast_unsigned(), fine(height).cast_unsigned());
    let mut drawn = String::new();
    let mut frames = Vec::new();
    {
        let area = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
        let mut top = 0;
        for panel in &chart.panels {
            let y = fine(top + HEADING)..fine(top + HEADING + panel.height.cast_signed());
            let frame = Frame {
                x: fine(LEFT)..fine(width - right.cast_signed()),
                y,
            };
            panel_in(&area, chart, panel, &frame);
            top += HEADING + panel.height.cast_signed();
            frames.push(frame);
        }
        if let Some(last) = frames.last() {
            x_axis(&area, chart, last);
        }
        done(area.present());
    }
    finished(chart, &drawn, size, &frames)
}

const fn fine(pixels: i32) -> i32 {
    pixels * FINE
}

/// Nothing here writes to a file: a failure cannot come from drawing into a string.
fn done<E: std::fmt::Debug>(result: Result<(), E>) {
    let infallible: Result<(), Infallible> = result.map_err(|error| {
        unreachable!("drawing into a string does not fail: {error:?}");
    });
    let Ok(()) = infallible;
}

fn panel_in(area: &Area, chart: &Chart, panel: &Panel, frame: &Frame) {
    let heading_at = (frame.x.start, frame.y.start - fine(9));
    text(
        area,
        &panel.heading,
        heading_at,
        Ink::Text,
        HPos::Left,
        VPos::Bottom,
    );
    for (value, words) in &panel.y.ticks {
        let y = frame.y(panel.y.place(*value));
        path(
            area,
            vec![(frame.x.start, y), (frame.x.end, y)],
            Ink::Grid,
            Texture::Solid,
            4,
        );
        path(
            area,
            vec![(frame.x.start - fine(TICK), y), (frame.x.start, y)],
            Ink::Muted,
            Texture::Solid,
            4,
        );
        text(
            area,
            words,
            (frame.x.start - fine(TICK + 4), y),
            Ink::Muted,
            HPos::Right,
            VPos::Center,
        );
    }
    for (value, _) in &chart.x.ticks {
        let x = frame.x(chart.x.place(*value));
        path(
            area,
            vec![(x, frame.y.end), (x, frame.y.end + fine(TICK))],
            Ink::Muted,
            Texture::Solid,
            4,
        );
    }
    for mark in &panel.marks {
        draw_mark(area, chart, panel, frame, mark);
    }
    labels(area, panel, frame);
    let (left, right, bottom) = (frame.x.start, frame.x.end, frame.y.end);
    path(
        area,
        vec![(left, bottom), (right, bottom)],
        Ink::Muted,
        Texture::Solid,
        4,
    );
    if let Some(note) = &panel.note {
        let middle = (
            i32::midpoint(left, right),
            i32::midpoint(frame.y.start, bottom),
        );
        text(area, note, middle, Ink::Muted, HPos::Center, VPos::Center);
    }
}

fn x_axis(area: &Area, chart: &Chart, frame: &Frame) {
    for (value, words) in &chart.x.ticks {
        let at = (frame.x(chart.x.place(*value)), frame.y.end + fine(TICK + 3));
        text(area, words, at, Ink::Muted, HPos::Center, VPos::Top);
    }
    let middle = i32::midpoint(frame.x.start, frame.x.end);
    let at = (middle, frame.y.end + fine(BELOW - 6));
    text(
        area,
        &chart.x_heading,
        at,
        Ink::Muted,
        HPos::Center,
        VPos::Bottom,
    );
}

fn draw_mark(area: &Area, chart: &Chart, panel: &Panel, frame: &Frame, mark: &Mark) {
    let at = |(x, y): Point| (frame.x(chart.x.place(x)), frame.y(panel.y.place(y)));
    match mark {
        Mark::Line {
            segments,
            ink,
            texture,
            width,
        } => {
            for segment in segments {
                let points: Vec<Place> = segment.iter().copied().map(at).collect();
                match points[..] {
                    [] => {}
                    // A line of one point has no length; a dot shows that it is there.
                    [only] => circle(area, only, fine(1) + 2, *ink),
                    _ => path(area, points, *ink, *texture, *width),
                }
            }
        }
        Mark::Area {
            points,
            ink,
            texture,
        } => {
            let mut edge: Vec<Place> = points.iter().copied().map(at).collect();
            if let (Some(first), Some(last)) = (edge.first().copied(), edge.last().copied()) {
                edge.extend([(last.0, frame.y.end), (first.0, frame.y.end)]);
                done(area.draw(&Polygon::new(edge, colour(*ink, *texture))));
            }
        }
        Mark::Boxes {
            corners,
            ink,
            texture,
        } => {
            for (low, high) in corners {
                let (low, high) = (at(*low), at(*high));
                rectangle(area, (low.0, high.1), (high.0, low.1), *ink, *texture);
            }
        }
        Mark::Spans { spans, ink } => {
            for (from, to) in spans {
                let (from, to) = (frame.x(chart.x.place(*from)), frame.x(chart.x.place(*to)));
                let to = to.max(from + 2);
                rectangle(
                    area,
                    (from, frame.y.start),
                    (to, frame.y.end),
                    *ink,
                    Texture::Pale,
                );
                let bar = (to, frame.y.start + fine(4));
                rectangle(area, (from, frame.y.start), bar, *ink, Texture::Solid);
            }
        }
        Mark::Signs { points, ink, shape } => {
            for point in points {
                sign(area, at(*point), *shape, *ink);
            }
        }
        Mark::Limit { y, label, ink } => {
            let y = frame.y(panel.y.place(*y));
            path(
                area,
                vec![(frame.x.start, y), (frame.x.end, y)],
                *ink,
                Texture::Dashed,
                6,
            );
            let place = (frame.x.start + fine(8), y - fine(3));
            text(area, label, place, *ink, HPos::Left, VPos::Bottom);
        }
        Mark::Label { .. } => {}
    }
}

/// Labels in the right margin: in order of height, at least [`LABEL_DISTANCE`] apart.
fn labels(area: &Area, panel: &Panel, frame: &Frame) {
    let mut labels: Vec<(i32, &str, Ink)> = panel
        .marks
        .iter()
        .filter_map(|mark| match mark {
            Mark::Label { y, text, ink } => Some((frame.y(panel.y.place(*y)), text.as_str(), *ink)),
            _ => None,
        })
        .collect();
    labels.sort_by_key(|(y, ..)| *y);
    let mut lowest = frame.y.start;
    for (y, ..) in &mut labels {
        *y = (*y).max(lowest);
        lowest = *y + fine(LABEL_DISTANCE);
    }
    let mut highest = frame.y.end;
    for (y, ..) in labels.iter_mut().rev() {
        *y = (*y).min(highest);
        highest = *y - fine(LABEL_DISTANCE);
    }
    for (y, words, ink) in labels {
        text(
            area,
            words,
            (frame.x.end + fine(10), y),
            ink,
            HPos::Left,
            VPos::Center,
        );
    }
}

fn path(area: &Area, points: Vec<Place>, ink: Ink, texture: Texture, width: u32) {
    done(area.draw(&PathElement::new(
        points,
        colour(ink, texture).stroke_width(width),
    )));
}

fn rectangle(area: &Area, upper_left: Place, lower_right: Place, ink: Ink, texture: Texture) {
    let corners = [upper_left, lower_right];
    done(area.draw(&Rectangle::new(corners, colour(ink, texture))));
}

fn circle(area: &Area, centre: Place, radius: i32, ink: Ink) {
    done(area.draw(&Circle::new(centre, radius, colour(ink, Texture::Solid))));
}

fn sign(area: &Area, (x, y): Place, shape: Shape, ink: Ink) {
    let size = fine(4);
    let corners: &[Place] = match shape {
        Shape::Circle => return circle(area, (x, y), size, ink),
        Shape::Square => &[(-9, -9), (9, -9), (9, 9), (-9, 9)],
        Shape::Triangle => &[(0, -11), (11, 9), (-11, 9)],
        Shape::Diamond => &[(0, -12), (12, 0), (0, 12), (-12, 0)],
        Shape::Wedge => &[(0, 11), (11, -9), (-11, -9)],
    };
    let scaled: Vec<Place> = corners
        .iter()
        .map(|(dx, dy)| (x + dx * size / 10, y + dy * size / 10))
        .collect();
    done(area.draw(&Polygon::new(scaled, colour(ink, Texture::Solid))));
}

fn text(area: &Area, words: &str, at: Place, ink: Ink, horizontal: HPos, vertical: VPos) {
    // The backend divides the size by this.
    let size = f64::from(fine(TEXT)) * 1.24;
    let colour = stand_in(ink, Texture::Solid);
    let style = TextStyle::from(("sans-serif", size).into_font())
        .color(&colour)
        .pos(Pos::new(horizontal, vertical));
    done(area.draw(&Text::new(words, at, style)));
}

fn colour(ink: Ink, texture: Texture) -> ShapeStyle {
    ShapeStyle {
        color: stand_in(ink, texture).into(),
        filled: true,
        stroke_width: 4,
    }
}

fn stand_in(ink: Ink, texture: Texture) -> RGBColor {
    let position = |found: Option<usize>| found.and_then(|at| u8::try_from(at).ok()).unwrap_or(0);
    let ink = position(Ink::ALL.iter().position(|other| *other == ink));
    let texture = position(Texture::ALL.iter().position(|other| *other == texture));
    RGBColor(ink, texture, STAND_IN)
}

/// Replaces the stand-ins and the frame of the file by what a page needs.
fn finished(chart: &Chart, drawn: &str, size: (u32, u32), frames: &[Frame]) -> String {
    let body = drawn
        .split_once(">\n")
        .and_then(|(_, rest)| rest.rsplit_once("</svg>"))
        .map_or("", |(body, _)| body);
    let id = &chart.id;
    let mut body = body
        .replace("opacity=\"1\" ", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(" \"", "\"")
        .replace(">\n", ">");
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
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" \
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
                // Not allowed in SVG, or able to turn the direction of the text around it.
                other if steers_terminal(other) => all.push('\u{fffd}'),
                other => all.push(other),
            }
            all
        })
}
