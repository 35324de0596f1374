//! The HTTP front: HTTP/1.1 on one listener, every answer in DynamoDB's envelope.
//!
//! Owns connections and their bounds. Must not know what a request means: it hands bodies to
//! what is behind it and waits for the answer.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, ORIGIN},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::Instant,
};

use super::{
    TIME_SCALE_HEADER,
    backend::{Backend, Reply},
    service_time::ServiceTime,
    wire::{self, Answer},
};
use crate::{
    seed::{Seed, Stream},
    units::TimeScale,
};

/// DynamoDB's 16 MiB of items, and room for the JSON around them.
const BODY_BYTES_MAX: usize = 17 * 1024 * 1024;
/// Request line and headers together.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// How long connections may go on after the shutdown began.
const DRAIN: Duration = Duration::from_secs(5);
/// Pause after a failed accept, which is almost always a want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// How long clients may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Until a request's headers are complete, idle time before them included.
    pub(super) headers: Duration,
    /// Until its body is complete.
    pub(super) body: Duration,
}

/// What is asked of clients.
#[derive(Clone, Debug)]
pub(super) struct Manners {
    pub(super) patience: Patience,
    /// Names of this server that are not of this machine.
    pub(super) names: Vec<String>,
    /// How fast the governor's time passes, which is told where it matters.
    pub(super) scale: TimeScale,
}

/// How long each answer is held.
pub(super) struct Delays {
    service_time: Option<ServiceTime>,
    stream: Stream,
    answers: AtomicU64,
}

impl Delays {
    pub(super) fn new(service_time: Option<ServiceTime>) -> Self {
        Self {
            service_time,
            // The same from run to run, so that two runs differ by what is measured.
            stream: Seed(0).stream("service time"),
            answers: AtomicU64::new(0),
        }
    }

    /// Waits until the answer to a request that was complete at `received` is due.
    async fn hold(&self, received: Instant) {
        if let Some(service_time) = self.service_time {
            let number = self.answers.fetch_add(1, Ordering::Relaxed);
            let time = service_time.sample(&mut self.stream.at(number));
            tokio::time::sleep_until(received + time).await;
        }
    }
}

/// Boxed: an answer is large beside what it is returned instead of.
type Refusal = Box<Response<Full<Bytes>>>;

/// What every connection shares.
struct Shared {
    manners: Manners,
    delays: Delays,
    backend: Backend,
}

/// Serves `listener` until `stop` changes or its sender is gone, then lets running requests
/// finish.
pub(super) async fn serve(
    listener: TcpListener,
    manners: Manners,
    delays: Delays,
    backend: Backend,
    mut stop: watch::Receiver<bool>,
) {
    let shared = Arc::new(Shared {
        manners,
        delays,
        backend,
    });
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
            // Finished connections are collected as they end, not at the end of the run.
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, Arc::clone(&shared), stop.clone()));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
    drop(listener);
    // Those that do not end in time are cut off when the set is dropped.
    let _ = tokio::time::timeout(DRAIN, async {
        while connections.join_next().await.is_some() {}
    })
    .await;
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let Ok(reached) = stream.set_nodelay(true).and_then(|()| stream.local_addr()) else {
        return;
    };
    let patience = shared.manners.patience;
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(shared.respond(request, reached).await) }
    });
    let mut connection = std::pin::pin!(
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience.headers)
            .max_header_size(HEADER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        // A connection that breaks concerns its client alone.
        _ = connection.as_mut() => return,
        _ = stop.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

impl Shared {
    async fn respond(
        &self,
        request: Request<Incoming>,
        reached: SocketAddr,
    ) -> Response<Full<Bytes>> {
        if let Err(refusal) = admit(&request, reached, &self.manners.names) {
            return *refusal;
        }
        if request.uri().path() != "/" {
            return plain(StatusCode::NOT_FOUND, "<UnknownOperationException/>\n");
        }
        match *request.method() {
            Method::POST => {}
            Method::GET => return plain(StatusCode::OK, "healthy: dynamometer\n"),
            _ => return plain(StatusCode::NOT_FOUND, "<UnknownOperationException/>\n"),
        }
        let operation = request
            .headers()
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok())
            .and_then(wire::operation);
        let (head, body) = request.into_parts();
        let body = match self.read_body(&head.headers, body).await {
            Ok(body) => body,
            Err(refusal) => return *refusal,
        };
        let received = Instant::now();
        let reply = self.backend.answer(operation, head.headers, body).await;
        self.delays.hold(received).await;
        let mut response = match reply {
            Reply::Own(answer) => envelope(answer),
            Reply::Theirs(response) => response.map(Full::new),
        };
        let scale = self.manners.scale;
        if !scale.is_real()
            && let Ok(told) = HeaderValue::try_from(scale.to_string())
        {
            response.headers_mut().insert(TIME_SCALE_HEADER, told);
        }
        response
    }

    async fn read_body(&self, headers: &HeaderMap, body: Incoming) -> Result<Bytes, Refusal> {
        let too_large = || {
            closing(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body exceeds the maximum of 16 MB.\n",
            )
        };
        let declared = headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|bytes| bytes > BODY_BYTES_MAX as u64) {
            return Err(too_large());
        }
        let body = Limited::new(body, BODY_BYTES_MAX).collect();
        match tokio::time::timeout(self.manners.patience.body, body).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(closing(StatusCode::BAD_REQUEST, "The body broke off.\n")),
            Err(_) => Err(closing(
                StatusCode::REQUEST_TIMEOUT,
                "The body took too long.\n",
            )),
        }
    }
}

/// A browser page must not reach the emulator: whatever it sends carries an `Origin`, or,
/// after DNS rebinding, the `Host` of its own site. `reached` is the address that the client
/// connected to.
fn admit(
    request: &Request<Incoming>,
    reached: SocketAddr,
    names: &[String],
) -> Result<(), Refusal> {
    if request.headers().contains_key(ORIGIN) {
        return Err(closing(
            StatusCode::FORBIDDEN,
            "Requests from web pages are refused.\n",
        ));
    }
    // An absolute request target overrides the header.
    let authority = request.uri().authority();
    let is_own = |host: &str| host_is_own(host, reached, names);
    let own = host(request.headers()).is_some_and(is_own)
        && authority.is_none_or(|authority| is_own(authority.as_str()));
    if own {
        Ok(())
    } else {
        Err(closing(
            StatusCode::FORBIDDEN,
            "The Host header does not name this server. It answers to localhost, its address, and \
             the names given with --name.\n",
        ))
    }
}

/// The `Host` header, if there is exactly one and it is text.
fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    let first = hosts.next()?;
    hosts.next().is_none().then(|| first.to_str().ok())?
}

/// Whether `host`, with any port or none, means this machine or is one of `names`.
fn host_is_own(host: &str, reached: SocketAddr, names: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        // The last colon of a bare IPv6 address is no port's.
        Some((name, port)) if !port.ends_with(']') => {
            if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
                return false;
            }
            name
        }
        _ => host,
    };
    let own = match reached {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    let given = || names.iter().any(|given| name.eq_ignore_ascii_case(given));
    let is_local = name.eq_ignore_ascii_case("localhost") || matches!(name, "127.0.0.1" | "[::1]");
    is_local || name == own || given()
}

/// DynamoDB's envelope around an answer.
fn envelope(answer: Answer) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response(
        status,
        "application/x-amz-json-1.0",
        Bytes::from(answer.body),
    )
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    response(status, "text/plain", Bytes::from_static(text.as_bytes()))
}

/// As [`plain`], and the connection ends: what else the client sends is not read.
fn closing(status: StatusCode, text: &'static str) -> Refusal {
    let mut response = plain(status, text);
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    Box::new(response)
}

fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let checksum = crc32fast::hash(&body);
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert("x-amz-crc32", HeaderValue::from(checksum));
    if let Ok(id) = HeaderValue::try_from(wire::request_id()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// Binds `listen` and tells which address it got.
pub(super) async fn bind(listen: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(listen).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_own() {
        let reached = SocketAddr::from(([127, 0, 0, 9], 8000));
        for host in [
            "127.0.0.1",
            "127.0.0.1:1",
            "localhost:65535",
            "LOCALHOST",
            "[::1]",
            "[::1]:8000",
            "127.0.0.9:8000",
        ] {
            assert!(host_is_own(host, reached, &[]), "{host}");
        }
        let names = ["dynamo".to_owned()];
        assert!(host_is_own("Dynamo:8000", reached, &names));
        assert!(!host_is_own("dynamo.example.com", reached, &names));
        for host in [
            "",
            "example.com",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "127.0.0.1:80:80",
            "localhost:",
            "localhost:x",
            "10.0.0.1",
            "0.0.0.0",
            "localhost@example.com",
        ] {
            assert!(!host_is_own(host, reached, &[]), "{host}");
        }
    }
}
