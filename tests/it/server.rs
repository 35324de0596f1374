//! A server that answers on a script, byte by byte, rightly or wrongly, and keeps books of all but
//! what is asked about a table.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io,
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
    task::{JoinHandle, JoinSet},
};

/// An answer that declares half a unit.
pub const OK_BODY: &str = r#"{"ConsumedCapacity":{"TableName":"Users","CapacityUnits":0.5}}"#;

/// A request as it came over the connection, whole.
#[derive(Clone, Debug)]
pub struct Received {
    /// From 0.
    pub number: usize,
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub bytes: Vec<u8>,
    /// `Null` where it is no JSON.
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

/// What is sent back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    carried: Carried,
    /// The connection is reset when that is out.
    resets: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Carried {
    Whole,
    Chunked,
    /// Byte by byte, with pauses.
    Slow(Duration),
    /// The connection closes in the middle of the body.
    Cut,
    /// These bytes, and then the connection closes.
    Raw(Vec<u8>),
    /// A success that announces a body of so many bytes, and goes on with it.
    Huge(u64),
    /// Nothing, until the client gives up.
    Stalled,
}

impl Reply {
    pub fn text(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.into().into_bytes(),
            carried: Carried::Whole,
            resets: false,
        }
    }

    pub fn json(body: &Value) -> Self {
        Self::text(body.to_string())
    }

    /// A whole and correct answer that declares half a unit.
    pub fn success() -> Self {
        Self::text(OK_BODY).checked()
    }

    /// All of it correct HTTP.
    pub fn answer(status: u16, content_type: &str, body: &str) -> Self {
        let reply = Self::text(body).status(status).checked();
        reply.header("content-type", content_type)
    }

    /// These bytes, and then the connection closes.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::text("").carried(Carried::Raw(bytes.into()))
    }

    pub fn huge(bytes: u64) -> Self {
        Self::text("").carried(Carried::Huge(bytes))
    }

    pub fn stalled() -> Self {
        Self::text("").carried(Carried::Stalled)
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn chunked(self) -> Self {
        self.carried(Carried::Chunked)
    }

    pub fn slow(self, pause: Duration) -> Self {
        self.carried(Carried::Slow(pause))
    }

    pub fn cut(self) -> Self {
        self.carried(Carried::Cut)
    }

    pub fn then_reset(mut self) -> Self {
        self.resets = true;
        self
    }

    /// Whether it declares units as answers about one item do.
    pub fn is_of_one_item(&self) -> bool {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["ConsumedCapacity"].is_object()
    }

    fn carried(mut self, carried: Carried) -> Self {
        self.carried = carried;
        self
    }

    /// With the checksum of its body.
    fn checked(self) -> Self {
        let crc = crc32fast::hash(&self.body).to_string();
        self.header("x-amz-crc32", &crc)
    }

    fn closes(&self) -> bool {
        let closing = |(name, value): &(String, String)| name == "connection" && value == "close";
        !matches!(
            self.carried,
            Carried::Whole | Carried::Chunked | Carried::Slow(_)
        ) || self.headers.iter().any(closing)
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} Told\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        match self.carried {
            Carried::Chunked => head.push_str("transfer-encoding: chunked\r\n"),
            Carried::Huge(bytes) => {
                let _ = write!(head, "content-length: {bytes}\r\n");
            }
            _ => {
                let _ = write!(head, "content-length: {}\r\n", self.body.len());
            }
        }
        head + "\r\n"
    }

    async fn write_to(&self, stream: &mut TcpStream) -> io::Result<()> {
        let head = self.head();
        let whole = || [head.as_bytes(), &self.body].concat();
        match &self.carried {
            Carried::Whole => stream.write_all(&whole()).await,
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
                for byte in whole() {
                    stream.write_all(&[byte]).await?;
                    tokio::time::sleep(*pause).await;
                }
                Ok(())
            }
            Carried::Cut => {
                let half = head.len() + self.body.len() / 2;
                stream.write_all(&whole()[..half]).await
            }
            Carried::Raw(bytes) => stream.write_all(bytes).await,
            Carried::Huge(_) => {
                stream.write_all(head.as_bytes()).await?;
                // More of it than a client should care to read.
                while stream.write_all(&[b' '; 4096]).await.is_ok() {}
                Ok(())
            }
            Carried::Stalled => {
                while stream.read(&mut [0; 1024]).await? > 0 {}
                Ok(())
            }
        }
    }
}

type Script = Box<dyn Fn(&Received) -> Reply + Send + Sync>;

struct Books {
    script: Script,
    number: AtomicUsize,
    received: Mutex<Vec<Received>>,
    /// Requests by what was sent back, or was going to be.
    replies: Mutex<BTreeMap<Reply, u64>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    open_max: AtomicUsize,
    /// Every so manyth connection is reset before anything is read; 0 for none.
    turned_away: AtomicUsize,
    /// Turns to the number of times that all connections were closed.
    closed: watch::Sender<u32>,
}

/// The server; it stops when this is dropped.
pub struct Server {
    address: SocketAddr,
    books: Arc<Books>,
    task: Option<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Server {
    pub async fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on("127.0.0.1:0", script).await.unwrap()
    }

    /// The same answer for everybody.
    pub async fn saying(reply: Reply) -> Self {
        Self::start(move |_| reply.clone()).await
    }

    /// `None` when this machine has no such address.
    pub async fn start_on(
        address: &str,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Option<Self> {
        let listener = TcpListener::bind(address).await.ok()?;
        let books = Arc::new(Books {
            script: Box::new(script),
            number: AtomicUsize::new(0),
            received: Mutex::default(),
            replies: Mutex::default(),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            open_max: AtomicUsize::new(0),
            turned_away: AtomicUsize::new(0),
            closed: watch::channel(0).0,
        });
        Some(Self {
            address: listener.local_addr().unwrap(),
            task: Some(tokio::spawn(serve(listener, Arc::clone(&books)))),
            books,
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came since this was asked the last time.
    pub fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut *self.books.received.lock().unwrap())
    }

    /// Whole requests read so far, by what was sent back.
    pub fn replies(&self) -> BTreeMap<Reply, u64> {
        self.books.replies.lock().unwrap().clone()
    }

    /// Whole requests read so far.
    pub fn requests(&self) -> u64 {
        self.replies().values().sum()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.books.connections.load(Ordering::SeqCst)
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.books.open.load(Ordering::SeqCst)
    }

    /// The most connections that were open at one time.
    pub fn open_max(&self) -> usize {
        self.books.open_max.load(Ordering::SeqCst)
    }

    /// Resets every so manyth connection from here on before anything is read from it.
    pub fn turn_away_every(&self, times: usize) {
        self.books.turned_away.store(times, Ordering::SeqCst);
    }

    /// Closes all connections, and returns when they are.
    pub async fn close_connections(&self) {
        self.books.closed.send_modify(|times| *times += 1);
        while self.open() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Dies: nothing listens any more, and every connection is gone.
    pub async fn die(&mut self) {
        let task = self.task.take().unwrap();
        task.abort();
        let _ = task.await;
    }

    /// Comes back on the same port.
    pub async fn revive(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.task = Some(tokio::spawn(serve(listener, Arc::clone(&self.books))));
    }
}

async fn serve(listener: TcpListener, books: Arc<Books>) {
    // Aborted with this task.
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let open = Open::count(&books);
        let every = books.turned_away.load(Ordering::SeqCst);
        let number = books.connections.load(Ordering::SeqCst);
        if every > 0 && number.is_multiple_of(every) {
            stream.set_zero_linger().unwrap();
            continue;
        }
        connections.spawn(async move {
            let mut closed = open.0.closed.subscribe();
            tokio::select! {
                // That a client hangs up is its own business.
                _ = talk(stream, &open.0) => {}
                _ = closed.changed() => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

struct Open(Arc<Books>);

impl Open {
    fn count(books: &Arc<Books>) -> Self {
        books.connections.fetch_add(1, Ordering::SeqCst);
        let now = books.open.fetch_add(1, Ordering::SeqCst) + 1;
        books.open_max.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(books))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Reads requests and does what the script says, until the connection ends.
async fn talk(mut stream: TcpStream, books: &Books) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(mut received) = read_request(&mut stream, &mut buffer).await? {
        // How the one client learns from the other where requests go: before the run.
        if received.operation() == "DescribeTable" {
            let table = r#"{"Table":{"TableStatus":"ACTIVE"}}"#;
            Reply::text(table).write_to(&mut stream).await?;
            continue;
        }
        received.number = books.number.fetch_add(1, Ordering::SeqCst);
        let reply = (books.script)(&received);
        books.received.lock().unwrap().push(received);
        *books
            .replies
            .lock()
            .unwrap()
            .entry(reply.clone())
            .or_default() += 1;
        reply.write_to(&mut stream).await?;
        if reply.resets {
            // Time for what was written to be read: a reset takes along what is under way.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return stream.set_zero_linger();
        }
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
) -> io::Result<Option<Received>> {
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
    let method = first.next().unwrap();
    assert!(["GET", "POST"].contains(&method), "{head}");
    let path = first.next().unwrap().to_owned();
    let headers: BTreeMap<String, String> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length");
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    buffer.drain(..end + 4);
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    let bytes: Vec<u8> = buffer.drain(..length).collect();
    Ok(Some(Received {
        number: 0,
        path,
        headers,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
        bytes,
    }))
}
