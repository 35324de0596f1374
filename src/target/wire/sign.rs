//! AWS Signature Version 4 for DynamoDB's requests, with the signing key kept for its day.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use hyper::header::{HeaderValue, InvalidHeaderValue};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

const SERVICE: &str = "dynamodb";
const SECONDS_OF_A_DAY: i64 = 86_400;
/// The one type of content that there is.
pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// A second, as signatures have it.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    /// Since 1970.
    second: i64,
    /// `20261123T181500Z`.
    text: String,
    header: HeaderValue,
}

impl Stamp {
    pub(super) fn new(now: Timestamp) -> Self {
        let text = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        Self {
            second: now.as_second(),
            header: HeaderValue::from_str(&text).expect("digits and letters"),
            text,
        }
    }

    /// Since 1970.
    pub(super) const fn second(&self) -> i64 {
        self.second
    }

    /// `x-amz-date`.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    const fn day(&self) -> i64 {
        self.second.div_euclid(SECONDS_OF_A_DAY)
    }

    fn time(&self) -> SystemTime {
        Timestamp::from_second(self.second)
            .unwrap_or_default()
            .into()
    }
}

/// Signs requests of one day with one set of credentials.
pub(super) struct Signer {
    access_key: String,
    key: Vec<u8>,
    /// Since 1970.
    day: i64,
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

impl Signer {
    /// For the day that `now` lies in.
    ///
    /// # Errors
    /// When the session token cannot be a header.
    pub(super) fn new(
        credentials: &Credentials,
        region: &str,
        now: &Stamp,
    ) -> Result<Self, InvalidHeaderValue> {
        let secret = credentials.secret_access_key();
        let key = generate_signing_key(secret, now.time(), region, SERVICE);
        let (date, _) = now.text.split_once('T').unwrap_or_default();
        let token = credentials.session_token().map(|token| {
            let mut value = HeaderValue::from_str(token)?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self {
            access_key: credentials.access_key_id().to_owned(),
            key: key.as_ref().to_vec(),
            day: now.day(),
            scope: format!("{date}/{region}/{SERVICE}/aws4_request"),
            token: token.transpose()?,
            expires: credentials.expiry(),
        })
    }

    /// The session token of temporary credentials.
    pub(super) fn token(&self) -> Option<&HeaderValue> {
        self.token.as_ref()
    }

    /// Whether requests of `now` can be signed, and those of `margin` later.
    pub(super) fn is_good_for(&self, margin: Duration, now: &Stamp) -> bool {
        let expires = self.expires.map(|at| now.time() + margin < at);
        self.day == now.day() && expires != Some(false)
    }

    /// What the `authorization` header of a request says that is sent at `now`.
    pub(super) fn sign(&self, request: Signed<'_>, now: &Stamp) -> String {
        let date = now.text.as_str();
        let Signed {
            path,
            host,
            target,
            body,
        } = request;
        let token = self.token.as_ref().and_then(|token| token.to_str().ok());
        let (token_name, token_line, token) = match token {
            Some(token) => (";x-amz-security-token", "\nx-amz-security-token:", token),
            None => ("", "", ""),
        };
        let signed = ["content-type;host;x-amz-date", token_name, ";x-amz-target"].concat();
        let body = hex(&Sha256::digest(body));
        // Each part on a line, and an empty one after the headers.
        let canonical = [
            "POST\n",
            path,
            "\n\ncontent-type:",
            CONTENT_TYPE,
            "\nhost:",
            host,
            "\nx-amz-date:",
            date,
            token_line,
            token,
            "\nx-amz-target:",
            target,
            "\n\n",
            &signed,
            "\n",
            &body,
        ];
        let canonical = hex(&Sha256::digest(canonical.concat()));
        let scope = self.scope.as_str();
        let to_sign = ["AWS4-HMAC-SHA256\n", date, "\n", scope, "\n", &canonical].concat();
        let signature = calculate_signature(&self.key, to_sign.as_bytes());
        [
            "AWS4-HMAC-SHA256 Credential=",
            &self.access_key,
            "/",
            scope,
            ", SignedHeaders=",
            &signed,
            ", Signature=",
            &signature,
        ]
        .concat()
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15].map(|half| DIGITS[usize::from(half)]));
    let mut text = Vec::with_capacity(2 * bytes.len());
    text.extend(digits);
    String::from_utf8(text).expect("digits and letters")
}
