//! Fewer elements, the same picture: neighbours of one look become one path.
//!
//! A run that is throttled in every second would otherwise spend most of its page on the markup
//! around a few coordinates.

use std::fmt::Write as _;

/// `body` with neighbouring rectangles and lines of the same look joined.
pub(super) fn compact(body: &str) -> String {
    let mut joined = String::with_capacity(body.len());
    let mut open: Option<Shape> = None;
    let mut rest = body;
    while let Some(at) = rest.find('<') {
        joined.push_str(&rest[..at]);
        let end = rest[at + 1..]
            .find('<')
            .map_or(rest.len(), |next| at + 1 + next);
        let element = &rest[at..end];
        rest = &rest[end..];
        let shape = Shape::read(element);
        match (&mut open, shape) {
            (Some(open), Some(shape)) if open.look == shape.look => open.path += &shape.path,
            (_, shape) => {
                close(open.take(), &mut joined);
                if shape.is_none() {
                    joined.push_str(element);
                }
                open = shape;
            }
        }
    }
    close(open, &mut joined);
    joined + rest
}

/// A rectangle or a line: where it is, and all that is not its place.
struct Shape {
    path: String,
    look: String,
}

impl Shape {
    fn read(element: &str) -> Option<Self> {
        let attributes = element.strip_suffix("/>")?;
        for (kind, end) in [("<polyline ", ""), ("<polygon ", "z")] {
            if let Some(attributes) = attributes.strip_prefix(kind) {
                let (look, points) = without(attributes, "points")?;
                let path = relative(&points)? + end;
                return Some(Self { path, look });
            }
        }
        let (mut look, mut place) = (attributes.strip_prefix("<rect ")?.to_owned(), Vec::new());
        for name in ["x", "y", "width", "height"] {
            let (others, value) = without(&look, name)?;
            place.push(value.parse::<i64>().ok()?);
            look = others;
        }
        let [x, y, width, height] = place[..] else {
            return None;
        };
        let path = format!("M{x} {y}h{width}v{height}h{}z", -width);
        Some(Self { path, look })
    }
}

/// Points as a path of steps, which have fewer digits than places.
fn relative(points: &str) -> Option<String> {
    let mut path = String::with_capacity(points.len());
    let mut before: Option<(i64, i64)> = None;
    for point in points.split_ascii_whitespace() {
        let (x, y) = point.split_once(',')?;
        let (x, y) = (x.parse().ok()?, y.parse().ok()?);
        let _ = match before {
            None => write!(path, "M{x},{y}l"),
            Some((from_x, from_y)) => {
                let space = if path.ends_with('l') { "" } else { " " };
                write!(path, "{space}{},{}", x - from_x, y - from_y)
            }
        };
        before = Some((x, y));
    }
    Some(path)
}

/// The attributes without the one of this name, and its value.
fn without(attributes: &str, name: &str) -> Option<(String, String)> {
    let padded = format!(" {attributes}");
    let (before, after) = padded.split_once(&format!(" {name}=\""))?;
    let (value, after) = after.split_once('"')?;
    let others = format!("{}{after}", before.trim_start());
    Some((others, value.to_owned()))
}

fn close(shape: Option<Shape>, joined: &mut String) {
    if let Some(Shape { look, path }) = shape {
        let _ = write!(joined, "<path {} d=\"{path}\"/>", look.trim());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_look_are_one_element_and_others_stay() {
        let lines = "<polyline fill=\"none\" stroke=\"a\" points=\"1,2 3,4\"/>\
                     <polyline fill=\"none\" stroke=\"a\" points=\"5,6 7,8\"/>";
        assert_eq!(
            compact(lines),
            "<path fill=\"none\" stroke=\"a\" d=\"M1,2l2,2M5,6l2,2\"/>"
        );
        let boxes = "<rect x=\"1\" y=\"2\" width=\"3\" height=\"4\" fill=\"a\"/>\
                     <rect x=\"5\" y=\"6\" width=\"7\" height=\"8\" fill=\"a\"/>\
                     <polygon fill=\"b\" points=\"5,6 7,8 -1,3\"/>\
                     <text x=\"1\">a &lt; b</text><circle r=\"1\"/>";
        assert_eq!(
            compact(boxes),
            "<path fill=\"a\" d=\"M1 2h3v4h-3zM5 6h7v8h-7z\"/>\
             <path fill=\"b\" d=\"M5,6l2,2 -8,-5z\"/>\
             <text x=\"1\">a &lt; b</text><circle r=\"1\"/>"
        );
        let picture = "<rect x=\"a\" y=\"2\" width=\"3\" height=\"4\" fill=\"a\"/>";
        assert_eq!(compact(picture), picture, "what is not understood stays");
        assert_eq!(compact(""), "");
        assert_eq!(compact("words"), "words");
    }
}
