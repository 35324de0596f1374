//! One exchange with the upstream: headers passed on, its answer read to the end, and what went
//! wrong in words that name the server.
//!
//! Must not know what a request means.

use std::{error::Error, fmt, io, str::FromStr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::emulator::wire::Answer;

/// Largest answer that is read: DynamoDB's 16 MB of items, and JSON around them.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// To a server of this machine or of the same network.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Below what servers keep an idle connection for, so that it is this side that closes it.
const IDLE: Duration = Duration::from_secs(15);
/// What concerns one connection and not the request [RFC 9110, 7.6.1].
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];
/// Named anew for each message, or not to be passed on: answers have to be read.
const OWN: [HeaderName; 4] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::ACCEPT_ENCODING,
];
/// Real tables cost money, and are throttled without our help.
const OF_AWS: [&str; 4] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".api.aws",
    ".api.amazonwebservices.com.cn",
];

/// Where a server listens that is governed: `http://HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl(Uri);

impl FromStr for UpstreamUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "write it as http://127.0.0.1:8000";
        let uri: Uri = text
            .parse()
            .map_err(|error| format!("{error}; {example}"))?;
        if uri.scheme_str() == Some("https") {
            return Err(format!("TLS is not spoken with an upstream; {example}"));
        }
        if uri.scheme_str() != Some("http") {
            return Err(format!("the scheme is missing; {example}"));
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') || uri.port_u16() == Some(0) {
            return Err(format!("neither a user nor port 0 can be asked; {example}"));
        }
        let has_port = authority
            .rsplit(']')
            .next()
            .is_some_and(|end| end.contains(':'));
        if has_port && uri.port_u16().is_none() {
            return Err(format!("a port is a number up to 65535; {example}"));
        }
        if uri.path() != "/" || uri.query().is_some() {
            return Err(format!("DynamoDB has no paths; {example}"));
        }
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let host = host.trim_end_matches('.');
        if OF_AWS.iter().any(|domain| host.ends_with(domain)) {
            return Err(format!(
                "AWS throttles its tables itself, and they cost money; {example}"
            ));
        }
        Ok(Self(uri))
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.to_string().trim_end_matches('/'))
    }
}

/// Why the upstream gave no answer that could be passed on.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    text: String,
    /// Whether the request may have been executed all the same.
    pub(super) is_sent: bool,
}

impl Fault {
    /// That something was answered that cannot be gone on with.
    pub(super) fn unusable(text: String) -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            text,
            is_sent: true,
        }
    }

    /// What the client is told.
    pub(super) fn answer(&self) -> Answer {
        Answer {
            status: self.status.as_u16(),
            ..Answer::internal(&self.text)
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A server, and the connections to it.
pub(super) struct Server {
    url: UpstreamUrl,
    timeout: Duration,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Server {
    pub(super) fn new(url: UpstreamUrl, timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self {
            url,
            timeout,
            client,
        }
    }

    pub(super) const fn url(&self) -> &UpstreamUrl {
        &self.url
    }

    /// Sends a request with headers that [`passed_on`] left, and reads its answer to the end.
    pub(super) async fn exchange(
        &self,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, Fault> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.0.clone();
        *request.headers_mut() = headers;
        let answered = async {
            let response = self.client.request(request).await;
            let (mut head, body) = response.map_err(|error| self.fault(&error))?.into_parts();
            let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
            let body = body.map_err(|error| self.fault(&*error))?;
            head.headers = passed_on(head.headers);
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        let timed_out = || Fault {
            status: StatusCode::GATEWAY_TIMEOUT,
            text: format!(
                "the upstream {} gave no answer within {:?}",
                self.url, self.timeout
            ),
            is_sent: true,
        };
        let answer = tokio::time::timeout(self.timeout, answered).await;
        answer.unwrap_or_else(|_| Err(timed_out()))
    }

    fn fault(&self, error: &(dyn Error + 'static)) -> Fault {
        let url = &self.url;
        let is_too_large = find::<LengthLimitError>(error).is_some();
        let client = error.downcast_ref::<hyper_util::client::legacy::Error>();
        let is_unsent = client.is_some_and(hyper_util::client::legacy::Error::is_connect);
        let io = find::<io::Error>(error).map(io::Error::kind);
        let root = || sources(error).last().map(ToString::to_string);
        let why = io.map_or_else(|| root().unwrap_or_default(), |kind| kind.to_string());
        if is_unsent {
            Fault {
                status: StatusCode::SERVICE_UNAVAILABLE,
                text: format!("the upstream {url} cannot be reached: {why}"),
                is_sent: false,
            }
        } else if is_too_large {
            let most = BODY_BYTES_MAX >> 20;
            Fault::unusable(format!(
                "the upstream {url} answered with more than {most} MiB"
            ))
        } else {
            Fault::unusable(format!(
                "the connection to the upstream {url} broke before its answer was complete: {why}"
            ))
        }
    }
}

/// The first error of its kind among an error and what it came from.
fn find<'error, T: Error + 'static>(error: &'error (dyn Error + 'static)) -> Option<&'error T> {
    sources(error).find_map(|error| error.downcast_ref())
}

fn sources<'error>(
    error: &'error (dyn Error + 'static),
) -> impl Iterator<Item = &'error (dyn Error + 'static)> {
    let source = |error: &&'error (dyn Error + 'static)| (*error).source();
    std::iter::successors(Some(error), source)
}

/// The headers of a message that are meant for its other end.
pub(super) fn passed_on(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP).chain(&OWN) {
        headers.remove(name);
    }
    headers
}

/// The same headers for another operation.
pub(super) fn for_operation(headers: &HeaderMap, operation: &str) -> HeaderMap {
    let mut headers = headers.clone();
    let target = format!("DynamoDB_20120810.{operation}");
    if let Ok(target) = HeaderValue::try_from(target) {
        headers.insert("x-amz-target", target);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_address_of_another_server_is_an_upstream() {
        for (text, shown) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://localhost:8000/", "http://localhost:8000"),
            ("http://[::1]:4566", "http://[::1]:4566"),
            ("http://dynamodb", "http://dynamodb"),
        ] {
            assert_eq!(
                text.parse::<UpstreamUrl>().map(|url| url.to_string()),
                Ok(shown.to_owned())
            );
        }
        for (text, why) in [
            ("", "empty"),
            ("127.0.0.1:8000", "scheme"),
            ("localhost", "scheme"),
            ("ftp://localhost", "scheme"),
            ("https://localhost:8000", "TLS"),
            ("http://a:b@localhost", "user"),
            ("http://localhost:0", "port 0"),
            ("http://localhost:8000/path", "paths"),
            ("http://localhost:8000/?a=b", "paths"),
            ("http://localhost:99999", "http://127.0.0.1:8000"),
            ("http://dynamodb.eu-west-1.amazonaws.com", "cost money"),
            ("http://dynamodb.eu-west-1.api.aws.:80", "cost money"),
        ] {
            let error = text.parse::<UpstreamUrl>().expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
            assert!(error.contains("http://127.0.0.1:8000"), "{text}: {error}");
        }
    }

    #[test]
    fn headers_of_one_connection_are_not_passed_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Secret"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("host", "localhost"),
            ("authorization", "AWS4-HMAC-SHA256 …"),
            ("x-amz-target", "DynamoDB_20120810.GetItem"),
        ] {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
            headers.insert(HeaderName::from_static(name), value);
        }
        let left = passed_on(headers);
        let names: Vec<_> = left.keys().map(HeaderName::as_str).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(left.contains_key("authorization"));
        let other = for_operation(&left, "DescribeTable");
        assert_eq!(other["x-amz-target"], "DynamoDB_20120810.DescribeTable");
    }
}
