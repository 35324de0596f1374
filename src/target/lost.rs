//! What became of a request without a usable answer, in words that are alike for alike faults.
//!
//! Owns the difference that matters to whoever has to clean up: never sent, or sent with an
//! outcome that only the server knows. Texts of errors are left out: they may hold addresses,
//! which would make every cause unlike the last.

use std::{error::Error, io};

use http_body_util::LengthLimitError;

/// Largest answer that is read. `DynamoDB`'s are up to 16 MB of items, and JSON around them.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The cause of a request that was sent, or may have been.
pub(super) fn unknown(cause: &str) -> String {
    format!("{cause}, outcome unknown")
}

/// What came back of a request that was sent, or may have been, instead of a whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Something that breaks the rules of HTTP.
    NoHttp,
    /// The end of the connection before that of a head.
    Closed,
    /// An error before that.
    Broke(io::ErrorKind),
    /// Either of them within the body, or chunks that are none.
    Cut,
    /// More than is read.
    TooLarge,
}

impl Lost {
    /// The cause of the request's failure.
    pub(super) fn cause(self) -> String {
        unknown(&match self {
            Self::NoHttp => "answer is no HTTP".to_owned(),
            Self::Closed => "connection closed before the answer".to_owned(),
            Self::Broke(kind) => kind.to_string(),
            Self::Cut => "body cut off".to_owned(),
            Self::TooLarge => format!("body of more than {} MiB", BODY_BYTES_MAX >> 20),
        })
    }
}

/// The cause of a request that was never sent, for want of a connection.
pub(super) fn of_connect(kind: io::ErrorKind) -> String {
    format!("cannot connect: {kind}")
}

/// The same where nobody knows the name.
pub(super) fn of_name() -> String {
    "cannot connect: the name is not found".to_owned()
}

/// Why there was no answer: the connection was not made, or broke.
pub(super) fn of_connection(error: &(dyn Error + 'static)) -> String {
    let io = find::<io::Error>(error).map(io::Error::kind);
    let client = find::<hyper_util::client::legacy::Error>(error);
    if client.is_some_and(hyper_util::client::legacy::Error::is_connect) {
        let is_name = sources(error).any(|source| source.to_string() == "dns error");
        return match io {
            _ if is_name => of_name(),
            Some(kind) => of_connect(kind),
            None => "cannot connect".to_owned(),
        };
    }
    let http = find::<hyper::Error>(error);
    let lost = match (http, io) {
        (Some(http), _) if http.is_parse() => Lost::NoHttp,
        (_, Some(kind)) => Lost::Broke(kind),
        (Some(http), _) if http.is_incomplete_message() => Lost::Closed,
        _ => return unknown("connection broke off"),
    };
    lost.cause()
}

/// Why an answer that began could not be read to its end.
pub(super) fn of_body(error: &(dyn Error + 'static)) -> String {
    if find::<LengthLimitError>(error).is_some() {
        return Lost::TooLarge.cause();
    }
    if find::<hyper::Error>(error).is_some() || find::<io::Error>(error).is_some() {
        return Lost::Cut.cause();
    }
    unknown("unreadable body")
}

/// The first error of its kind among an error and what it came from.
pub(super) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    sources(error).find_map(|error| error.downcast_ref())
}

fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        (*error).source()
    })
}
