//! A DynamoDB endpoint on loopback that does what its script says, good or bad, and counts.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Body, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Success, one read or write unit.
    Ok,
    /// This status and body.
    Json(u16, Value),
    /// A throttling exception with these reasons.
    Throttle(Vec<&'static str>),
    /// Status 500 without a name.
    ServerError,
    /// The connection closes without an answer.
    Reset,
    /// Status 200 and nothing.
    EmptyBody,
    /// The connection closes in the middle of the body.
    CutBody,
    /// A whole answer whose checksum is another one's.
    WrongCrc,
    /// Success, after a while.
    OkAfter(Duration),
    /// No answer at all.
    Stall,
}

/// A request as it was received.
#[derive(Clone, Debug)]
pub struct Received {
    /// From 0.
    pub number: usize,
    /// `GetItem`, …
    pub operation: String,
    pub body: Value,
    /// Since the first request.
    pub at: Duration,
}

type Script = Box<dyn Fn(&Received) -> Reply + Send + Sync>;

struct State {
    script: Script,
    received: Mutex<Vec<Received>>,
    first: Mutex<Option<Instant>>,
    in_flight: AtomicUsize,
    in_flight_max: AtomicUsize,
}

/// The server; it stops when this is dropped.
pub struct FakeServer {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl FakeServer {
    pub async fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script: Box::new(script),
            received: Mutex::default(),
            first: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            in_flight_max: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self {
            address,
            state,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything received so far, in order.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    /// Requests received by operation.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.received()
            .into_iter()
            .fold(BTreeMap::new(), |mut counts, request| {
                *counts.entry(request.operation).or_default() += 1;
                counts
            })
    }

    /// The most requests that were in the server at one time.
    pub fn in_flight_max(&self) -> usize {
        self.state.in_flight_max.load(Ordering::SeqCst)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct InFlight(Arc<State>);

impl InFlight {
    fn enter(state: &Arc<State>) -> Self {
        let now = state.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        state.in_flight_max.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(state))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Debug)]
struct BrokenOff;
impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken off")
    }
}
impl std::error::Error for BrokenOff {}

type AnyBody = BoxBody<Bytes, BrokenOff>;

/// Some bytes, and then an error.
struct Cut {
    head: Option<Bytes>,
    pause: Pin<Box<tokio::time::Sleep>>,
}

impl Cut {
    fn after(head: Bytes) -> Self {
        // Time for the head to be sent: an error at once would take it along.
        let pause = Box::pin(tokio::time::sleep(Duration::from_millis(20)));
        let head = Some(head);
        Self { head, pause }
    }
}

impl Body for Cut {
    type Data = Bytes;
    type Error = BrokenOff;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        self.pause
            .as_mut()
            .poll(context)
            .map(|()| Some(Err(BrokenOff)))
    }
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<AnyBody>, BrokenOff> {
    let target = request.headers()["x-amz-target"]
        .to_str()
        .unwrap()
        .to_owned();
    let operation = target.rsplit('.').next().unwrap().to_owned();
    let body = request
        .into_body()
        .collect()
        .await
        .map_err(|_| BrokenOff)?
        .to_bytes();
    let _in_flight = InFlight::enter(&state);
    let at = state
        .first
        .lock()
        .unwrap()
        .get_or_insert_with(Instant::now)
        .elapsed();
    let received = {
        let mut all = state.received.lock().unwrap();
        let received = Received {
            number: all.len(),
            operation,
            body: serde_json::from_slice(&body).unwrap(),
            at,
        };
        all.push(received.clone());
        received
    };
    let success = json!({"ConsumedCapacity": {"TableName": "Users", "CapacityUnits": units(&received.operation)}});
    match (state.script)(&received) {
        Reply::Ok => Ok(json_response(200, &success)),
        Reply::OkAfter(pause) => {
            tokio::time::sleep(pause).await;
            Ok(json_response(200, &success))
        }
        Reply::Json(status, body) => Ok(json_response(status, &body)),
        Reply::Throttle(reasons) => {
            let reasons: Vec<_> = reasons
                .iter()
                .map(|reason| json!({"reason": reason}))
                .collect();
            let name = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
            Ok(json_response(
                400,
                &json!({"__type": name, "message": "slow", "ThrottlingReasons": reasons}),
            ))
        }
        Reply::ServerError => Ok(respond(500, None, full(Bytes::from_static(b"oh no")))),
        Reply::Reset => Err(BrokenOff),
        Reply::EmptyBody => Ok(respond(200, None, full(Bytes::new()))),
        Reply::CutBody => {
            let body = success.to_string();
            let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
            Ok(respond(200, None, Cut::after(half).boxed()))
        }
        Reply::WrongCrc => Ok(respond(200, Some(1), full(success.to_string().into()))),
        Reply::Stall => std::future::pending().await,
    }
}

/// What the server charges for an operation.
pub fn units(operation: &str) -> f64 {
    if matches!(operation, "GetItem" | "Query") {
        0.5
    } else {
        1.0
    }
}

fn json_response(status: u16, body: &Value) -> Response<AnyBody> {
    let body = body.to_string();
    let crc = crc32fast::hash(body.as_bytes());
    respond(status, Some(crc), full(body.into()))
}

fn respond(status: u16, crc: Option<u32>, body: AnyBody) -> Response<AnyBody> {
    let mut response = Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0");
    if let Some(crc) = crc {
        response = response.header("x-amz-crc32", crc.to_string());
    }
    response.body(body).unwrap()
}

fn full(bytes: Bytes) -> AnyBody {
    Full::new(bytes)
        .map_err(|never: Infallible| match never {})
        .boxed()
}
