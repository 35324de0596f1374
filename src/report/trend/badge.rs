//! The latest night as a badge: the JSON that shields.io and its like read from an address.

use serde_json::json;

use super::view::TrendView;
use crate::report::Mark;

/// The document.
#[must_use]
pub fn render(view: &TrendView) -> String {
    let failing = view
        .groups
        .iter()
        .filter(|group| group.mark == Mark::Bad)
        .count();
    let message = match (view.mark, failing) {
        (Mark::Bad, 1) => "1 scenario worse".to_owned(),
        (Mark::Bad, many) => format!("{many} scenarios worse"),
        _ => view.standing.to_lowercase(),
    };
    let color = match view.mark {
        Mark::Good => "brightgreen",
        Mark::Bad => "red",
        Mark::Caution => "yellow",
        Mark::Neutral => "lightgrey",
    };
    let badge = json!({"schemaVersion": 1, "label": "nightly", "message": message, "color": color});
    format!("{badge}\n")
}
