//! Text in columns of a terminal: padded, cut, counted by what it takes there.

use crate::scenario::diagnostic::width_of;

/// Rows with their first column to the left and the others to the right.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> impl Iterator<Item = String> {
    let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max();
    let widths: [usize; N] = std::array::from_fn(|column| widest(column).unwrap_or(0));
    rows.iter().map(move |row| {
        let cells = row.iter().zip(widths).enumerate();
        let cells: Vec<_> = cells
            .map(|(column, (cell, width))| match column {
                0 => left(cell, width),
                _ => right(cell, width),
            })
            .collect();
        format!("  {}", cells.join("  "))
    })
}

pub(super) fn in_ascii(character: char) -> String {
    match character {
        '≤' => "<=".into(),
        '≥' => ">=".into(),
        '–' | '−' => "-".into(),
        'µ' => "u".into(),
        '…' => "...".into(),
        '±' => "+-".into(),
        ascii if ascii.is_ascii() => ascii.into(),
        _ => "?".into(),
    }
}

pub(super) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

pub(super) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// At most `columns` wide; what was cut ends with two dots.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    head(text, columns.saturating_sub(2)) + &".."[..columns.min(2)]
}

/// As much of the beginning as fits; at least one character.
pub(super) fn head(text: &str, columns: usize) -> String {
    let mut used = 0;
    text.char_indices()
        .take_while(|(at, character)| {
            used += width_of(*character);
            used <= columns || *at == 0
        })
        .map(|(_, character)| character)
        .collect()
}

pub(super) fn width(text: &str) -> usize {
    text.chars().map(width_of).sum()
}
