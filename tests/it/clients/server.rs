//! A server that keeps every byte of what it is sent, and answers as told, byte by byte.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A request as it came over the connection.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub bytes: Vec<u8>,
    pub body: Value,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// `GetItem`.
    pub fn operation(&self) -> &str {
        self.header("x-amz-target").rsplit('.').next().unwrap()
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    carried: Carried,
}

#[derive(Clone, Debug)]
enum Carried {
    Whole,
    Chunked,
    /// Byte by byte, with pauses.
    Slow(Duration),
    /// The connection closes in the middle of the body.
    Cut,
    /// The connection closes.
    Silent,
    /// These bytes, and then the connection closes.
    Raw(&'static str),
}

impl Reply {
    pub fn text(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.into().into_bytes(),
            carried: Carried::Whole,
        }
    }

    pub fn json(body: &Value) -> Self {
        Self::text(body.to_string())
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn chunked(mut self) -> Self {
        self.carried = Carried::Chunked;
        self
    }

    pub fn slow(mut self, pause: Duration) -> Self {
        self.carried = Carried::Slow(pause);
        self
    }

    pub fn cut(mut self) -> Self {
        self.carried = Carried::Cut;
        self
    }

    pub fn silent(mut self) -> Self {
        self.carried = Carried::Silent;
        self
    }

    pub fn raw(mut self, bytes: &'static str) -> Self {
        self.carried = Carried::Raw(bytes);
        self
    }

    /// Whether it declares units as answers about one item do.
    pub fn is_of_one_item(&self) -> bool {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["ConsumedCapacity"].is_object()
    }

    fn closes(&self) -> bool {
        let closing = |(name, value): &(String, String)| name == "connection" && value == "close";
        matches!(
            self.carried,
            Carried::Cut | Carried::Silent | Carried::Raw(_)
        ) || self.headers.iter().any(closing)
    }

    async fn write_to(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Told\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        match self.carried {
            Carried::Chunked => head.push_str("transfer-encoding: chunked\r\n"),
            _ => {
                let _ = write!(head, "content-length: {}\r\n", self.body.len());
            }
        }
        head.push_str("\r\n");
        match &self.carried {
            Carried::Whole => {
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(&self.body).await
            }
            Carried::Chunked => {
                stream.write_all(head.as_bytes()).await?;
                for chunk in self.body.chunks(7) {
                    let size = format!("{:x}\r\n", chunk.len());
                    stream.write_all(size.as_bytes()).await?;
                    stream.write_all(chunk).await?;
                    stream.write_all(b"\r\n").await?;
                }
                stream.write_all(b"0\r\n\r\n").await
            }
            Carried::Slow(pause) => {
                stream.write_all(head.as_bytes()).await?;
                for byte in &self.body {
                    stream.write_all(&[*byte]).await?;
                    tokio::time::sleep(*pause).await;
                }
                Ok(())
            }
            Carried::Cut => {
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(&self.body[..self.body.len() / 2]).await
            }
            Carried::Silent => Ok(()),
            Carried::Raw(bytes) => stream.write_all(bytes.as_bytes()).await,
        }
    }
}

type Script = Box<dyn Fn(&Received) -> Reply + Send + Sync>;

struct State {
    script: Script,
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    /// Turns to the number of times that all connections were closed.
    closed: watch::Sender<u32>,
}

/// The server; it stops when this is dropped.
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on("127.0.0.1:0", script).await.unwrap()
    }

    /// `None` when this machine has no such address.
    pub async fn start_on(
        address: &str,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Option<Self> {
        let listener = TcpListener::bind(address).await.ok()?;
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script: Box::new(script),
            received: Mutex::default(),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            closed: watch::channel(0).0,
        });
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&shared);
                state.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    state.open.fetch_add(1, Ordering::SeqCst);
                    let mut closed = state.closed.subscribe();
                    tokio::select! {
                        _ = serve(stream, &state) => {}
                        _ = closed.changed() => {}
                    }
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Some(Self {
            address,
            state,
            task,
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came since this was asked the last time.
    pub fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut *self.state.received.lock().unwrap())
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Closes all connections, and returns when they are.
    pub async fn close_connections(&self) {
        self.state.closed.send_modify(|times| *times += 1);
        while self.state.open.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    }
}

async fn serve(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(received) = read_request(&mut stream, &mut buffer).await? {
        let reply = (state.script)(&received);
        state.received.lock().unwrap().push(received);
        reply.write_to(&mut stream).await?;
        if reply.closes() {
            break;
        }
    }
    stream.shutdown().await
}

/// The next request; `None` at the end of the connection.
async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<Received>> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    assert_eq!(first.next(), Some("POST"));
    let path = first.next().unwrap().to_owned();
    let headers: BTreeMap<String, String> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers["content-length"].parse().unwrap();
    buffer.drain(..end + 4);
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let bytes: Vec<u8> = buffer.drain(..length).collect();
    Ok(Some(Received {
        path,
        headers,
        body: serde_json::from_slice(&bytes).unwrap(),
        bytes,
    }))
}
