//! AWS Signature Version 4 for DynamoDB's requests, with the signing key kept for its day.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::generate_signing_key;
use hmac::{Hmac, KeyInit as _, Mac as _};
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
}

impl Stamp {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            second: now.as_second(),
            text: now.strftime("%Y%m%dT%H%M%SZ").to_string(),
        }
    }

    /// Since 1970.
    pub(super) const fn second(&self) -> i64 {
        self.second
    }

    /// `x-amz-date`.
    pub(super) fn text(&self) -> &str {
        &self.text
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
    /// With the key of the day.
    key: Hmac<Sha256>,
    /// Since 1970.
    day: i64,
    /// `20261123/us-east-1/dynamodb/aws4_request`.
    scope: String,
    /// The `authorization` header up to the signature; `None` when it cannot be a header.
    authorization: Option<String>,
    /// Names of the headers that are signed.
    signed: &'static str,
    token: Option<HeaderValue>,
    expires: Option<SystemTime>,
    begun: Mutex<Option<Begun>>,
}

/// Requests of one second to one place begin alike, with a session token for a kilobyte and more:
/// that much of them is hashed once.
struct Begun {
    second: i64,
    path: String,
    host: String,
    /// The canonical request up to its target.
    canonical: Sha256,
    /// What is signed up to the hash of the canonical request.
    to_sign: Hmac<Sha256>,
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
        let scope = format!("{date}/{region}/{SERVICE}/aws4_request");
        let token = credentials.session_token().map(|token| {
            let mut value = HeaderValue::from_str(token)?;
            value.set_sensitive(true);
            Ok(value)
        });
        let token = token.transpose()?;
        let signed = match token {
            None => "content-type;host;x-amz-date;x-amz-target",
            Some(_) => "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
        };
        let access_key = credentials.access_key_id();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={signed}, Signature="
        );
        let is_header = HeaderValue::from_str(&authorization).is_ok();
        Ok(Self {
            key: Hmac::new_from_slice(key.as_ref()).expect("a key of any length will do"),
            day: now.day(),
            authorization: is_header.then_some(authorization),
            scope,
            signed,
            token,
            expires: credentials.expiry(),
            begun: Mutex::default(),
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

    /// What the `authorization` header of a request says that is sent at `now`, up to the
    /// signature, and that. `None` when the credentials cannot be in a header.
    pub(super) fn sign(&self, request: Signed<'_>, now: &Stamp) -> Option<(&str, [u8; 64])> {
        let authorization = self.authorization.as_deref()?;
        let (mut canonical, mut to_sign) = self.begun(request, now);
        // An empty line after the headers.
        for part in [request.target, "\n\n", self.signed, "\n"] {
            canonical.update(part);
        }
        canonical.update(hex(&Sha256::digest(request.body).into()));
        to_sign.update(&hex(&canonical.finalize().into()));
        Some((authorization, hex(&to_sign.finalize().into_bytes().into())))
    }

    /// The hash of the canonical request up to its target, and of what is signed up to that hash.
    fn begun(&self, request: Signed<'_>, now: &Stamp) -> (Sha256, Hmac<Sha256>) {
        let Signed { path, host, .. } = request;
        let mut known = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let is_alike = |it: &&Begun| it.second == now.second && it.host == host && it.path == path;
        if let Some(begun) = known.as_ref().filter(is_alike) {
            return (begun.canonical.clone(), begun.to_sign.clone());
        }
        let (date, scope) = (now.text.as_str(), self.scope.as_str());
        let mut canonical = Sha256::new();
        // Each part on a line.
        let method = ["POST\n", path, "\n\ncontent-type:", CONTENT_TYPE];
        let headers = ["\nhost:", host, "\nx-amz-date:", date];
        for part in [method, headers].as_flattened() {
            canonical.update(part);
        }
        if let Some(token) = &self.token {
            canonical.update("\nx-amz-security-token:");
            canonical.update(token.as_bytes());
        }
        canonical.update("\nx-amz-target:");
        let mut to_sign = self.key.clone();
        for part in ["AWS4-HMAC-SHA256\n", date, "\n", scope, "\n"] {
            to_sign.update(part.as_bytes());
        }
        let begun = Begun {
            second: now.second,
            path: path.to_owned(),
            host: host.to_owned(),
            canonical: canonical.clone(),
            to_sign: to_sign.clone(),
        };
        *known = Some(begun);
        (canonical, to_sign)
    }
}

fn hex(hash: &[u8; 32]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(hash) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

#[cfg(test)]
mod tests {
    use aws_sigv4::sign::v4::calculate_signature;

    use super::*;

    #[test]
    fn what_was_hashed_for_another_request_changes_no_signature() {
        let now = Timestamp::from_second(1_795_457_700).unwrap();
        let soon = Timestamp::from_second(1_795_457_701).unwrap();
        for token in [None, Some("token".to_owned())] {
            let keys = Credentials::new("id", "secret", token.clone(), None, "test");
            let anew = || Signer::new(&keys, "eu-central-1", &Stamp::new(now)).unwrap();
            let kept = anew();
            for (at, path, host, target, body) in [
                (now, "/", "here", "D.GetItem", "{}"),
                (now, "/", "here", "D.PutItem", "{\"a\":1}"),
                (now, "/", "there", "D.PutItem", "{}"),
                (now, "/db", "there", "D.PutItem", "{}"),
                (soon, "/db", "there", "D.PutItem", "{}"),
                (now, "/", "here", "D.GetItem", "{}"),
            ] {
                let request = Signed {
                    path,
                    host,
                    target,
                    body: body.as_bytes(),
                };
                let stamp = Stamp::new(at);
                let (begins, signature) = kept.sign(request, &stamp).unwrap();
                assert_eq!(anew().sign(request, &stamp), Some((begins, signature)));
                let line = |token| format!("\nx-amz-security-token:{token}");
                let token = token.as_ref().map(line).unwrap_or_default();
                let (date, names) = (&stamp.text, kept.signed);
                let body = hex(&Sha256::digest(body).into());
                let body = str::from_utf8(&body).unwrap();
                let canonical = format!(
                    "POST\n{path}\n\ncontent-type:{CONTENT_TYPE}\nhost:{host}\n\
                     x-amz-date:{date}{token}\nx-amz-target:{target}\n\n{names}\n{body}"
                );
                let canonical = hex(&Sha256::digest(canonical).into());
                let canonical = str::from_utf8(&canonical).unwrap();
                let scope = &kept.scope;
                let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{canonical}");
                let key = generate_signing_key("secret", stamp.time(), "eu-central-1", SERVICE);
                let expected = calculate_signature(key, to_sign.as_bytes());
                assert!(begins.ends_with(", Signature="), "{begins}");
                assert_eq!(str::from_utf8(&signature).unwrap(), expected);
            }
        }
    }
}
