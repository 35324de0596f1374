//! The stages of a request one by one, for those who want to know what each costs.

use aws_credential_types::Credentials;
use hyper::header::InvalidHeaderValue;
use jiff::Timestamp;

use super::{
    answer,
    http::Told,
    json,
    sign::{Signed, Signer, Stamp},
};
use crate::workload::Request;

/// What a client that is not connected to anything can do.
pub struct Stages {
    signer: Signer,
    now: Stamp,
}

impl Stages {
    /// Signs as nobody, with the time of `now`.
    ///
    /// # Errors
    /// Never: there is no session token.
    pub fn new(now: Timestamp) -> Result<Self, InvalidHeaderValue> {
        let nobody = Credentials::from_keys("nobody", "nothing", None);
        let now = Stamp::new(now);
        let signer = Signer::new(&nobody, "us-east-1", &now)?;
        Ok(Self { signer, now })
    }

    /// The content of a request about one item of `table`; empty for any other.
    #[must_use]
    pub fn written(table: &str, request: &Request) -> Vec<u8> {
        match request {
            Request::Get { key, consistency } => json::get(table, key, *consistency).body,
            Request::Write { write, .. } => json::write(table, write, None, false).body,
            _ => Vec::new(),
        }
    }

    /// The signature of a request with this content.
    #[must_use]
    pub fn signed(&self, body: &[u8]) -> Option<[u8; 64]> {
        let signed = Signed {
            path: "/",
            host: "dynamodb.us-east-1.amazonaws.com",
            target: "DynamoDB_20120810.GetItem",
            body,
        };
        Some(self.signer.sign(signed, &self.now)?.1)
    }

    /// Whether this is all of an HTTP answer, of a success that can be read, with its checksum.
    #[must_use]
    pub fn is_read(said: &[u8]) -> bool {
        Told::by(said).is_ok_and(|told| {
            answer::of(told.whole()).is_ok_and(|answered| answered.consumed().count() > 0)
        })
    }
}
