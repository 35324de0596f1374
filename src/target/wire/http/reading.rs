//! An answer as it comes in, piece by piece. Waits for nothing: others bring the pieces.

use std::{io, mem::MaybeUninit, ops::Range};

use httparse::{Header, ParserConfig, Response, Status};

use super::{Whole, chunks::Chunks};
use crate::target::lost::{BODY_BYTES_MAX, Lost};

/// So many headers are read of an answer, as by hyper.
pub(super) const HEADERS_MAX: usize = 100;
/// A head of more is none, as for hyper.
const HEAD_BYTES_MAX: usize = 400 * 1024;
/// At least so much room is made for what comes in: an item of 1 KB and its head are less.
const ROOM: usize = 4096;
/// Room is made at once for a body of so much at most: the server may announce what it likes.
const ROOM_AHEAD: usize = 1 << 20;
/// Memory of more than that is given back after an answer: there may be thousands of connections.
const KEPT: usize = 16 * 1024;

/// An answer, as far as it has come in.
#[derive(Default)]
pub(super) struct Reading {
    /// All of it; chunks are put together where they lie.
    bytes: Vec<u8>,
    head: Head,
    stage: Stage,
}

/// What is to come next.
enum Stage {
    /// The head, which did not end within the first so many bytes.
    Head(usize),
    /// A body up to here.
    Sized(usize),
    Chunked(Chunks),
    UntilClose,
}

impl Default for Stage {
    fn default() -> Self {
        Self::Head(0)
    }
}

/// What is needed of a head. Ranges are of all bytes of the answer.
#[derive(Default)]
struct Head {
    status: u16,
    /// Whether another request may follow.
    is_kept: bool,
    checksum: Option<Range<usize>>,
    error_type: Option<Range<usize>>,
    date: Option<Range<usize>>,
    /// Begins where the head ends.
    body: Range<usize>,
}

impl Reading {
    /// Where what comes next is to be added.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        let (length, capacity) = (self.bytes.len(), self.bytes.capacity());
        let wanted = match self.stage {
            // One more, so that it is seen when there is more than announced.
            Stage::Sized(end) => (end - length + 1).min(ROOM_AHEAD),
            _ => 1,
        };
        if capacity - length < wanted {
            self.bytes.reserve(wanted.max(ROOM));
        }
        &mut self.bytes
    }

    /// Looks at what was added: whether the answer is whole.
    pub(super) fn advance(&mut self) -> Result<bool, Lost> {
        if let Stage::Head(seen) = self.stage
            && !self.advance_head(seen)?
        {
            return Ok(false);
        }
        let (start, length) = (self.head.body.start, self.bytes.len());
        let end = match &mut self.stage {
            Stage::Sized(end) if length < *end => return Ok(false),
            Stage::Sized(end) => *end,
            Stage::Chunked(chunks) => match chunks.advance(&mut self.bytes, start)? {
                Some(end) => end,
                None => return Ok(false),
            },
            Stage::UntilClose if length - start > BODY_BYTES_MAX => return Err(Lost::TooLarge),
            Stage::Head(_) | Stage::UntilClose => return Ok(false),
        };
        self.head.body.end = end;
        // Nobody asked for more.
        self.head.is_kept &= self.bytes.len() == end;
        Ok(true)
    }

    /// Whether there is a whole head, and it is not one that only says that another comes.
    fn advance_head(&mut self, mut seen: usize) -> Result<bool, Lost> {
        loop {
            // What comes in small pieces is not parsed with each of them.
            if seen > 0 && !has_empty_line(&self.bytes[seen.saturating_sub(2)..]) {
                return self.wait_for_head();
            }
            let Some((head, stage)) = parse(&self.bytes)? else {
                return self.wait_for_head();
            };
            if !matches!(head.status, 100 | 102..=199) {
                (self.head, self.stage) = (head, stage);
                return Ok(true);
            }
            self.bytes.drain(..head.body.start);
            if self.bytes.is_empty() {
                self.stage = Stage::Head(0);
                return Ok(false);
            }
            seen = 0;
        }
    }

    fn wait_for_head(&mut self) -> Result<bool, Lost> {
        self.stage = Stage::Head(self.bytes.len());
        if self.bytes.len() > HEAD_BYTES_MAX {
            return Err(Lost::NoHttp);
        }
        Ok(false)
    }

    /// The connection ended: whether the answer did.
    pub(super) fn end(&mut self) -> Result<(), Lost> {
        match self.stage {
            Stage::Head(_) => Err(Lost::Closed),
            Stage::Sized(_) | Stage::Chunked(_) => Err(Lost::Cut),
            Stage::UntilClose => {
                self.head.body.end = self.bytes.len();
                Ok(())
            }
        }
    }

    /// The connection broke: what that means for the answer.
    pub(super) const fn broke(&self, kind: io::ErrorKind) -> Lost {
        match self.stage {
            Stage::Head(_) => Lost::Broke(kind),
            _ => Lost::Cut,
        }
    }

    /// No request may follow, whatever the answer says.
    pub(super) const fn keep_no_longer(&mut self) {
        self.head.is_kept = false;
    }

    pub(super) fn whole(&self) -> Whole<'_> {
        let header = |range: &Option<Range<usize>>| range.clone().map(|range| &self.bytes[range]);
        Whole {
            status: self.head.status,
            checksum: header(&self.head.checksum),
            error_type: header(&self.head.error_type),
            date: header(&self.head.date),
            body: &self.bytes[self.head.body.clone()],
        }
    }

    /// Makes place for another answer: whether there may be one.
    pub(super) fn begin_again(&mut self) -> bool {
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        } else {
            self.bytes.clear();
        }
        self.stage = Stage::Head(0);
        std::mem::take(&mut self.head).is_kept
    }

    #[cfg(test)]
    pub(super) const fn bytes_kept(&self) -> usize {
        self.bytes.capacity()
    }
}

fn has_empty_line(bytes: &[u8]) -> bool {
    let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.any(|(at, _)| matches!(bytes[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

/// How long a body is, as `content-length` says.
#[derive(Clone, Copy)]
enum Length {
    Untold,
    Told(u64),
    /// No number, or several.
    Wrong,
}

/// The head that `bytes` begin with, and how its body is carried; `None` where it does not end.
///
/// # Errors
/// When it breaks the rules of HTTP, or announces more than is read.
fn parse(bytes: &[u8]) -> Result<Option<(Head, Stage)>, Lost> {
    let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut response = Response::new(&mut []);
    let parser = ParserConfig::default();
    let parsed = parser.parse_response_with_uninit_headers(&mut response, bytes, &mut headers);
    let length = match parsed {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(_) => return Err(Lost::NoHttp),
    };
    let status = response.code.filter(|status| *status >= 100);
    let is_newer = response.version == Some(1);
    let mut head = Head {
        status: status.ok_or(Lost::NoHttp)?,
        is_kept: is_newer,
        body: length..length,
        ..Head::default()
    };
    let (mut announced, mut is_chunked, mut closes) = (Length::Untold, None, false);
    for &Header { name, value } in response.headers.iter() {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let range = || {
            let start = value.as_ptr().addr() - bytes.as_ptr().addr();
            start..start + value.len()
        };
        // The first of each, where there are more.
        if is("content-length") {
            announced = announced.and(value);
        } else if is("x-amz-crc32") {
            head.checksum.get_or_insert_with(range);
        } else if is("x-amzn-errortype") {
            head.error_type.get_or_insert_with(range);
        } else if is("date") {
            head.date.get_or_insert_with(range);
        } else if is("connection") {
            let says =
                |word: &str| tokens(value).any(|it| it.eq_ignore_ascii_case(word.as_bytes()));
            closes |= says("close");
            head.is_kept |= says("keep-alive");
        } else if is("transfer-encoding") {
            // Only the last one tells where the body ends.
            let last = tokens(value).last();
            is_chunked = last.map(|it| it.eq_ignore_ascii_case(b"chunked"));
        }
    }
    head.is_kept &= !closes;
    let stage = match (head.status, is_chunked, announced) {
        // It goes on with something else than HTTP.
        (101, ..) => {
            head.is_kept = false;
            Stage::Sized(length)
        }
        (..200 | 204 | 304, ..) => Stage::Sized(length),
        (_, Some(_), _) if !is_newer => return Err(Lost::NoHttp),
        (_, Some(true), announced) => {
            // One of them is not the server's: nobody knows whose the next answer would be.
            head.is_kept &= matches!(announced, Length::Untold);
            Stage::Chunked(Chunks::from(length))
        }
        (_, None, Length::Wrong) => return Err(Lost::NoHttp),
        (_, None, Length::Told(announced)) => {
            // One that is too large is not waited for.
            let announced = usize::try_from(announced).unwrap_or(usize::MAX);
            if announced > BODY_BYTES_MAX {
                return Err(Lost::TooLarge);
            }
            Stage::Sized(length + announced)
        }
        (_, Some(false), _) | (_, None, Length::Untold) => {
            head.is_kept = false;
            Stage::UntilClose
        }
    };
    Ok(Some((head, stage)))
}

impl Length {
    /// What this header and those before say together.
    fn and(self, value: &[u8]) -> Self {
        tokens(value).fold(self, |known, token| {
            let is_number = !token.is_empty() && token.iter().all(u8::is_ascii_digit);
            let text = str::from_utf8(token).ok().filter(|_| is_number);
            match (known, text.and_then(|text| text.parse().ok())) {
                (Self::Untold, Some(number)) => Self::Told(number),
                (Self::Told(known), Some(number)) if known == number => Self::Told(known),
                _ => Self::Wrong,
            }
        })
    }
}

/// Parts between commas.
fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests;
