//! A body in chunks, put together in the memory that it came in.

use httparse::{EMPTY_HEADER, Status};

use super::reading::HEADERS_MAX;
use crate::target::lost::{BODY_BYTES_MAX, Lost};

/// The line in front of a chunk, with its extensions, and all trailers together, as by hyper.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// How far it has come.
pub(super) struct Chunks {
    /// Up to here the body is put together; what lies behind is still to be looked at.
    end: usize,
    next: Next,
}

/// What is to come next.
enum Next {
    Size,
    /// So much of a chunk.
    Data(usize),
    /// The line's end behind a chunk.
    End,
    Trailers,
}

impl Chunks {
    /// A body that begins here.
    pub(super) const fn from(start: usize) -> Self {
        Self {
            end: start,
            next: Next::Size,
        }
    }

    /// Takes what was added to `bytes`, in which the body begins at `start`: where it ends, if it
    /// does.
    pub(super) fn advance(
        &mut self,
        bytes: &mut Vec<u8>,
        start: usize,
    ) -> Result<Option<usize>, Lost> {
        let mut at = self.end;
        let is_whole = loop {
            let rest = &bytes[at..];
            match self.next {
                Next::Size => match httparse::parse_chunk_size(rest) {
                    // It would also take no digit at all.
                    _ if rest.first().is_some_and(|it| !it.is_ascii_hexdigit()) => {
                        return Err(Lost::Cut);
                    }
                    Ok(Status::Complete((line, size))) => {
                        let size = usize::try_from(size).unwrap_or(usize::MAX);
                        if size > BODY_BYTES_MAX - (self.end - start) {
                            return Err(Lost::TooLarge);
                        }
                        at += line;
                        self.next = match size {
                            0 => Next::Trailers,
                            _ => Next::Data(size),
                        };
                    }
                    Ok(Status::Partial) if rest.len() <= LINE_BYTES_MAX => break false,
                    _ => return Err(Lost::Cut),
                },
                Next::Data(_) if rest.is_empty() => break false,
                Next::Data(left) => {
                    let part = left.min(rest.len());
                    bytes.copy_within(at..at + part, self.end);
                    (at, self.end) = (at + part, self.end + part);
                    self.next = match left - part {
                        0 => Next::End,
                        left => Next::Data(left),
                    };
                }
                Next::End => match rest {
                    [b'\r', b'\n', ..] => (at, self.next) = (at + 2, Next::Size),
                    [] | [b'\r'] => break false,
                    _ => return Err(Lost::Cut),
                },
                Next::Trailers => {
                    let mut trailers = [EMPTY_HEADER; HEADERS_MAX];
                    match httparse::parse_headers(rest, &mut trailers) {
                        Ok(Status::Complete((length, _))) => {
                            at += length;
                            break true;
                        }
                        Ok(Status::Partial) if rest.len() <= LINE_BYTES_MAX => break false,
                        _ => return Err(Lost::Cut),
                    }
                }
            }
        };
        // What is between chunks takes no memory.
        bytes.copy_within(at.., self.end);
        bytes.truncate(bytes.len() - (at - self.end));
        Ok(is_whole.then_some(self.end))
    }
}
