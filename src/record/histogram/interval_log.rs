//! `HdrHistogram` interval logs: one line for each second and tag, for other programs.
//!
//! Owns the format and how names become tags; must not know what is measured.

use std::time::Duration;

use hdrhistogram::serialization::{
    V2DeflateSerializer,
    interval_log::{IntervalLogWriterBuilder, Tag},
};

use super::LatencyHistogram;

/// One line of the log.
#[derive(Clone, Debug)]
pub struct Line {
    /// What was measured; see [`tag`].
    pub name: String,
    /// Begin, from the start of the log.
    pub starts: Duration,
    /// Length.
    pub lasts: Duration,
    /// Nanoseconds.
    pub values: LatencyHistogram,
}

/// A log with these comments and lines, values in nanoseconds; lines without values are left
/// out.
///
/// # Panics
/// Never: the log is written to memory.
#[must_use]
pub fn write(comments: &[String], lines: impl IntoIterator<Item = Line>) -> String {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    for comment in comments {
        builder.add_comment(comment);
    }
    let mut log = builder
        .begin_log_with(&mut bytes, &mut serializer)
        .expect("writing to memory does not fail");
    for line in lines {
        let Some(values) = line.values.canonical() else {
            continue;
        };
        let name = tag(&line.name);
        let tag = Tag::new(&name).filter(|tag| !tag.is_empty());
        log.write_histogram(&values, line.starts, line.lasts, tag)
            .expect("writing to memory does not fail");
    }
    String::from_utf8(bytes).expect("a log is made of text and base64")
}

/// `name` as a tag: what a tag cannot hold (comma, white space, control characters), and `%`,
/// is percent-encoded, so that different names have different tags.
#[must_use]
pub fn tag(name: &str) -> String {
    use std::fmt::Write as _;
    let mut tag = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_whitespace() || character.is_control() || ",%".contains(character) {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(tag, "%{byte:02X}").expect("writing to a string does not fail");
            }
        } else {
            tag.push(character);
        }
    }
    tag
}
