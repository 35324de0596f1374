//! From charts to what plotters draws.
//!
//! plotters has integer coordinates and literal colours. So everything is drawn at four times
//! its size, in colours that occur nowhere else and stand for an ink and a texture; `finish`
//! replaces them by what they stand for.

use std::{convert::Infallible, ops::Range};

use plotters::{
    coord::Shift,
    prelude::{
        Circle, DrawingArea, IntoDrawingArea, IntoFont, PathElement, Polygon, Rectangle,
        SVGBackend, ShapeStyle, Text, TextStyle,
    },
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    Chart, Ink, Mark, Panel, Point, Shape, Texture,
    finish::{allowed, finished, picture, stand_in},
};

/// Drawn units in a pixel.
const FINE: i32 = 4;
/// Pixels across.
pub(super) const WIDTH: u32 = 960;
const LEFT: i32 = 66;
const MIN_RIGHT: u32 = 26;
/// Above each panel, for its heading.
const HEADING: i32 = 34;
/// Between heading and first panel, for ticks and heading of the opposite x axis.
const OPPOSITE: i32 = 38;
/// Below the last panel, for ticks and heading of x.
const BELOW: i32 = 46;
const TICK: i32 = 4;
const TEXT: i32 = 13;
/// Of every text, in drawn units.
pub(super) const FONT_SIZE: i32 = fine(TEXT);
/// The backend divides the size by this.
pub(super) const BACKEND_SIZE: f64 = 1.24;
/// Where bars in the right margin begin, and how long the longest is.
const BARS_FROM: i32 = 6;
const BARS: i32 = 40;
/// Least distance of labels in the right margin.
const LABEL_DISTANCE: i32 = 16;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Place = (i32, i32);

/// Where a panel lies, in drawn units.
pub(super) struct Frame {
    pub(super) x: Range<i32>,
    pub(super) y: Range<i32>,
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
pub fn svg(chart: &Chart, width: u32) -> String {
    let right = chart.right_margin.max(MIN_RIGHT);
    let panels: u32 = chart.panels.iter().map(|panel| panel.height).sum();
    let height = panels.cast_signed()
        + HEADING * i32::try_from(chart.panels.len()).unwrap_or(i32::MAX / HEADING)
        + opposite(chart)
        + BELOW;
    let width = (width + right - MIN_RIGHT).cast_signed();
    let size = (fine(width).cast_unsigned(), fine(height).cast_unsigned());
    let mut drawn = String::new();
    let mut frames = Vec::new();
    {
        let area = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
        let mut top = 0;
        for panel in &chart.panels {
            if frames.is_empty() {
                top += opposite(chart);
            }
            let y = fine(top + HEADING)..fine(top + HEADING + panel.height.cast_signed());
            let frame = Frame {
                x: fine(LEFT)..fine(width - right.cast_signed()),
                y,
            };
            let above = if frames.is_empty() {
                opposite_axis(&area, chart, &frame);
                opposite(chart)
            } else {
                0
            };
            heading(&area, panel, &frame, above);
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

/// Pixels that the opposite x axis takes.
const fn opposite(chart: &Chart) -> i32 {
    if chart.x.opposite.is_some() {
        OPPOSITE
    } else {
        0
    }
}

fn heading(area: &Area, panel: &Panel, frame: &Frame, above: i32) {
    let at = (frame.x.start, frame.y.start - fine(9 + above));
    text(
        area,
        &panel.heading,
        at,
        Ink::Text,
        HPos::Left,
        VPos::Bottom,
    );
}

/// Along the upper edge of the first panel.
fn opposite_axis(area: &Area, chart: &Chart, frame: &Frame) {
    let Some(opposite) = &chart.x.opposite else {
        return;
    };
    let top = frame.y.start;
    let ends = vec![(frame.x.start, top), (frame.x.end, top)];
    path(area, ends, Ink::Muted, Texture::Solid, 4);
    for (value, words) in &opposite.ticks {
        let x = frame.x(chart.x.place(*value));
        let tick = vec![(x, top - fine(TICK)), (x, top)];
        path(area, tick, Ink::Muted, Texture::Solid, 4);
        let at = (x, top - fine(TICK + 2));
        text(area, words, at, Ink::Muted, HPos::Center, VPos::Bottom);
    }
    let middle = i32::midpoint(frame.x.start, frame.x.end);
    let at = (middle, top - fine(TICK + 4 + TEXT));
    let words = &opposite.heading;
    text(area, words, at, Ink::Muted, HPos::Center, VPos::Bottom);
}

fn panel_in(area: &Area, chart: &Chart, panel: &Panel, frame: &Frame) {
    // Like by like: neighbours of one look become one element.
    let y_of = |value: f64| frame.y(panel.y.place(value));
    for (value, _) in &panel.y.ticks {
        let y = y_of(*value);
        let across = vec![(frame.x.start, y), (frame.x.end, y)];
        path(area, across, Ink::Grid, Texture::Solid, 4);
    }
    for (value, _) in &panel.y.ticks {
        let y = y_of(*value);
        let tick = vec![(frame.x.start - fine(TICK), y), (frame.x.start, y)];
        path(area, tick, Ink::Muted, Texture::Solid, 4);
    }
    for (value, words) in &panel.y.ticks {
        let y = y_of(*value);
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
    flags(area, chart, panel, frame);
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
            }
            surface(area, edge, *ink, *texture);
        }
        Mark::Ribbon {
            upper,
            lower,
            ink,
            texture,
        } => {
            let edge = upper.iter().chain(lower.iter().rev());
            surface(area, edge.copied().map(at).collect(), *ink, *texture);
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
            let bar = frame.y.start + fine(4);
            for (bottom, texture) in [(frame.y.end, Texture::Pale), (bar, Texture::Solid)] {
                for (from, to) in spans {
                    let (from, to) = (frame.x(chart.x.place(*from)), frame.x(chart.x.place(*to)));
                    let lower_right = (to.max(from + 2), bottom);
                    rectangle(area, (from, frame.y.start), lower_right, *ink, texture);
                }
            }
        }
        Mark::Cells { until, .. } => {
            let (left, right) = (frame.x.start, frame.x(chart.x.place(*until)));
            let number = chart.panels.iter().position(|one| std::ptr::eq(one, panel));
            let corners = [(left, frame.y.start), (right, frame.y.end)];
            let colour = ShapeStyle {
                color: picture(number.unwrap_or_default()).into(),
                filled: true,
                stroke_width: 0,
            };
            done(area.draw(&Rectangle::new(corners, colour)));
        }
        Mark::Frames { corners, ink } => {
            for (low, high) in corners {
                let ((left, bottom), (right, top)) = (at(*low), at(*high));
                let around = [(left, bottom), (left, top), (right, top), (right, bottom)];
                let closed = around.into_iter().chain([(left, bottom)]).collect();
                path(area, closed, *ink, Texture::Solid, 6);
            }
        }
        Mark::Signs { points, ink, shape } => {
            for point in points {
                sign(area, at(*point), *shape, *ink);
            }
        }
        Mark::Limit { y, label, ink } => limit(area, panel, frame, (*y, label.as_str(), *ink)),
        Mark::Bars { rows, ink } => bars(area, panel, frame, rows, *ink),
        Mark::Label { .. } | Mark::Flag { .. } => {}
    }
}

/// One outline around all of them: a path each would be most of the drawing.
fn bars(area: &Area, panel: &Panel, frame: &Frame, rows: &[Point], ink: Ink) {
    let left = frame.x.end + fine(BARS_FROM);
    let most = rows.iter().map(|(_, much)| *much).fold(0.0, f64::max);
    if most <= 0.0 {
        return;
    }
    let mut outline = vec![(left, frame.y.start)];
    for (at, much) in rows {
        let [top, bottom] = [0.4, -0.4].map(|by| frame.y(panel.y.place(at + by)));
        #[expect(clippy::cast_possible_truncation, reason = "within the margin")]
        let right = left + (f64::from(fine(BARS)) * (much / most).clamp(0.0, 1.0)).round() as i32;
        outline.extend([(left, top), (right, top), (right, bottom), (left, bottom)]);
    }
    done(area.draw(&Polygon::new(outline, colour(ink, Texture::Solid))));
}

fn limit(area: &Area, panel: &Panel, frame: &Frame, (y, label, ink): (f64, &str, Ink)) {
    let y = frame.y(panel.y.place(y));
    let ends = vec![(frame.x.start, y), (frame.x.end, y)];
    path(area, ends, ink, Texture::Dashed, 6);
    let at = (frame.x.start + fine(8), y - fine(3));
    text(area, label, at, ink, HPos::Left, VPos::Bottom);
}

fn surface(area: &Area, edge: Vec<Place>, ink: Ink, texture: Texture) {
    if edge.len() > 2 {
        done(area.draw(&Polygon::new(edge, colour(ink, texture))));
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
    let has_bars = |mark: &Mark| matches!(mark, Mark::Bars { .. });
    let from = if panel.marks.iter().any(has_bars) {
        BARS_FROM + BARS + 6
    } else {
        10
    };
    for (y, words, ink) in labels {
        text(
            area,
            words,
            (frame.x.end + fine(from), y),
            ink,
            HPos::Left,
            VPos::Center,
        );
    }
}

/// Verticals with their words, each on a line of its own, on the side that has more room.
fn flags(area: &Area, chart: &Chart, panel: &Panel, frame: &Frame) {
    let flags = panel.marks.iter().filter_map(|mark| match mark {
        Mark::Flag { x, label, ink } => Some((frame.x(chart.x.place(*x)), label, *ink)),
        _ => None,
    });
    for (line, (x, label, ink)) in (0..).zip(flags) {
        let ends = vec![(x, frame.y.start), (x, frame.y.end)];
        path(area, ends, ink, Texture::Solid, 6);
        let y = frame.y.start + fine(4 + line * LABEL_DISTANCE);
        let (x, side) = if x < i32::midpoint(frame.x.start, frame.x.end) {
            (x + fine(5), HPos::Left)
        } else {
            (x - fine(5), HPos::Right)
        };
        text(area, label, (x, y), ink, side, VPos::Top);
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
    let colour = stand_in(ink, Texture::Solid);
    let style = TextStyle::from(("sans-serif", text_size()).into_font())
        .color(&colour)
        .pos(Pos::new(horizontal, vertical));
    // The backend writes markup as text, but not what no SVG may hold.
    let words: String = words.chars().map(allowed).collect();
    done(area.draw(&Text::new(words, at, style)));
}

/// The size that the backend is asked for.
pub(super) fn text_size() -> f64 {
    f64::from(FONT_SIZE) * BACKEND_SIZE
}

fn colour(ink: Ink, texture: Texture) -> ShapeStyle {
    ShapeStyle {
        color: stand_in(ink, texture).into(),
        filled: true,
        stroke_width: 4,
    }
}
