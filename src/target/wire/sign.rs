//! AWS Signature Version 4 for DynamoDB's requests, with the signing key kept for its day.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use hyper::header::{HeaderValue, InvalidHeaderValue};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

const SERVICE: &str = "dynamodb";
/// The one type of content that there is.
pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// Signs requests of one day with one set of credentials.
pub(super) struct Signer {
    access_key: String,
    key: Vec<u8>,
    /// `20261123/us-east-1/dynamodb/aws4_request`.
    scope: String,
    token: Option<HeaderValue>,
    expires: Option<SystemTime>,
}

/// What is signed of a request, beside its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    /// Of the URL; at least `/`.
    pub(super) path: &'a str,
    /// As the `host` header has it.
    pub(super) host: &'a str,
    /// As the `x-amz-target` header has it.
    pub(super) target: &'a str,
    /// The whole content.
    pub(super) body: &'a [u8],
}

/// The headers that a signature adds.
#[derive(Debug)]
pub(super) struct Signature {
    /// `x-amz-date`.
    pub(super) date: String,
    /// `authorization`.
    pub(super) authorization: String,
}

impl Signer {
    /// For the day that `now` lies in.
    ///
    /// # Errors
    /// When the session token cannot be a header.
    pub(super) fn new(
        credentials: &Credentials,
        region: &str,
        now: Timestamp,
    ) -> Result<Self, InvalidHeaderValue> {
        let time = SystemTime::from(now);
        let key = generate_signing_key(credentials.secret_access_key(), time, region, SERVICE);
        let token = credentials.session_token().map(|token| {
            let mut value = HeaderValue::from_str(token)?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self {
            access_key: credentials.access_key_id().to_owned(),
            key: key.as_ref().to_vec(),
            scope: format!("{}/{region}/{SERVICE}/aws4_request", day(&stamp(now))),
            token: token.transpose()?,
            expires: credentials.expiry(),
        })
    }

    /// The session token of temporary credentials.
    pub(super) fn token(&self) -> Option<&HeaderValue> {
        self.token.as_ref()
    }

    /// Whether requests of `now` can be signed, and those of `margin` later.
    pub(super) fn is_good_for(&self, margin: Duration, now: Timestamp) -> bool {
        let expires = self.expires.map(|at| SystemTime::from(now) + margin < at);
        self.scope.starts_with(day(&stamp(now))) && expires != Some(false)
    }

    /// Signs a request that is sent at `now`.
    pub(super) fn sign(&self, request: Signed<'_>, now: Timestamp) -> Signature {
        let date = stamp(now);
        let Signed {
            path,
            host,
            target,
            body,
        } = request;
        let mut canonical = String::with_capacity(512);
        let _ = write!(
            canonical,
            "POST\n{path}\n\ncontent-type:{CONTENT_TYPE}\nhost:{host}\nx-amz-date:{date}\n"
        );
        let signed = if let Some(Ok(token)) = self.token.as_ref().map(HeaderValue::to_str) {
            let _ = writeln!(canonical, "x-amz-security-token:{token}");
            "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
        } else {
            "content-type;host;x-amz-date;x-amz-target"
        };
        let hash = Sha256::digest(body);
        let _ = write!(canonical, "x-amz-target:{target}\n\n{signed}\n{hash:x}");
        let hash = Sha256::digest(canonical.as_bytes());
        let scope = &self.scope;
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash:x}");
        let signature = calculate_signature(&self.key, to_sign.as_bytes());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}",
            self.access_key
        );
        Signature {
            date,
            authorization,
        }
    }
}

/// `20261123T181500Z`.
fn stamp(now: Timestamp) -> String {
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn day(stamp: &str) -> &str {
    stamp.split('T').next().unwrap_or(stamp)
}
