//! The terminal summary: at most 72 columns, readable without colour.
//!
//! Owns its layout; must not know whether a terminal is there.

use std::collections::BTreeSet;

mod cells;

use super::{
    AssertionRow, CapacityRow, IndexRow, Mark, ModelRow, OperationRow, ReportView, ShardRow,
    direction_label, format,
};
use crate::{analysis::ThrottleCause, scenario::diagnostic::printable, units::Direction};

use cells::{aligned, cut, head, in_ascii, left, right, width};

/// Columns of the summary.
pub const COLUMNS: usize = 72;
const BAR_CELLS: usize = 10;
/// Columns before what is told below the amounts of a direction.
const INDENT: usize = 10;
const ERROR_ROWS: usize = 5;
/// Share of its ceiling from which a partition is worth a line.
const WARM: f64 = 0.5;
/// Shards told one by one; of more, those that are not in order.
const SHARD_ROWS: usize = 16;
/// So that three columns of numbers fit beside it.
const MODEL_NAME_CELLS: usize = 40;

/// How the summary may look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// Escape sequences for colour.
    pub color: bool,
    /// ASCII only.
    pub ascii: bool,
}

/// The summary, each line ended by a newline.
#[must_use]
pub fn render(view: &ReportView, options: &TextOptions) -> String {
    let page = Page { options: *options };
    let mut lines = vec![page.headline(view)];
    lines.extend(page.assertions(view));
    lines.push(String::new());
    lines.extend(page.operations(&view.operations));
    lines.push(String::new());
    lines.extend(page.capacity(&view.capacity));
    lines.extend(page.indexes(&view.indexes));
    lines.extend(page.hottest(view));
    lines.extend(page.throttles(view));
    lines.extend(page.errors(view));
    lines.extend(page.model(&view.model));
    lines.extend(page.shards(&view.shards));
    for fact in &view.partitions {
        lines.push(String::new());
        lines.extend(page.wrapped(&format!("{}: {}.", fact.term, fact.value)));
    }
    lines.push(String::new());
    lines.extend(page.wrapped(&view.sentence));
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

struct Page {
    options: TextOptions,
}

impl Page {
    fn headline(&self, view: &ReportView) -> String {
        let verdict = &view.verdict;
        let word = format!("{} {}", self.glyph(verdict.mark), verdict.word);
        let detail = if verdict.detail.is_empty() {
            String::new()
        } else {
            format!("  {}", verdict.detail)
        };
        let room = COLUMNS - width(&word) - width(&detail) - 2;
        let run = format!("{}   seed {}", view.duration, view.seed);
        let run = self.shown(&run);
        // The name matters most, then the length and the seed; the target yields first.
        let name = cut(&self.shown(&view.scenario), room.min(24));
        let mut left = name.clone();
        for part in [self.shown(&view.target), run.clone()] {
            let kept = if part == run { 0 } else { width(&run) + 3 };
            let free = room.saturating_sub(width(&left) + 3 + kept);
            if free >= 8 || width(&part) <= free {
                left = format!("{left}   {}", cut(&part, free));
            }
        }
        let gap = " ".repeat(room.saturating_sub(width(&left)) + 2);
        format!("{left}{gap}{}{detail}", self.painted(verdict.mark, &word))
    }

    fn assertions(&self, view: &ReportView) -> Vec<String> {
        let rows: Vec<&AssertionRow> = view.assertions.iter().chain(&view.validity).collect();
        let cells: Vec<[String; 3]> = rows
            .iter()
            .map(|row| {
                [
                    cut(&self.shown(&row.name), 36),
                    self.shown(&row.observed),
                    self.shown(&row.limit),
                ]
            })
            .collect();
        let widest = |column: usize| cells.iter().map(|row| width(&row[column])).max();
        let (names, values) = (widest(0).unwrap_or(0), widest(1).unwrap_or(0));
        rows.iter()
            .zip(&cells)
            .map(|(row, [name, observed, limit])| {
                format!(
                    "  {} {}  {}  limit {limit}",
                    self.painted(row.mark, self.glyph(row.mark)),
                    left(name, names),
                    right(observed, values),
                )
            })
            .collect()
    }

    fn operations(&self, operations: &[OperationRow]) -> Vec<String> {
        let header = [
            "",
            "done/s",
            "due/s",
            "p50",
            "p99",
            "p99.9",
            "units/op",
            "throttled",
        ];
        let mut rows = vec![header.map(str::to_owned)];
        rows.extend(operations.iter().map(|row| {
            [
                &row.name,
                &row.completed_rate,
                &row.offered_rate,
                &row.response_time.p50,
                &row.response_time.p99,
                &row.response_time.p99_9,
                &row.units_per_request,
                &row.throttled_share,
            ]
            .map(|cell| self.shown(cell))
        }));
        let widths: [usize; 8] = std::array::from_fn(|column| {
            rows.iter()
                .map(|row| width(&row[column]))
                .max()
                .unwrap_or(0)
        });
        let numbers: usize = widths[1..].iter().sum();
        let columns = widths.len() - 1;
        let gap = if 2 + widths[0] + numbers + 2 * columns <= COLUMNS {
            2
        } else {
            1
        };
        let names = widths[0].min(COLUMNS.saturating_sub(2 + numbers + gap * columns).max(4));
        rows.iter()
            .map(|row| {
                let mut line = format!("  {}", left(&cut(&row[0], names), names));
                for (cell, cell_width) in row.iter().zip(widths).skip(1) {
                    line.push_str(&" ".repeat(gap));
                    line.push_str(&right(cell, cell_width));
                }
                line
            })
            .collect()
    }

    fn capacity(&self, rows: &[CapacityRow]) -> Vec<String> {
        let amounts: Vec<String> = rows
            .iter()
            .map(|row| self.shown(&format!("{} / {}", row.mean, row.provisioned)))
            .collect();
        let widest = amounts
            .iter()
            .map(|amount| width(amount))
            .max()
            .unwrap_or(0);
        let percents = rows
            .iter()
            .map(|row| width(&self.shown(&row.utilisation_percent)))
            .max()
            .unwrap_or(0);
        let several = rows.iter().any(|row| row.table != rows[0].table);
        let mut lines = Vec::new();
        for (index, (row, amount)) in rows.iter().zip(&amounts).enumerate() {
            if several && (index == 0 || rows[index - 1].table != row.table) {
                lines.push(format!("  {}", cut(&self.shown(&row.table), COLUMNS - 2)));
            }
            let line = format!(
                "  {} {}  {}  {}",
                left(row.label, 7),
                right(amount, widest),
                self.painted(row.mark, &self.bar(row.utilisation.unwrap_or(0.0))),
                right(&self.shown(&row.utilisation_percent), percents),
            );
            let plain_width = 2 + 7 + 1 + widest + 2 + BAR_CELLS + 2 + percents;
            let burst = self.shown(&row.burst);
            if plain_width + 3 + width(&burst) <= COLUMNS {
                lines.push(format!("{line}   {burst}"));
            } else {
                lines.push(line);
                lines.push(format!("{}{burst}", " ".repeat(INDENT)));
            }
            if row.mark == Mark::Bad {
                lines.extend(self.facts(&[
                    format!("{} refused", row.throttled_share),
                    format!("throttles in {}", row.throttled_seconds),
                    format!("demand {}", row.demand),
                ]));
            }
        }
        lines
    }

    /// Each global index by its name, then what it took of what it has.
    fn indexes(&self, rows: &[IndexRow]) -> Vec<String> {
        let mut lines = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            if index == 0 || rows[index - 1].name != row.name {
                let name = self.shown(&format!("index {}", row.name));
                lines.push(format!("  {}", cut(&name, COLUMNS - 2)));
            }
            let amount = format!("{} / {}", row.mean, row.provisioned);
            let facts = [amount, row.utilisation_percent.clone(), row.burst.clone()];
            let facts = facts.iter().filter(|fact| !fact.is_empty());
            let facts: Vec<String> = facts.map(|fact| self.shown(fact)).collect();
            let line = format!("  {} {}", left(row.label, 7), facts.join("   "));
            lines.push(cut(&line, COLUMNS));
        }
        lines
    }

    /// On as few lines as they fit on, below the amounts of a direction.
    fn facts(&self, facts: &[String]) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for fact in facts.iter().map(|fact| self.shown(fact)) {
            match lines.last_mut() {
                Some(line) if INDENT + width(line) + 2 + width(&fact) <= COLUMNS => {
                    line.push_str("; ");
                    line.push_str(&fact);
                }
                _ => lines.push(fact),
            }
        }
        lines
            .iter()
            .map(|line| cut(&format!("{}{line}", " ".repeat(INDENT)), COLUMNS))
            .collect()
    }

    /// The partition that is nearest to its ceiling, if it is near.
    fn hottest(&self, view: &ReportView) -> Option<String> {
        let hottest = view.hottest.as_ref();
        let hottest = hottest.filter(|one| one.refused || one.of_ceiling >= WARM)?;
        let line = format!(
            "  {} {} at {} of its {} ceiling ({})",
            left("hot", 7),
            hottest.partition,
            hottest.percent,
            hottest.label.trim_end_matches('s'),
            hottest.share
        );
        Some(cut(&self.shown(&line), COLUMNS))
    }

    /// A line for each limit of a table: how many attempts hit it.
    fn throttles(&self, view: &ReportView) -> Vec<String> {
        let several = view
            .capacity
            .iter()
            .any(|row| row.table != view.capacity[0].table);
        let mut limits: Vec<(&str, &str)> = view
            .throttles
            .iter()
            .map(|row| (row.table.as_str(), row.cause))
            .collect();
        let mut seen = BTreeSet::new();
        limits.retain(|limit| seen.insert(*limit));
        limits
            .iter()
            .enumerate()
            .map(|(index, (table, cause))| {
                let of_table = if several {
                    format!(" of {table}")
                } else {
                    String::new()
                };
                let label = if index == 0 { "why" } else { "" };
                cut(
                    &self.shown(&format!(
                        "  {} {}{of_table}: {}",
                        left(label, 7),
                        words(cause),
                        attempts(view, table, cause)
                    )),
                    COLUMNS,
                )
            })
            .collect()
    }

    fn errors(&self, view: &ReportView) -> Vec<String> {
        let mut lines: Vec<String> = view
            .errors
            .iter()
            .take(ERROR_ROWS)
            .map(|row| {
                let cause = format!("  {} failed: {}, ", row.count, row.operation);
                cut(&self.shown(&format!("{cause}{}", row.cause)), COLUMNS)
            })
            .collect();
        if view.errors.len() > ERROR_ROWS {
            lines.push(format!(
                "  and {} more causes of failure",
                view.errors.len() - ERROR_ROWS
            ));
        }
        lines
    }

    fn wrapped(&self, sentence: &str) -> Vec<String> {
        // Wrapped while the spaces inside numbers are still told apart from those between
        // words.
        let mut lines = vec![String::new()];
        for word in sentence.split(' ').filter(|word| !word.is_empty()) {
            let mut word = self.shown(word);
            let last = lines.last().map_or(0, |line| width(line));
            if last > 0 && last + 1 + width(&word) > COLUMNS {
                lines.push(String::new());
            }
            while width(&word) > COLUMNS {
                let head = head(&word, COLUMNS);
                word = word[head.len()..].to_owned();
                if let Some(line) = lines.last_mut() {
                    *line = head;
                }
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&word);
            }
        }
        lines
    }

    fn bar(&self, utilisation: f64) -> String {
        let (full, empty) = if self.options.ascii {
            ("#", ".")
        } else {
            ("█", "░")
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the number of cells"
        )]
        let filled = (utilisation.clamp(0.0, 1.0) * 10.0).round() as usize;
        // Some use never looks like none.
        let filled = filled.max(usize::from(utilisation > 0.0)).min(BAR_CELLS);
        full.repeat(filled) + &empty.repeat(BAR_CELLS - filled)
    }

    const fn glyph(&self, mark: Mark) -> &'static str {
        if self.options.ascii {
            mark.ascii()
        } else {
            mark.glyph()
        }
    }

    fn painted(&self, mark: Mark, text: &str) -> String {
        let code = match mark {
            _ if !self.options.color => return text.to_owned(),
            Mark::Good => "32",
            Mark::Bad => "31",
            Mark::Caution => "33",
            Mark::Neutral => return text.to_owned(),
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Safe for a terminal, with plain spaces, and in ASCII where that is asked for.
    fn shown(&self, text: &str) -> String {
        let text = printable(&format::plain(text));
        if self.options.ascii {
            text.chars().map(in_ascii).collect()
        } else {
            text
        }
    }
}

/// What became of the limit that a report calls `cause`.
fn words(cause: &str) -> String {
    if cause == ThrottleCause::TableProvisioned.name() {
        format!("{cause} exhausted")
    } else if cause == ThrottleCause::Other.name() {
        "another reason".into()
    } else {
        format!("{cause} at its limit")
    }
}

/// Attempts by direction: `1 457 reads, 129 writes`.
fn attempts(view: &ReportView, table: &str, cause: &str) -> String {
    Direction::ALL
        .into_iter()
        .filter_map(|direction| {
            let times: u64 = view
                .throttles
                .iter()
                .filter(|row| {
                    row.table == table
                        && row.cause == cause
                        && row.label == direction_label(direction)
                })
                .map(|row| row.times)
                .sum();
            let label = direction_label(direction);
            (times > 0).then(|| format!("{} {label}", format::count(times)))
        })
        .collect::<Vec<_>>()
        .join(", ")
}

impl Page {
    fn model(&self, model: &[ModelRow]) -> Vec<String> {
        if model.is_empty() {
            return Vec::new();
        }
        let mut rows = vec![ModelRow::COLUMNS.map(str::to_owned)];
        rows.extend(
            model
                .iter()
                .map(|row| row.cells().map(|cell| self.shown(cell))),
        );
        for row in &mut rows {
            row[0] = cut(&row[0], MODEL_NAME_CELLS);
        }
        std::iter::once(String::new())
            .chain(aligned(&rows))
            .collect()
    }

    fn shards(&self, shards: &[ShardRow]) -> Vec<String> {
        if shards.is_empty() {
            return Vec::new();
        }
        let many = shards.len() > SHARD_ROWS;
        let is_told = |row: &&ShardRow| !many || row.mark != Mark::Good;
        let (told, in_time): (Vec<_>, Vec<_>) = shards.iter().partition(is_told);
        let mut lines = vec![String::new()];
        if told.is_empty() {
            lines.push(format!("  {} shards, all of them in time", in_time.len()));
            return lines;
        }
        let mut rows = vec![ShardRow::COLUMNS.map(str::to_owned)];
        let shown = told.iter().take(SHARD_ROWS);
        rows.extend(shown.map(|row| row.cells().map(|cell| self.shown(cell))));
        lines.extend(aligned(&rows));
        if told.len() > SHARD_ROWS {
            lines.push(format!("  {} more like these", told.len() - SHARD_ROWS));
        }
        if !in_time.is_empty() {
            lines.push(format!("  {} more, in time", in_time.len()));
        }
        lines
    }
}
