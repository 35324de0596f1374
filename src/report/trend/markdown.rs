//! A trend for a job summary: GitHub-flavoured Markdown of at most 60 KiB.

use std::fmt::Write as _;

use super::view::{GroupView, TrendView};
use crate::report::markdown::{BYTES_MAX, escaped};

const CELL_CHARS: usize = 120;
const SENTENCE_CHARS: usize = 600;
/// Changes that are listed for each scenario.
const CHANGES: usize = 20;

/// The document; groups that no longer fit are counted.
#[must_use]
pub fn render(view: &TrendView) -> String {
    let mut page = format!("## {} {}: dyno nightly\n", view.mark.glyph(), view.standing);
    for (number, group) in view.groups.iter().enumerate() {
        let section = section(group);
        if page.len() + section.len() > BYTES_MAX - 64 {
            let left = view.groups.len() - number;
            let _ = writeln!(page, "\n… and {left} more, see trend.html");
            break;
        }
        page += &section;
    }
    page
}

fn section(group: &GroupView) -> String {
    let cell = |text: &str| escaped(text, CELL_CHARS);
    let mut text = format!(
        "\n### {} {}: {}\n\n",
        group.mark.glyph(),
        group.word,
        cell(&group.scenario)
    );
    for sentence in &group.sentences {
        let _ = writeln!(text, "- {}", escaped(sentence, SENTENCE_CHARS));
    }
    if !group.changes.is_empty() {
        text += "\n| | metric | change | before | after | since | commit | |\n";
        text += "|---|---|---|---|---|---|---|---|\n";
        for row in group.changes.iter().take(CHANGES) {
            let cells = [
                row.mark.glyph(),
                &row.metric,
                &row.effect,
                &row.before,
                &row.after,
                &row.since,
                &row.commit,
                &row.state,
            ];
            let _ = writeln!(text, "| {} |", cells.map(cell).join(" | "));
        }
    }
    text += "\n<details><summary>Every metric</summary>\n\n";
    text +=
        "| | metric | tonight | repeats | | smallest visible change |\n|---|---|---|---|---|---|\n";
    for row in &group.metrics {
        let glyph = row.glyph.to_string();
        let cells = [
            &glyph,
            &row.name,
            &row.latest,
            &row.range,
            row.word,
            &row.visible,
        ];
        let _ = writeln!(text, "| {} |", cells.map(cell).join(" | "));
    }
    let facts: Vec<String> = group
        .facts
        .iter()
        .map(|(term, value)| format!("{term}: {}", cell(value)))
        .collect();
    let _ = writeln!(text, "\n{}\n\n</details>", facts.join(", "));
    text
}
