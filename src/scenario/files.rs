//! Files that a scenario names: how they are asked for, read once, and told apart by content.
//!
//! Owns the hash and the bounds of what is read; knows no paths on disk (the shell finds the
//! files) and not what is in them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, BufRead, Read},
};

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{
    diagnostic::{Diagnostic, printable, quoted},
    file::{Problems, Span, value::grouped_whole},
};

/// Bytes of a file, at most: what is larger is no input of a load test.
pub const FILE_BYTES_MAX: u64 = 16 << 30;

/// Where a scenario's files come from.
pub trait Files {
    /// The file that a scenario calls `path`.
    ///
    /// # Errors
    /// When there is none that can be read.
    fn open(&self, path: &str) -> Result<Opened<'_>, FileProblem>;
}

/// A file that was found.
pub enum Opened<'f> {
    /// Its content, to be read once, from the start.
    Content {
        /// The bytes.
        reader: Box<dyn BufRead + 'f>,
        /// It lies outside the scenario's folder: where the scenario goes, it does not follow.
        outside: bool,
    },
    /// Only what an earlier run noted of it: enough to show that run again, not to repeat it.
    Noted(FileNote),
}

/// What a file was when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileNote {
    /// As the scenario names it.
    pub path: String,
    /// SHA-256 of all its bytes, as 64 hex digits.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Rows that the scenario uses.
    pub rows: u64,
}

/// Two digits for each byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    text
}

/// Writes the hashes alone: a file may move, or be named otherwise, without changing meaning.
pub(super) fn hashes<S: Serializer>(notes: &[FileNote], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(notes.iter().map(|note| &note.sha256))
}

/// Why a file cannot be read.
#[derive(Debug, Error)]
pub enum FileProblem {
    /// There is none.
    #[error("there is no such file")]
    Missing,
    /// A folder.
    #[error("it is a folder")]
    Folder,
    /// A pipe, a device or a socket.
    #[error("it is not an ordinary file")]
    NotOrdinary,
    /// No bytes.
    #[error("it is empty")]
    Empty,
    /// More bytes than [`FILE_BYTES_MAX`].
    #[error("it is larger than {} bytes", grouped_whole(&FILE_BYTES_MAX.to_string()))]
    TooLarge,
    /// Not text.
    #[error("it holds a zero byte, so it is no text (byte {})", grouped_whole(&.at.to_string()))]
    Binary {
        /// Offset of the byte.
        at: u64,
    },
    /// A row without end.
    #[error(
        "one row has more than 4 MiB (before byte {}); is a quote never closed?",
        grouped_whole(&.at.to_string())
    )]
    RowTooLong {
        /// Offset up to which was read.
        at: u64,
    },
    /// The system refused.
    #[error("{}", printable(&.0.to_string()))]
    System(io::Error),
    /// This caller reads no files.
    #[error("no files can be read here")]
    Unavailable,
}

/// No files: for scenarios that name none.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _: &str) -> Result<Opened<'_>, FileProblem> {
        Err(FileProblem::Unavailable)
    }
}

/// What a run noted of its files, when the files themselves are not needed again.
#[derive(Clone, Copy, Debug)]
pub struct NotedFiles<'n>(pub &'n [FileNote]);

impl Files for NotedFiles<'_> {
    fn open(&self, path: &str) -> Result<Opened<'_>, FileProblem> {
        let note = self.0.iter().find(|note| note.path == path);
        note.cloned().map(Opened::Noted).ok_or(FileProblem::Missing)
    }
}

/// Files in memory by path.
impl Files for BTreeMap<String, Vec<u8>> {
    fn open(&self, path: &str) -> Result<Opened<'_>, FileProblem> {
        let content = self.get(path).ok_or(FileProblem::Missing)?;
        if content.is_empty() {
            return Err(FileProblem::Empty);
        }
        Ok(Opened::Content {
            reader: Box::new(content.as_slice()),
            outside: false,
        })
    }
}

/// A file being read: text without zero bytes, hashed and counted on the way.
pub struct Reading<'f> {
    inner: Box<dyn BufRead + 'f>,
    hash: Sha256,
    bytes: u64,
    /// Bytes in all that may be read so far.
    limit: u64,
    problem: Option<FileProblem>,
}

impl<'f> Reading<'f> {
    /// Reads `inner` from its start.
    #[must_use]
    pub fn new(inner: Box<dyn BufRead + 'f>) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            bytes: 0,
            limit: u64::MAX,
            problem: None,
        }
    }

    /// From here on at most `bytes` more, until the next call: a bound for what one row takes.
    pub fn limit(&mut self, bytes: u64) {
        self.limit = self.bytes.saturating_add(bytes);
    }

    /// As much as there is.
    pub fn lift_limit(&mut self) {
        self.limit = u64::MAX;
    }

    /// Why the last read failed, if it did.
    pub fn take_problem(&mut self) -> Option<FileProblem> {
        self.problem.take()
    }

    /// Reads what is left, so that the hash is of the whole file.
    ///
    /// # Errors
    /// When what is left cannot be read.
    pub fn finish(mut self, path: &str, rows: u64) -> Result<FileNote, FileProblem> {
        let rest = io::copy(&mut self, &mut io::sink());
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        rest.map_err(FileProblem::System)?;
        Ok(FileNote {
            path: path.to_owned(),
            sha256: hex(&self.hash.finalize()),
            bytes: self.bytes,
            rows,
        })
    }

    fn refuse(&mut self, problem: FileProblem) -> io::Error {
        let told = io::Error::other(problem.to_string());
        self.problem = Some(problem);
        told
    }
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.inner.read(buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(self.refuse(FileProblem::System(error))),
        };
        let new = &buffer[..read];
        if let Some(at) = new.iter().position(|byte| *byte == 0) {
            let at = self.bytes + at as u64;
            return Err(self.refuse(FileProblem::Binary { at }));
        }
        self.hash.update(new);
        self.bytes += read as u64;
        if self.bytes > FILE_BYTES_MAX {
            return Err(self.refuse(FileProblem::TooLarge));
        }
        if self.bytes > self.limit {
            return Err(self.refuse(FileProblem::RowTooLong { at: self.bytes }));
        }
        Ok(read)
    }
}

/// A file as a parser gets it.
pub enum Source<'f> {
    /// To be read, and handed to [`Inputs::close`].
    Content(Reading<'f>),
    /// What an earlier run knew of it; nothing to read, and nothing to close.
    Noted(FileNote),
}

/// The files that a scenario is being read with.
pub struct Inputs<'f> {
    files: &'f dyn Files,
    notes: Vec<FileNote>,
}

impl<'f> Inputs<'f> {
    /// None read yet.
    #[must_use]
    pub fn new(files: &'f dyn Files) -> Self {
        let notes = Vec::new();
        Self { files, notes }
    }

    /// Opens `path`, which the scenario names at `span`, where problems are told.
    pub fn open(&mut self, path: &str, span: &Span, problems: &mut Problems) -> Option<Source<'f>> {
        match self.files.open(path) {
            Ok(Opened::Content { reader, outside }) => {
                if outside {
                    let message = format!("{} lies outside the scenario's folder", quoted(path));
                    problems.push(
                        Diagnostic::warning("S051", span.clone(), message)
                            .label("the scenario cannot be moved without it"),
                    );
                }
                Some(Source::Content(Reading::new(reader)))
            }
            Ok(Opened::Noted(note)) => {
                self.keep(note.clone());
                Some(Source::Noted(note))
            }
            Err(problem) => {
                problems.push(unreadable(path, span, &problem));
                None
            }
        }
    }

    /// Reads to the end what was opened as `path`, and keeps what the file was: `rows` of it
    /// are used.
    pub fn close(
        &mut self,
        reading: Reading<'f>,
        path: &str,
        rows: u64,
        span: &Span,
        problems: &mut Problems,
    ) {
        match reading.finish(path, rows) {
            Ok(note) => self.keep(note),
            Err(problem) => problems.push(unreadable(path, span, &problem)),
        }
    }

    /// The hash of what was closed as `path`.
    #[must_use]
    pub fn sha256(&self, path: &str) -> Option<&str> {
        let note = self.notes.iter().find(|note| note.path == path);
        note.map(|note| note.sha256.as_str())
    }

    fn keep(&mut self, note: FileNote) {
        if self.notes.iter().all(|known| known.path != note.path) {
            self.notes.push(note);
        }
    }

    /// What was read, in the order in which it was first opened.
    #[must_use]
    pub fn into_notes(self) -> Vec<FileNote> {
        self.notes
    }
}

/// The problem that `path` cannot be read.
#[must_use]
pub fn unreadable(path: &str, span: &Span, problem: &FileProblem) -> Diagnostic {
    let told = Diagnostic::error(
        "S050",
        span.clone(),
        format!("cannot read {}", quoted(path)),
    )
    .label(problem.to_string());
    match problem {
        FileProblem::Missing => told.help("paths are relative to the scenario's folder"),
        _ => told,
    }
}
