//! The latest night for a terminal.

use std::fmt::Write as _;

use super::view::TrendView;
use crate::{report::format::plain, scenario::diagnostic::printable};

/// The summary, each line ended by a newline. `ascii` where the terminal shows no more.
#[must_use]
pub fn render(view: &TrendView, ascii: bool) -> String {
    let mut text = String::new();
    for group in &view.groups {
        let glyph = if ascii {
            group.mark.ascii()
        } else {
            group.mark.glyph()
        };
        let facts: Vec<String> = group
            .facts
            .iter()
            .map(|(term, value)| format!("{term} {}", printable(value)))
            .collect();
        let _ = writeln!(
            text,
            "{glyph} {:<9} {}",
            group.word,
            printable(&group.scenario)
        );
        let _ = writeln!(text, "    {}", plain(&facts.join(", ")));
        for sentence in &group.sentences {
            let _ = writeln!(text, "    {}", plain(&printable(sentence)));
        }
    }
    if view.groups.is_empty() {
        text += "no nights yet\n";
    }
    if ascii {
        text = text
            .replace('→', "->")
            .replace('×', "x")
            .replace(['–', '−'], "-");
    }
    text
}
