//! HTTP/1.1 as a client of one server needs it: one request after the other over one connection,
//! each written in one piece and answered before the next.
//!
//! Not hyper's: it hands requests and answers to the task of a connection and back, and makes a map
//! of headers that nobody reads. That was a fifth of what a request took.
//!
//! Owns when an answer is whole, and what of a connection that breaks is lost; must not know what
//! is in a body, nor where connections come from.

mod chunks;
mod reading;

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};

use crate::target::lost::Lost;
use reading::Reading;

/// An answer, read to its end.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    pub(super) status: u16,
    /// `x-amz-crc32`.
    pub(super) checksum: Option<&'a [u8]>,
    /// `x-amzn-errortype`.
    pub(super) error_type: Option<&'a [u8]>,
    /// `date`.
    pub(super) date: Option<&'a [u8]>,
    pub(super) body: &'a [u8],
}

impl Whole<'_> {
    pub(super) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// A connection's end on this side.
pub(super) struct Line<S> {
    pub(super) stream: S,
    reading: Reading,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            reading: Reading::default(),
        }
    }

    /// Writes `request`, head and body, and reads its answer.
    ///
    /// # Errors
    /// When there is none, or not a whole one. Whether the server saw the request is unknown then,
    /// and the connection of no use any more.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<(), Lost> {
        let (mut left, mut sent) = (request, Poll::Pending);
        poll_fn(|context| {
            if sent.is_pending() {
                sent = self.poll_send(context, &mut left);
            }
            // Also before all is sent: a server may answer that it wants no more of it.
            let answered = ready!(self.poll_answer(context));
            if !matches!(sent, Poll::Ready(Ok(()))) {
                self.reading.keep_no_longer();
            }
            Poll::Ready(answered.map_err(|lost| match (lost, &sent) {
                // What broke it is told once, and was told to who wrote.
                (Lost::Closed | Lost::Broke(_), Poll::Ready(Err(error))) => {
                    Lost::Broke(error.kind())
                }
                _ => lost,
            }))
        })
        .await
    }

    fn poll_send(&mut self, context: &mut Context<'_>, left: &mut &[u8]) -> Poll<io::Result<()>> {
        let mut stream = Pin::new(&mut self.stream);
        while !left.is_empty() {
            let sent = ready!(stream.as_mut().poll_write(context, left))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *left = &left[sent..];
        }
        // TLS may have kept some of it.
        stream.poll_flush(context)
    }

    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        loop {
            let received = {
                let into = self.reading.room();
                pin!(self.stream.read_buf(into)).poll(context)
            };
            match ready!(received) {
                Ok(0) => return Poll::Ready(self.reading.end()),
                Ok(_) if self.reading.advance()? => return Poll::Ready(Ok(())),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(self.reading.broke(error.kind()))),
            }
        }
    }

    /// The answer of the exchange before.
    pub(super) fn whole(&self) -> Whole<'_> {
        self.reading.whole()
    }

    /// Forgets that answer: whether the connection may be used for another.
    pub(super) fn is_ready_again(&mut self) -> bool {
        self.reading.begin_again()
    }
}

/// An answer that came by no connection.
pub(super) struct Told(Reading);

impl Told {
    /// All that a server said before it closed.
    ///
    /// # Errors
    /// When that is no whole answer.
    pub(super) fn by(bytes: &[u8]) -> Result<Self, Lost> {
        let mut reading = Reading::default();
        reading.room().extend_from_slice(bytes);
        if !reading.advance()? {
            reading.end()?;
        }
        Ok(Self(reading))
    }

    pub(super) fn whole(&self) -> Whole<'_> {
        self.0.whole()
    }
}

#[cfg(test)]
mod tests;
