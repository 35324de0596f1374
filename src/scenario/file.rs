//! The TOML as written: spans kept, nothing trusted.
//!
//! Owns what is refused before and while TOML is parsed, and the collection of problems. What the
//! file holds is read through [`fields`] and [`value`]; none of them knows what values mean
//! together.

pub mod fields;
pub mod value;

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::diagnostic::Diagnostic;

/// A byte range of the source.
pub type Span = Range<usize>;
/// A value with where it stands.
pub type Value<'a> = Spanned<DeValue<'a>>;

/// Bytes of a file, at most.
pub const SOURCE_MAX: usize = 1 << 20;
/// Nested brackets, and segments of a dotted key, at most.
pub const NESTING_MAX: usize = 16;
/// Problems that are kept, at most.
const PROBLEMS_MAX: usize = 500;

/// The problems found so far.
#[derive(Debug)]
pub struct Problems {
    list: Vec<Diagnostic>,
    errors: usize,
    line_starts: Vec<usize>,
}

impl Problems {
    /// None yet, about `source`.
    #[must_use]
    pub fn new(source: &str) -> Self {
        let ends = source
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n');
        Self {
            list: Vec::new(),
            errors: 0,
            line_starts: std::iter::once(0)
                .chain(ends.map(|(at, _)| at + 1))
                .collect(),
        }
    }

    /// The line, from 1, on which `span` starts.
    #[must_use]
    pub fn line(&self, span: &Span) -> usize {
        self.line_starts
            .partition_point(|start| *start <= span.start)
    }

    /// Adds one; beyond a few hundred they are only counted.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == super::diagnostic::Severity::Error);
        if self.list.len() < PROBLEMS_MAX {
            self.list.push(diagnostic);
        }
    }

    /// How many errors there are.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// All that were kept.
    #[must_use]
    pub fn into_list(self) -> Vec<Diagnostic> {
        self.list
    }
}

/// Parses TOML, refusing what is too large or too deep for a scenario.
pub fn read<'a>(source: &'a str, problems: &mut Problems) -> Option<Spanned<DeTable<'a>>> {
    if source.len() > SOURCE_MAX {
        problems.push(
            Diagnostic::error("S002", 0..0, "the file is larger than 1 MiB")
                .label(format!("it has {} bytes", source.len()))
                .help("a scenario of a few KiB says all there is to say; is this the right file?"),
        );
        return None;
    }
    // toml bounds inline tables and dotted keys each, not their product: 12 KB of both nest
    // deep enough to overflow the stack when the tree is dropped.
    if let Some(at) = too_deep(source) {
        problems.push(
            Diagnostic::error("S002", at..at + 1, "nested too deeply").label(format!(
                "at most {NESTING_MAX} brackets or parts of a dotted key"
            )),
        );
        return None;
    }
    let (table, mut errors) = DeTable::parse_recoverable(source);
    errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    // Behind a mistake of another kind, the parser only guesses where it is.
    let others = errors
        .iter()
        .find(|error| error.message() != "duplicate key");
    let reported: Vec<_> = others.map_or_else(|| errors.iter().collect(), |error| vec![error]);
    for error in reported {
        let message = format!("not valid TOML: {}", error.message());
        problems.push(Diagnostic::error(
            "S001",
            error.span().unwrap_or(0..0),
            message,
        ));
    }
    errors.is_empty().then_some(table)
}

/// Where brackets or dotted keys nest deeper than any scenario does.
fn too_deep(source: &str) -> Option<usize> {
    let bytes = source.as_bytes();
    let (mut at, mut depth, mut dots) = (0, 0_usize, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'#' => {
                at += bytes[at..]
                    .iter()
                    .position(|b| *b == b'\n')
                    .unwrap_or(bytes.len() - at);
                dots = 0;
                continue;
            }
            b'"' | b'\'' => {
                at = string_end(bytes, at);
                continue;
            }
            b'[' | b'{' => (depth, dots) = (depth + 1, 0),
            b']' | b'}' => (depth, dots) = (depth.saturating_sub(1), 0),
            b'.' => dots += 1,
            b' ' | b'\t' | b'_' | b'-' => {}
            byte if byte.is_ascii_alphanumeric() || !byte.is_ascii() => {}
            _ => dots = 0,
        }
        if depth > NESTING_MAX || dots >= NESTING_MAX {
            let mut at = at;
            while !source.is_char_boundary(at) {
                at -= 1;
            }
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Just behind the string that starts at `at`; a string on one line ends with it at the latest.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let long = bytes[at..].starts_with(&[quote; 3]);
    let mut end = at + if long { 3 } else { 1 };
    while let Some(&byte) = bytes.get(end) {
        match byte {
            b'\\' if quote == b'"' && bytes.get(end + 1) != Some(&b'\n') => end += 2,
            b'\n' if !long => return end,
            byte if byte == quote && !long => return end + 1,
            byte if byte == quote && bytes[end..].starts_with(&[quote; 3]) => {
                // Up to two quotes may stand directly before the closing three.
                let quotes = bytes[end..].iter().take(5).take_while(|b| **b == quote);
                return end + quotes.count();
            }
            _ => end += 1,
        }
    }
    bytes.len()
}
