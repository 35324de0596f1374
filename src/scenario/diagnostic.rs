//! Everything that can be wrong with a scenario file, and how it is shown to people and to
//! programs.
//!
//! Owns codes, positions and rendering; must not know what the keys of a scenario mean.

use std::{error::Error, fmt, ops::Range};

use serde::{Serialize, Serializer};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The scenario cannot be run.
    Error,
    /// The scenario runs, but probably not as meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One problem at one place of a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// `S001`…: stable, one per kind of problem.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Byte range of the source; may be empty.
    pub span: Range<usize>,
    /// What to do, or what is wrong with just this place; short; may be empty.
    pub label: String,
    /// Facts that help, such as `known here: …`.
    pub notes: Vec<String>,
    /// Ways out.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error at `span`.
    #[must_use]
    pub fn error(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span,
            label: String::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// A warning at `span`.
    #[must_use]
    pub fn warning(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    /// With a short text behind the underline.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With one more fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// With one more way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// The problems of one scenario file, with the source that they point into.
///
/// `Display` gives the rendering for people, [`Diagnostics::to_json`] the one for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    source: String,
    file_name: String,
    line_starts: Vec<usize>,
    list: Vec<Diagnostic>,
}

/// A place in a source, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column in characters.
    pub column: usize,
}

impl Diagnostics {
    /// `list` about `source`, in the order of the file.
    #[must_use]
    pub fn new(source: &str, file_name: &str, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.code));
        let starts = source.bytes().enumerate();
        Self {
            source: source.to_owned(),
            file_name: file_name.to_owned(),
            line_starts: std::iter::once(0)
                .chain(
                    starts
                        .filter(|(_, byte)| *byte == b'\n')
                        .map(|(at, _)| at + 1),
                )
                .collect(),
            list,
        }
    }

    /// Every problem, in the order of the file.
    #[must_use]
    pub fn list(&self) -> &[Diagnostic] {
        &self.list
    }

    /// How many problems are errors.
    #[must_use]
    pub fn error_count(&self) -> usize {
        let errors = self.list.iter();
        errors.filter(|d| d.severity == Severity::Error).count()
    }

    /// Line and column of a byte offset; offsets beyond the end count as the end.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let offset = self.floor_boundary(offset);
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1];
        Position {
            line,
            column: self.source[start..offset].chars().count() + 1,
        }
    }

    /// `{"file": …, "diagnostics": [{"code", "severity", "message", "line", "column", …}]}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "file": self.file_name,
            "diagnostics": self.list.iter().map(|d| self.located(d)).collect::<Vec<_>>(),
        })
    }

    fn located<'a>(&self, diagnostic: &'a Diagnostic) -> Located<'a> {
        let start = self.position(diagnostic.span.start);
        let end = self.position(diagnostic.span.end.max(diagnostic.span.start));
        Located {
            code: diagnostic.code,
            severity: diagnostic.severity,
            message: &diagnostic.message,
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            label: &diagnostic.label,
            notes: &diagnostic.notes,
            help: &diagnostic.help,
        }
    }

    fn floor_boundary(&self, offset: usize) -> usize {
        let mut offset = offset.min(self.source.len());
        while !self.source.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    /// The line that holds `offset`, without its end, and where it starts.
    fn line_at(&self, offset: usize) -> (usize, &str) {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1];
        let end = self.line_starts.get(line).copied();
        let text = &self.source[start..end.unwrap_or(self.source.len())];
        (start, text.trim_end_matches(['\n', '\r']))
    }

    fn render(&self, f: &mut fmt::Formatter<'_>, diagnostic: &Diagnostic) -> fmt::Result {
        let start = self.floor_boundary(diagnostic.span.start);
        let position = self.position(start);
        writeln!(
            f,
            "{}[{}]: {}",
            diagnostic.severity,
            diagnostic.code,
            printable(&diagnostic.message)
        )?;
        writeln!(
            f,
            "  {}:{}:{}",
            printable(&self.file_name),
            position.line,
            position.column
        )?;
        let (line_start, line) = self.line_at(start);
        let end = self.floor_boundary(diagnostic.span.end).max(start);
        let shown = Excerpt::of(line, start - line_start, end - line_start);
        writeln!(f, "{:>5} | {}", position.line, shown.text)?;
        let carets = "^".repeat(shown.carets);
        let under = format!(
            "{}{carets} {}",
            " ".repeat(shown.indent),
            printable(&diagnostic.label)
        );
        writeln!(f, "      | {}", under.trim_end())?;
        for note in &diagnostic.notes {
            writeln!(f, "  {}", printable(note))?;
        }
        for help in &diagnostic.help {
            writeln!(f, "  help: {}", printable(help))?;
        }
        Ok(())
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, diagnostic) in self.list.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            self.render(f, diagnostic)?;
        }
        Ok(())
    }
}

impl Error for Diagnostics {}

impl Serialize for Diagnostics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

#[derive(Serialize)]
struct Located<'a> {
    code: &'static str,
    severity: Severity,
    message: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    label: &'a str,
    notes: &'a [String],
    help: &'a [String],
}

/// A source line as it is shown: bounded, without control characters, tabs as four spaces.
struct Excerpt {
    text: String,
    /// Terminal columns before the underline.
    indent: usize,
    /// Terminal columns of the underline; at least 1.
    carets: usize,
}

/// Characters shown before the underline, and in all, of lines that are too long for that.
const CONTEXT_BEFORE: usize = 40;
const LINE_MAX: usize = 120;

impl Excerpt {
    /// `start` and `end` are byte offsets into `line`; `start` lies on a boundary.
    fn of(line: &str, start: usize, end: usize) -> Self {
        let start = start.min(line.len());
        let end = end.clamp(start, line.len());
        let before = line[..start].chars().count();
        let skipped = if line.chars().nth(LINE_MAX).is_some() {
            before.saturating_sub(CONTEXT_BEFORE)
        } else {
            0
        };
        let (mut text, mut indent, mut carets) = (String::new(), 0, 0);
        if skipped > 0 {
            text.push('…');
            indent += 1;
        }
        for (number, (at, character)) in line.char_indices().enumerate().skip(skipped) {
            if number >= skipped + LINE_MAX {
                text.push('…');
                break;
            }
            let shown = shown_as(character);
            let width: usize = shown.chars().map(width_of).sum();
            if at < start {
                indent += width;
            } else if at < end {
                carets += width;
            }
            text.push_str(&shown);
        }
        Self {
            text,
            indent,
            carets: carets.max(1),
        }
    }
}

/// `text` without anything that could steer a terminal; bounded.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(shown_as).collect()
}

/// `text` in back-quotes, cut where it is too long to read.
#[must_use]
pub fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("`{}…`", printable(&text[..cut])),
        None => format!("`{}`", printable(text)),
    }
}

fn shown_as(character: char) -> String {
    match character {
        '\t' => "    ".to_owned(),
        character if steers_terminal(character) => char::REPLACEMENT_CHARACTER.to_string(),
        character => character.to_string(),
    }
}

/// Control characters, and those that reorder or hide text.
#[must_use]
pub fn steers_terminal(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Terminal columns of a character: close enough to align an underline.
#[must_use]
pub const fn width_of(character: char) -> usize {
    match character as u32 {
        0x300..=0x36f
        | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f
        | 0xfe20..=0xfe2f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}
