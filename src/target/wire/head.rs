//! A request as its bytes: nothing of HTTP's is made of it first.
//!
//! Holds credentials while it is sent: must not be printed.

use std::{
    io::{self, Write as _},
    sync::Arc,
};

use hyper::{Uri, header::HeaderValue};

use super::{
    json::Call,
    sign::{self, Signed, Signer, Stamp},
};

const AGENT: &str = concat!("dynamometer/", env!("CARGO_PKG_VERSION"));
/// Room for names of headers and what is in the short ones.
const REST: usize = 320;

/// What the heads of all requests to one endpoint have in common.
#[derive(Clone)]
pub(super) struct Head {
    /// As the `host` header has it.
    host: String,
    /// Without scheme and host, as the first line has it.
    path: String,
    /// Up to the target.
    begin: Arc<[u8]>,
}

impl Head {
    /// Of requests to `host`, which may have a port, and the path of `url`.
    ///
    /// # Errors
    /// When the host cannot be in a header.
    pub(super) fn new(host: &str, url: &Uri) -> io::Result<Self> {
        HeaderValue::from_str(host).map_err(io::Error::other)?;
        let (path, content_type) = (url.path(), sign::CONTENT_TYPE);
        let begin = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {AGENT}\r\n\
             content-type: {content_type}\r\nx-amz-target: "
        );
        Ok(Self {
            host: host.to_owned(),
            path: path.to_owned(),
            begin: begin.into_bytes().into(),
        })
    }

    /// `call`, signed: head and body. `None` when the credentials cannot be in a header.
    pub(super) fn request(&self, call: &Call, signer: &Signer, now: &Stamp) -> Option<Vec<u8>> {
        let covered = Signed {
            path: &self.path,
            host: &self.host,
            target: call.target,
            body: &call.body,
        };
        let (authorization, signature) = signer.sign(covered, now)?;
        let token = signer.token().map(HeaderValue::as_bytes);
        let long = self.begin.len() + authorization.len() + token.map_or(0, <[u8]>::len);
        let mut request = Vec::with_capacity(long + REST + call.body.len());
        for part in [&self.begin, call.target.as_bytes(), b"\r\nx-amz-date: "] {
            request.extend_from_slice(part);
        }
        request.extend_from_slice(now.text().as_bytes());
        if let Some(token) = token {
            request.extend_from_slice(b"\r\nx-amz-security-token: ");
            request.extend_from_slice(token);
        }
        request.extend_from_slice(b"\r\nauthorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(&signature);
        // A buffer takes everything.
        let _ = write!(request, "\r\ncontent-length: {}\r\n\r\n", call.body.len());
        request.extend_from_slice(&call.body);
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use jiff::Timestamp;

    use super::*;

    fn request(key: &str, token: Option<&str>) -> Option<String> {
        let now = Stamp::new(Timestamp::from_second(1_795_457_700).unwrap());
        let keys = Credentials::new(key, "secret", token.map(str::to_owned), None, "test");
        let signer = Signer::new(&keys, "eu-central-1", &now).ok()?;
        let url = "http://server.test:8000/db".parse().unwrap();
        let head = Head::new("server.test:8000", &url).unwrap();
        let call = Call {
            target: "DynamoDB_20120810.GetItem",
            body: b"{}".to_vec(),
        };
        Some(String::from_utf8(head.request(&call, &signer, &now)?).unwrap())
    }

    #[test]
    fn a_request_is_written_header_by_header() {
        let written = request("id", Some("token")).unwrap();
        let lines: Vec<_> = written.split("\r\n").collect();
        let [
            first,
            host,
            agent,
            content,
            target,
            date,
            token,
            signed,
            length,
            empty,
            body,
        ] = lines[..]
        else {
            panic!("{written}");
        };
        assert_eq!(first, "POST /db HTTP/1.1");
        assert_eq!(host, "host: server.test:8000");
        assert_eq!(agent, format!("user-agent: {AGENT}"));
        assert_eq!(content, "content-type: application/x-amz-json-1.0");
        assert_eq!(target, "x-amz-target: DynamoDB_20120810.GetItem");
        assert_eq!(date, "x-amz-date: 20261123T181500Z");
        assert_eq!(token, "x-amz-security-token: token");
        let begins = "authorization: AWS4-HMAC-SHA256 Credential=id/20261123/eu-central-1/";
        assert!(signed.starts_with(begins), "{signed}");
        assert_eq!(signed.rsplit('=').next().unwrap().len(), 64, "{signed}");
        assert_eq!((length, empty, body), ("content-length: 2", "", "{}"));
    }

    #[test]
    fn credentials_that_would_end_a_header_are_not_sent() {
        assert!(request("id\r\nx-more: 1", None).is_none());
        assert!(request("id", Some("token\r\nx-more: 1")).is_none());
        assert!(request("id", Some("token\n")).is_none());
    }
}
