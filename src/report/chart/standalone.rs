//! A chart as a file of its own: literal colours, a font, a background.

use std::fmt::Write as _;

/// The style sheet of the page, which defines the colours.
const STYLE: &str = include_str!("../assets/report.css");

/// What the page's style sheet says of an `<svg>`, for one that stands alone.
pub(super) fn svg(chart: &str) -> String {
    let mut file = String::with_capacity(chart.len());
    let mut rest = chart;
    while let Some((before, after)) = rest.split_once("var(--") {
        let Some((name, after)) = after.split_once(')') else {
            break;
        };
        file.push_str(before);
        file.push_str(colour(name));
        rest = after;
    }
    file.push_str(rest);
    let page = colour("page");
    let mut head = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" font-family=\"system-ui, sans-serif\"",
    );
    let _ = write!(head, " style=\"background:{page}\"");
    let body = file.strip_prefix("<svg").unwrap_or(&file);
    let Some((attributes, inside)) = body.split_once('>') else {
        return file;
    };
    format!("{head}{attributes}><rect width=\"100%\" height=\"100%\" fill=\"{page}\"/>{inside}\n")
}

/// The light theme's colour of a name, as the style sheet defines it.
fn colour(name: &str) -> &'static str {
    let found = STYLE.split_once(&format!("--{name}: "));
    let found = found.and_then(|(_, rest)| rest.split_once(';'));
    found.map_or("#000000", |(colour, _)| colour)
}
